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
    ("joblib.numpy_pickle", &["NumpyArrayWrapper"]),
    ("numpy", &["bool_", "dtype", "float32", "float64", "int16", "int32", "int64", "int8", "ndarray", "uint8"]),
    ("numpy.core.multiarray", &["_reconstruct", "scalar"]),
    ("numpy._core.multiarray", &["_reconstruct", "scalar"]),
    ("numpy.core.numeric", &["_frombuffer"]),
    ("numpy._core.numeric", &["_frombuffer"]),
    ("numpy.ma", &["MaskedArray"]),
    ("numpy.ma.core", &["MaskedArray", "_mareconstruct"]),
    ("numpy.random", &["RandomState"]),
    ("numpy.random._mt19937", &["MT19937"]),
    ("numpy.random._pcg64", &["PCG64", "PCG64DXSM"]),
    ("numpy.random._philox", &["Philox"]),
    ("numpy.random._sfc64", &["SFC64"]),
    ("numpy.random.bit_generator", &["SeedSequence", "__pyx_unpickle_SeedSequence"]),
    ("numpy.random._pickle", &["__randomstate_ctor", "__generator_ctor", "__bit_generator_ctor"]),
    ("pandas", PANDAS_CLASSES),
    ("pandas._libs.arrays", &["__pyx_unpickle_NDArrayBacked"]),
    ("pandas._libs.internals", &["_unpickle_block"]),
    ("pandas._libs.tslibs.timestamps", &["_unpickle_timestamp"]),
    ("pandas.arrays", &["DatetimeArray", "IntegerArray", "FloatingArray", "BooleanArray", "StringArray"]),
    ("pandas.core.frame", &["DataFrame"]),
    ("pandas.core.series", &["Series"]),
    ("pandas.core.indexes.base", &["Index", "_new_Index"]),
    ("pandas.core.indexes.multi", &["MultiIndex"]),
    ("pandas.core.indexes.range", &["RangeIndex"]),
    ("pandas.core.internals.managers", &["BlockManager", "SingleBlockManager"]),
    ("scipy.sparse._coo", &["coo_matrix", "coo_array"]),
    ("scipy.sparse._csc", &["csc_matrix", "csc_array"]),
    ("scipy.sparse._csr", &["csr_matrix", "csr_array"]),
    ("scipy.sparse.csc", &["csc_matrix"]),
    ("scipy.sparse.csr", &["csr_matrix"]),
    // Those that `torch.load(weights_only=True)` allows (torch/_weights_only_unpickler.py).
    ("torch", TORCH_VALUES),
    (
        "torch._utils",
        &[
            "_rebuild_parameter",
            "_rebuild_parameter_with_state",
            "_rebuild_qtensor",
            "_rebuild_sparse_tensor",
            "_rebuild_tensor",
            "_rebuild_tensor_v2",
            "_rebuild_tensor_v3",
        ],
    ),
    ("torch.nn.parameter", &["Parameter"]),
    ("torch.storage", &["TypedStorage", "UntypedStorage"]),
    ("uuid", &["UUID"]),
];

const PANDAS_CLASSES: &[&str] = &[
    "Categorical",
    "CategoricalDtype",
    "DataFrame",
    "DatetimeIndex",
    "DatetimeTZDtype",
    "Index",
    "MultiIndex",
    "RangeIndex",
    "Series",
    "StringDtype",
];

