//! `modelgate check --each`: every release below a directory, in as many threads as there are cores.

use std::num::NonZeroUsize;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;

use tokio::runtime::Runtime;

use super::super::printer::Printer;
use super::super::recording::{self, Recorded, Signer};
use super::super::{Failure, policies};
use super::Arguments;
use crate::decision::Verdict;
use crate::environment::Environment;
use crate::exit_status::ExitStatus;
use crate::gate::{Decided, Opened, Timings, checked_policies};
use crate::manifest;
use crate::policy::{CheckedPolicies, EffectiveTime, PolicyBundle};
use crate::problem::Problem;
use crate::report::OutputFormat;
use crate::report::releases::{self, ReleaseRow};

/// Directories that are looked into.
const DIRECTORIES_MAX: usize = 100_000;

/// What all releases have in common.
struct Inventory<'a> {
    arguments: &'a Arguments,
    environment: &'a Environment,
    directory: &'a Path,
    runtime: Runtime,
    bundle: PolicyBundle,
    effective_time: EffectiveTime,
    signer: Result<Signer, Vec<Problem>>,
    /// One run at a time is appended: they would wait for each other in any case.
    appending: Mutex<()>,
}

pub(super) fn run(arguments: &Arguments, environment: &Environment, printer: &Printer) -> Result<ExitStatus, Failure> {
    let is_other = |format: OutputFormat| !matches!(format, OutputFormat::Text | OutputFormat::Json);
    if let Some(output) = arguments.output.iter().find(|output| is_other(output.format)) {
        let message = format!("`--each` has no report as {}", output.format);
        let hint = "ask for `text` or `json`, and check a single release for the others";
        return Err(Failure::usage(Problem::new("no-such-report", message).hint(hint)));
    }
    let directory = &arguments.release.release;
    let manifests = manifests(directory).map_err(Failure::usage)?;
    let bundle = arguments.release.policies.load(environment).map_err(Failure::Usage)?;
    // Whatever is wrong with the policies is said once.
    let policies = checked_policies(bundle.clone(), environment.executable.as_deref()).map_err(Failure::Usage)?;
    let inventory = Inventory {
        arguments,
        environment,
        directory,
        runtime: policies::runtime()?,
        bundle,
        effective_time: arguments.release.effective_time(environment.now)?,
        signer: recording::signer(&arguments.recording, environment, printer),
        appending: Mutex::new(()),
    };
    let (statuses, rows): (Vec<ExitStatus>, Vec<ReleaseRow>) = inventory.rows(&manifests, policies).into_iter().unzip();
    super::write_reports(&arguments.output, printer, |format, style| match format {
        OutputFormat::Json => {
            releases::json(&rows).map_err(|error| Failure::not_recorded(Problem::new("report", error.to_string())))
        }
        _ => Ok(releases::text(&rows, style)),
    })?;
    Ok(statuses.into_iter().max().unwrap_or(ExitStatus::Success))
}

/// Every manifest below `directory`, in the order of paths. Hidden directories and links are left alone.
fn manifests(directory: &Path) -> Result<Vec<PathBuf>, Problem> {
    let unreadable = |path: &Path, error: &std::io::Error| {
        Problem::new("unreadable-directory", format!("`{}` cannot be read: {error}", path.display()))
            .hint("give the directory that the releases are below")
    };
    let mut found = Vec::new();
    let mut waiting = vec![directory.to_owned()];
    let mut seen = 0_usize;
    while let Some(at) = waiting.pop() {
        seen += 1;
        if seen > DIRECTORIES_MAX {
            let message = format!("there are more than {DIRECTORIES_MAX} directories below `{}`", directory.display());
            return Err(Problem::new("too-many-directories", message).hint("give a directory with less below it"));
        }
        for entry in std::fs::read_dir(&at).map_err(|error| unreadable(&at, &error))? {
            let entry = entry.map_err(|error| unreadable(&at, &error))?;
            let kind = entry.file_type().map_err(|error| unreadable(&at, &error))?;
            let name = entry.file_name();
            if kind.is_dir() && !name.to_string_lossy().starts_with('.') {
                waiting.push(entry.path());
            } else if kind.is_file() && name == manifest::FILE_NAME {
                found.push(entry.path());
            }
        }
    }
    if found.is_empty() {
        let message = format!("there is no `{}` below `{}`", manifest::FILE_NAME, directory.display());
        return Err(Problem::new("no-releases", message).hint("give the directory that the releases are below"));
    }
    found.sort();
    Ok(found)
}

