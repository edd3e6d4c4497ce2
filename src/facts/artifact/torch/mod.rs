//! Kinds of zip archives that PyTorch writes, told by their members (`torch/serialization.py`, and
//! `caffe2/serialize/inline_container.cc` for what its reader makes of names).

pub(super) mod legacy;
pub(super) mod storages;

use super::archive::shown;
use super::zip::{Archive, Member};
use super::{Content, Findings, MetadataFacts, RiskSeverity, pickle};

/// Bytes of a member that is read here: of pickles that speak of tensors, and of the program of an exported model. Those
/// of the largest models have some megabytes.
const READ_BYTES_MAX: u64 = 64 * 1024 * 1024;

/// Names of code that are told.
const NAMES_MAX: usize = 1_000;

/// Marks that TorchScript's own reader takes for what they stand for and imports nothing
/// (`torch/csrc/jit/serialization/unpickler.cpp`).
const TORCHSCRIPT_MARKS: [&str; 6] = [
    "build_boollist",
    "build_doublelist",
    "build_intlist",
    "build_tensor_from_id",
    "build_tensorlist",
    "restore_type_tag",
];

/// Namespaces of operators that come with PyTorch.
const NAMESPACES: [&str; 6] = ["aten", "higher_order", "prim", "prims", "quantized", "quantized_decomposed"];

/// The records of an archive, below the directory that PyTorch's reader takes for all of them.
struct Records<'a, 'b> {
    archive: &'a Archive<'b>,
    root: String,
}

impl<'a, 'b> Records<'a, 'b> {
    /// The directory of the first member.
    fn of(archive: &'a Archive<'b>) -> Option<Self> {
        let first = archive.members().first()?.name().into_owned();
        let (root, _) = first.split_once('/')?;
        Some(Self { archive, root: format!("{root}/") })
    }

    fn get(&self, name: &str) -> Option<&'a Member> {
        self.archive.member(&format!("{}{name}", self.root))
    }

    /// All of them, by their names below the directory.
    fn all(&self) -> impl Iterator<Item = (String, &'a Member)> {
        self.archive.members().iter().filter_map(|member| {
            let name = member.name();
            Some((name.strip_prefix(&self.root)?.to_owned(), member))
        })
    }
}

/// A TorchScript program: its code, and pickles that TorchScript reads for itself.
pub(super) fn inspect_script(archive: &Archive<'_>, findings: &mut Findings) -> bool {
    let Some(records) = Records::of(archive) else { return false };
    let code: Vec<String> = records.all().filter_map(|(name, _)| class_path(&name)).collect();
    if records.get("constants.pkl").is_none() || records.get("data.pkl").is_none() || code.is_empty() {
        return false;
    }
    name_framework(&mut findings.metadata);
    judge_pickle(&records, "data.pkl", findings);
    judge_pickle(&records, "constants.pkl", findings);
    let Some(pickle) = &mut findings.pickle else { return true };
    let custom = &mut findings.metadata.custom_code;
    pickle.imports.retain(|import| {
        if import.module == "torch.jit._pickle" && TORCHSCRIPT_MARKS.contains(&import.name.as_str()) {
            return false;
        }
        // A class of the program, whose code is here.
        let is_class = code.contains(&import.module);
        if is_class && custom.len() < NAMES_MAX {
            custom.push(format!("{}.{}", import.module, import.name));
        }
        !is_class
    });
    custom.sort();
    custom.dedup();
    true
}

/// The module that code is of: `__torch__.a.b` for `code/__torch__/a/b.py`.
fn class_path(name: &str) -> Option<String> {
    let path = name.strip_prefix("code/")?.strip_suffix(".py")?;
    path.starts_with("__torch__").then(|| path.replace('/', "."))
}

