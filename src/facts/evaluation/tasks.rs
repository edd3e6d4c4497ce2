//! From declared columns to facts, task by task.

use super::binary::{self, BinaryState, RocArea, weighted};
use super::cells::Cells;
use super::challenge::{self, Paired, PairedGroups};
use super::claims;
use super::comparison;
use super::drift::representativeness::representativeness;
use super::drift::{CategorySample, Representativeness};
use super::engine::ClusterAddress;
use super::fixed::FixedSum;
use super::ids::{IdCounts, Ids};
use super::joined::JoinedScores;
use super::metric::{MetricStatus, Metrics};
use super::plots::Plots;
use super::ranked::{self, Question, Ranked};
use super::ranking::{self, Gain, RankingOptions, RankingRows};
use super::reference::ChampionFacts;
use super::regression::forecast::{self, ForecastRows};
use super::regression::{self, RegressionRows};
use super::rows::{RowTable, gather};
use super::scan::{self, DataFile, HORIZON, LabelPart, NumberPart, RowParts};
use super::several;
use super::slices::{CommonCells, Group, Groups};
use super::source::{Content, SourceError};
use super::sufficiency::sufficiency;
use super::table::InvalidRows;
use super::weakest::{self, CellLoss, Loss, WeakestGroups};
use super::{ClaimCheck, ClassMetrics, EvaluationFacts, Horizon, Metric, Resources, RowCounts, Slice, SlicePart};
use crate::facts::FileFacts;
use crate::manifest::raw::{self, Favourable, RawEvaluation, Task};
use crate::problem::Problem;

/// Between the columns of an intersection, and between their values.
const BETWEEN: &str = " × ";

/// Recomputes one evaluation.
pub(crate) fn measure(
    task: Task,
    declared: &RawEvaluation,
    (file, cluster): (DataFile<'_>, Option<&ClusterAddress>),
    joined: Option<&JoinedScores>,
    resources: Resources,
) -> Result<EvaluationFacts, Vec<Problem>> {
    type OfRows = fn(&RawEvaluation, &GroupRows<'_>) -> Metrics;
    let beside_champion = |parts: RowParts<'_>, metrics: OfRows| {
        let wanted = with_champion(declared, joined, NumberPart::Other, parts);
        kept(task, declared, file, resources, &wanted, metrics)
    };
    let measured = match task {
        Task::BinaryClassification => binary(declared, (file, cluster), joined, resources)?,
        Task::Regression => beside_champion(regression_parts(declared), regression_metrics)?,
        Task::Forecasting => beside_champion(forecast_parts(declared), forecast_metrics)?,
        Task::Ranking => beside_champion(ranking_parts(declared), ranking_metrics)?,
        Task::MulticlassClassification => {
            let classes = several::classes(declared);
            kept(task, declared, file, resources, &several::class_parts(declared, &classes), several::class_metrics)?
        }
        Task::MultilabelClassification => {
            kept(task, declared, file, resources, &several::label_parts(declared), several::label_metrics)?
        }
    };
    if measured.counts.total == 0 {
        let problem = file.problem("no-rows", format!("`{}` has no rows", file.shown_as));
        return Err(vec![problem.hint("an evaluation needs at least one case")]);
    }
    Ok(facts(task, declared, measured))
}

/// Columns whose values make groups.
struct Grouping<'a> {
    /// Positions among the manifest's slice columns.
    columns: Vec<usize>,
    names: Vec<&'a str>,
    protected: bool,
}

impl<'a> Grouping<'a> {
    /// Those of the manifest: all rows, each slice column, each intersection, sorted by column names.
    fn declared(evaluation: &'a RawEvaluation) -> Vec<Self> {
        let of = |columns: Vec<usize>| {
            let declared: Vec<_> = columns.iter().filter_map(|column| evaluation.slices.get(*column)).collect();
            Self {
                names: declared.iter().map(|slice| slice.column.as_str()).collect(),
                protected: declared.iter().all(|slice| slice.protected),
                columns,
            }
        };
        let position = |name: &String| evaluation.slices.iter().position(|slice| slice.column == *name);
        let mut groupings: Vec<_> = (0..evaluation.slices.len()).map(|column| of(vec![column])).collect();
        let intersections = evaluation.intersections.iter();
        groupings.extend(intersections.map(|names| of(names.iter().filter_map(position).collect())));
        groupings.sort_by(|left, right| (left.names.len(), &left.names).cmp(&(right.names.len(), &right.names)));
        groupings.insert(0, of(Vec::new()));
        groupings
    }

