//! The request bodies of the calls about targets, as the AWS service model has them.

use super::Shape::{Enum, Integer, Map, Structure, Text as T, Union};
use super::http_targets::{HTTP, INFERENCE};
use super::network::{CERTIFICATES, PRIVATE_ENDPOINT};
use super::{ANY_TEXT, BOOLEAN, Shape, Text, optional, required};
use crate::call::CallKind;

pub(crate) use super::gateway::CREATE_GATEWAY;

/// `gatewayIdentifier` in paths.
pub(crate) const GATEWAY_ID: Text = Text::pattern("([0-9a-z][-]?){1,100}-[0-9a-z]{10}");
/// `targetId` in paths and in `targetIdList`.
pub(crate) const TARGET_ID: Text = Text::pattern("[0-9a-zA-Z]{10}");
/// `nextToken` in queries.
pub(crate) const NEXT_TOKEN: Text = Text::length(1, 2048).and_pattern("\\S*");

pub(super) static DESCRIPTION: Shape = T(Text::length(1, 200));
pub(super) static CLIENT_TOKEN: Shape =
    T(Text::length(33, 256).and_pattern("[a-zA-Z0-9](-*[a-zA-Z0-9]){0,256}"));
static TARGET_NAME: Shape = T(Text::pattern("([0-9a-zA-Z][-]?){1,100}"));
pub(super) static LAMBDA_ARN: Shape = T(Text::length(1, 170).and_pattern(concat!(
    "arn:(aws[a-zA-Z-]*)?:lambda:([a-z]{2}(-gov)?-[a-z]+-\\d{1}):(\\d{12}):function:",
    "([a-zA-Z0-9-_.]+)(:(\\$LATEST|[a-zA-Z0-9-_]+))?"
)));
static PROVIDER_ARN: Shape = T(Text::pattern("arn:([^:]*):([^:]*):([^:]*):([0-9]{12})?:(.+)"));
static TARGET_IDENTIFIER: Shape = T(TARGET_ID);

pub(super) static S3: Shape = Structure(&[
    optional("uri", &T(Text::pattern("s3://.{1,2043}"))),
    optional("bucketOwnerAccountId", &T(Text::pattern("[0-9]{12}"))),
]);

/// A schema in a bucket or in the request.
pub(super) static API_SCHEMA: Shape =
    Union(&[optional("s3", &S3), optional("inlinePayload", &ANY_TEXT)]);

/// The part of JSON Schema that tools of a Lambda function are described in; it nests.
static SCHEMA: Shape = Structure(&[
    required("type", &Enum(&["string", "number", "object", "array", "boolean", "integer"])),
    optional("properties", &Map { min: 0, max: super::NO_LIMIT, key: &ANY_TEXT, value: &SCHEMA }),
    optional("required", &Shape::list_of(&ANY_TEXT)),
    optional("items", &SCHEMA),
    optional("description", &ANY_TEXT),
]);

static TOOL: Shape = Structure(&[
    required("name", &ANY_TEXT),
    required("description", &ANY_TEXT),
    required("inputSchema", &SCHEMA),
    optional("outputSchema", &SCHEMA),
]);

static LAMBDA: Shape = Structure(&[
    required("lambdaArn", &LAMBDA_ARN),
    required(
        "toolSchema",
        &Union(&[optional("s3", &S3), optional("inlinePayload", &Shape::list_of(&TOOL))]),
    ),
]);

static MCP_SERVER: Shape = Structure(&[
    required("endpoint", &T(Text::pattern("https://.*"))),
    optional("mcpToolSchema", &API_SCHEMA),
    optional("listingMode", &Enum(&["DEFAULT", "DYNAMIC"])),
    optional("resourcePriority", &Integer { min: 0, max: 1000 }),
]);

static REST_METHOD: Shape = Enum(&["GET", "DELETE", "HEAD", "OPTIONS", "PATCH", "PUT", "POST"]);

static TOOL_OVERRIDE: Shape = Structure(&[
    required("name", &ANY_TEXT),
    optional("description", &ANY_TEXT),
    required("path", &ANY_TEXT),
    required("method", &REST_METHOD),
]);

static TOOL_FILTER: Shape = Structure(&[
    required("filterPath", &ANY_TEXT),
    required("methods", &Shape::list_of(&REST_METHOD)),
]);

static API_GATEWAY: Shape = Structure(&[
    required("restApiId", &ANY_TEXT),
    required("stage", &ANY_TEXT),
    required(
        "apiGatewayToolConfiguration",
        &Structure(&[
            optional("toolOverrides", &Shape::list_of(&TOOL_OVERRIDE)),
            required("toolFilters", &Shape::list_of(&TOOL_FILTER)),
        ]),
    ),
]);

static PARAMETER_OVERRIDE: Shape = Structure(&[
    required("path", &ANY_TEXT),
    optional("description", &ANY_TEXT),
    optional("visible", &BOOLEAN),
]);

static CONNECTOR_CONFIGURATION: Shape = Structure(&[
    required("name", &T(Text::length(0, 64).and_pattern("[a-zA-Z][a-zA-Z0-9_-]*"))),
    optional("description", &T(Text::length(0, 2000))),
    optional("parameterValues", &Shape::Document),
    optional("parameterOverrides", &Shape::list_of(&PARAMETER_OVERRIDE)),
]);

