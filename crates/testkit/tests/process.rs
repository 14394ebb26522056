//! What a child process may not do: outlive its owner, keep its output to itself, or see an
//! environment that nobody gave it.

use std::time::Duration;

use testkit::{Process, Program, Signal, TestResult};

const SOON: Duration = Duration::from_secs(20);

fn sh(script: &str) -> Program {
    Program::new("sh", "/bin/sh").args(["-c", script])
}

async fn line(process: &Process, text: &str) -> anyhow::Result<String> {
    process.wait_for_line(text, SOON, |line| line.contains(text)).await
}

#[tokio::test]
async fn output_and_status_are_there_at_the_end() -> TestResult {
    let process = sh("echo out; echo err >&2; printf unfinished; exit 3").spawn()?;
    assert_eq!(process.wait().await?.code(), Some(3));
    assert_eq!(process.logs(), "out\nerr\nunfinished");
    let file = std::fs::read_to_string(process.log().file())?;
    assert_eq!(file, "out\nerr\nunfinished");
    Ok(())
}

#[tokio::test]
async fn lines_come_one_after_another() -> TestResult {
    let process = sh("echo tick 1; echo other; echo tick 2; sleep 1000").spawn()?;
    let mut lines = process.log().from_start();
    let tick = |line: &str| line.starts_with("tick");
    assert_eq!(lines.find("a tick", SOON, tick).await?, "tick 1");
    assert_eq!(lines.find("a tick", SOON, tick).await?, "tick 2");
    Ok(())
}

#[tokio::test]
async fn a_line_that_cannot_come_is_not_awaited() -> TestResult {
    let process = sh("echo the reason").spawn()?;
    let error = line(&process, "ready").await.unwrap_err();
    assert!(format!("{error:#}").contains("ended without ready:\nthe reason"), "{error:#}");
    Ok(())
}

#[tokio::test]
async fn signals_arrive() -> TestResult {
    let process = sh("trap 'echo asked; exit 0' TERM; echo up; while :; do sleep 0.05; done");
    let process = process.spawn()?;
    line(&process, "up").await?;
    process.signal(Signal::STOP)?;
    process.signal(Signal::TERM)?;
    assert!(process.wait_within(Duration::from_millis(200)).await.is_err(), "it is stopped");
    process.signal(Signal::CONT)?;
    assert!(process.wait_within(SOON).await?.success());
    assert!(process.logs().ends_with("asked"));
    assert!(process.signal(Signal::TERM).is_err(), "nobody is left to be signalled");
    Ok(())
}

#[tokio::test]
async fn the_environment_is_what_was_given() -> TestResult {
    let process = Program::new("env", "/usr/bin/env").env("GIVEN", "1").spawn()?;
    assert!(process.wait().await?.success());
    let mut names: Vec<String> = process
        .logs()
        .lines()
        .filter_map(|line| Some(line.split_once('=')?.0.to_owned()))
        // Shells set these by themselves.
        .filter(|name| !["PWD", "OLDPWD", "SHLVL", "_"].contains(&name.as_str()))
        .collect();
    names.sort();
    assert_eq!(names, ["GIVEN", "HOME", "PATH"]);
    Ok(())
}

#[tokio::test]
async fn what_it_has_started_goes_with_it() -> TestResult {
    let process = sh("sleep 1000 & echo child $!; wait").spawn()?;
    let said = line(&process, "child").await?;
    let pid = said.trim_start_matches("child ").parse()?;
    let pid = rustix::process::Pid::from_raw(pid).unwrap();
    rustix::process::test_kill_process(pid)?;
    let log = process.log().clone();
    drop(process);
    // Its output ends when the last who could write to it is gone.
    let error = log.from_now().find("more", SOON, |_| true).await.unwrap_err();
    assert!(error.to_string().contains("ended without more"), "{error:#}");
    Ok(())
}

#[test]
fn a_program_that_does_not_exist_is_named() {
    let error = Program::new("operator", "/no/such/program").spawn().unwrap_err();
    assert_eq!(error.to_string(), "operator: no program /no/such/program");
}

/// Each test has its own runtime, and a control plane outlives the one that it was started on.
#[test]
fn a_process_belongs_to_no_runtime() -> TestResult {
    let runtime = || tokio::runtime::Builder::new_current_thread().enable_all().build();
    let process = runtime()?.block_on(async { sh("read -r line; echo done").spawn() })?;
    assert!(runtime()?.block_on(process.wait())?.success());
    Ok(())
}
