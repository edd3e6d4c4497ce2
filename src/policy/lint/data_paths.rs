//! What policies read from `data`: other packages, their parameters, the organisation's data.

use std::collections::{BTreeMap, BTreeSet};

use regorus::unstable::{Module, Span};

use super::ast::{Part, Reference, keys, location};
use super::bundle::{Absolute, Bundle, Names, Path};
use super::{LintContext, one_of};
use crate::problem::{Problem, nearest};

/// Root of the parameters of the control that is being evaluated.
const PARAMETERS: &str = "parameters";

/// Parameters that each package reads, by its path with dots.
#[derive(Debug, Default)]
pub(super) struct UsedParameters<'a>(BTreeMap<String, BTreeSet<&'a str>>);

/// What one module reads from `data`.
pub(super) struct DataReader<'a, 'c> {
    pub(super) bundle: &'c Bundle<'a>,
    pub(super) names: &'c Names<'a>,
    pub(super) context: &'c LintContext<'c>,
    pub(super) is_test: bool,
    /// Where the module writes `data.parameters`, in bytes.
    pub(super) parameters: BTreeSet<usize>,
}

impl<'a> DataReader<'a, '_> {
    /// Checks the module's imports. Unknown ones are reported here and not where they are used.
    pub(super) fn check_imports(&self, module: &'a Module, used: &mut UsedParameters<'a>, problems: &mut Vec<Problem>) {
        for import in &module.imports {
            let Some(reference) = Reference::of(&import.refr).filter(|reference| reference.root.text() == "data")
            else {
                continue;
            };
            let path = Absolute { root: "data", imported: &[], parts: &reference.parts, span: reference.root };
            let is_parameter = matches!(reference.parts.first(), Some(Part::Key { name: PARAMETERS, .. }));
            problems.extend(match is_parameter && !self.is_test && self.declared().is_some() {
                true => Some(self.other_form(reference.root)),
                false => self.check(&path, used),
            });
        }
    }

    /// The problem with reading `path`, if there is one.
    pub(super) fn check(&self, path: &Absolute<'a, '_>, used: &mut UsedParameters<'a>) -> Option<Problem> {
        let names: Path<'a> = path.imported.iter().copied().chain(keys(path.parts)).collect();
        let &first = names.first()?;
        if first == PARAMETERS {
            return self.check_parameter(path, &names, used);
        }
        if self.context.reserved_roots.contains(&first) {
            return None;
        }
        let unknown = self.bundle.first_unknown(&names)?;
        let span = written_at(path, unknown)?;
        let whole = names.get(..=unknown)?.join(".");
        let problem = Problem::new("unknown-data-path", format!("the bundle defines no `data.{whole}`"));
        let parent = names.get(..unknown)?;
        let candidates: BTreeSet<&str> =
            self.bundle.children(parent).chain(self.roots().filter(|_| unknown == 0)).collect();
        let name = names.get(unknown)?;
        Some(problem.at(location(span)).hint(match nearest(name, candidates.iter().copied()) {
            Some(candidate) => format!("did you mean `{candidate}`?"),
            None => "an organisation's own data is under `data.bundle`".to_owned(),
        }))
    }

    /// The problem with replacing `path` by `with`, if there is one. The whole of the parameters may be
    /// replaced, and nothing is read by it.
    pub(super) fn check_replaced(&self, path: &Absolute<'a, '_>) -> Option<Problem> {
        if !self.is_test && path.imported.iter().copied().chain(keys(path.parts)).next() == Some(PARAMETERS) {
            let problem = Problem::new("replaced-parameters", "a control replaces its parameters by `with`");
            return Some(problem.at(location(path.span)).hint("take the value as an argument of a function"));
        }
        let names_a_parameter = path.imported.iter().copied().chain(keys(path.parts)).nth(1).is_some();
        let is_parameters = path.imported.iter().copied().chain(keys(path.parts)).next() == Some(PARAMETERS);
        if is_parameters && !names_a_parameter { None } else { self.check(path, &mut UsedParameters::default()) }
    }

    fn roots(&self) -> impl Iterator<Item = &str> {
        self.context.reserved_roots.iter().copied()
    }

    /// The package whose parameters are read: that of the control, also in its tests.
    fn owner(&self) -> String {
        let package = self.names.package.join(".");
        match package.strip_suffix("_test") {
            Some(control) if self.is_test => control.to_owned(),
            _ => package,
        }
    }

    fn declared(&self) -> Option<&BTreeSet<String>> {
        self.context.declared_parameters.get(&self.owner())
    }

    /// Parameters are where the engine is told to look for them only if they are written in one way.
    fn other_form(&self, span: &Span) -> Problem {
        Problem::new("other-form-of-parameter", "a parameter is read in another form than `data.parameters.<name>`")
            .at(location(span))
            .hint("write `data.parameters.<name>`, without an import and in one piece")
    }

    fn check_parameter(
        &self,
        path: &Absolute<'a, '_>,
        names: &[&'a str],
        used: &mut UsedParameters<'a>,
    ) -> Option<Problem> {
        let parameter = names.get(1).copied();
        let Some(declared) = self.declared() else {
            let is_reported_at_import = !path.imported.is_empty();
            return (!self.is_test && !is_reported_at_import).then(|| {
                Problem::new("parameter-outside-control", "only a control's own package may read `data.parameters`")
                    .at(location(path.span))
                    .hint("take the value as an argument of the function")
            });
        };
        let Some(parameter) = parameter else {
            return (!self.is_test).then(|| {
                Problem::new("dynamic-parameter", "`data.parameters` is read without the name of a parameter")
                    .at(location(path.span))
                    .hint(format!("write `data.parameters.<name>`: {}", one_of(declared.iter().map(String::as_str))))
            });
        };
        if declared.contains(parameter) {
            if !self.is_test {
                let start = usize::try_from(path.span.start).ok();
                if !path.imported.is_empty() || start.is_none_or(|start| !self.parameters.contains(&start)) {
                    return Some(self.other_form(path.span));
                }
                used.0.entry(self.owner()).or_default().insert(parameter);
            }
            return None;
        }
        let span = written_at(path, 1)?;
        let problem = Problem::new("undeclared-parameter", format!("the control declares no parameter `{parameter}`"));
        Some(problem.at(location(span)).hint(match nearest(parameter, declared.iter().map(String::as_str)) {
            Some(candidate) => format!("did you mean `{candidate}`?"),
            None => format!("declare `{parameter}` under `custom.parameters` in METADATA"),
        }))
    }
}

