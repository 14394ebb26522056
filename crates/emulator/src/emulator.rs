//! The handle that tests hold: a running emulator on a free loopback port, and every lever
//! behind it.

use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use tokio::net::TcpListener;
use tokio::sync::oneshot;

use crate::core::Core;
use crate::fault::FaultRule;
use crate::http::{Connection, CuttableListener, router};
use crate::log::CallRecord;
use crate::outcome::OutcomeRule;
use crate::settings::Settings;
use crate::state::{BackdoorError, Consented, NewGateway, TargetPatch};
use crate::tally::Counted;
use crate::target::{TargetSpec, TargetStatus, TargetView};

/// How long a client may take to say what it wants when the emulator stops.
const GRACE: Duration = Duration::from_secs(5);

/// A running emulator. It stops when the handle is dropped.
#[derive(Debug)]
pub struct Emulator {
    core: Arc<Core>,
    address: SocketAddr,
    url: String,
    stop: Option<oneshot::Sender<()>>,
    served: tokio::task::JoinHandle<io::Result<()>>,
}

/// Where to reach what listens here: "every address" is none that a browser opens.
fn reachable(address: SocketAddr) -> SocketAddr {
    let ip = match address.ip() {
        IpAddr::V4(ip) if ip.is_unspecified() => Ipv4Addr::LOCALHOST.into(),
        IpAddr::V6(ip) if ip.is_unspecified() => Ipv6Addr::LOCALHOST.into(),
        ip => ip,
    };
    SocketAddr::new(ip, address.port())
}

impl Emulator {
    /// Starts on a free loopback port, in the current runtime. The clock shows the machine's
    /// time.
    pub async fn start(settings: Settings) -> io::Result<Self> {
        Self::listen(settings, SocketAddr::from((Ipv4Addr::LOCALHOST, 0))).await
    }

    /// Starts on an address; port 0 takes a free one. Settings that cannot stand together are
    /// invalid input.
    pub async fn listen(settings: Settings, address: SocketAddr) -> io::Result<Self> {
        settings.check().map_err(|clash| io::Error::new(io::ErrorKind::InvalidInput, clash))?;
        let listener = TcpListener::bind(address).await?;
        let address = listener.local_addr()?;
        let url = format!("http://{}", reachable(address));
        let core = Arc::new(Core::new(settings, url.clone(), Timestamp::now()));
        let service = router(Arc::clone(&core)).into_make_service_with_connect_info::<Connection>();
        let (stop, stopped) = oneshot::channel::<()>();
        let closing = Arc::clone(&core);
        let serve = axum::serve(CuttableListener(listener), service)
            // A dropped handle says the same as a sent word.
            .with_graceful_shutdown(async move {
                drop(stopped.await);
                closing.close();
            });
        let served = tokio::spawn(async move { serve.await });
        Ok(Self { core, address, url, stop: Some(stop), served })
    }

    /// Stops accepting, lets the calls under way finish, and returns when all is closed. Clients
    /// that are in the middle of a request's head are given a few seconds.
    pub async fn stop(mut self) -> io::Result<()> {
        drop(self.stop.take());
        let Ok(served) = tokio::time::timeout(GRACE, &mut self.served).await else {
            self.served.abort();
            return Ok(());
        };
        served.map_err(io::Error::other)?
    }

    /// What to put into `AWS_ENDPOINT_URL`.
    #[must_use]
    pub fn url(&self) -> &str {
        &self.url
    }

    /// Where it listens.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    // Looking

    /// The targets of a gateway, oldest first; none where there is no such gateway.
    #[must_use]
    pub fn targets(&self, gateway: &str) -> Vec<TargetView> {
        self.core.look(|inner| inner.state.look(gateway)).unwrap_or_default()
    }

    /// The target of this name.
    #[must_use]
    pub fn target(&self, gateway: &str, name: &str) -> Option<TargetView> {
        self.targets(gateway).into_iter().find(|target| target.spec.name == name)
    }

    /// The IDs of all gateways.
    #[must_use]
    pub fn gateways(&self) -> Vec<String> {
        self.core.look(|inner| inner.state.gateway_ids())
    }

    /// Every call that is still in the log.
    #[must_use]
    pub fn calls(&self) -> Vec<CallRecord> {
        self.calls_since(0)
    }

    /// The calls after a record's `sequence`.
    #[must_use]
    pub fn calls_since(&self, sequence: u64) -> Vec<CallRecord> {
        self.core.look(|inner| inner.log.since(sequence))
    }

    /// The number of the last call: `calls_since` this sees what comes next.
    #[must_use]
    pub fn last_call(&self) -> u64 {
        self.core.look(|inner| inner.log.last_sequence())
    }

    /// Forgets the calls so far.
    pub fn clear_calls(&self) {
        self.core.change(|inner, _| inner.log.clear());
    }

