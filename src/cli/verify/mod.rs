//! `modelgate verify`

mod artifacts;

use std::fs;
use std::path::{Path, PathBuf};

pub(super) use self::artifacts::digest;
use self::artifacts::{Artifacts, unreadable};
use super::keyless::{CertificateArguments, CertificateTrust};
use super::replay::{Format, json, shown};
use super::stores::{self, TrustArguments};
use super::timestamp::{self, TimestampCheck};
use super::{Failure, Printer, policies, store, verify_model};
use crate::digest::Sha256Digest;
use crate::environment::Environment;
use crate::evidence::run_parts::Part;
use crate::evidence::timestamp::Authorities;
use crate::evidence::trust::Trust;
use crate::evidence::verify::{self, Expectations, StatementKind, VerifiedStatement, VerifyError};
use crate::exit_status::ExitStatus;
use crate::problem::Problem;
use crate::report::verification::{ProvenStatement, Refusal, Verification};
use crate::store::StoreAddress;
use crate::tier::Tier;

/// Bytes of a bundle file: a statement of 1 024 subjects is a fiftieth of it.
const BUNDLE_BYTES_MAX: u64 = 32 * 1024 * 1024;

/// Statements that are looked at, the last recorded first. Files that thousands of runs judged, such as a licence,
/// are no way to find a verdict.
const STATEMENTS_MAX: usize = 1_000;

/// Refusals that text shows.
const REFUSALS_SHOWN_MAX: usize = 10;

#[derive(Debug, clap::Args)]
pub(super) struct Arguments {
    /// A bundle such as `<run>.verdict.sigstore.json`, a bare envelope (`*.intoto.json`), a directory of
    /// evidence, or with `--store` a run. Without it, the store is asked for verdicts about the artifacts
    #[arg(value_name = "BUNDLE", required_unless_present_all = ["store", "artifact"], required_unless_present = "model")]
    evidence: Option<String>,
    #[command(flatten)]
    model: verify_model::Arguments,
    #[command(flatten)]
    trust: TrustArguments,
    #[command(flatten)]
    certificate: CertificateArguments,
    #[command(flatten)]
    timestamp: TimestampCheck,
    /// The store that has the run or knows the artifacts
    #[arg(long, value_name = "STORE", value_parser = store::address)]
    store: Option<StoreAddress>,
    /// A file that the verdict must be about, or a directory: then every file in it must be one that the
    /// verdict is about, under its name, and none may be missing. Repeatable
    #[arg(long, value_name = "PATH")]
    artifact: Vec<PathBuf>,
    /// The tier that the verdict must be of, or a stricter one
    #[arg(long, value_name = "TIER", value_parser = parse_tier)]
    require_tier: Option<Tier>,
    /// Digest of the policies that must have been run, `sha256:…`. Repeatable: one of them
    #[arg(long, value_name = "DIGEST", value_parser = parse_digest)]
    policy_digest: Vec<Sha256Digest>,
    /// How long ago the decision may have been made, such as `30d` or `12h`
    #[arg(long, value_name = "AGE", value_parser = parse_age)]
    max_age: Option<i64>,
    /// Check an evaluation record instead of a verdict: which says what was judged, not that it may be released
    #[arg(long)]
    evaluation: bool,
    /// What to print
    #[arg(long, value_enum, default_value_t, value_name = "FORMAT")]
    output: Format,
}

pub(super) fn parse_tier(text: &str) -> Result<Tier, String> {
    let named = Tier::ALL.into_iter().find(|tier| tier.name() == text);
    named.ok_or_else(|| "the tiers are minimal, limited, high and critical".to_owned())
}

fn parse_digest(text: &str) -> Result<Sha256Digest, String> {
    Sha256Digest::from_hex(text.strip_prefix("sha256:").unwrap_or(text)).map_err(|error| error.to_string())
}