/// A program of `torch.export`: JSON, weights, and what was compiled from it.
pub(super) fn inspect_exported(archive: &Archive<'_>, findings: &mut Findings) -> bool {
    let records = Records::of(archive);
    let told = records.as_ref().and_then(|records| records.get("archive_format"));
    let is_told = told.is_some_and(|member| archive.read(member, 64).is_ok_and(|format| format == *b"pt2"));
    // What PyTorch wrote before 2.8 has no directory.
    if !is_told && archive.member("serialized_exported_program.json").is_none() {
        return false;
    }
    name_framework(&mut findings.metadata);
    for member in archive.members() {
        let name = member.name();
        let is_native = [".so", ".dll", ".dylib", ".pyd", ".cubin"].iter().any(|ending| name.ends_with(ending));
        if is_native {
            let message =
                format!("the member `{}` is compiled code, which runs when it is loaded", shown(name.as_bytes()));
            findings.risk(member.offset(), RiskSeverity::High, "pt2-native-code", message);
        }
        if name.ends_with(".json") && (name.contains("/models/") || name == "serialized_exported_program.json") {
            note_operators(archive, member, findings);
        }
    }
    true
}

/// Operators of the program that do not come with PyTorch.
fn note_operators(archive: &Archive<'_>, member: &Member, findings: &mut Findings) {
    const MARK: &str = "torch.ops.";
    let program = match archive.read(member, READ_BYTES_MAX) {
        Ok(program) => program,
        Err(why) => {
            let message = format!("the program `{}` could not be looked into: {why}", shown(member.name().as_bytes()));
            return findings.risk(member.offset(), RiskSeverity::High, "archive-member-not-inspected", message);
        }
    };
    let program = String::from_utf8_lossy(&program);
    let custom = &mut findings.metadata.custom_code;
    for operator in program.split(MARK).skip(1) {
        let end = operator.find(|character: char| !(character.is_alphanumeric() || "._".contains(character)));
        let operator = operator.get(..end.unwrap_or(operator.len())).unwrap_or_default();
        let namespace = operator.split('.').next().unwrap_or_default();
        if !NAMESPACES.contains(&namespace) && custom.len() < NAMES_MAX {
            custom.push(format!("{MARK}{operator}"));
            custom.sort();
            custom.dedup();
        }
    }
}

/// A file of `torch.save`: a pickle, and a member for each tensor.
pub(super) fn inspect_saved(archive: &Archive<'_>, findings: &mut Findings) -> bool {
    let Some(records) = Records::of(archive) else { return false };
    if records.get("data.pkl").is_none() || records.get("version").or(records.get(".data/version")).is_none() {
        return false;
    }
    name_framework(&mut findings.metadata);
    judge_pickle(&records, "data.pkl", findings);
    true
}

fn name_framework(metadata: &mut MetadataFacts) {
    metadata.framework = Some("pytorch".to_owned());
}

/// What PyTorch reads as a pickle is judged as one, even if it does nothing that a pickle would do before it breaks.
fn judge_pickle(records: &Records<'_, '_>, name: &str, findings: &mut Findings) {
    let Some(member) = records.get(name) else { return };
    let place = format!("in the member `{}`", shown(member.name().as_bytes()));
    let found = records.archive.read(member, READ_BYTES_MAX).map(|bytes| {
        let content = Content::of(&bytes, bytes.len() as u64);
        pickle::inspect(content).map(|found| found.risks)
    });
    match found {
        Ok(Some(risks)) => {
            for risk in risks {
                findings.risk(member.offset(), risk.severity, &risk.code, format!("{place}: {}", risk.message));
            }
        }
        // Why it could not be read is said where its member is looked into, unless it is only too large for this.
        Err("it is too large") => {
            let message = format!("{place}: the pickle is too large to be looked through to its end");
            findings.risk(member.offset(), RiskSeverity::High, "too-large-to-inspect", message);
        }
        Err(_) => {}
        Ok(None) => {
            let message = format!("{place}: there should be a pickle, and there is none");
            findings.risk(member.offset(), RiskSeverity::High, "torch-malformed", message);
        }
    }
}

#[cfg(test)]
mod tests {
    use crate::facts::artifact::zip::build::{self, Entry};
    use crate::facts::artifact::{ArtifactFormat, Content, detect};

    /// The format, its imports, its own code, and the codes of risks.
    fn found(members: &[(&str, &[u8])]) -> (ArtifactFormat, Vec<String>, Vec<String>, Vec<String>) {
        let entries: Vec<Entry> = members.iter().map(|(name, content)| Entry::stored(name, content)).collect();
        let bytes = build::archive(&entries);
        let (format, findings) = detect::inspect(Content::of(&bytes, bytes.len() as u64));
        let imports = findings.pickle.into_iter().flat_map(|pickle| pickle.imports);
        let imports = imports.map(|import| format!("{}.{}", import.module, import.name)).collect();
        let codes = findings.risks.into_iter().map(|risk| risk.code).collect();
        (format, imports, findings.metadata.custom_code, codes)
    }

