//! What is compared within an evaluation: the champion of another file, groups with each other and with a declared one,
//! groups that nobody has named, and whether there are rows enough.

use serde_json::{Value, json};

use crate::common::{Sandbox, floats, integers, parquet, strings};

const JOINED: &str = "evaluate rows.csv --label y --score s --id id --champion before --output json";

/// Scores of both versions, in one file and in two, of which the champion's is in another order and format.
fn two_files() -> Sandbox {
    let sandbox = Sandbox::new();
    let rows: Vec<(i64, u8, f64, f64)> = (0..40_u16)
        .map(|row| {
            let score = f64::from(row * 7 % 40) / 40.0;
            (i64::from(row) - 5, u8::from(row * 11 % 40 > 17), score, f64::from(row * 13 % 40) / 40.0)
        })
        .collect();
    let line = |(id, y, s, before): &(i64, u8, f64, f64)| format!("{id},{y},{s},{before}\n");
    sandbox.write("both.csv", format!("id,y,s,before\n{}", rows.iter().map(line).collect::<String>()));
    let line = |(id, y, s, _): &(i64, u8, f64, f64)| format!("{id},{y},{s}\n");
    sandbox.write("rows.csv", format!("id,y,s\n{}", rows.iter().map(line).collect::<String>()));
    let backwards = || rows.iter().rev();
    sandbox.write(
        "champion.parquet",
        parquet(vec![
            ("id", integers(backwards().map(|row| Some(row.0)).collect())),
            ("before", floats(backwards().map(|row| Some(row.3)).collect())),
        ]),
    );
    sandbox
}

fn champion(sandbox: &Sandbox, command: &str) -> Value {
    sandbox.run(command).expect(0).json().get("champion").unwrap().clone()
}

#[test]
fn a_champion_of_another_file_is_joined_by_ids() {
    let sandbox = two_files();
    let mut joined = champion(&sandbox, &format!("{JOINED} --champion-file champion.parquet --threads 1"));
    assert_eq!(joined, champion(&sandbox, &format!("{JOINED} --champion-file champion.parquet --threads 3")));
    assert_eq!((&joined["rows"], &joined["rows_without"], &joined["rows_beyond"]), (&40.into(), &0.into(), &0.into()));
    assert_eq!(joined["data"]["path"], "champion.parquet");
    joined["data"] = Value::Null;
    joined["rows_beyond"] = Value::Null;
    let same_file = "evaluate both.csv --label y --score s --id id --champion before --output json";
    assert_eq!(joined, champion(&sandbox, same_file));
    // A number is compared as one, however it is written; so are the numbers of other tasks.
    let numbers =
        "evaluate rows.csv --task regression --label y --prediction s --id id --champion before --output json";
    let of_numbers = champion(&sandbox, &format!("{numbers} --champion-file champion.parquet"));
    assert_eq!(of_numbers["differences"][0]["difference"]["n"], 40);
    assert_eq!(of_numbers["rows_beyond"], 0);
}

