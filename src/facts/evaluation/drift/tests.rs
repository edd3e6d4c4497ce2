//! Tests of whole columns and of the baseline.

use proptest::prelude::*;

use super::baseline::{BaselineColumn, NumericBaseline};
use super::representativeness::representativeness;
use super::*;

fn numbers(values: &[f64], missing: u64) -> ColumnSample {
    ColumnSample::Numeric(NumericSample::new(values.to_vec(), missing))
}

fn categories(counts: &[(&str, u64)], missing: u64) -> ColumnSample {
    let mut sample = CategorySample::default();
    counts.iter().for_each(|(category, rows)| sample.add_rows(Some(category), *rows));
    sample.add_rows(None, missing);
    ColumnSample::Categorical(sample)
}

/// A baseline of columns of `rows` rows each.
fn baseline_of<'a>(
    rows: u64,
    columns: impl IntoIterator<Item = (&'a str, &'a ColumnSample)>,
) -> Result<Baseline, Vec<String>> {
    let columns: Result<_, String> =
        columns.into_iter().map(|(name, sample)| BaselineColumn::freeze(name, sample)).collect();
    Baseline::of(rows, columns.map_err(|problem| vec![problem])?)
}

fn between(reference: &ColumnSample, current: &ColumnSample) -> ColumnDrift {
    column_drift("x", ColumnReference::Sample(reference), current)
}

fn frozen(reference: &ColumnSample) -> BaselineColumn {
    let baseline = baseline_of(reference.rows(), [("x", reference)]).unwrap();
    let read = Baseline::from_json(&baseline.to_json().unwrap()).unwrap();
    assert_eq!(read.to_json().unwrap(), baseline.to_json().unwrap(), "nothing is lost on the way through a file");
    read.column("x").unwrap().clone()
}

fn from_frozen(reference: &ColumnSample, current: &ColumnSample) -> ColumnDrift {
    column_drift("x", ColumnReference::Frozen(&frozen(reference)), current)
}

/// Every metric of the column.
fn metrics(drift: &ColumnDrift) -> [&Metric; 15] {
    [
        &drift.population_stability_index,
        &drift.population_stability_bound,
        &drift.jensen_shannon_divergence,
        &drift.jensen_shannon_distance,
        &drift.total_variation,
        &drift.chi_squared,
        &drift.chi_squared_p_value,
        &drift.cramers_v,
        &drift.kolmogorov_smirnov,
        &drift.kolmogorov_smirnov_p_value,
        &drift.wasserstein,
        &drift.normalised_wasserstein,
        &drift.outside_reference_range,
        &drift.new_categories,
        &drift.missing_share_difference,
    ]
}

#[track_caller]
fn assert_sound(drift: &ColumnDrift) {
    for metric in metrics(drift) {
        assert_eq!(metric.value.is_some(), metric.status == MetricStatus::Ok, "{metric:?}");
        assert_eq!(metric.interval.is_none(), metric.reason.is_some(), "{metric:?}");
        assert!(metric.value.is_none_or(f64::is_finite), "{metric:?}");
        if let (Some(value), Some(ends)) = (metric.value, &metric.interval) {
            assert!(ends.low <= value && value <= ends.high, "{metric:?}");
        }
    }
}

