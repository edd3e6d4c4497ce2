//! ONNX models: the fields of `onnx.proto3` that say what a model needs, read from the wire.
//!
//! The graph's tensors stay where they are: only their places are looked at, so that a model of any size is read.
//! Nodes are counted in the main graph; tensors and domains are looked for in subgraphs and functions as well.

use std::collections::{BTreeMap, BTreeSet};

use super::pages::Broken;
use super::protobuf::{Field, Part, Wire};
use super::{Content, Findings, MetadataFacts, OnnxExternalFile, OnnxFacts, OnnxOpset, RiskSeverity};

/// Graphs within attributes of nodes within graphs. Real models have three or four.
const DEPTH_MAX: usize = 16;

/// Domains whose operators every runtime of ONNX has.
const STANDARD_DOMAINS: [&str; 5] = ["", "ai.onnx", "ai.onnx.ml", "ai.onnx.preview.training", "ai.onnx.training"];

/// Bits of an element, by the number of its type (`TensorProto.DataType`); texts have none.
const BITS: [(u64, u64); 25] = [
    (1, 32),
    (2, 8),
    (3, 8),
    (4, 16),
    (5, 16),
    (6, 32),
    (7, 64),
    (9, 8),
    (10, 16),
    (11, 64),
    (12, 32),
    (13, 64),
    (14, 64),
    (15, 128),
    (16, 16),
    (17, 8),
    (18, 8),
    (19, 8),
    (20, 8),
    (21, 4),
    (22, 4),
    (23, 4),
    (24, 8),
    (25, 2),
    (26, 2),
];

/// What an entry of `external_data` may be named (onnx's `ExternalDataInfo`); `basepath` is of its first version.
const EXTERNAL_KEYS: [&str; 5] = ["location", "offset", "length", "checksum", "basepath"];

/// Where a tensor's data is that is not in the model.
#[derive(Default)]
struct External {
    location: Option<String>,
    offset: u64,
    length: Option<u64>,
    at: u64,
}

struct Model<'a> {
    wire: &'a Wire<'a>,
    findings: &'a mut Findings,
    ir_version: Option<u64>,
    producer: String,
    producer_version: String,
    licence: Option<String>,
    opsets: BTreeMap<String, i64>,
    inputs: Vec<String>,
    outputs: Vec<String>,
    initializers: BTreeSet<String>,
    operators: BTreeSet<String>,
    functions: BTreeSet<String>,
    nodes: u64,
    parameters: u64,
    external: BTreeMap<String, OnnxExternalFile>,
    has_graph: bool,
    /// Whether it has a field that a model does not have: it is another message.
    is_other: bool,
}

/// Recognised by a message that begins as a `ModelProto` does, with a version of the representation and a graph.
pub(super) fn inspect(content: Content<'_>) -> Option<Findings> {
    let wire = Wire::of(content);
    let mut findings = Findings::default();
    let mut model = Model::new(&wire, &mut findings);
    let mut result = model.read();
    let ir_version = model.ir_version.filter(|version| (1..=1_000).contains(version))?;
    // Members of archives are tensors for the most part, which may begin as a model does.
    if model.is_other || !model.has_graph || (content.is_member && result.is_err()) {
        return None;
    }
    // Versions of the representation before the third had one operator set and did not say so.
    if result.is_ok() && ir_version > 2 && model.opsets.is_empty() {
        result = Err(Broken::new(content.size_bytes, "it names no operator set"));
    }
    let facts = model.facts(i64::try_from(ir_version).ok()?);
    match result {
        Ok(()) => findings.onnx = Some(facts),
        Err(broken) => broken.note(&mut findings, "onnx-malformed", "the ONNX model"),
    }
    Some(findings)
}

impl<'a> Model<'a> {
    fn new(wire: &'a Wire<'a>, findings: &'a mut Findings) -> Self {
        Self {
            wire,
            findings,
            ir_version: None,
            producer: String::new(),
            producer_version: String::new(),
            licence: None,
            opsets: BTreeMap::new(),
            inputs: Vec::new(),
            outputs: Vec::new(),
            initializers: BTreeSet::new(),
            operators: BTreeSet::new(),
            functions: BTreeSet::new(),
            nodes: 0,
            parameters: 0,
            external: BTreeMap::new(),
            has_graph: false,
            is_other: false,
        }
    }

