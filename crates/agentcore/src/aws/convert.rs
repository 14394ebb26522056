//! Between the SDK's shapes and the terms of the domain.
//!
//! Contract: what an `MCPServer` cannot say makes a target's definition `None`, so that it never
//! passes for what is wanted; what is merely absent or at its default is the default.

use api::{
    Accepted, Credentials, Definition, Failure, FailureClass, Grant, Metadata, Summary, Target,
    TargetId, TargetStatus,
};
use aws_sdk_bedrockagentcorecontrol::error::BuildError;
use aws_sdk_bedrockagentcorecontrol::operation::get_gateway_target::GetGatewayTargetOutput;
use aws_sdk_bedrockagentcorecontrol::primitives::DateTime;
use aws_sdk_bedrockagentcorecontrol::types::{
    self, AuthorizationData, CredentialProvider, CredentialProviderConfiguration,
    CredentialProviderType, ListingMode, McpServerTargetConfiguration, McpTargetConfiguration,
    MetadataConfiguration, OAuthCredentialProvider, OAuthGrantType, TargetConfiguration,
    TargetSummary,
};
use jiff::Timestamp;

/// The priority that AWS takes when none is given (AWS service model).
const DEFAULT_RESOURCE_PRIORITY: i32 = 1000;

pub(super) fn target_configuration(
    definition: &Definition,
) -> Result<TargetConfiguration, Failure> {
    let server = McpServerTargetConfiguration::builder()
        .endpoint(&definition.endpoint)
        .build()
        .map_err(unbuildable)?;
    Ok(TargetConfiguration::Mcp(McpTargetConfiguration::McpServer(server)))
}

pub(super) fn credentials(
    definition: &Definition,
) -> Result<Option<Vec<CredentialProviderConfiguration>>, Failure> {
    let Some(Credentials::OAuth { provider_arn, scopes, grant }) = &definition.credentials else {
        return Ok(None);
    };
    let provider = OAuthCredentialProvider::builder()
        .provider_arn(provider_arn)
        .set_scopes(Some(scopes.clone()))
        .grant_type(match grant {
            Grant::ClientCredentials => OAuthGrantType::ClientCredentials,
        })
        .build()
        .map_err(unbuildable)?;
    let configuration = CredentialProviderConfiguration::builder()
        .credential_provider_type(CredentialProviderType::Oauth)
        .credential_provider(CredentialProvider::OauthCredentialProvider(provider))
        .build()
        .map_err(unbuildable)?;
    Ok(Some(vec![configuration]))
}

/// Empty lists are left out: AWS takes 1 to 10 entries.
pub(super) fn metadata(definition: &Definition) -> Option<MetadataConfiguration> {
    let Metadata { request_headers, query_parameters, response_headers } = &definition.metadata;
    let filled = |list: &Vec<String>| (!list.is_empty()).then(|| list.clone());
    (!definition.metadata.is_empty()).then(|| {
        MetadataConfiguration::builder()
            .set_allowed_request_headers(filled(request_headers))
            .set_allowed_query_parameters(filled(query_parameters))
            .set_allowed_response_headers(filled(response_headers))
            .build()
    })
}

pub(super) fn accepted(
    target: &str,
    gateway_arn: &str,
    status: &types::TargetStatus,
    updated_at: &DateTime,
) -> Result<Accepted, Failure> {
    Ok(Accepted {
        target: TargetId::from(target),
        gateway_arn: gateway_arn.to_owned(),
        status: TargetStatus::from(status.as_str()),
        updated_at: timestamp(updated_at)?,
    })
}

pub(super) fn summary(item: &TargetSummary) -> Result<Summary, Failure> {
    Ok(Summary {
        id: TargetId::from(item.target_id()),
        name: item.name().to_owned(),
        status: TargetStatus::from(item.status().as_str()),
        description: item.description().map(str::to_owned),
        created_at: timestamp(item.created_at())?,
        updated_at: timestamp(item.updated_at())?,
        last_synchronized_at: item.last_synchronized_at().map(timestamp).transpose()?,
        authorization_url: item.authorization_data().and_then(authorization_url),
    })
}

