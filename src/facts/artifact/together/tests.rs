use std::num::NonZeroUsize;

use proptest::prelude::*;

use super::*;
use crate::facts::artifact::{FileInput, Inspection, Limits, inspect};
use crate::manifest::raw::ArtifactRole;

/// A file of safetensors with a float for each name.
fn safetensors(names: &[&str]) -> Vec<u8> {
    let tensor = |(number, name): (usize, &&str)| {
        format!("\"{name}\":{{\"dtype\":\"F32\",\"shape\":[1],\"data_offsets\":[{},{}]}}", 4 * number, 4 * number + 4)
    };
    let header = format!("{{{}}}", names.iter().enumerate().map(tensor).collect::<Vec<_>>().join(","));
    let mut bytes = [&(header.len() as u64).to_le_bytes()[..], header.as_bytes()].concat();
    bytes.resize(bytes.len() + 4 * names.len(), 0);
    bytes
}

/// What is found in files together.
fn facts(files: &[(&str, &[u8])]) -> Vec<ArtifactFacts> {
    let directory = tempfile::tempdir().unwrap();
    let paths: Vec<_> = files.iter().map(|(path, _)| directory.path().join(path)).collect();
    for (path, (_, bytes)) in paths.iter().zip(files) {
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, bytes).unwrap();
    }
    let inputs = files.iter().zip(&paths);
    let inputs: Vec<_> =
        inputs.map(|((path, _), absolute)| FileInput { path, absolute, role: ArtifactRole::Model }).collect();
    let Inspection { files, .. } =
        inspect(&inputs, Limits { threads: NonZeroUsize::new(2).unwrap(), ..Limits::default() });
    files.into_iter().map(Result::unwrap).collect()
}

/// The codes and severities of the risks of the first file, with the others beside it.
fn risks(files: &[(&str, &[u8])]) -> Vec<(String, RiskSeverity)> {
    let first = facts(files).swap_remove(0);
    first.risks.into_iter().map(|risk| (risk.code, risk.severity)).collect()
}

fn risk(code: &str, severity: RiskSeverity) -> Vec<(String, RiskSeverity)> {
    vec![(code.to_owned(), severity)]
}

const INDEX: &str = r#"{"metadata": {"total_size": 12}, "weight_map": {"a": "m-1.safetensors", "b": "m-1.safetensors",
    "c": "m-2.safetensors"}}"#;

/// The index with two shards beside it.
fn indexed(index: &str, one: &[&str], two: &[&str]) -> Vec<(String, RiskSeverity)> {
    let (one, two) = (safetensors(one), safetensors(two));
    risks(&[("x/m.index.json", index.as_bytes()), ("x/m-1.safetensors", &one), ("x/m-2.safetensors", &two)])
}

#[test]
fn an_index_and_its_shards_agree() {
    assert_eq!(indexed(INDEX, &["a", "b"], &["c"]), []);
    let (one, two) = (safetensors(&["a", "b"]), safetensors(&["c"]));
    let found = facts(&[("m.index.json", INDEX.as_bytes()), ("m-1.safetensors", &one), ("m-2.safetensors", &two)]);
    assert_eq!(found[0].metadata.parameters, Some(3));
    let stated = INDEX.replace("12", "12, \"total_parameters\": 3");
    assert_eq!(indexed(&stated, &["a", "b"], &["c"]), []);
}

#[test]
fn an_index_that_is_wrong_is_said() {
    use RiskSeverity::{High, Low};
    let missing = risk("index-missing-tensor", High);
    assert_eq!(indexed(INDEX, &["a", "x"], &["c"]), [risk("index-unnamed-tensor", Low), missing.clone()].concat());
    assert_eq!(indexed(&INDEX.replace("12", "8"), &["a"], &["c"]), missing);
    assert_eq!(indexed(INDEX, &["a", "b", "d"], &["c"]).len(), 2);
    let differs = risk("index-total-differs", Low);
    assert_eq!(indexed(&INDEX.replace("12", "13"), &["a", "b"], &["c"]), differs);
    assert_eq!(indexed(&INDEX.replace("12", "12, \"total_parameters\": 4"), &["a", "b"], &["c"]), differs);
    assert_eq!(indexed(&INDEX.replace("12", "12, \"total_parameters\": 2"), &["a", "b"], &["c"]), []);
    // A shard that is elsewhere, is no safetensors, or is not there.
    let one = safetensors(&["a", "b"]);
    let shard = risk("index-missing-shard", High);
    let index = INDEX.as_bytes();
    assert_eq!(
        risks(&[("x/i.json", index), ("x/m-1.safetensors", &one), ("m-2.safetensors", &safetensors(&["c"]))]),
        shard
    );
    let text = [("i.json", index), ("m-1.safetensors", &one), ("m-2.safetensors", &b"text"[..])];
    assert_eq!(risks(&text), risk("index-not-compared", High));
    let escapes = INDEX.replace("m-2.", "../m-2.");
    assert_eq!(risks(&[("x/i.json", escapes.as_bytes()), ("x/m-1.safetensors", &one)]), shard);
}

