//! Structured logs on standard error: one line a decision.

use std::io::stderr;

use tracing::Level;
use tracing::level_filters::LevelFilter;
use tracing_subscriber::filter::Targets;
use tracing_subscriber::fmt::layer;
use tracing_subscriber::layer::SubscriberExt as _;
use tracing_subscriber::util::SubscriberInitExt as _;

use crate::settings::{LogFormat, Settings};

/// Starts logging. The libraries below say less: what they report reaches our own lines.
pub(crate) fn start(settings: &Settings) {
    let level = settings.log_level;
    let libraries = if level >= Level::DEBUG { Level::INFO } else { Level::WARN };
    let filter = Targets::new()
        .with_default(libraries)
        .with_targets([("kube_client", LevelFilter::OFF), ("kube_runtime", LevelFilter::OFF)])
        .with_targets([(env!("CARGO_CRATE_NAME"), level), ("agentcore", level)]);
    let logs = tracing_subscriber::registry().with(filter);
    match settings.log_format {
        LogFormat::Json => {
            let lines = layer().json().flatten_event(true).with_current_span(false);
            logs.with(lines.with_target(false).with_writer(stderr)).init();
        }
        LogFormat::Text => {
            let lines = layer().with_target(false).with_ansi(false);
            logs.with(lines.with_writer(stderr)).init();
        }
    }
}
