//! The configuration of a Keras model: the JSON that says which classes and functions it is made of, as it is in
//! `.keras` archives, in HDF5 files and in SavedModels.
//!
//! Keras builds whatever the configuration names, and for years its safe mode could be got around by naming something
//! else (CVE-2024-3660, CVE-2025-1550, CVE-2025-8747, CVE-2025-9905, CVE-2025-9906, CVE-2025-12058, CVE-2025-49655).
//! What is judged here is what is named, whatever the version that will load it.

use std::collections::BTreeSet;

use serde_json::{Map, Value};

use super::keras_names::is_built_in;
use super::pickle_imports::verdict;
use super::{Findings, ImportVerdict, RiskSeverity};

/// Packages of Keras itself.
const KERAS: [&str; 6] = ["keras", "keras_core", "keras_cv", "keras_hub", "keras_nlp", "tf_keras"];

/// Its parts that a model is made of.
const PARTS: [&str; 19] = [
    "activations",
    "constraints",
    "dtype_policies",
    "engine",
    "initializers",
    "layers",
    "legacy",
    "losses",
    "metrics",
    "mixed_precision",
    "models",
    "ops",
    "optimizers",
    "preprocessing",
    "quantizers",
    "random",
    "regularizers",
    "tokenizers",
    "trainers",
];

/// Its parts whose functions only compute.
const FUNCTIONS_OF: [&str; 8] =
    ["activations", "constraints", "initializers", "losses", "metrics", "ops", "random", "regularizers"];

/// Functions of TensorFlow that reach out of the graph, by the last part of their names.
const TENSORFLOW_FUNCTIONS: [&str; 12] = [
    "load_library",
    "load_op_library",
    "matching_files",
    "numpy_function",
    "py_func",
    "py_function",
    "read_file",
    "save",
    "ReadFile",
    "WriteFile",
    "gfile",
    "write_file",
];

/// Layers whose `vocabulary` may be a path (CVE-2025-12058).
const LOOKUPS: [&str; 3] = ["IntegerLookup", "StringLookup", "TextVectorization"];

/// Looks through the configuration of a model and notes what it is.
pub(super) fn check_model(config: &Value, offset: u64, findings: &mut Findings) {
    check(config, offset, findings);
    let Some(model) = config.as_object() else { return };
    let class = model.get("registered_name").and_then(Value::as_str).or_else(|| class_of(model));
    findings.metadata.architecture = class.map(str::to_owned);
    let Some(inner) = model.get("config").and_then(Value::as_object) else { return };
    let layers = inner.get("layers").and_then(Value::as_array);
    if let Some(layers) = layers.filter(|_| !inner.contains_key("input_layers")) {
        findings.metadata.inputs = layers.first().and_then(name_of).into_iter().collect();
        findings.metadata.outputs = layers.last().and_then(name_of).into_iter().collect();
    } else {
        findings.metadata.inputs = inner.get("input_layers").map(names_of_ends).unwrap_or_default();
        findings.metadata.outputs = inner.get("output_layers").map(names_of_ends).unwrap_or_default();
    }
}

/// Looks through a part of a configuration, such as that of the optimizer.
pub(super) fn check(config: &Value, offset: u64, findings: &mut Findings) {
    let mut walk = Walk { findings, offset, custom_code: BTreeSet::new() };
    walk.value(config);
    let Walk { findings, custom_code, .. } = walk;
    let mut all: BTreeSet<String> = std::mem::take(&mut findings.metadata.custom_code).into_iter().collect();
    all.extend(custom_code);
    findings.metadata.custom_code = all.into_iter().collect();
}

fn class_of(object: &Map<String, Value>) -> Option<&str> {
    object.get("class_name").and_then(Value::as_str)
}

fn name_of(layer: &Value) -> Option<String> {
    layer.get("config")?.get("name")?.as_str().map(str::to_owned)
}

/// Names of the layers where a graph begins or ends: `["x", 0, 0]`, a list of such, or a mapping to such.
fn names_of_ends(ends: &Value) -> Vec<String> {
    match ends {
        Value::Array(items) => match items.first() {
            Some(Value::String(name)) => vec![name.clone()],
            _ => items.iter().flat_map(names_of_ends).collect(),
        },
        Value::Object(items) => items.values().flat_map(names_of_ends).collect(),
        _ => Vec::new(),
    }
}

struct Walk<'a> {
    findings: &'a mut Findings,
    offset: u64,
    custom_code: BTreeSet<String>,
}

