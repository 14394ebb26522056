//! What the tests, the demo and the benchmark stand on: a real Kubernetes control plane, our own
//! programs as child processes, and waits that end with an event instead of a guess.
//!
//! Nothing here pretends to be Kubernetes, and nothing started here outlives the process that
//! started it, however that process ends.
//!
//! ```no_run
//! use k8s_openapi::api::core::v1::ConfigMap;
//! use kube::Api;
//! use testkit::{ControlPlane, Program, TestResult, binary, wait};
//!
//! # async fn example() -> TestResult {
//! let cluster = ControlPlane::shared().await?;
//! let namespace = cluster.namespace("create").await?;
//! let operator = cluster.service_account(&namespace, "operator").await?;
//!
//! let _operator = Program::new("operator", binary("mcp-gateway-operator")?)
//!     .env("KUBECONFIG", cluster.kubeconfig_file(&operator)?)
//!     .spawn()?;
//!
//! let configmaps: Api<ConfigMap> = Api::namespaced(cluster.client()?, &namespace);
//! wait::on(&configmaps, "result").until("holds data", |map| map.data.is_some()).await?;
//! # Ok(())
//! # }
//! ```

pub mod control_plane;
pub mod go_tools;
pub mod install;
pub mod manifests;
pub mod process;
pub mod proxy;
pub mod run;
pub mod scenario;
pub mod wait;
pub mod workload;

mod binaries;
mod emulator_process;
mod failure;
mod go_build;
mod random;

pub use binaries::binary;
pub use control_plane::ControlPlane;
pub use emulator_process::{EmulatorProcess, HeldTarget};
pub use failure::{Failure, TestResult};
pub use manifests::Manifests;
pub use process::{Process, Program, Signal};
pub use scenario::Scenario;
pub use workload::Workload;
