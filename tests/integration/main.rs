//! Tests that start the real binary, one module for each concern.

#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::disallowed_methods,
    reason = "a test that cannot go on has failed"
)]

mod bad_input;
#[cfg(feature = "cluster")]
mod cluster;
mod common;
mod comparisons;
mod conformance;
mod decisions;
mod documentation;
mod evaluate;
mod evidence;
mod forge;
#[cfg(feature = "keyless")]
mod keyless;
mod mlflow;
mod mutation;
mod policies;
mod policy_commands;
mod recording;
mod reference;
mod remote;
mod reports;
mod repositories;
mod services;
mod signing_keys;
mod sql_checks;
mod store;
mod stores;
mod supply_chain;
mod tidy;
mod timestamps;
mod traps;
