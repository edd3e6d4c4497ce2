//! What is inside the files that would be released, found without running any of them.

mod archive;
mod cache;
mod catboost;
mod chat_template;
mod columnar;
mod compressed;
mod content;
mod coreml;
mod detect;
mod executorch;
mod flatbuffer;
mod gguf;
mod hdf5;
mod hdf5_object;
mod hugging_face;
mod joblib;
mod json;
mod keras;
mod keras_config;
mod keras_h5;
mod keras_metadata;
mod keras_names;
mod lightgbm;
mod mlmodel;
mod native_code;
mod notebook;
mod numpy;
mod onnx;
mod openvino;
mod pages;
mod pickle;
mod pickle_guards;
mod pickle_imports;
mod pickle_machine;
mod pickle_memo;
mod pickle_reader;
mod pmml;
mod protobuf;
mod reading;
mod requirements;
mod safetensors;
mod saved_model;
mod script;
pub(super) mod secrets;
mod sentencepiece;
mod seven_zip;
mod skops;
mod tar;
mod tensorflow_checkpoint;
mod tensorflow_operators;
mod tensorrt;
mod text;
mod tflite;
mod together;
mod torch;
mod ubjson;
mod webassembly;
mod xgboost;
mod xml;
mod zip;

use std::num::NonZeroUsize;
use std::path::Path;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

pub use self::cache::Cache;
use self::content::Content;
#[cfg(fuzzing)]
pub use self::detect::fuzzing;
use self::reading::Reading;
use self::secrets::Secrets;
use self::together::{Inside, Inspected};
use super::FileFacts;
use super::supply_chain::dvc;
use crate::manifest::raw::ArtifactRole;
use crate::problem::Problem;

/// One file that would be released.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct ArtifactFacts {
    /// The file.
    #[serde(flatten)]
    pub file: FileFacts,
    /// What it is to the release.
    pub role: ArtifactRole,
    /// The format, found by content and not by name.
    pub format: ArtifactFormat,
    /// Whether it is a Git LFS pointer whose content was never fetched.
    pub lfs_pointer: bool,
    /// Whether it is the `.dvc` file of another one, whose content was not fetched.
    #[serde(default)]
    pub dvc_pointer: bool,
    /// What the file says of the model in it, in the same words for every format.
    #[serde(default)]
    pub metadata: MetadataFacts,
    /// What a pickle would import when it is loaded; null for other formats.
    pub pickle: Option<PickleFacts>,
    /// What a safetensors header says; null for other formats.
    pub safetensors: Option<SafetensorsFacts>,
    /// What an ONNX model says; null for other formats.
    pub onnx: Option<OnnxFacts>,
    /// What a GGUF header says; null for other formats.
    #[serde(default)]
    pub gguf: Option<GgufFacts>,
    /// What is in an archive or a compressed file; null for other formats.
    #[serde(default)]
    pub archive: Option<ArchiveFacts>,
    /// Everything in the file that is a danger or breaks its format, in the order of byte offsets.
    pub risks: Vec<Risk>,
}

/// A file format.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum ArtifactFormat {
    /// Open Neural Network Exchange.
    Onnx,
    /// TensorFlow's SavedModel: `saved_model.pb`, or the digests beside it.
    SavedModel,
    /// A graph of TensorFlow with its weights in it.
    GraphDef,
    /// The index of a checkpoint of TensorFlow.
    TensorflowCheckpoint,
    /// TensorFlow Lite.
    Tflite,
    /// Core ML.
    Coreml,
    /// XGBoost, in JSON, UBJSON or the binary form that it gave up.
    Xgboost,
    /// LightGBM.
    Lightgbm,
    /// CatBoost, in its own form or in JSON.
    Catboost,
    /// Predictive Model Markup Language.
    Pmml,
    /// The graph of OpenVINO's intermediate representation.
    Openvino,
    /// An engine of TensorRT, which is not looked through.
    Tensorrt,
    /// A program of ExecuTorch, which is not looked through.
    Executorch,
    /// A tokenizer of SentencePiece.
    Sentencepiece,
    /// An array of NumPy that holds no objects.
    Numpy,
    /// Parquet.
    Parquet,
    /// Arrow IPC, a file or a stream.
    Arrow,
    /// Compiled code: ELF, PE, Mach-O, CUDA, LLVM, Java or Python bytecode.
    NativeCode,
    /// WebAssembly.
    Webassembly,
    /// A script that names who runs it.
    Script,
    /// safetensors.
    Safetensors,
    /// GGUF, the format of llama.cpp.
    Gguf,
    /// HDF5, such as the older files of Keras.
    Hdf5,
    /// Keras 3's own archive.
    Keras,
    /// skops, an archive of scikit-learn's objects.
    Skops,
    /// A Python pickle: a program that runs when it is loaded.
    Pickle,
    /// A zip archive that is none of the more exact kinds.
    Zip,
    /// A file of `torch.save`: pickles, and the tensors that they speak of.
    Torch,
    /// A TorchScript program: code in its own language, and pickles.
    Torchscript,
    /// A program of `torch.export`, or one that was compiled from it.
    Pt2,
    /// Arrays of NumPy, each in a member of a zip archive.
    Npz,
    /// A tar archive, compressed or not.
    Tar,
    /// A 7-Zip archive.
    #[serde(rename = "7z")]
    SevenZip,
    /// A compressed file in which is something that is known.
    Compressed,
    /// A Jupyter notebook.
    Notebook,
    /// `MLmodel`, by which MLflow knows how to load a model.
    MlflowModel,
    /// JSON text.
    Json,
    /// Other UTF-8 text.
    Text,
    /// None of the formats that this version knows.
    Unknown,
}