pub(super) fn target(answer: GetGatewayTargetOutput) -> Result<Target, Failure> {
    let definition = definition(&answer);
    let authorization_url = answer.authorization_data().and_then(authorization_url);
    Ok(Target {
        summary: Summary {
            id: TargetId(answer.target_id),
            name: answer.name,
            status: TargetStatus::from(answer.status.as_str()),
            description: answer.description,
            created_at: timestamp(&answer.created_at)?,
            updated_at: timestamp(&answer.updated_at)?,
            last_synchronized_at: answer
                .last_synchronized_at
                .as_ref()
                .map(timestamp)
                .transpose()?,
            authorization_url,
        },
        gateway_arn: answer.gateway_arn,
        status_reasons: answer.status_reasons.unwrap_or_default(),
        definition,
    })
}

/// The configuration, if an `MCPServer` can say it.
fn definition(answer: &GetGatewayTargetOutput) -> Option<Definition> {
    let Some(TargetConfiguration::Mcp(McpTargetConfiguration::McpServer(server))) =
        answer.target_configuration()
    else {
        return None;
    };
    let plain = server.mcp_tool_schema().is_none()
        && server.listing_mode().is_none_or(|mode| *mode == ListingMode::Default)
        && server.resource_priority().is_none_or(|priority| priority == DEFAULT_RESOURCE_PRIORITY)
        && answer.private_endpoint().is_none()
        && answer.certificate_configurations().is_empty();
    if !plain {
        return None;
    }
    let credentials = match answer.credential_provider_configurations() {
        [] => None,
        [one] => Some(oauth(one)?),
        _ => return None,
    };
    let metadata = answer.metadata_configuration();
    let list = |pick: fn(&MetadataConfiguration) -> &[String]| {
        metadata.map(|metadata| pick(metadata).to_vec()).unwrap_or_default()
    };
    Some(Definition {
        name: answer.name().to_owned(),
        description: answer.description().filter(|text| !text.is_empty()).map(str::to_owned),
        endpoint: server.endpoint().to_owned(),
        credentials,
        metadata: Metadata {
            request_headers: list(MetadataConfiguration::allowed_request_headers),
            query_parameters: list(MetadataConfiguration::allowed_query_parameters),
            response_headers: list(MetadataConfiguration::allowed_response_headers),
        },
    })
}

fn oauth(configuration: &CredentialProviderConfiguration) -> Option<Credentials> {
    let Some(CredentialProvider::OauthCredentialProvider(provider)) =
        configuration.credential_provider()
    else {
        return None;
    };
    let plain = provider.custom_parameters().is_none_or(std::collections::HashMap::is_empty)
        && provider.default_return_url().is_none();
    let grant = match provider.grant_type() {
        OAuthGrantType::ClientCredentials => Some(Grant::ClientCredentials),
        _ => None,
    };
    grant.filter(|_| plain).map(|grant| Credentials::OAuth {
        provider_arn: provider.provider_arn().to_owned(),
        scopes: provider.scopes().to_vec(),
        grant,
    })
}

fn authorization_url(data: &AuthorizationData) -> Option<String> {
    data.as_oauth2().ok().map(|oauth2| oauth2.authorization_url().to_owned())
}

fn timestamp(time: &DateTime) -> Result<Timestamp, Failure> {
    Timestamp::from_nanosecond(time.as_nanos()).map_err(|_| Failure {
        class: FailureClass::Server,
        message: format!("AWS gave a time that no calendar has: {time}"),
    })
}

/// A request that lacks a required member; validation lets none through.
#[allow(clippy::needless_pass_by_value)]
fn unbuildable(error: BuildError) -> Failure {
    Failure { class: FailureClass::Invalid, message: error.to_string() }
}
