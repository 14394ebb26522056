//! A target over time: what was, is, and will be if nothing happens.

use api::Target;
use jiff::Timestamp;

/// A target over time; `None`: it does not exist.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub(super) struct History {
    pub(super) versions: Vec<(Timestamp, Option<Target>)>,
}

impl History {
    pub(super) fn at(&self, time: Timestamp) -> Option<&Target> {
        self.versions.iter().rev().find(|(from, _)| *from <= time)?.1.as_ref()
    }

    /// From then on it is so, whatever was to come.
    pub(super) fn set(&mut self, from: Timestamp, state: Option<Target>) {
        self.versions.retain(|(earlier, _)| *earlier <= from);
        self.versions.push((from, state));
    }

    /// Forgets what was over before that time and can no longer be shown, but for what lived last.
    pub(super) fn forget(&mut self, before: Timestamp) {
        let shown = self.versions.iter().rposition(|(from, _)| *from <= before).unwrap_or(0);
        let lived = self.versions[..=shown].iter().rposition(|(_, state)| state.is_some());
        self.versions.drain(..lived.unwrap_or(shown));
    }

    /// Whether it holds the name, or will.
    pub(super) fn occupies(&self, name: &str, now: Timestamp) -> bool {
        let ahead = self.versions.iter().filter(|(from, _)| *from > now);
        let ahead = ahead.filter_map(|(_, state)| state.as_ref());
        self.at(now).into_iter().chain(ahead).any(|target| target.summary.name == name)
    }
}
