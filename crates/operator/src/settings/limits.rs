//! `--aws-limits`: what AWS allows, by name.

use agentcore::Limits;

use super::{Complaint, set};

/// More than any quota is raised to; a larger number is a slip of the finger.
const MOST: u32 = 10_000;

/// The documented limits with those that are named.
pub(super) fn parse(value: Option<String>) -> Result<Limits, Complaint> {
    let mut limits = Limits::default();
    let Some(text) = set(value) else { return Ok(limits) };
    for part in text.split(',').map(str::trim).filter(|part| !part.is_empty()) {
        assign(&mut limits, part).map_err(|problem| {
            Complaint::about("aws-limits", "AWS_LIMITS", &text, &format!("{part}: {problem}"))
        })?;
    }
    Ok(limits)
}

fn assign(limits: &mut Limits, part: &str) -> Result<(), &'static str> {
    let (name, number) = part.split_once('=').ok_or("a limit is like creates=10")?;
    let number: u32 = number.trim().parse().map_err(|_| "the number is a whole one")?;
    if !(1..=MOST).contains(&number) {
        return Err("the number is from 1 to 10000");
    }
    let limit = match name.trim() {
        "creates" => &mut limits.creates,
        "updates" => &mut limits.updates,
        "deletes" => &mut limits.deletes,
        "gets" => &mut limits.gets,
        "lists" => &mut limits.lists,
        "synchronizes" => &mut limits.synchronizes,
        "operations" => &mut limits.operations,
        _ => {
            return Err(
                "the names are creates, updates, deletes, gets, lists, synchronizes, operations",
            );
        }
    };
    *limit = number;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parsed(text: &str) -> Result<Limits, String> {
        parse(Some(text.to_owned())).map_err(|complaint| complaint.to_string())
    }

    #[test]
    fn what_is_named_is_changed_and_nothing_else() {
        let raised = Limits { creates: 20, operations: 10, ..Limits::default() };
        assert_eq!(parsed(" creates = 20, operations=10,"), Ok(raised));
        assert_eq!(parsed(""), Ok(Limits::default()));
    }

    #[test]
    fn a_wrong_value_says_which_and_what_would_be_right() {
        for (text, problem) in [
            ("creates", "creates: a limit is like creates=10"),
            ("gets=10,creates=0", "creates=0: the number is from 1 to 10000"),
            ("gets=1.5", "gets=1.5: the number is a whole one"),
            ("reads=5", "reads=5: the names are creates, updates"),
        ] {
            let said = parsed(text).unwrap_err();
            assert!(said.contains("--aws-limits (or AWS_LIMITS)"), "{said}");
            assert!(said.contains(problem), "{said}");
        }
    }
}
