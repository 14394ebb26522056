//! Settings as people write them: a file, or the body of a request to the admin API.
//!
//! A section that is there replaces the section of that name, and what it leaves out takes its
//! default; a section that is absent stays as it is. So a file says what differs, and a change at
//! run time touches nothing else. The parser knows line and column of whatever it refuses,
//! wherever the refusal comes from, because all checks of single values are part of reading them;
//! those of several come after it, in `clash`.

use serde::{Deserialize, Serialize};

use super::{
    Account, BadSettings, ClockSkew, Consent, Consistency, DurationRule, Durations, Echo, Issuing,
    Quotas, Settings, Signatures, TokenPolicy, Variants, read, words,
};
use crate::fault::FaultRule;
use crate::outcome::OutcomeRule;
use crate::spread::Spread;

/// Which settings change, and to what.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default, deny_unknown_fields)]
#[expect(missing_docs, reason = "each member is the member of `Settings` of that name")]
pub struct SettingsChange {
    #[serde(deserialize_with = "words::optional_account")]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub account: Option<String>,
    #[serde(deserialize_with = "words::optional_region")]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub region: Option<String>,
    #[serde(deserialize_with = "words::optional_gateways")]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub gateways: Option<Vec<String>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub accounts: Option<Vec<Account>>,
    #[serde(deserialize_with = "words::optional_authorizer")]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub authorizer_type: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub durations: Option<Durations>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub duration_rules: Option<Vec<DurationRule>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tokens: Option<TokenPolicy>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub variants: Option<Variants>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub consistency: Option<Consistency>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub echo: Option<Echo>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub consent: Option<Consent>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub quotas: Option<Quotas>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub latency: Option<Spread>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub outcomes: Option<Vec<OutcomeRule>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub faults: Option<Vec<FaultRule>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub signatures: Option<Signatures>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub issuing: Option<Issuing>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub clock: Option<ClockSkew>,
    #[serde(deserialize_with = "words::optional_page_size")]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub default_page_size: Option<usize>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub call_log_capacity: Option<usize>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub seed: Option<u64>,
}

impl SettingsChange {
    /// Reads a settings file: YAML, of which JSON is a part.
    pub fn from_yaml(text: &str) -> Result<Self, BadSettings> {
        Ok(read(text)?.unwrap_or_default())
    }

    /// Carries the change out.
    pub fn apply(self, settings: &mut Settings) {
        fn set<T>(member: &mut T, value: Option<T>) {
            if let Some(value) = value {
                *member = value;
            }
        }
        set(&mut settings.account, self.account);
        set(&mut settings.region, self.region.map(Some));
        set(&mut settings.gateways, self.gateways);
        set(&mut settings.accounts, self.accounts);
        set(&mut settings.authorizer_type, self.authorizer_type);
        set(&mut settings.durations, self.durations);
        set(&mut settings.duration_rules, self.duration_rules);
        set(&mut settings.tokens, self.tokens);
        set(&mut settings.variants, self.variants);
        set(&mut settings.consistency, self.consistency);
        set(&mut settings.echo, self.echo);
        set(&mut settings.consent, self.consent);
        set(&mut settings.quotas, self.quotas);
        set(&mut settings.latency, self.latency);
        set(&mut settings.outcomes, self.outcomes);
        set(&mut settings.faults, self.faults);
        set(&mut settings.signatures, self.signatures);
        set(&mut settings.issuing, self.issuing);
        set(&mut settings.clock, self.clock);
        set(&mut settings.default_page_size, self.default_page_size);
        set(&mut settings.call_log_capacity, self.call_log_capacity);
        set(&mut settings.seed, self.seed);
    }

    /// The members that mean something at the start only.
    pub(crate) fn start_only(&self, current: &Settings) -> Option<&'static str> {
        let new_gateways =
            self.accounts.iter().flatten().any(|account| !account.gateways.is_empty());
        let moved = self.clock.is_some_and(|clock| clock.offset != current.clock.offset);
        [
            ("account", self.account.is_some()),
            ("region", self.region.is_some()),
            ("gateways", self.gateways.is_some()),
            ("authorizerType", self.authorizer_type.is_some()),
            ("callLogCapacity", self.call_log_capacity.is_some()),
            ("seed", self.seed.is_some()),
            ("accounts.gateways", new_gateways),
            ("clock.offset", moved),
        ]
        .into_iter()
        .find_map(|(name, given)| given.then_some(name))
    }
}

