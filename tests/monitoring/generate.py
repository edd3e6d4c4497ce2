"""Writes the configurations sdk-*.json and sdk-*.yaml here with the vendors' own SDKs, so that what is read is what
these write. Each SDK wants its own environment:

    python3 -m venv v && v/bin/pip install 'evidently==0.7.23' 'pandas<3' && v/bin/python tests/monitoring/generate.py evidently

The packages are those in SDKS, beside the vendor that generates with them. The files are checked in; none of them is
made in CI.
"""

import json
import sys
from pathlib import Path

HERE = Path(__file__).parent


def write(name, content):
    text = content if isinstance(content, str) else json.dumps(content, indent=2) + "\n"
    (HERE / name).write_text(text, encoding="utf-8")


def azure_ml():
    from azure.ai.ml import entities as e

    signals = {
        "inputs": e.DataDriftSignal(
            metric_thresholds=e.DataDriftMetricThreshold(
                numerical=e.NumericalDriftMetrics(population_stability_index=0.2, jensen_shannon_distance=0.1),
                categorical=e.CategoricalDriftMetrics(pearsons_chi_squared_test=0.02),
            ),
            alert_enabled=True,
        ),
        "outputs": e.PredictionDriftSignal(
            metric_thresholds=e.PredictionDriftMetricThreshold(
                numerical=e.NumericalDriftMetrics(normalized_wasserstein_distance=0.1),
                categorical=e.CategoricalDriftMetrics(),
            ),
            alert_enabled=True,
        ),
        "quality": e.DataQualitySignal(
            metric_thresholds=e.DataQualityMetricThreshold(
                numerical=e.DataQualityMetricsNumerical(null_value_rate=0.01),
                categorical=e.DataQualityMetricsCategorical(out_of_bounds_rate=0.02),
            ),
            alert_enabled=False,
        ),
    }
    schedule = e.MonitorSchedule(
        name="credit_monitor",
        trigger=e.RecurrenceTrigger(frequency="day", interval=1, schedule=e.RecurrencePattern(hours=3, minutes=15)),
        create_monitor=e.MonitorDefinition(
            compute=e.ServerlessSparkCompute(instance_type="standard_e4s_v3", runtime_version="3.4"),
            monitoring_target=e.MonitoringTarget(ml_task="classification", endpoint_deployment_id="azureml:credit:main"),
            monitoring_signals=signals,
            alert_notification=e.AlertNotification(emails=["risk@example.com", "oncall@example.com"]),
        ),
    )
    schedule.dump(HERE / "sdk-azure-ml.yaml")


def datadog():
    from datadog_api_client.v1.model.monitor import Monitor
    from datadog_api_client.v1.model.monitor_options import MonitorOptions
    from datadog_api_client.v1.model.monitor_thresholds import MonitorThresholds
    from datadog_api_client.v1.model.monitor_type import MonitorType

    monitor = Monitor(
        name="Credit model AUC",
        type=MonitorType.QUERY_ALERT,
        query="min(last_1d):avg:credit.model.auc{env:prod} < 0.68",
        message="{{#is_alert}}AUC below its bound @pagerduty-risk{{/is_alert}}{{#is_recovery}}fine again @slack-credit{{/is_recovery}}",
        tags=["team:risk-models", "severity:critical", "modelgate_signal:performance"],
        priority=1,
        options=MonitorOptions(thresholds=MonitorThresholds(critical=0.68, warning=0.7), notify_no_data=True, no_data_timeframe=20),
    )
    write("sdk-datadog.json", monitor.to_dict())


