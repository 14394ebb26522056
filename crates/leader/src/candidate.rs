//! The decision: what one replica does next.
//!
//! Contract: pure. A call is made, [`heard`](Candidate::heard) of, and then the next is decided; at
//! most one is under way. What is not known is taken to be what would be worse: a renewal counts from
//! when it was sent, another's record from when it was heard of, and a write of which nothing was
//! heard counts for nothing.

use std::time::Duration;

use jiff::{SignedDuration, Timestamp};

use crate::{Found, Lease, Reading, Timing, Version};

/// What a candidate does next.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Step {
    /// Look at the record.
    Read,
    /// Make the record, because there is none.
    Create(Lease),
    /// Write the record in the place of this version.
    Replace(Lease, Version),
    /// Decide again at this time of the monotonic clock.
    Wait(Duration),
    /// Nothing any more: it has withdrawn.
    Done,
}

impl Step {
    pub(crate) fn is_call(&self) -> bool {
        match self {
            Self::Read | Self::Create(_) | Self::Replace(..) => true,
            Self::Wait(_) | Self::Done => false,
        }
    }
}

/// What came of a call.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Answer {
    /// A look: the record, if there is one.
    Read(Option<Found>),
    /// A write was carried out, and this is the record now.
    Written(Found),
    /// It was refused, or nothing was heard of it in time.
    Failed,
}

/// One replica in the election.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Candidate {
    me: String,
    pub(crate) timing: Timing,
    pub(crate) seen: Option<Seen>,
    /// When the renewal was sent by which it leads.
    pub(crate) term: Option<Reading>,
    /// A failed attempt, and a renewal, are not followed by another before.
    pub(crate) rests_until: Duration,
    /// The next look of a standby.
    pub(crate) looks_at: Duration,
    /// It wants no part in it any more.
    pub(crate) withdrawn: bool,
}

/// What was heard of the record last.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Seen {
    pub(crate) found: Option<Found>,
    /// Since when it is so, on our clock: when it was first heard of.
    pub(crate) since: Duration,
    /// For how long others may count on it as it is.
    pub(crate) lasts: Duration,
    /// Nothing has been tried since that may have changed it.
    pub(crate) is_current: bool,
}

impl Seen {
    fn holder(&self) -> &str {
        self.found.as_ref().map_or("", |found| &found.lease.holder)
    }
}

impl Candidate {
    /// A replica that knows nothing yet. The identity must be nobody else's, ever.
    #[must_use]
    pub fn new(identity: String, timing: Timing) -> Self {
        let (me, seen, term) = (identity, None, None);
        let [rests_until, looks_at] = [Duration::ZERO; 2];
        Self { me, timing, seen, term, rests_until, looks_at, withdrawn: false }
    }

    /// When the renewal was sent by which it leads, if it does.
    #[must_use]
    pub fn term(&self) -> Option<Reading> {
        self.term
    }

    /// Who leads, by what was heard last.
    #[must_use]
    pub fn leader(&self) -> Option<&str> {
        self.seen.as_ref().map(Seen::holder).filter(|holder| !holder.is_empty())
    }

    /// Decides, and lets a term go that was not renewed in time.
    pub fn decide(&mut self, now: Reading) -> Step {
        self.term = self.term.filter(|sent| now.since(*sent) < self.timing.leads_for());
        if now.monotonic < self.rests_until {
            let term_ends = self.term.map(|sent| sent.monotonic + self.timing.leads_for());
            return Step::Wait(term_ends.map_or(self.rests_until, |end| end.min(self.rests_until)));
        }
        if self.withdrawn {
            return self.withdraw_further(now);
        }
        let Some(seen) = self.seen.as_ref().filter(|seen| seen.is_current) else {
            return Step::Read;
        };
        // Who leads makes a record again that somebody took away; the others would wait for it.
        let is_ours = seen.holder() == self.me || seen.found.is_none() && self.term.is_some();
        let free_at = if is_ours { Duration::ZERO } else { seen.since + seen.lasts };
        if free_at <= now.monotonic {
            return self.claim(seen.found.as_ref(), now.wall);
        }
        if self.looks_at <= now.monotonic {
            return Step::Read;
        }
        Step::Wait(self.looks_at.min(free_at))
    }

