//! Has workers make passes while this replica leads, and until the process is told to end.
//!
//! Contract: when the leadership is lost no new step is begun, and the next shift begins when the last
//! pass of this one is over. When the process is to end no new step is begun either; what came of a call
//! under way is written down. Passes have a while for that, and only then the Lease is let go. Whatever
//! does not answer, the process ends within the grace period of its pod.

use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use agentcore::AgentCore;
use tokio::sync::watch;
use tokio::task::JoinSet;
use tokio::time::timeout;
use tracing::{info, warn};

use crate::leadership::Candidacy;
use crate::pass::Operator;

/// Passes at the same time. Each waits for the network most of the time, and AWS may take seconds to
/// answer.
pub(crate) const WORKERS: usize = 32;
/// How long the passes under way may go on after the signal to end: a call to AWS for 10 s, and what
/// writes down what came of it.
const GRACE: Duration = Duration::from_secs(20);
/// How long it may take after that to let the Lease go; the grace period of a pod is 30 s.
const LAST_WORD: Duration = Duration::from_secs(5);

/// Works in shifts until the end of life.
pub(crate) async fn work<A: AgentCore>(
    operator: &Arc<Operator<A>>,
    mut candidacy: Candidacy,
    end_of_life: impl Future<Output = ()>,
) -> anyhow::Result<()> {
    let mut end_of_life = pin!(end_of_life);
    loop {
        tokio::select! {
            biased;
            () = &mut end_of_life => break,
            leads = candidacy.leads(operator) => leads?,
        }
        let shift = Shift::begin(operator);
        tokio::select! {
            biased;
            () = &mut end_of_life => {
                if !in_time(operator, shift.end()).await {
                    return Ok(());
                }
                break;
            }
            lost = candidacy.loses() => lost?,
        }
        // The guard lets nothing new begin; an API server that does not answer may take its time.
        let mut ending = pin!(shift.end());
        tokio::select! {
            biased;
            () = &mut ending => {}
            () = &mut end_of_life => {
                if !in_time(operator, ending).await {
                    return Ok(());
                }
                break;
            }
        }
        candidacy.has_lost(operator);
    }
    if timeout(LAST_WORD, candidacy.end()).await.is_err() {
        warn!("the Lease could not be let go in time: others wait until it is over");
    }
    Ok(())
}

/// Whether the passes under way come to their end in time, of which no new step is begun.
async fn in_time<A: AgentCore>(operator: &Operator<A>, passes: impl Future<Output = ()>) -> bool {
    operator.guard.end();
    info!("ending: no new step is begun");
    let in_time = timeout(GRACE, passes).await.is_ok();
    if !in_time {
        // What it has begun may be under way: others wait until the Lease is over.
        warn!("a pass did not end in time; its records tell the next process what to look for");
    }
    in_time
}

/// The workers of one leadership.
struct Shift {
    workers: JoinSet<()>,
    stop: watch::Sender<bool>,
}

impl Shift {
    fn begin<A: AgentCore>(operator: &Arc<Operator<A>>) -> Self {
        let mut workers = JoinSet::new();
        let (stop, stopped) = watch::channel(false);
        for _ in 0..WORKERS {
            let operator = Arc::clone(operator);
            let stopped = stopped.clone();
            workers.spawn(async move { operator.serve(stopped).await });
        }
        Self { workers, stop }
    }

    /// Until every pass under way is over.
    async fn end(mut self) {
        // Nobody listens only if every worker is gone already.
        let _ = self.stop.send(true);
        while self.workers.join_next().await.is_some() {}
    }
}
