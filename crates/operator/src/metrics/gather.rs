//! What the operator's state says, gathered at a scrape.
//!
//! Contract: cheap with ten thousand resources, of which nothing is copied, and with a hundred
//! gateways. A replica that stands by tells of itself alone: of resources, gateways and quotas the one
//! that works tells, so that a sum over replicas counts nothing twice.

use std::collections::HashMap;
use std::time::Duration;

use agentcore::{AgentCore, Outlook};
use api::{Attempt, GatewayId, TargetStatus};
use metrics::Gathered;
use metrics::catalogue as names;

use super::CONTROLLER;
use crate::fleet::OTHER;
use crate::pass::Operator;
use crate::shifts::WORKERS;

pub(super) fn operator<A: AgentCore>(operator: &Operator<A>) -> Gathered {
    let mut gathered = Gathered::default();
    gathered.is(&names::BUILD, [env!("CARGO_PKG_VERSION")], 1.0);
    let works = operator.guard.works();
    gathered.is(&names::LEADER, [&operator.lease], f64::from(u8::from(works)));
    queue(&mut gathered, operator);
    if works {
        resources(&mut gathered, operator);
        gateways(&mut gathered, operator);
    }
    gathered
}

fn queue<A: AgentCore>(gathered: &mut Gathered, operator: &Operator<A>) {
    let work = operator.work.overview();
    let queue = [CONTROLLER, CONTROLLER];
    let times = work.in_work.iter().map(|(_, time)| *time);
    let seconds = |time: Duration| time.as_secs_f64();
    // Who stands by lets everything wait.
    let depth = if operator.guard.works() { number(work.due.len()) } else { 0.0 };
    gathered.is(&names::DEPTH, queue, depth);
    gathered.is(&names::ADDS, queue, number(usize::try_from(work.adds).unwrap_or(usize::MAX)));
    gathered.is(&names::UNFINISHED, queue, seconds(times.clone().sum()));
    gathered.is(&names::LONGEST, queue, seconds(times.max().unwrap_or_default()));
    gathered.is(&names::ACTIVE_WORKERS, [CONTROLLER], number(work.in_work.len()));
    gathered.is(&names::MAX_WORKERS, [CONTROLLER], number(WORKERS));
}

fn resources<A: AgentCore>(gathered: &mut Gathered, operator: &Operator<A>) {
    for (words, count) in operator.fleet.tally() {
        gathered.more(&names::RESOURCES, words, count);
    }
}

fn gateways<A: AgentCore>(gathered: &mut Gathered, operator: &Operator<A>) {
    let outlooks = operator.mirrors.outlooks();
    let now = operator.clock.now();
    operator.fleet.tell_holdings(|holdings| {
        for Outlook { gateway, sight, as_of, .. } in &outlooks {
            let label = gateway.to_string();
            let age = now.duration_since(*as_of).as_secs_f64();
            gathered.is(&names::MIRROR_AGE, [&label], age.max(0.0));
            let mut counts: HashMap<(&str, &str), u32> = HashMap::new();
            for target in sight.listing.iter().flat_map(|listing| listing.iter()) {
                let owner = if holdings.include(gateway, target) { "mcpserver" } else { "nobody" };
                let status = match &target.status {
                    TargetStatus::Unknown(_) => OTHER,
                    known => known.as_str(),
                };
                *counts.entry((owner, status)).or_default() += 1;
            }
            for ((owner, status), count) in counts {
                gathered.more(&names::TARGETS, [&label, owner, status], count);
            }
        }
    });
    let gateways: Vec<GatewayId> = outlooks.into_iter().map(|outlook| outlook.gateway).collect();
    for (gateway, used) in gateways.iter().zip(operator.turns.slots_used(&gateways)) {
        gathered.is(&names::QUOTA_SLOTS, [&gateway.to_string()], number(used));
    }
    for attempt in Attempt::ALL {
        gathered.is(&names::QUOTA_TOKENS, [attempt.as_str()], operator.turns.tokens(attempt));
    }
    gathered.is(&names::QUOTA_TOKENS, ["list"], operator.mirrors.lists_left());
}

/// Nothing here is counted beyond what a number of this kind can hold.
#[allow(clippy::cast_precision_loss)]
fn number(count: usize) -> f64 {
    count as f64
}
