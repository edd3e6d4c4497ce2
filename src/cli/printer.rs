//! Data on stdout, talk on stderr.

use std::io::{self, IsTerminal, Write};

use anstyle::{AnsiColor, Style};

use super::Failure;
use crate::forge::annotation::{Annotation, Level};
use crate::problem::{Location, Problem};
use crate::report::escape;

/// When to colour what is printed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub(super) enum ColorChoice {
    /// On a terminal, unless `NO_COLOR` is set.
    Auto,
    /// Always.
    Always,
    /// Never.
    Never,
}

/// Writes to the two streams of the process.
pub(super) struct Printer {
    color_stdout: bool,
    color_stderr: bool,
}

const ERROR: Style = AnsiColor::Red.on_default().bold();
const HINT: Style = AnsiColor::Cyan.on_default();
const BOLD: Style = Style::new().bold();

/// Width of text that does not go to a terminal.
const COLUMNS_DEFAULT: usize = 100;
/// Lines longer than this are hard to read, however wide the terminal is.
const COLUMNS_MAX: usize = 120;

impl Printer {
    pub(super) fn new(choice: ColorChoice, no_color: bool) -> Self {
        let wanted = |is_terminal: bool| match choice {
            ColorChoice::Auto => is_terminal && !no_color,
            ColorChoice::Always => true,
            ColorChoice::Never => false,
        };
        Self { color_stdout: wanted(io::stdout().is_terminal()), color_stderr: wanted(io::stderr().is_terminal()) }
    }

    /// Whether stdout takes colours.
    pub(super) const fn color_stdout(&self) -> bool {
        self.color_stdout
    }

    /// Columns to wrap at on stdout.
    pub(super) fn columns() -> usize {
        terminal_size::terminal_size().map_or(COLUMNS_DEFAULT, |(width, _)| usize::from(width.0).clamp(40, COLUMNS_MAX))
    }

    /// Writes data. A closed pipe (`modelgate facts | head`) is not an error.
    pub(super) fn data(&self, text: &str) -> Result<(), Failure> {
        let mut stdout = io::stdout().lock();
        match stdout.write_all(text.as_bytes()).and_then(|()| stdout.flush()) {
            Err(error) if error.kind() != io::ErrorKind::BrokenPipe => {
                Err(Failure::not_recorded(Problem::new("stdout", format!("stdout cannot be written: {error}"))))
            }
            _ => Ok(()),
        }
    }

    /// Says something to the person who runs the command.
    pub(super) fn say(&self, text: &str) {
        // There is nobody left to tell when stderr is gone.
        for line in text.lines() {
            let _ = writeln!(io::stderr().lock(), "{}", escape::visible(line));
        }
    }

    /// Shows problems, each with its place, the line it is in, and the mend.
    pub(super) fn problems(&self, summary: &str, problems: &[Problem]) {
        let mut text = String::new();
        for problem in problems {
            text.push_str(&self.problem(problem));
            text.push('\n');
        }
        let count = match problems.len() {
            1 => String::new(),
            count => format!(": {count} problems"),
        };
        text.push_str(&format!("{}{count}\n", self.paint(BOLD, summary)));
        let _ = io::stderr().lock().write_all(text.as_bytes());
    }

    /// Shows problems as workflow commands, which a GitHub Actions runner turns into annotations.
    pub(super) fn workflow_errors(&self, problems: &[Problem]) {
        // More than ten of a kind are not shown for a step.
        const COMMANDS_MAX: usize = 10;
        for problem in problems.iter().take(COMMANDS_MAX) {
            let place = problem.location.as_ref().map_or_else(String::new, |location| {
                format!(",file={},line={}", workflow_property(&location.file), location.line)
            });
            let hint =
                problem.hint.as_ref().map_or_else(String::new, |hint| format!("\nhint: {}", escape::visible(hint)));
            let message = workflow_data(&format!("{}{hint}", escape::visible(&problem.message)));
            let title = workflow_property(problem.code);
            let _ = writeln!(io::stdout().lock(), "::error title={title}{place}::{message}");
        }
    }

    /// Shows findings as workflow commands. They go to stderr, where a runner reads them as well: stdout may be a report.
    pub(super) fn workflow_annotations(&self, annotations: &[Annotation]) {
        let _ = io::stderr().lock().write_all(workflow_commands(annotations).as_bytes());
    }

    fn problem(&self, problem: &Problem) -> String {
        let head = self.paint(ERROR, &format!("error[{}]", problem.code));
        let mut text = format!("{head}: {}\n", self.paint(BOLD, &escape::visible(&problem.message)));
        if let Some(location) = &problem.location {
            text.push_str(&format!("  --> {}\n", escape::visible(&location.to_string())));
            text.push_str(&excerpt(location).unwrap_or_default());
        }
        if let Some(hint) = &problem.hint {
            text.push_str(&format!("{}: {}\n", self.paint(HINT, "hint"), escape::visible(hint)));
        }
        text
    }

