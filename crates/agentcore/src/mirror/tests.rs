//! Mirrors on paused time.

#![expect(clippy::unchecked_time_subtraction, reason = "a test fails by it as by an assertion")]

mod stage;

use std::ops::RangeInclusive;

use api::{Summary, TargetStatus};
use stage::{STALE_AFTER, Stage, id, keys, target};

use super::*;

const MINUTE: Duration = Duration::from_mins(1);
const MOMENT: Duration = Duration::from_millis(1);
const FASTEST: Duration = Duration::from_millis(125);

/// About a sync interval.
const QUIET: RangeInclusive<Duration> = Duration::from_secs(57)..=Duration::from_secs(63);

fn seconds(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}

/// Which of the observations tell that sight was gained or lost.
fn news(observations: &[Observation]) -> usize {
    observations.iter().filter(|observation| observation.outlook_changed).count()
}

// When it looks

#[tokio::test(start_paused = true)]
async fn the_first_look_comes_at_once() {
    let mut stage = Stage::of(&["gw"]);
    assert!(stage.mirrors.sight(&id("gw")).is_none(), "nothing is known before");
    let (observation, at) = stage.observed().await;
    assert_eq!(at, Duration::ZERO);
    assert!(observation.outlook_changed);
    assert!(stage.mirrors.sight(&id("gw")).unwrap().listing.is_some());
}

#[tokio::test(start_paused = true)]
async fn while_all_is_quiet_it_looks_once_in_a_sync_interval() {
    let mut stage = Stage::of(&["gw"]);
    let observations = stage.pass(MINUTE * 20).await;
    let pauses = stage.pauses_since("gw", Duration::ZERO);
    assert!(pauses.iter().all(|pause| QUIET.contains(pause)), "{pauses:?}");
    assert!(pauses.iter().any(|pause| *pause != pauses[0]), "not in step: {pauses:?}");
    assert_eq!(observations.len(), pauses.len() + 1, "one for every look");
    assert_eq!(news(&observations), 1, "only the first says anything new");
}

#[tokio::test(start_paused = true)]
async fn what_is_awaited_is_looked_for_at_once_and_often() {
    let mut stage = Stage::of(&["gw"]);
    stage.pass(seconds(10)).await;
    stage.mirrors.awaiting(&id("gw"), true);
    stage.pass(seconds(1)).await;
    let looks = stage.looks_since("gw", seconds(10));
    assert_eq!(looks[0], seconds(10));
    assert_eq!(looks.len(), 8, "every 125 ms: {looks:?}");

    stage.mirrors.awaiting(&id("gw"), false);
    stage.pass(MINUTE * 2).await;
    let pauses = stage.pauses_since("gw", seconds(11));
    assert!(pauses.iter().all(|pause| QUIET.contains(pause)), "{pauses:?}");
}

#[tokio::test(start_paused = true)]
async fn saying_again_that_something_is_awaited_asks_for_nothing() {
    let mut stage = Stage::of(&["gw"]);
    stage.fails("gw", FailureClass::Denied);
    stage.mirrors.awaiting(&id("gw"), true);
    stage.pass(MINUTE * 30).await;
    let began = stage.now();
    for _ in 0..60 {
        stage.mirrors.awaiting(&id("gw"), true);
        stage.pass(seconds(1)).await;
    }
    assert!(stage.looks_since("gw", began).len() <= 1, "it rests for ten minutes");
}

