//! How many resources have each condition, kept as they come, change and go.
//!
//! Contract: words of our own only, so that there are not more of them than this version knows: what
//! others write into a status counts as `Other`, and conditions of theirs do not count. A resource that
//! says nothing of `Ready` is one that nobody has got to yet.

use std::collections::HashMap;

use api::{ConditionType, MCPServer, Reason};

/// Instead of a word that this version does not know.
pub(crate) const OTHER: &str = "Other";

/// Type, status and reason.
type Words = [&'static str; 3];

/// What is said of one that cannot be read.
const UNREADABLE: Words = ["Ready", "False", "Unreadable"];

#[derive(Debug, Default)]
pub(super) struct Tally(HashMap<Words, u32>);

impl Tally {
    pub(super) fn counts(&self) -> &HashMap<Words, u32> {
        &self.0
    }

    pub(super) fn add(&mut self, server: &MCPServer) {
        for words in words(server) {
            self.more(words);
        }
    }

    pub(super) fn remove(&mut self, server: &MCPServer) {
        for words in words(server) {
            self.less(words);
        }
    }

    /// One that cannot be read, whatever it says itself.
    pub(super) fn add_unreadable(&mut self) {
        self.more(UNREADABLE);
    }

    pub(super) fn remove_unreadable(&mut self) {
        self.less(UNREADABLE);
    }

    fn more(&mut self, words: Words) {
        *self.0.entry(words).or_default() += 1;
    }

    fn less(&mut self, words: Words) {
        if let Some(count) = self.0.get_mut(&words) {
            *count = count.saturating_sub(1);
            if *count == 0 {
                self.0.remove(&words);
            }
        }
    }
}

fn words(server: &MCPServer) -> Vec<Words> {
    let conditions = server.status.as_ref().map_or(&[][..], |status| &status.conditions);
    let mut all: Vec<Words> = conditions
        .iter()
        .filter_map(|condition| {
            let kinds = ConditionType::ALL.iter().map(|kind| kind.as_str());
            let kind = kinds.into_iter().find(|kind| *kind == condition.type_)?;
            let mut reasons = Reason::ALL.iter().map(|reason| reason.as_str());
            let reason = reasons.find(|reason| *reason == condition.reason).unwrap_or(OTHER);
            let status = match condition.status.as_str() {
                "True" => "True",
                "False" => "False",
                _ => "Unknown",
            };
            Some([kind, status, reason])
        })
        .collect();
    let ready = ConditionType::Ready.as_str();
    if !all.iter().any(|[kind, ..]| *kind == ready) {
        all.push([ready, "Unknown", Reason::Pending.as_str()]);
    }
    all
}

#[cfg(test)]
mod tests {
    use api::MCPServerStatus;
    use k8s_openapi::apimachinery::pkg::apis::meta::v1::{Condition, Time};

    use super::*;

    fn saying(conditions: &[Words]) -> MCPServer {
        let condition = |[kind, status, reason]: &Words| Condition {
            type_: (*kind).to_owned(),
            status: (*status).to_owned(),
            reason: (*reason).to_owned(),
            message: String::new(),
            observed_generation: None,
            last_transition_time: Time(jiff::Timestamp::UNIX_EPOCH),
        };
        let conditions = conditions.iter().map(condition).collect();
        let status = Some(MCPServerStatus { conditions, ..MCPServerStatus::default() });
        MCPServer { status, ..MCPServer::default() }
    }

    #[test]
    fn each_is_counted_for_as_long_as_it_is_there() {
        let mut tally = Tally::default();
        let ready = ["Ready", "True", "GatewayTargetReady"];
        let pending = ["Ready", "Unknown", "Pending"];
        tally.add(&saying(&[ready]));
        tally.add(&saying(&[ready]));
        tally.add(&MCPServer::default());
        assert_eq!(*tally.counts(), HashMap::from([(ready, 2), (pending, 1)]));
        tally.remove(&saying(&[ready]));
        tally.remove(&MCPServer::default());
        assert_eq!(*tally.counts(), HashMap::from([(ready, 1)]));
    }

    #[test]
    fn the_words_of_others_are_not_repeated() {
        let mut tally = Tally::default();
        tally.add(&saying(&[["Ready", "Maybe", "BecauseISaySo"], ["Blessed", "True", "Theirs"]]));
        assert_eq!(*tally.counts(), HashMap::from([(["Ready", "Unknown", OTHER], 1)]));
    }
}
