//! Core ML: the messages of `Model.proto` and of what a model may be made of, read from the wire.

use std::collections::BTreeSet;

use super::pages::Broken;
use super::protobuf::{Field, Part, Wire};
use super::{Content, Findings, MetadataFacts, RiskSeverity};

/// Models in pipelines, branches in networks, blocks in programs.
const DEPTH_MAX: usize = 32;

/// Kinds of a model, by the number of its field.
const KINDS: [(u64, &str); 37] = [
    (200, "pipelineClassifier"),
    (201, "pipelineRegressor"),
    (202, "pipeline"),
    (300, "glmRegressor"),
    (301, "supportVectorRegressor"),
    (302, "treeEnsembleRegressor"),
    (303, "neuralNetworkRegressor"),
    (304, "bayesianProbitRegressor"),
    (400, "glmClassifier"),
    (401, "supportVectorClassifier"),
    (402, "treeEnsembleClassifier"),
    (403, "neuralNetworkClassifier"),
    (404, "kNearestNeighborsClassifier"),
    (500, "neuralNetwork"),
    (501, "itemSimilarityRecommender"),
    (502, "mlProgram"),
    (555, "customModel"),
    (556, "linkedModel"),
    (560, "classConfidenceThresholding"),
    (600, "oneHotEncoder"),
    (601, "imputer"),
    (602, "featureVectorizer"),
    (603, "dictVectorizer"),
    (604, "scaler"),
    (606, "categoricalMapping"),
    (607, "normalizer"),
    (609, "arrayFeatureExtractor"),
    (610, "nonMaximumSuppression"),
    (900, "identity"),
    (2_000, "textClassifier"),
    (2_001, "wordTagger"),
    (2_002, "visionFeaturePrint"),
    (2_003, "soundAnalysisPreprocessing"),
    (2_004, "gazetteer"),
    (2_005, "wordEmbedding"),
    (2_006, "audioFeaturePrint"),
    (3_000, "serializedModel"),
];

/// Key of the version of coremltools among what the writer may add to the description.
const VERSION_KEY: &str = "com.github.apple.coremltools.version";

/// Recognised by a version of the specification, a description behind it, and one of the kinds of models.
pub(super) fn inspect(content: Content<'_>) -> Option<Findings> {
    // The version is the first field that is written, and below 128 since there are versions.
    let marked = matches!(content.bytes, [0x08, 1..=0x7f, 0x12, ..]);
    if !marked {
        return None;
    }
    let wire = Wire::of(content);
    let mut model = Model::new(&wire);
    let result = model.model(wire.whole(), 0);
    if model.is_other || model.kind.is_none() {
        return None;
    }
    let mut findings = model.findings;
    findings.metadata = MetadataFacts {
        framework: Some("coreml".to_owned()),
        framework_version: model.version,
        architecture: model.kind.map(str::to_owned),
        licence: model.licence.filter(|licence| !licence.is_empty()),
        inputs: model.inputs,
        outputs: model.outputs,
        custom_code: model.custom_code.into_iter().collect(),
        ..MetadataFacts::default()
    };
    if let Err(broken) = result {
        broken.note(&mut findings, "coreml-malformed", "the Core ML model");
    }
    Some(findings)
}

struct Model<'a> {
    wire: &'a Wire<'a>,
    findings: Findings,
    kind: Option<&'static str>,
    version: Option<String>,
    licence: Option<String>,
    inputs: Vec<String>,
    outputs: Vec<String>,
    custom_code: BTreeSet<String>,
    is_other: bool,
}

impl<'a> Model<'a> {
    fn new(wire: &'a Wire<'a>) -> Self {
        Self {
            wire,
            findings: Findings::default(),
            kind: None,
            version: None,
            licence: None,
            inputs: Vec::new(),
            outputs: Vec::new(),
            custom_code: BTreeSet::new(),
            is_other: false,
        }
    }

