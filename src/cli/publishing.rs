//! Publishing on a forge: the options that `check` and `publish` share, and what should be there.

use std::path::Path;

use super::printer::Printer;
use super::{Failure, policies};
use crate::decision::record::DecisionRecord;
use crate::decision::{Enforcement, OutcomeResult, Verdict};
use crate::environment::{Environment, SystemClock};
use crate::exit_status::ExitStatus;
use crate::facts::Facts;
use crate::facts::repository::review::Forge;
use crate::forge::annotation::{Annotation, annotations};
use crate::forge::context::{self, Context, Project};
use crate::forge::marker::{Key, Marker};
use crate::forge::plan::{CheckRun, Desired, DesiredComment, Sarif, State, Status, external_id};
use crate::forge::{ForgeError, Published, REQUEST_TIME, sarif};
use crate::problem::Problem;
use crate::report::{self, CommentInput, EvidenceSummary, escape};

/// Characters of a status's description: GitHub answers 422 to more.
const DESCRIPTION_CHARACTERS_MAX: usize = 140;

#[derive(Debug, Clone, clap::Args)]
// Flattened into the arguments of a command, whose type has the same name.
#[group(skip)]
pub(super) struct Arguments {
    /// When to comment on the pull or merge request: `auto` makes a comment unless all is well, and brings one that is
    /// there up to date
    #[arg(long, value_enum, default_value_t, value_name = "WHEN")]
    comment: CommentUse,
    /// Set a status on the head of the pull or merge request
    #[arg(long)]
    commit_status: bool,
    /// Make a check run with annotations (GitHub)
    #[arg(long)]
    check_run: bool,
    /// Upload the findings to code scanning (GitHub)
    #[arg(long)]
    upload_sarif: bool,
    /// End with the verdict's exit code even if an approval could not be published
    #[arg(long)]
    publish_best_effort: bool,
    /// Name of the gate, which keeps the comments of several apart: small letters, digits, `.` and `-`
    #[arg(long, default_value = "modelgate", value_name = "NAME", value_parser = gate_name)]
    gate: String,
    /// The forge; by default the one whose CI this runs in
    #[arg(long, value_enum, value_name = "FORGE")]
    forge: Option<ForgeName>,
    /// URL of the forge's API [default: GITHUB_API_URL or CI_API_V4_URL]
    #[arg(long, value_name = "URL")]
    api_url: Option<String>,
    /// The project: `owner/name` in GitHub, its number in GitLab
    #[arg(long, value_name = "PROJECT")]
    project: Option<String>,
    /// Number of the pull or merge request
    #[arg(long, value_name = "NUMBER")]
    request: Option<u64>,
    /// The commit that was judged: the head of the request
    #[arg(long, value_name = "SHA", value_parser = commit_name)]
    commit: Option<String>,
}

/// When a comment is made.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, clap::ValueEnum)]
enum CommentUse {
    /// Unless everything passed.
    #[default]
    Auto,
    /// In any case.
    Always,
    /// Never.
    Never,
}

/// A forge, as it is called on the command line.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
enum ForgeName {
    /// GitHub, or GitHub Enterprise.
    Github,
    /// GitLab.
    Gitlab,
}

fn gate_name(text: &str) -> Result<String, String> {
    let is_plain = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || matches!(byte, b'.' | b'-');
    if (1..=40).contains(&text.len()) && text.bytes().all(is_plain) && !text.contains("--") {
        Ok(text.to_owned())
    } else {
        Err("write at most 40 small letters, digits, `.` and single `-`".to_owned())
    }
}

fn commit_name(text: &str) -> Result<String, String> {
    let is_commit = context::is_commit(text);
    is_commit.then(|| text.to_ascii_lowercase()).ok_or_else(|| "write the whole commit: 40 or 64 digits".to_owned())
}

impl Arguments {
    /// Whether anything is asked for that only makes sense when something is published.
    pub(super) const fn ask_for_more(&self) -> bool {
        self.commit_status || self.check_run || self.upload_sarif || self.publish_best_effort
    }

    /// Whether the exit code does not depend on what became of publishing.
    pub(super) const fn is_best_effort(&self) -> bool {
        self.publish_best_effort
    }

