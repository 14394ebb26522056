//! Events: what a person sees in `kubectl describe`.
//!
//! Contract: to tell an event never delays the work and never fails it. What cannot be published in
//! time is dropped: the conditions say the same, and last longer.

use std::time::Duration;

use api::MCPServer;
use health::Pulse;
use k8s_openapi::api::core::v1::ObjectReference;
use kube::runtime::events::{Event, EventType, Recorder, Reporter};
use kube::{Client, Resource as _};
use planner::Note;
use tokio::sync::mpsc;
use tracing::debug;

/// As the Go operator and the Deployment are called.
const CONTROLLER: &str = "mcp-gateway-operator";
/// Events that wait to be published: enough for a start with a large fleet.
const WAITING: usize = 1_000;
/// How long one may take.
const TIMEOUT: Duration = Duration::from_secs(10);
/// The longest note that the API server takes, in bytes.
const NOTE_BYTES: usize = 1024;

/// Where events are told.
#[derive(Clone)]
pub(crate) struct Events {
    sender: mpsc::Sender<(ObjectReference, Note)>,
}

impl Events {
    /// Also gives the task that publishes what is told, until nobody tells anything any more.
    pub(crate) fn new(client: Client, pulse: Pulse) -> (Self, impl Future<Output = ()>) {
        let (sender, receiver) = mpsc::channel(WAITING);
        (Self { sender }, publish(client, pulse, receiver))
    }

    /// Tells what has come to pass with the resource.
    pub(crate) fn tell(&self, server: &MCPServer, note: Note) {
        if self.sender.try_send((server.object_ref(&()), note)).is_err() {
            debug!("too many events wait to be published; one is dropped");
        }
    }
}

async fn publish(
    client: Client,
    pulse: Pulse,
    mut receiver: mpsc::Receiver<(ObjectReference, Note)>,
) {
    let reporter = Reporter { controller: CONTROLLER.to_owned(), instance: None };
    let recorder = Recorder::new(client, reporter);
    while let Some((reference, note)) = pulse.keep(receiver.recv()).await {
        let event = Event {
            type_: if note.warning { EventType::Warning } else { EventType::Normal },
            reason: note.reason.to_owned(),
            note: Some(shortened(note.text)),
            action: note.action.to_owned(),
            secondary: None,
        };
        match tokio::time::timeout(TIMEOUT, recorder.publish(&event, &reference)).await {
            Ok(Ok(())) => {}
            Ok(Err(error)) => debug!(%error, "an event could not be published"),
            Err(_) => debug!("an event could not be published in time"),
        }
    }
}

fn shortened(mut text: String) -> String {
    if text.len() > NOTE_BYTES {
        let end = (0..=NOTE_BYTES - '…'.len_utf8()).rev().find(|end| text.is_char_boundary(*end));
        text.truncate(end.unwrap_or_default());
        text.push('…');
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_note_fits_whatever_it_is_made_of() {
        assert_eq!(shortened("short".to_owned()), "short");
        for text in ["x".repeat(5000), "ä".repeat(5000), "€".repeat(5000)] {
            let note = shortened(text);
            assert!(note.len() <= NOTE_BYTES && note.len() > NOTE_BYTES - 8 && note.ends_with('…'));
        }
    }
}
