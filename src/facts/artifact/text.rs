//! Text files: sources, configurations, lists of requirements, templates. Which of these one is says its content; a
//! loader goes by its name, so that each is looked at as whatever it may be.

use std::collections::BTreeMap;
use std::sync::LazyLock;

use regex::Regex;
use saphyr_parser::{Event, Parser};

use super::{Content, Findings, RiskSeverity, chat_template, requirements};

/// Bytes of a text that are read as YAML. A larger one is looked through for tags as they are commonly written.
const YAML_BYTES_MAX: usize = 8 * 1024 * 1024;

/// Tags of one text that are told. One would do.
const TAGS_MAX: usize = 1_000;

/// Modules that one Python source imports from beside itself.
const IMPORTS_MAX: usize = 1_000;

/// What precedes the names of Python's objects in YAML (PyYAML's documentation, "YAML tags and Python types").
const PYTHON_TAG: &str = "tag:yaml.org,2002:python/";

/// Those that construct values, where the others import a module, and most call what is in it.
const PLAIN_TAGS: [&str; 12] =
    ["none", "bool", "str", "unicode", "bytes", "int", "long", "float", "complex", "list", "tuple", "dict"];

/// A tag of Python where YAML has tags, in a text that cannot be parsed.
static TAG_AT_A_VALUE: LazyLock<Option<Regex>> = LazyLock::new(|| {
    Regex::new(r"(?m)(?:^|[:\-?,\[{][ \t]+|[\[{])[ \t]*((?:!!|!<tag:yaml\.org,2002:)python/(\w+))").ok()
});

/// What transformers takes for an import from beside a source (`dynamic_module_utils.get_relative_imports`).
static RELATIVE_IMPORT: LazyLock<Option<Regex>> = LazyLock::new(|| {
    Regex::new(r"(?m)^[ \t]*(?:import[ \t]+\.([\w.]+)[ \t]*\r?$|from[ \t]+\.([\w.]+)[ \t]+import\b)").ok()
});

/// Recognised by being UTF-8 without the character 0.
pub(super) fn inspect(content: Content<'_>) -> Option<Findings> {
    let mut findings = Findings::default();
    look(of(content)?, &mut findings);
    Some(findings)
}

/// The text, if a file is one.
pub(super) fn of(content: Content<'_>) -> Option<&str> {
    let text = std::str::from_utf8(content.bytes).ok().filter(|_| content.is_whole());
    text.filter(|text| !text.contains('\0'))
}

/// Looks at a text of whatever format.
pub(super) fn look(text: &str, findings: &mut Findings) {
    if let Some((offset, way)) = chat_template::way_out_of_braces(text) {
        let message = format!("a template in it uses `{way}`, which leads out of its sandbox");
        findings.risk(offset as u64, RiskSeverity::High, "template-injection", message);
    }
    python_tags(text, findings);
    requirements::look(text, findings);
    findings.inside.imports = relative_imports(text);
}

/// Tags with which YAML imports Python's modules and calls what is in them, unless it is loaded with `safe_load`.
fn python_tags(text: &str, findings: &mut Findings) {
    if !text.contains('!') {
        return;
    }
    let mut tags = BTreeMap::new();
    let is_read = text.len() <= YAML_BYTES_MAX && parsed_tags(text, &mut tags);
    // What our parser does not read another may.
    let more = TAG_AT_A_VALUE.iter().filter(|_| !is_read).flat_map(|regex| regex.captures_iter(text));
    for (tag, name) in more.filter_map(|found| found.get(1).zip(found.get(2))).take(TAGS_MAX) {
        tags.insert(tag.start(), name.as_str().to_owned());
    }
    for (offset, name) in tags {
        let offset = offset as u64;
        if PLAIN_TAGS.contains(&name.as_str()) {
            let message = format!("the tag `!!python/{name}` needs a loader of YAML that is not safe");
            findings.risk(offset, RiskSeverity::Low, "yaml-python-value", message);
        } else {
            let message = format!("the tag `!!python/{name}` has a loader of YAML import code and run it");
            findings.risk(offset, RiskSeverity::High, "yaml-python-object", message);
        }
    }
}