#[test]
fn an_index_of_pickles_is_compared_by_its_files() {
    let index = br#"{"metadata": {"total_size": 4}, "weight_map": {"a": "pytorch_model-00001-of-00001.bin"}}"#;
    assert_eq!(risks(&[("i.json", index), ("pytorch_model-00001-of-00001.bin", b"\x80\x02N.")]), []);
    assert_eq!(risks(&[("i.json", index)]), risk("index-missing-shard", RiskSeverity::High));
}

#[test]
fn code_is_there_with_all_that_it_imports() {
    let config = br#"{"auto_map": {"AutoModel": "modeling_x.XModel"}}"#;
    let low = risk("custom-code", RiskSeverity::Low);
    let missing = [low.clone(), risk("custom-code-missing", RiskSeverity::Medium)].concat();
    assert_eq!(risks(&[("config.json", config)]), missing);
    assert_eq!(risks(&[("config.json", config), ("sub/modeling_x.py", b"x = 1\n")]), missing);
    assert_eq!(risks(&[("a/config.json", config), ("a/modeling_x.py", b"x = 1\n")]), low);
    let source = b"from .configuration_x import XConfig\n";
    assert_eq!(risks(&[("config.json", config), ("modeling_x.py", source)]), missing);
    // Two that import each other.
    let other = b"from .modeling_x import XModel\n";
    assert_eq!(risks(&[("config.json", config), ("modeling_x.py", source), ("configuration_x.py", other)]), low);
    // A source that nobody names needs nothing.
    assert_eq!(risks(&[("modeling_x.py", source)]), []);
}

