//! kube-controller-manager, with the two controllers whose work a test can come to miss.

use std::path::Path;

use anyhow::Result;

use crate::process::{Process, Program};

/// Starts it. Nothing says when it is ready: who needs its work awaits the work.
pub(super) fn start(program: &Program, kubeconfig: &Path) -> Result<Process> {
    program
        .clone()
        .flag("kubeconfig", kubeconfig)
        .flag("controllers", "namespace-controller,garbage-collector-controller")
        .flag("leader-elect", "false")
        .flag("secure-port", "0")
        .spawn()
}
