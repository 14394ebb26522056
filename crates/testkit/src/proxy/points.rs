//! Which points a process has come by, and what befalls it at one of them.
//!
//! Contract: a point is named by its call and by how many of these there were, so it means the
//! same from run to run. Once the process is to die, whatever else it asks for comes to nothing:
//! it has died at that point, however long its end takes. Of what an earlier life asks for nothing
//! comes, either.

use std::collections::HashMap;
use std::fmt;
use std::str::FromStr;
use std::sync::{Mutex, MutexGuard, PoisonError};

use anyhow::{Context, Error, Result, bail};
use tokio::sync::watch;

/// A call to AWS or a write to Kubernetes, of those that were made while it was counted.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Point {
    call: String,
    /// The first of its kind is 1.
    number: usize,
}

impl fmt::Display for Point {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}#{}", self.call, self.number)
    }
}

impl FromStr for Point {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        let (call, number) = text.rsplit_once('#').context("a point is like patch status#2")?;
        Ok(Self { call: call.to_owned(), number: number.parse()? })
    }
}

/// What befalls a call to AWS or a write to Kubernetes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Cut {
    /// It is not served, and the process hears of a broken connection.
    Before,
    /// It is carried out, and the process hears of a broken connection.
    After,
    /// The process dies before it is served.
    DiesBefore,
    /// The process dies after it is carried out and before the answer comes.
    DiesAfter,
    /// The process dies with the answer in hand.
    DiesAnswered,
}

impl Cut {
    /// Every way to cut.
    pub const ALL: [Self; 5] =
        [Self::Before, Self::After, Self::DiesBefore, Self::DiesAfter, Self::DiesAnswered];

    /// Whether the call is carried out.
    pub(super) fn commits(self) -> bool {
        match self {
            Self::Before | Self::DiesBefore => false,
            Self::After | Self::DiesAfter | Self::DiesAnswered => true,
        }
    }

    /// Whether the process dies.
    fn kills(self) -> bool {
        match self {
            Self::Before | Self::After => false,
            Self::DiesBefore | Self::DiesAfter | Self::DiesAnswered => true,
        }
    }
}

impl fmt::Display for Cut {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{self:?}")
    }
}

impl FromStr for Cut {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        match Self::ALL.into_iter().find(|cut| cut.to_string() == text) {
            Some(cut) => Ok(cut),
            None => bail!("no cut {text}: one of {:?}", Self::ALL),
        }
    }
}

/// What becomes of a call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Fate {
    /// It goes its way.
    Comes,
    /// It is neither served nor answered.
    Nothing,
    /// This befalls it.
    Cut(Cut),
}

/// One process after another: which.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Default)]
pub struct Life(usize);

/// How far the cut has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Stage {
    /// The point has not been reached, or none is to be cut.
    Ahead,
    /// It has been reached, and what befalls it goes on.
    Struck,
    /// Now the process has to be killed.
    KillIsDue,
    /// All is done.
    Over,
}

/// The points of one story, shared by the proxies that it goes through.
#[derive(Debug)]
pub struct Points {
    state: Mutex<State>,
    stage: watch::Sender<Stage>,
}

#[derive(Debug, Default)]
struct State {
    life: Life,
    /// The process of this life is as good as dead.
    is_dead: bool,
    counts: bool,
    numbers: HashMap<String, usize>,
    seen: Vec<Point>,
    cut: Option<(Point, Cut)>,
}

impl Default for Points {
    fn default() -> Self {
        Self { state: Mutex::default(), stage: watch::Sender::new(Stage::Ahead) }
    }
}

impl Points {
    /// From now on points are counted, and this befalls one of them.
    pub fn count(&self, cut: Option<(Point, Cut)>) {
        let mut state = self.state();
        state.counts = true;
        state.cut = cut;
    }