    /// `Model`, the whole file or one in a pipeline.
    fn model(&mut self, part: Part, depth: usize) -> Result<(), Broken> {
        if depth > DEPTH_MAX {
            return Err(Broken::new(part.start, "models nest too deep"));
        }
        let wire = self.wire;
        let (mut at, end) = (part.start, part.end);
        while at < end {
            let start = at;
            let (number, field) = match wire.field(&mut at, end) {
                Ok(field) => field,
                Err(broken) => {
                    // Of a file that was cut, the kind may be what cannot be had.
                    self.cut(Part { start, end }, depth);
                    return Err(broken);
                }
            };
            match (number, field) {
                (1 | 10, Field::Number(_)) => {}
                (2, Field::Part(description)) if depth == 0 => self.description(description)?,
                (2, Field::Part(_)) => {}
                (number, Field::Part(inside)) if kind_of(number).is_some() => {
                    if depth == 0 {
                        self.kind = kind_of(number);
                    }
                    self.kind(number, inside, depth)?;
                }
                _ => {
                    self.is_other |= depth == 0;
                    return Err(Broken::new(start, "it has a field that no model has"));
                }
            }
        }
        Ok(())
    }

    fn cut(&mut self, part: Part, depth: usize) {
        let tag = self.wire.bytes(Part { end: part.end.min(part.start + 2), ..part }, 2).unwrap_or_default();
        if let ([low, high], 0) = (tag.as_slice(), depth) {
            let tag = u64::from(low & 0x7f) | u64::from(*high) << 7;
            self.kind = if tag & 7 == 2 { kind_of(tag >> 3) } else { None };
        }
    }

    /// `ModelDescription`: inputs, outputs, and who made it.
    fn description(&mut self, part: Part) -> Result<(), Broken> {
        let wire = self.wire;
        wire.each(part, |number, field| {
            match (number, field) {
                (1, Field::Part(feature)) => self.inputs.push(self.feature_name(feature)?),
                (10, Field::Part(feature)) => self.outputs.push(self.feature_name(feature)?),
                (100, Field::Part(metadata)) => self.metadata(metadata)?,
                _ => {}
            }
            Ok(())
        })
    }

    /// The name of a `FeatureDescription`, or of whatever else has it in its first field.
    fn feature_name(&self, part: Part) -> Result<String, Broken> {
        let name = self.text_in(part, 1)?;
        self.wire.make_room(&name, part.start)?;
        Ok(name)
    }

    fn text_in(&self, part: Part, wanted: u64) -> Result<String, Broken> {
        let mut found = String::new();
        self.wire.each(part, |number, field| {
            if let Field::Part(text) = field
                && number == wanted
            {
                found = self.wire.text(text)?;
            }
            Ok(())
        })?;
        Ok(found)
    }

    /// `Metadata`. Only what is wanted is read: descriptions may be of any length.
    fn metadata(&mut self, part: Part) -> Result<(), Broken> {
        let wire = self.wire;
        wire.each(part, |number, field| {
            match (number, field) {
                (4, Field::Part(licence)) => {
                    // Some put the whole text of their licence here.
                    const LICENCE_BYTES_MAX: u64 = 200;
                    let short = Part { end: licence.end.min(licence.start + LICENCE_BYTES_MAX), ..licence };
                    let text = wire.bytes(short, LICENCE_BYTES_MAX)?;
                    self.licence = Some(String::from_utf8_lossy(&text).into_owned());
                }
                (100, Field::Part(entry)) if self.feature_name(entry)? == VERSION_KEY => {
                    self.version = Some(self.text_in(entry, 2)?);
                }
                _ => {}
            }
            Ok(())
        })
    }

    /// What a model of a kind is made of.
    fn kind(&mut self, number: u64, part: Part, depth: usize) -> Result<(), Broken> {
        match number {
            200 | 201 => self.each_part(part, 1, |model, pipeline| model.pipeline(pipeline, depth)),
            202 => self.pipeline(part, depth),
            303 | 403 | 500 => self.network(part, depth),
            502 => self.program(part),
            555 => {
                let class = self.text_in(part, 10)?;
                self.wire.keep(&mut self.custom_code, class, part.start)
            }
            556 => {
                let message = "the model is a link to another, which is not in the file";
                self.findings.risk(part.start, RiskSeverity::High, "coreml-linked-model", message);
                Ok(())
            }
            3_000 => {
                let message = "the model is in a form that only its framework reads";
                self.findings.risk(part.start, RiskSeverity::Medium, "opaque", message);
                Ok(())
            }
            _ => Ok(()),
        }
    }

