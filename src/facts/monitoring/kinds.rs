//! What an alert watches: declared, said by the manifest, or guessed by words in its names.

use std::collections::BTreeMap;

use globset::{Glob, GlobMatcher};
use serde_json::Value;

use super::cursor::Cursor;
use super::{KindBasis, Signal, SignalKind};
use crate::problem::{Problem, nearest};

/// Label that says what an alert watches.
pub(super) const SIGNAL_LABEL: &str = "modelgate_signal";

/// What a label may say of a signal.
pub(super) const SIGNAL_KINDS: [&str; 7] =
    ["performance", "data-drift", "prediction-drift", "fairness", "data-quality", "operational", "safety"];

/// Words in names and what an alert with them watches. The first match counts: what is narrower
/// stands first.
const KIND_WORDS: &[(&[&str], SignalKind)] = &[
    (&["fairness", "parity", "disparate", "impact_ratio", "bias"], SignalKind::Fairness),
    (&["toxicity", "refusal", "jailbreak", "harm"], SignalKind::Safety),
    (
        &["score_drift", "prediction_drift", "score_psi", "score_distribution", "output_drift"],
        SignalKind::PredictionDrift,
    ),
    (
        &["drift", "drifted", "psi", "skew", "distribution_shift", "wasserstein", "jensen_shannon", "kl_divergence"],
        SignalKind::DataDrift,
    ),
    (
        &[
            "auc",
            "accuracy",
            "precision",
            "recall",
            "brier",
            "calibration",
            "f1",
            "f1_score",
            "logloss",
            "log_loss",
            "mae",
            "mape",
            "rmse",
            "ndcg",
        ],
        SignalKind::Performance,
    ),
    (&["missing", "null", "schema", "freshness", "stale", "out_of_range"], SignalKind::DataQuality),
    (
        &[
            "latency",
            "error",
            "errors",
            "failures",
            "timeouts",
            "5xx",
            "http_requests",
            "availability",
            "saturation",
            "cpu",
            "memory",
            "down",
        ],
        SignalKind::Operational,
    ),
];

/// What an alert with these names probably watches.
fn kind_by_name<'a>(names: impl Iterator<Item = &'a str>) -> SignalKind {
    let names: Vec<String> = names.map(snake_case).collect();
    let matches = |words: &&(&[&str], SignalKind)| {
        words.0.iter().any(|word| names.iter().any(|name| format!("_{name}_").contains(&format!("_{word}_"))))
    };
    KIND_WORDS.iter().find(matches).map_or(SignalKind::Unclassified, |(_, kind)| *kind)
}

/// `CreditScoreDrift` and `credit-score drift` as `credit_score_drift`.
fn snake_case(name: &str) -> String {
    let mut snake = String::with_capacity(name.len() + 8);
    let mut previous_lower = false;
    for character in name.chars() {
        if character.is_uppercase() && previous_lower {
            snake.push('_');
        }
        previous_lower = character.is_lowercase() || character.is_ascii_digit();
        snake.extend(if character.is_alphanumeric() { character.to_lowercase().next() } else { Some('_') });
    }
    snake
}

/// What a signal watches: as a label or tag `modelgate_signal` says, or else by words in its names.
pub(super) fn classified<'a>(
    declared: Option<Cursor<'_>>,
    names: impl Iterator<Item = &'a str>,
    problems: &mut Vec<Problem>,
) -> (SignalKind, KindBasis) {
    if let Some(cursor) = declared {
        let text = cursor.text().unwrap_or_default();
        let text = text.strip_prefix("modelgate_signal:").unwrap_or(&text);
        match declared_kind(text) {
            Ok(kind) => return (kind, KindBasis::Declared),
            Err(hint) => {
                problems.push(cursor.problem("unknown-signal", format!("`{SIGNAL_LABEL}` is `{text}`"), &hint));
            }
        }
    }
    guessed(names)
}

/// The kind that a label says, or how to mend it.
pub(super) fn declared_kind(text: &str) -> Result<SignalKind, String> {
    // `unclassified` is what is said when nothing is known; nobody declares that.
    let is_known = SIGNAL_KINDS.contains(&text);
    let kind = serde_json::from_value(Value::String(text.to_owned())).ok().filter(|_| is_known);
    kind.ok_or_else(|| match nearest(text, SIGNAL_KINDS) {
        Some(near) => format!("did you mean `{near}`?"),
        None => format!("the kinds are {}", SIGNAL_KINDS.join(", ")),
    })
}

/// What an alert with these names probably watches, if they say.
pub(super) fn guessed<'a>(names: impl Iterator<Item = &'a str>) -> (SignalKind, KindBasis) {
    match kind_by_name(names) {
        SignalKind::Unclassified => (SignalKind::Unclassified, KindBasis::None),
        kind => (kind, KindBasis::Name),
    }
}

/// What the manifest says of signals by globs of the names of them and of their metrics, in its order.
pub(super) struct Overrides(Vec<(GlobMatcher, SignalKind)>);

impl Overrides {
    pub(super) fn new(kinds: &BTreeMap<String, SignalKind>) -> Self {
        // A glob that is none was refused with the manifest.
        let matcher = |(glob, kind): (&String, &SignalKind)| Some((Glob::new(glob).ok()?.compile_matcher(), *kind));
        Self(kinds.iter().filter_map(matcher).collect())
    }

    /// What the manifest says counts before what was guessed, and not before what the signal's own file declares.
    pub(super) fn apply(&self, signal: &mut Signal) {
        if signal.kind_basis == KindBasis::Declared {
            return;
        }
        let is_meant = |matcher: &GlobMatcher| {
            matcher.is_match(&signal.name) || signal.metrics.iter().any(|metric| matcher.is_match(metric))
        };
        if let Some((_, kind)) = self.0.iter().find(|(matcher, _)| is_meant(matcher)) {
            signal.kind = *kind;
            signal.kind_basis = KindBasis::Manifest;
        }
    }
}
