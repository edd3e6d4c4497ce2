//! `MLmodel`: the file by which MLflow knows how to load the model beside it.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::document::{Document, TEXT_BYTES_MAX};

/// Name of the file. MLflow reads it under no other.
pub(crate) const FILE_NAME: &str = "MLmodel";

/// Keys of flavors whose value is a path below the model's directory, which MLflow joins to it as it stands.
const PATH_KEYS: [&str; 12] = [
    "code",
    "conda",
    "data",
    "env",
    "model_binary",
    "model_data",
    "model_path",
    "path",
    "pickled_model",
    "python_model",
    "saved_model_dir",
    "virtualenv",
];

/// What an `MLmodel` file says. Nobody has checked it; what it does not say is null or empty.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct MlmodelFacts {
    /// The file.
    pub path: String,
    /// Version of MLflow that wrote it.
    pub mlflow_version: Option<String>,
    /// Id of the model.
    pub model_id: Option<String>,
    /// Id of the run that logged it.
    pub run_id: Option<String>,
    /// When it was logged, as it is written there.
    pub created: Option<String>,
    /// The ways in which it can be loaded, in the order of their names.
    pub flavors: Vec<FlavorFacts>,
    /// Version of Python that it was logged with.
    pub python_version: Option<String>,
    /// The module that is imported to load it.
    pub loader_module: Option<String>,
    /// Directories and files of code that it brings along, sorted.
    pub code: Vec<String>,
    /// The file that is run to load it, of a model that was logged as code.
    pub model_code: Option<String>,
    /// Types that skops is told to trust, sorted.
    pub skops_trusted_types: Vec<String>,
    /// Its inputs and outputs, or null.
    pub signature: Option<ModelSignature>,
}

/// A way in which a model can be loaded.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct FlavorFacts {
    /// Name, such as `sklearn` or `python_function`.
    pub name: String,
    /// Version of its library.
    pub version: Option<String>,
    /// How its library wrote the model, such as `skops` or `cloudpickle`.
    pub serialization: Option<String>,
}

/// Inputs and outputs of a model.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct ModelSignature {
    /// Its inputs, in their order.
    pub inputs: Vec<ColumnFacts>,
    /// Its outputs, in their order.
    pub outputs: Vec<ColumnFacts>,
}

/// An input or output of a model.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct ColumnFacts {
    /// Name, or null.
    pub name: Option<String>,
    /// Type, such as `double`; of a tensor that of its elements.
    #[serde(rename = "type")]
    pub kind: String,
}

/// An `MLmodel` file that was read.
#[derive(Debug, PartialEq)]
pub(crate) struct Mlmodel {
    pub(crate) facts: MlmodelFacts,
    /// Models of a hub that are fetched when it is loaded, since it has no weights of its own.
    pub(crate) fetched: Vec<String>,
    /// Paths that lead out of the model's directory.
    pub(crate) leaving: Vec<String>,
}

/// Reads a text if it is an `MLmodel` file; the error says why it cannot be read as one.
pub(crate) fn read(text: &str) -> Option<Result<Mlmodel, String>> {
    let mentions = |words: &[&str]| words.iter().any(|word| text.contains(word));
    if text.len() as u64 > TEXT_BYTES_MAX
        || !text.contains("flavors")
        || !mentions(&["loader_module", "python_function", "mlflow_version"])
    {
        return None;
    }
    // What begins as one and does not parse here may still be loaded by a reader that knows more of YAML.
    let begins_as = text.lines().any(|line| line.trim_end() == "flavors:");
    match Document::parse(FILE_NAME, text) {
        Ok(document) if document.value().get("flavors").is_some_and(Value::is_object) => Some(of(document.value())),
        Ok(_) => None,
        Err(problems) => begins_as.then(|| {
            let why = problems.first().map(|problem| match &problem.location {
                Some(place) => format!("{} in line {}", problem.message, place.line),
                None => problem.message.clone(),
            });
            Err(why.unwrap_or_default())
        }),
    }
}

