use kube::core::Status;
use kube::runtime::watcher::Error;
use serde_json::json;

use super::*;

fn at(second: i64) -> Timestamp {
    Timestamp::from_second(second).unwrap()
}

/// With this image, of which this many of two pods are new.
fn seen(name: &str, image: &str, updated: i64) -> Seen {
    let object = json!({
        "metadata": { "name": name, "generation": 1 },
        "spec": { "replicas": 2, "template": { "image": image } },
        "status": {
            "observedGeneration": 1, "replicas": updated, "updatedReplicas": updated,
            "availableReplicas": updated,
        },
    });
    serde_json::from_value(object).unwrap()
}

fn refusal(code: u16, message: &str) -> Heard<Seen> {
    let status = Status::failure(message, "Reason").with_code(code);
    Heard::Failed(Error::InitialListFailed(kube::Error::Api(status.boxed())))
}

fn of<const N: usize>(names: [&str; N]) -> News {
    News::Of(names.map(str::to_owned).into())
}

/// A picture whose list at second 0 had these.
fn listed<const N: usize>(all: [Seen; N]) -> Picture {
    let mut picture = Picture::new(Kind::Deployment, at(0));
    list(&mut picture, all, at(0));
    picture
}

fn list<const N: usize>(picture: &mut Picture, all: [Seen; N], now: Timestamp) -> News {
    picture.hear(Heard::Event(Event::Init), now);
    for seen in all {
        picture.hear(Heard::Event(Event::InitApply(seen)), now);
    }
    picture.hear(Heard::Event(Event::InitDone), now)
}

fn since(picture: &Picture, name: &str) -> Option<Timestamp> {
    match picture.look(name, at(0)).unwrap()? {
        Workload::Complete { since, .. } => Some(since),
        Workload::Hidden(_) | Workload::Missing | Workload::RollingOut | Workload::Idle { .. } => {
            None
        }
    }
}

#[test]
fn what_is_not_on_the_list_is_missing_only_when_that_is_complete() {
    let mut picture = Picture::new(Kind::Deployment, at(0));
    assert_eq!(picture.look("a", at(4)), Err(at(5)), "it may come at any moment");
    assert_eq!(picture.look("a", at(5)), Ok(None), "it may not come for long");
    picture.hear(Heard::Event(Event::Init), at(6));
    picture.hear(Heard::Event(Event::InitApply(seen("b", "1", 1))), at(6));
    assert_eq!(picture.look("b", at(6)), Ok(Some(Workload::RollingOut)));
    assert_eq!(picture.look("a", at(6)), Ok(None));
    assert_eq!(picture.hear(Heard::Event(Event::InitDone), at(6)), News::All);
    assert_eq!(picture.look("a", at(6)), Ok(Some(Workload::Missing)));
}

#[test]
fn a_rollout_is_complete_since_it_was_first_seen_so() {
    let mut picture = listed([seen("a", "1", 2)]);
    assert_eq!(since(&picture, "a"), Some(at(0)));
    let mut see = |seen, now| {
        let news = picture.hear(Heard::Event(Event::Apply(seen)), at(now));
        (news, since(&picture, "a"))
    };
    assert_eq!(see(seen("a", "1", 2), 1), (of([]), Some(at(0))), "nothing is new");
    assert_eq!(see(seen("a", "2", 1), 2), (of(["a"]), None));
    assert_eq!(see(seen("a", "2", 1), 3), (of([]), None));
    assert_eq!(see(seen("a", "2", 2), 4), (of(["a"]), Some(at(4))));
    assert_eq!(see(seen("a", "3", 2), 5), (of(["a"]), Some(at(5))), "at once, or nobody looked");
    assert_eq!(list(&mut picture, [seen("a", "3", 2)], at(6)), of([]));
    assert_eq!(since(&picture, "a"), Some(at(5)), "a new list is no new rollout");
}