/// Seconds of an age such as `30d`.
fn parse_age(text: &str) -> Result<i64, String> {
    let refused = || "write a whole number and a unit: 45m, 12h, 30d or 2w".to_owned();
    let (number, unit) = text.split_at_checked(text.len().saturating_sub(1)).ok_or_else(refused)?;
    let seconds = match unit {
        "s" => 1,
        "m" => 60,
        "h" => 3_600,
        "d" => 86_400,
        "w" => 604_800,
        _ => return Err(refused()),
    };
    let is_number = !number.is_empty() && number.bytes().all(|byte| byte.is_ascii_digit());
    let number: i64 = number.parse().ok().filter(|_| is_number).ok_or_else(refused)?;
    number.checked_mul(seconds).ok_or_else(refused)
}

/// A signed statement, and what to call it.
struct Candidate {
    source: String,
    signed: Vec<u8>,
}

pub(super) fn run(arguments: &Arguments, environment: &Environment, printer: &Printer) -> Result<ExitStatus, Failure> {
    let trusted = Trusted::of(arguments, printer)?;
    if arguments.model.model.is_some() {
        return match &trusted.signers {
            Signers::Keys(trust) => verify_model::run(&arguments.model, trust, read, printer),
            Signers::Certificate(_) => Err(Failure::usage(nobody())),
        };
    }
    let files = arguments.evidence.as_ref().map(|evidence| evidence_files(Path::new(evidence), arguments.kind()));
    let files = files.transpose()?.unwrap_or_default();
    let artifacts = Artifacts::read(&arguments.artifact, &files)?;
    let candidates = arguments.candidates(&files, &artifacts, environment)?;
    let expectations = Expectations {
        kind: arguments.kind(),
        artifacts: artifacts.files.clone(),
        directories: artifacts.directories.clone(),
        require_tier: arguments.require_tier,
        policies: arguments.policy_digest.clone(),
        now: Some(environment.now),
        max_age_seconds: arguments.max_age,
        allow_failed: false,
    };
    let verification = verification(&candidates, &trusted, &expectations, &artifacts, arguments);
    if trusted.time.is_none()
        && let Some(statement) = &verification.statement
        && candidates
            .iter()
            .any(|candidate| candidate.source == statement.source && timestamp::is_in(&candidate.signed))
    {
        printer.say("its timestamp is not checked: give the authority's certificate with --timestamp-certificate");
    }
    if arguments.output == Format::Json {
        printer.data(&json(&verification)?)?;
    } else {
        say(&verification, &artifacts, printer)?;
    }
    Ok(if verification.verified { ExitStatus::Success } else { ExitStatus::Denied })
}

/// Whose word counts.
struct Trusted {
    signers: Signers,
    /// Who has to vouch for the time of a signature, if anybody.
    time: Option<Authorities>,
}

enum Signers {
    Keys(Trust),
    /// One identity, by a certificate.
    Certificate(Box<CertificateTrust>),
}

impl Trusted {
    fn of(arguments: &Arguments, printer: &Printer) -> Result<Self, Failure> {
        let signers = match arguments.trust.load()? {
            _ if arguments.certificate.is_given() => {
                Signers::Certificate(Box::new(arguments.certificate.trust(printer)?))
            }
            Some(trust) => Signers::Keys(trust),
            None => return Err(Failure::usage(nobody())),
        };
        Ok(Self { signers, time: arguments.timestamp.authorities()? })
    }

    /// What a statement says that is signed as it has to be, and the time that is vouched for, if that is asked for.
    fn verify(
        &self,
        signed: &[u8],
        expectations: &Expectations,
    ) -> Result<(VerifiedStatement, Option<String>), VerifyError> {
        let verified = match &self.signers {
            Signers::Keys(trust) => verify::verify(signed, trust, expectations)?,
            Signers::Certificate(trust) => trust.verify(signed, expectations)?,
        };
        let time = self.time.as_ref().map(|authorities| timestamp::check(authorities, signed)).transpose()?;
        Ok((verified, time))
    }
}