fn of(value: &Value) -> Result<Mlmodel, String> {
    let text = |key: &str| string(value.get(key));
    let flavors = value.get("flavors").and_then(Value::as_object).ok_or("it has no flavors")?;
    let python = flavors.get("python_function");
    let mut code: Vec<String> = flavors.values().filter_map(|flavor| string(flavor.get("code"))).collect();
    code.sort();
    code.dedup();
    let (mut trusted, mut leaving) = (Vec::new(), Vec::new());
    for flavor in flavors.values() {
        let types = flavor.get("skops_trusted_types").and_then(Value::as_array).into_iter().flatten();
        trusted.extend(types.filter_map(Value::as_str).map(str::to_owned));
        leaving_paths(flavor, &mut leaving);
    }
    trusted.sort();
    trusted.dedup();
    let facts = MlmodelFacts {
        path: String::new(),
        mlflow_version: text("mlflow_version"),
        model_id: text("model_id").or_else(|| text("model_uuid")),
        run_id: text("run_id"),
        created: text("utc_time_created"),
        flavors: flavors.iter().map(|(name, flavor)| of_flavor(name, flavor)).collect(),
        python_version: python.and_then(|python| string(python.get("python_version"))),
        loader_module: python.and_then(|python| string(python.get("loader_module"))),
        code,
        model_code: flavors.values().find_map(|flavor| string(flavor.get("model_code_path"))).map(|path| {
            // MLflow looks for the file under its last name, beside `MLmodel`.
            path.rsplit(['/', '\\']).next().unwrap_or_default().to_owned()
        }),
        skops_trusted_types: trusted,
        signature: value.get("signature").filter(|signature| !signature.is_null()).map(signature).transpose()?,
    };
    let is_fetched =
        |flavor: &&Value| flavor.get("source_model_name").is_some() && string(flavor.get("model_binary")).is_none();
    let fetched = flavors.values().filter(is_fetched).filter_map(|flavor| string(flavor.get("source_model_name")));
    Ok(Mlmodel { facts, fetched: fetched.collect(), leaving })
}

/// A text that is there and not empty; a number as it is written.
fn string(value: Option<&Value>) -> Option<String> {
    match value? {
        Value::String(text) => Some(text.clone()).filter(|text| !text.is_empty()),
        Value::Number(number) => Some(number.to_string()),
        _ => None,
    }
}

fn of_flavor(name: &str, flavor: &Value) -> FlavorFacts {
    let own = string(flavor.get(format!("{name}_version")));
    // Each flavor calls it otherwise, such as `xgb_version`; Python and cloudpickle are no libraries of models.
    let of_any = || {
        let mut versions = flavor.as_object()?.iter().filter(|(key, _)| key.ends_with("_version"));
        let (_, version) =
            versions.find(|(key, _)| !matches!(key.as_str(), "python_version" | "cloudpickle_version"))?;
        string(Some(version))
    };
    FlavorFacts {
        name: name.to_owned(),
        version: own.or_else(of_any),
        serialization: string(flavor.get("serialization_format")),
    }
}

fn leaving_paths(value: &Value, found: &mut Vec<String>) {
    let Some(entries) = value.as_object() else { return };
    for (key, value) in entries {
        match value {
            Value::String(path) if PATH_KEYS.contains(&key.as_str()) && leaves(path) => found.push(path.clone()),
            Value::Object(_) => leaving_paths(value, found),
            _ => {}
        }
    }
}

/// Whether a path that is joined to a directory leads out of it, on any system.
fn leaves(path: &str) -> bool {
    let is_absolute = path.starts_with(['/', '\\']) || path.as_bytes().get(1) == Some(&b':');
    is_absolute || path.split(['/', '\\']).any(|part| part == "..")
}

/// Its parts are JSON in a text.
fn signature(value: &Value) -> Result<ModelSignature, String> {
    let part = |key: &str| match value.get(key) {
        None | Some(Value::Null) => Ok(Vec::new()),
        Some(Value::String(text)) => {
            let columns: Value =
                serde_json::from_str(text).map_err(|error| format!("its {key} are no JSON: {error}"))?;
            let columns = columns.as_array().ok_or_else(|| format!("its {key} are no list"))?;
            columns
                .iter()
                .map(column)
                .collect::<Option<Vec<_>>>()
                .ok_or_else(|| format!("one of its {key} has no type"))
        }
        Some(_) => Err(format!("its {key} are no text")),
    };
    Ok(ModelSignature { inputs: part("inputs")?, outputs: part("outputs")? })
}

fn column(value: &Value) -> Option<ColumnFacts> {
    let name = string(value.get("name"));
    let kind = value.pointer("/tensor-spec/dtype").or_else(|| value.get("type"));
    Some(ColumnFacts { name, kind: string(kind)? })
}

