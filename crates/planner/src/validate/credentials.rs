//! How the gateway authenticates itself: one type, and what belongs to it.

use std::collections::BTreeMap;

use api::{ApiKeyAuth, Credentials, Grant, IamAuth, KeyLocation, MCPServerSpec};

use super::network::is_account;
use super::{Check, chosen, entries, set, shortened};

/// Limits of the AWS service model.
const SCOPES: usize = 100;
const SCOPE_CHARS: usize = 64;
const PARAMETERS: usize = 10;
const PARAMETER_NAME_CHARS: usize = 256;
const PARAMETER_VALUE_CHARS: usize = 2048;
const URL_CHARS: usize = 2048;
const SERVICE_CHARS: usize = 64;
const REGION_CHARS: usize = 32;
const KEY_TEXT_CHARS: usize = 64;

const OAUTH: &str = "OAuth2";
const IAM: &str = "IAM";
const API_KEY: &str = "APIKey";
const NONE: &str = "NoAuth";

impl Check {
    pub(super) fn credentials(&mut self, spec: &MCPServerSpec) -> Option<Credentials> {
        let kind = set(spec.auth_type.as_ref()).unwrap_or(OAUTH);
        if ![OAUTH, NONE, IAM, API_KEY].contains(&kind) {
            let message = format!(
                "\"{}\" is not known; known are {OAUTH}, {NONE}, {IAM}, {API_KEY}",
                shortened(kind)
            );
            self.fail("spec.authType", message);
            return None;
        }
        self.only_what_belongs(spec, kind);
        match kind {
            OAUTH => Some(self.oauth(spec)),
            IAM => Some(self.iam(spec.iam.as_deref())),
            API_KEY => Some(self.api_key(spec.api_key.as_deref())),
            _ => None,
        }
    }

    /// What belongs to another type than the one that is chosen would be without effect.
    fn only_what_belongs(&mut self, spec: &MCPServerSpec, kind: &str) {
        let list = |values: Option<&Vec<String>>| {
            values.is_some_and(|values| values.iter().any(|value| !value.trim().is_empty()))
        };
        let parameters = spec.oauth_custom_parameters.as_ref();
        let present = [
            ("spec.oauthProviderArn", OAUTH, set(spec.oauth_provider_arn.as_ref()).is_some()),
            ("spec.oauthScopes", OAUTH, list(spec.oauth_scopes.as_ref())),
            ("spec.oauthGrantType", OAUTH, set(spec.oauth_grant_type.as_ref()).is_some()),
            (
                "spec.oauthDefaultReturnUrl",
                OAUTH,
                set(spec.oauth_default_return_url.as_ref()).is_some(),
            ),
            (
                "spec.oauthCustomParameters",
                OAUTH,
                parameters.is_some_and(|parameters| !parameters.is_empty()),
            ),
            ("spec.iam", IAM, spec.iam.is_some()),
            ("spec.apiKey", API_KEY, spec.api_key.is_some()),
        ];
        for (field, owner, present) in present {
            if present && owner != kind {
                let message = format!(
                    "belongs to authType {owner}, but authType is {kind}: remove it, or choose {owner}"
                );
                self.fail(field, message);
            }
        }
    }

    fn oauth(&mut self, spec: &MCPServerSpec) -> Credentials {
        const FIELD: &str = "spec.oauthProviderArn";
        let provider_arn = set(spec.oauth_provider_arn.as_ref());
        match provider_arn {
            None => {
                self.fail(
                    FIELD,
                    "is required with authType OAuth2: the ARN of the credential provider",
                );
            }
            Some(arn) => self.arn(FIELD, arn),
        }
        let scopes = entries(spec.oauth_scopes.as_deref(), |a, b| a == b);
        if scopes.len() > SCOPES {
            let message = format!("has {} entries; AWS takes {SCOPES} at most", scopes.len());
            self.fail("spec.oauthScopes", message);
        }
        self.lengths("spec.oauthScopes", &scopes, SCOPE_CHARS);
        let grants = [
            ("ClientCredentials", Grant::ClientCredentials),
            ("AuthorizationCode", Grant::AuthorizationCode),
            ("TokenExchange", Grant::TokenExchange),
        ];
        let grant = chosen(self, "spec.oauthGrantType", spec.oauth_grant_type.as_ref(), &grants);
        Credentials::OAuth {
            provider_arn: provider_arn.unwrap_or_default().to_owned(),
            scopes,
            grant,
            return_url: self.return_url(set(spec.oauth_default_return_url.as_ref()), grant),
            custom_parameters: self.parameters(spec.oauth_custom_parameters.as_ref()),
        }
    }

