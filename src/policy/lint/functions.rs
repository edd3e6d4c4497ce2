//! Calls: to functions that exist, that a policy may call, with as many arguments as they take.
//!
//! The engine finds an unknown function only when the line is reached, and a rule that never gets
//! so far passes.

use regorus::unstable::Expr;

use super::ast::{Reference, location};
use super::builtins;
use super::bundle::{Bundle, Names, Path};
use crate::problem::{Problem, nearest};

/// The problem with a call of `function`, if there is one.
pub(super) fn check_call(
    bundle: &Bundle<'_>,
    names: &Names<'_>,
    function: &Expr,
    arguments: usize,
    is_statement: bool,
) -> Option<Problem> {
    let Some(reference) = Reference::of(function).filter(Reference::is_static) else {
        let message = "the name of a called function is computed";
        let problem = Problem::new("unknown-function", message).at(location(function.span()));
        return Some(problem.hint("call a function by its name"));
    };
    let path = reference.static_names();
    let name = path.join(".");
    let place = location(reference.root);
    let takes = match defined(bundle, names, &path).map(Some).or_else(|| builtins::arguments(&name)) {
        Some(takes) => takes,
        None => return Some(forbidden(&name).unwrap_or_else(|| unknown(bundle, names, &path, &name)).at(place)),
    };
    let takes = takes?;
    // As a statement, `walk(x, [path, value])` is `[path, value] = walk(x)`.
    let fits = arguments == takes || is_statement && takes.checked_add(1) == Some(arguments);
    (!fits).then(|| {
        let message = format!("`{name}` takes {}, and is given {arguments}", counted(takes));
        Problem::new("wrong-arity", message).at(place).hint(format!("give it {}", counted(takes)))
    })
}

/// The problem with `with target as value`, if there is one. Mocks are functions that are named without being called.
pub(super) fn check_replacement(
    bundle: &Bundle<'_>,
    names: &Names<'_>,
    target: &Expr,
    value: &Expr,
) -> impl Iterator<Item = Problem> {
    let target_problem = Reference::of(target).and_then(|reference| {
        let path = reference.static_names();
        let is_document = reference.root.text() == "input"
            || reference.root.text() == "data" && bundle.function(path.get(1..)?).is_none();
        let name = path.join(".");
        let is_known = is_document || defined(bundle, names, &path).is_some() || builtins::arguments(&name).is_some();
        let is_alias = names.import(reference.root.text()).is_some();
        (!is_known && !is_alias).then(|| {
            forbidden(&name).unwrap_or_else(|| unknown(bundle, names, &path, &name)).at(location(reference.root))
        })
    });
    let value_problem = Reference::of(value).filter(|reference| !reference.parts.is_empty()).and_then(|reference| {
        let path = reference.static_names();
        if defined(bundle, names, &path).is_some() {
            return None;
        }
        forbidden(&path.join(".")).map(|problem| problem.at(location(reference.root)))
    });
    target_problem.into_iter().chain(value_problem)
}

/// How many arguments the bundle's function at `path`, as written in a module, takes.
pub(super) fn defined(bundle: &Bundle<'_>, names: &Names<'_>, path: &[&str]) -> Option<usize> {
    bundle.function(&resolved(bundle, names, path)?)
}

/// Where the bundle's function at `path`, as written in a module, is below `data`.
pub(super) fn resolved<'a>(bundle: &Bundle<'_>, names: &Names<'a>, path: &[&'a str]) -> Option<Path<'a>> {
    let is_function = |path: &Path<'a>| bundle.function(path).is_some();
    let (&root, rest) = path.split_first()?;
    if root == "data" {
        return Some(rest.to_vec()).filter(is_function);
    }
    // As the engine does: an import alias first, and the module's own package if it leads nowhere.
    let imported = names.import(root).and_then(|target| {
        let (_, target) = target.split_first().filter(|(target_root, _)| **target_root == "data")?;
        Some([target, rest].concat()).filter(is_function)
    });
    imported.or_else(|| Some([names.package.as_slice(), path].concat()).filter(is_function))
}

fn forbidden(name: &str) -> Option<Problem> {
    let reason = builtins::forbidden(name)?;
    Some(Problem::new("forbidden-function", format!("`{name}` may not be called by a policy")).hint(reason))
}

fn unknown(bundle: &Bundle<'_>, names: &Names<'_>, path: &[&str], name: &str) -> Problem {
    let problem = Problem::new("unknown-function", format!("there is no function `{name}`"));
    if bundle.is_rule(&[names.package.as_slice(), path].concat()) {
        return problem.hint(format!("`{name}` is a rule and not a function: write it without parentheses"));
    }
    if let Some(hint) = builtins::instead(name) {
        return problem.hint(hint);
    }
    let mut candidates: Vec<String> = builtins::BUILTINS.iter().map(|(builtin, _)| (*builtin).to_owned()).collect();
    candidates.extend(bundle.functions_below(&names.package).map(|function| function.join(".")));
    for (alias, target) in names.imports() {
        if let Some((&"data", target)) = target.split_first() {
            let functions = bundle.functions_below(target);
            candidates.extend(functions.map(|function| [&[alias], function].concat().join(".")));
        }
    }
    if path.first() == Some(&"data") {
        candidates.extend(bundle.functions_below(&[]).map(|function| format!("data.{}", function.join("."))));
    }
    match nearest(name, candidates.iter().map(String::as_str)) {
        Some(candidate) => problem.hint(format!("did you mean `{candidate}`?")),
        None => problem.hint("define it in the bundle, or use one of the engine's functions"),
    }
}

fn counted(arguments: usize) -> String {
    match arguments {
        0 => "no arguments".to_owned(),
        1 => "1 argument".to_owned(),
        _ => format!("{arguments} arguments"),
    }
}