    /// The declared reference group: of an intersection, where each of its columns has one.
    fn reference(&self, evaluation: &RawEvaluation) -> Option<String> {
        let of_column = |column: &usize| evaluation.slices.get(*column)?.reference_group.clone();
        let values: Option<Vec<_>> = self.columns.iter().map(of_column).collect();
        values.map(|values| values.join(BETWEEN))
    }
}

/// What was computed of a file.
struct Measured {
    data: FileFacts,
    data_files: Vec<FileFacts>,
    counts: RowCounts,
    metrics: Metrics,
    /// In the order of groupings, and within one by value.
    groups: Vec<MeasuredGroup>,
    horizons: Vec<Horizon>,
    /// Of several classes, the metrics of each and the table of labels and predictions.
    classes: (Vec<ClassMetrics>, Vec<Vec<u64>>),
    champion: Option<ChampionFacts>,
    weakest: Option<WeakestGroups>,
    plots: Option<Plots>,
}

/// What was computed of a group of rows.
struct MeasuredGroup {
    group: Group,
    rows: u64,
    metrics: Metrics,
    /// The area under the ROC curve, where its standard error is known apart from its interval.
    area: Option<RocArea>,
}

/// The part of counts that does not depend on the task.
fn counts(invalid: InvalidRows, valid: u64, ids: Option<IdCounts>, columns: &raw::Columns) -> RowCounts {
    RowCounts {
        total: valid + invalid.total(),
        valid,
        label_missing: invalid.label_missing,
        label_unknown: invalid.label_unknown,
        score_missing: invalid.score_missing,
        score_not_finite: invalid.score_not_finite,
        score_out_of_range: invalid.score_out_of_range,
        weight_invalid: columns.weight.is_some().then_some(invalid.weight_invalid),
        cluster_missing: (columns.cluster.is_some() || columns.series.is_some() || columns.query.is_some())
            .then_some(invalid.cluster_missing),
        id_missing: ids.map(|ids| ids.missing),
        id_duplicates: ids.map(|ids| ids.duplicates),
    }
}

/// The columns of a binary classification whose rows are kept.
fn binary_parts<'a>(declared: &'a RawEvaluation, (classes, score): (&'a raw::Classes, &'a str)) -> RowParts<'a> {
    let columns = &declared.columns;
    let mut numbers = vec![("the score", score, NumberPart::Probability)];
    numbers.extend(columns.weight.as_deref().map(|name| ("the weight", name, NumberPart::Weight)));
    let keys = columns.cluster.as_deref().map(|name| ("the cluster", name)).into_iter().collect();
    RowParts { label: LabelPart::Class(classes), numbers, keys, joined: None, predicted: None, champion: None }
}

