//! kube-apiserver: RBAC as in a cluster, a token for an administrator, and service-account tokens
//! signed with a key of its own.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context, Error, Result, ensure};
use k8s_openapi::api::core::v1::Namespace;
use kube::Api;

use super::{access::Access, ports};
use crate::process::{Process, Program};
use crate::random;
use crate::wait::eventually;

const READY_WITHIN: Duration = Duration::from_mins(5);

/// The API server, running or stopped.
#[derive(Debug)]
pub(super) struct ApiServer {
    program: Program,
    process: Option<Process>,
    admin: Access,
    audit_log: Option<PathBuf>,
}

impl ApiServer {
    /// Starts it on the etcd at the URL, and returns when it is ready.
    pub(super) async fn start(
        program: &Program,
        folder: &Path,
        etcd: &str,
        audit_policy: Option<&str>,
    ) -> Result<Self> {
        let token = random::hex::<16>()?;
        let tokens = folder.join("tokens.csv");
        fs::write(&tokens, format!("{token},admin,admin,system:masters\n"))?;
        let mut program = configure(program, folder, etcd, &tokens);
        let audit_log = audit_policy.map(|_| folder.join("audit.log"));
        if let (Some(policy), Some(log)) = (audit_policy, &audit_log) {
            let file = folder.join("audit-policy.yaml");
            fs::write(&file, policy)?;
            program = program.flag("audit-policy-file", file).flag("audit-log-path", log);
        }

        let mut races = 0;
        loop {
            let port = ports::free()?;
            let program = program.clone().flag("secure-port", port.to_string());
            let process = program.spawn()?;
            let server = format!("https://127.0.0.1:{port}");
            let ready = async {
                let admin = admin(&certificates(folder), &server, &token).await?;
                await_ready(&admin).await?;
                Ok(admin)
            };
            match or_its_end(&process, ready).await {
                Ok(admin) => {
                    return Ok(Self { program, process: Some(process), admin, audit_log });
                }
                Err(_) if races < ports::RACES && ports::taken(&process.logs()) => races += 1,
                Err(error) => return Err(error).context("starting kube-apiserver"),
            }
        }
    }

    pub(super) fn admin(&self) -> &Access {
        &self.admin
    }

    /// Its process, while it has not been stopped.
    pub(super) fn process(&self) -> Option<&Process> {
        self.process.as_ref()
    }

    pub(super) fn audit_log(&self) -> Option<&Path> {
        self.audit_log.as_deref()
    }

    /// Ends it without a word: asked nicely, it waits a minute for those who watch.
    pub(super) async fn stop(&mut self) -> Result<()> {
        if let Some(process) = self.process.take() {
            process.kill().await?;
        }
        Ok(())
    }

    /// Waits until it is ready.
    pub(super) async fn await_ready(&self) -> Result<()> {
        await_ready(&self.admin).await
    }

    /// Starts it again where it was.
    pub(super) async fn restart(&mut self) -> Result<()> {
        let process = self.program.spawn()?;
        or_its_end(&process, await_ready(&self.admin))
            .await
            .context("restarting kube-apiserver")?;
        self.process = Some(process);
        Ok(())
    }
}

fn certificates(folder: &Path) -> PathBuf {
    folder.join("certificates")
}

fn configure(program: &Program, folder: &Path, etcd: &str, tokens: &Path) -> Program {
    let certificates = certificates(folder);
    // The key that it makes for its own certificate, before it looks for this one: a second pair
    // would need a tool to make it, and protect nothing more.
    let key = certificates.join("apiserver.key");
    program
        .clone()
        .flag("etcd-servers", etcd)
        .flag("bind-address", "127.0.0.1")
        // Otherwise it looks for another interface, and fails on a machine without a network.
        .flag("advertise-address", "127.0.0.1")
        // Nobody is to reach it through the `kubernetes` Service; a loopback address is refused.
        .flag("endpoint-reconciler-type", "none")
        .flag("service-cluster-ip-range", "10.0.0.0/24")
        .flag("cert-dir", &certificates)
        .flag("authorization-mode", "RBAC")
        .flag("token-auth-file", tokens)
        .flag("service-account-issuer", "https://kubernetes.default.svc.cluster.local")
        .flag("service-account-key-file", &key)
        .flag("service-account-signing-key-file", &key)
        // It wants a service account in each namespace, which a controller makes.
        .flag("disable-admission-plugins", "ServiceAccount")
        .current_dir(folder)
}

/// The administrator, once the certificate has been written.
async fn admin(certificates: &Path, server: &str, token: &str) -> Result<Access> {
    let file = certificates.join("apiserver.crt");
    let ca = eventually("its certificate", READY_WITHIN, || async {
        let pem = fs::read(&file)?;
        // It is written in one go, but not atomically.
        ensure!(pem.ends_with(b"-----END CERTIFICATE-----\n"), "incomplete");
        Ok(pem)
    });
    Ok(Access::new(server.to_owned(), ca.await?, "admin", token))
}

/// Ready is when it says so and has made the namespace `default`, which it does a little later.
async fn await_ready(admin: &Access) -> Result<()> {
    let client = admin.client()?;
    let namespaces: Api<Namespace> = Api::all(client.clone());
    eventually("being ready", READY_WITHIN, || async {
        client.request_text(http::Request::get("/readyz").body(Vec::new())?).await?;
        namespaces.get("default").await?;
        Ok(())
    })
    .await
}

/// What is awaited of a process, or an error as soon as it has ended.
async fn or_its_end<T>(process: &Process, awaited: impl Future<Output = Result<T>>) -> Result<T> {
    let error: Error = tokio::select! {
        result = awaited => match result {
            Ok(value) => return Ok(value),
            Err(error) => error,
        },
        status = process.wait() => anyhow::anyhow!("it ended: {}", status?),
    };
    Err(error.context(format!("its last lines:\n{}", process.log().tail())))
}
