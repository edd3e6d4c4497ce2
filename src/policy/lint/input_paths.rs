//! What policies read from `input` must be in the schema of the facts.
//!
//! A path that does not exist is undefined, and an undefined condition makes a rule that would have
//! found something find nothing. Only what is certain is reported: a variable is followed while it
//! has one definition that is itself a reference.

use regorus::unstable::{Expr, Module, Span};

use super::ast::{Part, Reference, Scopes, Variable, location, string};
use super::bundle::{Absolute, Names};
use super::one_of;
use super::schema::{Place, Schema, Step};
use crate::problem::{Problem, nearest};

/// A chain of variables, each defined by the next, is followed this far. A cycle ends here too.
const MAXIMUM_ALIASES: usize = 16;

/// What one module sees as `input`.
#[derive(Debug, Clone, Copy)]
pub(super) struct InputReader<'a, 'c> {
    pub(super) names: &'c Names<'a>,
    pub(super) schema: Schema<'c>,
    /// The only parts of the facts that there are, if not all.
    pub(super) only: Option<&'static [&'static str]>,
}

/// A place in the facts with its path, such as `input.evaluations[_].name`.
#[derive(Debug, Clone)]
struct Known<'c> {
    place: Place<'c>,
    path: String,
    is_root: bool,
}

impl<'a, 'c> InputReader<'a, 'c> {
    /// The problems with the module's imports. Unknown ones are reported here and not where they are used.
    pub(super) fn check_imports(self, module: &'a Module) -> impl Iterator<Item = Problem> {
        let references = module.imports.iter().filter_map(|import| Reference::of(&import.refr));
        let inputs = references.filter(|reference| reference.root.text() == "input");
        inputs.filter_map(move |reference| self.check(&Scopes::default(), &reference))
    }

    /// The problem with reading `reference`, if there is one.
    pub(super) fn check(self, scopes: &Scopes<'a>, reference: &Reference<'a>) -> Option<Problem> {
        let (mut known, rest) = self.start(scopes, reference, scopes.level(), 0)?;
        for part in rest {
            match self.step(&known, *part) {
                Some(next) => known = next,
                None => return Some(self.unknown(&known, *part)),
            }
        }
        None
    }

    /// The path that `reference` reads, if that is certain.
    pub(super) fn path(self, scopes: &Scopes<'a>, reference: &Reference<'a>) -> Option<String> {
        let (known, rest) = self.start(scopes, reference, scopes.level(), 0)?;
        let known = rest.iter().try_fold(known, |known, part| self.step(&known, *part))?;
        (!known.is_root).then_some(known.path)
    }

    /// The problem with comparing `left` to `right`, if one of them is a string.
    pub(super) fn check_comparison(self, scopes: &Scopes<'a>, left: &'a Expr, right: &'a Expr) -> Option<Problem> {
        let (text, span, other) = match (string(left), string(right)) {
            (Some((text, span)), None) => (text, span, right),
            (None, Some((text, span))) => (text, span, left),
            _ => return None,
        };
        self.check_value(&self.resolve(scopes, other, scopes.level(), 0)?, text, span)
    }

    /// The problems with asking whether `value` is in `collection`.
    pub(super) fn check_membership(self, scopes: &Scopes<'a>, value: &'a Expr, collection: &'a Expr) -> Vec<Problem> {
        if let Some((text, span)) = string(value) {
            let element = self
                .resolve(scopes, collection, scopes.level(), 0)
                .and_then(|collection| self.advance(&collection, Step::Any));
            return element.and_then(|element| self.check_value(&element, text, span)).into_iter().collect();
        }
        let (Expr::Array { items, .. } | Expr::Set { items, .. }) = collection else { return Vec::new() };
        let Some(known) = self.resolve(scopes, value, scopes.level(), 0) else { return Vec::new() };
        let strings = items.iter().filter_map(|item| string(item));
        strings.filter_map(|(text, span)| self.check_value(&known, text, span)).collect()
    }

