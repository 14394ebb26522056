//! The real operator under the shipped rights, on a real API server, with the emulator for AWS.

mod bad_input;
mod interference;
mod life;
mod quiet;
mod restart;
mod schema;
mod start;
mod table;
