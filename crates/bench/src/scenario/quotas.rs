//! How close to AWS's quotas: a fleet on one gateway, a wide one, its edits, its end.

use std::time::Duration;

use anyhow::{Result, ensure};

use super::burst::Burst;
use crate::aws::{SLOTS, Tally, WRITES_PER_SECOND};
use crate::kubernetes;
use crate::options::{Options, Scenario};
use crate::report::{Report, Unit};
use crate::stage::{Run, Stage, fleet as dealt, gateways, name};

/// What of the calls over all of this was refused for a limit.
#[derive(Default)]
pub(super) struct Calls(Tally);

impl Calls {
    /// Judges their share, if there were any.
    pub(super) fn judge(&self, report: &mut Report) {
        let Self(Tally { all, throttled, .. }) = self;
        if *all > 0 {
            let share = *throttled as f64 / *all as f64;
            report.at_most(
                "throttled",
                "calls over the above that a limit refused",
                share,
                0.001,
                Unit::Percent,
            );
        }
    }
}

/// Every resource of one gateway, whose slots are the limit.
pub(super) async fn fleet(options: &Options, report: &mut Report, calls: &mut Calls) -> Result<()> {
    let (count, creating) = if options.short { (20, 1) } else { (100, 3) };
    let gateways = gateways(1);
    let mut stage = Stage::set(options, &gateways, &format!("{creating}s")).await?;
    stage.start(Run::Measured)?;
    stage.warm_up().await?;
    let servers = stage.servers()?;
    let mut watch = stage.watch()?;
    let burst = Burst {
        scenario: "fleet",
        what: "resources Ready on one gateway",
        count,
        floor: Duration::from_secs(creating).mul_f64(count as f64 / SLOTS),
        bar: 1.10,
        calls: 2.05,
        writes: 7.0,
    };
    let ask = kubernetes::make(&servers, dealt(0..count, &gateways)?);
    let tally = burst.measure(&stage, &mut watch, report, ask, |sight| sight.ready).await?;
    calls.0.add(&tally);
    stage.stop().await
}

/// Resources of many gateways, where calls a second are the limit; then all of them are edited, and
/// deleted.
pub(super) async fn wide(options: &Options, report: &mut Report, calls: &mut Calls) -> Result<()> {
    let (count, gateways) = if options.short { (40, gateways(8)) } else { (500, gateways(50)) };
    let floor = Duration::from_secs_f64(count as f64 / WRITES_PER_SECOND);
    let mut stage = Stage::set(options, &gateways, "1s").await?;
    stage.start(Run::Measured)?;
    stage.warm_up().await?;
    let servers = stage.servers()?;
    let mut watch = stage.watch()?;

    let burst = Burst {
        scenario: "wide",
        what: "resources Ready on many gateways",
        count,
        floor,
        bar: 1.05,
        calls: 2.05,
        writes: 7.0,
    };
    let ask = kubernetes::make(&servers, dealt(0..count, &gateways)?);
    let tally = burst.measure(&stage, &mut watch, report, ask, |sight| sight.ready).await?;
    calls.0.add(&tally);

    if options.wants(Scenario::EditStorm) {
        let burst = Burst {
            scenario: "edit-storm",
            what: "edited resources Ready",
            count,
            floor,
            bar: 1.05,
            calls: 2.05,
            writes: 4.0,
        };
        let ask = kubernetes::edit(&servers, (0..count).map(name), "v2");
        let done = |sight: &crate::watch::Sight| sight.ready && sight.endpoint.ends_with("/v2");
        calls.0.add(&burst.measure(&stage, &mut watch, report, ask, done).await?);
    }
    if options.wants(Scenario::TearDown) {
        let burst = Burst {
            scenario: "tear-down",
            what: "deleted resources gone",
            count,
            floor,
            bar: 1.15,
            calls: 3.05,
            writes: 4.0,
        };
        let ask = kubernetes::delete_all(&servers);
        calls.0.add(&burst.measure(&stage, &mut watch, report, ask, |sight| sight.gone).await?);
        let mut left = 0;
        for gateway in &gateways {
            left += stage.aws.targets(gateway).await?.len();
        }
        ensure!(left == 0, "tear-down: {left} targets are left");
    }
    stage.stop().await
}