#[test]
fn deciles_are_values_of_the_reference() {
    // Twenty values: the k-th decile is the 2k-th value, and each bin holds two.
    let values: Vec<f64> = (1..=20).map(f64::from).collect();
    let baseline = NumericBaseline::freeze(&NumericSample::new(values, 0)).unwrap();
    assert_eq!(baseline.edges, (1..=9).map(|k| f64::from(2 * k)).collect::<Vec<_>>());
    assert_eq!(baseline.counts, [2; 10]);
    assert_eq!((baseline.mean, baseline.standard_deviation), (Some(10.5), Some(5.766_281_297_335_397)));
    // Ten values at most: each is an edge, though a decile may be none of them.
    let values: Vec<f64> = (1..=10).map(f64::from).collect();
    let baseline = NumericBaseline::freeze(&NumericSample::new(values.clone(), 0)).unwrap();
    assert_eq!(baseline.edges, values);
    let mostly = [vec![0.0], vec![1.0; 99]].concat();
    let baseline = NumericBaseline::freeze(&NumericSample::new(mostly, 0)).unwrap();
    assert_eq!((baseline.edges, baseline.counts), (vec![0.0, 1.0], vec![1, 99, 0]));
    let baseline = NumericBaseline::freeze(&NumericSample::new(vec![3.0, 1.0], 0)).unwrap();
    assert_eq!((baseline.edges, baseline.counts), (vec![1.0, 3.0], vec![1, 1, 0]));
    // Mostly zeros.
    let mut values = vec![0.0; 95];
    values.extend((1..=10).map(f64::from));
    let baseline = NumericBaseline::freeze(&NumericSample::new(values, 0)).unwrap();
    assert_eq!((baseline.edges, baseline.counts), (vec![0.0], vec![95, 10]));
}

#[test]
fn a_value_on_an_edge_is_in_the_bin_below() {
    assert_eq!(bin_counts(&[1.0, 2.0], &[1.0, 1.0 + f64::EPSILON, 2.0, 2.0 + 2.0 * f64::EPSILON]), [1, 2, 1]);
    assert_eq!(bin_counts(&[], &[1.0]), [1]);
    assert_eq!(bin_name(&[1.0, 2.5], 0), "(-inf, 1.0]");
    assert_eq!(bin_name(&[1.0, 2.5], 1), "(1.0, 2.5]");
    assert_eq!(bin_name(&[1.0, 2.5], 2), "(2.5, inf)");
}

#[test]
fn a_constant_that_moves_is_noticed_in_either_direction() {
    let constant = numbers(&[5.0; 20], 0);
    let same = between(&constant, &constant);
    assert_eq!(same.population_stability_index.value, Some(0.0));
    assert_eq!(same.kolmogorov_smirnov.value, Some(0.0));
    assert_eq!(same.normalised_wasserstein.status, MetricStatus::Undefined);
    assert_eq!(same.population_stability_bound.status, MetricStatus::Undefined);
    let up = between(&constant, &numbers(&[6.0; 20], 0));
    assert!(up.population_stability_index.value.unwrap() > 18.0);
    assert_eq!(up.replaced_cells.len(), 2);
    // Below the only edge the index sees nothing; the other distances and the share outside of the range do.
    let down = between(&constant, &numbers(&[4.0; 20], 0));
    assert_eq!(down.population_stability_index.value, Some(0.0));
    assert_eq!(down.kolmogorov_smirnov.value, Some(1.0));
    assert_eq!(down.wasserstein.value, Some(1.0));
    assert_eq!(down.outside_reference_range.numerator, Some(20));
    [same, up, down].iter().for_each(assert_sound);
}

#[test]
fn missing_values_are_a_cell_of_their_own() {
    let (none, all) = (numbers(&[1.0, 2.0, 3.0], 0), numbers(&[], 3));
    let drift = between(&none, &all);
    assert_eq!(drift.missing_share_difference.value, Some(1.0));
    assert!(drift.population_stability_index.value.unwrap() > 9.0);
    assert_eq!(drift.kolmogorov_smirnov.status, MetricStatus::Undefined);
    assert!(drift.replaced_cells.iter().any(|cell| (cell.kind, cell.empty) == (CellKind::Missing, Side::Reference)));
    assert_sound(&drift);
    let both = between(&all, &all);
    assert_eq!(both.population_stability_index.value, Some(0.0));
    assert_eq!(both.wasserstein.status, MetricStatus::Undefined);
    assert_sound(&both);
    assert_sound(&from_frozen(&all, &none));
}