/// The tags of a text by their byte offsets, as far as it can be parsed, and whether that is to its end.
fn parsed_tags(text: &str, tags: &mut BTreeMap<usize, String>) -> bool {
    // The parser counts characters.
    let mut offsets = text.char_indices().map(|(offset, _)| offset).enumerate().peekable();
    for event in Parser::new_from_str(text) {
        let Ok((event, span)) = event else { return false };
        let (Event::Scalar(.., Some(tag)) | Event::SequenceStart(_, Some(tag)) | Event::MappingStart(_, Some(tag))) =
            event
        else {
            continue;
        };
        let whole = format!("{}{}", tag.handle, tag.suffix);
        let Some(name) = whole.strip_prefix(PYTHON_TAG) else { continue };
        let end = name.find(|character: char| !character.is_ascii_alphanumeric()).unwrap_or(name.len());
        while offsets.next_if(|(character, _)| *character < span.start.index()).is_some() {}
        let offset = offsets.peek().map_or(text.len(), |(_, offset)| *offset);
        tags.insert(offset, name.get(..end).unwrap_or_default().to_owned());
        if tags.len() == TAGS_MAX {
            return true;
        }
    }
    true
}

fn relative_imports(text: &str) -> Vec<String> {
    let found = RELATIVE_IMPORT.iter().flat_map(|regex| regex.captures_iter(text));
    let modules = found.filter_map(|found| Some(found.get(1).or_else(|| found.get(2))?.as_str()));
    let mut modules: Vec<String> = modules
        .filter(|module| !module.starts_with('.'))
        .map(|module| module.replace('.', "/"))
        .take(IMPORTS_MAX)
        .collect();
    modules.sort();
    modules.dedup();
    modules
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn found(text: &str) -> Vec<(u64, String, RiskSeverity)> {
        let findings = inspect(Content::of(text.as_bytes(), text.len() as u64)).unwrap();
        findings.risks.into_iter().map(|risk| (risk.offset, risk.code, risk.severity)).collect()
    }

    fn object(offset: u64) -> Vec<(u64, String, RiskSeverity)> {
        vec![(offset, "yaml-python-object".to_owned(), RiskSeverity::High)]
    }

    #[test]
    fn objects_of_python_in_yaml_are_a_danger() {
        // What PyTorch Lightning and argparse leave behind, and what somebody else may.
        assert_eq!(found("args: !!python/object:argparse.Namespace\n  lr: 0.1\n"), object(6));
        assert_eq!(found("é: 1\n!!python/object/apply:os.system [ls]\n").len(), 1);
        assert_eq!(found("- a\n- !!python/object/apply:os.system [ls]\n"), object(6));
        assert_eq!(found("a: !<tag:yaml.org,2002:python/name:os.system> ''\n"), object(3));
        assert_eq!(found("%TAG !p! tag:yaml.org,2002:pyth\n---\n!p!on/object/new:os.system [ls]\n").len(), 1);
        assert_eq!(found("a: !!pyth%6Fn/module:os ''\n"), object(3));
        // What does not parse.
        assert_eq!(found("a: !!python/object/apply:os.system [ls]\nb: [\n"), object(3));
        assert_eq!(found("b: [\n}\n- a: !!python/object/apply:os.system [ls]\n"), object(12));
        assert_eq!(found("shape: !!python/tuple [1, 2]\n"), [(7, "yaml-python-value".to_owned(), RiskSeverity::Low)]);
    }

    #[test]
    fn who_speaks_of_them_is_none() {
        for text in [
            "# args: !!python/object:argparse.Namespace\na: 1\n",
            "a: \"!!python/object:x\"\n",
            "import yaml\nif text.startswith('!!python/object:argparse.Namespace'):\n    print('no!')\n",
            "f.write(\"!!python/object:argparse.Namespace\\n\")\n",
            "Files with the tag `!!python/object:x` are refused!\n",
            "!Ref a\n",
            "model: !new:speechbrain.nnet.linear.Linear\n  n_neurons: 2\n",
        ] {
            assert_eq!(found(text), [], "{text}");
        }
    }

    #[test]
    fn a_template_in_a_file_of_its_own_is_read() {
        let template =
            "{%- for m in messages %}{{ m }}{% endfor %}{{ cycler.__init__.__globals__.os.popen('id').read() }}";
        assert_eq!(found(template), [(62, "template-injection".to_owned(), RiskSeverity::High)]);
    }

    #[test]
    fn imports_from_beside_are_those_of_transformers() {
        let source = "import os\nfrom .configuration_chatglm import ChatGLMConfig\n    from .sub.a import b\n\
                      import .tokenization\nfrom ..up import x\nfrom . import y\nfrom transformers import z\n\
                      from .configuration_chatglm import c\n";
        assert_eq!(relative_imports(source), ["configuration_chatglm", "sub/a", "tokenization"]);
    }

    proptest! {
        #[test]
        fn no_text_panics(text in "[a-z!:%<>{}\\[\\]/é\\-\n ]{0,120}") {
            found(&text);
        }

        #[test]
        fn no_tags_panic(tags in prop::collection::vec("(!!python/|!p!|%TAG |: |\n|- |[a-z/:]{1,6})", 0..30)) {
            found(&tags.concat());
        }
    }
}
