//! `modelgate policy test`

use std::num::NonZeroUsize;
use std::path::PathBuf;
use std::thread;

use regex::Regex;

use super::super::{Failure, Printer};
use super::{BundleArguments, write};
use crate::environment::Environment;
use crate::exit_status::ExitStatus;
use crate::policy::PolicyBundle;
use crate::policy::testing::{self, TestOptions, TestRun};
use crate::problem::Problem;
use crate::report::policy_tests as report;

#[derive(Debug, clap::Args)]
pub(super) struct Arguments {
    #[command(flatten)]
    bundle: BundleArguments,
    /// Only tests whose path, such as `data.modelgate.lib.metric_test.test_words`, matches
    #[arg(long, value_name = "REGEX")]
    run: Option<Regex>,
    /// Show how many lines of each policy the tests reach
    #[arg(long)]
    coverage: bool,
    /// Fail if a policy file has fewer of its lines reached
    #[arg(long, value_name = "PERCENT", value_parser = percent)]
    threshold: Option<f64>,
    /// Write coverage as an LCOV tracefile
    #[arg(long, value_name = "FILE")]
    lcov: Option<PathBuf>,
    /// Write coverage as Cobertura XML
    #[arg(long, value_name = "FILE")]
    cobertura: Option<PathBuf>,
    /// Write results as JUnit XML
    #[arg(long, value_name = "FILE")]
    junit: Option<PathBuf>,
    /// Threads that share the tests; by default one for each processor
    #[arg(long, value_name = "COUNT")]
    jobs: Option<NonZeroUsize>,
}

fn percent(text: &str) -> Result<f64, String> {
    match text.parse::<f64>() {
        Ok(value) if (0.0..=100.0).contains(&value) => Ok(value),
        _ => Err("it is a number from 0 to 100".to_owned()),
    }
}

pub(super) fn run(arguments: &Arguments, environment: &Environment, printer: &Printer) -> Result<ExitStatus, Failure> {
    if arguments.threshold.is_some() && arguments.run.is_some() {
        let problem = Problem::new("partial-coverage", "`--threshold` needs all tests, and `--run` leaves some out");
        return Err(Failure::usage(problem.hint("leave one of the two out")));
    }
    let bundle = arguments.bundle.load(environment)?;
    let threads = arguments.jobs.or_else(|| thread::available_parallelism().ok()).unwrap_or(NonZeroUsize::MIN);
    let options = TestOptions { run: arguments.run.clone(), threads, explain: true };
    let run = testing::run(&bundle, &options).map_err(|message| {
        let problem = Problem::new("policy-tests", message);
        Failure::usage(problem.hint("`modelgate policy check` shows what is wrong with policies that do not load"))
    })?;
    write_files(arguments, &bundle, &run)?;
    let mut text = String::new();
    if arguments.coverage {
        text.push_str(&report::coverage_text(&bundle, &run));
    }
    text.push_str(&report::text(&bundle, &run));
    printer.data(&text)?;
    let mut passed = run.failed().next().is_none();
    if let Some(threshold) = arguments.threshold {
        for (file, lines) in report::below(&run, threshold) {
            passed = false;
            let missing: Vec<_> = lines.not_reached.iter().map(ToString::to_string).collect();
            printer.say(&format!(
                "{}: tests reach {:.1} % of its lines, below {threshold} %; not reached: {}",
                bundle.shown(file),
                lines.percent(),
                missing.join(", ")
            ));
        }
    }
    Ok(if passed { ExitStatus::Success } else { ExitStatus::Denied })
}

fn write_files(arguments: &Arguments, bundle: &PolicyBundle, run: &TestRun) -> Result<(), Failure> {
    if let Some(file) = &arguments.lcov {
        write(file, &report::lcov(bundle, run))?;
    }
    if let Some(file) = &arguments.cobertura {
        write(file, &report::cobertura(bundle, run))?;
    }
    if let Some(file) = &arguments.junit {
        let text = report::junit(bundle, run)
            .map_err(|error| Failure::not_recorded(Problem::new("report", error.to_string())))?;
        write(file, &text)?;
    }
    Ok(())
}
