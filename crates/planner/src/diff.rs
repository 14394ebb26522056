//! Desired against observed, after normalising what AWS changes by itself.
//!
//! Contract: two definitions that AWS treats alike are equal here and have one fingerprint. AWS
//! gives lists back in another order, header names have no case, JSON has no layout, and a policy
//! engine on the gateway adds a request header of its own; undoing that would loop for ever (field
//! reports).

use api::{Credentials, Definition, Metadata, PrivateEndpoint, ToolSchema};
use sha2::{Digest, Sha256};

/// What a policy engine on the gateway adds to the allowed request headers.
const POLICY_HEADER: &str = "x-amzn-bedrock-agentcore-policy-session-id";

/// The version of [`canonical`]. It goes into every fingerprint, so that a fingerprint which
/// another version has recorded is never taken for a difference.
const SCHEME: &str = "v2:";

/// A short text that is equal for two definitions exactly when AWS treats them alike.
#[must_use]
pub fn fingerprint(definition: &Definition) -> String {
    // Serialising plain strings and enums into a string cannot fail.
    let text = serde_json::to_string(&canonical(definition)).unwrap_or_default();
    let mut print = SCHEME.to_owned();
    print.push_str(&hex(&Sha256::digest(text)));
    print
}

/// Whether the fingerprint was computed as [`fingerprint`] does now.
pub(crate) fn is_current_scheme(fingerprint: &str) -> bool {
    fingerprint.starts_with(SCHEME)
}

/// The names of the fields in which the two differ; none when AWS treats them alike.
#[must_use]
pub fn differences(desired: &Definition, observed: &Definition) -> Vec<&'static str> {
    let (desired, observed) = (canonical(desired), canonical(observed));
    let mut fields = Vec::new();
    let mut note = |differs: bool, field| {
        if differs {
            fields.push(field);
        }
    };
    note(desired.name != observed.name, "targetName");
    note(desired.description != observed.description, "description");
    note(desired.endpoint != observed.endpoint, "endpoint");
    note(desired.credentials != observed.credentials, "credentials");
    note(desired.listing != observed.listing, "listingMode");
    note(desired.tools != observed.tools, "toolSchema");
    note(desired.priority != observed.priority, "resourcePriority");
    note(desired.private_endpoint != observed.private_endpoint, "privateEndpoint");
    note(desired.certificate != observed.certificate, "caCertificate");
    let (wanted, found) = (desired.metadata, observed.metadata);
    note(wanted.request_headers != found.request_headers, "allowedRequestHeaders");
    note(wanted.query_parameters != found.query_parameters, "allowedQueryParameters");
    note(wanted.response_headers != found.response_headers, "allowedResponseHeaders");
    fields
}

/// Lower-case hexadecimal.
pub(crate) fn hex(bytes: &[u8]) -> String {
    use std::fmt::Write as _;
    bytes.iter().fold(String::with_capacity(bytes.len() * 2), |mut text, byte| {
        // Writing into a string cannot fail.
        let _ = write!(text, "{byte:02x}");
        text
    })
}

fn canonical(definition: &Definition) -> Definition {
    let Metadata { request_headers, query_parameters, response_headers } = &definition.metadata;
    Definition {
        credentials: definition.credentials.clone().map(canonical_credentials),
        metadata: Metadata {
            request_headers: sorted(
                headers(request_headers).filter(|header| header != POLICY_HEADER),
            ),
            query_parameters: sorted(query_parameters.iter().cloned()),
            response_headers: sorted(headers(response_headers)),
        },
        tools: definition.tools.clone().map(canonical_tools),
        private_endpoint: definition.private_endpoint.clone().map(canonical_endpoint),
        ..definition.clone()
    }
}

fn canonical_credentials(credentials: Credentials) -> Credentials {
    match credentials {
        Credentials::OAuth { provider_arn, scopes, grant, custom_parameters, return_url } => {
            let scopes = sorted(scopes.into_iter());
            Credentials::OAuth { provider_arn, scopes, grant, custom_parameters, return_url }
        }
        Credentials::Iam { .. } | Credentials::ApiKey { .. } => credentials,
    }
}

/// The same JSON has one text: members in order, no layout.
fn canonical_tools(tools: ToolSchema) -> ToolSchema {
    match tools {
        ToolSchema::Inline(text) => {
            let value = serde_json::from_str::<serde_json::Value>(&text);
            ToolSchema::Inline(value.map_or(text, |value| value.to_string()))
        }
        ToolSchema::S3(_) => tools,
    }
}

fn canonical_endpoint(endpoint: PrivateEndpoint) -> PrivateEndpoint {
    match endpoint {
        // The ID says all that the ARN says: it is one of the gateway's Region.
        PrivateEndpoint::ResourceConfiguration(id) => {
            let id = id.rsplit_once('/').map_or(id.as_str(), |(_, id)| id).to_owned();
            PrivateEndpoint::ResourceConfiguration(id)
        }
        PrivateEndpoint::ManagedVpc {
            vpc,
            subnets,
            security_groups,
            addresses,
            mut tags,
            routing_domain,
        } => {
            // Tags of AWS's own are nobody's wish.
            tags.retain(|name, _| !name.to_ascii_lowercase().starts_with("aws:"));
            PrivateEndpoint::ManagedVpc {
                vpc,
                subnets: sorted(subnets.into_iter()),
                security_groups: sorted(security_groups.into_iter()),
                addresses,
                tags,
                routing_domain,
            }
        }
    }
}

fn headers(names: &[String]) -> impl Iterator<Item = String> {
    names.iter().map(|name| name.to_ascii_lowercase())
}

fn sorted(values: impl Iterator<Item = String>) -> Vec<String> {
    let mut values: Vec<String> = values.collect();
    values.sort_unstable();
    values.dedup();
    values
}

