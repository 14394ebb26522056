//! Signature Version 4, for the access keys whose secret is known.

use axum::body::Bytes;
use hmac::{Hmac, KeyInit as _, Mac as _};
use http::HeaderMap;
use http::request::Parts;
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, percent_decode_str, utf8_percent_encode};
use sha2::{Digest as _, Sha256};

/// All but the characters that RFC 3986 calls unreserved.
const RESERVED: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');

/// What a signature says it covers.
#[derive(Debug)]
pub(super) struct Claim<'a> {
    pub(super) date: &'a str,
    pub(super) region: &'a str,
    pub(super) service: &'a str,
    pub(super) signed_headers: &'a str,
    pub(super) signature: &'a str,
}

/// Whether the request bears the signature that the secret gives.
pub(super) fn is_genuine(parts: &Parts, body: &Bytes, claim: &Claim<'_>, secret: &str) -> bool {
    signature(parts, body, claim, secret).is_some_and(|genuine| genuine == claim.signature)
}

fn signature(parts: &Parts, body: &Bytes, claim: &Claim<'_>, secret: &str) -> Option<String> {
    let Claim { date, region, service, signed_headers, .. } = claim;
    let time = parts.headers.get("x-amz-date")?.to_str().ok()?;
    let request = [
        parts.method.as_str(),
        &canonical_path(parts.uri.path()),
        &canonical_query(parts.uri.query().unwrap_or_default()),
        &canonical_headers(&parts.headers, signed_headers)?,
        signed_headers,
        &payload_hash(&parts.headers, body),
    ]
    .join("\n");
    let scope = format!("{date}/{region}/{service}/aws4_request");
    let text = format!("AWS4-HMAC-SHA256\n{time}\n{scope}\n{}", hex(&Sha256::digest(request)));
    let mut key = format!("AWS4{secret}").into_bytes();
    for part in [*date, *region, *service, "aws4_request"] {
        key = mac(&key, part)?;
    }
    Some(hex(&mac(&key, &text)?))
}

/// Encoded once more than on the wire, as for every service but S3.
fn canonical_path(path: &str) -> String {
    let segments: Vec<String> =
        path.split('/').map(|segment| utf8_percent_encode(segment, RESERVED).to_string()).collect();
    segments.join("/")
}

fn canonical_query(query: &str) -> String {
    let encoded = |text: &str| {
        let decoded = percent_decode_str(text).decode_utf8_lossy();
        utf8_percent_encode(&decoded, RESERVED).to_string()
    };
    let mut pairs: Vec<(String, String)> = query
        .split('&')
        .filter(|pair| !pair.is_empty())
        .map(|pair| pair.split_once('=').unwrap_or((pair, "")))
        .map(|(name, value)| (encoded(name), encoded(value)))
        .collect();
    pairs.sort();
    let pairs: Vec<String> =
        pairs.into_iter().map(|(name, value)| format!("{name}={value}")).collect();
    pairs.join("&")
}

/// One line for each signed header, and an empty one at the end.
fn canonical_headers(headers: &HeaderMap, signed: &str) -> Option<String> {
    let mut lines = String::new();
    for name in signed.split(';') {
        let values: Vec<String> = headers
            .get_all(name)
            .iter()
            .map(|value| {
                let words: Option<Vec<&str>> =
                    value.to_str().ok().map(|value| value.split_whitespace().collect());
                words.map(|words| words.join(" "))
            })
            .collect::<Option<_>>()?;
        if values.is_empty() {
            return None;
        }
        lines.extend([name, ":", &values.join(","), "\n"]);
    }
    Some(lines)
}

fn payload_hash(headers: &HeaderMap, body: &Bytes) -> String {
    match headers.get("x-amz-content-sha256") {
        Some(hash) if hash == "UNSIGNED-PAYLOAD" => "UNSIGNED-PAYLOAD".to_owned(),
        _ => hex(&Sha256::digest(body)),
    }
}

fn mac(key: &[u8], text: &str) -> Option<Vec<u8>> {
    let mut mac = Hmac::<Sha256>::new_from_slice(key).ok()?;
    mac.update(text.as_bytes());
    Some(mac.finalize().into_bytes().to_vec())
}

fn hex(bytes: &[u8]) -> String {
    let digits = bytes.iter().flat_map(|byte| [byte >> 4, byte & 0xf]);
    digits.filter_map(|digit| char::from_digit(digit.into(), 16)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The worked example of AWS's documentation of Signature Version 4: `ListUsers` of IAM.
    #[test]
    fn the_documented_example_is_genuine() {
        let request = http::Request::get("/?Action=ListUsers&Version=2010-05-08")
            .header("host", "iam.amazonaws.com")
            .header("content-type", "application/x-www-form-urlencoded; charset=utf-8")
            .header("x-amz-date", "20150830T123600Z")
            .body(())
            .unwrap();
        let (parts, ()) = request.into_parts();
        let claim = Claim {
            date: "20150830",
            region: "us-east-1",
            service: "iam",
            signed_headers: "content-type;host;x-amz-date",
            signature: "5d672d79c15b13162d9279b0855cfba6789a8edb4c82c400e06b5924a6f2b5d7",
        };
        let secret = "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY";
        assert!(is_genuine(&parts, &Bytes::new(), &claim, secret));
        assert!(!is_genuine(&parts, &Bytes::from("x"), &claim, secret));
        assert!(!is_genuine(&parts, &Bytes::new(), &claim, "another"));
    }
}