/// The library of each flavor of MLflow, as the facts of artifacts call it.
pub(crate) fn framework(facts: &MlmodelFacts) -> Option<(String, Option<String>)> {
    let names = BTreeMap::from([
        ("keras", "keras"),
        ("sklearn", "scikit-learn"),
        ("sentence_transformers", "sentence-transformers"),
        ("spark", "spark-ml"),
    ]);
    let own = facts.flavors.iter().find(|flavor| flavor.name != "python_function")?;
    let name = names.get(own.name.as_str()).map_or_else(|| own.name.clone(), |name| (*name).to_owned());
    Some((name, own.version.clone()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// As MLflow 3.17 writes it, with scikit-learn 1.9.
    pub(crate) const SKLEARN: &str = "\
artifact_path: mlflow-artifacts:/1/models/m-1f84329b5d264af3ba44c93bf22f4016/artifacts
flavors:
  python_function:
    env:
      conda: conda.yaml
      virtualenv: python_env.yaml
    loader_module: mlflow.sklearn
    model_path: model.skops
    predict_fn: predict
    python_version: 3.11.7
  sklearn:
    code: null
    pickled_model: model.skops
    serialization_format: skops
    sklearn_version: 1.9.1
    skops_trusted_types: [numpy.dtype]
is_signature_from_type_hint: false
mlflow_version: 3.17.2
model_id: m-1f84329b5d264af3ba44c93bf22f4016
model_uuid: m-1f84329b5d264af3ba44c93bf22f4016
prompts: null
run_id: 371a1a2f163b4b64bd1b8d02b5a67119
signature:
  inputs: '[{\"type\": \"double\", \"name\": \"a\", \"required\": true}, {\"type\": \"tensor\",
    \"tensor-spec\": {\"dtype\": \"float32\", \"shape\": [-1, 3]}}]'
  outputs: '[{\"type\": \"long\", \"required\": true}]'
  params: null
utc_time_created: '2026-11-28 18:38:37.355864'
";

    fn facts(text: &str) -> Mlmodel {
        read(text).expect("it is one").expect("it is in order")
    }

    #[test]
    fn what_mlflow_writes_is_read() {
        let found = facts(SKLEARN);
        let flavor = |name: &str, version: Option<&str>, serialization: Option<&str>| FlavorFacts {
            name: name.to_owned(),
            version: version.map(str::to_owned),
            serialization: serialization.map(str::to_owned),
        };
        let column =
            |name: Option<&str>, kind: &str| ColumnFacts { name: name.map(str::to_owned), kind: kind.to_owned() };
        let expected = MlmodelFacts {
            path: String::new(),
            mlflow_version: Some("3.17.2".to_owned()),
            model_id: Some("m-1f84329b5d264af3ba44c93bf22f4016".to_owned()),
            run_id: Some("371a1a2f163b4b64bd1b8d02b5a67119".to_owned()),
            created: Some("2026-11-28 18:38:37.355864".to_owned()),
            flavors: vec![flavor("python_function", None, None), flavor("sklearn", Some("1.9.1"), Some("skops"))],
            python_version: Some("3.11.7".to_owned()),
            loader_module: Some("mlflow.sklearn".to_owned()),
            code: Vec::new(),
            model_code: None,
            skops_trusted_types: vec!["numpy.dtype".to_owned()],
            signature: Some(ModelSignature {
                inputs: vec![column(Some("a"), "double"), column(None, "float32")],
                outputs: vec![column(None, "long")],
            }),
        };
        assert_eq!(framework(&expected), Some(("scikit-learn".to_owned(), Some("1.9.1".to_owned()))));
        assert_eq!(found, Mlmodel { facts: expected, fetched: Vec::new(), leaving: Vec::new() });
    }

    #[test]
    fn code_hubs_and_ways_out_are_seen() {
        let found = facts(
            "flavors:\n  python_function:\n    code: code\n    loader_module: mlflow.pyfunc.loaders.code_model\n    \
             model_code_path: /home/ann/model.py\n    data: ../secret\n    artifacts:\n      a: {path: 'C:\\x', uri: /x}\n  \
             transformers:\n    source_model_name: org/model\n    transformers_version: 5.1.0\n    code: code\n",
        );
        assert_eq!((found.facts.code, found.facts.model_code), (vec!["code".to_owned()], Some("model.py".to_owned())));
        assert_eq!(found.fetched, ["org/model"]);
        assert_eq!(found.leaving, ["C:\\x", "../secret"]);
        let with_weights =
            "flavors: {transformers: {source_model_name: o/m, model_binary: model}, python_function: {}}";
        assert_eq!(facts(with_weights).fetched, Vec::<String>::new());
        let flavor = |key: &str| facts(&format!("flavors: {{xgboost: {{{key}: '3.0'}}, python_function: {{}}}}"));
        assert_eq!(flavor("xgb_version").facts.flavors[1].version.as_deref(), Some("3.0"));
        assert_eq!(flavor("cloudpickle_version").facts.flavors[1].version, None);
    }

    #[test]
    fn other_texts_are_none_and_broken_ones_say_why() {
        for text in ["", "flavors", "flavors: [python_function]", "python_function: {flavors: 1}", "{"] {
            assert_eq!(read(text), None, "{text}");
        }
        let broken = |text: &str| read(text).unwrap().unwrap_err();
        assert!(broken("flavors:\n  python_function: &a {loader_module: os}\n").contains("anchors"));
        assert!(broken("flavors:\n  python_function: [\n").contains("line"));
        let signature =
            |text: &str| broken(&format!("flavors: {{python_function: {{}}}}\nsignature: {{inputs: {text}}}"));
        assert!(signature("'[{]'").contains("no JSON"));
        assert!(signature("'{}'").contains("no list"));
        assert!(signature("'[{}]'").contains("no type"));
        assert!(signature("7").contains("no text"));
    }

    proptest! {
        #[test]
        fn any_text_is_read_without_a_panic(text in ".{0,200}", cut in 0..SKLEARN.len()) {
            let _ = read(&text);
            let _ = read(&format!("flavors:\n  python_function:\n    {text}"));
            if let Some(begun) = SKLEARN.get(..cut) {
                let _ = read(&format!("{begun}{text}"));
            }
        }
    }
}
