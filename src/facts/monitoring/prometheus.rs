//! Prometheus alerting rules: rule files, and the `PrometheusRule` custom resource.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use promql_parser::parser::{self, BinaryExpr, Expr};
use schemars::JsonSchema;
use serde::Deserialize;

use super::cursor::cut;
use super::kinds::{SIGNAL_LABEL, declared_kind, guessed};
use super::routing::Address;
use super::{Alert, Found, KindBasis, Signal, SignalKind, Source, go_template};
use crate::document::{Document, pointer_to};
use crate::problem::Problem;

/// Labels that say who is told; the first that is there counts.
const ROUTE_LABELS: [&str; 4] = ["team", "receiver", "owner", "channel"];

/// Annotations that say what to do; the first that is there counts.
const RUNBOOK_ANNOTATIONS: [&str; 2] = ["runbook_url", "runbook"];

/// Characters of a label: those of a group become part of each of its alerts.
const LABEL_CHARACTERS_MAX: usize = 256;

/// Characters of an expression. The parser descends once for each parenthesis: longer ones than any
/// person writes would cost its stack.
const EXPRESSION_CHARACTERS_MAX: usize = 4_096;

/// Parentheses and function calls within each other, for the same reason.
const EXPRESSION_DEPTH_MAX: usize = 64;

/// Keys may be there without a value, as if they were not.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct RuleFile {
    #[serde(default)]
    groups: Option<Vec<Group>>,
}

/// The resource's other parts are Kubernetes' to check.
#[derive(Deserialize, JsonSchema)]
struct CustomResource {
    spec: RuleFile,
}

/// The one kind of resource that holds rules.
const RESOURCE_KIND: &str = "PrometheusRule";

#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct Group {
    name: Scalar,
    #[serde(default)]
    interval: Option<Scalar>,
    #[serde(default)]
    query_offset: Option<Scalar>,
    #[serde(default)]
    #[expect(dead_code, reason = "allowed by Prometheus")]
    limit: Option<i64>,
    #[serde(default)]
    #[expect(dead_code, reason = "allowed by Thanos, whose rule files are Prometheus' but for it")]
    partial_response_strategy: Option<Scalar>,
    #[serde(default)]
    labels: Texts,
    #[serde(default)]
    rules: Option<Vec<Rule>>,
}

#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct Rule {
    #[serde(default)]
    alert: Option<Scalar>,
    #[serde(default)]
    record: Option<Scalar>,
    expr: Scalar,
    #[serde(default, rename = "for")]
    hold: Option<Scalar>,
    #[serde(default)]
    keep_firing_for: Option<Scalar>,
    #[serde(default)]
    labels: Texts,
    #[serde(default)]
    annotations: Texts,
}

/// Labels or annotations.
type Texts = Option<BTreeMap<String, Option<Scalar>>>;

/// A text. YAML makes a number of `expr: 1`, `for: 0` or `severity: 2`, and Prometheus a text of it again.
#[derive(Deserialize, JsonSchema)]
#[serde(untagged)]
enum Scalar {
    Text(String),
    Number(f64),
    Truth(bool),
}

impl Scalar {
    fn text(&self) -> String {
        match self {
            Self::Text(text) => text.clone(),
            Self::Number(number) => number.to_string(),
            Self::Truth(truth) => truth.to_string(),
        }
    }
}