/// Binary classification: from sums and ranks, or from the rows where these have weights or belong to clusters.
fn binary(
    declared: &RawEvaluation,
    (file, cluster): (DataFile<'_>, Option<&ClusterAddress>),
    joined: Option<&JoinedScores>,
    resources: Resources,
) -> Result<Measured, Vec<Problem>> {
    let columns = &declared.columns;
    let (Some(classes), Some(threshold), Some(score)) = (&declared.classes, declared.threshold, &columns.score) else {
        let problem = file.problem("missing-part", "binary classification needs a score, classes and a threshold");
        return Err(vec![problem.hint("declare them for the evaluation")]);
    };
    let wanted = binary_parts(declared, (classes, score));
    let wanted = with_champion(declared, joined, NumberPart::OtherProbability, wanted);
    if columns.weight.is_some() || columns.cluster.is_some() {
        let favourable = classes.favourable.map(|favourable| favourable == Favourable::Positive);
        return kept(Task::BinaryClassification, declared, file, resources, &wanted, |_, rows| {
            let label: Vec<bool> = rows.key(0).iter().map(|class| *class == 1).collect();
            let score = rows.number(0);
            let (weight, cluster) = (rows.optional(&columns.weight, 1), rows.optional_key(&columns.cluster, 1));
            let rows = weighted::WeightedRows {
                label: &label,
                score: &score,
                weight: weight.as_deref(),
                cluster: cluster.as_deref(),
            };
            weighted::metrics(&rows, threshold, favourable)
        });
    }
    let found = match (cluster, &declared.champion) {
        (Some(cluster), None) => distributed(declared, file, (threshold, cluster), resources)?,
        (None, _) | (_, Some(_)) => {
            let beside = declared.champion.as_ref().map(|_| &wanted);
            scanned(declared, file, (classes, score, threshold), beside, resources)?
        }
    };
    let Walked { content, ids, common, groups, question, ranked, champion } = found;
    let states = states(&ranked, &common, &question);
    let whole = states.first().copied().unwrap_or_default();
    let losses: Vec<_> = ranked.sums.iter().map(squared).collect();
    let measured = |(group, state): (Group, &BinaryState)| MeasuredGroup {
        group,
        rows: state.valid() + state.invalid.total(),
        metrics: binary::slice_metrics(state, classes.favourable),
        area: RocArea::of(&state.sums, &state.ranks),
    };
    Ok(Measured {
        data: file.facts(&content),
        data_files: content.files,
        counts: counts(whole.invalid, whole.valid(), ids, columns),
        metrics: binary::metrics(&whole, &ranked.curve, classes.favourable),
        groups: groups.into_iter().zip(&states).skip(1).map(measured).collect(),
        horizons: Vec::new(),
        classes: Default::default(),
        champion,
        weakest: weakest(declared, &common.cells, Loss::SquaredError, &losses),
        plots: Some(Plots::of(&whole, &ranked.curve)),
    })
}

/// All rows of two classes, walked over in the order of their scores.
struct Walked {
    content: Content,
    ids: Option<IdCounts>,
    common: CommonCells,
    groups: Vec<Group>,
    question: Question,
    ranked: Ranked,
    champion: Option<ChampionFacts>,
}

/// The groups of these cells, and what is asked of their rows.
fn asked(groups: &Groups, groupings: usize, threshold: f64, resources: Resources) -> Question {
    Question {
        threshold,
        slices_of_a_cell: groupings,
        slices: groups.groups.len(),
        slices_of_cells: groups.of_cells.clone(),
        threads: resources.threads,
        memory_bytes: resources.rows_bytes(),
    }
}

/// The rows of two classes, read here.
fn scanned(
    declared: &RawEvaluation,
    file: DataFile<'_>,
    (classes, score, threshold): (&raw::Classes, &str, f64),
    beside: Option<&RowParts<'_>>,
    resources: Resources,
) -> Result<Walked, Vec<Problem>> {
    let scan = scan::binary(file, declared, (classes, score), beside, resources)?;
    let refused = |error: SourceError| vec![file.refused(&error)];
    let groupings = Grouping::declared(declared);
    let (tables, beside): (Vec<_>, Vec<_>) = scan.tables.into_iter().unzip();
    let parts = tables.iter().map(|table| (&table.cells, table.invalid.as_slice()));
    let common = CommonCells::of(parts, declared.slices.len()).map_err(|error| refused(error.into()))?;
    let groups = Groups::of(&common.cells, &positions(&groupings));
    // Both kinds of tables saw the same rows in the same order, and gave their cells the same numbers.
    let beside = RowTable::joined(beside.into_iter().flatten().collect(), &common.renumbered);
    let champion =
        beside.and_then(|table| challenged(Task::BinaryClassification, declared, &table, &groupings, &groups));
    let question = asked(&groups, groupings.len(), threshold, resources);
    let ranked = ranked::rank(tables, &common.renumbered, common.cells.len(), &question)
        .map_err(|error| refused(SourceError::Spill(error)))?;
    let ids = counted(scan.ids, file, resources)?;
    Ok(Walked { content: scan.content, ids, common, groups: groups.groups, question, ranked, champion })
}

/// The ids of all parts of the data, counted.
fn counted(ids: Option<Vec<Ids>>, file: DataFile<'_>, resources: Resources) -> Result<Option<IdCounts>, Vec<Problem>> {
    let counts = ids.map(|ids| Ids::count(ids, resources.threads)).transpose();
    counts.map_err(|error| vec![file.refused(&SourceError::Spill(error))])
}

/// The same, read by a cluster.
#[cfg(feature = "cluster")]
fn distributed(
    declared: &RawEvaluation,
    file: DataFile<'_>,
    (threshold, cluster): (f64, &ClusterAddress),
    resources: Resources,
) -> Result<Walked, Vec<Problem>> {
    let groupings = Grouping::declared(declared);
    let mut groups = Vec::new();
    let found = super::cluster::binary(file, declared, cluster, |cells| {
        let found = Groups::of(cells, &positions(&groupings));
        let question = asked(&found, groupings.len(), threshold, resources);
        groups = found.groups;
        question
    })?;
    let super::cluster::Distributed { content, ids, common, question, ranked } = found;
    Ok(Walked { content, ids, common, groups, question, ranked, champion: None })
}

/// The same, where nothing is known of clusters.
#[cfg(not(feature = "cluster"))]
fn distributed(
    _: &RawEvaluation,
    file: DataFile<'_>,
    _: (f64, &ClusterAddress),
    _: Resources,
) -> Result<Walked, Vec<Problem>> {
    let problem = file.problem("no-cluster", "this program was built without the cluster engine");
    Err(vec![problem.hint("build it with `--features cluster`, or leave out --engine")])
}

fn positions(groupings: &[Grouping<'_>]) -> Vec<Vec<usize>> {
    groupings.iter().map(|grouping| grouping.columns.clone()).collect()
}

/// What is known of the rows of each group.
fn states(ranked: &Ranked, common: &CommonCells, question: &Question) -> Vec<BinaryState> {
    let state = |ranks: &ranked::Ranks| BinaryState { ranks: *ranks, ..Default::default() };
    let mut states: Vec<_> = ranked.ranks.iter().map(state).collect();
    let lines = question.slices_of_cells.chunks(question.slices_of_a_cell.max(1));
    for (line, (sums, invalid)) in lines.zip(ranked.sums.iter().zip(&common.invalid)) {
        for slice in line {
            if let Some(state) = states.get_mut(*slice as usize) {
                state.sums.merge(sums);
                state.invalid.merge(*invalid);
            }
        }
    }
    states
}

/// The rows of one group, column by column.
pub(super) struct GroupRows<'a> {
    pub(super) table: &'a RowTable,
    pub(super) positions: &'a [u32],
}

impl GroupRows<'_> {
    pub(super) fn number(&self, column: usize) -> Vec<f64> {
        self.table.numbers.get(column).map(|column| gather(column, self.positions)).unwrap_or_default()
    }

    pub(super) fn key(&self, column: usize) -> Vec<u64> {
        self.table.keys.get(column).map(|column| gather(column, self.positions)).unwrap_or_default()
    }

    pub(super) fn optional(&self, declared: &Option<String>, column: usize) -> Option<Vec<f64>> {
        declared.as_ref().map(|_| self.number(column))
    }

    pub(super) fn optional_key(&self, declared: &Option<String>, column: usize) -> Option<Vec<u64>> {
        declared.as_ref().map(|_| self.key(column))
    }
}

