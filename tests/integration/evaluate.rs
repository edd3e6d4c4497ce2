//! `modelgate evaluate`: metrics of a file without a manifest, whatever the file's format, and what is wrong with it.

use std::sync::Arc;

use arrow::array::{ArrayRef, RecordBatch};
use serde_json::Value;

use crate::common::{Sandbox, floats, integers, parquet, strings};

const CSV: &str = "id,y,s,sex,w\n1,0,0.1,f,1\n2,1,0.8,f,2\n3,1,0.4,m,1\n4,0,0.4,,0.5\n5,1,0.9,m,1\n6,0,0.2,f,1\n";

fn columns() -> Vec<(&'static str, ArrayRef)> {
    let sexes = vec![Some("f"), Some("f"), Some("m"), None, Some("m"), Some("f")];
    vec![
        ("id", integers((1..=6).map(Some).collect())),
        ("y", integers([0, 1, 1, 0, 1, 0].map(Some).to_vec())),
        ("s", floats([0.1, 0.8, 0.4, 0.4, 0.9, 0.2].map(Some).to_vec())),
        ("sex", strings(sexes)),
        ("w", floats([1.0, 2.0, 1.0, 0.5, 1.0, 1.0].map(Some).to_vec())),
    ]
}

fn arrow_file() -> Vec<u8> {
    let batch =
        RecordBatch::try_from_iter(columns().into_iter().map(|(name, array)| (name, Arc::clone(&array)))).unwrap();
    let mut writer = arrow::ipc::writer::FileWriter::try_new(Vec::new(), &batch.schema()).unwrap();
    writer.write(&batch.slice(0, 4)).unwrap();
    writer.write(&batch.slice(4, 2)).unwrap();
    writer.finish().unwrap();
    writer.into_inner().unwrap()
}

fn sandbox() -> Sandbox {
    let sandbox = Sandbox::new();
    sandbox.write("rows.csv", CSV);
    sandbox.write("rows.parquet", parquet(columns()));
    sandbox.write("rows.arrow", arrow_file());
    let line = |line: &str| {
        let cells: Vec<_> = line.split(',').collect();
        let [id, y, score, sex, weight] = cells.try_into().unwrap();
        let sex = if sex.is_empty() { "null".to_owned() } else { format!("\"{sex}\"") };
        format!("{{\"id\":{id},\"y\":{y},\"s\":{score},\"sex\":{sex},\"w\":{weight}}}\n")
    };
    sandbox.write("rows.jsonl", CSV.lines().skip(1).map(line).collect::<String>());
    sandbox
}

fn measured(facts: &Value) -> Value {
    let mut facts = facts.clone();
    facts.as_object_mut().unwrap().remove("data");
    facts
}

#[test]
fn every_format_and_any_resources_give_the_same() {
    let sandbox = sandbox();
    for options in ["", "--weight w --cluster sex", "--id id --threshold 0.4"] {
        let of = |file: &str, more: &str| {
            let command = format!("evaluate {file} --label y --score s --slices sex --output json {options} {more}");
            measured(&sandbox.run(&command).expect(0).json())
        };
        let expected = of("rows.parquet", "");
        for file in ["rows.csv", "rows.arrow", "rows.jsonl"] {
            assert_eq!(of(file, ""), expected, "{file} {options}");
        }
        for resources in ["--threads 1", "--threads 7", "--threads 2 --memory 1MiB"] {
            assert_eq!(of("rows.parquet", resources), expected, "{resources} {options}");
        }
    }
}

#[test]
fn a_person_sees_tables() {
    let ran = sandbox().run("evaluate rows.csv --label y --score s --protected sex --favourable positive").expect(0);
    for part in ["roc_auc", "6 rows, all valid", "sex = (missing)", "sex = f", "impact ratio by sex"] {
        assert!(ran.stdout.replace('_', " ").contains(&part.replace('_', " ")), "{part} in:\n{}", ran.stdout);
    }
}

#[test]
fn a_page_has_plots_and_nothing_from_elsewhere() {
    let command = "evaluate rows.csv --label y --score s --protected sex --output html";
    let page = sandbox().run(command).expect(0).stdout;
    assert!(page.starts_with("<!doctype html>") && page.trim_end().ends_with("</html>"));
    for part in ["ROC curve", "Calibration", ">sex: f<", ">roc_auc, higher is better<"] {
        assert!(page.contains(part), "{part}");
    }
    for part in ["<script", "http:", "https:", "url("] {
        assert!(!page.contains(part), "{part}");
    }
}

