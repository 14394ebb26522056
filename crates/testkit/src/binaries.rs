//! Where programs are: our own, and installed ones.

use std::env;
use std::path::PathBuf;

use anyhow::{Context, Result, bail};

/// The path of one of our programs, built with the same profile as the running test or program:
/// beside it, or beside the `deps` folder that it is in. For tests that live in another crate than
/// the program; those of its own have `CARGO_BIN_EXE_…` from Cargo.
pub fn binary(name: &str) -> Result<PathBuf> {
    let running = env::current_exe().context("asking for the path of the running program")?;
    let file = format!("{name}{}", env::consts::EXE_SUFFIX);
    let found = running.ancestors().skip(1).take(2).map(|folder| folder.join(&file));
    match found.into_iter().find(|path| path.is_file()) {
        Some(path) => Ok(path),
        None => bail!(
            "{name} is not built (looked beside {}): cargo build --workspace --bins",
            running.display()
        ),
    }
}

/// The path of an installed program.
pub(crate) fn in_path(name: &str) -> Option<PathBuf> {
    let path = env::var_os("PATH")?;
    env::split_paths(&path).map(|folder| folder.join(name)).find(|file| file.is_file())
}
