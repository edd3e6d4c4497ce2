//! Tests that start the real binary, one module for each concern.

mod bad_input;
mod common;
mod decisions;
mod documentation;
mod policies;
mod recording;
mod tidy;