#[test]
fn other_tasks_have_their_own_metrics() {
    let sandbox = Sandbox::new();
    sandbox.write("numbers.csv", "y,p,series,h\n1,1.5,a,1\n2,2.5,a,2\n3,2,b,1\n4,5,b,2\n");
    let facts =
        sandbox.run("evaluate numbers.csv --task regression --label y --prediction p --output json").expect(0).json();
    assert_eq!(facts["metrics"]["mean_absolute_error"]["value"], 0.75);
    assert_eq!(facts["threshold"], Value::Null);
    sandbox.write(
        "jumps.jsonl",
        "{\"y\":1,\"p\":1.5,\"series\":\"a\",\"h\":1}\n{\"y\":2,\"p\":3.0,\"series\":\"a\",\"h\":2}\n",
    );
    let command =
        "evaluate jumps.jsonl --task forecasting --label y --prediction p --series series --horizon h --output json";
    let facts = sandbox.run(command).expect(0).json();
    assert_eq!(facts["horizons"][1]["metrics"]["mean_absolute_error"]["value"], 1.0);
    sandbox.write("orders.csv", "q,rel,s\n1,0,0.9\n1,1,0.5\n2,1,0.7\n2,0,0.1\n");
    let command = "evaluate orders.csv --task ranking --label rel --score s --query q --k 2 --output json";
    assert_eq!(sandbox.run(command).expect(0).json()["metrics"]["mean_reciprocal_rank"]["value"], 0.75);
}

#[test]
fn usage_that_makes_no_sense_is_told_before_anything_is_read() {
    let sandbox = sandbox();
    for (arguments, said) in [
        ("--label y", "needs --score"),
        ("--label y --score s --query q", "makes nothing of --query"),
        ("--label y --score s --threshold 1.5", "the threshold 1.5 is no score"),
        ("--label y --score s --slices sex --intersect sex+age", "`age` is not among the slices"),
        ("--label y --score s --memory 3XB", "`XB` is no unit"),
        ("--task regression --label y --prediction s --quantiles 2=s", "the level 2 is not between 0 and 1"),
    ] {
        sandbox.run(&format!("evaluate rows.csv {arguments}")).expect(2).says(&[said]);
    }
}

#[test]
fn files_that_are_not_what_they_say() {
    let sandbox = sandbox();
    let whole = |file: &str| std::fs::read(sandbox.path(file)).unwrap();
    let refused = |file: &str, bytes: &[u8], parts: &[&str]| {
        sandbox.write(file, bytes);
        let ran = sandbox.run(&format!("evaluate {file} --label y --score s --slices sex")).expect(3);
        assert!(!ran.stderr.contains("panicked"), "{}", ran.stderr);
        ran.says(parts);
    };
    refused("word.csv", b"y,s,sex\n1,0.5,f\n0,much,m\n", &["unreadable-rows", "column `s`", "`much` is no number"]);
    refused("short.csv", b"y,s,sex\n1,0.5,f\n0,0.5\n", &["unreadable-rows", "CSV"]);
    refused("twice.csv", b"y,s,s,sex\n1,0.5,0.6,f\n", &["ambiguous-column", "several columns `s`"]);
    refused("none.csv", b"y,s,sex\n", &["no-rows"]);
    refused("empty.csv", b"", &["no column `y`"]);
    refused("cut.jsonl", b"{\"y\":1,\"s\":0.5,\"sex\":\"f\"}\n{\"y\":0,\"s\":0.", &["unreadable-rows", "JSON lines"]);
    refused("mixed.jsonl", b"{\"y\":1,\"s\":0.5,\"sex\":\"f\"}\n{\"y\":1,\"s\":\"a\",\"sex\":\"f\"}\n", &["error["]);
    let arrow = whole("rows.arrow");
    refused("cut.arrow", &arrow[..arrow.len() / 2], &["unreadable-rows", "Arrow IPC"]);
    refused("garbage.arrow", b"ARROW1\0\0garbage", &["unreadable-rows"]);
    refused("text.parquet", CSV.as_bytes(), &["unreadable-rows", "Parquet"]);
}