const TORCH_VALUES: &[&str] = &[
    "BFloat16Storage",
    "BoolStorage",
    "ByteStorage",
    "CharStorage",
    "DoubleStorage",
    "FloatStorage",
    "HalfStorage",
    "IntStorage",
    "LongStorage",
    "ShortStorage",
    "Size",
    "Tensor",
    "bfloat16",
    "bool",
    "device",
    "float16",
    "float32",
    "float64",
    "int16",
    "int32",
    "int64",
    "int8",
    "uint8",
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

/// Parts of them that hold no estimators, or open sockets, start threads and run callables.
const NOT_OF_FRAMEWORK: &[&str] = &[
    "sklearn.callback",
    "sklearn.conftest",
    "sklearn.externals",
    "sklearn.utils._joblib",
    "sklearn.utils._repr_html",
    "sklearn.utils._test_common",
    "sklearn.utils.parallel",
];

/// Classes that their modules only use: `sklearn.tree._export.StringIO` is Python's. Found by walking the
/// modules of scikit-learn 1.9.1 for classes whose own module is another's.
const FOREIGN_CLASSES: &[&str] = &[
    "ABC",
    "ABCMeta",
    "Any",
    "BSpline",
    "Callable",
    "Client",
    "Connection",
    "Enum",
    "Generator",
    "Generic",
    "LinearOperator",
    "Listener",
    "Memory",
    "MethodType",
    "ModuleType",
    "NamedTuple",
    "Parallel",
    "Parameter",
    "Path",
    "Popen",
    "Queue",
    "StringIO",
    "BytesIO",
    "Thread",
    "ThreadpoolController",
    "UserDict",
];

/// Packages that run code, start processes, or reach files and the network.
const DANGEROUS_PACKAGES: &[&str] = &[
    "BaseHTTPServer",
    "SimpleHTTPServer",
    "SocketServer",
    "_aix_support",
    "_io",
    "_osx_support",
    "_pickle",
    "_posixsubprocess",
    "_pyrepl",
    "_socket",
    "_thread",
    "_winapi",
    "aiohttp",
    "antigravity",
    "anydbm",
    "asyncio",
    "bdb",
    "cPickle",
    "cProfile",
    "cloudpickle",
    "code",
    "codeop",
    "commands",
    "concurrent",
    "ctypes",
    "dbm",
    "dill",
    "distutils",
    "doctest",
    "ensurepip",
    "fileinput",
    "ftplib",
    "functools",
    "gc",
    "glob",
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
    "mmap",
    "msvcrt",
    "multiprocessing",
    "nntplib",
    "nt",
    "ntpath",
    "nturl2path",
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
    "pyclbr",
    "pydoc",
    "requests",
    "resource",
    "rlcompleter",
    "runpy",
    "sched",
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
    "sysconfig",
    "tarfile",
    "telnetlib",
    "tempfile",
    "test",
    "threading",
    "timeit",
    "trace",
    "turtle",
    "types",
    "urllib",
    "urllib2",
    "uuid",
    "venv",
    "webbrowser",
    "wsgiref",
    "xmlrpc",
    "xmlrpclib",
    "zipfile",
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
    "torch._dynamo",
    "torch._inductor",
    "torch.fx",
    "torch.distributed",
    "torch.storage",
    "tensorflow.io",
    "keras.utils",
];

/// What the lists say of an import.
pub(super) fn verdict(module: &str, name: &str) -> ImportVerdict {
    // `STACK_GLOBAL` follows dots in the name: `os` + `path.x` reaches further than it says.
    let is_plain = !module.is_empty() && !name.is_empty() && !name.contains('.');
    let exact = || ALLOWED.iter().any(|(allowed, names)| *allowed == module && names.contains(&name));
    if is_plain && exact() {
        ImportVerdict::Allowed
    } else if is_dangerous(module, name) {
        ImportVerdict::Dangerous
    } else if is_plain && is_part_of_framework(module, name) {
        ImportVerdict::Allowed
    } else {
        ImportVerdict::Unknown
    }
}

/// Whether it is a class of a framework, or what Cython makes to unpickle one.
fn is_part_of_framework(module: &str, name: &str) -> bool {
    let is_class = name.trim_start_matches('_').starts_with(|first: char| first.is_ascii_uppercase());
    let is_made_by_cython = name == "newObj" || name.starts_with("__pyx_unpickle_");
    (is_class || is_made_by_cython)
        && ALLOWED_CLASSES_OF.iter().any(|package| is_within(module, package))
        && !NOT_OF_FRAMEWORK.iter().any(|package| is_within(module, package))
        && !FOREIGN_CLASSES.contains(&name)
}

/// Whether Python code could have this name: parts of letters, digits and `_`, with dots between them.
pub(super) fn is_name(name: &str) -> bool {
    name.split('.').all(|part| {
        let is_letter = |first: char| first == '_' || first.is_ascii_alphabetic();
        part.starts_with(is_letter)
            && part.chars().all(|character| character == '_' || character.is_ascii_alphanumeric())
    })
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
            // A class that opens a connection and unpickles what comes, under a name of scikit-learn.
            ("sklearn.callback._transport", "Client", ImportVerdict::Unknown),
            ("sklearn.preprocessing._label", "Thread", ImportVerdict::Unknown),
            ("sklearn.neighbors._kd_tree", "newObj", ImportVerdict::Allowed),
            ("sklearn.utils.validation", "check_array", ImportVerdict::Unknown),
            ("joblib.numpy_pickle", "NumpyArrayWrapper", ImportVerdict::Allowed),
            ("joblib", "numpy_pickle.NumpyArrayWrapper", ImportVerdict::Dangerous),
            ("joblib.memory", "Memory", ImportVerdict::Dangerous),
            ("uuid", "UUID", ImportVerdict::Allowed),
            ("uuid", "_get_command_stdout", ImportVerdict::Dangerous),
            ("torch.storage", "_load_from_bytes", ImportVerdict::Dangerous),
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
