//! Which headers a gateway passes on: the names that AWS's documentation reserves.

use serde_json::Value;

/// Families and single names, in lower case; header names are compared without case.
const RESERVED: &[&str] = &[
    // Authentication
    "authorization",
    "proxy-authenticate",
    "proxy-authorization",
    "www-authenticate",
    // Hop by hop
    "connection",
    "keep-alive",
    "proxy-connection",
    "te",
    "trailer",
    "transfer-encoding",
    "upgrade",
    "http2-settings",
    // Content
    "content-disposition",
    "content-encoding",
    "content-language",
    "content-length",
    "content-location",
    "content-md5",
    "content-range",
    "content-security-policy",
    "content-security-policy-report-only",
    "content-type",
    "accept",
    "accept-charset",
    "accept-encoding",
    "accept-language",
    "accept-ranges",
    "expect",
    "range",
    "if-range",
    // Caching
    "age",
    "cache-control",
    "clear-site-data",
    "etag",
    "expires",
    "if-match",
    "if-modified-since",
    "if-none-match",
    "if-unmodified-since",
    "last-modified",
    "pragma",
    "vary",
    "warning",
    // Cross-origin requests
    "access-control-allow-credentials",
    "access-control-allow-headers",
    "access-control-allow-methods",
    "access-control-allow-origin",
    "access-control-expose-headers",
    "access-control-max-age",
    "access-control-request-headers",
    "access-control-request-method",
    "cross-origin-embedder-policy",
    "cross-origin-opener-policy",
    "cross-origin-resource-policy",
    "timing-allow-origin",
    // Cookies
    "cookie",
    "set-cookie",
    // Client hints
    "accept-ch",
    "device-memory",
    "downlink",
    "dpr",
    "ect",
    "rtt",
    "save-data",
    "sec-ch-ua",
    "sec-ch-ua-arch",
    "sec-ch-ua-bitness",
    "sec-ch-ua-full-version-list",
    "sec-ch-ua-mobile",
    "sec-ch-ua-model",
    "sec-ch-ua-platform",
    "sec-ch-ua-platform-version",
    "sec-fetch-dest",
    "sec-fetch-mode",
    "sec-fetch-site",
    "sec-fetch-user",
    "viewport-width",
    "width",
    // Forwarding
    "forwarded",
    "via",
    "x-forwarded-for",
    "x-forwarded-host",
    "x-forwarded-port",
    "x-forwarded-proto",
    "x-real-ip",
    // WebSocket
    "sec-websocket-accept",
    "sec-websocket-extensions",
    "sec-websocket-key",
    "sec-websocket-protocol",
    "sec-websocket-version",
    // The request itself
    "date",
    "from",
    "host",
    "origin",
    "referer",
    "referrer-policy",
    "server",
    "strict-transport-security",
    "user-agent",
];

const AMAZON: &str = "x-amzn-";
const CUSTOM: &str = "x-amzn-bedrock-agentcore-runtime-custom-";

/// Reports the header names that cannot be passed on.
pub(super) fn check(metadata: &Value, refuse: &mut impl FnMut(&str, &str)) {
    for member in ["allowedRequestHeaders", "allowedResponseHeaders"] {
        let Some(Value::Array(names)) = metadata.get(member) else { continue };
        for (index, name) in names.iter().filter_map(Value::as_str).enumerate() {
            let path = format!("metadataConfiguration.{member}[{index}]");
            if !has_form(name) {
                refuse(&path, "A header name consists of letters, digits, hyphens and underscores");
            } else if is_reserved(name) {
                refuse(&path, &format!("The header {name} is restricted and cannot be propagated"));
            }
        }
    }
}

/// `^[a-zA-Z0-9_-]+$`
fn has_form(name: &str) -> bool {
    !name.is_empty()
        && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_' || byte == b'-')
}

fn is_reserved(name: &str) -> bool {
    let name = name.to_ascii_lowercase();
    let is_amazons = name.starts_with(AMAZON) && !name.starts_with(CUSTOM);
    is_amazons || RESERVED.contains(&name.as_str())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_compared_without_case() {
        for reserved in ["Authorization", "HOST", "x-amzn-trace-id", "X-Amzn-Anything", "cookie"] {
            assert!(is_reserved(reserved), "{reserved}");
        }
        for free in ["X-Tenant", "X-Amzn-Bedrock-AgentCore-Runtime-Custom-Tenant", "x_y"] {
            assert!(!is_reserved(free) && has_form(free), "{free}");
        }
        assert!(!has_form("a b") && !has_form("a:b") && !has_form(""));
    }
}