impl Walk<'_> {
    /// The parser bounds how deep values nest.
    fn value(&mut self, value: &Value) {
        match value {
            Value::Array(items) => items.iter().for_each(|item| self.value(item)),
            Value::Object(object) => {
                self.object(object);
                object.values().for_each(|item| self.value(item));
            }
            _ => {}
        }
    }

    fn risk(&mut self, severity: RiskSeverity, code: &str, message: String) {
        self.findings.risk(self.offset, severity, code, message);
    }

    fn object(&mut self, object: &Map<String, Value>) {
        let Some(class) = class_of(object) else { return };
        let config = object.get("config");
        match class {
            "Lambda" => self.lambda(config),
            "__lambda__" => {
                let message = "the configuration holds marshalled Python code, which runs when the model is loaded";
                self.risk(RiskSeverity::High, "keras-lambda", message.to_owned());
            }
            "TorchModuleWrapper" => {
                let message = "a TorchModuleWrapper holds a pickle, which runs when the model is loaded";
                self.risk(RiskSeverity::High, "keras-torch-module", message.to_owned());
            }
            "TFSMLayer" => {
                let message = "a TFSMLayer loads a SavedModel from another place";
                self.risk(RiskSeverity::High, "keras-loads-file", message.to_owned());
            }
            "TFOpLambda" | "SlicingOpLambda" => self.tensorflow_function(config),
            lookup if LOOKUPS.contains(&lookup) => self.vocabulary(lookup, config),
            _ => {}
        }
        // What a function is called stands where other classes have their configuration.
        let name = if class == "function" { config.and_then(Value::as_str).unwrap_or(class) } else { class };
        let registered = object.get("registered_name").and_then(Value::as_str);
        match object.get("module") {
            Some(Value::String(module)) => self.named(module, name, registered, class == "function"),
            None | Some(Value::Null) => self.unnamed(name, registered),
            Some(_) => {
                let message = format!("the module of `{name}` is no text");
                self.risk(RiskSeverity::High, "keras-config-malformed", message);
            }
        }
    }

    /// A class or a function with the module that it is to be found in.
    fn named(&mut self, module: &str, name: &str, registered: Option<&str>, is_function: bool) {
        let mut parts = module.split('.');
        let root = parts.next().unwrap_or_default();
        let path: Vec<&str> = match root {
            "tensorflow" => module.split('.').skip_while(|part| *part != "keras").skip(1).collect(),
            _ => parts.collect(),
        };
        let is_tensorflow_keras = root == "tensorflow" && module.split('.').any(|part| part == "keras");
        if KERAS.contains(&root) || is_tensorflow_keras {
            return self.of_keras(module, name, &path);
        }
        let full = format!("{module}.{name}");
        let is_custom_function = module == "builtins" && is_function;
        if !is_custom_function && (module == "builtins" || verdict(module, name) == ImportVerdict::Dangerous) {
            let message = format!("the configuration names `{full}`, which is no part of a model and can run code");
            self.risk(RiskSeverity::High, "keras-arbitrary-module", message);
        } else if verdict(module, name) != ImportVerdict::Allowed {
            let package = registered.filter(|registered| registered.contains('>'));
            let custom = package.unwrap_or(if is_custom_function { name } else { &full });
            self.custom_code.insert(custom.to_owned());
        }
    }

    /// Something in a module of Keras, `path` being its parts below the package.
    fn of_keras(&mut self, module: &str, name: &str, path: &[&str]) {
        let mut path = path.iter().skip_while(|part| matches!(**part, "src" | "api" | "python" | "v1" | "v2"));
        let part = path.next().copied().unwrap_or_default();
        let is_class = name.trim_start_matches('_').starts_with(|first: char| first.is_ascii_uppercase());
        if !is_class && !name.starts_with("__") && !FUNCTIONS_OF.contains(&part) {
            let message = format!("the configuration names `{module}.{name}`, which is no part of a model");
            self.risk(RiskSeverity::High, "keras-unsafe-function", message);
        } else if is_class && !part.is_empty() && !PARTS.contains(&part) {
            let message = format!("the configuration names `{module}.{name}`, which no model is made of");
            self.risk(RiskSeverity::Medium, "keras-unusual-module", message);
        }
    }

    /// A class without a module: one of Keras itself, or one that was registered under this name.
    fn unnamed(&mut self, name: &str, registered: Option<&str>) {
        let name = registered.unwrap_or(name);
        let own = name.strip_prefix("Custom>").unwrap_or(name);
        let is_of_keras =
            is_built_in(own) || matches!(own, "Lambda" | "TFOpLambda" | "SlicingOpLambda") || own.starts_with("__");
        if !is_of_keras {
            self.custom_code.insert(name.to_owned());
        }
    }

    /// A layer that calls a function of its own: marshalled code, or one that is named.
    fn lambda(&mut self, config: Option<&Value>) {
        let text = |key: &str| config.and_then(|config| config.get(key)).and_then(Value::as_str);
        let name = text("name").unwrap_or("lambda").to_owned();
        let functions = ["function", "mask", "output_shape"].map(|key| config.and_then(|config| config.get(key)));
        if functions.iter().flatten().any(|function| is_code(function)) {
            let message =
                format!("the layer `{name}` holds marshalled Python code, which runs when the model is loaded");
            self.risk(RiskSeverity::High, "keras-lambda", message);
            return;
        }
        // Code in the form of Keras 3 is found wherever it is.
        let is_found = |function: &&Value| function.as_object().and_then(class_of) == Some("__lambda__");
        if functions.iter().flatten().any(is_found) {
            return;
        }
        let message = format!("the layer `{name}` calls a function that is not in the file");
        self.risk(RiskSeverity::Medium, "keras-lambda-function", message);
        if let Some(function) = text("function") {
            self.custom_code.insert(function.to_owned());
        }
    }

    fn tensorflow_function(&mut self, config: Option<&Value>) {
        let function = config.and_then(|config| config.get("function")).and_then(Value::as_str).unwrap_or_default();
        let last = function.rsplit('.').next().unwrap_or_default();
        if TENSORFLOW_FUNCTIONS.contains(&last) || function.starts_with("io.") || function.contains("gfile") {
            let message = format!("a layer calls `{function}` of TensorFlow, which reaches out of the graph");
            self.risk(RiskSeverity::High, "keras-unsafe-function", message);
        }
    }

    fn vocabulary(&mut self, class: &str, config: Option<&Value>) {
        if let Some(path) = config.and_then(|config| config.get("vocabulary")).and_then(Value::as_str) {
            let message = format!("a {class} reads its words from `{path}` when the model is loaded");
            self.risk(RiskSeverity::Medium, "keras-loads-file", message);
        }
    }
}

