//! TensorFlow's SavedModel and GraphDef: what a graph needs and does, read from the wire of `saved_model.proto`,
//! `meta_graph.proto` and `graph.proto`.

use std::collections::{BTreeMap, BTreeSet};

use super::pages::Broken;
use super::protobuf::{Field, Part, Wire};
use super::{Content, Findings, MetadataFacts, RiskSeverity, keras_metadata, tensorflow_operators, text};

/// Tag of `SavedModel.meta_graphs` and of `MetaGraphDef.graph_def`.
const META_GRAPHS: u8 = 2 << 3 | 2;
/// Tag of `MetaGraphDef.meta_info_def`, and of the nodes of a GraphDef.
const FIRST_MESSAGE: u8 = 1 << 3 | 2;

/// Recognised by how TensorFlow writes it, or by a graph where a SavedModel has it: the order of fields, the version, and
/// fields that nobody knows mean nothing to those who load it.
pub(super) fn inspect(content: Content<'_>) -> Option<Findings> {
    let wire = Wire::of(content);
    if !is_marked(content.bytes) && !has_graph(&wire).unwrap_or(false) {
        return None;
    }
    let mut graph = Graph::new(&wire);
    let result = wire.each(wire.whole(), |number, field| match (number, field) {
        (2, Field::Part(part)) => graph.meta_graph(part),
        _ => Ok(()),
    });
    Some(graph.findings("saved-model-malformed", "the SavedModel", result))
}

/// Whether bytes begin with a `saved_model_schema_version` of 1, and a graph behind it with what there is to say of it.
fn is_marked(bytes: &[u8]) -> bool {
    let Some(rest) = bytes.strip_prefix(&[1 << 3, 1, META_GRAPHS]) else { return false };
    let inside = rest.iter().position(|byte| byte & 0x80 == 0).and_then(|end| rest.get(end + 1));
    matches!(inside, Some(&FIRST_MESSAGE | &META_GRAPHS))
}

/// Whether one of the graphs has a node with a name and an operator.
fn has_graph(wire: &Wire<'_>) -> Result<bool, Broken> {
    let mut found = false;
    wire.each(wire.whole(), |number, field| match (number, field) {
        (2, Field::Part(meta_graph)) if !found => wire.each(meta_graph, |number, field| match (number, field) {
            (2, Field::Part(graph)) if !found => {
                if let (1, Field::Part(node)) = wire.field(&mut { graph.start }, graph.end)? {
                    let (name, operator) = node_names(wire, node)?;
                    found = !name.is_empty() && is_operator(&operator);
                }
                Ok(())
            }
            _ => Ok(()),
        }),
        _ => Ok(()),
    })?;
    Ok(found)
}

/// Recognised by a first field that is one of the two of a SavedModel: TensorFlow loads the text form as well.
pub(super) fn inspect_text(content: Content<'_>) -> Option<Findings> {
    let mut lines = text::of(content)?.lines().map(str::trim_start);
    let first = lines.find(|line| !line.is_empty() && !line.starts_with('#'))?;
    (first.starts_with("saved_model_schema_version") || first.starts_with("meta_graphs")).then(|| {
        let mut findings = Findings::default();
        let message = "the SavedModel is in the text form, which is not looked through";
        findings.risk(0, RiskSeverity::High, "saved-model-not-inspected", message);
        findings.metadata.framework = Some("tensorflow".to_owned());
        findings
    })
}

/// Recognised by the five digests of a `FingerprintDef` and nothing besides them but its version and id.
pub(super) fn inspect_fingerprint(content: Content<'_>) -> Option<Findings> {
    const FINGERPRINT_BYTES_MAX: u64 = 1_024;
    let wire = Wire::of(content);
    if content.size_bytes > FINGERPRINT_BYTES_MAX {
        return None;
    }
    let mut digests = BTreeSet::new();
    let mut has_version = false;
    wire.each(wire.whole(), |number, field| {
        match (number, field) {
            (1..=5, Field::Number(_)) => drop(digests.insert(number)),
            (6, Field::Part(_)) => has_version = true,
            (7, Field::Part(id)) => drop(wire.text(id)?),
            _ => return Err(Broken::new(0, "it has a field that no fingerprint has")),
        }
        Ok(())
    })
    .ok()?;
    (digests.len() == 5 && has_version).then(|| {
        let mut findings = Findings::default();
        findings.metadata.framework = Some("tensorflow".to_owned());
        findings
    })
}

