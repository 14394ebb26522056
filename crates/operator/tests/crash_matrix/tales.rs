//! The stories: what is given, and what people and others do.
//!
//! Whoever does something waits for what he has seen, not for a time: a story has the same points
//! on a slow machine, and goes on when the operator has been killed meanwhile.

use anyhow::{Context as _, Result};
use api::{ADOPT_ANNOTATION, FINALIZER, MCPServer, REQUEST_ANNOTATION};
use emulator::{OutcomeRule, TargetPatch, TargetSpec, TargetView, Transition};
use futures::FutureExt as _;
use futures::future::BoxFuture;
use kube::api::{DeleteParams, Patch, PatchParams, PostParams};
use serde_json::{Value, json};
use testkit::Workload;
use testkit::scenario::{GATEWAY, OTHER_GATEWAY, is_ready, valid_spec};

use crate::checks::{fetches, ours};
use crate::stage::{NAME, PATIENCE, Stage};
use crate::variants::{FAILED_FOR_GOOD, USUAL, Variant};

/// A part of a story.
type Part = for<'a> fn(&'a Stage) -> BoxFuture<'a, Result<()>>;

/// How a story ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum End {
    /// Ready as written, with one target.
    Ready,
    /// Gone, and with it every target.
    Gone,
}

/// A story.
pub(crate) struct Tale {
    pub(crate) name: &'static str,
    pub(crate) given: Part,
    pub(crate) happens: Part,
    pub(crate) end: End,
    /// The most targets that are made, counted from where the points are.
    pub(crate) makes: usize,
    /// Whether the tools are asked for: once, and once more at most where something was cut.
    pub(crate) fetches: bool,
    /// What else the operator is told.
    pub(crate) flags: &'static [&'static str],
    /// The AgentCore in which it happens.
    pub(crate) world: &'static Variant,
    /// It takes too long to be played every time.
    pub(crate) is_long: bool,
}

/// The usual, for what a tale does not say.
const TALE: Tale = Tale {
    name: "",
    given: |stage| given_ready(stage).boxed(),
    happens: |_| async { Ok(()) }.boxed(),
    end: End::Ready,
    makes: 0,
    fetches: false,
    flags: &[],
    world: &USUAL,
    is_long: false,
};

const ADOPTS: &[&str] = &["--allow-adoption"];

/// Those that also happen under every variant of what is not known of AWS.
pub(crate) static CORE: [Tale; 4] = [
    Tale { name: "create", given: |stage| given_written(stage).boxed(), makes: 1, ..TALE },
    Tale { name: "edit", happens: |stage| edit(stage).boxed(), ..TALE },
    Tale { name: "delete", happens: |stage| delete(stage).boxed(), end: End::Gone, ..TALE },
    Tale { name: "move", happens: |stage| go(stage).boxed(), makes: 1, ..TALE },
];

/// The others.
pub(crate) static OTHERS: [Tale; 15] = [
    Tale {
        name: "edit while it is created",
        given: |stage| given_written(stage).boxed(),
        happens: |stage| {
            async {
                seen_at(stage, GATEWAY).await?;
                edit(stage).await
            }
            .boxed()
        },
        makes: 1,
        ..TALE
    },
    Tale {
        name: "delete while it is created",
        given: |stage| given_written(stage).boxed(),
        happens: |stage| {
            async {
                seen_at(stage, GATEWAY).await?;
                delete(stage).await
            }
            .boxed()
        },
        end: End::Gone,
        makes: 1,
        ..TALE
    },
    Tale {
        name: "rename",
        happens: |stage| edit_to(stage, json!({ "targetName": "climate" })).boxed(),
        ..TALE
    },
    Tale {
        name: "move and come back",
        happens: |stage| {
            async {
                go(stage).await?;
                seen_at(stage, OTHER_GATEWAY).await?;
                edit_to(stage, json!({ "gatewayId": GATEWAY })).await
            }
            .boxed()
        },
        makes: 2,
        ..TALE
    },
    Tale {
        name: "move and delete",
        happens: |stage| {
            async {
                go(stage).await?;
                seen_at(stage, OTHER_GATEWAY).await?;
                delete(stage).await
            }
            .boxed()
        },
        end: End::Gone,
        makes: 1,
        ..TALE
    },
    Tale { name: "drift", happens: |stage| drift(stage).boxed(), ..TALE },
    Tale {
        name: "deleted behind our back",
        happens: |stage| vanish(stage).boxed(),
        makes: 1,
        ..TALE
    },
    Tale {
        name: "failed and healed",
        given: |stage| given_failing(stage).boxed(),
        makes: 1,
        // The first pause after a failure is half a minute.
        is_long: true,
        ..TALE
    },
    Tale {
        name: "failed and healed on request",
        given: |stage| given_failing(stage).boxed(),
        happens: |stage| request_when_failed(stage).boxed(),
        makes: 1,
        ..TALE
    },
    Tale {
        name: "failed and replaced",
        given: |stage| given_failing(stage).boxed(),
        happens: |stage| request_when_failed(stage).boxed(),
        makes: 2,
        world: &FAILED_FOR_GOOD,
        ..TALE
    },
    Tale {
        name: "taken over and edited",
        given: |stage| given_left_by_the_go_operator(stage).boxed(),
        ..TALE
    },
    Tale {
        name: "rolled out",
        given: |stage| given_following(stage).boxed(),
        happens: |stage| roll_out(stage).boxed(),
        fetches: true,
        flags: &["--tool-sync-settle=300ms"],
        ..TALE
    },
    Tale {
        name: "consented to",
        given: |stage| given_asking_for_consent(stage).boxed(),
        happens: |stage| consent(stage).boxed(),
        makes: 1,
        ..TALE
    },
    Tale { name: "adopted", given: |stage| given_adoption(stage).boxed(), flags: ADOPTS, ..TALE },
    Tale {
        name: "restored from a backup",
        given: |stage| given_backup(stage).boxed(),
        flags: ADOPTS,
        ..TALE
    },
];