def evidently():
    from evidently.cli.report import ReportConfig
    from evidently.core.tests import Reference
    from evidently.descriptors import TextLength
    from evidently.legacy.collector.config import CollectorConfig, CollectorServiceConfig, IntervalTrigger
    from evidently.legacy.collector.config import ReportConfig as OlderReportConfig
    from evidently.legacy.collector.config import RowsCountOrIntervalTrigger, RowsCountTrigger
    from evidently.legacy import tests as older
    from evidently.legacy.test_suite import TestSuite
    from evidently.legacy.utils import NumpyEncoder
    from evidently.metrics import (
        MAE, DriftedColumnsCount, F1ByLabel, MeanValue, MissingValueCount, QuantileValue, RocAuc, RowCount, ValueDrift,
    )
    from evidently.presets import DataDriftPreset
    from evidently.tests import eq, gt, gte, is_in, lt, lte

    metrics = [
        RocAuc(tests=[gte(0.68), gt(Reference(relative=0.1), is_critical=False)]),
        F1ByLabel(tests={"1": [gte(0.5)]}),
        MissingValueCount(column="income", tests=[eq(0)], share_tests=[lte(0.05, alias="few incomes are missing")]),
        ValueDrift(column="score", method="psi", threshold=0.2),
        ValueDrift(column="income", method="ks"),
        DriftedColumnsCount(drift_share=0.3),
        DataDriftPreset(columns=["income"]),
        QuantileValue(column="income", quantile=0.5, tests=[is_in([1, 2])]),
        MeanValue(column="Toxicity", tests=[lt(0.1)]),
        MAE(mean_tests=[lt(3)], std_tests=[lt(1)]),
        RowCount(),
    ]
    config = ReportConfig(
        metrics=metrics,
        metadata={"owner": "risk-models", "runbook": "https://wiki.example.com/credit"},
        tags=["credit"],
        include_tests=True,
        descriptors=[TextLength("answer", alias="length", tests=[lte(200, alias="answers are short")])],
    )
    write("sdk-evidently.json", json.loads(config.json()))

    suite = TestSuite(
        tests=[
            older.TestAccuracyScore(gte=0.8, lt=1),
            older.TestShareOfMissingValues(lte=0.05),
            older.TestColumnDrift(column_name="income", stattest="psi", stattest_threshold=0.2),
            older.TestShareOfDriftedColumns(lt=0.3),
            older.TestNumberOfColumnsWithMissingValues(is_in=[0, 1], is_critical=False),
            older.TestRocAuc(),
        ]
    )
    suite._inner_suite.context.tests = suite._tests
    collector = CollectorConfig(
        trigger=RowsCountOrIntervalTrigger(
            rows_count_trigger=RowsCountTrigger(rows_count=1000), interval_trigger=IntervalTrigger(interval=3600)
        ),
        report_config=OlderReportConfig.from_test_suite(suite),
        reference_path="reference.parquet",
        project_id="00000000-0000-0000-0000-000000000000",
    )
    service = CollectorServiceConfig(collectors={"credit": collector})
    write("sdk-evidently-collector.json", json.loads(json.dumps(service.dict(), cls=NumpyEncoder)))
    evidently_snapshot()


def evidently_snapshot():
    import pandas
    from evidently import BinaryClassification, DataDefinition, Dataset, Report
    from evidently.legacy.utils import NumpyEncoder
    from evidently.metrics import DriftedColumnsCount, MissingValueCount, RocAuc, ValueDrift
    from evidently.tests import eq, gte, lte

    rows = pandas.DataFrame({"income": range(60), "score": [row / 60 for row in range(60)], "target": [0, 1, 1] * 20})
    rows["prediction"] = rows["score"]
    roles = DataDefinition(
        numerical_columns=["income", "score"],
        classification=[BinaryClassification(target="target", prediction_probas="prediction", pos_label=1)],
    )
    data = Dataset.from_pandas(rows, data_definition=roles)
    metrics = [
        RocAuc(tests=[gte(0.1)]),
        MissingValueCount(column="income", tests=[eq(0)], share_tests=[lte(0.05)]),
        DriftedColumnsCount(),
        ValueDrift(column="score", method="psi", threshold=0.2),
    ]
    snapshot = Report(metrics, include_tests=True).run(data, data).to_snapshot_model().dict()
    snapshot = json.loads(json.dumps(snapshot, cls=NumpyEncoder))

    def without_pictures(value):
        if isinstance(value, dict):
            return {key: without_pictures(part) for key, part in value.items() if key not in ("widget", "widgets", "tests_widgets")}
        return [without_pictures(part) for part in value] if isinstance(value, list) else value

    snapshot["timestamp"] = "2026-01-01T00:00:00"
    write("sdk-evidently-snapshot.json", without_pictures(snapshot))


def grafana():
    from grafana_foundation_sdk.builders import alerting, expr, prometheus
    from grafana_foundation_sdk.cog.encoder import JSONEncoder
    from grafana_foundation_sdk.models.alerting import RelativeTimeRange

    query = (
        alerting.Query("A")
        .datasource_uid("PD8C576611E62080A")
        .relative_time_range(RelativeTimeRange(604800, 0))
        .model(prometheus.Dataquery().expr("min_over_time(credit_model_auc[7d])").ref_id("A"))
    )
    threshold = alerting.Query("B").datasource_uid("__expr__").model(expr.TypeMath().expression("$A < 0.68").ref_id("B"))
    rule = (
        alerting.Rule("Credit AUC drop")
        .condition("B")
        .for_val("1h")
        .with_query(query)
        .with_query(threshold)
        .labels({"severity": "critical", "team": "risk"})
        .annotations({"runbook_url": "https://wiki.example.com/credit-auc"})
    )
    group = alerting.RuleGroup("credit").folder_uid("risk").interval(300).with_rule(rule)

    def encoded(builder):
        return JSONEncoder(sort_keys=True, indent=2).encode(builder.build()) + "\n"

    write("sdk-grafana.json", encoded(group))
    pager = alerting.NotificationPolicy().receiver("risk-pager").object_matchers([["team", "=", "risk"]])
    policy = alerting.NotificationPolicy().receiver("default").group_by(["alertname"]).routes([pager])
    write("sdk-grafana-policies.json", encoded(policy))
    point = alerting.ContactPoint().name("risk-pager").type("pagerduty").settings({"integrationKey": "[REDACTED]"})
    write("sdk-grafana-contact-point.json", encoded(point))