/// Recognised by a first node with a name and an operator.
pub(super) fn inspect_graph(content: Content<'_>) -> Option<Findings> {
    if content.bytes.first() != Some(&FIRST_MESSAGE) {
        return None;
    }
    let wire = Wire::of(content);
    let (_, Field::Part(first)) = wire.field(&mut 0, wire.whole().end).ok()? else { return None };
    let (name, operator) = node_names(&wire, first).ok()?;
    if name.is_empty() || !is_operator(&operator) {
        return None;
    }
    let mut graph = Graph::new(&wire);
    let result = graph.graph(wire.whole());
    (!graph.is_other).then(|| graph.findings("graph-def-malformed", "the graph", result))
}

fn is_operator(name: &str) -> bool {
    let is_part = |character: char| character.is_ascii_alphanumeric() || matches!(character, '_' | '>' | '.');
    name.starts_with(|first: char| first.is_ascii_alphabetic() || first == '_') && name.chars().all(is_part)
}

/// The name and the operator of a `NodeDef`.
fn node_names(wire: &Wire<'_>, part: Part) -> Result<(String, String), Broken> {
    let (mut name, mut operator) = (String::new(), String::new());
    wire.each(part, |number, field| {
        match (number, field) {
            (1, Field::Part(part)) => name = wire.text(part)?,
            (2, Field::Part(part)) => operator = wire.text(part)?,
            _ => {}
        }
        Ok(())
    })?;
    Ok((name, operator))
}

/// What all graphs of a file have, and do.
struct Graph<'a> {
    wire: &'a Wire<'a>,
    risks: Findings,
    /// Operators by the place where they are first.
    operators: BTreeMap<String, u64>,
    functions: BTreeSet<String>,
    version: Option<String>,
    /// Inputs and outputs of the signature that is served, or else of the first.
    signature: Option<(Vec<String>, Vec<String>)>,
    is_served: bool,
    parameters: Option<u64>,
    has_variables: bool,
    variables: BTreeSet<String>,
    is_other: bool,
}

impl<'a> Graph<'a> {
    fn new(wire: &'a Wire<'a>) -> Self {
        Self {
            wire,
            risks: Findings::default(),
            operators: BTreeMap::new(),
            functions: BTreeSet::new(),
            version: None,
            signature: None,
            is_served: false,
            parameters: Some(0),
            has_variables: false,
            variables: BTreeSet::new(),
            is_other: false,
        }
    }

    fn findings(self, code: &str, subject: &str, result: Result<(), Broken>) -> Findings {
        let mut findings = self.risks;
        let mut custom_code = std::mem::take(&mut findings.metadata.custom_code);
        for (operator, offset) in self.operators {
            // A node may call a function of the graph by its name.
            if self.functions.contains(&operator) {
                continue;
            }
            tensorflow_operators::note(&operator, offset, &mut findings);
            if tensorflow_operators::is_custom(&operator) {
                custom_code.push(operator);
            }
        }
        custom_code.sort();
        let (inputs, outputs) = self.signature.unwrap_or_default();
        findings.metadata = MetadataFacts {
            framework: Some("tensorflow".to_owned()),
            framework_version: self.version,
            parameters: self.parameters.filter(|_| self.has_variables),
            inputs,
            outputs,
            custom_code,
            ..MetadataFacts::default()
        };
        if let Err(broken) = result {
            broken.note(&mut findings, code, subject);
        }
        findings
    }

    /// `MetaGraphDef`.
    fn meta_graph(&mut self, part: Part) -> Result<(), Broken> {
        let wire = self.wire;
        wire.each(part, |number, field| match (number, field) {
            (1, Field::Part(info)) => self.meta_info(info),
            (2, Field::Part(graph)) => self.graph(graph),
            (5, Field::Part(entry)) => self.signature(entry),
            (6, Field::Part(asset)) => self.asset(asset),
            (7, Field::Part(objects)) => self.objects(objects),
            _ => Ok(()),
        })
    }

    /// `MetaInfoDef`, for the version of TensorFlow.
    fn meta_info(&mut self, part: Part) -> Result<(), Broken> {
        let wire = self.wire;
        wire.each(part, |number, field| {
            if let (5, Field::Part(version)) = (number, field) {
                self.version = Some(wire.text(version)?);
            }
            Ok(())
        })
    }