    fn return_url(&mut self, url: Option<&str>, grant: Grant) -> Option<String> {
        const FIELD: &str = "spec.oauthDefaultReturnUrl";
        let url = url?;
        if grant != Grant::AuthorizationCode {
            self.fail(
                FIELD,
                "belongs to oauthGrantType AuthorizationCode: remove it, or choose that",
            );
        }
        // The service model's pattern: `\w+:(\/?\/?)[^\s]+`.
        let (scheme, rest) = url.split_once(':').unwrap_or_default();
        let word = |c: char| c.is_ascii_alphanumeric() || c == '_';
        if scheme.is_empty() || !scheme.chars().all(word) || rest.is_empty() {
            self.fail(FIELD, "is not a URL such as https://app.example.com/done");
        } else if url.contains(char::is_whitespace) {
            self.fail(FIELD, "must not contain white space");
        }
        self.length(FIELD, url, URL_CHARS);
        Some(url.to_owned())
    }

    /// Names and values are kept to the letter: they are not ours.
    fn parameters(&mut self, given: Option<&BTreeMap<String, String>>) -> BTreeMap<String, String> {
        const FIELD: &str = "spec.oauthCustomParameters";
        let parameters = given.cloned().unwrap_or_default();
        if parameters.len() > PARAMETERS {
            let message =
                format!("has {} entries; AWS takes {PARAMETERS} at most", parameters.len());
            self.fail(FIELD, message);
        }
        for (name, value) in &parameters {
            if name.is_empty() {
                self.fail(FIELD, "has an entry without a name");
            } else if value.is_empty() {
                self.fail(FIELD, format!("\"{}\" has no value", shortened(name)));
            }
            self.length(FIELD, name, PARAMETER_NAME_CHARS);
            self.length(FIELD, value, PARAMETER_VALUE_CHARS);
        }
        parameters
    }

    fn iam(&mut self, iam: Option<&IamAuth>) -> Credentials {
        const FIELD: &str = "spec.iam.service";
        let Some(iam) = iam else {
            self.fail(
                "spec.iam",
                "is required with authType IAM: iam.service names the AWS service",
            );
            return Credentials::Iam { service: String::new(), region: None };
        };
        let service = iam.service.trim();
        let plain = |c: char| c.is_ascii_alphanumeric() || "._-".contains(c);
        if service.is_empty() {
            self.fail(FIELD, "is required: the signing name, such as bedrock-agentcore");
        } else if !service.chars().all(plain) {
            self.fail(FIELD, "is no signing name: letters, digits, dots, hyphens and _ only");
        }
        self.length(FIELD, service, SERVICE_CHARS);
        let region = set(iam.region.as_ref());
        if let Some(region) = region {
            if !region.chars().all(|c| c.is_ascii_alphanumeric() || c == '-') {
                self.fail("spec.iam.region", "is no Region such as us-east-1");
            }
            self.length("spec.iam.region", region, REGION_CHARS);
        }
        Credentials::Iam { service: service.to_owned(), region: region.map(str::to_owned) }
    }

    fn api_key(&mut self, key: Option<&ApiKeyAuth>) -> Credentials {
        const FIELD: &str = "spec.apiKey.providerArn";
        let nothing = ApiKeyAuth::default();
        if key.is_none() {
            self.fail(
                "spec.apiKey",
                "is required with authType APIKey: apiKey.providerArn says which",
            );
        }
        let given = key.unwrap_or(&nothing);
        let provider_arn = given.provider_arn.trim();
        if key.is_some() && provider_arn.is_empty() {
            self.fail(FIELD, "is required: the ARN of the credential provider");
        } else if key.is_some() {
            self.arn(FIELD, provider_arn);
        }
        let mut text = |field, value| -> Option<String> {
            let value = set(value)?;
            self.length(field, value, KEY_TEXT_CHARS);
            Some(value.to_owned())
        };
        let parameter_name = text("spec.apiKey.parameterName", given.parameter_name.as_ref());
        let prefix = text("spec.apiKey.prefix", given.prefix.as_ref());
        let locations =
            [("Header", KeyLocation::Header), ("QueryParameter", KeyLocation::QueryParameter)];
        Credentials::ApiKey {
            provider_arn: provider_arn.to_owned(),
            parameter_name,
            prefix,
            location: chosen(self, "spec.apiKey.location", given.location.as_ref(), &locations),
        }
    }

    /// After the service model's pattern: `arn:([^:]*):([^:]*):([^:]*):([0-9]{12})?:(.+)`.
    fn arn(&mut self, field: &'static str, arn: &str) {
        let parts: Vec<&str> = arn.splitn(6, ':').collect();
        let account = |text: &str| text.is_empty() || is_account(text);
        if !arn.starts_with("arn:") {
            self.fail(field, "must start with arn:");
        } else if arn.contains(char::is_whitespace) {
            self.fail(field, "must not contain white space");
        } else if !matches!(parts[..], [_, _, _, _, id, name] if account(id) && !name.is_empty()) {
            self.fail(field, "is no ARN of the form arn:aws:SERVICE:REGION:ACCOUNT:NAME");
        }
    }
}