async fn given_written(stage: &Stage) -> Result<()> {
    stage.scenario.when_created(NAME, |_| {}).await.map(drop)
}

async fn given_ready(stage: &Stage) -> Result<()> {
    given_written(stage).await?;
    ready_and_annotated(stage).await
}

async fn ready_and_annotated(stage: &Stage) -> Result<()> {
    stage.given_operator().await?;
    stage.scenario.wait(NAME)?.within(PATIENCE).until("Ready", is_ready).await?;
    // The step after Ready.
    let named = |server: &MCPServer| {
        let annotations = server.metadata.annotations.as_ref();
        annotations.is_some_and(|annotations| annotations.contains_key(api::TARGET_ANNOTATION))
    };
    stage.scenario.wait(NAME)?.within(PATIENCE).until("annotated", named).await.map(drop)
}

/// A resource whose target was made after its workload had been rolled out.
async fn given_following(stage: &Stage) -> Result<()> {
    let workload = Workload::deployment(&stage.scenario, NAME).await?;
    workload.completes().await?;
    stage.scenario.when_created(NAME, |spec| workload.named(spec)).await?;
    ready_and_annotated(stage).await
}

/// The workload is rolled out; the tools are asked for.
async fn roll_out(stage: &Stage) -> Result<()> {
    Workload::existing(&stage.scenario, "Deployment", NAME)?.rolls_out("server:2").await?;
    let asked = stage.scenario.aws.wait_for(|aws| fetches(aws).first().cloned());
    tokio::time::timeout(PATIENCE, asked).await.context("nobody asks for the tools").map(drop)
}

async fn given_asking_for_consent(stage: &Stage) -> Result<()> {
    let grant = Some("AuthorizationCode".to_owned());
    stage.scenario.when_created(NAME, |spec| spec.oauth_grant_type = grant).await.map(drop)
}

/// Whoever is asked for consent gives it.
async fn consent(stage: &Stage) -> Result<()> {
    let aws = &stage.scenario.aws;
    let given = aws.wait_for(|aws| aws.consent(GATEWAY, NAME, true).then_some(()));
    tokio::time::timeout(PATIENCE, given).await.context("nobody is asked for consent")
}

/// The first creation fails behind the 202.
async fn given_failing(stage: &Stage) -> Result<()> {
    stage.scenario.aws.outcome(OutcomeRule::failing(Transition::Creating).times(1));
    given_written(stage).await
}

/// As the Go operator leaves a resource: its finalizer and the target, none of our records. It is
/// edited before we come.
async fn given_left_by_the_go_operator(stage: &Stage) -> Result<()> {
    let target = plant(stage, NAME)?;
    let servers = stage.scenario.servers()?;
    let mut server = MCPServer::new(NAME, valid_spec(NAME));
    server.metadata.finalizers = Some(vec![FINALIZER.to_owned()]);
    servers.create(&PostParams::default(), &server).await?;
    let status = Patch::Merge(json!({ "status": {
        "observedGeneration": 1,
        "targetId": target.target_id,
        "gatewayArn": target.gateway_arn,
        "targetStatus": "READY",
    }}));
    servers.patch_status(NAME, &PatchParams::default(), &status).await?;
    edit(stage).await
}