    /// Does something with each part of that number.
    fn each_part(
        &mut self,
        part: Part,
        wanted: u64,
        mut take: impl FnMut(&mut Self, Part) -> Result<(), Broken>,
    ) -> Result<(), Broken> {
        let wire = self.wire;
        wire.each(part, |number, field| match field {
            Field::Part(part) if number == wanted => take(self, part),
            _ => Ok(()),
        })
    }

    fn pipeline(&mut self, part: Part, depth: usize) -> Result<(), Broken> {
        self.each_part(part, 1, |model, part| model.model(part, depth + 1))
    }

    /// `NeuralNetwork`, for the layers that an application has to bring: their class in field 10 of field 500;
    /// branches are in field 605, loops in field 615.
    fn network(&mut self, part: Part, depth: usize) -> Result<(), Broken> {
        if depth > DEPTH_MAX {
            return Err(Broken::new(part.start, "networks nest too deep"));
        }
        self.each_part(part, 1, |model, layer| {
            let wire = model.wire;
            wire.each(layer, |number, field| match (number, field) {
                (500, Field::Part(custom)) => {
                    let class = model.text_in(custom, 10)?;
                    model.wire.keep(&mut model.custom_code, class, custom.start)
                }
                (605, Field::Part(branch)) => {
                    model.each_part(branch, 1, |model, part| model.network(part, depth + 1))?;
                    model.each_part(branch, 2, |model, part| model.network(part, depth + 1))
                }
                (615, Field::Part(body)) => {
                    model.each_part(body, 3, |model, part| model.network(part, depth + 1))?;
                    model.each_part(body, 4, |model, part| model.network(part, depth + 1))
                }
                _ => Ok(()),
            })
        })
    }

    /// `MILSpec.Program`: functions by name, and in each of them blocks by name.
    fn program(&mut self, part: Part) -> Result<(), Broken> {
        self.each_part(part, 2, |model, function| {
            model.each_part(function, 2, |model, function| {
                model.each_part(function, 3, |model, block| {
                    model.each_part(block, 2, |model, block| model.block(block, 0))
                })
            })
        })
    }

    /// `Block`, for its operations.
    fn block(&mut self, part: Part, depth: usize) -> Result<(), Broken> {
        if depth > DEPTH_MAX {
            return Err(Broken::new(part.start, "blocks nest too deep"));
        }
        self.each_part(part, 3, |model, operation| {
            let wire = model.wire;
            wire.each(operation, |number, field| match (number, field) {
                (1, Field::Part(kind)) if wire.text(kind)? == "custom_layer" => {
                    model.wire.keep(&mut model.custom_code, "custom_layer".to_owned(), kind.start)
                }
                (4, Field::Part(block)) => model.block(block, depth + 1),
                // An attribute by name, whose value may be in a file beside the program.
                (5, Field::Part(entry)) => {
                    model.each_part(entry, 2, |model, value| model.each_part(value, 5, Self::weights_file))
                }
                _ => Ok(()),
            })
        })
    }

    /// `BlobFileValue`: a file below `@model_path`, which stands for the package.
    fn weights_file(&mut self, part: Part) -> Result<(), Broken> {
        let path = self.text_in(part, 1)?;
        let inside = path.strip_prefix("@model_path/").unwrap_or(&path);
        if inside.starts_with('/') || inside.split('/').any(|part| part == "..") {
            let message = format!("its weights are in `{path}`, outside the model's package");
            self.findings.risk(part.start, RiskSeverity::High, "coreml-weights-escape", message);
        }
        Ok(())
    }
}