/// Scaled to nothing it is as it was, until pods of its template serve: that is since then.
#[test]
fn without_replicas_it_is_idle_until_there_are_some_that_serve() {
    let idle = |image: &str| {
        let mut seen = seen("a", image, 0);
        seen.spec =
            serde_json::from_value(json!({ "replicas": 0, "template": { "image": image } }))
                .unwrap();
        seen
    };
    let mut picture = listed([seen("a", "1", 2)]);
    let mut see = |seen: Seen, now| {
        let template = rollout::template(Kind::Deployment, &seen);
        let news = picture.hear(Heard::Event(Event::Apply(seen)), at(now));
        let workload = picture.look("a", at(now)).unwrap().unwrap();
        (news, workload == Workload::Idle { template }, since(&picture, "a"))
    };
    assert_eq!(see(idle("1"), 1), (of(["a"]), true, None));
    assert_eq!(see(seen("a", "1", 1), 2), (of([]), true, None), "not all serve yet");
    assert_eq!(see(seen("a", "1", 2), 3), (of(["a"]), false, Some(at(3))));
    assert_eq!(see(idle("2"), 4), (of(["a"]), true, None), "a rollout that nobody serves");
    assert_eq!(see(seen("a", "3", 1), 5), (of(["a"]), false, None), "and another");
    assert_eq!(see(seen("a", "3", 2), 6), (of(["a"]), false, Some(at(6))));
}

#[test]
fn a_new_list_and_the_watch_tell_what_is_gone() {
    let mut picture = listed([seen("a", "1", 2), seen("b", "1", 2), seen("c", "1", 2)]);
    assert_eq!(picture.hear(Heard::Event(Event::Delete(seen("a", "1", 2))), at(1)), of(["a"]));
    assert_eq!(picture.look("a", at(1)), Ok(Some(Workload::Missing)));
    assert_eq!(list(&mut picture, [seen("c", "1", 2)], at(2)), of(["b"]));
    assert_eq!(picture.look("b", at(2)), Ok(Some(Workload::Missing)));
    assert_eq!(since(&picture, "c"), Some(at(0)));
}

#[test]
fn a_refusal_hides_all_until_it_is_over() {
    let mut picture = Picture::new(Kind::Deployment, at(0));
    let hidden = Ok(Some(Workload::Hidden("no rights".to_owned())));
    assert_eq!(picture.hear(refusal(403, "no rights\n"), at(1)), News::All);
    assert_eq!(picture.look("a", at(1)), hidden);
    assert_eq!(picture.hear(refusal(403, "no rights"), at(2)), of([]), "it was said");
    assert_eq!(picture.hear(Heard::Event(Event::Init), at(3)), of([]));
    assert_eq!(picture.look("a", at(3)), hidden, "to try again proves nothing");
    assert_eq!(picture.hear(Heard::Mended, at(4)), News::All);
    list(&mut picture, [], at(4));
    assert_eq!(picture.look("a", at(4)), Ok(Some(Workload::Missing)));
}

#[test]
fn what_passes_by_itself_hides_nothing() {
    let mut picture = listed([seen("a", "1", 2)]);
    for code in [408, 410, 429, 500, 503] {
        assert_eq!(picture.hear(refusal(code, "not now"), at(1)), of([]), "{code}");
    }
    assert_eq!(since(&picture, "a"), Some(at(0)));
}

/// A pod that restarts, a drained node or a larger scale is no rollout.
#[test]
fn a_pod_that_is_lost_for_a_while_is_no_rollout() {
    let mut picture = listed([seen("a", "1", 2)]);
    let mut lost = seen("a", "1", 2);
    lost.status = serde_json::from_value(json!({
        "observedGeneration": 1, "replicas": 2, "updatedReplicas": 2, "availableReplicas": 1,
        "conditions": [{ "type": "Progressing", "reason": "NewReplicaSetAvailable" }],
    }))
    .unwrap();
    picture.hear(Heard::Event(Event::Apply(lost)), at(100));
    assert_ne!(picture.look("a", at(100)), Ok(Some(Workload::RollingOut)));
}