#[test]
fn a_champion_of_classes_and_one_of_rankings_are_compared() {
    let sandbox = Sandbox::new();
    sandbox.write("rows.csv", "y,cat,dog,old\ncat,0.9,0.1,cat\ndog,0.2,0.8,cat\ndog,0.6,0.4,dog\ncat,0.7,0.3,dog\n");
    let classes =
        "evaluate rows.csv --task multiclass --label y --classes cat=cat,dog=dog --champion old --output json";
    let of_classes = champion(&sandbox, classes);
    assert_eq!(of_classes["differences"][0]["metric"], "accuracy");
    assert_eq!(of_classes["differences"][0]["difference"]["value"], 0.25);
    assert_eq!(of_classes["correctness"]["only_challenger"], 2);
    // A class that is none of them is no prediction.
    sandbox.edit("rows.csv", "0.3,dog\n", "0.3,fish\n");
    let of_classes = champion(&sandbox, classes);
    assert_eq!(of_classes["rows_without"], 1);
    assert_eq!(of_classes["differences"][0]["difference"]["status"], "error");
    let items =
        "id,q,rel,s,old\n1,a,1,0.9,0.1\n2,a,0,0.5,0.2\n3,b,1,0.3,0.9\n4,b,0,0.4,0.1\n5,c,1,0.8,0.8\n6,c,0,0.1,0.1\n";
    sandbox.write("orders.csv", items);
    let ranking =
        "evaluate orders.csv --task ranking --label rel --score s --query q --k 2 --id id --champion old --output json";
    let of_ranking = champion(&sandbox, ranking);
    let ranked: Vec<_> = of_ranking["differences"].as_array().unwrap().iter().map(|found| &found["metric"]).collect();
    assert_eq!(ranked.len(), 6);
    assert_eq!(ranked.first().unwrap(), &"ndcg");
    // In a query each is right where the other is not: no difference, of which little is known.
    let ndcg = &of_ranking["differences"][0]["difference"];
    assert!(ndcg["value"].as_f64().unwrap().abs() < 1e-15 && ndcg["n"] == 3, "{ndcg}");
    assert!(ndcg["interval"]["low"].as_f64().unwrap() < -0.2, "{ndcg}");
    let lines = items.lines().map(|line| line.split(',').collect::<Vec<_>>());
    let column = |wanted: [usize; 2]| {
        let line = |line: Vec<&str>| wanted.map(|place| *line.get(place).unwrap()).join(",") + "\n";
        lines.clone().map(line).collect::<String>()
    };
    sandbox.write("before.csv", column([0, 4]));
    let joined = champion(&sandbox, &format!("{ranking} --champion-file before.csv"));
    assert_eq!((&joined["differences"], &joined["rows_beyond"]), (&of_ranking["differences"], &0.into()));
    for (command, part) in [
        (
            "--task multiclass --label y --classes cat=cat,dog=dog --id y --champion old --champion-file before.csv",
            "champion-file",
        ),
        ("--task multilabel --classes cat=cat+cat,dog=dog+dog --champion old", "champion"),
    ] {
        let said = format!("makes nothing of --{part}");
        sandbox.run(&format!("evaluate rows.csv {command}")).expect(2).says(&["needless-part", &said]);
    }
}

#[test]
fn cases_of_one_side_only_are_counted() {
    let sandbox = two_files();
    sandbox.write("some.csv", "id,before\n-5,0.5\n-4,0.25\n1000,0.5\n1001,0.5\n1002,\n");
    let joined = champion(&sandbox, &format!("{JOINED} --champion-file some.csv"));
    assert_eq!((&joined["rows"], &joined["rows_without"], &joined["rows_beyond"]), (&2.into(), &38.into(), &3.into()));
    for difference in joined["differences"].as_array().unwrap() {
        assert_eq!(difference["difference"]["reason"], "the champion did not judge 38 of 40 rows");
    }
}

#[test]
fn a_file_that_cannot_be_joined_is_refused() {
    let sandbox = two_files();
    let refuses = |content: &str, said: &[&str]| {
        sandbox.write("other.csv", content);
        sandbox.run(&format!("{JOINED} --champion-file other.csv")).expect(3).says(said);
    };
    refuses(
        "id,before\n1,0.5\n2,0.5\n1,0.25\n",
        &["error[ids-not-unique]", "1 rows have an id in `id` that an earlier"],
    );
    refuses("id,before\n1,0.5\n,0.5\n", &["error[ids-not-unique]", "1 rows have no id"]);
    refuses("case,before\n1,0.5\n", &["error[absent-column]", "no column `id`"]);
    refuses("id,score\n1,0.5\n", &["error[absent-column]", "no column `before`"]);
    refuses("id,before\n1,high\n", &["error[unreadable-rows]"]);
    refuses("id,before\n1,0.5,7\n", &["error[unreadable-rows]"]);
    sandbox
        .write("truths.parquet", parquet(vec![("id", strings(vec![Some("a")])), ("before", floats(vec![Some(0.5)]))]));
    sandbox.write(
        "whole.parquet",
        parquet(vec![("id", integers(vec![Some(1)])), ("y", integers(vec![Some(1)])), ("s", floats(vec![Some(0.5)]))]),
    );
    let command = "evaluate whole.parquet --label y --score s --id id --champion before --champion-file truths.parquet";
    sandbox.run(command).expect(3).says(&["error[wrong-column-type]", "ids of `truths.parquet` are Utf8"]);
    sandbox.run(&format!("{JOINED} --champion-file absent.csv")).expect(3).says(&["absent.csv"]);
    let without_ids = "evaluate rows.csv --label y --score s --champion before --champion-file champion.parquet";
    sandbox.run(without_ids).expect(2).says(&["--id"]);
    sandbox.run(&format!("{JOINED} --champion-file champion.parquet --memory 64B")).expect(3).says(&["error[no-room]"]);
}

