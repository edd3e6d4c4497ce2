//! The controls of a bundle, explained: to a person in a terminal, and as pages of Markdown.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;

use super::layout::{Layout, Paint};
use super::{TextStyle, escape, groups};
use crate::policy::framework::{Clause, Framework};
use crate::policy::profile::ControlProfile;
use crate::policy::{CheckedPolicies, Control, Enforcement, Explanation};
use crate::report::policy_tests::values_seen;
use crate::tier::Tier;

/// Characters of a value of the facts that is shown.
const VALUE_CHARACTERS_MAX: usize = 160;

/// Values of the facts that are shown.
const VALUES_MAX: usize = 60;

/// What a control asks for, in which tier, for whom, and how to mend a fail.
#[must_use]
pub fn control_text(policies: &CheckedPolicies, control: &Control, style: &TextStyle) -> String {
    let mut layout = Layout::new(*style);
    layout.unwrapped(0, &[], &format!("{}  {}", control.id, control.title));
    let waivable = if control.waivable { "its risk may be accepted" } else { "its risk may not be accepted" };
    let about = format!("{}, {} severity, {waivable}", control.domain, groups::severity(control.severity));
    layout.wrapped(0, &[], &about, Paint::Plain);
    if let Some(day) = &control.effective_on {
        layout.wrapped(0, &[], &format!("A fail is a warning before {day}"), Paint::Plain);
    }
    section(&mut layout, "Why and how", &control.description);
    section(&mut layout, "How to mend it", &control.remediation);
    layout.heading("What the tiers ask");
    for tier in Tier::ALL {
        let asked = asked_in(policies, control, tier);
        layout.wrapped(2, &[], &format!("{:<9} {asked}", tier.name()), Paint::Plain);
    }
    if !control.parameters.is_empty() {
        layout.heading("Parameters");
        for (name, parameter) in &control.parameters {
            layout.wrapped(2, &[], &format!("{name}: {}", parameter.description), Paint::Plain);
        }
    }
    if !control.frameworks.is_empty() {
        layout.heading("Clauses that it serves");
        for cited in &control.frameworks {
            layout.wrapped(2, &[], &clause_text(policies, cited), Paint::Plain);
        }
    }
    layout.heading("Source");
    layout.unwrapped(2, &[], &policies.bundle().shown(&control.path));
    layout.finish()
}

fn section(layout: &mut Layout, heading: &str, text: &str) {
    layout.heading(heading);
    for paragraph in text.split("\n\n") {
        let paragraph = paragraph.lines().map(str::trim).collect::<Vec<_>>().join(" ");
        layout.wrapped(2, &[], &paragraph, Paint::Plain);
    }
}

/// `block (US: warn); minimum = 0.65`.
fn asked_in(policies: &CheckedPolicies, control: &Control, tier: Tier) -> String {
    let Some(profile) = policies.profile(tier) else { return "not asked".to_owned() };
    if let Some(reason) = profile.excludes.get(&control.id) {
        return format!("left out: {reason}");
    }
    profile.controls.get(&control.id).map_or_else(|| "not asked".to_owned(), asked)
}

fn asked(chosen: &ControlProfile) -> String {
    let mut text = chosen.enforcement.name().to_owned();
    if !chosen.by_jurisdiction.is_empty() {
        let places = chosen.by_jurisdiction.iter();
        let places: Vec<_> = places.map(|(place, does)| format!("{place}: {}", does.name())).collect();
        let _ = write!(text, " ({})", places.join(", "));
    }
    if let Some(inconclusive) = chosen.inconclusive {
        let _ = write!(text, ", {} if inconclusive", inconclusive.name());
    }
    let parameters: Vec<_> = chosen.parameters.iter().map(|(name, value)| format!("{name} = {value}")).collect();
    if !parameters.is_empty() {
        let _ = write!(text, "; {}", parameters.join(", "));
    }
    for departure in &chosen.departures {
        let _ = write!(text, "; {departure}");
    }
    text
}

fn find_clause<'a>(policies: &'a CheckedPolicies, cited: &str) -> Option<(&'a Framework, &'a Clause)> {
    let (framework, clause) = cited.split_once(':')?;
    let framework = policies.frameworks().iter().find(|known| known.id == framework)?;
    framework.clauses.iter().find(|known| known.id == clause).map(|clause| (framework, clause))
}

fn clause_text(policies: &CheckedPolicies, cited: &str) -> String {
    let Some((framework, clause)) = find_clause(policies, cited) else { return cited.to_owned() };
    format!("{cited} {} ({})", clause.title, standing(framework, clause))
}

/// Where and when a clause applies, and whether its id was checked.
fn standing(framework: &Framework, clause: &Clause) -> String {
    let status = clause.status.unwrap_or(framework.status).name();
    let mut text = format!("{}, {status}", framework.jurisdiction);
    let from = clause.effective_from.as_ref().or(framework.effective_from.as_ref());
    let to = clause.effective_to.as_ref().or(framework.effective_to.as_ref());
    if let Some(day) = from {
        let _ = write!(text, ", from {day}");
    }
    if let Some(day) = to {
        let _ = write!(text, ", until {day}");
    }
    if !clause.checked {
        text.push_str(", id not compared with the primary text");
    }
    text
}

