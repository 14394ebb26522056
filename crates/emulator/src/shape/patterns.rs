//! The patterns of the service model, as the model writes them.
//!
//! Matched by an engine that does not backtrack: some of them are of a kind on which one that
//! does never ends. Each is compiled when it is first met, and kept.

use std::collections::HashMap;
use std::sync::{Arc, PoisonError, RwLock};

use regex_lite::Regex;

static COMPILED: RwLock<Option<HashMap<&'static str, Arc<Regex>>>> = RwLock::new(None);

/// Whether the pattern describes the whole text. A pattern that cannot be compiled describes
/// nothing, so a mistake in the tables cannot pass unseen.
pub(super) fn matches(pattern: &'static str, text: &str) -> bool {
    compiled(pattern).is_some_and(|regex| regex.is_match(text))
}

fn compiled(pattern: &'static str) -> Option<Arc<Regex>> {
    let known = COMPILED.read().unwrap_or_else(PoisonError::into_inner);
    if let Some(regex) = known.as_ref().and_then(|known| known.get(pattern)) {
        return Some(Arc::clone(regex));
    }
    drop(known);
    let regex = Arc::new(Regex::new(&format!("^(?:{pattern})$")).ok()?);
    let mut known = COMPILED.write().unwrap_or_else(PoisonError::into_inner);
    known.get_or_insert_default().insert(pattern, Arc::clone(&regex));
    Some(regex)
}

#[cfg(test)]
mod tests {
    use super::super::{Shape, requests};
    use super::*;

    #[test]
    fn every_pattern_of_the_tables_compiles() {
        fn walk(shape: &Shape, seen: &mut Vec<*const Shape>) {
            if seen.iter().any(|known| std::ptr::eq(*known, shape)) {
                return;
            }
            seen.push(shape);
            match shape {
                Shape::Text(text) => {
                    if let Some(pattern) = text.pattern {
                        assert!(compiled(pattern).is_some(), "{pattern}");
                    }
                }
                Shape::List { item, .. } => walk(item, seen),
                Shape::Map { key, value, .. } => {
                    walk(key, seen);
                    walk(value, seen);
                }
                Shape::Structure(members) | Shape::Union(members) => {
                    members.iter().for_each(|member| walk(member.shape, seen));
                }
                Shape::Enum(_) | Shape::Integer { .. } | Shape::Boolean | Shape::Document => {}
            }
        }
        for (_, shape) in requests::BODIES {
            walk(shape, &mut Vec::new());
        }
    }

    #[test]
    fn a_pattern_describes_the_whole_text() {
        let name = "([0-9a-zA-Z][-]?){1,100}";
        let hundred = "a-".repeat(100);
        for good in ["a", "A9", "a-b", "a-", hundred.as_str()] {
            assert!(matches(name, good), "{good}");
        }
        let more = "a".repeat(101);
        for bad in ["", "-a", "a--b", "a.b", "a_b", "ä", " a", "a\n", more.as_str()] {
            assert!(!matches(name, bad), "{bad:?}");
        }
        assert!(matches("https://.*", "https://") && !matches("https://.*", "http://a"));
        assert!(!matches("[", "["));
    }
}
