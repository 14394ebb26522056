//! Where in a text the entries of the settings stand.
//!
//! The settings do not know it. It is looked up in the text once something is wrong, so that
//! nothing but an error has to carry it.

use std::fmt;

use serde::de::{MapAccess, SeqAccess, Visitor};
use serde::{Deserialize, Deserializer};
use serde_saphyr::{Location, Spanned};

/// The way to an entry of the settings; `accounts[1].gateways[0]` in words.
#[derive(Debug, Clone, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Entry(Vec<Step>);

#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
enum Step {
    Member(&'static str),
    Index(usize),
}

/// A place in a text; both numbers count from 1.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Position {
    line: u64,
    column: u64,
}

/// Where an entry is: in the text, or by its name where no text has it.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum Place {
    /// In the text.
    At(Position),
    /// Not in the text.
    Named(Entry),
}

/// The places of everything in a text.
#[derive(Debug)]
pub struct Places(Option<Spanned<Node>>);

/// What a text is made of, without what it says.
#[derive(Debug)]
enum Node {
    Scalar,
    List(Vec<Spanned<Node>>),
    Map(Vec<(Spanned<String>, Spanned<Node>)>),
}

impl Entry {
    /// An entry of the section `gateways`.
    pub(crate) fn gateway(index: usize) -> Self {
        Self::default().member("gateways").index(index)
    }

    /// Which one of the section `gateways` it is, if it is one.
    #[must_use]
    pub fn as_gateway(&self) -> Option<usize> {
        match self.0[..] {
            [Step::Member("gateways"), Step::Index(index)] => Some(index),
            _ => None,
        }
    }

    pub(crate) fn member(&self, name: &'static str) -> Self {
        self.then(Step::Member(name))
    }

    pub(crate) fn index(&self, index: usize) -> Self {
        self.then(Step::Index(index))
    }

    fn then(&self, step: Step) -> Self {
        Self(self.0.iter().cloned().chain([step]).collect())
    }
}

impl fmt::Display for Entry {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (depth, step) in self.0.iter().enumerate() {
            match step {
                Step::Member(name) if depth == 0 => f.write_str(name)?,
                Step::Member(name) => write!(f, ".{name}")?,
                Step::Index(index) => write!(f, "[{index}]")?,
            }
        }
        Ok(())
    }
}

impl From<Location> for Position {
    fn from(location: Location) -> Self {
        Self { line: location.line(), column: location.column() }
    }
}

impl fmt::Display for Position {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "line {} column {}", self.line, self.column)
    }
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::At(position) => position.fmt(f),
            Self::Named(entry) => entry.fmt(f),
        }
    }
}

impl Places {
    /// Those of a text. One that is not well formed has none.
    #[must_use]
    pub fn of(text: &str) -> Self {
        Self(serde_saphyr::from_str(text).ok())
    }

    /// Where an entry is.
    #[must_use]
    pub fn place(&self, entry: &Entry) -> Place {
        let node = self.0.as_ref().and_then(|root| entry.0.iter().try_fold(root, part));
        node.map_or_else(|| Place::Named(entry.clone()), |node| Place::At(node.referenced.into()))
    }

    /// Where the map begins that has a key at this place.
    pub(crate) fn map_with_key(&self, key: Position) -> Option<Position> {
        map_with_key(self.0.as_ref()?, key)
    }
}

fn part<'a>(node: &'a Spanned<Node>, step: &Step) -> Option<&'a Spanned<Node>> {
    match (&node.value, step) {
        (Node::List(items), Step::Index(index)) => items.get(*index),
        (Node::Map(members), Step::Member(name)) => {
            members.iter().find_map(|(key, value)| (key.value == *name).then_some(value))
        }
        _ => None,
    }
}

fn map_with_key(node: &Spanned<Node>, key: Position) -> Option<Position> {
    match &node.value {
        Node::Scalar => None,
        Node::List(items) => items.iter().find_map(|item| map_with_key(item, key)),
        Node::Map(members) => {
            let is_here = members.iter().any(|(name, _)| Position::from(name.referenced) == key);
            let inside = || members.iter().find_map(|(_, value)| map_with_key(value, key));
            is_here.then(|| node.referenced.into()).or_else(inside)
        }
    }
}

impl<'de> Deserialize<'de> for Node {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        from.deserialize_any(NodeVisitor)
    }
}

struct NodeVisitor;

impl<'de> Visitor<'de> for NodeVisitor {
    type Value = Node;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("anything")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Node, A::Error> {
        let mut list = Vec::new();
        while let Some(item) = items.next_element()? {
            list.push(item);
        }
        Ok(Node::List(list))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut members: A) -> Result<Node, A::Error> {
        let mut map = Vec::new();
        while let Some(member) = members.next_entry()? {
            map.push(member);
        }
        Ok(Node::Map(map))
    }

    fn visit_str<E>(self, _: &str) -> Result<Node, E> {
        Ok(Node::Scalar)
    }

    fn visit_bool<E>(self, _: bool) -> Result<Node, E> {
        Ok(Node::Scalar)
    }

    fn visit_i64<E>(self, _: i64) -> Result<Node, E> {
        Ok(Node::Scalar)
    }

    fn visit_u64<E>(self, _: u64) -> Result<Node, E> {
        Ok(Node::Scalar)
    }

    fn visit_i128<E>(self, _: i128) -> Result<Node, E> {
        Ok(Node::Scalar)
    }

    fn visit_u128<E>(self, _: u128) -> Result<Node, E> {
        Ok(Node::Scalar)
    }

    fn visit_f64<E>(self, _: f64) -> Result<Node, E> {
        Ok(Node::Scalar)
    }

    fn visit_unit<E>(self) -> Result<Node, E> {
        Ok(Node::Scalar)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_entry_has_its_place() {
        let text = "seed: 1\ngateways: [a, 7, 1.5, true, ~, 99999999999999999999]\naccounts:\n\
                    - id: x\n  gateways:\n    - c\n- {id: y, accessKeys: [{id: k}]}\n";
        let places = Places::of(text);
        let account = |index| Entry::default().member("accounts").index(index);
        for (entry, words, place) in [
            (Entry::gateway(5), "gateways[5]", "line 2 column 32"),
            (account(0), "accounts[0]", "line 4 column 3"),
            (account(0).member("gateways").index(0), "accounts[0].gateways[0]", "line 6 column 7"),
            (account(1), "accounts[1]", "line 7 column 3"),
            // What is not there is told by its name.
            (account(2), "accounts[2]", "accounts[2]"),
            (account(1).member("gateways"), "accounts[1].gateways", "accounts[1].gateways"),
        ] {
            assert_eq!((&*entry.to_string(), &*places.place(&entry).to_string()), (words, place));
        }
        assert_eq!(Places::of("{").place(&Entry::gateway(0)).to_string(), "gateways[0]");
    }

    #[test]
    fn a_map_is_found_by_its_keys() {
        let places = Places::of("a:\n  - b: 1\n    c: {d: 2}\n");
        let find = |line, column| {
            places.map_with_key(Position { line, column }).map(|position| position.to_string())
        };
        assert_eq!(find(1, 1).as_deref(), Some("line 1 column 1"));
        assert_eq!(find(3, 5).as_deref(), Some("line 2 column 5"));
        assert_eq!(find(3, 9).as_deref(), Some("line 3 column 8"));
        assert_eq!(find(3, 8), None);
    }
}
