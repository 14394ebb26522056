//! Header names that a gateway never passes on (AWS documentation, "Header propagation with
//! Gateway").
//!
//! Contract: names only that AWS is known to refuse. What is missing here is refused by AWS
//! itself, and its message reaches the condition.

/// Compared without case, as header names are.
const NAMES: &[&str] = &[
    // Authentication
    "authorization",
    "proxy-authenticate",
    "proxy-authorization",
    "www-authenticate",
    // Content and its negotiation
    "accept",
    "accept-charset",
    "accept-encoding",
    "accept-language",
    "accept-ranges",
    "content-disposition",
    "content-encoding",
    "content-language",
    "content-length",
    "content-location",
    "content-range",
    "content-type",
    "expect",
    "range",
    // Caching
    "age",
    "cache-control",
    "etag",
    "expires",
    "if-match",
    "if-modified-since",
    "if-none-match",
    "if-range",
    "if-unmodified-since",
    "last-modified",
    "pragma",
    "vary",
    // Hop by hop
    "connection",
    "keep-alive",
    "proxy-connection",
    "te",
    "trailer",
    "transfer-encoding",
    "upgrade",
    // The request and the response themselves
    "date",
    "from",
    "host",
    "location",
    "origin",
    "referer",
    "retry-after",
    "server",
    "user-agent",
    // Cookies
    "cookie",
    "set-cookie",
    // Security policies of browsers
    "content-security-policy",
    "content-security-policy-report-only",
    "cross-origin-embedder-policy",
    "cross-origin-opener-policy",
    "cross-origin-resource-policy",
    "permissions-policy",
    "referrer-policy",
    "strict-transport-security",
    "x-content-type-options",
    "x-frame-options",
    "x-xss-protection",
    // Client hints
    "accept-ch",
    "device-memory",
    "downlink",
    "dpr",
    "ect",
    "rtt",
    "save-data",
    "viewport-width",
    // Forwarding
    "forwarded",
    "via",
    "x-real-ip",
];

/// Families of names.
const PREFIXES: &[&str] = &["access-control-", "sec-ch-", "sec-websocket-", "x-forwarded-"];

/// The one family of `X-Amzn-` that AWS passes on.
const RUNTIME_CUSTOM: &str = "x-amzn-bedrock-agentcore-runtime-custom-";

/// Whether AWS refuses to pass this header on.
pub(crate) fn is_reserved_header(name: &str) -> bool {
    let name = name.to_ascii_lowercase();
    if name.starts_with("x-amzn-") {
        return !name.starts_with(RUNTIME_CUSTOM);
    }
    NAMES.contains(&name.as_str()) || PREFIXES.iter().any(|prefix| name.starts_with(prefix))
}

#[cfg(test)]
mod tests {
    use super::is_reserved_header;

    #[test]
    fn names_are_compared_without_case() {
        for name in ["Authorization", "HOST", "Sec-WebSocket-Key", "X-Forwarded-For", "x-amzn-foo"]
        {
            assert!(is_reserved_header(name), "{name}");
        }
    }

    #[test]
    fn what_aws_passes_on_is_not_reserved() {
        for name in
            ["X-Correlation-Id", "X-Amzn-Bedrock-AgentCore-Runtime-Custom-Tenant", "hostess", "tea"]
        {
            assert!(!is_reserved_header(name), "{name}");
        }
    }
}
