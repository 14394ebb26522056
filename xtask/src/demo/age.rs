//! Durations as kubectl shows them: finer while they are short.

use std::time::Duration;

/// The age in two units at most.
pub(crate) fn age(duration: Duration) -> String {
    const MINUTE: u64 = 60;
    const HOUR: u64 = 60 * MINUTE;
    const DAY: u64 = 24 * HOUR;
    let seconds = duration.as_secs();
    let coarse = |unit: u64, letter: char| format!("{}{letter}", seconds / unit);
    let fine = |unit: u64, letter: char, part: u64, part_letter: char| match seconds % unit / part {
        0 => coarse(unit, letter),
        rest => format!("{}{rest}{part_letter}", coarse(unit, letter)),
    };
    if seconds < 2 * MINUTE {
        coarse(1, 's')
    } else if seconds < 10 * MINUTE {
        fine(MINUTE, 'm', 1, 's')
    } else if seconds < 3 * HOUR {
        coarse(MINUTE, 'm')
    } else if seconds < 8 * HOUR {
        fine(HOUR, 'h', MINUTE, 'm')
    } else if seconds < 2 * DAY {
        coarse(HOUR, 'h')
    } else {
        coarse(DAY, 'd')
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ages_are_shown_as_kubectl_shows_them() {
        for (seconds, shown) in [
            (0, "0s"),
            (119, "119s"),
            (120, "2m"),
            (130, "2m10s"),
            (600, "10m"),
            (10_799, "179m"),
            (10_800, "3h"),
            (10_860, "3h1m"),
            (100_000, "27h"),
            (172_800, "2d"),
        ] {
            assert_eq!(age(Duration::from_secs(seconds)), shown);
        }
    }
}