#[test]
fn arrow_files_with_a_flipped_byte_never_panic() {
    let sandbox = sandbox();
    let bytes = std::fs::read(sandbox.path("rows.arrow")).unwrap();
    for position in (0..bytes.len()).step_by(41) {
        let mut flipped = bytes.clone();
        flipped[position] ^= 0x24;
        sandbox.write("flipped.arrow", &flipped);
        let ran = sandbox.run("evaluate flipped.arrow --label y --score s --slices sex --output json");
        assert!(!ran.stderr.contains("panicked"), "byte {position}:\n{}", ran.stderr);
        assert!(ran.code == 0 || ran.code == 3, "byte {position}: {}", ran.code);
    }
}

#[test]
fn rows_that_do_not_fit_into_memory_are_said() {
    let sandbox = sandbox();
    let command = "evaluate rows.csv --label y --score s --weight w --memory 64B";
    sandbox.run(command).expect(3).says(&["error[no-room]", "--memory"]);
}

#[test]
fn the_champion_is_compared_on_the_same_rows() {
    let sandbox = Sandbox::with("approved");
    let manifest = "release/modelgate.yaml";
    let declared = "    threshold: 0.5\n    champion: {version: 1.3.0, column: before}\n";
    sandbox.edit(manifest, "    threshold: 0.5\n", declared);
    sandbox.run("facts release").expect(3).says(&["no column `before`", "the champion's score"]);
    let text = |value| strings(vec![Some(value); 4]);
    let rows = |last: Option<f64>| {
        parquet(vec![
            ("id", integers((1..=4).map(Some).collect())),
            ("default", integers([0, 1, 1, 0].map(Some).to_vec())),
            ("probability", floats([0.1, 0.8, 0.6, 0.4].map(Some).to_vec())),
            ("before", floats(vec![Some(0.2), Some(0.9), Some(0.3), last])),
            ("sex", text("female")),
            ("age_band", text("26-40")),
            ("housing", text("own")),
        ])
    };
    sandbox.write("release/data/holdout.parquet", rows(Some(0.1)));
    let champion = &sandbox.run("facts release").expect(0).json()["evaluations"][0]["champion"];
    assert_eq!((&champion["rows"], &champion["rows_without"]), (&4.into(), &0.into()));
    let recall = champion["differences"].as_array().unwrap().iter().find(|entry| entry["metric"] == "recall").unwrap();
    assert_eq!(recall["difference"]["value"], 0.5);
    assert_eq!(
        champion["swaps"][0]["to_positive"],
        serde_json::json!({"rows": 1, "right_before": 0, "right_after": 1})
    );
    assert_eq!(champion["swaps"].as_array().unwrap().len(), 3);
    assert_eq!(champion["correctness"]["only_challenger"], 1);
    sandbox.write("release/data/holdout.parquet", rows(None));
    let champion = &sandbox.run("facts release").expect(0).json()["evaluations"][0]["champion"];
    assert_eq!(champion["rows_without"], 1);
    for difference in champion["differences"].as_array().unwrap() {
        assert_eq!(difference["difference"]["status"], "error");
    }
}

#[test]
fn a_manifest_declares_what_its_task_needs() {
    let sandbox = Sandbox::with("approved");
    let manifest = "release/modelgate.yaml";
    sandbox.edit(
        manifest,
        "      - {column: housing}\n",
        "      - {column: housing}\n    intersections: [[sex, agge], [sex, sex]]\n",
    );
    sandbox.run("facts release").expect(2).says(&[
        "error[unknown-slice]",
        "`agge` is not among the slices",
        "duplicate-value",
    ]);
    let sandbox = Sandbox::with("approved");
    sandbox.edit(manifest, "task: binary-classification", "task: regression");
    sandbox.run("facts release").expect(2).says(&[
        "error[missing-part]",
        "needs a column for `prediction`",
        "error[needless-part]",
    ]);
    sandbox.edit(manifest, "task: regression", "task: multiclass-classification");
    let labels = "labels: [{class: 0, score: p0}, {class: 1}, {class: one, column: c}, {class: 0, score: probability}]";
    sandbox.edit(manifest, "    slices:\n", &format!("    {labels}\n    slices:\n"));
    sandbox.run("facts release").expect(2).says(&[
        "the task `multiclass-classification` makes nothing of `classes`",
        "the class `0` is listed twice",
        "the classes are of different types",
        "`1` needs a score, as the others have one",
        "has one label column for all classes",
        "the column `probability` is a score and already the score",
    ]);
}

