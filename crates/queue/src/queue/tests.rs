use super::*;

type Key = (&'static str, &'static str);

fn at(second: i64) -> Timestamp {
    Timestamp::from_second(second).unwrap()
}

fn wake(queue: &mut Queue<Key>, key: Key, second: i64, urgency: Urgency) {
    queue.wake(key, key.0, at(second), urgency);
}

fn take(queue: &mut Queue<Key>, second: i64) -> Option<&'static str> {
    queue.take(at(second), |key| key.0).map(|key| key.1)
}

fn taken(queue: &mut Queue<Key>, second: i64) -> String {
    std::iter::from_fn(|| take(queue, second)).collect::<Vec<_>>().join(" ")
}

#[test]
fn keys_come_when_due_in_order() {
    let mut queue = Queue::default();
    wake(&mut queue, ("n", "b"), 2, Urgency::Routine);
    wake(&mut queue, ("n", "a"), 1, Urgency::Routine);
    wake(&mut queue, ("n", "c"), 1, Urgency::Routine);
    assert_eq!(take(&mut queue, 0), None);
    assert_eq!(queue.next_due(), Some(at(1)));
    assert_eq!(taken(&mut queue, 5), "a c b");
    assert_eq!(queue.next_due(), None);
}

#[test]
fn the_earlier_wake_up_counts_and_the_more_urgent() {
    let mut queue = Queue::default();
    wake(&mut queue, ("n", "b"), 3, Urgency::New);
    wake(&mut queue, ("n", "a"), 9, Urgency::Routine);
    wake(&mut queue, ("n", "a"), 3, Urgency::Routine);
    wake(&mut queue, ("n", "a"), 6, Urgency::Person);
    assert_eq!(queue.next_due(), Some(at(3)));
    assert_eq!(taken(&mut queue, 3), "a b");
}

#[test]
fn a_key_in_work_is_handed_out_again_only_when_done() {
    let mut queue = Queue::default();
    let key = ("n", "a");
    wake(&mut queue, key, 1, Urgency::Routine);
    assert_eq!(take(&mut queue, 1), Some("a"));
    wake(&mut queue, key, 1, Urgency::New);
    wake(&mut queue, key, 5, Urgency::Person);
    assert_eq!(take(&mut queue, 2), None);
    queue.done(&key, Some((at(7), Urgency::Routine)));
    wake(&mut queue, ("n", "b"), 1, Urgency::New);
    assert_eq!(take(&mut queue, 2), Some("a"), "no wake-up of meanwhile is lost");
    assert_eq!(take(&mut queue, 2), Some("b"));
    queue.done(&key, None);
    assert_eq!(queue.next_due(), None);
}

#[test]
fn a_person_goes_before_ten_thousand_that_are_due() {
    let mut queue = Queue::default();
    for number in 0..10_000_u32 {
        queue.wake(("n", number), "n", at(1), Urgency::Routine);
    }
    for _ in 0..20 {
        queue.take(at(1), |key| key.0);
    }
    queue.wake(("n", 77_777), "n", at(1), Urgency::Person);
    let next: Vec<u32> =
        (0..2).filter_map(|_| queue.take(at(1), |key| key.0)).map(|key| key.1).collect();
    assert!(next.contains(&77_777), "{next:?}");
}

#[test]
fn what_is_due_already_can_become_more_urgent() {
    let mut queue = Queue::default();
    for name in ["a", "b", "c", "d"] {
        wake(&mut queue, ("n", name), 1, Urgency::Routine);
    }
    assert_eq!(take(&mut queue, 1), Some("a"));
    wake(&mut queue, ("n", "d"), 1, Urgency::Person);
    wake(&mut queue, ("n", "d"), 1, Urgency::Healing);
    assert_eq!(taken(&mut queue, 1), "d b c");
}

#[test]
fn what_is_less_urgent_is_not_forgotten() {
    let mut queue = Queue::default();
    wake(&mut queue, ("n", "routine"), 1, Urgency::Routine);
    for name in ["1", "2", "3", "4", "5", "6", "7", "8", "9", "10", "11", "12"] {
        wake(&mut queue, ("n", name), 1, Urgency::Person);
    }
    let order = taken(&mut queue, 1);
    let before = order.split(' ').position(|name| name == "routine").unwrap();
    assert!((1..=9).contains(&before), "{order}");
}

#[test]
fn namespaces_take_turns() {
    let mut queue = Queue::default();
    for name in ["a1", "a2", "a3", "a4"] {
        wake(&mut queue, ("a", name), 1, Urgency::Routine);
    }
    assert_eq!(take(&mut queue, 1), Some("a1"));
    wake(&mut queue, ("b", "b1"), 1, Urgency::Routine);
    wake(&mut queue, ("b", "b2"), 1, Urgency::Routine);
    assert_eq!(taken(&mut queue, 1), "b1 a2 b2 a3 a4");
}

#[test]
fn one_can_see_who_waits_and_since_when() {
    let mut queue = Queue::default();
    wake(&mut queue, ("n", "a"), 1, Urgency::Routine);
    wake(&mut queue, ("n", "b"), 2, Urgency::Routine);
    wake(&mut queue, ("n", "c"), 9, Urgency::Routine);
    let waiting = |queue: &Queue<Key>| queue.waiting(at(5)).map(|key| key.1).collect::<Vec<_>>();
    assert_eq!(waiting(&queue), ["a", "b"]);
    assert!(queue.resting().any(|rests| rests == (&("n", "c"), at(9))));
    assert_eq!(take(&mut queue, 5), Some("a"));
    assert_eq!((queue.due_since(&("n", "a")), queue.adds()), (Some(at(1)), 2));
    // More urgent than before, it has been due for as long.
    wake(&mut queue, ("n", "b"), 5, Urgency::Person);
    assert_eq!(waiting(&queue), ["b"]);
    assert_eq!(take(&mut queue, 6), Some("b"));
    assert_eq!((queue.due_since(&("n", "b")), queue.adds()), (Some(at(2)), 2));
    queue.done(&("n", "b"), None);
    assert_eq!(queue.due_since(&("n", "b")), None);
}