    fn facts(self, ir_version: i64) -> OnnxFacts {
        let Self { initializers, functions, findings, .. } = self;
        let inputs = self.inputs.into_iter().filter(|name| !initializers.contains(name)).collect::<Vec<_>>();
        findings.metadata = MetadataFacts {
            framework: Some("onnx".to_owned()),
            framework_version: Some(self.producer_version).filter(|version| !version.is_empty()),
            // Trees are attributes of a node, and not initializers.
            parameters: Some(self.parameters).filter(|parameters| *parameters > 0),
            licence: self.licence,
            inputs: inputs.clone(),
            outputs: self.outputs.clone(),
            custom_code: self.operators.into_iter().filter(|operator| !functions.contains(operator)).collect(),
            ..MetadataFacts::default()
        };
        OnnxFacts {
            ir_version,
            producer: self.producer,
            opsets: self.opsets.into_iter().map(|(domain, version)| OnnxOpset { domain, version }).collect(),
            inputs,
            outputs: self.outputs,
            nodes: self.nodes,
            external_data: self.external.keys().cloned().collect(),
            external_files: self.external.into_values().collect(),
        }
    }

    /// `ModelProto`.
    fn read(&mut self) -> Result<(), Broken> {
        let (mut at, end) = (0, self.wire.whole().end);
        while at < end {
            let start = at;
            let (number, field) = match self.wire.field(&mut at, end) {
                Ok(field) => field,
                Err(broken) => {
                    // The graph of a file that was cut is not to be had, but begins here.
                    let tag = self.wire.bytes(Part { start, end: start + 1 }, 1).unwrap_or_default();
                    self.has_graph |= tag == [7 << 3 | 2];
                    return Err(broken);
                }
            };
            self.model_field(number, field, start)?;
        }
        Ok(())
    }

    fn model_field(&mut self, number: u64, field: Field, at: u64) -> Result<(), Broken> {
        match (number, field) {
            (1, Field::Number(version)) => self.ir_version = Some(version),
            (2, Field::Part(producer)) => self.producer = self.wire.text(producer)?,
            (3, Field::Part(version)) => self.producer_version = self.wire.text(version)?,
            (7, Field::Part(graph)) => {
                self.has_graph = true;
                self.graph(graph, 0)?;
            }
            (8, Field::Part(opset)) => self.opset(opset)?,
            (14, Field::Part(entry)) => self.metadata(entry)?,
            (20, Field::Part(training)) => self.training(training)?,
            (25, Field::Part(function)) => self.function(function)?,
            (4 | 6 | 26, Field::Part(_)) | (5, Field::Number(_)) => {}
            // A field that `onnx.proto3` does not have.
            _ => {
                self.is_other = true;
                return Err(Broken::new(at, "it has a field that no model has"));
            }
        }
        Ok(())
    }

    /// `OperatorSetIdProto`. A version is negative only in files that nothing loads.
    fn opset(&mut self, part: Part) -> Result<(), Broken> {
        let (mut domain, mut version) = (String::new(), 0);
        self.wire.each(part, |number, field| {
            match (number, field) {
                (1, Field::Part(name)) => domain = self.wire.text(name)?,
                (2, Field::Number(number)) => {
                    let below_zero = Broken::new(part.start, "the version of an operator set is below zero");
                    version = i64::try_from(number).map_err(|_| below_zero)?;
                }
                _ => {}
            }
            Ok(())
        })?;
        self.opsets.insert(domain, version);
        Ok(())
    }

    /// An entry of `metadata_props`; the key of a licence is that of onnx's `MetadataProps.md`.
    fn metadata(&mut self, part: Part) -> Result<(), Broken> {
        let (key, value) = self.entry(part)?;
        if let (Some("model_license" | "license"), Some(value)) = (self.wire.text(key).ok().as_deref(), value) {
            self.licence = Some(self.wire.text(value)?);
        }
        Ok(())
    }

