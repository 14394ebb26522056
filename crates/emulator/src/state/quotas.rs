//! The limits of the service, where the settings enforce them.

use std::collections::BTreeMap;
use std::time::Duration;

use jiff::Timestamp;

use super::State;
use super::gateway::Gateway;
use crate::call::{CallKind, Caller};
use crate::error::{ApiError, ErrorKind};
use crate::settings::{LimitError, Settings};

/// What is left of the calls of each account, Region and kind.
#[derive(Debug, Default)]
pub(super) struct Buckets(BTreeMap<(String, String, CallKind), Bucket>);

/// A token bucket that holds one second's worth. Kept as time, so that it is exact: every call
/// costs a share of a second, and a second is owed at most.
#[derive(Debug)]
struct Bucket {
    /// When the bucket will be full again.
    full_at: Timestamp,
}

impl Buckets {
    fn take(&mut self, now: Timestamp, caller: &Caller, kind: CallKind, rate: u32) -> bool {
        let key = (caller.account.clone(), caller.region.clone(), kind);
        let bucket = self.0.entry(key).or_insert(Bucket { full_at: now });
        if rate == 0 {
            return false;
        }
        let cost = Duration::from_secs(1) / rate;
        let full_at = crate::clock::later(bucket.full_at.max(now), cost);
        let owed = Duration::try_from(full_at.duration_since(now)).unwrap_or(Duration::ZERO);
        let granted = owed <= Duration::from_secs(1);
        if granted {
            bucket.full_at = full_at;
        }
        granted
    }
}

impl State {
    /// Takes one call of this kind from its quota.
    pub(crate) fn charge(
        &mut self,
        now: Timestamp,
        caller: &Caller,
        kind: CallKind,
    ) -> Result<(), ApiError> {
        let quotas = &self.settings.quotas;
        let Some(rate) = quotas.calls_per_second.get(&kind).filter(|_| quotas.enforced) else {
            return Ok(());
        };
        if self.buckets.take(now, caller, kind, *rate) {
            return Ok(());
        }
        let message = format!("Rate exceeded for {}", kind.name());
        Err(ApiError::new(quotas.calls_error.kind(), message))
    }
}

/// Whether one more creation, update or deletion may begin.
pub(super) fn require_slot(settings: &Settings, gateway: &Gateway) -> Result<(), ApiError> {
    let quotas = &settings.quotas;
    if !quotas.enforced || gateway.under_way() < quotas.under_way {
        return Ok(());
    }
    let message = format!(
        "Gateway {} has {} target operations in progress, which is the limit",
        gateway.id,
        gateway.under_way()
    );
    Err(limit(quotas.under_way_error, message))
}

/// Whether one more target fits.
pub(super) fn require_room(settings: &Settings, gateway: &Gateway) -> Result<(), ApiError> {
    let quotas = &settings.quotas;
    if !quotas.enforced || gateway.len() < quotas.targets {
        return Ok(());
    }
    let message =
        format!("Gateway {} has reached the limit of {} targets", gateway.id, quotas.targets);
    Err(limit(quotas.targets_error, message))
}

/// Whether the account may have one more gateway.
pub(super) fn require_gateway_room(settings: &Settings, gateways: usize) -> Result<(), ApiError> {
    let quotas = &settings.quotas;
    if !quotas.enforced || gateways < quotas.gateways {
        return Ok(());
    }
    let message = format!("The account has reached the limit of {} gateways", quotas.gateways);
    Err(ApiError::new(ErrorKind::ServiceQuotaExceeded, message))
}

fn limit(error: LimitError, message: String) -> ApiError {
    ApiError::new(error.kind(), message)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_second_holds_as_many_calls_as_the_rate_says() {
        let caller = Caller { account: "1".into(), region: "r".into() };
        let mut buckets = Buckets::default();
        let mut granted = |milliseconds| {
            let now = Timestamp::from_millisecond(milliseconds).unwrap();
            (0..10).filter(|_| buckets.take(now, &caller, CallKind::GetGatewayTarget, 5)).count()
        };
        assert_eq!(granted(0), 5);
        assert_eq!(granted(199), 0);
        assert_eq!(granted(200), 1);
        assert_eq!(granted(1000), 4);
        assert_eq!(granted(60_000), 5);
    }
}
