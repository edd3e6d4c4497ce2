//! The page that tells whoever gets an export how to check it.

use crate::decision::Verdict;
use crate::evidence::run_parts::RecordedRun;
use crate::report::escape;

/// With places for what differs from run to run.
const TEMPLATE: &str = include_str!("readme.md");

/// The page about a run.
pub(super) fn text(run: &str, recorded: &RecordedRun) -> String {
    let record = &recorded.record;
    let meaning = match record.decision {
        Verdict::Approve => "The files that the verdict is about may be released.",
        Verdict::Conditional => {
            "The files that the verdict is about may be released, on conditions that the decision record names, each with an \
             owner and a due date."
        }
        Verdict::Deny => "**The release was denied.** The evidence proves that it was, and nothing else.",
    };
    // Any of the files: a statement is about each of them.
    let digest = recorded.facts.artifacts.first().map(|artifact| artifact.file.sha256.to_string());
    let values = [
        ("{run}", run.to_owned()),
        ("{decision}", record.decision.name().to_owned()),
        ("{model}", code(&record.model)),
        ("{model_version}", escape::markdown(&record.model_version)),
        ("{tier}", record.tier.effective.name().to_owned()),
        ("{effective_time}", escape::markdown(&record.effective_time)),
        ("{tool}", escape::markdown(&record.tool.name)),
        ("{tool_version}", escape::markdown(&record.tool.version)),
        ("{meaning}", meaning.to_owned()),
        ("{digest}", digest.unwrap_or_default()),
    ];
    filled(&values)
}

/// The template in one pass, so that no value is taken for a place.
fn filled(values: &[(&str, String)]) -> String {
    let (mut text, mut rest) = (String::new(), TEMPLATE);
    while let Some((before, at)) = rest.find('{').and_then(|start| rest.split_at_checked(start)) {
        text.push_str(before);
        let found = values.iter().find_map(|(place, value)| Some((value, at.strip_prefix(place)?)));
        match found {
            Some((value, after)) => {
                text.push_str(value);
                rest = after;
            }
            None => {
                text.push('{');
                rest = at.strip_prefix('{').unwrap_or_default();
            }
        }
    }
    text.push_str(rest);
    text
}

/// The inside of a code span.
fn code(text: &str) -> String {
    escape::visible(text).replace('`', "'")
}