/// Why a control came to its outcome: what it read, and how far its rules got.
#[must_use]
pub fn explanation_text(explanation: &Explanation, style: &TextStyle) -> String {
    let mut layout = Layout::new(*style);
    layout.heading("What it read");
    if explanation.inputs.is_empty() {
        layout.wrapped(2, &[], "nothing of the facts", Paint::Plain);
    }
    for input in explanation.inputs.iter().take(VALUES_MAX) {
        let value = input.value.as_ref().map_or_else(|| "is not there".to_owned(), |value| format!("= {value}"));
        let value = escape::cut(&value, VALUE_CHARACTERS_MAX, "…").into_owned();
        layout.unwrapped(2, &[], &format!("{} {value}", input.path));
    }
    let more = explanation.inputs.len().saturating_sub(VALUES_MAX);
    if more > 0 {
        layout.wrapped(2, &[], &format!("and {more} more; `modelgate facts` prints all"), Paint::Plain);
    }
    layout.heading("How far its rules got");
    for body in &explanation.bodies {
        let held = if body.holds { "gives a result" } else { "gives nothing" };
        layout.unwrapped(2, &[], &format!("{} ({}:{}) {held}", body.rule, body.file, body.line));
        for statement in &body.statements {
            let (mark, count) = match (&statement.error, statement.solutions) {
                (Some(error), _) => ("error", error.clone()),
                (None, 0) => ("does not hold", String::new()),
                (None, 1) => ("holds", String::new()),
                (None, count) => ("holds", format!(" {count} times")),
            };
            layout.unwrapped(4, &[], &format!("line {}: {}  [{mark}{count}]", statement.line, statement.text));
            for line in values_seen(statement, "").lines() {
                layout.unwrapped(8, &[], &escape::cut(line, VALUE_CHARACTERS_MAX, "…"));
            }
        }
    }
    layout.finish()
}

/// The page of a control.
#[must_use]
pub fn control_page(policies: &CheckedPolicies, control: &Control) -> String {
    let mut page = format!("# {} {}\n\n", control.id, escape::markdown(&control.title));
    let _ = writeln!(page, "{}\n", paragraphs(&control.description));
    let waivable = if control.waivable { "yes" } else { "no" };
    let _ = writeln!(page, "| | |\n|---|---|\n| Domain | {} |", control.domain);
    let _ = writeln!(page, "| Severity | {} |", groups::severity(control.severity));
    let _ = writeln!(page, "| A risk acceptance is possible | {waivable} |");
    if let Some(day) = &control.effective_on {
        let _ = writeln!(page, "| A fail is a warning before | {day} |");
    }
    let _ = writeln!(page, "| Source | `{}` |\n", control.path);
    let _ = writeln!(page, "## How to mend a fail\n\n{}\n", paragraphs(&control.remediation));
    page.push_str("## What the tiers ask\n\n| tier | a fail | parameters |\n|---|---|---|\n");
    for tier in Tier::ALL {
        let _ = writeln!(page, "| {tier} | {} |", tier_cells(policies, control, tier));
    }
    if !control.parameters.is_empty() {
        page.push_str("\n## Parameters\n\n| name | type | meaning |\n|---|---|---|\n");
        for (name, parameter) in &control.parameters {
            let kind = format!("{:?}", parameter.kind).to_lowercase();
            let _ = writeln!(page, "| `{name}` | {kind} | {} |", escape::markdown(&parameter.description));
        }
    }
    if !control.frameworks.is_empty() {
        page.push_str("\n## Clauses that it serves\n\n| clause | about | standing |\n|---|---|---|\n");
        for cited in &control.frameworks {
            if let Some((framework, clause)) = find_clause(policies, cited) {
                let standing = escape::markdown(&standing(framework, clause));
                let _ = writeln!(page, "| `{cited}` | {} | {standing} |", escape::markdown(&clause.title));
            }
        }
    }
    page
}

/// Prose of METADATA, which is Markdown of the policy's author: paragraphs, with code spans kept.
fn paragraphs(text: &str) -> String {
    text.split("\n\n")
        .map(|paragraph| paragraph.lines().map(str::trim).collect::<Vec<_>>().join("\n"))
        .collect::<Vec<_>>()
        .join("\n\n")
}

