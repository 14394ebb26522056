//! From what a person wrote to what can be carried out: `MCPServer` → [`Validated`].
//!
//! Contract: every rule of the resource is here, whether or not the API server's schema knows it
//! too, because a stored object can be older than the schema. All violations are found, not only
//! the first; each says which field, what is wrong and what to do. A [`Validated`] cannot hold
//! what AWS is known to refuse.

mod credentials;
mod network;
mod policies;
mod tools;

use std::fmt;

use api::text::is_unfit;
use api::{
    Credentials, DEFAULT_PRIORITY, Definition, GatewayId, MCPServer, MCPServerSpec, Metadata,
};
use url::Url;

use crate::reserved::is_reserved_header;

pub(crate) use policies::deletion_policy;
pub use policies::{DeletionPolicy, DriftPolicy, ReplacementPolicy};
pub use tools::ToolSync;

/// A wish that can be carried out.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Validated {
    /// The gateway that the resource names, if it names one.
    pub gateway: Option<GatewayId>,
    /// The configuration that the target shall have.
    pub definition: Definition,
    /// Whether nothing is to be changed at AWS.
    pub suspended: bool,
    /// What is done when somebody else changes the target.
    pub drift: DriftPolicy,
    /// What is done when AWS refuses to change the target in place.
    pub replacement: ReplacementPolicy,
    /// When the gateway is asked to fetch the tools again.
    pub tool_sync: Option<ToolSync>,
}

impl Validated {
    /// The same with what AWS takes from the gateway's Region when nothing is said, so that it
    /// compares equal to what AWS tells.
    pub(crate) fn in_region(mut self, gateways: &str) -> Self {
        if let Some(Credentials::Iam { region, .. }) = &mut self.definition.credentials {
            region.get_or_insert_with(|| gateways.to_owned());
        }
        self
    }
}

/// A rule that the resource breaks.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Violation {
    /// The field, such as `spec.endpoint`.
    pub field: &'static str,
    /// What is wrong and what to do.
    pub message: String,
}

impl fmt::Display for Violation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.field, self.message)
    }
}

/// Limits of the AWS service model, version 2023-06-05; names are judged by [`target_name`].
const DESCRIPTION_CHARS: usize = 200;
const METADATA_ENTRIES: usize = 10;
const HEADER_CHARS: usize = 100;
const QUERY_PARAMETER_CHARS: usize = 40;
const NAME_CHARS: usize = 100;
const MOST_PRIORITY: u16 = 1000;

/// Judges the resource.
///
/// # Errors
///
/// Every rule that it breaks, in the order of the fields.
pub fn validate(server: &MCPServer) -> Result<Validated, Vec<Violation>> {
    let spec = &server.spec;
    let mut check = Check::default();

    let endpoint = check.endpoint(&spec.endpoint);
    check.capabilities(&spec.capabilities);
    let gateway = set(spec.gateway_id.as_ref()).map(GatewayId::from);
    let name = check.target_name(set(spec.target_name.as_ref()), server.metadata.name.as_deref());
    let description = check.description(set(spec.description.as_ref()));
    let credentials = check.credentials(spec);
    let metadata = Metadata {
        request_headers: check
            .headers("spec.allowedRequestHeaders", spec.allowed_request_headers.as_deref()),
        query_parameters: check.query_parameters(spec.allowed_query_parameters.as_deref()),
        response_headers: check
            .headers("spec.allowedResponseHeaders", spec.allowed_response_headers.as_deref()),
    };

    let listing = check.listing_mode(spec);
    let tools = check.tool_schema(spec.tool_schema.as_deref());
    let priority = check.priority(spec.resource_priority);
    let private_endpoint = check.private_endpoint(spec.private_endpoint.as_deref());
    let certificate = check.certificate(spec.ca_certificate.as_deref());
    let tool_sync = check.tool_sync(spec.tool_sync.as_deref());

    let replacements = [("Deny", ReplacementPolicy::Deny), ("Allow", ReplacementPolicy::Allow)];
    let replacement = spec.replacement_policy.as_ref();
    let replacement = chosen(&mut check, "spec.replacementPolicy", replacement, &replacements);
    let drifts = [
        ("Enforce", DriftPolicy::Enforce),
        ("Warn", DriftPolicy::Warn),
        ("Ignore", DriftPolicy::Ignore),
    ];
    let drift = chosen(&mut check, "spec.driftPolicy", spec.drift_policy.as_ref(), &drifts);
    if let Err(violation) = deletion_policy(server) {
        check.violations.push(violation);
    }
    check.known(spec);

    if check.violations.is_empty() {
        Ok(Validated {
            gateway,
            definition: Definition {
                name,
                description,
                endpoint,
                credentials,
                metadata,
                listing,
                tools,
                priority,
                private_endpoint,
                certificate,
            },
            suspended: spec.suspend.unwrap_or_default(),
            drift,
            replacement,
            tool_sync,
        })
    } else {
        Err(check.violations)
    }
}