#[test]
fn no_rows_are_no_drift() {
    let (empty, some) = (numbers(&[], 0), numbers(&[1.0], 0));
    for drift in [between(&empty, &some), between(&some, &empty), between(&empty, &empty)] {
        assert_sound(&drift);
        let with = metrics(&drift).into_iter().filter(|metric| metric.status != MetricStatus::Undefined);
        assert_eq!(with.count(), 0, "{drift:?}");
    }
    assert!(baseline_of(0, [("x", &empty)]).is_err());
    let (empty, some) = (categories(&[], 0), categories(&[("a", 1)], 0));
    let drift = between(&some, &empty);
    assert_eq!(drift.new_categories.status, MetricStatus::Undefined);
    assert_sound(&drift);
    assert_eq!(between(&empty, &some).new_categories.value, Some(1.0));
}

#[test]
fn what_cannot_be_compared_is_an_error() {
    let infinite = numbers(&[1.0, f64::INFINITY], 0);
    let (some, letters) = (numbers(&[1.0, 2.0], 0), categories(&[("a", 2)], 0));
    let yes = ColumnSample::Boolean(BooleanSample { no: 1, yes: 1, missing: 0 });
    let huge = numbers(&[f64::MAX, f64::MAX], 0);
    let drifts = [
        between(&infinite, &some),
        between(&some, &infinite),
        between(&some, &letters),
        between(&letters, &yes),
        from_frozen(&letters, &some),
        from_frozen(&yes, &letters),
        from_frozen(&some, &yes),
        between(&numbers(&[-f64::MAX, f64::MAX, f64::MAX, f64::MAX], 0), &some),
    ];
    for drift in &drifts {
        assert_sound(drift);
        assert!(metrics(drift).iter().all(|metric| metric.status == MetricStatus::Error), "{drift:?}");
    }
    assert_eq!(baseline_of(2, [("x", &infinite)]).unwrap_err(), ["1 values are infinite"]);
    // What leaves the range of numbers on the way is an error of its own.
    let drift = between(&numbers(&[-f64::MAX], 0), &huge);
    assert_eq!((drift.wasserstein.status, drift.kolmogorov_smirnov.value), (MetricStatus::Error, Some(1.0)));
    assert_sound(&drift);
}

#[test]
fn zeros_have_no_sign_and_large_integers_are_counted() {
    let drift = between(&numbers(&[-0.0, 1.0], 0), &numbers(&[0.0, 1.0], 0));
    assert_eq!(drift.kolmogorov_smirnov.value, Some(0.0));
    let rounded = |values: [f64; 2]| ColumnSample::Numeric(NumericSample::new(values.to_vec(), 0).with_rounded(1));
    assert_eq!(from_frozen(&rounded([1.0, 2.0]), &rounded([1.0, 3.0])).rounded_values, 2);
}

#[test]
fn deviations_neither_overflow_nor_vanish() {
    let deviation = |values: &[f64]| {
        let baseline = NumericBaseline::freeze(&NumericSample::new(values.to_vec(), 0)).unwrap();
        baseline.standard_deviation.unwrap()
    };
    assert_eq!(deviation(&[1e-200, 3e-200]), 1e-200);
    assert_eq!(deviation(&[-1e200, 1e200]), 1e200);
    assert_eq!(deviation(&[1e15, 1e15 + 0.5]), 0.25);
    assert_eq!(deviation(&[7.0, 7.0]), 0.0);
    assert_eq!(deviation(&[f64::MAX, f64::MAX / 2.0]), f64::MAX / 4.0);
}

#[test]
fn new_categories_are_counted_and_pooled() {
    let reference = categories(&[("a", 50), ("b", 50)], 0);
    let current = categories(&[("a", 40), ("c", 5), ("d", 5)], 50);
    let drift = between(&reference, &current);
    assert_eq!((drift.new_categories.numerator, drift.new_categories.n), (Some(10), 100));
    let replaced: Vec<_> =
        drift.replaced_cells.iter().map(|cell| (cell.kind, cell.name.as_str(), cell.empty)).collect();
    assert_eq!(
        replaced,
        [
            (CellKind::Category, "b", Side::Current),
            (CellKind::New, "", Side::Reference),
            (CellKind::Missing, "", Side::Reference)
        ]
    );
    assert_eq!(drift.chi_squared_degrees_of_freedom, 3);
    assert_eq!(drift.kolmogorov_smirnov.status, MetricStatus::Undefined);
    assert_eq!(from_frozen(&reference, &current), drift);
    assert_sound(&drift);
}