/// What a file says of the model in it. Nobody has checked it; what a file does not say is null or empty.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
pub struct MetadataFacts {
    /// The library that loads it, in lower case, such as `scikit-learn`, `pytorch` or `xgboost`.
    pub framework: Option<String>,
    /// Version of the library that wrote it.
    pub framework_version: Option<String>,
    /// What kind of model it is, such as `LlamaForCausalLM` or `gbtree`.
    pub architecture: Option<String>,
    /// Elements over all tensors, where the header says their shapes.
    pub parameters: Option<u64>,
    /// Its licence, as it is written there.
    pub licence: Option<String>,
    /// Models that it was made from, sorted.
    pub base_models: Vec<String>,
    /// Names of its inputs, in its own order; the first 10,000.
    pub inputs: Vec<String>,
    /// Names of its outputs, in its own order; the first 10,000.
    pub outputs: Vec<String>,
    /// Code that it needs and does not come with its framework: operators, classes, modules; sorted.
    pub custom_code: Vec<String>,
}

/// What a pickle would do when it is loaded.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct PickleFacts {
    /// The highest protocol that a stream in it declares, 0 to 5.
    pub protocol: u8,
    /// Pickle streams in the file.
    pub streams: u64,
    /// Every callable or class that it would import, once each, sorted.
    pub imports: Vec<PickleImport>,
    /// Whether the scan reached the end of every stream and resolved every import.
    pub complete: bool,
}

/// Something that a pickle would import.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
pub struct PickleImport {
    /// Module, such as `sklearn.linear_model._logistic`.
    pub module: String,
    /// Name in the module, such as `LogisticRegression`.
    pub name: String,
    /// What the lists say of it.
    pub verdict: ImportVerdict,
    /// Byte offset of the first opcode that names it.
    pub offset: u64,
}

/// What the lists say of an import.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum ImportVerdict {
    /// On the allow-list of a framework.
    Allowed,
    /// On neither list.
    Unknown,
    /// Known to run code, reach the network or the file system.
    Dangerous,
}

/// What a safetensors header says.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct SafetensorsFacts {
    /// Tensors in the file.
    pub tensors: u64,
    /// Elements over all tensors.
    pub parameters: u64,
    /// Element types that occur, sorted.
    pub dtypes: Vec<String>,
}

/// What a GGUF header says.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
pub struct GgufFacts {
    /// Version of the format, 2 or 3.
    pub version: u32,
    /// `general.architecture`, such as `llama`, or null.
    pub architecture: Option<String>,
    /// `general.name`, or null.
    pub name: Option<String>,
    /// `general.license`, or null.
    pub licence: Option<String>,
    /// Tensors in the file.
    pub tensors: u64,
    /// Elements over all tensors.
    pub parameters: u64,
    /// Types of tensors that occur, sorted.
    pub types: Vec<String>,
    /// Whether it brings a template for chats, which whoever loads it runs.
    pub has_chat_template: bool,
}

/// What is in an archive or a compressed file.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
pub struct ArchiveFacts {
    /// Members, those of archives within it left out.
    pub members: u64,
    /// Formats of its members and of what is in those, each once. What has no known format is left out, as tensors are.
    pub formats: Vec<ArtifactFormat>,
}

