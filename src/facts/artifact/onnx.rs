//! ONNX models: the fields of `onnx.proto3` that say what a model needs, read from the wire.
//!
//! The graph's tensors stay where they are: only their places are looked at. Nodes are counted in the
//! main graph; external tensors and domains are looked for in subgraphs and functions as well.

use std::collections::{BTreeMap, BTreeSet};

use super::{Content, Findings, MetadataFacts, OnnxFacts, OnnxOpset, RiskSeverity};

/// Graphs within attributes of nodes within graphs. Real models have three or four.
const DEPTH_MAX: usize = 16;

/// Domains whose operators every runtime of ONNX has.
const STANDARD_DOMAINS: [&str; 5] = ["", "ai.onnx", "ai.onnx.ml", "ai.onnx.preview.training", "ai.onnx.training"];

/// A field of a protocol buffer message.
#[derive(Debug, Clone, Copy)]
enum Field<'a> {
    Number(u64),
    Bytes(&'a [u8]),
    Fixed,
}

/// The message does not have the form of the wire.
struct Malformed;

struct Message<'a> {
    rest: &'a [u8],
}

impl<'a> Message<'a> {
    fn varint(&mut self) -> Result<u64, Malformed> {
        let mut value = 0_u64;
        for shift in (0..64).step_by(7) {
            let (byte, rest) = self.rest.split_first().ok_or(Malformed)?;
            self.rest = rest;
            value |= u64::from(byte & 0x7f).checked_shl(shift).ok_or(Malformed)?;
            if byte & 0x80 == 0 {
                return Ok(value);
            }
        }
        Err(Malformed)
    }

    fn take(&mut self, length: u64) -> Result<&'a [u8], Malformed> {
        let length = usize::try_from(length).map_err(|_| Malformed)?;
        let (taken, rest) = self.rest.split_at_checked(length).ok_or(Malformed)?;
        self.rest = rest;
        Ok(taken)
    }

    fn next(&mut self) -> Result<Option<(u64, Field<'a>)>, Malformed> {
        if self.rest.is_empty() {
            return Ok(None);
        }
        let tag = self.varint()?;
        let field = match tag & 7 {
            0 => Field::Number(self.varint()?),
            1 => self.take(8).map(|_| Field::Fixed)?,
            2 => {
                let length = self.varint()?;
                Field::Bytes(self.take(length)?)
            }
            5 => self.take(4).map(|_| Field::Fixed)?,
            _ => return Err(Malformed),
        };
        if tag >> 3 == 0 { Err(Malformed) } else { Ok(Some((tag >> 3, field))) }
    }
}

fn each<'a>(bytes: &'a [u8], mut take: impl FnMut(u64, Field<'a>) -> Result<(), Malformed>) -> Result<(), Malformed> {
    let mut message = Message { rest: bytes };
    while let Some((number, field)) = message.next()? {
        take(number, field)?;
    }
    Ok(())
}

fn text(bytes: &[u8]) -> Result<String, Malformed> {
    std::str::from_utf8(bytes).map(str::to_owned).map_err(|_| Malformed)
}

#[derive(Default)]
struct Model {
    ir_version: Option<i64>,
    producer: String,
    opsets: BTreeMap<String, i64>,
    inputs: Vec<String>,
    outputs: Vec<String>,
    initializers: BTreeSet<String>,
    nodes: u64,
    external: BTreeSet<String>,
    has_graph: bool,
}

/// Recognised by a message that is a `ModelProto` to its last byte, with a version and a graph.
pub(super) fn inspect(content: Content<'_>) -> Option<Findings> {
    if !content.is_whole() {
        return None;
    }
    let mut model = Model::default();
    model.read(content.bytes).ok()?;
    let ir_version = model.ir_version.filter(|version| (1..=1_000).contains(version) && model.has_graph)?;
    let mut findings = Findings::default();
    for location in &model.external {
        // A backslash or a drive parts a path under Windows only, where the model may well be loaded.
        let leaves =
            location.starts_with('/') || location.contains(['\\', ':']) || location.split('/').any(|part| part == "..");
        if leaves {
            let message = format!("its tensors are in `{location}`, outside the model's directory");
            findings.risk(0, RiskSeverity::High, "onnx-external-data-escapes", message);
        }
    }
    let inputs = model.inputs.into_iter().filter(|name| !model.initializers.contains(name)).collect::<Vec<_>>();
    let custom = model.opsets.keys().filter(|domain| !STANDARD_DOMAINS.contains(&domain.as_str()));
    findings.metadata = MetadataFacts {
        framework: Some("onnx".to_owned()),
        inputs: inputs.clone(),
        outputs: model.outputs.clone(),
        custom_code: custom.cloned().collect(),
        ..MetadataFacts::default()
    };
    findings.onnx = Some(OnnxFacts {
        ir_version,
        producer: model.producer,
        opsets: model.opsets.into_iter().map(|(domain, version)| OnnxOpset { domain, version }).collect(),
        inputs,
        outputs: model.outputs,
        nodes: model.nodes,
        external_data: model.external.into_iter().collect(),
    });
    Some(findings)
}

