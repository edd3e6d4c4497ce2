//! Who is told: the tree of routes that Alertmanager and Grafana send an alert through by its labels.
//!
//! Only labels that are written down are known. A label that a query adds when the alert fires is an empty text here, as
//! a label that is not there is to Alertmanager.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use regex::{Regex, RegexBuilder};

use super::cursor::Cursor;
use super::{Alert, File, MonitoringFormat, listed};
use crate::problem::{Location, Problem};

/// Memory of a compiled pattern. Alternatives of names need a hundredth; a nested repetition would take any amount.
const PATTERN_BYTES_MAX: usize = 1 << 16;

/// Routes of one tree times alerts that go through it. A team has some hundreds of each.
const STEPS_MAX: usize = 10_000_000;

/// What the routes of an alert are chosen by.
#[derive(Debug, Clone, PartialEq, Default)]
pub(super) struct Address {
    /// Whose alert it is: Grafana keeps those of several organisations. Empty for Alertmanager.
    pub(super) organisation: String,
    pub(super) labels: BTreeMap<String, String>,
    /// Labels of all alerts of its group, where the alert has no others of their names.
    pub(super) group_labels: Arc<BTreeMap<String, String>>,
    /// The receiver that the alert itself names, past all routes.
    pub(super) receiver: Option<String>,
    /// Times at which the alert itself is muted.
    pub(super) mutes: Vec<String>,
}

impl Address {
    /// The text of a label, which is empty where there is none.
    fn label(&self, name: &str) -> &str {
        self.labels.get(name).or_else(|| self.group_labels.get(name)).map_or("", String::as_str)
    }
}

/// Routes, receivers and mute timings of one or several files, by organisation.
#[derive(Debug, Default, PartialEq)]
pub(super) struct Routes {
    pub(super) trees: BTreeMap<String, (Route, Location)>,
    /// Receivers, and whether they tell anybody.
    pub(super) receivers: BTreeMap<(String, String), bool>,
    /// Mute timings, and whether they mute at all times.
    pub(super) mutes: BTreeMap<(String, String), bool>,
}

/// A node of the tree.
#[derive(Debug, Default, PartialEq)]
pub(super) struct Route {
    /// Null where it is that of the node above.
    pub(super) receiver: Option<String>,
    matchers: Vec<Matcher>,
    pub(super) mutes: Vec<String>,
    /// Whether the nodes behind it are asked as well.
    goes_on: bool,
    pub(super) routes: Vec<Self>,
}

#[derive(Debug)]
struct Matcher {
    label: String,
    value: String,
    /// Null where the value itself is compared.
    pattern: Option<Regex>,
    is_negated: bool,
}

impl PartialEq for Matcher {
    fn eq(&self, other: &Self) -> bool {
        (&self.label, &self.value, self.is_negated, self.pattern.is_some())
            == (&other.label, &other.value, other.is_negated, other.pattern.is_some())
    }
}

/// Sends every alert through the routes of its vendor's files, wherever they stand.
///
/// # Errors
/// Two trees of routes for the same alerts, or more steps than anybody's routes take.
pub(super) fn apply(files: &mut [File]) -> Result<(), Vec<Problem>> {
    let systems: [&[MonitoringFormat]; 2] =
        [&[MonitoringFormat::Prometheus, MonitoringFormat::Alertmanager], &[MonitoringFormat::Grafana]];
    let mut problems = Vec::new();
    for formats in systems {
        let mut all = Routes::default();
        for file in files.iter_mut().filter(|file| formats.contains(&file.format)) {
            if let Some(routes) = file.found.routes.take() {
                all.merge(routes, &mut problems);
            }
        }
        let mut steps = 0_usize;
        for file in files.iter_mut().filter(|file| formats.contains(&file.format)) {
            for alert in &mut file.found.alerts {
                steps = steps.saturating_add(all.address(alert));
                if steps > STEPS_MAX {
                    problems.push(Problem::new("too-many-routes", format!("alerts pass more than {STEPS_MAX} routes")));
                    return Err(problems);
                }
            }
        }
    }
    if problems.is_empty() { Ok(()) } else { Err(problems) }
}

impl Routes {
    fn merge(&mut self, other: Self, problems: &mut Vec<Problem>) {
        self.receivers.extend(other.receivers);
        self.mutes.extend(other.mutes);
        for (organisation, (route, location)) in other.trees {
            match self.trees.get(&organisation) {
                None => {
                    self.trees.insert(organisation, (route, location));
                }
                Some((_, first)) => {
                    let message = format!("there are routes already ({}:{})", first.file, first.line);
                    let problem = Problem::new("two-routes", message).at(location);
                    problems.push(problem.hint("name one tree of routes: only one can be in force"));
                }
            }
        }
    }

