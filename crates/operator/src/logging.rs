//! Structured logs on standard error: one line a decision.

mod fit;

use std::io::stderr;

use tracing::Level;
use tracing::level_filters::LevelFilter;
use tracing_subscriber::filter::Targets;
use tracing_subscriber::fmt::layer;
use tracing_subscriber::layer::SubscriberExt as _;
use tracing_subscriber::util::SubscriberInitExt as _;

use crate::settings::{LogFormat, Settings};
use fit::Fit;

/// Starts logging. The libraries below say less: what they report reaches our own lines.
pub(crate) fn start(settings: &Settings) {
    let level = settings.log_level;
    let libraries = if level >= Level::DEBUG { Level::INFO } else { Level::WARN };
    let filter = Targets::new()
        .with_default(libraries)
        .with_targets([("kube_client", LevelFilter::OFF), ("kube_runtime", LevelFilter::OFF)])
        .with_targets([env!("CARGO_CRATE_NAME"), "agentcore", "leader"].map(|ours| (ours, level)));
    let lines = match settings.log_format {
        LogFormat::Json => Fit::Json,
        LogFormat::Text => Fit::Text,
    };
    let lines = layer().event_format(lines).with_ansi(false).with_writer(stderr);
    tracing_subscriber::registry().with(filter).with(lines).init();
}
