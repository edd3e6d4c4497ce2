//! Files of Hugging Face's libraries: what they say of a model, and the code that they have their loaders run.
//!
//! `auto_map` and its like name classes in Python files. `trust_remote_code=True` runs those files, from the release if
//! they are in it, and otherwise from wherever the hub has them on that day.

use std::collections::BTreeMap;

use super::json::{Document, Kept};
use super::together::{Code, Index};
use super::{Findings, MetadataFacts, RiskSeverity, chat_template};

/// Keys of the outermost mapping that mean something.
const KEYS: [&str; 17] = [
    "__version__",
    "_class_name",
    "_diffusers_version",
    "_name_or_path",
    "architectures",
    "auto_map",
    "auto_mapping",
    "base_model_name_or_path",
    "chat_template",
    "custom_pipelines",
    "metadata",
    "model_type",
    "peft_type",
    "peft_version",
    "tokenizer_class",
    "transformers_version",
    "weight_map",
];

/// Where a configuration has those of its parts, with an `auto_map` of their own: `text_config`, `vision_config`.
const PART: &str = "_config";

/// Characters of a name or a version that facts have.
const TEXT_CHARACTERS_MAX: usize = 200;

/// Texts of one kind in a file: classes to import, or templates.
const TEXTS_MAX: usize = 1_000;

/// Libraries that pipelines of diffusers may take their parts from, and the modules of diffusers itself that its older
/// releases name alone (`diffusers.pipelines`).
const PIPELINE_LIBRARIES: &[&str] = &[
    "alt_diffusion",
    "amused",
    "animatediff",
    "audioldm",
    "audioldm2",
    "blip_diffusion",
    "cogvideo",
    "consistency_models",
    "controlnet",
    "deepfloyd_if",
    "diffusers",
    "dit",
    "flux",
    "hunyuandit",
    "i2vgen_xl",
    "k_diffusion",
    "kandinsky",
    "kandinsky2_2",
    "kandinsky3",
    "latent_diffusion",
    "ledits_pp",
    "lumina",
    "marigold",
    "musicldm",
    "onnx_utils",
    "onnxruntime",
    "paint_by_example",
    "pixart_alpha",
    "semantic_stable_diffusion",
    "shap_e",
    "stable_audio",
    "stable_cascade",
    "stable_diffusion",
    "stable_diffusion_3",
    "stable_diffusion_safe",
    "stable_diffusion_xl",
    "stable_video_diffusion",
    "text_to_video_synthesis",
    "transformers",
    "unidiffuser",
    "versatile_diffusion",
    "wuerstchen",
];

/// Libraries in which an adapter's base model may be defined.
const ADAPTED_LIBRARIES: [&str; 5] = ["diffusers", "sentence_transformers", "timm", "torch", "transformers"];

/// Whether a key of the outermost mapping means something.
pub(super) fn has_meaning(key: &str) -> bool {
    KEYS.contains(&key) || key.ends_with(PART)
}

/// Looks at a JSON file; `bytes` are its text.
pub(super) fn look(document: &Document, bytes: &[u8], findings: &mut Findings) {
    let mut look = Look { document, bytes, findings };
    look.metadata();
    look.code_of_models();
    look.code_of_modules();
    look.code_of_pipelines();
    look.templates();
    look.index();
    let is_known = document.entries.keys().any(|key| KEYS.contains(&key.as_str()));
    let is_list_of_modules = document.items.first().is_some_and(|item| item.get("type").is_some());
    let is_pipeline = document.get("_class_name").is_some();
    if document.is_cut && is_known || document.is_cut_elsewhere && (is_pipeline || is_list_of_modules) {
        let message = "it has more entries than any configuration, and they were not all looked at";
        findings.risk(0, RiskSeverity::High, "too-large-to-inspect", message);
    }
    for key in document.twice.iter().filter(|key| KEYS.contains(&key.as_str())).take(TEXTS_MAX) {
        let message = format!("`{key}` occurs twice, and readers disagree on which counts");
        findings.risk(0, RiskSeverity::Medium, "json-duplicate-key", message);
    }
}

struct Look<'a> {
    document: &'a Document,
    bytes: &'a [u8],
    findings: &'a mut Findings,
}

