//! Several classes, or several labels a row: from declared columns to metrics.

use super::ClassMetrics;
use super::challenge::{self, Paired};
use super::metric::Metrics;
use super::multiclass::multilabel::{self, MultilabelMetrics, MultilabelRows};
use super::multiclass::{self, MulticlassMetrics, MulticlassOptions, MulticlassRows};
use super::reference::ChampionFacts;
use super::scan::{LabelPart, NumberPart, RowParts};
use super::tasks::{GroupRows, refused};
use crate::manifest::raw::{Champion, ClassLabel, RawEvaluation, Task};

/// The k of top-k accuracy, unless it is declared.
const TOP_K: u32 = 2;

/// The declared classes, in their order.
pub(super) fn classes(declared: &RawEvaluation) -> Vec<&ClassLabel> {
    declared.labels.iter().map(|label| &label.class).collect()
}

/// The columns of several classes: the label's number, the probabilities, the weight, the cluster and the predicted
/// class.
pub(super) fn class_parts<'a>(declared: &'a RawEvaluation, classes: &'a [&'a ClassLabel]) -> RowParts<'a> {
    let columns = &declared.columns;
    let scores = declared.labels.iter().filter_map(|label| label.score.as_deref());
    let mut numbers: Vec<_> = scores.map(|score| ("a score", score, NumberPart::Probability)).collect();
    numbers.extend(columns.weight.as_deref().map(|name| ("the weight", name, NumberPart::Weight)));
    let keys = columns.cluster.as_deref().map(|name| ("the cluster", name)).into_iter().collect();
    let predicted = columns.prediction.as_deref().map(|name| (name, classes));
    let champion = declared.champion.as_ref().map(|champion| (champion.column.as_str(), classes));
    RowParts { label: LabelPart::ClassNumber(classes), numbers, keys, joined: None, predicted, champion }
}

/// The columns of several labels: whether a row has each, their scores, the weight and the cluster.
pub(super) fn label_parts(declared: &RawEvaluation) -> RowParts<'_> {
    let columns = &declared.columns;
    let flags = declared.labels.iter().filter_map(|label| label.column.as_deref());
    let scores = declared.labels.iter().filter_map(|label| label.score.as_deref());
    let mut numbers: Vec<_> = flags.map(|column| ("a label", column, NumberPart::Flag)).collect();
    numbers.extend(scores.map(|score| ("a score", score, NumberPart::Probability)));
    numbers.extend(columns.weight.as_deref().map(|name| ("the weight", name, NumberPart::Weight)));
    let keys = columns.cluster.as_deref().map(|name| ("the cluster", name)).into_iter().collect();
    RowParts { label: LabelPart::Flags, numbers, keys, joined: None, predicted: None, champion: None }
}

pub(super) fn class_metrics(declared: &RawEvaluation, rows: &GroupRows<'_>) -> Metrics {
    of_rows(declared, rows).metrics
}

fn of_rows(declared: &RawEvaluation, rows: &GroupRows<'_>) -> MulticlassMetrics {
    let options = MulticlassOptions {
        classes: declared.labels.len(),
        top_k: declared.top_k.unwrap_or(TOP_K).try_into().unwrap_or(usize::MAX),
    };
    with_rows(declared, rows, |rows| multiclass::metrics(rows, &options))
}

/// The champion beside the challenger; its class is the last number of a row.
pub(super) fn challenged(declared: &RawEvaluation, champion: &Champion, rows: &GroupRows<'_>) -> Option<ChampionFacts> {
    let number = |class: usize| class as f64;
    with_rows(declared, rows, |classes| {
        let decided: Vec<f64> = classes.decisions()?.into_iter().map(number).collect();
        let label: Vec<f64> = classes.label.iter().map(|class| *class as f64).collect();
        let paired = Paired {
            challenger: &decided,
            champion: rows.table.numbers.last()?,
            weight: classes.weight,
            cluster: classes.cluster,
        };
        Some(challenge::classes(champion, &paired, &label))
    })
}

/// Rows of several classes, column by column.
fn with_rows<T>(declared: &RawEvaluation, rows: &GroupRows<'_>, work: impl FnOnce(&MulticlassRows<'_>) -> T) -> T {
    let columns = &declared.columns;
    let scored = declared.labels.iter().filter(|label| label.score.is_some()).count();
    let probability: Vec<Vec<f64>> = (0..scored).map(|class| rows.number(class)).collect();
    let label = rows.key(0);
    let cluster = rows.optional_key(&columns.cluster, 1);
    let predicted = rows.optional_key(&columns.prediction, if cluster.is_some() { 2 } else { 1 });
    let weight = rows.optional(&columns.weight, scored);
    work(&MulticlassRows {
        label: &label,
        probability: (scored > 0).then_some(probability.as_slice()),
        predicted: predicted.as_deref(),
        weight: weight.as_deref(),
        cluster: cluster.as_deref(),
    })
}

pub(super) fn label_metrics(declared: &RawEvaluation, rows: &GroupRows<'_>) -> Metrics {
    of_labels(declared, rows).metrics
}

fn of_labels(declared: &RawEvaluation, rows: &GroupRows<'_>) -> MultilabelMetrics {
    let count = declared.labels.len();
    let has = |value: f64| value == 1.0;
    let label: Vec<Vec<bool>> = (0..count).map(|label| rows.number(label).into_iter().map(has).collect()).collect();
    let score: Vec<Vec<f64>> = (count..2 * count).map(|score| rows.number(score)).collect();
    let weight = rows.optional(&declared.columns.weight, 2 * count);
    let cluster = rows.optional_key(&declared.columns.cluster, 0);
    let rows = MultilabelRows { label: &label, score: &score, weight: weight.as_deref(), cluster: cluster.as_deref() };
    multilabel::metrics(&rows, declared.threshold.unwrap_or(0.5))
}

/// The metrics of each class or label, and the table of classes and predicted ones, of rows of which `invalid` are not
/// known.
pub(super) fn of_classes(
    task: Task,
    declared: &RawEvaluation,
    rows: &GroupRows<'_>,
    invalid: u64,
) -> (Vec<ClassMetrics>, Vec<Vec<u64>>) {
    let (metrics, confusion) = match task {
        Task::MulticlassClassification => {
            let measured = of_rows(declared, rows);
            (measured.classes, measured.confusion)
        }
        Task::MultilabelClassification => (of_labels(declared, rows).labels, Vec::new()),
        Task::BinaryClassification | Task::Regression | Task::Forecasting | Task::Ranking => return Default::default(),
    };
    let of = |(label, metrics): (&crate::manifest::raw::LabelColumns, Metrics)| ClassMetrics {
        class: label.class.to_string(),
        metrics: if invalid == 0 { metrics } else { refused(metrics, invalid, rows.positions.len() as u64) },
    };
    (declared.labels.iter().zip(metrics).map(of).collect(), confusion)
}
