//! A real kube-apiserver on a real etcd, on free loopback ports, ready in seconds.
//!
//! The tests of one process share one ([`ControlPlane::shared`]), each in a namespace of its own;
//! a test that does something to the control plane itself [starts](ControlPlane::builder) one.
//! There is no kubelet and no scheduler, and a controller manager only where it is asked for: a
//! deleted namespace stays, and so does what an owner reference would take away.
//!
//! Clients belong to the async runtime that they were made on, and each test has its own: get a
//! [new one](ControlPlane::client) in each. The control plane itself belongs to none.

mod access;
mod api_server;
mod build;
mod controller_manager;
mod etcd;
mod ports;
mod programs;

use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU32, Ordering};
use std::{fs, ops::Deref};

use anyhow::{Context, Error, Result};
use futures::future::select_all;
use k8s_openapi::api::authentication::v1::{TokenRequest, TokenRequestSpec};
use k8s_openapi::api::core::v1::{Namespace, ServiceAccount};
use kube::api::{ObjectMeta, PostParams};
use kube::{Api, Client};
use serde_json::Value;
use tempfile::TempDir;
use tokio::sync::OnceCell;

pub use access::Access;
use api_server::ApiServer;
use etcd::Etcd;
use programs::Programs;

use crate::process::Process;
use crate::random;
use crate::run::{InUse, Run};

/// How long a service account's token lasts: longer than anybody leaves a demo running.
const TOKEN_SECONDS: i64 = 30 * 24 * 60 * 60;

static SHARED: OnceCell<ControlPlane> = OnceCell::const_new();

/// A running control plane. Dropping it ends it.
#[derive(Debug)]
pub struct ControlPlane {
    // In the order in which they go: who asks before who answers, the folder last.
    controller_manager: Option<Process>,
    api_server: ApiServer,
    etcd: Etcd,
    kubeconfigs: AtomicU32,
    folder: TempDir,
    // None of the shared one, which is never dropped: its users are counted instead.
    in_use: Option<InUse>,
}

/// What a control plane is to have beyond the usual.
#[derive(Clone, Debug, Default)]
pub struct Builder {
    audit_policy: Option<String>,
    without_streaming_lists: bool,
    controller_manager: bool,
}

impl Builder {
    /// Keeps an [audit log](ControlPlane::audit_log) by this policy (a manifest of
    /// `audit.k8s.io/v1`).
    #[must_use]
    pub fn audit(mut self, policy: impl Into<String>) -> Self {
        self.audit_policy = Some(policy.into());
        self
    }

    /// Refuses lists that are streamed, as an older API server does: clients have to list and then watch.
    #[must_use]
    pub fn without_streaming_lists(mut self) -> Self {
        self.without_streaming_lists = true;
        self
    }

    /// Runs the controllers that empty deleted namespaces and collect what has lost its owner.
    #[must_use]
    pub fn controller_manager(mut self) -> Self {
        self.controller_manager = true;
        self
    }

    /// Starts it, and returns when it is ready.
    pub async fn start(self) -> Result<ControlPlane> {
        let in_use = Run::current()?.in_use();
        let mut plane = self.launch().await?;
        plane.in_use = Some(in_use);
        Ok(plane)
    }

    async fn launch(self) -> Result<ControlPlane> {
        let programs = Programs::get().await?;
        let folder =
            tempfile::Builder::new().prefix("control-plane-").tempdir_in(Run::current()?.temp())?;
        let etcd = Etcd::start(&programs.etcd, folder.path()).await?;
        let audit_policy = self.audit_policy.as_deref();
        let mut kube_apiserver = programs.kube_apiserver.clone();
        if self.without_streaming_lists {
            kube_apiserver = kube_apiserver.flag("feature-gates", "WatchList=false");
        }
        let api_server =
            ApiServer::start(&kube_apiserver, folder.path(), etcd.url(), audit_policy).await?;
        let mut plane = ControlPlane {
            controller_manager: None,
            api_server,
            etcd,
            kubeconfigs: AtomicU32::new(0),
            folder,
            in_use: None,
        };
        if self.controller_manager {
            let kubeconfig = plane.kubeconfig_file(plane.admin())?;
            plane.controller_manager =
                Some(controller_manager::start(programs.kube_controller_manager()?, &kubeconfig)?);
        }
        Ok(plane)
    }
}

impl ControlPlane {
    /// One that is the caller's alone, with what the caller wants of it.
    #[must_use]
    pub fn builder() -> Builder {
        Builder::default()
    }