impl From<&Settings> for SettingsChange {
    /// The settings as a change that would bring them about.
    fn from(settings: &Settings) -> Self {
        let settings = settings.clone();
        Self {
            account: Some(settings.account),
            region: settings.region,
            gateways: Some(settings.gateways),
            accounts: Some(settings.accounts),
            authorizer_type: Some(settings.authorizer_type),
            durations: Some(settings.durations),
            duration_rules: Some(settings.duration_rules),
            tokens: Some(settings.tokens),
            variants: Some(settings.variants),
            consistency: Some(settings.consistency),
            echo: Some(settings.echo),
            consent: Some(settings.consent),
            quotas: Some(settings.quotas),
            latency: Some(settings.latency),
            outcomes: Some(settings.outcomes),
            faults: Some(settings.faults),
            signatures: Some(settings.signatures),
            issuing: Some(settings.issuing),
            clock: Some(settings.clock),
            default_page_size: Some(settings.default_page_size),
            call_log_capacity: Some(settings.call_log_capacity),
            seed: Some(settings.seed),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::settings::{LimitError, UpdateOfFailed};

    #[test]
    fn a_file_says_what_differs() {
        let text = "
            gateways: [demo]
            durations: {creating: 50ms}
            variants: {updateOfFailed: refused}
            consistency: {list: {from: 0s, to: 2s}}
            quotas:
              enforced: true
              underWayError: conflict
            latency: 20ms
            clock: {offset: -2h}
            outcomes:
              - {transition: CREATING, name: flaky, times: 2, reasons: [no such host]}
            faults:
              - {kind: GetGateway, probability: 0.5, fault: hangBeforeCommit}
              - {fault: {error: {code: ThrottlingException}}}
        ";
        let mut settings = Settings::default();
        SettingsChange::from_yaml(text).unwrap().apply(&mut settings);
        assert_eq!(settings.gateways, ["demo"]);
        assert_eq!(settings.durations.creating, Duration::from_millis(50));
        assert_eq!(settings.durations.updating, Durations::default().updating);
        assert_eq!(settings.variants.update_of_failed, UpdateOfFailed::Refused);
        assert_eq!(settings.consistency.longest(), Duration::from_secs(2));
        assert_eq!(settings.quotas.under_way_error, LimitError::Conflict);
        assert_eq!(settings.quotas.targets, 100);
        assert_eq!(settings.clock.offset.as_hours(), -2);
        assert_eq!(settings.outcomes[0].times, Some(2));
        assert_eq!(settings.faults.len(), 2);
        assert_eq!(settings.seed, Settings::default().seed);

        let whole = serde_json::to_string(&SettingsChange::from(&settings)).unwrap();
        let mut again = Settings::default();
        SettingsChange::from_yaml(&whole).unwrap().apply(&mut again);
        assert_eq!(again, settings);
    }

    #[test]
    fn a_mistake_is_named_with_its_line() {
        for (line, bad) in [
            (2, "seed: 1\naccount: \"12\"\n"),
            (3, "gateways:\n  - a\n  - b/c\n  - d\n"),
            (3, "gateways:\n  - a\n  - a\n  - d\n"),
            (2, "seed: 1\nauthorizerType: IAM\n"),
            (2, "accounts:\n  - id: \"1\"\n    gateways: []\n"),
            (3, "durations:\n  creating: 1s\n  updatin: 2s\n"),
            (3, "durations:\n  creating: 1s\n  updating: soon\n"),
            (3, "faults:\n  - kind: GetGateway\n    falt: cutAfterCommit\n"),
            (2, "faults:\n  - {kind: GetGatewy, fault: cutAfterCommit}\n"),
            (2, "outcomes:\n  - {probability: 2}\n"),
            (1, "colour: blue\n"),
            (2, "seed: 1\ndefaultPageSize: 0\n"),
            (2, "seed: 1\nregion: \"\"\n"),
            (3, "latency:\n  from: 1s\n  to: soon\n"),
            (2, "clock:\n  offset: soon\nseed: 1\n"),
            (3, "quotas:\n  callsPerSecond:\n    GetGatewy: 1\n"),
            (3, "durations:\n  creating: 1s\n  creating: 2s\n"),
            (3, "seed: 1\n---\nseed: 2\n"),
        ] {
            let error = SettingsChange::from_yaml(bad).unwrap_err().to_string();
            assert!(error.starts_with(&format!("line {line} column ")), "{bad:?}: {error}");
            assert_eq!(error.lines().count(), 1, "{error}");
        }
    }

    #[test]
    fn what_an_entry_lacks_is_told_where_the_entry_begins() {
        for (place, member, bad) in [
            ("line 3 column 5", "fault", "seed: 1\nfaults:\n  - kind: GetGateway\n    times: 3\n"),
            ("line 2 column 5", "fault", "faults:\n  - {kind: GetGateway,\n     times: 3}\n"),
            ("line 2 column 5", "fault", "faults:\n  - {}\n"),
            ("line 2 column 5", "takes", "durationRules:\n  - gateway: a\n    name: b\nseed: 1\n"),
            ("line 4 column 9", "code", "faults:\n  - fault:\n      error:\n        status: 418\n"),
            ("line 2 column 5", "id", "accounts:\n  - gateways: [a]\n    accessKeys: []\n"),
            ("line 4 column 9", "id", "accounts:\n  - id: x\n    accessKeys:\n      - secret: y\n"),
        ] {
            let bad = bad.replace("id: x", "id: \"111111111111\"");
            let error = SettingsChange::from_yaml(&bad).unwrap_err().to_string();
            assert_eq!(error, format!("{place}: missing field `{member}`"), "{bad:?}");
        }
    }

    #[test]
    fn nothing_is_no_change() {
        for nothing in ["", "# seed: 1\n", "{}", "accounts:\n", "gateways:\n"] {
            let read = SettingsChange::from_yaml(nothing).unwrap();
            assert_eq!(read, SettingsChange::default(), "{nothing:?}");
        }
    }
}
