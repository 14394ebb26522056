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
    /// With so many it is time to look for those that have expired. Twice as many as there were
    /// after the last look: so the looks cost each token little, however many there are.
    full: usize,
}

/// So few are not worth a look.
const FEW: usize = 1024;

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
        if policy.ttl.is_zero() {
            return Verdict::New;
        }
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
        if self.remembered.len() >= self.full.max(FEW) {
            self.remembered.retain(|_, remembered| remembered.until > now);
            self.full = self.remembered.len() * 2;
        }
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_has_expired_takes_no_room() {
        let policy =
            TokenPolicy { ttl: std::time::Duration::from_secs(1), ..TokenPolicy::default() };
        let spec = TargetSpec::mcp_server("a", "https://a.example");
        let mut tokens = Tokens::default();
        for second in 0..10_000 {
            let now = Timestamp::from_second(second).unwrap();
            let token = second.to_string();
            tokens.remember(now, &policy, "gw", token, "0123456789".to_owned(), &spec);
        }
        assert!(tokens.remembered.len() < 2_000, "{}", tokens.remembered.len());
    }
}