/// The alerts of a rule file, in its order. Recording rules raise no alarm and are none.
///
/// # Errors
/// Every problem: another shape than Prometheus reads, an expression that is not PromQL, a name, a duration, a template
/// or a `modelgate_signal` that is none.
pub(super) fn read(document: &Document) -> Result<Found, Vec<Problem>> {
    let (file, root) = match document.value().get("kind") {
        Some(kind) if kind == RESOURCE_KIND => (document.decode::<CustomResource>()?.spec, "/spec"),
        Some(_) => {
            let problem = Problem::new("not-rules", format!("a resource of another kind than `{RESOURCE_KIND}`"))
                .at(document.location("/kind"));
            return Err(vec![problem.hint("name a Prometheus rule file, or take it out of `monitoring`")]);
        }
        None => (document.decode::<RuleFile>()?, ""),
    };
    let mut found = Found::default();
    let mut problems = Vec::new();
    let mut names = BTreeSet::new();
    for (group_index, group) in file.groups.iter().flatten().enumerate() {
        let pointer = format!("{root}/groups/{group_index}");
        let group_labels = Arc::new(texts(&group.labels));
        let mut reader = Reader {
            document,
            pointer,
            interval: None,
            group_labels: Arc::clone(&group_labels),
            problems: &mut problems,
        };
        let name = group.name.text();
        if name.is_empty() {
            reader.problem("missing-name", "a group has no name".to_owned(), "/name", "give it one");
        }
        if !names.insert(name.clone()) {
            let message = format!("the group `{name}` occurs twice");
            reader.problem("duplicate-group", message, "/name", "Prometheus refuses the file: give each its own name");
        }
        let interval = reader.duration("/interval", group.interval.as_ref());
        reader.duration("/query_offset", group.query_offset.as_ref());
        reader.labels("/labels", &group.labels);
        reader.templates("/labels", &group_labels);
        for (rule_index, rule) in group.rules.iter().flatten().enumerate() {
            let pointer = format!("{root}/groups/{group_index}/rules/{rule_index}");
            let group_labels = Arc::clone(&group_labels);
            let reader = Reader { document, pointer, interval, group_labels, problems: &mut problems };
            found.alerts.extend(reader.alert(rule));
        }
    }
    if problems.is_empty() { Ok(found) } else { Err(problems) }
}

/// Reads what stands at one place of a document, and collects the problems there.
struct Reader<'a> {
    document: &'a Document,
    pointer: String,
    /// Seconds between two evaluations of the group.
    interval: Option<u64>,
    /// Labels of every rule of the group.
    group_labels: Arc<BTreeMap<String, String>>,
    problems: &'a mut Vec<Problem>,
}