/// The rows of the CSV, parted by `sex` as Hive does it, of which that column is no part of the files.
fn parted(sandbox: &Sandbox, directory: &str) {
    for (value, name) in
        [("f", "sex=f/a.csv"), ("m", "sex=m/part=1/b.csv"), ("", "sex=__HIVE_DEFAULT_PARTITION__/c.csv")]
    {
        let of_part = |(index, line): (usize, &str)| {
            let [id, y, score, sex, weight] = line.split(',').collect::<Vec<_>>().try_into().unwrap();
            (index == 0 || sex == value).then(|| [id, y, score, weight].join(","))
        };
        let rows: Vec<String> = CSV.lines().enumerate().filter_map(of_part).collect();
        sandbox.write(&format!("{directory}/{name}"), rows.join("\n") + "\n");
    }
    sandbox.write(&format!("{directory}/_SUCCESS"), "");
    sandbox.write(&format!("{directory}/sex=f/.a.csv.crc"), "crc");
}

#[test]
fn files_of_a_directory_are_read_as_one() {
    let sandbox = sandbox();
    parted(&sandbox, "parted");
    let of = |file: &str| {
        let ran = sandbox.run(&format!("evaluate {file} --label y --score s --id id --slices sex --output json"));
        let mut facts = ran.expect(0).json();
        for part in ["name", "data_files"] {
            facts.as_object_mut().unwrap().remove(part);
        }
        measured(&facts)
    };
    let expected = of("rows.csv");
    assert_eq!(of("parted"), expected);
    assert_eq!(of("parted/*/**/*.csv"), expected);
    let facts = sandbox.run("evaluate parted --label y --score s --output json").expect(0).json();
    let files = facts["data_files"].as_array().unwrap();
    let paths: Vec<_> = files.iter().map(|file| file["path"].as_str().unwrap()).collect();
    assert_eq!(paths, ["sex=__HIVE_DEFAULT_PARTITION__/c.csv", "sex=f/a.csv", "sex=m/part=1/b.csv"]);
    let size: u64 = files.iter().map(|file| file["size_bytes"].as_u64().unwrap()).sum();
    assert_eq!((&facts["data"]["path"], &facts["data"]["size_bytes"]), (&Value::from("parted"), &Value::from(size)));
    // One file more is another digest.
    sandbox.write("parted/sex=f/b.csv", "id,y,s,w\n9,1,0.5,1\n");
    let more = sandbox.run("evaluate parted --label y --score s --output json").expect(0).json();
    assert_ne!(more["data"]["sha256"], facts["data"]["sha256"]);
}

#[test]
fn files_that_do_not_fit_together_are_refused() {
    let sandbox = sandbox();
    let row =
        |name: &str, label: ArrayRef| sandbox.write(name, parquet(vec![("y", label), ("s", floats(vec![Some(0.5)]))]));
    row("mixed/a.parquet", integers(vec![Some(1)]));
    row("mixed/b.parquet", strings(vec![Some("1")]));
    row("lacking/a.parquet", integers(vec![Some(1)]));
    sandbox.write("lacking/b.parquet", parquet(vec![("s", floats(vec![Some(0.5)]))]));
    row("formats/a.parquet", integers(vec![Some(1)]));
    sandbox.write("formats/b.csv", "y,s\n1,0.5\n");
    row("broken/a.parquet", integers(vec![Some(1)]));
    sandbox.write("broken/b.parquet", "PAR1 and no more");
    row("partitions/k=1/a.parquet", integers(vec![Some(1)]));
    row("partitions/b.parquet", integers(vec![Some(1)]));
    sandbox.write("marks/_SUCCESS", "");
    for (file, more, expected) in [
        ("mixed", "", "in `b.parquet`: the column `y` is Utf8, and Int64 in the first file"),
        ("lacking", "", "in `b.parquet`: there is no column `y`"),
        ("formats", "", "in `b.csv`: it is CSV"),
        ("broken", "", "in `b.parquet`: "),
        ("partitions/**/*.parquet", "--slices k", "has no column `k`"),
        ("marks", "", "`marks` stands for no file"),
        ("absent/*.csv", "", "`absent/*.csv` stands for no file"),
        ("absent.csv", "", "missing-file"),
    ] {
        let ran = sandbox.run(&format!("evaluate {file} --label y --score s {more}")).expect(3);
        assert!(ran.stderr.contains(expected), "{file}: {}", ran.stderr);
    }
}

