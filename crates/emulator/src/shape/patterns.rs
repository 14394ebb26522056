//! The patterns of the service model, as functions. Each says which pattern it stands for.

/// `([first][-]?){1,max}`: characters of a class, none of the hyphens first or doubled.
fn hyphenated(text: &str, max: usize, class: fn(char) -> bool) -> bool {
    let groups = text.chars().filter(|letter| class(*letter)).count();
    text.starts_with(class)
        && !text.contains("--")
        && text.chars().all(|letter| class(letter) || letter == '-')
        && groups <= max
}

/// `([0-9a-zA-Z][-]?){1,100}`
pub(super) fn target_name(text: &str) -> bool {
    hyphenated(text, 100, |letter| letter.is_ascii_alphanumeric())
}

/// `([0-9a-zA-Z][-]?){1,48}`
pub(super) fn gateway_name(text: &str) -> bool {
    hyphenated(text, 48, |letter| letter.is_ascii_alphanumeric())
}

/// `[0-9a-zA-Z]{10}`
pub(super) fn target_id(text: &str) -> bool {
    text.len() == 10 && text.chars().all(|letter| letter.is_ascii_alphanumeric())
}

/// `[a-zA-Z0-9](-*[a-zA-Z0-9]){0,256}`
pub(super) fn client_token(text: &str) -> bool {
    let alphanumeric = |letter: char| letter.is_ascii_alphanumeric();
    text.starts_with(alphanumeric)
        && text.ends_with(alphanumeric)
        && text.chars().all(|letter| alphanumeric(letter) || letter == '-')
        && text.chars().filter(|letter| alphanumeric(*letter)).count() <= 257
}

/// `https://.*`
pub(super) fn https(text: &str) -> bool {
    text.strip_prefix("https://").is_some_and(one_line)
}

/// `arn:.*`, as the ARNs of credential providers and roles begin; AWS looks closer later.
pub(super) fn arn(text: &str) -> bool {
    text.strip_prefix("arn:").is_some_and(one_line)
}

/// What a full stop stands for: no line terminators.
fn one_line(text: &str) -> bool {
    !text.contains(['\n', '\r', '\u{85}', '\u{2028}', '\u{2029}'])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names() {
        let hundred = "a-".repeat(100);
        for good in ["a", "A9", "a-b", "a-", hundred.as_str()] {
            assert!(target_name(good), "{good}");
        }
        let more = "a".repeat(101);
        for bad in ["", "-a", "a--b", "a.b", "a_b", "ä", " a", more.as_str()] {
            assert!(!target_name(bad), "{bad}");
        }
    }

    #[test]
    fn tokens() {
        assert!(client_token("a--b") && client_token("0"));
        assert!(!client_token("-a") && !client_token("a-") && !client_token("a_b"));
    }

    #[test]
    fn endpoints() {
        assert!(https("https://") && https("https://a.example/mcp"));
        assert!(!https("http://a.example") && !https("https://a\nb") && !https(" https://a"));
    }
}
