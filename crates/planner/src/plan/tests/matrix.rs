//! The crash matrix: every point of every story, cut in every way.
//!
//! Contract: the points are those that a recorded run of the story has, every call to AWS (Lists
//! included) and every write to Kubernetes, never chosen by hand. Whatever befalls one of them, in
//! the end the resource is Ready as written, or gone; nothing was doubled, leaked or taken (checked
//! at every step, see `shell.rs`); and nothing more is written. A failure names its case;
//! `CASE=<name>` runs that one alone.

use std::time::Duration;

use api::{ADOPT_ANNOTATION, FailureClass, SYNC_REQUEST_ANNOTATION};

use super::aws::{DeadToken, Fault, Quirks, Stamp};
use super::story::{Cut, GATEWAY, OTHER_GATEWAY, Story, WINDOW};
use super::takeover::given_left_by_the_go_operator;
use super::tools::given_following_server;

/// A story: what is given, and what people and others do.
struct Tale {
    name: &'static str,
    given: fn() -> Story,
    happens: fn(&mut Story),
}

fn create(_: &mut Story) {}

fn edit(story: &mut Story) {
    story.when_edited(|spec| spec.description = Some("edited".to_owned()));
}

fn delete(story: &mut Story) {
    story.when_deleted();
}

fn go(story: &mut Story) {
    story.when_edited(|spec| spec.gateway_id = Some(OTHER_GATEWAY.to_owned()));
}

fn come_back(story: &mut Story) {
    story.when_edited(|spec| spec.gateway_id = Some(GATEWAY.to_owned()));
}

fn given_adoption() -> Story {
    let mut story = Story::given_server();
    story.policy.allow_adoption = true;
    let stranger = story.given_stranger("another");
    story.adopted.push(stranger.clone());
    story.when_annotated(ADOPT_ANNOTATION, stranger.1.as_str());
    story
}

fn given_consent() -> Story {
    let mut story = Story::given_server();
    let spec = &mut story.server.as_mut().unwrap().spec;
    spec.oauth_grant_type = Some("AuthorizationCode".to_owned());
    story
}

/// Whoever is asked for consent gives it, a few times.
fn give_consent(story: &mut Story) {
    for _ in 0..4 {
        story.when_time_passes(60);
        for target in story.aws.pending(story.now) {
            story.aws.consent(&target, story.now);
        }
    }
}

fn given_backup() -> Story {
    let mut story = Story::given_ready_server();
    story.policy.allow_adoption = true;
    story.when_restored();
    story
}

/// Those that also run under every variant of what is not known of AWS.
const CORE: [Tale; 4] = [
    Tale { name: "create", given: Story::given_server, happens: create },
    Tale { name: "edit", given: Story::given_ready_server, happens: edit },
    Tale { name: "delete", given: Story::given_ready_server, happens: delete },
    Tale { name: "move", given: Story::given_ready_server, happens: go },
];

const OTHERS: [Tale; 22] = [
    Tale {
        name: "edit while it is created",
        given: Story::given_server,
        happens: |story| edit(story.when_time_passes(1)),
    },
    Tale {
        name: "two edits",
        given: Story::given_ready_server,
        happens: |story| {
            edit(story);
            story.when_time_passes(1);
            story.when_edited(|spec| spec.endpoint = "https://weather.example.com/2".to_owned());
        },
    },
    Tale {
        name: "edit and delete",
        given: Story::given_ready_server,
        happens: |story| {
            edit(story);
            delete(story.when_time_passes(1));
        },
    },
    Tale {
        name: "delete while it is created",
        given: Story::given_server,
        happens: |story| delete(story.when_time_passes(1)),
    },
    Tale {
        name: "rename",
        given: Story::given_ready_server,
        happens: |story| {
            story.when_edited(|spec| spec.target_name = Some("climate".to_owned()));
        },
    },
    Tale {
        name: "move and come back",
        given: Story::given_ready_server,
        happens: |story| {
            go(story);
            come_back(story.when_time_passes(2));
        },
    },
    Tale {
        name: "move, come back and go again",
        given: Story::given_ready_server,
        happens: |story| {
            go(story);
            come_back(story.when_time_passes(30));
            go(story.when_time_passes(30));
        },
    },
    Tale {
        name: "move and delete",
        given: Story::given_ready_server,
        happens: |story| {
            go(story);
            delete(story.when_time_passes(2));
        },
    },
    Tale {
        name: "drift",
        given: Story::given_ready_server,
        happens: |story| {
            story.when_target_is_changed(|target| {
                target.definition.as_mut().unwrap().endpoint.push_str("/drifted");
            });
        },
    },
    Tale {
        name: "deleted behind our back",
        given: Story::given_ready_server,
        happens: |story| {
            story.when_target_vanishes();
        },
    },
    Tale {
        name: "failed and healed",
        given: || {
            let mut story = Story::given_server();
            story.given_fault("Create", Fault::FailsBehind);
            story
        },
        happens: create,
    },
    Tale {
        name: "failed and replaced",
        given: || {
            let mut story = Story::given_server();
            story.given_fault("Create", Fault::FailsBehind);
            for _ in 0..3 {
                story.given_fault("Update", Fault::Refused(FailureClass::Invalid));
            }
            story
        },
        happens: create,
    },
    Tale {
        name: "an edit that fails",
        given: || {
            let mut story = Story::given_ready_server();
            story.given_fault("Update", Fault::FailsBehind);
            story
        },
        happens: edit,
    },
    Tale {
        name: "taken over and edited",
        given: || given_left_by_the_go_operator().0,
        happens: edit,
    },
    Tale {
        name: "rolled out",
        given: given_following_server,
        happens: |story| {
            story.when_rolled_out("v2");
        },
    },
    Tale {
        name: "rolled out and edited",
        given: given_following_server,
        happens: |story| {
            story.when_rolled_out("v2").when_time_passes(11);
            edit(story);
        },
    },
    Tale {
        name: "tools that fail",
        given: || {
            let mut story = given_following_server();
            story.given_fault("Synchronize", Fault::FailsBehind);
            story
        },
        happens: |story| {
            story.when_rolled_out("v2");
        },
    },
    Tale {
        name: "replaced by one of another name",
        given: || {
            let mut story = Story::given_ready_server();
            (0..3).for_each(|_| {
                story.given_fault("Update", Fault::Refused(FailureClass::Invalid));
            });
            story
        },
        happens: |story| {
            story.when_edited(|spec| {
                spec.replacement_policy = Some("Allow".to_owned());
                spec.target_name = Some("climate".to_owned());
            });
        },
    },
    Tale { name: "consented to", given: given_consent, happens: create },
    Tale {
        name: "fetched on request, with consent",
        given: || {
            let mut story = given_consent();
            give_consent(&mut story);
            story.when_settled();
            story
        },
        happens: |story| {
            story.when_annotated(SYNC_REQUEST_ANNOTATION, "now");
        },
    },
    Tale { name: "adopted", given: given_adoption, happens: create },
    Tale { name: "restored from a backup", given: given_backup, happens: create },
];

