//! Pages of a list, in the order in which things were made.
//!
//! A token names the last entry given out, not a position, so that a deletion between two pages
//! hides nothing. It is scrambled, because a client that can read a token will come to rely on it.

use crate::error::ApiError;

const SCRAMBLE: u64 = 0x9e37_79b9_7f4a_7c15;

/// The token that continues after the entry with this sequence number.
pub(crate) fn token_after(sequence: u64) -> String {
    format!("{:016x}{:016x}", sequence ^ SCRAMBLE, sequence.wrapping_mul(SCRAMBLE))
}

/// The sequence number behind a token; zero without a token.
pub(crate) fn sequence_of(token: Option<&str>) -> Result<u64, ApiError> {
    let Some(token) = token else { return Ok(0) };
    token
        .get(..16)
        .and_then(|half| u64::from_str_radix(half, 16).ok())
        .map(|scrambled| scrambled ^ SCRAMBLE)
        .filter(|sequence| token_after(*sequence) == token)
        .ok_or_else(|| ApiError::field("nextToken", "The pagination token is not valid"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tokens_lead_back_and_forgeries_do_not() {
        assert_eq!(sequence_of(None).unwrap(), 0);
        for sequence in [0, 1, 7, u64::MAX] {
            assert_eq!(sequence_of(Some(&token_after(sequence))).unwrap(), sequence);
        }
        for forged in ["", "1", "zzzzzzzzzzzzzzzz", "äöü", &token_after(7)[..31], &"0".repeat(32)]
        {
            assert!(sequence_of(Some(forged)).is_err(), "{forged}");
        }
    }
}
