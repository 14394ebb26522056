//! The control plane is real: RBAC decides, kubectl gets in, its data outlives its API server, and
//! it does not outlive whoever started it.

use std::path::Path;
use std::process::Command;
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use k8s_openapi::api::core::v1::{ConfigMap, Namespace, Secret, ServiceAccount};
use kube::api::{DeleteParams, ListParams, ObjectMeta, PostParams};
use kube::{Api, Client};
use testkit::{ControlPlane, Manifests, Program, Signal, TestResult, wait};

const SOON: Duration = Duration::from_mins(1);

/// A service account that may list config maps in its own namespace.
const READER: &str = "
apiVersion: v1
kind: ServiceAccount
metadata: {name: reader}
---
apiVersion: rbac.authorization.k8s.io/v1
kind: Role
metadata: {name: reader}
rules: [{apiGroups: [''], resources: [configmaps], verbs: [list]}]
---
apiVersion: rbac.authorization.k8s.io/v1
kind: RoleBinding
metadata: {name: reader}
roleRef: {apiGroup: rbac.authorization.k8s.io, kind: Role, name: reader}
subjects: [{kind: ServiceAccount, name: reader, namespace: elsewhere}]
";

const AUDIT_POLICY: &str = "
apiVersion: audit.k8s.io/v1
kind: Policy
omitStages: [RequestReceived]
rules: [{level: Metadata, resources: [{group: '', resources: [configmaps]}]}]
";

fn config_map(name: &str) -> ConfigMap {
    let metadata = ObjectMeta { name: Some(name.to_owned()), ..ObjectMeta::default() };
    ConfigMap { metadata, ..ConfigMap::default() }
}

fn is_forbidden(result: kube::Result<impl Sized>) -> bool {
    matches!(result, Err(kube::Error::Api(status)) if status.code == 403)
}

#[tokio::test]
async fn a_service_account_may_do_what_its_role_says() -> TestResult {
    let cluster = ControlPlane::shared().await?;
    let namespace = cluster.namespace("rbac").await?;
    READER.parse::<Manifests>()?.in_namespace(&namespace).apply(&cluster.client()?).await?;

    let client = cluster.service_account(&namespace, "reader").await?.client()?;
    let maps: Api<ConfigMap> = Api::namespaced(client.clone(), &namespace);
    // A role counts a moment after it has been made: the authorizer reads it from a watch.
    wait::eventually("a first list", SOON, || async {
        Ok(maps.list(&ListParams::default()).await.map(drop)?)
    })
    .await?;
    assert!(is_forbidden(maps.create(&PostParams::default(), &config_map("a")).await));
    assert!(is_forbidden(maps.get("a").await));
    let secrets: Api<Secret> = Api::namespaced(client.clone(), &namespace);
    assert!(is_forbidden(secrets.list(&ListParams::default()).await));
    let elsewhere: Api<ConfigMap> = Api::namespaced(client, "default");
    assert!(is_forbidden(elsewhere.list(&ListParams::default()).await));
    Ok(())
}

#[tokio::test]
async fn custom_resources_are_served_once_their_definition_is_applied() -> TestResult {
    let cluster = ControlPlane::shared().await?;
    let namespace = cluster.namespace("definition").await?;
    let both = "
apiVersion: apiextensions.k8s.io/v1
kind: CustomResourceDefinition
metadata: {name: things.testkit.example}
spec:
  group: testkit.example
  scope: Namespaced
  names: {kind: Thing, plural: things}
  versions:
  - name: v1
    served: true
    storage: true
    schema:
      openAPIV3Schema:
        type: object
        properties: {spec: {type: object, required: [size], properties: {size: {type: integer}}}}
---
apiVersion: testkit.example/v1
kind: Thing
metadata: {name: small}
spec: {size: 1}
";
    let manifests: Manifests = both.parse()?;
    let applied = manifests.in_namespace(&namespace).apply(&cluster.client()?).await?;
    assert_eq!(applied[1].metadata.namespace.as_deref(), Some(&*namespace));
    assert_eq!(applied[1].data["spec"]["size"], 1);

    let bad = "{apiVersion: testkit.example/v1, kind: Thing, metadata: {name: bad}, spec: {}}";
    let manifests = bad.parse::<Manifests>()?.in_namespace(&namespace);
    let error = manifests.apply(&cluster.client()?).await.unwrap_err();
    let error = format!("{error:#}");
    assert!(error.contains("applying Thing bad") && error.contains("spec.size"), "{error}");
    Ok(())
}

#[tokio::test]
async fn a_wait_ends_with_the_event_or_says_what_it_saw() -> TestResult {
    let cluster = ControlPlane::shared().await?;
    let namespace = cluster.namespace("wait").await?;
    let maps: Api<ConfigMap> = Api::namespaced(cluster.client()?, &namespace);

    let made = async {
        maps.create(&PostParams::default(), &config_map("late")).await?;
        anyhow::Ok(())
    };
    let seen = wait::on(&maps, "late").until("there", |_| true);
    let (seen, ()) = tokio::try_join!(seen, made)?;
    assert_eq!(seen.metadata.name.as_deref(), Some("late"));

    let brief = Duration::from_millis(300);
    let filled = wait::on(&maps, "late").within(brief).until("filled", |map| map.data.is_some());
    let error = filled.await.unwrap_err().to_string();
    assert!(error.starts_with("late is not filled after 300ms; last seen:\n"), "{error}");
    assert!(error.contains("name: late") && !error.contains("managedFields"), "{error}");

    maps.delete("late", &DeleteParams::default()).await?;
    wait::on(&maps, "late").until_gone().await?;
    Ok(())
}