    /// The one that the tests of this process share, started by the first who asks. Nobody can
    /// stop its parts; it ends with the process.
    pub async fn shared() -> Result<Shared> {
        let in_use = Run::current()?.in_use();
        let plane = SHARED.get_or_try_init(|| Self::builder().launch()).await?;
        Ok(Shared { plane, _in_use: in_use })
    }

    /// What lets one in as an administrator.
    #[must_use]
    pub fn admin(&self) -> &Access {
        self.api_server.admin()
    }

    /// An administrator's client, for the runtime that this is called on.
    pub fn client(&self) -> Result<Client> {
        self.admin().client()
    }

    /// Makes a namespace of which no other test knows. Nobody deletes it: it goes with the
    /// control plane.
    pub async fn namespace(&self, prefix: &str) -> Result<String> {
        let name = format!("{prefix}-{}", random::hex::<4>()?);
        let metadata = ObjectMeta { name: Some(name.clone()), ..ObjectMeta::default() };
        let namespace = Namespace { metadata, ..Namespace::default() };
        let namespaces: Api<Namespace> = Api::all(self.client()?);
        let made = namespaces.create(&PostParams::default(), &namespace).await;
        made.with_context(|| format!("creating the namespace {name}"))?;
        Ok(name)
    }

    /// What lets one in as an existing service account: a real token, so that RBAC decides as it
    /// does in a cluster.
    pub async fn service_account(&self, namespace: &str, name: &str) -> Result<Access> {
        let accounts: Api<ServiceAccount> = Api::namespaced(self.client()?, namespace);
        let spec =
            TokenRequestSpec { expiration_seconds: Some(TOKEN_SECONDS), ..Default::default() };
        let request = TokenRequest { spec: Some(spec), ..TokenRequest::default() };
        let made = accounts
            .create_token_request(name, &PostParams::default(), &request)
            .await
            .with_context(|| format!("a token for the service account {namespace}/{name}"))?;
        let token = made.status.and_then(|status| status.token);
        let token = token.context("a token request without a token")?;
        Ok(self.admin().with_token(name, &token, namespace))
    }

    /// Writes a kubeconfig that lasts as long as the control plane, and returns its path.
    pub fn kubeconfig_file(&self, access: &Access) -> Result<PathBuf> {
        let number = self.kubeconfigs.fetch_add(1, Ordering::Relaxed) + 1;
        let file = format!("kubeconfig-{number}-{}.yaml", access.user());
        let path = self.folder.path().join(file);
        access.write_kubeconfig(&path)?;
        Ok(path)
    }

    /// The file of the audit log, an event a line.
    pub fn audit_log_file(&self) -> Result<&Path> {
        self.api_server.audit_log().context("started without an audit policy")
    }

    /// The audit events so far, oldest first. An event is written when its request has been
    /// answered, so the newest may be missing for a moment.
    pub fn audit_log(&self) -> Result<Vec<Value>> {
        let text = fs::read_to_string(self.audit_log_file()?).context("reading the audit log")?;
        // A last line without its end is still being written.
        let complete = text.rsplit_once('\n').map_or("", |(complete, _)| complete);
        complete.lines().map(|line| Ok(serde_json::from_str(line)?)).collect()
    }

    /// Waits until a part of it has ended although nobody has stopped it, and says which.
    pub async fn untimely_end(&self) -> Error {
        let parts =
            [self.etcd.process(), self.api_server.process(), self.controller_manager.as_ref()];
        let ends = parts.into_iter().flatten().map(|part| Box::pin(part.untimely_end()));
        select_all(ends).await.0
    }

    /// Takes etcd away, as a crash would, behind an API server that goes on. Its data stay.
    pub async fn stop_etcd(&mut self) -> Result<()> {
        self.etcd.stop().await
    }

    /// Brings it back, and returns when the API server has found it again.
    pub async fn restart_etcd(&mut self) -> Result<()> {
        self.etcd.stop().await?;
        self.etcd.restart().await?;
        self.api_server.await_ready().await
    }

    /// Takes the API server away, as a crash would. Its address and data stay.
    pub async fn stop_api_server(&mut self) -> Result<()> {
        self.api_server.stop().await
    }

    /// Brings it back, and returns when it is ready.
    pub async fn restart_api_server(&mut self) -> Result<()> {
        self.api_server.stop().await?;
        self.api_server.restart().await
    }
}

/// The shared control plane in the hands of one test.
#[derive(Debug)]
#[must_use]
pub struct Shared {
    plane: &'static ControlPlane,
    _in_use: InUse,
}

impl Deref for Shared {
    type Target = ControlPlane;

    fn deref(&self) -> &ControlPlane {
        self.plane
    }
}
