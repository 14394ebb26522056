//! What the fuzz target `errors` checks (`make fuzz`), on the answers that it begins with.

#![expect(
    clippy::expect_used,
    reason = "what is found is a panic, and a test's helpers fail as the test does"
)]

use std::fs;
use std::path::Path;

#[path = "../../../fuzz/properties/errors.rs"]
mod errors;

#[test]
fn of_answers() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../fuzz/seeds/errors");
    let mut files: Vec<_> =
        fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    files.sort();
    assert!(files.len() >= 15, "{} seeds", files.len());
    for file in files {
        eprintln!("{}", file.display());
        errors::holds(&fs::read(file).unwrap());
    }
}
