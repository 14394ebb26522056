//! From the SDK's shapes to the terms of the domain.
//!
//! Contract: what an `MCPServer` cannot say makes a target's definition `None`, so that it never
//! passes for what is wanted; what is merely absent or at its default is the default. An answer whose
//! identifiers are of no form that anybody could repeat is no answer.

use std::collections::{BTreeMap, HashMap};

use api::text::{is_unfit, one_line};
use api::{
    Accepted, AddressType, Certificate, Credentials, DEFAULT_PRIORITY, Definition, Failure,
    FailureClass, Grant, KeyLocation, ListingMode, Metadata, PrivateEndpoint, S3Object, Summary,
    Target, TargetId, TargetStatus, ToolSchema,
};
use aws_sdk_bedrockagentcorecontrol::operation::get_gateway_target::GetGatewayTargetOutput;
use aws_sdk_bedrockagentcorecontrol::primitives::DateTime;
use aws_sdk_bedrockagentcorecontrol::types::{
    self, ApiKeyCredentialLocation, AuthorizationData, CertificateConfiguration,
    CredentialProvider, CredentialProviderConfiguration, EndpointIpAddressType,
    McpServerTargetConfiguration, McpTargetConfiguration, McpToolSchemaConfiguration,
    MetadataConfiguration, OAuthGrantType, SelfManagedLatticeResource, TargetConfiguration,
    TargetSummary,
};
use jiff::Timestamp;

use super::errors::UNREADABLE;

/// `asked` is the target that was asked for, where it was there before.
pub(super) fn accepted(
    asked: Option<&TargetId>,
    target: &str,
    gateway_arn: &str,
    status: &types::TargetStatus,
    updated_at: &DateTime,
) -> Result<Accepted, Failure> {
    is_about(asked, target)?;
    tells(!gateway_arn.is_empty())?;
    Ok(Accepted {
        target: TargetId(identifier(target)?),
        gateway_arn: identifier(gateway_arn)?,
        status: target_status(status),
        updated_at: timestamp(updated_at)?,
    })
}

/// AWS adds values at any time; what is no word that it could have added is shown as one.
fn target_status(status: &types::TargetStatus) -> TargetStatus {
    const LONGEST: usize = 64;
    TargetStatus::from(one_line(status.as_str(), LONGEST).as_str())
}

/// The SDK fills in what is missing. What tells no target, or another one, is no answer: what became of the
/// call is not known then.
fn is_about(asked: Option<&TargetId>, target: &str) -> Result<(), Failure> {
    tells(!target.is_empty() && asked.is_none_or(|asked| asked.as_str() == target))
}

fn tells(all: bool) -> Result<(), Failure> {
    let unread = || Failure { class: FailureClass::Server, message: UNREADABLE.to_owned() };
    all.then_some(()).ok_or_else(unread)
}

pub(super) fn summary(item: &TargetSummary) -> Result<Summary, Failure> {
    is_about(None, item.target_id())?;
    Ok(Summary {
        id: TargetId(identifier(item.target_id())?),
        name: identifier(item.name())?,
        status: target_status(item.status()),
        description: item.description().map(str::to_owned),
        created_at: timestamp(item.created_at())?,
        updated_at: timestamp(item.updated_at())?,
        last_synchronized_at: item.last_synchronized_at().map(timestamp).transpose()?,
        authorization_url: item.authorization_data().and_then(authorization_url),
    })
}