fn nobody() -> Problem {
    Problem::new("no-trust", "nobody is trusted: a bundle's own word on its key proves nothing")
        .hint("name the public key with `--key`, or trust roots with `--trust`")
}

/// The first statement that proves what is asked for.
fn verification(
    candidates: &[Candidate],
    trusted: &Trusted,
    expectations: &Expectations,
    artifacts: &Artifacts,
    arguments: &Arguments,
) -> Verification {
    let (mut statement, mut refused) = (None, Vec::new());
    for Candidate { source, signed } in candidates {
        match trusted.verify(signed, expectations) {
            Ok((verified, timestamp)) => {
                statement = Some(ProvenStatement { timestamp, ..ProvenStatement::new(source, &verified) });
                break;
            }
            Err(error) => refused.push(Refusal::new(source, &error)),
        }
    }
    if let (true, Some((name, digest))) = (candidates.is_empty(), artifacts.first()) {
        refused.push(Refusal {
            source: arguments.store.as_ref().map(ToString::to_string).unwrap_or_default(),
            code: "no-verdict".to_owned(),
            message: format!("no run that it records judged `{name}` (sha256:{digest})"),
        });
    }
    if statement.is_some() {
        // Statements about something else are no news; a denial of the same files, recorded later, is.
        let failed = VerifyError::Failed(String::new()).code();
        refused.retain(|refusal| refusal.code == failed);
    }
    Verification { version: 1, verified: statement.is_some(), statement, artifacts: artifacts.given(), refused }
}

impl Arguments {
    const fn kind(&self) -> StatementKind {
        if self.evaluation { StatementKind::Evaluation } else { StatementKind::Verdict }
    }

    /// The part of a run that is looked at.
    const fn part(&self) -> Part {
        if self.evaluation { Part::Evaluation } else { Part::Verdict }
    }

    /// The statements that may prove it.
    fn candidates(
        &self,
        files: &[PathBuf],
        artifacts: &Artifacts,
        environment: &Environment,
    ) -> Result<Vec<Candidate>, Failure> {
        match (&self.evidence, artifacts.first()) {
            (Some(_), _) if !files.is_empty() => files
                .iter()
                .map(|path| Ok(Candidate { source: path.display().to_string(), signed: read(path)? }))
                .collect(),
            (Some(reference), _) if self.store.is_some() => {
                let found = stores::find(reference, self.store.as_ref(), environment)?;
                let signed =
                    found.parts.get(self.part()).map_err(|error| stores::incomplete(&found.name, &error))?.to_vec();
                Ok(vec![Candidate { source: format!("run {}", found.name), signed }])
            }
            (Some(missing), _) => {
                let problem =
                    Problem::new("unreadable-file", format!("`{missing}` cannot be read: there is no such file"));
                Err(Failure::usage(problem.hint("name a bundle or a directory of evidence, or a run with `--store`")))
            }
            (None, Some((_, digest))) => self.recorded(digest, environment),
            (None, None) => Ok(Vec::new()),
        }
    }

    /// The statements of the runs that judged a file, the last recorded first.
    fn recorded(&self, digest: Sha256Digest, environment: &Environment) -> Result<Vec<Candidate>, Failure> {
        let runtime = policies::small_runtime().map_err(|problem| Failure::NotEvaluated(vec![problem]))?;
        runtime.block_on(async {
            let store = stores::existing(self.store.as_ref(), environment).await?;
            let mut candidates = Vec::new();
            for receipt in store.runs_about(digest).await.map_err(stores::unreadable)?.iter().take(STATEMENTS_MAX) {
                // The verdict is recorded first, and then the evaluation record.
                let bundle = receipt.bundles.get(usize::from(self.evaluation));
                let Some(bundle) = bundle else { continue };
                let signed = store.get_blob(*bundle).await.map_err(stores::unreadable)?;
                candidates.push(Candidate { source: format!("run {}", receipt.run_key.short()), signed });
            }
            Ok(candidates)
        })
    }
}

