//! Configurations of each vendor, with every field of what is made of them.

use std::path::PathBuf;

use proptest::prelude::*;

use super::*;

fn path(name: &str) -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/monitoring").join(name)
}

fn read_file(name: &str, format: MonitoringFormat, kinds: &BTreeMap<String, SignalKind>) -> MonitoringFacts {
    let absolute = path(name);
    let input = MonitoringInput { path: name, absolute: &absolute, format, kinds };
    read(&[input]).unwrap_or_else(|problems| panic!("{name}: {problems:?}"))
}

fn text(format: MonitoringFormat, text: &str) -> Result<MonitoringFacts, Vec<(&'static str, u64)>> {
    let directory = tempfile::tempdir().unwrap();
    let absolute = directory.path().join("alerts");
    std::fs::write(&absolute, text).unwrap();
    let input = MonitoringInput { path: "alerts", absolute: &absolute, format, kinds: &BTreeMap::new() };
    let line = |problem: &Problem| problem.location.as_ref().map_or(0, |location| location.line);
    read(&[input]).map_err(|problems| problems.iter().map(|problem| (problem.code, line(problem))).collect())
}

const FILES: [(&str, MonitoringFormat); 14] = [
    ("azure-ml.yaml", MonitoringFormat::AzureMl),
    ("azure-ml-out-of-box.yaml", MonitoringFormat::AzureMl),
    ("cloudwatch.yaml", MonitoringFormat::Cloudwatch),
    ("cloudwatch-describe.json", MonitoringFormat::Cloudwatch),
    ("datadog.json", MonitoringFormat::Datadog),
    ("datadog-resource.yaml", MonitoringFormat::Datadog),
    ("grafana.yaml", MonitoringFormat::Grafana),
    ("modelgate.yaml", MonitoringFormat::Modelgate),
    ("sagemaker-constraints.json", MonitoringFormat::Sagemaker),
    ("sagemaker-quality.json", MonitoringFormat::Sagemaker),
    ("sagemaker-schedule.json", MonitoringFormat::Sagemaker),
    ("terraform-plan.json", MonitoringFormat::TerraformPlan),
    ("vertex-job.yaml", MonitoringFormat::VertexAi),
    ("vertex-monitor.json", MonitoringFormat::VertexAi),
];

#[test]
fn every_vendor_has_the_same_form() {
    for (name, format) in FILES {
        let mut facts = read_file(name, format, &BTreeMap::new());
        facts.files.clear();
        insta::with_settings!({snapshot_path => path("snapshots"), prepend_module_to_snapshot => false}, {
            insta::assert_json_snapshot!(name, facts);
        });
    }
}

#[test]
fn a_file_of_another_vendor_is_refused() {
    for (name, own) in FILES {
        for (_, other) in FILES {
            let content = std::fs::read_to_string(path(name)).unwrap();
            let is_same = own == other;
            assert_eq!(text(other, &content).is_ok(), is_same, "{name} as {other:?}");
        }
    }
}

#[test]
fn the_manifest_says_what_a_file_does_not() {
    let kinds = BTreeMap::from([
        ("Credit latency".to_owned(), SignalKind::Safety),
        ("Credit *".to_owned(), SignalKind::DataQuality),
    ]);
    let facts = read_file("grafana.yaml", MonitoringFormat::Grafana, &kinds);
    let of = |name: &str| facts.signals.iter().find(|signal| signal.name == name).unwrap();
    assert_eq!(
        (of("Credit AUC drop").kind, of("Credit AUC drop").kind_basis),
        (SignalKind::DataQuality, KindBasis::Manifest)
    );
    // What the file itself declares stays, and of several globs the first in their order counts.
    assert_eq!(of("Credit score drift").kind_basis, KindBasis::Declared);
    assert_eq!(facts.inactive.first().unwrap().kind, SignalKind::DataQuality);
}

