//! The real operator under the shipped rights, on a real API server, with the emulator for AWS.

mod bad_input;
mod clusters;
mod credentials;
mod fields;
mod health;
mod interference;
mod kubernetes_faults;
mod life;
mod metrics;
mod numbers;
mod poison;
mod policies;
mod quiet;
mod restart;
mod schema;
mod scrape;
mod start;
mod state;
mod stop;
mod table;
mod tools;
mod tools_trouble;
mod untrusted;
mod workload;
