//! What is declared and never used: mostly a name that is misspelt where it was meant.

use std::collections::{BTreeMap, BTreeSet};

use regorus::unstable::{Expr, Module, Ref, Span};

use super::ast::{self, Reference, Scopes, Visitor, location};
use super::rules::imported_name;
use crate::problem::Problem;

/// Imports that the module does not use, and variables of `some` that their rule does not.
pub(super) fn check(module: &Module) -> Vec<Problem> {
    let mut problems = Vec::new();
    let mut used = BTreeSet::new();
    for rule in &module.policy {
        let mut uses = Uses::default();
        ast::walk_rule(rule, &mut uses);
        problems.extend(uses.unused_variables());
        used.extend(uses.roots);
        used.extend(uses.reads.into_keys());
    }
    for import in &module.imports {
        let Some(name) = imported_name(import).filter(|name| !used.contains(name)) else { continue };
        let place = location(import.r#as.as_ref().unwrap_or_else(|| import.refr.span()));
        let problem = Problem::new("unused-import", format!("`{name}` is imported and never used")).at(place);
        problems.push(problem.hint("remove the import, or use it where it was meant"));
    }
    problems
}

/// The names that one rule uses. Scopes are not told apart: a name that is used anywhere in the rule counts as used.
#[derive(Debug, Default)]
struct Uses<'a> {
    reads: BTreeMap<&'a str, usize>,
    /// Roots of functions that are called or replaced.
    roots: BTreeSet<&'a str>,
    declared: BTreeMap<&'a str, Declared<'a>>,
}

#[derive(Debug)]
struct Declared<'a> {
    first: &'a Span,
    /// How many of the reads are the declarations themselves.
    reported: usize,
}

impl Uses<'_> {
    fn unused_variables(&self) -> impl Iterator<Item = Problem> {
        self.declared
            .iter()
            .filter(|(name, declared)| self.reads.get(*name).copied().unwrap_or(0) <= declared.reported)
            .map(|(name, declared)| {
                let message = format!("the variable `{name}` is declared and never used");
                let problem = Problem::new("unused-variable", message).at(location(declared.first));
                problem.hint("write `_` if only being there counts, or use it where it was meant")
            })
    }
}

impl<'a> Visitor<'a> for Uses<'a> {
    fn reference(&mut self, _: &Scopes<'a>, reference: &Reference<'a>) {
        let reads = self.reads.entry(reference.root.text()).or_default();
        *reads = reads.saturating_add(1);
    }

    fn call(&mut self, function: &'a Expr, _: &'a [Ref<Expr>], _: bool) {
        self.roots.extend(Reference::of(function).map(|reference| reference.root.text()));
    }

    fn replacement(&mut self, target: &'a Expr, _: &'a Expr) {
        self.roots.extend(Reference::of(target).map(|reference| reference.root.text()));
    }

    fn comparison(&mut self, _: &Scopes<'a>, _: &'a Expr, _: &'a Expr) {}

    fn membership(&mut self, _: &Scopes<'a>, _: &'a Expr, _: &'a Expr) {}

    fn too_deep(&mut self, _: &'a Span) {}

    fn declaration(&mut self, variable: &'a Span, is_reported: bool) {
        if variable.text() == "_" {
            return;
        }
        let declared = self.declared.entry(variable.text()).or_insert(Declared { first: variable, reported: 0 });
        declared.reported = declared.reported.saturating_add(usize::from(is_reported));
    }
}