#[test]
fn a_manifest_names_the_file_of_the_champion() {
    let sandbox = Sandbox::with("approved");
    let manifest = "release/modelgate.yaml";
    let declare = |champion: &str| {
        let declared = format!("    threshold: 0.5\n    champion: {{{champion}}}\n");
        sandbox.edit(manifest, "    threshold: 0.5\n", &declared);
    };
    declare("version: 1.3.0, column: probability, data: data/champion.parquet");
    sandbox.run("facts release").expect(3).says(&["data/champion.parquet"]);
    std::fs::copy(sandbox.path("release/data/holdout.parquet"), sandbox.path("release/data/champion.parquet")).unwrap();
    let check =
        "    sql_checks:\n      - {name: cases, columns: {n: integer}, query: SELECT count(*) AS n FROM champion}\n";
    sandbox.edit(manifest, "    claims:\n", &format!("{check}    claims:\n"));
    let facts = sandbox.run("facts release").expect(0).json();
    let evaluation = &facts["evaluations"][0];
    let champion = &evaluation["champion"];
    assert_eq!((&champion["rows"], &champion["rows_without"]), (&evaluation["rows"]["total"], &json!(0)));
    assert_eq!(champion["data"]["sha256"], evaluation["data"]["sha256"]);
    // The same scores differ nowhere.
    assert_eq!(champion["correctness"]["only_challenger"], 0);
    assert_eq!(evaluation["sql_checks"][0]["rows"], json!([{"n": champion["rows"]}]));
    sandbox.edit(manifest, "column: probability, data: data/champion.parquet}", "column: before, id: case}");
    sandbox.run("facts release").expect(2).says(&["error[needless-part]", "not joined by ids"]);
}

/// Rows of three groups: so many in each, and of these so many positive, half of which are found.
fn groups(sizes: [(&str, usize, usize); 3]) -> Sandbox {
    let sandbox = Sandbox::new();
    let mut text = "y,s,sex\n".to_owned();
    for (sex, rows, positives) in sizes {
        for row in 0..rows {
            let (y, score) = (u8::from(row < positives), if row % 2 == 0 { 0.75 } else { 0.25 });
            text += &format!("{y},{score},{sex}\n");
        }
    }
    sandbox.write("rows.csv", text);
    sandbox
}

const GROUPS: &str = "evaluate rows.csv --label y --score s --favourable negative --protected sex --output json";

fn comparison(facts: &Value, wanted: &str) -> Value {
    let comparisons = facts["comparisons"].as_array().unwrap();
    comparisons.iter().find(|comparison| comparison["comparison"] == wanted).unwrap().clone()
}

#[test]
fn a_group_of_a_few_rows_is_named_and_not_compared() {
    let facts = groups([("f", 100, 40), ("m", 100, 40), ("x", 3, 0)]).run(GROUPS).expect(0).json();
    let ratio = comparison(&facts, "impact_ratio");
    assert_eq!((&ratio["status"], &ratio["value"]), (&json!("ok"), &json!(1.0)));
    assert_eq!(ratio["left_out"], json!([{"value": "x", "rows": 3}]));
    assert_eq!(ratio["smallest_denominator"], 100);
}

#[test]
fn a_rate_that_rests_on_a_few_rows_is_insufficient_and_one_on_none_is_undefined() {
    let facts = groups([("f", 100, 40), ("m", 100, 40), ("x", 50, 4)]).run(GROUPS).expect(0).json();
    let recall = comparison(&facts, "recall_difference");
    assert_eq!((&recall["status"], &recall["value"]), (&json!("insufficient"), &Value::Null));
    assert_eq!(recall["reason"], "recall of x rests on 4 rows, fewer than 10");
    assert_eq!(comparison(&facts, "equalised_odds_difference")["status"], "insufficient");
    assert_eq!(comparison(&facts, "impact_ratio")["status"], "ok");
    let facts = groups([("f", 100, 40), ("m", 100, 40), ("x", 50, 0)]).run(GROUPS).expect(0).json();
    assert_eq!(comparison(&facts, "recall_difference")["status"], "undefined");
}