    /// Finds out whom an alert tells, and how many routes were asked.
    fn address(&self, alert: &mut Alert) -> usize {
        let Some(address) = &alert.address else { return 0 };
        let mut destinations = Vec::new();
        let mut steps = 0;
        match (&address.receiver, self.trees.get(&address.organisation)) {
            (Some(receiver), _) => destinations.push((receiver.as_str(), address.mutes.as_slice())),
            (None, Some((tree, _))) => tree.destinations(None, address, &mut destinations, &mut steps),
            // Where no routes were read, nothing is known but what the alert's labels say.
            (None, None) => return 0,
        }
        let of = |name: &String| (address.organisation.clone(), name.clone());
        let is_muted = |mutes: &[String]| mutes.iter().any(|mute| self.mutes.get(&of(mute)) == Some(&true));
        let tells_nobody = destinations.iter().all(|(_, mutes)| is_muted(mutes));
        let told: BTreeSet<_> = destinations
            .iter()
            .filter(|(_, mutes)| !is_muted(mutes))
            .map(|(receiver, _)| (*receiver).to_owned())
            .filter(|receiver| self.receivers.is_empty() || self.receivers.get(&of(receiver)) == Some(&true))
            .collect();
        alert.signal.route = listed(told);
        if tells_nobody {
            alert.inactive.get_or_insert("it is muted at all times");
        }
        steps
    }
}

impl Route {
    /// Reads a node and all below it. Alertmanager and Grafana have the same keys.
    pub(super) fn read(cursor: &Cursor<'_>, problems: &mut Vec<Problem>) -> Self {
        let mut matchers = Vec::new();
        for text in cursor.get("matchers").map(texts).unwrap_or_default() {
            match parse_matchers(&text) {
                Ok(found) => matchers.extend(found),
                Err(message) => problems.push(cursor.problem("matcher", message, "write one such as `team=\"risk\"`")),
            }
        }
        // Grafana's own form: name, operator and value apart.
        for parts in cursor.items_of("object_matchers") {
            let parts: Vec<_> = parts.items().iter().map(|part| part.text().unwrap_or_default()).collect();
            let found = match parts.as_slice() {
                [label, operator, value] => Matcher::new(label, operator, value),
                _ => Err("a matcher has three parts".to_owned()),
            };
            match found {
                Ok(matcher) => matchers.push(matcher),
                Err(message) => problems.push(cursor.problem("matcher", message, "write `[team, \"=\", risk]`")),
            }
        }
        for (key, operator) in [("match", "="), ("match_re", "=~")] {
            for (label, value) in cursor.get(key).map(|entries| entries.entries()).unwrap_or_default() {
                match Matcher::new(label, operator, &value.text().unwrap_or_default()) {
                    Ok(matcher) => matchers.push(matcher),
                    Err(message) => problems.push(value.problem("matcher", message, "mend the pattern")),
                }
            }
        }
        Self {
            receiver: cursor.text_of("receiver"),
            matchers,
            mutes: cursor.texts_of("mute_time_intervals"),
            goes_on: cursor.is_true("continue").unwrap_or_default(),
            routes: cursor.items_of("routes").iter().map(|route| Self::read(route, problems)).collect(),
        }
    }

    /// The nodes that an alert ends at, with their receivers: of the nodes below the first that matches and each behind
    /// one that lets it go on, or else the node itself (`Route.Match` of Alertmanager).
    fn destinations<'a>(
        &'a self,
        above: Option<&'a str>,
        address: &Address,
        found: &mut Vec<(&'a str, &'a [String])>,
        steps: &mut usize,
    ) {
        let receiver = self.receiver.as_deref().or(above);
        let before = found.len();
        for route in &self.routes {
            *steps = steps.saturating_add(1 + route.matchers.len());
            if !route.matches(address) {
                continue;
            }
            route.destinations(receiver, address, found, steps);
            if !route.goes_on {
                break;
            }
        }
        if found.len() == before {
            // A root without a receiver was refused.
            found.push((receiver.unwrap_or_default(), &self.mutes));
        }
    }

    fn matches(&self, address: &Address) -> bool {
        self.matchers.iter().all(|matcher| matcher.matches(address.label(&matcher.label)))
    }

    /// This node and all below it.
    pub(super) fn nodes(&self) -> Vec<&Self> {
        let mut nodes = vec![self];
        nodes.extend(self.routes.iter().flat_map(Self::nodes));
        nodes
    }

    pub(super) const fn has_matchers(&self) -> bool {
        !self.matchers.is_empty()
    }
}

