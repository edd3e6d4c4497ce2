//! What loading a pickle may import: lists as data.
//!
//! The list of what is allowed decides. The list of what is dangerous only tells a known danger from
//! something that nobody has looked at; neither passes in the stricter tiers.

use super::ImportVerdict;

/// Exact names that build values and call nothing else.
const ALLOWED: &[(&str, &[&str])] = &[
    ("_codecs", &["encode"]),
    ("__builtin__", BUILTIN_TYPES),
    ("builtins", BUILTIN_TYPES),
    ("collections", &["OrderedDict", "Counter", "defaultdict", "deque"]),
    ("copyreg", &["_reconstructor"]),
    ("copy_reg", &["_reconstructor"]),
    ("datetime", &["date", "datetime", "time", "timedelta", "timezone"]),
    ("decimal", &["Decimal"]),
    ("fractions", &["Fraction"]),
    ("numpy", &["dtype", "ndarray", "float32", "float64", "int32", "int64", "bool_", "uint8"]),
    ("numpy.core.multiarray", &["_reconstruct", "scalar"]),
    ("numpy._core.multiarray", &["_reconstruct", "scalar"]),
    ("numpy.core.numeric", &["_frombuffer"]),
    ("numpy._core.numeric", &["_frombuffer"]),
    ("numpy.random", &["RandomState"]),
    ("numpy.random._pickle", &["__randomstate_ctor", "__generator_ctor", "__bit_generator_ctor"]),
    ("scipy.sparse._csr", &["csr_matrix", "csr_array"]),
    ("scipy.sparse._csc", &["csc_matrix", "csc_array"]),
    ("torch", &["FloatStorage", "HalfStorage", "BFloat16Storage", "LongStorage", "IntStorage", "BoolStorage", "Size"]),
    ("torch._utils", &["_rebuild_tensor_v2", "_rebuild_parameter"]),
    ("uuid", &["UUID"]),
];

const BUILTIN_TYPES: &[&str] = &[
    "bool",
    "bytearray",
    "bytes",
    "complex",
    "dict",
    "float",
    "frozenset",
    "int",
    "list",
    "object",
    "range",
    "set",
    "slice",
    "str",
    "tuple",
];

/// Packages whose classes (names that begin with a capital letter) are estimators and their parts.
const ALLOWED_CLASSES_OF: &[&str] =
    &["sklearn", "xgboost.sklearn", "xgboost.core", "lightgbm.sklearn", "lightgbm.basic"];

/// Packages that run code, start processes, or reach files and the network.
const DANGEROUS_PACKAGES: &[&str] = &[
    "aiohttp",
    "asyncio",
    "bdb",
    "cProfile",
    "code",
    "codeop",
    "commands",
    "concurrent",
    "ctypes",
    "dill",
    "cloudpickle",
    "distutils",
    "doctest",
    "ensurepip",
    "ftplib",
    "functools",
    "gc",
    "http",
    "httplib",
    "idlelib",
    "imaplib",
    "imp",
    "importlib",
    "inspect",
    "io",
    "joblib",
    "lib2to3",
    "linecache",
    "logging",
    "marshal",
    "multiprocessing",
    "nntplib",
    "nt",
    "ntpath",
    "operator",
    "os",
    "pathlib",
    "pdb",
    "pickle",
    "pip",
    "pkgutil",
    "platform",
    "poplib",
    "posix",
    "posixpath",
    "profile",
    "pty",
    "pydoc",
    "requests",
    "runpy",
    "setuptools",
    "shelve",
    "shutil",
    "signal",
    "site",
    "smtplib",
    "socket",
    "socketserver",
    "sqlite3",
    "ssl",
    "subprocess",
    "sys",
    "tempfile",
    "telnetlib",
    "test",
    "threading",
    "timeit",
    "trace",
    "types",
    "urllib",
    "urllib2",
    "uuid._popen",
    "venv",
    "webbrowser",
    "xmlrpc",
    "zipimport",
];

/// Names of `builtins` that run code or reach what a value should not.
const DANGEROUS_BUILTINS: &[&str] = &[
    "__import__",
    "apply",
    "breakpoint",
    "compile",
    "delattr",
    "eval",
    "exec",
    "execfile",
    "file",
    "getattr",
    "globals",
    "help",
    "input",
    "locals",
    "memoryview",
    "open",
    "setattr",
    "vars",
];

/// Packages of frameworks with a part that runs code.
const DANGEROUS_PARTS: &[&str] = &[
    "numpy.testing",
    "numpy.f2py",
    "numpy.distutils",
    "numpy.lib.npyio",
    "pandas.io",
    "pandas.core.computation",
    "scipy.io",
    "sklearn.datasets",
    "sklearn.utils._testing",
    "torch.hub",
    "torch.jit",
    "torch.serialization",
    "torch.utils",
    "torch._inductor",
    "torch.distributed",
    "torch.storage",
    "tensorflow.io",
    "keras.utils",
];

/// What the lists say of an import.
pub(super) fn verdict(module: &str, name: &str) -> ImportVerdict {
    // `STACK_GLOBAL` follows dots in the name: `os` + `path.x` reaches further than it says.
    if name.contains('.') || module.is_empty() || name.is_empty() {
        return if is_dangerous(module, name) { ImportVerdict::Dangerous } else { ImportVerdict::Unknown };
    }
    if is_dangerous(module, name) {
        return ImportVerdict::Dangerous;
    }
    let exact = ALLOWED.iter().any(|(allowed, names)| *allowed == module && names.contains(&name));
    let is_class = name.trim_start_matches('_').starts_with(|first: char| first.is_ascii_uppercase());
    let class_of_framework = is_class && ALLOWED_CLASSES_OF.iter().any(|package| is_within(module, package));
    if exact || class_of_framework { ImportVerdict::Allowed } else { ImportVerdict::Unknown }
}

fn is_dangerous(module: &str, name: &str) -> bool {
    let builtins = matches!(module, "builtins" | "__builtin__" | "__builtins__");
    let first = name.split('.').next().unwrap_or_default();
    (builtins && DANGEROUS_BUILTINS.contains(&first))
        || DANGEROUS_PACKAGES.iter().chain(DANGEROUS_PARTS).any(|package| is_within(module, package))
}

fn is_within(module: &str, package: &str) -> bool {
    module.strip_prefix(package).is_some_and(|rest| rest.is_empty() || rest.starts_with('.'))
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
            ("sklearn.externals.joblib", "load", ImportVerdict::Unknown),
            ("sklearnx", "Model", ImportVerdict::Unknown),
            ("osprey", "Model", ImportVerdict::Unknown),
            ("mycompany.models", "Model", ImportVerdict::Unknown),
            ("sklearn.base", "BaseEstimator.__init__", ImportVerdict::Unknown),
            ("builtins", "getattr.x", ImportVerdict::Dangerous),
        ] {
            assert_eq!(verdict(module, name), expected, "{module}.{name}");
        }
    }
}
