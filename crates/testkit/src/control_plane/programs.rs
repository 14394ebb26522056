//! Where the programs of the control plane come from: from `KUBEBUILDER_ASSETS`, from `PATH`, or
//! [built](super::build) from the project's own Go module, in this order; with `CONTROL_PLANE=oldest` built
//! from the module of the oldest Kubernetes that is claimed.

use std::env;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, ensure};
use tokio::sync::OnceCell;

use super::build::{NEWEST, OLDEST};
use crate::binaries::in_path;
use crate::go_build::say;
use crate::process::Program;

const ETCD: &str = "etcd";
const API_SERVER: &str = "kube-apiserver";
const CONTROLLER_MANAGER: &str = "kube-controller-manager";

static PROGRAMS: OnceCell<Programs> = OnceCell::const_new();

/// The programs, ready to be given their flags.
#[derive(Debug)]
pub(super) struct Programs {
    pub(super) etcd: Program,
    pub(super) kube_apiserver: Program,
    kube_controller_manager: Option<Program>,
    origin: String,
}

impl Programs {
    /// Those of this process: found or built by the first who asks.
    pub(super) async fn get() -> Result<&'static Self> {
        PROGRAMS.get_or_try_init(Self::find).await
    }

    async fn find() -> Result<Self> {
        let programs = if env::var_os("CONTROL_PLANE").is_some_and(|which| which == "oldest") {
            Self::from_build(&OLDEST.program().await?)
        } else {
            match Self::from_assets()?.or_else(Self::from_path) {
                Some(programs) => programs,
                None => Self::from_build(&NEWEST.program().await?),
            }
        };
        say("control plane", &format!("etcd and kube-apiserver from {}", programs.origin));
        Ok(programs)
    }

    /// The one that is optional in an installation.
    pub(super) fn kube_controller_manager(&self) -> Result<&Program> {
        let origin = &self.origin;
        let program = self.kube_controller_manager.as_ref();
        program.with_context(|| format!("no {CONTROLLER_MANAGER} in {origin}"))
    }

    /// Who sets the variable means it: a program that is missing there is looked for nowhere else.
    fn from_assets() -> Result<Option<Self>> {
        let Some(folder) = env::var_os("KUBEBUILDER_ASSETS").filter(|value| !value.is_empty())
        else {
            return Ok(None);
        };
        let folder = PathBuf::from(folder);
        for name in [ETCD, API_SERVER] {
            let file = folder.join(name);
            ensure!(file.is_file(), "KUBEBUILDER_ASSETS: no {}", file.display());
        }
        let origin = format!("{} (KUBEBUILDER_ASSETS)", folder.display());
        Ok(Self::installed(origin, |name| Some(folder.join(name)).filter(|file| file.is_file())))
    }

    fn from_path() -> Option<Self> {
        Self::installed("PATH".to_owned(), in_path)
    }

    fn installed(origin: String, find: impl Fn(&str) -> Option<PathBuf>) -> Option<Self> {
        let program = |name: &str| Some(Program::new(name, find(name)?));
        Some(Self {
            etcd: program(ETCD)?,
            kube_apiserver: program(API_SERVER)?,
            kube_controller_manager: program(CONTROLLER_MANAGER),
            origin,
        })
    }

    /// One program that is all three, by its first argument.
    fn from_build(file: &Path) -> Self {
        let program = |name: &str| Program::new(name, file).arg(name);
        Self {
            etcd: program(ETCD),
            kube_apiserver: program(API_SERVER),
            kube_controller_manager: Some(program(CONTROLLER_MANAGER)),
            origin: file.display().to_string(),
        }
    }
}
