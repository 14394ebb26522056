//! Faults on order: which calls go wrong, and how.
//!
//! Rules are asked in the order in which they were made; the first that matches and is not
//! exhausted decides. A rule counts every call that matches it, so "the third Create" can be
//! said however many rules there are.

use serde::{Deserialize, Serialize};

use crate::call::CallKind;
use crate::error::{ApiError, ErrorKind, Reason};
use crate::settings::words;
use crate::spread::{Chance, Spread};
use crate::tally::{Rule, Rules, Terms, is_wider};
use crate::target::TargetStatus;

/// One rule. Members that are absent match every call.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct FaultRule {
    /// Calls of this kind only.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub kind: Option<CallKind>,
    /// Calls on this gateway only.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub gateway: Option<String>,
    /// Calls about the target of this name only.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// How many matching calls pass before the rule acts.
    #[serde(default)]
    pub skip: u64,
    /// How many calls it acts on; absent: all from then on.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub times: Option<u64>,
    /// How likely it acts on each; absent: surely.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub probability: Option<Chance>,
    /// Seed of the draws for `probability`.
    #[serde(default)]
    pub seed: u64,
    /// What happens to them.
    pub fault: Fault,
}

/// What goes wrong.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", rename_all_fields = "camelCase", deny_unknown_fields)]
pub enum Fault {
    /// The call is not carried out; the answer is this error.
    Error {
        /// As in the header `x-amzn-errortype`.
        #[serde(deserialize_with = "words::error_code")]
        code: String,
        /// The text. Without it: a sentence that says a rule sent it.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        message: Option<String>,
        /// The HTTP status of a code outside the service model; 400 without it.
        #[serde(default, deserialize_with = "words::error_status")]
        #[serde(skip_serializing_if = "Option::is_none")]
        status: Option<u16>,
    },
    /// The call is not carried out, and the connection ends without an answer.
    CutBeforeCommit,
    /// The call is carried out, and the connection ends without an answer.
    CutAfterCommit,
    /// The call is carried out, and the connection ends in the middle of the answer's body.
    HalfAnswer,
    /// The call is not carried out, and no answer comes while the client waits.
    HangBeforeCommit,
    /// The call is carried out, and no answer comes while the client waits.
    HangAfterCommit,
    /// The call is carried out, and the answer takes this much longer.
    Slow(Spread),
    /// The call is not carried out: the service does not know who is calling.
    CredentialsRefused,
    /// The call is carried out, and its answer shows every target in this status, which need not
    /// be one that clients know.
    ShowStatus(TargetStatus),
}

/// What a rule is matched against.
#[derive(Debug)]
pub(crate) struct Subject<'a> {
    pub(crate) kind: CallKind,
    pub(crate) gateway: Option<&'a str>,
    pub(crate) name: Option<&'a str>,
}

/// The rules in force.
pub(crate) type Faults = Rules<FaultRule>;

impl FaultRule {
    /// A rule for every call, for ever.
    #[must_use]
    pub fn always(fault: Fault) -> Self {
        Self {
            kind: None,
            gateway: None,
            name: None,
            skip: 0,
            times: None,
            probability: None,
            seed: 0,
            fault,
        }
    }

    /// A rule for every call of one kind, for ever.
    #[must_use]
    pub fn on(kind: CallKind, fault: Fault) -> Self {
        Self { kind: Some(kind), ..Self::always(fault) }
    }

    /// The next call of one kind.
    #[must_use]
    pub fn next(kind: CallKind, fault: Fault) -> Self {
        Self::nth(kind, 1, fault)
    }

    /// The `n`-th call of one kind from now on; the first is 1.
    #[must_use]
    pub fn nth(kind: CallKind, n: u64, fault: Fault) -> Self {
        Self { skip: n.saturating_sub(1), times: Some(1), ..Self::on(kind, fault) }
    }

    /// The same on one gateway only.
    #[must_use]
    pub fn gateway(self, gateway: impl Into<String>) -> Self {
        Self { gateway: Some(gateway.into()), ..self }
    }

    /// The same for targets of one name only.
    #[must_use]
    pub fn name(self, name: impl Into<String>) -> Self {
        Self { name: Some(name.into()), ..self }
    }

    /// The same for this many calls.
    #[must_use]
    pub fn times(self, times: u64) -> Self {
        Self { times: Some(times), ..self }
    }

    /// The same for a share of the calls, drawn from a seed.
    #[must_use]
    pub fn probability(self, chance: Chance, seed: u64) -> Self {
        Self { probability: Some(chance), seed, ..self }
    }

    pub(crate) fn matches(&self, subject: &Subject<'_>) -> bool {
        let is = |wanted: &Option<String>, found: Option<&str>| {
            wanted.as_deref().is_none_or(|wanted| found == Some(wanted))
        };
        self.kind.is_none_or(|kind| kind == subject.kind)
            && is(&self.gateway, subject.gateway)
            && is(&self.name, subject.name)
    }
}