fn tier_cells(policies: &CheckedPolicies, control: &Control, tier: Tier) -> String {
    let Some(profile) = policies.profile(tier) else { return "not asked | ".to_owned() };
    if let Some(reason) = profile.excludes.get(&control.id) {
        return format!("left out: {} | ", escape::markdown(reason));
    }
    let Some(chosen) = profile.controls.get(&control.id) else { return "not asked | ".to_owned() };
    let mut does = chosen.enforcement.name().to_owned();
    for (place, enforcement) in &chosen.by_jurisdiction {
        let _ = write!(does, "; {place}: {}", enforcement.name());
    }
    if let Some(inconclusive) = chosen.inconclusive {
        let _ = write!(does, "; inconclusive: {}", inconclusive.name());
    }
    let parameters = chosen.parameters.iter().map(|(name, value)| escape::markdown_code(&format!("{name} = {value}")));
    format!("{does} | {}", parameters.collect::<Vec<_>>().join(", "))
}

/// The list of all controls, with what each tier makes of a fail.
#[must_use]
pub fn index_page(policies: &CheckedPolicies) -> String {
    let mut page = "# Controls\n\nGenerated by `modelgate policy docs`. What a fail does in each tier: **block** \
                    denies, **condition** makes the approval conditional, **warn** reports, **shadow** records. An \
                    asterisk: another enforcement in some jurisdictions.\n"
        .to_owned();
    let mut domains: BTreeMap<&str, Vec<&Control>> = BTreeMap::new();
    for control in policies.controls() {
        domains.entry(&control.domain).or_default().push(control);
    }
    let _ = writeln!(page, "\n{} controls in {} domains.", policies.controls().count(), domains.len());
    for (domain, controls) in domains {
        let _ = writeln!(page, "\n## {domain}\n\n| control | asks that | minimal | limited | high | critical |");
        page.push_str("|---|---|---|---|---|---|\n");
        for control in controls {
            let cells: Vec<String> = Tier::ALL.iter().map(|tier| index_cell(policies, control, *tier)).collect();
            let title = escape::markdown(&control.title);
            let _ = writeln!(page, "| [{0}]({0}.md) | {title} | {1} |", control.id, cells.join(" | "));
        }
    }
    page
}

fn index_cell(policies: &CheckedPolicies, control: &Control, tier: Tier) -> String {
    let chosen = policies.profile(tier).and_then(|profile| profile.controls.get(&control.id));
    chosen.map_or_else(String::new, |chosen| {
        let mark = if chosen.by_jurisdiction.is_empty() { "" } else { "\\*" };
        format!("{}{mark}", chosen.enforcement.name())
    })
}

/// Which clauses of a framework which controls serve, and the clauses that nothing serves.
#[must_use]
pub fn coverage_page(policies: &CheckedPolicies, framework: &Framework) -> String {
    let mut page = format!("# {}\n\n", escape::markdown(&framework.title));
    let dates = [("from", &framework.effective_from), ("until", &framework.effective_to)];
    let dates: String =
        dates.iter().filter_map(|(word, day)| day.as_ref().map(|day| format!(", {word} {day}"))).collect();
    let _ =
        writeln!(page, "{}, {}{dates}. Source: {}", framework.jurisdiction, framework.status.name(), framework.source);
    if let Some(other) = &framework.superseded_by {
        let _ = writeln!(page, "\nSuperseded by `{other}`.");
    }
    if let Some(note) = &framework.note {
        let _ = writeln!(page, "\n{note}");
    }
    page.push_str("\nA control serves a clause: it gives evidence for it. It does not fulfil it. ");
    page.push_str("In which tiers, is in brackets; a clause in *italics* was not compared with the primary text.\n");
    page.push_str("\n| clause | about | controls |\n|---|---|---|\n");
    let mut unserved = BTreeSet::new();
    for clause in &framework.clauses {
        let cited = format!("{}:{}", framework.id, clause.id);
        let serving = policies.controls().filter(|control| control.frameworks.contains(&cited));
        let serving: Vec<String> = serving.map(|control| with_tiers(policies, control)).collect();
        if serving.is_empty() {
            unserved.insert(&clause.id);
        }
        let id = if clause.checked { clause.id.clone() } else { format!("*{}*", clause.id) };
        let _ = writeln!(page, "| {id} | {} | {} |", escape::markdown(&clause.title), serving.join(", "));
    }
    let served = framework.clauses.len() - unserved.len();
    let _ = writeln!(page, "\n{served} of {} clauses are served by a control.", framework.clauses.len());
    if !unserved.is_empty() {
        let clauses: Vec<&str> = unserved.iter().map(|id| id.as_str()).collect();
        let _ = writeln!(page, "\nNothing serves: {}.", clauses.join(", "));
    }
    page
}

/// `VAL-003 (limited, high, critical)`, the tiers in which a fail at least warns.
fn with_tiers(policies: &CheckedPolicies, control: &Control) -> String {
    let runs = |tier: &&Tier| {
        let chosen = policies.profile(**tier).and_then(|profile| profile.controls.get(&control.id));
        chosen.is_some_and(|chosen| chosen.enforcement > Enforcement::Shadow)
    };
    let tiers: Vec<&str> = Tier::ALL.iter().filter(runs).map(|tier| tier.name()).collect();
    format!("{} ({})", control.id, tiers.join(", "))
}
