//! What was measured: a row for each figure, with its bar; pictures; and where they are written.
//!
//! Contract: a figure that depends on the machine is judged in the full form only. The results of
//! scenarios that are not measured this time stay as they were, each with its commit and time.

pub(crate) mod chart;
mod machine;
mod page;

use std::collections::BTreeMap;
use std::fs;
use std::path::PathBuf;

use anyhow::{Context, Result};
use serde::{Deserialize, Serialize};

use crate::options::Options;
use crate::progress::say;
use chart::Chart;
use machine::Setting;

/// The folder of pictures and figures, in that of the documents.
const FOLDER: &str = "benchmarks";

/// All that was measured.
pub(crate) struct Report {
    docs: Option<PathBuf>,
    setting: Setting,
    short: bool,
    fresh: BTreeMap<String, Scene>,
}

/// The results of a scenario.
#[derive(Clone, Debug, Deserialize, Serialize)]
struct Scene {
    setting: Setting,
    rows: Vec<Row>,
}

/// A figure.
#[derive(Clone, Debug, Deserialize, Serialize)]
struct Row {
    what: String,
    measured: String,
    /// What it may be at the most; without it, it is told and not judged.
    bar: Option<String>,
    met: bool,
}

/// What a figure counts.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Unit {
    Times,
    Count,
    Percent,
    Seconds,
    Megabytes,
    Kilobytes,
}

impl Unit {
    fn write(self, value: f64) -> String {
        match self {
            Self::Times => format!("{value:.2} ×"),
            Self::Count => format!("{value:.2}").trim_end_matches('0').trim_end_matches('.').into(),
            Self::Percent => format!("{:.2} %", value * 100.0),
            Self::Seconds => format!("{value:.2} s"),
            Self::Megabytes => format!("{value:.1} MB"),
            Self::Kilobytes => format!("{value:.2} kB"),
        }
    }
}

impl Report {
    /// Begins one.
    pub(crate) fn begin(options: &Options) -> Result<Self> {
        let setting = Setting::now()?;
        let docs = options.docs();
        Ok(Self { docs, setting, short: options.short, fresh: BTreeMap::new() })
    }

    /// A figure that may be so much at the most.
    pub(crate) fn at_most(&mut self, scenario: &str, what: &str, value: f64, bar: f64, unit: Unit) {
        let (what, measured) = (what.to_owned(), unit.write(value));
        // The bar holds to the digits that are shown.
        let met = value <= bar || measured == unit.write(bar);
        self.add(scenario, Row { what, measured, bar: Some(unit.write(bar)), met });
    }

    /// The same of a figure that depends on the machine.
    pub(crate) fn noisy(&mut self, scenario: &str, what: &str, value: f64, bar: f64, unit: Unit) {
        if self.short {
            self.told(scenario, what, &unit.write(value));
        } else {
            self.at_most(scenario, what, value, bar, unit);
        }
    }

    /// What has no bar.
    pub(crate) fn told(&mut self, scenario: &str, what: &str, measured: &str) {
        let (what, measured) = (what.to_owned(), measured.to_owned());
        self.add(scenario, Row { what, measured, bar: None, met: true });
    }

    fn add(&mut self, scenario: &str, row: Row) {
        let verdict = match (&row.bar, row.met) {
            (None, _) => String::new(),
            (Some(bar), true) => format!(" (at most {bar})"),
            (Some(bar), false) => format!(" (MISSED: at most {bar})"),
        };
        say(&format!("  {scenario}: {}: {}{verdict}", row.what, row.measured));
        let scene = self.fresh.entry(scenario.to_owned());
        let setting = self.setting.clone();
        scene.or_insert_with(|| Scene { setting, rows: Vec::new() }).rows.push(row);
    }

    /// A picture.
    pub(crate) fn chart(&self, name: &str, chart: &Chart) -> Result<()> {
        let Some(docs) = &self.docs else { return Ok(()) };
        let folder = docs.join(FOLDER);
        fs::create_dir_all(&folder).with_context(|| format!("creating {}", folder.display()))?;
        let file = folder.join(format!("{name}.svg"));
        fs::write(&file, chart.svg()).with_context(|| format!("writing {}", file.display()))
    }

    /// The bars that were missed.
    pub(crate) fn missed(&self) -> Vec<String> {
        let missed = |(scenario, scene): (&String, &Scene)| -> Vec<String> {
            let rows = scene.rows.iter().filter(|row| !row.met);
            rows.map(|row| format!("{scenario}: {}: {}", row.what, row.measured)).collect()
        };
        self.fresh.iter().flat_map(missed).collect()
    }

    /// Prints the table, and puts it into the documents.
    pub(crate) fn write(&self) -> Result<()> {
        print!("{}", page::table(&self.fresh));
        let Some(docs) = &self.docs else { return Ok(()) };
        let folder = docs.join(FOLDER);
        fs::create_dir_all(&folder).with_context(|| format!("creating {}", folder.display()))?;
        let file = folder.join("results.json");
        let mut all: BTreeMap<String, Scene> = match fs::read_to_string(&file) {
            Ok(text) => serde_json::from_str(&text)
                .with_context(|| format!("{}: remove it and measure again", file.display()))?,
            Err(_) => BTreeMap::new(),
        };
        all.extend(self.fresh.clone());
        let text = serde_json::to_string_pretty(&all)? + "\n";
        fs::write(&file, text).with_context(|| format!("writing {}", file.display()))?;
        page::put_into(&docs.join("benchmarks.md"), &page::results(&all, FOLDER, &folder))
    }
}
