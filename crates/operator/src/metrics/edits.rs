//! How long it takes from a person's edit until the resource is Ready with it.
//!
//! Contract: an edit counts from when the watch showed it to this process, so that no other clock has a
//! part in it; one made before is not measured. Of several in a row the last counts. Nothing is kept
//! of a resource that is Ready, goes, or is gone.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use api::{ConditionType, MCPServer};
use tokio::time::Instant;

use crate::fleet::Key;

/// The edits that nobody is Ready with yet.
#[derive(Debug, Default)]
pub(crate) struct Edits(Mutex<HashMap<Key, (i64, Instant)>>);

impl Edits {
    /// The watch has shown a change that led from one to the other.
    pub(crate) fn seen(&self, before: Option<&MCPServer>, after: &MCPServer) -> Option<Duration> {
        let generation = after.metadata.generation.unwrap_or_default();
        let known = before.is_some_and(|before| {
            before.metadata.uid == after.metadata.uid
                && before.metadata.generation == after.metadata.generation
        });
        let mut edits = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if !known && !is_ready(after) && after.metadata.deletion_timestamp.is_none() {
            edits.insert(Key::of(after), (generation, Instant::now()));
        }
        drop(edits);
        self.look(after)
    }

    /// This is how the resource is now. Since when, if it is Ready with its edit.
    pub(crate) fn look(&self, server: &MCPServer) -> Option<Duration> {
        let key = Key::of(server);
        let ready = is_ready(server);
        if !ready && server.metadata.deletion_timestamp.is_none() {
            return None;
        }
        let mut edits = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let (generation, at) = edits.remove(&key)?;
        (ready && server.metadata.generation == Some(generation)).then(|| at.elapsed())
    }

    /// The resource is gone.
    pub(crate) fn forget(&self, key: &Key) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).remove(key);
    }
}

/// Whether it is Ready with its newest generation.
fn is_ready(server: &MCPServer) -> bool {
    let Some(status) = &server.status else { return false };
    let ready = ConditionType::Ready.as_str();
    let mut conditions = status.conditions.iter();
    status.observed_generation == server.metadata.generation
        && conditions.any(|condition| condition.type_ == ready && condition.status == "True")
}

#[cfg(test)]
mod tests {
    use api::{MCPServerSpec, MCPServerStatus, Reason};
    use k8s_openapi::apimachinery::pkg::apis::meta::v1::{Condition, Time};

    use super::*;

    fn server(generation: i64, ready: Option<i64>) -> MCPServer {
        let mut server = MCPServer::new("weather", MCPServerSpec::default());
        server.metadata.generation = Some(generation);
        server.status = ready.map(|observed| MCPServerStatus {
            observed_generation: Some(observed),
            conditions: vec![Condition {
                type_: ConditionType::Ready.as_str().to_owned(),
                status: "True".to_owned(),
                reason: Reason::GatewayTargetReady.as_str().to_owned(),
                message: String::new(),
                observed_generation: Some(observed),
                last_transition_time: Time(jiff::Timestamp::UNIX_EPOCH),
            }],
            ..MCPServerStatus::default()
        });
        server
    }

    #[tokio::test(start_paused = true)]
    async fn an_edit_counts_from_when_it_is_seen_until_ready_with_it() {
        let edits = Edits::default();
        let second = Duration::from_secs(1);
        assert_eq!(edits.seen(None, &server(1, None)), None);
        tokio::time::advance(second).await;
        assert_eq!(edits.look(&server(1, Some(1))), Some(second));
        assert_eq!(edits.look(&server(1, Some(1))), None, "once");

        let before = server(1, Some(1));
        assert_eq!(edits.seen(Some(&before), &server(2, Some(1))), None);
        tokio::time::advance(second).await;
        // Ready still says what was.
        assert_eq!(edits.look(&server(2, Some(1))), None);
        assert_eq!(edits.seen(Some(&server(2, Some(1))), &server(3, Some(1))), None);
        tokio::time::advance(second).await;
        assert_eq!(edits.look(&server(3, Some(3))), Some(second), "of two the last counts");
    }

    #[tokio::test(start_paused = true)]
    async fn nothing_is_kept_of_who_goes() {
        let edits = Edits::default();
        assert_eq!(edits.seen(None, &server(1, None)), None);
        let mut going = server(2, None);
        going.metadata.deletion_timestamp = Some(Time(jiff::Timestamp::UNIX_EPOCH));
        assert_eq!(edits.seen(Some(&server(1, None)), &going), None);
        assert!(edits.0.lock().unwrap().is_empty());
        // What a process finds at its start was edited nobody knows when.
        assert_eq!(edits.seen(Some(&server(1, None)), &server(1, Some(1))), None);
    }
}
