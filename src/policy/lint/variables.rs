//! Variables and imports that are not what they seem: declared and never used, which mostly is a name that is
//! misspelt where it was meant; bound nowhere but below `not`; or named like a rule.

use std::collections::{BTreeMap, BTreeSet};

use regorus::unstable::{Expr, Module, Ref, Span};

use super::ast::{self, Reference, Scopes, Variable, Visitor, location};
use super::bundle::{Bundle, Names};
use super::rules::imported_name;
use crate::problem::Problem;

/// Imports that the module does not use, and variables of `some` that their rule does not; variables that only a
/// `not` knows; and names that are those of rules.
pub(super) fn check(bundle: &Bundle<'_>, names: &Names<'_>, module: &Module) -> Vec<Problem> {
    let is_rule = |name: &str| bundle.is_rule(&[names.package.as_slice(), &[name]].concat());
    let mut problems = Vec::new();
    let mut used = BTreeSet::new();
    for rule in &module.policy {
        let mut uses = Uses::default();
        ast::walk_rule(rule, &mut uses);
        problems.extend(uses.unused_variables());
        problems.extend(uses.unbound_variables(|name| is_rule(name) || names.import(name).is_some()));
        problems.extend(uses.declared.iter().filter(|(name, _)| is_rule(name)).map(|(name, declared)| {
            // The engine takes the rule where `some name` declares a variable.
            let problem = Problem::new("shadowed-rule", format!("the variable `{name}` has the name of a rule"));
            problem.at(location(declared.first)).hint("give the variable another name")
        }));
        used.extend(uses.roots);
        used.extend(uses.reads.into_keys());
    }
    for import in &module.imports {
        let Some(name) = imported_name(import) else { continue };
        let place = location(import.r#as.as_ref().unwrap_or_else(|| import.refr.span()));
        if is_rule(name) {
            // The engine takes the rule, and OPA the import.
            let problem = Problem::new("shadowed-rule", format!("the import `{name}` has the name of a rule"));
            problems.push(problem.at(place).hint("give the import another name with `as`"));
            continue;
        }
        if used.contains(name) {
            continue;
        }
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
    /// Names without a definition that is seen, below a `not`.
    negated: BTreeMap<&'a str, &'a Span>,
    /// The same, anywhere else, where they may be bound by going through a collection.
    bound: BTreeSet<&'a str>,
}

#[derive(Debug)]
struct Declared<'a> {
    first: &'a Span,
    /// How many of the reads are the declarations themselves.
    reported: usize,
}

impl Uses<'_> {
    /// OPA refuses these as unsafe. To the engine, the `not` holds as soon as one value is unlike what is compared,
    /// and does not hold where there is none.
    fn unbound_variables(&self, is_defined: impl Fn(&str) -> bool) -> impl Iterator<Item = Problem> {
        self.negated
            .iter()
            .filter(move |(name, _)| **name == "_" || !self.bound.contains(*name) && !is_defined(name))
            .map(|(name, span)| {
                let message = format!("`not` goes through the values of `{name}`, and holds if any of them does not");
                let hint = "write a rule, or `every … in … { … }`, that says for which values it must hold";
                Problem::new("unsafe-negation", message).at(location(span)).hint(hint)
            })
    }

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
    fn reference(&mut self, scopes: &Scopes<'a>, reference: &Reference<'a>) {
        let name = reference.root.text();
        let reads = self.reads.entry(name).or_default();
        *reads = reads.saturating_add(1);
        if matches!(name, "input" | "data") {
            return;
        }
        // `some name` alone says nothing about its values.
        if scopes.lookup(name, scopes.level()).is_some_and(|known| !matches!(known, Variable::Declared)) {
            return;
        }
        if scopes.is_negated {
            self.negated.entry(name).or_insert(reference.root);
        } else {
            self.bound.insert(name);
        }
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
