//! Desired against observed, after normalising what AWS changes by itself.
//!
//! Contract: two definitions that AWS treats alike are equal here and have one fingerprint. AWS
//! gives lists back in another order, header names have no case, and a policy engine on the
//! gateway adds a request header of its own; undoing that would loop for ever (field reports).

use api::{Credentials, Definition, Metadata};
use sha2::{Digest, Sha256};

/// What a policy engine on the gateway adds to the allowed request headers.
const POLICY_HEADER: &str = "x-amzn-bedrock-agentcore-policy-session-id";

/// The version of [`canonical`]. It goes into every fingerprint, so that a fingerprint which
/// another version has recorded is never taken for a difference.
const SCHEME: &str = "v1:";

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
    let Definition { name, description, endpoint, credentials, metadata } = definition;
    Definition {
        name: name.clone(),
        description: description.clone(),
        endpoint: endpoint.clone(),
        credentials: credentials.as_ref().map(|credentials| match credentials {
            Credentials::OAuth { provider_arn, scopes, grant } => Credentials::OAuth {
                provider_arn: provider_arn.clone(),
                scopes: sorted(scopes.iter().cloned()),
                grant: *grant,
            },
        }),
        metadata: Metadata {
            request_headers: sorted(
                headers(&metadata.request_headers).filter(|header| header != POLICY_HEADER),
            ),
            query_parameters: sorted(metadata.query_parameters.iter().cloned()),
            response_headers: sorted(headers(&metadata.response_headers)),
        },
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
    use api::Grant;

    fn definition() -> Definition {
        Definition {
            name: "weather".to_owned(),
            description: Some("the weather".to_owned()),
            endpoint: "https://weather.example.com".to_owned(),
            credentials: Some(Credentials::OAuth {
                provider_arn: "arn:aws:x".to_owned(),
                scopes: vec!["read".to_owned(), "write".to_owned()],
                grant: Grant::ClientCredentials,
            }),
            metadata: Metadata {
                request_headers: vec!["X-A".to_owned(), "X-B".to_owned()],
                query_parameters: vec!["q".to_owned()],
                response_headers: vec![],
            },
        }
    }

    #[test]
    fn what_aws_changes_by_itself_is_no_difference() {
        let mut observed = definition();
        observed.metadata.request_headers =
            vec!["x-b".to_owned(), POLICY_HEADER.to_owned(), "X-A".to_owned()];
        observed.credentials = Some(Credentials::OAuth {
            provider_arn: "arn:aws:x".to_owned(),
            scopes: vec!["write".to_owned(), "read".to_owned()],
            grant: Grant::ClientCredentials,
        });
        assert_eq!(differences(&definition(), &observed), Vec::<&str>::new());
        assert_eq!(fingerprint(&definition()), fingerprint(&observed));
    }

    #[test]
    fn every_field_makes_a_difference() {
        type Edit = fn(&mut Definition);
        let edits: [(&str, Edit); 7] = [
            ("targetName", |d| d.name.push('x')),
            ("description", |d| d.description = None),
            ("endpoint", |d| d.endpoint.push('x')),
            ("credentials", |d| d.credentials = None),
            ("allowedRequestHeaders", |d| d.metadata.request_headers.clear()),
            ("allowedQueryParameters", |d| d.metadata.query_parameters.push("r".to_owned())),
            ("allowedResponseHeaders", |d| d.metadata.response_headers.push("y".to_owned())),
        ];
        for (field, edit) in edits {
            let mut other = definition();
            edit(&mut other);
            assert_eq!(differences(&definition(), &other), [field]);
            assert_ne!(fingerprint(&definition()), fingerprint(&other), "{field}");
        }
    }
}