/// The files of statements that `path` names: itself, or those of a directory in the order of their names. None where there
/// is nothing, which may then be a run.
fn evidence_files(path: &Path, kind: StatementKind) -> Result<Vec<PathBuf>, Failure> {
    if !path.is_dir() {
        return Ok(if path.exists() { vec![path.to_owned()] } else { Vec::new() });
    }
    let part = match kind {
        StatementKind::Verdict => Part::Verdict,
        StatementKind::Evaluation => Part::Evaluation,
    };
    let mut files = Vec::new();
    for entry in fs::read_dir(path).map_err(|error| unreadable(path, &error))? {
        let entry = entry.map_err(|error| unreadable(path, &error))?.path();
        let is_statement = entry.file_name().is_some_and(|name| name.to_string_lossy().ends_with(part.suffix()));
        if is_statement && files.len() < STATEMENTS_MAX {
            files.push(entry);
        }
    }
    files.sort();
    if files.is_empty() {
        let message = format!("there is no `*.{}` in `{}`", part.suffix(), path.display());
        return Err(Failure::usage(Problem::new("no-evidence", message).hint("name the directory that a check wrote")));
    }
    Ok(files)
}

fn read(path: &Path) -> Result<Vec<u8>, Failure> {
    let failure = |error: std::io::Error| unreadable(path, &error);
    if fs::metadata(path).map_err(failure)?.len() > BUNDLE_BYTES_MAX {
        let message = format!("`{}` is larger than {BUNDLE_BYTES_MAX} bytes, which no bundle is", path.display());
        return Err(Failure::usage(Problem::new("file-too-large", message)));
    }
    fs::read(path).map_err(failure)
}

fn say(verification: &Verification, artifacts: &Artifacts, printer: &Printer) -> Result<(), Failure> {
    if let Some(statement) = &verification.statement {
        for denial in &verification.refused {
            let said = "note: the same files were denied in another run, which does not undo the approval";
            printer.say(&format!("{said}: {}: {}", denial.source, denial.message));
        }
        return printer.data(&summary(statement, artifacts));
    }
    let problem = |refusal: &Refusal| {
        Problem::new("not-verified", format!("`{}` proves nothing: {}", refusal.source, refusal.message))
    };
    let problems: Vec<_> = verification.refused.iter().take(REFUSALS_SHOWN_MAX).map(problem).collect();
    printer.problems("not verified", &problems);
    Ok(())
}

fn summary(statement: &ProvenStatement, artifacts: &Artifacts) -> String {
    let result = match statement.result.as_str() {
        "WARNED" => "PASSED with warnings",
        result => result,
    };
    let mut lines = vec![
        format!(
            "verified: {result} for the tier {}, decided {} at {}",
            statement.tier,
            statement.decision.name(),
            statement.time_verified
        ),
        format!("  model     {} {}", statement.model, statement.model_version),
        format!("  evidence  {}", statement.source),
        format!("  key       {}", statement.key),
        format!("  policies  sha256:{}", statement.policy),
        format!("  decision  sha256:{}", statement.decision_record),
    ];
    lines.extend(statement.timestamp.iter().map(|time| format!("  timestamp {time}")));
    lines.extend(statement.subjects.iter().map(|subject| {
        let mark = if artifacts.has(subject.sha256) { " (given, and the same)" } else { "" };
        format!("  subject   {} sha256:{}{mark}", subject.name, subject.sha256)
    }));
    shown(&lines)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_age_is_a_number_with_a_unit() {
        assert_eq!(parse_age("30d"), Ok(2_592_000));
        assert_eq!(parse_age("12h"), Ok(43_200));
        assert_eq!(parse_age("0s"), Ok(0));
        for text in ["", "d", "30", "30 d", "-1d", "+1d", "1.5h", "99999999999999999w", "3é"] {
            assert!(parse_age(text).is_err(), "{text}");
        }
    }
}
