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
    let line = |problem: &Problem| problem.location.as_ref().map_or(0, |location| location.line);
    let read = read_bytes("alerts", text.as_bytes(), format);
    read.map_err(|problems| problems.iter().map(|problem| (problem.code, line(problem))).collect())
}

/// What several files come to.
fn together_of(files: &[(&str, MonitoringFormat, &str)]) -> Result<MonitoringFacts, Vec<Problem>> {
    let read = files.iter().map(|(path, format, text)| file(path, text, *format, &BTreeMap::new()).unwrap());
    together(read.collect())
}

const FILES: [(&str, MonitoringFormat); 33] = [
    ("alertmanager.yaml", MonitoringFormat::Alertmanager),
    ("azure-ml.yaml", MonitoringFormat::AzureMl),
    ("azure-ml-out-of-box.yaml", MonitoringFormat::AzureMl),
    ("cloudwatch.yaml", MonitoringFormat::Cloudwatch),
    ("cloudwatch-composite.json", MonitoringFormat::Cloudwatch),
    ("cloudwatch-composite.yaml", MonitoringFormat::Cloudwatch),
    ("cloudwatch-describe.json", MonitoringFormat::Cloudwatch),
    ("datadog.json", MonitoringFormat::Datadog),
    ("datadog-resource.yaml", MonitoringFormat::Datadog),
    ("grafana.yaml", MonitoringFormat::Grafana),
    ("grafana-routing.yaml", MonitoringFormat::Grafana),
    ("modelgate.yaml", MonitoringFormat::Modelgate),
    ("prometheus.yaml", MonitoringFormat::Prometheus),
    ("sagemaker-constraints.json", MonitoringFormat::Sagemaker),
    ("sagemaker-quality.json", MonitoringFormat::Sagemaker),
    ("sagemaker-schedule.json", MonitoringFormat::Sagemaker),
    ("sdk-azure-ml.yaml", MonitoringFormat::AzureMl),
    ("sdk-datadog.json", MonitoringFormat::Datadog),
    ("sdk-evidently.json", MonitoringFormat::Evidently),
    ("sdk-evidently-collector.json", MonitoringFormat::Evidently),
    ("sdk-evidently-snapshot.json", MonitoringFormat::Evidently),
    ("sdk-grafana.json", MonitoringFormat::Grafana),
    ("sdk-grafana-contact-point.json", MonitoringFormat::Grafana),
    ("sdk-grafana-policies.json", MonitoringFormat::Grafana),
    ("sdk-nannyml.yaml", MonitoringFormat::Nannyml),
    ("sdk-vertex-job.json", MonitoringFormat::VertexAi),
    ("sdk-vertex-schedule.json", MonitoringFormat::VertexAi),
    ("sdk-whylogs.json", MonitoringFormat::Whylogs),
    ("terraform-plan.json", MonitoringFormat::TerraformPlan),
    ("terraform-sagemaker.json", MonitoringFormat::TerraformPlan),
    ("vertex-job.yaml", MonitoringFormat::VertexAi),
    ("vertex-monitor.json", MonitoringFormat::VertexAi),
    ("whylogs-constraints.json", MonitoringFormat::Whylogs),
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
fn the_manifest_may_name_a_metric() {
    let kinds = BTreeMap::from([("http_request_*".to_owned(), SignalKind::Safety)]);
    let facts = read_file("prometheus.yaml", MonitoringFormat::Prometheus, &kinds);
    let latency = facts.signals.iter().find(|signal| signal.name == "CreditLatency").unwrap();
    assert_eq!((latency.kind, latency.kind_basis), (SignalKind::Safety, KindBasis::Manifest));
}

/// Who is told of each signal, and why each other one tells nobody.
fn told(facts: &MonitoringFacts) -> Vec<(&str, &str)> {
    let signals = facts.signals.iter().map(|signal| (signal.name.as_str(), signal.route.as_deref().unwrap_or("-")));
    signals.chain(facts.inactive.iter().map(|signal| (signal.name.as_str(), signal.reason.as_str()))).collect()
}

#[test]
fn routes_are_those_of_the_release() {
    let content = |name: &str| std::fs::read_to_string(path(name)).unwrap();
    let (rules, routes) = (content("prometheus.yaml"), content("alertmanager.yaml"));
    // What one file says of who is told holds for the others, in whatever order they stand.
    let facts = together_of(&[
        ("a.yml", MonitoringFormat::Alertmanager, &routes),
        ("b.yml", MonitoringFormat::Prometheus, &rules),
        ("c.json", MonitoringFormat::Datadog, &content("sdk-datadog.json")),
    ]);
    assert_eq!(
        told(&facts.unwrap()),
        [
            ("CreditAucDrop", "risk-pager, risk-slack"),
            ("CreditScoreDrift", "risk-slack"),
            ("CreditFeatureDrift", "-"),
            ("Credit model AUC", "@pagerduty-risk"),
            ("CreditLatency", "it is muted at all times"),
        ]
    );
    let problems = together_of(&[
        ("a.yml", MonitoringFormat::Alertmanager, &routes),
        ("b.yml", MonitoringFormat::Alertmanager, &routes),
    ]);
    let problem = problems.unwrap_err().remove(0);
    assert_eq!((problem.code, problem.location.unwrap().file.as_str()), ("two-routes", "b.yml"));
}

#[test]
fn contact_points_and_policies_may_stand_in_files_of_their_own() {
    let content = |name: &str| std::fs::read_to_string(path(name)).unwrap();
    let (rules, policies) = (content("sdk-grafana.json"), content("sdk-grafana-policies.json"));
    let point = content("sdk-grafana-contact-point.json");
    let of = |files: &[&str]| {
        let files: Vec<_> = files.iter().map(|text| ("grafana", MonitoringFormat::Grafana, *text)).collect();
        together_of(&files).unwrap().signals.remove(0).route
    };
    // Without policies the rule's label says it, and without contact points their names are believed.
    assert_eq!(of(&[&rules]).as_deref(), Some("risk"));
    assert_eq!(of(&[&rules, &policies]).as_deref(), Some("risk-pager"));
    assert_eq!(of(&[&point, &rules, &policies]).as_deref(), Some("risk-pager"));
    assert_eq!(of(&[&point, &rules.replace("\"risk\"", "\"other\""), &policies]), None);
    assert_eq!(of(&[&point.replace("[REDACTED]", " "), &rules, &policies]), None);
}

#[test]
fn many_signals_with_much_in_common_take_little_memory() {
    let long = "x".repeat(500_000);
    let rules = (0..2_000).map(|index| format!("  - {{alert: A{index}, expr: up}}\n")).collect::<String>();
    let prometheus = format!("groups:\n- name: g\n  labels: {{team: {long}}}\n  rules:\n{rules}");
    let thresholds = (0..2_000).map(|index| format!("        f{index}: 0.1\n")).collect::<String>();
    let name = "x".repeat(1_000);
    let azure = format!(
        "create_monitor:\n  alert_notification: {{emails: [{long}]}}\n  monitoring_signals:\n    {name}:\n      type: data_drift\n      metric_thresholds:\n{thresholds}",
    );
    let columns = (0..2_000).map(|index| format!("c{index}, ")).collect::<String>();
    let nannyml =
        format!("calculators:\n- type: univariate_drift\n  name: {long}\n  params: {{column_names: [{columns}]}}\n");
    for (format, content) in [
        (MonitoringFormat::Prometheus, prometheus),
        (MonitoringFormat::AzureMl, azure),
        (MonitoringFormat::Nannyml, nannyml),
    ] {
        let facts = text(format, &content).unwrap();
        assert_eq!(facts.signals.len(), 2_000, "{format:?}");
        let bytes = serde_json::to_vec(&facts).unwrap().len();
        assert!(bytes < 8_000_000, "{format:?} has {bytes} bytes");
    }
}

#[test]
fn what_cannot_be_read_is_named_with_its_line() {
    use MonitoringFormat::{
        Alertmanager, AzureMl, Cloudwatch, Datadog, Evidently, Grafana, Modelgate, Nannyml, Sagemaker, VertexAi,
        Whylogs,
    };
    let routes = "route: {receiver: a, routes: [{receiver: b, matchers: ['x~y']}], mute_time_intervals: [c]}\nreceivers:\n- name: a\n";
    assert_eq!(text(Alertmanager, routes), Err(vec![("matcher", 1), ("unknown-time", 1), ("unknown-receiver", 1)]));
    assert_eq!(text(Alertmanager, "route: {}\nreceivers: []\n"), Err(vec![("missing-receiver", 1)]));
    let report = "{\"metrics\": [\n{\"type\": \"evidently:metric_v2:RocAuc\", \"tests\": [\n{\"type\": \"evidently:test_v2:LessThanMetricTest\"},\n{\"type\": \"evidently:test_v2:LessThanMetricTest\", \"threshold\": \"low\"}]}]}";
    assert_eq!(text(Evidently, report), Err(vec![("not-a-number", 3), ("not-a-number", 4)]));
    assert_eq!(
        text(Evidently, "{\"metrics\": [{\"type\": \"evidently:metric_v2:RowCount\"}]}"),
        Err(vec![("not-alerts", 1)])
    );
    let collector = "{\"collectors\": {\"a\": {\"trigger\": {\"interval\": -1},\n\"report_config\": {\"tests\": [{\"type\": \"evidently:test:TestRocAuc\",\n\"gte\": \"high\"}]}}}}";
    assert_eq!(text(Evidently, collector), Err(vec![("duration", 1), ("not-a-number", 3)]));
    let nannyml = "calculators:\n- {type: drift, params: {}}\n- type: cbpe\n  params:\n    metrics: f1\n    thresholds:\n      f1: {type: fixed}\n- type: univariate_drift\n  params: {column_names: a, continuous_methods: ks}\n- type: missing_values\n  params:\n    column_names: a\n    threshold: {type: constant, upper: much}\n";
    assert_eq!(
        text(Nannyml, nannyml),
        Err(vec![("unknown-signal", 2), ("unknown-threshold", 7), ("unknown-signal", 9), ("not-a-number", 13)])
    );
    assert_eq!(text(Nannyml, "problem_type: regression\ncolumn_mapping: {}\n"), Err(vec![("not-alerts", 1)]));
    let whylabs = "analyzers:\n- {id: a}\n- id: b\n  config: {type: fixed, metric: mean}\n- id: c\n  config: {type: drift, metric: histogram, threshold: much}\n";
    assert_eq!(text(Whylogs, whylabs), Err(vec![("missing-name", 2), ("missing-threshold", 4), ("not-a-number", 6)]));
    let constraints = "{\"valueConstraints\": {\"a\": {\"constraints\": [\n{\"op\": \"ABOVE\", \"value\": 1}]}}}";
    assert_eq!(text(Whylogs, constraints), Err(vec![("unknown-operator", 2)]));
    let composite = "{\"AlarmName\": \"a\",\n\"AlarmRule\": \"ALARM(\"}";
    assert_eq!(text(Cloudwatch, composite), Err(vec![("alarm-rule", 2)]));
    let policies = "policies:\n- routes: [{object_matchers: [[a, b]]}]\n";
    assert_eq!(text(Grafana, policies), Err(vec![("matcher", 2), ("missing-receiver", 2)]));
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

    #[test]
    fn no_bytes_panic(file in 0..FILES.len(), bytes in prop::collection::vec(any::<u8>(), 0..200)) {
        let (name, format) = FILES[file];
        let _ = read_bytes(name, &bytes, format);
    }

    /// Parts of one file within another, so that what stands where nobody expects it is of the right form.
    #[test]
    fn no_mixed_files_panic(
        file in 0..FILES.len(),
        other in 0..FILES.len(),
        at in any::<prop::sample::Index>(),
        from in any::<prop::sample::Index>(),
        lines in 1_usize..6,
    ) {
        let (name, format) = FILES[file];
        let content = std::fs::read_to_string(path(name)).unwrap();
        let mut mixed: Vec<&str> = content.lines().collect();
        let donor = std::fs::read_to_string(path(FILES[other].0)).unwrap();
        let donor: Vec<&str> = donor.lines().collect();
        let (at, from) = (at.index(mixed.len()), from.index(donor.len()));
        mixed.splice(at..at, donor[from..(from + lines).min(donor.len())].iter().copied());
        let _ = text(format, &mixed.join("\n"));
    }
}