fn kind_of(number: u64) -> Option<&'static str> {
    KINDS.iter().find(|(kind, _)| *kind == number).map(|(_, name)| *name)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::facts::artifact::protobuf::tests::{number, part};
    use crate::facts::artifact::sample;
    use proptest::prelude::*;

    fn found(bytes: &[u8]) -> Option<Findings> {
        inspect(Content::of(bytes, bytes.len() as u64))
    }

    fn codes(bytes: &[u8]) -> Vec<String> {
        found(bytes).unwrap().risks.into_iter().map(|risk| risk.code).collect()
    }

    fn model(kind: u64, inside: Vec<u8>) -> Vec<u8> {
        let description = [part(1, part(1, "x")), part(10, part(1, "y")), part(100, part(4, "MIT"))].concat();
        [number(1, 4), part(2, description), part(kind, inside)].concat()
    }

    #[test]
    fn models_give_their_facts() {
        let program = "program.mlpackage-Data-com.apple.CoreML-model.mlmodel";
        for (name, architecture) in [("network.mlmodel", "neuralNetwork"), (program, "mlProgram")] {
            let findings = found(&sample(name)).unwrap();
            let expected = MetadataFacts {
                framework: Some("coreml".to_owned()),
                framework_version: Some("9.0".to_owned()),
                architecture: Some(architecture.to_owned()),
                licence: Some("MIT".to_owned()),
                inputs: vec!["x".to_owned()],
                outputs: vec!["score".to_owned()],
                ..MetadataFacts::default()
            };
            assert_eq!((findings.metadata, findings.risks), (expected, Vec::new()), "{name}");
        }
        assert_eq!(found(&sample("custom.mlmodel")).unwrap().metadata.custom_code, ["MyLayer"]);
    }

    #[test]
    fn code_of_the_application_is_found_wherever_it_is() {
        let custom = |class: &str| part(1, part(500, part(10, class)));
        let branch = part(1, part(605, part(2, custom("InBranch"))));
        let body = part(1, part(615, part(4, custom("InLoop"))));
        let inner = model(500, [custom("InPipeline"), branch, body].concat());
        let pipeline = model(200, part(1, part(1, inner)));
        let expected = ["InBranch", "InLoop", "InPipeline"];
        assert_eq!(found(&pipeline).unwrap().metadata.custom_code, expected);
        assert_eq!(found(&model(555, part(10, "MyModel"))).unwrap().metadata.custom_code, ["MyModel"]);
    }

    #[test]
    fn what_leads_elsewhere_is_a_risk() {
        assert_eq!(codes(&model(556, Vec::new())), ["coreml-linked-model"]);
        assert_eq!(codes(&model(3_000, Vec::new())), ["opaque"]);
        let program = |path: &str| {
            let value = part(2, part(5, part(1, path)));
            let operation = part(3, [part(1, "const"), part(5, value)].concat());
            model(502, part(2, part(2, part(3, part(2, operation)))))
        };
        assert_eq!(codes(&program("@model_path/weights/weight.bin")), Vec::<String>::new());
        assert_eq!(codes(&program("@model_path/../../w")), ["coreml-weights-escape"]);
        assert_eq!(codes(&program("/etc/passwd")), ["coreml-weights-escape"]);
    }

    #[test]
    fn what_is_cut_is_broken_and_what_nests_too_deep_ends() {
        let whole = model(500, part(1, part(1, "layer")));
        let start = whole.len() - part(500, part(1, part(1, "layer"))).len() + 2;
        for length in start..whole.len() {
            assert_eq!(codes(&whole[..length]), ["coreml-malformed"], "{length}");
        }
        let nested = |depth: usize| (0..depth).fold(model(500, vec![]), |inner, _| model(202, part(1, inner)));
        assert_eq!(codes(&nested(DEPTH_MAX)), Vec::<String>::new());
        assert_eq!(codes(&nested(DEPTH_MAX + 1)), ["coreml-malformed"]);
        assert_eq!(codes(&nested(500)), ["coreml-malformed"]);
        // Another message that begins alike, and a description alone.
        assert!(found(&[number(1, 4), part(2, "x"), part(7, "")].concat()).is_none());
        assert!(found(&[number(1, 4), part(2, "")].concat()).is_none());
    }

    proptest! {
        #[test]
        fn no_bytes_panic(rest in prop::collection::vec(any::<u8>(), 0..200), at in 0..1_000_usize, byte: u8) {
            found(&model(500, rest.clone()));
            found(&model(502, rest));
            let mut flipped = sample("custom.mlmodel");
            let at = at % flipped.len();
            flipped[at] = byte;
            found(&flipped);
        }
    }
}
