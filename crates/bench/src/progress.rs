//! What the person at the terminal is told while it goes on.

use std::io::{self, Write};

/// Says it, with the time of day in UTC.
pub(crate) fn say(what: &str) {
    let now = jiff::Timestamp::now().strftime("%H:%M:%S");
    // Without a standard error there is nobody to tell.
    let _ = writeln!(io::stderr(), "{now} {what}");
}
