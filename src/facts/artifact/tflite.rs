//! TensorFlow Lite: a FlatBuffer with subgraphs, operators and buffers (`schema.fbs`, version 3).

use std::collections::BTreeSet;

use super::flatbuffer::{Buffer, Table, Vector};
use super::pages::{Broken, Pages};
use super::{Content, Findings, MetadataFacts, tensorflow_operators};

/// The identifier of the schema, behind the offset of the first table.
const MARK: &[u8] = b"TFL3";

/// `BuiltinOperator.CUSTOM`: the operator is named by a text.
const CUSTOM: u32 = 32;

/// Operators and tensors that are looked at, over all subgraphs.
const ITEMS_MAX: u64 = 10_000_000;

/// Prefix of operators of TensorFlow that are run by its Flex delegate.
const FLEX: &str = "Flex";

/// Recognised by the identifier of its schema.
pub(super) fn inspect(content: Content<'_>) -> Option<Findings> {
    if !content.bytes.get(4..)?.starts_with(MARK) {
        return None;
    }
    let mut findings = Findings::default();
    let buffer = Buffer::of(Pages::of(content));
    if let Err(broken) = (Model { buffer: &buffer, findings: &mut findings }).read() {
        broken.note(&mut findings, "tflite-malformed", "the TensorFlow Lite model");
    }
    Some(findings)
}

struct Model<'a, 'p> {
    buffer: &'a Buffer<'p>,
    findings: &'a mut Findings,
}

impl Model<'_, '_> {
    fn read(&mut self) -> Result<(), Broken> {
        let buffer = self.buffer;
        let root = buffer.root(0)?;
        let version = buffer.number(root, 0)?;
        if version != 3 {
            return Err(Broken::new(0, "the version of its schema is not 3"));
        }
        let custom_code = self.custom_operators(root)?;
        let buffers = self.buffers(root)?;
        let subgraphs = buffer.tables(root, 2)?;
        let codes = buffer.vector(root, 1, 4)?.count;
        let mut parameters = 0_u64;
        let mut left = ITEMS_MAX;
        for subgraph in &subgraphs {
            parameters = parameters.saturating_add(self.tensors(*subgraph, &buffers, &mut left)?);
            for operator in buffer.tables(*subgraph, 3)? {
                left = left.checked_sub(1).ok_or(Broken::new(0, "it has more operators than a model has"))?;
                if u64::from(buffer.number(operator, 0)?) >= codes {
                    return Err(Broken::new(0, "an operator is of no kind"));
                }
            }
        }
        let first = subgraphs.first().ok_or(Broken::new(0, "it has no graph"))?;
        let (inputs, outputs) = self.names(root, *first)?;
        self.findings.metadata = MetadataFacts {
            framework: Some("tensorflow-lite".to_owned()),
            parameters: Some(parameters),
            inputs,
            outputs,
            custom_code: custom_code.into_iter().collect(),
            ..MetadataFacts::default()
        };
        Ok(())
    }

    /// Operators that are named by a text: those of the application that runs the model, and of TensorFlow.
    fn custom_operators(&mut self, root: Table) -> Result<BTreeSet<String>, Broken> {
        let mut names = BTreeSet::new();
        for code in self.buffer.tables(root, 1)? {
            // The old field has room for 127 operators; the larger of both counts.
            let builtin = u32::from(self.buffer.byte(code, 0)?).max(self.buffer.number(code, 3)?);
            if builtin == CUSTOM {
                let name = self.buffer.text(code, 1)?.unwrap_or_default();
                if let Some(operator) = name.strip_prefix(FLEX) {
                    tensorflow_operators::note(operator, 0, self.findings);
                }
                names.insert(name);
            }
        }
        Ok(names)
    }

    /// Whether each buffer has data, which must be in the file.
    fn buffers(&self, root: Table) -> Result<Vec<bool>, Broken> {
        let mut found = Vec::new();
        for table in self.buffer.tables(root, 4)? {
            let data: Vector = self.buffer.vector(table, 0, 1)?;
            // Data of models beyond 2 GiB is behind the tables; an offset of 1 stands for none.
            let (offset, size) = (self.buffer.long(table, 1)?, self.buffer.long(table, 2)?);
            let is_behind = offset > 1;
            if is_behind && offset.checked_add(size).is_none_or(|end| end > self.buffer.pages().size_bytes()) {
                return Err(Broken::new(offset, "a tensor ends beyond the file"));
            }
            found.push(data.count > 0 || is_behind);
        }
        Ok(found)
    }