/// Where the name at `index` of a path is written; `None` if an import stands for it.
fn written_at<'a>(path: &Absolute<'a, '_>, index: usize) -> Option<&'a Span> {
    match path.parts.get(index.checked_sub(path.imported.len())?)? {
        Part::Key { span, .. } => Some(span),
        Part::Index(index) => Some(index.span()),
    }
}

/// Parameters that a control declares and does not read.
pub(super) fn unused_parameters<'m>(
    modules: impl Iterator<Item = (&'m Module, Path<'m>)>,
    context: &LintContext<'_>,
    used: &UsedParameters<'_>,
) -> Vec<Problem> {
    let mut first_module: BTreeMap<String, &Span> = BTreeMap::new();
    for (module, package) in modules {
        first_module.entry(package.join(".")).or_insert(&module.package.span);
    }
    let mut problems = Vec::new();
    for (package, span) in first_module {
        let Some(declared) = context.declared_parameters.get(&package) else { continue };
        let used = used.0.get(&package);
        for parameter in declared.iter().filter(|name| used.is_none_or(|used| !used.contains(name.as_str()))) {
            let message = format!("parameter `{parameter}` is declared and never read");
            let problem = Problem::new("unused-parameter", message).at(location(span));
            problems.push(problem.hint(format!("read `data.parameters.{parameter}`, or remove its declaration")));
        }
    }
    problems
}
