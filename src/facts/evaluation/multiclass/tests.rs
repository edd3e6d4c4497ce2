use proptest::prelude::*;

use super::super::random;
use super::multilabel::{self, MultilabelMetrics, MultilabelRows};
use super::*;

const CLASSES: usize = 3;

/// A row: label, probabilities before they are made to add up to 1, prediction, weight, cluster.
type Row = (u64, [u32; CLASSES], u64, u8, u64);

fn rows(len: std::ops::Range<usize>) -> impl Strategy<Value = Vec<Row>> {
    let probability = [0..5_u32, 0..5_u32, 1..5_u32];
    prop::collection::vec((0..3_u64, probability, 0..3_u64, 0..4_u8, 0..5_u64), len)
}

/// Which of the columns are given.
#[derive(Debug, Clone, Copy)]
struct Given {
    predicted: bool,
    weight: bool,
    cluster: bool,
}

const PLAIN: Given = Given { predicted: false, weight: false, cluster: false };
const ALL: Given = Given { predicted: true, weight: true, cluster: true };

fn given() -> impl Strategy<Value = Given> {
    any::<[bool; 3]>().prop_map(|[predicted, weight, cluster]| Given { predicted, weight, cluster })
}

fn probability(rows: &[Row]) -> Vec<Vec<f64>> {
    let of = |row: &Row, class: usize| f64::from(row.1[class]) / f64::from(row.1.iter().sum::<u32>());
    (0..CLASSES).map(|class| rows.iter().map(|row| of(row, class)).collect()).collect()
}

fn weights(rows: &[Row], scale: f64) -> Vec<f64> {
    rows.iter().map(|row| [0.0, 1.0, 0.7, 2.3][usize::from(row.3)] * scale).collect()
}

fn of(rows: &[Row], given: Given, scale: f64) -> MulticlassMetrics {
    let (probability, weight) = (probability(rows), weights(rows, scale));
    let column = |of: fn(&Row) -> u64| -> Vec<u64> { rows.iter().map(of).collect() };
    let (label, predicted, cluster) = (column(|row| row.0), column(|row| row.2), column(|row| row.4));
    let rows = MulticlassRows {
        label: &label,
        probability: Some(&probability),
        predicted: given.predicted.then_some(&predicted),
        weight: given.weight.then_some(&weight),
        cluster: given.cluster.then_some(&cluster),
    };
    metrics(&rows, &MulticlassOptions { classes: CLASSES, top_k: 2 })
}

/// The same rows with labels of which each class is one, by itself: the class of the label, and that of the prediction.
fn labels_of(rows: &[Row], given: Given) -> MultilabelMetrics {
    let label: Vec<Vec<bool>> = (0..3).map(|class| rows.iter().map(|row| row.0 == class).collect()).collect();
    let score: Vec<Vec<f64>> =
        (0..3).map(|class| rows.iter().map(|row| f64::from(u8::from(row.2 == class))).collect()).collect();
    let weight = weights(rows, 1.0);
    let cluster: Vec<u64> = rows.iter().map(|row| row.4).collect();
    let rows = MultilabelRows {
        label: &label,
        score: &score,
        weight: given.weight.then_some(&weight),
        cluster: given.cluster.then_some(&cluster),
    };
    multilabel::metrics(&rows, 0.5)
}

/// Rows of a table of counts by label and prediction, without probabilities.
fn of_table(table: [[u64; 3]; 3]) -> MulticlassMetrics {
    let cells = (0..3).flat_map(|label| (0..3).map(move |predicted| (label, predicted)));
    let (label, predicted): (Vec<u64>, Vec<u64>) = cells
        .flat_map(|(label, predicted)| (0..table[label][predicted]).map(move |_| (label as u64, predicted as u64)))
        .unzip();
    let rows =
        MulticlassRows { label: &label, probability: None, predicted: Some(&predicted), weight: None, cluster: None };
    metrics(&rows, &MulticlassOptions { classes: 3, top_k: 1 })
}