    /// Counts no more. Returns when what has befallen the process is over: another one lives.
    pub async fn stop_counting(&self) {
        self.state().counts = false;
        let settled = |stage: &Stage| matches!(stage, Stage::Ahead | Stage::Over);
        // The sender is here, so there is no error.
        let _ = self.stage.subscribe().wait_for(settled).await;
    }

    /// The points so far.
    #[must_use]
    pub fn seen(&self) -> Vec<Point> {
        self.state().seen.clone()
    }

    /// Whether the point that was to be cut has been reached.
    #[must_use]
    pub fn was_reached(&self) -> bool {
        *self.stage.borrow() != Stage::Ahead
    }

    /// Another process begins, and whatever the one before has asked for comes to nothing.
    pub fn next_life(&self) -> Life {
        let mut state = self.state();
        state.life = Life(state.life.0 + 1);
        state.is_dead = false;
        state.life
    }

    /// Waits until the process has to be killed. Then begin another life, and say that it
    /// [is over](Self::is_over).
    pub async fn until_kill_is_due(&self) {
        let _ = self.stage.subscribe().wait_for(|stage| *stage == Stage::KillIsDue).await;
    }

    /// What was to befall the process is done.
    pub fn is_over(&self) {
        self.stage.send_replace(Stage::Over);
    }

    /// The call that was struck has come to what it comes to: what follows is due, unless it has
    /// been done already.
    pub(super) fn has_befallen(&self, cut: Cut) {
        let next = if cut.kills() { Stage::KillIsDue } else { Stage::Over };
        self.stage.send_if_modified(|stage| {
            let is_new = *stage == Stage::Struck;
            if is_new {
                *stage = next;
            }
            is_new
        });
    }

    /// What becomes of this call, which counts if it has a name.
    pub(super) fn judge(&self, life: Life, call: Option<String>) -> Fate {
        let mut state = self.state();
        if state.is_dead || life < state.life {
            return Fate::Nothing;
        }
        let Some(call) = call.filter(|_| state.counts) else { return Fate::Comes };
        let number = state.numbers.entry(call.clone()).or_default();
        *number += 1;
        let point = Point { number: *number, call };
        let cut = state.cut.as_ref().filter(|(at, _)| *at == point).map(|(_, cut)| *cut);
        state.seen.push(point);
        let Some(cut) = cut else { return Fate::Comes };
        state.is_dead = cut.kills();
        self.stage.send_replace(Stage::Struck);
        Fate::Cut(cut)
    }

    fn state(&self) -> MutexGuard<'_, State> {
        // Nothing that could panic is done while it is held.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn judge(points: &Points, life: Life, call: &str) -> Fate {
        points.judge(life, Some(call.to_owned()))
    }

    #[test]
    fn a_point_is_found_by_the_name_that_it_prints() {
        let points = Points::default();
        let life = points.next_life();
        judge(&points, life, "before it counts");
        points.count(None);
        for name in ["a", "b", "a"] {
            assert_eq!(judge(&points, life, name), Fate::Comes);
        }
        let seen: Vec<String> = points.seen().iter().map(ToString::to_string).collect();
        assert_eq!(seen, ["a#1", "b#1", "a#2"]);
        assert_eq!("a#2".parse::<Point>().unwrap(), points.seen()[2]);
        for cut in Cut::ALL {
            assert_eq!(cut.to_string().parse::<Cut>().unwrap(), cut);
        }
    }

    #[test]
    fn nothing_comes_of_what_the_dead_ask_for() {
        let points = Points::default();
        let first = points.next_life();
        points.count(Some(("a#2".parse().unwrap(), Cut::DiesAfter)));
        assert_eq!(judge(&points, first, "a"), Fate::Comes);
        assert!(!points.was_reached());
        assert_eq!(judge(&points, first, "a"), Fate::Cut(Cut::DiesAfter));
        assert!(points.was_reached());
        assert_eq!(points.judge(first, None), Fate::Nothing);
        let second = points.next_life();
        assert_eq!(judge(&points, first, "a"), Fate::Nothing);
        assert_eq!(judge(&points, second, "a"), Fate::Comes);
    }
}
