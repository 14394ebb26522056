//! The signature of a request, as far as it says who calls and from where.
//!
//! The secret is not verified: what a client signs with is its own affair here. What is
//! verified is what clients get wrong: no signature, another service.

use http::HeaderMap;
use http::header::AUTHORIZATION;

use crate::error::{ApiError, ErrorKind};

/// The credential scope of a signature.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Scope {
    pub(super) region: String,
    pub(super) service: String,
}

/// Reads the credential scope and refuses a request without one.
pub(super) fn scope(headers: &HeaderMap) -> Result<Scope, ApiError> {
    let Some(header) = headers.get(AUTHORIZATION) else {
        return Err(refusal("MissingAuthenticationTokenException", "Missing Authentication Token"));
    };
    header.to_str().ok().and_then(parse).ok_or_else(|| {
        let message = "Authorization header requires 'Credential', 'SignedHeaders' and 'Signature'";
        refusal("IncompleteSignatureException", message)
    })
}

/// The Region of a request that is signed for `service`.
pub(super) fn region(headers: &HeaderMap, service: &str) -> Result<String, ApiError> {
    let scope = scope(headers)?;
    if scope.service != service {
        let message = format!("Credential should be scoped to correct service: '{service}'.");
        return Err(refusal("InvalidSignatureException", &message));
    }
    Ok(scope.region)
}

fn refusal(code: &str, message: &str) -> ApiError {
    ApiError::new(ErrorKind::Other { code: code.to_owned(), status: 403 }, message)
}

/// `AWS4-HMAC-SHA256 Credential=<key>/<date>/<region>/<service>/aws4_request, …`
fn parse(header: &str) -> Option<Scope> {
    let fields = header.strip_prefix("AWS4-HMAC-SHA256 ")?;
    let field = |name: &str| {
        fields.split(',').find_map(|field| field.trim().strip_prefix(name)?.strip_prefix('='))
    };
    field("SignedHeaders")?;
    field("Signature")?;
    let mut scope = field("Credential")?.rsplitn(5, '/');
    if scope.next()? != "aws4_request" {
        return None;
    }
    let service = scope.next()?.to_owned();
    let region = scope.next()?.to_owned();
    let (_date, _key) = (scope.next()?, scope.next()?);
    Some(Scope { region, service })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn scopes_are_read() {
        let header = "AWS4-HMAC-SHA256 Credential=AKID/20260101/eu-west-1/bedrock-agentcore/\
                      aws4_request, SignedHeaders=host;x-amz-date, Signature=00";
        let scope = Scope { region: "eu-west-1".into(), service: "bedrock-agentcore".into() };
        assert_eq!(parse(header), Some(scope));
        for bad in ["", "Bearer x", "AWS4-HMAC-SHA256 Credential=a/b/c, SignedHeaders=, Signature="]
        {
            assert_eq!(parse(bad), None, "{bad}");
        }
    }
}
