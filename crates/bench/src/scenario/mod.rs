//! What is measured: a stage is set, something happens, and the report is told.

mod burst;
mod day;
mod quotas;
mod simulated;
mod thousands;

use anyhow::Result;

use crate::options::{Options, Scenario};
use crate::report::Report;

/// Measures what is asked for. How long one plan takes is measured where it lives: `make bench-plan`.
pub(crate) async fn play(options: &Options, report: &mut Report) -> Result<()> {
    use Scenario::{
        Day, Drift, EditStorm, Fleet, Memory, OneEdit, Quiet, Restart, Simulated, TearDown, Wide,
    };
    let mut calls = quotas::Calls::default();
    if options.wants(Fleet) {
        Box::pin(quotas::fleet(options, report, &mut calls)).await?;
    }
    if options.wants_any(&[Wide, EditStorm, TearDown]) {
        Box::pin(quotas::wide(options, report, &mut calls)).await?;
    }
    calls.judge(report);
    if options.wants_any(&[Memory, Restart, Quiet, Drift, OneEdit]) {
        Box::pin(thousands::play(options, report)).await?;
    }
    if options.wants(Day) {
        Box::pin(day::play(options, report)).await?;
    }
    if options.wants(Simulated) {
        simulated::play(options, report)?;
    }
    Ok(())
}
