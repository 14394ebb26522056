//! Client tokens: which Create each one stood for, and what a repeat gives.

use std::collections::HashMap;

use jiff::Timestamp;

use crate::clock::later;
use crate::settings::{TokenAfterDelete, TokenMismatch, TokenPolicy};
use crate::target::{TargetSpec, TargetView};

/// The Creates that are remembered, by gateway and token.
#[derive(Debug, Default)]
pub(crate) struct Tokens {
    remembered: HashMap<(String, String), Remembered>,
}

#[derive(Debug)]
struct Remembered {
    until: Timestamp,
    spec: TargetSpec,
    first_answer: TargetView,
}

/// What to do about a Create that carries a token.
#[derive(Debug)]
pub(crate) enum Verdict {
    /// Never seen, or no longer known: create.
    New,
    /// The same call as before: answer with its target.
    Repeat { first_answer: Box<TargetView> },
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
        let dead = !is_alive(&known.first_answer.target_id);
        let forgotten =
            known.until <= now || (dead && policy.after_delete == TokenAfterDelete::Create);
        if forgotten {
            self.remembered.remove(&key);
            return Verdict::New;
        }
        if policy.mismatch == TokenMismatch::Refuse && known.spec != *spec {
            return Verdict::Mismatch;
        }
        Verdict::Repeat { first_answer: Box::new(known.first_answer.clone()) }
    }

    pub(crate) fn remember(
        &mut self,
        now: Timestamp,
        policy: &TokenPolicy,
        gateway: &str,
        token: String,
        spec: TargetSpec,
        first_answer: TargetView,
    ) {
        if policy.ttl.is_zero() {
            return;
        }
        let until = later(now, policy.ttl);
        let remembered = Remembered { until, spec, first_answer };
        self.remembered.insert((gateway.to_owned(), token), remembered);
    }

    /// Forgets what belonged to a gateway that is gone.
    pub(crate) fn forget_gateway(&mut self, gateway: &str) {
        self.remembered.retain(|(of, _), _| of != gateway);
    }
}
