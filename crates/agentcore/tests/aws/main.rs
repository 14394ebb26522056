//! The adapter to the AWS SDK on the wire.

#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a test's helpers fail as the test does"
)]

mod environment;
mod failures;
mod stage;
mod wire;
