//! Functions that call themselves, which OPA refuses. The engine notices a circle of rules, and none of functions:
//! one that does not end takes the whole stack, and the program with it.

use std::collections::{BTreeMap, BTreeSet};

use regorus::unstable::{Expr, Module, Ref, Rule, RuleHead, Span};

use super::ast::{self, Reference, Scopes, Visitor, location};
use super::bundle::{self, Bundle, Names, Path};
use super::functions;
use crate::problem::Problem;

/// Checks the functions of all `modules`.
pub(super) fn check<'a>(modules: impl Iterator<Item = &'a Module>, bundle: &Bundle<'a>) -> Vec<Problem> {
    let mut calls: BTreeMap<Path<'a>, BTreeSet<Path<'a>>> = BTreeMap::new();
    let mut places: BTreeMap<Path<'a>, &'a Span> = BTreeMap::new();
    for module in modules {
        let names = Names::of(module);
        for rule in &module.policy {
            let Rule::Spec { head: RuleHead::Func { refr, .. }, .. } = rule.as_ref() else { continue };
            let path = bundle::rule_path(&names.package, refr);
            let mut found = Calls { bundle, names: &names, found: BTreeSet::new() };
            ast::walk_rule(rule, &mut found);
            calls.entry(path.clone()).or_default().extend(found.found);
            places.entry(path).or_insert_with(|| refr.span());
        }
    }
    let recursive = places.iter().filter(|(path, _)| reaches_itself(path, &calls));
    recursive
        .map(|(path, span)| {
            let message = format!("the function `{}` calls itself", path.last().copied().unwrap_or_default());
            let problem = Problem::new("recursive-function", message).at(location(span));
            problem.hint("go through the values with `some … in …`, or with `walk` where they nest")
        })
        .collect()
}

fn reaches_itself<'a>(function: &Path<'a>, calls: &BTreeMap<Path<'a>, BTreeSet<Path<'a>>>) -> bool {
    let mut seen = BTreeSet::new();
    let mut pending = vec![function];
    while let Some(next) = pending.pop() {
        for called in calls.get(next).into_iter().flatten() {
            if called == function {
                return true;
            }
            if seen.insert(called) {
                pending.push(called);
            }
        }
    }
    false
}

/// The functions of the bundle that one rule calls.
struct Calls<'a, 'c> {
    bundle: &'c Bundle<'a>,
    names: &'c Names<'a>,
    found: BTreeSet<Path<'a>>,
}

impl<'a> Visitor<'a> for Calls<'a, '_> {
    fn reference(&mut self, _: &Scopes<'a>, _: &Reference<'a>) {}

    fn call(&mut self, function: &'a Expr, _: &'a [Ref<Expr>], _: bool) {
        let path = Reference::of(function).map(|reference| reference.static_names()).unwrap_or_default();
        self.found.extend(functions::resolved(self.bundle, self.names, &path));
    }

    fn replacement(&mut self, _: &'a Expr, _: &'a Expr) {}

    fn comparison(&mut self, _: &Scopes<'a>, _: &'a Expr, _: &'a Expr) {}

    fn membership(&mut self, _: &Scopes<'a>, _: &'a Expr, _: &'a Expr) {}

    fn too_deep(&mut self, _: &'a Span) {}
}