impl Reader<'_> {
    fn problem(&mut self, code: &'static str, message: String, part: &str, hint: impl Into<String>) {
        let location = self.document.location(&format!("{}{part}", self.pointer));
        self.problems.push(Problem::new(code, message).at(location).hint(hint));
    }

    /// The alert that a rule is, or nothing when it only records or has problems.
    fn alert(mut self, rule: &Rule) -> Option<Alert> {
        let text = rule.expr.text();
        let expression = parse(&text)
            .map_err(|message| {
                let message = format!("the expression is not PromQL: {message}");
                self.problem("promql", message, "/expr", "`promtool check rules` says more");
            })
            .ok();
        let for_seconds = self.duration("/for", rule.hold.as_ref()).unwrap_or_default();
        self.duration("/keep_firing_for", rule.keep_firing_for.as_ref());
        self.labels("/labels", &rule.labels);
        self.labels("/annotations", &rule.annotations);
        // A name that is empty is none.
        let named = |name: &Option<Scalar>| name.as_ref().map(Scalar::text).filter(|name| !name.is_empty());
        let name = match (named(&rule.alert), named(&rule.record)) {
            (Some(alert), None) => alert,
            (None, Some(record)) => {
                self.recording(rule, &record);
                return None;
            }
            _ => {
                let message = "a rule has either `alert` or `record`".to_owned();
                self.problem("rule-kind", message, "", "name the alert with `alert:`");
                return None;
            }
        };
        let labels = texts(&rule.labels);
        let annotations = texts(&rule.annotations);
        self.templates("/labels", &labels);
        self.templates("/annotations", &annotations);
        let group_labels = Arc::clone(&self.group_labels);
        let label = |names: &[&str]| {
            let of_rule = |name: &&str| labels.get(*name).or_else(|| group_labels.get(*name));
            let found = names.iter().filter_map(of_rule).find(|text| !text.trim().is_empty());
            found.map(|text| cut(text, LABEL_CHARACTERS_MAX))
        };
        let declared = label(&[SIGNAL_LABEL]).and_then(|kind| self.declared(&kind));
        let expression = expression?;
        let mut reading = Reading::default();
        reading.visit(&expression);
        let names = std::iter::once(name.as_str()).chain(reading.metrics.iter().map(String::as_str));
        let (kind, kind_basis) = declared.map_or_else(|| guessed(names), |kind| (kind, KindBasis::Declared));
        let (operator, threshold) = condition(&expression).unzip();
        let signal = Signal {
            kind,
            kind_basis,
            name: name.clone(),
            expression: text,
            metrics: reading.metrics.into_iter().collect(),
            operator,
            threshold,
            window_seconds: reading.window.map(|window| window.as_secs()),
            for_seconds,
            interval_seconds: self.interval,
            severity: label(&["severity"]),
            route: label(&ROUTE_LABELS),
            owner: label(&["owner"]),
            runbook: RUNBOOK_ANNOTATIONS
                .iter()
                .filter_map(|name| annotations.get(*name))
                .find(|text| !text.trim().is_empty())
                .cloned(),
            source: Source { file: self.document.file().to_owned(), line: self.document.location(&self.pointer).line },
        };
        let mut labels = labels;
        labels.insert("alertname".to_owned(), name);
        Some(Alert { signal, inactive: None, address: Some(Address { labels, group_labels, ..Address::default() }) })
    }

    /// What Prometheus refuses in a rule that records.
    fn recording(&mut self, rule: &Rule, name: &str) {
        if !is_name(name, ":") {
            let message = format!("`{name}` is no name of a metric");
            self.problem("invalid-name", message, "/record", "write letters, digits, `_` and `:`");
        }
        let durations = [&rule.hold, &rule.keep_firing_for];
        let has_times = durations.into_iter().flatten().any(|text| duration_milliseconds(&text.text()) != Some(0));
        if has_times || rule.annotations.as_ref().is_some_and(|annotations| !annotations.is_empty()) {
            let message = "a rule that records has `for`, `keep_firing_for` or `annotations`".to_owned();
            self.problem("rule-kind", message, "", "take them out, or make it an alert");
        }
    }

    /// The names of labels or annotations. Those with other characters came with Prometheus 3, and not every reader of
    /// alerts takes them.
    fn labels(&mut self, part: &str, labels: &Texts) {
        for name in labels.iter().flatten().map(|(name, _)| name) {
            if !is_name(name, "") || name == "__name__" {
                let message = format!("`{name}` is no name of a label");
                self.problem("invalid-name", message, &pointer_to(part, name), "write letters, digits and `_`");
            }
        }
    }

    fn templates(&mut self, part: &str, texts: &BTreeMap<String, String>) {
        for (name, text) in texts {
            if let Err(message) = go_template::check(text) {
                let message = format!("the template of `{name}` is none: {message}");
                self.problem("template", message, &pointer_to(part, name), "`promtool check rules` says more");
            }
        }
    }

    /// The kind that the label says.
    fn declared(&mut self, kind: &str) -> Option<SignalKind> {
        let found = declared_kind(kind);
        found
            .map_err(|hint| {
                let message = format!("`{SIGNAL_LABEL}` is `{kind}`");
                self.problem("unknown-signal", message, "/labels/modelgate_signal", hint);
            })
            .ok()
    }

    /// Seconds of a duration, which is a problem if it is none.
    fn duration(&mut self, part: &str, duration: Option<&Scalar>) -> Option<u64> {
        let text = duration?.text();
        let milliseconds = duration_milliseconds(&text);
        if milliseconds.is_none() {
            let hint = "write a duration such as `30m` or `1h30m`";
            self.problem("duration", format!("`{text}` is no duration"), part, hint);
        }
        milliseconds.map(|milliseconds| milliseconds / 1_000)
    }
}

/// Seconds of a duration as Prometheus writes it.
pub(super) fn duration_seconds(text: &str) -> Option<u64> {
    duration_milliseconds(text).map(|milliseconds| milliseconds / 1_000)
}

/// The metrics that a PromQL expression reads, sorted; none where it is no PromQL.
pub(super) fn metrics_of(text: &str) -> Option<Vec<String>> {
    let mut reading = Reading::default();
    reading.visit(&parse(text).ok()?);
    Some(reading.metrics.into_iter().collect())
}

/// Operator and threshold of the outermost comparison of a PromQL expression.
pub(super) fn comparison_of(text: &str) -> Option<(String, f64)> {
    condition(&parse(text).ok()?)
}

/// Whether a name has letters, digits, `_` and these marks alone, and does not start with a digit.
fn is_name(name: &str, marks: &str) -> bool {
    let is_part = |character: char| character.is_ascii_alphanumeric() || character == '_' || marks.contains(character);
    name.starts_with(|first: char| is_part(first) && !first.is_ascii_digit()) && name.chars().all(is_part)
}

