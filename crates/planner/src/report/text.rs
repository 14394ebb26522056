//! Text that comes from outside, made fit for a status.

/// Longest text that is taken over from AWS, in characters.
const MOST: usize = 1024;

/// The text on one line, without control characters, and of bounded length.
pub(super) fn clean(text: &str) -> String {
    let one_line: String =
        text.chars().map(|c| if c.is_control() { ' ' } else { c }).take(MOST + 1).collect();
    let trimmed = one_line.trim();
    if trimmed.chars().count() > MOST {
        trimmed.chars().take(MOST - 1).chain("…".chars()).collect()
    } else {
        trimmed.to_owned()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_is_one_bounded_line() {
        assert_eq!(clean("a\nb\u{1b}[31mc "), "a b [31mc");
        assert_eq!(clean(&"x".repeat(5000)).chars().count(), MOST);
    }
}
