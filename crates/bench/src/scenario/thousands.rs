//! A large fleet that is Ready: what it costs to hold it, to start with it, and to notice what
//! changes in it.
//!
//! The operator itself makes the fleet, with all quotas off, so that its records are its own.

use std::time::Duration;

use anyhow::{Context, Result};
use jiff::Timestamp;
use serde_json::json;
use tokio::time::{Instant, sleep, sleep_until};

use crate::aws::{Call, LISTS_PER_SECOND, Tally, WRITES_PER_SECOND};
use crate::kubernetes::{self, of_servers};
use crate::options::{Options, Scenario};
use crate::progress::say;
use crate::report::chart::{Chart, Line};
use crate::report::{Report, Unit};
use crate::stage::{Run, Stage, fleet, gateways, name};
use crate::usage::{Cpu, Memory, megabytes};

/// Between two looks at a quiet gateway, by default, and the most that jitter adds.
const SYNC_INTERVAL: Duration = Duration::from_secs(63);
/// For whatever is awaited of an operator that is much slower than it should be.
const PATIENCE: Duration = Duration::from_mins(20);

/// How much of everything.
struct Size {
    fleets: &'static [usize],
    gateways: usize,
    /// After a start, until all is at rest.
    settle: Duration,
    /// How long memory and processor time are looked at.
    look: Duration,
    quiet: Duration,
    edits: usize,
    moved: usize,
    /// What a resource may take, in kB. Of a few hundred it is more.
    kilobytes: f64,
}

const FULL: Size = Size {
    fleets: &[1_000, 5_000, 10_000],
    gateways: 100,
    settle: Duration::from_secs(65),
    look: Duration::from_mins(1),
    quiet: Duration::from_mins(5),
    edits: 50,
    moved: 20,
    kilobytes: 4.0,
};
const SHORT: Size = Size {
    fleets: &[100, 400],
    gateways: 10,
    settle: Duration::from_secs(3),
    look: Duration::from_secs(2),
    quiet: Duration::from_secs(20),
    edits: 10,
    moved: 5,
    kilobytes: 5.0,
};

struct Play<'a> {
    size: &'a Size,
    stage: Stage<'a>,
    gateways: Vec<String>,
    count: usize,
    points: Vec<Point>,
}

/// What so many resources take while nothing happens.
struct Point {
    count: usize,
    memory: Memory,
    cpu: f64,
}

pub(super) async fn play(options: &Options, report: &mut Report) -> Result<()> {
    let size = if options.short { &SHORT } else { &FULL };
    let gateways = gateways(size.gateways);
    let stage = Stage::set(options, &gateways, "2s").await?;
    let mut play = Play { size, stage, gateways, count: 0, points: Vec::new() };
    let last = size.fleets.last().copied().unwrap_or_default();
    if options.wants(Scenario::Memory) {
        say("memory: without resources");
        play.stage.start(Run::Measured)?;
        play.stage.warm_up().await?;
        play.look().await?;
        play.stage.stop().await?;
        for &count in size.fleets.iter().filter(|count| **count < last) {
            play.grow(count).await?;
            say(&format!("memory: {count} resources"));
            play.stage.start(Run::Measured)?;
            play.listed().await?;
            sleep(size.settle).await;
            play.look().await?;
            play.stage.stop().await?;
        }
    }
    play.grow(last).await?;
    play.restart(options, report).await?;
    if options.wants(Scenario::Memory) {
        play.look().await?;
        play.judge_memory(report)?;
    }
    if options.wants(Scenario::Quiet) {
        play.quiet(report).await?;
    }
    if options.wants(Scenario::Drift) {
        play.drift(report).await?;
    }
    play.stage.stop().await?;
    if options.wants(Scenario::Restart) {
        play.moved(report).await?;
    }
    if options.wants(Scenario::OneEdit) {
        play.one_edit(report).await?;
    }
    Ok(())
}

