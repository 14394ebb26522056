//! Lengths of time and chances, as settings have them.
//!
//! Draws come from a generator that the caller seeds, so a run can be repeated.

use std::fmt;
use std::time::Duration;

use jiff::SignedDuration;
use serde::de::value::MapAccessDeserializer;
use serde::de::{Error, MapAccess, Visitor};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// How long something takes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Spread {
    /// Always the same; in settings `2s`.
    Fixed(Duration),
    /// Evenly between two lengths; in settings `{from: 1s, to: 3s}`.
    Between {
        /// The shortest.
        from: Duration,
        /// The longest.
        to: Duration,
    },
    /// Mostly short and now and then long; in settings `{mean: 50ms, most: 2s}`.
    Exponential {
        /// The average, before `most` cuts it.
        mean: Duration,
        /// The longest.
        most: Duration,
    },
}

impl Spread {
    /// No time at all.
    pub const ZERO: Self = Self::Fixed(Duration::ZERO);

    pub(crate) fn draw(&self, random: &mut fastrand::Rng) -> Duration {
        match self {
            Self::Fixed(time) => *time,
            Self::Between { from, to } => *from + to.saturating_sub(*from).mul_f64(random.f64()),
            Self::Exponential { mean, most } => {
                // `f64` draws from [0, 1), so the logarithm is that of a number above zero.
                let seconds = mean.as_secs_f64() * -(1.0 - random.f64()).ln();
                Duration::try_from_secs_f64(seconds).map_or(*most, |time| time.min(*most))
            }
        }
    }

    /// The longest that a draw can be.
    pub(crate) fn longest(&self) -> Duration {
        match self {
            Self::Fixed(time) | Self::Between { to: time, .. } => *time,
            Self::Exponential { most, .. } => *most,
        }
    }
}

impl Default for Spread {
    fn default() -> Self {
        Self::ZERO
    }
}

/// A probability, kept in millionths so that settings can be compared.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(into = "f64")]
pub struct Chance(u32);

impl Chance {
    const WHOLE: u32 = 1_000_000;

    /// From 0 to 1; what lies outside counts as the nearer end.
    #[must_use]
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "clamped to 0..=1_000_000 before the cast"
    )]
    pub fn of(share: f64) -> Self {
        Self((share.clamp(0.0, 1.0) * f64::from(Self::WHOLE)).round() as u32)
    }

    pub(crate) fn is_sure(self) -> bool {
        self.0 == Self::WHOLE
    }

    pub(crate) fn strikes(self, random: &mut fastrand::Rng) -> bool {
        random.u32(..Self::WHOLE) < self.0
    }
}

impl<'de> Deserialize<'de> for Chance {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        from.deserialize_f64(ChanceVisitor)
    }
}

struct ChanceVisitor;

impl Visitor<'_> for ChanceVisitor {
    type Value = Chance;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a probability from 0 to 1")
    }

    fn visit_f64<E: Error>(self, share: f64) -> Result<Chance, E> {
        if (0.0..=1.0).contains(&share) {
            return Ok(Chance::of(share));
        }
        Err(E::custom(format!("{share} is not a probability from 0 to 1")))
    }

    fn visit_u64<E: Error>(self, share: u64) -> Result<Chance, E> {
        self.visit_f64(if share == 0 {
            0.0
        } else if share == 1 {
            1.0
        } else {
            f64::INFINITY
        })
    }
}

impl From<Chance> for f64 {
    fn from(chance: Chance) -> Self {
        Self::from(chance.0) / Self::from(Chance::WHOLE)
    }
}

/// A length of time as people write it: `1500ms`, `2s`, `3m 20s`.
pub(crate) fn parse(text: &str) -> Result<Duration, String> {
    let parsed = parse_signed(text)?;
    Duration::try_from(parsed).map_err(|_| format!("{text:?} is less than nothing"))
}

fn parse_signed(text: &str) -> Result<SignedDuration, String> {
    text.trim().parse().map_err(|_| format!("{text:?} is not a duration like 1500ms"))
}

/// The same on the way out.
pub(crate) fn print(time: Duration) -> String {
    let time = SignedDuration::try_from(time).unwrap_or(SignedDuration::MAX);
    format!("{time:#}")
}

/// Reads a text and makes something of it while the parser still stands on its line: an error
/// that comes later would be told with the line after.
pub(crate) struct FromText<T>(pub(crate) fn(&str) -> Result<T, String>);

impl<T> Visitor<'_> for FromText<T> {
    type Value = T;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a text")
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<T, E> {
        (self.0)(text).map_err(E::custom)
    }
}

/// For members of type `Duration`.
pub(crate) mod span {
    use super::{Deserializer, Duration, FromText, Serializer, parse, print};

    pub(crate) fn serialize<S: Serializer>(time: &Duration, to: S) -> Result<S::Ok, S::Error> {
        to.serialize_str(&print(*time))
    }

