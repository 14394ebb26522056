use std::cell::Cell;
use std::collections::{HashMap, HashSet};

use super::*;

type Key = &'static str;

fn place(urgency: Urgency, attempt: Attempt, gateway: &str, namespace: &str) -> Place {
    Place { urgency, attempt, gateway: gateway.into(), namespace: namespace.to_owned() }
}

fn update(gateway: &str, namespace: &str) -> Place {
    place(Urgency::Person, Attempt::Update, gateway, namespace)
}

fn all(line: &mut Line<Key>) -> String {
    let next = || line.pick(|_, _| true).map(|(key, _)| key);
    std::iter::from_fn(next).collect::<Vec<_>>().join(" ")
}

#[test]
fn first_come_first_served_in_one_place() {
    let mut line = Line::default();
    for key in ["a", "b", "c"] {
        line.join(&key, update("g", "n"));
    }
    line.join(&"a", update("g", "n"));
    assert_eq!(all(&mut line), "a b c", "to say it again costs nobody the place");
}

#[test]
fn who_leaves_is_not_picked() {
    let mut line = Line::default();
    line.join(&"a", update("g", "n"));
    line.join(&"b", update("g", "n"));
    line.leave(&"a");
    line.leave(&"unknown");
    assert_eq!(all(&mut line), "b");
    assert_eq!(line.attempts().count(), 0);
}

#[test]
fn who_wants_something_else_stands_there_instead() {
    let mut line = Line::default();
    line.join(&"a", update("g", "n"));
    line.join(&"a", place(Urgency::Person, Attempt::Delete, "g", "n"));
    assert_eq!(line.attempts().collect::<Vec<_>>(), [Attempt::Delete]);
    assert_eq!(all(&mut line), "a");
}

#[test]
fn a_gateway_without_room_holds_up_nobody_else() {
    let mut line = Line::default();
    line.join(&"a", update("full", "n"));
    line.join(&"b", update("free", "n"));
    let (key, _) = line.pick(|_, gateway| gateway.as_str() == "free").unwrap();
    assert_eq!(key, "b");
    assert_eq!(line.pick(|_, gateway| gateway.as_str() == "free"), None);
    assert_eq!(all(&mut line), "a");
}

#[test]
fn a_tear_down_does_not_starve_creates_on_the_same_gateway() {
    let mut line = Line::default();
    for key in 0..100 {
        line.join(&key, place(Urgency::Person, Attempt::Delete, "g", "n"));
    }
    for key in 100..110 {
        line.join(&key, place(Urgency::New, Attempt::Create, "g", "n"));
    }
    let first: Vec<i32> =
        (0..12).filter_map(|_| line.pick(|_, _| true)).map(|(key, _)| key).collect();
    let creates = first.iter().filter(|key| **key >= 100).count();
    assert_eq!(creates, 4, "{first:?}");
}

#[test]
fn one_team_does_not_hold_up_another() {
    let mut line = Line::default();
    for key in 0..1000 {
        line.join(&key, update(&format!("g{}", key % 50), "large"));
    }
    for _ in 0..100 {
        line.pick(|_, _| true).unwrap();
    }
    line.join(&7777, update("own", "small"));
    let next: HashSet<i32> =
        (0..2).filter_map(|_| line.pick(|_, _| true)).map(|(key, _)| key).collect();
    assert!(next.contains(&7777), "{next:?}");
}

#[test]
fn a_gateway_of_one_team_has_its_turn_beside_one_of_a_hundred() {
    let mut line = Line::default();
    for key in 0..1000 {
        line.join(&key, update("shared", &format!("n{}", key % 100)));
    }
    for key in 1000..1010 {
        line.join(&key, update("own", "alone"));
    }
    let mut own = 0;
    for picked in 0..40 {
        own += i32::from(line.pick(|_, _| true).unwrap().0 >= 1000);
        assert!(own * 5 >= picked - 5, "{own} of {picked}");
    }
}

#[test]
fn everybody_has_a_turn_in_the_end() {
    let mut line = Line::default();
    let mut expected = HashMap::new();
    for key in 0..2000_u32 {
        let urgency = Urgency::ALL[key as usize % 4];
        let attempt = [Attempt::Create, Attempt::Delete, Attempt::Read][key as usize % 3];
        let place = place(urgency, attempt, &format!("g{}", key % 7), &format!("n{}", key % 11));
        line.join(&key, place.clone());
        expected.insert(key, place);
    }
    let picked: HashMap<u32, Place> = std::iter::from_fn(|| line.pick(|_, _| true)).collect();
    assert_eq!(picked, expected);
}

#[test]
fn where_there_is_no_room_a_long_line_costs_nothing() {
    let mut line = Line::default();
    let asked = Cell::new(0);
    for number in 0..1000 {
        line.join(&number, update("full", &format!("n{number}")));
        let nobody = line.pick(|_, _| {
            asked.set(asked.get() + 1);
            false
        });
        assert_eq!(nobody, None);
    }
    assert_eq!(asked.get(), 1000, "once for the gateway each time");
    for number in 0..1000 {
        line.leave(&number);
    }
    assert_eq!((line.attempts().count(), line.calls.len()), (0, 0));
}

#[test]
fn who_comes_back_to_a_full_gateway_has_saved_nothing_up() {
    let mut line = Line::default();
    for key in 0..100 {
        line.join(&key, update("g", "busy"));
        assert_eq!(line.pick(|_, _| true).map(|(key, _)| key), Some(key));
    }
    for key in 100..110 {
        line.join(&key, update("g", "busy"));
    }
    assert!(line.pick(|_, _| true).is_some());
    assert_eq!(line.pick(|_, _| false), None);
    for key in 200..210 {
        line.join(&key, update("g", "rested"));
    }
    let first: Vec<u32> =
        std::iter::from_fn(|| line.pick(|_, _| true)).map(|(key, _)| key).take(8).collect();
    let rested = first.iter().filter(|key| **key >= 200).count();
    assert!((3..=5).contains(&rested), "in turns: {first:?}");
}

/// It competes with nobody, so nobody who comes meanwhile has saved up what the others had.
#[test]
fn who_waits_without_room_keeps_the_level_down_for_nobody() {
    for hopeless in
        [update("full", "patient"), place(Urgency::Routine, Attempt::Read, "busy", "patient")]
    {
        let mut line = Line::default();
        let has_room = |attempt: Attempt, gateway: &GatewayId| {
            attempt != Attempt::Read && gateway.as_str() != "full"
        };
        line.join(&1, hopeless);
        for key in 2..302_u32 {
            line.join(&key, update("busy", "busy"));
            assert_eq!(line.pick(has_room).map(|(key, _)| key), Some(key));
        }
        for key in 1000..1010 {
            line.join(&key, update("busy", "busy"));
        }
        for key in 2000..2010 {
            line.join(&key, update("new", "new"));
        }
        let first: Vec<u32> =
            std::iter::from_fn(|| line.pick(has_room)).map(|(key, _)| key).take(8).collect();
        let new = first.iter().filter(|key| **key >= 2000).count();
        assert!((3..=5).contains(&new), "in turns: {first:?}");
    }
}