fn of_probability(label: &[u64], probability: &[Vec<f64>], top_k: usize) -> MulticlassMetrics {
    let rows = MulticlassRows { label, probability: Some(probability), predicted: None, weight: None, cluster: None };
    metrics(&rows, &MulticlassOptions { classes: probability.len(), top_k })
}

fn value(metrics: &Metrics, id: MetricId) -> f64 {
    metrics.get(id).and_then(|metric| metric.value).unwrap_or_else(|| panic!("{id:?}: {metrics:?}"))
}

fn reason(metrics: &Metrics, id: MetricId) -> (MetricStatus, &str) {
    let metric = metrics.get(id).unwrap();
    assert_eq!(metric.value, None, "{id:?}");
    (metric.status, metric.reason.as_deref().unwrap())
}

#[track_caller]
fn assert_close(actual: f64, expected: f64, tolerance: f64) {
    assert!((actual - expected).abs() <= tolerance, "{actual}, expected {expected}");
}

fn values(metrics: &Metrics) -> BTreeMap<MetricId, Option<f64>> {
    metrics.0.iter().map(|(id, metric)| (*id, metric.value)).collect()
}

#[track_caller]
fn assert_values_close(left: &Metrics, right: &Metrics) {
    for ((id, left), right) in values(left).into_iter().zip(values(right).into_values()) {
        let same = match (left, right) {
            (Some(left), Some(right)) => (left - right).abs() < 1e-13,
            (left, right) => left == right,
        };
        assert!(same, "{id:?}: {left:?} {right:?}");
    }
}

/// The large-sample variance of kappa of Fleiss, Cohen and Everitt (Psychological Bulletin 72, 1969), by
/// label and prediction.
fn published_kappa_variance(table: [[f64; 3]; 3], kappa: f64) -> f64 {
    let n: f64 = table.iter().flatten().sum();
    let label = table.map(|row| row.iter().sum::<f64>() / n);
    let predicted: [f64; 3] = std::array::from_fn(|class| table.iter().map(|row| row[class]).sum::<f64>() / n);
    let chance: f64 = label.iter().zip(predicted).map(|(left, right)| left * right).sum();
    let mut sum = 0.0;
    for (i, row) in table.iter().enumerate() {
        for (j, cell) in row.iter().enumerate() {
            let margins = (predicted[i] + label[j]) * (1.0 - kappa);
            let part = if i == j { 1.0 - margins } else { margins };
            sum += cell / n * part * part;
        }
    }
    let mean = kappa - chance * (1.0 - kappa);
    (sum - mean * mean) / (n * (1.0 - chance) * (1.0 - chance))
}

#[test]
fn kappa_gives_the_published_example() {
    // Fleiss, Levin and Paik, Statistical Methods for Rates and Proportions (2003), table 18.1: kappa is 0.68.
    let table = [[75, 1, 4], [5, 4, 1], [0, 0, 10]];
    let kappa = of_table(table).metrics.get(MetricId::CohenKappa).unwrap().clone();
    assert_close(kappa.value.unwrap(), 0.68, 5e-3);
    assert_close(kappa.value.unwrap(), 23.0 / 34.0, 1e-15);
    let interval = kappa.interval.unwrap();
    assert_eq!(interval.method, "fleiss-cohen-everitt");
    // Their variance is without the factor n/(n − 1).
    let error = (interval.high - interval.low) / (2.0 * interval::Z) * 0.99_f64.sqrt();
    let published = published_kappa_variance(table.map(|row| row.map(|count| count as f64)), 23.0 / 34.0);
    assert_close(error, published.sqrt(), 1e-12);
}

