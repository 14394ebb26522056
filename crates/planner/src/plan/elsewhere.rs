//! A target of another account or Region: what we see of AWS says nothing about it.
//!
//! Contract: nothing is asked of AWS for such a resource, and nothing is let go of it.

use api::MCPServer;

use super::Decision;
use crate::Policy;
use crate::report::{Report, Standing};
use crate::world::{Bound, World};

pub(super) fn plan(world: &World<'_>) -> Option<Decision> {
    Some(Decision::wait(Report::of(Standing::WrongAccountOrRegion {
        arn: foreign_arn(world.server, world.policy)?,
        account: world.policy.account.clone().unwrap_or_default(),
        region: world.policy.region.clone(),
    })))
}

/// The ARN of the gateway of another account or Region on which this resource has a target, or may
/// have one.
#[must_use]
pub fn foreign_arn(server: &MCPServer, policy: &Policy) -> Option<String> {
    let status = server.status.as_ref()?;
    let retired = status.retired.iter().map(Bound::from);
    let arns = Bound::of(server).into_iter().chain(retired).filter_map(|bound| bound.gateway_arn);
    // Where nothing is known of a part, it is empty.
    let intended = status.intent.as_ref().map(|intent| {
        let text = |part: &Option<String>| part.clone().unwrap_or_default();
        let (region, account) = (text(&intent.region), text(&intent.account));
        format!("arn:aws:bedrock-agentcore:{region}:{account}:gateway/{}", intent.gateway)
    });
    arns.chain(intended).find(|arn| is_foreign(arn, policy))
}

/// Whether the ARN (`arn:partition:service:region:account:…`) names another account or Region
/// than ours. What is not known contradicts nothing.
fn is_foreign(arn: &str, policy: &Policy) -> bool {
    let mut parts = arn.split(':').skip(3);
    let (region, account) = (parts.next().unwrap_or_default(), parts.next().unwrap_or_default());
    let differs = |theirs: &str, ours: &str| !theirs.is_empty() && theirs != ours;
    differs(region, &policy.region)
        || policy.account.as_ref().is_some_and(|ours| differs(account, ours))
}
