//! What this process knows of its care for each resource.
//!
//! Contract: all of it may be lost at any moment; what must survive is in the resource's status.

use std::sync::PoisonError;

use agentcore::AgentCore;
use api::MCPServer;
use planner::Memory;

use super::Operator;
use crate::fleet::Key;

/// What this process knows of its care for a resource.
#[derive(Clone)]
pub(crate) struct Care {
    pub(super) uid: Option<String>,
    pub(super) memory: Memory,
    /// Whether the resource has been read live since this process cares for it.
    pub(super) live: bool,
    /// Spreads the waits of this resource.
    pub(super) seed: u64,
    /// What a dry run has told last.
    pub(super) rehearsed: Vec<(&'static str, String)>,
}

impl<A: AgentCore> Operator<A> {
    /// What is known of the care for this resource. For one that has just come, or has come again
    /// under the same name, care begins now, and that is remembered: absences count from here.
    pub(super) fn care(&self, key: &Key, server: &MCPServer) -> Care {
        let mut care = self.care.lock().unwrap_or_else(PoisonError::into_inner);
        let uid = &server.metadata.uid;
        let begin = || Care {
            uid: uid.clone(),
            memory: Memory::new(self.clock.now()),
            live: false,
            seed: fastrand::u64(..),
            rehearsed: Vec::new(),
        };
        let known = care.entry(key.clone()).or_insert_with(|| Box::new(begin()));
        if known.uid != *uid {
            **known = begin();
        }
        known.memory.notice(server, self.clock.now());
        Care::clone(known)
    }

    pub(super) fn remember(&self, key: &Key, known: Care) {
        self.care
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .insert(key.clone(), Box::new(known));
    }

    pub(super) fn forget(&self, key: &Key) {
        self.care.lock().unwrap_or_else(PoisonError::into_inner).remove(key);
    }
}