#[test]
fn groups_are_compared_with_the_declared_one() {
    let sandbox = Sandbox::with("approved");
    let manifest = "release/modelgate.yaml";
    let before = sandbox.run("facts release").expect(0).json()["evaluations"][0].clone();
    assert!(before["comparisons"].as_array().unwrap().iter().all(|one| one["comparison"] != "reference_impact_ratio"));
    sandbox.edit(manifest, "sex, protected: true", "sex, protected: true, reference_group: male");
    let facts = sandbox.run("facts release").expect(0).json()["evaluations"][0].clone();
    let ratio = comparison(&facts, "reference_impact_ratio");
    assert_eq!((&ratio["highest_group"], &ratio["lowest_group"]), (&json!("male"), &json!("female")));
    let rate = |sex: &str| {
        let slices = facts["slices"].as_array().unwrap();
        let slice = slices.iter().find(|slice| slice["column"] == "sex" && slice["value"] == sex).unwrap();
        slice["metrics"]["favourable_rate"]["value"].as_f64().unwrap()
    };
    assert_eq!(ratio["value"], json!(rate("female") / rate("male")));
    assert!(ratio["interval"]["low"].as_f64() < ratio["value"].as_f64());
    sandbox.edit(manifest, "reference_group: male", "reference_group: man");
    let facts = sandbox.run("facts release").expect(0).json()["evaluations"][0].clone();
    let ratio = comparison(&facts, "reference_impact_ratio");
    assert_eq!((&ratio["status"], &ratio["value"]), (&json!("undefined"), &Value::Null));
    assert_eq!(ratio["reason"], "the reference group `man` has fewer than 10 rows");
}

#[test]
fn the_power_for_declared_margins_is_a_fact_that_is_judged() {
    let sandbox = groups([("f", 500, 100), ("m", 500, 100), ("x", 500, 100)]);
    let facts = sandbox.run(&format!("{GROUPS} --margins recall=0.1,brier=0.02,roc_auc=0.5")).expect(0).json();
    let known: Vec<_> = facts["sufficiency"].as_array().unwrap().iter().map(|known| known["metric"].clone()).collect();
    assert_eq!(known, ["recall", "roc_auc", "brier"].map(|metric| json!(metric)).to_vec());
    let [recall, area, brier] = [0, 1, 2].map(|index| facts["sufficiency"][index].clone());
    assert_eq!((&recall["method"], &brier["method"]), (&json!("binomial"), &json!("normal")));
    // 150 of 300: Φ((0.1 − 1.96 √(0.4 · 0.6/300))/√(0.25/300)).
    assert!((recall["power"].as_f64().unwrap() - 0.9387).abs() < 1e-3, "{recall}");
    assert_eq!(
        (&area["power"], &area["reason"]),
        (&Value::Null, &json!("the margin is wider than what is left of the range"))
    );
    for wrong in ["recal=0.1", "recall=0", "recall=-1", "recall=inf", "recall"] {
        sandbox.run(&format!("{GROUPS} --margins {wrong}")).expect(2);
    }
    let sandbox = Sandbox::with("approved");
    sandbox.edit("release/modelgate.yaml", "    claims:\n", "    margins: {roc_auc: 0.01}\n    claims:\n");
    let ran = sandbox.run("check release").expect(0);
    assert!(ran.stdout.contains("VAL-019"), "{}", ran.stdout);
    assert!(ran.stdout.contains("the power for a difference of 0.01 in roc_auc is"), "{}", ran.stdout);
}

#[test]
fn a_group_that_nobody_named_is_found() {
    let sandbox = Sandbox::new();
    let mut text = "y,s,sex,region\n".to_owned();
    for row in 0..4000 {
        let (sex, region) = (["f", "m"][row % 2], ["n", "e", "s", "w"][row / 2 % 4]);
        let y = row / 8 % 3 == 0;
        // For women in the south the score says the contrary.
        let score = if y != ((sex, region) == ("f", "s")) { 0.75 } else { 0.25 };
        text += &format!("{},{score},{sex},{region}\n", u8::from(y));
    }
    sandbox.write("rows.csv", text);
    let command = "evaluate rows.csv --label y --score s --slices sex,region --output";
    let facts = sandbox.run(&format!("{command} json")).expect(0).json();
    let found = &facts["weakest_groups"];
    assert_eq!((&found["loss"], &found["searched"]), (&json!("squared-error"), &json!(2 + 4 + 8)));
    let worst = &found["groups"][0];
    assert_eq!(worst["parts"], json!([{"column": "sex", "value": "f"}, {"column": "region", "value": "s"}]));
    assert_eq!(
        (&worst["rows"], &worst["mean"], &worst["mean_of_others"]),
        (&json!(500), &json!(0.5625), &json!(0.0625))
    );
    assert_eq!(found, &sandbox.run(&format!("{command} json --threads 3")).expect(0).json()["weakest_groups"]);
    let shown = sandbox.run(&format!("{command} text")).expect(0).stdout;
    assert!(shown.contains("sex = f, region = s"), "{shown}");
    assert!(sandbox.run(&format!("{command} html")).expect(0).stdout.contains("sex = f, region = s"));
    let clustered = sandbox.run("evaluate rows.csv --label y --score s --slices sex --cluster region --output json");
    assert_eq!(clustered.expect(0).json()["weakest_groups"], Value::Null);
}