/// Several actors in one test: it is the compiler that says whether this works.
#[tokio::test]
async fn steps_can_be_spawned() -> TestResult {
    let reader = tokio::spawn(async {
        let cluster = ControlPlane::shared().await?;
        let namespace = cluster.namespace("spawned").await?;
        let client = cluster.client()?;
        READER.parse::<Manifests>()?.in_namespace(&namespace).apply(&client).await?;
        let accounts: Api<ServiceAccount> = Api::namespaced(client, &namespace);
        wait::on(&accounts, "reader").until("there", |_| true).await
    });
    assert_eq!(reader.await??.metadata.name.as_deref(), Some("reader"));
    Ok(())
}

/// The kubectl of whoever runs this, where there is one.
#[tokio::test]
async fn kubectl_gets_in_by_the_kubeconfig() -> TestResult {
    let Ok(version) = Command::new("kubectl").args(["version", "--client"]).output() else {
        return Ok(());
    };
    assert!(version.status.success());
    let cluster = ControlPlane::shared().await?;
    let namespace = cluster.namespace("kubectl").await?;
    READER.parse::<Manifests>()?.in_namespace(&namespace).apply(&cluster.client()?).await?;
    let reader = cluster.service_account(&namespace, "reader").await?;

    for (access, words, good) in [
        (cluster.admin(), &["get", "namespace", &*namespace, "-o", "name"][..], true),
        (&reader, &["get", "configmaps", "-o", "name"], true),
        (&reader, &["get", "secrets", "-o", "name"], false),
    ] {
        let kubeconfig = cluster.kubeconfig_file(access)?;
        wait::eventually("kubectl's answer", SOON, || async {
            let kubectl =
                Command::new("kubectl").args(words).env("KUBECONFIG", &kubeconfig).output()?;
            let (user, error) = (access.user(), String::from_utf8_lossy(&kubectl.stderr));
            ensure!(kubectl.status.success() == good, "{user}: {words:?}: {error}");
            Ok(())
        })
        .await?;
    }
    Ok(())
}

#[tokio::test]
async fn the_data_outlives_the_api_server() -> TestResult {
    let mut cluster = ControlPlane::builder().audit(AUDIT_POLICY).start().await?;
    let client = cluster.client()?;
    let namespace = cluster.namespace("restart").await?;
    let maps: Api<ConfigMap> = Api::namespaced(client.clone(), &namespace);
    maps.create(&PostParams::default(), &config_map("kept")).await?;

    cluster.stop_api_server().await?;
    let away = maps.get("kept").await;
    assert!(!matches!(away, Ok(_) | Err(kube::Error::Api(_))), "{away:?}");

    cluster.restart_api_server().await?;
    maps.get("kept").await.context("after the restart")?;
    wait::eventually("the audit log", SOON, || async {
        let log = cluster.audit_log()?;
        let verbs: Vec<_> = log
            .iter()
            .filter(|event| event["objectRef"]["namespace"] == *namespace)
            .map(|event| event["verb"].as_str().unwrap_or("?"))
            .collect();
        ensure!(verbs == ["create", "get"], "{verbs:?}");
        Ok(())
    })
    .await?;
    Ok(())
}

#[tokio::test]
async fn a_deleted_namespace_goes_where_there_is_a_controller() -> TestResult {
    let cluster = ControlPlane::builder().controller_manager().start().await?;
    let client: Client = cluster.client()?;
    let name = cluster.namespace("going").await?;
    let namespaces: Api<Namespace> = Api::all(client);
    namespaces.delete(&name, &DeleteParams::default()).await?;
    wait::on(&namespaces, &name).within(SOON).until_gone().await?;
    Ok(())
}

/// Killed in a way that runs no destructor and no signal handler.
#[cfg(target_os = "linux")]
#[tokio::test]
async fn nothing_outlives_a_parent_that_is_killed() -> TestResult {
    let holder = Program::new("holder", env!("CARGO_BIN_EXE_control-plane"));
    let logs = tempfile::tempdir()?;
    let holder = holder.env("MCP_GATEWAY_TEST_LOGS", logs.path()).whole_env().spawn()?;
    let export = "export KUBECONFIG=";
    let said = holder.wait_for_line(export, 20 * SOON, |line| line.starts_with(export)).await?;
    let kubeconfig = Path::new(said.trim_start_matches(export));
    let folder = kubeconfig.parent().context("a folder")?.to_string_lossy().into_owned();
    // A process that is just becoming another program has no command line for a moment.
    wait::eventually("a look at all parts", SOON, || async {
        let running = processes_naming(&folder)?;
        for part in ["etcd", "kube-apiserver", "kube-controller-manager"] {
            let found = running.iter().any(|command| command.contains(part));
            ensure!(found, "no {part} in {running:#?}");
        }
        Ok(())
    })
    .await?;

    holder.signal(Signal::KILL)?;
    wait::eventually("an end of all", SOON, || async {
        let left = processes_naming(&folder)?;
        ensure!(left.is_empty(), "still running: {left:#?}");
        ensure!(!Path::new(&folder).exists(), "{folder} is still there");
        Ok(())
    })
    .await?;
    // It was killed in the middle: somebody may want to know why.
    let kept = std::fs::read_dir(logs.path())?.count();
    assert_eq!(kept, 1, "the logs of a run that was killed are kept");
    Ok(())
}

/// The command lines of the processes that mention the text.
#[cfg(target_os = "linux")]
fn processes_naming(text: &str) -> Result<Vec<String>> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir("/proc")? {
        // Most of what is there is not a process, and a process may end while one looks.
        let Ok(command) = std::fs::read(entry?.path().join("cmdline")) else { continue };
        let command = String::from_utf8_lossy(&command).replace('\0', " ");
        if command.contains(text) {
            found.push(command);
        }
    }
    Ok(found)
}
