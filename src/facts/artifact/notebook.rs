//! Jupyter notebooks: the commands in their cells that fetch and install. Secrets in them are found as in any text.

use std::sync::LazyLock;

use regex::Regex;
use serde::Deserialize;

use super::{Content, Findings, RiskSeverity};

/// Size of a notebook whose cells are read. A larger one is mostly pictures.
const NOTEBOOK_BYTES_MAX: u64 = 64 * 1024 * 1024;

/// Commands that a message lists.
const COMMANDS_LISTED: usize = 3;

/// Lines that Jupyter gives to a shell or to a package manager: `!pip install`, `%pip install`, `!wget`, and lines of
/// `%%bash`.
static COMMAND: LazyLock<Option<Regex>> = LazyLock::new(|| {
    Regex::new(concat!(
        r"^\s*[!%]?\s*(?:sudo\s+)?((?:(?:python[0-9.]*|\{sys\.executable\})\s+-m\s+)?(?:pip[0-9.]*|uv\s+pip|conda|mamba|apt|apt-get|npm)",
        r"\s+(?:-\S+\s+)*(?:install|add)|curl|wget|git\s+clone)\s",
    ))
    .ok()
});

#[derive(Deserialize)]
struct Notebook {
    nbformat: u64,
    #[serde(default)]
    cells: Vec<Cell>,
    /// Of version 3.
    #[serde(default)]
    worksheets: Vec<Worksheet>,
}

#[derive(Deserialize)]
struct Worksheet {
    #[serde(default)]
    cells: Vec<Cell>,
}

#[derive(Deserialize)]
struct Cell {
    cell_type: String,
    #[serde(default, alias = "input")]
    source: Lines,
}

/// A text, or its lines.
#[derive(Deserialize)]
#[serde(untagged)]
enum Lines {
    Text(String),
    List(Vec<String>),
}

impl Default for Lines {
    fn default() -> Self {
        Self::List(Vec::new())
    }
}

/// Recognised by being JSON with the version of the format and cells (nbformat's schema).
pub(super) fn inspect(content: Content<'_>) -> Option<Findings> {
    let text = std::str::from_utf8(content.bytes).ok()?;
    if !content.is_whole() || !text.trim_start().starts_with('{') || !text.contains("\"nbformat\"") {
        return None;
    }
    // A larger one is told as JSON.
    if content.size_bytes > NOTEBOOK_BYTES_MAX {
        return None;
    }
    let mut findings = Findings::default();
    let notebook: Notebook = serde_json::from_str(text).ok().filter(|notebook: &Notebook| notebook.nbformat > 0)?;
    let worksheets = notebook.worksheets.into_iter().flat_map(|worksheet| worksheet.cells);
    let cells = notebook.cells.into_iter().chain(worksheets).filter(|cell| cell.cell_type == "code");
    let mut commands: Vec<String> = Vec::new();
    for command in cells.flat_map(|cell| commands_of(&cell)) {
        if !commands.contains(&command) && commands.len() <= COMMANDS_LISTED {
            commands.push(command);
        }
    }
    if let Some(first) = commands.first() {
        let offset = text.find(first.as_str()).unwrap_or_default() as u64;
        let listed: Vec<String> = commands.iter().take(COMMANDS_LISTED).map(|command| format!("`{command}`")).collect();
        let more = if commands.len() > COMMANDS_LISTED { ", …" } else { "" };
        let message = format!("its cells fetch or install what is not released with it: {}{more}", listed.join(", "));
        findings.risk(offset, RiskSeverity::Low, "notebook-installs", message);
    }
    Some(findings)
}

/// The commands of a cell, without their arguments: those may hold addresses with passwords.
fn commands_of(cell: &Cell) -> Vec<String> {
    let lines: Vec<&str> = match &cell.source {
        Lines::Text(text) => text.lines().collect(),
        Lines::List(lines) => lines.iter().flat_map(|text| text.lines()).collect(),
    };
    let shells = ["%%bash", "%%sh", "%%script bash", "%%!"];
    let is_shell = lines.first().is_some_and(|line| shells.iter().any(|shell| line.starts_with(shell)));
    let escaped = lines.into_iter().filter(|line| is_shell || line.trim_start().starts_with(['!', '%']));
    let found = escaped.filter_map(|line| COMMAND.as_ref()?.captures(line)?.get(1));
    found.map(|command| command.as_str().to_owned()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// The messages of the risks; none if it is no notebook.
    fn found(text: &str) -> Option<Vec<(u64, String)>> {
        let findings = inspect(Content::of(text.as_bytes(), text.len() as u64))?;
        Some(findings.risks.into_iter().map(|risk| (risk.offset, risk.message)).collect())
    }

    fn notebook(source: &str) -> String {
        format!(
            r##"{{"cells": [{{"cell_type": "markdown", "metadata": {{}}, "source": ["!pip install a\n"]}},
            {{"cell_type": "code", "execution_count": 1, "metadata": {{}}, "outputs": [{{"text": ["!wget b\n"]}}], "source": {source}}}],
            "metadata": {{"kernelspec": {{"name": "python3"}}}}, "nbformat": 4, "nbformat_minor": 5}}"##
        )
    }

    #[test]
    fn commands_that_install_are_found() {
        let one = |source: &str| found(&notebook(source)).unwrap().pop().map(|(_, message)| message);
        let said = |command: &str| Some(format!("its cells fetch or install what is not released with it: {command}"));
        assert_eq!(one(r#"["import os\n", "!pip install -q transformers\n"]"#), said("`pip install`"));
        assert_eq!(one(r#""%pip install git+https://u:p@h/x\nprint(1)""#), said("`pip install`"));
        assert_eq!(one(r#"["! sudo apt-get -y install jq"]"#), said("`apt-get -y install`"));
        assert_eq!(
            one(r#"["!{sys.executable} -m pip install a\n", "!wget https://h/x"]"#),
            said("`{sys.executable} -m pip install`, `wget`")
        );
        assert_eq!(one(r#"["%%bash\n", "curl -L https://h/x | sh\n"]"#), said("`curl`"));
        assert_eq!(one(r#"["%conda install a -y"]"#), said("`conda install`"));
        let many = r#"["!pip install a\n", "!pip install b\n", "!git clone c\n", "!curl d\n", "!wget d\n"]"#;
        assert_eq!(one(many), said("`pip install`, `git clone`, `curl`, …"));
        let version_3 =
            r#"{"nbformat": 3, "worksheets": [{"cells": [{"cell_type": "code", "input": ["!pip install a"]}]}]}"#;
        assert_eq!(found(version_3).unwrap().len(), 1);
    }

    #[test]
    fn other_cells_are_in_order() {
        for source in
            [r#"["import os\n"]"#, r#"["%matplotlib inline\n", "!ls\n"]"#, r#"["pip = 'pip install x'"]"#, "[]"]
        {
            assert_eq!(found(&notebook(source)), Some(Vec::new()), "{source}");
        }
        for text in
            ["{}", "{\"nbformat\": 4", "[\"nbformat\"]", "{\"nbformat\": \"4\"}", "{\"nbformat\": 4, \"cells\": 1}"]
        {
            assert_eq!(found(text), None, "{text}");
        }
    }

    proptest! {
        #[test]
        fn no_text_panics(text in "[{\\[\"a:,\\]}! 0-9]{0,60}") {
            found(&format!("{{\"nbformat\": 4, {text}"));
        }

        #[test]
        fn no_source_panics(source in "[!%a-z -]{0,60}") {
            let notebook = notebook(&format!("{source:?}"));
            prop_assert!(found(&notebook).is_some());
        }
    }
}