    /// Elements of a subgraph's tensors that have data in the file.
    fn tensors(&self, subgraph: Table, buffers: &[bool], left: &mut u64) -> Result<u64, Broken> {
        let mut parameters = 0_u64;
        for tensor in self.buffer.tables(subgraph, 0)? {
            let shape = self.buffer.vector(tensor, 0, 4)?;
            *left = left.checked_sub(1 + shape.count).ok_or(Broken::new(0, "it has more tensors than a model has"))?;
            let index = usize::try_from(self.buffer.number(tensor, 2)?).unwrap_or(usize::MAX);
            let has_data = buffers.get(index).ok_or(Broken::new(0, "a tensor has a buffer that there is not"))?;
            if !has_data {
                continue;
            }
            let mut elements = Some(1_u64);
            for extent in self.buffer.numbers(shape) {
                let extent = u64::from(extent?);
                elements = elements.and_then(|elements| elements.checked_mul(extent));
            }
            parameters = parameters.saturating_add(elements.unwrap_or(u64::MAX));
        }
        Ok(parameters)
    }

    /// Names of the inputs and outputs: of the first signature, or else of the tensors of the first subgraph.
    fn names(&self, root: Table, first: Table) -> Result<(Vec<String>, Vec<String>), Broken> {
        if let Some(signature) = self.buffer.tables(root, 7)?.first() {
            let names = |number| -> Result<Vec<String>, Broken> {
                let maps = self.buffer.tables(*signature, number)?;
                maps.into_iter().map(|map| Ok(self.buffer.text(map, 0)?.unwrap_or_default())).collect()
            };
            return Ok((names(0)?, names(1)?));
        }
        let tensors = self.buffer.tables(first, 0)?;
        let names = |number| -> Result<Vec<String>, Broken> {
            let indices = self.buffer.vector(first, number, 4)?;
            let mut names = Vec::new();
            for index in self.buffer.numbers(indices) {
                let index = usize::try_from(index?).unwrap_or(usize::MAX);
                let tensor = tensors.get(index).ok_or(Broken::new(0, "an input or output is no tensor"))?;
                names.push(self.buffer.text(*tensor, 3)?.unwrap_or_default());
            }
            Ok(names)
        };
        Ok((names(1)?, names(2)?))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::facts::artifact::{ArtifactFormat, detect, sample};
    use proptest::prelude::*;

    fn found(bytes: &[u8]) -> Findings {
        let (format, findings) = detect::inspect(Content::of(bytes, bytes.len() as u64));
        assert_eq!(format, ArtifactFormat::Tflite);
        findings
    }

    #[test]
    fn a_model_gives_its_facts() {
        let findings = found(&sample("plain.tflite"));
        let expected = MetadataFacts {
            framework: Some("tensorflow-lite".to_owned()),
            parameters: Some(8),
            inputs: vec!["features".to_owned()],
            outputs: vec!["score".to_owned()],
            ..MetadataFacts::default()
        };
        assert_eq!((findings.metadata, findings.risks), (expected, Vec::new()));
    }

    #[test]
    fn operators_of_others_are_named_and_those_of_tensorflow_judged() {
        let findings = found(&sample("flex.tflite"));
        assert_eq!(findings.metadata.custom_code, ["FlexReadFile", "FlexWriteFile"]);
        let codes: Vec<_> = findings.risks.iter().map(|risk| risk.code.as_str()).collect();
        assert_eq!(codes, ["tensorflow-dangerous-operator"; 2]);
    }

    #[test]
    fn what_points_out_of_the_file_is_broken() {
        let whole = sample("plain.tflite");
        for length in 8..whole.len() / 2 {
            assert_eq!(found(&whole[..length]).risks[0].code, "tflite-malformed", "{length}");
        }
        let mut far = whole.clone();
        far[..4].fill(0xff);
        assert_eq!(found(&far).risks[0].code, "tflite-malformed");
    }

    proptest! {
        #[test]
        fn no_bytes_panic(at in 0..1_000_usize, bytes in prop::collection::vec(any::<u8>(), 1..9), which in 0..2_usize) {
            let mut flipped = sample(["plain.tflite", "flex.tflite"][which]);
            let at = at % flipped.len();
            let end = (at + bytes.len()).min(flipped.len());
            flipped[at..end].copy_from_slice(&bytes[..end - at]);
            inspect(Content::of(&flipped, flipped.len() as u64));
        }

        #[test]
        fn no_rest_panics(rest in prop::collection::vec(any::<u8>(), 0..200)) {
            inspect(Content::of(&[&b"\x0c\0\0\0TFL3"[..], &rest].concat(), 208));
        }
    }
}
