//! Client tokens: which Create each one stood for, and what a repeat gives.

use std::collections::HashMap;

use jiff::Timestamp;

use super::gateway::Target;
use crate::clock::later;
use crate::settings::{TokenAfterDelete, TokenMismatch, TokenPolicy};
use crate::target::{TargetSpec, TargetStatus};

/// The Creates that are remembered, by gateway and token.
#[derive(Debug, Default)]
pub(crate) struct Tokens {
    remembered: HashMap<(String, String), Remembered>,
}

/// What the first call made. The parameters are kept as text, which takes a tenth of the room that
/// the parsed form takes: clients send a token with every Create, and all are kept for long.
#[derive(Debug)]
struct Remembered {
    until: Timestamp,
    target: String,
    created_at: Timestamp,
    spec: String,
}

/// What to do about a Create that carries a token.
#[derive(Debug)]
pub(crate) enum Verdict {
    /// Never seen, or no longer known: create.
    New,
    /// The same call as before: answer with its target.
    Repeat {
        /// The target as the first call made it.
        first: Box<Target>,
    },
    /// Known with other parameters: refuse.
    Mismatch,
}

impl Tokens {
    /// `is_alive` tells whether the target with this ID still exists.
    pub(crate) fn judge(
        &mut self,
        now: Timestamp,
        policy: &TokenPolicy,
        gateway: &str,
        token: &str,
        spec: &TargetSpec,
        is_alive: impl FnOnce(&str) -> bool,
    ) -> Verdict {
        let key = (gateway.to_owned(), token.to_owned());
        let Some(known) = self.remembered.get(&key) else { return Verdict::New };
        let dead = !is_alive(&known.target);
        let forgotten =
            known.until <= now || (dead && policy.after_delete == TokenAfterDelete::Create);
        if forgotten {
            self.remembered.remove(&key);
            return Verdict::New;
        }
        if policy.mismatch == TokenMismatch::Refuse && Some(&known.spec) != text(spec).as_ref() {
            return Verdict::Mismatch;
        }
        known.target().map_or(Verdict::New, |first| Verdict::Repeat { first: Box::new(first) })
    }

    pub(crate) fn remember(
        &mut self,
        now: Timestamp,
        policy: &TokenPolicy,
        gateway: &str,
        token: String,
        target: String,
        spec: &TargetSpec,
    ) {
        let Some(spec) = text(spec).filter(|_| !policy.ttl.is_zero()) else { return };
        let until = later(now, policy.ttl);
        let remembered = Remembered { until, target, created_at: now, spec };
        self.remembered.insert((gateway.to_owned(), token), remembered);
    }

    /// Forgets what belonged to a gateway that is gone.
    pub(crate) fn forget_gateway(&mut self, gateway: &str) {
        self.remembered.retain(|(of, _), _| of != gateway);
    }
}

impl Remembered {
    /// The target as the first call made it.
    fn target(&self) -> Option<Target> {
        Some(Target {
            id: self.target.clone(),
            spec: serde_json::from_str(&self.spec).ok()?,
            status: TargetStatus::Creating,
            reasons: Vec::new(),
            created_at: self.created_at,
            updated_at: self.created_at,
            synchronized_at: None,
            due: None,
            authorization: None,
        })
    }
}

/// The same for the same parameters: members are written in the order of their names.
fn text(spec: &TargetSpec) -> Option<String> {
    serde_json::to_string(spec).ok()
}
