//! Structured logs on standard error: one line a decision.

use tracing::Level;
use tracing_subscriber::EnvFilter;

use crate::settings::{LogFormat, Settings};

/// Starts logging. The libraries below say less: what they report reaches our own lines.
pub(crate) fn start(settings: &Settings) {
    let level = settings.log_level;
    let libraries = if level >= Level::DEBUG { "info" } else { "warn" };
    let ours = env!("CARGO_CRATE_NAME");
    let kube = "kube_client=off,kube_runtime=off";
    let filter = EnvFilter::new(format!("{libraries},{kube},{ours}={level},agentcore={level}"));
    let logs = tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr);
    match settings.log_format {
        LogFormat::Json => {
            logs.json().flatten_event(true).with_target(false).with_current_span(false).init();
        }
        LogFormat::Text => logs.with_target(false).with_ansi(false).init(),
    }
}
