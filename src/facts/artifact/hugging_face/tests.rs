use proptest::prelude::*;

use super::*;

fn found(text: &str) -> Findings {
    let mut findings = Findings::default();
    look(&Document::read(text.as_bytes()).unwrap(), text.as_bytes(), &mut findings);
    findings
}

/// Codes of the risks.
fn codes(findings: &Findings) -> Vec<&str> {
    findings.risks.iter().map(|risk| risk.code.as_str()).collect()
}

/// Files that loading runs code from.
fn files(findings: &Findings) -> Vec<&str> {
    findings.inside.code.iter().map(|code| code.file.as_str()).collect()
}

/// Of `sentence-transformers/all-MiniLM-L6-v2`.
const MINI_LM: &str = r#"{
  "_name_or_path": "nreimers/MiniLM-L6-H384-uncased", "architectures": ["BertModel"],
  "attention_probs_dropout_prob": 0.1, "gradient_checkpointing": false, "hidden_act": "gelu", "hidden_dropout_prob": 0.1,
  "hidden_size": 384, "initializer_range": 0.02, "intermediate_size": 1536, "layer_norm_eps": 1e-12,
  "max_position_embeddings": 512, "model_type": "bert", "num_attention_heads": 12, "num_hidden_layers": 6,
  "pad_token_id": 0, "position_embedding_type": "absolute", "transformers_version": "4.8.2", "type_vocab_size": 2,
  "use_cache": true, "vocab_size": 30522
}"#;

