//! What loading a pickle may import: lists as data, in `imports/`.
//!
//! The list of what is allowed decides, by exact names. The list of what is dangerous only tells a known
//! danger from something that nobody has looked at; neither passes in the stricter tiers.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::LazyLock;

use super::ImportVerdict;

/// Names by module; without names, everything in it.
type Names = BTreeMap<&'static str, BTreeSet<&'static str>>;

static ALLOWED: LazyLock<Names> = LazyLock::new(|| names(include_str!("imports/allowed.txt")));

static DANGEROUS: LazyLock<Names> = LazyLock::new(|| names(include_str!("imports/dangerous.txt")));

/// The module under which the list of what is dangerous has names that are so in any module.
const ANY_MODULE: &str = "*";

fn names(list: &'static str) -> Names {
    let mut names = Names::new();
    for line in list.lines().filter(|line| !line.starts_with('#') && !line.is_empty()) {
        let (module, listed) = line.split_once(": ").unwrap_or((line, ""));
        names.entry(module).or_default().extend(listed.split_whitespace());
    }
    names
}

/// What the lists say of an import.
pub(super) fn verdict(module: &str, name: &str) -> ImportVerdict {
    if ALLOWED.get(module).is_some_and(|names| names.contains(name)) {
        ImportVerdict::Allowed
    } else if is_dangerous(module, name) {
        ImportVerdict::Dangerous
    } else {
        ImportVerdict::Unknown
    }
}

fn is_dangerous(module: &str, name: &str) -> bool {
    let first = name.split('.').next().unwrap_or_default();
    let lists = |module: &str| DANGEROUS.get(module).is_some_and(|names| names.is_empty() || names.contains(first));
    lists(module) || packages_of(module).any(is_dangerous_package) || (is_name(name) && reaches_through(name))
}

/// The packages that a module is in, itself among them.
fn packages_of(module: &str) -> impl Iterator<Item = &str> {
    let ends = module.match_indices('.').map(|(end, _)| end).chain([module.len()]);
    ends.filter_map(|end| module.get(..end))
}

fn is_dangerous_package(package: &str) -> bool {
    DANGEROUS.get(package).is_some_and(BTreeSet::is_empty)
}

/// Whether a name reaches for more than a class or function. `STACK_GLOBAL` follows dots: `path` + `os.system`
/// goes through the module's own import. A name between double underscores leads to the interpreter's own.
fn reaches_through(name: &str) -> bool {
    let is_special = |part: &str| part.starts_with("__") && part.ends_with("__") && part.len() > 4;
    let is_class = |part: &str| part.trim_start_matches('_').starts_with(|first: char| first.is_ascii_uppercase());
    let in_any = |part: &str| DANGEROUS.get(ANY_MODULE).is_some_and(|names| names.contains(part));
    let outer = name.rsplit_once('.').map_or("", |(outer, _)| outer);
    let leaves_class = !outer.is_empty() && !outer.split('.').all(is_class);
    leaves_class || name.split('.').any(|part| is_special(part) || in_any(part))
}

