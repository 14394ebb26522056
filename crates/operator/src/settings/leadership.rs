//! `--leader-elect` and what belongs to it, named as Kubernetes' own components name it.

use std::time::Duration;

use leader::{BadTiming, Timing};

use super::{Complaint, boolean, duration, given, set};

/// With less time than this left for a call to AWS, hardly one would succeed.
const SHORTEST_CALL: Duration = Duration::from_secs(1);

/// The Lease of an operator that is not told of another.
pub(crate) const DEFAULT_LEASE: &str = "mcp-gateway-operator";

/// How the replicas agree on who works.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Leadership {
    pub(crate) timing: Timing,
    /// The name of the Lease.
    pub(crate) name: String,
    /// Its namespace, unless it is the operator's own.
    pub(crate) namespace: Option<String>,
}

// The comments are the text of --help, where backticks would only disturb.
#[allow(clippy::doc_markdown)]
#[derive(Debug, clap::Args)]
#[group(skip)]
pub(super) struct Arguments {
    /// Whether of several replicas only the one works that holds the Lease; the others stand by. A
    /// dry run works without [default: false]
    #[arg(long, env = "LEADER_ELECT", value_name = "BOOL", num_args = 0..=1, require_equals = true, default_missing_value = "true")]
    leader_elect: Option<String>,

    /// For how long others leave a Lease alone that is not renewed, in whole seconds; where it is
    /// short, so is the time that a call to AWS may take [default: 15s]
    #[arg(long, env = "LEADER_ELECT_LEASE_DURATION", value_name = "DURATION")]
    leader_elect_lease_duration: Option<String>,

    /// For how long a leader works without having renewed the Lease; shorter than its duration
    /// [default: 10s]
    #[arg(long, env = "LEADER_ELECT_RENEW_DEADLINE", value_name = "DURATION")]
    leader_elect_renew_deadline: Option<String>,

    /// How often the Lease is renewed or looked at [default: 2s]
    #[arg(long, env = "LEADER_ELECT_RETRY_PERIOD", value_name = "DURATION")]
    leader_elect_retry_period: Option<String>,

    /// Name of the Lease; the rights in config/rbac name it too [default: mcp-gateway-operator]
    #[arg(long, env = "LEADER_ELECT_RESOURCE_NAME", value_name = "NAME")]
    leader_elect_resource_name: Option<String>,

    /// Namespace of the Lease [default: POD_NAMESPACE, or that of the service account, or that of
    /// the kubeconfig's context, or default]
    #[arg(long, env = "LEADER_ELECT_RESOURCE_NAMESPACE", value_name = "NAME")]
    leader_elect_resource_namespace: Option<String>,
}

/// `None`: this process works alone.
pub(super) fn resolve(arguments: Arguments) -> Result<Option<Leadership>, Complaint> {
    let elects = given(arguments.leader_elect, "false", ("leader-elect", "LEADER_ELECT"), boolean)?;
    let time = |value: &Option<String>, default, name: (&str, &str)| {
        given(value.clone(), default, name, duration)
    };
    let lease = ("leader-elect-lease-duration", "LEADER_ELECT_LEASE_DURATION");
    let deadline = ("leader-elect-renew-deadline", "LEADER_ELECT_RENEW_DEADLINE");
    let period = ("leader-elect-retry-period", "LEADER_ELECT_RETRY_PERIOD");
    let lease_duration = time(&arguments.leader_elect_lease_duration, "15s", lease)?;
    let renew_deadline = time(&arguments.leader_elect_renew_deadline, "10s", deadline)?;
    let retry_period = time(&arguments.leader_elect_retry_period, "2s", period)?;
    let wrong = |(flag, variable): (&str, &str), value: Duration, problem: &str| {
        Complaint::about(flag, variable, &format!("{value:?}"), problem)
    };
    let timing = Timing::new(lease_duration, renew_deadline, retry_period).map_err(|bad| {
        let (name, value) = match bad {
            BadTiming::LeaseDuration => (lease, lease_duration),
            BadTiming::RenewDeadline | BadTiming::RetryPeriod => (deadline, renew_deadline),
            BadTiming::NoPause => (period, retry_period),
        };
        wrong(name, value, &bad.to_string())
    })?;
    if timing.longest_call() < SHORTEST_CALL {
        let problem = "less the retry period twice and a margin for clocks, it leaves less than 1s \
                       for a call to AWS";
        return Err(wrong(lease, lease_duration, problem));
    }
    let resource = ("leader-elect-resource-name", "LEADER_ELECT_RESOURCE_NAME");
    let name = given(arguments.leader_elect_resource_name, DEFAULT_LEASE, resource, name)?;
    let namespace = match set(arguments.leader_elect_resource_namespace) {
        Some(text) => {
            let flag = ("leader-elect-resource-namespace", "LEADER_ELECT_RESOURCE_NAMESPACE");
            Some(given(Some(text), "", flag, self::name)?)
        }
        None => None,
    };
    Ok(elects.then_some(Leadership { timing, name, namespace }))
}

/// As the API server takes it.
fn name(text: &str) -> Result<String, &'static str> {
    let part = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-' || c == '.';
    if text.chars().all(part) {
        Ok(text.to_owned())
    } else {
        Err("a name has lower-case letters, digits, hyphens and dots")
    }
}

#[cfg(test)]
mod tests;
