//! The parts of a distributed evaluation, put together in one process, beside the walk of one machine.

use std::collections::BTreeMap;
use std::num::NonZeroUsize;
use std::path::{Path, PathBuf};

use arrow::array::{ArrayRef, AsArray as _, Float64Array};
use arrow::datatypes::{UInt32Type, UInt64Type};
use proptest::prelude::*;

use super::*;
use crate::facts::evaluation::Resources;
use crate::facts::evaluation::ranked;
use crate::facts::evaluation::table::{BinaryTable, Label};

const RESOURCES: Resources = Resources { threads: NonZeroUsize::MIN, memory_bytes: 1 << 20 };

fn limits(root: &Path) -> Limits {
    Limits { roots: vec![root.canonicalize().unwrap()], resources: RESOURCES }
}

fn order(step: Step, files: &[PathBuf]) -> Order {
    let declared = serde_json::json!({
        "name": "test", "data": "data",
        "columns": {"label": "y", "score": "p", "id": "id"},
        "classes": {"positive": 1, "negative": 0}, "threshold": 0.5,
        "slices": [{"column": "g"}],
    });
    let file = |path: &PathBuf| RowsFile::new(path.clone(), &path.display().to_string(), usize::MAX);
    Order { step, declared: declared.to_string(), files: files.iter().map(file).collect(), shown_as: "data".to_owned() }
}

fn given(order: &Order, index: usize, limits: &Limits) -> Result<Vec<Vec<ArrayRef>>, String> {
    let mut given = Vec::new();
    step::run(order, index, limits, &mut |columns| {
        given.push(columns);
        true
    })?;
    Ok(given)
}

fn counted_of(order: &Order, index: usize, limits: &Limits) -> Answer {
    let given = given(order, index, limits).unwrap();
    decode(given[0][1].as_binary::<i64>().value(0)).unwrap()
}

type Row = (Option<u8>, bool, u8);

/// Scores as the rows' text has them: some with ties, some far apart.
fn score(kind: Option<u8>, number: usize) -> f64 {
    match kind {
        Some(tie) if tie < 8 => f64::from(tie) / 8.0,
        Some(wide) => f64::from(wide) / 256.0 + number as f64 * 1e-9,
        None => f64::NAN,
    }
}

fn write(directory: &Path, files: &[Vec<Row>]) -> Vec<PathBuf> {
    let mut paths = Vec::new();
    for (number, rows) in files.iter().enumerate() {
        let mut text = "id,y,p,g\n".to_owned();
        for (row, (kind, positive, group)) in rows.iter().enumerate() {
            let score = score(*kind, row);
            text.push_str(&format!("{},{},{score},g{group}\n", row % 5, u8::from(*positive)));
        }
        let path = directory.join(format!("{number}.csv"));
        std::fs::write(&path, text).unwrap();
        paths.push(path);
    }
    paths
}

/// All files in one table, as one machine reads them.
fn ranked_here(files: &[Vec<Row>], cells: &Cells, question: &Question) -> Ranked {
    let mut table = BinaryTable::new(1, 1 << 30);
    for rows in files {
        let labels: Vec<_> = rows.iter().map(|row| if row.1 { Label::Positive } else { Label::Negative }).collect();
        let scores: Float64Array = rows.iter().enumerate().map(|(number, row)| Some(score(row.0, number))).collect();
        let values = table.cells.values_mut(0).unwrap();
        let groups = rows.iter().map(|row| values.number(Some(&format!("g{}", row.2))).unwrap()).collect();
        table.add(&labels, &scores, &[groups]).unwrap();
    }
    let mut common = cells.clone();
    let numbers = table.cells.all_texts().iter().map(|texts| common.number(texts).unwrap()).collect();
    ranked::rank(vec![table], &[numbers], cells.len(), question).unwrap()
}

fn question(cells: &Cells) -> Question {
    Question {
        threshold: 0.5,
        // All rows, and each cell by itself.
        slices_of_cells: (0..cells.len() as u32).flat_map(|cell| [0, cell + 1]).collect(),
        slices_of_a_cell: 2,
        slices: cells.len() + 1,
        threads: NonZeroUsize::MIN,
        memory_bytes: 1 << 30,
    }
}

