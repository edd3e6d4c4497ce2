//! x
pub mod canonical;
pub mod decision;
pub mod digest;
pub mod document;
pub mod facts;
pub mod manifest;
pub mod problem;
pub mod tier;