/// How many times a story has run its course.
fn every_cut(tale: &Tale, quirks: Quirks, variant: &str) -> usize {
    let points = run(tale, quirks, None, &format!("{}{variant}", tale.name));
    for point in 0..points {
        for cut in Cut::ALL {
            let name = format!("{}{variant}/{point}/{cut:?}", tale.name);
            if std::env::var("CASE").is_ok_and(|wanted| wanted != name) {
                continue;
            }
            run(tale, quirks, Some((point, cut)), &name);
        }
    }
    points * Cut::ALL.len()
}

/// Runs the story with this cut, and returns how many points it has.
fn run(tale: &Tale, quirks: Quirks, cut: Option<(usize, Cut)>, name: &str) -> usize {
    let lived = std::panic::catch_unwind(|| {
        let mut story = (tale.given)();
        story.silent = std::env::var("CASE").is_err();
        story.aws.quirks = quirks;
        for step in quirks.limit.iter().flat_map(|_| ["Create", "Update", "Delete"]) {
            story.given_fault(step, Fault::Refused(quirks.limit.unwrap()));
        }
        story.given_stranger("stranger");
        story.points.clear();
        story.cut = cut;
        (tale.happens)(&mut story);
        give_consent(&mut story);
        story.when_settled();
        let points = story.points.len();
        story.then_ends_as_written();
        points
    });
    lived.unwrap_or_else(|_| panic!("the case went wrong: CASE=\"{name}\" tells it"))
}

#[test]
fn every_point_of_every_story_can_be_cut() {
    let tales = CORE.iter().chain(&OTHERS);
    let cases: usize = tales.map(|tale| every_cut(tale, Quirks::default(), "")).sum();
    println!("crash matrix: {cases} cases");
    assert!(cases > 1_000, "only {cases} cases");
}

/// What is not known of AWS: each error that a full limit may raise, and all that concerns tokens
/// and times in every combination.
fn variants() -> Vec<Quirks> {
    let limits = [FailureClass::Quota, FailureClass::Conflict, FailureClass::Throttled];
    let limited = |limit| Quirks { limit: Some(limit), ..Quirks::default() };
    let mut variants: Vec<Quirks> = limits.map(limited).into();
    for stamp in [Stamp::Acceptance, Stamp::Completion, Stamp::Both] {
        for (remembers_tokens, dead_token) in [
            (true, DeadToken::Answers),
            (true, DeadToken::Creates),
            (true, DeadToken::Refuses),
            (false, DeadToken::Creates),
        ] {
            for lag in [(0.0, 0.0), (0.9, 0.0), (0.0, 0.9), (0.9, 0.9)] {
                variants.push(Quirks {
                    stamp,
                    dead_token,
                    remembers_tokens,
                    get_lag: WINDOW.mul_f64(lag.0),
                    list_lag: WINDOW.mul_f64(lag.1),
                    transition: Duration::from_secs(3),
                    ..Quirks::default()
                });
            }
        }
    }
    variants
}

#[test]
fn the_core_of_the_matrix_holds_whatever_aws_is_like() {
    let mut cases = 0;
    for (number, quirks) in variants().into_iter().enumerate() {
        for tale in &CORE {
            cases += every_cut(tale, quirks, &format!("/{number}"));
        }
    }
    println!("crash matrix under variants: {cases} cases");
    assert!(cases > 5_000, "only {cases} cases");
}