#[tokio::test(start_paused = true)]
async fn those_that_wait_share_the_budget() {
    let names: Vec<String> = (0..16).map(|n| format!("gw-{n}")).collect();
    let names: Vec<&str> = names.iter().map(String::as_str).collect();
    let mut stage = Stage::of(&names);
    stage.pass(seconds(5)).await;
    for name in &names {
        stage.mirrors.awaiting(&id(name), true);
    }
    stage.pass(seconds(10)).await;
    for name in &names {
        // Sixteen that look every two seconds: eight a second. Before that a burst.
        let pauses = stage.pauses_since(name, seconds(5));
        assert!(pauses.len() >= 4, "{name}: {pauses:?}");
        assert!(pauses[1..].iter().all(|pause| *pause == seconds(2)), "{name}: {pauses:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_start_with_many_gateways_stays_within_the_budget_and_forgets_none() {
    let names: Vec<String> = (0..100).map(|n| format!("gw-{n}")).collect();
    let names: Vec<&str> = names.iter().map(String::as_str).collect();
    let mut stage = Stage::of(&names);
    // A gateway where something is awaited all the time has one look in five, and holds up those never
    // looked at no longer.
    stage.mirrors.awaiting(&id("gw-0"), true);
    stage.pass(seconds(16)).await;
    let looks: Vec<Duration> =
        names.iter().flat_map(|name| stage.looks_since(name, Duration::ZERO)).collect();
    assert!(names.iter().all(|name| !stage.looks_since(name, Duration::ZERO).is_empty()));
    for second in 1..16 {
        let within = seconds(second)..seconds(second + 1);
        let count = looks.iter().filter(|look| within.contains(*look)).count();
        assert!(count <= 8, "second {second}: {count}");
    }
}

#[tokio::test(start_paused = true)]
async fn hundreds_of_gateways_that_come_at_once_leave_room_for_the_others() {
    let mut stage = Stage::of(&["gw"]);
    stage.pass(seconds(10)).await;
    let names: Vec<String> = (0..500).map(|n| format!("gone-{n}")).collect();
    let wanted = names.iter().map(|name| id(name)).chain([id("gw")]).collect();
    for name in &names {
        stage.fails(name, FailureClass::NotFound);
    }
    stage.mirrors.keep(&wanted);
    stage.mirrors.awaiting(&id("gw"), true);
    stage.pass(seconds(30)).await;
    // One look in five, which those share that are asked about again.
    let pauses = stage.pauses_since("gw", seconds(10));
    assert!(pauses.iter().all(|pause| *pause < seconds(4)), "{pauses:?}");
    assert!(pauses.len() >= 15, "{pauses:?}");
    stage.pass(seconds(50)).await;
    let seen = |name: &String| !stage.looks_since(name, Duration::ZERO).is_empty();
    assert!(names.iter().all(seen), "and each of them has been looked at");
}

#[tokio::test(start_paused = true)]
async fn who_has_rested_goes_before_those_who_look_all_the_time() {
    let names: Vec<String> = (0..40).map(|n| format!("gw-{n}")).collect();
    let names: Vec<&str> = names.iter().map(String::as_str).collect();
    let mut stage = Stage::of(&[&names[..], &["rested"]].concat());
    stage.pass(seconds(10)).await;
    for name in &names {
        stage.mirrors.awaiting(&id(name), true);
    }
    stage.pass(seconds(10)).await;
    stage.mirrors.ask(&id("rested"));
    stage.pass(seconds(1)).await;
    let looks = stage.looks_since("rested", seconds(20));
    assert!(looks[0] <= seconds(20) + 2 * FASTEST, "{looks:?}");
}

#[tokio::test(start_paused = true)]
async fn throttled_lists_slow_all_mirrors_down() {
    let names: Vec<String> = (0..16).map(|n| format!("gw-{n}")).collect();
    let names: Vec<&str> = names.iter().map(String::as_str).collect();
    let mut stage = Stage::of(&names);
    stage.fails("gw-0", FailureClass::Throttled);
    stage.pass(seconds(5)).await;
    for name in &names[1..] {
        stage.mirrors.awaiting(&id(name), true);
    }
    stage.mirrors.ask(&id("gw-0"));
    stage.pass(seconds(1)).await;
    let began = stage.now();
    stage.pass(seconds(4)).await;
    let looks: usize = names.iter().map(|name| stage.looks_since(name, began).len()).sum();
    assert!((1..=16).contains(&looks), "half of 32, or less: {looks}");
}

/// To begin anew would only ask more of an AWS that refuses.
#[tokio::test(start_paused = true)]
async fn to_wait_for_a_turn_among_many_is_not_to_hang() {
    let gateways: Vec<String> = (0..500).map(|number| format!("gw{number}")).collect();
    let gateways: Vec<&str> = gateways.iter().map(String::as_str).collect();
    let mut stage = Stage::of(&gateways);
    for gateway in &gateways {
        stage.fails(gateway, FailureClass::Throttled);
    }
    for _ in 0..30 {
        stage.pass(MINUTE).await;
        let checks = stage.mirrors.shared.health.checks();
        assert!(checks.iter().all(|check| check.failure.is_none()), "{checks:?}");
    }
    let counts = gateways.iter().map(|gateway| stage.looks_since(gateway, Duration::ZERO).len());
    assert!(counts.min() >= Some(1), "each has its turn");
}

#[tokio::test(start_paused = true)]
async fn gateways_that_refuse_take_nothing_from_the_others() {
    let mut stage = Stage::of(&["gw", "refused-1", "refused-2", "refused-3"]);
    for gateway in ["refused-1", "refused-2", "refused-3"] {
        stage.fails(gateway, FailureClass::NotFound);
        stage.mirrors.awaiting(&id(gateway), true);
    }
    stage.pass(MINUTE).await;
    stage.mirrors.awaiting(&id("gw"), true);
    stage.pass(seconds(1)).await;
    let pauses = stage.pauses_since("gw", MINUTE);
    assert_eq!(pauses.len(), 7);
    assert!(pauses.iter().all(|pause| *pause == FASTEST), "{pauses:?}");
}

#[tokio::test(start_paused = true)]
async fn an_old_transition_is_looked_at_less_often_until_something_moves() {
    let mut stage = Stage::of(&["gw"]);
    stage.mirrors.awaiting(&id("gw"), true);
    stage.pass(MINUTE * 10).await;
    let began = stage.now();
    stage.pass(MINUTE * 2).await;
    let pauses = stage.pauses_since("gw", began);
    assert!(pauses.iter().all(|pause| *pause == seconds(30)), "{pauses:?}");

    stage.shows("gw", [target("t1", "weather")]);
    loop {
        let (observation, _) = stage.observed().await;
        if !observation.changed.is_empty() {
            break;
        }
    }
    let moved = stage.now();
    stage.pass(seconds(1)).await;
    assert_eq!(stage.pauses_since("gw", moved)[0], FASTEST);
}

#[tokio::test(start_paused = true)]
async fn an_expected_change_is_looked_for_as_if_the_waiting_had_just_begun() {
    let mut stage = Stage::of(&["gw"]);
    stage.mirrors.awaiting(&id("gw"), true);
    stage.pass(MINUTE * 10).await;
    let began = stage.now();
    stage.mirrors.expect_change(&id("gw"));
    stage.pass(seconds(1)).await;
    let looks = stage.looks_since("gw", began);
    assert_eq!(looks.first(), Some(&began));
    assert_eq!(looks.len(), 8, "{looks:?}");
}

#[tokio::test(start_paused = true)]
async fn who_asks_while_a_look_is_under_way_gets_a_later_one() {
    let mut stage = Stage::of(&["gw"]);
    stage.takes(seconds(1));
    stage.pass(MINUTE).await;
    stage.mirrors.ask(&id("gw"));
    stage.pass(seconds(1) / 2).await;
    stage.mirrors.ask(&id("gw"));
    stage.pass(seconds(30)).await;
    let looks = stage.looks_since("gw", MINUTE);
    assert_eq!(looks.len(), 2, "one that had begun, one after it: {looks:?}");
    assert_eq!(looks[1] - looks[0], seconds(1));
}

// Failures

#[tokio::test(start_paused = true)]
async fn refusals_are_asked_again_ever_more_rarely() {
    let mut stage = Stage::of(&["gw"]);
    stage.fails("gw", FailureClass::NotFound);
    let observations = stage.pass(MINUTE * 60).await;
    let pauses = stage.pauses_since("gw", Duration::ZERO);
    // A tenth of the budget comes before the first step.
    let mut expected = [1.25, 2.0, 4.0, 8.0, 16.0, 32.0, 64.0, 128.0, 256.0, 512.0].to_vec();
    expected.resize(pauses.len(), 600.0);
    for (pause, expected) in pauses.iter().zip(expected) {
        let longest = (expected * 1.5_f64).min(600.0_f64.max(expected));
        assert!((expected..=longest + 0.001).contains(&pause.as_secs_f64()), "{pauses:?}");
    }
    assert!(pauses.len() >= 11, "{pauses:?}");
    assert_eq!(news(&observations), 2, "the first refusal, and that sight is lost for long");
}

#[tokio::test(start_paused = true)]
async fn what_passes_by_itself_is_tried_every_minute() {
    for class in [FailureClass::Throttled, FailureClass::Server, FailureClass::Unanswered] {
        let mut stage = Stage::of(&["gw"]);
        stage.fails("gw", class);
        stage.pass(MINUTE * 10).await;
        let pauses = stage.pauses_since("gw", Duration::ZERO);
        assert!(pauses[0] < seconds(2), "{pauses:?}");
        assert_eq!(pauses.last(), Some(&MINUTE), "{pauses:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn missing_credentials_are_probed_every_thirty_seconds_whoever_asks() {
    let mut stage = Stage::of(&["gw"]);
    stage.fails("gw", FailureClass::Credentials);
    stage.pass(seconds(10)).await;
    stage.mirrors.ask(&id("gw"));
    stage.mirrors.awaiting(&id("gw"), true);
    stage.pass(MINUTE * 2).await;
    let pauses = stage.pauses_since("gw", Duration::ZERO);
    assert_eq!(pauses, [seconds(30); 4]);
}

#[tokio::test(start_paused = true)]
async fn a_resting_mirror_looks_at_once_when_somebody_asks_or_begins_to_wait() {
    let mut stage = Stage::of(&["gw"]);
    stage.fails("gw", FailureClass::Denied);
    stage.pass(MINUTE * 60).await;
    let asks: [fn(&Stage); 3] = [
        |stage| stage.mirrors.ask(&id("gw")),
        |stage| stage.mirrors.awaiting(&id("gw"), true),
        |stage| stage.mirrors.expect_change(&id("gw")),
    ];
    for ask in asks {
        // Away from a look that was due anyway.
        let rested = stage.now();
        while stage.looks_since("gw", rested).is_empty() {
            stage.pass(seconds(1)).await;
        }
        stage.pass(MINUTE).await;
        let began = stage.now();
        ask(&stage);
        stage.pass(MINUTE * 5).await;
        assert_eq!(stage.looks_since("gw", began), [began], "at once, and then it rests again");
    }
}

#[tokio::test(start_paused = true)]
async fn sight_comes_back_with_the_first_good_answer() {
    let mut stage = Stage::of(&["gw"]);
    stage.fails("gw", FailureClass::Server);
    stage.pass(seconds(20)).await;
    stage.shows("gw", [target("t1", "weather")]);
    let (observation, seen) = stage.observed().await;
    assert!(observation.outlook_changed);
    assert!(stage.mirrors.sight(&id("gw")).unwrap().trouble.is_none());
    stage.pass(MINUTE * 2).await;
    assert!(QUIET.contains(&stage.pauses_since("gw", seen)[0]));

    // The next failure is a first one again.
    stage.fails("gw", FailureClass::Server);
    while !stage.observed().await.0.outlook_changed {}
    let failed = stage.now();
    stage.pass(seconds(10)).await;
    assert!(stage.pauses_since("gw", failed)[0] < seconds(2));
}

#[tokio::test(start_paused = true)]
async fn a_failed_list_leaves_what_the_last_complete_one_showed() {
    let mut stage = Stage::of(&["gw"]);
    stage.shows("gw", [target("t1", "weather")]);
    stage.pass(MINUTE * 2).await;
    let good = stage.mirrors.sight(&id("gw")).unwrap();
    stage.fails("gw", FailureClass::Throttled);
    let (first, _) = stage.observed().await;
    let (second, _) = stage.observed().await;
    assert_eq!((first.changed.len(), first.outlook_changed), (0, true));
    assert_eq!((second.changed.len(), second.outlook_changed), (0, false), "the same again");

    let now = stage.mirrors.sight(&id("gw")).unwrap();
    assert_eq!(now.listing, good.listing);
    assert_eq!((now.as_of, now.before), (good.as_of, good.before));
    assert!(good.before < good.as_of, "when the List before it began");
    let trouble = now.trouble.unwrap();
    assert_eq!(trouble.failure.class, FailureClass::Throttled);
    assert!(trouble.since < trouble.as_of, "of the first failure, and of the last");
}

#[tokio::test(start_paused = true)]
async fn another_failure_is_news() {
    let mut stage = Stage::of(&["gw"]);
    stage.fails("gw", FailureClass::Server);
    stage.pass(seconds(10)).await;
    stage.fails("gw", FailureClass::Denied);
    assert!(stage.observed().await.0.outlook_changed);
}

// What it tells

#[tokio::test(start_paused = true)]
async fn an_observation_names_exactly_what_changed() {
    let mut stage = Stage::of(&["gw"]);
    let updating = Summary { status: TargetStatus::Updating, ..target("t1", "one") };
    stage.shows("gw", [target("t1", "one"), target("t2", "two"), target("t3", "three")]);
    let (first, _) = stage.observed().await;
    assert_eq!(
        first.changed.into_iter().collect::<HashSet<_>>(),
        keys([("t1", "one"), ("t2", "two"), ("t3", "three")])
    );

    // One changes, one is renamed, one goes, one comes.
    stage.shows("gw", [updating.clone(), target("t2", "zwei"), target("t4", "four")]);
    let (second, _) = stage.observed().await;
    assert!(!second.outlook_changed);
    assert_eq!(second.changed.len(), 5, "each once: {:?}", second.changed);
    assert_eq!(
        second.changed.into_iter().collect::<HashSet<_>>(),
        keys([("t1", "one"), ("t2", "two"), ("t2", "zwei"), ("t3", "three"), ("t4", "four")])
    );

    stage.shows("gw", [updating, target("t2", "zwei"), target("t4", "four")]);
    assert_eq!(stage.observed().await.0.changed, []);
}

#[tokio::test(start_paused = true)]
async fn a_sight_says_when_its_list_began() {
    let mut stage = Stage::of(&["gw"]);
    let before = stage.mirrors.shared.clock.now();
    stage.takes(seconds(7));
    let (_, at) = stage.observed().await;
    assert_eq!(at, seconds(7));
    assert_eq!(stage.mirrors.sight(&id("gw")).unwrap().as_of, Some(before));
}

// Blindness

#[tokio::test(start_paused = true)]
async fn lasting_blindness_is_told_once_and_in_time_though_the_mirror_rests() {
    let mut stage = Stage::of(&["gw"]);
    stage.pass(seconds(1)).await;
    for _ in 0..2 {
        stage.fails("gw", FailureClass::Denied);
        while !stage.observed().await.0.outlook_changed {}
        let seen = *stage.looks_since("gw", Duration::ZERO).iter().rev().nth(1).unwrap();
        let mut told = Vec::new();
        while stage.now() < seen + MINUTE * 55 {
            let (observation, at) = stage.observed().await;
            told.extend(observation.outlook_changed.then_some(at - seen));
        }
        assert_eq!(told, [STALE_AFTER + MOMENT]);

        stage.shows("gw", []);
        stage.mirrors.ask(&id("gw"));
        assert!(stage.observed().await.0.outlook_changed, "seen again");
    }
}

#[tokio::test(start_paused = true)]
async fn a_list_that_hangs_is_given_up_and_blindness_is_told() {
    let mut stage = Stage::of(&["gw"]);
    stage.hangs("gw");
    let (observation, at) = stage.observed().await;
    assert!(observation.outlook_changed);
    assert_eq!(at, LIST_TIMEOUT);
    let trouble = stage.mirrors.sight(&id("gw")).unwrap().trouble.unwrap();
    assert_eq!(trouble.failure.class, FailureClass::Unanswered);
    while !stage.observed().await.0.outlook_changed {}
    assert_eq!(stage.now(), STALE_AFTER + MOMENT);
}

// Coming and going

#[tokio::test(start_paused = true)]
async fn mirrors_run_for_the_gateways_that_are_kept_and_for_no_others() {
    let mut stage = Stage::of(&["one", "two"]);
    stage.pass(MINUTE * 5).await;
    stage.keep(&["two"]);
    let began = stage.now();
    stage.pass(MINUTE * 5).await;
    assert!(stage.looks_since("one", began).is_empty());
    assert!(stage.mirrors.sight(&id("one")).is_none());
    assert!(stage.looks_since("two", began).len() >= 4, "the other one goes on");

    stage.keep(&["one", "two"]);
    let began = stage.now();
    let (observation, _) = stage.observed().await;
    assert_eq!((observation.gateway, stage.now()), (id("one"), began), "it starts afresh");
}

#[tokio::test(start_paused = true)]
async fn a_task_that_is_no_longer_wanted_leaves_its_successor_alone() {
    let stage = Stage::of(&["gw"]);
    let old =
        Task { shared: Arc::clone(&stage.mirrors.shared), gateway: id("gw"), wake: Arc::default() };
    assert!(old.with(|_| ()).is_none());
    assert!(old.pause(0).is_none());
    old.run().await;
}

#[tokio::test(start_paused = true)]
async fn nobody_looks_when_the_mirrors_are_dropped_or_nobody_listens() {
    let mut stage = Stage::of(&["gw"]);
    stage.pass(seconds(1)).await;
    stage.deafen();
    stage.pass(MINUTE * 10).await;
    assert_eq!(stage.looks_since("gw", seconds(1)).len(), 1, "the one that finds nobody there");

    let mut stage = Stage::of(&["gw"]);
    stage.pass(seconds(1)).await;
    let before = Arc::strong_count(&stage.mirrors.shared);
    let shared = Arc::downgrade(&stage.mirrors.shared);
    assert!(before > 1, "the task has its share");
    drop(stage);
    tokio::task::yield_now().await;
    assert!(shared.upgrade().is_none(), "the task is gone");
}