    /// The context of CI, with what was said explicitly over it.
    ///
    /// # Errors
    /// The project is none.
    pub(super) fn context(&self, environment: &Environment) -> Result<Context, Failure> {
        let mut context = environment.forge.clone();
        let forge = self.forge.map(|forge| match forge {
            ForgeName::Github => Forge::Github,
            ForgeName::Gitlab => Forge::Gitlab,
        });
        let known = context.project.take();
        let chosen = forge.or_else(|| known.as_ref().map(|project| project.forge));
        if let Some(forge) = chosen {
            let known = known.filter(|project| project.forge == forge);
            context.project = self.project(forge, known, environment)?;
        }
        context.request = self.request.or(context.request);
        if let Some(request) = self.request
            && chosen == Some(Forge::Github)
        {
            context.reference = Some(format!("refs/pull/{request}/head"));
        }
        context.commit = self.commit.clone().or(context.commit);
        Ok(context)
    }

    fn project(
        &self,
        forge: Forge,
        known: Option<Project>,
        environment: &Environment,
    ) -> Result<Option<Project>, Failure> {
        let default_url = match forge {
            Forge::Github => "https://api.github.com",
            Forge::Gitlab => "https://gitlab.com/api/v4",
        };
        if let Some(name) = &self.project {
            let is_name = match forge {
                Forge::Github => context::is_repository(name),
                Forge::Gitlab => !name.is_empty() && name.bytes().all(|byte| byte.is_ascii_digit()),
            };
            if !is_name {
                let problem = Problem::new("project", "`--project` is no project");
                return Err(Failure::usage(problem.hint("write `owner/name` for GitHub, a number for GitLab")));
            }
        }
        let Some(name) = self.project.clone().or_else(|| known.as_ref().map(|known| known.name.clone())) else {
            return Ok(None);
        };
        let of_request =
            if self.project.is_some() { None } else { known.as_ref().map(|known| known.of_request.clone()) };
        let known_url = known.as_ref().map(|known| known.api_url.clone());
        Ok(Some(Project {
            forge,
            api_url: self.api_url.clone().or(known_url).unwrap_or_else(|| default_url.to_owned()),
            of_request: of_request.unwrap_or_else(|| name.clone()),
            name,
            token: known.and_then(|known| known.token).or_else(|| environment.forge_token.clone()),
        }))
    }
}

/// What is to be published.
pub(super) struct Publication<'a> {
    pub(super) record: &'a DecisionRecord,
    pub(super) facts: Option<&'a Facts>,
    pub(super) evidence: Option<&'a EvidenceSummary>,
    /// SARIF, where it was asked for and can be written.
    pub(super) sarif: Option<String>,
    /// The manifest, as the repository has it.
    pub(super) manifest: String,
    /// How the run ends without what becomes of publishing.
    pub(super) status: ExitStatus,
    /// What is said above the report.
    pub(super) label: Option<&'a str>,
    /// What it is said that was decided.
    pub(super) verdict: Verdict,
}

impl Publication<'_> {
    fn directory(&self) -> &str {
        self.manifest.rsplit_once('/').map_or("", |(directory, _)| directory)
    }

    /// Whether there is nothing to tell anybody.
    fn is_clean(&self) -> bool {
        let is_quiet = |outcome: &crate::decision::Outcome| match outcome.result {
            OutcomeResult::Pass | OutcomeResult::NotApplicable => true,
            OutcomeResult::Fail => outcome.enforcement == Enforcement::Shadow,
            OutcomeResult::Waived | OutcomeResult::Error => false,
        };
        self.verdict == Verdict::Approve
            && self.status == ExitStatus::Success
            && self.record.outcomes.iter().all(is_quiet)
    }

    const fn state(&self) -> State {
        match self.status {
            ExitStatus::Success => State::Success,
            ExitStatus::Denied => State::Failure,
            ExitStatus::Usage | ExitStatus::NotEvaluated | ExitStatus::NotRecorded => State::Error,
        }
    }

    fn annotations(&self) -> Vec<Annotation> {
        annotations(self.record, self.directory(), &self.manifest)
    }

    /// What should be on the forge.
    fn desired(&self, arguments: &Arguments, context: &Context, key: &Key) -> Result<Desired, Problem> {
        let input = CommentInput {
            record: self.record,
            facts: self.facts,
            commit: context.commit.as_deref(),
            evidence: self.evidence,
            label: self.label,
            verdict: self.verdict,
        };
        let markdown = report::comment(&input);
        let commit = context.commit.clone().unwrap_or_default();
        let marker = Marker { key: key.clone(), commit, stamp: context.stamp };
        let mut line = report::line(self.record, self.verdict);
        if self.status == ExitStatus::NotRecorded {
            line = format!("The evidence is incomplete. {line}");
        }
        // From a contributor's run nothing becomes green: whoever can write the workflow could make it so.
        let may_set = self.label.is_none() || self.state() != State::Success;
        let status = (arguments.commit_status && may_set).then(|| Status {
            state: self.state(),
            name: key.name(),
            description: escape::cut(&line, DESCRIPTION_CHARACTERS_MAX.saturating_sub(1), "…").into_owned(),
            url: context.run_url.clone(),
        });
        let check_run = (arguments.check_run && may_set).then(|| CheckRun {
            name: key.name(),
            external_id: external_id(key, context.stamp),
            state: self.state(),
            title: line.clone(),
            summary: markdown.clone(),
            url: context.run_url.clone(),
            annotations: self.annotations(),
        });
        let sarif = match (&self.sarif, &context.reference) {
            (Some(document), Some(reference)) => Some(Sarif {
                document: sarif::for_upload(document, self.directory(), &key.to_string())
                    .map_err(|error| Problem::new("sarif", format!("the SARIF document cannot be read: {error}")))?,
                reference: reference.clone(),
            }),
            _ => None,
        };
        let comment = (arguments.comment != CommentUse::Never).then(|| DesiredComment {
            body: format!("{marker}\n{markdown}"),
            marker,
            may_create: arguments.comment == CommentUse::Always || !self.is_clean(),
        });
        Ok(Desired { comment, status, check_run, sarif, stamp: Some(context.stamp) })
    }
}