impl Fault {
    /// An error of the service model, by its code.
    #[must_use]
    pub fn error(code: &str) -> Self {
        Self::Error { code: code.to_owned(), message: None, status: None }
    }

    /// The error to answer, if this fault is one.
    pub(crate) fn to_error(&self) -> Option<ApiError> {
        match self {
            Self::Error { code, message, status } => {
                let message = message.clone().unwrap_or_else(|| "Sent by a fault rule".to_owned());
                let kind = ErrorKind::from_code(code, *status);
                // The model requires a reason of every ValidationException.
                let reason =
                    (kind == ErrorKind::Validation).then_some(Reason::FieldValidationFailed);
                Some(ApiError { reason, ..ApiError::new(kind, message) })
            }
            Self::CredentialsRefused => Some(ApiError::door(
                "UnrecognizedClientException",
                "The security token included in the request is invalid.",
            )),
            Self::CutBeforeCommit
            | Self::CutAfterCommit
            | Self::HalfAnswer
            | Self::HangBeforeCommit
            | Self::HangAfterCommit
            | Self::Slow(_)
            | Self::ShowStatus(_) => None,
        }
    }
}

impl Rule for FaultRule {
    fn terms(&self) -> Terms {
        Terms { skip: self.skip, times: self.times, probability: self.probability }
    }

    fn seed(&self) -> u64 {
        self.seed
    }

    fn covers(&self, other: &Self) -> bool {
        is_wider(self.kind.as_ref(), other.kind.as_ref())
            && is_wider(self.gateway.as_ref(), other.gateway.as_ref())
            && is_wider(self.name.as_ref(), other.name.as_ref())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn create() -> Subject<'static> {
        Subject { kind: CallKind::CreateGatewayTarget, gateway: Some("gw"), name: Some("weather") }
    }

    fn struck(rule: FaultRule, calls: usize) -> Vec<bool> {
        let mut faults = Faults::new([rule]);
        (0..calls).map(|_| faults.strike(|rule| rule.matches(&create())).is_some()).collect()
    }

    #[test]
    fn rules_count() {
        let kind = CallKind::CreateGatewayTarget;
        let rule = FaultRule::next(kind, Fault::CutAfterCommit);
        assert_eq!(struck(rule, 3), [true, false, false]);
        let rule = FaultRule::nth(kind, 2, Fault::CutAfterCommit);
        assert_eq!(struck(rule, 3), [false, true, false]);
        let rule = FaultRule::on(kind, Fault::CutAfterCommit);
        assert_eq!(struck(rule, 3), [true, true, true]);
        let rule = FaultRule::on(kind, Fault::CutAfterCommit).times(2);
        assert_eq!(struck(rule, 3), [true, true, false]);
    }

    #[test]
    fn rules_match_what_they_name() {
        let kind = CallKind::CreateGatewayTarget;
        let rule = FaultRule::on(kind, Fault::CutBeforeCommit);
        assert_eq!(struck(rule.clone().gateway("gw").name("weather"), 1), [true]);
        assert_eq!(struck(rule.clone().gateway("other"), 1), [false]);
        assert_eq!(struck(rule.name("other"), 1), [false]);
        let other = FaultRule::on(CallKind::GetGateway, Fault::CutBeforeCommit);
        assert_eq!(struck(other, 1), [false]);
    }

    #[test]
    fn a_share_of_the_calls_is_the_same_with_the_same_seed() {
        let rule = FaultRule::always(Fault::HalfAnswer).probability(Chance::of(0.5), 3);
        let first = struck(rule.clone(), 100);
        assert_eq!(struck(rule.clone(), 100), first);
        assert!((30..70).contains(&first.iter().filter(|struck| **struck).count()));
        assert_ne!(struck(FaultRule { seed: 4, ..rule }, 100), first);
    }

    #[test]
    fn rules_are_read_from_json() {
        let rule: FaultRule = serde_json::from_str(
            r#"{"kind": "CreateGatewayTarget", "skip": 1, "times": 1,
                "fault": {"error": {"code": "ThrottlingException"}}}"#,
        )
        .unwrap();
        let fault = Fault::error("ThrottlingException");
        assert_eq!(rule, FaultRule::nth(CallKind::CreateGatewayTarget, 2, fault));
        let cut: FaultRule = serde_json::from_str(r#"{"fault": "cutAfterCommit"}"#).unwrap();
        assert_eq!(cut.fault, Fault::CutAfterCommit);
        for (text, fault) in [
            (r#"{"slow": "2s"}"#, Fault::Slow(Spread::Fixed(std::time::Duration::from_secs(2)))),
            (r#""credentialsRefused""#, Fault::CredentialsRefused),
            (r#"{"showStatus": "ODD"}"#, Fault::ShowStatus(TargetStatus::Other("ODD".into()))),
        ] {
            assert_eq!(serde_json::from_str::<Fault>(text).unwrap(), fault);
        }
        let typo = serde_json::from_str::<FaultRule>(r#"{"knid": "x", "fault": "cutAfterCommit"}"#);
        assert!(typo.unwrap_err().to_string().contains("knid"));
    }
}
