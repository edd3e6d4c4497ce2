//! What a bundle defines: its packages, rules and functions, and what each module imports.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::Bound;

use regorus::unstable::{Expr, Module, Rule, RuleHead, Span};

use super::ast::{Part, Reference, Scopes};

/// Names below `data`, such as `modelgate`, `lib`, `metrics`.
pub(super) type Path<'a> = Vec<&'a str>;

/// Everything that the modules of a bundle define.
#[derive(Debug, Default)]
pub(super) struct Bundle<'a> {
    /// Packages and rules.
    known: BTreeSet<Path<'a>>,
    /// Rules and functions, by the part of their name that is known before evaluation.
    rules: BTreeSet<Path<'a>>,
    /// How many arguments each function takes.
    functions: BTreeMap<Path<'a>, usize>,
}

impl<'a> Bundle<'a> {
    /// Adds what `module` defines.
    pub(super) fn add(&mut self, module: &'a Module) {
        let package = package(module);
        self.known.insert(package.clone());
        for rule in &module.policy {
            let (name, arguments) = match rule.as_ref() {
                Rule::Default { refr, args, .. } => (refr, Some(args.len()).filter(|&count| count > 0)),
                Rule::Spec { head: RuleHead::Func { refr, args, .. }, .. } => (refr, Some(args.len())),
                Rule::Spec { head: RuleHead::Compr { refr, .. } | RuleHead::Set { refr, .. }, .. } => (refr, None),
            };
            let path = rule_path(&package, name);
            if let Some(arguments) = arguments {
                self.functions.entry(path.clone()).or_insert(arguments);
            }
            self.known.insert(path.clone());
            self.rules.insert(path);
        }
    }

    /// How many arguments the function at `path` takes.
    pub(super) fn function(&self, path: &[&str]) -> Option<usize> {
        self.functions.get(path).copied()
    }

    /// Every function below `path`, by the rest of its path.
    pub(super) fn functions_below<'s>(&'s self, path: &'s [&'a str]) -> impl Iterator<Item = &'s [&'a str]> {
        self.functions
            .range::<[&str], _>((Bound::Included(path), Bound::Unbounded))
            .map_while(move |(function, _)| function.strip_prefix(path))
    }

    /// Whether a rule has exactly this path.
    pub(super) fn is_rule(&self, path: &[&str]) -> bool {
        self.rules.contains(path)
    }

    /// The index of the first name in `path` that leads to nothing that the bundle defines.
    pub(super) fn first_unknown(&self, path: &[&str]) -> Option<usize> {
        for length in 1..=path.len() {
            let prefix = path.get(..length)?;
            // What is inside a rule's value is not known here.
            if self.rules.contains(prefix) {
                return None;
            }
            if self.below(prefix).next().is_none() {
                return length.checked_sub(1);
            }
        }
        None
    }

    /// The names that may follow `path`.
    pub(super) fn children<'s>(&'s self, path: &'s [&'a str]) -> impl Iterator<Item = &'a str> {
        self.below(path).filter_map(|rest| rest.first().copied())
    }

    fn below<'s>(&'s self, path: &'s [&'a str]) -> impl Iterator<Item = &'s [&'a str]> {
        self.known
            .range::<[&str], _>((Bound::Included(path), Bound::Unbounded))
            .map_while(move |known| known.strip_prefix(path))
    }
}

/// The path of a module's package.
pub(super) fn package(module: &Module) -> Path<'_> {
    static_names(&module.package.refr)
}

/// The path of a rule, as far as its name is known before evaluation.
pub(super) fn rule_path<'a>(package: &[&'a str], name: &'a Expr) -> Path<'a> {
    package.iter().copied().chain(static_names(name)).collect()
}

fn static_names(name: &Expr) -> Path<'_> {
    Reference::of(name).map(|reference| reference.static_names()).unwrap_or_default()
}

/// One module's view of names.
#[derive(Debug)]
pub(super) struct Names<'a> {
    /// Path of its package.
    pub(super) package: Path<'a>,
    /// Import aliases, with the path that each stands for, `data` or `input` first.
    imports: BTreeMap<&'a str, Path<'a>>,
}

/// A reference from `data` or `input` on.
#[derive(Debug)]
pub(super) struct Absolute<'a, 'r> {
    /// `data` or `input`.
    pub(super) root: &'a str,
    /// Names that an import alias stands for.
    pub(super) imported: &'r [&'a str],
    /// What is written after the root or the alias.
    pub(super) parts: &'r [Part<'a>],
    /// The root or alias as written.
    pub(super) span: &'a Span,
}

impl<'a> Names<'a> {
    pub(super) fn of(module: &'a Module) -> Self {
        let mut imports = BTreeMap::new();
        for import in &module.imports {
            let path = static_names(&import.refr);
            let alias = import.r#as.as_ref().map_or_else(|| path.last().copied(), |alias| Some(alias.text()));
            if let (Some(alias), Some(&("data" | "input"))) = (alias, path.first()) {
                imports.insert(alias, path);
            }
        }
        Self { package: package(module), imports }
    }

    /// The path that an import alias stands for.
    pub(super) fn import(&self, alias: &str) -> Option<&[&'a str]> {
        self.imports.get(alias).map(Vec::as_slice)
    }

    /// The aliases and what they stand for.
    pub(super) fn imports(&self) -> impl Iterator<Item = (&'a str, &[&'a str])> {
        self.imports.iter().map(|(&alias, path)| (alias, path.as_slice()))
    }

    /// `reference` from `data` or `input` on, unless its root is a local variable or a rule.
    pub(super) fn absolute<'r>(
        &'r self,
        scopes: &Scopes<'a>,
        reference: &'r Reference<'a>,
        level: usize,
    ) -> Option<Absolute<'a, 'r>> {
        let (span, parts) = (reference.root, reference.parts.as_slice());
        let name = span.text();
        if matches!(name, "data" | "input") {
            return Some(Absolute { root: name, imported: &[], parts, span });
        }
        if scopes.lookup(name, level).is_some() {
            return None;
        }
        let (&root, imported) = self.import(name)?.split_first()?;
        Some(Absolute { root, imported, parts, span })
    }
}