/// The texts of a list, or the one text that stands for it.
fn texts(cursor: Cursor<'_>) -> Vec<String> {
    match cursor.text() {
        Some(text) => vec![text],
        None => cursor.items().iter().filter_map(Cursor::text).collect(),
    }
}

impl Matcher {
    fn new(label: &str, operator: &str, value: &str) -> Result<Self, String> {
        let (is_negated, is_pattern) = match operator {
            "=" => (false, false),
            "!=" => (true, false),
            "=~" => (false, true),
            "!~" => (true, true),
            other => return Err(format!("`{other}` is no operator of a matcher")),
        };
        let pattern = is_pattern.then(|| {
            let whole = format!("^(?s:{value})$");
            RegexBuilder::new(&whole).size_limit(PATTERN_BYTES_MAX).build()
        });
        let pattern = pattern.transpose().map_err(|_| format!("`{value}` is no pattern, or a very large one"))?;
        Ok(Self { label: label.to_owned(), value: value.to_owned(), pattern, is_negated })
    }

    fn matches(&self, value: &str) -> bool {
        let is_equal = self.pattern.as_ref().map_or_else(|| self.value == value, |pattern| pattern.is_match(value));
        is_equal != self.is_negated
    }
}

/// The matchers of a text: `team="risk"`, or several with commas and braces around them.
fn parse_matchers(text: &str) -> Result<Vec<Matcher>, String> {
    let trimmed = text.trim();
    let inner = trimmed.strip_prefix('{').and_then(|inner| inner.strip_suffix('}')).unwrap_or(trimmed);
    let mut matchers = Vec::new();
    let mut rest = inner.trim_start();
    while !rest.is_empty() {
        let (label, after) = word(rest, |character| "=!~,".contains(character))?;
        let operators = ["=~", "!~", "!=", "="];
        let Some(operator) = operators.into_iter().find(|operator| after.starts_with(operator)) else {
            return Err(format!("`{text}` is no matcher"));
        };
        if label.is_empty() {
            return Err(format!("`{text}` names no label"));
        }
        let (value, after) = word(after.get(operator.len()..).unwrap_or_default(), |character| character == ',')?;
        matchers.push(Matcher::new(&label, operator, &value)?);
        rest = match after.strip_prefix(',') {
            Some(after) => after.trim_start(),
            None if after.is_empty() => after,
            None => return Err(format!("`{text}` has something behind a matcher")),
        };
    }
    Ok(matchers)
}

/// A quoted text, or one up to where it ends; and what comes behind it.
fn word(text: &str, ends: impl Fn(char) -> bool) -> Result<(String, &str), String> {
    let text = text.trim_start();
    let Some(quoted) = text.strip_prefix('"') else {
        let end = text.find(ends).unwrap_or(text.len());
        let (word, rest) = text.split_at_checked(end).unwrap_or((text, ""));
        return Ok((word.trim_end().to_owned(), rest));
    };
    let mut word = String::new();
    let mut characters = quoted.char_indices();
    while let Some((at, character)) = characters.next() {
        match character {
            '"' => return Ok((word, quoted.get(at + 1..).unwrap_or_default().trim_start())),
            '\\' => match characters.next() {
                Some((_, 'n')) => word.push('\n'),
                Some((_, escaped)) => {
                    // Patterns have backslashes of their own (`\d`).
                    if !"\\\"".contains(escaped) {
                        word.push('\\');
                    }
                    word.push(escaped);
                }
                None => break,
            },
            other => word.push(other),
        }
    }
    Err(format!("`{text}` has a quote without an end"))
}