static CONNECTOR: Shape = Structure(&[
    required(
        "source",
        &Structure(&[
            required("connectorId", &T(Text::length(1, 256))),
            optional(
                "version",
                &T(Text::length(5, 32)
                    .and_pattern("(?:0|[1-9]\\d*)\\.(?:0|[1-9]\\d*)\\.(?:0|[1-9]\\d*)")),
            ),
        ]),
    ),
    optional("enabled", &Shape::list(1, 50, &ANY_TEXT)),
    optional("configurations", &Shape::list_of(&CONNECTOR_CONFIGURATION)),
]);

static TARGET_CONFIGURATION: Shape = Union(&[
    optional(
        "mcp",
        &Union(&[
            optional("openApiSchema", &API_SCHEMA),
            optional("smithyModel", &API_SCHEMA),
            optional("lambda", &LAMBDA),
            optional("mcpServer", &MCP_SERVER),
            optional("apiGateway", &API_GATEWAY),
            optional("connector", &CONNECTOR),
        ]),
    ),
    optional("http", &HTTP),
    optional("inference", &INFERENCE),
]);

static OAUTH: Shape = Structure(&[
    required("providerArn", &PROVIDER_ARN),
    required("scopes", &Shape::list(0, 100, &T(Text::length(1, 64)))),
    optional(
        "customParameters",
        &Map { min: 1, max: 10, key: &T(Text::length(1, 256)), value: &T(Text::length(1, 2048)) },
    ),
    optional("grantType", &Enum(&["CLIENT_CREDENTIALS", "AUTHORIZATION_CODE", "TOKEN_EXCHANGE"])),
    optional("defaultReturnUrl", &T(Text::length(1, 2048).and_pattern("\\w+:(\\/?\\/?)[^\\s]+"))),
]);

static API_KEY: Shape = Structure(&[
    required("providerArn", &PROVIDER_ARN),
    optional("credentialParameterName", &T(Text::length(1, 64))),
    optional("credentialPrefix", &T(Text::length(1, 64))),
    optional("credentialLocation", &Enum(&["HEADER", "QUERY_PARAMETER"])),
]);

static IAM: Shape = Structure(&[
    required("service", &T(Text::length(1, 64).and_pattern("[a-zA-Z0-9._-]+"))),
    optional("region", &T(Text::length(1, 32).and_pattern("[a-zA-Z0-9-]+"))),
]);

static CREDENTIAL_PROVIDER: Shape = Structure(&[
    required(
        "credentialProviderType",
        &Enum(&[
            "GATEWAY_IAM_ROLE",
            "OAUTH",
            "API_KEY",
            "CALLER_IAM_CREDENTIALS",
            "JWT_PASSTHROUGH",
        ]),
    ),
    optional(
        "credentialProvider",
        &Union(&[
            optional("oauthCredentialProvider", &OAUTH),
            optional("apiKeyCredentialProvider", &API_KEY),
            optional("iamCredentialProvider", &IAM),
        ]),
    ),
]);

static CREDENTIAL_PROVIDERS: Shape = Shape::list(1, 1, &CREDENTIAL_PROVIDER);

static HEADERS: Shape = Shape::list(1, 10, &T(Text::length(1, 100)));

static METADATA: Shape = Structure(&[
    optional("allowedRequestHeaders", &HEADERS),
    optional("allowedQueryParameters", &Shape::list(1, 10, &T(Text::length(1, 40)))),
    optional("allowedResponseHeaders", &HEADERS),
]);

/// Body of `CreateGatewayTarget`.
///
/// The model does not require `name`, but requires it of the answer, and nothing says where it
/// would come from: so it is required here.
pub(crate) static CREATE_TARGET: Shape = Structure(&[
    required("name", &TARGET_NAME),
    optional("description", &DESCRIPTION),
    optional("clientToken", &CLIENT_TOKEN),
    required("targetConfiguration", &TARGET_CONFIGURATION),
    optional("credentialProviderConfigurations", &CREDENTIAL_PROVIDERS),
    optional("metadataConfiguration", &METADATA),
    optional("privateEndpoint", &PRIVATE_ENDPOINT),
    optional("certificateConfigurations", &CERTIFICATES),
]);

/// Body of `UpdateGatewayTarget`.
pub(crate) static UPDATE_TARGET: Shape = Structure(&[
    required("name", &TARGET_NAME),
    optional("description", &DESCRIPTION),
    required("targetConfiguration", &TARGET_CONFIGURATION),
    optional("credentialProviderConfigurations", &CREDENTIAL_PROVIDERS),
    optional("metadataConfiguration", &METADATA),
    optional("privateEndpoint", &PRIVATE_ENDPOINT),
    optional("certificateConfigurations", &CERTIFICATES),
]);

/// Body of `SynchronizeGatewayTargets`.
pub(crate) static SYNCHRONIZE: Shape =
    Structure(&[required("targetIdList", &Shape::list(1, 1, &TARGET_IDENTIFIER))]);

/// Every body, by its operation.
pub(crate) static BODIES: [(CallKind, &Shape); 4] = [
    (CallKind::CreateGateway, &CREATE_GATEWAY),
    (CallKind::CreateGatewayTarget, &CREATE_TARGET),
    (CallKind::UpdateGatewayTarget, &UPDATE_TARGET),
    (CallKind::SynchronizeGatewayTargets, &SYNCHRONIZE),
];
