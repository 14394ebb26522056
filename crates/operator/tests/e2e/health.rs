//! What the probes say, and what they do not.

use std::fs::OpenOptions;
use std::io::{BufRead as _, BufReader, Write as _};
use std::os::unix::fs::PermissionsExt as _;
use std::process::Command;
use std::sync::mpsc;
use std::time::Duration;

use anyhow::{Context as _, Result, ensure};
use emulator::{CallKind, Fault, FaultRule};
use testkit::scenario::GATEWAY;
use testkit::wait::eventually;
use testkit::{Process, Scenario, TestResult, binary, install};

use crate::scrape::Scraper;

const SOON: Duration = Duration::from_secs(30);
/// A turn may take 40 s.
const LATE: Duration = Duration::from_mins(2);
/// What a pipe holds (pipe(7)).
const PIPE: usize = 65_536;

/// Whoever asks the probes of this operator.
pub(super) async fn prober(process: &Process) -> Result<Scraper> {
    let line = process
        .wait_for_line("the address of the probes", SOON, |line| {
            line.contains("probes are answered")
        })
        .await?;
    Scraper::plain(address(&line)?)
}

fn address(line: &str) -> Result<&str> {
    let rest = line.split_once("address=").context("no address")?.1;
    rest.split_whitespace().next().context("no address")
}

#[tokio::test]
async fn what_is_wrong_with_aws_fails_no_probe() -> TestResult {
    let mut scenario = Scenario::begin("denied").await?;
    let denied = || Fault::error("AccessDeniedException");
    scenario.aws.fault(FaultRule::next(CallKind::ListGatewayTargets, denied()).times(1_000_000));
    scenario.given_operator().await?;
    scenario.when_created("weather", |_| {}).await?;
    scenario.then_not_ready("weather", "AccessDenied").await?;
    let prober = prober(scenario.running()?).await?;
    for path in ["/livez", "/healthz", "/readyz"] {
        let answer = prober.get(path).await?;
        assert_eq!((answer.status, answer.body.as_str()), (200, "ok"), "{path}");
    }
    let all = prober.get("/livez?verbose").await?.body;
    let loops = ["events", "mcpserver-watches", "mirrors", "observations", "turns", "workers"];
    for name in loops.into_iter().chain(["workload-news"]) {
        assert!(all.contains(&format!("[+]{name} ok\n")), "{name}:\n{all}");
    }
    assert!(all.ends_with("livez check passed\n"), "{all}");
    Ok(())
}

/// Nobody takes what the operator logs, so that whoever logs stands still, and with it everything that
/// the threads should do. Only the probes are answered still, and say what stands.
#[tokio::test]
async fn a_process_that_stands_still_is_not_alive() -> TestResult {
    let scenario = Scenario::begin("still").await?;
    let folder = tempfile::tempdir()?;
    let logs = folder.path().join("logs");
    assert!(Command::new("mkfifo").arg(&logs).status()?.success(), "no pipe");
    let script = folder.path().join("operator");
    let program = binary("mcp-gateway-operator")?;
    let text = format!("#!/bin/sh\nexec {program:?} \"$@\" 2> {logs:?}\n");
    std::fs::write(&script, text)?;
    std::fs::set_permissions(&script, std::fs::Permissions::from_mode(0o700))?;

    // Open on both sides, so that nobody waits for the other.
    let pipe = OpenOptions::new().read(true).write(true).open(&logs)?;
    let mut lines = BufReader::new(pipe.try_clone()?).lines();
    let kubeconfig = scenario.cluster().kubeconfig_file(scenario.access())?;
    let process = install::operator(script, &kubeconfig, scenario.aws.url())
        .flag("gateway-id", GATEWAY)
        .flag("watch-namespaces", scenario.namespace())
        .flag("log-format", "text")
        .spawn()?;
    let (found, address) = mpsc::channel();
    let reader = std::thread::spawn(move || -> Result<_> {
        let mut find = |what: &str| -> Result<String> {
            let line = lines.find(|line| line.as_ref().map_or(true, |line| line.contains(what)));
            Ok(line.context("the log has ended")??)
        };
        let line = find("probes are answered")?;
        find("the MCPServers have been read")?;
        found.send(self::address(&line)?.to_owned())?;
        Ok(lines)
    });
    let address = tokio::task::spawn_blocking(move || address.recv_timeout(SOON)).await??;
    let lines = reader.join().ok().context("the reader has panicked")??;
    let prober = Scraper::plain(&address)?;
    assert_eq!(prober.get("/livez").await?.body, "ok");

    let mut full = pipe.try_clone()?;
    std::thread::spawn(move || full.write_all(&vec![b'\n'; PIPE]));
    for name in ["alpha", "beta", "gamma", "delta"] {
        scenario.when_created(name, |_| {}).await?;
    }
    let body = eventually("word of what stands still", LATE, || async {
        let answer = prober.get("/livez").await?;
        // One is late after the other.
        let workers = answer.body.contains("[-]workers failed: should have turned ");
        ensure!(answer.status == 503 && workers, "{answer:?}");
        Ok(answer.body)
    })
    .await?;
    assert!(body.ends_with("livez check failed\n"), "{body}");
    assert_eq!(prober.get("/healthz").await?.status, 503);
    assert!(process.status().is_none(), "it is there, and does nothing");

    // Somebody takes the logs, and everything goes on.
    std::thread::spawn(move || lines.map_while(Result::ok).count());
    eventually("life", SOON, || async {
        let answer = prober.get("/livez").await?;
        ensure!(answer.status == 200, "{answer:?}");
        Ok(())
    })
    .await?;
    for name in ["alpha", "beta", "gamma", "delta"] {
        scenario.then_ready(name).await?;
    }
    Ok(())
}
