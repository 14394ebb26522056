//! Many things asked for at once, and how long it takes until the last is done.

use std::time::Duration;

use anyhow::Result;
use tokio::time::Instant;

use crate::aws::Tally;
use crate::kubernetes::{self, of_servers};
use crate::progress::say;
use crate::report::chart::{Chart, Line};
use crate::report::{Report, Unit};
use crate::stage::Stage;
use crate::usage::{Cpu, Machine};
use crate::watch::{Sight, Watch};

/// What is asked for.
pub(super) struct Burst {
    pub(super) scenario: &'static str,
    /// What the picture shows, such as "resources Ready".
    pub(super) what: &'static str,
    pub(super) count: usize,
    /// In less time the quotas do not allow it.
    pub(super) floor: Duration,
    /// How many floors it may take.
    pub(super) bar: f64,
    /// How many calls besides Lists a resource may take.
    pub(super) calls: f64,
    /// How many writes to it a resource may take.
    pub(super) writes: f64,
}

impl Burst {
    /// Asks, and follows until each resource has been seen done.
    pub(super) async fn measure(
        self,
        stage: &Stage<'_>,
        watch: &mut Watch,
        report: &mut Report,
        ask: impl Future<Output = Result<()>>,
        done: impl Fn(&Sight) -> bool,
    ) -> Result<Tally> {
        let Self { scenario, what, count, floor, bar, calls, writes } = self;
        say(&format!("{scenario}: {count}, at best {:.1} s", floor.as_secs_f64()));
        stage.aws.forget_calls().await?;
        let written = stage.writes()?;
        let (cpu, machine) = (Cpu::from_now(stage.pid()?)?, Machine::from_now()?);
        let begun = Instant::now();
        let ((), moments) =
            stage.play(async { tokio::try_join!(ask, watch.until(count, what, done)) }).await?;
        let (used, busy) = (cpu.used()?, machine.busy()?);
        let tally = Tally::of(&stage.aws.calls().await?);
        let written = written.so_far()?;

        let times: Vec<f64> = moments.iter().map(|at| (*at - begun).as_secs_f64()).collect();
        let took = times.last().copied().unwrap_or_default();
        let each = |number: usize| number as f64 / count as f64;
        report.noisy(
            scenario,
            &format!("{count} {what}: time, in floors of {:.1} s", floor.as_secs_f64()),
            took / floor.as_secs_f64(),
            bar,
            Unit::Times,
        );
        report.at_most(
            scenario,
            "calls to AWS besides Lists, each resource",
            each(tally.besides_lists()),
            calls,
            Unit::Count,
        );
        report.at_most(
            scenario,
            "writes to a resource in Kubernetes",
            each(of_servers(&written)),
            writes,
            Unit::Count,
        );
        report.told(scenario, "calls to AWS", &tally.told());
        report.told(scenario, "writes to Kubernetes", &kubernetes::told(&written));
        report.told(
            scenario,
            "processor time of the operator; how busy the machine was",
            &format!("{:.2} s; {:.0} %", used.as_secs_f64(), busy * 100.0),
        );
        let all = count as f64;
        let steps = times.iter().zip(1..).map(|(time, number)| (*time, f64::from(number)));
        report.chart(
            scenario,
            &Chart {
                title: format!("{scenario}: {count} {what}"),
                x: "seconds",
                y: "resources",
                lines: vec![
                    Line::reference(
                        "what the quotas allow",
                        vec![(0.0, 0.0), (floor.as_secs_f64(), all)],
                    ),
                    Line::measured("measured", [(0.0, 0.0)].into_iter().chain(steps).collect()),
                ],
            },
        )?;
        Ok(tally)
    }
}
