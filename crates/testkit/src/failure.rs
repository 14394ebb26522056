//! How a test ends that has nothing left to say: `?` on an error, which is a failure.
//!
//! Nothing tells a process that one of its tests has returned an error: the harness takes it as a
//! value. So the error type of a test says it itself, at the moment when `?` makes one.

use std::fmt;
use std::panic::Location;

use anyhow::Error;

use crate::run::Run;

/// What a test returns.
pub type TestResult = Result<(), Failure>;

/// The error with which a test fails. When one comes about, the logs are kept.
pub struct Failure {
    error: Error,
    place: &'static Location<'static>,
}

impl<E: Into<Error>> From<E> for Failure {
    #[track_caller]
    fn from(error: E) -> Self {
        if let Ok(run) = Run::current() {
            run.keep_logs();
        }
        Self { error: error.into(), place: Location::caller() }
    }
}

/// The harness shows it in this form.
impl fmt::Debug for Failure {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{:?}\n\nat {}", self.error, self.place)?;
        match Run::current() {
            Ok(run) => write!(formatter, "\nlogs are kept in {}", run.logs().display()),
            Err(_) => Ok(()),
        }
    }
}