#[test]
fn the_rates_are_those_of_a_table() {
    let found = of_table([[75, 1, 4], [5, 4, 1], [0, 0, 10]]);
    let all = &found.metrics;
    assert_eq!(value(all, MetricId::Accuracy), 0.89);
    assert_eq!(all.get(MetricId::Accuracy).unwrap().interval, interval::wilson(89, 100));
    for id in [MetricId::MicroPrecision, MetricId::MicroRecall, MetricId::MicroF1, MetricId::WeightedRecall] {
        assert_eq!(value(all, id), 0.89, "{id:?}");
    }
    assert_close(value(all, MetricId::BalancedAccuracy), (75.0 / 80.0 + 4.0 / 10.0 + 1.0) / 3.0, 1e-15);
    assert_eq!(all.get(MetricId::BalancedAccuracy).unwrap().interval.as_ref().unwrap().method, "mover-wilson");
    assert_close(value(all, MetricId::MacroPrecision), (75.0 / 80.0 + 4.0 / 5.0 + 10.0 / 15.0) / 3.0, 1e-15);
    assert_close(value(all, MetricId::MacroF1), (150.0 / 160.0 + 8.0 / 15.0 + 20.0 / 25.0) / 3.0, 1e-15);
    // (89·100 − Σ pₖtₖ) / √((100² − Σ pₖ²)(100² − Σ tₖ²)), Gorodkin 2004, equation 8.
    let correlation = 2300.0 / (3350.0_f64 * 3400.0).sqrt();
    assert_close(value(all, MetricId::MatthewsCorrelation), correlation, 1e-15);
    assert_eq!(found.confusion, [[75, 1, 4], [5, 4, 1], [0, 0, 10]]);
    assert_eq!(value(&found.classes[1], MetricId::Prevalence), 0.1);
    assert_eq!(value(&found.classes[1], MetricId::Recall), 0.4);
}

#[test]
fn a_class_without_rows_is_not_zero() {
    let found = of_table([[5, 1, 1], [2, 6, 0], [0, 0, 0]]);
    for id in [MetricId::MacroRecall, MetricId::BalancedAccuracy, MetricId::MacroF1, MetricId::MacroPrecision] {
        assert_eq!(reason(&found.metrics, id), (MetricStatus::Undefined, "without rows: 2"));
    }
    assert_eq!(reason(&found.classes[2], MetricId::Recall).1, "no row has it");
    // It was predicted once, and wrongly so: that is a precision of 0.
    assert_eq!(value(&found.classes[2], MetricId::Precision), 0.0);
    assert_close(value(&found.metrics, MetricId::WeightedRecall), 11.0 / 15.0, 1e-15);
    let unpredicted = of_table([[5, 1, 0], [2, 6, 0], [1, 1, 0]]);
    for id in [MetricId::MacroPrecision, MetricId::WeightedPrecision] {
        assert_eq!(reason(&unpredicted.metrics, id), (MetricStatus::Undefined, "never predicted: 2"));
    }
    assert_close(value(&unpredicted.metrics, MetricId::MacroRecall), (5.0 / 6.0 + 6.0 / 8.0) / 3.0, 1e-15);
    let half = vec![vec![0.5, 0.25], vec![0.25, 0.5], vec![0.25, 0.25]];
    let ranks = of_probability(&[0, 1], &half, 1);
    for id in [MetricId::MacroRocAucOvr, MetricId::WeightedRocAucOvr, MetricId::MacroRocAucOvo] {
        assert_eq!(reason(&ranks.metrics, id), (MetricStatus::Undefined, "without rows: 2"));
    }
    assert_eq!(reason(&ranks.classes[2], MetricId::RocAuc).1, "no row has it");
    assert_eq!(value(&ranks.classes[0], MetricId::RocAuc), 1.0);
}

#[test]
fn one_class_has_no_agreement() {
    let found = of_table([[4, 0, 0], [0, 0, 0], [0, 0, 0]]);
    for id in [MetricId::MatthewsCorrelation, MetricId::CohenKappa] {
        assert_eq!(reason(&found.metrics, id).0, MetricStatus::Undefined);
    }
    assert_eq!(value(&found.metrics, MetricId::Accuracy), 1.0);
    assert_eq!(
        reason(&of_probability(&[0, 0], &[vec![1.0, 1.0]], 1).metrics, MetricId::MacroRocAucOvr).1,
        "there are fewer than two classes"
    );
}