/// What an ONNX model says.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct OnnxFacts {
    /// Version of the intermediate representation.
    pub ir_version: i64,
    /// Tool that wrote it.
    pub producer: String,
    /// Operator sets that it needs, sorted by domain.
    pub opsets: Vec<OnnxOpset>,
    /// Names of the graph's inputs.
    pub inputs: Vec<String>,
    /// Names of the graph's outputs.
    pub outputs: Vec<String>,
    /// Nodes in the graph.
    pub nodes: u64,
    /// Files outside the model that hold its tensors, sorted.
    pub external_data: Vec<String>,
    /// The same files, with what the model needs of each.
    #[serde(default)]
    pub external_files: Vec<OnnxExternalFile>,
}

/// A file outside an ONNX model that holds tensors of it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct OnnxExternalFile {
    /// Path relative to the model's directory.
    pub location: String,
    /// Tensors in it.
    pub tensors: u64,
    /// Where the last of them ends: a file of fewer bytes was cut.
    pub bytes_needed: u64,
}

/// An operator set that an ONNX model needs.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
pub struct OnnxOpset {
    /// Domain; empty for the standard one.
    pub domain: String,
    /// Version.
    pub version: i64,
}

/// Something in a file that is a danger or breaks its format.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
pub struct Risk {
    /// Byte offset of it.
    pub offset: u64,
    /// How bad it is.
    pub severity: RiskSeverity,
    /// Stable code, such as `pickle-dangerous-import`.
    pub code: String,
    /// What it is, in a sentence.
    pub message: String,
}

/// How bad a risk is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum RiskSeverity {
    /// Worth knowing.
    Low,
    /// May run code under some loader, or hides what it is.
    Medium,
    /// Runs code, or cannot be what it says it is.
    High,
}

/// A file that is to be inspected.
#[derive(Debug, Clone, Copy)]
pub struct FileInput<'a> {
    /// Path relative to the release root.
    pub path: &'a str,
    /// Path as the program opens it.
    pub absolute: &'a Path,
    /// What it is to the release.
    pub role: ArtifactRole,
}

/// Bytes of a file that are kept for inspection. All of a larger file is hashed; what its format needs
/// beyond this is a risk that says so.
const INSPECTED_BYTES_MAX: usize = 256 * 1024 * 1024;

/// Risks of one file that are told. Whoever has so many needs no more to know what the file is.
const RISKS_MAX: usize = 1_000;

/// Risks of one file that are noted, to tell the worst of them.
const RISKS_NOTED_MAX: usize = 10 * RISKS_MAX;

/// Names of one kind that are told of a file: inputs, outputs, code.
const NAMES_MAX: usize = 10_000;

/// What an inspector finds out about a file.
#[derive(Debug, Default)]
struct Findings {
    /// What it is more exactly than the table says: a kind of archive.
    format: Option<ArtifactFormat>,
    metadata: MetadataFacts,
    pickle: Option<PickleFacts>,
    safetensors: Option<SafetensorsFacts>,
    onnx: Option<OnnxFacts>,
    gguf: Option<GgufFacts>,
    archive: Option<ArchiveFacts>,
    risks: Vec<Risk>,
    /// What only the other files can answer.
    inside: Inside,
}

impl Findings {
    fn risk(&mut self, offset: u64, severity: RiskSeverity, code: &str, message: impl Into<String>) {
        if self.risks.len() < RISKS_NOTED_MAX {
            self.risks.push(Risk { offset, severity, code: code.to_owned(), message: message.into() });
        }
    }
}

/// What inspecting may use. None of it changes a result.
#[derive(Debug, Clone, Copy)]
pub struct Limits<'a> {
    /// Files that are read at a time.
    pub threads: NonZeroUsize,
    /// What was found out before.
    pub cache: Option<&'a Cache>,
}

impl Default for Limits<'_> {
    fn default() -> Self {
        Self { threads: NonZeroUsize::MIN, cache: None }
    }
}

/// What was found out about files.
#[derive(Debug)]
pub(crate) struct Inspection {
    /// Each file, in the order in which they were given.
    pub(crate) files: Vec<Result<ArtifactFacts, Problem>>,
    /// Secrets in those that are texts.
    pub(super) secrets: Secrets,
}