impl Inventory<'_> {
    /// What each release came to. Every thread has policies of its own, since each has a process that evaluates
    /// them; the first has `policies`.
    fn rows(&self, manifests: &[PathBuf], policies: CheckedPolicies) -> Vec<(ExitStatus, ReleaseRow)> {
        let next = AtomicUsize::new(0);
        let rows: Mutex<Vec<(usize, (ExitStatus, ReleaseRow))>> = Mutex::new(Vec::with_capacity(manifests.len()));
        let work = |policies: Arc<CheckedPolicies>| {
            loop {
                let index = next.fetch_add(1, Ordering::Relaxed);
                let Some(manifest) = manifests.get(index) else { return };
                let row = self.row(manifest, &policies);
                rows.lock().unwrap_or_else(PoisonError::into_inner).push((index, row));
            }
        };
        let cores = thread::available_parallelism().map_or(1, NonZeroUsize::get);
        thread::scope(|scope| {
            for _ in 1..cores.min(manifests.len()) {
                scope.spawn(|| {
                    // They were loaded before; a thread that cannot have its own leaves the work to the others.
                    let worker = self.environment.executable.as_deref();
                    if let Ok(policies) = checked_policies(self.bundle.clone(), worker) {
                        work(Arc::new(policies));
                    }
                });
            }
            work(Arc::new(policies));
        });
        let mut rows = rows.into_inner().unwrap_or_else(PoisonError::into_inner);
        rows.sort_by_key(|(index, _)| *index);
        rows.into_iter().map(|(_, row)| row).collect()
    }

    fn row(&self, manifest: &Path, policies: &Arc<CheckedPolicies>) -> (ExitStatus, ReleaseRow) {
        let mut row = ReleaseRow {
            manifest: manifest.strip_prefix(self.directory).unwrap_or(manifest).display().to_string(),
            model: None,
            model_version: None,
            decision: None,
            tier: None,
            controls: Vec::new(),
            decision_sha256: None,
            exit_code: ExitStatus::Success.code(),
            problems: Vec::new(),
        };
        let status = match self.decide(manifest, policies) {
            Err(failure) => {
                let (status, _, problems) = failure.parts();
                row.problems.extend(problems.iter().map(Into::into));
                status
            }
            Ok(decided) => {
                let record = &decided.record;
                row.model = Some(record.model.clone());
                row.model_version = Some(record.model_version.clone());
                row.decision = Some(record.decision);
                row.tier = Some(record.tier.effective.name().to_owned());
                row.decision_sha256 = Some(decided.record_json.digest().to_string());
                let counts = |outcome: Verdict| outcome != Verdict::Approve && outcome == record.decision;
                let of = record.outcomes.iter().filter(|outcome| counts(outcome.verdict()));
                row.controls = of.map(|outcome| outcome.control.clone()).collect();
                let recorded = self.record(manifest, &decided);
                let status = self.arguments.fail_on.status(record.decision, recorded.is_ok());
                row.problems.extend(recorded.err().iter().flatten().map(Into::into));
                status
            }
        };
        row.exit_code = status.code();
        (status, row)
    }

    fn decide(&self, manifest: &Path, policies: &Arc<CheckedPolicies>) -> Result<Decided, Failure> {
        let opened = Opened::with_policies(manifest, Arc::clone(policies), self.effective_time)?;
        let facts = self.runtime.block_on(opened.measure(self.environment))?;
        Ok(opened.decide(facts, &mut Timings::default())?)
    }

    fn record(&self, manifest: &Path, decided: &Decided) -> Result<Recorded, Vec<Problem>> {
        let signer = self.signer.as_ref().map_err(Clone::clone)?;
        let release = manifest.parent().and_then(|parent| parent.strip_prefix(self.directory).ok());
        let arguments = self.arguments.recording.below(release.unwrap_or_else(|| Path::new("")));
        let _one = self.appending.lock().unwrap_or_else(PoisonError::into_inner);
        self.runtime.block_on(recording::record(&arguments, decided, self.environment, signer))
    }
}
