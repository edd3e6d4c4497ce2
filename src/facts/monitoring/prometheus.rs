//! Prometheus alerting rules: rule files, and the `PrometheusRule` custom resource.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use promql_parser::parser::{self, BinaryExpr, Expr};
use promql_parser::util::parse_duration;
use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::Value;

use super::{KindBasis, Signal, SignalKind, Source, kind_by_name};
use crate::document::Document;
use crate::problem::{Problem, nearest};

/// Label that says what an alert watches.
const SIGNAL_LABEL: &str = "modelgate_signal";

/// Labels that say who is told; the first that is there counts.
const ROUTE_LABELS: [&str; 4] = ["team", "receiver", "owner", "channel"];

/// Annotations that say what to do; the first that is there counts.
const RUNBOOK_ANNOTATIONS: [&str; 2] = ["runbook_url", "runbook"];

/// Characters of an expression. The parser descends once for each parenthesis: longer ones than any
/// person writes would cost its stack.
const EXPRESSION_CHARACTERS_MAX: usize = 4_096;

/// Parentheses and function calls within each other, for the same reason.
const EXPRESSION_DEPTH_MAX: usize = 64;

#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct RuleFile {
    #[serde(default)]
    groups: Vec<Group>,
}

#[derive(Deserialize, JsonSchema)]
struct CustomResource {
    spec: RuleFile,
}

#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct Group {
    #[expect(dead_code, reason = "required by Prometheus")]
    name: String,
    #[serde(default)]
    #[expect(dead_code, reason = "allowed by Prometheus")]
    interval: Option<String>,
    #[serde(default)]
    #[expect(dead_code, reason = "allowed by Prometheus")]
    query_offset: Option<String>,
    #[serde(default)]
    #[expect(dead_code, reason = "allowed by Prometheus")]
    limit: Option<u64>,
    #[serde(default)]
    #[expect(dead_code, reason = "allowed by Prometheus")]
    partial_response_strategy: Option<String>,
    #[serde(default)]
    #[expect(dead_code, reason = "allowed by Prometheus")]
    labels: BTreeMap<String, String>,
    #[serde(default)]
    rules: Vec<Rule>,
}

#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct Rule {
    #[serde(default)]
    alert: Option<String>,
    #[serde(default)]
    record: Option<String>,
    expr: Expression,
    #[serde(default, rename = "for")]
    hold: Option<String>,
    #[serde(default)]
    #[expect(dead_code, reason = "allowed by Prometheus")]
    keep_firing_for: Option<String>,
    #[serde(default)]
    labels: BTreeMap<String, String>,
    #[serde(default)]
    annotations: BTreeMap<String, String>,
}

/// An expression. YAML makes a number of `expr: 1`.
#[derive(Deserialize, JsonSchema)]
#[serde(untagged)]
enum Expression {
    Text(String),
    Number(f64),
}

/// The signals of a rule file, in its order. Recording rules raise no alarm and are none.
///
/// # Errors
/// Every problem: another shape than Prometheus reads, an expression that is not PromQL, a duration or
/// a `modelgate_signal` that is none.
pub(super) fn signals(document: &Document) -> Result<Vec<Signal>, Vec<Problem>> {
    let is_resource = document.value().get("kind").is_some();
    let (file, root) = if is_resource {
        (document.decode::<CustomResource>()?.spec, "/spec")
    } else {
        (document.decode::<RuleFile>()?, "")
    };
    let mut signals = Vec::new();
    let mut problems = Vec::new();
    for (group_index, group) in file.groups.iter().enumerate() {
        for (rule_index, rule) in group.rules.iter().enumerate() {
            let pointer = format!("{root}/groups/{group_index}/rules/{rule_index}");
            match signal(document, &pointer, rule) {
                Ok(signal) => signals.extend(signal),
                Err(found) => problems.extend(found),
            }
        }
    }
    if problems.is_empty() { Ok(signals) } else { Err(problems) }
}

