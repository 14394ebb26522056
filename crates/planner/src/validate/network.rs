//! How the gateway reaches the server and which certificate it trusts, after the patterns of the
//! AWS service model.

use std::collections::BTreeMap;

use api::{
    AddressType, CaCertificateSource, Certificate, ManagedVpc, PrivateEndpoint,
    PrivateEndpointSource, S3Object, S3Source,
};

use super::{Check, chosen, entries, set, shortened};

const SECURITY_GROUPS: usize = 5;
const TAGS: usize = 50;
const TAG_NAME_CHARS: usize = 128;
const TAG_VALUE_CHARS: usize = 256;
const DOMAIN_CHARS: std::ops::RangeInclusive<usize> = 3..=255;
const S3_URI_CHARS: usize = 2048;

impl Check {
    pub(super) fn private_endpoint(
        &mut self,
        source: Option<&PrivateEndpointSource>,
    ) -> Option<PrivateEndpoint> {
        const FIELD: &str = "spec.privateEndpoint";
        let source = source?;
        match (set(source.resource_configuration.as_ref()), &source.managed_vpc) {
            (Some(id), None) => {
                if !is_resource_configuration(id) {
                    self.fail(
                        "spec.privateEndpoint.resourceConfiguration",
                        format!(
                            "\"{}\" is no VPC Lattice resource configuration: rcfg- and 17 \
                             characters, or its ARN",
                            shortened(id)
                        ),
                    );
                }
                Some(PrivateEndpoint::ResourceConfiguration(id.to_owned()))
            }
            (None, Some(vpc)) => Some(self.managed_vpc(vpc)),
            (_, _) => {
                self.fail(FIELD, "must have one of resourceConfiguration and managedVpc");
                None
            }
        }
    }

    fn managed_vpc(&mut self, given: &ManagedVpc) -> PrivateEndpoint {
        const DOMAIN: &str = "spec.privateEndpoint.managedVpc.routingDomain";
        const GROUPS: &str = "spec.privateEndpoint.managedVpc.securityGroupIds";
        const SUBNETS: &str = "spec.privateEndpoint.managedVpc.subnetIds";
        let vpc = given.vpc_id.trim();
        self.id("spec.privateEndpoint.managedVpc.vpcId", vpc, "vpc-", &[8, 17]);
        let subnets = entries(Some(&given.subnet_ids), |a, b| a == b);
        if subnets.is_empty() {
            self.fail(SUBNETS, "is required: at least one subnet of the VPC");
        }
        for subnet in &subnets {
            self.id(SUBNETS, subnet, "subnet-", &[8, 9, 10, 11, 12, 13, 14, 15, 16, 17]);
        }
        let security_groups = entries(given.security_group_ids.as_deref(), |a, b| a == b);
        if security_groups.len() > SECURITY_GROUPS {
            let count = security_groups.len();
            self.fail(GROUPS, format!("has {count} entries; AWS takes {SECURITY_GROUPS} at most"));
        }
        for group in &security_groups {
            self.id(GROUPS, group, "sg-", &[8, 17]);
        }
        let routing_domain = set(given.routing_domain.as_ref());
        if routing_domain.is_some_and(|domain| !DOMAIN_CHARS.contains(&domain.chars().count())) {
            self.fail(DOMAIN, "must have 3 to 255 characters");
        }
        let types = [("IPv4", AddressType::Ipv4), ("IPv6", AddressType::Ipv6)];
        PrivateEndpoint::ManagedVpc {
            vpc: vpc.to_owned(),
            subnets,
            security_groups,
            addresses: chosen(
                self,
                "spec.privateEndpoint.managedVpc.ipAddressType",
                given.ip_address_type.as_ref(),
                &types,
            ),
            tags: self.tags(given.tags.as_ref()),
            routing_domain: routing_domain.map(str::to_owned),
        }
    }

    fn tags(&mut self, given: Option<&BTreeMap<String, String>>) -> BTreeMap<String, String> {
        const FIELD: &str = "spec.privateEndpoint.managedVpc.tags";
        let tags = given.cloned().unwrap_or_default();
        if tags.len() > TAGS {
            self.fail(FIELD, format!("has {} entries; AWS takes {TAGS} at most", tags.len()));
        }
        let known = |c: char| {
            c.is_ascii_alphanumeric() || c.is_ascii_whitespace() || "._:/=+@-".contains(c)
        };
        for (name, value) in &tags {
            if name.is_empty() {
                self.fail(FIELD, "has an entry without a name");
            } else if !name.chars().chain(value.chars()).all(known) {
                self.fail(
                    FIELD,
                    format!(
                        "\"{}\" has characters that AWS does not take: letters, digits, white \
                         space and . _ : / = + @ - only",
                        shortened(name)
                    ),
                );
            } else if name.to_ascii_lowercase().starts_with("aws:") {
                self.fail(FIELD, format!("\"{}\": names with aws: are AWS's own", shortened(name)));
            }
            self.length(FIELD, name, TAG_NAME_CHARS);
            self.length(FIELD, value, TAG_VALUE_CHARS);
        }
        tags
    }