impl Model {
    /// `ModelProto`.
    fn read(&mut self, bytes: &[u8]) -> Result<(), Malformed> {
        each(bytes, |number, field| match (number, field) {
            (1, Field::Number(version)) => {
                self.ir_version = i64::try_from(version).ok();
                Ok(())
            }
            (2, Field::Bytes(producer)) => text(producer).map(|producer| self.producer = producer),
            (7, Field::Bytes(graph)) => {
                self.has_graph = true;
                self.graph(graph, 0)
            }
            (8, Field::Bytes(opset)) => self.opset(opset),
            (20, Field::Bytes(training)) => self.training(training),
            (25, Field::Bytes(function)) => self.function(function),
            (3 | 4 | 6 | 14 | 26, Field::Bytes(_)) | (5, Field::Number(_)) => Ok(()),
            // A field that `onnx.proto3` does not have: this is another message.
            _ => Err(Malformed),
        })
    }

    /// `OperatorSetIdProto`. A version is negative only in files that nothing loads.
    fn opset(&mut self, bytes: &[u8]) -> Result<(), Malformed> {
        let (mut domain, mut version) = (String::new(), 0);
        each(bytes, |number, field| match (number, field) {
            (1, Field::Bytes(name)) => text(name).map(|name| domain = name),
            (2, Field::Number(number)) => i64::try_from(number).map(|number| version = number).map_err(|_| Malformed),
            _ => Ok(()),
        })?;
        self.opsets.insert(domain, version);
        Ok(())
    }

    /// `GraphProto`.
    fn graph(&mut self, bytes: &[u8], depth: usize) -> Result<(), Malformed> {
        if depth > DEPTH_MAX {
            return Err(Malformed);
        }
        each(bytes, |number, field| match (number, field) {
            (1, Field::Bytes(node)) => {
                self.nodes += u64::from(depth == 0);
                self.node(node, depth)
            }
            (5, Field::Bytes(tensor)) => {
                let name = self.tensor(tensor)?;
                if depth == 0 {
                    self.initializers.insert(name);
                }
                Ok(())
            }
            (15, Field::Bytes(tensor)) => self.sparse_tensor(tensor),
            (11, Field::Bytes(value)) if depth == 0 => value_name(value).map(|name| self.inputs.push(name)),
            (12, Field::Bytes(value)) if depth == 0 => value_name(value).map(|name| self.outputs.push(name)),
            _ => Ok(()),
        })
    }

    /// `TrainingInfoProto`: a graph that initialises and one that trains.
    fn training(&mut self, bytes: &[u8]) -> Result<(), Malformed> {
        each(bytes, |number, field| match (number, field) {
            (1 | 2, Field::Bytes(graph)) => self.graph(graph, 1),
            _ => Ok(()),
        })
    }

    /// `FunctionProto`: nodes in field 7, operator sets in field 9, attributes with defaults in field 11.
    fn function(&mut self, bytes: &[u8]) -> Result<(), Malformed> {
        each(bytes, |number, field| match (number, field) {
            (7, Field::Bytes(node)) => self.node(node, 1),
            (9, Field::Bytes(opset)) => self.opset(opset),
            (11, Field::Bytes(attribute)) => self.attribute(attribute, 1),
            _ => Ok(()),
        })
    }

    /// `NodeProto`, for the tensors and graphs in its attributes.
    fn node(&mut self, bytes: &[u8], depth: usize) -> Result<(), Malformed> {
        each(bytes, |number, field| match (number, field) {
            (5, Field::Bytes(attribute)) => self.attribute(attribute, depth),
            _ => Ok(()),
        })
    }

    /// `AttributeProto`.
    fn attribute(&mut self, bytes: &[u8], depth: usize) -> Result<(), Malformed> {
        each(bytes, |number, field| match (number, field) {
            (5 | 10, Field::Bytes(tensor)) => self.tensor(tensor).map(drop),
            (6 | 11, Field::Bytes(graph)) => self.graph(graph, depth + 1),
            (22 | 23, Field::Bytes(tensor)) => self.sparse_tensor(tensor),
            _ => Ok(()),
        })
    }

    /// `SparseTensorProto`: values and indices.
    fn sparse_tensor(&mut self, bytes: &[u8]) -> Result<(), Malformed> {
        each(bytes, |number, field| match (number, field) {
            (1 | 2, Field::Bytes(tensor)) => self.tensor(tensor).map(drop),
            _ => Ok(()),
        })
    }

    /// `TensorProto`: its name, and where its data is when that is elsewhere.
    fn tensor(&mut self, bytes: &[u8]) -> Result<String, Malformed> {
        let mut name = String::new();
        each(bytes, |number, field| match (number, field) {
            (8, Field::Bytes(bytes)) => text(bytes).map(|text| name = text),
            (13, Field::Bytes(entry)) => {
                let (mut key, mut value) = (String::new(), String::new());
                each(entry, |number, field| match (number, field) {
                    (1, Field::Bytes(bytes)) => text(bytes).map(|text| key = text),
                    (2, Field::Bytes(bytes)) => text(bytes).map(|text| value = text),
                    _ => Ok(()),
                })?;
                if key == "location" {
                    self.external.insert(value);
                }
                Ok(())
            }
            _ => Ok(()),
        })?;
        Ok(name)
    }
}

