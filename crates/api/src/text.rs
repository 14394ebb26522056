//! Text that comes from outside, made fit to be shown: from people, from AWS, from other programs.

/// The text on one line and with at most so many characters; that it was cut is shown.
///
/// Whatever is not a character to be read becomes a space: control characters (a terminal takes them for
/// orders, a log for a new line), and those that turn the order of the text around them, so that it reads as
/// something else (Unicode Standard Annex 9, "Explicit Directional Formatting Characters").
#[must_use]
pub fn one_line(text: &str, most: usize) -> String {
    let one_line: String =
        text.chars().map(|c| if is_unfit(c) { ' ' } else { c }).take(most + 1).collect();
    let trimmed = one_line.trim();
    if trimmed.chars().count() > most {
        trimmed.chars().take(most - 1).chain("…".chars()).collect()
    } else {
        trimmed.to_owned()
    }
}

/// Whether nobody is to see this character.
#[must_use]
pub fn is_unfit(c: char) -> bool {
    c.is_control()
        || matches!(c, '\u{2028}' | '\u{2029}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_is_one_bounded_line() {
        assert_eq!(one_line("a\nb\u{1b}[31mc ", 10), "a b [31mc");
        assert_eq!(one_line("\u{202e}a\u{9b}b\u{2028}c\u{2069}", 10), "a b c");
        assert_eq!(one_line("0123456789", 10), "0123456789");
        assert_eq!(one_line("01234567890", 10), "012345678…", "it says that it is cut");
        assert_eq!(one_line("ä€ß", 2), "ä…");
    }
}