#[test]
fn a_manifest_names_files_by_a_directory() {
    let sandbox = Sandbox::with("approved");
    let (manifest, data) = ("release/modelgate.yaml", sandbox.path("release/data/holdout.parquet"));
    std::fs::create_dir_all(sandbox.path("release/data/holdout/site=north")).unwrap();
    std::fs::rename(data, sandbox.path("release/data/holdout/site=north/a.parquet")).unwrap();
    sandbox.edit(manifest, "data: data/holdout.parquet", "data: data/holdout");
    sandbox.edit(manifest, "      - {column: housing}\n", "      - {column: housing}\n      - {column: site}\n");
    let facts = sandbox.run("facts release").expect(0).json();
    let evaluation = facts.pointer("/evaluations/0").unwrap();
    assert_eq!(evaluation.pointer("/data/path").unwrap(), "data/holdout");
    let slices = evaluation["slices"].as_array().unwrap();
    assert!(slices.iter().any(|slice| slice["column"] == "site" && slice["value"] == "north" && slice["rows"] == 500));
    sandbox.edit(manifest, "data: data/holdout", "data: data/hold*ut/*.csv");
    sandbox.run("facts release").expect(3).says(&["error[missing-file]", "`data/hold*ut/*.csv` stands for no file"]);
}

#[test]
fn several_files_are_named_one_by_one() {
    let sandbox = Sandbox::new();
    sandbox.write("site=n/a.csv", "y,p\n1,0.9\n0,0.4\n");
    sandbox.write("site=s/a.csv", "y,p\n1,0.6\n0,0.7\n");
    let options = "--label y --score p --slices site --output json";
    let facts = sandbox.run(&format!("evaluate site=s/a.csv site=n/a.csv {options}")).expect(0).json();
    let same = sandbox.run(&format!("evaluate site=n/a.csv site=s/a.csv {options}")).expect(0).json();
    assert_eq!(facts, same);
    assert_eq!(facts["metrics"]["roc_auc"]["value"], 0.75);
    assert_eq!(facts["data_files"][1]["path"], "site=s/a.csv");
    assert_eq!(facts["slices"].as_array().unwrap().len(), 2);
    let refused = sandbox.run(&format!("evaluate site=n/a.csv site=s {options}")).expect(3);
    refused.says(&["missing-file", "`site=s` is no file"]);
}

const SPECIES: &str = "id,y,guess,p_cat,p_dog,p_bird,sex,w\n1,cat,cat,0.7,0.2,0.1,f,1\n2,dog,cat,0.5,0.4,0.1,f,1\n\
                       3,bird,bird,0.1,0.1,0.8,m,2\n4,dog,dog,0.2,0.6,0.2,m,1\n5,cat,cat,0.6,0.3,0.1,f,1\n";

#[test]
fn several_classes_have_metrics_together_and_each() {
    let sandbox = Sandbox::new();
    sandbox.write("rows.csv", SPECIES);
    let command = "evaluate rows.csv --task multiclass --label y --slices sex --output json --classes cat=p_cat,dog=p_dog,bird=p_bird";
    let facts = sandbox.run(command).expect(0).json();
    let value = |key: &str| facts["metrics"][key]["value"].clone();
    assert_eq!((value("accuracy"), value("top_k_accuracy")), (0.8.into(), 1.0.into()));
    assert_eq!(facts["confusion"], serde_json::json!([[2, 0, 0], [1, 1, 0], [0, 0, 1]]));
    let classes: Vec<_> = facts["class_metrics"].as_array().unwrap().iter().map(|class| &class["class"]).collect();
    assert_eq!(classes, ["cat", "dog", "bird"]);
    assert_eq!(facts["class_metrics"][1]["metrics"]["recall"]["value"], 0.5);
    let women = facts["slices"].as_array().unwrap().iter().find(|slice| slice["value"] == "f").unwrap();
    assert_eq!(women["metrics"]["accuracy"]["value"], 2.0 / 3.0);
    // No row of theirs is a bird: a mean over all classes has no value.
    assert_eq!(women["metrics"]["macro_recall"]["status"], "undefined");
    // The predicted classes alone, and weights.
    let command = "evaluate rows.csv --task multiclass --label y --prediction guess --classes cat,dog,bird --weight w --cluster sex --output json";
    let weighted = sandbox.run(command).expect(0).json();
    assert_eq!(weighted["metrics"]["accuracy"]["value"], 5.0 / 6.0);
    assert_eq!(weighted["metrics"]["log_loss"]["status"], "undefined");
    let text = sandbox
        .run("evaluate rows.csv --task multiclass --label y --prediction guess --classes cat,dog,bird")
        .expect(0);
    assert!(text.stdout.contains("Each class against all others") && text.stdout.contains("Taken for another class"));
}

