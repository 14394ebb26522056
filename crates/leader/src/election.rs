//! The loop around the decision: makes the calls, keeps the time, and tells where it stands.
//!
//! Contract: a call takes a limited time and is made once. A term that is over permits nothing from
//! that moment on, even while a call hangs. After a loss the replica goes on as a candidate: whether
//! that is wanted, or the process rather ends, is the choice of the caller, who hears of it.

use std::fmt;
use std::pin::pin;
use std::time::Duration;

use tokio::sync::watch;
use tokio::time::{Instant, sleep_until, timeout, timeout_at};
use tracing::{debug, info, warn};

use crate::{Answer, Candidate, Clock, Error, Leases, Step, Term, Timing};

/// Where a replica stands.
#[derive(Clone, Debug)]
pub enum Standing {
    /// Somebody else leads, or nobody: what the Lease said last.
    Standby(Option<String>),
    /// This replica leads while the term lasts.
    Leader(Term),
}

impl Standing {
    /// The term, of a leader.
    #[must_use]
    pub fn term(&self) -> Option<&Term> {
        match self {
            Self::Standby(_) => None,
            Self::Leader(term) => Some(term),
        }
    }
}

/// A candidacy.
#[derive(Debug)]
pub struct Election<L> {
    leases: L,
    candidate: Candidate,
    timing: Timing,
    clock: Clock,
    standing: watch::Sender<Standing>,
    /// The last call failed, and that has been said.
    is_failing: bool,
    beat: Beat,
}

/// Who hears of every turn of the loop.
struct Beat(Box<dyn Fn(Duration) + Send>);

impl fmt::Debug for Beat {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Beat")
    }
}

impl<L: Leases> Election<L> {
    /// A candidacy under this identity, and where it stands. Nothing happens before it
    /// [runs](Self::run).
    #[must_use]
    pub fn new(
        leases: L,
        identity: String,
        timing: Timing,
        clock: Clock,
    ) -> (Self, watch::Receiver<Standing>) {
        let (standing, stands) = watch::channel(Standing::Standby(None));
        let candidate = Candidate::new(identity, timing);
        let beat = Beat(Box::new(|_| {}));
        (Self { leases, candidate, timing, clock, standing, is_failing: false, beat }, stands)
    }

    /// The same, and this hears in every turn of the loop within which time there will be another.
    #[must_use]
    pub fn with_beat(mut self, beat: impl Fn(Duration) + Send + 'static) -> Self {
        self.beat = Beat(Box::new(beat));
        self
    }

    /// Stands until `stop`, then lets the Lease go, so that another replica has it at once. By then
    /// everything has to have ended that needs the term.
    pub async fn run(mut self, stop: impl Future<Output = ()>) {
        let mut stop = pin!(stop);
        loop {
            let begun = self.clock.read();
            let next = self.candidate.decide(begun);
            self.tell();
            (self.beat.0)(match &next {
                Step::Wait(until) => until.saturating_sub(begun.monotonic),
                Step::Read | Step::Create(_) | Step::Replace(..) | Step::Done => {
                    self.timing.call_timeout()
                }
            });
            let (answer, ends) = tokio::select! {
                biased;
                // A call that is given up may yet be carried out.
                () = &mut stop => (next.is_call().then_some(Answer::Failed), true),
                answer = self.take(&next) => (answer, false),
            };
            if let Some(answer) = answer {
                self.candidate.heard(begun, self.clock.read(), answer);
            }
            if ends {
                break;
            }
        }
        self.candidate.withdraw();
        self.tell();
        if timeout(self.timing.call_timeout(), self.let_go()).await.is_err() {
            warn!("the Lease could not be let go: others wait until it is over");
        }
    }

    async fn let_go(&mut self) {
        loop {
            let begun = self.clock.read();
            let step = self.candidate.decide(begun);
            if step == Step::Done {
                break;
            }
            if let Some(answer) = self.take(&step).await {
                self.candidate.heard(begun, self.clock.read(), answer);
            }
        }
    }

    /// Takes the step; `None` when it was no call. May be dropped.
    async fn take(&mut self, step: &Step) -> Option<Answer> {
        let limit = self.limit();
        let call = async {
            Ok(Some(match step {
                Step::Read => Answer::Read(self.leases.get().await?),
                Step::Create(lease) => Answer::Written(self.leases.create(lease).await?),
                Step::Replace(lease, version) => {
                    Answer::Written(self.leases.replace(lease, version).await?)
                }
                Step::Wait(until) => {
                    sleep_until(self.clock.instant(*until)).await;
                    return Ok(None);
                }
                Step::Done => return Ok(None),
            }))
        };
        let result = if step.is_call() {
            let late = || Error::Failed("no answer within the time limit".to_owned());
            timeout_at(limit, call).await.unwrap_or_else(|_| Err(late()))
        } else {
            call.await
        };
        match result {
            Ok(answer) => {
                self.is_failing &= answer.is_none();
                answer
            }
            Err(error) => {
                self.complain(&error);
                Some(Answer::Failed)
            }
        }
    }

    /// When a call is given up that begins now: a leader has to notice that it leads no more.
    fn limit(&self) -> Instant {
        let limit = Instant::now() + self.timing.call_timeout();
        let term = self.candidate.term();
        let end = term.map(|sent| self.clock.instant(sent.monotonic + self.timing.leads_for()));
        end.map_or(limit, |end| end.min(limit))
    }

    fn complain(&mut self, error: &Error) {
        match error {
            Error::Conflict => debug!("somebody else has written the Lease"),
            Error::Failed(_) if self.is_failing => {
                debug!(%error, "a call for the Lease failed again");
            }
            Error::Failed(_) => {
                self.is_failing = true;
                warn!(%error, leads = self.candidate.term().is_some(), "a call for the Lease failed");
            }
        }
    }

    /// Tells where it stands, if that is new.
    fn tell(&self) {
        let leader = self.candidate.leader();
        self.standing.send_if_modified(|standing| match (&*standing, self.candidate.term()) {
            (Standing::Leader(term), Some(sent)) => {
                term.renew(sent);
                false
            }
            (Standing::Leader(term), None) => {
                term.end();
                warn!("leads no more");
                *standing = Standing::Standby(leader.map(str::to_owned));
                true
            }
            (Standing::Standby(_), Some(sent)) => {
                info!("leads");
                let term = Term::new(self.clock.clone(), self.timing, sent);
                *standing = Standing::Leader(term);
                true
            }
            (Standing::Standby(before), None) if before.as_deref() == leader => false,
            (Standing::Standby(_), None) => {
                info!(leader, "stands by");
                *standing = Standing::Standby(leader.map(str::to_owned));
                true
            }
        });
    }
}

impl<L> Drop for Election<L> {
    /// Nobody renews it any more.
    fn drop(&mut self) {
        if let Standing::Leader(term) = &*self.standing.borrow() {
            term.end();
        }
    }
}

#[cfg(test)]
mod tests;