/// Whether SARIF is needed.
pub(super) const fn wants_sarif(arguments: &Arguments) -> bool {
    arguments.upload_sarif
}

/// Publishes, and says what was not. What cannot be published for want of a permission on a fork is annotated by the
/// runner instead, and is no failure.
///
/// # Errors
/// Every problem, none of which changes the verdict.
pub(super) fn publish(
    arguments: &Arguments,
    context: &Context,
    publication: &Publication<'_>,
    printer: &Printer,
) -> Result<Published, Vec<Problem>> {
    let key = Key::new(&arguments.gate, &publication.manifest);
    let desired = publication.desired(arguments, context, &key).map_err(|problem| vec![problem])?;
    let is_comment_only = desired.status.is_none() && desired.check_run.is_none() && desired.sarif.is_none();
    let runtime = policies::small_runtime().map_err(|problem| vec![problem])?;
    let published = crate::forge::publish(context, &key, desired, &SystemClock, REQUEST_TIME);
    let mut published = match runtime.block_on(published) {
        Ok(published) => published,
        // A fork's run may have no token at all.
        Err(error) if context.is_read_only => Published { failures: vec![error], ..Published::default() },
        Err(error) => return Err(vec![problem(&error)]),
    };
    for note in &published.notes {
        printer.say(&format!("note: {note}"));
    }
    let failures = std::mem::take(&mut published.failures);
    let is_excused = |error: &ForgeError| {
        context.is_read_only && (error.is_permission() || matches!(error, ForgeError::Setup { .. }))
    };
    if failures.iter().any(is_excused) {
        printer.say("note: this run's token may not write, as it is with forks: the findings are annotated instead");
        printer.workflow_annotations(&publication.annotations());
    }
    let problems: Vec<Problem> = failures.iter().filter(|error| !is_excused(error)).map(problem).collect();
    if problems.is_empty() {
        if published.writes == 0 && failures.is_empty() && !is_comment_only {
            printer.say("note: everything was published before");
        }
        return Ok(published);
    }
    Err(problems)
}

fn problem(error: &ForgeError) -> Problem {
    let hint = match error {
        ForgeError::Forbidden { .. } => {
            "give the job the permission (docs/forge.md), or publish from a run that has it"
        }
        ForgeError::Setup { .. } => "see docs/forge.md for what publishing needs",
        _ => "the decision is stored: `modelgate publish` posts it later",
    };
    Problem::new("publish", error.to_string()).hint(hint)
}

/// The manifest of a release, as the repository has it. `directory` is the release's, `file` the manifest in it.
pub(super) fn manifest_in_repository(context: &Context, directory: &Path, file: &str) -> String {
    let directory = context.in_repository(directory);
    if directory.is_empty() { file.to_owned() } else { format!("{directory}/{file}") }
}
