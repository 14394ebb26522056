//! Two replicas of the real operator, of which the one that leads comes to harm, again and again.
//!
//! Contract: a run edits its resources, harms the leader at a random moment, and waits until AWS has
//! what is written, several times over. Who stands by asks AWS for nothing, who has lost the lease
//! changes nothing any more, and in the end nothing was done twice. A seed says all of it.
//! `FAILOVER=100 SEED=1` (`make failover`) plays as many runs; without them it is a few.

mod stage;

use std::time::{Duration, Instant};

use anyhow::ensure;
use stage::{Asked, Stage};
use testkit::{ControlPlane, Signal, TestResult, install};

const SECOND: Duration = Duration::from_secs(1);

/// What befalls the leader.
#[derive(Clone, Copy, Debug)]
enum Harm {
    /// SIGTERM, as a rollout does.
    Stopped,
    /// SIGKILL.
    Killed,
    /// SIGSTOP until the lease is over.
    Frozen,
    /// Its connection to the API server is cut; that to AWS is not.
    CutOff,
    /// The API server goes away and comes back, for both.
    ApiServer,
}

const HARMS: [Harm; 5] = [Harm::Stopped, Harm::Killed, Harm::Frozen, Harm::CutOff, Harm::ApiServer];
/// How often a run harms somebody.
const ROUNDS: u32 = 3;

fn number(variable: &str, default: u64) -> u64 {
    std::env::var(variable).ok().and_then(|text| text.parse().ok()).unwrap_or(default)
}

#[tokio::test]
async fn whatever_befalls_the_leader_nothing_is_done_twice() -> TestResult {
    let mut cluster = ControlPlane::builder().start().await?;
    install::crd(&cluster.client()?).await?;
    let access = install::rights(&cluster).await?;
    let (runs, first) = (number("FAILOVER", 3), number("SEED", 1));
    for seed in first..first + runs {
        let begun = Instant::now();
        let story = run(&mut cluster, &access, seed).await;
        println!("failover SEED={seed}: {:?}", begun.elapsed());
        story.map_err(|error| error.context(format!("again: FAILOVER=1 SEED={seed}")))?;
    }
    Ok(())
}

async fn run(
    cluster: &mut ControlPlane,
    access: &testkit::control_plane::Access,
    seed: u64,
) -> anyhow::Result<()> {
    let mut random = fastrand::Rng::with_seed(seed);
    let mut stage = Stage::begin(cluster, access).await?;
    stage.write(0).await?;
    stage.settles(0).await?;
    for round in 1..=ROUNDS {
        let harm = HARMS[random.usize(..HARMS.len())];
        // Who has just lost it ends what it had begun.
        tokio::time::sleep(SECOND / 2).await;
        let leader = stage.leader().await?;
        let idle = stage.asked(1 - leader, Asked::ALeadersWork);
        let calls = stage.calls();
        stage.write(round).await?;
        tokio::time::sleep(Duration::from_millis(random.u64(..600))).await;
        ensure!(stage.leader().await? == leader, "it has changed, and nobody came to harm");
        let asked = stage.asked(1 - leader, Asked::ALeadersWork);
        ensure!(asked == idle, "replica {} stands by, and works", 1 - leader);
        println!("  round {round}: {harm:?} of replica {leader}");
        match harm {
            Harm::Stopped => {
                stage.stop(leader).await?;
                stage.replace(cluster, leader).await?;
            }
            Harm::Killed => {
                stage.kill(leader).await?;
                stage.replace(cluster, leader).await?;
            }
            Harm::Frozen => {
                stage.signal(leader, Signal::STOP)?;
                stage.leads_instead(leader).await?;
                let asked = stage.asked(leader, Asked::AChangeAtAws);
                tokio::time::sleep(Duration::from_millis(random.u64(..600))).await;
                stage.signal(leader, Signal::CONT)?;
                tokio::time::sleep(SECOND / 2).await;
                ensure!(stage.asked(leader, Asked::AChangeAtAws) == asked, "it changes AWS still");
            }
            Harm::CutOff => {
                stage.cut_off(leader);
                stage.leads_instead(leader).await?;
                let asked = stage.asked(leader, Asked::AChangeAtAws);
                stage.settles(round).await?;
                ensure!(stage.asked(leader, Asked::AChangeAtAws) == asked, "it changes AWS still");
                stage.kill(leader).await?;
                stage.replace(cluster, leader).await?;
            }
            Harm::ApiServer => {
                cluster.stop_api_server().await?;
                tokio::time::sleep(Duration::from_millis(random.u64(..4000))).await;
                cluster.restart_api_server().await?;
            }
        }
        stage.settles(round).await?;
        stage.nothing_was_done_twice(calls)?;
    }
    Ok(())
}

#[tokio::test]
async fn with_the_defaults_it_takes_less_than_20_s_and_2_s_after_a_clean_stop() -> TestResult {
    let cluster = ControlPlane::builder().start().await?;
    install::crd(&cluster.client()?).await?;
    let access = install::rights(&cluster).await?;
    let mut stage = Stage::begin_with(&cluster, &access, &[]).await?;
    stage.write(0).await?;
    stage.settles(0).await?;
    let leader = stage.leader().await?;
    stage.stop(leader).await?;
    let stopped = Instant::now();
    stage.leads_instead(leader).await?;
    assert!(stopped.elapsed() < 2 * SECOND, "{:?}", stopped.elapsed());
    stage.replace(&cluster, leader).await?;
    let leader = stage.leader().await?;
    stage.kill(leader).await?;
    let killed = Instant::now();
    stage.leads_instead(leader).await?;
    println!("failover by the defaults: {:?}", killed.elapsed());
    assert!(killed.elapsed() < 20 * SECOND, "{:?}", killed.elapsed());
    Ok(())
}
