//! What a replica is called, and where its Lease is.

use std::path::Path;

/// Where a pod finds the namespace of its service account.
const OF_THE_ACCOUNT: &str = "/var/run/secrets/kubernetes.io/serviceaccount/namespace";

/// The name of this replica: that of its pod, or of its host, with something random behind it,
/// because a container that starts again in its pod is another process.
#[must_use]
pub fn identity(pod: Option<&str>, random: u64) -> String {
    let host = rustix::system::uname().nodename().to_string_lossy().into_owned();
    let name = pod.filter(|pod| !pod.is_empty()).unwrap_or(&host);
    format!("{name}_{random:016x}")
}

/// The namespace of the Lease: the one that was given, else that of the pod (`POD_NAMESPACE`), else
/// that of the service account, else that of the client's configuration (the context of the
/// kubeconfig, or `default`).
#[must_use]
pub fn namespace(given: Option<&str>, pod: Option<&str>, config: &kube::Config) -> String {
    choose(given, pod, Path::new(OF_THE_ACCOUNT), &config.default_namespace)
}

fn choose(given: Option<&str>, pod: Option<&str>, account: &Path, context: &str) -> String {
    let account = std::fs::read_to_string(account).ok();
    let choices = [given, pod, account.as_deref(), Some(context)];
    let mut named = choices.into_iter().flatten().map(str::trim).filter(|name| !name.is_empty());
    named.next().unwrap_or("default").to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn two_processes_of_one_pod_have_two_names() {
        assert_eq!(identity(Some("operator-abc"), 26), "operator-abc_000000000000001a");
        assert_ne!(identity(None, 1), identity(None, 2));
        assert!(!identity(None, 1).starts_with('_'), "the host has a name");
        assert_eq!(identity(Some(""), 1), identity(None, 1));
    }

    #[test]
    fn the_namespace_is_the_first_that_is_said() -> std::io::Result<()> {
        let folder = tempfile::tempdir()?;
        let account = folder.path().join("namespace");
        assert_eq!(choose(None, Some(""), &account, ""), "default");
        assert_eq!(choose(None, None, &account, "context"), "context");
        std::fs::write(&account, "account\n")?;
        assert_eq!(choose(None, None, &account, "context"), "account");
        assert_eq!(choose(None, Some("pod"), &account, "context"), "pod");
        assert_eq!(choose(Some("given"), Some("pod"), &account, "context"), "given");
        Ok(())
    }
}
