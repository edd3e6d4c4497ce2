//! `modelgate store find`

use std::path::Path;

use super::{StoreArguments, not_written, style};
use crate::cli::{Failure, Printer, verify};
use crate::decision::Verdict;
use crate::digest::Sha256Digest;
use crate::environment::Environment;
use crate::exit_status::ExitStatus;
use crate::policy::EffectiveTime;
use crate::problem::Problem;
use crate::report::stored::RunsDocument;
use crate::store::Filter;
use crate::tier::Tier;

#[derive(Debug, clap::Args)]
pub(super) struct Arguments {
    /// Models, by a glob such as `credit-*`
    #[arg(long, value_name = "GLOB")]
    model: Option<String>,
    /// A file that was judged: `sha256:…`, or the file itself, which is hashed
    #[arg(long, value_name = "DIGEST|FILE")]
    subject: Option<String>,
    /// The tier that applied
    #[arg(long, value_name = "TIER", value_parser = verify::parse_tier)]
    tier: Option<Tier>,
    /// What was decided: approve, conditional or deny
    #[arg(long, value_name = "DECISION", value_parser = parse_decision)]
    decision: Option<Verdict>,
    /// The first effective time, as a day or a time of RFC 3339
    #[arg(long, value_name = "TIME", value_parser = parse_since)]
    since: Option<EffectiveTime>,
    /// The last effective time, inclusive; a day is meant to its end
    #[arg(long, value_name = "TIME", value_parser = parse_until)]
    until: Option<EffectiveTime>,
    #[command(flatten)]
    store: StoreArguments,
    /// Runs that are listed at most, the newest
    #[arg(long, value_name = "N", default_value_t = 100)]
    limit: usize,
    /// Read all of the log instead of the index
    #[arg(long)]
    no_index: bool,
    /// Print JSON (docs/schema/store-runs-v1.schema.json)
    #[arg(long)]
    json: bool,
}

fn parse_decision(text: &str) -> Result<Verdict, String> {
    let named = [Verdict::Approve, Verdict::Conditional, Verdict::Deny].into_iter().find(|known| known.name() == text);
    named.ok_or_else(|| "the decisions are approve, conditional and deny".to_owned())
}

fn parse_since(text: &str) -> Result<EffectiveTime, String> {
    EffectiveTime::parse(text)
}

fn parse_until(text: &str) -> Result<EffectiveTime, String> {
    let end_of_day = EffectiveTime::parse(&format!("{text}T23:59:59Z"));
    end_of_day.or_else(|_| EffectiveTime::parse(text))
}

impl Arguments {
    fn filter(&self) -> Result<Filter, Failure> {
        let filter = Filter {
            tier: self.tier,
            decision: self.decision,
            since: self.since,
            until: self.until,
            subject: self.subject.as_deref().map(subject).transpose()?,
            ..Filter::default()
        };
        let Some(glob) = &self.model else { return Ok(filter) };
        let problem = |reason| Problem::new("bad-pattern", format!("`--model {glob}` is no pattern: {reason}"));
        filter.models(glob).map_err(|reason| Failure::usage(problem(reason)))
    }
}

fn subject(text: &str) -> Result<Sha256Digest, Failure> {
    let Some(digits) = text.strip_prefix("sha256:") else { return verify::digest(Path::new(text)) };
    Sha256Digest::from_hex(digits).map_err(|error| {
        let problem = Problem::new("bad-digest", format!("`--subject {text}`: {error}"));
        Failure::usage(problem.hint("write `sha256:` and 64 digits, or the path of the file"))
    })
}

pub(super) fn run(arguments: &Arguments, environment: &Environment, printer: &Printer) -> Result<ExitStatus, Failure> {
    let (filter, use_index) = (arguments.filter()?, !arguments.no_index);
    let document = arguments.store.ask(environment, async |store| {
        let found = store.find(&filter, arguments.limit, use_index).await?;
        Ok(RunsDocument::found(store.origin(), &found, use_index))
    })?;
    for warning in &document.warnings {
        printer.say(&format!("warning: {warning}"));
    }
    let json = || document.json().map_err(|error| not_written(&error));
    printer.data(&if arguments.json { json()? } else { document.text(&style(printer)) })?;
    Ok(ExitStatus::Success)
}
