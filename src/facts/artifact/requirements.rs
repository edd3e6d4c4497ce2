//! Lists of Python packages: `requirements.txt`, and the environments of conda and MLflow. What is installed beside a
//! model runs with it.

use std::sync::LazyLock;

use regex::Regex;

use super::{Findings, Risk, RiskSeverity};
use crate::document::Document;

/// Lines of a list. An environment that was frozen has some hundred.
const LINES_MAX: usize = 10_000;

/// Packages that a message lists.
const NAMES_LISTED: usize = 5;

/// Options of pip that may stand in a list (pip's documentation, "Requirements File Format").
const OPTIONS: &[&str] = &[
    "-c",
    "-e",
    "-f",
    "-i",
    "-r",
    "--constraint",
    "--editable",
    "--extra-index-url",
    "--find-links",
    "--index-url",
    "--no-binary",
    "--no-index",
    "--only-binary",
    "--pre",
    "--prefer-binary",
    "--requirement",
    "--require-hashes",
    "--trusted-host",
    "--use-feature",
];

/// Hosts of indexes that builds of well-known packages are taken from, each by its owner, beside the index that
/// everything else comes from.
const KNOWN_INDEXES: [&str; 4] = ["download.pytorch.org", "pypi.nvidia.com", "pypi.ngc.nvidia.com", "data.pyg.org"];

/// What installs the others, whose version MLflow and conda give as a bound.
const INSTALLERS: [&str; 3] = ["pip", "setuptools", "wheel"];

/// A requirement (PEP 508): a name, perhaps with extras, and what follows.
static REQUIREMENT: LazyLock<Option<Regex>> = LazyLock::new(|| {
    Regex::new(
        r"^([A-Za-z0-9](?:[A-Za-z0-9._-]*[A-Za-z0-9])?)\s*(?:\[[\w\s,.-]*\])?\s*((?:={2,3}|[<>]|[!~]=|[;@(]|--hash)[\S\s]*)?$",
    )
    .ok()
});

/// One version and no other: `==1.2` or `===1.2`, and no `==1.*`.
static PINNED: LazyLock<Option<Regex>> =
    LazyLock::new(|| Regex::new(r"^\(?\s*={2,3}\s*[^\s,*;]+\s*\)?\s*(?:;|--hash|$)").ok());

/// A commit in an address of a version control system.
static COMMIT: LazyLock<Option<Regex>> = LazyLock::new(|| Regex::new(r"@[0-9a-f]{40}(?:[#?&;\s]|$)").ok());

/// Looks at a text that may be such a list. One of bare names may be anything: what is found in it counts if the file
/// has the name of one.
pub(super) fn look(text: &str, findings: &mut Findings) {
    if text.lines().any(|line| line.trim_end() == "dependencies:") {
        environment(text, findings);
        return;
    }
    let mut list = List::default();
    for (offset, line) in lines(text) {
        if !list.line(offset, &line) {
            return;
        }
    }
    let says_what_it_is = list.says_what_it_is;
    let risks = list.risks();
    if says_what_it_is {
        findings.risks.extend(risks);
    } else {
        findings.inside.of_requirements = risks;
    }
}

/// Whether pip is given a file of this name, by custom.
pub(super) fn is_named_so(path: &str) -> bool {
    let name = path.rsplit('/').next().unwrap_or_default();
    name.contains("requirements") && name.ends_with(".txt") || name == "constraints.txt"
}

/// Lines without comments, those that go on in the next as one; and one more than there may be.
fn lines(text: &str) -> impl Iterator<Item = (usize, String)> {
    let mut position = 0;
    let mut joined: Option<(usize, String)> = None;
    text.split_inclusive('\n')
        .filter_map(move |line| {
            let start = position;
            position += line.len();
            // A comment begins at `#` after white space, as an address may have one.
            let before = |at: usize| line.get(..at).unwrap_or_default();
            let mut comments = line.match_indices('#').map(|(at, _)| before(at));
            let content = comments.find(|before| before.is_empty() || before.ends_with([' ', '\t']));
            let content = content.unwrap_or(line).trim();
            let (first, mut whole) = joined.take().unwrap_or((start, String::new()));
            if let Some(content) = content.strip_suffix('\\') {
                whole.push_str(content);
                joined = Some((first, whole));
                return None;
            }
            whole.push_str(content);
            (!whole.trim().is_empty()).then(|| (first, whole.trim().to_owned()))
        })
        .take(LINES_MAX + 1)
}

/// What was found in a list.
#[derive(Default)]
struct List {
    count: usize,
    unpinned: Vec<String>,
    /// Where the first of them is.
    first_unpinned: u64,
    says_what_it_is: bool,
    risks: Vec<Risk>,
}