/// What the executors of a cluster would do, in runs of `run_rows` rows.
fn ranked_there(paths: &[PathBuf], limits: &Limits, run_rows: u64) -> (Ranked, Cells, u64) {
    let counted: Vec<Counted> =
        (0..paths.len()).map(|index| counted_of(&order(Step::Count, paths), index, limits).unwrap()).collect();
    let (common, totals) = common(&counted, 1).unwrap();
    let mut fine = FineCounts::default();
    counted.iter().for_each(|counted| counted.add_to(&mut fine));
    let edges = Edges::of(&fine);
    let question = question(&common.cells);
    let runs = starts(&edges, &edges.runs(run_rows));
    let digests = counted.iter().map(|counted| counted.sha256).collect();
    let rows_order = order(Step::Rows(RowsOrder { runs, cells: common.cells.all_texts(), digests }), paths);
    let walk: WalkOrder = decode(&encode(&WalkOrder::new(question.clone(), totals.clone(), &edges)).unwrap()).unwrap();
    let mut of_runs: BTreeMap<u32, plan::Collected> = BTreeMap::new();
    for index in 0..paths.len() {
        for columns in given(&rows_order, index, limits).unwrap() {
            let runs = columns[0].as_primitive::<UInt32Type>().values();
            let keys = columns[1].as_primitive::<UInt64Type>().values();
            let tags = columns[2].as_primitive::<UInt32Type>().values();
            for ((run, key), tag) in runs.iter().zip(keys).zip(tags) {
                of_runs.entry(*run).or_default().push(*key, u64::from(*tag));
            }
        }
    }
    let mut ranked = Ranked::nothing(&totals, question.slices, &edges);
    for rows in of_runs.values() {
        let walked: Walked = decode(&rows.walked(&walk).unwrap()).unwrap();
        walked.append_to(&mut ranked);
    }
    let missing = counted.iter().filter_map(|counted| counted.ids_missing).sum();
    (ranked, common.cells, missing)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn any_files_and_runs_give_the_bits_of_one_machine(
        files in prop::collection::vec(
            prop::collection::vec((prop::option::weighted(0.95, any::<u8>()), any::<bool>(), 0_u8..3), 1..60),
            1..5,
        ),
        run_rows in 1_u64..80,
    ) {
        let directory = tempfile::tempdir().unwrap();
        let paths = write(directory.path(), &files);
        let (there, cells, _) = ranked_there(&paths, &limits(directory.path()), run_rows);
        let here = ranked_here(&files, &cells, &question(&cells));
        prop_assert_eq!(here.sums, there.sums);
        prop_assert_eq!(here.ranks, there.ranks);
        prop_assert_eq!(format!("{:?}", here.curve), format!("{:?}", there.curve));
    }
}

#[test]
fn a_file_that_changed_since_it_was_counted_gives_no_rows() {
    let directory = tempfile::tempdir().unwrap();
    let paths = write(directory.path(), &[vec![(Some(1), true, 0), (Some(200), false, 1)]]);
    let limits = limits(directory.path());
    let counted = counted_of(&order(Step::Count, &paths), 0, &limits).unwrap();
    let rows = RowsOrder { runs: vec![0], cells: counted.cells.clone(), digests: vec![counted.sha256] };
    assert_eq!(given(&order(Step::Rows(rows.clone()), &paths), 0, &limits).unwrap().len(), 1);
    write(directory.path(), &[vec![(Some(1), true, 0), (Some(201), false, 1)]]);
    let error = given(&order(Step::Rows(rows), &paths), 0, &limits).unwrap_err();
    assert!(error.contains("changed while it was read"), "{error}");
}

#[test]
fn what_was_written_by_another_version_is_refused() {
    let mut bytes = encode(&7_u64).unwrap();
    assert_eq!(decode::<u64>(&bytes), Ok(7));
    bytes[0] += 1;
    assert!(decode::<u64>(&bytes).unwrap_err().contains("another version of modelgate"));
    assert!(decode::<u64>(&[]).is_err());
}

#[test]
fn runs_are_few_where_there_are_many_cells() {
    let mut fine = FineCounts::default();
    fine.counts.iter_mut().step_by(16).for_each(|count| *count = 1000);
    fine.keys = (0, 1.0_f64.to_bits());
    let edges = Edges::of(&fine);
    assert!((32..36).contains(&runs(&edges, 1).len()));
    assert!(runs(&edges, 10_000_000).len() <= 4);
    let runs = runs(&edges, 1);
    assert_eq!(runs[0], 0);
    assert!(runs.windows(2).all(|pair| pair[0] < pair[1]));
}
