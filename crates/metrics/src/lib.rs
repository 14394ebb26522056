//! What the operator counts and measures: every metric by name, and how it is shown.
//!
//! Contract: a metric that is not in the catalogue cannot be shown, and the catalogue is what
//! `docs/metrics.md` is made of. Labels are bounded: those of what is counted are names in this code;
//! only what is gathered at a scrape may name a gateway. No metric names a resource.
//!
//! - [`catalogue`] says which metrics there are, what they mean, and how long their names last.
//! - [`Counters`] and [`Times`] are kept while the process runs.
//! - [`Gathered`] is what is found out at a scrape.
//! - [`Page`] puts all of them together as text.

pub mod catalogue;
mod gathered;
mod kept;
mod page;

pub use catalogue::{Kind, Metric, Stability};
pub use gathered::Gathered;
pub use kept::{Counters, Times};
pub use page::{CONTENT_TYPE, Page};