impl List {
    fn risk(&mut self, offset: usize, severity: RiskSeverity, code: &str, message: String) {
        self.risks.push(Risk { offset: offset as u64, severity, code: code.to_owned(), message });
    }

    fn unpinned(&mut self, offset: usize, name: &str) {
        if self.unpinned.is_empty() {
            self.first_unpinned = offset as u64;
        }
        self.unpinned.push(name.to_owned());
    }

    /// Takes a line; false if no list of requirements has it.
    fn line(&mut self, offset: usize, line: &str) -> bool {
        self.count += 1;
        if self.count > LINES_MAX {
            return false;
        }
        if line.starts_with('-') {
            return self.option(offset, line);
        }
        if is_address(line) {
            self.says_what_it_is = true;
            self.address(offset, line, None);
            return true;
        }
        if line.starts_with(['.', '/']) || line.ends_with(".whl") {
            return !line.contains(char::is_whitespace);
        }
        let Some(captures) = REQUIREMENT.as_ref().and_then(|regex| regex.captures(line)) else { return false };
        let name = captures.get(1).map_or("", |name| name.as_str());
        let rest = captures.get(2).map_or("", |rest| rest.as_str());
        self.says_what_it_is |= rest.starts_with(['=', '<', '>', '!', '~', '@']);
        if let Some(address) = rest.strip_prefix('@') {
            self.address(offset, address.trim(), Some(name));
        } else if !PINNED.as_ref().is_some_and(|regex| regex.is_match(rest)) && !rest.starts_with("--hash") {
            self.unpinned(offset, name);
        }
        true
    }

    fn option(&mut self, offset: usize, line: &str) -> bool {
        let (option, value) = line.split_once([' ', '=', '\t']).unwrap_or((line, ""));
        let value = value.trim();
        if !OPTIONS.contains(&option) {
            return false;
        }
        // A list of one letter and a dash is Markdown's as well.
        self.says_what_it_is |= option.starts_with("--") || !value.is_empty();
        let host = host_of(value);
        let without_tls = value.starts_with("http://") && !is_local(host);
        match option {
            "--extra-index-url" if !KNOWN_INDEXES.contains(&host) => {
                let message = format!(
                    "packages may come from `{host}` or from the main index, whichever has the higher version: who \
                     registers a private package's name there has theirs installed"
                );
                self.risk(offset, RiskSeverity::Medium, "requirements-extra-index", message);
            }
            "--trusted-host" => {
                let message = "packages are installed from a host whose certificate is not checked".to_owned();
                self.risk(offset, RiskSeverity::Medium, "requirements-trusted-host", message);
            }
            "-e" | "--editable" if is_address(value) => self.address(offset, value, None),
            "-i" | "-f" | "--index-url" | "--find-links" if without_tls => self.without_tls(offset, host),
            _ => {}
        }
        if option == "--extra-index-url" && without_tls {
            self.without_tls(offset, host);
        }
        true
    }

    fn without_tls(&mut self, offset: usize, host: &str) {
        let message =
            format!("packages come from `{host}` without encryption: whoever is on the way can exchange them");
        self.risk(offset, RiskSeverity::Medium, "requirements-without-tls", message);
    }

    /// A package that is taken from an address, which may hold a password and is not told.
    fn address(&mut self, offset: usize, address: &str, name: Option<&str>) {
        let host = host_of(address);
        let package = name.map_or_else(|| format!("a package from `{host}`"), |name| format!("`{name}`"));
        let is_version_control = ["git+", "hg+", "svn+", "bzr+"].iter().any(|system| address.starts_with(system));
        let scheme = address.split("://").next().unwrap_or_default();
        if ["http", "git", "git+http", "git+git", "hg+http", "svn+http", "svn+svn", "bzr+http"].contains(&scheme) {
            self.without_tls(offset, host);
        }
        if is_version_control && !COMMIT.as_ref().is_some_and(|regex| regex.is_match(address)) {
            let message = format!("{package} is whatever a branch or a tag holds on that day: no commit is named");
            self.risk(offset, RiskSeverity::Medium, "requirements-moving-source", message);
        } else if !is_version_control && !address.contains("#sha256=") && !address.contains("--hash") {
            let message = format!("{package} is taken from an address, and no digest says what it is");
            self.risk(offset, RiskSeverity::Low, "requirements-without-digest", message);
        }
    }