impl Play<'_> {
    async fn grow(&mut self, count: usize) -> Result<()> {
        let wanted = fleet(self.count..count, &self.gateways)?;
        self.count = count;
        self.stage.seed(wanted, count).await
    }

    async fn listed(&self) -> Result<Timestamp> {
        self.stage.play(self.stage.aws.all_listed(&self.gateways, PATIENCE)).await
    }

    async fn look(&mut self) -> Result<()> {
        let pid = self.stage.pid()?;
        let cpu = Cpu::from_now(pid)?;
        self.stage.play(rest(self.size.look)).await?;
        let point = Point { count: self.count, memory: Memory::of(pid)?, cpu: cpu.share()? };
        say(&format!(
            "  {} resources: {:.1} MB resident, {:.1} MB at the most, {:.2} % of a core",
            point.count,
            megabytes(point.memory.resident),
            megabytes(point.memory.peak),
            point.cpu * 100.0
        ));
        self.points.push(point);
        Ok(())
    }

    /// Starts the operator with everything Ready, and leaves it running.
    async fn restart(&mut self, options: &Options, report: &mut Report) -> Result<()> {
        const SCENARIO: &str = "restart";
        say(&format!("restart: {} resources are Ready", self.count));
        self.stage.aws.forget_calls().await?;
        let writes = self.stage.writes()?;
        let begun = self.stage.aws.now().await?;
        let cpu = Cpu::from_now(self.stage.start(Run::Measured)?)?;
        let listed = self.listed().await?;
        let until_listed = Tally::of(&self.stage.aws.calls().await?);
        self.stage.play(rest(self.size.settle)).await?;
        if !options.wants(Scenario::Restart) {
            return Ok(());
        }
        let tally = Tally::of(&self.stage.aws.calls().await?);
        let took = seconds(begun, listed);
        let floor = self.gateways.len() as f64 / LISTS_PER_SECOND;
        report.noisy(
            SCENARIO,
            &format!(
                "{} Ready: time from the start until each gateway has been listed, in floors of \
                 {floor:.1} s",
                self.count
            ),
            took / floor,
            1.3,
            Unit::Times,
        );
        // The gateway of the warm-up is one more.
        let lists = until_listed.of_kind("ListGatewayTargets") as f64;
        let each = lists / (self.gateways.len() + 1) as f64;
        report.at_most(SCENARIO, "Lists until then, each gateway", each, 1.1, Unit::Count);
        let others = tally.besides_lists() as f64;
        report.at_most(SCENARIO, "other calls to AWS", others, 0.0, Unit::Count);
        let written = writes.so_far()?;
        let number = written.values().sum::<usize>() as f64;
        report.at_most(
            SCENARIO,
            "writes to Kubernetes besides the lease",
            number,
            0.0,
            Unit::Count,
        );
        report.told(SCENARIO, "calls to AWS, the first minute included", &tally.told());
        report.told(SCENARIO, "writes to Kubernetes", &kubernetes::told(&written));
        report.told(SCENARIO, "processor time", &format!("{:.2} s", cpu.used()?.as_secs_f64()));
        Ok(())
    }

    /// A start after which a few targets turn out to have been written meanwhile, without a difference.
    async fn moved(&mut self, report: &mut Report) -> Result<()> {
        const SCENARIO: &str = "restart";
        let moved = self.size.moved;
        say(&format!("restart: {moved} targets have another updatedAt"));
        for (gateway, target) in self.one_of_each(moved).await? {
            self.stage.aws.meddle(&gateway, &target, json!({})).await?;
        }
        self.stage.aws.forget_calls().await?;
        let writes = self.stage.writes()?;
        self.stage.start(Run::Measured)?;
        self.listed().await?;
        self.stage.play(rest(self.size.settle)).await?;
        let tally = Tally::of(&self.stage.aws.calls().await?);
        let gets = tally.of_kind("GetGatewayTarget") as f64 / moved as f64;
        let what = "Gets for each target whose updatedAt has moved";
        report.at_most(SCENARIO, what, gets, 1.0, Unit::Count);
        let others = tally.besides_lists() - tally.of_kind("GetGatewayTarget");
        report.at_most(SCENARIO, "other calls to AWS then", others as f64, 0.0, Unit::Count);
        let written = of_servers(&writes.so_far()?) as f64 / moved as f64;
        let what = "writes to each such resource (that it was looked at)";
        report.at_most(SCENARIO, what, written, 1.0, Unit::Count);
        self.stage.stop().await
    }

    /// Nothing happens.
    async fn quiet(&mut self, report: &mut Report) -> Result<()> {
        const SCENARIO: &str = "quiet";
        say(&format!("quiet: {:?} with {} resources", self.size.quiet, self.count));
        self.stage.aws.forget_calls().await?;
        let writes = self.stage.writes()?;
        let cpu = Cpu::from_now(self.stage.pid()?)?;
        self.stage.play(rest(self.size.quiet)).await?;
        let share = cpu.share()?;
        let tally = Tally::of(&self.stage.aws.calls().await?);
        let lists = tally.of_kind("ListGatewayTargets") as f64 / (self.gateways.len() + 1) as f64;
        let minutes = self.size.quiet.as_secs_f64() / 60.0;
        report.noisy(
            SCENARIO,
            &format!(
                "{} resources over {} gateways: Lists, each gateway and minute",
                self.count,
                self.gateways.len()
            ),
            lists / minutes,
            1.1,
            Unit::Count,
        );
        let others = tally.besides_lists() as f64;
        report.at_most(SCENARIO, "other calls to AWS", others, 0.0, Unit::Count);
        let written = writes.so_far()?.values().sum::<usize>() as f64;
        let what = "writes to Kubernetes besides the lease";
        report.at_most(SCENARIO, what, written, 0.0, Unit::Count);
        report.noisy(SCENARIO, "processor time, of a core", share, 0.02, Unit::Percent);
        Ok(())
    }

    /// Somebody else changes one target of each gateway.
    async fn drift(&mut self, report: &mut Report) -> Result<()> {
        const SCENARIO: &str = "drift";
        let targets = self.one_of_each(self.gateways.len()).await?;
        say(&format!("drift: {} targets of {}", targets.len(), self.count));
        self.stage.aws.forget_calls().await?;
        let mut changed = Vec::new();
        for (gateway, target) in targets {
            let spec = json!({"description": "Changed by hand"});
            self.stage.aws.meddle(&gateway, &target, spec).await?;
            changed.push((target, self.stage.aws.now().await?));
        }
        let first = |calls: &[Call], target: &str, meant: &dyn Fn(&Call) -> bool| {
            let mut about = calls.iter().filter(|call| call.target.as_deref() == Some(target));
            about.find(|call| meant(call)).map(|call| call.time)
        };
        let repairs = |calls: &[Call]| {
            let repaired = |(target, since): &(String, Timestamp)| -> Option<(f64, f64)> {
                let found = first(calls, target, &|_| true)?;
                let repaired =
                    first(calls, target, &|call| call.is_write() && call.error().is_none())?;
                Some((seconds(*since, found), seconds(*since, repaired)))
            };
            changed.iter().map(repaired).collect::<Option<Vec<_>>>()
        };
        let what = "an Update of each changed target";
        let times = self.stage.play(self.stage.aws.until(PATIENCE, what, repairs)).await?;
        let found = times.iter().map(|(found, _)| *found).fold(0.0, f64::max);
        let repaired = times.iter().map(|(_, repaired)| *repaired).fold(0.0, f64::max);
        let what = format!("{} of {}: the last is found after", times.len(), self.count);
        report.noisy(SCENARIO, &what, found, SYNC_INTERVAL.as_secs_f64() + 1.0, Unit::Seconds);
        let quota = times.len() as f64 / WRITES_PER_SECOND;
        let bar = SYNC_INTERVAL.as_secs_f64() + 1.0 + quota;
        report.noisy(SCENARIO, "the last Update is accepted after", repaired, bar, Unit::Seconds);
        let tally = Tally::of(&self.stage.aws.calls().await?);
        report.told(SCENARIO, "calls to AWS", &tally.told());
        // Ready again, and at rest, before anything else is measured.
        self.stage.play(rest(self.size.settle)).await
    }

    /// One edit after the other, while the operator looks through the whole fleet after its start.
    async fn one_edit(&mut self, report: &mut Report) -> Result<()> {
        const SCENARIO: &str = "one-edit";
        const EVERY: Duration = Duration::from_millis(250);
        say(&format!("one-edit: {} of {} resources", self.size.edits, self.count));
        self.stage.aws.forget_calls().await?;
        let servers = self.stage.servers()?;
        self.stage.start(Run::Measured)?;
        let begun = |calls: &[Call]| calls.iter().any(Call::is_list).then_some(());
        self.stage.play(self.stage.aws.until(PATIENCE, "a first List", begun)).await?;
        let mut edited = Vec::new();
        for number in 0..self.size.edits {
            let next = Instant::now() + EVERY;
            let name = name(number * self.count / self.size.edits + number % self.gateways.len());
            let at = self.stage.aws.now().await?;
            kubernetes::edit(&servers, [name.clone()], "edited").await?;
            edited.push((name, at));
            sleep_until(next).await;
        }
        let answered = |calls: &[Call]| {
            let waited = |(name, at): &(String, Timestamp)| {
                let mut about = calls.iter().filter(|call| call.name.as_deref() == Some(name));
                about.find(|call| call.time >= *at).map(|call| seconds(*at, call.time))
            };
            edited.iter().map(waited).collect::<Option<Vec<f64>>>()
        };
        let what = "a call for each edited resource";
        let mut times = self.stage.play(self.stage.aws.until(PATIENCE, what, answered)).await?;
        times.sort_by(f64::total_cmp);
        let worst = times.last().copied().context("no edits")?;
        let what = format!(
            "an edit among {} while they are looked through: its first call to AWS, the worst of {}",
            self.count,
            times.len()
        );
        report.noisy(SCENARIO, &what, worst, 1.0, Unit::Seconds);
        let median = times[times.len() / 2];
        report.told(SCENARIO, "the same, half of them", &format!("{median:.3} s"));
        self.stage.stop().await
    }

    /// One target on each of so many gateways.
    async fn one_of_each(&self, gateways: usize) -> Result<Vec<(String, String)>> {
        let mut targets = Vec::new();
        for gateway in self.gateways.iter().take(gateways) {
            let held = self.stage.aws.targets(gateway).await?;
            let target = held.into_iter().next().context("a gateway without targets")?;
            targets.push((gateway.clone(), target));
        }
        Ok(targets)
    }

    fn judge_memory(&self, report: &mut Report) -> Result<()> {
        const SCENARIO: &str = "memory";
        for Point { count, memory, cpu } in &self.points {
            let what = format!("{count} resources: resident");
            let resident = megabytes(memory.resident);
            match count {
                1_000 => report.at_most(SCENARIO, &what, resident, 22.0, Unit::Megabytes),
                10_000 => report.at_most(SCENARIO, &what, resident, 48.0, Unit::Megabytes),
                _ => report.told(SCENARIO, &what, &format!("{resident:.1} MB")),
            }
            let peak = megabytes(memory.peak);
            let also = format!("{peak:.1} MB; {:.2} % of a core", cpu * 100.0);
            report.told(SCENARIO, &format!("{count} resources: peak; quiet"), &also);
        }
        let (first, last) = (self.points.first().context("no points")?, self.points.last());
        let last = last.context("no points")?;
        let growth = last.memory.resident.saturating_sub(first.memory.resident) as f64;
        let each = growth / (last.count - first.count) as f64 / 1e3;
        report.at_most(SCENARIO, "each resource", each, self.size.kilobytes, Unit::Kilobytes);
        let points = |value: &dyn Fn(&Point) -> f64| {
            self.points.iter().map(|point| (point.count as f64, value(point))).collect()
        };
        report.chart(
            "memory",
            &Chart {
                title: "memory over the number of resources".to_owned(),
                x: "resources",
                y: "MB",
                lines: vec![
                    Line::measured("resident", points(&|point| megabytes(point.memory.resident))),
                    Line::second("at the most", points(&|point| megabytes(point.memory.peak))),
                ],
            },
        )?;
        report.chart(
            "cpu",
            &Chart {
                title: "processor time while nothing happens".to_owned(),
                x: "resources",
                y: "% of a core",
                lines: vec![
                    Line::reference("the bar", vec![(0.0, 2.0), (last.count as f64, 2.0)]),
                    Line::measured("measured", points(&|point| point.cpu * 100.0)),
                ],
            },
        )
    }
}

async fn rest(time: Duration) -> Result<()> {
    // What is measured is that nothing happens.
    sleep(time).await;
    Ok(())
}

fn seconds(from: Timestamp, to: Timestamp) -> f64 {
    to.duration_since(from).as_secs_f64()
}
