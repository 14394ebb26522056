//! What is to be measured, and how.

use std::path::PathBuf;

use anyhow::{Context, Result};
use clap::{Parser, ValueEnum};
use testkit::{binary, install};

/// Measures an operator against the quotas of AWS.
#[derive(Debug, Parser)]
#[command(name = "bench", max_term_width = 100)]
pub(crate) struct Options {
    /// What to measure [default: everything]
    #[arg(value_enum)]
    scenarios: Vec<Scenario>,

    /// Minutes instead of an hour: fewer resources, and bars for what does not depend on the machine
    #[arg(long)]
    pub(crate) short: bool,

    /// The operator's command line, words separated by blanks. It gets the environment that is listed
    /// in docs/benchmarks.md [default: the one that is built beside this program]
    #[arg(long, value_name = "COMMAND")]
    operator: Option<String>,

    /// Further words of that command line while a fleet is being made, when AWS's quotas are off: what
    /// takes the operator's own limits away
    #[arg(long, value_name = "WORDS", default_value = "", allow_hyphen_values = true)]
    seed_flags: String,

    /// The folder with benchmarks.md, into which the results go; the short form writes none
    #[arg(long, value_name = "FOLDER")]
    docs: Option<PathBuf>,
}

/// What can be measured. What needs another one's end (`edit-storm` needs `wide`) brings it along.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, ValueEnum)]
pub(crate) enum Scenario {
    /// 100 resources on one gateway
    Fleet,
    /// 500 resources on 50 gateways
    Wide,
    /// Every resource of `wide` edited at once
    EditStorm,
    /// Every resource of `wide` deleted at once
    TearDown,
    /// 10,000 resources are Ready, and the operator starts
    Restart,
    /// 10,000 resources, and nothing happens
    Quiet,
    /// Somebody else changes 100 targets of 10,000
    Drift,
    /// One edit while 10,000 resources are looked through, 50 times
    OneEdit,
    /// Memory and CPU over the number of resources
    Memory,
    /// A day of edits, one after the other
    Day,
    /// 50,000 resources in simulated time: planner, queue and mirrors alone
    Simulated,
}

impl Options {
    /// Whether it is asked for.
    pub(crate) fn wants(&self, scenario: Scenario) -> bool {
        self.scenarios.is_empty() || self.scenarios.contains(&scenario)
    }

    /// Whether any of them is.
    pub(crate) fn wants_any(&self, scenarios: &[Scenario]) -> bool {
        scenarios.iter().any(|scenario| self.wants(*scenario))
    }

    /// The operator's command line: the program, and its arguments.
    pub(crate) fn operator(&self, seeding: bool) -> Result<(PathBuf, Vec<String>)> {
        let words = |text: &str| text.split_whitespace().map(str::to_owned).collect::<Vec<_>>();
        let (path, mut arguments) = if let Some(command) = &self.operator {
            let mut words = words(command).into_iter();
            let program = words.next().context("--operator: no program")?;
            (PathBuf::from(program), words.collect())
        } else {
            // Nobody asks for its probes, and the port of the default may be taken.
            let arguments = vec!["--health-probe-bind-address=0".to_owned()];
            (binary("mcp-gateway-operator")?, arguments)
        };
        if seeding {
            arguments.extend(words(&self.seed_flags));
        }
        Ok((path, arguments))
    }

    /// Where the results go, if anywhere.
    pub(crate) fn docs(&self) -> Option<PathBuf> {
        (!self.short).then(|| self.docs.clone().unwrap_or_else(|| install::file("docs")))
    }
}
