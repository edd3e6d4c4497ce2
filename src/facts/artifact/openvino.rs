//! OpenVINO's intermediate representation: the graph, whose weights are in a file beside it.

use std::collections::BTreeSet;

use super::xml::{self, Tags};
use super::{Content, Findings, RiskSeverity};

/// Prefix of the sets of operators that OpenVINO brings.
const OPERATOR_SETS: &str = "opset";

/// Recognised by its root element and the layers in it.
pub(super) fn inspect(content: Content<'_>) -> Option<Findings> {
    let mut tags = Tags::of(xml::text(content.bytes)?);
    let root = tags.next()?;
    if root.name != "net" || root.attribute("version").is_none() {
        return None;
    }
    let mut findings = Findings::default();
    let metadata = &mut findings.metadata;
    metadata.framework = Some("openvino".to_owned());
    let (mut custom_code, mut layers) = (BTreeSet::new(), 0_u64);
    for tag in tags.by_ref() {
        let text = |name| tag.attribute(name).unwrap_or_default();
        match tag.name {
            "layer" => {
                layers += 1;
                match text("type") {
                    "Parameter" => metadata.inputs.push(text("name").to_owned()),
                    "Result" => metadata.outputs.push(text("name").to_owned()),
                    kind if !text("version").starts_with(OPERATOR_SETS) => {
                        custom_code.insert(format!("{}::{kind}", text("version")));
                    }
                    _ => {}
                }
            }
            "Runtime_version" => metadata.framework_version = Some(text("value").to_owned()),
            _ => {}
        }
    }
    metadata.custom_code = custom_code.into_iter().collect();
    if layers == 0 && content.is_whole() {
        findings.risk(0, RiskSeverity::High, "openvino-malformed", "the OpenVINO model has no layers");
    }
    if tags.has_type {
        let message = "the OpenVINO model defines entities, by which readers of XML can be made to read other files";
        findings.risk(0, RiskSeverity::Medium, "xml-entities", message);
    }
    Some(findings)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(text: &str) -> Option<Findings> {
        inspect(Content::of(text.as_bytes(), text.len() as u64))
    }

    #[test]
    fn a_model_gives_its_facts() {
        let model = r#"<?xml version="1.0"?>
            <net name="Model0" version="11"><layers>
            <layer id="0" name="x" type="Parameter" version="opset1"><data shape="?,4"/></layer>
            <layer id="1" name="m" type="MatMul" version="opset1"/>
            <layer id="2" name="f" type="Fast" version="extension"/>
            <layer id="3" name="y" type="Result" version="opset1"/>
            </layers><rt_info><Runtime_version value="2026.1.0"/></rt_info></net>"#;
        let findings = found(model).unwrap();
        assert_eq!(findings.risks, Vec::new());
        let metadata = findings.metadata;
        assert_eq!((metadata.inputs, metadata.outputs), (vec!["x".to_owned()], vec!["y".to_owned()]));
        assert_eq!(metadata.custom_code, ["extension::Fast"]);
        assert_eq!(metadata.framework_version.as_deref(), Some("2026.1.0"));
    }

    #[test]
    fn what_is_cut_or_something_else_is_said() {
        assert_eq!(found("<net version='11'>").unwrap().risks[0].code, "openvino-malformed");
        assert!(found("<net>").is_none());
        assert!(found("<network version='1'>").is_none());
    }
}
