//! The rows of an evaluation beside those of a reference: leakage, drift, and baselines.

use serde_json::{Value, json};

use crate::common::{Sandbox, floats, integers, parquet, strings};

const HEADER: &str = "id,person,day,income,job,paid,y,s\n";
const TRAIN: &str = "1,a,2025-01-01,10.5,clerk,true,0,0.1\n2,b,2025-01-02,20,driver,false,1,0.8\n\
                     3,c,2025-01-03,30,clerk,true,0,0.2\n4,d,2025-01-04,,nurse,false,1,0.7\n\
                     5,e,2025-01-05,40,nurse,true,0,0.3\n6,f,2025-01-06,50,driver,false,1,0.9\n";
const EVALUATION: &str = "5,e,2025-01-05,40,nurse,true,0,0.3\n7,g,2025-01-08,15,pilot,true,0,0.2\n\
                          8,h,2025-01-09,25,clerk,false,1,0.9\n9,a,2025-01-10,35,driver,false,1,0.6\n\
                          10,i,2025-01-11,35,driver,false,0,0.4\n11,j,2025-01-12,,nurse,false,1,0.7\n";

const EVALUATE: &str = "evaluate rows.csv --label y --score s --id id --output json";

fn sandbox() -> Sandbox {
    let sandbox = Sandbox::new();
    sandbox.write("train.csv", format!("{HEADER}{TRAIN}"));
    sandbox.write("rows.csv", format!("{HEADER}{EVALUATION}"));
    sandbox
}

#[track_caller]
fn share(metric: &Value, numerator: u64, rows: u64) {
    assert_eq!(metric["status"], "ok", "{metric}");
    assert_eq!((&metric["numerator"], &metric["n"]), (&json!(numerator), &json!(rows)), "{metric}");
}

#[track_caller]
fn without(metric: &Value, status: &str, reason: &str) {
    assert_eq!(
        (&metric["status"], &metric["value"], &metric["reason"]),
        (&json!(status), &Value::Null, &json!(reason))
    );
}

fn single<'a>(facts: &'a Value, column: &str) -> Vec<&'a Value> {
    let columns = facts.pointer("/leakage/single_columns").unwrap().as_array().unwrap();
    columns.iter().filter(|entry| entry["column"] == column).map(|entry| &entry["metric"]).collect()
}

#[test]
fn leakage_is_counted_row_by_row() {
    let ran = sandbox().run(&format!("{EVALUATE} --reference train.csv --entity person --time day --embargo-days 2"));
    let facts = ran.expect(0).json();
    let leakage = &facts["leakage"];
    assert_eq!((&leakage["reference"], &leakage["rows"]), (&json!("train.csv"), &json!(6)));
    assert_eq!(leakage["columns"], json!(["income", "job", "paid"]));
    assert_eq!(leakage["identical_files"], false);
    share(&leakage["id_overlap"], 1, 6);
    share(&leakage["row_overlap"], 2, 6);
    share(&leakage["entity_overlap"], 2, 6);
    // The reference ends on the 6th: with two days more the row of the 8th is too early, too.
    share(&leakage["before_reference"], 2, 6);
    share(&leakage["duplicate_rows"], 1, 6);
    share(&leakage["conflicting_labels"], 2, 6);
}

#[test]
fn a_column_alone_is_judged_by_its_values_and_by_whether_it_has_one() {
    let facts = sandbox().run(&format!("{EVALUATE} --reference train.csv")).expect(0).json();
    // Incomes of the negatives 40, 15, 35, and of the positives 25 and 35: one pair of six is won, and one is even.
    let [by_value, by_missing] = single(&facts, "income").try_into().unwrap();
    assert_eq!((&by_value["value"], &by_value["n"]), (&json!(2.5 / 6.0), &json!(5)));
    assert_eq!((&by_missing["value"], &by_missing["n"]), (&json!(2.0 / 3.0), &json!(6)));
    // In the reference every payer is negative, and nobody else is.
    let [paid] = single(&facts, "paid").try_into().unwrap();
    assert_eq!(paid["value"], json!(2.5 / 3.0));
    // Other tasks have no classes.
    let regression = "evaluate rows.csv --task regression --label y --prediction s --output json --reference train.csv";
    let facts = sandbox().run(regression).expect(0).json();
    assert_eq!(facts["leakage"]["single_columns"], json!([]));
    without(&facts["leakage"]["conflicting_labels"], "undefined", "labels are not classes");
}

