//! The request bodies of the calls, as the AWS service model has them.

use super::Shape::{Any, Enum, Integer, List, Map, Structure, Text as T, Union};
use super::{Member, Shape, Text, patterns};

const fn optional(name: &'static str, shape: &'static Shape) -> Member {
    Member::optional(name, shape)
}

const fn required(name: &'static str, shape: &'static Shape) -> Member {
    Member::required(name, shape)
}

const ANY_TEXT: Shape = T(Text::ANY);
const DESCRIPTION: Shape = T(Text::length(1, 200));
const TARGET_NAME: Shape = T(Text::pattern("([0-9a-zA-Z][-]?){1,100}", patterns::target_name));
const CLIENT_TOKEN: Shape =
    T(Text::length(33, 256)
        .and_pattern("[a-zA-Z0-9](-*[a-zA-Z0-9]){0,256}", patterns::client_token));
const ARN: Shape = T(Text::pattern("arn:.*", patterns::arn));

/// `targetId` in paths and in `targetIdList`.
pub(crate) const TARGET_ID: Text = Text::pattern("[0-9a-zA-Z]{10}", patterns::target_id);

const MCP_SERVER: Shape = Structure(&[
    required("endpoint", &T(Text::pattern("https://.*", patterns::https))),
    optional("listingMode", &Enum(&["DEFAULT", "DYNAMIC"])),
    optional(
        "mcpToolSchema",
        &Union(&[
            optional("inlinePayload", &ANY_TEXT),
            optional(
                "s3",
                &Structure(&[
                    optional("uri", &ANY_TEXT),
                    optional("bucketOwnerAccountId", &ANY_TEXT),
                ]),
            ),
        ]),
    ),
    optional("resourcePriority", &Integer { min: 0, max: 1000 }),
]);

const MCP: Shape = Union(&[
    optional("mcpServer", &MCP_SERVER),
    optional("lambda", &Any),
    optional("openApiSchema", &Any),
    optional("smithyModel", &Any),
    optional("apiGateway", &Any),
    optional("connector", &Any),
]);

const TARGET_CONFIGURATION: Shape =
    Union(&[optional("mcp", &MCP), optional("http", &Any), optional("inference", &Any)]);

const OAUTH: Shape = Structure(&[
    required("providerArn", &ARN),
    required("scopes", &List { min: 0, max: 100, item: &T(Text::length(1, 64)) }),
    optional("grantType", &Enum(&["CLIENT_CREDENTIALS", "AUTHORIZATION_CODE", "TOKEN_EXCHANGE"])),
    optional(
        "customParameters",
        &Map { min: 1, max: 10, key: Text::length(1, 256), value: Text::length(1, 2048) },
    ),
    optional("defaultReturnUrl", &T(Text::length(1, 2048))),
]);

const API_KEY: Shape = Structure(&[
    required("providerArn", &ARN),
    optional("credentialParameterName", &T(Text::length(1, 64))),
    optional("credentialPrefix", &T(Text::length(1, 64))),
    optional("credentialLocation", &Enum(&["HEADER", "QUERY_PARAMETER"])),
]);

const CREDENTIAL_PROVIDERS: Shape = List {
    min: 1,
    max: 1,
    item: &Structure(&[
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
                optional(
                    "iamCredentialProvider",
                    &Structure(&[required("service", &ANY_TEXT), optional("region", &ANY_TEXT)]),
                ),
            ]),
        ),
    ]),
};

const HEADERS: Shape = List { min: 1, max: 10, item: &T(Text::length(1, 100)) };

const METADATA: Shape = Structure(&[
    optional("allowedRequestHeaders", &HEADERS),
    optional("allowedResponseHeaders", &HEADERS),
    optional("allowedQueryParameters", &List { min: 1, max: 10, item: &T(Text::length(1, 40)) }),
]);

const PRIVATE_ENDPOINT: Shape =
    Union(&[optional("selfManagedLatticeResource", &Any), optional("managedVpcResource", &Any)]);

const CERTIFICATES: Shape = List { min: 1, max: 1, item: &Any };

/// Body of `CreateGatewayTarget`.
pub(crate) const CREATE_TARGET: Shape = Structure(&[
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
pub(crate) const UPDATE_TARGET: Shape = Structure(&[
    required("name", &TARGET_NAME),
    optional("description", &DESCRIPTION),
    required("targetConfiguration", &TARGET_CONFIGURATION),
    optional("credentialProviderConfigurations", &CREDENTIAL_PROVIDERS),
    optional("metadataConfiguration", &METADATA),
    optional("privateEndpoint", &PRIVATE_ENDPOINT),
    optional("certificateConfigurations", &CERTIFICATES),
]);

/// Body of `SynchronizeGatewayTargets`.
pub(crate) const SYNCHRONIZE: Shape =
    Structure(&[required("targetIdList", &List { min: 1, max: 1, item: &T(TARGET_ID) })]);

/// Body of `CreateGateway`.
pub(crate) const CREATE_GATEWAY: Shape = Structure(&[
    required("name", &T(Text::pattern("([0-9a-zA-Z][-]?){1,48}", patterns::gateway_name))),
    optional("description", &DESCRIPTION),
    optional("clientToken", &CLIENT_TOKEN),
    required("roleArn", &ARN),
    optional("protocolType", &Enum(&["MCP"])),
    optional("protocolConfiguration", &Any),
    required("authorizerType", &Enum(&["CUSTOM_JWT", "AWS_IAM", "NONE", "AUTHENTICATE_ONLY"])),
    optional("authorizerConfiguration", &Any),
    optional("kmsKeyArn", &ARN),
    optional("interceptorConfigurations", &Any),
    optional("policyEngineConfiguration", &Any),
    optional("exceptionLevel", &Enum(&["DEBUG"])),
    optional(
        "tags",
        &Map { min: 0, max: 50, key: Text::length(1, 128), value: Text::length(0, 256) },
    ),
]);
