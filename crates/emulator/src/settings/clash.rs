//! What no single entry of the settings shows: two that contradict each other, and rules that would
//! never act.
//!
//! All such checks are here, because all settings come through here: a file, a body of the admin
//! API, and settings made in Rust.

use std::collections::HashMap;
use std::fmt;

use super::{DurationRule, Entry, Settings};
use crate::fault::FaultRule;
use crate::outcome::OutcomeRule;
use crate::tally::Rule;

/// Settings that cannot stand together.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Clash(Box<Kind>);

#[derive(Debug, Clone, PartialEq, Eq)]
enum Kind {
    /// `what` is given twice. Each time comes with what it makes of the other one.
    Twice { what: String, given: [(Entry, String); 2], cure: &'static str },
    /// The second rule acts on nothing that the first leaves.
    Behind { first: Entry, second: Entry },
    /// A rule acts on nothing because of this member.
    Never { member: Entry, why: String },
}

impl Clash {
    fn new(kind: Kind) -> Self {
        Self(Box::new(kind))
    }

    /// What is wrong, in words, for whoever knows where each entry stands: of two that are given,
    /// the one with the last place is one too many.
    pub fn told<P: Ord + fmt::Display>(&self, place: impl Fn(&Entry) -> P) -> String {
        match &*self.0 {
            Kind::Twice { what, given: [one, other], cure } => {
                let (one, other) = ((place(&one.0), &one.1), (place(&other.0), &other.1));
                let ((first, is), (last, _)) =
                    if one.0 <= other.0 { (one, other) } else { (other, one) };
                format!("{last}: {what} is {is} ({first}): {cure}")
            }
            Kind::Behind { first, second } => format!(
                "{}: this rule never acts, because the one at {} takes all that it matches: put \
                 the narrower one first, or limit the wider one",
                place(second),
                place(first)
            ),
            Kind::Never { member, why } => format!("{}: {why}", place(member)),
        }
    }
}

/// By the names of the entries.
impl fmt::Display for Clash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.told(Entry::clone))
    }
}

impl std::error::Error for Clash {}

impl Settings {
    /// Whether all entries can stand together. That each of them can be meant is seen when it is
    /// read.
    pub fn check(&self) -> Result<(), Clash> {
        let section = |name| Entry::default().member(name);
        let accounts = || {
            let entries = self.accounts.iter().enumerate();
            entries.map(|(index, account)| (section("accounts").index(index), account))
        };
        let ids = accounts().map(|(entry, account)| {
            (account.id.as_str(), entry.member("id"), "already listed".to_owned())
        });
        once("account", ids, "put what belongs to it into one entry")?;

        let own = self.gateways.iter().enumerate().map(|(index, id)| {
            (id.as_str(), Entry::gateway(index), "already one of `gateways`".to_owned())
        });
        let others = accounts().flat_map(|(entry, account)| {
            account.gateways.iter().enumerate().map(move |(index, id)| {
                (id.as_str(), entry.member("gateways").index(index), belongs(&account.id))
            })
        });
        once("gateway", own.chain(others), "give it once")?;

        let keys = accounts().flat_map(|(entry, account)| {
            account.access_keys.iter().enumerate().map(move |(index, key)| {
                let entry = entry.member("accessKeys").index(index).member("id");
                (key.id.as_str(), entry, belongs(&account.id))
            })
        });
        once("access key", keys, "give it once")?;

        for (index, rule) in self.faults.iter().enumerate() {
            rule.can_act(&section("faults").index(index))?;
        }
        for (index, rule) in self.outcomes.iter().enumerate() {
            rule.can_act(&section("outcomes").index(index))?;
        }
        in_order(&section("faults"), &self.faults, FaultRule::leaves_nothing_of)?;
        in_order(&section("outcomes"), &self.outcomes, OutcomeRule::leaves_nothing_of)?;
        in_order(&section("durationRules"), &self.duration_rules, DurationRule::covers)
    }
}

fn belongs(account: &str) -> String {
    format!("already account {account}'s")
}