#[test]
fn several_labels_have_columns_of_their_own() {
    let sandbox = Sandbox::new();
    sandbox.write("rows.csv", "a,b,pa,pb\ntrue,0,0.9,0.2\n1,1,0.4,0.8\nfalse,0,0.3,0.6\n0,1,0.1,0.7\n");
    let command = "evaluate rows.csv --task multilabel --classes urgent=a+pa,spam=b+pb --output json";
    let facts = sandbox.run(command).expect(0).json();
    assert_eq!(facts["metrics"]["hamming_loss"]["value"], 0.25);
    assert_eq!(facts["metrics"]["subset_accuracy"]["value"], 0.5);
    assert_eq!(facts["class_metrics"][0]["metrics"]["recall"]["value"], 0.5);
    assert_eq!((&facts["columns"]["label"], &facts["threshold"]), (&Value::Null, &0.5.into()));
    // What is neither true nor false, and what is missing, is counted and leaves no metric.
    sandbox.write("bad.csv", "a,b,pa,pb\ntrue,maybe,0.9,0.2\n,1,0.4,0.8\n0,1,0.1,1.7\n");
    let facts = sandbox.run(&command.replace("rows.csv", "bad.csv")).expect(0).json();
    let rows = &facts["rows"];
    assert_eq!(
        (&rows["label_unknown"], &rows["label_missing"], &rows["score_out_of_range"]),
        (&1.into(), &1.into(), &1.into())
    );
    assert_eq!(facts["metrics"]["micro_f1"]["status"], "error");
    assert_eq!(facts["class_metrics"][0]["metrics"]["recall"]["status"], "error");
}

#[test]
fn classes_that_make_no_sense_are_told() {
    let sandbox = Sandbox::new();
    sandbox.write("rows.csv", SPECIES);
    for (arguments, status, expected) in [
        ("--task multiclass --label y --classes cat=p_cat", 2, "fewer than two classes"),
        ("--task multiclass --label y --classes cat=p_cat,dog", 2, "write each class as CLASS=SCORE"),
        ("--task multiclass --label y --classes cat,dog,bird", 2, "name the --prediction"),
        ("--task multiclass --label y --classes cat=p_cat,cat=p_dog", 2, "is given twice"),
        ("--task multiclass --classes cat=p_cat,dog=p_dog", 2, "needs --label"),
        ("--task multilabel --classes a=p_cat,b=p_dog", 2, "write each label as NAME=COLUMN+SCORE"),
        ("--task multilabel --label y --classes a=y+p_cat,b=guess+p_dog", 2, "makes nothing of --label"),
        ("--label y --score p_cat --classes a,b", 2, "makes nothing of --classes"),
        ("--task multiclass --label y --classes cat=p_cat,dog=p_dgo", 3, "did you mean `p_dog`?"),
    ] {
        let ran = sandbox.run(&format!("evaluate rows.csv {arguments}")).expect(status);
        assert!(ran.stderr.contains(expected), "{arguments}: {}", ran.stderr);
    }
    // A class that is not declared is counted, and leaves no metric.
    let facts = sandbox
        .run("evaluate rows.csv --task multiclass --label y --classes cat=p_cat,dog=p_dog --output json")
        .expect(0)
        .json();
    assert_eq!(facts["rows"]["label_unknown"], 1);
    assert_eq!(facts["metrics"]["accuracy"]["status"], "error");
}