/// Hashes files and looks inside them, each byte read once and nothing in them run, and then at what they say together.
///
/// # Errors
/// Of each file: it is absent, a directory, cannot be read, or changes while it is.
pub(crate) fn inspect(inputs: &[FileInput<'_>], limits: Limits<'_>) -> Inspection {
    let next = AtomicUsize::new(0);
    let found: Vec<Mutex<Option<Result<Inspected, Problem>>>> = inputs.iter().map(|_| Mutex::new(None)).collect();
    let work = || {
        let mut memory = Vec::new();
        while let Some((input, place)) = {
            let index = next.fetch_add(1, Ordering::Relaxed);
            inputs.get(index).zip(found.get(index))
        } {
            let facts = inspect_cached(*input, limits.cache, &mut memory);
            *place.lock().unwrap_or_else(std::sync::PoisonError::into_inner) = Some(facts);
        }
    };
    thread::scope(|scope| {
        for _ in 1..limits.threads.get().min(inputs.len()) {
            // Where no thread can be had, this one does all of it.
            let _ = thread::Builder::new().name("artifacts".to_owned()).spawn_scoped(scope, work);
        }
        work();
    });
    let found = found.into_iter().zip(inputs);
    let mut found: Vec<Result<Inspected, Problem>> = found
        .map(|(place, input)| {
            let facts = place.into_inner().unwrap_or_else(std::sync::PoisonError::into_inner);
            facts.unwrap_or_else(|| Err(Problem::new("unreadable-file", format!("`{}` was not read", input.path))))
        })
        .collect();
    together::check(&mut found.iter_mut().flatten().collect::<Vec<_>>());
    let mut secrets = Secrets::default();
    let files = found.into_iter().map(|file| {
        let Inspected { facts, inside } = file?;
        secrets.extend(inside.secrets);
        Ok(facts)
    });
    let files = files.collect();
    Inspection { files, secrets }
}

fn inspect_cached(input: FileInput<'_>, cache: Option<&Cache>, memory: &mut Vec<u8>) -> Result<Inspected, Problem> {
    let Some(cache) = cache else { return inspect_file(input, memory) };
    if let Some(file) = cache.find(input) {
        return Ok(file);
    }
    let entry = cache.entry(input);
    let file = inspect_file(input, memory)?;
    // Secrets are written nowhere, and facts may quote them.
    if file.inside.secrets.is_empty() {
        cache.keep(input, entry.as_deref(), &file);
    }
    Ok(file)
}

fn inspect_file(input: FileInput<'_>, memory: &mut Vec<u8>) -> Result<Inspected, Problem> {
    let look = |content: Content<'_>| {
        let (format, mut findings) = detect::inspect(content);
        if let Some(text) = text::of(content) {
            findings.inside.secrets.search(input.path, text.as_bytes());
            // Whatever else it is: a loader takes a configuration for one that is a notebook to others.
            match format {
                ArtifactFormat::Json | ArtifactFormat::Text => {}
                _ if json::is_marked(content) => drop(json::look(content, &mut findings)),
                _ => text::look(text, &mut findings),
            }
        }
        let dvc_pointer = content.is_whole() && dvc::is_pointer(content.bytes);
        (format, findings, (detect::is_lfs_pointer(content), dvc_pointer))
    };
    let ((format, mut findings, (lfs_pointer, dvc_pointer)), sha256, size_bytes) =
        Reading::open(input, INSPECTED_BYTES_MAX, memory)?.inspect(look)?;
    if let Some(pickle) = &findings.pickle {
        let risks = pickle_risks(pickle);
        findings.risks.extend(risks);
    }
    if requirements::is_named_so(input.path) {
        findings.risks.append(&mut findings.inside.of_requirements);
    }
    let MetadataFacts { inputs, outputs, custom_code, .. } = &mut findings.metadata;
    for names in [inputs, outputs, custom_code] {
        names.truncate(NAMES_MAX);
    }
    let facts = ArtifactFacts {
        file: FileFacts { path: input.path.to_owned(), sha256, size_bytes },
        role: input.role,
        format,
        lfs_pointer,
        dvc_pointer,
        metadata: findings.metadata,
        pickle: findings.pickle,
        safetensors: findings.safetensors,
        onnx: findings.onnx,
        gguf: findings.gguf,
        archive: findings.archive,
        risks: bounded(findings.risks),
    };
    Ok(Inspected { facts, inside: findings.inside })
}