    /// `GraphDef`: nodes, a library of functions, versions, and notes for debugging.
    fn graph(&mut self, part: Part) -> Result<(), Broken> {
        let wire = self.wire;
        wire.each(part, |number, field| match (number, field) {
            (1, Field::Part(node)) => self.node(node),
            (2, Field::Part(library)) => wire.each(library, |number, field| match (number, field) {
                (1, Field::Part(function)) => self.function(function),
                _ => Ok(()),
            }),
            (3, Field::Number(_)) | (4 | 5, Field::Part(_)) => Ok(()),
            _ => {
                self.is_other = true;
                Err(Broken::new(part.start, "it has a field that no graph has"))
            }
        })
    }

    /// `NodeDef`.
    fn node(&mut self, part: Part) -> Result<(), Broken> {
        let (_, operator) = node_names(self.wire, part)?;
        if !self.operators.contains_key(&operator) {
            self.wire.make_room(&operator, part.start)?;
            self.operators.insert(operator, part.start);
        }
        Ok(())
    }

    /// `FunctionDef`: its signature and its nodes.
    fn function(&mut self, part: Part) -> Result<(), Broken> {
        let wire = self.wire;
        wire.each(part, |number, field| match (number, field) {
            // The first field of an `OpDef` is its name, as that of a node is.
            (1, Field::Part(signature)) => {
                let mut name = String::new();
                wire.each(signature, |number, field| {
                    if let (1, Field::Part(part)) = (number, field) {
                        name = wire.text(part)?;
                    }
                    Ok(())
                })?;
                wire.keep(&mut self.functions, name, part.start)
            }
            (3, Field::Part(node)) => self.node(node),
            _ => Ok(()),
        })
    }

    /// An entry of `signature_def`: its key and a `SignatureDef`.
    fn signature(&mut self, entry: Part) -> Result<(), Broken> {
        let wire = self.wire;
        let (mut key, mut inputs, mut outputs) = (String::new(), Vec::new(), Vec::new());
        wire.each(entry, |number, field| match (number, field) {
            (1, Field::Part(part)) => wire.text(part).map(|text| key = text),
            (2, Field::Part(signature)) => wire.each(signature, |number, field| match (number, field) {
                (1, Field::Part(entry)) => self.key_of(entry, &mut inputs),
                (2, Field::Part(entry)) => self.key_of(entry, &mut outputs),
                _ => Ok(()),
            }),
            _ => Ok(()),
        })?;
        let is_served = key == "serving_default";
        // Names that begin so are of TensorFlow's own initialisers.
        if !key.starts_with("__") && (is_served || !self.is_served) && (is_served || self.signature.is_none()) {
            self.signature = Some((inputs, outputs));
            self.is_served = is_served;
        }
        Ok(())
    }

    fn key_of(&self, entry: Part, names: &mut Vec<String>) -> Result<(), Broken> {
        self.wire.each(entry, |number, field| {
            if let (1, Field::Part(key)) = (number, field) {
                names.push(self.wire.name(key)?);
            }
            Ok(())
        })
    }

    /// `AssetFileDef`, whose file is looked for below the model's own directory.
    fn asset(&mut self, part: Part) -> Result<(), Broken> {
        let wire = self.wire;
        wire.each(part, |number, field| {
            if let (2, Field::Part(name)) = (number, field) {
                let name = wire.text(name)?;
                if name.starts_with('/') || name.contains(['\\', ':']) || name.split('/').any(|part| part == "..") {
                    let message = format!("its asset `{name}` is outside the model's directory");
                    self.risks.risk(part.start, RiskSeverity::High, "saved-model-asset-escapes", message);
                }
            }
            Ok(())
        })
    }

    /// `SavedObjectGraph`: the variables among its objects.
    fn objects(&mut self, part: Part) -> Result<(), Broken> {
        let wire = self.wire;
        wire.each(part, |number, field| match (number, field) {
            (1, Field::Part(object)) => wire.each(object, |number, field| match (number, field) {
                (4, Field::Part(user)) => self.user_object(user),
                (7, Field::Part(variable)) => self.variable(variable),
                _ => Ok(()),
            }),
            _ => Ok(()),
        })
    }

    /// `SavedUserObject`: until TensorFlow 2.5, layers of Keras have their configuration here.
    fn user_object(&mut self, part: Part) -> Result<(), Broken> {
        let wire = self.wire;
        let (mut is_keras, mut metadata) = (false, None);
        wire.each(part, |number, field| {
            match (number, field) {
                (1, Field::Part(identifier)) => is_keras = wire.text(identifier)?.starts_with("_tf_keras"),
                (3, Field::Part(part)) => metadata = Some(part),
                _ => {}
            }
            Ok(())
        })?;
        match metadata.filter(|metadata| is_keras && metadata.length() > 0) {
            Some(metadata) => keras_metadata::check(wire, metadata, false, &mut self.risks),
            None => Ok(()),
        }
    }