#[test]
fn nothing_comes_of_nothing() {
    let empty = of(&[], ALL, 1.0);
    let weightless = of(&[(0, [1, 1, 1], 0, 0, 0)], ALL, 1.0);
    for found in [&empty, &weightless] {
        for all in std::iter::once(&found.metrics).chain(&found.classes) {
            for id in all.0.keys() {
                assert_eq!(reason(all, *id), (MetricStatus::Undefined, NO_ROWS));
            }
        }
        assert_eq!(found.confusion, [[0; 3]; 3]);
        assert_eq!((found.metrics.0.len(), found.classes[0].0.len()), (23, 7));
    }
    let rows = MulticlassRows { label: &[0, 1], probability: None, predicted: None, weight: None, cluster: None };
    let neither = metrics(&rows, &MulticlassOptions { classes: 2, top_k: 1 });
    assert_eq!(reason(&neither.metrics, MetricId::Accuracy).1, "there are neither predictions nor probabilities");
    assert_eq!(reason(&neither.metrics, MetricId::LogLoss).1, NO_PROBABILITIES);
    let labels = MultilabelRows { label: &[], score: &[], weight: None, cluster: None };
    assert!(
        multilabel::metrics(&labels, 0.5).metrics.0.values().all(|metric| metric.status == MetricStatus::Undefined)
    );
}

#[test]
fn probabilities_have_to_add_up() {
    let whole = vec![vec![0.5, 0.2], vec![0.5, 0.8 + 9e-7]];
    assert!(value(&of_probability(&[0, 1], &whole, 1).metrics, MetricId::LogLoss) > 0.0);
    let short = vec![vec![0.5, 0.2], vec![0.5, 0.8 - 2e-6]];
    let found = of_probability(&[0, 1], &short, 1);
    for id in OF_PROBABILITIES {
        let expected = (MetricStatus::Error, "the probabilities of 1 row do not add up to 1 within 1e-6");
        assert_eq!(reason(&found.metrics, id), expected);
    }
    assert_eq!(reason(&found.classes[0], MetricId::ExpectedCalibrationError).0, MetricStatus::Error);
    // The order of probabilities is what it is.
    assert_eq!(value(&found.metrics, MetricId::MacroRocAucOvr), 1.0);
}

#[test]
fn losses_are_those_of_the_formulas() {
    let probability = vec![vec![0.2, 0.0], vec![0.3, 1.0], vec![0.5, 0.0]];
    let found = of_probability(&[2, 0], &probability, 1);
    let clipped = -libm::log(f64::EPSILON);
    assert_close(value(&found.metrics, MetricId::LogLoss), f64::midpoint(std::f64::consts::LN_2, clipped), 1e-14);
    assert_close(value(&found.metrics, MetricId::Brier), f64::midpoint(0.04 + 0.09 + 0.25, 2.0), 1e-15);
    assert_eq!(value(&found.metrics, MetricId::ClippedProbabilities), 0.5);
    // Top labels: 0.5 and right, 1 and wrong.
    assert_close(value(&found.metrics, MetricId::ExpectedCalibrationError), f64::midpoint(0.5, 1.0), 1e-15);
    assert_close(value(&found.classes[1], MetricId::ExpectedCalibrationError), f64::midpoint(0.3, 1.0), 1e-15);
    let gaps = [[0.2, 1.0], [0.3, 1.0], [0.5, 0.0]].map(|[left, right]| f64::midpoint(left, right));
    let expected = gaps.iter().sum::<f64>() / 3.0;
    assert_close(value(&found.metrics, MetricId::ClasswiseCalibrationError), expected, 1e-15);
}

