use serde_json::json;

use super::*;

fn seen(spec: &Value, status: &Value) -> Seen {
    let object = json!({
        "metadata": { "name": "w", "generation": 3 }, "spec": spec, "status": status,
    });
    serde_json::from_value(object).unwrap()
}

#[test]
fn a_deployment_is_complete_as_kubectl_has_it() {
    let done = json!({
        "observedGeneration": 3, "replicas": 2, "updatedReplicas": 2, "readyReplicas": 2,
        "availableReplicas": 2,
        "conditions": [{ "type": "Progressing", "status": "True", "reason": "NewReplicaSetAvailable" }],
    });
    let with = |changes: Value| {
        let mut status = done.clone();
        json_patch::merge(&mut status, &changes);
        status
    };
    let given_up = json!([
        { "type": "Available", "status": "True" },
        { "type": "Progressing", "status": "False", "reason": "ProgressDeadlineExceeded" },
    ]);
    let two = json!({ "replicas": 2 });
    for (what, spec, status, complete) in [
        ("done", &two, with(json!({})), true),
        ("observed later", &two, with(json!({ "observedGeneration": 4 })), true),
        ("not observed yet", &two, with(json!({ "observedGeneration": 2 })), false),
        ("nothing is known", &two, json!(null), false),
        ("too few new pods", &two, with(json!({ "updatedReplicas": 1 })), false),
        ("old pods are left", &two, with(json!({ "replicas": 3 })), false),
        ("not all can be used", &two, with(json!({ "availableReplicas": 1 })), false),
        ("it took too long", &two, with(json!({ "conditions": given_up })), false),
        ("without conditions", &two, with(json!({ "conditions": null })), true),
        ("more than asked for", &json!({ "replicas": 1 }), with(json!({})), true),
        ("one is the default", &json!({}), with(json!({})), true),
        (
            "one is the default, and is not there",
            &json!({}),
            json!({ "observedGeneration": 3 }),
            false,
        ),
    ] {
        let found = super::progress(Kind::Deployment, &seen(spec, &status));
        assert_eq!(found == Progress::Complete, complete, "{what}");
    }
}

#[test]
fn a_stateful_set_is_complete_as_kubectl_has_it() {
    let done = json!({
        "observedGeneration": 3, "replicas": 3, "readyReplicas": 3, "updatedReplicas": 3,
        "currentRevision": "w-2", "updateRevision": "w-2",
    });
    let with = |changes: Value| {
        let mut status = done.clone();
        json_patch::merge(&mut status, &changes);
        status
    };
    let rolling = |partition: Value| {
        json!({
            "replicas": 3,
            "updateStrategy": { "type": "RollingUpdate", "rollingUpdate": { "partition": partition } },
        })
    };
    let plain = json!({ "replicas": 3, "updateStrategy": { "type": "RollingUpdate" } });
    let on_delete = json!({ "replicas": 3, "updateStrategy": { "type": "OnDelete" } });
    let two_revisions = json!({ "currentRevision": "w-1", "updatedReplicas": 1 });
    for (what, spec, status, complete) in [
        ("done", &rolling(json!(0)), with(json!({})), true),
        ("never observed", &rolling(json!(0)), with(json!({ "observedGeneration": null })), false),
        ("not observed yet", &rolling(json!(0)), with(json!({ "observedGeneration": 2 })), false),
        ("nothing is known", &rolling(json!(0)), json!(null), false),
        ("not all are ready", &rolling(json!(0)), with(json!({ "readyReplicas": 2 })), false),
        ("not all are new", &rolling(json!(0)), with(json!({ "updatedReplicas": 2 })), false),
        (
            "those above the partition are new",
            &rolling(json!(2)),
            with(two_revisions.clone()),
            true,
        ),
        ("one of them is not", &rolling(json!(1)), with(two_revisions.clone()), false),
        (
            "all are below the partition",
            &rolling(json!(3)),
            with(json!({ "updatedReplicas": 0 })),
            true,
        ),
        ("by revision", &plain, with(json!({ "updatedReplicas": null })), true),
        ("by revision, two of them", &plain, with(two_revisions.clone()), false),
        ("on delete", &on_delete, with(json!({})), true),
        ("on delete, one is not deleted yet", &on_delete, with(two_revisions.clone()), false),
        ("one is the default", &json!({}), with(json!({ "readyReplicas": 0 })), false),
    ] {
        let found = super::progress(Kind::StatefulSet, &seen(spec, &status));
        assert_eq!(found == Progress::Complete, complete, "{what}");
    }
}

