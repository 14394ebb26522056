//! Names, ports and passwords that nobody else has, from the system's random source: tokens made
//! here open an API server, so a guessable sequence would not do.

use std::fmt::Write;
use std::fs::File;
use std::io::{self, Read};

/// Random bytes.
pub(crate) fn bytes<const N: usize>() -> io::Result<[u8; N]> {
    let mut bytes = [0; N];
    File::open("/dev/urandom")?.read_exact(&mut bytes)?;
    Ok(bytes)
}

/// Random bytes as lower-case hexadecimal digits, which every kind of name admits.
pub(crate) fn hex<const N: usize>() -> io::Result<String> {
    Ok(as_hex(&bytes::<N>()?))
}

/// Bytes as lower-case hexadecimal digits.
pub(crate) fn as_hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::with_capacity(bytes.len() * 2), |mut digits, byte| {
        // Writing to a String cannot fail.
        let _ = write!(digits, "{byte:02x}");
        digits
    })
}