/// The value with white space cut; `None` when nothing is left.
fn set(value: Option<&String>) -> Option<&str> {
    value.map(|text| text.trim()).filter(|text| !text.is_empty())
}

/// The entries with white space cut, without empty ones and repetitions.
fn entries(values: Option<&[String]>, same: fn(&str, &str) -> bool) -> Vec<String> {
    let mut kept: Vec<String> = Vec::new();
    for value in values.unwrap_or_default() {
        let value = value.trim();
        if !value.is_empty() && !kept.iter().any(|earlier| same(earlier, value)) {
            kept.push(value.to_owned());
        }
    }
    kept
}

/// What is meant by a word of a closed list, of which the first is the default.
fn chosen<T: Copy>(
    check: &mut Check,
    field: &'static str,
    value: Option<&String>,
    known: &[(&str, T)],
) -> T {
    let default = known[0].1;
    let Some(value) = set(value) else { return default };
    if let Some((_, meaning)) = known.iter().find(|(word, _)| *word == value) {
        return *meaning;
    }
    let words: Vec<&str> = known.iter().map(|(word, _)| *word).collect();
    let value = shortened(value);
    check.fail(field, format!("\"{value}\" is not known; known are {}", words.join(", ")));
    default
}

#[derive(Default)]
struct Check {
    violations: Vec<Violation>,
}

impl Check {
    fn fail(&mut self, field: &'static str, message: impl Into<String>) {
        self.violations.push(Violation { field, message: message.into() });
    }

    /// To leave out what a person has written would make, or leave, something else than they ask for.
    fn known(&mut self, spec: &MCPServerSpec) {
        let places: Vec<&str> = spec.unknown.places().collect();
        if !places.is_empty() {
            self.fail(
                "spec",
                format!(
                    "has fields that the CRD knows and this operator does not: {}; bring the operator \
                     to the version of the CRD, or remove them",
                    places.join(", ")
                ),
            );
        }
    }

    fn endpoint(&mut self, endpoint: &str) -> String {
        const FIELD: &str = "spec.endpoint";
        let endpoint = endpoint.trim();
        if !endpoint.starts_with("https://") {
            self.fail(FIELD, "must start with https://");
        } else if endpoint.contains(|c: char| c.is_whitespace() || is_unfit(c)) {
            self.fail(FIELD, "must not contain white space or control characters");
        } else {
            // A URL parser forgives `https:///host` and the like; AWS need not.
            let authority = endpoint["https://".len()..].split(['/', '?', '#', '\\']).next();
            match (authority, Url::parse(endpoint)) {
                (Some(""), _) => {
                    self.fail(FIELD, "must name a host, as in https://mcp.example.com/mcp");
                }
                (_, Err(error)) => self.fail(FIELD, format!("is not a valid URL: {error}")),
                (_, Ok(url)) if !url.username().is_empty() || url.password().is_some() => {
                    self.fail(
                        FIELD,
                        "must not contain user info; use a credential provider instead",
                    );
                }
                (_, Ok(_)) => {}
            }
        }
        endpoint.to_owned()
    }

    fn capabilities(&mut self, capabilities: &[String]) {
        if !capabilities.iter().any(|capability| capability.trim() == "tools") {
            self.fail("spec.capabilities", "must include \"tools\"");
        }
    }