def nannyml():
    import yaml
    from nannyml.config import Config

    config = {
        "input": {"reference_data": {"path": "/data/reference.parquet"}, "analysis_data": {"path": "/data/{{year}}.parquet"}},
        "calculators": [
            {
                "type": "univariate_drift",
                "name": "drift",
                "params": {
                    "column_names": ["income", "y_pred_proba"],
                    "continuous_methods": ["jensen_shannon", "wasserstein"],
                    "chunk_period": "W",
                    "thresholds": {
                        "jensen_shannon": {"type": "constant", "upper": 0.1},
                        "wasserstein": {"type": "standard_deviation", "std_lower_multiplier": None, "std_upper_multiplier": 4},
                    },
                },
                "outputs": [{"type": "raw_files", "params": {"path": "/data/out"}}],
            },
            {
                "type": "cbpe",
                "params": {
                    "metrics": ["roc_auc", "f1"],
                    "problem_type": "classification_binary",
                    "y_pred_proba": "y_pred_proba",
                    "y_pred": "y_pred",
                    "y_true": "repaid",
                    "timestamp_column_name": "timestamp",
                    "thresholds": {"roc_auc": {"type": "constant", "lower": 0.68, "upper": 1}},
                },
            },
            {"type": "performance", "enabled": False, "params": {"metrics": "roc_auc", "y_true": "repaid", "problem_type": "classification_binary"}},
            {"type": "domain_classifier", "params": {"feature_column_names": ["income"]}},
            {"type": "missing_values", "params": {"column_names": "income", "threshold": {"type": "constant", "upper": 0.05}}},
            {"type": "unseen_values", "params": {"column_names": ["purpose"]}},
            {"type": "summary_stats_row_count", "params": {"threshold": {"type": "constant"}}},
            {"type": "continuous_distribution", "params": {"column_names": ["income"]}},
        ],
        "scheduling": {"interval": {"days": 1}},
    }
    text = yaml.safe_dump(config, sort_keys=False)
    # NannyML takes its own objects out of what it reads.
    Config.parse(text)
    write("sdk-nannyml.yaml", text)


def vertex_ai():
    from google.cloud.aiplatform_v1beta1 import types as t

    def threshold(value):
        return t.ThresholdConfig(value=value)

    job = t.ModelDeploymentMonitoringJob(
        display_name="credit",
        endpoint="projects/p/locations/europe-west1/endpoints/1",
        model_deployment_monitoring_objective_configs=[
            t.ModelDeploymentMonitoringObjectiveConfig(
                deployed_model_id="2",
                objective_config=t.ModelMonitoringObjectiveConfig(
                    training_prediction_skew_detection_config=t.ModelMonitoringObjectiveConfig.TrainingPredictionSkewDetectionConfig(
                        skew_thresholds={"income": threshold(0.3)}, default_skew_threshold=threshold(0.2)
                    ),
                    prediction_drift_detection_config=t.ModelMonitoringObjectiveConfig.PredictionDriftDetectionConfig(
                        drift_thresholds={"income": threshold(0.25)}, attribution_score_drift_thresholds={"income": threshold(0.4)}
                    ),
                ),
            )
        ],
        model_deployment_monitoring_schedule_config=t.ModelDeploymentMonitoringScheduleConfig(monitor_interval={"seconds": 3600}),
        model_monitoring_alert_config=t.ModelMonitoringAlertConfig(
            email_alert_config=t.ModelMonitoringAlertConfig.EmailAlertConfig(user_emails=["risk@example.com"]), enable_logging=True
        ),
    )
    write("sdk-vertex-job.json", json.loads(t.ModelDeploymentMonitoringJob.to_json(job, use_integers_for_enums=False)))

    condition = t.ModelMonitoringAlertCondition
    objective = t.ModelMonitoringObjectiveSpec.TabularObjective(
        feature_drift_spec=t.ModelMonitoringObjectiveSpec.DataDriftSpec(
            features=["income"],
            default_numeric_alert_condition=condition(threshold=0.3),
            feature_alert_conditions={"income": condition(threshold=0.2)},
        ),
        prediction_output_drift_spec=t.ModelMonitoringObjectiveSpec.DataDriftSpec(
            default_categorical_alert_condition=condition(threshold=0.1)
        ),
    )
    specification = t.ModelMonitoringSpec(
        objective_spec=t.ModelMonitoringObjectiveSpec(tabular_objective=objective),
        notification_spec=t.ModelMonitoringNotificationSpec(
            email_config=t.ModelMonitoringNotificationSpec.EmailConfig(user_emails=["risk@example.com"])
        ),
    )
    schedule = t.Schedule(
        display_name="credit",
        cron="TZ=Europe/Berlin 0 3 * * *",
        create_model_monitoring_job_request=t.CreateModelMonitoringJobRequest(
            parent="projects/p/locations/europe-west1/modelMonitors/1",
            model_monitoring_job=t.ModelMonitoringJob(model_monitoring_spec=specification),
        ),
        state=t.Schedule.State.PAUSED,
    )
    write("sdk-vertex-schedule.json", json.loads(t.Schedule.to_json(schedule, use_integers_for_enums=False)))