/// Labels or annotations as texts. One without a value is empty.
fn texts(texts: &Texts) -> BTreeMap<String, String> {
    let text = |(name, value): (&String, &Option<Scalar>)| {
        (name.clone(), value.as_ref().map(Scalar::text).unwrap_or_default())
    };
    texts.iter().flatten().map(text).collect()
}

/// A duration of Prometheus (`model.ParseDuration`): whole numbers with units, the larger before the smaller,
/// or `0`. The parser of PromQL has one of its own, which takes `0s` for a mistake and a bare number for
/// seconds.
fn duration_milliseconds(text: &str) -> Option<u64> {
    const UNITS: [(&str, u64); 7] = [
        ("y", 365 * 86_400_000),
        ("w", 7 * 86_400_000),
        ("d", 86_400_000),
        ("h", 3_600_000),
        ("m", 60_000),
        ("s", 1_000),
        ("ms", 1),
    ];
    // Prometheus keeps nanoseconds in 63 bits.
    const MILLISECONDS_MAX: u64 = i64::MAX as u64 / 1_000_000;
    if text == "0" {
        return Some(0);
    }
    let mut rest = text;
    let mut units = UNITS.iter();
    let mut total = 0_u64;
    while !rest.is_empty() || text.is_empty() {
        let digits = rest.len() - rest.trim_start_matches(|digit: char| digit.is_ascii_digit()).len();
        let (number, after) = rest.split_at_checked(digits)?;
        let letters = after.len() - after.trim_start_matches(|letter: char| letter.is_ascii_alphabetic()).len();
        let (unit, after) = after.split_at_checked(letters)?;
        let (_, milliseconds) = units.find(|(name, _)| *name == unit)?;
        total = number.parse::<u64>().ok()?.checked_mul(*milliseconds)?.checked_add(total)?;
        rest = after;
    }
    (total <= MILLISECONDS_MAX).then_some(total)
}

fn parse(text: &str) -> Result<Expr, String> {
    if text.len() > EXPRESSION_CHARACTERS_MAX {
        return Err(format!("it is longer than {EXPRESSION_CHARACTERS_MAX} characters"));
    }
    let depth = text.bytes().fold((0_usize, 0_usize), |(depth, deepest), byte| match byte {
        b'(' | b'[' | b'{' => (depth + 1, deepest.max(depth + 1)),
        b')' | b']' | b'}' => (depth.saturating_sub(1), deepest),
        _ => (depth, deepest),
    });
    if depth.1 > EXPRESSION_DEPTH_MAX {
        return Err(format!("it nests deeper than {EXPRESSION_DEPTH_MAX}"));
    }
    if has_boundless_duration(text) {
        return Err("a duration is out of bounds".to_owned());
    }
    // Prometheus 3 has another name for it, which is all that the parser knows.
    let text = text.replace("holt_winters(", "double_exponential_smoothing(");
    parser::parse(&text).map_err(|message| message.lines().next().unwrap_or_default().to_owned())
}

/// Whether a range, a step or an offset is a number that no duration can have. The parser takes bare numbers
/// for seconds, and panics on those that are too large, below zero, or none (`x[1e30]`, `x offset inf`).
fn has_boundless_duration(text: &str) -> bool {
    const SECONDS_MAX: f64 = 1e12;
    let lower = text.to_ascii_lowercase();
    let starts = lower.match_indices(['[', ':']).map(|(at, mark)| at + mark.len());
    let offsets = lower.match_indices("offset").map(|(at, word)| at + word.len());
    starts.chain(offsets).any(|start| {
        let mut rest = lower.get(start..).unwrap_or_default();
        loop {
            rest = rest.trim_start_matches(|character: char| character.is_whitespace() || "+-".contains(character));
            // A comment may stand in between.
            match rest.strip_prefix('#') {
                Some(comment) => rest = comment.split_once('\n').map_or("", |(_, after)| after),
                None => break,
            }
        }
        let is_part = |character: char| character.is_ascii_alphanumeric() || "._+-".contains(character);
        let token = rest.split(|character| !is_part(character)).next().unwrap_or_default();
        // `1e30-x` is a number with something behind it: its longest beginning that is a number counts.
        let number = (1..=token.len()).rev().find_map(|length| token.get(..length)?.parse::<f64>().ok());
        number.is_some_and(|number| !(0.0..=SECONDS_MAX).contains(&number))
    })
}

