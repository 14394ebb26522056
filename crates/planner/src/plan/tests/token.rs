//! What a client token proves where a target of the intended name is not as intended.

use std::time::Duration;

use api::{ADOPT_ANNOTATION, FailureClass, MCPServerSpec, Reason};

use super::aws::{DeadToken, Fault, Identity};
use super::story::{NAME, OTHER_GATEWAY, Story, WINDOW, intent};
use super::tools::follows_workload;
use crate::memory::later;

/// The story of a target that somebody changes before anybody knows of it.
fn touched_before_it_is_bound() -> (Story, Identity) {
    let mut story = Story::given_server();
    // Nobody can change what is still being created.
    story.given_quirks(|quirks| quirks.transition = Duration::ZERO);
    story.given_fault("Create", Fault::LostAfter).when_taken("Create");
    let made = story.ours_alive().remove(0);
    touch(&mut story, &made);
    (story, made)
}

fn touch(story: &mut Story, target: &Identity) {
    story.tell("somebody changes the target");
    story.aws.meddle(target, story.now, |target| {
        target.definition.as_mut().unwrap().endpoint.push_str("/drifted");
    });
}

#[test]
fn a_target_that_is_changed_before_it_is_bound_is_proven_by_its_token() {
    let (mut story, made) = touched_before_it_is_bound();
    story.when_settled().then_ready().then_target_is(&made);
    let (mut story, made) = touched_before_it_is_bound();
    story.when_restarted().when_settled().then_ready().then_target_is(&made);
}

/// Whatever is wished for by then, AWS is asked for the name that the intent has.
#[test]
fn a_target_that_is_changed_before_it_is_bound_follows_its_resource() {
    let edits: [fn(&mut MCPServerSpec); 3] = [
        |spec| spec.description = Some("changed".to_owned()),
        |spec| spec.target_name = Some("climate".to_owned()),
        |spec| spec.gateway_id = Some(OTHER_GATEWAY.to_owned()),
    ];
    for edit in edits {
        let (mut story, _) = touched_before_it_is_bound();
        story.when_edited(edit).then_ends_as_written();
    }
    let (mut story, _) = touched_before_it_is_bound();
    story.when_deleted().then_ends_as_written();
}

/// However long nobody was there to ask.
#[test]
fn a_target_that_is_changed_before_it_is_bound_is_found_by_whoever_comes_late() {
    let ends: [fn(&mut Story) -> &mut Story; 3] = [
        |story| story.when_deleted(),
        |story| story.when_edited(|spec| spec.target_name = Some("climate".to_owned())),
        |story| story,
    ];
    for end in ends {
        let (mut story, _) = touched_before_it_is_bound();
        end(story.when_restarted_after(Duration::from_mins(5))).then_ends_as_written();
    }
}

/// Nothing valid is wished for meanwhile, so AWS is asked with what is there.
#[test]
fn a_target_that_is_changed_before_it_is_bound_is_found_while_the_spec_is_invalid() {
    let ends: [fn(&mut Story) -> &mut Story; 4] = [
        |story| story.when_deleted(),
        |story| story.when_time_passes(60).when_deleted(),
        |story| story.when_time_passes(60).when_edited(|spec| spec.capabilities = tools()),
        |story| {
            story.when_edited(|spec| {
                spec.capabilities = tools();
                spec.target_name = Some("climate".to_owned());
            })
        },
    ];
    for end in ends {
        let (mut story, _) = touched_before_it_is_bound();
        story.when_edited(|spec| spec.capabilities = vec!["prompts".to_owned()]);
        end(&mut story).then_ends_as_written();
    }
}

/// A Get can be behind the List for long.
#[test]
fn a_target_that_is_changed_before_it_is_bound_is_found_however_late_a_get_shows_it() {
    let (mut story, _) = touched_before_it_is_bound();
    story.given_quirks(|quirks| quirks.get_lag = WINDOW * 9 / 10);
    story.when_edited(|spec| spec.capabilities = vec!["prompts".to_owned()]);
    story.when_deleted().then_ends_as_written();
}

/// What no MCPServer can say AWS cannot be asked with.
#[test]
fn a_target_that_is_no_mcp_server_holds_nobody_up() {
    let mut story = Story::given_server();
    story.given_fault("Create", Fault::LostBefore).when_taken("Create");
    let stranger = story.given_stranger(NAME);
    story.aws.meddle(&stranger, story.now, |target| target.definition = None);
    story.when_edited(|spec| spec.capabilities = vec!["prompts".to_owned()]);
    story.when_time_passes(30).then_waits_with(Reason::ValidationError);
    story.when_deleted().when_settled().then_gone();
}

fn tools() -> Vec<String> {
    vec!["tools".to_owned()]
}

/// That AWS refuses for now says nothing of whose the target is.
#[test]
fn a_question_that_is_refused_for_now_is_asked_again() {
    for class in FailureClass::ALL {
        if matches!(class, FailureClass::Invalid | FailureClass::NotFound) {
            continue;
        }
        let (mut story, made) = touched_before_it_is_bound();
        story.given_fault("Create", Fault::Refused(class));
        story.when_settled().then_ready().then_target_is(&made);
        let (mut story, _) = touched_before_it_is_bound();
        story.given_fault("Create", Fault::Refused(class));
        story.when_deleted().then_ends_as_written();
    }
}

