//! The service's quotas: off unless enforced, and then as AWS documents them.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::call::CallKind;
use crate::error::ErrorKind;

/// The limits of the service.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default, deny_unknown_fields)]
pub struct Quotas {
    /// Without it none of the limits below counts.
    pub enforced: bool,
    /// Whether a call that is invalid in form uses up its quota.
    pub order: QuotaOrder,
    /// Calls per second and kind, for each account and Region. Kinds that are absent have no
    /// limit. As many can come at once.
    pub calls_per_second: BTreeMap<CallKind, u32>,
    /// What a call beyond its quota gets.
    pub calls_error: LimitError,
    /// Create, Update and Delete under way at once on a gateway.
    pub under_way: usize,
    /// What a call beyond that gets. Nobody knows what AWS answers.
    pub under_way_error: LimitError,
    /// Targets on a gateway.
    pub targets: usize,
    /// What a Create beyond that gets.
    pub targets_error: LimitError,
    /// Gateways of an account.
    pub gateways: usize,
}

impl Default for Quotas {
    fn default() -> Self {
        Self {
            enforced: false,
            order: QuotaOrder::ValidationFirst,
            calls_per_second: BTreeMap::from([
                (CallKind::CreateGatewayTarget, 5),
                (CallKind::UpdateGatewayTarget, 5),
                (CallKind::DeleteGatewayTarget, 5),
                (CallKind::GetGatewayTarget, 10),
                (CallKind::ListGatewayTargets, 10),
            ]),
            calls_error: LimitError::Throttling,
            under_way: 5,
            under_way_error: LimitError::ServiceQuotaExceeded,
            targets: 100,
            targets_error: LimitError::ServiceQuotaExceeded,
            gateways: 1000,
        }
    }
}

impl Quotas {
    /// The limits as AWS documents them.
    #[must_use]
    pub fn documented() -> Self {
        Self { enforced: true, ..Self::default() }
    }
}

/// Which check comes first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum QuotaOrder {
    /// An invalid call costs nothing.
    ValidationFirst,
    /// Every call counts.
    QuotasFirst,
}

/// Which error a limit raises.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum LimitError {
    /// 402
    ServiceQuotaExceeded,
    /// 409
    Conflict,
    /// 429
    Throttling,
}

impl LimitError {
    pub(crate) fn kind(self) -> ErrorKind {
        match self {
            Self::ServiceQuotaExceeded => ErrorKind::ServiceQuotaExceeded,
            Self::Conflict => ErrorKind::Conflict,
            Self::Throttling => ErrorKind::Throttling,
        }
    }
}
