//! The signature of a request: who signed, for which Region, and whether that may be.
//!
//! A secret is verified only where the settings know it: what a client signs with is its own
//! affair here. What is verified always is what clients get wrong: no signature, another service.

use axum::body::Bytes;
use http::HeaderMap;
use http::header::AUTHORIZATION;
use http::request::Parts;
use jiff::Timestamp;
use jiff::civil::DateTime;
use jiff::tz::TimeZone;

use super::sigv4::{Claim, is_genuine};
use crate::call::Signer;
use crate::error::ApiError;
use crate::settings::Settings;

/// The parts of the header `Authorization`.
#[derive(Debug, PartialEq, Eq)]
struct Signature<'a> {
    access_key: &'a str,
    date: &'a str,
    region: &'a str,
    service: &'a str,
    signed_headers: &'a str,
    signature: &'a str,
}

/// Who signed a request for `service`; an error if it may not pass.
pub(super) fn signer(
    parts: &Parts,
    body: &Bytes,
    service: &str,
    settings: &Settings,
    now: Timestamp,
) -> Result<Signer, ApiError> {
    let Some(header) = parts.headers.get(AUTHORIZATION) else {
        let message = "Missing Authentication Token";
        return Err(ApiError::door("MissingAuthenticationTokenException", message));
    };
    let signature = header.to_str().ok().and_then(parse).ok_or_else(|| {
        let message = "Authorization header requires 'Credential', 'SignedHeaders' and 'Signature'";
        ApiError::door("IncompleteSignatureException", message)
    })?;
    if signature.service != service {
        return Err(invalid(&format!(
            "Credential should be scoped to correct service: '{service}'."
        )));
    }
    if let Some(region) = &settings.signatures.region
        && signature.region != region
    {
        return Err(invalid(&format!(
            "Credential should be scoped to a valid Region, not '{}'.",
            signature.region
        )));
    }
    check_time(&parts.headers, settings, now)?;
    check_secret(parts, body, &signature, settings)?;
    let token = parts.headers.get("x-amz-security-token");
    Ok(Signer {
        access_key: signature.access_key.to_owned(),
        region: signature.region.to_owned(),
        token: token.and_then(|token| token.to_str().ok()).map(str::to_owned),
    })
}

/// A signature lives for minutes only, by the service's clock.
fn check_time(headers: &HeaderMap, settings: &Settings, now: Timestamp) -> Result<(), ApiError> {
    let Some(window) = settings.signatures.window else { return Ok(()) };
    let signed = headers
        .get("x-amz-date")
        .and_then(|date| date.to_str().ok())
        .and_then(|date| DateTime::strptime("%Y%m%dT%H%M%SZ", date).ok())
        .and_then(|date| date.to_zoned(TimeZone::UTC).ok())
        .ok_or_else(|| invalid("Authorization header requires existence of 'X-Amz-Date' header."))?
        .timestamp();
    if now.duration_since(signed).unsigned_abs() <= window {
        return Ok(());
    }
    let relation = if signed < now { "Signature expired" } else { "Signature not yet current" };
    Err(invalid(&format!("{relation}: {signed} is not within {window:?} of {now}")))
}

fn check_secret(
    parts: &Parts,
    body: &Bytes,
    signature: &Signature<'_>,
    settings: &Settings,
) -> Result<(), ApiError> {
    let mut keys = settings.accounts.iter().flat_map(|account| &account.access_keys);
    let key = keys.find(|key| key.id == signature.access_key);
    let Some(secret) = key.and_then(|key| key.secret.as_deref()) else { return Ok(()) };
    let Signature { date, region, service, signed_headers, signature, .. } = *signature;
    let claim = Claim { date, region, service, signed_headers, signature };
    if is_genuine(parts, body, &claim, secret) {
        return Ok(());
    }
    Err(invalid(
        "The request signature we calculated does not match the signature you provided. Check \
         your AWS Secret Access Key and signing method.",
    ))
}

fn invalid(message: &str) -> ApiError {
    ApiError::door("InvalidSignatureException", message)
}

/// `AWS4-HMAC-SHA256 Credential=<key>/<date>/<region>/<service>/aws4_request, …`
fn parse(header: &str) -> Option<Signature<'_>> {
    let fields = header.strip_prefix("AWS4-HMAC-SHA256 ")?;
    let field = |name: &str| {
        fields.split(',').find_map(|field| field.trim().strip_prefix(name)?.strip_prefix('='))
    };
    let (signed_headers, signature) = (field("SignedHeaders")?, field("Signature")?);
    let mut scope = field("Credential")?.rsplitn(5, '/');
    if scope.next()? != "aws4_request" {
        return None;
    }
    let (service, region, date) = (scope.next()?, scope.next()?, scope.next()?);
    let access_key = scope.next()?;
    Some(Signature { access_key, date, region, service, signed_headers, signature })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn scopes_are_read() {
        let header = "AWS4-HMAC-SHA256 Credential=AKID/20260101/eu-west-1/bedrock-agentcore/\
                      aws4_request, SignedHeaders=host;x-amz-date, Signature=00";
        let signature = Signature {
            access_key: "AKID",
            date: "20260101",
            region: "eu-west-1",
            service: "bedrock-agentcore",
            signed_headers: "host;x-amz-date",
            signature: "00",
        };
        assert_eq!(parse(header), Some(signature));
        for bad in ["", "Bearer x", "AWS4-HMAC-SHA256 Credential=a/b/c, SignedHeaders=, Signature="]
        {
            assert_eq!(parse(bad), None, "{bad}");
        }
    }

    #[test]
    fn a_signature_has_its_time() {
        let mut settings = Settings::default();
        settings.signatures.window = Some(std::time::Duration::from_mins(5));
        let mut headers = HeaderMap::new();
        assert!(check_time(&headers, &settings, Timestamp::UNIX_EPOCH).is_err());
        headers.insert("x-amz-date", "19700101T000300Z".parse().unwrap());
        let at = |second| check_time(&headers, &settings, Timestamp::from_second(second).unwrap());
        assert!(at(0).is_ok() && at(480).is_ok());
        assert!(at(481).unwrap_err().message.starts_with("Signature expired"));
        assert!(at(-121).unwrap_err().message.starts_with("Signature not yet current"));
    }
}
