//! The binary as a process: its one line of output, its end, its errors.

use std::process::Stdio;

use tokio::io::{AsyncBufReadExt as _, BufReader};
use tokio::process::Command;

fn command() -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_agentcore-emulator"));
    command.stdout(Stdio::piped()).stderr(Stdio::piped()).kill_on_drop(true);
    command
}

#[tokio::test]
async fn it_says_where_it_listens_and_ends_cleanly_on_a_signal() {
    for signal in ["TERM", "INT"] {
        let mut emulator = command().args(["--gateway", "gw", "--region", ""]).spawn().unwrap();
        let mut lines = BufReader::new(emulator.stdout.take().unwrap()).lines();
        let line = lines.next_line().await.unwrap().unwrap();
        let address = line.strip_prefix("listening on http://").unwrap();
        // A client that keeps its connection open does not keep the process.
        let _open = tokio::net::TcpStream::connect(address).await.unwrap();

        let id = emulator.id().unwrap().to_string();
        let kill = Command::new("kill").args(["-s", signal, &id]).status().await.unwrap();
        assert!(kill.success());
        assert!(emulator.wait().await.unwrap().success(), "{signal}");
    }
}

#[tokio::test]
async fn a_wrong_value_is_named() {
    let output = command().args(["--creating", "soon"]).output().await.unwrap();
    assert_eq!(output.status.code(), Some(1));
    let message = String::from_utf8(output.stderr).unwrap();
    assert!(message.starts_with("agentcore-emulator: --creating soon: "), "{message}");
}

#[tokio::test]
async fn what_is_wrong_between_two_lines_of_the_settings_is_told_in_one() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("settings.yaml");
    std::fs::write(&path, "gateways:\n  - a\n  - b\n  - a\n").unwrap();
    let output = command().arg("--settings").arg(&path).output().await.unwrap();
    assert_eq!(output.status.code(), Some(1));
    let expected = format!(
        "agentcore-emulator: --settings {}: line 4 column 5: gateway \"a\" is already one of \
         `gateways` (line 2 column 5): give it once\n",
        path.display()
    );
    assert_eq!(String::from_utf8(output.stderr).unwrap(), expected);
}
