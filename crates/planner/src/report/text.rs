//! Text that comes from outside, made fit for a status.

use api::text::one_line;

/// Longest text that is taken over from AWS, in characters.
const MOST: usize = 1024;
/// Longest message: such a text, and what is said around it. The API server takes 32768.
const MESSAGE: usize = 4096;
/// Longest link: half of one would lead nowhere.
const LINK: usize = 16_384;

/// The text on one line, without control characters, and of bounded length.
pub(super) fn clean(text: &str) -> String {
    one_line(text, MOST)
}

/// The same of a whole message, which can name what a person wrote.
pub(super) fn message(text: &str) -> String {
    one_line(text, MESSAGE)
}

/// The same of a link.
pub(super) fn link(text: &str) -> String {
    one_line(text, LINK)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_is_one_bounded_line() {
        let (whole, long) = ("x".repeat(MOST), clean(&"x".repeat(MOST + 1)));
        assert_eq!(clean(&whole), whole);
        assert!(long.chars().count() == MOST && long.ends_with('…'), "it says that it is cut");
    }
}
