//! `MLmodel` files: what MLflow imports, runs or fetches when it loads the model beside one.

use super::{Content, Findings, MetadataFacts, RiskSeverity};
use crate::document::TEXT_BYTES_MAX;
use crate::facts::mlflow::mlmodel::{self, Mlmodel};

/// Recognised by a mapping of flavors, one of which MLflow knows how to load.
pub(super) fn inspect(content: Content<'_>) -> Option<Findings> {
    if !content.is_whole() || content.size_bytes > TEXT_BYTES_MAX {
        return None;
    }
    let text = std::str::from_utf8(content.bytes).ok()?;
    let mut findings = Findings::default();
    match mlmodel::read(text)? {
        Ok(model) => {
            risks(&model, text, &mut findings);
            findings.metadata = metadata(model);
        }
        Err(why) => {
            let message = format!("MLflow may load what cannot be read here: {why}");
            findings.risk(0, RiskSeverity::High, "mlflow-malformed", message);
        }
    }
    Some(findings)
}

fn risks(model: &Mlmodel, text: &str, findings: &mut Findings) {
    let offset = |word: &str| text.find(word).unwrap_or_default() as u64;
    let facts = &model.facts;
    let module = facts.loader_module.as_deref().unwrap_or_default();
    let is_own = module.is_empty() || module == "mlflow" || module.starts_with("mlflow.");
    let code = "mlflow-custom-code";
    let brought = facts.code.iter().map(|path| format!("`{path}`")).collect::<Vec<_>>().join(", ");
    if let Some(file) = &facts.model_code {
        let message = format!("loading it runs `{file}`, which it brings along");
        findings.risk(offset("model_code_path"), RiskSeverity::High, code, message);
    }
    if !is_own && brought.is_empty() {
        let message = format!("loading it imports `{module}`, which is no module of MLflow");
        findings.risk(offset("loader_module"), RiskSeverity::Medium, code, message);
    } else if !is_own {
        let message = format!("loading it imports `{module}`, beside code that it brings along in {brought}");
        findings.risk(offset("loader_module"), RiskSeverity::High, code, message);
    } else if !brought.is_empty() {
        let message = format!("it brings code along in {brought}, which is there to be imported when it is loaded");
        findings.risk(offset("code:"), RiskSeverity::Medium, code, message);
    }
    for name in &model.fetched {
        let message = format!("it has no weights: loading it fetches `{name}`, whatever that is then");
        findings.risk(offset("source_model_name"), RiskSeverity::Medium, "mlflow-fetches-model", message);
    }
    for path in &model.leaving {
        let message = format!("loading it reads `{path}`, outside the model's directory");
        findings.risk(offset(path), RiskSeverity::High, "mlflow-path-leaves-model", message);
    }
}

fn metadata(model: Mlmodel) -> MetadataFacts {
    let facts = model.facts;
    let (framework, framework_version) = mlmodel::framework(&facts).unzip();
    let module = facts.loader_module.filter(|module| module != "mlflow" && !module.starts_with("mlflow."));
    let mut custom_code: Vec<String> = facts.code.into_iter().chain(facts.model_code).chain(module).collect();
    custom_code.sort();
    let signature = facts.signature.unwrap_or_default();
    let mut base_models = model.fetched;
    base_models.sort();
    MetadataFacts {
        framework,
        framework_version: framework_version.flatten(),
        base_models,
        inputs: signature.inputs.into_iter().filter_map(|column| column.name).collect(),
        outputs: signature.outputs.into_iter().filter_map(|column| column.name).collect(),
        custom_code,
        ..MetadataFacts::default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(text: &str) -> Vec<(RiskSeverity, String)> {
        let findings = inspect(Content::of(text.as_bytes(), text.len() as u64)).expect("it is one");
        findings.risks.into_iter().map(|risk| (risk.severity, risk.message)).collect()
    }

    fn of(flavor: &str) -> Vec<(RiskSeverity, String)> {
        found(&format!("flavors: {{python_function: {{{flavor}}}}}"))
    }

    #[test]
    fn what_mlflow_loads_by_itself_is_no_danger() {
        for module in ["mlflow.sklearn", "mlflow.pyfunc.model"] {
            assert_eq!(of(&format!("loader_module: {module}, model_path: model.skops, code: null")), []);
        }
    }

    #[test]
    fn code_is_as_bad_as_what_it_does() {
        let one = |flavor: &str| {
            let found = of(flavor);
            assert_eq!(found.len(), 1, "{flavor}: {found:?}");
            found.into_iter().next().unwrap()
        };
        let (severity, message) = one("loader_module: mlflow.pyfunc.model, code: code");
        assert_eq!(severity, RiskSeverity::Medium);
        assert!(message.contains("brings code along in `code`"), "{message}");
        let (severity, message) = one("loader_module: mlflowx.sklearn");
        assert_eq!(severity, RiskSeverity::Medium);
        assert!(message.contains("imports `mlflowx.sklearn`"), "{message}");
        assert_eq!(one("loader_module: mycode, code: code").0, RiskSeverity::High);
        let (severity, message) = one("loader_module: mlflow.pyfunc.loaders.code_model, model_code_path: /x/model.py");
        assert_eq!(severity, RiskSeverity::High);
        assert!(message.contains("runs `model.py`"), "{message}");
        assert_eq!(one("loader_module: mlflow.sklearn, model_path: ../../x").0, RiskSeverity::High);
        assert_eq!(
            found("flavors: {transformers: {source_model_name: o/m}, python_function: {}}")[0].0,
            RiskSeverity::Medium
        );
        assert_eq!(found("flavors:\n  python_function: !!python/object:os.system {}\n")[0].0, RiskSeverity::High);
    }

    #[test]
    fn it_says_what_it_is() {
        let text =
            "flavors:\n  python_function: {loader_module: mycode, code: code}\n  xgboost: {xgb_version: 3.1.0}\n";
        let metadata = inspect(Content::of(text.as_bytes(), text.len() as u64)).unwrap().metadata;
        assert_eq!(
            (metadata.framework.as_deref(), metadata.framework_version.as_deref()),
            (Some("xgboost"), Some("3.1.0"))
        );
        assert_eq!(metadata.custom_code, ["code", "mycode"]);
    }
}