/// Whether it is marshalled code as Keras 2 writes it: a list of the code in base64, defaults and closure, or a tuple.
fn is_code(value: &Value) -> bool {
    match value {
        Value::Array(items) => items.first().is_some_and(Value::is_string),
        Value::Object(object) => object.get("items").is_some_and(is_code),
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    /// Severities and codes of the risks, and the custom code.
    fn found(config: &Value) -> (Vec<(RiskSeverity, String)>, Vec<String>) {
        let mut findings = Findings::default();
        check(config, 7, &mut findings);
        assert!(findings.risks.iter().all(|risk| risk.offset == 7));
        let risks = findings.risks.into_iter().map(|risk| (risk.severity, risk.code)).collect();
        (risks, findings.metadata.custom_code)
    }

    fn named(module: &str, class: &str) -> Value {
        json!({"module": module, "class_name": class, "config": {}, "registered_name": null})
    }

    fn function(module: &str, name: &str) -> Value {
        json!({"module": module, "class_name": "function", "config": name, "registered_name": "function"})
    }

    #[test]
    fn what_a_model_is_made_of_is_no_risk() {
        for config in [
            named("keras", "Sequential"),
            named("keras.layers", "Dense"),
            named("keras.src.models.functional", "Functional"),
            named("keras.src.ops.numpy", "Add"),
            named("keras_hub.src.models.bert.bert_backbone", "BertBackbone"),
            named("tensorflow.python.keras.engine.functional", "Functional"),
            function("keras.activations", "relu"),
            function("keras.src.ops.numpy", "mean"),
            json!({"class_name": "Dense", "config": {}}),
            json!({"class_name": "Custom>Adam", "config": {}}),
            json!({"class_name": "__tuple__", "items": [null, 4]}),
            json!({"class_name": "TFOpLambda", "config": {"function": "math.multiply"}}),
            json!({"class_name": "StringLookup", "config": {"vocabulary": ["a", "b"]}}),
        ] {
            assert_eq!(found(&config), (Vec::new(), Vec::new()), "{config}");
        }
    }

    #[test]
    fn what_runs_code_or_leaves_the_model_is_a_danger() {
        let code = json!({"class_name": "__lambda__", "config": {"code": "4wEA", "defaults": null, "closure": null}});
        let lambda = |function: Value| json!({"class_name": "Lambda", "config": {"name": "l", "function": function}});
        for (config, code) in [
            (lambda(code.clone()), "keras-lambda"),
            (lambda(json!(["4wEA", null, null])), "keras-lambda"),
            (lambda(json!({"class_name": "__tuple__", "items": ["4wEA", null, null]})), "keras-lambda"),
            (json!({"class_name": "Dense", "config": {"activation": code}}), "keras-lambda"),
            (json!({"class_name": "Lambda", "config": {"output_shape": ["4wEA", null, null]}}), "keras-lambda"),
            (named("builtins", "exec"), "keras-arbitrary-module"),
            (named("os", "system"), "keras-arbitrary-module"),
            (function("subprocess", "run"), "keras-arbitrary-module"),
            (named("tensorflow.io", "write_file"), "keras-arbitrary-module"),
            (function("keras.utils", "get_file"), "keras-unsafe-function"),
            (function("keras.src.utils.file_utils", "get_file"), "keras-unsafe-function"),
            (function("keras.config", "enable_unsafe_deserialization"), "keras-unsafe-function"),
            (function("keras.models", "load_model"), "keras-unsafe-function"),
            (function("keras", "device"), "keras-unsafe-function"),
            (named("keras.layers", "TorchModuleWrapper"), "keras-torch-module"),
            (json!({"class_name": "TFSMLayer", "config": {"filepath": "x"}}), "keras-loads-file"),
            (json!({"class_name": "TFOpLambda", "config": {"function": "io.write_file"}}), "keras-unsafe-function"),
            (json!({"module": ["os"], "class_name": "system"}), "keras-config-malformed"),
        ] {
            let nested = json!({"a": [{"b": config}]});
            assert_eq!(found(&nested).0, [(RiskSeverity::High, code.to_owned())], "{config}");
        }
    }

    #[test]
    fn what_is_not_in_the_file_is_named() {
        let lambda = json!({"class_name": "Lambda", "config": {"name": "l", "function": function("builtins", "mine")}});
        let medium = |code: &str| vec![(RiskSeverity::Medium, code.to_owned())];
        for (config, risks, custom_code) in [
            (lambda, medium("keras-lambda-function"), "mine"),
            (function("builtins", "my_loss"), Vec::new(), "my_loss"),
            (json!({"module": null, "class_name": "L", "registered_name": "mine>L"}), Vec::new(), "mine>L"),
            (json!({"module": "our.layers", "class_name": "L", "registered_name": "our>L"}), Vec::new(), "our>L"),
            (json!({"class_name": "mine>L", "config": {}}), Vec::new(), "mine>L"),
            (json!({"class_name": "MyLayer", "config": {}}), Vec::new(), "MyLayer"),
            (named("our.layers", "L"), Vec::new(), "our.layers.L"),
            (named("kerasx.layers", "L"), Vec::new(), "kerasx.layers.L"),
        ] {
            assert_eq!(found(&config), (risks, vec![custom_code.to_owned()]), "{config}");
        }
        let words = json!({"class_name": "StringLookup", "config": {"vocabulary": "/etc/passwd"}});
        assert_eq!(found(&words).0, medium("keras-loads-file"));
        assert_eq!(found(&named("keras.callbacks", "LambdaCallback")).0, medium("keras-unusual-module"));
    }

    #[test]
    fn a_model_has_a_beginning_and_an_end() {
        let ends = |config: Value| {
            let mut findings = Findings::default();
            check_model(&config, 0, &mut findings);
            (findings.metadata.architecture.unwrap(), findings.metadata.inputs, findings.metadata.outputs)
        };
        let names = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect::<Vec<_>>();
        let layer = |name: &str| json!({"class_name": "Dense", "config": {"name": name}});
        let sequential = json!({"class_name": "Sequential", "config": {"layers": [layer("a"), layer("b")]}});
        assert_eq!(ends(sequential), ("Sequential".to_owned(), names(&["a"]), names(&["b"])));
        let functional = json!({"class_name": "Functional", "config": {
            "layers": [layer("a")], "input_layers": [["x", 0, 0], ["y", 0, 0]], "output_layers": ["z", 0, 0],
        }});
        assert_eq!(ends(functional), ("Functional".to_owned(), names(&["x", "y"]), names(&["z"])));
        let mapped = json!({"class_name": "Functional", "config": {
            "layers": [], "input_layers": {"p": ["x", 0, 0]}, "output_layers": [["z", 0, 0]],
        }});
        assert_eq!(ends(mapped), ("Functional".to_owned(), names(&["x"]), names(&["z"])));
        let own = json!({"class_name": "Net", "registered_name": "mine>Net", "config": {}});
        assert_eq!(ends(own), ("mine>Net".to_owned(), Vec::new(), Vec::new()));
    }
}