#[test]
fn truth_values_are_two_categories() {
    let of = |no, yes, missing| ColumnSample::Boolean(BooleanSample { no, yes, missing });
    let drift = from_frozen(&of(10, 0, 0), &of(5, 5, 1));
    assert_eq!(drift.new_categories.numerator, Some(5));
    assert_eq!(drift, between(&of(10, 0, 0), &of(5, 5, 1)));
    let same = categories(&[("false", 5), ("true", 5)], 1);
    assert_eq!(drift, between(&categories(&[("false", 10)], 0), &same));
}

#[test]
fn categories_beyond_the_bound_are_one_cell() {
    let names: Vec<String> = (0..1003).map(|place| format!("{place:04}")).collect();
    let counts: Vec<(&str, u64)> =
        names.iter().map(|name| (name.as_str(), if name == "1002" { 7 } else { 2 })).collect();
    let reference = categories(&counts, 0);
    // The least frequent ones, of which the last by name: 1000 and 1001, and 0999 gives way to the frequent 1002.
    let BaselineValues::Categorical(values) = frozen(&reference).values else { panic!("categories") };
    assert_eq!((values.categories.len(), values.other_categories, values.other), (1000, 3, 6));
    assert!(values.categories.iter().all(|entry| !["0999", "1000", "1001"].contains(&entry.category.as_str())));
    // One of those is not new, but a baseline cannot know.
    let current = categories(&[("0000", 8), ("1001", 1), ("new", 1)], 0);
    let (whole, cut) = (between(&reference, &current), from_frozen(&reference, &current));
    assert_eq!(whole.new_categories.value, Some(0.1));
    assert_eq!((cut.new_categories.status, cut.new_categories.value), (MetricStatus::Error, None));
    assert_eq!(cut.population_stability_index, whole.population_stability_index);
    assert_eq!(cut.chi_squared_degrees_of_freedom, 1000);
    let listed = from_frozen(&reference, &categories(&[("0000", 8)], 0));
    assert_eq!(listed.new_categories.value, Some(0.0));
}

#[test]
fn the_published_distances() {
    // Between 1 … 10 and 2 … 11: one tenth moves past every edge.
    let of = |from: u32| numbers(&(from..from + 10).map(f64::from).collect::<Vec<_>>(), 0);
    let drift = between(&of(1), &of(2));
    assert_eq!(drift.kolmogorov_smirnov.value, Some(0.1));
    assert_eq!(drift.wasserstein.value, Some(1.0));
    assert_eq!(drift.normalised_wasserstein.value, Some(1.0 / 8.25_f64.sqrt()));
    assert_eq!(drift.total_variation.value, Some(0.1));
}

#[test]
fn numbers_come_back_from_a_file_as_they_were() {
    // A reader that is fast rather than exact gives the neighbour of each of these.
    let awkward = [
        -4.869_413_271_208_353e-308,
        55.393_536_131_272_924,
        19.844_004_278_856_286,
        2.547_114_309_010_909_8e-8,
        3.276_519_123_576_223_6e215,
    ];
    let column = frozen(&numbers(&awkward, 0));
    let BaselineValues::Numeric(values) = column.values else { panic!("numbers") };
    let mut expected = awkward;
    expected.sort_by(f64::total_cmp);
    let read: Vec<u64> = values.grid.iter().map(|point| point.value.to_bits()).collect();
    assert_eq!(read, expected.map(f64::to_bits));
}

