//! The image, without a container engine: its root holds all that the program needs, and the program
//! works from it as a node would run it.
//!
//! As a part of `make test` it is the program of that profile; `make check-image` puts the released one into
//! `IMAGE_PROGRAM`, and then the size counts, too.

use std::env;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use api::MCPServer;
use emulator::{Durations, Emulator, Settings};
use kube::Api;
use kube::api::PostParams;
use tempfile::TempDir;
use testkit::control_plane::Access;
use testkit::run::Run;
use testkit::scenario::{GATEWAY, condition, is_ready, valid_spec};
use testkit::{ControlPlane, Program, TestResult, binary, install, wait};

const SOON: Duration = Duration::from_secs(30);

/// What the compressed image may have at most.
const MOST_BYTES: usize = 20_000_000;

/// Everything that is to be in the image, but for the folder that the processor names.
const FILES: [&str; 14] = [
    "etc/group",
    "etc/nsswitch.conf",
    "etc/os-release",
    "etc/passwd",
    "etc/ssl/certs/ca-certificates.crt",
    "lib/*/libc.so.6",
    "lib/*/libgcc_s.so.1",
    "lib/*/libm.so.6",
    "mcp-gateway-operator",
    "the loader",
    "usr/share/doc/libc6/copyright",
    "usr/share/doc/libgcc-s1/copyright",
    "var/lib/dpkg/status.d/libc6",
    "var/lib/dpkg/status.d/libgcc-s1",
];

/// Why this machine cannot show it, if it cannot.
fn obstacle() -> Option<&'static str> {
    if !Path::new("/etc/debian_version").is_file() {
        return Some("the image takes its libraries from Debian, and this machine is none");
    }
    None
}

/// Tells the person who reads the output that nothing was tested.
fn skip(test: &str, why: &str) {
    eprintln!("{test}: SKIPPED, nothing was tested: {why}");
}

fn released() -> Option<PathBuf> {
    env::var_os("IMAGE_PROGRAM").filter(|path| !path.is_empty()).map(PathBuf::from)
}

fn temporary() -> Result<TempDir> {
    Ok(tempfile::Builder::new().prefix("image-").tempdir_in(Run::current()?.temp())?)
}

/// The root of the image in a folder, with these certificates.
fn root(folder: &TempDir, certificates: &Path) -> Result<PathBuf> {
    let root = folder.path().join("root");
    let program = released().map_or_else(|| binary("mcp-gateway-operator"), Ok)?;
    let output = Command::new(install::file("hack/image/root.sh"))
        .args([&program, Path::new("/"), certificates, &root])
        .output()?;
    let complaint = String::from_utf8_lossy(&output.stderr);
    ensure!(output.status.success(), "root.sh: {complaint}");
    Ok(root)
}

fn system_certificates() -> Result<PathBuf> {
    let bundle = PathBuf::from("/etc/ssl/certs/ca-certificates.crt");
    ensure!(bundle.is_file(), "no {}: install the package ca-certificates", bundle.display());
    Ok(bundle)
}

fn files(root: &Path, folder: &Path, found: &mut Vec<String>) -> Result<()> {
    for entry in fs::read_dir(folder)? {
        let entry = entry?;
        if entry.file_type()?.is_dir() {
            files(root, &entry.path(), found)?;
        } else {
            found.push(entry.path().strip_prefix(root)?.display().to_string());
        }
    }
    Ok(())
}

#[test]
fn the_image_holds_the_program_its_libraries_and_nothing_else() -> TestResult {
    if let Some(why) = obstacle() {
        skip("what the image holds", why);
        return Ok(());
    }
    let folder = temporary()?;
    let root = root(&folder, &system_certificates()?)?;
    let mut found = Vec::new();
    files(&root, &root, &mut found)?;
    let mut found: Vec<String> = found
        .into_iter()
        .map(|file| match file.split('/').collect::<Vec<_>>()[..] {
            [.., loader] if loader.starts_with("ld-linux") => "the loader".to_owned(),
            ["lib", _, library] => format!("lib/*/{library}"),
            _ => file,
        })
        .collect();
    found.sort_unstable();
    assert_eq!(found, FILES);
    if released().is_some() {
        let archive = Command::new("tar").arg("-C").arg(&root).args(["-cz", "."]).output()?;
        let bytes = archive.stdout.len();
        eprintln!("the image has {} kB, compressed", bytes / 1000);
        assert!(archive.status.success() && (1..MOST_BYTES).contains(&bytes), "{bytes} bytes");
    }
    Ok(())
}

/// What a pod finds in the folder of its service account.
fn account(folder: &TempDir, access: &Access) -> Result<PathBuf> {
    let account = folder.path().join("account");
    fs::create_dir(&account)?;
    fs::write(account.join("token"), access.token())?;
    fs::write(account.join("ca.crt"), access.ca())?;
    fs::write(account.join("namespace"), "mcp-gateway-operator-system")?;
    Ok(account)
}

/// The program in the root, let in by this account, with AWS at this URL.
fn in_the_image(root: &Path, account: &Path, access: &Access, aws: &str) -> Result<Program> {
    let (host, port) = access
        .server()
        .strip_prefix("https://")
        .and_then(|server| server.split_once(':'))
        .context("the API server has no port")?;
    Ok(Program::new("operator-in-image", install::file("hack/image/run.sh"))
        .env("IMAGE_ROOT", root)
        .env("ACCOUNT", account)
        .env("HOME", "/home/nonroot")
        .env("KUBERNETES_SERVICE_HOST", host)
        .env("KUBERNETES_SERVICE_PORT", port)
        .env("AWS_ENDPOINT_URL", aws)
        .env("AWS_REGION", "us-east-1")
        .env("AWS_ACCESS_KEY_ID", "AKIDEXAMPLE")
        .env("AWS_SECRET_ACCESS_KEY", "an-example")
        .env("AWS_EC2_METADATA_DISABLED", "true")
        .flag("health-probe-bind-address", "127.0.0.1:0")
        .flag("gateway-id", GATEWAY))
}