    fn target_name(&mut self, chosen: Option<&str>, default: Option<&str>) -> String {
        let name = chosen.or(default).unwrap_or_default();
        if let Some(problem) = name_problem(name) {
            let message = if chosen.is_some() {
                format!("\"{}\" {problem}", shortened(name))
            } else {
                format!(
                    "the default, metadata.name \"{}\", {problem}; set spec.targetName",
                    shortened(name)
                )
            };
            self.fail("spec.targetName", message);
        }
        name.to_owned()
    }

    fn description(&mut self, description: Option<&str>) -> Option<String> {
        let description = description?;
        let chars = description.chars().count();
        if chars > DESCRIPTION_CHARS {
            self.fail(
                "spec.description",
                format!("has {chars} characters; AWS takes {DESCRIPTION_CHARS} at most"),
            );
        }
        Some(description.to_owned())
    }

    fn headers(&mut self, field: &'static str, headers: Option<&[String]>) -> Vec<String> {
        let headers = entries(headers, str::eq_ignore_ascii_case);
        self.metadata_entries(field, &headers, HEADER_CHARS);
        for header in &headers {
            if !header.chars().all(|c| c.is_ascii_alphanumeric() || c == '-' || c == '_') {
                self.fail(
                    field,
                    format!(
                        "\"{}\" is not a header name: letters, digits, - and _ only",
                        shortened(header)
                    ),
                );
            } else if is_reserved_header(header) {
                self.fail(
                    field,
                    format!(
                        "\"{}\" is reserved by AWS and cannot be propagated; remove it",
                        shortened(header)
                    ),
                );
            }
        }
        headers
    }

    fn query_parameters(&mut self, parameters: Option<&[String]>) -> Vec<String> {
        let parameters = entries(parameters, |a, b| a == b);
        self.metadata_entries("spec.allowedQueryParameters", &parameters, QUERY_PARAMETER_CHARS);
        parameters
    }

    fn metadata_entries(&mut self, field: &'static str, values: &[String], chars: usize) {
        if values.len() > METADATA_ENTRIES {
            self.fail(
                field,
                format!("has {} entries; AWS takes {METADATA_ENTRIES} at most", values.len()),
            );
        }
        self.lengths(field, values, chars);
    }

    fn lengths(&mut self, field: &'static str, values: &[String], most: usize) {
        for value in values {
            self.length(field, value, most);
        }
    }

    fn length(&mut self, field: &'static str, value: &str, most: usize) {
        let chars = value.chars().count();
        if chars > most {
            self.fail(
                field,
                format!(
                    "\"{}\" has {chars} characters; AWS takes {most} at most",
                    shortened(value)
                ),
            );
        }
    }

    fn priority(&mut self, priority: Option<i64>) -> u16 {
        let Some(given) = priority else { return DEFAULT_PRIORITY };
        let fits = u16::try_from(given).ok().filter(|fits| *fits <= MOST_PRIORITY);
        if fits.is_none() {
            self.fail(
                "spec.resourcePriority",
                format!("is {given}; AWS takes 0 to {MOST_PRIORITY}"),
            );
        }
        fits.unwrap_or(DEFAULT_PRIORITY)
    }
}

/// What AWS has against a target's name: the service model's pattern
/// `([0-9a-zA-Z][-]?){1,100}`, said in words.
fn name_problem(name: &str) -> Option<String> {
    let chars = name.chars().count();
    if chars > NAME_CHARS {
        Some(format!("has {chars} characters; AWS takes {NAME_CHARS} at most"))
    } else if !name.chars().all(|c| c.is_ascii_alphanumeric() || c == '-') {
        Some("has characters that AWS does not take: letters, digits and hyphens only".to_owned())
    } else if !name.starts_with(|c: char| c.is_ascii_alphanumeric()) || name.contains("--") {
        Some("must start with a letter or digit and have no two hyphens in a row".to_owned())
    } else {
        None
    }
}

/// Enough of the value to recognise it in a message.
fn shortened(value: &str) -> String {
    const MOST: usize = 60;
    if value.chars().count() <= MOST {
        value.to_owned()
    } else {
        value.chars().take(MOST).chain("…".chars()).collect()
    }
}

#[cfg(test)]
mod tests;