/// Whether some of these intervals of time together leave no time out: an interval has every time that its parts do not
/// exclude.
pub(super) fn is_always(intervals: &[Cursor<'_>]) -> bool {
    intervals.iter().any(|interval| {
        let is_whole = |key: &str, whole: &dyn Fn(&[Cursor<'_>]) -> bool| {
            interval.get(key).is_none_or(|part| part.items().is_empty() || whole(&part.items()))
        };
        // A year comes to an end.
        is_whole("years", &|_| false)
            && is_whole("times", &|times| times.iter().any(is_whole_day))
            && is_whole("weekdays", &|days| covers(days, &WEEKDAYS, 0))
            && is_whole("months", &|months| covers(months, &MONTHS, 1))
            && is_whole("days_of_month", &|days| {
                days.iter().any(|day| matches!(day.text().as_deref(), Some("1:31" | "1:-1")))
            })
    })
}

/// A minute at the end of the day, which no time of day can name where `24:00` is none, is no time for an alarm.
fn is_whole_day(time: &Cursor<'_>) -> bool {
    let starts = time.first_text(&["start_time", "start"]);
    let ends = time.first_text(&["end_time", "end"]);
    starts.as_deref() == Some("00:00") && matches!(ends.as_deref(), Some("24:00" | "23:59"))
}

const WEEKDAYS: [&str; 7] = ["sunday", "monday", "tuesday", "wednesday", "thursday", "friday", "saturday"];

const MONTHS: [&str; 12] = [
    "january",
    "february",
    "march",
    "april",
    "may",
    "june",
    "july",
    "august",
    "september",
    "october",
    "november",
    "december",
];

/// Whether names and ranges of names (`monday:friday`, `1:3`) leave none out.
fn covers(ranges: &[Cursor<'_>], names: &[&str], first: usize) -> bool {
    let position = |text: &str| {
        let text = text.trim().to_lowercase();
        let number = text.parse::<usize>().ok().and_then(|number| number.checked_sub(first));
        names.iter().position(|name| *name == text).or(number)
    };
    let mut left: BTreeSet<usize> = (0..names.len()).collect();
    for range in ranges {
        let text = range.text().unwrap_or_default();
        let (start, end) = text.split_once(':').unwrap_or((&text, &text));
        if let (Some(start), Some(end)) = (position(start), position(end)) {
            left.retain(|index| !(start..=end).contains(index));
        }
    }
    left.is_empty()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::document::Document;

    #[test]
    fn matchers_are_those_of_alertmanager() {
        let address = |value: &str| {
            let labels = BTreeMap::from([("team".to_owned(), value.to_owned())]);
            Address { labels, ..Address::default() }
        };
        for (text, value, is_match) in [
            ("team=risk", "risk", true),
            ("team = \"risk\"", "risk", true),
            ("{team=\"risk\", severity=\"\"}", "risk", true),
            ("team=~\"risk|credit\"", "credit", true),
            ("team=~\"risk|credit\"", "credits", false),
            ("team=~ri.*", "risk\nx", true),
            ("team!=risk", "risk", false),
            ("team!~\"r.+\"", "", true),
            ("team=\"a\\\"b\"", "a\"b", true),
            ("team=~\"\\\\d+\"", "12", true),
            ("team=~\"\\d+\"", "12", true),
            ("\"team\"=\"a,b\"", "a,b", true),
            ("other=x", "risk", false),
            ("other!=x", "risk", true),
        ] {
            let route = Route { matchers: parse_matchers(text).unwrap(), ..Route::default() };
            assert_eq!(route.matches(&address(value)), is_match, "{text} on {value}");
        }
        for text in
            ["team", "=risk", "team==~x", "team=\"risk", "team=~\"(\"", "team=\"a\"b", "team=~\"(a{999}){999}\""]
        {
            // `==~x` is the text `=~x`.
            assert_eq!(parse_matchers(text).is_err(), text != "team==~x", "{text}");
        }
    }

    #[test]
    fn times_that_leave_none_out() {
        let of = |text: &str| {
            let document = Document::parse("t.yml", text).unwrap();
            is_always(&Cursor::root(&document).items())
        };
        for text in [
            "[{}]",
            "[{weekdays: ['sunday:saturday']}]",
            "[{weekdays: [monday, 'tuesday:saturday', sunday], months: ['1:12']}]",
            "[{times: [{start_time: '00:00', end_time: '24:00'}]}]",
            "[{years: ['2020']}, {days_of_month: ['1:-1']}]",
        ] {
            assert!(of(text), "{text}");
        }
        for text in [
            "[]",
            "[{weekdays: ['monday:friday']}]",
            "[{years: ['2020:2099']}]",
            "[{months: ['january:november']}]",
            "[{times: [{start_time: '00:00', end_time: '12:00'}, {start_time: '12:00', end_time: '24:00'}]}]",
        ] {
            assert!(!of(text), "{text}");
        }
    }

    proptest::proptest! {
        #[test]
        fn no_matcher_panics(
            parts in proptest::collection::vec(
                proptest::sample::select(vec!["a", "=", "!", "~", "\"", "\\", ",", "{", "}", " ", "é", "(", "*", "\n"]),
                0..12,
            ),
        ) {
            let text = parts.concat();
            if let Ok(matchers) = parse_matchers(&text) {
                let _ = Route { matchers, ..Route::default() }.matches(&Address::default());
            }
        }
    }
}
