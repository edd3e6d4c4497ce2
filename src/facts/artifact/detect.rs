//! Which format a file has, by its content: a name is a claim.

#[cfg(fuzzing)]
pub mod fuzzing;

use super::{
    ArtifactFormat, Content, Findings, RiskSeverity, catboost, columnar, compressed, coreml, executorch, gguf, hdf5,
    json, keras, keras_h5, keras_metadata, lightgbm, mlmodel, native_code, notebook, numpy, onnx, openvino, pickle,
    pmml, safetensors, saved_model, script, sentencepiece, seven_zip, skops, tar, tensorflow_checkpoint, tensorrt,
    text, tflite, torch, webassembly, xgboost, zip,
};

/// Says whether a file is of a format, and if so what is in it.
type Inspector = fn(Content<'_>) -> Option<Findings>;

/// A new format is one file and one line here. The first that recognises a file counts: what has a
/// clear mark stands before what must be guessed.
const FORMATS: &[(ArtifactFormat, Inspector)] = &[
    (ArtifactFormat::Zip, zip::inspect),
    (ArtifactFormat::SevenZip, seven_zip::inspect),
    (ArtifactFormat::Compressed, compressed::inspect),
    (ArtifactFormat::Gguf, gguf::inspect),
    (ArtifactFormat::Safetensors, safetensors::inspect),
    (ArtifactFormat::Torch, torch::legacy::inspect),
    (ArtifactFormat::Hdf5, keras_h5::inspect),
    (ArtifactFormat::Tflite, tflite::inspect),
    (ArtifactFormat::Catboost, catboost::inspect),
    (ArtifactFormat::NativeCode, native_code::inspect),
    (ArtifactFormat::Webassembly, webassembly::inspect),
    (ArtifactFormat::Tensorrt, tensorrt::inspect),
    (ArtifactFormat::Executorch, executorch::inspect),
    (ArtifactFormat::Parquet, columnar::inspect_parquet),
    (ArtifactFormat::Arrow, columnar::inspect_arrow),
    (ArtifactFormat::Arrow, columnar::inspect_stream),
    (ArtifactFormat::Pickle, pickle::inspect),
    (ArtifactFormat::Pickle, pickle::inspect_numpy),
    (ArtifactFormat::Numpy, numpy::inspect),
    (ArtifactFormat::Onnx, onnx::inspect),
    (ArtifactFormat::Tar, tar::inspect),
    (ArtifactFormat::SavedModel, saved_model::inspect),
    (ArtifactFormat::Coreml, coreml::inspect),
    (ArtifactFormat::SavedModel, saved_model::inspect_fingerprint),
    (ArtifactFormat::GraphDef, saved_model::inspect_graph),
    (ArtifactFormat::SavedModel, keras_metadata::inspect),
    (ArtifactFormat::Sentencepiece, sentencepiece::inspect),
    (ArtifactFormat::TensorflowCheckpoint, tensorflow_checkpoint::inspect),
    (ArtifactFormat::SavedModel, saved_model::inspect_text),
    (ArtifactFormat::Xgboost, xgboost::inspect),
    (ArtifactFormat::Catboost, catboost::inspect_json),
    (ArtifactFormat::Lightgbm, lightgbm::inspect),
    (ArtifactFormat::Pmml, pmml::inspect),
    (ArtifactFormat::Openvino, openvino::inspect),
    (ArtifactFormat::Script, script::inspect),
    (ArtifactFormat::MlflowModel, mlmodel::inspect),
    (ArtifactFormat::Notebook, notebook::inspect),
    (ArtifactFormat::Json, json::inspect),
    (ArtifactFormat::Text, text::inspect),
];

/// Says whether an archive is of a kind, by its members, and adds what it finds. All members were looked into before.
type ArchiveInspector = fn(&zip::Archive<'_>, &mut Findings) -> bool;

/// What is a zip archive and more than that. A new kind is one file and one line here; the first counts.
const KINDS_OF_ARCHIVE: &[(ArtifactFormat, ArchiveInspector)] = &[
    (ArtifactFormat::Torchscript, torch::inspect_script),
    (ArtifactFormat::Pt2, torch::inspect_exported),
    (ArtifactFormat::Torch, torch::inspect_saved),
    (ArtifactFormat::Npz, zip::npz::inspect),
    (ArtifactFormat::Keras, keras::is_keras),
    (ArtifactFormat::Skops, skops::is_skops),
];

/// What an archive is more than that.
pub(super) fn kind_of_archive(archive: &zip::Archive<'_>, findings: &mut Findings) -> Option<ArtifactFormat> {
    KINDS_OF_ARCHIVE.iter().find_map(|(format, is_kind)| is_kind(archive, findings).then_some(*format))
}

/// The format, and what its inspector found.
pub(super) fn inspect(content: Content<'_>) -> (ArtifactFormat, Findings) {
    recognise(content).unwrap_or_else(|| (ArtifactFormat::Unknown, unknown(content)))
}

/// The format and what its inspector found, of what has a format or pretends to.
pub(super) fn recognise(content: Content<'_>) -> Option<(ArtifactFormat, Findings)> {
    let found = FORMATS.iter().find_map(|(format, inspector)| {
        let found = inspector(content)?;
        Some((found.format.unwrap_or(*format), found))
    });
    // The end of a tar archive can be that of its last member, which was looked into.
    let is_archive =
        zip::is_marked(content.bytes) || found.as_ref().is_some_and(|(format, _)| *format == ArtifactFormat::Tar);
    let found = found.map(|(format, mut findings)| {
        if is_told_before_pickles(format) {
            as_pickle(content, &mut findings);
        }
        // The first member of a tar archive begins where a file of HDF5 may, and was looked into.
        if !is_archive && format != ArtifactFormat::Hdf5 {
            as_hdf5(content, &mut findings);
        }
        (format, findings)
    });
    if is_archive || !zip::ends_as_archive(content) {
        return found;
    }
    let polyglot = polyglot(content.size_bytes);
    Some(match found {
        Some((format, mut findings)) => {
            findings.risks.extend(polyglot.risks);
            (format, findings)
        }
        None => {
            (ArtifactFormat::Unknown, Findings { risks: [unknown(content).risks, polyglot.risks].concat(), ..polyglot })
        }
    })
}

/// Whether a format has a mark that opcodes of a pickle can hold.
const fn is_told_before_pickles(format: ArtifactFormat) -> bool {
    matches!(
        format,
        ArtifactFormat::Arrow
            | ArtifactFormat::Catboost
            | ArtifactFormat::Executorch
            | ArtifactFormat::Gguf
            | ArtifactFormat::Hdf5
            | ArtifactFormat::NativeCode
            | ArtifactFormat::Parquet
            | ArtifactFormat::Safetensors
            | ArtifactFormat::Tensorrt
            | ArtifactFormat::Tflite
    )
}

/// A file within which another begins, at one of the places where readers of HDF5 look for it.
fn as_hdf5(content: Content<'_>, findings: &mut Findings) {
    if hdf5::begins_later(content) {
        let message = "an HDF5 file begins within the file, and readers of those would open it as one";
        findings.risk(0, RiskSeverity::High, "polyglot", message);
    }
}

/// What ends as an archive and does not begin as one.
pub(super) fn polyglot(end: u64) -> Findings {
    let mut findings = Findings::default();
    let message = "the file ends as a zip archive does, and readers of those would open it as one";
    findings.risk(end, RiskSeverity::High, "polyglot", message);
    findings
}

/// A file of no format says so; one that was too large for its format to be told is a danger.
fn unknown(content: Content<'_>) -> Findings {
    let mut findings = Findings::default();
    if content.is_whole() {
        findings.risk(0, RiskSeverity::Low, "unknown-format", "the file is of no format that this version knows");
    } else {
        let message = "the file is too large for its format to be told";
        findings.risk(content.bytes.len() as u64, RiskSeverity::High, "too-large-to-inspect", message);
    }
    as_hdf5(content, &mut findings);
    findings
}

/// A file that has another format's mark and still does something when it is unpickled. A safetensors
/// header begins with any eight bytes, which can be opcodes.
fn as_pickle(content: Content<'_>, findings: &mut Findings) {
    let Some(found) = pickle::inspect_unnamed(content) else { return };
    findings.risk(0, RiskSeverity::High, "polyglot", "the file is a pickle as well");
    findings.risks.extend(found.risks);
    findings.pickle = found.pickle;
}

/// A Git LFS pointer stands for a file that was not fetched (git-lfs specification, `docs/spec.md`).
pub(super) fn is_lfs_pointer(content: Content<'_>) -> bool {
    const POINTER_BYTES_MAX: u64 = 1024;
    content.size_bytes <= POINTER_BYTES_MAX
        && content.bytes.starts_with(b"version https://git-lfs.github.com/spec/v1\n")
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn format(bytes: &[u8]) -> ArtifactFormat {
        inspect(Content::of(bytes, bytes.len() as u64)).0
    }

    #[test]
    fn formats_are_told_by_content() {
        assert_eq!(format(b"{\"a\": 1}"), ArtifactFormat::Json);
        assert_eq!(format(b"{\"nbformat\": 4, \"cells\": []}"), ArtifactFormat::Notebook);
        assert_eq!(format(b"{\"a\": 1"), ArtifactFormat::Text);
        assert_eq!(format(b"hello"), ArtifactFormat::Text);
        assert_eq!(format(b""), ArtifactFormat::Text);
        assert_eq!(format(b"\x00\x01\x02\xff"), ArtifactFormat::Unknown);
        assert_eq!(format(b"\x80\x04N."), ArtifactFormat::Pickle);
    }

    #[test]
    fn what_is_only_recognised_says_so() {
        let codes = |bytes: &[u8]| {
            let (format, findings) = inspect(Content::of(bytes, bytes.len() as u64));
            (format, findings.risks.into_iter().map(|risk| risk.code).collect::<Vec<_>>())
        };
        for (bytes, format, code) in [
            (&b"ftrt\0\0\0\0"[..], ArtifactFormat::Tensorrt, "opaque"),
            (b"\x30\0\0\0ET12\0\0", ArtifactFormat::Executorch, "opaque"),
            (b"#!/bin/sh\nexit 0\n", ArtifactFormat::Script, "script"),
            (b"\0asm\x01\0\0\0", ArtifactFormat::Webassembly, "webassembly"),
            (b"\x7fELF\x02\x01\x01", ArtifactFormat::NativeCode, "native-code"),
        ] {
            assert_eq!(codes(bytes), (format, vec![code.to_owned()]));
        }
        // Opcodes of a pickle, of which the mark is the rest of a text.
        let both = b"C\x06..TFL3cos\nsystem\n)R.";
        assert_eq!(codes(both).0, ArtifactFormat::Tflite);
        assert!(codes(both).1.contains(&"polyglot".to_owned()));
    }

    /// Every file that a real library made, cut at a few hundred places.
    #[test]
    fn no_sample_is_cleaner_when_it_is_cut() {
        let samples = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/artifacts/samples");
        let mut count = 0;
        for entry in std::fs::read_dir(samples).unwrap() {
            let name = entry.unwrap().file_name().into_string().unwrap();
            let name = name.strip_suffix(".gz").unwrap();
            let whole = super::super::sample(name);
            count += 1;
            // What these say in their last part is not needed to read them.
            let tolerant = match name {
                "plain.tflite" | "flex.tflite" => whole.len() / 2,
                "lightgbm.txt" => whole.windows(12).position(|window| window == b"end of trees").unwrap(),
                "catboost.pmml" | "frozen.pb" | "plain-fingerprint.pb" | "stream.arrow" => continue,
                _ => whole.len(),
            };
            for length in (1..tolerant).step_by(whole.len() / 200 + 1) {
                let (format, findings) = inspect(Content::of(&whole[..length], length as u64));
                let is_text = matches!(format, ArtifactFormat::Text);
                assert!(is_text || !findings.risks.is_empty(), "{name} {length} {format:?}");
            }
        }
        assert!(count > 20);
    }

    #[test]
    fn a_pointer_is_no_file() {
        let pointer = b"version https://git-lfs.github.com/spec/v1\noid sha256:4d7a\nsize 12345\n";
        assert!(is_lfs_pointer(Content::of(pointer, pointer.len() as u64)));
        assert!(!is_lfs_pointer(Content::of(pointer, 5000)));
    }

    #[test]
    fn what_is_two_things_at_once_is_said() {
        let codes = |bytes: &[u8]| {
            let (format, findings) = inspect(Content::of(bytes, bytes.len() as u64));
            (format, findings.risks.into_iter().map(|risk| risk.code).collect::<Vec<_>>())
        };
        // The length of the header is PROTO and a number that ends in the JSON, which goes on as the program.
        let length = u64::from_le_bytes([0x80, 2, b'G', 0, 0, 0, 0, 0]);
        let mut bytes = [&length.to_le_bytes()[..], b"{\"_cos\nsystem\n)R."].concat();
        bytes.resize(usize::try_from(length).unwrap() + 8, b' ');
        assert_eq!(codes(&bytes).0, ArtifactFormat::Safetensors);
        assert!(codes(&bytes).1.contains(&"polyglot".to_owned()));
        let archive = [&b"PK\x01\x02"[..], &[0; 42], b"PK\x05\x06", &[0; 8], &[46, 0, 0, 0], &[0; 6]].concat();
        assert_eq!(codes(&[b"some text", &archive[..]].concat()).1, ["unknown-format", "polyglot"]);
        assert_eq!(codes(&[b"\x80\x02N.", &archive[..]].concat()).1, ["pickle-trailing-data", "polyglot"]);
    }

    #[test]
    fn a_file_that_is_too_large_to_be_told_is_a_danger() {
        let (format, findings) = inspect(Content::of(b"\x08\x0a\x12", 1 << 40));
        assert_eq!(format, ArtifactFormat::Unknown);
        assert_eq!(findings.risks[0].code, "too-large-to-inspect");
        assert_eq!(findings.risks[0].severity, RiskSeverity::High);
    }

    proptest! {
        #[test]
        fn arbitrary_bytes_never_panic(bytes in prop::collection::vec(any::<u8>(), 0..400)) {
            inspect(Content::of(&bytes, bytes.len() as u64));
            // A file whose end was not kept.
            inspect(Content::of(&bytes, u64::MAX));
        }

        #[test]
        fn marked_bytes_never_panic(
            mark in prop::sample::select(vec![
                &b"PK\x03\x04"[..],
                b"\x80\x04",
                b"\x80\x02c",
                b"\x08\x07\x12",
                b"\x93NUMPY\x01\0",
                b"\x1f\x8b\x08\0",
                b"\x78\x9c",
                b"\x20\0\0\0\0\0\0\0{",
                b"\x89HDF\r\n\x1a\n\0",
                b"\x89HDF\r\n\x1a\n\x02\x08\x08",
                b"\x08\0\0\0TFL3",
                b"CBM1\x40\0\0\0\x04\0\0\0",
                b"{L\0\0\0\0\0\0\0\x07learner",
                b"tree\nversion=v4\n",
                b"\x08\x01\x12\x40\x0a",
                b"\x08\x04\x12\x02",
                b"\x0a\x10\x0a\x01x\x12\x04Add>",
                b"PAR1",
                b"ARROW1\0\0",
                b"\xff\xff\xff\xff\x40\0\0\0\x10\0\0\0",
                b"<PMML version='4.4'>",
                b"<net version='11'>",
            ]),
            bytes in prop::collection::vec(any::<u8>(), 0..400),
        ) {
            let bytes = [mark, &bytes].concat();
            inspect(Content::of(&bytes, bytes.len() as u64));
        }
    }
}
