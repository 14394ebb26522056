//! What the fuzz targets check (`make fuzz`), on the inputs that they begin with.

#![expect(
    clippy::expect_used,
    clippy::panic,
    clippy::unwrap_used,
    reason = "what is found is a panic, and a test's helpers fail as the test does"
)]

use std::fs;
use std::path::Path;

#[path = "../../../fuzz/properties/status.rs"]
mod status;
#[path = "../../../fuzz/properties/validation.rs"]
mod validation;

fn seeds(target: &str, least: usize, holds: fn(&[u8])) {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../fuzz/seeds").join(target);
    let mut files: Vec<_> =
        fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    files.sort();
    assert!(files.len() >= least, "{} seeds of {target}", files.len());
    for file in files {
        eprintln!("{}", file.display());
        holds(&fs::read(file).unwrap());
    }
}

#[test]
fn of_specs() {
    seeds("validation", 20, validation::holds);
}

#[test]
fn of_stored_resources() {
    seeds("status", 10, status::holds);
}