fn not_root() -> Option<&'static str> {
    let root = rustix::process::geteuid().is_root();
    (!root).then_some("only root can run a program in another root, as another user")
}

/// The image's own user, and one that the image has never heard of: some clusters give each namespace its
/// own, with the group root.
#[tokio::test]
async fn the_program_works_in_it_read_only_and_without_privileges() -> TestResult {
    if let Some(why) = obstacle().or_else(not_root) {
        skip("the program in the image", why);
        return Ok(());
    }
    for user in ["65532:65532", "1000670000:0"] {
        works_as(user).await?;
    }
    Ok(())
}

async fn works_as(user: &str) -> Result<()> {
    let cluster = ControlPlane::shared().await?;
    let client = cluster.client()?;
    install::crd(&client).await?;
    let access = install::rights(&cluster).await?;
    let namespace = cluster.namespace("image").await?;
    let durations = Durations::all(Duration::from_millis(300));
    let aws = Emulator::start(Settings { durations, ..Settings::with_gateways([GATEWAY]) }).await?;
    let folder = temporary()?;
    let root = root(&folder, &system_certificates()?)?;
    let account = account(&folder, &access)?;

    // A name and not a number: it is looked up from there.
    let url = aws.url().replace("127.0.0.1", "localhost");
    let process = in_the_image(&root, &account, &access, &url)?
        .env("IMAGE_USER", user)
        .flag("watch-namespaces", &namespace)
        .spawn()?;
    install::operator_works(&process, SOON).await?;
    let of_process = |file: &str| fs::read_to_string(format!("/proc/{}/{file}", process.pid()));
    let status = of_process("status")?;
    let (uid, gid) = user.split_once(':').context("no group")?;
    let ids = |kind: &str, id: &str| format!("{kind}:\t{id}\t{id}\t{id}\t{id}\n");
    let mut expected = vec![ids("Uid", uid), ids("Gid", gid), "NoNewPrivs:\t1\n".to_owned()];
    let capabilities = ["CapInh", "CapPrm", "CapEff", "CapAmb"];
    expected.extend(capabilities.map(|set| format!("{set}:\t{:016x}\n", 0)));
    for line in expected {
        assert!(status.contains(&line), "{user}: no {line:?} in: {status}");
    }
    let mounts = of_process("mountinfo")?;
    let sees = mounts.lines().find(|line| line.split(' ').nth(4) == Some("/"));
    let options = sees.and_then(|line| line.split(' ').nth(5));
    assert!(options.is_some_and(|options| options.starts_with("ro")), "{mounts}");

    let servers: Api<MCPServer> = Api::namespaced(client, &namespace);
    let server = MCPServer::new("weather", valid_spec("weather"));
    servers.create(&PostParams::default(), &server).await?;
    wait::on(&servers, "weather").within(SOON).until("Ready", is_ready).await?;
    process.terminate(Duration::from_secs(20)).await?;
    Ok(())
}

/// With the API server in AWS's place: it says no, which only who has trusted its certificate can hear.
#[tokio::test]
async fn the_certificates_of_the_image_are_those_that_count() -> TestResult {
    if let Some(why) = obstacle().or_else(not_root) {
        skip("the certificates of the image", why);
        return Ok(());
    }
    let cluster = ControlPlane::shared().await?;
    let client = cluster.client()?;
    install::crd(&client).await?;
    let access = install::rights(&cluster).await?;
    for (name, trusted) in [("trusted", true), ("unknown", false)] {
        let namespace = cluster.namespace(name).await?;
        let folder = temporary()?;
        let bundle = folder.path().join("bundle.pem");
        fs::write(&bundle, access.ca())?;
        let bundle = if trusted { bundle } else { system_certificates()? };
        let root = root(&folder, &bundle)?;
        let account = account(&folder, &access)?;
        let process = in_the_image(&root, &account, &access, access.server())?
            .flag("watch-namespaces", &namespace)
            .spawn()?;
        let servers: Api<MCPServer> = Api::namespaced(client.clone(), &namespace);
        let server = MCPServer::new("weather", valid_spec("weather"));
        servers.create(&PostParams::default(), &server).await?;
        if trusted {
            let denied = |server: &MCPServer| {
                condition(server, "Ready").is_some_and(|ready| ready.1 == "AccessDenied")
            };
            wait::on(&servers, "weather").within(SOON).until("denied", denied).await?;
        } else {
            let unknown = |line: &str| line.contains("UnknownIssuer");
            process.wait_for_line("a certificate of nobody", SOON, unknown).await?;
        }
        process.terminate(Duration::from_secs(20)).await?;
    }
    Ok(())
}

/// The compiler of the image is the one that everything is tested with.
#[test]
fn the_compiler_is_ours() -> TestResult {
    let value = |file: &str, key: &str| -> Result<String> {
        let text = fs::read_to_string(install::file(file))?;
        let line = text.lines().find_map(|line| line.strip_prefix(key));
        Ok(line.with_context(|| format!("{file} has no {key}"))?.trim_matches('"').to_owned())
    };
    let ours = value("rust-toolchain.toml", "channel = ")?;
    assert_eq!(value("Dockerfile", "ARG RUST_VERSION=")?, ours);
    Ok(())
}
