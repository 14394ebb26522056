//! What was seen and what is done, written down in the status.
//!
//! Contract: each step that records writes exactly its record, and a call to AWS records nothing.

use std::time::Duration;

use api::{
    Applied, Authorization, MCPServer, MCPServerStatus, Retired, TargetStatus, ToolSyncRecord,
};
use jiff::Timestamp;

use super::{Observed, Report, Standing, text};
use crate::Step;
use crate::memory::later;
use crate::world::Bound;

/// For how long a link to a consent is taken to be the same: AWS holds it valid for minutes, and
/// may show another with every answer.
const LINK_LIFE: Duration = Duration::from_mins(10);

/// Writes down what was seen of the target.
pub(super) fn observe(status: &mut MCPServerStatus, report: &Report, now: Timestamp) {
    let Some(observed) = &report.observed else { return };
    let Observed { status: seen, name, last_synchronized, authorization_url, reasons } = observed;
    let changed = status.target_status.as_deref() != Some(seen.as_str());
    status.target_status = Some(seen.as_str().to_owned());
    status.target_name = Some(text::clean(name));
    // A List can be behind what was seen already.
    status.last_synchronized = status.last_synchronized.max(*last_synchronized);
    match seen {
        TargetStatus::Ready => {
            // With whatever configuration: somebody may have used it, and nobody is waited for.
            status.never_ready = false;
            forget_consent(status);
        }
        // It moves: the consent was given, and what fails from now on fails for another reason.
        TargetStatus::Creating | TargetStatus::Updating | TargetStatus::Synchronizing => {
            forget_consent(status);
        }
        TargetStatus::CreatePendingAuth
        | TargetStatus::UpdatePendingAuth
        | TargetStatus::SynchronizePendingAuth => {
            status.consent_asked = true;
            if let Some(url) = authorization_url.as_deref().map(text::link) {
                let known = status.authorization.as_ref();
                let fresh = known.is_some_and(|known| known.expires_at > now);
                let same = known.is_some_and(|known| known.url == url);
                if !same && (changed || !fresh) {
                    let expires_at = later(now, LINK_LIFE);
                    status.authorization = Some(Authorization { url, expires_at });
                }
            }
        }
        // AWS may go on to show a link that leads nowhere any more.
        TargetStatus::Failed
        | TargetStatus::UpdateUnsuccessful
        | TargetStatus::SynchronizeUnsuccessful
        | TargetStatus::Deleting
        | TargetStatus::Unknown(_) => status.authorization = None,
    }
    match reasons {
        Some(reasons) => {
            status.status_reasons = reasons.iter().map(|reason| text::clean(reason)).collect();
        }
        None if changed => status.status_reasons.clear(),
        None => {}
    }
}

/// Nobody is waited for any more, or something else is asked for.
fn forget_consent(status: &mut MCPServerStatus) {
    status.authorization = None;
    status.consent_asked = false;
}

/// Writes down what a record step records; calls to AWS record nothing.
pub(super) fn record(
    status: &mut MCPServerStatus,
    server: &MCPServer,
    step: &Step,
    standing: &Standing,
) {
    match step {
        Step::RecordIntent(intent) => {
            // A target on another gateway or of another name serves until its successor does. Of the
            // same name an intent means that the target is gone.
            let renamed = status.target_name.as_ref().is_some_and(|name| *name != intent.name);
            let is_gone = matches!(standing, Standing::Recreating(_));
            let stays = Bound::of(server)
                .filter(|bound| !is_gone && (bound.gateway.0 != intent.gateway || renamed));
            if stays.is_none() {
                status.gateway_id = Some(intent.gateway.clone());
                status.gateway_arn = None;
                status.target_id = None;
                status.target_name = Some(intent.name.clone());
                status.target_status = None;
                status.status_reasons.clear();
                status.last_synchronized = None;
                status.applied = None;
                status.applied_generation = None;
                // That of a target that stays is still to be settled, should the resource come back.
                status.applying = None;
                status.tool_sync = None;
            }
            forget_consent(status);
            status.intent = Some(intent.clone());
        }
        Step::Bind(binding) => {
            status.intent = None;
            status.applying = None;
            if let Some(left) = Bound::of(server) {
                status.retired.push(Retired {
                    gateway_id: left.gateway.0,
                    gateway_arn: left.gateway_arn,
                    target_id: left.target.0,
                });
            }
            status.gateway_id = Some(binding.gateway.0.clone());
            status.gateway_arn = Some(binding.gateway_arn.clone());
            status.target_id = Some(binding.target.0.clone());
            status.target_name = Some(binding.name.clone());
            status.target_status = Some(binding.status.as_str().to_owned());
            status.last_synchronized = None;
            status.status_reasons.clear();
            status.applied_generation = binding.made_with.as_ref().map(|(_, at)| *at);
            status.never_ready = binding.made_with.is_some();
            status.tool_sync = fetched(binding.template.as_ref());
            status.applied = binding.made_with.clone().map(|(fingerprint, _)| Applied {
                fingerprint,
                updated_at: binding.updated_at,
                settled: false,
            });
        }
        Step::RecordApplying(applying) => {
            forget_consent(status);
            status.applying = Some(applying.clone());
        }
        Step::RecordSync(synchronizing) => {
            let record = status.tool_sync.get_or_insert_default();
            record.under_way = Some(synchronizing.clone());
            record.refused = None;
        }
        Step::RecordApplied { fingerprint, generation, updated_at, status: seen } => {
            // An Update fetches the tools as well.
            let template = status.applying.take().and_then(|applying| applying.template);
            let under_way = status.tool_sync.take().and_then(|record| record.under_way);
            if let Some(request) = under_way.and_then(|under_way| under_way.request) {
                status.last_handled_sync_at = Some(request);
            }
            status.tool_sync = fetched(template.as_ref());
            status.applied_generation = Some(*generation);
            status.target_status = Some(seen.as_str().to_owned());
            status.status_reasons.clear();
            status.applied = Some(Applied {
                fingerprint: fingerprint.clone(),
                updated_at: *updated_at,
                settled: false,
            });
        }
        Step::ForgetRetired(gone) => {
            status.retired.retain(|left| !Bound::from(left).is(&gone.gateway, &gone.target));
        }
        Step::AddFinalizer
        | Step::Annotate(_)
        | Step::Create { .. }
        | Step::Read { .. }
        | Step::Update { .. }
        | Step::Synchronize { .. }
        | Step::Delete { .. }
        | Step::ReleaseFinalizer => {}
    }
}

/// What is recorded of tools that were fetched after this pod template had been rolled out.
fn fetched(template: Option<&String>) -> Option<ToolSyncRecord> {
    let template = template.cloned();
    template.is_some().then_some(ToolSyncRecord { template, ..ToolSyncRecord::default() })
}
