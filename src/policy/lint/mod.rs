//! Mistakes in a policy bundle that the engine would not see, or would see only when the line is
//! reached: in a gate each of them is a silent pass.
//!
//! Everything here looks at the syntax tree alone. What is uncertain is not reported.

mod ast;
mod builtins;
mod bundle;
mod data_paths;
mod formats;
mod functions;
mod input_paths;
pub(super) mod inputs;
mod recursion;
mod rules;
mod schema;
mod syntax;
mod variables;

use std::collections::{BTreeMap, BTreeSet};

use regorus::unstable::{Expr, Module, Ref, Span};

pub use self::syntax::explain_syntax_error;

use self::ast::{Reference, Scopes, Visitor};
use self::bundle::{Bundle, Names};
use self::data_paths::{DataReader, UsedParameters};
use self::input_paths::InputReader;
use self::schema::Schema;
use super::parameters;
use crate::problem::Problem;

/// The package of the tiering rules, which are evaluated before there are any other facts.
const TIERING_PACKAGE: &str = "modelgate.tiering";

/// What the tiering rules see of the facts.
const TIERING_INPUT: &[&str] = &["model", "intake"];

/// What policies are checked against.
#[derive(Debug, Clone, Copy)]
pub struct LintContext<'a> {
    /// JSON Schema of the facts, as `schemars` writes it.
    pub facts_schema: &'a serde_json::Value,
    /// The parameters that each control declares, by the path of its package, such as
    /// `modelgate.controls.validation.discrimination`. A control without parameters has an empty set;
    /// a package that is not here may not read parameters.
    pub declared_parameters: &'a BTreeMap<String, BTreeSet<String>>,
    /// Names under `data` that are mounted and not defined by a package: `parameters`, `bundle`.
    pub reserved_roots: &'a [&'a str],
}

/// Every problem with the files of `modules`, in no order. Calls, packages and rules are looked up among all of
/// them, so that they must be the whole bundle.
///
/// The codes are `dynamic-parameter`, `default-in-bracket`, `duplicate-default`, `duplicate-import`,
/// `forbidden-function`, `parameter-outside-control`, `recursive-function`, `reserved-package`,
/// `shadowed-rule`, `too-deep`,
/// `undeclared-parameter`, `unknown-data-path`, `unknown-function`, `unknown-input-path`,
/// `unknown-value`, `unsafe-format`, `unsafe-negation`, `unused-import`, `unused-parameter`,
/// `unused-variable` and `wrong-arity`.
pub(super) fn check_modules<'a>(
    modules: impl Iterator<Item = &'a Module> + Clone,
    context: &LintContext<'_>,
) -> Vec<Problem> {
    let mut bundle = Bundle::default();
    modules.clone().for_each(|module| bundle.add(module));
    let mut problems = rules::check(modules.clone(), context);
    problems.extend(recursion::check(modules.clone(), &bundle));
    let mut used = UsedParameters::default();
    for module in modules.clone() {
        let names = Names::of(module);
        let is_test = is_test(module);
        let parameters = parameters::offsets(module.package.span.source.contents());
        let data = DataReader { bundle: &bundle, names: &names, context, is_test, parameters };
        data.check_imports(module, &mut used, &mut problems);
        let only = (names.package.join(".") == TIERING_PACKAGE).then_some(TIERING_INPUT);
        let input = InputReader { names: &names, schema: Schema(context.facts_schema), only };
        if !is_test {
            problems.extend(input.check_imports(module));
        }
        let mut checks = Checks { data, input, used: &mut used, problems: &mut problems, is_too_deep: false };
        ast::walk(module, &mut checks);
        problems.extend(variables::check(&bundle, &names, module));
    }
    let controls = modules.filter(|module| !is_test(module)).map(|module| (module, bundle::package(module)));
    problems.extend(data_paths::unused_parameters(controls, context, &used));
    problems
}

fn is_test(module: &Module) -> bool {
    module.package.span.source.file().ends_with("_test.rego")
}

/// The checks of one module, as the walk comes to what they are about.
struct Checks<'a, 'c> {
    data: DataReader<'a, 'c>,
    input: InputReader<'a, 'c>,
    used: &'c mut UsedParameters<'a>,
    problems: &'c mut Vec<Problem>,
    /// Whether it has been said already: one chain has many ends.
    is_too_deep: bool,
}

impl<'a> Checks<'a, '_> {
    /// Tests give their own input, of which they may write as little as they need.
    fn input_is_facts(&self, scopes: &Scopes<'a>) -> bool {
        !self.data.is_test && !scopes.input_is_replaced
    }
}

impl<'a> Visitor<'a> for Checks<'a, '_> {
    fn reference(&mut self, scopes: &Scopes<'a>, reference: &Reference<'a>) {
        if let Some(path) = self.data.names.absolute(scopes, reference, scopes.level())
            && path.root == "data"
        {
            self.problems.extend(self.data.check(&path, self.used));
        } else if self.input_is_facts(scopes) {
            self.problems.extend(self.input.check(scopes, reference));
        }
    }

    fn call(&mut self, function: &'a Expr, arguments: &'a [Ref<Expr>], is_statement: bool) {
        let (bundle, names) = (self.data.bundle, self.data.names);
        self.problems.extend(functions::check_call(bundle, names, function, arguments.len(), is_statement));
        self.problems.extend(formats::check_call(bundle, names, function, arguments));
    }

    fn replacement(&mut self, target: &'a Expr, value: &'a Expr) {
        self.problems.extend(functions::check_replacement(self.data.bundle, self.data.names, target, value));
        let Some(reference) = Reference::of(target) else { return };
        if let Some(path) = self.data.names.absolute(&Scopes::default(), &reference, 0)
            && path.root == "data"
        {
            self.problems.extend(self.data.check_replaced(&path));
        }
    }

    fn comparison(&mut self, scopes: &Scopes<'a>, left: &'a Expr, right: &'a Expr) {
        if self.input_is_facts(scopes) {
            self.problems.extend(self.input.check_comparison(scopes, left, right));
        }
    }

    fn membership(&mut self, scopes: &Scopes<'a>, value: &'a Expr, collection: &'a Expr) {
        if self.input_is_facts(scopes) {
            self.problems.extend(self.input.check_membership(scopes, value, collection));
        }
    }

    fn too_deep(&mut self, span: &'a Span) {
        if !std::mem::replace(&mut self.is_too_deep, true) {
            let problem = Problem::new("too-deep", "the expression has too many parts to be checked");
            self.problems.push(problem.at(ast::location(span)).hint("give parts of it names of their own"));
        }
    }
}

/// "`a`, `b` or `c`".
fn one_of<'n>(names: impl IntoIterator<Item = &'n str>) -> String {
    let quoted: Vec<String> = names.into_iter().map(|name| format!("`{name}`")).collect();
    match quoted.split_last() {
        Some((last, rest)) if !rest.is_empty() => format!("{} or {last}", rest.join(", ")),
        Some((last, _)) => last.clone(),
        None => "none".to_owned(),
    }
}

#[cfg(test)]
mod tests;