/// Risks in the order of their offsets, each once; of too many, the worst.
fn bounded(mut risks: Vec<Risk>) -> Vec<Risk> {
    risks.sort();
    risks.dedup();
    let more = risks.len().saturating_sub(RISKS_MAX);
    if more > 0 {
        risks.sort_by_key(|risk| std::cmp::Reverse(risk.severity));
        let offset = risks.get(RISKS_MAX).map_or(0, |risk| risk.offset);
        risks.truncate(RISKS_MAX);
        let message = format!("{more} more risks are not listed");
        risks.push(Risk { offset, severity: RiskSeverity::High, code: "more-risks".to_owned(), message });
        risks.sort();
    }
    risks
}

/// The risks that follow from what a pickle imports.
fn pickle_risks(pickle: &PickleFacts) -> Vec<Risk> {
    let risk = |import: &PickleImport| {
        let name = format!("{}.{}", import.module, import.name);
        let (severity, code, message) = match import.verdict {
            ImportVerdict::Allowed => return None,
            ImportVerdict::Unknown => (
                RiskSeverity::Medium,
                "pickle-unknown-import",
                format!("loading it imports `{name}`, which is on no list"),
            ),
            ImportVerdict::Dangerous => (
                RiskSeverity::High,
                "pickle-dangerous-import",
                format!("loading it imports `{name}`, which can run code"),
            ),
        };
        Some(Risk { offset: import.offset, severity, code: code.to_owned(), message })
    };
    pickle.imports.iter().filter_map(risk).collect()
}

/// A file that a real library made (`tests/artifacts/formats.py`).
#[cfg(test)]
fn sample(name: &str) -> Vec<u8> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/artifacts/samples").join(format!("{name}.gz"));
    let mut bytes = Vec::new();
    let file = std::fs::File::open(path).unwrap();
    std::io::Read::read_to_end(&mut flate2::read::GzDecoder::new(file), &mut bytes).unwrap();
    bytes
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::digest::Sha256Digest;

    fn inspected(path: &Path) -> Result<ArtifactFacts, String> {
        let input = FileInput { path: "model.bin", absolute: path, role: ArtifactRole::Model };
        inspect_file(input, &mut Vec::new()).map(|file| file.facts).map_err(|problem| problem.code.to_owned())
    }

    #[test]
    fn a_file_gives_its_facts() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("model.bin");
        let bytes = b"\x80\x02cos\nsystem\n)R.";
        std::fs::write(&path, bytes).unwrap();
        let expected = ArtifactFacts {
            file: FileFacts { path: "model.bin".to_owned(), sha256: Sha256Digest::of(bytes), size_bytes: 16 },
            role: ArtifactRole::Model,
            format: ArtifactFormat::Pickle,
            lfs_pointer: false,
            dvc_pointer: false,
            metadata: MetadataFacts::default(),
            pickle: Some(PickleFacts {
                protocol: 2,
                streams: 1,
                imports: vec![PickleImport {
                    module: "os".to_owned(),
                    name: "system".to_owned(),
                    verdict: ImportVerdict::Dangerous,
                    offset: 2,
                }],
                complete: true,
            }),
            safetensors: None,
            onnx: None,
            gguf: None,
            archive: None,
            risks: vec![Risk {
                offset: 2,
                severity: RiskSeverity::High,
                code: "pickle-dangerous-import".to_owned(),
                message: "loading it imports `os.system`, which can run code".to_owned(),
            }],
        };
        assert_eq!(inspected(&path), Ok(expected));
    }

    #[test]
    fn what_is_no_file_is_a_problem() {
        let directory = tempfile::tempdir().unwrap();
        assert_eq!(inspected(directory.path()), Err("directory-for-file".to_owned()));
        assert_eq!(inspected(&directory.path().join("absent")), Err("missing-file".to_owned()));
        #[cfg(unix)]
        assert_eq!(inspected(Path::new("/dev/zero")), Err("special-file".to_owned()));
    }

    #[test]
    fn of_too_many_risks_the_worst_are_told() {
        let risk = |offset, severity| Risk { offset, severity, code: "c".to_owned(), message: "m".to_owned() };
        let mut risks: Vec<Risk> = (0..1_500).map(|offset| risk(offset, RiskSeverity::Low)).collect();
        risks.push(risk(9_000, RiskSeverity::High));
        let bounded = bounded(risks);
        assert_eq!(bounded.len(), RISKS_MAX + 1);
        assert!(bounded.contains(&risk(9_000, RiskSeverity::High)));
        assert_eq!(bounded.iter().filter(|risk| risk.code == "more-risks").count(), 1);
    }
}