#[cfg(test)]
mod tests {
    use super::*;
    use api::{AddressType, Certificate, Grant, KeyLocation, ListingMode, S3Object};

    fn texts(values: &[&str]) -> Vec<String> {
        values.iter().map(ToString::to_string).collect()
    }

    fn oauth(scopes: &[&str]) -> Credentials {
        Credentials::OAuth {
            provider_arn: "arn:aws:x".to_owned(),
            scopes: texts(scopes),
            grant: Grant::AuthorizationCode,
            custom_parameters: [("audience".to_owned(), "x".to_owned())].into(),
            return_url: Some("https://app.example.com".to_owned()),
        }
    }

    fn vpc(subnets: &[&str], groups: &[&str], tags: &[(&str, &str)]) -> PrivateEndpoint {
        PrivateEndpoint::ManagedVpc {
            vpc: "vpc-0a1b2c3d".to_owned(),
            subnets: texts(subnets),
            security_groups: texts(groups),
            addresses: AddressType::Ipv4,
            tags: tags.iter().map(|(k, v)| ((*k).to_owned(), (*v).to_owned())).collect(),
            routing_domain: None,
        }
    }

    fn definition() -> Definition {
        Definition {
            description: Some("the weather".to_owned()),
            credentials: Some(oauth(&["read", "write"])),
            metadata: Metadata {
                request_headers: texts(&["X-A", "X-B"]),
                query_parameters: texts(&["q", "p"]),
                response_headers: vec![],
            },
            tools: Some(ToolSchema::Inline(r#"{"b": 1, "a": [2]}"#.to_owned())),
            private_endpoint: Some(vpc(
                &["subnet-a", "subnet-b"],
                &["sg-a", "sg-b"],
                &[("t", "u")],
            )),
            ..Definition::new("weather", "https://weather.example.com")
        }
    }

    #[test]
    fn what_aws_changes_by_itself_is_no_difference() {
        let mut observed = definition();
        observed.metadata.request_headers = texts(&["x-b", POLICY_HEADER, "X-A"]);
        observed.metadata.query_parameters = texts(&["p", "q"]);
        observed.credentials = Some(oauth(&["write", "read"]));
        observed.tools = Some(ToolSchema::Inline("{\n\"a\":[2],\"b\":1}".to_owned()));
        observed.private_endpoint = Some(vpc(
            &["subnet-b", "subnet-a"],
            &["sg-b", "sg-a"],
            &[("t", "u"), ("aws:made-by", "agentcore")],
        ));
        assert_eq!(differences(&definition(), &observed), Vec::<&str>::new());
        assert_eq!(fingerprint(&definition()), fingerprint(&observed));
    }

    #[test]
    fn a_resource_configuration_is_the_same_by_id_and_by_arn() {
        let reached_by = |id: &str| Definition {
            private_endpoint: Some(PrivateEndpoint::ResourceConfiguration(id.to_owned())),
            ..definition()
        };
        let arn = "arn:aws:vpc-lattice:us-east-1:123456789012:resourceconfiguration/rcfg-1";
        assert_eq!(fingerprint(&reached_by("rcfg-1")), fingerprint(&reached_by(arn)));
        assert_ne!(fingerprint(&reached_by("rcfg-2")), fingerprint(&reached_by(arn)));
    }

    #[test]
    fn every_field_makes_a_difference() {
        type Edit = fn(&mut Definition);
        let edits: [(&str, Edit); 16] = [
            ("targetName", |d| d.name.push('x')),
            ("description", |d| d.description = None),
            ("endpoint", |d| d.endpoint.push('x')),
            ("credentials", |d| d.credentials = None),
            ("credentials", |d| {
                d.credentials =
                    Some(Credentials::Iam { service: "lambda".to_owned(), region: None });
            }),
            ("credentials", |d| {
                d.credentials = Some(Credentials::ApiKey {
                    provider_arn: "arn:aws:x".to_owned(),
                    parameter_name: None,
                    prefix: None,
                    location: KeyLocation::Header,
                });
            }),
            ("allowedRequestHeaders", |d| d.metadata.request_headers.clear()),
            ("allowedQueryParameters", |d| d.metadata.query_parameters.push("r".to_owned())),
            ("allowedResponseHeaders", |d| d.metadata.response_headers.push("y".to_owned())),
            ("listingMode", |d| d.listing = ListingMode::Dynamic),
            ("toolSchema", |d| d.tools = Some(ToolSchema::Inline("[]".to_owned()))),
            ("toolSchema", |d| {
                let uri = "s3://bucket/key".to_owned();
                d.tools = Some(ToolSchema::S3(S3Object { uri, owner: None }));
            }),
            ("resourcePriority", |d| d.priority = 0),
            ("privateEndpoint", |d| d.private_endpoint = None),
            ("privateEndpoint", |d| {
                d.private_endpoint =
                    Some(vpc(&["subnet-a", "subnet-b"], &["sg-a", "sg-b"], &[("t", "v")]));
            }),
            ("caCertificate", |d| {
                d.certificate = Some(Certificate::SecretsManager("arn:aws:y".to_owned()));
            }),
        ];
        for (field, edit) in edits {
            let mut other = definition();
            edit(&mut other);
            assert_eq!(differences(&definition(), &other), [field]);
            assert_ne!(fingerprint(&definition()), fingerprint(&other), "{field}");
        }
    }

    /// A fingerprint outlives the process that computed it: what changes one needs another scheme.
    #[test]
    fn a_scheme_never_changes() {
        assert_eq!(
            fingerprint(&definition()),
            "v2:4efbd8ec870b07628b0a175b2aeac4f0519262933a1df0d97adf9bd9dac4d506"
        );
    }
}
