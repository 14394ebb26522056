//! The stories of a target, told to the planner.

mod aws;
mod shell;
mod story;

mod adopt;
mod consent;
mod create;
mod delete;
mod drift;
mod edit;
mod events;
mod heal;
mod matrix;
mod model;
mod moved;
mod names;
mod policies;
mod random;
mod replace;
mod requests;
mod rollouts;
mod takeover;
mod token;
mod tools;
mod worlds;