/// Somebody asks for a target that was made by others.
async fn given_adoption(stage: &Stage) -> Result<()> {
    let target = plant(stage, "legacy")?;
    let mut server = MCPServer::new(NAME, valid_spec(NAME));
    server.metadata.annotations =
        Some([(ADOPT_ANNOTATION.to_owned(), target.target_id)].into_iter().collect());
    stage.scenario.servers()?.create(&PostParams::default(), &server).await?;
    Ok(())
}

/// The resource is gone and comes back from a backup, which has no status, while no operator runs.
async fn given_backup(stage: &Stage) -> Result<()> {
    given_ready(stage).await?;
    stage.when_operator_is_killed().await?;
    let servers = stage.scenario.servers()?;
    let saved = servers.get(NAME).await?;
    let release = Patch::Merge(json!({ "metadata": { "finalizers": null } }));
    servers.patch(NAME, &PatchParams::default(), &release).await?;
    servers.delete(NAME, &DeleteParams::default()).await?;
    stage.scenario.wait(NAME)?.until_gone().await?;
    let mut restored = MCPServer::new(NAME, saved.spec);
    restored.metadata.annotations = saved.metadata.annotations;
    servers.create(&PostParams::default(), &restored).await?;
    Ok(())
}

/// A target such as the resource asks for, which others have made.
fn plant(stage: &Stage, name: &str) -> Result<TargetView> {
    let spec = valid_spec(NAME);
    let target = TargetSpec {
        credential_provider_configurations: Some(json!([{
            "credentialProviderType": "OAUTH",
            "credentialProvider": { "oauthCredentialProvider": {
                "providerArn": spec.oauth_provider_arn, "scopes": spec.oauth_scopes,
            }},
        }])),
        ..TargetSpec::mcp_server(name, &spec.endpoint)
    };
    stage.scenario.aws.plant_target(GATEWAY, target)?;
    stage.scenario.target(GATEWAY, name)
}

async fn edit(stage: &Stage) -> Result<()> {
    edit_to(stage, json!({ "description": "edited" })).await
}

async fn go(stage: &Stage) -> Result<()> {
    edit_to(stage, json!({ "gatewayId": OTHER_GATEWAY })).await
}

async fn edit_to(stage: &Stage, spec: Value) -> Result<()> {
    stage.scenario.when_edited(NAME, spec).await.map(drop)
}

async fn delete(stage: &Stage) -> Result<()> {
    stage.scenario.when_deleted(NAME).await
}

/// Waits until a target of ours is on the gateway.
async fn seen_at(stage: &Stage, gateway: &str) -> Result<TargetView> {
    let seen = stage.scenario.aws.wait_for(|aws| ours(aws, gateway).pop());
    tokio::time::timeout(PATIENCE, seen).await.with_context(|| format!("nothing is at {gateway}"))
}

/// Somebody changes the target; it is put right.
async fn drift(stage: &Stage) -> Result<()> {
    let target = seen_at(stage, GATEWAY).await?;
    let mut patch = TargetPatch::default();
    patch.spec.insert("description".to_owned(), json!("drifted"));
    let aws = &stage.scenario.aws;
    aws.change_target(GATEWAY, &target.target_id, patch)?;
    let right = aws.wait_for(|aws| {
        ours(aws, GATEWAY).pop().filter(|target| target.spec.description.is_none())
    });
    tokio::time::timeout(PATIENCE, right).await.context("it is not put right").map(drop)
}

/// Somebody deletes the target; it is made again.
async fn vanish(stage: &Stage) -> Result<()> {
    let target = seen_at(stage, GATEWAY).await?;
    stage.scenario.aws.delete_target(GATEWAY, &target.target_id)?;
    seen_at(stage, GATEWAY).await.map(drop)
}

/// A person who sees that the target has failed asks for a check, which ends the pause.
async fn request_when_failed(stage: &Stage) -> Result<()> {
    let failed = |server: &MCPServer| {
        server.status.as_ref().and_then(|status| status.target_status.as_deref()) == Some("FAILED")
    };
    stage.scenario.wait(NAME)?.within(PATIENCE).until("failed", failed).await?;
    let patch = json!({ "metadata": { "annotations": { REQUEST_ANNOTATION: "now" } } });
    let servers = stage.scenario.servers()?;
    servers.patch(NAME, &PatchParams::default(), &Patch::Merge(patch)).await?;
    Ok(())
}