/// kubectl calls it rolled out as soon as the old pods are gone.
#[test]
fn without_replicas_it_is_complete_and_nobody_serves() {
    let none = json!({ "replicas": 0 });
    for kind in [Kind::Deployment, Kind::StatefulSet] {
        for (what, status, progress) in [
            ("none is left", json!({ "observedGeneration": 3 }), Progress::Idle),
            ("not observed yet", json!({ "observedGeneration": 2 }), Progress::UnderWay),
            ("nothing is known", json!(null), Progress::UnderWay),
        ] {
            assert_eq!(super::progress(kind, &seen(&none, &status)), progress, "{kind:?} {what}");
        }
    }
    let leaving = json!({ "observedGeneration": 3, "replicas": 1 });
    let found = super::progress(Kind::Deployment, &seen(&none, &leaving));
    assert_eq!(found, Progress::UnderWay, "an old pod is left");
}

#[test]
fn the_pod_template_alone_tells_rollouts_apart() {
    let of = |text: &str| {
        let status = r#"{"observedGeneration": 1, "updatedReplicas": 9, "availableReplicas": 9}"#;
        let text = format!(r#"{{"metadata": {{"name": "w"}}, {text}, "status": {status}}}"#);
        super::template(Kind::Deployment, &serde_json::from_str(&text).unwrap())
    };
    let one = of(
        r#""spec": {"template": {"metadata": {"labels": {"a": "1", "b": "2"}}, "spec": {"x": [1, 2]}}}"#,
    );
    assert_eq!(one.len(), 64);
    let ordered = r#""spec": {"replicas": 4, "template": {"spec": {"x": [1, 2]}, "metadata": {"labels": {"b": "2", "a": "1"}}}}"#;
    assert_eq!(of(ordered), one, "the order of members is none, and the scale is none of its");
    let other = of(
        r#""spec": {"template": {"metadata": {"labels": {"a": "1", "b": "2"}}, "spec": {"x": [2, 1]}}}"#,
    );
    assert_ne!(other, one);
}

#[test]
fn a_smaller_partition_is_another_rollout() {
    let status = json!({ "observedGeneration": 3, "readyReplicas": 3, "updatedReplicas": 3 });
    let with = |partition: i64| {
        let strategy = json!({ "rollingUpdate": { "partition": partition } });
        let spec = json!({ "replicas": 3, "template": {}, "updateStrategy": strategy });
        super::template(Kind::StatefulSet, &seen(&spec, &status))
    };
    assert_ne!(with(2), with(1));
    assert_ne!(with(1), with(0));
    let spec = json!({ "replicas": 3, "template": {} });
    let plain = super::template(Kind::StatefulSet, &seen(&spec, &status));
    assert_eq!(with(0), plain, "without one it is the template's hash alone");
}

/// API servers before 1.34 write `creationTimestamp: null` into every pod template, later ones do
/// not; and a later one fills in defaults of new fields. Neither is a rollout.
#[test]
fn an_upgrade_of_the_api_server_is_no_rollout() {
    let status = json!({ "observedGeneration": 3 });
    let old = json!({ "replicas": 0, "template": { "metadata": { "creationTimestamp": null, "labels": { "a": "b" } } } });
    let new = json!({ "replicas": 0, "template": { "metadata": { "labels": { "a": "b" } } } });
    let hash = |spec| super::template(Kind::Deployment, &seen(spec, &status));
    assert_eq!(hash(&old), hash(&new));
}