    fn paint(&self, style: Style, text: &str) -> String {
        if self.color_stderr { format!("{style}{text}{style:#}") } else { text.to_owned() }
    }
}

/// The line that a problem is in, with a caret below its column; nothing if the file cannot be shown.
fn excerpt(location: &Location) -> Option<String> {
    const BYTES_MAX: u64 = 1 << 20;
    const COLUMNS_SHOWN: usize = 160;
    let metadata = std::fs::metadata(&location.file).ok()?;
    if !metadata.is_file() || metadata.len() > BYTES_MAX {
        return None;
    }
    let source = std::fs::read_to_string(&location.file).ok()?;
    let line = source.lines().nth(usize::try_from(location.line).ok()?.checked_sub(1)?)?;
    let column = usize::try_from(location.column).ok()?.checked_sub(1)?;
    if column >= COLUMNS_SHOWN {
        return None;
    }
    let shown: String =
        line.chars().take(COLUMNS_SHOWN).map(|character| if character == '\t' { ' ' } else { character }).collect();
    let number = location.line.to_string();
    let margin = " ".repeat(number.len());
    let pad = " ".repeat(column);
    Some(format!(" {margin} |\n {number} | {}\n {margin} | {pad}^\n", escape::visible(&shown)))
}

/// A command for each annotation. A runner shows ten of a kind for each step, so that the rest is only counted.
fn workflow_commands(annotations: &[Annotation]) -> String {
    const COMMANDS_MAX: usize = 10;
    let mut commands = String::new();
    for (level, command) in [(Level::Failure, "error"), (Level::Warning, "warning"), (Level::Notice, "notice")] {
        let of_level = annotations.iter().filter(|annotation| annotation.level == level);
        let more = of_level.clone().count().saturating_sub(COMMANDS_MAX);
        for annotation in of_level.take(COMMANDS_MAX) {
            commands.push_str(&format!(
                "::{command} file={},line={},title={}::{}\n",
                workflow_property(&escape::visible(&annotation.path)),
                annotation.line,
                workflow_property(&annotation.title),
                workflow_data(&annotation.message)
            ));
        }
        if more > 0 {
            commands.push_str(&format!("and {more} more of the kind `{command}`: see the report\n"));
        }
    }
    commands
}

/// Escapes the data of a workflow command, as the runner's toolkit does (`core/src/command.ts`).
fn workflow_data(text: &str) -> String {
    // `##[` is a command anywhere in a line, in the form of older runners.
    text.replace('%', "%25").replace('\r', "%0D").replace('\n', "%0A").replace("##[", "##%5B")
}

/// Escapes a property of a workflow command.
fn workflow_property(text: &str) -> String {
    workflow_data(text).replace(':', "%3A").replace(',', "%2C")
}

#[cfg(test)]
mod tests {
    use super::*;

    proptest::proptest! {
        #[test]
        fn a_finding_is_one_command(text in "([\\PC]|::|%|[,:\r\n]|\u{1b}\\[|##\\[|::stop-commands::x|\u{202e}){0,30}") {
            let annotation = Annotation::new(&text, 3, Level::Failure, &text, &text);
            let commands = workflow_commands(&[annotation.clone(), annotation]);
            let lines: Vec<&str> = commands.split(['\n', '\r']).collect();
            proptest::prop_assert_eq!(lines.len(), 3, "{:?}", commands);
            for line in &lines[..2] {
                proptest::prop_assert!(line.starts_with("::error file="), "{}", line);
                // The first `::` behind the command ends its properties.
                let properties = line.strip_prefix("::error ").unwrap().split("::").next().unwrap();
                proptest::prop_assert_eq!(properties.split(',').count(), 3, "{}", line);
                proptest::prop_assert!(!line.chars().any(escape::is_hidden), "{:?}", line);
                proptest::prop_assert!(!line.contains("##["), "{}", line);
            }
        }
    }

    #[test]
    fn ten_of_a_kind_are_shown() {
        let annotations = vec![Annotation::new("m.yaml", 1, Level::Warning, "t", "m"); 12];
        let commands = workflow_commands(&annotations);
        assert_eq!(commands.matches("::warning ").count(), 10);
        assert!(commands.contains("and 2 more"), "{commands}");
    }

    #[test]
    fn a_workflow_command_cannot_be_broken_out_of() {
        assert_eq!(workflow_data("50%\n::set-output name=x::y"), "50%25%0A::set-output name=x::y");
        assert_eq!(workflow_property("a,line=1::b"), "a%2Cline=1%3A%3Ab");
    }
}
