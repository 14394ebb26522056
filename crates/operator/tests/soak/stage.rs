//! A cluster, an AgentCore with strangers' targets, and two replicas with ways of their own to the
//! API server.

use std::fmt::Write as _;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Result, bail, ensure};
use emulator::{Durations, Emulator, Settings, TargetSpec, TargetView};
use kube::Client;
use testkit::control_plane::Access;
use testkit::process::Lines;
use testkit::proxy::{Proxy, Upstream, Weather};
use testkit::scenario::{GATEWAY, OTHER_GATEWAY};
use testkit::{ControlPlane, Process, Signal, binary, install};

pub(crate) const GATEWAYS: [&str; 2] = [GATEWAY, OTHER_GATEWAY];
/// The replica that is never killed.
pub(crate) const ELDER: usize = 0;
/// The one that is.
pub(crate) const YOUNGER: usize = 1;
/// For how long AWS may show an old state.
pub(crate) const WINDOW: Duration = Duration::from_millis(500);
/// How many targets of strangers there are on each gateway.
const STRANGERS: usize = 3;
/// More calls than between two quiet times.
const CALLS: usize = 100_000;
const SOON: Duration = Duration::from_mins(2);

const FLAGS: [(&str, &str); 8] = [
    ("gateway-id", GATEWAY),
    ("consistency-window", "500ms"),
    ("sync-interval", "1s"),
    ("log-format", "text"),
    ("log-level", "debug"),
    // Leases that are over soon.
    ("leader-elect-lease-duration", "3s"),
    ("leader-elect-renew-deadline", "2s"),
    ("leader-elect-retry-period", "250ms"),
];

pub(crate) struct Stage {
    pub(crate) cluster: ControlPlane,
    pub(crate) aws: Emulator,
    pub(crate) strangers: [Vec<TargetView>; 2],
    namespaces: Vec<String>,
    access: Access,
    replicas: Vec<Replica>,
    started: u32,
}

struct Replica {
    process: Process,
    pod: String,
    weather: Arc<Weather>,
    /// Its way to the API server.
    _proxy: Proxy,
    /// How far its log has been looked through for panics.
    read: Lines,
}

impl Stage {
    pub(crate) async fn begin() -> Result<Self> {
        let cluster = ControlPlane::builder().start().await?;
        let client = cluster.client()?;
        install::crd(&client).await?;
        let access = install::rights(&cluster).await?;
        let namespaces =
            vec![cluster.namespace("soak-a").await?, cluster.namespace("soak-b").await?];
        install::leadership_rights(&client, &namespaces[0]).await?;
        let durations = Durations::all(Duration::from_millis(300));
        let settings = Settings { durations, call_log_capacity: CALLS, ..Settings::default() };
        let gateways = GATEWAYS.map(str::to_owned).to_vec();
        let aws = Emulator::start(Settings { gateways, ..settings }).await?;
        for gateway in GATEWAYS {
            for number in 0..STRANGERS {
                let name = format!("stranger-{number}");
                let spec = TargetSpec::mcp_server(&name, "https://stranger.example.com/mcp");
                aws.plant_target(gateway, spec)?;
            }
        }
        let strangers = GATEWAYS.map(|gateway| aws.targets(gateway));
        let mut stage =
            Self { cluster, aws, strangers, namespaces, access, replicas: Vec::new(), started: 0 };
        for _ in 0..2 {
            let replica = stage.start().await?;
            stage.replicas.push(replica);
        }
        Ok(stage)
    }

    pub(crate) fn client(&self) -> Result<Client> {
        self.cluster.client()
    }

    pub(crate) fn namespaces(&self) -> &[String] {
        &self.namespaces
    }

    pub(crate) fn weather(&self, replica: usize) -> &Weather {
        &self.replicas[replica].weather
    }

    /// The process of each replica.
    pub(crate) fn pids(&self) -> Vec<u32> {
        self.replicas.iter().map(|replica| replica.process.pid()).collect()
    }

    pub(crate) fn signal(&self, replica: usize, signal: Signal) -> Result<()> {
        self.replicas[replica].process.signal(signal)
    }

    /// The younger replica ends like this, and another one takes its place.
    pub(crate) async fn replace(&mut self, kill: bool) -> Result<()> {
        self.lives().await?;
        let Replica { process, .. } = self.replicas.remove(YOUNGER);
        if kill {
            process.kill().await?;
        } else {
            let status = process.terminate(Duration::from_secs(25)).await?;
            ensure!(status.success(), "the operator ended with {status}");
        }
        let replica = self.start().await?;
        self.replicas.insert(YOUNGER, replica);
        Ok(())
    }

    async fn start(&mut self) -> Result<Replica> {
        self.started += 1;
        let pod = format!("replica-{}", self.started);
        let weather = Arc::<Weather>::default();
        let upstream = Upstream::api_server(&self.access)?;
        let proxy = Proxy::start_in(upstream, Arc::clone(&weather)).await?;
        let kubeconfig = self.cluster.kubeconfig_file(&self.access.by_way_of(proxy.url()))?;
        let path = binary("mcp-gateway-operator")?;
        let mut program = install::operator(path, &kubeconfig, self.aws.url())
            .flag("watch-namespaces", self.namespaces.join(","))
            .arg("--leader-elect")
            .env("POD_NAME", &pod)
            .env("POD_NAMESPACE", &self.namespaces[0]);
        for (flag, value) in FLAGS {
            program = program.flag(flag, value);
        }
        let process = program.spawn()?;
        install::operator_works(&process, SOON).await?;
        let read = process.log().from_start();
        Ok(Replica { process, pod, weather, _proxy: proxy, read })
    }

    /// Then: nobody has ended by himself, and no task has panicked.
    pub(crate) async fn lives(&mut self) -> Result<()> {
        for replica in &mut self.replicas {
            let Replica { process, pod, read, .. } = replica;
            if let Some(status) = process.status() {
                bail!("{pod} ended by itself: {status}\n{}", process.log().tail());
            }
            let panicked = |line: &str| line.contains("panicked at");
            // What is not there at once is not looked for.
            if let Ok(line) = read.find("a panic", Duration::ZERO, panicked).await {
                bail!("in {pod} {line}");
            }
        }
        Ok(())
    }

    /// Nothing goes wrong any more.
    pub(crate) async fn calm(&mut self) -> Result<()> {
        self.aws.clear_faults();
        self.aws.clear_outcomes();
        for replica in &self.replicas {
            replica.weather.clear();
        }
        self.lives().await
    }

    /// What the replicas said last.
    pub(crate) fn last_words(&self) -> String {
        let mut words = String::new();
        for Replica { pod, process, .. } in &self.replicas {
            let log = process.log();
            // Writing to a String cannot fail.
            let _ = writeln!(words, "{pod} ({}) says:\n{}", log.file().display(), log.tail());
        }
        words
    }
}