pub(super) fn target(asked: &TargetId, answer: GetGatewayTargetOutput) -> Result<Target, Failure> {
    is_about(Some(asked), &answer.target_id)?;
    let definition = definition(&answer);
    let authorization_url = answer.authorization_data().and_then(authorization_url);
    Ok(Target {
        summary: Summary {
            id: TargetId(identifier(&answer.target_id)?),
            name: identifier(&answer.name)?,
            status: target_status(&answer.status),
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
        gateway_arn: identifier(&answer.gateway_arn)?,
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
    let credentials = match answer.credential_provider_configurations() {
        [] => None,
        [one] => Some(credentials(one, answer.gateway_arn())?),
        _ => return None,
    };
    let certificate = match answer.certificate_configurations() {
        [] => None,
        [one] => Some(certificate(one)?),
        _ => return None,
    };
    Some(Definition {
        description: answer.description().filter(|text| !text.is_empty()).map(str::to_owned),
        credentials,
        metadata: metadata(answer.metadata_configuration()),
        listing: listing(server)?,
        tools: server.mcp_tool_schema().map(tools).transpose().ok()?,
        priority: server
            .resource_priority()
            .map_or(Some(DEFAULT_PRIORITY), |priority| u16::try_from(priority).ok())?,
        private_endpoint: answer.private_endpoint().map(private_endpoint).transpose().ok()?,
        certificate,
        ..Definition::new(answer.name(), server.endpoint())
    })
}

/// Something that an `MCPServer` cannot say.
struct Unsayable;

fn listing(server: &McpServerTargetConfiguration) -> Option<ListingMode> {
    match server.listing_mode() {
        None | Some(types::ListingMode::Default) => Some(ListingMode::Default),
        Some(types::ListingMode::Dynamic) => Some(ListingMode::Dynamic),
        Some(_) => None,
    }
}

fn tools(schema: &McpToolSchemaConfiguration) -> Result<ToolSchema, Unsayable> {
    match schema {
        McpToolSchemaConfiguration::InlinePayload(text) => Ok(ToolSchema::Inline(text.clone())),
        McpToolSchemaConfiguration::S3(object) => Ok(ToolSchema::S3(S3Object {
            uri: object.uri().unwrap_or_default().to_owned(),
            owner: object.bucket_owner_account_id().map(str::to_owned),
        })),
        _ => Err(Unsayable),
    }
}

fn credentials(
    configuration: &CredentialProviderConfiguration,
    gateway_arn: &str,
) -> Option<Credentials> {
    match configuration.credential_provider()? {
        CredentialProvider::OauthCredentialProvider(provider) => Some(Credentials::OAuth {
            provider_arn: provider.provider_arn().to_owned(),
            scopes: provider.scopes().to_vec(),
            grant: match provider.grant_type() {
                OAuthGrantType::ClientCredentials => Grant::ClientCredentials,
                OAuthGrantType::AuthorizationCode => Grant::AuthorizationCode,
                OAuthGrantType::TokenExchange => Grant::TokenExchange,
                _ => return None,
            },
            custom_parameters: ordered(provider.custom_parameters()),
            return_url: filled(provider.default_return_url()),
        }),
        CredentialProvider::IamCredentialProvider(provider) => Some(Credentials::Iam {
            service: provider.service().to_owned(),
            // What is absent is the gateway's own (AWS service model): `arn:aws:…:REGION:…`.
            region: filled(provider.region()).or_else(|| filled(gateway_arn.split(':').nth(3))),
        }),
        CredentialProvider::ApiKeyCredentialProvider(provider) => Some(Credentials::ApiKey {
            provider_arn: provider.provider_arn().to_owned(),
            parameter_name: filled(provider.credential_parameter_name()),
            prefix: filled(provider.credential_prefix()),
            location: match provider.credential_location() {
                None | Some(ApiKeyCredentialLocation::Header) => KeyLocation::Header,
                Some(ApiKeyCredentialLocation::QueryParameter) => KeyLocation::QueryParameter,
                Some(_) => return None,
            },
        }),
        _ => None,
    }
}

fn metadata(metadata: Option<&MetadataConfiguration>) -> Metadata {
    let list = |pick: fn(&MetadataConfiguration) -> &[String]| {
        metadata.map(|metadata| pick(metadata).to_vec()).unwrap_or_default()
    };
    Metadata {
        request_headers: list(MetadataConfiguration::allowed_request_headers),
        query_parameters: list(MetadataConfiguration::allowed_query_parameters),
        response_headers: list(MetadataConfiguration::allowed_response_headers),
    }
}

fn private_endpoint(endpoint: &types::PrivateEndpoint) -> Result<PrivateEndpoint, Unsayable> {
    match endpoint {
        types::PrivateEndpoint::SelfManagedLatticeResource(
            SelfManagedLatticeResource::ResourceConfigurationIdentifier(id),
        ) => Ok(PrivateEndpoint::ResourceConfiguration(id.clone())),
        types::PrivateEndpoint::ManagedVpcResource(vpc) => Ok(PrivateEndpoint::ManagedVpc {
            vpc: vpc.vpc_identifier().to_owned(),
            subnets: vpc.subnet_ids().to_vec(),
            security_groups: vpc.security_group_ids().to_vec(),
            addresses: match vpc.endpoint_ip_address_type() {
                EndpointIpAddressType::Ipv4 => AddressType::Ipv4,
                EndpointIpAddressType::Ipv6 => AddressType::Ipv6,
                _ => return Err(Unsayable),
            },
            tags: ordered(vpc.tags()),
            routing_domain: filled(vpc.routing_domain()),
        }),
        _ => Err(Unsayable),
    }
}

fn certificate(configuration: &CertificateConfiguration) -> Option<Certificate> {
    match configuration {
        CertificateConfiguration::S3(object) => Some(Certificate::S3(S3Object {
            uri: object.uri().to_owned(),
            owner: object.bucket_owner_account_id().map(str::to_owned),
        })),
        CertificateConfiguration::SecretsManager(secret) => {
            Some(Certificate::SecretsManager(secret.secret_arn().to_owned()))
        }
        _ => None,
    }
}

fn filled(text: Option<&str>) -> Option<String> {
    text.filter(|text| !text.is_empty()).map(str::to_owned)
}

fn ordered(map: Option<&HashMap<String, String>>) -> BTreeMap<String, String> {
    map.into_iter().flatten().map(|(name, value)| (name.clone(), value.clone())).collect()
}

fn authorization_url(data: &AuthorizationData) -> Option<String> {
    data.as_oauth2().ok().map(|oauth2| oauth2.authorization_url().to_owned())
}

/// An ID, a name or an ARN: it is recorded, compared and sent again, so it is taken as it is or not at all.
pub(super) fn identifier(text: &str) -> Result<String, Failure> {
    const LONGEST: usize = 2048;
    if text.len() > LONGEST || text.contains(is_unfit) {
        let shown = one_line(text, 64);
        return Err(Failure {
            class: FailureClass::Server,
            message: format!("AWS gave an identifier that cannot be one: {shown}"),
        });
    }
    Ok(text.to_owned())
}

fn timestamp(time: &DateTime) -> Result<Timestamp, Failure> {
    Timestamp::from_nanosecond(time.as_nanos()).map_err(|_| Failure {
        class: FailureClass::Server,
        message: format!("AWS gave a time that no calendar has: {time}"),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_identifier_is_taken_as_it_is_or_not_at_all() {
        let arn = "arn:aws:bedrock-agentcore:us-east-1:123456789012:gateway/weather-a1b2c3d4e5";
        assert_eq!(identifier(arn).as_deref(), Ok(arn));
        assert_eq!(identifier("").as_deref(), Ok(""));
        for bad in ["a\nb", "a\u{1b}[2J", "\u{202e}a", "\u{2028}", &"x".repeat(2049)] {
            let failure = identifier(bad).unwrap_err();
            assert_eq!(failure.class, FailureClass::Server);
            assert!(failure.message.chars().count() < 128, "{}", failure.message);
            assert!(!failure.message.contains(is_unfit), "{:?}", failure.message);
        }
    }
}