#[test]
fn a_configuration_that_is_something_else_as_well_hides_nothing() {
    let code = r#""auto_map": {"AutoModel": "modeling_x.XModel"}"#;
    let notebook = format!(r#"{{"nbformat": 4, "cells": [], {code}}}"#);
    let code = [risk("custom-code", RiskSeverity::Low), risk("custom-code-missing", RiskSeverity::Medium)].concat();
    assert_eq!(risks(&[("config.json", notebook.as_bytes())]), code);
    // A source that says who runs it is a script, and imports all the same.
    let config = br#"{"auto_map": {"AutoModel": "modeling_x.XModel"}}"#;
    assert_eq!(
        risks(&[("config.json", config), ("modeling_x.py", b"#!/usr/bin/env python3\nfrom .y import z\n")]),
        code
    );
    assert_eq!(risks(&[("modeling_x.py", b"#!/usr/bin/env python3\nx = 1\n")]), risk("script", RiskSeverity::Low));
    let unsafe_yaml = b"#!/usr/bin/env python3\n!!python/object/apply:os.system [ls]\n";
    let found = risks(&[("m.yaml", unsafe_yaml)]);
    assert!(found.contains(&("yaml-python-object".to_owned(), RiskSeverity::High)), "{found:?}");
}

#[test]
fn weights_that_are_there_twice_are_said() {
    let twin = risk("pickle-beside-safetensors", RiskSeverity::Low);
    let (pickle, data) = (b"\x80\x02N.", safetensors(&["a"]));
    assert_eq!(risks(&[("pytorch_model.bin", pickle), ("model.safetensors", &data)]), twin);
    assert_eq!(
        risks(&[("u/diffusion_pytorch_model.bin", pickle), ("u/diffusion_pytorch_model.safetensors", &data)]),
        twin
    );
    assert_eq!(
        risks(&[("pytorch_model-00001-of-00002.bin", pickle), ("model-00001-of-00003.safetensors", &data)]),
        twin
    );
    assert_eq!(risks(&[("training_args.bin", pickle), ("model.safetensors", &data)]), []);
    assert_eq!(risks(&[("pytorch_model.bin", pickle), ("u/model.safetensors", &data)]), []);
}

#[test]
fn files_of_tensors_are_there_and_long_enough() {
    let bytes = |number: u8, content: &[u8]| [&[number << 3 | 2, content.len() as u8], content].concat();
    let entry = |key: &[u8], value: &[u8]| bytes(13, &[bytes(1, key), bytes(2, value)].concat());
    let tensor =
        [bytes(8, b"w"), entry(b"location", b"w.bin"), entry(b"offset", b"4"), entry(b"length", b"6")].concat();
    let graph = bytes(5, &tensor);
    let model = [vec![1 << 3, 10], bytes(7, &graph), bytes(8, &[2 << 3, 21])].concat();
    assert_eq!(risks(&[("a/m.onnx", &model), ("a/w.bin", &[0; 10])]), []);
    assert_eq!(
        risks(&[("a/m.onnx", &model), ("a/w.bin", &[0; 9])]),
        risk("onnx-external-data-cut", RiskSeverity::High)
    );
    let missing = risk("onnx-external-data-missing", RiskSeverity::Medium);
    assert_eq!(risks(&[("a/m.onnx", &model), ("w.bin", &[0; 10])]), missing);
}

#[test]
fn paths_are_relative_to_who_names_them() {
    assert_eq!(beside("a/b.json", "c.bin").as_deref(), Some("a/c.bin"));
    assert_eq!(beside("b.json", "./c//d.bin").as_deref(), Some("c/d.bin"));
    assert_eq!(beside("a/b.json", "../c.bin").as_deref(), Some("c.bin"));
    for location in ["../../c", "/c", "a\\c"] {
        assert_eq!(beside("a/b.json", location), None, "{location}");
    }
}

/// A model of sentence-transformers as it is published, its larger files cut down to what speaks.
#[test]
fn a_repository_in_order_has_no_risks() {
    let config =
        br#"{"_name_or_path": "nreimers/MiniLM-L6-H384-uncased", "architectures": ["BertModel"], "model_type": "bert",
        "hidden_size": 384, "transformers_version": "4.8.2", "vocab_size": 30522}"#;
    let modules = br#"[{"idx": 0, "name": "0", "path": "", "type": "sentence_transformers.models.Transformer"},
        {"idx": 1, "name": "1", "path": "1_Pooling", "type": "sentence_transformers.models.Pooling"},
        {"idx": 2, "name": "2", "path": "2_Normalize", "type": "sentence_transformers.models.Normalize"}]"#;
    let tokenizer = br#"{"version": "1.0", "truncation": {"max_length": 128}, "added_tokens": [{"id": 0, "content": "[PAD]"}],
        "normalizer": {"type": "BertNormalizer"}, "model": {"type": "WordPiece", "unk_token": "[UNK]", "vocab": {"[PAD]": 0,
        "password": 20786, "secret": 3595, "token": 19204, "key": 3145, "ing": 1035}}}"#;
    let card = b"---\nlicense: apache-2.0\npipeline_tag: sentence-similarity\n---\n# all-MiniLM-L6-v2\n\n\
        ```\npip install -U sentence-transformers\n```\n\n```python\nfrom sentence_transformers import SentenceTransformer\n\
        model = SentenceTransformer('sentence-transformers/all-MiniLM-L6-v2')\n```\n\n- a\n- b\n";
    let files: [(&str, &[u8]); 10] = [
        ("config.json", config),
        ("modules.json", modules),
        ("tokenizer.json", tokenizer),
        ("README.md", card),
        ("1_Pooling/config.json", b"{\"word_embedding_dimension\": 384, \"pooling_mode_mean_tokens\": true}"),
        ("sentence_bert_config.json", b"{\"max_seq_length\": 256, \"do_lower_case\": false}"),
        ("special_tokens_map.json", b"{\"unk_token\": \"[UNK]\", \"sep_token\": \"[SEP]\", \"pad_token\": \"[PAD]\"}"),
        (
            "tokenizer_config.json",
            b"{\"do_lower_case\": true, \"tokenizer_class\": \"BertTokenizer\", \"unk_token\": \"[UNK]\"}",
        ),
        ("vocab.txt", b"[PAD]\n[unused0]\n!\nthe\n##ing\npassword\n"),
        ("model.safetensors", &safetensors(&["embeddings.word_embeddings.weight"])),
    ];
    for facts in facts(&files) {
        assert_eq!(facts.risks, [], "{}", facts.file.path);
        assert_eq!(facts.metadata.custom_code, Vec::<String>::new());
    }
}

#[test]
fn what_is_kept_in_the_cache_says_as_much() {
    let directory = tempfile::tempdir().unwrap();
    let absolute = directory.path().join("m.safetensors");
    std::fs::write(&absolute, safetensors(&["a", "b"])).unwrap();
    let input = FileInput { path: "m.safetensors", absolute: &absolute, role: ArtifactRole::Model };
    let inspected = crate::facts::artifact::inspect_file(input, &mut Vec::new()).unwrap();
    let kept: Inspected = serde_json::from_slice(&serde_json::to_vec(&inspected).unwrap()).unwrap();
    assert_eq!(kept.inside.tensors.unwrap().names, BTreeSet::from(["a".to_owned(), "b".to_owned()]));
    assert_eq!(kept.facts, inspected.facts);
}

proptest! {
    #[test]
    fn no_paths_panic(path in "[a./]{0,10}", location in "[a./é]{0,12}") {
        beside(&path, &location);
    }
}