/// A task whose metrics are computed from the rows of each group.
fn kept(
    task: Task,
    declared: &RawEvaluation,
    file: DataFile<'_>,
    resources: Resources,
    wanted: &RowParts<'_>,
    metrics: impl Fn(&RawEvaluation, &GroupRows<'_>) -> Metrics,
) -> Result<Measured, Vec<Problem>> {
    let scan = scan::rows(file, declared, wanted, resources)?;
    let ids = counted(scan.ids, file, resources)?;
    let data = file.facts(&scan.content);
    let data_files = scan.content.files.clone();
    let groupings = Grouping::declared(declared);
    let parts = scan.tables.iter().map(|table| (&table.cells, table.invalid.as_slice()));
    let common = CommonCells::of(parts, declared.slices.len()).map_err(|error| vec![file.refused(&error.into())])?;
    let groups = Groups::of(&common.cells, &positions(&groupings));
    let table = RowTable::joined(scan.tables, &common.renumbered)
        .unwrap_or_else(|| RowTable::new(0, wanted.numbers.len(), wanted.keys.len(), u64::MAX));
    let rows = table.rows_of_slices(groups.groups.len(), &groups.of_cells, groupings.len());
    let mut invalid = vec![InvalidRows::default(); groups.groups.len()];
    for (line, counts) in groups.of_cells.chunks(groupings.len()).zip(&common.invalid) {
        for slice in line {
            if let Some(invalid) = invalid.get_mut(*slice as usize) {
                invalid.merge(*counts);
            }
        }
    }
    let mut measured = Vec::with_capacity(groups.groups.len());
    for ((group, positions), invalid) in groups.groups.iter().cloned().zip(&rows).zip(&invalid) {
        let metrics = metrics(declared, &GroupRows { table: &table, positions });
        let valid = positions.len() as u64;
        let metrics = if invalid.total() == 0 { metrics } else { refused(metrics, invalid.total(), valid) };
        measured.push(MeasuredGroup { group, rows: valid + invalid.total(), metrics, area: None });
    }
    let whole = measured.remove(0);
    let invalid = invalid.first().copied().unwrap_or_default();
    let all: Vec<u32> = (0..table.cell.len() as u32).collect();
    let champion = challenged(task, declared, &table, &groupings, &groups);
    let rows = GroupRows { table: &table, positions: &all };
    let horizons = horizons(declared, &rows, invalid.total());
    let classes = several::of_classes(task, declared, &rows, invalid.total());
    let weakest = losses(task, declared, &table).and_then(|(loss, losses)| {
        weakest(
            declared,
            &common.cells,
            loss,
            &weakest::by_cell(table.cell.iter().copied().zip(losses), common.cells.len()),
        )
    });
    Ok(Measured {
        data,
        data_files,
        counts: counts(invalid, whole.rows - invalid.total(), ids, &declared.columns),
        metrics: whole.metrics,
        groups: measured,
        horizons,
        classes,
        champion,
        weakest,
        plots: None,
    })
}

/// The groups that are served worst, where there are slices.
fn weakest(declared: &RawEvaluation, cells: &Cells, loss: Loss, losses: &[CellLoss]) -> Option<WeakestGroups> {
    let columns: Vec<&str> = declared.slices.iter().map(|slice| slice.column.as_str()).collect();
    (!columns.is_empty()).then(|| weakest::search(&columns, cells, losses, loss))
}

/// The squared errors of a cell.
fn squared(sums: &ranked::Sums) -> CellLoss {
    let total = |[mut of_negatives, of_positives]: [FixedSum; 2]| {
        of_negatives.merge(of_positives);
        of_negatives.value()
    };
    CellLoss {
        rows: sums.positives + sums.negatives,
        sum: total(sums.squared_error),
        squares: total(sums.squared_error_squares),
    }
}

/// What is lost on each kept row. Rows with weights, of clusters and of series are no independent draws.
fn losses(task: Task, declared: &RawEvaluation, table: &RowTable) -> Option<(Loss, Vec<f64>)> {
    let columns = &declared.columns;
    if columns.weight.is_some() || columns.cluster.is_some() || columns.series.is_some() {
        return None;
    }
    let number = |column: usize| table.numbers.get(column).map(Vec::as_slice);
    match task {
        Task::Regression | Task::Forecasting => {
            let errors = number(0)?.iter().zip(number(1)?).map(|(actual, predicted)| (actual - predicted).abs());
            Some((Loss::AbsoluteError, errors.collect()))
        }
        Task::MulticlassClassification if columns.prediction.is_some() => {
            let wrong = table.keys.first()?.iter().zip(table.keys.last()?).map(|(class, predicted)| class != predicted);
            Some((Loss::ZeroOne, wrong.map(|wrong| f64::from(u8::from(wrong))).collect()))
        }
        Task::MulticlassClassification => {
            let label = table.keys.first()?;
            let error = |row: usize, class: usize, score: &f64| {
                let is_class = label.get(row).is_some_and(|label| *label == class as u64);
                let error = score - f64::from(u8::from(is_class));
                error * error
            };
            Some((Loss::SquaredError, row_sums(table.numbers.iter().map(Vec::as_slice), label.len(), error)))
        }
        Task::MultilabelClassification => {
            let (count, threshold) = (declared.labels.len(), declared.threshold.unwrap_or(0.5));
            let (flags, scores) = (table.numbers.get(..count)?, table.numbers.get(count..2 * count)?);
            let wrong = |row: usize, label: usize, score: &f64| {
                let has = flags.get(label).and_then(|flags| flags.get(row)).is_some_and(|flag| *flag == 1.0);
                f64::from(u8::from(has != (*score >= threshold))) / count as f64
            };
            Some((Loss::Hamming, row_sums(scores.iter().map(Vec::as_slice), table.cell.len(), wrong)))
        }
        // A row of a ranking is judged with the others of its query; two classes without weights have sums.
        Task::Ranking | Task::BinaryClassification => None,
    }
}

/// For each row the sum over columns of what `of` makes of row, column and number.
fn row_sums<'a>(
    columns: impl Iterator<Item = &'a [f64]>,
    rows: usize,
    of: impl Fn(usize, usize, &f64) -> f64,
) -> Vec<f64> {
    let mut sums = vec![0.0; rows];
    for (column, numbers) in columns.enumerate() {
        for (row, (sum, number)) in sums.iter_mut().zip(numbers).enumerate() {
            *sum += of(row, column, number);
        }
    }
    sums
}