    const ORDERED: &[u8] = b"\x80\x02ccollections\nOrderedDict\n)R.";
    const SCRIPT: &[u8] = b"\x80\x02c__torch__\nNet\n)\x81}(X\x01\0\0\0actorch.jit._pickle\nbuild_intlist\n]\x85Rub.";

    fn texts(texts: &[&str]) -> Vec<String> {
        texts.iter().map(|text| (*text).to_owned()).collect()
    }

    #[test]
    fn kinds_are_told_by_their_members() {
        let saved = [("a/data.pkl", ORDERED), ("a/data/0", b"\0\0\x80\x3f"), ("a/version", b"3\n")];
        assert_eq!(found(&saved), (ArtifactFormat::Torch, texts(&["collections.OrderedDict"]), vec![], vec![]));
        let newer =
            [("a/data.pkl", ORDERED), ("a/.format_version", b"1"), ("a/byteorder", b"little"), ("a/version", b"3\n")];
        assert_eq!(found(&newer).0, ArtifactFormat::Torch);
        let elsewhere = [("a/data.pkl", ORDERED), ("b/version", b"3\n")];
        assert_eq!(found(&elsewhere).0, ArtifactFormat::Zip);
        let script = [
            ("a/data.pkl", SCRIPT),
            ("a/code/__torch__.py", b"class Net(Module):\n"),
            ("a/constants.pkl", b"\x80\x02)."),
            ("a/version", b"3\n"),
        ];
        assert_eq!(found(&script), (ArtifactFormat::Torchscript, vec![], texts(&["__torch__.Net"]), vec![]));
        // A class whose code is not there is an import like any other.
        let foreign = [script[0], ("a/code/__torch__/other.py", b""), script[2], script[3]];
        assert_eq!(found(&foreign).1, ["__torch__.Net"]);
    }

    #[test]
    fn what_a_pickle_would_do_is_not_hidden_by_the_kind() {
        let unsafe_script = [
            ("a/data.pkl", &b"\x80\x02cos\nsystem\n)Rc__torch__\nNet\n)R."[..]),
            ("a/code/__torch__.py", b""),
            ("a/constants.pkl", b"\x80\x02)."),
        ];
        assert_eq!(found(&unsafe_script).1, ["os.system"]);
        for (pickle, code) in
            [(&b"\x80\x02N"[..], "pickle-incomplete"), (b"text", "torch-malformed"), (b"", "torch-malformed")]
        {
            let (format, _, _, codes) = found(&[("a/data.pkl", pickle), ("a/version", b"3\n")]);
            assert_eq!((format, codes), (ArtifactFormat::Torch, texts(&[code])), "{pickle:02x?}");
        }
    }

    #[test]
    fn exported_programs_say_what_they_need() {
        let program = br#"{"target": "torch.ops.aten.add.Tensor"}, {"target": "torch.ops.mylib.scale.default"}"#;
        let exported = [("m/archive_format", &b"pt2"[..]), ("m/models/model.json", program), ("m/version", b"0")];
        let expected = texts(&["torch.ops.mylib.scale.default"]);
        assert_eq!(found(&exported), (ArtifactFormat::Pt2, vec![], expected.clone(), vec![]));
        let older = [("version", &b"5.1"[..]), ("serialized_exported_program.json", program)];
        assert_eq!(found(&older), (ArtifactFormat::Pt2, vec![], expected, vec![]));
        let compiled = [exported[0], ("m/data/aotinductor/model/a.so", b"\x7fELF")];
        assert_eq!(found(&compiled).3, ["native-code", "pt2-native-code"]);
        // The weights are files of `torch.save` themselves.
        let weights = build::archive(&[
            Entry::stored("w/data.pkl", b"\x80\x02cos\nsystem\n)R."),
            Entry::stored("w/version", b"3"),
        ]);
        assert_eq!(found(&[exported[0], ("m/data/weights/a.pt", &weights)]).1, ["os.system"]);
    }
}
