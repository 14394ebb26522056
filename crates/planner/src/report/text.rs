//! Text that comes from outside, made fit for a status.

/// Longest text that is taken over from AWS, in characters.
const MOST: usize = 1024;
/// Longest message: such a text, and what is said around it. The API server takes 32768.
const MESSAGE: usize = 4096;
/// Longest link: half of one would lead nowhere.
const LINK: usize = 16_384;

/// The text on one line, without control characters, and of bounded length.
pub(super) fn clean(text: &str) -> String {
    bounded(text, MOST)
}

/// The same of a whole message, which can name what a person wrote.
pub(super) fn message(text: &str) -> String {
    bounded(text, MESSAGE)
}

/// The same of a link.
pub(super) fn link(text: &str) -> String {
    bounded(text, LINK)
}

fn bounded(text: &str, most: usize) -> String {
    let one_line: String =
        text.chars().map(|c| if c.is_control() { ' ' } else { c }).take(most + 1).collect();
    let trimmed = one_line.trim();
    if trimmed.chars().count() > most {
        trimmed.chars().take(most - 1).chain("…".chars()).collect()
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
        let (whole, long) = ("x".repeat(MOST), clean(&"x".repeat(MOST + 1)));
        assert_eq!(clean(&whole), whole);
        assert!(long.chars().count() == MOST && long.ends_with('…'), "it says that it is cut");
    }
}
