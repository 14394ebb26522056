//! Two candidates and a Lease at a real API server, which they reach under the rights that are
//! shipped or through a proxy that can be cut.

use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::Context as _;
use k8s_openapi::api::coordination::v1::Lease;
use kube::Api;
use kube::api::{Patch, PatchParams};
use leader::{Clock, Election, KubeLeases, Standing, Term, Timing, identity};
use serde_json::json;
use testkit::control_plane::Access;
use testkit::proxy::{Points, Proxy, Upstream};
use testkit::{ControlPlane, TestResult, wait};
use tokio::sync::{oneshot, watch};
use tokio::task::JoinHandle;
use tokio::time::timeout;

const NAME: &str = "mcp-gateway-operator";
const SECOND: Duration = Duration::from_secs(1);
const PATIENCE: Duration = Duration::from_secs(30);

/// Shortened: who is gone is followed within 3 s and a retry period.
fn timing() -> anyhow::Result<Timing> {
    Ok(Timing::new(3 * SECOND, 2 * SECOND, SECOND / 4)?)
}

struct Replica {
    standing: watch::Receiver<Standing>,
    stop: oneshot::Sender<()>,
    running: JoinHandle<()>,
}

impl Replica {
    fn start(access: &Access, namespace: &str, pod: &str, number: u64) -> anyhow::Result<Self> {
        let leases = KubeLeases::new(access.config()?, namespace, NAME, timing()?)?;
        let name = identity(Some(pod), number);
        let (election, standing) = Election::new(leases, name, timing()?, Clock::start());
        let (stop, stopped) = oneshot::channel::<()>();
        let running = tokio::spawn(election.run(async { drop(stopped.await) }));
        Ok(Self { standing, stop, running })
    }

    async fn leads(&mut self) -> anyhow::Result<Term> {
        let leads = self.standing.wait_for(|standing| standing.term().is_some());
        let standing = timeout(PATIENCE, leads).await.context("it does not lead")??;
        Ok(standing.term().context("it leads")?.clone())
    }

    /// Until it has seen that this one leads.
    async fn stands_by_for(&mut self, pod: &str) -> anyhow::Result<()> {
        let follows = self.standing.wait_for(|standing| {
            matches!(standing, Standing::Standby(Some(leader)) if leader.starts_with(pod))
        });
        timeout(PATIENCE, follows).await.with_context(|| format!("it does not see {pod}"))??;
        Ok(())
    }
}

async fn stage(name: &str) -> anyhow::Result<(Access, String, Api<Lease>)> {
    let cluster = ControlPlane::shared().await?;
    let namespace = cluster.namespace(name).await?;
    let leases = Api::namespaced(cluster.client()?, &namespace);
    Ok((cluster.admin().clone(), namespace, leases))
}

async fn two(access: &Access, namespace: &str) -> anyhow::Result<(Replica, Term, Replica)> {
    let mut one = Replica::start(access, namespace, "one", 1)?;
    let term = one.leads().await?;
    let mut two = Replica::start(access, namespace, "two", 2)?;
    two.stands_by_for("one").await?;
    Ok((one, term, two))
}

#[tokio::test]
async fn who_stops_is_followed_at_once_and_what_others_wrote_stays() -> TestResult {
    let (access, namespace, leases) = stage("clean-stop").await?;
    let (one, term, mut two) = two(&access, &namespace).await?;
    assert!(term.permits(2 * SECOND));
    let labels = Patch::Merge(json!({"metadata": {"labels": {"team": "platform"}}}));
    leases.patch(NAME, &PatchParams::default(), &labels).await?;
    let led = leases.get(NAME).await?.spec.context("it says something")?;
    assert_eq!(led.holder_identity.as_deref(), Some("one_0000000000000001"));
    assert_eq!((led.lease_duration_seconds, led.lease_transitions), (Some(3), Some(0)));

    // Not so soon that nothing was renewed over the label.
    let renewed = move |lease: &Lease| {
        lease.spec.as_ref().is_some_and(|spec| spec.renew_time > led.renew_time)
    };
    wait::on(&leases, NAME).until("renewed", renewed).await?;
    assert!(term.is_current());
    one.stop.send(()).ok().context("it runs")?;
    one.running.await?;
    let stopped = Instant::now();
    assert!(!term.is_current());
    two.leads().await?;
    assert!(stopped.elapsed() < SECOND, "{:?}", stopped.elapsed());
    let lease = leases.get(NAME).await?;
    assert_eq!(lease.metadata.labels.unwrap_or_default()["team"], "platform");
    assert_eq!(lease.spec.and_then(|spec| spec.lease_transitions), Some(1));
    Ok(())
}