def whylogs():
    from whylabs_toolkit.monitor import models as m
    from whylabs_toolkit.monitor.models.document import Document
    from whylabs_toolkit.utils.granularity import Granularity

    daily = m.FixedCadenceSchedule(cadence="daily")
    window = m.TrailingWindowBaseline(size=7)

    def analyzer(name, config, target, schedule=daily, **more):
        return m.Analyzer(id=f"{name}-analyzer", schedule=schedule, targetMatrix=target, config=config, **more)

    inputs = m.ColumnMatrix(include=["group:input"], exclude=["applicant_id"])
    whole = m.DatasetMatrix()
    analyzers = [
        analyzer("drift", m.DriftConfig(metric="histogram", threshold=0.5, baseline=window), inputs),
        analyzer("scores", m.DriftConfig(metric="histogram", algorithm="psi", threshold=0.2, baseline=window), m.ColumnMatrix(include=["score"])),
        analyzer("accuracy", m.FixedThresholdsConfig(metric="classification.auc", lower=0.68), whole, m.CronSchedule(cron="0 */6 * * *")),
        analyzer("income", m.FixedThresholdsConfig(metric="count_null_ratio", upper=0.05, lower=0), m.ColumnMatrix(include=["income"])),
        analyzer("median", m.StddevConfig(metric="median", factor=2.0, baseline=window), inputs),
        analyzer("toxicity", m.DiffConfig(metric="mean", mode="pct", threshold=10, baseline=window), m.ColumnMatrix(include=["response.toxicity"])),
        analyzer("disabled", m.FixedThresholdsConfig(metric="missingDatapoint", upper=0), whole, disabled=True),
        analyzer("unscheduled", m.FixedThresholdsConfig(metric="missingDatapoint", upper=0), whole, None),
        analyzer("muted", m.FixedThresholdsConfig(metric="secondsSinceLastUpload", upper=86400), whole),
        analyzer("either", m.DisjunctionConfig(analyzerIds=["median-analyzer", "income-analyzer"]), inputs),
    ]
    every = m.EveryAnomalyMode()

    def monitor(name, analyzers, actions, **more):
        targets = [m.GlobalAction(target=target) for target in actions]
        return m.Monitor(id=f"{name}-monitor", analyzerIds=[f"{a}-analyzer" for a in analyzers], schedule=m.ImmediateSchedule(), mode=every, actions=targets, **more)

    document = Document(
        orgId="org-1",
        datasetId="model-1",
        granularity=Granularity.daily,
        entitySchema=m.EntitySchema(columns={"score": m.ColumnSchema(classifier="output", dataType="fractional", discreteness="continuous")}),
        analyzers=analyzers,
        monitors=[
            monitor("quality", ["drift", "scores", "accuracy"], ["slack-risk", "pagerduty"], severity=1),
            monitor("joined", ["either"], ["slack-risk"]),
            monitor("muted", ["muted"], ["slack-risk"], disabled=True),
            monitor("quiet", ["toxicity"], []),
        ],
    )
    write("sdk-whylogs.json", json.loads(document.json(exclude_none=True)))


SDKS = {
    "azure-ml": ("azure-ai-ml==1.35.2", azure_ml),
    "datadog": ("datadog-api-client==2.62.0", datadog),
    "evidently": ("evidently==0.7.23 pandas==2.3.3", evidently),
    "grafana": ("grafana-foundation-sdk==1769699998!10.1.0", grafana),
    "nannyml": ("nannyml==0.13.1 statsmodels==0.15.0", nannyml),
    "vertex-ai": ("google-cloud-aiplatform==2.7.0", vertex_ai),
    "whylogs": ("whylabs-toolkit==0.1.2", whylogs),
}

if __name__ == "__main__":
    if len(sys.argv) != 2 or sys.argv[1] not in SDKS:
        sys.exit(__doc__ + "\n" + "\n".join(f"{vendor}: {packages}" for vendor, (packages, _) in SDKS.items()))
    SDKS[sys.argv[1]][1]()