/// What the champion's column of numbers is called in a sentence.
const CHAMPION: &str = "the champion's score";

/// The champion beside the challenger, if one is declared; it is the last column of numbers.
fn challenged(
    task: Task,
    declared: &RawEvaluation,
    table: &RowTable,
    groupings: &[Grouping<'_>],
    groups: &Groups,
) -> Option<ChampionFacts> {
    let champion = declared.champion.as_ref()?;
    let columns = &declared.columns;
    let (label, score) = match task {
        Task::BinaryClassification => (None, 0),
        Task::Regression | Task::Forecasting => (table.numbers.first(), 1),
        Task::Ranking => {
            let options = ranking_options(declared)?;
            let rows = &table.all_rows();
            let other = table.numbers.last()?;
            return Some(with_ranking(declared, &GroupRows { table, positions: rows }, |rows| {
                challenge::ranking(champion, rows, other, &options)
            }));
        }
        Task::MulticlassClassification => {
            let rows = &table.all_rows();
            return several::challenged(declared, champion, &GroupRows { table, positions: rows });
        }
        // Several labels have several scores.
        Task::MultilabelClassification => return None,
    };
    let behind_weight = 2 + usize::from(columns.scale.is_some());
    let weight = columns.weight.as_ref().and(table.numbers.len().checked_sub(behind_weight));
    // Rows of a forecast belong to series, and others to clusters: both stand behind a class, if there is one.
    let clustered = columns.cluster.is_some() || columns.series.is_some();
    let paired = Paired {
        challenger: table.numbers.get(score)?,
        champion: table.numbers.last()?,
        weight: weight.and_then(|weight| table.numbers.get(weight)).map(Vec::as_slice),
        cluster: table.keys.get(usize::from(label.is_none())).filter(|_| clustered).map(Vec::as_slice),
    };
    if let Some(actual) = label {
        return Some(challenge::numbers(champion, &paired, actual));
    }
    let label: Vec<bool> = table.keys.first()?.iter().map(|class| *class == 1).collect();
    let protected =
        groupings.iter().enumerate().filter(|(_, grouping)| grouping.protected && !grouping.names.is_empty());
    let groups: Vec<_> = protected.map(|(index, grouping)| paired_groups(index, grouping, groups, table)).collect();
    Some(challenge::binary(champion, &paired, &label, declared.threshold?, &groups))
}

/// The groups of one grouping, and which of them each kept row belongs to.
fn paired_groups(index: usize, grouping: &Grouping<'_>, groups: &Groups, table: &RowTable) -> PairedGroups {
    let own = |group: &&Group| group.grouping == index;
    let first = groups.groups.iter().position(|group| own(&group)).unwrap_or_default() as u32;
    let width = groups.of_cells.len() / groups.cells.max(1);
    let of_cell = |cell: &u32| {
        let group = groups.of_cells.get(*cell as usize * width + index).copied().unwrap_or_default();
        group.saturating_sub(first)
    };
    PairedGroups {
        column: Some(grouping.names.join(BETWEEN)),
        values: groups.groups.iter().filter(own).map(shown).collect(),
        of_rows: table.cell.iter().map(of_cell).collect(),
    }
}

/// The values of a group as text.
fn shown(group: &Group) -> String {
    let text = |value: &Option<String>| match value {
        Some(value) => value.clone(),
        None if group.values.len() == 1 => String::new(),
        None => "(missing)".to_owned(),
    };
    group.values.iter().map(text).collect::<Vec<_>>().join(BETWEEN)
}

/// The same metrics without a value: one invalid row leaves none.
pub(super) fn refused(metrics: Metrics, invalid: u64, valid: u64) -> Metrics {
    let reason = format!("{invalid} of {} rows are not valid", valid + invalid);
    let ids = metrics.0.into_keys();
    Metrics(ids.map(|id| (id, Metric::without(id, MetricStatus::Error, 0, reason.as_str()))).collect())
}

fn regression_parts(declared: &RawEvaluation) -> RowParts<'_> {
    let columns = &declared.columns;
    let ends = [("the lower end", &columns.lower), ("the upper end", &columns.upper)];
    let mut numbers = vec![("the prediction", columns.prediction.as_deref().unwrap_or_default(), NumberPart::Finite)];
    numbers.extend(ends.into_iter().filter_map(|(part, name)| Some((part, name.as_deref()?, NumberPart::Finite))));
    numbers
        .extend(columns.quantiles.iter().map(|quantile| ("a quantile", quantile.column.as_str(), NumberPart::Finite)));
    numbers.extend(columns.weight.as_deref().map(|name| ("the weight", name, NumberPart::Weight)));
    let keys = columns.cluster.as_deref().map(|name| ("the cluster", name)).into_iter().collect();
    RowParts { label: LabelPart::Number, numbers, keys, joined: None, predicted: None, champion: None }
}

