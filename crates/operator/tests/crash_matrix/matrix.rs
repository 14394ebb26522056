//! The cases of many stories, several at a time.

use std::time::{Duration, Instant};

use fastrand::Rng;
use futures::stream::{self, StreamExt as _};
use testkit::proxy::Cut;
use testkit::run::Run;

use crate::case::{Case, Played, Story};
use crate::report::Report;
use crate::say;

/// Of how many stories a part of the matrix is made: of the usual ones, and of those in which AWS
/// is otherwise.
const PART: [usize; 2] = [4, 2];
/// Who fails so often need not go on.
const MOST_FAILURES: usize = 20;
/// How often to say how far it is.
const PROGRESS: usize = 100;

/// Plays cases and counts what comes of them.
pub(crate) struct Matrix {
    jobs: usize,
    report: Report,
}

/// A case, and how long its story takes when nothing befalls it.
struct Planned {
    case: Case,
    takes: Duration,
}

impl Matrix {
    pub(crate) fn new(jobs: usize) -> Self {
        Self { jobs, report: Report::default() }
    }

    pub(crate) fn report(&self) -> &Report {
        &self.report
    }

    /// Every point of these stories, cut in every way.
    pub(crate) async fn play_all(&mut self, stories: Vec<Story>) {
        let mut cases = self.record(stories).await;
        // The long ones first, so that in the end nobody waits for one of them.
        cases.sort_by_key(|planned| std::cmp::Reverse(planned.takes));
        say(&format!("{} cases", cases.len()));
        self.play(cases, None).await;
    }

    /// What the seed chooses of these stories, until time is up.
    pub(crate) async fn play_part(&mut self, stories: [Vec<Story>; 2], seed: u64, until: Instant) {
        let mut random = Rng::with_seed(seed);
        let mut chosen = Vec::new();
        for (mut stories, many) in stories.into_iter().zip(PART) {
            stories.retain(|story| !story.tale.is_long);
            random.shuffle(&mut stories);
            chosen.extend(stories.into_iter().take(many));
        }
        let mut cases = self.record(chosen).await;
        random.shuffle(&mut cases);
        self.play(cases, Some(until)).await;
    }

    /// Plays the stories without a cut, and returns the cases that they have.
    async fn record(&mut self, stories: Vec<Story>) -> Vec<Planned> {
        let recorded = stories.into_iter().map(|story| Case { story, cut: None });
        // Not too many at a time: a busy machine makes for more Lists.
        let mut played = played(recorded, self.jobs.div_ceil(4));
        let mut cases = Vec::new();
        while let Some((Case { story, .. }, outcome)) = played.next().await {
            match outcome {
                Ok(played) => {
                    self.report.recorded(&story.to_string(), &played);
                    for point in played.points {
                        cases.extend(Cut::ALL.map(|cut| Planned {
                            case: Case { story, cut: Some((point.clone(), cut)) },
                            takes: played.took,
                        }));
                    }
                }
                Err(error) => self.has_failed(&Case { story, cut: None }, &error),
            }
        }
        // The order in which they came to an end is by chance.
        cases.sort_by_cached_key(|planned| planned.case.to_string());
        cases
    }

    async fn play(&mut self, cases: Vec<Planned>, until: Option<Instant>) {
        let in_time =
            |planned: &Planned| until.is_none_or(|until| Instant::now() + planned.takes <= until);
        let cases = cases.into_iter().filter(in_time).map(|planned| planned.case);
        let mut played = played(cases, self.jobs);
        while let Some((case, outcome)) = played.next().await {
            match outcome {
                Ok(played) => self.report.played(&case.story.to_string(), &played),
                Err(error) => self.has_failed(&case, &error),
            }
            if self.report.failures.len() >= MOST_FAILURES {
                say("too many failures: the rest is not played");
                return;
            }
            if self.report.cases().is_multiple_of(PROGRESS) {
                say(&format!("{} cases played", self.report.cases()));
            }
        }
    }

    fn has_failed(&mut self, case: &Case, error: &anyhow::Error) {
        if let Ok(run) = Run::current() {
            run.keep_logs();
        }
        say(&format!("CASE=\"{case}\" failed: {error:#}"));
        self.report.failed(&case.story.to_string(), &case.to_string(), error);
    }
}

/// The cases with what came of them, several at a time.
fn played(
    cases: impl Iterator<Item = Case>,
    jobs: usize,
) -> impl futures::Stream<Item = (Case, anyhow::Result<Played>)> + Unpin {
    let play = |case: Case| async move {
        let task = tokio::spawn({
            let case = case.clone();
            async move { case.play(false).await }
        });
        let outcome = task.await.unwrap_or_else(|error| Err(error.into()));
        (case, outcome)
    };
    Box::pin(stream::iter(cases.map(play)).buffer_unordered(jobs))
}