    /// The key and the value of a `StringStringEntryProto`.
    fn entry(&self, part: Part) -> Result<(Part, Option<Part>), Broken> {
        let (mut key, mut value) = (Part { start: part.start, end: part.start }, None);
        self.wire.each(part, |number, field| {
            match (number, field) {
                (1, Field::Part(part)) => key = part,
                (2, Field::Part(part)) => value = Some(part),
                _ => {}
            }
            Ok(())
        })?;
        Ok((key, value))
    }

    /// `GraphProto`.
    fn graph(&mut self, part: Part, depth: usize) -> Result<(), Broken> {
        if depth > DEPTH_MAX {
            return Err(Broken::new(part.start, "graphs nest too deep"));
        }
        let wire = self.wire;
        wire.each(part, |number, field| {
            match (number, field) {
                (1, Field::Part(node)) => {
                    self.nodes += u64::from(depth == 0);
                    self.node(node, depth)?;
                }
                (5, Field::Part(tensor)) => {
                    let (name, elements) = self.tensor(tensor)?;
                    self.parameters = self.parameters.saturating_add(elements);
                    if depth == 0 {
                        self.wire.keep(&mut self.initializers, name, tensor.start)?;
                    }
                }
                (15, Field::Part(tensor)) => {
                    let elements = self.sparse_tensor(tensor)?;
                    self.parameters = self.parameters.saturating_add(elements);
                }
                (11, Field::Part(value)) if depth == 0 => self.inputs.push(self.value_name(value)?),
                (12, Field::Part(value)) if depth == 0 => self.outputs.push(self.value_name(value)?),
                _ => {}
            }
            Ok(())
        })
    }

    /// `TrainingInfoProto`: a graph that initialises and one that trains.
    fn training(&mut self, part: Part) -> Result<(), Broken> {
        let wire = self.wire;
        wire.each(part, |number, field| match (number, field) {
            (1 | 2, Field::Part(graph)) => self.graph(graph, 1),
            _ => Ok(()),
        })
    }

    /// `FunctionProto`: its name, nodes in field 7, operator sets in field 9, its domain in field 10, attributes with
    /// defaults in field 11.
    fn function(&mut self, part: Part) -> Result<(), Broken> {
        let wire = self.wire;
        let (mut domain, mut name) = (String::new(), String::new());
        wire.each(part, |number, field| {
            match (number, field) {
                (1, Field::Part(part)) => name = wire.text(part)?,
                (7, Field::Part(node)) => self.node(node, 1)?,
                (9, Field::Part(opset)) => self.opset(opset)?,
                (10, Field::Part(part)) => domain = wire.text(part)?,
                (11, Field::Part(attribute)) => self.attribute(attribute, 1)?,
                _ => {}
            }
            Ok(())
        })?;
        self.wire.keep(&mut self.functions, format!("{domain}::{name}"), part.start)
    }

    /// `NodeProto`, for its operator and the tensors and graphs in its attributes.
    fn node(&mut self, part: Part, depth: usize) -> Result<(), Broken> {
        let wire = self.wire;
        let (mut domain, mut operator) = (String::new(), String::new());
        wire.each(part, |number, field| {
            match (number, field) {
                (4, Field::Part(part)) => operator = wire.text(part)?,
                (5, Field::Part(attribute)) => self.attribute(attribute, depth)?,
                (7, Field::Part(part)) => domain = wire.text(part)?,
                _ => {}
            }
            Ok(())
        })?;
        if STANDARD_DOMAINS.contains(&domain.as_str()) {
            return Ok(());
        }
        self.wire.keep(&mut self.operators, format!("{domain}::{operator}"), part.start)
    }

    /// `AttributeProto`.
    fn attribute(&mut self, part: Part, depth: usize) -> Result<(), Broken> {
        let wire = self.wire;
        wire.each(part, |number, field| match (number, field) {
            (5 | 10, Field::Part(tensor)) => self.tensor(tensor).map(drop),
            (6 | 11, Field::Part(graph)) => self.graph(graph, depth + 1),
            (22 | 23, Field::Part(tensor)) => self.sparse_tensor(tensor).map(drop),
            _ => Ok(()),
        })
    }

