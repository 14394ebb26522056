//! From the terms of the domain to the SDK's shapes.
//!
//! Contract: an Update replaces everything, so all that is wanted is always sent; what is not wanted
//! is left out, which clears it.

use api::{
    AddressType, Certificate, Credentials, DEFAULT_PRIORITY, Definition, Failure, FailureClass,
    Grant, KeyLocation, ListingMode, Metadata, PrivateEndpoint, S3Object, ToolSchema,
};
use aws_sdk_bedrockagentcorecontrol::error::BuildError;
use aws_sdk_bedrockagentcorecontrol::types::{
    self, ApiKeyCredentialLocation, CertificateConfiguration, CredentialProvider,
    CredentialProviderConfiguration, CredentialProviderType, EndpointIpAddressType,
    GatewayApiKeyCredentialProvider, IamCredentialProvider, ManagedVpcResource,
    McpServerTargetConfiguration, McpTargetConfiguration, McpToolSchemaConfiguration,
    MetadataConfiguration, OAuthCredentialProvider, OAuthGrantType, S3CertificateConfiguration,
    S3Configuration, SecretsManagerCertificateConfiguration, SelfManagedLatticeResource,
    TargetConfiguration,
};

/// A definition in the SDK's shapes, ready to be sent with a Create or an Update.
pub(super) struct Outgoing {
    pub(super) target: TargetConfiguration,
    pub(super) credentials: Option<Vec<CredentialProviderConfiguration>>,
    pub(super) metadata: Option<MetadataConfiguration>,
    pub(super) private_endpoint: Option<types::PrivateEndpoint>,
    pub(super) certificates: Option<Vec<CertificateConfiguration>>,
}

impl Outgoing {
    /// The definition as it goes out.
    ///
    /// # Errors
    ///
    /// A member that AWS requires is missing; validation lets none through.
    pub(super) fn from(definition: &Definition) -> Result<Self, Failure> {
        let invalid = |error: BuildError| Failure {
            class: FailureClass::Invalid,
            message: error.to_string(),
        };
        Self::build(definition).map_err(invalid)
    }

    fn build(definition: &Definition) -> Result<Self, BuildError> {
        let credentials = definition.credentials.as_ref().map(provider).transpose()?;
        let certificate = definition.certificate.as_ref().map(authority).transpose()?;
        Ok(Self {
            target: server(definition)?,
            credentials: credentials.map(|one| vec![one]),
            metadata: metadata(&definition.metadata),
            private_endpoint: definition
                .private_endpoint
                .as_ref()
                .map(private_endpoint)
                .transpose()?,
            certificates: certificate.map(|one| vec![one]),
        })
    }
}

fn server(definition: &Definition) -> Result<TargetConfiguration, BuildError> {
    let listing = match definition.listing {
        ListingMode::Default => None,
        ListingMode::Dynamic => Some(types::ListingMode::Dynamic),
    };
    let priority = definition.priority;
    let server = McpServerTargetConfiguration::builder()
        .endpoint(&definition.endpoint)
        .set_listing_mode(listing)
        .set_mcp_tool_schema(definition.tools.as_ref().map(tools))
        .set_resource_priority((priority != DEFAULT_PRIORITY).then_some(i32::from(priority)))
        .build()?;
    Ok(TargetConfiguration::Mcp(McpTargetConfiguration::McpServer(server)))
}

fn tools(tools: &ToolSchema) -> McpToolSchemaConfiguration {
    match tools {
        ToolSchema::Inline(text) => McpToolSchemaConfiguration::InlinePayload(text.clone()),
        ToolSchema::S3(S3Object { uri, owner }) => McpToolSchemaConfiguration::S3(
            S3Configuration::builder().uri(uri).set_bucket_owner_account_id(owner.clone()).build(),
        ),
    }
}