#[test]
fn a_baseline_that_was_changed_is_refused() {
    let numeric = numbers(&(0..3000).map(|value| f64::from(value * value % 1777)).collect::<Vec<_>>(), 5);
    let letters = categories(&[("a", 3000), ("b", 4)], 1);
    let truth = ColumnSample::Boolean(BooleanSample { no: 5, yes: 3000, missing: 0 });
    let baseline = baseline_of(3005, [("z", &numeric), ("a", &letters), ("t", &truth)]).unwrap();
    let text = String::from_utf8(baseline.to_json().unwrap()).unwrap();
    assert!(text.starts_with("{\"version\":1,\"rows\":3005,\"columns\":[{\"name\":\"a\","), "{text:.80}");
    let whole: serde_json::Value = serde_json::from_str(&text).unwrap();
    // Every number but mean and deviation, moved by one.
    let mut paths = Vec::new();
    leaves(&whole, String::new(), &mut paths);
    assert!(paths.len() > 2000);
    for path in paths.iter().filter(|path| !path.ends_with("mean") && !path.ends_with("deviation")) {
        let mut changed = whole.clone();
        let number = changed.pointer_mut(path).unwrap();
        if path.ends_with("rounded") {
            *number = 4000.into();
        } else if let Some(count) = number.as_u64() {
            *number = (count + 1).into();
        } else {
            *number = (number.as_f64().unwrap() + 0.25).into();
        }
        let refused = Baseline::from_json(&serde_json::to_vec(&changed).unwrap()).is_err();
        // A point of the grid that is neither an edge nor an extreme may be another one between its neighbours.
        let inner = path.contains("/grid/") && !path.contains("/grid/0/");
        assert!(refused || inner, "{path}");
    }
    for (from, to) in
        [("\"version\"", "\"more\":0,\"version\""), ("\"through\"", "\"thru\""), ("\"mean\":", "\"mean\":null,\"x\":")]
    {
        assert!(Baseline::from_json(text.replacen(from, to, 1).as_bytes()).is_err(), "{to}");
    }
    assert!(Baseline::from_json(b"").is_err());
}

fn leaves(value: &serde_json::Value, path: String, found: &mut Vec<String>) {
    match value {
        serde_json::Value::Object(map) => {
            map.iter().for_each(|(key, value)| leaves(value, format!("{path}/{key}"), found))
        }
        serde_json::Value::Array(list) => {
            list.iter().enumerate().for_each(|(place, value)| leaves(value, format!("{path}/{place}"), found));
        }
        serde_json::Value::Number(_) => found.push(path),
        _ => {}
    }
}