#[test]
fn a_configuration_says_what_the_model_is() {
    let findings = found(MINI_LM);
    let expected = MetadataFacts {
        framework: Some("transformers".to_owned()),
        framework_version: Some("4.8.2".to_owned()),
        architecture: Some("BertModel".to_owned()),
        base_models: vec!["nreimers/MiniLM-L6-H384-uncased".to_owned()],
        ..MetadataFacts::default()
    };
    assert_eq!((findings.metadata, findings.risks), (expected, Vec::new()));
    let versions =
        r#"{"__version__": {"sentence_transformers": "2.2.2", "transformers": "4.28.1", "pytorch": "2.0.1+cu117"}}"#;
    let metadata = found(versions).metadata;
    assert_eq!(metadata.framework.as_deref(), Some("sentence-transformers"));
    assert_eq!(metadata.framework_version.as_deref(), Some("2.2.2"));
    assert_eq!(found(r#"{"learning_rate": 0.1, "base_score": [0.5, 1]}"#).metadata, MetadataFacts::default());
}

#[test]
fn an_adapter_names_its_base_model() {
    // Of a LoRA of Llama 2 (PEFT 0.10).
    let adapter = r#"{"alpha_pattern": {}, "auto_mapping": null, "base_model_name_or_path": "meta-llama/Llama-2-7b-hf",
        "bias": "none", "fan_in_fan_out": false, "inference_mode": true, "lora_alpha": 16, "peft_type": "LORA", "r": 64,
        "target_modules": ["q_proj", "v_proj"], "task_type": "CAUSAL_LM", "use_dora": false}"#;
    let metadata = found(adapter).metadata;
    assert_eq!((metadata.framework.as_deref(), metadata.architecture.as_deref()), (Some("peft"), Some("LORA")));
    assert_eq!(metadata.base_models, ["meta-llama/Llama-2-7b-hf"]);
    let own = |library: &str| {
        let mapping = format!(r#"{{"base_model_class": "QWenLMHeadModel", "parent_library": "{library}"}}"#);
        found(&adapter.replace("\"auto_mapping\": null", &format!("\"auto_mapping\": {mapping}"))).metadata.custom_code
    };
    assert_eq!(own("transformers.models.bert.modeling_bert"), Vec::<String>::new());
    let library = "transformers_modules.Qwen.Qwen-7B.modeling_qwen";
    assert_eq!(own(library), [format!("{library}.QWenLMHeadModel")]);
}

#[test]
fn names_of_models_are_no_paths() {
    for name in ["bert-base-uncased", "meta-llama/Llama-2-7b-hf", "Qwen/Qwen2.5-0.5B"] {
        assert!(is_model_name(name), "{name}");
    }
    for path in ["", "/data/llama", "./out", "../out", "~/x", "a/b/c", "C:\\models", "out/", "https://h/x", "a b"] {
        assert!(!is_model_name(path), "{path}");
    }
}

#[test]
fn code_that_loading_runs_is_named() {
    // Of Molmo 7B, MiniCPM-V 2.6, InternVL2 and h2oGPT, as far as it matters here.
    let molmo = found(
        r#"{"architectures": ["MolmoForCausalLM"], "auto_map": {"AutoConfig": "config_molmo.MolmoConfig",
            "AutoModelForCausalLM": "modeling_molmo.MolmoForCausalLM"}, "model_type": "molmo"}"#,
    );
    assert_eq!(molmo.metadata.custom_code, ["config_molmo.MolmoConfig", "modeling_molmo.MolmoForCausalLM"]);
    assert_eq!((codes(&molmo), files(&molmo)), (vec!["custom-code"; 2], vec!["config_molmo.py", "modeling_molmo.py"]));
    assert_eq!((molmo.risks[0].offset, molmo.risks[0].severity), (68, RiskSeverity::Low));
    let mini = found(
        r#"{"auto_map": {"AutoTokenizer": ["tokenization_minicpmv_fast.MiniCPMVTokenizerFast", null]},
            "tokenizer_class": "MiniCPMVTokenizerFast"}"#,
    );
    assert_eq!(files(&mini), ["tokenization_minicpmv_fast.py"]);
    let intern = found(r#"{"llm_config": {"auto_map": {"AutoModel": "modeling_internlm2.InternLM2ForCausalLM"}}}"#);
    assert_eq!(files(&intern), ["modeling_internlm2.py"]);
    let pipeline = found(
        r#"{"custom_pipelines": {"text-generation": {"impl": "h2oai_pipeline.H2OTextGenerationPipeline",
            "pt": "AutoModelForCausalLM"}}}"#,
    );
    assert_eq!(pipeline.metadata.custom_code, ["h2oai_pipeline.H2OTextGenerationPipeline"]);
    // Code of another repository: it is whatever is there on the day.
    let elsewhere =
        found(r#"{"auto_map": {"AutoConfig": "jinaai/jina-bert-implementation--configuration_bert.JinaBertConfig"}}"#);
    assert_eq!((codes(&elsewhere), files(&elsewhere)), (vec!["custom-code-elsewhere"], vec![]));
    assert_eq!(elsewhere.risks[0].severity, RiskSeverity::Medium);
    // Escapes hide nothing.
    assert_eq!(files(&found(r#"{"auto\u005fmap": {"AutoModel": "\u0061.B"}}"#)), ["a.py"]);
}

#[test]
fn modules_of_sentence_transformers_are_classes() {
    let modules = r#"[{"idx": 0, "name": "0", "path": "", "type": "sentence_transformers.models.Transformer"},
        {"idx": 1, "name": "1", "path": "1_Pooling", "type": "sentence_transformers.models.Pooling"}]"#;
    let findings = found(modules);
    assert_eq!((codes(&findings), findings.metadata.framework.as_deref()), (vec![], Some("sentence-transformers")));
    let own = found(&modules.replace("sentence_transformers.models.Transformer", "custom_st.Transformer"));
    assert_eq!(
        (own.metadata.custom_code.as_slice(), files(&own)),
        (&["custom_st.Transformer".to_owned()][..], vec!["custom_st.py"])
    );
    assert_eq!(codes(&found(r#"[{"type": "a"}, 1]"#)), Vec::<&str>::new());
    let many = format!("[{{\"path\": \"\", \"type\": \"a.B\"}}{}]", ",{\"x\": 1}".repeat(100_000));
    assert_eq!(codes(&found(&many)), ["custom-code", "too-large-to-inspect"]);
}

#[test]
fn components_of_pipelines_come_from_libraries() {
    // Of Stable Diffusion 1.5.
    let pipeline = r#"{"_class_name": "StableDiffusionPipeline", "_diffusers_version": "0.6.0",
        "feature_extractor": ["transformers", "CLIPImageProcessor"], "safety_checker": ["stable_diffusion",
        "StableDiffusionSafetyChecker"], "scheduler": ["diffusers", "PNDMScheduler"], "image_encoder": [null, null],
        "text_encoder": ["transformers", "CLIPTextModel"], "unet": ["diffusers", "UNet2DConditionModel"]}"#;
    let findings = found(pipeline);
    assert_eq!((codes(&findings), findings.metadata.framework_version.as_deref()), (vec![], Some("0.6.0")));
    let own = found(&pipeline.replace("\"diffusers\", \"UNet", "\"my_unet\", \"UNet"));
    assert_eq!(
        (own.metadata.custom_code.as_slice(), files(&own)),
        (&["my_unet.UNet2DConditionModel".to_owned()][..], vec!["unet/my_unet.py"])
    );
    let own = found(r#"{"_class_name": ["my_pipeline", "MyPipeline"], "vae": ["subprocess", "Popen", {"a": 1}]}"#);
    assert_eq!(files(&own), ["my_pipeline.py", "vae/subprocess.py"]);
    // A component's configuration has lists that name no library.
    let unet = r#"{"_class_name": "UNet2DModel", "_diffusers_version": "0.6.0", "down_block_types": ["DownBlock2D",
        "AttnDownBlock2D"], "_use_default_values": ["a", "b"]}"#;
    assert_eq!(codes(&found(unet)), Vec::<&str>::new());
}

#[test]
fn templates_are_read_with_and_without_names() {
    assert_eq!(
        codes(&found(r#"{"chat_template": "{% for m in messages %}{{ m['content'] }}{% endfor %}"}"#)),
        Vec::<&str>::new()
    );
    let way_out = r#"{"chat_template": [{"name": "default", "template": "{{ m }}"},
        {"name": "tool_use", "template": "{{ ().__class__.__base__ }}"}]}"#;
    let findings = found(way_out);
    assert_eq!((codes(&findings), findings.risks[0].severity), (vec!["template-injection"], RiskSeverity::High));
}

#[test]
fn an_index_says_where_the_tensors_are() {
    let index = r#"{"metadata": {"total_parameters": 10, "total_size": 6171877376}, "weight_map": {
        "lm_head.weight": "model-00002-of-00002.safetensors", "model.norm.weight": "model-00002-of-00002.safetensors",
        "model.embed_tokens.weight": "model-00001-of-00002.safetensors"}}"#;
    let read = found(index).inside.index.unwrap();
    let shard = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect::<Vec<_>>();
    let expected = Index {
        shards: BTreeMap::from([
            ("model-00001-of-00002.safetensors".to_owned(), shard(&["model.embed_tokens.weight"])),
            ("model-00002-of-00002.safetensors".to_owned(), shard(&["lm_head.weight", "model.norm.weight"])),
        ]),
        total_bytes: Some(6_171_877_376),
        total_parameters: Some(10),
    };
    assert_eq!(read, expected);
    let broken = found(r#"{"weight_map": {"a": 1}}"#);
    assert_eq!((codes(&broken), broken.inside.index.is_none()), (vec!["index-malformed"], true));
    assert_eq!(codes(&found(r#"{"weight_map": {}, "weight_map": {"a": "b"}}"#)), ["json-duplicate-key"]);
}

#[test]
fn a_mapping_of_lists_is_no_pipeline() {
    let labels: Vec<String> = (0..20_000).map(|number| format!("\"{number}\": [\"a\", \"b\"]")).collect();
    let labels = format!("{{{}}}", labels.join(","));
    assert_eq!(codes(&found(&labels)), Vec::<&str>::new());
    let pipeline = labels.replacen('{', "{\"_class_name\": \"XPipeline\", ", 1);
    assert!(codes(&found(&pipeline)).contains(&"too-large-to-inspect"));
}

proptest! {
    #[test]
    fn no_values_panic(
        entries in prop::collection::vec(
            (
                prop::sample::select(vec!["auto_map", "weight_map", "metadata", "_class_name", "chat_template", "unet", "__version__", "x_config", "custom_pipelines", "auto_mapping"]),
                prop::sample::select(vec!["null", "1", "\"a--b.c\"", "[\"a\", \"b\"]", "{\"impl\": \"é.é\"}", "{\"auto_map\": [1, \"..\"]}", "[[[]]]", "{\"parent_library\": \"\"}"]),
            ),
            0..8,
        ),
    ) {
        let entries: Vec<String> = entries.iter().map(|(key, value)| format!("\"{key}\": {value}")).collect();
        found(&format!("{{{}}}", entries.join(",")));
        found(&format!("[{{{}}}]", entries.join(",")));
    }
}
