//! Whatever is written in a resource is judged and told of: without a panic, in words that can be shown,
//! and what is taken keeps to AWS's limits.

use std::collections::HashMap;
use std::time::Duration;

use api::text::is_unfit;
use api::{MCPServer, MCPServerSpec, Sight};
use jiff::Timestamp;
use planner::{
    Claim, Decision, Memory, Policy, World, differences, fingerprint, plan, project, validate,
};

/// The input is a spec as JSON.
pub(crate) fn holds(data: &[u8]) {
    let Ok(spec) = serde_json::from_slice::<MCPServerSpec>(data) else { return };
    let mut server = MCPServer::new("weather", spec);
    server.metadata.namespace = Some("default".to_owned());
    server.metadata.uid = Some("00000000-0000-0000-0000-000000000007".to_owned());
    server.metadata.generation = Some(1);

    match validate(&server) {
        Ok(wish) => {
            let (name, endpoint) = (&wish.definition.name, &wish.definition.endpoint);
            let is_name = |c: char| c.is_ascii_alphanumeric() || c == '-';
            assert!((1..=100).contains(&name.len()) && name.chars().all(is_name), "{name:?}");
            assert!(
                endpoint.starts_with("https://") && !endpoint.contains(is_unfit),
                "{endpoint:?}"
            );
            let described = wish.definition.description.as_deref().unwrap_or("x").chars().count();
            assert!((1..=200).contains(&described), "{described} characters");
            assert_eq!(differences(&wish.definition, &wish.definition), Vec::<&str>::new());
            assert_eq!(fingerprint(&wish.definition), fingerprint(&wish.definition.clone()));
        }
        Err(violations) => {
            assert!(!violations.is_empty());
            assert!(
                violations.iter().all(|it| it.field.starts_with("spec") && !it.message.is_empty())
            );
        }
    }

    let now = Timestamp::UNIX_EPOCH + Duration::from_hours(1);
    let policy = Policy {
        default_gateway: Some("gateway-a1b2c3d4e5".into()),
        consistency_window: Duration::from_secs(10),
        stale_after: Duration::from_mins(5),
        account: Some("111122223333".to_owned()),
        region: "us-east-1".to_owned(),
        allow_adoption: false,
        tool_sync_settle: Duration::from_secs(10),
    };
    let memory = Memory::new(Timestamp::UNIX_EPOCH);
    // Nothing is seen yet; nothing is there.
    for listing in [None, Some(std::sync::Arc::default())] {
        for finalizers in [None, Some(vec![api::FINALIZER.to_owned()])] {
            server.metadata.finalizers = finalizers;
            let sight = Sight {
                as_of: listing.as_ref().map(|_| now),
                listing: listing.clone(),
                ..Sight::default()
            };
            let gateways = Claim::of(&server, &policy).into_iter().map(|claim| claim.gateway);
            let sights: HashMap<_, _> = gateways.map(|gateway| (gateway, sight.clone())).collect();
            let world = World {
                now,
                aws_now: now,
                policy: &policy,
                server: &server,
                memory: &memory,
                sights: &sights,
                rivals: &[],
                workload: None,
                nonce: "nonce",
                seed: 7,
            };
            let Decision { step, report } = plan(&world);
            let status = project(&server, step.as_ref(), &report, now);
            for condition in &status.conditions {
                let said = &condition.message;
                assert!(!said.contains(is_unfit) && said.chars().count() <= 4096, "{said:?}");
            }
        }
    }
}