/// Whether Python code could have this name: parts of letters, digits and `_`, with dots between them.
pub(super) fn is_name(name: &str) -> bool {
    name.split('.').all(|part| {
        let is_letter = |first: char| first == '_' || first.is_ascii_alphabetic();
        part.starts_with(is_letter)
            && part.chars().all(|character| character == '_' || character.is_ascii_alphanumeric())
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_lists() {
        for (module, name, expected) in [
            ("os", "system", ImportVerdict::Dangerous),
            ("posix", "system", ImportVerdict::Dangerous),
            ("builtins", "eval", ImportVerdict::Dangerous),
            ("__builtin__", "getattr", ImportVerdict::Dangerous),
            ("multiprocessing.util", "spawnv_passfds", ImportVerdict::Dangerous),
            ("torch.utils.collect_env", "run", ImportVerdict::Dangerous),
            ("builtins", "set", ImportVerdict::Allowed),
            ("numpy._core.multiarray", "_reconstruct", ImportVerdict::Allowed),
            ("sklearn.linear_model._logistic", "LogisticRegression", ImportVerdict::Allowed),
            ("sklearn.tree._tree", "Tree", ImportVerdict::Allowed),
            // A class that opens a connection and unpickles what comes, under a name of scikit-learn.
            ("sklearn.callback._transport", "Client", ImportVerdict::Dangerous),
            ("sklearn.preprocessing._label", "Thread", ImportVerdict::Unknown),
            ("sklearn.neighbors._kd_tree", "newObj", ImportVerdict::Allowed),
            ("sklearn.utils.validation", "check_X_y", ImportVerdict::Unknown),
            ("joblib.numpy_pickle", "NumpyArrayWrapper", ImportVerdict::Allowed),
            ("joblib", "numpy_pickle.NumpyArrayWrapper", ImportVerdict::Dangerous),
            ("joblib.memory", "Memory", ImportVerdict::Dangerous),
            ("uuid", "UUID", ImportVerdict::Allowed),
            ("uuid", "_get_command_stdout", ImportVerdict::Dangerous),
            ("torch.storage", "_load_from_bytes", ImportVerdict::Dangerous),
            ("sklearn.externals.joblib", "load", ImportVerdict::Dangerous),
            ("sklearnx", "Model", ImportVerdict::Unknown),
            ("osprey", "Model", ImportVerdict::Unknown),
            ("mycompany.models", "Model", ImportVerdict::Unknown),
            ("sklearn.base", "BaseEstimator.__init__", ImportVerdict::Dangerous),
            ("sklearn.base", "BaseEstimator.fit", ImportVerdict::Unknown),
            ("mycompany.models", "Outer.Inner", ImportVerdict::Unknown),
            ("mycompany.models", "os.system", ImportVerdict::Dangerous),
            ("mycompany.models", "helpers.Model", ImportVerdict::Dangerous),
            ("mycompany.models", "sys", ImportVerdict::Dangerous),
            ("mycompany.models", "__builtins__", ImportVerdict::Dangerous),
            ("mycompany.models", "__private", ImportVerdict::Unknown),
            ("scipy.interpolate._interpolate", "interp1d._call_linear_np", ImportVerdict::Allowed),
            ("numpy", "load", ImportVerdict::Dangerous),
            ("numpy.load", "x", ImportVerdict::Unknown),
            // Its `__setstate__` executes a text out of the file.
            ("scipy.stats._continuous_distns", "norm_gen", ImportVerdict::Dangerous),
            // No name that Python code has: text that begins like an import.
            ("atboost", "joblib==1.6.0", ImportVerdict::Unknown),
            ("*", "eval", ImportVerdict::Dangerous),
            ("", "", ImportVerdict::Unknown),
            ("builtins", "getattr.x", ImportVerdict::Dangerous),
        ] {
            assert_eq!(verdict(module, name), expected, "{module}.{name}");
        }
    }

    #[test]
    fn the_lists_are_well_formed() {
        for (list, has_packages) in
            [(include_str!("imports/allowed.txt"), false), (include_str!("imports/dangerous.txt"), true)]
        {
            let mut seen = BTreeSet::new();
            for line in list.lines().filter(|line| !line.starts_with('#') && !line.is_empty()) {
                let (module, names) = line.split_once(": ").unwrap_or((line, ""));
                assert!(module == ANY_MODULE || is_name(module), "{line}");
                assert!(has_packages || !names.is_empty(), "{line}");
                assert!(names.split_whitespace().all(is_name) && names.trim() == names, "{line}");
                for name in names.split_whitespace().chain(names.is_empty().then_some("")) {
                    assert!(seen.insert((module, name)), "{module}: {name} is there twice");
                }
            }
            assert!(seen.len() > 400, "{}", seen.len());
        }
    }

    #[test]
    fn nothing_that_is_allowed_reaches_for_more() {
        for (module, names) in ALLOWED.iter() {
            for name in names {
                let is_exception = matches!((*module, *name), ("copyreg" | "copy_reg", "__newobj__" | "__newobj_ex__"))
                    || name.starts_with("interp1d._call_");
                assert!(is_exception || !reaches_through(name), "{module}.{name}");
            }
        }
    }
}
