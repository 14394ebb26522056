//! Settings that are words with a form: accounts, gateway IDs, kinds of authorizer, and what a fault
//! rule puts into the head of an answer.
//!
//! Each is checked while the parser stands on it, so that a mistake is told with its line.

use std::fmt;

use serde::de::{Unexpected, Visitor};
use serde::{Deserialize, Deserializer};

use crate::spread::FromText;

const AUTHORIZERS: [&str; 4] = ["CUSTOM_JWT", "AWS_IAM", "NONE", "AUTHENTICATE_ONLY"];

pub(crate) fn account<'de, D: Deserializer<'de>>(from: D) -> Result<String, D::Error> {
    let read = |text: &str| {
        if text.len() == 12 && text.bytes().all(|digit| digit.is_ascii_digit()) {
            return Ok(text.to_owned());
        }
        Err(format!("account {text:?} is not twelve digits"))
    };
    from.deserialize_str(FromText(read))
}

pub(crate) fn optional_account<'de, D: Deserializer<'de>>(
    from: D,
) -> Result<Option<String>, D::Error> {
    account(from).map(Some)
}

pub(crate) fn optional_authorizer<'de, D: Deserializer<'de>>(
    from: D,
) -> Result<Option<String>, D::Error> {
    let read = |text: &str| {
        if AUTHORIZERS.contains(&text) {
            return Ok(Some(text.to_owned()));
        }
        Err(format!("authorizer type {text:?} is not one of {}", AUTHORIZERS.join(", ")))
    };
    from.deserialize_str(FromText(read))
}

/// A header has to hold it.
pub(crate) fn error_code<'de, D: Deserializer<'de>>(from: D) -> Result<String, D::Error> {
    let read = |text: &str| {
        if !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_graphic()) {
            return Ok(text.to_owned());
        }
        Err(format!("error code {text:?} is not a word"))
    };
    from.deserialize_str(FromText(read))
}

pub(crate) fn error_status<'de, D: Deserializer<'de>>(from: D) -> Result<Option<u16>, D::Error> {
    let status = Number { least: 400, most: 599, what: "an HTTP status of an error" };
    from.deserialize_u16(status).map(Some)
}

pub(crate) fn optional_page_size<'de, D: Deserializer<'de>>(
    from: D,
) -> Result<Option<usize>, D::Error> {
    let size = Number { least: 1, most: usize::MAX, what: "a number of entries" };
    from.deserialize_u64(size).map(Some)
}

/// A number with limits.
struct Number<T> {
    least: T,
    most: T,
    what: &'static str,
}

impl<T: TryFrom<u64> + PartialOrd + fmt::Display> Visitor<'_> for Number<T> {
    type Value = T;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} from {} to {}", self.what, self.least, self.most)
    }

    fn visit_u64<E: serde::de::Error>(self, number: u64) -> Result<T, E> {
        let found = T::try_from(number).ok();
        let found = found.filter(|found| (&self.least..=&self.most).contains(&found));
        found.ok_or_else(|| E::invalid_value(Unexpected::Unsigned(number), &self))
    }
}

pub(crate) fn optional_region<'de, D: Deserializer<'de>>(
    from: D,
) -> Result<Option<String>, D::Error> {
    let read = |text: &str| {
        if !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-')
        {
            return Ok(Some(text.to_owned()));
        }
        Err(format!("region {text:?} is not a name like eu-central-1"))
    };
    from.deserialize_str(FromText(read))
}

pub(crate) fn gateway<'de, D: Deserializer<'de>>(from: D) -> Result<String, D::Error> {
    let read = |id: &str| {
        if id.is_empty() || id.contains('/') || id.starts_with("arn:") {
            return Err(format!("gateway {id:?}: an ID, not an ARN or a path"));
        }
        Ok(id.to_owned())
    };
    from.deserialize_str(FromText(read))
}

#[derive(Deserialize)]
struct Gateway(#[serde(deserialize_with = "gateway")] String);

pub(crate) fn optional_gateways<'de, D: Deserializer<'de>>(
    from: D,
) -> Result<Option<Vec<String>>, D::Error> {
    let ids = Option::<Vec<Gateway>>::deserialize(from)?;
    Ok(ids.map(|ids| ids.into_iter().map(|Gateway(id)| id).collect()))
}

pub(crate) fn gateways<'de, D: Deserializer<'de>>(from: D) -> Result<Vec<String>, D::Error> {
    optional_gateways(from).map(Option::unwrap_or_default)
}
