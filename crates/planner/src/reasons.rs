//! What the reasons that AWS gives for a failed target mean for what comes next.
//!
//! Contract: the wordings come from field reports. One that is not known here is taken for
//! something that goes by: to try again does no harm, while to give up leaves a target broken.

/// Whether the reasons say that only an edit of the resource can help.
pub(crate) fn blame_the_spec(reasons: &[String]) -> bool {
    let says = |wordings: &[&str]| {
        reasons.iter().any(|reason| {
            let reason = reason.to_lowercase();
            wordings.iter().any(|wording| reason.contains(wording))
        })
    };
    says(&SPEC) && !says(&PASSING)
}

/// Whether a refusal says that a value is one that no target can have, in the words in which AWS
/// services report the violations of their models. To make another target would not help.
pub(crate) fn blames_a_value(refusal: &str) -> bool {
    let refusal = refusal.to_lowercase();
    ["validation error detected", "failed to satisfy constraint"]
        .iter()
        .any(|wording| refusal.contains(wording))
}

/// Rights that take their time to arrive, names that do not resolve yet, servers that are cold or
/// down, and AWS itself.
const PASSING: [&str; 9] = [
    "lacks permission",
    "not authorized",
    "authorization error",
    "failed to resolve hostname",
    "initialization time exceeded",
    "failed to connect",
    "timed out",
    "throttl",
    "internal",
];

/// What no time heals.
const SPEC: [&str; 6] =
    ["invalid", "malformed", "not supported", "unsupported", "does not exist", "validation"];

#[cfg(test)]
mod tests {
    use super::{blame_the_spec, blames_a_value};

    #[test]
    fn a_value_that_no_target_can_have_is_told_from_a_change_that_is_refused() {
        let said = "ValidationException: 1 validation error detected: Value at 'privateEndpoint' failed \
                    to satisfy constraint: Member must satisfy regular expression pattern";
        assert!(blames_a_value(said));
        assert!(!blames_a_value("ValidationException: the private endpoint cannot be changed"));
    }

    #[test]
    fn only_what_no_time_heals_is_blamed_on_the_spec() {
        for (reasons, blamed) in [
            (&[][..], false),
            (&["Gateway execution role lacks permission to invoke it"], false),
            (&["Failed to resolve hostname mcp.example.com"], false),
            (&["MCP server initialization time exceeded"], false),
            (&["Failed to connect and fetch tools from the provided MCP target server."], false),
            (&["Error - Authorization error when sending message"], false),
            (&["Something that nobody has ever seen"], false),
            (&["Invalid tool schema: two tools have one name"], true),
            (&["The credential provider does not exist"], true),
            (&["Invalid answer", "Failed to connect to the server"], false),
        ] {
            let reasons: Vec<String> = reasons.iter().map(ToString::to_string).collect();
            assert_eq!(blame_the_spec(&reasons), blamed, "{reasons:?}");
        }
    }
}
