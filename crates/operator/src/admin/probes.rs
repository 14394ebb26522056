//! The probes.
//!
//! Contract: answered by a thread of their own, so that an answer comes also when everything else
//! stands still, and says what does. It takes no lock that the work holds while it works, and writes
//! nothing itself: a log that nobody takes holds up whoever writes to it. What is wrong with AWS,
//! credentials or the API server fails no probe: to begin anew would not help.

use std::fmt::Write as _;
use std::sync::Arc;
use std::thread;
use std::time::Duration;

use anyhow::{Context as _, Result};
use axum::Router;
use axum::extract::RawQuery;
use axum::http::StatusCode;
use axum::routing::get;
use health::{Check, Failure, Health};
use tokio::net::TcpListener;
use tokio::time::{MissedTickBehavior, interval};
use tracing::{error, info};

use super::connections::{self, Protocol};
use crate::fleet::Fleet;

/// How often it is looked whether there is something to be logged.
const LOOK_EVERY: Duration = Duration::from_secs(5);

/// Answers `/livez` and `/healthz` (all loops turn) and `/readyz` (the resources have been read), from
/// now on and for ever.
pub(crate) fn serve(listener: TcpListener, fleet: Arc<Fleet>, health: Health) -> Result<()> {
    let listener = listener.into_std()?;
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let answer = move || {
        runtime.block_on(async {
            match TcpListener::from_std(listener) {
                Ok(listener) => {
                    tokio::spawn(tell(health.clone()));
                    connections::serve(listener, Protocol::Plain, router(fleet, &health)).await;
                }
                Err(error) => error!(%error, "the probes cannot be answered"),
            }
        });
    };
    let thread = thread::Builder::new().name("probes".to_owned()).spawn(answer);
    thread.map(drop).context("no thread for the probes")
}

fn router(fleet: Arc<Fleet>, health: &Health) -> Router {
    let alive = |name: &'static str| {
        let health = health.clone();
        get(move |RawQuery(query)| {
            let lines = health.checks().iter().map(line).collect();
            async move { answer(name, query.as_deref(), lines) }
        })
    };
    let ready = get(move |RawQuery(query)| {
        let read = if fleet.is_synced() {
            Ok("mcpservers-read")
        } else {
            Err("mcpservers-read failed: the MCPServers have not been read yet".to_owned())
        };
        async move { answer("readyz", query.as_deref(), vec![read]) }
    });
    Router::new()
        .route("/livez", alive("livez"))
        .route("/healthz", alive("healthz"))
        .route("/readyz", ready)
}

fn line(Check { name, failure }: &Check) -> Result<&'static str, String> {
    match failure {
        None => Ok(name),
        Some(Failure::Late(by)) => {
            Err(format!("{name} failed: should have turned {} s ago", by.as_secs()))
        }
        Some(Failure::Panicked) => Err(format!("{name} failed: has panicked")),
    }
}

/// As the probes of Kubernetes' own components answer: with every check where one fails, or when
/// `verbose` is asked for.
fn answer(
    name: &str,
    query: Option<&str>,
    checks: Vec<Result<&'static str, String>>,
) -> (StatusCode, String) {
    let fails = checks.iter().any(Result::is_err);
    let parameters = query.unwrap_or_default().split('&');
    let mut keys = parameters.map(|parameter| parameter.split('=').next().unwrap_or_default());
    if !fails && !keys.any(|key| key == "verbose") {
        return (StatusCode::OK, "ok".to_owned());
    }
    let mut text = String::new();
    for check in checks {
        // Writing into a string cannot fail.
        let _ = match check {
            Ok(name) => writeln!(text, "[+]{name} ok"),
            Err(failure) => writeln!(text, "[-]{failure}"),
        };
    }
    let (status, end) = if fails {
        (StatusCode::SERVICE_UNAVAILABLE, "failed")
    } else {
        (StatusCode::OK, "passed")
    };
    let _ = writeln!(text, "{name} check {end}");
    (status, text)
}

/// Tells the log which loops do not turn, once each: nobody logs what a probe is answered.
async fn tell(health: Health) {
    let mut looks = interval(LOOK_EVERY);
    looks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut told: Vec<&str> = Vec::new();
    loop {
        looks.tick().await;
        let checks = health.checks();
        let failing = checks.into_iter().filter(|check| check.failure.is_some());
        let failing: Vec<&str> = failing.map(|check| check.name).collect();
        if failing != told {
            told.clone_from(&failing);
            // On a thread that may be held up, and that nobody waits for.
            tokio::task::spawn_blocking(move || {
                if failing.is_empty() {
                    info!("every loop turns again");
                } else {
                    error!(loops = failing.join(", "), "these do not turn; /livez fails");
                }
            });
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn checks_are_listed_where_one_fails_or_somebody_asks() {
        let late = Check { name: "b", failure: Some(Failure::Late(Duration::from_secs(7))) };
        let well = || line(&Check { name: "a", failure: None });
        assert_eq!(answer("livez", None, vec![well()]), (StatusCode::OK, "ok".to_owned()));
        for query in ["verbose", "verbose=true", "a=b&verbose"] {
            let (status, text) = answer("livez", Some(query), vec![well()]);
            assert_eq!((status.as_u16(), text.as_str()), (200, "[+]a ok\nlivez check passed\n"));
        }
        let (status, text) = answer("livez", None, vec![well(), line(&late)]);
        assert_eq!(status, StatusCode::SERVICE_UNAVAILABLE);
        let expected = "[+]a ok\n[-]b failed: should have turned 7 s ago\nlivez check failed\n";
        assert_eq!(text, expected);
    }
}
