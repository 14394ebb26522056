//! The call log: what was asked, in order, and what came of it.
//!
//! A bounded ring, so that a long run does not fill the memory; the counters see every call.

use std::collections::{BTreeMap, VecDeque};

use jiff::Timestamp;
use serde::Serialize;

use crate::call::CallKind;

/// One call.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct CallRecord {
    /// Position among all calls, the first being 1.
    pub sequence: u64,
    /// When it was carried out, by the emulator's clock.
    pub time: Timestamp,
    /// Which operation.
    pub kind: CallKind,
    /// The gateway in the path.
    pub gateway: Option<String>,
    /// The target: in the path or list, or the one that was created.
    pub target: Option<String>,
    /// The target's name, where the call or the state knows it.
    pub name: Option<String>,
    /// The client token in the body.
    pub client_token: Option<String>,
    /// What came of it.
    pub outcome: Outcome,
}

/// What came of a call.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase", rename_all_fields = "camelCase")]
pub enum Outcome {
    /// An answer was sent.
    Answered {
        /// The HTTP status.
        status: u16,
        /// The error code, when it was an error.
        error: Option<String>,
    },
    /// The connection was cut in the middle of the answer.
    HalfAnswered {
        /// The HTTP status.
        status: u16,
        /// The error code, when it was an error.
        error: Option<String>,
    },
    /// Nothing was done, and no answer was sent.
    HungBeforeCommit,
    /// The call was carried out, and no answer was sent.
    HungAfterCommit {
        /// The HTTP status that the client never saw.
        status: u16,
        /// The error code that the client never saw.
        error: Option<String>,
    },
    /// Nothing was done, and the connection was cut.
    CutBeforeCommit,
    /// The call was carried out, and the connection was cut before the answer.
    CutAfterCommit {
        /// The HTTP status that the client never saw.
        status: u16,
        /// The error code that the client never saw.
        error: Option<String>,
    },
}

impl CallRecord {
    /// Whether the call was carried out with success, whatever the client got to see of it.
    #[must_use]
    pub fn was_accepted(&self) -> bool {
        match &self.outcome {
            Outcome::Answered { error, .. }
            | Outcome::HalfAnswered { error, .. }
            | Outcome::HungAfterCommit { error, .. }
            | Outcome::CutAfterCommit { error, .. } => error.is_none(),
            Outcome::CutBeforeCommit | Outcome::HungBeforeCommit => false,
        }
    }

    /// Whether it asks for a change.
    #[must_use]
    pub fn is_write(&self) -> bool {
        match self.kind {
            CallKind::CreateGateway
            | CallKind::DeleteGateway
            | CallKind::CreateGatewayTarget
            | CallKind::UpdateGatewayTarget
            | CallKind::DeleteGatewayTarget
            | CallKind::SynchronizeGatewayTargets => true,
            CallKind::GetGateway
            | CallKind::ListGateways
            | CallKind::GetGatewayTarget
            | CallKind::ListGatewayTargets
            | CallKind::GetCallerIdentity
            | CallKind::AssumeRoleWithWebIdentity
            | CallKind::GetContainerCredentials => false,
        }
    }
}

#[derive(Debug)]
pub(crate) struct Log {
    records: VecDeque<CallRecord>,
    capacity: usize,
    last: u64,
    counters: BTreeMap<CallKind, u64>,
}

/// How much of a text that a client sent is kept, in characters: as much as the service model
/// allows of the longest. Bodies may be large, and the ring holds many of them.
const LONGEST: usize = 256;

impl Log {
    pub(crate) fn new(capacity: usize) -> Self {
        Self { records: VecDeque::new(), capacity, last: 0, counters: BTreeMap::new() }
    }

    /// Adds a record and gives it its number.
    pub(crate) fn push(&mut self, mut record: CallRecord) {
        self.last += 1;
        record.sequence = self.last;
        let texts =
            [&mut record.gateway, &mut record.target, &mut record.name, &mut record.client_token];
        texts.into_iter().flatten().for_each(shorten);
        *self.counters.entry(record.kind).or_default() += 1;
        if self.records.len() >= self.capacity {
            self.records.pop_front();
        }
        if self.capacity > 0 {
            self.records.push_back(record);
        }
    }

    /// The records after this number that are still here.
    pub(crate) fn since(&self, sequence: u64) -> Vec<CallRecord> {
        self.records.iter().filter(|record| record.sequence > sequence).cloned().collect()
    }

    pub(crate) fn last_sequence(&self) -> u64 {
        self.last
    }

    pub(crate) fn counters(&self) -> BTreeMap<CallKind, u64> {
        self.counters.clone()
    }

    /// Empties the ring and the counters; numbers go on.
    pub(crate) fn clear(&mut self) {
        self.records.clear();
        self.counters.clear();
    }
}

fn shorten(text: &mut String) {
    if let Some((end, _)) = text.char_indices().nth(LONGEST) {
        text.truncate(end);
        text.shrink_to_fit();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_record_is_small_whatever_a_client_sent() {
        let mut log = Log::new(1);
        log.push(CallRecord {
            sequence: 0,
            time: Timestamp::UNIX_EPOCH,
            kind: CallKind::CreateGatewayTarget,
            gateway: Some("gw".to_owned()),
            target: None,
            name: Some("ä".repeat(1_000_000)),
            client_token: None,
            outcome: Outcome::CutBeforeCommit,
        });
        let record = log.since(0).remove(0);
        assert_eq!(record.gateway.as_deref(), Some("gw"));
        assert_eq!(record.name.unwrap().chars().count(), LONGEST);
    }
}