#[test]
fn contradictions_of_categories_are_found() {
    let read = |text: &str| Baseline::from_json(text.as_bytes()).map_err(|problems| problems.join("; "));
    let of = |values: &str| {
        format!(
            r#"{{"version":1,"rows":3,"columns":[{{"name":"x","missing":0,"values":{{"categorical":{values}}}}}]}}"#
        )
    };
    let good =
        r#"{"categories":[{"category":"a","count":1},{"category":"b","count":2}],"other_categories":0,"other":0}"#;
    assert!(read(&of(good)).is_ok());
    for (from, to) in [
        (r#""b""#, r#""a""#),
        (r#""count":2"#, r#""count":0"#),
        (r#""count":2"#, r#""count":18446744073709551615"#),
        (r#""other":0"#, r#""other":1"#),
        (r#""count":1},"#, r#""count":2},"#),
        (r#""count":2}],"other_categories":0,"other":0"#, r#""count":1}],"other_categories":1,"other":1"#),
    ] {
        assert!(read(&of(&good.replacen(from, to, 1))).is_err(), "{to}");
    }
    let two = |left: &str, right: &str| {
        let column =
            |name: &str| format!(r#"{{"name":"{name}","missing":3,"values":{{"boolean":{{"false":0,"true":0}}}}}}"#);
        format!(r#"{{"version":1,"rows":3,"columns":[{},{}]}}"#, column(left), column(right))
    };
    assert!(read(&two("a", "b")).is_ok());
    assert!(read(&two("b", "a")).is_err());
    assert!(read(&two("a", "a")).is_err());
    assert!(read(&two("a", "b").replace("\"version\":1", "\"version\":2")).is_err());
    assert!(read(r#"{"version":1,"rows":0,"columns":[]}"#).is_err());
    assert!(read(r#"{"version":1,"rows":9007199254740993,"columns":[]}"#).is_err());
}

#[test]
fn the_schema_names_every_kind() {
    let schema = schemars::schema_for!(Baseline);
    let text = serde_json::to_string(&schema).unwrap();
    for kind in ["\"numeric\"", "\"categorical\"", "\"boolean\"", "\"additionalProperties\":false"] {
        assert!(text.contains(kind), "{text}");
    }
}

#[test]
fn segments_against_the_declared_population() {
    let mut rows = CategorySample::default();
    rows.add_rows(Some("north"), 60);
    rows.add_rows(Some("south"), 40);
    let targets = |shares: &[(&str, f64)]| shares.iter().map(|(name, share)| ((*name).to_owned(), *share)).collect();
    let result = representativeness("x", &rows, &targets(&[("north", 0.5), ("south", 0.5)]));
    let expected = 0.1 * libm::log(1.2) - 0.1 * libm::log(0.8);
    assert!((result.population_stability_index.value.unwrap() - expected).abs() < 1e-16);
    assert!((result.population_stability_bound.value.unwrap() - 0.038_414_6).abs() < 1e-7);
    assert_eq!(result.covered_segments.value, Some(1.0));
    let ends = result.population_stability_index.interval.unwrap();
    assert!(ends.low == 0.0 && ends.high > expected);

    rows.add_rows(Some("east"), 5);
    rows.add_rows(None, 1);
    let result =
        representativeness("x", &rows, &targets(&[("north", 0.5), ("south", 0.25), ("west", 0.25), ("none", 0.0)]));
    let replaced: Vec<_> =
        result.replaced_cells.iter().map(|cell| (cell.kind, cell.name.as_str(), cell.empty)).collect();
    assert_eq!(
        replaced,
        [
            (CellKind::Category, "west", Side::Current),
            (CellKind::New, "", Side::Reference),
            (CellKind::Missing, "", Side::Reference)
        ]
    );
    assert_eq!((result.covered_segments.numerator, result.covered_segments.n), (Some(2), 3));
    assert_eq!(result.undeclared_segments.numerator, Some(6));
    assert_eq!(result.segments.len(), 4);

    for (shares, reason) in [
        (vec![], "no segments are declared"),
        (vec![("a", 0.5)], "the declared shares add up to 0.5 instead of 1"),
        (vec![("a", f64::NAN)], "the share of the segment \"a\", NaN, is not between 0 and 1"),
        (vec![("a", 2.0), ("b", -1.0)], "the share of the segment \"a\", 2.0, is not between 0 and 1"),
    ] {
        let metric = representativeness("x", &rows, &targets(&shares)).population_stability_index;
        assert_eq!((metric.status, metric.reason.as_deref()), (MetricStatus::Error, Some(reason)));
    }
    let nothing = representativeness("x", &CategorySample::default(), &targets(&[("a", 1.0)]));
    assert_eq!(nothing.population_stability_index.status, MetricStatus::Undefined);
    assert_eq!(nothing.covered_segments.value, Some(0.0));
}

/// Few distinct values, so that there are ties, or many.
fn values(most: usize) -> impl Strategy<Value = Vec<f64>> {
    prop_oneof![
        prop::collection::vec((-4_i32..4).prop_map(f64::from), 0..most),
        prop::collection::vec(-1e3_f64..1e3, 0..most),
        prop::collection::vec(
            any::<f64>().prop_filter("neither infinite nor NaN", |value| value.abs() < 1e300),
            0..most
        ),
    ]
}

proptest! {
    #[test]
    fn any_order_gives_the_same_bits(mut reference in values(60), mut current in values(60), missing in 0_u64..4) {
        let forward = between(&numbers(&reference, missing), &numbers(&current, 1));
        reference.reverse();
        current.reverse();
        prop_assert_eq!(&forward, &between(&numbers(&reference, missing), &numbers(&current, 1)));
        assert_sound(&forward);
    }

    #[test]
    fn a_baseline_of_few_values_loses_nothing(reference in values(60), current in values(60), missing in 1_u64..4) {
        let (reference, current) = (numbers(&reference, missing), numbers(&current, missing));
        prop_assert_eq!(from_frozen(&reference, &current), between(&reference, &current));
    }

    #[test]
    fn sides_may_be_exchanged(left in values(40), right in values(40)) {
        let (there, back) = (between(&numbers(&left, 0), &numbers(&right, 0)), between(&numbers(&right, 0), &numbers(&left, 0)));
        prop_assert_eq!(there.kolmogorov_smirnov.value, back.kolmogorov_smirnov.value);
        prop_assert_eq!(there.kolmogorov_smirnov_p_value.value, back.kolmogorov_smirnov_p_value.value);
        prop_assert_eq!(there.wasserstein.value, back.wasserstein.value);
    }

    #[test]
    fn every_row_twice_is_the_same_distance(reference in values(40), current in values(40)) {
        let twice = |values: &[f64]| numbers(&[values, values].concat(), 2);
        let (once, doubled) = (between(&numbers(&reference, 1), &numbers(&current, 1)), between(&twice(&reference), &twice(&current)));
        for (left, right) in metrics(&once).iter().zip(metrics(&doubled)) {
            let of_distance = ["stability_index", "jensen", "variation", "kolmogorov_smirnov/", "wasserstein_1/", "outside", "missing"];
            if of_distance.iter().any(|key| left.definition.contains(key)) {
                prop_assert_eq!(left.value, right.value, "{}", left.definition);
            }
        }
    }

    #[test]
    fn reading_never_panics(text in "\\PC{0,60}", place in 0_usize..3000, byte in any::<u8>()) {
        prop_assert!(Baseline::from_json(text.as_bytes()).is_err());
        let sample = numbers(&[1.0, 2.0, 4.0], 1);
        let mut bytes = baseline_of(4, [("x", &sample)]).unwrap().to_json().unwrap();
        let place = place % bytes.len();
        bytes[place] = byte;
        if let Ok(read) = Baseline::from_json(&bytes) {
            for column in &read.columns {
                assert_sound(&column_drift("x", ColumnReference::Frozen(column), &sample));
            }
        }
    }
}

proptest! {
    // Samples of thousands of rows: fewer of them.
    #![proptest_config(ProptestConfig::with_cases(32))]

    #[test]
    fn a_grid_is_within_its_bound(seed in any::<u32>(), shift in -0.2_f64..0.2, power in 1_i32..5) {
        // A congruential sequence of 2500 values, to a power that makes one tail long.
        let mut state = u64::from(seed);
        let mut next = || {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            (state >> 11) as f64 / (1_u64 << 53) as f64
        };
        let reference: Vec<f64> = (0..2500).map(|_| next().powi(power)).collect();
        let current: Vec<f64> = (0..700).map(|_| next().powi(power) + shift).collect();
        let (reference, current) = (numbers(&reference, 0), numbers(&current, 0));
        let (exact, grid) = (between(&reference, &current), from_frozen(&reference, &current));
        prop_assert_eq!(&exact.population_stability_index, &grid.population_stability_index);
        prop_assert_eq!(exact.kolmogorov_smirnov_error, Some(0.0));
        let (value, error) = (grid.kolmogorov_smirnov.value.unwrap(), grid.kolmogorov_smirnov_error.unwrap());
        let distance = exact.kolmogorov_smirnov.value.unwrap();
        prop_assert!(value <= distance && distance <= value + error + 1e-15 && error < 1e-3, "{value} {error} {distance}");
        let (area, error) = (grid.wasserstein.value.unwrap(), grid.wasserstein_error.unwrap());
        let expected = exact.wasserstein.value.unwrap();
        prop_assert!((area - expected).abs() <= error + 1e-15 && error > 0.0 && error < 5e-4, "{area} {error} {expected}");
    }
}
