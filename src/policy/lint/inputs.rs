//! Which parts of the facts a module reads.

use std::collections::BTreeSet;

use regorus::unstable::{Expr, Module, Ref, Span};
use serde_json::Value;

use super::ast::{self, Reference, Scopes, Visitor};
use super::bundle::Names;
use super::input_paths::InputReader;
use super::schema::Schema;

/// The paths that `module` reads, such as `input.evaluations[_].metrics`, as far as they are certain. Of two
/// of which one begins with the other, the longer one.
pub(in crate::policy) fn of(module: &Module, facts_schema: &Value) -> BTreeSet<String> {
    let names = Names::of(module);
    let reader = InputReader { names: &names, schema: Schema(facts_schema), only: None };
    let mut collector = Collector { reader, paths: BTreeSet::new() };
    ast::walk(module, &mut collector);
    let is_longest = |path: &&String| {
        let begins =
            |other: &String| other.strip_prefix(path.as_str()).is_some_and(|rest| rest.starts_with(['.', '[']));
        !collector.paths.iter().any(begins)
    };
    collector.paths.iter().filter(is_longest).cloned().collect()
}

struct Collector<'a, 'c> {
    reader: InputReader<'a, 'c>,
    paths: BTreeSet<String>,
}

impl<'a> Visitor<'a> for Collector<'a, '_> {
    fn reference(&mut self, scopes: &Scopes<'a>, reference: &Reference<'a>) {
        if !scopes.input_is_replaced {
            self.paths.extend(self.reader.path(scopes, reference));
        }
    }

    fn call(&mut self, _: &'a Expr, _: &'a [Ref<Expr>], _: bool) {}

    fn replacement(&mut self, _: &'a Expr, _: &'a Expr) {}

    fn comparison(&mut self, _: &Scopes<'a>, _: &'a Expr, _: &'a Expr) {}

    fn membership(&mut self, _: &Scopes<'a>, _: &'a Expr, _: &'a Expr) {}

    fn too_deep(&mut self, _: &'a Span) {}
}