/// The same with the champion's numbers, as the last column of them.
fn with_champion<'a>(
    declared: &'a RawEvaluation,
    joined: Option<&'a JoinedScores>,
    part: NumberPart,
    mut parts: RowParts<'a>,
) -> RowParts<'a> {
    if let Some(scores) = joined {
        return RowParts { joined: Some((scores, part)), ..parts };
    }
    let champion = declared.champion.as_ref().map(|champion| (CHAMPION, champion.column.as_str(), part));
    parts.numbers.extend(champion);
    parts
}

/// The numbers of a regression or forecast, in the order of [`regression_parts`] behind the actual values.
struct Predicted {
    actual: Vec<f64>,
    predicted: Vec<f64>,
    ends: Option<(Vec<f64>, Vec<f64>)>,
    quantiles: Vec<(f64, Vec<f64>)>,
    weight: Option<Vec<f64>>,
    /// The next column of numbers.
    next: usize,
}

impl Predicted {
    fn of(declared: &RawEvaluation, rows: &GroupRows<'_>) -> Self {
        let columns = &declared.columns;
        let mut next = 2;
        let mut take = || {
            next += 1;
            rows.number(next - 1)
        };
        let ends = columns.lower.as_ref().map(|_| (take(), take()));
        let quantiles = columns.quantiles.iter().map(|quantile| (quantile.level, take())).collect();
        let weight = columns.weight.as_ref().map(|_| take());
        Self { actual: rows.number(0), predicted: rows.number(1), ends, quantiles, weight, next }
    }