    /// Waits until `look` finds what it is looking for. It looks again after every call, every
    /// change through this handle or the admin API, and every transition that ends.
    ///
    /// Wrap it in a timeout: it waits for ever for what never comes.
    pub async fn wait_for<T>(&self, mut look: impl FnMut(&Self) -> Option<T>) -> T {
        let mut changes = self.core.changes();
        loop {
            changes.mark_unchanged();
            if let Some(found) = look(self) {
                return found;
            }
            let until_next = self.core.until_next();
            let transition = async {
                match until_next {
                    Some(time) => tokio::time::sleep(time).await,
                    None => std::future::pending().await,
                }
            };
            tokio::select! {
                // The sender lives in `core`, so this never ends in an error.
                _ = changes.changed() => {}
                () = transition => {}
            }
        }
    }

    /// Waits until the target of this name has this status.
    pub async fn wait_for_status(
        &self,
        gateway: &str,
        name: &str,
        status: &TargetStatus,
    ) -> TargetView {
        self.wait_for(|emulator| {
            emulator.target(gateway, name).filter(|target| target.status == *status)
        })
        .await
    }

    // Making trouble

    /// Adds a fault rule.
    pub fn fault(&self, rule: FaultRule) {
        self.core.change(|inner, _| inner.faults.add(rule));
    }

    /// The rules in force, with how often each was met.
    #[must_use]
    pub fn faults(&self) -> Vec<Counted<FaultRule>> {
        self.core.look(|inner| inner.faults.all())
    }

    /// Takes all rules away.
    pub fn clear_faults(&self) {
        self.core.change(|inner, _| inner.faults.clear());
    }

    /// Adds a rule about how transitions end.
    pub fn outcome(&self, rule: OutcomeRule) {
        self.core.change(|inner, _| inner.state.outcomes.add(rule));
    }

    /// The outcome rules in force, with how often each was met.
    #[must_use]
    pub fn outcomes(&self) -> Vec<Counted<OutcomeRule>> {
        self.core.look(|inner| inner.state.outcomes.all())
    }

    /// Lets all transitions end well again.
    pub fn clear_outcomes(&self) {
        self.core.change(|inner, _| inner.state.outcomes.clear());
    }

    /// How it behaves at present.
    #[must_use]
    pub fn settings(&self) -> Arc<Settings> {
        self.core.settings()
    }

    /// Changes how it behaves from now on. What only the start reads (accounts' gateways, Region,
    /// seed, size of the log) stays as it was. Whether it can stand together is not asked: that is
    /// [`Settings::check`].
    pub fn change_settings(&self, change: impl FnOnce(&mut Settings)) {
        self.core.change_settings(change);
    }

    // Behind the client's back

    /// A person opens the authorization URL of the target of this name, and grants or denies what
    /// it asks; whether there was a URL to open.
    #[must_use = "without a URL nothing has happened"]
    pub fn consent(&self, gateway: &str, name: &str, granted: bool) -> bool {
        self.core.change(|inner, now| {
            let token = inner.state.consent_token(gateway, name);
            token.is_some_and(|token| {
                inner.state.consent(now, &token, granted) != Consented::Unknown
            })
        })
    }

    /// Adds a gateway.
    pub fn add_gateway(&self, id: &str) -> Result<(), BackdoorError> {
        self.add_gateway_as(NewGateway { id: id.to_owned(), ..NewGateway::default() })
    }

    /// Adds a gateway of another account or Region, or with further members.
    pub fn add_gateway_as(&self, gateway: NewGateway) -> Result<(), BackdoorError> {
        self.core.change(|inner, now| inner.state.add_gateway(now, gateway))
    }

    /// Removes a gateway with all that is on it.
    pub fn remove_gateway(&self, id: &str) -> Result<(), BackdoorError> {
        self.core.change(|inner, _| inner.state.remove_gateway(id))
    }

    /// Adds a READY target that somebody else made; returns its ID.
    pub fn plant_target(&self, gateway: &str, spec: TargetSpec) -> Result<String, BackdoorError> {
        self.plant_target_in(gateway, spec, TargetStatus::Ready)
    }

    /// Adds a target in any status; returns its ID.
    pub fn plant_target_in(
        &self,
        gateway: &str,
        spec: TargetSpec,
        status: TargetStatus,
    ) -> Result<String, BackdoorError> {
        self.core.change(|inner, now| inner.state.plant(now, gateway, spec, status))
    }

    /// Changes a target by its ID.
    pub fn change_target(
        &self,
        gateway: &str,
        target: &str,
        patch: TargetPatch,
    ) -> Result<TargetView, BackdoorError> {
        self.core.change(|inner, now| inner.state.patch(now, gateway, target, patch))
    }

    /// Removes a target at once by its ID.
    pub fn delete_target(&self, gateway: &str, target: &str) -> Result<(), BackdoorError> {
        self.core.change(|inner, now| inner.state.erase(now, gateway, target))
    }

    // Time

    /// The time by the emulator's clock.
    #[must_use]
    pub fn now(&self) -> Timestamp {
        self.core.look(|inner| inner.clock.now())
    }

    /// Stops the clock: no transition ends until it is stepped or resumed.
    pub fn freeze(&self) {
        self.core.change(|inner, _| inner.clock.freeze());
    }

    /// Moves the clock ahead, frozen or not.
    pub fn step(&self, by: Duration) {
        self.core.change(|inner, _| inner.clock.step(by));
    }

    /// Lets a frozen clock run on.
    pub fn resume(&self) {
        self.core.change(|inner, _| inner.clock.resume());
    }
}