impl Look<'_> {
    fn text(&self, key: &str) -> Option<String> {
        self.document.text(key).filter(|text| !text.is_empty()).map(cut)
    }

    /// Where a text stands, or 0 where it is written with escapes.
    fn offset(&self, text: &str) -> u64 {
        let text = std::str::from_utf8(self.bytes).ok().and_then(|all| all.find(text));
        text.map_or(0, |at| at as u64)
    }

    /// What it says of the model, unless it is a model of another library first.
    fn set_metadata(&mut self, metadata: MetadataFacts) {
        if self.findings.metadata == MetadataFacts::default() {
            self.findings.metadata = metadata;
        }
    }

    fn metadata(&mut self) {
        let document = self.document;
        let versions = document.get("__version__");
        let version_of = |library: &str| versions.and_then(|versions| versions.get(library)).and_then(Kept::text);
        let (framework, version) = if document.get("peft_type").is_some() {
            ("peft", self.text("peft_version"))
        } else if document.get("_diffusers_version").is_some() {
            ("diffusers", self.text("_diffusers_version"))
        } else if let Some(version) = version_of("sentence_transformers") {
            ("sentence-transformers", Some(cut(version)))
        } else if ["architectures", "model_type", "transformers_version", "tokenizer_class"]
            .iter()
            .any(|key| document.get(key).is_some())
        {
            ("transformers", self.text("transformers_version"))
        } else {
            return;
        };
        let class = document.get("architectures").and_then(|classes| classes.texts().first().map(|class| cut(class)));
        let kinds = ["peft_type", "_class_name", "model_type"];
        let architecture = class.or_else(|| kinds.iter().find_map(|key| self.text(key)));
        let bases = ["base_model_name_or_path", "_name_or_path"].iter().filter_map(|key| self.text(key));
        let mut base_models: Vec<String> = bases.filter(|name| is_model_name(name)).collect();
        base_models.sort();
        base_models.dedup();
        self.set_metadata(MetadataFacts {
            framework: Some(framework.to_owned()),
            framework_version: version,
            architecture,
            base_models,
            ..MetadataFacts::default()
        });
    }

    /// `auto_map` of models, tokenizers and processors, of their parts as well, and `custom_pipelines`.
    fn code_of_models(&mut self) {
        let parts = self.document.entries.iter().filter(|(key, _)| key.ends_with(PART)).map(|(_, part)| part);
        let maps = self.document.get("auto_map").into_iter().chain(parts.filter_map(|part| part.get("auto_map")));
        let mut references: Vec<&str> = maps.flat_map(Kept::texts).collect();
        if let Some(Kept::Map(pipelines)) = self.document.get("custom_pipelines") {
            references.extend(pipelines.values().filter_map(|pipeline| pipeline.get("impl")).flat_map(Kept::texts));
        }
        references.into_iter().for_each(|reference| self.code(reference, ""));
        let adapted = self.document.get("auto_mapping");
        let text = |key: &str| adapted.and_then(|adapted| adapted.get(key)).and_then(Kept::text);
        if let Some(library) = text("parent_library")
            && !is_in(library, &ADAPTED_LIBRARIES)
        {
            self.code(&format!("{library}.{}", text("base_model_class").unwrap_or("*")), "");
        }
    }

    /// `modules.json` of sentence-transformers: each module is a class, which is imported.
    fn code_of_modules(&mut self) {
        let types = self.document.items.iter().filter(|item| item.get("path").is_some());
        let types: Vec<&str> = types.filter_map(|item| item.get("type")?.text()).collect();
        if types.is_empty() {
            return;
        }
        let framework = Some("sentence-transformers".to_owned());
        self.set_metadata(MetadataFacts { framework, ..MetadataFacts::default() });
        let own = types.into_iter().filter(|class| !is_in(class, &["sentence_transformers"]));
        own.for_each(|class| self.code(class, ""));
    }

    /// `model_index.json` of diffusers: each component is a library and a class in it.
    fn code_of_pipelines(&mut self) {
        let document = self.document;
        let Some(class) = document.get("_class_name") else { return };
        let is_pipeline = match class.texts()[..] {
            // A pipeline of its own is a file and a class in it.
            [file, class] => {
                self.code(&format!("{file}.{class}"), "");
                true
            }
            // The configurations of its components have a class as well, and lists that are none of this.
            [class] => class.contains("Pipeline"),
            _ => false,
        };
        for (component, value) in document.entries.iter().filter(|(key, _)| is_pipeline && !key.starts_with('_')) {
            let Kept::List(parts) = value else { continue };
            let ([Kept::Text(library), Kept::Text(class)] | [Kept::Text(library), Kept::Text(class), _]) = &parts[..]
            else {
                continue;
            };
            if !has_meaning(component) && !is_in(library, PIPELINE_LIBRARIES) {
                self.code(&format!("{library}.{class}"), component);
            }
        }
    }

    /// A class that is imported: from a file below `directory` in the release, if it is there.
    fn code(&mut self, reference: &str, directory: &str) {
        let reference = cut(reference);
        let metadata = &mut self.findings.metadata;
        if metadata.custom_code.contains(&reference) || metadata.custom_code.len() >= TEXTS_MAX {
            return;
        }
        metadata.custom_code.push(reference.clone());
        metadata.custom_code.sort();
        let offset = self.offset(&reference);
        if let Some((repository, class)) = reference.split_once("--") {
            let message = format!("loading it runs `{class}` of the repository `{repository}`, as it is on that day");
            self.findings.risk(offset, RiskSeverity::Medium, "custom-code-elsewhere", message);
            return;
        }
        let message = format!("loading it runs code that does not come with its framework: `{reference}`");
        self.findings.risk(offset, RiskSeverity::Low, "custom-code", message);
        self.findings.inside.code.push(Code { file: file_of(&reference, directory), reference, offset });
    }

    /// One template, or several with names.
    fn templates(&mut self) {
        let templates = self.document.get("chat_template").map(Kept::texts).unwrap_or_default();
        for way in templates.into_iter().take(TEXTS_MAX).filter_map(chat_template::way_out) {
            let message = format!("the chat template uses `{way}`, which leads out of its sandbox");
            self.findings.risk(self.offset(way), RiskSeverity::High, "template-injection", message);
        }
    }

    /// An index of tensors over several files.
    fn index(&mut self) {
        let Some(Kept::Map(tensors)) = self.document.get("weight_map") else { return };
        let mut shards: BTreeMap<String, Vec<String>> = BTreeMap::new();
        for (tensor, file) in tensors {
            match file {
                Kept::Text(file) => shards.entry(file.clone()).or_default().push(tensor.clone()),
                _ => {
                    let message = "an entry of `weight_map` is no name of a file";
                    self.findings.risk(self.offset("weight_map"), RiskSeverity::High, "index-malformed", message);
                    return;
                }
            }
        }
        let metadata = self.document.get("metadata");
        let number = |key: &str| match metadata.and_then(|metadata| metadata.get(key)) {
            Some(Kept::Number(number)) => Some(*number),
            _ => None,
        };
        self.findings.inside.index =
            Some(Index { shards, total_bytes: number("total_size"), total_parameters: number("total_parameters") });
    }
}

/// The Python file that a class is in: `a.b.Class` is in `a/b.py`.
fn file_of(reference: &str, directory: &str) -> String {
    let module = reference.rsplit_once('.').map_or(reference, |(module, _)| module).replace('.', "/");
    if directory.is_empty() { format!("{module}.py") } else { format!("{directory}/{module}.py") }
}

/// Whether a class or module belongs to one of the libraries.
fn is_in(reference: &str, libraries: &[&str]) -> bool {
    let library = reference.split('.').next().unwrap_or_default();
    libraries.contains(&library)
}

/// Whether a text is the name of a model on a hub, `owner/name` or `name`, and no path on somebody's disk.
fn is_model_name(text: &str) -> bool {
    let is_part = |part: &str| {
        let is_first = part.starts_with(|first: char| first.is_ascii_alphanumeric());
        is_first && part.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.'))
    };
    text.matches('/').count() <= 1 && text.split('/').all(is_part)
}

/// The beginning of a text, without what no name has.
fn cut(text: &str) -> String {
    text.chars().filter(|character| !character.is_control()).take(TEXT_CHARACTERS_MAX).collect()
}

#[cfg(test)]
mod tests;
