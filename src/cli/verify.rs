//! `modelgate verify`

use std::fmt::Write as _;
use std::fs::{self, File};
use std::io::Read as _;
use std::path::{Path, PathBuf};

use super::{Failure, Printer};
use crate::digest::Sha256Digest;
use crate::evidence::key::PublicKey;
use crate::evidence::statement::TestResult;
use crate::evidence::verify::{self, Expectations, StatementKind, VerifiedStatement};
use crate::exit_status::ExitStatus;
use crate::problem::Problem;
use crate::report::escape;
use crate::tier::Tier;

/// Bytes of a bundle file: a statement of 1 024 subjects is a fiftieth of it.
const BUNDLE_BYTES_MAX: u64 = 32 * 1024 * 1024;

#[derive(Debug, clap::Args)]
pub(super) struct Arguments {
    /// The bundle, such as `<run>.verdict.sigstore.json`
    bundle: PathBuf,
    /// Public key of whoever may sign, PEM
    #[arg(long, value_name = "FILE")]
    key: PathBuf,
    /// A file that the verdict must be about. Repeatable
    #[arg(long, value_name = "FILE")]
    artifact: Vec<PathBuf>,
    /// The tier that the verdict must be of, or a stricter one
    #[arg(long, value_name = "TIER", value_parser = parse_tier)]
    require_tier: Option<Tier>,
    /// Check an evaluation record instead of a verdict: which says what was judged, not that it may be released
    #[arg(long)]
    evaluation: bool,
}

pub(super) fn parse_tier(text: &str) -> Result<Tier, String> {
    let named = Tier::ALL.into_iter().find(|tier| tier.name() == text);
    named.ok_or_else(|| "the tiers are minimal, limited, high and critical".to_owned())
}

pub(super) fn run(arguments: &Arguments, printer: &Printer) -> Result<ExitStatus, Failure> {
    let key = PublicKey::load_pem(&arguments.key)
        .map_err(|error| Failure::usage(Problem::new("public-key", error.to_string())))?;
    let bundle = read(&arguments.bundle)?;
    let artifacts = arguments
        .artifact
        .iter()
        .map(|path| Ok((path.display().to_string(), digest(path)?)))
        .collect::<Result<Vec<_>, Failure>>()?;
    let expectations = Expectations {
        kind: if arguments.evaluation { StatementKind::Evaluation } else { StatementKind::Verdict },
        artifacts,
        require_tier: arguments.require_tier,
        allow_failed: false,
    };
    match verify::verify(&bundle, &key, &expectations) {
        Ok(verified) => {
            printer.data(&summary(&verified, &expectations))?;
            Ok(ExitStatus::Success)
        }
        Err(error) => {
            let message = format!("`{}` proves nothing: {error}", arguments.bundle.display());
            printer.problems("not verified", &[Problem::new("not-verified", message)]);
            Ok(ExitStatus::Denied)
        }
    }
}

fn unreadable(path: &Path, error: &std::io::Error) -> Failure {
    Failure::usage(Problem::new("unreadable-file", format!("`{}` cannot be read: {error}", path.display())))
}

fn read(path: &Path) -> Result<Vec<u8>, Failure> {
    let failure = |error: std::io::Error| unreadable(path, &error);
    if fs::metadata(path).map_err(failure)?.len() > BUNDLE_BYTES_MAX {
        let message = format!("`{}` is larger than {BUNDLE_BYTES_MAX} bytes, which no bundle is", path.display());
        return Err(Failure::usage(Problem::new("file-too-large", message)));
    }
    fs::read(path).map_err(failure)
}

pub(super) fn digest(path: &Path) -> Result<Sha256Digest, Failure> {
    use sha2::{Digest as _, Sha256};
    let failure = |error: std::io::Error| unreadable(path, &error);
    let mut file = File::open(path).map_err(failure)?;
    let mut hasher = Sha256::new();
    let mut buffer = vec![0; 1 << 18];
    loop {
        let count = file.read(&mut buffer).map_err(failure)?;
        let Some(bytes) = buffer.get(..count).filter(|bytes| !bytes.is_empty()) else { break };
        hasher.update(bytes);
    }
    Ok(Sha256Digest::from_bytes(hasher.finalize().into()))
}

fn summary(verified: &VerifiedStatement, expectations: &Expectations) -> String {
    let decision = &verified.decision;
    let mut text = format!(
        "verified: {} for the tier {}, decided {} at {}\n",
        result(verified.result),
        decision.tier,
        decision.decision.name(),
        escape::visible(&decision.effective_time)
    );
    let _ = writeln!(text, "  policies  sha256:{}", verified.policy.digest.sha256);
    let _ = writeln!(text, "  decision  sha256:{}", decision.decision_record.sha256);
    for subject in &verified.subjects {
        let given = expectations.artifacts.iter().any(|(_, digest)| *digest == subject.digest.sha256);
        let mark = if given { " (given, and the same)" } else { "" };
        let _ = writeln!(text, "  subject   {} sha256:{}{mark}", escape::visible(&subject.name), subject.digest.sha256);
    }
    text
}

const fn result(result: TestResult) -> &'static str {
    match result {
        TestResult::Passed => "PASSED",
        TestResult::Warned => "PASSED with warnings",
        TestResult::Failed => "FAILED",
    }
}
