//! Values: what can be set, and what is wrong.

use std::fs;

use anyhow::Result;
use testkit::run::Run;

/// Values that reach every branch of the templates.
pub(crate) const MATRIX: &[(&str, &str)] = &[
    ("nothing", "{}"),
    ("the Go operator's", include_str!("go_values.yaml")),
    (
        "all that can be switched on",
        r#"
replicaCount: 3
image: {repository: registry.example.com/op, digest: "sha256:0000000000000000000000000000000000000000000000000000000000000000"}
imagePullSecrets: [{name: pull}]
aws: {gatewayId: my-gateway-a1b2c3d4e5, region: eu-west-1}
serviceAccount: {annotations: {eks.amazonaws.com/role-arn: "arn:aws:iam::123456789012:role/r"}}
operator:
  leaseDuration: 15s
  renewDeadline: 10s
  retryPeriod: 2s
  metrics: {certSecret: metrics-cert}
  enableHTTP2: true
  watchLabelSelector: "team in (a, b),env!=dev"
  consistencyWindow: 10s
  syncInterval: 1m30s
  toolSyncSettle: 10s
  allowAdoption: true
  dryRun: true
  logLevel: trace
  logFormat: text
rbac: {workloads: true}
podAnnotations: {a: b}
podLabels: {team: search}
commonLabels: {cost-center: "42"}
nodeSelector: {kubernetes.io/arch: arm64}
tolerations: [{operator: Exists}]
affinity: {podAntiAffinity: {preferredDuringSchedulingIgnoredDuringExecution: [{weight: 1, podAffinityTerm: {topologyKey: zone}}]}}
priorityClassName: important
extraArgs: [--log-level=warn]
extraEnv: [{name: HTTPS_PROXY, value: "http://proxy.example.com:3128"}, {name: SECRET, valueFrom: {secretKeyRef: {name: s, key: k}}}]
volumes: [{name: ca, configMap: {name: ca}}]
volumeMounts: [{name: ca, mountPath: /etc/ssl/certs, readOnly: true}]
podDisruptionBudget: {maxUnavailable: 50%}
networkPolicy: {enabled: true, metricsFrom: [{podSelector: {}}], extraEgress: [{ports: [{port: 3128}]}]}
serviceMonitor: {enabled: true, labels: {release: prometheus}, interval: 30s, metricRelabelings: [{action: drop, regex: x, sourceLabels: [z]}]}
prometheusRule: {enabled: true, labels: {release: prometheus}, alertLabels: {team: search}}
grafanaDashboard: {enabled: true, annotations: {folder: aws}}
"#,
    ),
    (
        "all that can be switched off",
        r#"
operator: {leaderElection: false, metrics: {bindAddress: "0"}, healthProbeBindAddress: "0"}
serviceAccount: {create: false, name: mine}
rbac: {create: false}
crds: {enabled: false}
podDisruptionBudget: {enabled: false}
networkPolicy: {enabled: true, ports: [], nodeCredentials: false}
resources: {}
"#,
    ),
    (
        "two namespaces, plain metrics, a PodMonitor",
        r#"
replicaCount: 2
fullnameOverride: search-mcp
crds: {keep: false}
rbac: {workloads: true}
operator: {watchNamespaces: [default, kube-public], metrics: {secure: false, bindAddress: "127.0.0.1:8080"}}
networkPolicy: {enabled: true}
podMonitor: {enabled: true}
"#,
    ),
    (
        "a PodMonitor with a token",
        r"
podMonitor: {enabled: true, authorization: {credentials: {name: prometheus-token, key: token}}, tlsConfig: {serverName: metrics}}
prometheusRule: {enabled: true, disabled: [McpGatewayNoLeader]}
",
    ),
];

/// What is wrong, and what has to be said about it.
pub(crate) const WRONG: &[(&str, &[&str])] = &[
    ("{replicaCoun: 2}", &["replicaCoun"]),
    ("{replicaCount: many}", &["/replicaCount", "integer"]),
    (
        "{aws: {gatewayId: \"arn:aws:bedrock-agentcore:us-east-1:1:gateway/g\"}}",
        &["/aws/gatewayId"],
    ),
    ("{aws: {region: Frankfurt}}", &["/aws/region"]),
    ("{image: {tag: 1.0}}", &["/image/tag", "string"]),
    ("{operator: {logLevel: verbose}}", &["/operator/logLevel", "debug"]),
    ("{operator: {syncInterval: 60}}", &["/operator/syncInterval"]),
    ("{operator: {metrics: {bindAddress: \"8443\"}}}", &["/operator/metrics/bindAddress"]),
    ("{operator: {watchNamespaces: [A_B]}}", &["/operator/watchNamespaces/0"]),
    ("{operator: {leaderElection: \"yes\"}}", &["/operator/leaderElection", "boolean"]),
    ("{replicaCount: 2, operator: {leaderElection: false}}", &["operator.leaderElection is off"]),
    (
        "{serviceMonitor: {enabled: true}, operator: {metrics: {bindAddress: \"0\"}}}",
        &["serves no metrics"],
    ),
    ("{serviceMonitor: {enabled: true}, podMonitor: {enabled: true}}", &["counted twice"]),
    ("{podMonitor: {enabled: true}}", &["podMonitor.authorization"]),
];

/// A values file.
pub(crate) fn values(text: &str) -> Result<String> {
    let folder =
        tempfile::Builder::new().prefix("values-").tempdir_in(Run::current()?.temp())?.keep();
    let file = folder.join("values.yaml");
    fs::write(&file, text)?;
    Ok(file.display().to_string())
}