#[test]
fn ties_are_counted_against_the_model() {
    let equal = vec![vec![0.25; 4]; 4];
    let at = |k: usize| of_probability(&[0, 1, 2, 3], &equal, k).metrics;
    assert_eq!([1, 2, 3, 4].map(|k| value(&at(k), MetricId::TopKAccuracy)), [0.0, 0.0, 0.0, 1.0]);
    // The prediction is the first of several.
    assert_eq!(value(&at(1), MetricId::Accuracy), 0.25);
    assert_eq!(reason(&at(0), MetricId::TopKAccuracy).1, "k is 0");
    assert_eq!(value(&at(1), MetricId::MacroRocAucOvo), 0.5);
}

#[test]
fn broken_columns_do_not_panic() {
    let short = vec![vec![0.5], vec![]];
    let rows = MulticlassRows {
        label: &[0, 7, u64::MAX],
        probability: Some(&short),
        predicted: Some(&[9]),
        weight: Some(&[1.0]),
        cluster: Some(&[]),
    };
    for classes in [0, 1, 2, 5] {
        let found = metrics(&rows, &MulticlassOptions { classes, top_k: 9 });
        assert_eq!((found.classes.len(), found.confusion.len()), (classes, classes));
    }
    let weight = MulticlassRows { weight: None, ..rows };
    assert_eq!(metrics(&weight, &MulticlassOptions { classes: 3, top_k: 1 }).classes.len(), 3);
    let labels =
        MultilabelRows { label: &[vec![true, false], vec![]], score: &[vec![0.5]], weight: None, cluster: None };
    assert_eq!(multilabel::metrics(&labels, 0.5).labels.len(), 2);
}

#[test]
fn one_cluster_has_no_interval() {
    let rows: Vec<Row> = (0..9).map(|row| (row % 3, [1, 2, 3], (row * row) % 3, 1, 4)).collect();
    let found = of(&rows, Given { cluster: true, ..PLAIN }, 1.0);
    for metric in found.metrics.0.values().filter(|metric| metric.value.is_some()) {
        let all_or_none = metric.value.is_some_and(|value| value == 0.0 || value == 1.0);
        assert!(metric.interval.is_none() || all_or_none, "{metric:?}");
    }
    assert!(value(&found.metrics, MetricId::Accuracy) > 0.0);
}

#[test]
fn the_calibration_interval_covers_the_truth() {
    // Three classes whose probabilities are right, and of which a tenth is moved from the second class to the first.
    for (moved, truth) in [(0.0, 0.0), (0.1, 0.2 / 3.0)] {
        let (mut covered, sets) = (0, 40_u64);
        for set in 0..sets {
            let uniform = |row: u64, place: u64| random::uniform(1_000_003 * (set + 1) + 2 * row + place);
            let (mut label, mut probability) = (Vec::new(), vec![Vec::new(), Vec::new(), Vec::new()]);
            for row in 0..300 {
                let first = 0.05 + 0.5 * uniform(row, 0);
                let parts = [first, 0.3, 0.7 - first];
                let drawn = uniform(row, 1);
                label.push(u64::from(drawn >= parts[0]) + u64::from(drawn >= parts[0] + parts[1]));
                let claimed = [parts[0] + moved, parts[1] - moved, parts[2]];
                probability.iter_mut().zip(claimed).for_each(|(column, part)| column.push(part));
            }
            let sample = Sample::new(label.len(), None, None);
            let forecasts = Probabilities { columns: &probability, label: &label };
            let found = class_calibration::calibration_error(&sample, MetricId::ClasswiseCalibrationError, &forecasts);
            let interval = found.interval.unwrap();
            covered += u64::from(interval.low <= truth && truth <= interval.high);
        }
        assert!(covered * 100 >= sets * 88, "{moved}: {covered} of {sets}");
    }
}

