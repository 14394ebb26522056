use super::*;

const SECOND: Duration = Duration::from_secs(1);

/// A candidate, its clock, and the record.
struct Story {
    candidate: Candidate,
    now: Reading,
    record: Option<Found>,
    writes: u32,
}

impl Story {
    fn new(record: Option<Lease>) -> Self {
        let mut story = Self {
            candidate: Candidate::new("me".to_owned(), Timing::default()),
            now: Reading { monotonic: Duration::from_secs(100), wall: Timestamp::UNIX_EPOCH },
            record: None,
            writes: 0,
        };
        if let Some(lease) = record {
            story.others_write(lease);
        }
        story
    }

    fn others_write(&mut self, lease: Lease) -> Found {
        self.writes += 1;
        let found = Found { lease, version: Version(self.writes.to_string()) };
        self.record = Some(found.clone());
        found
    }

    fn passes(&mut self, time: Duration) {
        self.now.monotonic += time;
        self.now.wall += time;
    }

    /// Makes the calls that are due now, and returns for how long it then waits.
    fn acts(&mut self) -> Duration {
        loop {
            let answer = match self.candidate.decide(self.now) {
                Step::Read => Answer::Read(self.record.clone()),
                Step::Create(lease) if self.record.is_none() => {
                    Answer::Written(self.others_write(lease))
                }
                Step::Replace(lease, version) if self.version() == Some(&version) => {
                    Answer::Written(self.others_write(lease))
                }
                Step::Create(_) | Step::Replace(..) => Answer::Failed,
                Step::Wait(until) => return until.saturating_sub(self.now.monotonic),
                Step::Done => return Duration::MAX,
            };
            self.candidate.heard(self.now, self.now, answer);
        }
    }

    fn version(&self) -> Option<&Version> {
        self.record.as_ref().map(|found| &found.version)
    }

    fn lease(&self) -> &Lease {
        &self.record.as_ref().expect("there is a record").lease
    }

    fn leads(&self) -> bool {
        self.candidate.term().is_some()
    }
}

fn of(holder: &str) -> Lease {
    let at = Some(Timestamp::UNIX_EPOCH);
    Lease { holder: holder.to_owned(), seconds: 15, acquired: at, renewed: at, transitions: 3 }
}

#[test]
fn who_finds_no_record_makes_one_and_renews_it() {
    let mut story = Story::new(None);
    assert_eq!(story.acts(), 2 * SECOND);
    let at = Some(Timestamp::UNIX_EPOCH);
    let mine =
        Lease { holder: "me".to_owned(), seconds: 15, acquired: at, renewed: at, transitions: 0 };
    assert_eq!(*story.lease(), mine);
    story.passes(2 * SECOND);
    assert_eq!(story.acts(), 2 * SECOND);
    assert_eq!(*story.lease(), Lease { renewed: at.map(|at| at + 2 * SECOND), ..mine });
    assert_eq!(story.candidate.term(), Some(story.now));
}

#[test]
fn a_record_of_another_is_left_alone_until_it_was_seen_unchanged_for_its_duration() {
    let mut story = Story::new(Some(of("other")));
    let mut waited = Duration::ZERO;
    while !story.leads() {
        assert!(waited <= 15 * SECOND);
        let wait = story.acts();
        if !story.leads() {
            story.passes(wait);
            waited += wait;
        }
    }
    assert_eq!(waited, 15 * SECOND);
    assert_eq!((story.lease().holder.as_str(), story.lease().transitions), ("me", 4));
}

#[test]
fn a_record_that_changes_is_waited_for_anew_whatever_it_says_of_time() {
    let mut story = Story::new(Some(of("other")));
    story.acts();
    story.passes(14 * SECOND);
    // Its calendar is a year behind.
    story.others_write(Lease { renewed: Some(Timestamp::MIN), ..of("other") });
    story.acts();
    story.passes(14 * SECOND);
    story.acts();
    assert!(!story.leads());
    story.passes(SECOND);
    story.acts();
    assert!(story.leads());
}

#[test]
fn the_duration_that_counts_is_the_holders() {
    let mut story = Story::new(Some(Lease { seconds: 60, ..of("other") }));
    story.acts();
    story.passes(59 * SECOND);
    story.acts();
    assert!(!story.leads());
    story.passes(SECOND);
    story.acts();
    assert!(story.leads());
    // One that says none is not over at once.
    let mut story = Story::new(Some(Lease { seconds: 0, ..of("other") }));
    story.acts();
    assert!(!story.leads());
}

#[test]
fn what_was_let_go_is_taken_within_a_retry_period() {
    let mut story = Story::new(Some(of("other")));
    let wait = story.acts();
    story.others_write(Lease { holder: String::new(), seconds: 1, ..of("") });
    story.passes(wait);
    story.acts();
    assert!(story.leads());
    assert!(wait < 2 * SECOND);
}