fn signal(document: &Document, pointer: &str, rule: &Rule) -> Result<Option<Signal>, Vec<Problem>> {
    let mut problems = Vec::new();
    let at = |part: &str| document.location(&format!("{pointer}/{part}"));
    let text = match &rule.expr {
        Expression::Text(text) => text.clone(),
        Expression::Number(number) => number.to_string(),
    };
    let expression = parse(&text).map_err(|message| {
        problems.push(
            Problem::new("promql", format!("the expression is not PromQL: {message}"))
                .at(at("expr"))
                .hint("`promtool check rules` says more"),
        );
    });
    let for_seconds = rule.hold.as_deref().map_or(Ok(0), |hold| {
        parse_duration(hold).map(|duration| duration.as_secs()).map_err(|_| {
            let problem = Problem::new("duration", format!("`{hold}` is no duration")).at(at("for"));
            problems.push(problem.hint("write a duration such as `30m` or `1h30m`"));
        })
    });
    let name = match (&rule.alert, &rule.record) {
        (Some(alert), None) => Some(alert),
        (None, Some(_)) => None,
        _ => {
            let problem =
                Problem::new("rule-kind", "a rule has either `alert` or `record`").at(document.location(pointer));
            problems.push(problem.hint("name the alert with `alert:`"));
            None
        }
    };
    let declared = match rule.labels.get(SIGNAL_LABEL) {
        None => None,
        Some(kind) => match serde_json::from_value::<SignalKind>(Value::String(kind.clone())) {
            Ok(kind) => Some(kind),
            Err(_) => {
                let problem = Problem::new("unknown-signal", format!("`{SIGNAL_LABEL}` is `{kind}`"))
                    .at(at("labels/modelgate_signal"));
                let choices = [
                    "performance",
                    "data-drift",
                    "prediction-drift",
                    "fairness",
                    "data-quality",
                    "operational",
                    "safety",
                ];
                problems.push(match nearest(kind, choices) {
                    Some(near) => problem.hint(format!("did you mean `{near}`?")),
                    None => problem.hint(format!("the kinds are {}", choices.join(", "))),
                });
                None
            }
        },
    };
    let (Ok(expression), Ok(for_seconds), true) = (expression, for_seconds, problems.is_empty()) else {
        return Err(problems);
    };
    let Some(name) = name else { return Ok(None) };
    let mut reading = Reading::default();
    reading.visit(&expression);
    let (kind, kind_basis) = match declared {
        Some(kind) => (kind, KindBasis::Declared),
        None => match kind_by_name(std::iter::once(name.as_str()).chain(reading.metrics.iter().map(String::as_str))) {
            SignalKind::Unclassified => (SignalKind::Unclassified, KindBasis::None),
            kind => (kind, KindBasis::Name),
        },
    };
    let (operator, threshold) = condition(&expression).unzip();
    let first_of = |texts: &BTreeMap<String, String>, names: &[&str]| {
        names.iter().find_map(|name| texts.get(*name)).filter(|text| !text.trim().is_empty()).cloned()
    };
    Ok(Some(Signal {
        kind,
        kind_basis,
        name: name.clone(),
        expression: text,
        metrics: reading.metrics.into_iter().collect(),
        operator,
        threshold,
        window_seconds: reading.window.map(|window| window.as_secs()),
        for_seconds,
        severity: first_of(&rule.labels, &["severity"]),
        route: first_of(&rule.labels, &ROUTE_LABELS),
        runbook: first_of(&rule.annotations, &RUNBOOK_ANNOTATIONS),
        source: Source { file: document.file().to_owned(), line: document.location(pointer).line },
    }))
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
    parser::parse(text).map_err(|message| message.lines().next().unwrap_or_default().to_owned())
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
                self.look_back(subquery.range);
                self.visit(&subquery.expr);
            }
            Expr::VectorSelector(selector) => self.select(selector),
            Expr::MatrixSelector(matrix) => {
                self.look_back(matrix.range);
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

    fn look_back(&mut self, range: Duration) {
        self.window = self.window.max(Some(range));
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
    use super::*;

    fn read(text: &str) -> Result<Vec<Signal>, Vec<Problem>> {
        signals(&Document::parse("alerts.yml", text).unwrap())
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
            severity: Some("critical".to_owned()),
            route: Some("t".to_owned()),
            runbook: Some("https://r".to_owned()),
            source: Source { file: "alerts.yml".to_owned(), line: 6 },
        };
        assert_eq!(read(&text).unwrap(), [expected]);
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
        let deep = format!("{}up{}", "(".repeat(200), ")".repeat(200));
        assert_eq!(codes(&rule(&format!("  - alert: A\n    expr: {deep}\n"))), [("promql", 5)]);
    }

    #[test]
    fn a_constant_reads_no_metric() {
        let signals = read(&rule("  - alert: Drift\n    expr: vector(0) > 1\n")).unwrap();
        assert_eq!(signals[0].metrics, Vec::<String>::new());
    }
}