#[test]
fn a_row_without_labels_has_no_f1() {
    let label = [vec![true, false, false], vec![true, true, false]];
    let score = [vec![0.9, 0.1, 0.2], vec![0.2, 0.5, 0.1]];
    let found = multilabel::metrics(&MultilabelRows { label: &label, score: &score, weight: None, cluster: None }, 0.5);
    let samples = found.metrics.get(MetricId::SamplesF1).unwrap();
    assert_eq!((samples.n, samples.value), (2, Some(f64::midpoint(2.0 / 3.0, 1.0))));
    assert_eq!(value(&found.metrics, MetricId::SubsetAccuracy), 2.0 / 3.0);
    let hamming = found.metrics.get(MetricId::HammingLoss).unwrap();
    assert_eq!((hamming.numerator, hamming.n, hamming.value), (Some(1), 6, Some(1.0 / 6.0)));
    assert_eq!(value(&found.metrics, MetricId::MicroRecall), 2.0 / 3.0);
    assert_eq!(value(&found.labels[1], MetricId::Recall), 0.5);
}

#[test]
fn a_label_that_every_row_has_has_no_area() {
    let label = [vec![true, true], vec![true, false]];
    let score = [vec![0.9, 0.1], vec![0.2, 0.5]];
    let found = multilabel::metrics(&MultilabelRows { label: &label, score: &score, weight: None, cluster: None }, 0.5);
    assert_eq!(reason(&found.metrics, MetricId::MacroRocAucOvr).1, "every row has: 0");
    assert_eq!(reason(&found.labels[0], MetricId::RocAuc).1, "every row has it");
    assert_eq!(value(&found.metrics, MetricId::MacroAveragePrecision), 0.75);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(12))]

    #[test]
    fn any_order_gives_the_same_bits(
        (rows, shuffled) in rows(0..24).prop_flat_map(|rows| (Just(rows.clone()), Just(rows).prop_shuffle())),
        given in given(),
    ) {
        prop_assert_eq!(of(&rows, given, 1.0), of(&shuffled, given, 1.0));
        prop_assert_eq!(labels_of(&rows, given), labels_of(&shuffled, given));
    }

    #[test]
    fn a_power_of_two_on_every_weight_changes_no_bit(rows in rows(0..16), exponent in -900_i32..900) {
        prop_assert_eq!(of(&rows, ALL, libm::ldexp(1.0, exponent)), of(&rows, ALL, 1.0));
    }

    #[test]
    fn a_weight_is_a_number_of_copies(rows in rows(1..16)) {
        let (label, probability) = (rows.iter().map(|row| row.0).collect::<Vec<_>>(), probability(&rows));
        let weight: Vec<f64> = rows.iter().map(|row| f64::from(row.3)).collect();
        let copies: Vec<Row> = rows.iter().flat_map(|row| (0..row.3).map(|_| *row)).collect();
        let predicted: Vec<u64> = rows.iter().map(|row| row.2).collect();
        let weighted = MulticlassRows {
            label: &label,
            probability: Some(&probability),
            predicted: Some(&predicted),
            weight: Some(&weight),
            cluster: None,
        };
        let weighted = metrics(&weighted, &MulticlassOptions { classes: CLASSES, top_k: 2 });
        let copied = of(&copies, Given { predicted: true, ..PLAIN }, 1.0);
        assert_values_close(&weighted.metrics, &copied.metrics);
        for (weighted, copied) in weighted.classes.iter().zip(&copied.classes) {
            assert_values_close(weighted, copied);
        }
    }

    #[test]
    fn copies_in_clusters_of_their_own_change_no_interval(rows in rows(1..16)) {
        // Each row a cluster, and each row twice in one: the mean is as uncertain as before.
        let alone: Vec<Row> = rows.iter().zip(0..).map(|(row, cluster)| (row.0, row.1, row.2, 1, cluster)).collect();
        let twice: Vec<Row> = alone.iter().flat_map(|row| [*row, *row]).collect();
        let given = Given { cluster: true, ..PLAIN };
        let (alone, twice) = (of(&alone, given, 1.0), of(&twice, given, 1.0));
        for id in [MetricId::Accuracy, MetricId::MacroF1, MetricId::MacroRocAucOvo, MetricId::LogLoss] {
            match (&alone.metrics.get(id).unwrap().interval, &twice.metrics.get(id).unwrap().interval) {
                (Some(alone), Some(twice)) => {
                    prop_assert!((alone.low - twice.low).abs() < 1e-9, "{:?} {:?} {:?}", id, alone, twice);
                    prop_assert!((alone.high - twice.high).abs() < 1e-9, "{:?} {:?} {:?}", id, alone, twice);
                }
                (alone, twice) => prop_assert_eq!(alone, twice),
            }
        }
    }

    #[test]
    fn other_numbers_for_the_classes_change_nothing(rows in rows(1..24), given in given()) {
        // The prediction is given, for the first of several is another class with other numbers.
        let given = Given { predicted: true, ..given };
        let next = |class: u64| (class + 1) % 3;
        let turned: Vec<Row> = rows
            .iter()
            .map(|row| (next(row.0), [row.1[2], row.1[0], row.1[1]], next(row.2), row.3, row.4))
            .collect();
        let (plain, turned) = (of(&rows, given, 1.0), of(&turned, given, 1.0));
        for id in [MetricId::MacroRocAucOvo, MetricId::MacroF1, MetricId::MatthewsCorrelation, MetricId::CohenKappa] {
            match (plain.metrics.get(id).unwrap().value, turned.metrics.get(id).unwrap().value) {
                (Some(left), Some(right)) => prop_assert!((left - right).abs() < 1e-13),
                (left, right) => prop_assert_eq!(left, right),
            }
        }
        for (class, of_class) in plain.classes.iter().enumerate() {
            assert_values_close(of_class, &turned.classes[(class + 1) % 3]);
        }
    }

    #[test]
    fn intervals_hold_their_values(rows in rows(0..24), given in given()) {
        let (found, labels) = (of(&rows, given, 1.0), labels_of(&rows, given));
        let all = [&found.metrics, &labels.metrics].into_iter().chain(&found.classes).chain(&labels.labels);
        for metric in all.flat_map(|all| all.0.values()) {
            if let (Some(value), Some(interval)) = (metric.value, &metric.interval) {
                prop_assert!(interval.low <= value && value <= interval.high, "{:?}", metric);
                let clustered = interval.method.ends_with("-clustered");
                prop_assert_eq!(clustered, given.cluster, "{:?}", metric);
            }
            prop_assert_eq!(metric.reason.is_none(), metric.value.is_some() && metric.interval.is_some());
        }
    }

    #[test]
    fn a_class_is_a_label(rows in rows(1..24), given in given()) {
        let given = Given { predicted: true, ..given };
        let (found, labels) = (of(&rows, given, 1.0), labels_of(&rows, given));
        for (of_class, of_label) in found.classes.iter().zip(&labels.labels) {
            for id in [MetricId::Prevalence, MetricId::Precision, MetricId::Recall, MetricId::F1] {
                prop_assert_eq!(of_class.get(id), of_label.get(id));
            }
        }
        for id in [MetricId::MacroPrecision, MetricId::MacroF1, MetricId::WeightedRecall, MetricId::WeightedF1] {
            prop_assert_eq!(found.metrics.get(id), labels.metrics.get(id));
        }
    }

    #[test]
    fn of_two_classes_all_areas_are_one(
        rows in prop::collection::vec((0..2_u64, 0..9_u32), 1..24),
    ) {
        let label: Vec<u64> = rows.iter().map(|row| row.0).collect();
        let second: Vec<f64> = rows.iter().map(|row| f64::from(row.1) / 8.0).collect();
        let found = of_probability(&label, &[second.iter().map(|part| 1.0 - part).collect(), second], 1);
        let areas = [MetricId::MacroRocAucOvr, MetricId::WeightedRocAucOvr, MetricId::MacroRocAucOvo]
            .map(|id| found.metrics.get(id).unwrap().value);
        let of_class = found.classes[1].get(MetricId::RocAuc).unwrap().value;
        match of_class {
            Some(of_class) => prop_assert!(areas.iter().all(|area| (area.unwrap() - of_class).abs() < 1e-15)),
            None => prop_assert_eq!(areas, [None; 3]),
        }
    }
}
