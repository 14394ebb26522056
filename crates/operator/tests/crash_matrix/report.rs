//! What came of it all, for people and for the documentation.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::time::Duration;

use crate::case::Played;

/// What a run has counted.
#[derive(Default)]
pub(crate) struct Report {
    stories: BTreeMap<String, Row>,
    pub(crate) failures: Vec<String>,
}

/// What was counted of a story.
#[derive(Clone, Copy, Default)]
struct Row {
    points: usize,
    cases: usize,
    not_reached: usize,
    failed: usize,
}

impl Report {
    pub(crate) fn recorded(&mut self, story: &str, played: &Played) {
        self.stories.entry(story.to_owned()).or_default().points = played.points.len();
    }

    pub(crate) fn played(&mut self, story: &str, played: &Played) {
        let row = self.stories.entry(story.to_owned()).or_default();
        row.cases += 1;
        row.not_reached += usize::from(!played.was_reached);
    }

    /// A recorded run is no case, but can fail as one.
    pub(crate) fn failed(&mut self, story: &str, case: &str, error: &anyhow::Error) {
        let row = self.stories.entry(story.to_owned()).or_default();
        row.cases += usize::from(story != case);
        row.failed += 1;
        self.failures.push(format!("CASE=\"{case}\": {error:?}"));
    }

    pub(crate) fn cases(&self) -> usize {
        self.stories.values().map(|row| row.cases).sum()
    }

    fn total(&self) -> Row {
        self.stories.values().fold(Row::default(), |sum, row| Row {
            points: sum.points + row.points,
            cases: sum.cases + row.cases,
            not_reached: sum.not_reached + row.not_reached,
            failed: sum.failed + row.failed,
        })
    }

    /// All in one sentence.
    pub(crate) fn sentence(&self, took: Duration) -> String {
        let Row { points, cases, not_reached, failed } = self.total();
        format!(
            "{} stories, {points} points, {cases} cases, of which {not_reached} did not come by \
             their point and {failed} failed, in {} min {} s",
            self.stories.len(),
            took.as_secs() / 60,
            took.as_secs() % 60,
        )
    }

    /// A row for each story.
    pub(crate) fn table(&self) -> String {
        let mut text = "| story | points | cases | not reached | failed |\n".to_owned();
        text.push_str("|---|---:|---:|---:|---:|\n");
        for (story, row) in &self.stories {
            let Row { points, cases, not_reached, failed } = row;
            // Writing to a String cannot fail.
            let _ = writeln!(text, "| {story} | {points} | {cases} | {not_reached} | {failed} |");
        }
        text
    }
}