    /// Takes in what came of a call that was sent then and heard of now.
    pub fn heard(&mut self, sent: Reading, now: Reading, answer: Answer) {
        match answer {
            Answer::Read(found) => {
                self.saw(found, now.monotonic);
                self.looks_at = sent.monotonic + self.timing.look_period();
                let deposed = self.leader().is_some_and(|leader| leader != self.me);
                self.term = self.term.filter(|_| !deposed);
            }
            Answer::Written(found) => {
                self.saw(Some(found), now.monotonic);
                if !self.withdrawn {
                    self.term = Some(sent);
                    self.rests_until = sent.monotonic + self.timing.retry_period;
                }
            }
            Answer::Failed => {
                if let Some(seen) = &mut self.seen {
                    seen.is_current = false;
                }
                self.rests_until = sent.monotonic + self.timing.retry_period;
            }
        }
    }

    /// Leads no more from now on, and wants to tell the others: [`decide`](Self::decide) says how.
    /// Nothing that needs the term may be under way.
    pub fn withdraw(&mut self) {
        self.withdrawn = true;
        self.term = None;
        self.rests_until = Duration::ZERO;
    }

    fn withdraw_further(&self, now: Reading) -> Step {
        match &self.seen {
            // A write of ours may have come through.
            Some(seen) if !seen.is_current => Step::Read,
            Some(Seen { found: Some(Found { lease, version }), .. }) if lease.holder == self.me => {
                let at = Some(now.wall);
                let empty = Lease {
                    holder: String::new(),
                    seconds: 1,
                    acquired: at,
                    renewed: at,
                    ..lease.clone()
                };
                Step::Replace(empty, version.clone())
            }
            Some(_) | None => Step::Done,
        }
    }

    fn saw(&mut self, found: Option<Found>, now: Duration) {
        let before = self.seen.take();
        let lease = |found: &Option<Found>| found.as_ref().map(|found| found.lease.clone());
        let unchanged = before.as_ref().filter(|seen| lease(&seen.found) == lease(&found));
        let lasts = match &found {
            Some(Found { lease, .. }) if lease.holder.is_empty() => Duration::ZERO,
            Some(Found { lease, .. }) => match u64::try_from(lease.seconds) {
                Ok(seconds) if seconds > 0 => Duration::from_secs(seconds),
                _ => self.timing.lease_duration,
            },
            // Who held a record that somebody took away may lead on, even if the last look showed
            // nobody; one that never was had no holder.
            None => match &before {
                Some(seen) if seen.found.is_some() => seen.lasts.max(self.timing.lease_duration),
                Some(seen) => seen.lasts,
                None => Duration::ZERO,
            },
        };
        let since = unchanged.map_or(now, |seen| seen.since);
        self.seen = Some(Seen { found, since, lasts, is_current: true });
    }

    /// The record by which it leads.
    fn claim(&self, found: Option<&Found>, now: Timestamp) -> Step {
        let fresh = Lease {
            holder: self.me.clone(),
            seconds: self.timing.lease_seconds(),
            acquired: Some(now),
            renewed: Some(now),
            transitions: 0,
        };
        let Some(Found { lease, version }) = found else { return Step::Create(fresh) };
        let lease = if lease.holder == self.me {
            // A calendar that was put back must not make a renewal look like the one before.
            let next = lease.renewed.and_then(|at| at.checked_add(TICK).ok());
            Lease {
                acquired: lease.acquired,
                renewed: next.max(Some(now)),
                transitions: lease.transitions,
                ..fresh
            }
        } else {
            Lease { transitions: lease.transitions.saturating_add(1), ..fresh }
        };
        Step::Replace(lease, version.clone())
    }
}

/// The finest that a Lease tells apart (Kubernetes API: `MicroTime`).
const TICK: SignedDuration = SignedDuration::from_micros(1);

#[cfg(test)]
mod tests;
