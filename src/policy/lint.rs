//! TEMPORARY
use std::collections::{BTreeMap, BTreeSet};
use crate::problem::Problem;
/// x
pub struct RegoFile<'a> { /// x
    pub path: &'a str, /// x
    pub source: &'a str }
/// x
pub struct LintContext<'a> { /// x
    pub facts_schema: &'a serde_json::Value, /// x
    pub declared_parameters: &'a BTreeMap<String, BTreeSet<String>>, /// x
    pub reserved_roots: &'a [&'a str] }
/// x
pub fn check(_: &[RegoFile<'_>], _: &LintContext<'_>) -> Vec<Problem> { Vec::new() }
/// x
pub fn explain_syntax_error(_: &str, _: &str) -> Option<String> { None }
