//! Declarations that the engine accepts and that do something else than they say.

use std::collections::BTreeMap;

use regorus::unstable::{Expr, Import, Module, Rule, Span};

use super::ast::{Reference, location};
use super::bundle::{Path, package};
use super::{LintContext, one_of};
use crate::problem::{Location, Problem};

/// Checks packages, imports and defaults of all `modules`.
pub(super) fn check<'a>(modules: impl Iterator<Item = &'a Module>, context: &LintContext<'_>) -> Vec<Problem> {
    let mut problems = Vec::new();
    let mut defaults: BTreeMap<Path<'a>, Location> = BTreeMap::new();
    for module in modules {
        let package = package(module);
        if let Some(root) = package.first().filter(|root| context.reserved_roots.contains(root)) {
            let message = format!("package `{}` is under `{root}`, where data is mounted", package.join("."));
            let problem = Problem::new("reserved-package", message).at(location(module.package.refr.span()));
            let roots = one_of(context.reserved_roots.iter().copied());
            problems.push(problem.hint(format!("choose a package whose first name is not {roots}")));
        }
        problems.extend(check_imports(module));
        for rule in &module.policy {
            if let Rule::Default { refr, .. } = rule.as_ref() {
                problems.extend(check_default(&package, refr, &mut defaults));
            }
        }
    }
    problems
}

/// Of two imports with one name, the engine follows the last, and what was written for the first reads
/// something else.
fn check_imports(module: &Module) -> Vec<Problem> {
    let mut problems = Vec::new();
    let mut first: BTreeMap<&str, Location> = BTreeMap::new();
    for import in &module.imports {
        let Some(name) = imported_name(import) else { continue };
        let place = location(import.r#as.as_ref().unwrap_or_else(|| import.refr.span()));
        if let Some(first) = first.get(name) {
            let message = format!("`{name}` is imported twice: the first is at {first}");
            let problem = Problem::new("duplicate-import", message).at(place);
            problems.push(problem.hint("keep one of the two, or give it another name with `as`"));
        } else {
            first.insert(name, place);
        }
    }
    problems
}

/// The name by which a module calls what it imports; none for the switches `rego.v1` and `future.keywords`.
pub(super) fn imported_name(import: &Import) -> Option<&str> {
    let path = Reference::of(&import.refr)?.static_names();
    let (&root, _) = path.split_first()?;
    let alias = import.r#as.as_ref().map(Span::text);
    matches!(root, "data" | "input").then(|| alias.or_else(|| path.last().copied())).flatten()
}

fn check_default<'a>(
    package: &[&'a str],
    name: &'a Expr,
    defaults: &mut BTreeMap<Path<'a>, Location>,
) -> Option<Problem> {
    let place = location(name.span());
    if has_bracket(name) {
        // The engine answers "undefined" when such a rule is asked for by its own path.
        let problem = Problem::new("default-in-bracket", "the default of a rule with brackets in its name is ignored");
        return Some(problem.at(place).hint("give the default to a rule with a plain name"));
    }
    let names = Reference::of(name)?.static_names();
    let path: Path<'a> = package.iter().copied().chain(names.iter().copied()).collect();
    if let Some(first) = defaults.get(&path) {
        let message = format!("`{}` has a second default, which is ignored: the first is at {first}", names.join("."));
        return Some(Problem::new("duplicate-default", message).at(place).hint("keep one of the two"));
    }
    defaults.insert(path, place);
    None
}

fn has_bracket(name: &Expr) -> bool {
    let mut at = name;
    loop {
        match at {
            Expr::RefBrack { .. } => return true,
            Expr::RefDot { refr, .. } => at = refr,
            _ => return false,
        }
    }
}
