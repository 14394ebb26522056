//! The real operator under the shipped rights, on a real API server, with the emulator for AWS.

mod life;
