use api::FailureClass;
use health::Health;
use queue::Urgency;

use super::*;

struct Stage {
    work: Arc<Work>,
    turns: Arc<Turns>,
}

impl Stage {
    fn new(limits: Limits) -> Self {
        let clock = Clock::start();
        let work = Arc::new(Work::new(clock));
        let turns = Arc::new(Turns::new(clock, limits, Arc::clone(&work)));
        tokio::spawn({
            let turns = Arc::clone(&turns);
            async move { turns.give(Health::default().pulse("turns")).await }
        });
        Self { work, turns }
    }

    fn take(&self, name: &str, attempt: Attempt) -> Turn {
        let place = Place {
            urgency: Urgency::New,
            attempt,
            gateway: "gw".into(),
            namespace: "n".to_owned(),
        };
        self.turns.take(&key(name), place)
    }

    fn goes_now(&self, name: &str, attempt: Attempt) -> bool {
        self.take(name, attempt) == Turn::Now
    }

    /// The call of the one whose turn has come is accepted.
    fn accepted(&self, name: &str) {
        self.turns.begin(&key(name)).unwrap().ended(Ok(Some(&name.into())));
    }

    /// Who is woken next, and after how long.
    async fn woken(&self) -> (String, Duration) {
        let began = tokio::time::Instant::now();
        let key = self.work.next().await;
        (key.name.to_string(), began.elapsed())
    }
}

fn key(name: &str) -> Key {
    Key::new("n", name)
}

fn limits(creates: u32, operations: u32) -> Limits {
    Limits { creates, operations, ..Limits::default() }
}

#[tokio::test(start_paused = true)]
async fn who_finds_room_goes_on_at_once_and_keeps_the_turn_until_the_call() {
    let stage = Stage::new(limits(5, 5));
    assert!(stage.goes_now("a", Attempt::Create));
    assert!(stage.goes_now("a", Attempt::Create), "between record and call nothing is lost");
    stage.accepted("a");
}

#[tokio::test(start_paused = true)]
async fn who_lacks_a_token_is_woken_when_there_is_one() {
    let stage = Stage::new(limits(2, 5));
    assert!(stage.goes_now("a", Attempt::Create));
    stage.accepted("a");
    let Turn::Later { wait, .. } = stage.take("b", Attempt::Create) else { panic!("no token") };
    assert_eq!(wait, Wait::Calls { most: 2 });
    let (woken, after) = stage.woken().await;
    assert_eq!(woken, "b");
    assert!(after >= Duration::from_millis(499) && after < Duration::from_millis(510), "{after:?}");
    assert!(stage.goes_now("b", Attempt::Create));
}

#[tokio::test(start_paused = true)]
async fn who_lacks_a_slot_is_woken_when_the_gateway_shows_one() {
    let stage = Stage::new(limits(1000, 1));
    assert!(stage.goes_now("a", Attempt::Create));
    stage.accepted("a");
    let Turn::Later { wait, .. } = stage.take("b", Attempt::Create) else { panic!("no slot") };
    assert_eq!(wait, Wait::Operations { gateway: "gw".into(), most: 1 });
    tokio::time::advance(Duration::from_secs(1)).await;
    let sight = Sight {
        listing: Some(Arc::default()),
        as_of: Some(stage.turns.clock.now()),
        ..Sight::default()
    };
    stage.turns.looked_at(&"gw".into(), &sight);
    assert_eq!(stage.woken().await.0, "b");
}

#[tokio::test(start_paused = true)]
async fn who_does_not_want_to_call_any_more_leaves_the_turn_to_the_next() {
    let stage = Stage::new(limits(1000, 1));
    assert!(stage.goes_now("a", Attempt::Create));
    assert!(!stage.goes_now("b", Attempt::Create));
    assert!(!stage.goes_now("c", Attempt::Create));
    stage.turns.leave(&key("b"));
    stage.turns.leave(&key("a"));
    assert_eq!(stage.woken().await.0, "c");
}

#[tokio::test(start_paused = true)]
async fn who_wants_another_call_gives_the_permit_back() {
    let stage = Stage::new(limits(1000, 1));
    assert!(stage.goes_now("a", Attempt::Create));
    assert!(stage.goes_now("a", Attempt::Read));
    assert!(stage.goes_now("b", Attempt::Create), "the slot is free");
}

#[tokio::test(start_paused = true)]
async fn a_refused_call_leaves_its_slot_to_the_next() {
    let stage = Stage::new(limits(1000, 1));
    assert!(stage.goes_now("a", Attempt::Create));
    assert!(!stage.goes_now("b", Attempt::Create));
    let failure = Failure { class: FailureClass::Denied, message: String::new() };
    stage.turns.begin(&key("a")).unwrap().ended(Err(&failure));
    assert_eq!(stage.woken().await.0, "b");
}

#[tokio::test(start_paused = true)]
async fn a_wait_keeps_its_reason_and_its_beginning() {
    let stage = Stage::new(limits(1, 1));
    assert!(stage.goes_now("a", Attempt::Create));
    let first = stage.take("b", Attempt::Create);
    stage.accepted("a");
    tokio::time::advance(Duration::from_millis(300)).await;
    assert_eq!(stage.take("b", Attempt::Create), first);
}

/// As a panic does.
#[tokio::test(start_paused = true)]
async fn a_call_that_is_lost_counts_as_one_without_an_answer() {
    let stage = Stage::new(limits(5, 1));
    assert!(stage.goes_now("a", Attempt::Create));
    drop(stage.turns.begin(&key("a")).unwrap());
    assert!(!stage.goes_now("b", Attempt::Create), "it may be under way");
    let later = stage.turns.clock.now().checked_add(Duration::from_secs(1)).unwrap();
    tokio::time::advance(Duration::from_secs(2)).await;
    let seen = Sight { listing: Some(Arc::default()), as_of: Some(later), ..Sight::default() };
    stage.turns.looked_at(&"gw".into(), &seen);
    assert!(stage.goes_now("b", Attempt::Create), "a List shows that it is not");
}

#[tokio::test(start_paused = true)]
async fn nothing_is_held_for_those_who_work_no_more() {
    let stage = Stage::new(Limits { operations: 1, ..Limits::default() });
    assert!(stage.goes_now("a", Attempt::Create));
    assert!(!stage.goes_now("b", Attempt::Create));
    stage.turns.clear();
    assert!(stage.turns.in_line().is_empty());
    assert!(stage.goes_now("c", Attempt::Create), "its slot is free");
}

/// Who moves to another gateway waits for that one, for as long as it has waited.
#[tokio::test(start_paused = true)]
async fn who_wants_another_call_is_told_what_that_one_lacks() {
    let stage = Stage::new(limits(100, 1));
    assert!(stage.goes_now("first", Attempt::Create));
    stage.accepted("first");
    let Turn::Later { tell_at, wait } = stage.take("second", Attempt::Create) else {
        panic!("the gateway is full");
    };
    assert_eq!(wait, Wait::Operations { gateway: "gw".into(), most: 1 });
    tokio::time::advance(Duration::from_millis(100)).await;
    let elsewhere = Place {
        urgency: Urgency::New,
        attempt: Attempt::Create,
        gateway: "gw-2".into(),
        namespace: "n".to_owned(),
    };
    assert_eq!(stage.turns.take(&key("third"), elsewhere.clone()), Turn::Now);
    stage.turns.begin(&key("third")).unwrap().ended(Ok(Some(&"third".into())));
    let wait = Wait::Operations { gateway: "gw-2".into(), most: 1 };
    assert_eq!(stage.turns.take(&key("second"), elsewhere), Turn::Later { tell_at, wait });
}