    /// What follows from all lines.
    fn risks(self) -> Vec<Risk> {
        let Self { count, unpinned, first_unpinned, mut risks, .. } = self;
        if let Some(first) = unpinned.first() {
            let mut names = format!("`{first}`");
            unpinned.iter().take(NAMES_LISTED).skip(1).for_each(|name| names.push_str(&format!(", `{name}`")));
            if unpinned.len() > NAMES_LISTED {
                names.push_str(", …");
            }
            let message = format!("{} of {count} requirements allow several versions: {names}", unpinned.len());
            let code = "requirements-not-pinned".to_owned();
            risks.push(Risk { offset: first_unpinned, severity: RiskSeverity::Low, code, message });
        }
        risks
    }
}

/// An environment of conda (`conda.yaml`: `channels`, `dependencies` with a list for pip in it) or of MLflow
/// (`python_env.yaml`: `python`, `dependencies`).
fn environment(text: &str, findings: &mut Findings) {
    let Ok(document) = Document::parse("environment", text) else { return };
    let Some(dependencies) = document.value().get("dependencies").and_then(|list| list.as_array()) else { return };
    let is_conda = document.value().get("channels").is_some() || document.value().get("name").is_some();
    let start = text.find("dependencies:").unwrap_or_default();
    let place =
        |requirement: &str| text.get(start..).and_then(|rest| rest.find(requirement)).map_or(start, |at| start + at);
    let mut list = List::default();
    for dependency in dependencies {
        if let Some(package) = dependency.as_str() {
            if !is_conda {
                list.line(place(package), package);
                continue;
            }
            list.count += 1;
            // A channel may precede it, and an exact version has one `=` or two: `conda-forge::numpy=1.26.4=build`.
            let package = package.rsplit_once("::").map_or(package, |(_, package)| package);
            let name = package.split([' ', '=', '<', '>', '!', '~', '[']).next().unwrap_or_default();
            let version = package.get(name.len()..).unwrap_or_default().trim();
            if !version.starts_with('=') && !INSTALLERS.contains(&name) || version.contains('*') {
                list.unpinned(place(package), name);
            }
        }
        for requirement in dependency.get("pip").and_then(|list| list.as_array()).into_iter().flatten() {
            let requirement = requirement.as_str().unwrap_or_default();
            list.line(place(requirement), requirement);
        }
    }
    findings.risks.extend(list.risks());
}

fn is_address(text: &str) -> bool {
    let scheme = text.split_once("://").map_or("", |(scheme, _)| scheme);
    !scheme.is_empty() && scheme.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'+')
}

/// The host of an address, without the name and password that may stand before it.
fn host_of(address: &str) -> &str {
    let rest = address.split_once("://").map_or(address, |(_, rest)| rest);
    let authority = rest.split(['/', '?', '#', ' ']).next().unwrap_or_default();
    let host = authority.rsplit('@').next().unwrap_or_default();
    host.rsplit_once(':').map_or(host, |(host, _)| host)
}

