//! What was read and has no field here: a person or an operator of a newer version has written it.
//!
//! Contract: of what is not known its place is noted, and nothing else. It is bounded, because others
//! decide how much of it there is. Almost never is there any, so that to hold none costs a pointer.

use serde::{Deserializer, de};
use serde_ignored::Path;

use crate::text::one_line;

/// So many places are noted.
const MOST: usize = 16;
/// The longest place that is shown, in characters.
const LONGEST: usize = 128;

/// The places of what is not known, such as `toolSync.often`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[allow(clippy::box_collection)]
pub struct Unknown(Option<Box<Vec<String>>>);

impl Unknown {
    /// The places, in the order in which they were read.
    pub fn places(&self) -> impl Iterator<Item = &str> {
        self.0.iter().flat_map(|places| places.iter()).map(String::as_str)
    }

    fn note(&mut self, path: &Path<'_>) {
        let places = self.0.get_or_insert_default();
        if places.len() < MOST {
            places.push(one_line(&place(path), LONGEST));
        }
    }
}

/// Reads with this, and gives what was ignored meanwhile.
pub(crate) fn noting<'de, D, T>(
    deserializer: D,
    read: impl FnOnce(
        serde_ignored::Deserializer<'_, '_, D, &mut dyn FnMut(Path<'_>)>,
    ) -> Result<T, D::Error>,
) -> Result<(T, Unknown), D::Error>
where
    D: Deserializer<'de>,
    D::Error: de::Error,
{
    let mut unknown = Unknown::default();
    let mut note = |path: Path<'_>| unknown.note(&path);
    let mut note: &mut dyn FnMut(Path<'_>) = &mut note;
    let value = read(serde_ignored::Deserializer::new(deserializer, &mut note))?;
    Ok((value, unknown))
}

fn place(path: &Path<'_>) -> String {
    let below = |parent: &Path<'_>, separator: &str, name: &str| {
        let parent = place(parent);
        if parent.is_empty() { name.to_owned() } else { format!("{parent}{separator}{name}") }
    };
    match path {
        Path::Root => String::new(),
        Path::Seq { parent, index } => below(parent, "", &format!("[{index}]")),
        Path::Map { parent, key } => below(parent, ".", key),
        Path::Some { parent }
        | Path::NewtypeStruct { parent }
        | Path::NewtypeVariant { parent } => place(parent),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use crate::{MCPServerSpec, MCPServerStatus};

    fn spec(value: Value) -> MCPServerSpec {
        serde_json::from_value(value).unwrap()
    }

    #[test]
    fn what_a_spec_has_beyond_this_version_is_noted_by_its_place() {
        let read = spec(json!({
            "endpoint": "https://a.example.com", "capabilities": ["tools"], "colour": { "red": 1 },
            "toolSync": { "often": true, "interval": "1h" },
            "oauthCustomParameters": { "anything": "goes" },
        }));
        assert_eq!(read.unknown.places().collect::<Vec<_>>(), ["colour", "toolSync.often"]);
        // It is not ours to write.
        let written = serde_json::to_value(&read).unwrap();
        assert!(written.get("colour").is_none() && written.get("unknown").is_none(), "{written}");
        let known = spec(json!({ "endpoint": "https://a.example.com", "capabilities": ["tools"] }));
        assert_eq!(known.unknown.places().count(), 0);
    }

    #[test]
    fn what_a_status_has_beyond_this_version_is_noted_by_its_place() {
        let status: MCPServerStatus = serde_json::from_value(json!({
            "targetId": "T", "migration": {},
            "applied": { "fingerprint": "v9:x", "updatedAt": "2026-01-02T03:04:05Z", "plan": 1 },
            "retired": [{ "gatewayId": "g", "targetId": "T", "since": 1 }],
        }))
        .unwrap();
        let mut places: Vec<_> = status.unknown.places().collect();
        places.sort_unstable();
        assert_eq!(places, ["applied.plan", "migration", "retired[0].since"]);
    }

    #[test]
    fn there_is_no_end_of_it_and_only_so_much_is_noted() {
        let mut value = json!({ "endpoint": "https://a.example.com", "capabilities": ["tools"] });
        for number in 0..1000 {
            value[format!("{}{number}", "x".repeat(1000))] = json!(1);
        }
        let read = spec(value);
        assert_eq!(read.unknown.places().count(), super::MOST);
        assert!(read.unknown.places().all(|place| place.chars().count() <= super::LONGEST));
    }
}