    fn with<T>(&self, cluster: Option<&[u64]>, of: impl FnOnce(RegressionRows<'_>) -> T) -> T {
        let quantiles: Vec<_> = self.quantiles.iter().map(|(level, column)| (*level, column.as_slice())).collect();
        of(RegressionRows {
            actual: &self.actual,
            predicted: &self.predicted,
            weight: self.weight.as_deref(),
            cluster,
            lower: self.ends.as_ref().map(|ends| ends.0.as_slice()),
            upper: self.ends.as_ref().map(|ends| ends.1.as_slice()),
            quantiles: &quantiles,
        })
    }
}

fn regression_metrics(declared: &RawEvaluation, rows: &GroupRows<'_>) -> Metrics {
    let cluster = rows.optional_key(&declared.columns.cluster, 0);
    Predicted::of(declared, rows).with(cluster.as_deref(), |rows| regression::metrics(&rows))
}

fn forecast_parts(declared: &RawEvaluation) -> RowParts<'_> {
    let columns = &declared.columns;
    let mut parts = regression_parts(declared);
    parts.numbers.extend(columns.scale.as_deref().map(|name| ("the scale", name, NumberPart::Finite)));
    parts.keys = vec![("the series", columns.series.as_deref().unwrap_or_default())];
    parts.keys.extend(columns.horizon.as_deref().map(|name| (HORIZON, name)));
    parts
}

fn forecast_metrics(declared: &RawEvaluation, rows: &GroupRows<'_>) -> Metrics {
    with_forecast(declared, rows, |rows| forecast::metrics(&rows))
}

fn with_forecast<T>(declared: &RawEvaluation, rows: &GroupRows<'_>, of: impl FnOnce(ForecastRows<'_>) -> T) -> T {
    let predicted = Predicted::of(declared, rows);
    let scale = rows.optional(&declared.columns.scale, predicted.next);
    let (series, horizon) = (rows.key(0), rows.optional_key(&declared.columns.horizon, 1));
    predicted.with(None, |rows| {
        of(ForecastRows {
            rows,
            series: &series,
            horizon: horizon.as_deref(),
            scale_absolute: scale.as_deref(),
            scale_squared: None,
        })
    })
}

/// The metrics of each horizon, of which `invalid` rows are not known.
fn horizons(declared: &RawEvaluation, rows: &GroupRows<'_>, invalid: u64) -> Vec<Horizon> {
    if declared.columns.horizon.is_none() {
        return Vec::new();
    }
    let by_horizon = with_forecast(declared, rows, |rows| forecast::by_horizon(&rows));
    let metrics =
        |metrics: Metrics| if invalid == 0 { metrics } else { refused(metrics, invalid, rows.positions.len() as u64) };
    by_horizon.into_iter().map(|(horizon, of_horizon)| Horizon { horizon, metrics: metrics(of_horizon) }).collect()
}

fn ranking_parts(declared: &RawEvaluation) -> RowParts<'_> {
    let columns = &declared.columns;
    let mut numbers = vec![("the score", columns.score.as_deref().unwrap_or_default(), NumberPart::Finite)];
    numbers.extend(columns.weight.as_deref().map(|name| ("the weight", name, NumberPart::Weight)));
    let keys = [("the query", &columns.query), ("the item", &columns.item), ("the cluster", &columns.cluster)];
    let keys = keys.into_iter().filter_map(|(part, name)| Some((part, name.as_deref()?)));
    RowParts {
        label: LabelPart::Relevance,
        numbers,
        keys: keys.collect(),
        joined: None,
        predicted: None,
        champion: None,
    }
}

fn ranking_options(declared: &RawEvaluation) -> Option<RankingOptions> {
    let rule = declared.ranking.as_ref()?;
    let gain = match rule.gain {
        raw::Gain::Linear => Gain::Linear,
        raw::Gain::Exponential => Gain::Exponential,
    };
    Some(RankingOptions { k: rule.k, gain, relevant_from: rule.relevant_from })
}