/// What an expression reads: metrics, and the longest look-back.
#[derive(Default)]
struct Reading {
    metrics: BTreeSet<String>,
    window: Option<Duration>,
}

impl Reading {
    fn visit(&mut self, expression: &Expr) {
        match expression {
            Expr::Aggregate(aggregate) => {
                self.visit(&aggregate.expr);
                aggregate.param.iter().for_each(|parameter| self.visit(parameter));
            }
            Expr::Unary(unary) => self.visit(&unary.expr),
            Expr::Binary(binary) => {
                self.visit(&binary.lhs);
                self.visit(&binary.rhs);
            }
            Expr::Paren(inner) => self.visit(&inner.expr),
            Expr::Subquery(subquery) => {
                self.look_back(Some(subquery.range), subquery.offset.as_ref());
                self.visit(&subquery.expr);
            }
            Expr::VectorSelector(selector) => {
                self.look_back(None, selector.offset.as_ref());
                self.select(selector);
            }
            Expr::MatrixSelector(matrix) => {
                self.look_back(Some(matrix.range), matrix.vs.offset.as_ref());
                self.select(&matrix.vs);
            }
            Expr::Call(call) => call.args.args.iter().for_each(|argument| self.visit(argument)),
            Expr::NumberLiteral(_) | Expr::StringLiteral(_) | Expr::Extension(_) => {}
        }
    }

    fn select(&mut self, selector: &parser::VectorSelector) {
        let matched = selector.matchers.matchers.iter().find(|matcher| matcher.name == "__name__");
        let name = selector.name.clone().or_else(|| matched.map(|matcher| matcher.value.clone()));
        // A selector without a name reads whatever has its labels.
        self.metrics.insert(name.unwrap_or_else(|| "{}".to_owned()));
    }

    /// The furthest of a range, and of the offset that moves it into the past.
    fn look_back(&mut self, range: Option<Duration>, offset: Option<&parser::Offset>) {
        let offset = match offset {
            Some(parser::Offset::Pos(offset)) => Some(*offset),
            Some(parser::Offset::Neg(_)) | None => None,
        };
        self.window = self.window.max(range).max(offset);
    }
}

/// Operator and threshold of the outermost comparison with a number, turned so that the number stands
/// on the right. Of `a > 1 and b > 2` it is the first: the second narrows it.
fn condition(expression: &Expr) -> Option<(String, f64)> {
    match expression {
        Expr::Paren(inner) => condition(&inner.expr),
        Expr::Binary(binary) if binary.op.is_comparison_operator() => comparison(binary),
        Expr::Binary(binary) if binary.op.is_set_operator() => {
            condition(&binary.lhs).or_else(|| condition(&binary.rhs))
        }
        _ => None,
    }
}

fn comparison(binary: &BinaryExpr) -> Option<(String, f64)> {
    let operator = binary.op.to_string();
    if let Some(threshold) = number(&binary.rhs) {
        return Some((operator, threshold));
    }
    let threshold = number(&binary.lhs)?;
    let turned = match operator.as_str() {
        ">" => "<",
        "<" => ">",
        ">=" => "<=",
        "<=" => ">=",
        same => same,
    };
    Some((turned.to_owned(), threshold))
}