    fn check_value(self, known: &Known<'c>, text: &str, span: &Span) -> Option<Problem> {
        let strings = self.schema.strings(&known.place)?;
        if strings.contains(text) {
            return None;
        }
        let problem = Problem::new("unknown-value", format!("`{}` is never `{text}`", known.path)).at(location(span));
        Some(problem.hint(match nearest(text, strings.iter().copied()) {
            Some(candidate) => format!("did you mean `{candidate}`?"),
            None => one_of(strings),
        }))
    }

    /// What `expression` is in the facts, if that is certain.
    fn resolve(self, scopes: &Scopes<'a>, expression: &'a Expr, level: usize, aliases: usize) -> Option<Known<'c>> {
        let reference = Reference::of(expression)?;
        let (known, rest) = self.start(scopes, &reference, level, aliases)?;
        rest.iter().try_fold(known, |known, part| self.step(&known, *part))
    }

    /// What the root of `reference` is in the facts, and the steps from there.
    fn start<'r>(
        self,
        scopes: &Scopes<'a>,
        reference: &'r Reference<'a>,
        level: usize,
        aliases: usize,
    ) -> Option<(Known<'c>, &'r [Part<'a>])> {
        if let Some(Absolute { root, imported, .. }) = self.names.absolute(scopes, reference, level) {
            let root = (root == "input").then(|| Known {
                place: self.schema.root(),
                path: "input".to_owned(),
                is_root: true,
            })?;
            let imported = imported.iter().try_fold(root, |known, name| self.advance(&known, Step::Key(name)))?;
            return Some((imported, &reference.parts));
        }
        if aliases >= MAXIMUM_ALIASES {
            return None;
        }
        let Variable::Tracked { expression, is_element, level } = scopes.lookup(reference.root.text(), level)? else {
            return None;
        };
        let known = self.resolve(scopes, expression, level, aliases.saturating_add(1))?;
        let known = if is_element { self.advance(&known, Step::Any)? } else { known };
        Some((known, &reference.parts))
    }

    fn step(self, known: &Known<'c>, part: Part<'_>) -> Option<Known<'c>> {
        self.advance(known, as_step(part))
    }

    fn advance(self, known: &Known<'c>, step: Step<'_>) -> Option<Known<'c>> {
        if let (true, Some(only), Step::Key(name)) = (known.is_root, self.only, step)
            && !only.contains(&name)
        {
            return None;
        }
        let place = self.schema.step(&known.place, step)?;
        Some(Known { place, path: joined(&known.path, step), is_root: false })
    }

    fn unknown(self, known: &Known<'c>, part: Part<'_>) -> Problem {
        let step = as_step(part);
        let span = match part {
            Part::Key { span, .. } => span,
            Part::Index(index) => index.span(),
        };
        let message = format!("the facts have no `{}`", joined(&known.path, step));
        Problem::new("unknown-input-path", message).at(location(span)).hint(self.mend(known, step))
    }

    fn mend(self, known: &Known<'c>, step: Step<'_>) -> String {
        let path = &known.path;
        let mut names = self.schema.property_names(&known.place);
        if let (true, Some(only)) = (known.is_root, self.only) {
            names.retain(|name| only.contains(name));
            if let Step::Key(name) = step
                && nearest(name, names.iter().copied()).is_none()
            {
                return format!("tiering rules see only {}", one_of(names));
            }
        }
        if let Step::Key(name) = step {
            if let Some(candidate) = nearest(name, names.iter().copied()) {
                return format!("did you mean `{candidate}`?");
            }
            if names.is_empty() && self.schema.is_array(&known.place) {
                return format!("`{path}` is an array: go through it with `some … in {path}`");
            }
        }
        if names.is_empty() {
            return format!("`{path}` is a plain value without parts");
        }
        format!("`{path}` has {}", one_of(names))
    }
}

fn as_step(part: Part<'_>) -> Step<'_> {
    match part {
        Part::Key { name, .. } => Step::Key(name),
        Part::Index(_) => Step::Any,
    }
}

fn joined(path: &str, step: Step<'_>) -> String {
    match step {
        Step::Key(name) => format!("{path}.{name}"),
        Step::Any => format!("{path}[_]"),
    }
}