#[test]
fn who_cannot_renew_leads_until_the_deadline_and_no_longer() {
    let mut story = Story::new(None);
    story.acts();
    for _ in 0..4 {
        story.passes(2 * SECOND);
        assert!(!matches!(story.candidate.decide(story.now), Step::Wait(_)));
        story.candidate.heard(story.now, story.now, Answer::Failed);
        story.candidate.decide(story.now);
        assert!(story.leads());
    }
    let Step::Wait(until) = story.candidate.decide(story.now) else { panic!("it has to rest") };
    story.passes(until.saturating_sub(story.now.monotonic));
    assert_eq!(story.candidate.decide(story.now), Step::Read);
    assert!(!story.leads());
    // Nobody else has taken it: it is a leader again at once.
    story.acts();
    assert!(story.leads());
}

#[test]
fn a_leader_wakes_at_its_deadline_even_while_it_rests() {
    let mut story = Story::new(None);
    story.acts();
    story.passes(9 * SECOND);
    story.candidate.heard(story.now, story.now, Answer::Failed);
    assert_eq!(story.candidate.decide(story.now), Step::Wait(story.now.monotonic + SECOND));
}

#[test]
fn a_renewal_counts_from_when_it_was_sent() {
    let mut story = Story::new(None);
    story.acts();
    story.passes(2 * SECOND);
    let sent = story.now;
    let Step::Replace(lease, _) = story.candidate.decide(sent) else { panic!("it has to renew") };
    let found = story.others_write(lease);
    story.passes(4 * SECOND);
    story.candidate.heard(sent, story.now, Answer::Written(found));
    assert_eq!(story.candidate.term(), Some(sent));
}

#[test]
fn who_reads_that_another_leads_leads_no_more() {
    let mut story = Story::new(None);
    story.acts();
    story.others_write(of("other"));
    story.passes(2 * SECOND);
    // The renewal is refused; then it looks.
    let wait = story.acts();
    story.passes(wait);
    story.acts();
    assert!(!story.leads());
    assert_eq!(story.candidate.leader(), Some("other"));
}

#[test]
fn a_takeover_whose_answer_was_lost_is_found_by_the_next_look() {
    let mut story = Story::new(None);
    story.candidate.heard(story.now, story.now, Answer::Read(None));
    let Step::Create(lease) = story.candidate.decide(story.now) else { panic!("it is free") };
    story.others_write(lease);
    story.candidate.heard(story.now, story.now, Answer::Failed);
    assert!(!story.leads());
    story.passes(2 * SECOND);
    story.acts();
    assert_eq!(story.candidate.term(), Some(story.now));
    assert_eq!(story.lease().transitions, 0);
}

#[test]
fn a_renewal_never_looks_like_the_one_before() {
    let mut story = Story::new(None);
    story.acts();
    let first = story.lease().clone();
    story.passes(2 * SECOND);
    story.now.wall = Timestamp::UNIX_EPOCH;
    story.acts();
    assert!(story.lease().renewed > first.renewed);
}

#[test]
fn a_calendar_that_runs_ahead_ends_a_term() {
    let mut story = Story::new(None);
    story.acts();
    story.now.wall += 10 * SECOND;
    story.candidate.decide(story.now);
    assert!(!story.leads());
}

#[test]
fn of_a_record_that_is_taken_away_the_holder_makes_a_new_one_and_others_wait() {
    let mut leader = Story::new(None);
    leader.acts();
    leader.record = None;
    leader.passes(2 * SECOND);
    let wait = leader.acts();
    assert!(leader.leads(), "that it is gone is no reason to lead no more");
    leader.passes(wait);
    leader.acts();
    assert_eq!(leader.lease().holder, "me");
    let mut other = Story::new(Some(of("other")));
    other.acts();
    other.record = None;
    other.passes(2 * SECOND);
    other.acts();
    other.passes(14 * SECOND);
    other.acts();
    assert!(!other.leads());
    other.passes(SECOND);
    other.acts();
    assert!(other.leads());
}

#[test]
fn who_withdraws_empties_the_record() {
    let mut story = Story::new(None);
    story.acts();
    story.passes(SECOND);
    story.candidate.withdraw();
    assert!(!story.leads());
    assert_eq!(story.acts(), Duration::MAX);
    let at = Some(story.now.wall);
    let empty =
        Lease { holder: String::new(), seconds: 1, acquired: at, renewed: at, transitions: 0 };
    assert_eq!(*story.lease(), empty);
}

#[test]
fn who_withdraws_leaves_the_record_of_another_alone() {
    let mut story = Story::new(Some(of("other")));
    story.acts();
    story.candidate.withdraw();
    assert_eq!(story.acts(), Duration::MAX);
    assert_eq!(*story.lease(), of("other"));
    // What was under way when it withdrew may have made it the holder.
    story.candidate.heard(story.now, story.now, Answer::Failed);
    story.others_write(of("me"));
    story.candidate.withdraw();
    assert_eq!(story.acts(), Duration::MAX);
    assert_eq!(story.lease().holder, "");
}
