//! PMML, the Predictive Model Markup Language: recognised, with the kind of model and its fields.

use super::xml::{self, Tags};
use super::{Content, Findings, RiskSeverity};

/// Elements of models (PMML 4.4, "General structure").
const MODELS: [&str; 18] = [
    "AnomalyDetectionModel",
    "AssociationModel",
    "BaselineModel",
    "BayesianNetworkModel",
    "ClusteringModel",
    "GaussianProcessModel",
    "GeneralRegressionModel",
    "MiningModel",
    "NaiveBayesModel",
    "NearestNeighborModel",
    "NeuralNetwork",
    "RegressionModel",
    "RuleSetModel",
    "Scorecard",
    "SequenceModel",
    "SupportVectorMachineModel",
    "TimeSeriesModel",
    "TreeModel",
];

/// Recognised by its root element.
pub(super) fn inspect(content: Content<'_>) -> Option<Findings> {
    let mut tags = Tags::of(xml::text(content.bytes)?);
    let root = tags.next()?;
    if root.name != "PMML" {
        return None;
    }
    let mut findings = Findings::default();
    findings.metadata.framework = Some("pmml".to_owned());
    findings.metadata.framework_version = root.attribute("version").map(str::to_owned);
    let mut schemas = 0;
    for tag in tags.by_ref() {
        match tag.name {
            name if MODELS.contains(&name) && findings.metadata.architecture.is_none() => {
                findings.metadata.architecture = Some(name.to_owned());
            }
            "MiningSchema" => schemas += 1,
            // The first schema is that of the whole model.
            "MiningField" if schemas == 1 => {
                let name = tag.attribute("name").unwrap_or_default().to_owned();
                match tag.attribute("usageType") {
                    None | Some("active") => findings.metadata.inputs.push(name),
                    Some("target" | "predicted") => findings.metadata.outputs.push(name),
                    _ => {}
                }
            }
            _ => {}
        }
    }
    if tags.has_type {
        let message = "the PMML document defines entities, by which readers of XML can be made to read other files";
        findings.risk(0, RiskSeverity::Medium, "xml-entities", message);
    }
    if findings.metadata.architecture.is_none() && content.is_whole() {
        findings.risk(0, RiskSeverity::High, "pmml-malformed", "the PMML document holds no model");
    }
    Some(findings)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::facts::artifact::{ArtifactFormat, detect, sample};

    #[test]
    fn a_model_gives_its_facts() {
        let bytes = sample("catboost.pmml");
        let (format, findings) = detect::inspect(Content::of(&bytes, bytes.len() as u64));
        assert_eq!((format, findings.risks), (ArtifactFormat::Pmml, Vec::new()));
        let metadata = findings.metadata;
        assert_eq!(metadata.framework_version.as_deref(), Some("4.3"));
        assert_eq!(metadata.architecture.as_deref(), Some("MiningModel"));
        assert_eq!(metadata.inputs, ["feature_0", "feature_1", "feature_2"]);
        assert_eq!(metadata.outputs, ["prediction"]);
    }

    #[test]
    fn what_is_no_model_or_defines_entities_is_a_risk() {
        let codes = |text: &str| {
            let findings = inspect(Content::of(text.as_bytes(), text.len() as u64))?;
            Some(findings.risks.into_iter().map(|risk| risk.code).collect::<Vec<_>>())
        };
        assert_eq!(codes("<PMML version='4.4'></PMML>").unwrap(), ["pmml-malformed"]);
        let entity = "<!DOCTYPE PMML [<!ENTITY x SYSTEM 'file:///etc/passwd'>]><PMML><TreeModel>&x;</TreeModel></PMML>";
        assert_eq!(codes(entity).unwrap(), ["xml-entities"]);
        assert_eq!(codes("<html></html>"), None);
        assert_eq!(codes("PMML"), None);
    }
}
