//! A resource that went without us: somebody took its finalizer away, and nothing else kept it.
//!
//! Contract: what is still seen of it at AWS is told in the log. Nothing is done about that: without the
//! resource nobody can say any more whether it is to be deleted.

use agentcore::AgentCore;
use api::MCPServer;
use kube::api::ObjectMeta;
use planner::Bound;
use tracing::warn;

use crate::pass::Operator;

/// Tells what is left behind by a resource that is gone. `before` is how it was known.
pub(crate) fn tell<A: AgentCore>(operator: &Operator<A>, before: &MCPServer, gone: &ObjectMeta) {
    for Bound { gateway, target, .. } in had(before, gone) {
        // Who stands by sees no gateway, and what we have let go is not listed any more.
        let listing = operator.mirrors.sight(&gateway).and_then(|sight| sight.listing);
        let Some(listed) = listing.as_ref().and_then(|listing| listing.by_id(&target)) else {
            continue;
        };
        if !operator.fleet.tell_holdings(|holdings| holdings.include(&gateway, listed)) {
            warn!(
                namespace = before.metadata.namespace,
                name = before.metadata.name,
                gateway = %gateway,
                target = %target,
                "the resource is gone, but not by us: its target is left behind"
            );
        }
    }
}

/// What the resource had at AWS that was to go with it, if it went.
fn had(before: &MCPServer, gone: &ObjectMeta) -> Vec<Bound> {
    let is_kept = gone.finalizers.iter().flatten().any(|finalizer| finalizer == api::FINALIZER);
    // One that has only left what is watched is shown as it was.
    let left_the_watch = is_kept && gone.deletion_timestamp.is_none();
    let policy = before.spec.deletion_policy.as_deref().map(str::trim);
    if left_the_watch || policy == Some("Retain") {
        return Vec::new();
    }
    let retired = before.status.iter().flat_map(|status| &status.retired).map(Bound::from);
    Bound::of(before).into_iter().chain(retired).collect()
}

#[cfg(test)]
mod tests {
    use api::{MCPServerSpec, MCPServerStatus, Retired};
    use k8s_openapi::apimachinery::pkg::apis::meta::v1::Time;

    use super::*;

    fn server() -> MCPServer {
        let mut server = MCPServer::new("weather", MCPServerSpec::default());
        server.metadata.finalizers = Some(vec![api::FINALIZER.to_owned()]);
        server.status = Some(MCPServerStatus {
            gateway_id: Some("gw".to_owned()),
            target_id: Some("T".to_owned()),
            retired: vec![Retired {
                gateway_id: "old".to_owned(),
                gateway_arn: None,
                target_id: "L".to_owned(),
            }],
            ..MCPServerStatus::default()
        });
        server
    }

    fn told(before: &MCPServer, gone: &ObjectMeta) -> Vec<String> {
        had(before, gone).into_iter().map(|bound| bound.target.0).collect()
    }

    #[test]
    fn what_went_with_the_finalizer_or_without_had_its_targets() {
        let before = server();
        // The API server shows what it was before the finalizer was taken away.
        let mut going = before.metadata.clone();
        going.deletion_timestamp = Some(Time(jiff::Timestamp::UNIX_EPOCH));
        let stripped = ObjectMeta { finalizers: None, ..before.metadata.clone() };
        for gone in [going, stripped] {
            assert_eq!(told(&before, &gone), ["T", "L"]);
        }
    }

    #[test]
    fn what_left_the_watch_or_was_to_stay_is_not_told_of() {
        let before = server();
        assert!(told(&before, &before.metadata).is_empty());
        let mut retained = server();
        retained.spec.deletion_policy = Some("Retain".to_owned());
        assert!(told(&retained, &ObjectMeta::default()).is_empty());
    }
}
