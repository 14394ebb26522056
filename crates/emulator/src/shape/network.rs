//! How private endpoints are reached, and which certificates are trusted.

use super::Shape::{Enum, Map, Structure, Text as T, Union};
use super::{NO_LIMIT, Shape, Text, optional, required};

/// Tags of anything that AWS lets one tag.
pub(super) static TAGS: Shape = Map {
    min: 0,
    max: 50,
    key: &T(Text::length(1, 128).and_pattern("[a-zA-Z0-9\\s._:/=+@-]*")),
    value: &T(Text::length(0, 256).and_pattern("[a-zA-Z0-9\\s._:/=+@-]*")),
};

static LATTICE: Shape = Union(&[optional(
    "resourceConfigurationIdentifier",
    &T(Text::length(20, 2048).and_pattern(concat!(
        "((rcfg-[0-9a-z]{17})|(arn:[a-z0-9\\-]+:vpc-lattice:[a-zA-Z0-9\\-]+:\\d{12}:",
        "resourceconfiguration/rcfg-[0-9a-z]{17}))"
    ))),
)]);

static VPC: Shape = Structure(&[
    required("vpcIdentifier", &T(Text::pattern("vpc-(([0-9a-z]{8})|([0-9a-z]{17}))"))),
    required("subnetIds", &Shape::list(0, NO_LIMIT, &T(Text::pattern("subnet-[0-9a-zA-Z]{8,17}")))),
    required("endpointIpAddressType", &Enum(&["IPV4", "IPV6"])),
    optional(
        "securityGroupIds",
        &Shape::list(0, 5, &T(Text::pattern("sg-(([0-9a-z]{8})|([0-9a-z]{17}))"))),
    ),
    optional("tags", &TAGS),
    optional("routingDomain", &T(Text::length(3, 255))),
]);

/// Member `privateEndpoint` of targets and of authorizers.
pub(super) static PRIVATE_ENDPOINT: Shape = Union(&[
    optional("selfManagedLatticeResource", &LATTICE),
    optional("managedVpcResource", &VPC),
]);

static CERTIFICATE: Shape = Union(&[
    optional(
        "s3",
        &Structure(&[
            required("uri", &T(Text::pattern("s3://.{1,2043}"))),
            optional("bucketOwnerAccountId", &T(Text::pattern("[0-9]{12}"))),
        ]),
    ),
    optional(
        "secretsManager",
        &Structure(&[required(
            "secretArn",
            &T(Text::pattern("arn:aws(-[^:]+)?:secretsmanager:[a-z0-9-]+:[0-9]{12}:secret:.+")),
        )]),
    ),
]);

/// Member `certificateConfigurations` of targets and of authorizers.
pub(super) static CERTIFICATES: Shape = Shape::list(1, 1, &CERTIFICATE);