    pub(super) fn certificate(
        &mut self,
        source: Option<&CaCertificateSource>,
    ) -> Option<Certificate> {
        const FIELD: &str = "spec.caCertificate.secretsManager.secretArn";
        let source = source?;
        match (&source.s3, &source.secrets_manager) {
            (Some(object), None) => {
                Some(Certificate::S3(self.s3_object("spec.caCertificate.s3", object)))
            }
            (None, Some(secret)) => {
                let arn = secret.secret_arn.trim();
                if !is_secret(arn) {
                    self.fail(
                        FIELD,
                        "is no ARN of a secret: arn:aws:secretsmanager:REGION:ACCOUNT:secret:NAME",
                    );
                }
                Some(Certificate::SecretsManager(arn.to_owned()))
            }
            (_, _) => {
                self.fail("spec.caCertificate", "must have one of s3 and secretsManager");
                None
            }
        }
    }

    pub(super) fn s3_object(&mut self, field: &'static str, source: &S3Source) -> S3Object {
        let uri = source.uri.trim();
        if uri.strip_prefix("s3://").is_none_or(str::is_empty) {
            self.fail(field, "uri must be of the form s3://bucket/key");
        } else if uri.contains(char::is_control) {
            self.fail(field, "uri must not contain control characters");
        }
        self.length(field, uri, S3_URI_CHARS);
        let owner = set(source.bucket_owner_account_id.as_ref());
        if owner.is_some_and(|owner| !is_account(owner)) {
            self.fail(field, "bucketOwnerAccountId must be twelve digits");
        }
        S3Object { uri: uri.to_owned(), owner: owner.map(str::to_owned) }
    }

    /// An ID of EC2: a prefix, and so many letters and digits; capitals for subnets only.
    fn id(&mut self, field: &'static str, id: &str, prefix: &str, lengths: &[usize]) {
        let rest = id.strip_prefix(prefix);
        let fits = rest.is_some_and(|rest| {
            let capitals = prefix == "subnet-";
            lengths.contains(&rest.len())
                && rest.chars().all(|c| {
                    c.is_ascii_digit()
                        || c.is_ascii_lowercase()
                        || capitals && c.is_ascii_uppercase()
                })
        });
        if !fits {
            self.fail(field, format!("\"{}\" is no ID such as {prefix}0a1b2c3d", shortened(id)));
        }
    }
}

/// Letters, digits and hyphens, and at least one of them.
fn is_word(text: &str) -> bool {
    !text.is_empty() && text.chars().all(|c| c.is_ascii_alphanumeric() || c == '-')
}

pub(super) fn is_account(text: &str) -> bool {
    text.len() == 12 && text.chars().all(|c| c.is_ascii_digit())
}

/// `rcfg-` and 17 characters, or `arn:…:vpc-lattice:REGION:ACCOUNT:resourceconfiguration/` and that.
fn is_resource_configuration(text: &str) -> bool {
    let id = match text.strip_prefix("arn:") {
        None => Some(text),
        Some(arn) => match arn.splitn(5, ':').collect::<Vec<_>>()[..] {
            [partition, "vpc-lattice", region, account, resource]
                if is_word(partition) && is_word(region) && is_account(account) =>
            {
                resource.strip_prefix("resourceconfiguration/")
            }
            _ => None,
        },
    };
    let own = id.and_then(|id| id.strip_prefix("rcfg-"));
    own.is_some_and(|own| {
        own.len() == 17 && own.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit())
    })
}

/// `arn:aws…:secretsmanager:REGION:ACCOUNT:secret:NAME`.
fn is_secret(arn: &str) -> bool {
    let parts: Vec<&str> = arn.splitn(7, ':').collect();
    let is_partition = |text: &str| {
        text == "aws" || text.strip_prefix("aws-").is_some_and(|rest| !rest.is_empty())
    };
    let is_region = |text: &str| is_word(text) && !text.contains(|c: char| c.is_ascii_uppercase());
    matches!(parts[..], ["arn", partition, "secretsmanager", region, account, "secret", name]
        if is_partition(partition) && is_region(region) && is_account(account) && !name.is_empty())
}
