//! Logs are kept when a test fails, in either way that a test can, and gone when it passes.
//!
//! What happens after a test process has ended can be seen only from outside: these run the test
//! program again, as another process, on one of its `ignored` tests.

use std::fs;
use std::path::Path;
use std::time::Duration;

use anyhow::{Result, anyhow, ensure};
use testkit::run::Run;
use testkit::{Program, TestResult, wait};

const SOON: Duration = Duration::from_secs(20);

#[tokio::test]
#[ignore = "run by `logs_go_when_all_is_well`"]
async fn inner_passes() -> TestResult {
    Ok(print_something().await?)
}

#[tokio::test]
#[ignore = "run by `logs_stay_when_a_test_panics`"]
async fn inner_panics() {
    print_something().await.unwrap();
    panic!("as it should");
}

#[tokio::test]
#[ignore = "run by `logs_stay_when_a_test_returns_an_error`"]
async fn inner_returns_an_error() -> TestResult {
    print_something().await?;
    Err(anyhow!("as it should").into())
}

#[tokio::test]
#[ignore = "run by `logs_stay_when_something_was_in_use_at_the_end`"]
async fn inner_ends_in_the_middle() -> TestResult {
    let _in_use = Run::current()?.in_use();
    print_something().await?;
    std::process::exit(0)
}

async fn print_something() -> Result<()> {
    let process = Program::new("chatty", "/bin/sh").args(["-c", "echo something"]).spawn()?;
    ensure!(process.wait().await?.success());
    Ok(())
}

/// The logs that are left of a run of the test, once everything else is gone.
async fn logs_left_by(test: &str) -> Result<Vec<String>> {
    let logs = tempfile::tempdir()?;
    let temp = tempfile::tempdir()?;
    let run = Program::new(test, std::env::current_exe()?)
        .args(["--ignored", "--exact", test])
        .env("MCP_GATEWAY_TEST_LOGS", logs.path())
        .env("TMPDIR", temp.path())
        .spawn()?;
    run.wait_within(SOON).await?;
    ensure!(run.logs().contains("running 1 test"), "{}", run.logs());
    // What the janitor does last.
    wait::eventually("the end of the data", SOON, || async {
        ensure!(fs::read_dir(temp.path())?.next().is_none());
        Ok(())
    })
    .await?;
    files(logs.path())
}

fn files(folder: &Path) -> Result<Vec<String>> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder)? {
        let entry = entry?;
        if entry.file_type()?.is_dir() {
            found.extend(files(&entry.path())?);
        } else {
            found.push(fs::read_to_string(entry.path())?);
        }
    }
    Ok(found)
}

#[tokio::test]
async fn logs_go_when_all_is_well() -> TestResult {
    assert!(logs_left_by("inner_passes").await?.is_empty());
    Ok(())
}

#[tokio::test]
async fn logs_stay_when_a_test_panics() -> TestResult {
    assert_eq!(logs_left_by("inner_panics").await?, ["something\n"]);
    Ok(())
}

#[tokio::test]
async fn logs_stay_when_a_test_returns_an_error() -> TestResult {
    assert_eq!(logs_left_by("inner_returns_an_error").await?, ["something\n"]);
    Ok(())
}

#[tokio::test]
async fn logs_stay_when_something_was_in_use_at_the_end() -> TestResult {
    assert_eq!(logs_left_by("inner_ends_in_the_middle").await?, ["something\n"]);
    Ok(())
}
