//! What the service asks of a target beyond the form of its members: which credentials go with
//! what, and which headers can be passed on.
//!
//! Where documentation speaks, it is the documentation's rule; the settings' variants decide where
//! it contradicts field reports.

use serde_json::Value;

use super::gateway::Gateway;
use super::headers;
use crate::error::{ApiError, FieldError, Reason};
use crate::settings::{Variants, Verdict};
use crate::target::TargetSpec;

const CREDENTIALS: &str = "credentialProviderConfigurations[0]";

/// Refuses what the service would refuse; all reasons at once.
pub(super) fn admit(
    gateway: &Gateway,
    spec: &TargetSpec,
    variants: Variants,
) -> Result<(), ApiError> {
    let mut fields = Vec::new();
    let mut refuse = |name: &str, message: &str| {
        fields.push(FieldError { name: name.to_owned(), message: message.to_owned() });
    };
    if let Some(metadata) = &spec.metadata_configuration {
        headers::check(metadata, &mut refuse);
    }
    if let Some(entry) = spec.credentials() {
        let is_mcp_server = spec.target_configuration["mcp"].get("mcpServer").is_some();
        check_credentials(entry, is_mcp_server, variants, &mut refuse);
        check_provider(entry, gateway, variants, &mut refuse);
    }
    if spec.needs_consent() {
        if spec.listing_mode() == Some("DYNAMIC") {
            let message = "DYNAMIC listing cannot be used with the AUTHORIZATION_CODE grant type";
            refuse("targetConfiguration.mcp.mcpServer.listingMode", message);
        }
        let authorizer = gateway.member("authorizerType").and_then(Value::as_str);
        if matches!(authorizer, Some("AWS_IAM" | "NONE")) {
            let message =
                "The AUTHORIZATION_CODE grant type needs a gateway with JWT authorization";
            refuse(&format!("{CREDENTIALS}.credentialProvider"), message);
        }
    }
    if fields.is_empty() {
        return Ok(());
    }
    Err(ApiError::fields(Reason::FieldValidationFailed, fields))
}

/// The type says which provider there has to be.
fn check_credentials(
    entry: &Value,
    is_mcp_server: bool,
    variants: Variants,
    refuse: &mut impl FnMut(&str, &str),
) {
    let kind = entry["credentialProviderType"].as_str().unwrap_or_default();
    let provider = entry.get("credentialProvider");
    let has = |name: &str| provider.is_some_and(|provider| provider.get(name).is_some());
    let member = format!("{CREDENTIALS}.credentialProvider");
    match kind {
        "OAUTH" if !has("oauthCredentialProvider") => {
            refuse(&member, "The type OAUTH needs an oauthCredentialProvider");
        }
        "API_KEY" if !has("apiKeyCredentialProvider") => {
            refuse(&member, "The type API_KEY needs an apiKeyCredentialProvider");
        }
        "API_KEY" if is_mcp_server && variants.api_key == Verdict::Refused => {
            let message = "The type API_KEY is not supported for MCP server targets";
            refuse(&format!("{CREDENTIALS}.credentialProviderType"), message);
        }
        "GATEWAY_IAM_ROLE" if is_mcp_server && !has("iamCredentialProvider") => {
            refuse(&member, "The type GATEWAY_IAM_ROLE needs an iamCredentialProvider");
        }
        "GATEWAY_IAM_ROLE" if has("oauthCredentialProvider") || has("apiKeyCredentialProvider") => {
            refuse(&member, "The type GATEWAY_IAM_ROLE takes an iamCredentialProvider only");
        }
        "CALLER_IAM_CREDENTIALS" | "JWT_PASSTHROUGH" if is_mcp_server => {
            let message = format!("The type {kind} is not supported for MCP server targets");
            refuse(&format!("{CREDENTIALS}.credentialProviderType"), &message);
        }
        _ => {}
    }
}

/// A provider has to be in the account and the Region of the gateway.
fn check_provider(
    entry: &Value,
    gateway: &Gateway,
    variants: Variants,
    refuse: &mut impl FnMut(&str, &str),
) {
    if variants.foreign_credential_provider == Verdict::Accepted {
        return;
    }
    let Some(Value::Object(provider)) = entry.get("credentialProvider") else { return };
    for (kind, provider) in provider {
        let Some(arn) = provider.get("providerArn").and_then(Value::as_str) else { continue };
        let mut parts = arn.splitn(6, ':').skip(3);
        let (region, account) = (parts.next(), parts.next());
        let is_here = account == Some(gateway.account())
            && gateway.region().is_none_or(|home| region == Some(home));
        if !is_here {
            refuse(
                &format!("{CREDENTIALS}.credentialProvider.{kind}.providerArn"),
                "The credential provider must be in the account and Region of the gateway",
            );
        }
    }
}
