//! Hours of everything at once: people who edit, an AWS that fails, a Kubernetes that goes away,
//! replicas that crash and take over from one another.
//!
//! Contract: troubled times and quiet ones take turns. When it is quiet, every resource comes to be
//! Ready or gone, AWS has exactly what is written and what strangers had, and nobody writes any more.
//! The memory of a replica that lives all along does not grow. What is done, and in which order, a seed
//! says: `SOAK_MINUTES=120 SEED=1` (`make soak`). How the machine times it, it cannot say.

mod checks;
mod memory;
mod people;
mod stage;
mod troubles;

use std::time::{Duration, Instant};

use anyhow::Context as _;
use memory::Memory;
use people::People;
use stage::Stage;
use testkit::TestResult;
use testkit::run::Run;

/// How long a troubled time lasts.
const TROUBLED: Duration = Duration::from_secs(45);
/// Most deeds between two troubles.
const DEEDS: usize = 3;

fn number(variable: &str) -> Option<u64> {
    std::env::var(variable).ok().and_then(|text| text.parse().ok())
}

#[tokio::test]
#[ignore = "takes as many minutes as it is told: make soak"]
async fn whatever_happens_it_comes_to_rest_as_written() -> TestResult {
    let minutes = number("SOAK_MINUTES").unwrap_or(5);
    let seed = number("SEED").unwrap_or_else(|| fastrand::u64(..1_000_000));
    println!("soak: {minutes} minutes; again: make soak SOAK_MINUTES={minutes} SEED={seed}");
    let lived = live(Duration::from_mins(minutes), fastrand::Rng::with_seed(seed)).await;
    let logs = Run::current()?.logs().display();
    lived
        .with_context(|| format!("SEED={seed} came to harm; logs of all replicas are in {logs}"))?;
    Ok(())
}

async fn live(length: Duration, mut random: fastrand::Rng) -> anyhow::Result<()> {
    let mut stage = Stage::begin().await?;
    let end = Instant::now() + length;
    let mut people = People::new(&stage.client()?, stage.namespaces());
    let mut memory = Memory::default();
    let mut time = 0;
    while time == 0 || Instant::now() < end {
        time += 1;
        let (begun, mut troubles) = (Instant::now(), 0);
        while begun.elapsed() < TROUBLED {
            for _ in 0..random.usize(1..=DEEDS) {
                people.act(&mut random).await?;
            }
            let told = troubles::strike(&mut stage, &mut random).await;
            let told = told.with_context(|| format!("trouble {troubles} of time {time}"))?;
            println!("  {time}.{troubles}: {told}");
            troubles += 1;
            people.pause(&mut random).await;
            stage.lives().await?;
            memory.look(&stage)?;
        }
        stage.calm().await?;
        people.wake_all().await?;
        let calmed = Instant::now();
        let differs = checks::comes_to_rest(&stage, &people).await;
        differs.with_context(|| format!("after time {time}\n{}", stage.last_words()))?;
        memory.rest(&stage)?;
        println!(
            "time {time}: {} deeds so far, {troubles} troubles, at rest after {:.0?}; {memory}",
            people.deeds(),
            calmed.elapsed()
        );
    }
    memory.verdict()
}
