//! The crash matrix: every point of every story, cut in every way, with the real operator, SIGKILL
//! and a real API server.
//!
//! Contract: the points are those that a recorded run of the story has, every call to AWS (Lists
//! included) and every write to a resource, never chosen by hand. Whatever befalls one of them, in
//! the end the resource is Ready as written with one target, or gone with none; nothing was ever
//! doubled or taken from others; and nothing more is written. `docs/crash-matrix.md` has the
//! numbers.
//!
//! | variable | what it does |
//! |---|---|
//! | `CASE` | plays this case alone, as a failure names it, and keeps the operator's log |
//! | `CRASH_MATRIX=all` | plays all of it, and writes the numbers down |
//! | `CRASH_MATRIX_SEED` | of what is played otherwise; default: the day |
//! | `CRASH_MATRIX_SECONDS` | how long to begin new cases; default: 60 |
//! | `CRASH_MATRIX_STORIES` | only stories whose name begins so |
//! | `CRASH_MATRIX_JOBS` | cases at a time; default: 16 |

mod case;
mod checks;
mod matrix;
mod report;
mod stage;
mod tales;
mod variants;

use std::env;
use std::io::{Write as _, stderr};
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, ensure};
use testkit::TestResult;
use testkit::run::Run;

use case::{Case, Story};
use matrix::Matrix;

#[tokio::test(flavor = "multi_thread")]
async fn whatever_crashes_when() -> TestResult {
    Ok(matrix().await?)
}

async fn matrix() -> Result<()> {
    if let Ok(case) = env::var("CASE") {
        let case: Case = case.parse()?;
        Run::current()?.keep_logs();
        let played = case.play(true).await;
        say(&format!("logs are kept in {}", Run::current()?.logs().display()));
        let played = played?;
        say(&format!("{case}: {} points, in {:?}", played.points.len(), played.took));
        for point in played.points {
            say(&point.to_string());
        }
        return Ok(());
    }
    let begun = Instant::now();
    let jobs = number("CRASH_MATRIX_JOBS")?.unwrap_or(16);
    let mut matrix = Matrix::new(usize::try_from(jobs)?);
    let all = env::var("CRASH_MATRIX").is_ok_and(|what| what == "all");
    if all {
        matrix.play_all(chosen([Story::usual(), Story::unknowns()].concat())).await;
    } else {
        let day = jiff::Timestamp::now().as_second() / (24 * 60 * 60);
        let seed = number("CRASH_MATRIX_SEED")?.unwrap_or(day.unsigned_abs());
        say(&format!("a part of the crash matrix, by CRASH_MATRIX_SEED={seed}"));
        let time = Duration::from_secs(number("CRASH_MATRIX_SECONDS")?.unwrap_or(60));
        let stories = [chosen(Story::usual()), chosen(Story::unknowns())];
        matrix.play_part(stories, seed, begun + time).await;
    }
    let report = matrix.report();
    let (sentence, table) = (report.sentence(begun.elapsed()), report.table());
    say(&format!("crash matrix: {sentence}\n\n{table}"));
    for failure in &report.failures {
        say(failure);
    }
    ensure!(report.failures.is_empty(), "{} cases failed", report.failures.len());
    ensure!(report.cases() > 0, "no case was played");
    if all && env::var("CRASH_MATRIX_STORIES").is_err() {
        write_down(&sentence, &table)?;
    }
    Ok(())
}

/// Those that were asked for.
fn chosen(mut stories: Vec<Story>) -> Vec<Story> {
    if let Ok(name) = env::var("CRASH_MATRIX_STORIES") {
        stories.retain(|story| story.to_string().starts_with(&name));
    }
    stories
}

fn number(variable: &str) -> Result<Option<u64>> {
    match env::var(variable) {
        Ok(text) => Ok(Some(text.parse().with_context(|| format!("{variable}={text}"))?)),
        Err(_) => Ok(None),
    }
}

/// Past the test harness, which keeps to itself what a test that succeeds has printed.
fn say(text: &str) {
    // Nobody is left to be told.
    let _ = writeln!(stderr(), "{text}");
}

/// The documentation has the numbers of the last full run.
fn write_down(sentence: &str, table: &str) -> Result<()> {
    const MARK: &str = "<!-- written by make crash-matrix -->";
    let path = testkit::install::file("docs/crash-matrix.md");
    let text = std::fs::read_to_string(&path)?;
    let (head, _) = text.split_once(MARK).context("docs/crash-matrix.md without its mark")?;
    let cores = std::thread::available_parallelism()?;
    let day = jiff::Timestamp::now().strftime("%Y-%m-%d");
    let text = format!("{head}{MARK}\n\n{day}, on {cores} cores: {sentence}.\n\n{table}");
    Ok(std::fs::write(path, text)?)
}
