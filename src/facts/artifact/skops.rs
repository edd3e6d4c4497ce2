//! skops: scikit-learn's objects as an archive with `schema.json`, which says of every part its class, its module and
//! who loads it (`skops/io` 0.16).

use std::collections::BTreeSet;

use serde_json::{Map, Value};

use super::pickle_imports::verdict;
use super::zip::Archive;
use super::{Findings, ImportVerdict, MetadataFacts, RiskSeverity};

/// Length of the schema. That of a large pipeline has some megabytes.
const SCHEMA_BYTES_MAX: u64 = 64 * 1024 * 1024;

/// Loaders that put values together, and whose class is one of Python, NumPy or SciPy.
const OF_VALUES: [&str; 17] = [
    "BytearrayNode",
    "BytesNode",
    "DTypeNode",
    "DefaultDictNode",
    "DictNode",
    "JsonNode",
    "ListNode",
    "MaskedArrayNode",
    "NdArrayNode",
    "RandomGeneratorNode",
    "RandomStateNode",
    "SetNode",
    "SliceNode",
    "SparseMatrixNode",
    "TupleNode",
    "_DictWithDeprecatedKeysNode",
    "CachedNode",
];

/// Loaders that import, make or call what they name.
const OF_OBJECTS: [&str; 12] = [
    "ConstructorFromReduceNode",
    "FunctionNode",
    "LossNode",
    "MethodNode",
    "ObjectNode",
    "OperatorFuncNode",
    "PartialNode",
    "QuantileForestNode",
    "ReduceNode",
    "SGDNode",
    "TreeNode",
    "TypeNode",
];

/// Packages of values.
const VALUES: [&str; 5] = ["builtins", "collections", "numpy", "scipy", "sklearn"];

/// Functions of NumPy that compute element by element; skops trusts them as well.
const UFUNCS: [&str; 46] = [
    "abs",
    "absolute",
    "add",
    "arccos",
    "arcsin",
    "arctan",
    "cbrt",
    "ceil",
    "cos",
    "cosh",
    "deg2rad",
    "divide",
    "equal",
    "exp",
    "exp2",
    "expm1",
    "fabs",
    "float_power",
    "floor",
    "fmax",
    "fmin",
    "greater",
    "isfinite",
    "isinf",
    "isnan",
    "less",
    "log",
    "log10",
    "log1p",
    "log2",
    "logical_not",
    "maximum",
    "minimum",
    "mod",
    "multiply",
    "negative",
    "power",
    "rad2deg",
    "reciprocal",
    "rint",
    "sign",
    "sin",
    "sqrt",
    "square",
    "subtract",
    "tanh",
];

/// Recognised by a schema whose root is loaded by something.
pub(super) fn is_skops(archive: &Archive<'_>, findings: &mut Findings) -> bool {
    let Some(schema) = archive.member("schema.json") else { return false };
    let offset = schema.offset();
    let bytes = match archive.read(schema, SCHEMA_BYTES_MAX) {
        Ok(bytes) => bytes,
        // That it could not be unpacked was said of every member.
        Err(_) => return false,
    };
    let parsed = match serde_json::from_slice::<Value>(&bytes) {
        Ok(Value::Object(root)) if root.contains_key("__loader__") => root,
        Ok(_) => return false,
        Err(error) if bytes.windows(10).any(|window| window == b"__loader__") => {
            let message = format!("the schema of the skops file is broken: {error}");
            findings.risk(offset, RiskSeverity::High, "skops-malformed", message);
            return true;
        }
        Err(_) => return false,
    };
    let mut walk = Walk { findings, offset, version: None, custom_code: BTreeSet::new(), named: BTreeSet::new() };
    let root = text(&parsed, "__class__").to_owned();
    walk.value(&Value::Object(parsed));
    let Walk { version, custom_code, .. } = walk;
    findings.metadata = MetadataFacts {
        framework: Some("scikit-learn".to_owned()),
        framework_version: version,
        architecture: Some(root),
        custom_code: custom_code.into_iter().collect(),
        ..MetadataFacts::default()
    };
    true
}

fn text<'a>(object: &'a Map<String, Value>, key: &str) -> &'a str {
    object.get(key).and_then(Value::as_str).unwrap_or_default()
}

struct Walk<'a> {
    findings: &'a mut Findings,
    offset: u64,
    /// Of scikit-learn, which writes it into each of its estimators.
    version: Option<String>,
    custom_code: BTreeSet<String>,
    /// What was judged before.
    named: BTreeSet<(String, String)>,
}

