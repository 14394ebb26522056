//! The loop on a paused clock, with a record that can be made to hang.

use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;

use jiff::Timestamp;
use tokio::sync::oneshot;
use tokio::task::JoinHandle;
use tokio::time::{Instant, sleep};

use super::*;
use crate::{Found, Lease, Version};

const SECOND: Duration = Duration::from_secs(1);

#[derive(Clone, Default)]
struct Shared(Arc<Mutex<State>>);

#[derive(Default)]
struct State {
    record: Option<Found>,
    writes: u32,
    /// Whose calls hang.
    hangs: Option<&'static str>,
}

impl Shared {
    fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().expect("no test panics with it")
    }

    fn holder(&self) -> String {
        let state = self.state();
        state.record.as_ref().map(|found| found.lease.holder.clone()).unwrap_or_default()
    }

    fn hang(&self, of: Option<&'static str>) {
        self.state().hangs = of;
    }
}

/// The record as one replica reaches it.
struct Line(Shared, &'static str);

impl Line {
    async fn reach(&self) -> MutexGuard<'_, State> {
        let hangs = self.0.state().hangs == Some(self.1);
        if hangs {
            std::future::pending::<()>().await;
        }
        self.0.state()
    }
}

fn write(state: &mut State, lease: &Lease) -> Found {
    state.writes += 1;
    let found = Found { lease: lease.clone(), version: Version(state.writes.to_string()) };
    state.record = Some(found.clone());
    found
}

impl Leases for Line {
    async fn get(&mut self) -> Result<Option<Found>, Error> {
        Ok(self.reach().await.record.clone())
    }

    async fn create(&mut self, lease: &Lease) -> Result<Found, Error> {
        let mut state = self.reach().await;
        if state.record.is_some() { Err(Error::Conflict) } else { Ok(write(&mut state, lease)) }
    }

    async fn replace(&mut self, lease: &Lease, version: &Version) -> Result<Found, Error> {
        let mut state = self.reach().await;
        let matches = state.record.as_ref().is_some_and(|found| found.version == *version);
        if matches { Ok(write(&mut state, lease)) } else { Err(Error::Conflict) }
    }
}

struct Replica {
    standing: watch::Receiver<Standing>,
    stop: oneshot::Sender<()>,
    running: JoinHandle<()>,
}

fn replica(shared: &Shared, name: &'static str, clock: Clock) -> Replica {
    let line = Line(shared.clone(), name);
    let (election, standing) = Election::new(line, name.to_owned(), Timing::default(), clock);
    let (stop, stopped) = oneshot::channel::<()>();
    let running = tokio::spawn(election.run(async { drop(stopped.await) }));
    Replica { standing, stop, running }
}

impl Replica {
    async fn leads(&mut self) -> Term {
        let leads = |standing: &Standing| standing.term().is_some();
        let standing = self.standing.wait_for(leads).await.expect("it runs");
        standing.term().expect("it leads").clone()
    }

    async fn stands_by(&mut self) {
        let stands_by = |standing: &Standing| standing.term().is_none();
        self.standing.wait_for(stands_by).await.expect("it runs");
    }
}

#[tokio::test(start_paused = true)]
async fn a_leader_may_always_make_a_call_of_ten_seconds() {
    let shared = Shared::default();
    let mut one = replica(&shared, "one", Clock::start());
    let term = one.leads().await;
    for _ in 0..100 {
        sleep(SECOND / 2).await;
        assert!(term.permits(10 * SECOND));
        assert!(!term.permits(15 * SECOND));
    }
}

#[tokio::test(start_paused = true)]
async fn every_turn_says_when_the_next_will_have_come() {
    let (shared, clock) = (Shared::default(), Clock::start());
    let (election, _standing) =
        Election::new(Line(shared, "one"), "one".to_owned(), Timing::default(), clock);
    let (told, mut beats) = tokio::sync::mpsc::unbounded_channel();
    let election = election.with_beat(move |within| {
        let _ = told.send((Instant::now(), within));
    });
    tokio::spawn(election.run(std::future::pending()));
    sleep(60 * SECOND).await;
    let (mut before, mut within) = beats.recv().await.expect("it begins");
    let mut turns = 0;
    while let Ok((at, next)) = beats.try_recv() {
        assert!(at - before <= within, "{:?} and not {within:?}", at - before);
        (before, within, turns) = (at, next, turns + 1);
    }
    assert!(turns >= 30, "it renews every two seconds");
}

#[tokio::test(start_paused = true)]
async fn who_stops_lets_go_and_the_other_leads_within_two_seconds() {
    let shared = Shared::default();
    let mut one = replica(&shared, "one", Clock::start());
    let term = one.leads().await;
    let mut two = replica(&shared, "two", Clock::start());
    sleep(20 * SECOND).await;
    one.stop.send(()).expect("it runs");
    let stopped = Instant::now();
    one.running.await.expect("it ends");
    assert!(!term.is_current());
    assert_eq!(stopped.elapsed(), Duration::ZERO, "it lets go at once");
    two.leads().await;
    assert!(stopped.elapsed() < 2 * SECOND);
}

#[tokio::test(start_paused = true)]
async fn who_is_cut_off_claims_nothing_when_the_other_begins() {
    let shared = Shared::default();
    let mut one = replica(&shared, "one", Clock::start());
    let term = one.leads().await;
    let mut two = replica(&shared, "two", Clock::start());
    sleep(20 * SECOND).await;
    shared.hang(Some("one"));
    let cut = Instant::now();
    one.stands_by().await;
    assert!(cut.elapsed() <= 10 * SECOND);
    assert!(!term.is_current());
    two.leads().await;
    assert!(cut.elapsed() > 12 * SECOND && cut.elapsed() < 17 * SECOND, "{:?}", cut.elapsed());
    shared.hang(None);
    sleep(30 * SECOND).await;
    assert_eq!(shared.holder(), "two");
}

#[tokio::test(start_paused = true)]
async fn who_leads_again_has_another_term() {
    let shared = Shared::default();
    let mut one = replica(&shared, "one", Clock::start());
    let first = one.leads().await;
    shared.hang(Some("one"));
    one.stands_by().await;
    shared.hang(None);
    let second = one.leads().await;
    assert!(second.is_current());
    assert!(!first.is_current());
}

#[tokio::test(start_paused = true)]
async fn a_term_is_over_at_its_time_whatever_the_loop_does() {
    let shared = Shared::default();
    let mut one = replica(&shared, "one", Clock::start());
    let term = one.leads().await;
    one.running.abort();
    assert!(one.running.await.is_err());
    assert!(!term.is_current(), "nobody renews it any more");
    let clock = Clock::start();
    let alone = Term::new(clock.clone(), Timing::default(), clock.read());
    sleep(SECOND * 999 / 100).await;
    assert!(alone.is_current());
    sleep(SECOND / 100).await;
    assert!(!alone.is_current());
}

#[tokio::test(start_paused = true)]
async fn a_machine_that_was_suspended_begins_nothing() {
    let ahead = Arc::new(Mutex::new(Duration::ZERO));
    let wall = Arc::clone(&ahead);
    let clock = Clock::with_wall(move || Timestamp::UNIX_EPOCH + *wall.lock().expect("it is free"));
    let shared = Shared::default();
    let mut one = replica(&shared, "one", clock);
    let term = one.leads().await;
    assert!(term.permits(10 * SECOND));
    *ahead.lock().expect("it is free") = 3600 * SECOND;
    assert!(!term.is_current());
}