    pub(crate) fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<Duration, D::Error> {
        from.deserialize_str(FromText(parse))
    }
}

/// For members of type `Option<Duration>`.
pub(crate) mod optional_span {
    use serde::{Deserialize, Deserializer, Serializer};

    use super::{Duration, span};

    #[derive(Deserialize)]
    struct Wrapped(#[serde(with = "span")] Duration);

    #[expect(clippy::ref_option, reason = "the signature is serde's")]
    pub(crate) fn serialize<S: Serializer>(
        time: &Option<Duration>,
        to: S,
    ) -> Result<S::Ok, S::Error> {
        match time {
            Some(time) => span::serialize(time, to),
            None => to.serialize_none(),
        }
    }

    pub(crate) fn deserialize<'de, D: Deserializer<'de>>(
        from: D,
    ) -> Result<Option<Duration>, D::Error> {
        Ok(Option::<Wrapped>::deserialize(from)?.map(|Wrapped(time)| time))
    }
}

/// For members of type `SignedDuration`.
pub(crate) fn signed<'de, D: Deserializer<'de>>(from: D) -> Result<SignedDuration, D::Error> {
    from.deserialize_str(FromText(parse_signed))
}

impl Serialize for Spread {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        let ends = match self {
            Self::Fixed(time) => return to.serialize_str(&print(*time)),
            Self::Between { from, to } => [("from", *from), ("to", *to)],
            Self::Exponential { mean, most } => [("mean", *mean), ("most", *most)],
        };
        to.collect_map(ends.map(|(name, time)| (name, print(time))))
    }
}

impl<'de> Deserialize<'de> for Spread {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        from.deserialize_any(SpreadVisitor)
    }
}

struct SpreadVisitor;

/// The members of the long form; which pair is meant shows in what is there.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Ends {
    #[serde(default, with = "optional_span")]
    from: Option<Duration>,
    #[serde(default, with = "optional_span")]
    to: Option<Duration>,
    #[serde(default, with = "optional_span")]
    mean: Option<Duration>,
    #[serde(default, with = "optional_span")]
    most: Option<Duration>,
}

impl<'de> Visitor<'de> for SpreadVisitor {
    type Value = Spread;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a duration like 2s, {from, to} or {mean, most}")
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<Spread, E> {
        parse(text).map(Spread::Fixed).map_err(E::custom)
    }

    fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<Spread, A::Error> {
        match Ends::deserialize(MapAccessDeserializer::new(map))? {
            Ends { from: Some(from), to: Some(to), mean: None, most: None } => {
                if from > to {
                    return Err(A::Error::custom("from is more than to"));
                }
                Ok(Spread::Between { from, to })
            }
            Ends { from: None, to: None, mean: Some(mean), most: Some(most) } => {
                Ok(Spread::Exponential { mean, most })
            }
            _ => Err(A::Error::custom("expected {from, to} or {mean, most}")),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spreads_are_read_and_written() {
        for text in [r#""2s""#, r#"{"from":"1s","to":"3s"}"#, r#"{"mean":"50ms","most":"2s"}"#] {
            let spread: Spread = serde_json::from_str(text).unwrap();
            assert_eq!(serde_json::to_string(&spread).unwrap(), text);
        }
        for bad in [r#""soon""#, r#""-1s""#, r#"{"from":"2s","to":"1s"}"#, r#"{"from":"1s"}"#, "7"]
        {
            assert!(serde_json::from_str::<Spread>(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn draws_stay_inside_and_repeat_with_the_seed() {
        let second = Duration::from_secs(1);
        for spread in [
            Spread::Fixed(second),
            Spread::Between { from: second, to: 3 * second },
            Spread::Exponential { mean: second, most: 2 * second },
        ] {
            let draws = || {
                let mut random = fastrand::Rng::with_seed(7);
                (0..100).map(|_| spread.draw(&mut random)).collect::<Vec<_>>()
            };
            assert_eq!(draws(), draws());
            assert!(draws().iter().all(|time| *time <= spread.longest()));
        }
    }

    #[test]
    fn no_mean_is_too_long_to_draw() {
        let mean = Duration::from_secs(u64::MAX / 2);
        let spread = Spread::Exponential { mean, most: Duration::from_secs(1) };
        let mut random = fastrand::Rng::with_seed(7);
        assert!((0..100).all(|_| spread.draw(&mut random) <= spread.longest()));
    }

    #[test]
    fn chances() {
        let mut random = fastrand::Rng::with_seed(1);
        let mut strikes =
            |share| (0..1000).filter(|_| Chance::of(share).strikes(&mut random)).count();
        assert_eq!((strikes(0.0), strikes(1.0)), (0, 1000));
        assert!((200..300).contains(&strikes(0.25)));
        assert!(serde_json::from_str::<Chance>("1.5").is_err());
    }
}