#[test]
fn drift_is_measured_column_by_column() {
    let facts = sandbox().run(&format!("{EVALUATE} --reference train.csv --time day --entity person")).expect(0).json();
    let drift = &facts["drift"];
    let columns: Vec<_> = drift["columns"].as_array().unwrap().iter().map(|column| &column["column"]).collect();
    assert_eq!(columns, ["income", "job", "paid"]);
    share(&drift["columns"][1]["new_categories"], 1, 6);
    assert_eq!(drift["columns"][0]["missing_share_difference"]["value"], 0.0);
    assert_eq!(drift["columns"][2]["total_variation"]["value"], json!(1.0 / 6.0));
    assert_eq!(drift["label"]["population_stability_index"]["value"], 0.0);
    assert_eq!(drift["score"]["kolmogorov_smirnov"]["value"], json!(1.0 / 6.0));
}

#[test]
fn formats_threads_and_memory_change_nothing() {
    let sandbox = sandbox();
    let number = |text: &str| text.parse::<f64>().ok();
    for (name, rows) in [("train", TRAIN), ("rows", EVALUATION)] {
        let column = |index: usize| rows.lines().map(move |line| line.split(',').nth(index).unwrap());
        let whole = |index: usize| integers(column(index).map(|text| text.parse().ok()).collect());
        let text = |index: usize| strings(column(index).map(Some).collect());
        let numbers = |index: usize| floats(column(index).map(number).collect());
        sandbox.write(
            &format!("{name}.parquet"),
            parquet(vec![
                ("id", whole(0)),
                ("person", text(1)),
                ("day", text(2)),
                ("income", numbers(3)),
                ("job", text(4)),
                ("paid", text(5)),
                ("y", whole(6)),
                ("s", numbers(7)),
            ]),
        );
    }
    let of = |rows: &str, train: &str, more: &str| {
        let command = format!(
            "evaluate {rows} --label y --score s --id id --output json --reference {train} --entity person --time day {more}"
        );
        let mut facts = sandbox.run(&command).expect(0).json();
        for part in ["leakage", "drift"] {
            facts[part]["data"] = Value::Null;
            facts[part]["reference"] = Value::Null;
        }
        (facts["leakage"].clone(), facts["drift"].clone())
    };
    let expected = of("rows.parquet", "train.parquet", "");
    assert_eq!(of("rows.parquet", "train.csv", "").0, expected.0);
    for resources in ["--threads 1", "--threads 7", "--threads 2 --memory 1MiB"] {
        assert_eq!(of("rows.parquet", "train.parquet", resources), expected, "{resources}");
    }
}

#[test]
fn the_same_file_is_noticed() {
    let facts = sandbox().run(&format!("{EVALUATE} --reference rows.csv")).expect(0).json();
    assert_eq!(facts["leakage"]["identical_files"], true);
    share(&facts["leakage"]["row_overlap"], 6, 6);
    share(&facts["leakage"]["id_overlap"], 6, 6);
}

#[test]
fn what_cannot_be_compared_has_no_value() {
    let sandbox = sandbox();
    sandbox.write("few.csv", "y,s,job\n0,0.5,clerk\n1,0.5,nurse\n");
    let facts = sandbox.run(&format!("{EVALUATE} --reference few.csv")).expect(0).json();
    let leakage = &facts["leakage"];
    without(&leakage["id_overlap"], "undefined", "the reference has no column `id`");
    without(&leakage["entity_overlap"], "undefined", "no entity is declared");
    without(&leakage["before_reference"], "undefined", "no time is declared");
    assert_eq!(facts["drift"]["only_in_evaluation"], json!(["day", "income", "paid", "person"]));
    // Nothing to go by at all.
    sandbox.write("labels.csv", "y,other\n0,1\n1,2\n");
    let facts = sandbox.run(&format!("{EVALUATE} --reference labels.csv")).expect(0).json();
    without(&facts["leakage"]["row_overlap"], "undefined", "no column that is compared is on both sides");
    assert_eq!(facts["drift"]["only_in_reference"], json!(["other"]));
    assert_eq!((&facts["drift"]["score"], &facts["drift"]["columns"]), (&Value::Null, &json!([])));
    // A row without an id, a person or a day was not compared.
    sandbox.write("holes.csv", format!("{HEADER}{TRAIN},,,10,clerk,true,0,0.1\n"));
    let facts = sandbox.run(&format!("{EVALUATE} --reference holes.csv --entity person --time day")).expect(0).json();
    without(&facts["leakage"]["id_overlap"], "error", "1 rows of both sides have no id");
    without(&facts["leakage"]["entity_overlap"], "error", "1 rows of both sides have no entity");
    without(&facts["leakage"]["before_reference"], "error", "1 rows of both sides have no time");
}