/// The name of a `ValueInfoProto`.
fn value_name(bytes: &[u8]) -> Result<String, Malformed> {
    let mut name = String::new();
    each(bytes, |number, field| match (number, field) {
        (1, Field::Bytes(bytes)) => text(bytes).map(|text| name = text),
        _ => Ok(()),
    })?;
    Ok(name)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn bytes(number: u8, content: &[u8]) -> Vec<u8> {
        [&[number << 3 | 2, content.len() as u8], content].concat()
    }

    fn model(location: &str) -> Vec<u8> {
        let entry = [bytes(1, b"location"), bytes(2, location.as_bytes())].concat();
        let external = if location.is_empty() { Vec::new() } else { bytes(13, &entry) };
        let graph = [
            bytes(1, &bytes(4, b"Gemm")),
            bytes(5, &[bytes(8, b"w"), external].concat()),
            bytes(11, &bytes(1, b"x")),
            bytes(11, &bytes(1, b"w")),
            bytes(12, &bytes(1, b"y")),
        ]
        .concat();
        let opset = [bytes(1, b"ai.onnx.ml"), vec![2 << 3, 3]].concat();
        [vec![1 << 3, 10], bytes(2, b"test"), bytes(7, &graph), bytes(8, &opset), bytes(8, &[2 << 3, 21])].concat()
    }

    fn inspect_bytes(bytes: &[u8]) -> Option<Findings> {
        inspect(Content::of(bytes, bytes.len() as u64))
    }

    #[test]
    fn a_model_gives_its_facts() {
        let findings = inspect_bytes(&model("w.bin")).unwrap();
        let opset = |domain: &str, version| OnnxOpset { domain: domain.to_owned(), version };
        let expected = OnnxFacts {
            ir_version: 10,
            producer: "test".to_owned(),
            opsets: vec![opset("", 21), opset("ai.onnx.ml", 3)],
            inputs: vec!["x".to_owned()],
            outputs: vec!["y".to_owned()],
            nodes: 1,
            external_data: vec!["w.bin".to_owned()],
        };
        assert_eq!((findings.onnx, findings.risks.len()), (Some(expected), 0));
    }

    #[test]
    fn tensors_outside_the_directory_are_a_risk() {
        for location in ["/etc/passwd", "../w.bin", "a/../../w", "a\\b", "C:w"] {
            assert_eq!(
                inspect_bytes(&model(location)).unwrap().risks[0].code,
                "onnx-external-data-escapes",
                "{location}"
            );
        }
    }

    #[test]
    fn tensors_are_found_wherever_they_are() {
        let entry = [bytes(1, b"location"), bytes(2, b"/w")].concat();
        let tensor = bytes(13, &entry);
        let attribute = |number: u8, content: &[u8]| bytes(1, &bytes(5, &bytes(number, content)));
        let long = |number: u16, content: &[u8]| {
            let tag = number << 3 | 2;
            [&[(tag & 0x7f) as u8 | 0x80, (tag >> 7) as u8, content.len() as u8], content].concat()
        };
        let graph = |content: Vec<u8>| [vec![1 << 3, 10], bytes(7, &content)].concat();
        let other = |field: Vec<u8>| [vec![1 << 3, 10], bytes(7, b""), field].concat();
        for model in [
            graph(bytes(5, &tensor)),
            graph(bytes(15, &bytes(1, &tensor))),
            graph(attribute(5, &tensor)),
            graph(attribute(6, &bytes(5, &tensor))),
            graph(bytes(1, &bytes(5, &long(22, &bytes(2, &tensor))))),
            other(long(20, &bytes(2, &bytes(5, &tensor)))),
            other(long(25, &bytes(7, &bytes(5, &bytes(5, &tensor))))),
            other(long(25, &bytes(11, &bytes(5, &tensor)))),
        ] {
            let findings = inspect_bytes(&model).unwrap();
            assert_eq!(findings.onnx.unwrap().external_data, ["/w"], "{model:02x?}");
            assert_eq!(findings.risks.len(), 1);
        }
    }

    #[test]
    fn what_is_not_a_model_to_its_last_byte_is_none() {
        let whole = model("");
        assert!(inspect_bytes(&whole).is_some());
        for length in 0..whole.len() {
            let findings = inspect_bytes(&whole[..length]);
            // A cut between two fields leaves a message; without its operator sets, but a message.
            assert!(findings.is_none_or(|findings| findings.onnx.unwrap().opsets.len() < 2), "{length}");
        }
        assert!(inspect_bytes(&[whole, vec![0xff]].concat()).is_none());
        assert!(inspect_bytes(b"\x08\x07 some text").is_none());
    }
}