/// Refuses IDs that are given more than once; each comes with its entry, and with what it is if
/// it is given again.
fn once<'a>(
    what: &str,
    given: impl Iterator<Item = (&'a str, Entry, String)>,
    cure: &'static str,
) -> Result<(), Clash> {
    let mut known = HashMap::new();
    for (id, entry, is) in given {
        if let Some(first) = known.insert(id, (entry.clone(), is.clone())) {
            let what = format!("{what} {id:?}");
            return Err(Clash::new(Kind::Twice { what, given: [first, (entry, is)], cure }));
        }
    }
    Ok(())
}

/// Refuses rules to which one before them leaves nothing.
fn in_order<R>(
    section: &Entry,
    rules: &[R],
    leaves_nothing: impl Fn(&R, &R) -> bool,
) -> Result<(), Clash> {
    for (index, rule) in rules.iter().enumerate() {
        if let Some(first) = rules[..index].iter().position(|first| leaves_nothing(first, rule)) {
            let (first, second) = (section.index(first), section.index(index));
            return Err(Clash::new(Kind::Behind { first, second }));
        }
    }
    Ok(())
}

impl FaultRule {
    /// Refuses a rule, which is this entry, that never acts.
    pub(crate) fn can_act(&self, entry: &Entry) -> Result<(), Clash> {
        some_times(self, entry)?;
        let Some(kind) = self.kind else { return Ok(()) };
        for (member, given, has) in [
            ("gateway", self.gateway.is_some(), kind.has_gateway()),
            ("name", self.name.is_some(), kind.has_name()),
        ] {
            if given && !has {
                let why = format!(
                    "a {} call has no {member}, so this rule never acts: leave `{member}` out",
                    kind.name()
                );
                return Err(Clash::new(Kind::Never { member: entry.member(member), why }));
            }
        }
        Ok(())
    }
}

impl OutcomeRule {
    /// Refuses a rule, which is this entry, that never acts.
    pub(crate) fn can_act(&self, entry: &Entry) -> Result<(), Clash> {
        some_times(self, entry)
    }
}