    /// `SparseTensorProto`: values and indices. Gives the elements among the values.
    fn sparse_tensor(&mut self, part: Part) -> Result<u64, Broken> {
        let wire = self.wire;
        let mut values = 0;
        wire.each(part, |number, field| {
            match (number, field) {
                (1, Field::Part(tensor)) => values = self.tensor(tensor)?.1,
                (2, Field::Part(tensor)) => drop(self.tensor(tensor)?),
                _ => {}
            }
            Ok(())
        })?;
        Ok(values)
    }

    /// `TensorProto`: its name and its elements; its data is passed over, or noted where it is elsewhere.
    fn tensor(&mut self, part: Part) -> Result<(String, u64), Broken> {
        let wire = self.wire;
        let (mut name, mut elements, mut bits) = (String::new(), Some(1_u64), None);
        let (mut raw_bytes, mut external, mut is_external) = (None, External::default(), false);
        wire.each(part, |number, field| {
            match (number, field) {
                (1, dimensions) => wire.numbers(dimensions, |extent| {
                    // What is below zero is a number that nothing can be multiplied by.
                    elements = elements.and_then(|elements| elements.checked_mul(extent));
                })?,
                (2, Field::Number(kind)) => {
                    bits = BITS.iter().find(|(number, _)| *number == kind).map(|(_, bits)| *bits);
                }
                (8, Field::Part(part)) => name = wire.text(part)?,
                (9, Field::Part(data)) => raw_bytes = Some(data.length()),
                (13, Field::Part(entry)) => self.external_entry(entry, &mut external)?,
                (14, Field::Number(place)) => is_external = place == 1,
                _ => {}
            }
            Ok(())
        })?;
        let elements = elements.ok_or(Broken::new(part.start, "a tensor is larger than any file"))?;
        let size = bits.and_then(|bits| elements.checked_mul(bits)).map(|bits| bits.div_ceil(8));
        if size.zip(raw_bytes).is_some_and(|(size, raw)| size != raw) && !is_external {
            return Err(Broken::new(part.start, "the bytes of a tensor do not fit its shape and type"));
        }
        if is_external || external.location.is_some() {
            self.external_tensor(external, size, part.start)?;
        }
        Ok((name, elements))
    }

    /// An entry of `external_data`.
    fn external_entry(&mut self, part: Part, external: &mut External) -> Result<(), Broken> {
        let broken = |why| Broken::new(part.start, why);
        let (key, value) = self.entry(part)?;
        let key = self.wire.text(key)?;
        let value = value.map_or_else(|| Ok(String::new()), |value| self.wire.text(value))?;
        let number =
            || value.parse::<u64>().map_err(|_| broken("the place of a tensor outside the model is no number"));
        match key.as_str() {
            "location" if external.location.is_some() => {
                return Err(broken("a tensor outside the model is in two files"));
            }
            "location" => {
                self.escape(&value, part.start);
                external.location = Some(value);
            }
            "basepath" => self.escape(&value, part.start),
            "offset" => external.offset = number()?,
            "length" => external.length = Some(number()?),
            key if !EXTERNAL_KEYS.contains(&key) => {
                let message = format!("the place of a tensor outside the model has the unknown key `{key}`");
                self.findings.risk(part.start, RiskSeverity::Medium, "onnx-external-data-unknown-key", message);
            }
            _ => {}
        }
        external.at = part.start;
        Ok(())
    }

    /// Notes a path that leads out of the model's directory.
    fn escape(&mut self, path: &str, at: u64) {
        // A backslash or a drive parts a path under Windows only, where the model may well be loaded.
        let leaves = path.starts_with('/') || path.contains(['\\', ':']) || path.split('/').any(|part| part == "..");
        if leaves {
            let message = format!("its tensors are in `{path}`, outside the model's directory");
            self.findings.risk(at, RiskSeverity::High, "onnx-external-data-escapes", message);
        }
    }