fn provider(credentials: &Credentials) -> Result<CredentialProviderConfiguration, BuildError> {
    let (kind, provider) = match credentials {
        Credentials::OAuth { provider_arn, scopes, grant, custom_parameters, return_url } => {
            let parameters = custom_parameters.iter();
            let parameters = parameters.map(|(name, value)| (name.clone(), value.clone()));
            let provider = OAuthCredentialProvider::builder()
                .provider_arn(provider_arn)
                .set_scopes(Some(scopes.clone()))
                .grant_type(match grant {
                    Grant::ClientCredentials => OAuthGrantType::ClientCredentials,
                    Grant::AuthorizationCode => OAuthGrantType::AuthorizationCode,
                    Grant::TokenExchange => OAuthGrantType::TokenExchange,
                })
                .set_custom_parameters(
                    (!custom_parameters.is_empty()).then(|| parameters.collect()),
                )
                .set_default_return_url(return_url.clone())
                .build()?;
            (CredentialProviderType::Oauth, CredentialProvider::OauthCredentialProvider(provider))
        }
        Credentials::Iam { service, region } => {
            let provider = IamCredentialProvider::builder()
                .service(service)
                .set_region(region.clone())
                .build()?;
            let kind = CredentialProviderType::GatewayIamRole;
            (kind, CredentialProvider::IamCredentialProvider(provider))
        }
        Credentials::ApiKey { provider_arn, parameter_name, prefix, location } => {
            let provider = GatewayApiKeyCredentialProvider::builder()
                .provider_arn(provider_arn)
                .set_credential_parameter_name(parameter_name.clone())
                .set_credential_prefix(prefix.clone())
                .credential_location(match location {
                    KeyLocation::Header => ApiKeyCredentialLocation::Header,
                    KeyLocation::QueryParameter => ApiKeyCredentialLocation::QueryParameter,
                })
                .build()?;
            (CredentialProviderType::ApiKey, CredentialProvider::ApiKeyCredentialProvider(provider))
        }
    };
    CredentialProviderConfiguration::builder()
        .credential_provider_type(kind)
        .credential_provider(provider)
        .build()
}

/// Empty lists are left out: AWS takes 1 to 10 entries.
fn metadata(metadata: &Metadata) -> Option<MetadataConfiguration> {
    let Metadata { request_headers, query_parameters, response_headers } = metadata;
    (!metadata.is_empty()).then(|| {
        MetadataConfiguration::builder()
            .set_allowed_request_headers(filled(request_headers))
            .set_allowed_query_parameters(filled(query_parameters))
            .set_allowed_response_headers(filled(response_headers))
            .build()
    })
}

fn private_endpoint(endpoint: &PrivateEndpoint) -> Result<types::PrivateEndpoint, BuildError> {
    Ok(match endpoint {
        PrivateEndpoint::ResourceConfiguration(id) => {
            let resource = SelfManagedLatticeResource::ResourceConfigurationIdentifier(id.clone());
            types::PrivateEndpoint::SelfManagedLatticeResource(resource)
        }
        PrivateEndpoint::ManagedVpc {
            vpc,
            subnets,
            security_groups,
            addresses,
            tags,
            routing_domain,
        } => {
            let pairs = tags.iter().map(|(name, value)| (name.clone(), value.clone()));
            let resource = ManagedVpcResource::builder()
                .vpc_identifier(vpc)
                .set_subnet_ids(Some(subnets.clone()))
                .set_security_group_ids(filled(security_groups))
                .endpoint_ip_address_type(match addresses {
                    AddressType::Ipv4 => EndpointIpAddressType::Ipv4,
                    AddressType::Ipv6 => EndpointIpAddressType::Ipv6,
                })
                .set_tags((!tags.is_empty()).then(|| pairs.collect()))
                .set_routing_domain(routing_domain.clone())
                .build()?;
            types::PrivateEndpoint::ManagedVpcResource(resource)
        }
    })
}

fn authority(certificate: &Certificate) -> Result<CertificateConfiguration, BuildError> {
    Ok(match certificate {
        Certificate::S3(S3Object { uri, owner }) => CertificateConfiguration::S3(
            S3CertificateConfiguration::builder()
                .uri(uri)
                .set_bucket_owner_account_id(owner.clone())
                .build()?,
        ),
        Certificate::SecretsManager(arn) => CertificateConfiguration::SecretsManager(
            SecretsManagerCertificateConfiguration::builder().secret_arn(arn).build()?,
        ),
    })
}

fn filled(list: &[String]) -> Option<Vec<String>> {
    (!list.is_empty()).then(|| list.to_vec())
}