/// In other programs zero means "for ever".
fn some_times(rule: &impl Rule, entry: &Entry) -> Result<(), Clash> {
    if rule.terms().times == Some(0) {
        let why = "a rule with `times: 0` never acts: leave `times` out for one without end";
        return Err(Clash::new(Kind::Never { member: entry.member("times"), why: why.to_owned() }));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::settings::SettingsChange;

    /// What a settings file of these lines is refused with.
    fn refusal(lines: &[&str]) -> String {
        let text = lines.join("\n");
        SettingsChange::from_yaml(&text).expect_err(&text).to_string()
    }

    #[test]
    fn a_gateway_has_one_place() {
        let own = "gateways: [a, x]";
        let first = r#"- {id: "111111111111", gateways: [x]}"#;
        let second = r#"- {id: "222222222222", gateways: [y, x]}"#;
        for (lines, refused) in [
            (
                &["accounts:", first, second] as &[_],
                r#"line 3 column 38: gateway "x" is already account 111111111111's (line 2 column 35)"#,
            ),
            (
                &[own, "accounts:", first],
                r#"line 3 column 35: gateway "x" is already one of `gateways` (line 1 column 15)"#,
            ),
            // Whichever comes last in the file is the one too many.
            (
                &["accounts:", first, own],
                r#"line 3 column 15: gateway "x" is already account 111111111111's (line 2 column 35)"#,
            ),
            (
                &["gateways:", "- a", "- b", "- a"],
                r#"line 4 column 3: gateway "a" is already one of `gateways` (line 2 column 3)"#,
            ),
            (
                &["accounts:", "- id: \"111111111111\"", "  gateways: [x,", "    x]"],
                r#"line 4 column 5: gateway "x" is already account 111111111111's (line 3 column 14)"#,
            ),
        ] {
            assert_eq!(refusal(lines), format!("{refused}: give it once"));
        }
    }

    #[test]
    fn accounts_and_access_keys_have_one_place() {
        let first = r#"- {id: "111111111111", accessKeys: [{id: AKID}]}"#;
        let second = r#"- {id: "222222222222", accessKeys: [{secret: s, id: AKID}]}"#;
        assert_eq!(
            refusal(&["accounts:", first, second]),
            r#"line 3 column 53: access key "AKID" is already account 111111111111's (line 2 column 42): give it once"#
        );
        assert_eq!(
            refusal(&["accounts:", first, r#"- {id: "111111111111", gateways: [b]}"#]),
            r#"line 3 column 8: account "111111111111" is already listed (line 2 column 8): put what belongs to it into one entry"#
        );
        // The account of all other callers may have keys that are known by name.
        let own = r#"- {id: "123456789012", gateways: [b], accessKeys: [{id: AKID}]}"#;
        SettingsChange::from_yaml(&["gateways: [a]", "accounts:", own].join("\n")).unwrap();
    }

    #[test]
    fn a_rule_behind_one_that_takes_everything_never_acts() {
        let behind = |section: &str, first: &str, second: &str| {
            let text = [&format!("{section}:"), first, second].join("\n");
            SettingsChange::from_yaml(&text).map_err(|error| error.to_string())
        };
        let refused = "line 3 column 3: this rule never acts, because the one at line 2 column 3 \
                       takes all that it matches: put the narrower one first, or limit the wider \
                       one";
        for (section, first, second) in [
            ("faults", "- fault: halfAnswer", "- {kind: GetGateway, fault: cutAfterCommit}"),
            (
                "faults",
                "- {kind: GetGateway, skip: 1, fault: halfAnswer}",
                "- {kind: GetGateway, gateway: a, skip: 1, probability: 0.5, fault: halfAnswer}",
            ),
            ("faults", "- {probability: 1, fault: halfAnswer}", "- {times: 1, fault: halfAnswer}"),
            ("outcomes", "- {gateway: a}", "- {gateway: a, name: b, transition: CREATING}"),
            ("durationRules", "- {takes: 1s}", "- {name: slow, takes: 9s}"),
        ] {
            assert_eq!(behind(section, first, second).unwrap_err(), refused, "{first} {second}");
        }
        for (section, first, second) in [
            ("faults", "- {times: 1, fault: halfAnswer}", "- {fault: halfAnswer}"),
            ("faults", "- {probability: 0.5, fault: halfAnswer}", "- {fault: halfAnswer}"),
            ("faults", "- {skip: 2, fault: halfAnswer}", "- {skip: 1, fault: halfAnswer}"),
            ("faults", "- {gateway: a, fault: halfAnswer}", "- {fault: halfAnswer}"),
            ("faults", "- {gateway: a, fault: halfAnswer}", "- {gateway: b, fault: halfAnswer}"),
            ("outcomes", "- {name: a}", "- {gateway: a}"),
            ("durationRules", "- {name: slow, takes: 9s}", "- {takes: 1s}"),
        ] {
            behind(section, first, second).unwrap();
        }
    }

    #[test]
    fn a_rule_that_can_never_act_is_refused_at_the_member_that_is_why() {
        let zero = "a rule with `times: 0` never acts: leave `times` out for one without end";
        for (section, rule, refused) in [
            ("faults", "- {times: 0, fault: halfAnswer}", format!("line 2 column 11: {zero}")),
            ("outcomes", "- {name: a, times: 0}", format!("line 2 column 20: {zero}")),
            (
                "faults",
                "- {kind: ListGateways, gateway: a, fault: halfAnswer}",
                "line 2 column 33: a ListGateways call has no gateway, so this rule never acts: \
                 leave `gateway` out"
                    .to_owned(),
            ),
            (
                "faults",
                "- {kind: ListGatewayTargets, name: a, fault: halfAnswer}",
                "line 2 column 36: a ListGatewayTargets call has no name, so this rule never acts: \
                 leave `name` out"
                    .to_owned(),
            ),
        ] {
            assert_eq!(refusal(&[&format!("{section}:"), rule]), refused);
        }
    }

    #[test]
    fn settings_made_in_rust_are_refused_by_their_members() {
        let mut settings = Settings::with_gateways(["a", "b", "a"]);
        assert_eq!(
            settings.check().unwrap_err().to_string(),
            "gateways[2]: gateway \"a\" is already one of `gateways` (gateways[0]): give it once"
        );
        settings.gateways.pop();
        settings.check().unwrap();
    }
}