fn is_local(host: &str) -> bool {
    matches!(host, "localhost" | "127.0.0.1" | "[::1]")
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// Codes of the risks, and of those that count if the file has the name.
    fn found(text: &str) -> (Vec<String>, Vec<String>) {
        let mut findings = Findings::default();
        look(text, &mut findings);
        let codes = |risks: Vec<Risk>| risks.into_iter().map(|risk| risk.code).collect();
        (codes(findings.risks), codes(findings.inside.of_requirements))
    }

    fn codes(text: &str) -> Vec<String> {
        let (codes, by_name) = found(text);
        assert_eq!(by_name, Vec::<String>::new(), "{text}");
        codes
    }

    #[test]
    fn pinned_packages_are_in_order() {
        for text in [
            // What MLflow 3.17 writes for a model of scikit-learn.
            "mlflow==3.17.2\ncloudpickle==3.1.2\nnumpy==2.3.5\nscikit-learn==1.9.1\nskops==0.13.0",
            "# frozen\n--index-url https://pypi.example.org/simple\nnumpy==1.26.4 \\\n    --hash=sha256:2a02aba9ed\n",
            "torch===2.4.0+cpu ; python_version < '3.13'  # for tests\nrequests [security] == 2.32.3\n",
            "--extra-index-url https://download.pytorch.org/whl/cpu\ntorch==2.4.0\n",
            "a @ https://files.example.org/a-1.0-py3-none-any.whl#sha256=9f86d081\n",
            "a @ git+https://github.com/o/a@e4ce9877abf3edfe10b0d82785e83bdcb973e22e#egg=a\n./local.whl\n-r other.txt\n",
        ] {
            assert_eq!(codes(text), Vec::<String>::new(), "{text}");
        }
    }

    #[test]
    fn what_may_be_anything_is_said() {
        for (text, expected) in [
            ("numpy>=1.20\npandas==2.0\n", "requirements-not-pinned"),
            ("numpy==1.*\n", "requirements-not-pinned"),
            ("numpy==1.2,!=1.3\n", "requirements-not-pinned"),
            ("numpy==1.0\nscipy~=1.4 ; sys_platform == 'linux'\n", "requirements-not-pinned"),
            ("--extra-index-url https://pypi.corp.example/simple\na==1\n", "requirements-extra-index"),
            ("--extra-index-url=https://x:y@pypi.corp.example/simple\n", "requirements-extra-index"),
            ("--trusted-host pypi.corp.example\na==1\n", "requirements-trusted-host"),
            ("-i http://pypi.corp.example/simple\na==1\n", "requirements-without-tls"),
            ("git+https://github.com/huggingface/transformers@main\n", "requirements-moving-source"),
            ("-e git+https://github.com/o/a.git#egg=a\n", "requirements-moving-source"),
            ("https://files.example.org/a-1.0.tar.gz\n", "requirements-without-digest"),
        ] {
            assert_eq!(codes(text), [expected], "{text}");
        }
        let without_tls = ["requirements-without-tls", "requirements-moving-source"];
        assert_eq!(codes("a @ git+http://github.com/o/a\n"), without_tls);
    }

    #[test]
    fn an_address_is_told_by_its_host_alone() {
        let mut findings = Findings::default();
        look(
            "git+https://oauth2:hunter2@gitlab.example.org:8443/o/a.git\n--extra-index-url http://u:hunter2@h/\n",
            &mut findings,
        );
        assert_eq!(findings.risks.len(), 3);
        for risk in findings.risks {
            assert!(!risk.message.contains("hunter2"), "{}", risk.message);
        }
    }

    #[test]
    fn a_list_of_names_counts_by_the_name_of_its_file() {
        let (risks, by_name) = found("streamlit\nhuggingface_hub\npillow");
        assert_eq!((risks.len(), by_name), (0, vec!["requirements-not-pinned".to_owned()]));
        for name in ["requirements.txt", "a/dev-requirements.txt", "requirements_gpu.txt", "constraints.txt"] {
            assert!(is_named_so(name), "{name}");
        }
        assert!(!is_named_so("labels.txt") && !is_named_so("requirements/labels.txt"));
    }

    #[test]
    fn other_texts_are_no_lists() {
        for text in [
            "[PAD]\n[unused0]\nthe\n##ing\n",
            "a b\nĠ t\n",
            "# Model card\n\n- fast\n- small\n",
            "import os\nx = 1\n",
            "key = 1.5\n",
            "lr: 0.1\n",
            "the model of 2024\n",
            "MIT License\n\nCopyright (c) 2024\n",
            "",
        ] {
            assert_eq!(found(text), (Vec::new(), Vec::new()), "{text}");
        }
        let words = "word\n".repeat(LINES_MAX + 1);
        assert_eq!(found(&words), (Vec::new(), Vec::new()));
    }

    #[test]
    fn environments_are_read() {
        let conda = "channels:\n- conda-forge\ndependencies:\n- python=3.12.3\n- pip<=24.0\n- conda-forge::numpy=1.26.4=py312\n\
                     - pip:\n  - mlflow==3.17.2\n  - scikit-learn==1.9.1\nname: mlflow-env\n";
        assert_eq!(codes(conda), Vec::<String>::new());
        let mut findings = Findings::default();
        look(&conda.replace("numpy=1.26.4=py312", "numpy").replace("mlflow==3.17.2", "mlflow>2"), &mut findings);
        let message = "2 of 5 requirements allow several versions: `numpy`, `mlflow`";
        assert_eq!(findings.risks[0].message, message);
        assert_eq!(findings.risks[0].offset, 81);
        let extra = conda.replace("mlflow==3.17.2", "--extra-index-url https://a.example/simple");
        assert_eq!(codes(&extra), ["requirements-extra-index"]);
        let mlflow =
            "python: 3.12.3\nbuild_dependencies:\n- pip==24.0\n- setuptools\ndependencies:\n- -r requirements.txt\n";
        assert_eq!(codes(mlflow), Vec::<String>::new());
        assert_eq!(codes(&mlflow.replace("-r requirements.txt", "numpy>1")), ["requirements-not-pinned"]);
        assert_eq!(codes("dependencies:\n  a: 1\n"), Vec::<String>::new());
        assert_eq!(codes("dependencies:\n- [\n"), Vec::<String>::new());
    }

    proptest! {
        #[test]
        fn no_text_panics(text in "[a-z=<>@#:;/\\\\. \n\\-é]{0,120}") {
            found(&text);
        }

        #[test]
        fn no_environment_panics(text in "dependencies:\n(- [a-z=:<>\\[ é]{0,20}\n){0,5}") {
            found(&text);
        }
    }
}