fn ranking_metrics(declared: &RawEvaluation, rows: &GroupRows<'_>) -> Metrics {
    let Some(options) = ranking_options(declared) else { return Metrics::default() };
    with_ranking(declared, rows, |rows| ranking::metrics(rows, &options).metrics)
}

/// Rows of a ranking, column by column.
fn with_ranking<T>(declared: &RawEvaluation, rows: &GroupRows<'_>, work: impl FnOnce(&RankingRows<'_>) -> T) -> T {
    let columns = &declared.columns;
    let (query, relevance, score) = (rows.key(0), rows.number(0), rows.number(1));
    let item = rows.optional_key(&columns.item, 1);
    let cluster = rows.optional_key(&columns.cluster, if item.is_some() { 2 } else { 1 });
    let weight = rows.optional(&columns.weight, 2);
    work(&RankingRows {
        query: &query,
        item: item.as_deref(),
        relevance: &relevance,
        score: &score,
        cluster: cluster.as_deref(),
        weight: weight.as_deref(),
    })
}

fn facts(task: Task, declared: &RawEvaluation, measured: Measured) -> EvaluationFacts {
    let groupings = Grouping::declared(declared);
    let mut slices = Vec::new();
    let mut comparisons = Vec::new();
    for of_grouping in measured.groups.chunk_by(|left, right| left.group.grouping == right.group.grouping) {
        let grouping = of_grouping.first().and_then(|measured| groupings.get(measured.group.grouping));
        let Some(grouping) = grouping else { continue };
        let new: Vec<_> = of_grouping.iter().map(|measured| (slice(grouping, measured), measured.area)).collect();
        if grouping.protected && task == Task::BinaryClassification {
            let groups: Vec<_> = new.iter().map(|(slice, area)| comparison::Group { slice, area: *area }).collect();
            let column = grouping.names.join(BETWEEN);
            comparisons.extend(comparison::compare(&column, &groups, grouping.reference(declared).as_deref()));
        }
        slices.extend(new.into_iter().map(|(slice, _)| slice));
    }
    let of_several: Vec<_> = groupings.iter().filter(|grouping| grouping.names.len() > 1).collect();
    let intersections: Vec<_> = of_several.iter().map(|grouping| grouping.names.join(BETWEEN)).collect();
    comparison::adjust(&mut comparisons, |column| intersections.iter().any(|name| name == column));
    EvaluationFacts {
        name: declared.name.clone(),
        task,
        data: measured.data,
        data_files: measured.data_files,
        columns: declared.columns.clone(),
        classes: declared.classes.clone(),
        threshold: declared.threshold,
        interval_level: declared.interval_level,
        claims: stated(declared, &measured.metrics),
        sufficiency: sufficiency(declared, &measured.metrics, measured.counts.valid),
        weakest_groups: measured.weakest,
        rows: measured.counts,
        metrics: measured.metrics,
        representativeness: population(declared, &slices),
        slices,
        comparisons,
        horizons: measured.horizons,
        labels: declared.labels.clone(),
        class_metrics: measured.classes.0,
        confusion: measured.classes.1,
        period: declared.period.clone(),
        holdout: declared.holdout.clone(),
        sql_checks: Vec::new(),
        claim_files: Vec::new(),
        other_claims: Vec::new(),
        leakage: None,
        drift: None,
        champion: measured.champion,
        curves: measured.plots,
    }
}

/// The rows beside the population, where its shares are declared.
fn population(declared: &RawEvaluation, slices: &[Slice]) -> Vec<Representativeness> {
    let of = |column: &raw::SliceColumn| {
        let mut rows = CategorySample::default();
        for slice in slices.iter().filter(|slice| slice.column == column.column) {
            rows.add_rows((!slice.missing).then_some(slice.value.as_str()), slice.rows);
        }
        representativeness(&column.column, &rows, &column.population)
    };
    declared.slices.iter().filter(|column| !column.population.is_empty()).map(of).collect()
}

fn slice(grouping: &Grouping<'_>, measured: &MeasuredGroup) -> Slice {
    let values = &measured.group.values;
    let parts = grouping.names.iter().zip(values);
    Slice {
        column: grouping.names.join(BETWEEN),
        value: shown(&measured.group),
        missing: values.iter().any(Option::is_none),
        protected: grouping.protected,
        parts: parts.map(|(column, value)| SlicePart { column: (*column).to_owned(), value: value.clone() }).collect(),
        rows: measured.rows,
        metrics: measured.metrics.clone(),
    }
}

fn stated(declared: &RawEvaluation, metrics: &Metrics) -> Vec<ClaimCheck> {
    let check = |claim: &raw::Claim| claims::check(claim.metric, claim.value, claim.tolerance, None, metrics);
    declared.claims.iter().map(check).collect()
}
