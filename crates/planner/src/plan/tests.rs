//! The stories of a target, told to the planner.

mod aws;
mod shell;
mod story;

mod create;
mod delete;
mod edit;
mod moved;
mod names;
mod random;
mod takeover;
