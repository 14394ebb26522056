//! A day of edits in some minutes: an hour is a round, and AWS's quotas are off.
//!
//! In each round a fifth of the resources is edited, and some are deleted and others made.

use anyhow::Result;

use crate::kubernetes;
use crate::options::Options;
use crate::progress::say;
use crate::report::chart::{Chart, Line};
use crate::report::{Report, Unit};
use crate::stage::{Run, Stage, fleet, gateways, name};
use crate::usage::{Memory, megabytes};

const SCENARIO: &str = "day";
const HOURS: usize = 24;
/// The rounds in which caches fill and the allocator finds its size.
const MORNING: usize = 6;
/// The rounds whose mean is taken, at the beginning and at the end.
const SOME: usize = 4;

pub(super) async fn play(options: &Options, report: &mut Report) -> Result<()> {
    let (count, gateways, hours) =
        if options.short { (50, gateways(5), 4) } else { (1_000, gateways(10), HOURS) };
    let (edits, changes) = (count / 5, count / 50);
    say(&format!("day: {count} resources, {hours} rounds"));
    let mut stage = Stage::set(options, &gateways, "0s").await?;
    stage.aws.hurry(true).await?;
    let pid = stage.start(Run::Unlimited)?;
    let servers = stage.servers()?;
    let mut watch = stage.watch()?;
    stage
        .play(async {
            kubernetes::make(&servers, fleet(0..count, &gateways)?).await?;
            watch.until(count, "Ready", |sight| sight.ready).await
        })
        .await?;
    let mut resident = Vec::with_capacity(hours);
    for hour in 0..hours {
        let version = format!("hour-{hour}");
        // Resources come at one end and go at the other.
        let oldest = hour * changes;
        let first = oldest + changes + hour * edits % (count - changes - edits);
        let newest = oldest + count;
        let going: Vec<String> = (oldest..oldest + changes).map(name).collect();
        stage
            .play(async {
                kubernetes::edit(&servers, (first..first + edits).map(name), &version).await?;
                let edited =
                    |sight: &crate::watch::Sight| sight.ready && sight.endpoint.ends_with(&version);
                watch.until(edits, "edited", edited).await?;
                kubernetes::delete(&servers, going.clone()).await?;
                let coming = fleet(newest..newest + changes, &gateways)?;
                let names: Vec<String> = coming.iter().map(|(name, _)| name.clone()).collect();
                kubernetes::make(&servers, coming).await?;
                let (mut gone, mut come) = (going.clone(), names);
                gone.sort_unstable();
                come.sort_unstable();
                let is_done = |sight: &crate::watch::Sight| {
                    sight.gone && gone.binary_search(&sight.name).is_ok()
                        || sight.ready && come.binary_search(&sight.name).is_ok()
                };
                watch.until(2 * changes, "changed", is_done).await
            })
            .await?;
        resident.push(megabytes(Memory::of(pid)?.resident));
        say(&format!("  hour {}: {:.1} MB", hour + 1, resident[hour]));
    }
    stage.stop().await?;
    let what = format!("{count} resources, {} edits: resident in the end", hours * edits);
    let end = resident.last().copied().unwrap_or_default();
    report.told(SCENARIO, &what, &format!("{end:.1} MB"));
    if hours == HOURS {
        let morning = mean(&resident[MORNING..MORNING + SOME]);
        let night = mean(&resident[HOURS - SOME..]);
        let what = "growth from the seventh hour to the last";
        report.at_most(SCENARIO, what, night / morning - 1.0, 0.02, Unit::Percent);
    }
    let hour = |(number, value): (i32, &f64)| (f64::from(number), *value);
    report.chart(
        "day",
        &Chart {
            title: format!("memory over a day of edits, {count} resources"),
            x: "hours",
            y: "MB",
            lines: vec![Line::measured("resident", (1..).zip(&resident).map(hour).collect())],
        },
    )
}

fn mean(values: &[f64]) -> f64 {
    values.iter().sum::<f64>() / values.len() as f64
}