    /// `SavedVariable`, whose second field is a shape: dimensions with a size each, which is below zero if unknown.
    fn variable(&mut self, part: Part) -> Result<(), Broken> {
        let wire = self.wire;
        let (mut elements, mut name) = (Some(1_u64), String::new());
        wire.each(part, |number, field| match (number, field) {
            (6, Field::Part(part)) => wire.text(part).map(|text| name = text),
            (2, Field::Part(shape)) => wire.each(shape, |number, field| match (number, field) {
                (2, Field::Part(dimension)) => {
                    let mut size = 0;
                    wire.each(dimension, |number, field| {
                        if let (1, Field::Number(number)) = (number, field) {
                            size = number;
                        }
                        Ok(())
                    })?;
                    elements = elements.and_then(|elements| elements.checked_mul(size));
                    Ok(())
                }
                _ => Ok(()),
            }),
            _ => Ok(()),
        })?;
        self.has_variables = true;
        // Keras 3 exports each variable twice, under the path of its layer.
        if name.contains('/') && self.variables.contains(&name) {
            return Ok(());
        }
        wire.keep(&mut self.variables, name, part.start)?;
        self.parameters = self.parameters.zip(elements).and_then(|(sum, elements)| sum.checked_add(elements));
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::facts::artifact::ArtifactFormat;
    use crate::facts::artifact::detect;
    use crate::facts::artifact::pages::tests::as_large_file;
    use crate::facts::artifact::protobuf::tests::{number, part};
    use proptest::prelude::*;

    fn node(name: &str, operator: &str) -> Vec<u8> {
        part(1, [part(1, name), part(2, operator)].concat())
    }

    fn entry(key: &str, value: Vec<u8>) -> Vec<u8> {
        [part(1, key), part(2, value)].concat()
    }

    /// A SavedModel with these nodes, one of them in a function, and these fields of its graph besides.
    fn model(nodes: &[&str], rest: &[u8]) -> Vec<u8> {
        let in_function = part(3, [part(1, "inner"), part(2, nodes.last().unwrap())].concat());
        let function = part(1, [part(1, part(1, "__inference_call_7")), in_function].concat());
        let main = nodes.iter().map(|operator| node("outer", operator)).collect::<Vec<_>>().concat();
        let graph = [main, node("call", "__inference_call_7"), part(2, function), part(4, number(1, 1994))].concat();
        let signature = |input: &str| [part(1, entry(input, vec![])), part(2, entry("score", vec![]))].concat();
        let variable = |name: &str| {
            let shape = [part(2, number(1, 4)), part(2, number(1, 3))].concat();
            part(1, part(7, [number(1, 1), part(2, shape), part(6, name)].concat()))
        };
        let info = [part(4, "serve"), part(5, "2.21.0")].concat();
        let meta = [
            part(1, info),
            part(2, graph),
            part(5, entry("__saved_model_init_op", signature("none"))),
            part(5, entry("train", signature("rows"))),
            part(5, entry("serving_default", signature("features"))),
            part(7, [variable("dense/kernel"), variable("dense/kernel"), variable("w"), variable("w")].concat()),
            rest.to_vec(),
        ];
        [number(1, 1), part(2, meta.concat())].concat()
    }

    fn found(bytes: &[u8]) -> (ArtifactFormat, Findings) {
        detect::inspect(Content::of(bytes, bytes.len() as u64))
    }

    fn codes(bytes: &[u8]) -> (ArtifactFormat, Vec<String>) {
        let (format, findings) = found(bytes);
        (format, findings.risks.into_iter().map(|risk| risk.code).collect())
    }

    #[test]
    fn a_model_gives_its_facts() {
        let whole = model(&["MatMul", "RestoreV2", "Addons>Image", "MatMul"], b"");
        let (format, findings) = found(&whole);
        let expected = MetadataFacts {
            framework: Some("tensorflow".to_owned()),
            framework_version: Some("2.21.0".to_owned()),
            parameters: Some(36),
            inputs: vec!["features".to_owned()],
            outputs: vec!["score".to_owned()],
            custom_code: vec!["Addons>Image".to_owned()],
            ..MetadataFacts::default()
        };
        assert_eq!((format, findings.metadata, findings.risks), (ArtifactFormat::SavedModel, expected, Vec::new()));
        let large = model(&["MatMul"], &part(3, vec![0; 200_000]));
        let far = as_large_file(&large, |content| inspect(content).unwrap());
        assert_eq!((far.metadata.parameters, far.risks), (Some(36), Vec::new()));
    }

    #[test]
    fn what_reaches_out_of_the_graph_is_a_risk() {
        for (operator, severity) in [
            ("ReadFile", RiskSeverity::High),
            ("WriteFile", RiskSeverity::High),
            ("PyFunc", RiskSeverity::High),
            ("EagerPyFunc", RiskSeverity::High),
            ("DebugIdentityV3", RiskSeverity::High),
            ("TFRecordDataset", RiskSeverity::Medium),
        ] {
            for nodes in [[operator, "MatMul"], ["MatMul", operator]] {
                let (_, findings) = found(&model(&nodes, b""));
                let risks: Vec<_> = findings.risks.iter().map(|risk| (risk.code.as_str(), risk.severity)).collect();
                assert_eq!(risks, [("tensorflow-dangerous-operator", severity)], "{nodes:?}");
                assert!(findings.risks[0].offset > 0);
            }
        }
        let asset = |name: &str| codes(&model(&["MatMul"], &part(6, part(2, name)))).1;
        assert_eq!(asset("vocabulary.txt"), Vec::<String>::new());
        assert_eq!(asset("../../etc/passwd"), ["saved-model-asset-escapes"]);
        assert_eq!(asset("/etc/passwd"), ["saved-model-asset-escapes"]);
    }

    #[test]
    fn a_graph_alone_is_looked_through_as_well() {
        let graph = [node("x", "Placeholder"), node("y", "ReadFile"), part(4, number(1, 1994))].concat();
        let dangerous = vec!["tensorflow-dangerous-operator".to_owned()];
        assert_eq!(codes(&graph), (ArtifactFormat::GraphDef, dangerous));
        let cut = &graph[..graph.len() - 3];
        assert_eq!(codes(cut).1, ["tensorflow-dangerous-operator", "graph-def-malformed"]);
        // Messages that begin alike: a first node without an operator, a name that is none, a field of something else.
        for other in [
            part(1, part(1, "x")),
            node("x", "not an operator"),
            node("", "Placeholder"),
            [node("x", "Placeholder"), part(9, "")].concat(),
        ] {
            assert_ne!(found(&other).0, ArtifactFormat::GraphDef, "{other:02x?}");
        }
    }

    #[test]
    fn digests_and_the_text_form_are_recognised() {
        let digests = (1..=5).map(|digest| number(digest, u64::MAX - digest)).collect::<Vec<_>>().concat();
        let fingerprint = [digests.clone(), part(6, number(1, 1)), part(7, "8f2d")].concat();
        assert_eq!(codes(&fingerprint), (ArtifactFormat::SavedModel, Vec::new()));
        assert_eq!(found(&digests).0, ArtifactFormat::Unknown);
        let text = b"saved_model_schema_version: 1\nmeta_graphs {\n  graph_def { node { op: \"ReadFile\" } }\n}\n";
        assert_eq!(codes(text), (ArtifactFormat::SavedModel, vec!["saved-model-not-inspected".to_owned()]));
        assert_eq!(found(b"# a comment\n\n meta_graphs{}").0, ArtifactFormat::SavedModel);
        assert_eq!(found(b"our meta_graphs").0, ArtifactFormat::Text);
    }

    #[test]
    fn what_breaks_off_is_broken() {
        let whole = model(&["MatMul", "ReadFile"], b"");
        for length in 6..whole.len() {
            let (format, codes) = codes(&whole[..length]);
            assert_eq!(format, ArtifactFormat::SavedModel, "{length}");
            assert!(codes.contains(&"saved-model-malformed".to_owned()), "{length}");
        }
        // Fields in another order, without the version, and one that nobody knows.
        let (version, graph) = whole.split_at(2);
        for other in [[graph, version].concat(), graph.to_vec(), [&part(9, "x"), graph].concat()] {
            assert_eq!(codes(&other), (ArtifactFormat::SavedModel, vec!["tensorflow-dangerous-operator".to_owned()]));
        }
        assert_ne!(found(&part(2, part(2, "a text"))).0, ArtifactFormat::SavedModel);
    }

    proptest! {
        #[test]
        fn no_bytes_panic(rest in prop::collection::vec(any::<u8>(), 0..300), at in 0..400_usize, byte: u8) {
            let mut flipped = model(&["MatMul", "A>B"], b"");
            let at = at % flipped.len();
            flipped[at] = byte;
            found(&flipped);
            found(&[&b"\x08\x01\x12\x20\x0a"[..], &rest].concat());
            found(&[node("x", "MatMul"), rest].concat());
        }
    }
}