    /// Notes how far a file outside the model has to reach for a tensor.
    fn external_tensor(&mut self, external: External, size: Option<u64>, at: u64) -> Result<(), Broken> {
        let location = external.location.filter(|location| !location.is_empty());
        let location = location.ok_or(Broken::new(at, "a tensor outside the model is in no file"))?;
        if size.zip(external.length).is_some_and(|(size, length)| size != length) {
            return Err(Broken::new(external.at, "the bytes of a tensor do not fit its shape and type"));
        }
        let length = external.length.or(size).unwrap_or_default();
        let end = external.offset.checked_add(length).ok_or(Broken::new(at, "a tensor ends beyond any file"))?;
        if !self.external.contains_key(&location) {
            self.wire.make_room(&location, at)?;
        }
        let file = self.external.entry(location.clone());
        let file = file.or_insert_with(|| OnnxExternalFile { location, tensors: 0, bytes_needed: 0 });
        file.tensors += 1;
        file.bytes_needed = file.bytes_needed.max(end);
        Ok(())
    }

    /// The name of a `ValueInfoProto`.
    fn value_name(&self, part: Part) -> Result<String, Broken> {
        let mut name = String::new();
        self.wire.each(part, |number, field| {
            if let (1, Field::Part(part)) = (number, field) {
                name = self.wire.name(part)?;
            }
            Ok(())
        })?;
        Ok(name)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::facts::artifact::pages::tests::as_large_file;
    use crate::facts::artifact::protobuf::tests::{number, part as bytes, varint};
    use proptest::prelude::*;

    fn entry(key: &str, value: &str) -> Vec<u8> {
        bytes(13, [bytes(1, key.as_bytes()), bytes(2, value.as_bytes())].concat())
    }

    /// A model with these fields in its graph besides an input, an output and a node.
    fn model(graph: &[u8]) -> Vec<u8> {
        let graph = [
            bytes(1, bytes(4, b"Gemm")),
            graph.to_vec(),
            bytes(11, bytes(1, b"x")),
            bytes(11, bytes(1, b"w")),
            bytes(12, bytes(1, b"y")),
        ]
        .concat();
        let opset = [bytes(1, b"ai.onnx.ml"), number(2, 3)].concat();
        [
            number(1, 10),
            bytes(2, b"test"),
            bytes(3, b"1.2"),
            bytes(7, &graph),
            bytes(8, &opset),
            bytes(8, number(2, 21)),
            bytes(14, [bytes(1, b"model_license"), bytes(2, b"MIT")].concat()),
        ]
        .concat()
    }

    /// A tensor of three times four numbers of 32 bits.
    fn tensor(rest: &[u8]) -> Vec<u8> {
        [bytes(1, [3, 4]), number(2, 1), bytes(8, b"w"), rest.to_vec()].concat()
    }

    fn external(location: &str) -> Vec<u8> {
        [entry("location", location), number(14, 1)].concat()
    }

    fn inspect_bytes(bytes: &[u8]) -> Option<Findings> {
        inspect(Content::of(bytes, bytes.len() as u64))
    }

    fn codes(bytes: &[u8]) -> Vec<String> {
        inspect_bytes(bytes).unwrap().risks.into_iter().map(|risk| risk.code).collect()
    }

    fn opset(domain: &str, version: i64) -> OnnxOpset {
        OnnxOpset { domain: domain.to_owned(), version }
    }

    #[test]
    fn a_model_gives_its_facts() {
        let place = [entry("offset", "64"), entry("length", "48"), entry("checksum", "da39a3ee")].concat();
        let tensors = [
            bytes(5, tensor(&[external("w.bin"), place].concat())),
            bytes(5, [number(1, 5), number(2, 7), bytes(8, b"b"), bytes(9, [0; 40])].concat()),
            bytes(15, bytes(1, [number(1, 2), number(2, 1), bytes(9, [0; 8])].concat())),
        ];
        let findings = inspect_bytes(&model(&tensors.concat())).unwrap();
        let expected = OnnxFacts {
            ir_version: 10,
            producer: "test".to_owned(),
            opsets: vec![opset("", 21), opset("ai.onnx.ml", 3)],
            inputs: vec!["x".to_owned()],
            outputs: vec!["y".to_owned()],
            nodes: 1,
            external_data: vec!["w.bin".to_owned()],
            external_files: vec![OnnxExternalFile { location: "w.bin".to_owned(), tensors: 1, bytes_needed: 112 }],
        };
        assert_eq!((findings.onnx, findings.risks), (Some(expected), Vec::new()));
        let metadata = MetadataFacts {
            framework: Some("onnx".to_owned()),
            framework_version: Some("1.2".to_owned()),
            parameters: Some(12 + 5 + 2),
            licence: Some("MIT".to_owned()),
            inputs: vec!["x".to_owned()],
            outputs: vec!["y".to_owned()],
            ..MetadataFacts::default()
        };
        assert_eq!(findings.metadata, metadata);
    }

    #[test]
    fn a_model_that_is_not_kept_gives_the_same() {
        let weights =
            |name: &[u8]| [bytes(1, [0x80, 0x80, 4]), number(2, 1), bytes(8, name), bytes(9, [0x11; 1 << 18])];
        let tensors = [bytes(5, weights(b"w").concat()), bytes(5, weights(b"v").concat())];
        let large = model(&tensors.concat());
        let (near, far) = (inspect_bytes(&large).unwrap(), as_large_file(&large, |content| inspect(content).unwrap()));
        assert_eq!((&far.onnx, &far.metadata, &far.risks), (&near.onnx, &near.metadata, &near.risks));
        assert_eq!((far.metadata.parameters, far.risks.len()), (Some(2 * 65_536), 0));
        // What was unpacked in part cannot be looked at any further.
        let cut = inspect(Content::of(&large[..1_000], large.len() as u64)).unwrap();
        assert_eq!((cut.onnx, cut.risks[0].code.as_str()), (None, "onnx-malformed"));
    }

    #[test]
    fn tensors_outside_the_directory_are_a_risk() {
        for location in ["/etc/passwd", "../w.bin", "a/../../w", "a\\b", "C:w"] {
            let bytes = model(&bytes(5, tensor(&external(location))));
            assert_eq!(codes(&bytes), ["onnx-external-data-escapes"], "{location}");
        }
        let base = [external("w"), entry("basepath", "..")].concat();
        assert_eq!(codes(&model(&bytes(5, tensor(&base)))), ["onnx-external-data-escapes"]);
    }

    #[test]
    fn places_outside_the_model_must_make_sense() {
        let with = |rest: Vec<u8>| codes(&model(&bytes(5, tensor(&[external("w"), rest].concat()))));
        assert_eq!(with(Vec::new()), Vec::<String>::new());
        assert_eq!(with(entry("checksums", "1")), ["onnx-external-data-unknown-key"]);
        for (key, value) in
            [("length", "47"), ("length", "-1"), ("offset", "x"), ("offset", "18446744073709551615"), ("location", "v")]
        {
            assert_eq!(with(entry(key, value)), ["onnx-malformed"], "{key} {value}");
        }
        assert_eq!(codes(&model(&bytes(5, tensor(&number(14, 1))))), ["onnx-malformed"]);
        assert_eq!(codes(&model(&bytes(5, tensor(&external(""))))), ["onnx-malformed"]);
        // Data inside that is too short for its shape, and a shape that no file holds.
        assert_eq!(codes(&model(&bytes(5, tensor(&bytes(9, [0; 47]))))), ["onnx-malformed"]);
        let endless = [bytes(1, [[0xff; 9].to_vec(), vec![1, 2]].concat()), number(2, 1)].concat();
        assert_eq!(codes(&model(&bytes(5, &endless))), ["onnx-malformed"]);
    }

    #[test]
    fn tensors_are_found_wherever_they_are() {
        let tensor = external("/w");
        let attribute = |number: u64, content: &[u8]| bytes(1, bytes(5, bytes(number, content)));
        let other = |field: Vec<u8>| [model(b""), field].concat();
        for model in [
            model(&bytes(5, &tensor)),
            model(&bytes(15, bytes(1, &tensor))),
            model(&attribute(5, &tensor)),
            model(&attribute(6, &bytes(5, &tensor))),
            model(&bytes(1, bytes(5, bytes(22, bytes(2, &tensor))))),
            other(bytes(20, bytes(2, bytes(5, &tensor)))),
            other(bytes(25, bytes(7, bytes(5, bytes(5, &tensor))))),
            other(bytes(25, bytes(11, bytes(5, &tensor)))),
        ] {
            let findings = inspect_bytes(&model).unwrap();
            assert_eq!(findings.onnx.unwrap().external_data, ["/w"], "{model:02x?}");
            assert_eq!(findings.risks.len(), 1);
        }
    }

    #[test]
    fn operators_that_the_model_does_not_bring_are_custom_code() {
        let node = |domain: &[u8], name: &[u8]| bytes(1, [bytes(4, name), bytes(7, domain)].concat());
        let nodes = [node(b"com.example", b"Fast"), node(b"mine", b"Own"), node(b"ai.onnx.ml", b"Scaler")].concat();
        let function = bytes(25, [bytes(1, b"Own"), bytes(10, b"mine")].concat());
        let findings = inspect_bytes(&[model(&nodes), function].concat()).unwrap();
        assert_eq!(findings.metadata.custom_code, ["com.example::Fast"]);
    }

    #[test]
    fn what_breaks_off_is_broken_and_what_is_something_else_is_not_a_model() {
        let graph = [bytes(5, tensor(&bytes(9, [7; 48]))), bytes(1, bytes(5, bytes(6, b"")))].concat();
        let whole = model(&graph);
        assert_eq!(codes(&whole), Vec::<String>::new());
        let start = [number(1, 10), bytes(2, b"test"), bytes(3, b"1.2")].concat().len();
        let first_opset = whole.len() - bytes(8, number(2, 21)).len() - 23;
        for length in 0..whole.len() {
            match inspect_bytes(&whole[..length]) {
                None => assert!(length <= start, "{length}"),
                // Cut between two fields behind the operator sets, a message is whole.
                Some(findings) => assert!(length >= first_opset || !findings.risks.is_empty(), "{length}"),
            }
        }
        assert_eq!(codes(&[&whole[..], &[0xff]].concat()), ["onnx-malformed"]);
        assert!(inspect_bytes(b"\x08\x07 some text").is_none());
        // A field that no model has; a version that no representation has.
        assert!(inspect_bytes(&[whole.clone(), bytes(200, b"")].concat()).is_none());
        assert!(inspect_bytes(&[number(1, 1 << 40), bytes(7, b"")].concat()).is_none());
    }

    #[test]
    fn graphs_nest_only_so_deep_and_lengths_are_believed_only_within_the_file() {
        let nested = |depth: usize| (0..depth).fold(Vec::new(), |graph, _| bytes(1, bytes(5, bytes(6, &graph))));
        assert_eq!(codes(&model(&nested(DEPTH_MAX))), Vec::<String>::new());
        assert_eq!(codes(&model(&nested(DEPTH_MAX + 1))), ["onnx-malformed"]);
        assert_eq!(codes(&model(&nested(2_000))), ["onnx-malformed"]);
        for length in [1 << 32, u64::MAX] {
            let bytes = [number(1, 10), vec![7 << 3 | 2], varint(length), vec![0; 8]].concat();
            assert_eq!(codes(&bytes), ["onnx-malformed"], "{length}");
        }
    }

    proptest! {
        #[test]
        fn no_bytes_panic(rest in prop::collection::vec(any::<u8>(), 0..300), at in 0..200_usize, byte: u8) {
            let mut flipped = model(&bytes(5, tensor(&external("w"))));
            let at = at % flipped.len();
            flipped[at] = byte;
            inspect_bytes(&flipped);
            inspect_bytes(&model(&rest));
            inspect(Content::of(&model(&rest), u64::MAX));
        }
    }
}