/// The old target is kept until the new one serves, so there are two.
#[test]
fn a_successor_that_is_changed_before_it_is_bound_is_found() {
    let ends: [fn(&mut Story) -> &mut Story; 3] = [
        |story| story,
        |story| story.when_deleted(),
        |story| story.when_edited(|spec| spec.target_name = None),
    ];
    for end in ends {
        let mut story = Story::given_ready_server();
        for _ in 0..10 {
            story.given_fault("Update", Fault::Refused(FailureClass::Invalid));
        }
        story.given_quirks(|quirks| quirks.transition = Duration::ZERO);
        story.when_edited(|spec| {
            spec.replacement_policy = Some("Allow".to_owned());
            spec.target_name = Some("climate".to_owned());
        });
        story.given_fault("Create", Fault::LostAfter).when_taken("Create");
        let old = story.bound();
        let made = story.ours_alive().into_iter().find(|target| *target != old).unwrap();
        touch(&mut story, &made);
        story.aws.faults.clear();
        end(&mut story).then_ends_as_written();
    }
}

/// Where the name becomes free just before AWS is asked, what is made is what was sent last.
#[test]
fn what_a_question_has_made_is_bound_as_what_it_is() {
    for restarts in [false, true] {
        let mut story = a_stranger_leaves_before_it_is_asked(Story::given_server());
        let written = story.server().spec.endpoint.clone();
        story.when_edited(|spec| spec.endpoint.push_str("/v2")).when_taken("Create");
        story.when_edited(|spec| spec.endpoint = written);
        if restarts {
            story.when_restarted();
        }
        story.then_ends_as_written();
    }
}

#[test]
fn what_a_question_has_made_during_a_rollout_gets_its_tools_afterwards() {
    let mut story = Story::given_server();
    follows_workload(&mut story.server.as_mut().unwrap().spec);
    story.when_rolled_out("v1");
    let mut story = a_stranger_leaves_before_it_is_asked(story);
    story.when_rollout_begins().when_taken("Create").when_time_passes(5).when_rolled_out("v1");
    story.then_ends_as_written();
}

/// The name is seen to be taken still, and is not any more.
fn a_stranger_leaves_before_it_is_asked(mut story: Story) -> Story {
    story.given_quirks(|quirks| {
        (quirks.list_lag, quirks.get_lag) = (Duration::from_secs(5), Duration::from_secs(5));
    });
    story.given_fault("Create", Fault::LostBefore).when_taken("Create");
    let stranger = story.given_stranger(NAME);
    story.now = later(story.now, Duration::from_secs(4));
    story.aws.vanish(&stranger, story.now);
    story
}

/// A stranger's target, of another configuration, made while our attempt got lost on its way there.
#[test]
fn a_stranger_whose_target_could_be_ours_is_told_from_us_by_the_token() {
    let mut story = Story::given_server();
    story.given_fault("Create", Fault::LostBefore).when_taken("Create");
    let stranger = story.given_stranger(NAME);
    story.when_settled().then_waits_with(Reason::NameConflict);
    story.then_message_says(stranger.1.as_str());
    let asked = story.steps.iter().filter(|step| **step == "Create").count();
    let read = story.steps.iter().filter(|step| **step == "Read").count();
    assert!((3..8).contains(&asked) && read <= asked, "{:?}", story.steps);
    assert!(story.server().status.as_ref().unwrap().intent.is_none(), "nothing was made");
    story.policy.allow_adoption = true;
    story.adopted.push(stranger.clone());
    story.when_annotated(ADOPT_ANNOTATION, stranger.1.as_str()).when_settled();
    story.then_ready().then_target_is(&stranger);
}

/// The question is about the name that the intent has.
#[test]
fn a_resource_that_is_renamed_beside_a_stranger_gets_the_new_name() {
    let mut story = Story::given_server();
    story.given_fault("Create", Fault::LostBefore).when_taken("Create");
    story.given_stranger(NAME);
    let renamed = story.now;
    story.when_edited(|spec| spec.target_name = Some("climate".to_owned())).when_settled();
    story.then_ready();
    let took = story.now.duration_since(renamed);
    story.assert(took <= jiff::SignedDuration::from_secs(30), &format!("it took {took:#}"));
}

/// No life leads there, but a person with an editor does.
#[test]
fn an_intent_beside_a_target_asks_for_no_second_one() {
    let mut story = Story::given_ready_server();
    let target = story.bound();
    let intent = api::Intent { name: "climate".to_owned(), ..intent() };
    story.server.as_mut().unwrap().status.as_mut().unwrap().intent = Some(intent);
    story.given_stranger("climate");
    story.when_restarted().when_settled().then_ready().then_target_is(&target);
    assert!(!story.steps.contains(&"Create"), "{:?}", story.steps);
}

/// Whatever AWS answers to a token whose target somebody has deleted meanwhile.
#[test]
fn a_token_that_answers_with_a_dead_target_is_given_up() {
    for dead_token in [DeadToken::Answers, DeadToken::Creates, DeadToken::Refuses] {
        let mut story = Story::given_server();
        story
            .given_quirks(|quirks| quirks.dead_token = dead_token)
            .given_fault("Create", Fault::LostAfter)
            .when_taken("Create");
        let made = story.ours_alive().remove(0);
        story.aws.vanish(&made, story.now);
        story.when_settled().then_ready();
        assert_ne!(story.bound(), made);
    }
}

/// Whatever else is wrong with the spec: who is suspended sends nothing.
#[test]
fn nobody_asks_for_a_resource_that_is_suspended_and_invalid() {
    let (mut story, made) = touched_before_it_is_bound();
    story.when_edited(|spec| {
        spec.suspend = Some(true);
        spec.capabilities = vec!["prompts".to_owned()];
    });
    story.steps.clear();
    story.when_time_passes(300);
    story.assert(!story.steps.contains(&"Create"), "a call for what is suspended");
    story.when_edited(|spec| {
        spec.suspend = None;
        spec.capabilities = tools();
    });
    story.when_settled().then_ready().then_target_is(&made);
}
