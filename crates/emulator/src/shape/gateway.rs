//! The body of `CreateGateway`.

use super::Shape::{Enum, Integer, Map, Structure, Text as T, Union};
use super::network::{CERTIFICATES, PRIVATE_ENDPOINT, TAGS};
use super::requests::{CLIENT_TOKEN, DESCRIPTION, LAMBDA_ARN};
use super::{ANY_TEXT, BOOLEAN, NO_LIMIT, Shape, Text, optional, required};

static MCP: Shape = Structure(&[
    optional("supportedVersions", &Shape::list_of(&ANY_TEXT)),
    optional("instructions", &T(Text::length(1, 2048))),
    optional("searchType", &Enum(&["SEMANTIC"])),
    optional(
        "sessionConfiguration",
        &Structure(&[optional("sessionTimeoutInSeconds", &Integer { min: 900, max: 28800 })]),
    ),
    optional(
        "streamingConfiguration",
        &Structure(&[optional("enableResponseStreaming", &BOOLEAN)]),
    ),
    optional("disableMcpListToolsPagination", &BOOLEAN),
]);

static SCOPE: Shape = T(Text::length(1, 255).and_pattern("[\\x21\\x23-\\x5B\\x5D-\\x7E]+"));

static MATCH_VALUE: Shape = T(Text::length(1, 255).and_pattern("[A-Za-z0-9_.-]+"));

static CUSTOM_CLAIM: Shape = Structure(&[
    required("inboundTokenClaimName", &T(Text::length(1, 255).and_pattern("[A-Za-z0-9_.-:]+"))),
    required("inboundTokenClaimValueType", &Enum(&["STRING", "STRING_ARRAY"])),
    required(
        "authorizingClaimMatchValue",
        &Structure(&[
            required(
                "claimMatchValue",
                &Union(&[
                    optional("matchValueString", &MATCH_VALUE),
                    optional("matchValueStringList", &Shape::list(1, NO_LIMIT, &MATCH_VALUE)),
                ]),
            ),
            required("claimMatchOperator", &Enum(&["EQUALS", "CONTAINS", "CONTAINS_ANY"])),
        ]),
    ),
]);

static ENDPOINT_OVERRIDE: Shape = Structure(&[
    required("domain", &T(Text::length(1, 253))),
    required("privateEndpoint", &PRIVATE_ENDPOINT),
]);

static HOSTING_ENVIRONMENT: Shape = Structure(&[required("arn", &T(Text::length(20, 1011)))]);

static WORKLOADS: Shape = Structure(&[
    optional("hostingEnvironments", &Shape::list(1, 10, &HOSTING_ENVIRONMENT)),
    optional(
        "workloadIdentities",
        &Shape::list(1, 10, &T(Text::length(3, 255).and_pattern("[A-Za-z0-9_.-]+"))),
    ),
]);

static JWT: Shape = Structure(&[
    required(
        "discoveryUrl",
        &T(Text::pattern(concat!(
            "[^\\s?#]+/\\.well-known/(openid-configuration|oauth-authorization-server)",
            "(/[^\\s?#]+)?"
        ))),
    ),
    optional("allowedAudience", &Shape::list(1, NO_LIMIT, &ANY_TEXT)),
    optional("allowedClients", &Shape::list(1, NO_LIMIT, &ANY_TEXT)),
    optional("allowedScopes", &Shape::list(1, NO_LIMIT, &SCOPE)),
    optional("advertisedScopeMapping", &Map { min: 1, max: 50, key: &SCOPE, value: &SCOPE }),
    optional("customClaims", &Shape::list(1, NO_LIMIT, &CUSTOM_CLAIM)),
    optional("privateEndpoint", &PRIVATE_ENDPOINT),
    optional("privateEndpointOverrides", &Shape::list(0, 5, &ENDPOINT_OVERRIDE)),
    optional("certificateConfigurations", &CERTIFICATES),
    optional("allowedWorkloadConfiguration", &WORKLOADS),
]);

static INTERCEPTOR: Shape = Structure(&[
    required(
        "interceptor",
        &Union(&[optional("lambda", &Structure(&[required("arn", &LAMBDA_ARN)]))]),
    ),
    required("interceptionPoints", &Shape::list(1, 2, &Enum(&["REQUEST", "RESPONSE"]))),
    optional("inputConfiguration", &INTERCEPTOR_INPUT),
]);

static INTERCEPTOR_INPUT: Shape = Structure(&[
    required("passRequestHeaders", &BOOLEAN),
    optional(
        "payloadFilter",
        &Structure(&[required(
            "exclude",
            &Shape::list(1, 1, &Union(&[optional("field", &Enum(&["RESPONSE_BODY"]))])),
        )]),
    ),
]);

static POLICY_ENGINE: Shape = Structure(&[
    required(
        "arn",
        &T(Text::length(1, 170).and_pattern(concat!(
            "arn:aws(-[^:]+)?:bedrock-agentcore:[a-z0-9-]+:[0-9]{12}:",
            "policy-engine\\/[a-zA-Z][a-zA-Z0-9-_]{0,99}-[a-zA-Z0-9_]{10}"
        ))),
    ),
    required("mode", &Enum(&["LOG_ONLY", "ENFORCE"])),
]);

static DOMAIN: Shape = T(Text::length(1, 253).and_pattern(concat!(
    "(?:[a-zA-Z0-9](?:[a-zA-Z0-9-]{0,61}[a-zA-Z0-9])?)",
    "(?:\\.(?:[a-zA-Z0-9](?:[a-zA-Z0-9-]{0,61}[a-zA-Z0-9])?))+"
)));

/// Body of `CreateGateway`.
pub(crate) static CREATE_GATEWAY: Shape = Structure(&[
    required("name", &T(Text::pattern("([0-9a-zA-Z][-]?){1,48}"))),
    optional("description", &DESCRIPTION),
    optional("clientToken", &CLIENT_TOKEN),
    required(
        "roleArn",
        &T(Text::length(1, 2048).and_pattern("arn:aws(-[^:]+)?:iam::([0-9]{12})?:role/.+")),
    ),
    optional("protocolType", &Enum(&["MCP"])),
    optional("protocolConfiguration", &Union(&[optional("mcp", &MCP)])),
    required("authorizerType", &Enum(&["CUSTOM_JWT", "AWS_IAM", "NONE", "AUTHENTICATE_ONLY"])),
    optional("authorizerConfiguration", &Union(&[optional("customJWTAuthorizer", &JWT)])),
    optional(
        "kmsKeyArn",
        &T(Text::length(1, 2048)
            .and_pattern("arn:aws(|-cn|-us-gov):kms:[a-zA-Z0-9-]*:[0-9]{12}:key/[a-zA-Z0-9-]{36}")),
    ),
    optional("interceptorConfigurations", &Shape::list(1, 2, &INTERCEPTOR)),
    optional("policyEngineConfiguration", &POLICY_ENGINE),
    optional("exceptionLevel", &Enum(&["DEBUG"])),
    optional("tags", &TAGS),
    optional(
        "domainOverride",
        &Structure(&[
            required("default", &DOMAIN),
            optional("alternateDomains", &Shape::list(1, 10, &DOMAIN)),
        ]),
    ),
]);