#[test]
fn what_is_wrong_with_a_reference_is_said() {
    let sandbox = sandbox();
    sandbox.write("empty.csv", HEADER);
    sandbox
        .write("other.parquet", parquet(vec![("income", strings(vec![Some("ten")])), ("y", integers(vec![Some(1)]))]));
    sandbox.write("broken.parquet", "PAR1 not at all");
    sandbox.write("words.csv", format!("{HEADER}1,a,2025-01-01,ten,clerk,true,0,0.1\n"));
    sandbox.write(
        "rows.parquet",
        parquet(vec![
            ("income", floats(vec![Some(10.0)])),
            ("y", integers(vec![Some(1)])),
            ("s", floats(vec![Some(0.5)])),
        ]),
    );
    for (reference, status, expected) in [
        ("--reference absent.csv", 3, "missing-file"),
        ("--reference empty.csv", 3, "no-rows"),
        ("--reference broken.parquet", 3, "unreadable-rows"),
        ("--reference train.csv --features income,incme", 3, "did you mean `income`?"),
        ("--reference train.csv --entity persn", 3, "did you mean `person`?"),
        ("--reference train.csv --time income", 3, "the time column `income` of `rows.csv` has"),
        ("--reference train.csv --entity person --embargo-days 3", 2, "--time"),
        ("--reference train.csv --baseline b.json", 2, "cannot be used with"),
        ("--baseline b.json", 3, "missing-file"),
        ("--baseline train.csv", 3, "invalid-baseline"),
    ] {
        let ran = sandbox.run(&format!("{EVALUATE} {reference}")).expect(status);
        assert!(ran.stderr.contains(expected), "{reference}: {}", ran.stderr);
    }
    for (reference, expected) in [
        ("other.parquet", "the column `income`, a feature, is Float64 in `rows.parquet` and Utf8 in `other.parquet`"),
        ("words.csv", "column `income`: `ten` is no number"),
    ] {
        let ran = sandbox.run(&format!("evaluate rows.parquet --label y --score s --reference {reference}")).expect(3);
        assert!(ran.stderr.contains(expected), "{reference}: {}", ran.stderr);
    }
}

#[test]
fn a_baseline_stands_for_its_rows() {
    let sandbox = sandbox();
    let ran = sandbox.run("baseline train.csv --out frozen/baseline.json").expect(4);
    assert!(ran.stderr.contains("unwritable-file"), "{}", ran.stderr);
    let ran = sandbox.run("baseline train.csv").expect(0);
    assert!(ran.stderr.contains("baseline.json: 8 columns of the 6 rows of train.csv"), "{}", ran.stderr);
    sandbox.run("baseline train.csv").expect(2);
    let first = sandbox.read("baseline.json");
    sandbox.run("baseline train.csv --force --threads 1 --memory 1MiB").expect(0);
    assert_eq!(sandbox.read("baseline.json"), first);
    let features = "--features income,job,paid";
    let frozen = sandbox.run(&format!("{EVALUATE} --baseline baseline.json {features}")).expect(0).json();
    let rows = sandbox.run(&format!("{EVALUATE} --reference train.csv {features}")).expect(0).json();
    assert_eq!(frozen["leakage"], Value::Null);
    for part in ["columns", "score", "label", "rows"] {
        assert_eq!(frozen["drift"][part], rows["drift"][part], "{part}");
    }
    let ran = sandbox.run(&format!("{EVALUATE} --baseline baseline.json --features age")).expect(3);
    assert!(ran.stderr.contains("the baseline `baseline.json` has no column `age`"), "{}", ran.stderr);
    // A change of one number is noticed.
    let text = first;
    sandbox.write("baseline.json", text.replacen("\"count\":2", "\"count\":3", 1));
    let ran = sandbox.run(&format!("{EVALUATE} --baseline baseline.json")).expect(3);
    assert!(ran.stderr.contains("invalid-baseline"), "{}", ran.stderr);
}