#[test]
fn what_cannot_be_read_is_named_with_its_line() {
    use MonitoringFormat::{AzureMl, Cloudwatch, Datadog, Grafana, Modelgate, Sagemaker, VertexAi};
    let grafana = "groups:\n- rules:\n  - title: a\n    condition: A\n    for: soon\n    data:\n    - {refId: A, datasourceUid: __expr__, model: {type: threshold, conditions: [{evaluator: {type: gt, params: []}}]}}\n  - title: b\n    condition: Z\n    data: []\n";
    assert_eq!(text(Grafana, grafana), Err(vec![("not-a-number", 7), ("duration", 5), ("missing-condition", 8)]));
    let azure = "create_monitor:\n  monitoring_signals:\n    a: {type: data_drif}\n    b: {type: data_drift, metric_thresholds: {numerical: {psi: high}}}\n";
    assert_eq!(text(AzureMl, azure), Err(vec![("unknown-signal", 3), ("not-a-number", 4)]));
    let alarm = "Resources:\n  A:\n    Type: AWS::CloudWatch::Alarm\n    Properties:\n      ComparisonOperator: Above\n  B:\n    Type: AWS::CloudWatch::Alarm\n    Properties:\n      ComparisonOperator: LessThanThreshold\n      Threshold: low\n";
    assert_eq!(text(Cloudwatch, alarm), Err(vec![("unknown-operator", 5), ("not-a-number", 10)]));
    let monitor =
        "{\"name\": \"a\",\n \"query\": \"avg(last_5m):x{*} > 3\",\n \"options\": {\"thresholds\": {\"critical\": 4}}}";
    assert_eq!(text(Datadog, monitor), Err(vec![("two-thresholds", 1)]));
    let quality =
        "{\"regression_constraints\": {\"mae\": {\"threshold\": \"low\",\n \"comparison_operator\": \"Above\"}}}";
    assert_eq!(text(Sagemaker, quality), Err(vec![("unknown-operator", 1)]));
    let job = "modelDeploymentMonitoringObjectiveConfigs:\n- objectiveConfig:\n    predictionDriftDetectionConfig:\n      driftThresholds:\n        income: {value: high}\n";
    assert_eq!(text(VertexAi, job), Err(vec![("not-a-number", 5)]));
    let own = "version: 1\nsignals:\n- {name: a, kind: performance, metric: auc, operator: '<', threshold: 0.7, window: week}\n";
    assert_eq!(text(Modelgate, own), Err(vec![("duration", 3)]));
    let own = "version: 1\nsignals:\n- {name: a, kind: unclassified, metric: auc, operator: '<', threshold: 0.7}\n";
    assert_eq!(text(Modelgate, own), Err(vec![("unknown-signal", 3)]));
    assert!(text(Modelgate, "version: 1\nsignal: []\n").is_err());
}

#[test]
fn links_end_where_they_do() {
    let of = |text: &str| link_in(text);
    assert_eq!(of("see https://a.example/b?c=1, then"), Some("https://a.example/b?c=1".to_owned()));
    assert_eq!(of("(http://a.example/b)."), Some("http://a.example/b".to_owned()));
    assert_eq!(of("no link"), None);
}

proptest! {
    #[test]
    fn damaged_files_never_panic(
        file in 0..FILES.len(),
        at in any::<prop::sample::Index>(),
        damage in prop::sample::select(vec!["", "null", "[]", "{}", "\"\"", "-1", "1e308", ": ", "!Ref ", "\u{fffd}", "\n"]),
        length in 0_usize..40,
    ) {
        let (name, format) = FILES[file];
        let whole: Vec<char> = std::fs::read_to_string(path(name)).unwrap().chars().collect();
        let start = at.index(whole.len());
        let end = (start + length).min(whole.len());
        let damaged: String = whole[..start].iter().chain(damage.chars().collect::<Vec<_>>().iter()).chain(&whole[end..]).collect();
        if let Ok(facts) = text(format, &damaged) {
            let numbers = facts.signals.iter().filter_map(|signal| signal.threshold);
            prop_assert!(numbers.into_iter().all(f64::is_finite));
        }
        let _ = text(format, &whole[..start].iter().collect::<String>());
    }
}
