use super::super::tests::resolved;
use super::*;

fn leadership(arguments: &[&str]) -> Option<Leadership> {
    resolved(arguments).unwrap().leadership
}

#[test]
fn by_default_a_process_works_alone() {
    assert_eq!(leadership(&[]), None);
    assert_eq!(leadership(&["--leader-elect=false", "--leader-elect-lease-duration=30s"]), None);
    for given in ["--leader-elect", "--leader-elect=true"] {
        let timing = Timing::default();
        let name = "mcp-gateway-operator".to_owned();
        assert_eq!(leadership(&[given]), Some(Leadership { timing, name, namespace: None }));
    }
}

#[test]
fn the_lease_is_where_and_how_long_it_is_said_to_be() {
    let told = leadership(&[
        "--leader-elect",
        "--leader-elect-lease-duration=1m",
        "--leader-elect-renew-deadline=40s",
        "--leader-elect-retry-period=5s",
        "--leader-elect-resource-name=the.lease",
        "--leader-elect-resource-namespace=elsewhere",
    ]);
    let [lease, deadline, period] = [60, 40, 5].map(Duration::from_secs);
    let timing = Timing::new(lease, deadline, period).unwrap();
    let (name, namespace) = ("the.lease".to_owned(), Some("elsewhere".to_owned()));
    assert_eq!(told, Some(Leadership { timing, name, namespace }));
}

#[test]
fn times_that_do_not_fit_are_refused_by_the_name_of_what_to_change() {
    for (argument, expected) in [
        ("--leader-elect-lease-duration=10s", "--leader-elect-renew-deadline"),
        ("--leader-elect-lease-duration=1500ms", "whole seconds"),
        ("--leader-elect-renew-deadline=15s", "shorter than the lease duration"),
        ("--leader-elect-retry-period=9s", "longer than 1.2 times the retry period"),
        ("--leader-elect-retry-period=0s", "(or LEADER_ELECT_RETRY_PERIOD) is \"0ns\""),
        ("--leader-elect-retry-period=7s", "leaves less than 1s for a call to AWS"),
        ("--leader-elect-resource-name=The Lease", "lower-case letters, digits"),
        ("--leader-elect-resource-namespace=a/b", "(or LEADER_ELECT_RESOURCE_NAMESPACE)"),
        ("--leader-elect=perhaps", "either true or false"),
    ] {
        let said = resolved(&[argument]).unwrap_err();
        assert!(said.contains(expected), "{argument}: {said}");
    }
}
