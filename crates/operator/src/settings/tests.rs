use clap::Parser as _;

use super::*;

pub(super) fn resolved(arguments: &[&str]) -> Result<Settings, String> {
    let arguments = std::iter::once("mcp-gateway-operator").chain(arguments.iter().copied());
    Arguments::try_parse_from(arguments)
        .map_err(Complaint::from)
        .and_then(|arguments| Settings::resolve(arguments, None))
        .map_err(|complaint| complaint.to_string())
}

#[test]
fn nothing_given_means_the_defaults() {
    let settings = resolved(&[]).unwrap();
    assert_eq!(settings.gateway, None);
    assert_eq!(settings.probe_address.unwrap().to_string(), "[::]:8081");
    assert_eq!(settings.consistency_window, Duration::from_secs(10));
    assert_eq!(settings.sync_interval, Duration::from_mins(1));
    assert_eq!((settings.log_level, settings.log_format), (tracing::Level::INFO, LogFormat::Json));
    assert_eq!(settings.scopes(), [Scope(None)]);
}

#[test]
fn empty_and_blank_values_count_as_not_given() {
    let blank = resolved(&[
        "--gateway-id=",
        "--aws-region= ",
        "--health-probe-bind-address=",
        "--log-level=",
        "--sync-interval= ",
        "--watch-namespaces= , ",
    ]);
    assert_eq!(blank, resolved(&[]));
}

#[test]
fn white_space_around_a_value_is_cut() {
    let settings = resolved(&["--gateway-id= gw-1 ", "--watch-namespaces= b, a,b "]).unwrap();
    assert_eq!(settings.gateway, Some(GatewayId::from("gw-1")));
    assert_eq!(settings.namespaces, ["a", "b"]);
}

/// The Go operator's chart passes booleans in each of these forms.
#[test]
fn a_boolean_is_given_as_go_programs_take_it() {
    assert!(!resolved(&[]).unwrap().dry_run && !resolved(&[]).unwrap().allow_adoption);
    for (argument, expected) in [
        ("--dry-run", true),
        ("--dry-run=true", true),
        ("--dry-run=false", false),
        ("--dry-run=", false),
    ] {
        assert_eq!(resolved(&[argument]).unwrap().dry_run, expected, "{argument}");
    }
    assert!(resolved(&["--allow-adoption", "--dry-run=0"]).unwrap().allow_adoption);
    assert!(resolved(&["--dry-run=perhaps"]).unwrap_err().contains("either true or false"));
}

#[test]
fn addresses_are_those_of_controller_runtime() {
    let address = |text: &str| {
        resolved(&["--health-probe-bind-address", text])
            .unwrap()
            .probe_address
            .map(|a| a.to_string())
    };
    assert_eq!(address(":9000").unwrap(), "[::]:9000");
    assert_eq!(address("127.0.0.1:0").unwrap(), "127.0.0.1:0");
    assert_eq!(address("localhost:9000").unwrap(), "127.0.0.1:9000");
    assert_eq!(address("0"), None);
}

#[test]
fn a_wrong_value_is_named_with_what_to_do() {
    let cases = [
        (["--aws-region", "us east 1"], "--aws-region (or AWS_REGION) is \"us east 1\""),
        (["--gateway-id", "arn:aws:x:gateway/y"], "it is not the ARN"),
        (["--health-probe-bind-address", "8081"], "an address is like :8081"),
        (["--consistency-window", "ten"], "a duration is like 10s"),
        (["--consistency-window", "-1s"], "--consistency-window (or CONSISTENCY_WINDOW)"),
        (["--sync-interval", "10ms"], "at least 1s"),
        // Five of them are more than there is time.
        (["--sync-interval", "9000000000000000000s"], "a duration is a day at most"),
        (["--log-level", "loud"], "one of error, warn, info, debug, trace"),
        (["--log-format", "xml"], "--log-format (or LOG_FORMAT) is \"xml\": one of json, text"),
        (["--watch-namespaces", "a,B"], "--watch-namespaces (or WATCH_NAMESPACES) is \"B\""),
        (["--no-such-flag", "x"], "unexpected argument '--no-such-flag'"),
    ];
    for ([flag, value], expected) in cases {
        let said = resolved(&[&format!("{flag}={value}")]).unwrap_err();
        assert!(said.contains(expected), "{flag}={value}: {said}");
    }
}
