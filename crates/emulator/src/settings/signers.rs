//! Who may sign, and what the stand-ins for STS and EKS hand out.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::words;
use crate::spread::{optional_span, span};

/// An account, with what belongs to it from the start.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Account {
    /// Twelve digits.
    #[serde(deserialize_with = "words::account")]
    pub id: String,
    /// IDs of its gateways.
    #[serde(default, deserialize_with = "words::gateways")]
    pub gateways: Vec<String>,
    /// The access keys that belong to it.
    #[serde(default)]
    pub access_keys: Vec<AccessKey>,
}

/// An access key.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AccessKey {
    /// As in the credential scope of a signature.
    pub id: String,
    /// With it the signatures of this key are verified.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub secret: Option<String>,
}

/// What is asked of a request's signature, beyond that there is one for the right service.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default, deny_unknown_fields)]
pub struct Signatures {
    /// Refuse access keys that are neither configured nor issued here.
    pub known_keys_only: bool,
    /// The only Region that requests may be signed for, as an endpoint of AWS has one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub region: Option<String>,
    /// Refuse requests whose `x-amz-date` is older or newer than this.
    #[serde(with = "optional_span", skip_serializing_if = "Option::is_none")]
    pub window: Option<Duration>,
}

/// The credentials that `AssumeRoleWithWebIdentity` and the container endpoint hand out.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default, deny_unknown_fields)]
pub struct Issuing {
    /// How long they work.
    #[serde(with = "span")]
    pub lifetime: Duration,
    /// The only web identity token that is taken; without it, any that has not expired.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub web_identity_token: Option<String>,
    /// The only role that can be assumed; without it, any.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub role_arn: Option<String>,
    /// The only authorization token that the container endpoint takes; without it, any.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub container_token: Option<String>,
}

impl Default for Issuing {
    fn default() -> Self {
        Self {
            lifetime: Duration::from_hours(1),
            web_identity_token: None,
            role_arn: None,
            container_token: None,
        }
    }
}
