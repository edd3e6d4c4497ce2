//! What an evaluation was compared with, as tables that every format shows: drift, leakage, the population and the
//! champion.

use crate::facts::evaluation::drift::Representativeness;
use crate::facts::evaluation::reference::{ChampionFacts, ColumnDrift, DriftFacts, LeakageFacts};
use crate::facts::evaluation::weakest::{Loss, WeakGroup, WeakestGroups};
use crate::facts::evaluation::{EvaluationFacts, Metric, MetricId, Metrics, SlicePart};

use super::{groups, number};

/// A table without markup: every text in it is as hostile as where it is from.
pub(super) struct Table {
    pub(super) title: String,
    /// What the columns are called. The first is a name, and the others are values.
    pub(super) header: Vec<&'static str>,
    pub(super) rows: Vec<Vec<String>>,
    /// Sentences below it.
    pub(super) notes: Vec<String>,
}

impl Table {
    /// One without sentences below it, if it has rows.
    fn of(title: &str, header: &[&'static str], rows: Vec<Vec<String>>) -> Option<Self> {
        let table = Self { title: title.to_owned(), header: header.to_vec(), rows, notes: Vec::new() };
        (!table.rows.is_empty()).then_some(table)
    }
}

/// The tables of an evaluation; at most `rows_max` rows each, those first that matter most.
pub(super) fn tables(evaluation: &EvaluationFacts, rows_max: usize) -> Vec<Table> {
    let mut tables = before_drift(evaluation);
    tables.extend(evaluation.drift.as_ref().map(drift));
    tables.extend(after_drift(evaluation));
    cut(tables, rows_max)
}

/// The same but for drift, for reports that draw it.
pub(super) fn tables_but_drift(evaluation: &EvaluationFacts, rows_max: usize) -> Vec<Table> {
    let mut tables = before_drift(evaluation);
    tables.extend(after_drift(evaluation));
    cut(tables, rows_max)
}

fn before_drift(evaluation: &EvaluationFacts) -> Vec<Table> {
    let mut tables = Vec::new();
    tables.extend(classes(evaluation));
    tables.extend(confusion(evaluation));
    tables.extend(left_out(evaluation));
    tables.extend(sufficiency(evaluation));
    tables.extend(evaluation.weakest_groups.as_ref().and_then(weakest));
    tables.extend(evaluation.leakage.as_ref().map(leakage));
    tables.extend(evaluation.leakage.as_ref().and_then(single_columns));
    tables
}

fn after_drift(evaluation: &EvaluationFacts) -> Vec<Table> {
    let mut tables: Vec<_> = evaluation.representativeness.iter().map(population).collect();
    tables.extend(evaluation.champion.as_ref().map(champion));
    tables
}

fn cut(mut tables: Vec<Table>, rows_max: usize) -> Vec<Table> {
    for table in &mut tables {
        if let Some(more) = table.rows.len().checked_sub(rows_max).filter(|more| *more > 0) {
            table.rows.truncate(rows_max);
            table.notes.insert(0, format!("and {} more: the facts list all", number::count(more as u64)));
        }
    }
    tables
}

/// Classes with the lowest F1 first.
fn classes(evaluation: &EvaluationFacts) -> Option<Table> {
    let ids = [MetricId::Prevalence, MetricId::Precision, MetricId::Recall, MetricId::F1, MetricId::RocAuc];
    let order = |metrics: &Metrics| metrics.get(MetricId::F1).and_then(|metric| metric.value).unwrap_or(-1.0);
    let mut classes: Vec<_> = evaluation.class_metrics.iter().collect();
    classes.sort_by(|left, right| order(&left.metrics).total_cmp(&order(&right.metrics)));
    let rows = classes.iter().map(|class| {
        let cells = ids.iter().map(|id| class.metrics.get(*id).map(groups::metric).unwrap_or_default());
        std::iter::once(groups::value(&class.class).to_owned()).chain(cells).collect()
    });
    let rows: Vec<Vec<String>> = rows.collect();
    Table::of("Each class against all others", &["class", "prevalence", "precision", "recall", "f1", "roc_auc"], rows)
}

/// The pairs of a class and another that is predicted for it most often.
fn confusion(evaluation: &EvaluationFacts) -> Option<Table> {
    let name = |class: usize| evaluation.class_metrics.get(class).map(|class| groups::value(&class.class).to_owned());
    let mut pairs: Vec<(u64, usize, usize)> = Vec::new();
    for (label, row) in evaluation.confusion.iter().enumerate() {
        let wrong = row.iter().enumerate().filter(|(predicted, rows)| *predicted != label && **rows > 0);
        pairs.extend(wrong.map(|(predicted, rows)| (*rows, label, predicted)));
    }
    pairs.sort_by(|left, right| right.0.cmp(&left.0).then((left.1, left.2).cmp(&(right.1, right.2))));
    let rows = pairs
        .into_iter()
        .filter_map(|(rows, label, predicted)| Some(vec![name(label)?, name(predicted)?, number::count(rows)]));
    let rows: Vec<_> = rows.collect();
    Table::of("Taken for another class", &["class", "predicted", "rows"], rows)
}

/// The groups of a few rows; every comparison of a column leaves out the same ones.
fn left_out(evaluation: &EvaluationFacts) -> Option<Table> {
    let mut rows = Vec::new();
    for of_column in evaluation.comparisons.chunk_by(|left, right| left.column == right.column) {
        let groups = of_column.first().into_iter().flat_map(|comparison| &comparison.left_out);
        rows.extend(groups.map(|group| {
            let name = groups::value(&group.value).to_owned();
            vec![
                of_column.first().map(|comparison| comparison.column.clone()).unwrap_or_default(),
                name,
                number::count(group.rows),
            ]
        }));
    }
    Table::of("Too small to be compared", &["column", "group", "rows"], rows)
}

/// Whether there are rows enough for the margins that matter.
fn sufficiency(evaluation: &EvaluationFacts) -> Option<Table> {
    let rows = evaluation.sufficiency.iter().map(|known| {
        let shown = |value: Option<f64>| value.map_or_else(|| "none".to_owned(), number::metric);
        vec![
            known.metric.key().to_owned(),
            number::metric(known.margin),
            shown(known.power),
            shown(known.minimal_detectable),
            known.rows_needed.map_or_else(|| "none".to_owned(), number::count),
            known.reason.clone().unwrap_or_default(),
        ]
    });
    let rows: Vec<Vec<String>> = rows.collect();
    Table::of(
        "Power for the margins that matter",
        &["metric", "margin", "power", "margin of power 0.8", "rows for power 0.8", "why there is none"],
        rows,
    )
}

/// The groups with the largest losses beside all others.
fn weakest(found: &WeakestGroups) -> Option<Table> {
    let part = |part: &SlicePart| format!("{} = {}", part.column, part.value.as_deref().unwrap_or("(missing)"));
    let row = |group: &WeakGroup| {
        vec![
            group.parts.iter().map(part).collect::<Vec<_>>().join(", "),
            number::count(group.rows),
            number::metric(group.mean),
            number::metric(group.mean_of_others),
            number::metric(group.adjusted_p_value),
        ]
    };
    let rows: Vec<_> = found.groups.iter().map(row).collect();
    let loss = match found.loss {
        Loss::SquaredError => "squared error",
        Loss::AbsoluteError => "absolute error",
        Loss::ZeroOne => "share of wrong classes",
        Loss::Hamming => "share of wrong labels",
    };
    (!rows.is_empty()).then(|| Table {
        title: format!("Groups with a larger {loss} than the rest"),
        header: vec!["group", "rows", "mean", "of all others", "corrected p-value"],
        rows,
        notes: vec![format!(
            "of {} groups of {} rows or more, of up to {} columns",
            number::count(found.searched),
            number::count(found.rows_at_least),
            found.columns_at_most
        )],
    })
}

fn row(name: &str, metric: &Metric) -> Vec<String> {
    let of = metric.numerator.map(|numerator| format!("{} of {}", number::count(numerator), number::count(metric.n)));
    let beside = match metric.value {
        Some(_) => of.unwrap_or_default(),
        None => metric.reason.clone().unwrap_or_default(),
    };
    vec![name.to_owned(), groups::metric(metric), beside]
}

fn leakage(leakage: &LeakageFacts) -> Table {
    let mut notes = Vec::new();
    if leakage.identical_files {
        notes.push("both are the same file, byte for byte".to_owned());
    }
    Table {
        title: format!("Leakage from {}", leakage.reference),
        header: vec!["share of rows", "value", "rows"],
        rows: vec![
            row("with an id that is in the reference", &leakage.id_overlap),
            row("that are in the reference, column by column", &leakage.row_overlap),
            row("whose entity is in the reference", &leakage.entity_overlap),
            row("before the end of the reference", &leakage.before_reference),
            row("that repeat another", &leakage.duplicate_rows),
            row("whose like has another label", &leakage.conflicting_labels),
        ],
        notes,
    }
}

/// Columns by how strongly each alone speaks for or against the positive class.
fn single_columns(leakage: &LeakageFacts) -> Option<Table> {
    let strength = |metric: &Metric| metric.value.map_or(2.0, |value| (value - 0.5).abs());
    let mut columns: Vec<_> = leakage.single_columns.iter().collect();
    columns.sort_by(|left, right| strength(&right.metric).total_cmp(&strength(&left.metric)));
    let rows = columns.iter().map(|column| {
        let of_missing = column.metric.definition.starts_with("single_column_missing");
        let name = if of_missing { format!("{}, whether missing", column.column) } else { column.column.clone() };
        let beside = match column.metric.value {
            Some(_) => groups::interval(&column.metric),
            None => column.metric.reason.clone().unwrap_or_default(),
        };
        vec![name, groups::metric(&column.metric), beside]
    });
    let rows: Vec<_> = rows.collect();
    Table::of("What each column alone says of the label", &["column", "roc_auc", "95 % interval"], rows)
}

/// What may have drifted: the score, the label, and then the columns that have moved furthest first.
pub(super) fn drifted(drift: &DriftFacts) -> Vec<(&str, &ColumnDrift)> {
    let index = |column: &ColumnDrift| column.population_stability_index.value.unwrap_or(f64::INFINITY);
    let mut columns: Vec<_> = drift.columns.iter().collect();
    columns.sort_by(|left, right| index(right).total_cmp(&index(left)));
    let parts = [("the score", &drift.score), ("the label", &drift.label)];
    let parts = parts.into_iter().filter_map(|(part, drift)| Some((part, drift.as_ref()?)));
    parts.chain(columns.into_iter().map(|column| (column.column.as_str(), column))).collect()
}

/// What could not be compared, a sentence for each reason.
pub(super) fn not_drifted(drift: &DriftFacts) -> Vec<String> {
    let mut notes = Vec::new();
    for (columns, where_to) in [
        (&drift.only_in_evaluation, "only in the evaluation"),
        (&drift.only_in_reference, "only in the reference"),
        (&drift.not_compared, "not compared, being of a type that is not"),
    ] {
        if !columns.is_empty() {
            notes.push(format!("{where_to}: {}", columns.join(", ")));
        }
    }
    notes
}

fn drift(drift: &DriftFacts) -> Table {
    let rows = drifted(drift).into_iter().map(|(name, column)| {
        vec![
            name.to_owned(),
            groups::metric(&column.population_stability_index),
            groups::metric(&column.population_stability_bound),
            groups::metric(&column.kolmogorov_smirnov),
            groups::metric(&column.new_categories),
            groups::metric(&column.missing_share_difference),
        ]
    });
    Table {
        title: format!("Drift from {} ({} rows)", drift.reference, number::count(drift.rows)),
        header: vec!["column", "psi", "psi by chance", "ks", "new", "missing"],
        rows: rows.collect(),
        notes: not_drifted(drift),
    }
}

fn population(population: &Representativeness) -> Table {
    let mut segments: Vec<_> = population.segments.iter().collect();
    let off = |share: &Metric, target: f64| share.value.map_or(f64::INFINITY, |value| (value - target).abs());
    segments.sort_by(|left, right| off(&right.share, right.target).total_cmp(&off(&left.share, left.target)));
    let rows = segments.iter().map(|segment| {
        vec![
            groups::value(&segment.segment).to_owned(),
            number::metric(segment.target),
            groups::metric(&segment.share),
            groups::interval(&segment.share),
        ]
    });
    let index = groups::metric(&population.population_stability_index);
    let bound = groups::metric(&population.population_stability_bound);
    let undeclared = groups::metric(&population.undeclared_segments);
    Table {
        title: format!("Rows beside the population, by {}", population.column),
        header: vec!["value", "population", "rows", "95 % interval"],
        rows: rows.collect(),
        notes: vec![format!("psi {index} (by chance up to {bound}); share of rows of other values {undeclared}")],
    }
}

fn champion(champion: &ChampionFacts) -> Table {
    let rows = champion.differences.iter().map(|difference| {
        let beside = match difference.difference.value {
            Some(_) => groups::interval(&difference.difference),
            None => difference.difference.reason.clone().unwrap_or_default(),
        };
        vec![
            difference.metric.key().to_owned(),
            groups::metric(&difference.difference),
            beside,
            difference.p_value.map(number::metric).unwrap_or_default(),
        ]
    });
    let mut notes = Vec::new();
    if champion.rows_without > 0 {
        notes.push(format!("{} rows have no score of the champion", number::count(champion.rows_without)));
    }
    if let Some(all) = champion.swaps.iter().find(|swaps| swaps.column.is_none()) {
        notes.push(format!(
            "{} rows become positive and {} become negative",
            number::count(all.to_positive.rows),
            number::count(all.to_negative.rows)
        ));
    }
    Table {
        title: format!("This version less the champion {}", champion.version),
        header: vec!["metric", "difference", "95 % interval", "p-value"],
        rows: rows.collect(),
        notes,
    }
}
