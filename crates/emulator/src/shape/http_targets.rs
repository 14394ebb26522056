//! Targets that are not MCP: HTTP and inference.

use super::Shape::{Enum, Integer, Map, Structure, Text as T, Union};
use super::requests::API_SCHEMA;
use super::{BOOLEAN, NO_LIMIT, Shape, Text, optional, required};

static ENDPOINT: Shape =
    T(Text::length(1, 2048).and_pattern("https://[a-zA-Z0-9\\-\\.]+(:[0-9]{1,5})?(/.*)?"));

static SOURCE_OF_SCHEMA: Shape = Structure(&[required("source", &API_SCHEMA)]);

static CONNECTOR_SOURCE: Shape = Structure(&[required("connectorId", &T(Text::length(1, 256)))]);

static RUNTIME: Shape = Structure(&[
    required(
        "arn",
        &T(Text::pattern(concat!(
            "arn:aws(-[^:]+)?:bedrock-agentcore:[a-z0-9-]+:[0-9]{12}:",
            "runtime/[a-zA-Z][a-zA-Z0-9_]{0,47}-[a-zA-Z0-9]{10}"
        ))),
    ),
    optional("qualifier", &T(Text::pattern(".*([1-9][0-9]{0,4})|([a-zA-Z][a-zA-Z0-9_]{0,47}).*"))),
    optional("schema", &SOURCE_OF_SCHEMA),
]);

static STICKINESS: Shape = Structure(&[
    required("identifier", &T(Text::length(1, 256))),
    optional("timeout", &Integer { min: 1, max: 86400 }),
    optional("compositeIdentifier", &Shape::list(1, 5, &T(Text::length(1, 256)))),
]);

static PASSTHROUGH: Shape = Structure(&[
    required("endpoint", &ENDPOINT),
    required("protocolType", &Enum(&["MCP", "A2A", "INFERENCE", "CUSTOM"])),
    optional("schema", &SOURCE_OF_SCHEMA),
    optional("stickinessConfiguration", &STICKINESS),
    optional(
        "staticQueryParameters",
        &Map {
            min: 0,
            max: NO_LIMIT,
            key: &T(Text::length(1, 128).and_pattern("[a-zA-Z0-9_.-]+")),
            value: &T(Text::pattern("[^\\x00-\\x1F\\x7F]*")),
        },
    ),
    optional(
        "staticQueryParameterConflictResolution",
        &Enum(&["CLIENT_OVERRIDE", "STATIC_OVERRIDE"]),
    ),
]);

static HTTP_CONNECTOR: Shape = Structure(&[
    required("source", &CONNECTOR_SOURCE),
    optional(
        "parameters",
        &Map {
            min: 0,
            max: 10,
            key: &T(Text::length(1, 128).and_pattern("[a-zA-Z][a-zA-Z0-9_-]*")),
            value: &T(Text::length(1, 1024)),
        },
    ),
]);

/// Member `http` of a target configuration.
pub(super) static HTTP: Shape = Union(&[
    optional("agentcoreRuntime", &RUNTIME),
    optional("passthrough", &PASSTHROUGH),
    optional("connector", &HTTP_CONNECTOR),
]);

static OPERATION_PATH: Shape = T(Text::length(1, 256).and_pattern("/[a-zA-Z0-9\\-\\._/{}]+"));

static MODEL: Shape = Structure(&[required(
    "model",
    &T(Text::length(1, 2048)
        .and_pattern("[a-zA-Z0-9\\-\\._\\*\\?@:]+(/[a-zA-Z0-9\\-\\._\\*\\?@:]+)*")),
)]);

static OPERATION: Shape = Structure(&[
    required("path", &OPERATION_PATH),
    optional("providerPath", &OPERATION_PATH),
    optional("models", &Shape::list(1, 100, &MODEL)),
]);

static PROVIDER: Shape = Structure(&[
    required("endpoint", &ENDPOINT),
    optional(
        "modelMapping",
        &Structure(&[optional(
            "providerPrefix",
            &Structure(&[
                optional("strip", &BOOLEAN),
                optional("separator", &T(Text::length(1, 1))),
            ]),
        )]),
    ),
    optional("operations", &Shape::list(1, 10, &OPERATION)),
]);

/// Member `inference` of a target configuration.
pub(super) static INFERENCE: Shape = Union(&[
    optional("connector", &Structure(&[required("source", &CONNECTOR_SOURCE)])),
    optional("provider", &PROVIDER),
]);