#[tokio::test]
async fn who_stops_leaves_an_empty_lease() -> TestResult {
    let (access, namespace, leases) = stage("let-go").await?;
    let mut one = Replica::start(&access, &namespace, "one", 1)?;
    one.leads().await?;
    one.stop.send(()).ok().context("it runs")?;
    one.running.await?;
    let lease = leases.get(NAME).await?.spec.context("it says something")?;
    assert_eq!(lease.holder_identity.unwrap_or_default(), "");
    assert_eq!(lease.lease_duration_seconds, Some(1));
    Ok(())
}

#[tokio::test]
async fn who_is_killed_is_followed_when_the_lease_is_over() -> TestResult {
    let (access, namespace, _) = stage("killed").await?;
    let (one, term, mut two) = two(&access, &namespace).await?;
    one.running.abort();
    let killed = Instant::now();
    two.leads().await?;
    let waited = killed.elapsed();
    assert!(!term.is_current());
    // The last renewal was up to a retry period ago.
    assert!(waited > SECOND * 5 / 2 && waited < 4 * SECOND, "{waited:?}");
    Ok(())
}

#[tokio::test]
async fn who_is_cut_off_claims_nothing_any_more_when_the_other_begins() -> TestResult {
    let (access, namespace, leases) = stage("cut-off").await?;
    let points = Arc::<Points>::default();
    let upstream = Upstream::api_server(&access)?;
    let proxy = Proxy::start(upstream, Arc::clone(&points), points.next_life()).await?;
    let mut one = Replica::start(&access.by_way_of(proxy.url()), &namespace, "one", 1)?;
    let term = one.leads().await?;
    let mut two = Replica::start(&access, &namespace, "two", 2)?;
    two.stands_by_for("one").await?;

    drop(proxy);
    let cut = Instant::now();
    let lost = one.standing.wait_for(|standing| standing.term().is_none());
    timeout(PATIENCE, lost).await??;
    let noticed = cut.elapsed();
    assert!(!term.is_current());
    assert!(noticed < 2 * SECOND + SECOND / 2, "{noticed:?}");
    two.leads().await?;
    assert!(cut.elapsed() > noticed);
    assert!(!term.is_current());
    let lease = leases.get(NAME).await?.spec.context("it says something")?;
    assert_eq!(lease.holder_identity.as_deref(), Some("two_0000000000000002"));
    Ok(())
}

#[tokio::test]
async fn of_many_who_begin_at_once_one_leads() -> TestResult {
    let (access, namespace, _) = stage("many").await?;
    let replicas: anyhow::Result<Vec<Replica>> =
        (0..5).map(|number| Replica::start(&access, &namespace, "many", number)).collect();
    let mut replicas = replicas?;
    for replica in &mut replicas {
        let knows = |standing: &Standing| {
            matches!(standing, Standing::Leader(_) | Standing::Standby(Some(_)))
        };
        timeout(PATIENCE, replica.standing.wait_for(knows)).await??;
    }
    let leads = |replica: &&Replica| replica.standing.borrow().term().is_some();
    assert_eq!(replicas.iter().filter(leads).count(), 1);
    Ok(())
}