impl Walk<'_> {
    /// The parser bounds how deep values nest.
    fn value(&mut self, value: &Value) {
        match value {
            Value::Array(items) => items.iter().for_each(|item| self.value(item)),
            Value::Object(object) => {
                if object.contains_key("__loader__") {
                    self.node(object);
                }
                if let Some(Value::Object(version)) = object.get("_sklearn_version") {
                    let version = text(version, "content").trim_matches('"');
                    self.version.get_or_insert_with(|| version.to_owned());
                }
                object.values().for_each(|item| self.value(item));
            }
            _ => {}
        }
    }

    fn node(&mut self, node: &Map<String, Value>) {
        let (loader, module, class) = (text(node, "__loader__"), text(node, "__module__"), text(node, "__class__"));
        let name = format!("{module}.{class}");
        if !self.named.insert((loader.to_owned(), name.clone())) {
            return;
        }
        let root = module.split('.').next().unwrap_or_default();
        let is_value = OF_VALUES.contains(&loader);
        if !is_value && !OF_OBJECTS.contains(&loader) {
            let message = format!("`{name}` is loaded by `{loader}`, which is no loader of skops");
            self.findings.risk(self.offset, RiskSeverity::High, "skops-unknown-loader", message);
            return;
        }
        let judged = match loader {
            _ if is_value && VALUES.contains(&root) => ImportVerdict::Allowed,
            "FunctionNode" if module == "numpy" && UFUNCS.contains(&class) => ImportVerdict::Allowed,
            "FunctionNode" if matches!(module, "scipy.special" | "scipy.special._ufuncs") => ImportVerdict::Allowed,
            // It calls the function that it holds, which is judged for itself.
            "PartialNode" if name == "functools.partial" => ImportVerdict::Unknown,
            _ => verdict(module, class),
        };
        let (severity, code, what) = match judged {
            ImportVerdict::Allowed => return,
            ImportVerdict::Unknown => (RiskSeverity::Medium, "skops-unknown-type", "which is on no list"),
            ImportVerdict::Dangerous => (RiskSeverity::High, "skops-dangerous-type", "which can run code"),
        };
        let message = format!("loading it needs `{name}` (by `{loader}`), {what}");
        self.findings.risk(self.offset, severity, code, message);
        self.custom_code.insert(name);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::facts::artifact::zip::build::{Entry, archive};
    use crate::facts::artifact::{ArtifactFormat, Content, detect, sample};

    fn found(bytes: &[u8]) -> (ArtifactFormat, Findings) {
        detect::inspect(Content::of(bytes, bytes.len() as u64))
    }

    /// The format, and the severities and codes of risks, of a schema with this node in its content.
    fn judged(node: &str) -> (ArtifactFormat, Vec<(RiskSeverity, String)>) {
        let schema = format!(
            r#"{{"__class__": "dict", "__module__": "builtins", "__loader__": "DictNode", "content": [{node}]}}"#
        );
        let (format, findings) = found(&archive(&[Entry::stored("schema.json", schema.as_bytes())]));
        (format, findings.risks.into_iter().map(|risk| (risk.severity, risk.code)).collect())
    }

    fn node(loader: &str, module: &str, class: &str) -> String {
        format!(r#"{{"__class__": "{class}", "__module__": "{module}", "__loader__": "{loader}"}}"#)
    }

    #[test]
    fn real_files_give_their_facts() {
        let (format, findings) = found(&sample("log.skops"));
        assert_eq!((format, findings.risks), (ArtifactFormat::Skops, Vec::new()));
        assert_eq!(findings.metadata.framework_version.as_deref(), Some("1.9.1"));
        assert_eq!(findings.metadata.architecture.as_deref(), Some("FunctionTransformer"));
        let (_, findings) = found(&sample("json.skops"));
        assert_eq!(findings.metadata.custom_code, ["json.dumps"]);
        assert_eq!(findings.risks[0].code, "skops-unknown-type");
    }

    #[test]
    fn types_are_judged_as_those_of_pickles_are() {
        let high = |code: &str| vec![(RiskSeverity::High, code.to_owned())];
        let medium = vec![(RiskSeverity::Medium, "skops-unknown-type".to_owned())];
        for (loader, module, class, expected) in [
            ("ObjectNode", "sklearn.linear_model._logistic", "LogisticRegression", Vec::new()),
            ("NdArrayNode", "numpy", "ndarray", Vec::new()),
            ("DTypeNode", "numpy.dtypes", "Float64DType", Vec::new()),
            ("FunctionNode", "numpy", "log1p", Vec::new()),
            ("FunctionNode", "scipy.special", "expit", Vec::new()),
            ("FunctionNode", "numpy", "load", high("skops-dangerous-type")),
            ("ObjectNode", "mine", "Model", medium.clone()),
            ("PartialNode", "functools", "partial", medium.clone()),
            ("ObjectNode", "functools", "partial", high("skops-dangerous-type")),
            ("FunctionNode", "posix", "system", high("skops-dangerous-type")),
            ("MethodNode", "builtins", "exec", high("skops-dangerous-type")),
            ("OperatorFuncNode", "operator", "methodcaller", high("skops-dangerous-type")),
            ("JsonNode", "os", "system", high("skops-dangerous-type")),
            ("MyNode", "builtins", "str", high("skops-unknown-loader")),
        ] {
            assert_eq!(
                judged(&node(loader, module, class)),
                (ArtifactFormat::Skops, expected),
                "{loader} {module} {class}"
            );
        }
    }

    #[test]
    fn a_schema_that_cannot_be_read_is_broken_and_another_is_none() {
        let with = |schema: &[u8]| {
            let (format, findings) = found(&archive(&[Entry::stored("schema.json", schema)]));
            (format, findings.risks.into_iter().map(|risk| risk.code).collect::<Vec<_>>())
        };
        let malformed = (ArtifactFormat::Skops, vec!["skops-malformed".to_owned()]);
        assert_eq!(with(br#"{"__loader__": "DictNode", "#), malformed);
        let nested = [&br#"{"__loader__": "#[..], &b"[".repeat(10_000)].concat();
        assert_eq!(with(&nested), malformed);
        assert_eq!(with(br#"{"type": "object"}"#), (ArtifactFormat::Zip, Vec::new()));
        assert_eq!(with(b"no schema"), (ArtifactFormat::Zip, Vec::new()));
    }
}