/// The number that an expression is. NaN and infinities are no thresholds.
fn number(expression: &Expr) -> Option<f64> {
    match expression {
        Expr::NumberLiteral(literal) => Some(literal.val).filter(|value| value.is_finite()),
        Expr::Paren(inner) => number(&inner.expr),
        Expr::Unary(unary) => number(&unary.expr).map(|value| -value),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::super::kinds::SIGNAL_KINDS;
    use super::*;

    fn read(text: &str) -> Result<Vec<Signal>, Vec<Problem>> {
        let found = super::read(&Document::parse("alerts.yml", text).unwrap())?;
        Ok(found.alerts.into_iter().map(|alert| alert.signal).collect())
    }

    fn rule(lines: &str) -> String {
        format!("groups:\n- name: g\n  rules:\n{lines}")
    }

    #[test]
    fn an_alert_becomes_a_signal() {
        let text = rule(
            "  - record: x\n    expr: vector(1)\n  - alert: CreditAucDrop\n    expr: min_over_time(model_auc{model=\"m\"}[7d]) < 0.68 and up == 1\n    for: 1h30m\n\
             \x20   labels: {severity: critical, owner: o, team: t}\n    annotations: {runbook: https://r}\n",
        );
        let expected = Signal {
            kind: SignalKind::Performance,
            kind_basis: KindBasis::Name,
            name: "CreditAucDrop".to_owned(),
            expression: "min_over_time(model_auc{model=\"m\"}[7d]) < 0.68 and up == 1".to_owned(),
            metrics: vec!["model_auc".to_owned(), "up".to_owned()],
            operator: Some("<".to_owned()),
            threshold: Some(0.68),
            window_seconds: Some(604_800),
            for_seconds: 5_400,
            interval_seconds: None,
            severity: Some("critical".to_owned()),
            route: Some("t".to_owned()),
            owner: Some("o".to_owned()),
            runbook: Some("https://r".to_owned()),
            source: Source { file: "alerts.yml".to_owned(), line: 6 },
        };
        assert_eq!(read(&text).unwrap(), [expected]);
    }

    #[test]
    fn every_kind_can_be_declared_but_that_of_nothing() {
        let of = |kind: &str| {
            let text = rule(&format!("  - alert: A\n    expr: up\n    labels: {{modelgate_signal: {kind}}}\n"));
            read(&text).map(|signals| signals[0].kind_basis).map_err(|problems| problems[0].code)
        };
        for kind in SIGNAL_KINDS {
            assert_eq!(of(kind), Ok(KindBasis::Declared), "{kind}");
        }
        assert_eq!(of("unclassified"), Err("unknown-signal"));
    }

    #[test]
    fn a_custom_resource_is_read_and_a_label_decides() {
        let text = "apiVersion: monitoring.coreos.com/v1\nkind: PrometheusRule\nmetadata: {name: x}\nspec:\n  groups:\n  - name: g\n    rules:\n\
                    \x20   - alert: A\n      expr: 0.2 < score_psi\n      labels: {modelgate_signal: prediction-drift}\n";
        let signals = read(text).unwrap();
        let found = &signals[0];
        assert_eq!((found.kind, found.kind_basis), (SignalKind::PredictionDrift, KindBasis::Declared));
        assert_eq!((found.operator.as_deref(), found.threshold), (Some(">"), Some(0.2)));
    }

    #[test]
    fn windows_and_thresholds_are_found_where_they_stand() {
        let of = |expression: &str| {
            let found = read(&rule(&format!("  - alert: A\n    expr: {expression}\n"))).unwrap().remove(0);
            (found.operator, found.threshold, found.window_seconds)
        };
        let some = |operator: &str, threshold, window| (Some(operator.to_owned()), Some(threshold), window);
        assert_eq!(of("max_over_time(rate(x[5m])[1h:1m]) >= 2"), some(">=", 2.0, Some(3_600)));
        assert_eq!(of("x - x offset 7d < -0.1"), some("<", -0.1, Some(604_800)));
        assert_eq!(of("x offset -7d != 1"), some("!=", 1.0, None));
        assert_eq!(of("((0.5 >= x) unless on(y) (z > 3))"), some("<=", 0.5, None));
        assert_eq!(of("x > y"), (None, None, None));
    }

    #[test]
    fn what_yaml_makes_numbers_of_are_texts() {
        let text = rule("  - alert: A\n    expr: 1\n    for: 0\n    labels: {severity: 2, team: true, owner: ''}\n");
        let found = read(&text).unwrap().remove(0);
        assert_eq!((found.expression.as_str(), found.for_seconds), ("1", 0));
        assert_eq!((found.severity.as_deref(), found.route.as_deref()), (Some("2"), Some("true")));
    }

    #[test]
    fn kinds_are_told_by_names() {
        for (name, kind) in [
            ("CreditScoreDrift", SignalKind::PredictionDrift),
            ("FeatureDrift", SignalKind::DataDrift),
            ("GroupParity", SignalKind::Fairness),
            ("MissingInputs", SignalKind::DataQuality),
            ("HighLatency", SignalKind::Operational),
            ("Terrorism", SignalKind::Unclassified),
        ] {
            let text = rule(&format!("  - alert: {name}\n    expr: something > 1\n"));
            assert_eq!(read(&text).unwrap()[0].kind, kind, "{name}");
        }
    }

    #[test]
    fn mistakes_have_places() {
        let codes = |text: &str| {
            let problems = read(text).unwrap_err();
            problems.iter().map(|problem| (problem.code, problem.location.as_ref().unwrap().line)).collect::<Vec<_>>()
        };
        let text = rule(
            "  - alert: A\n    expr: rate(x)\n    for: 5 minutes\n    labels: {modelgate_signal: drift}\n  - expr: up\n",
        );
        assert_eq!(codes(&text), [("promql", 5), ("duration", 6), ("unknown-signal", 7), ("rule-kind", 8)]);
        assert_eq!(codes(&rule("  - alert: A\n    exp: up\n")), [("missing-key", 4), ("unknown-key", 5)]);
        let text = rule("  - alert: A\n    expr: up\n    keep_firing_for: 5\n")
            .replace("- name: g\n", "- name: g\n  interval: fast\n");
        assert_eq!(codes(&format!("{text}- name: g\n")), [("duration", 3), ("duration", 7), ("duplicate-group", 8)]);
        assert_eq!(codes("kind: ConfigMap\nspec: {groups: []}\n"), [("not-rules", 1)]);
        let deep = format!("{}up{}", "(".repeat(200), ")".repeat(200));
        assert_eq!(codes(&rule(&format!("  - alert: A\n    expr: {deep}\n"))), [("promql", 5)]);
    }

    #[test]
    fn durations_are_those_of_prometheus() {
        for (text, milliseconds) in [
            ("0", Some(0)),
            ("0s", Some(0)),
            ("1h30m", Some(5_400_000)),
            ("1d", Some(86_400_000)),
            ("1y2w3d4h5m6s7ms", Some(33_019_506_007)),
            ("", None),
            ("5", None),
            ("-5m", None),
            ("5 minutes", None),
            ("30m1h", None),
            ("1m1m", None),
            ("1.5h", None),
            ("1e3s", None),
            ("300y", None),
            ("99999999999999999999s", None),
        ] {
            assert_eq!(duration_milliseconds(text), milliseconds, "{text}");
        }
    }

    #[test]
    fn what_the_parser_cannot_bear_is_refused() {
        for expression in [
            "x[1e30]",
            "x[5m:1e30]",
            "x[18446744073709551616]",
            "x offset inf",
            "x OFFSET -1e30",
            "x offset # c\n NaN",
            "x offset 1e30-x",
            "x offset 1e30 offset 5",
        ] {
            let message = parse(expression).unwrap_err();
            assert_eq!(message, "a duration is out of bounds", "{expression}");
        }
        assert_eq!(parse(&"-".repeat(EXPRESSION_CHARACTERS_MAX + 1)).unwrap_err(), "it is longer than 4096 characters");
        for expression in ["x[5m:1m] offset 1h", "rate(x[300]) > 1e30", "x{a=~\"[45]..\"} offset -5m", "a:b:c > 1"] {
            assert!(parse(expression).is_ok(), "{expression}");
        }
    }

    proptest::proptest! {
        #[test]
        fn no_expression_panics(
            parts in proptest::collection::vec(
                proptest::sample::select(vec![
                    "x", "(", ")", "[", "]", "{", "}", "5m", "1e30", "-", "+", "offset", "@", "NaN", "inf", "by", "sum",
                    ",", "\"a\"", "=", "=~", ">", "bool", "and", "on", ":", "0", "1e308", "rate", "'", "^", "_", "é", " ", "#", "\n",
                ]),
                0..14,
            ),
        ) {
            if let Ok(expression) = parse(&parts.concat()) {
                Reading::default().visit(&expression);
                condition(&expression);
            }
        }
    }

    #[test]
    fn a_constant_reads_no_metric() {
        let signals = read(&rule("  - alert: Drift\n    expr: vector(0) > 1\n")).unwrap();
        assert_eq!(signals[0].metrics, Vec::<String>::new());
    }
}
