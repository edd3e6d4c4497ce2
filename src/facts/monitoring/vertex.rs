//! Vertex AI model monitoring: jobs of deployed models (version 1) and model monitors (version 2), as the API has them.

use super::cron;
use super::cursor::Cursor;
use super::{Found, KindBasis, Signal, SignalKind, listed};
use crate::document::Document;
use crate::problem::Problem;

/// A key in both spellings: that of JSON and that of the client libraries.
fn both<'a>(cursor: &Cursor<'a>, camel: &str, snake: &str) -> Option<Cursor<'a>> {
    cursor.first(&[camel, snake])
}

/// The signals of a job or monitor: one for each feature with a threshold, and one for each default.
///
/// # Errors
/// Every problem: no objectives, a threshold or an interval that is no number.
pub(super) fn read(document: &Document) -> Result<Found, Vec<Problem>> {
    let root = Cursor::root(document);
    let mut reader = Reader { found: Found::default(), problems: Vec::new(), interval: None, route: None };
    let schedule =
        both(&root, "modelDeploymentMonitoringScheduleConfig", "model_deployment_monitoring_schedule_config");
    reader.interval = schedule.and_then(|schedule| {
        let interval = both(&schedule, "monitorInterval", "monitor_interval")?;
        let seconds = interval.text()?.trim_end_matches('s').parse::<f64>().ok().filter(|seconds| *seconds >= 0.0);
        if seconds.is_none() {
            reader.problems.push(interval.problem(
                "duration",
                "the interval is no duration",
                "write one such as `3600s`",
            ));
        }
        seconds.map(|seconds| seconds as u64)
    });
    reader.route = route(&root);
    let objectives =
        both(&root, "modelDeploymentMonitoringObjectiveConfigs", "model_deployment_monitoring_objective_configs");
    for objective in objectives.map(|objectives| objectives.items()).unwrap_or_default() {
        if let Some(config) = both(&objective, "objectiveConfig", "objective_config") {
            reader.version_1(&config);
        }
    }
    let specification = specification(&root);
    let of_job = specification.as_ref().and_then(|specification| {
        both(&both(specification, "objectiveSpec", "objective_spec")?, "tabularObjective", "tabular_objective")
    });
    // A schedule says when, and a job that it starts says what.
    reader.interval = reader.interval.or_else(|| cron::seconds_between(&root.text_of("cron")?));
    for objective in [both(&root, "tabularObjective", "tabular_objective"), of_job].into_iter().flatten() {
        reader.version_2(&objective);
    }
    if reader.found.is_empty() && reader.problems.is_empty() {
        let hint = "name a model deployment monitoring job or a model monitor, as the API of Vertex AI has it";
        reader.problems.push(root.problem("not-alerts", "there are no monitoring objectives", hint));
    }
    let paused = matches!(
        root.text_of("state").as_deref(),
        Some("JOB_STATE_PAUSED" | "JOB_STATE_CANCELLED" | "JOB_STATE_FAILED" | "PAUSED" | "COMPLETED")
    );
    if paused {
        reader.found.deactivate("the job does not run");
    }
    if reader.problems.is_empty() { Ok(reader.found) } else { Err(reader.problems) }
}

/// What a job of version 2 does, be it written down as itself or within the schedule that starts it.
fn specification<'a>(root: &Cursor<'a>) -> Option<Cursor<'a>> {
    let request = both(root, "createModelMonitoringJobRequest", "create_model_monitoring_job_request");
    let job = request.and_then(|request| both(&request, "modelMonitoringJob", "model_monitoring_job"));
    both(job.as_ref().unwrap_or(root), "modelMonitoringSpec", "model_monitoring_spec")
}

/// Who is told.
fn route(root: &Cursor<'_>) -> Option<String> {
    let config = both(root, "modelMonitoringAlertConfig", "model_monitoring_alert_config")
        .or_else(|| both(root, "notificationSpec", "notification_spec"))
        .or_else(|| both(&specification(root)?, "notificationSpec", "notification_spec"))?;
    let emails = both(&config, "emailAlertConfig", "email_alert_config")
        .or_else(|| both(&config, "emailConfig", "email_config"));
    let mut told: Vec<String> = Vec::new();
    for cursor in [emails, Some(config)].into_iter().flatten() {
        for key in ["userEmails", "user_emails", "notificationChannels", "notification_channels"] {
            told.extend(cursor.texts_of(key));
        }
        for channel in both(&cursor, "notificationChannelConfigs", "notification_channel_configs")
            .map(|all| all.items())
            .unwrap_or_default()
        {
            told.extend(channel.first_text(&["notificationChannel", "notification_channel"]));
        }
    }
    listed(told)
}

struct Reader {
    found: Found,
    problems: Vec<Problem>,
    interval: Option<u64>,
    route: Option<String>,
}

impl Reader {
    fn push(&mut self, name: String, kind: SignalKind, cursor: &Cursor<'_>, threshold: Option<f64>) {
        let signal = Signal {
            metrics: vec![name.clone()],
            expression: threshold.map(|threshold| format!("{name} > {threshold}")).unwrap_or_default(),
            operator: Some(">".to_owned()),
            threshold,
            window_seconds: self.interval,
            interval_seconds: self.interval,
            route: self.route.clone(),
            ..Signal::new(name, (kind, KindBasis::Declared), cursor.source())
        };
        self.found.push((Some(signal), None));
    }

    /// The number at `cursor`, or below its `value`.
    fn threshold(&mut self, cursor: &Cursor<'_>) -> Option<f64> {
        let value = cursor.first(&["value", "threshold"]).unwrap_or_else(|| cursor.clone());
        let number = value.number();
        if number.is_none() {
            self.problems.push(value.problem("not-a-number", "a threshold is no number", "write `{value: 0.3}`"));
        }
        number
    }

    fn features(&mut self, thresholds: Option<Cursor<'_>>, what: &str, kind: SignalKind) {
        for (feature, cursor) in thresholds.map(|thresholds| thresholds.entries()).unwrap_or_default() {
            let threshold = self.threshold(&cursor);
            self.push(format!("{feature}.{what}"), kind, &cursor, threshold);
        }
    }

    fn default(&mut self, cursor: Option<Cursor<'_>>, what: &str, kind: SignalKind) {
        if let Some(cursor) = cursor {
            let threshold = self.threshold(&cursor);
            self.push(what.to_owned(), kind, &cursor, threshold);
        }
    }

    fn version_1(&mut self, config: &Cursor<'_>) {
        let skew = both(config, "trainingPredictionSkewDetectionConfig", "training_prediction_skew_detection_config");
        if let Some(skew) = skew {
            self.features(both(&skew, "skewThresholds", "skew_thresholds"), "skew", SignalKind::DataDrift);
            self.features(
                both(&skew, "attributionScoreSkewThresholds", "attribution_score_skew_thresholds"),
                "attribution_skew",
                SignalKind::DataDrift,
            );
            self.default(both(&skew, "defaultSkewThreshold", "default_skew_threshold"), "skew", SignalKind::DataDrift);
        }
        if let Some(drift) = both(config, "predictionDriftDetectionConfig", "prediction_drift_detection_config") {
            self.features(both(&drift, "driftThresholds", "drift_thresholds"), "drift", SignalKind::DataDrift);
            self.features(
                both(&drift, "attributionScoreDriftThresholds", "attribution_score_drift_thresholds"),
                "attribution_drift",
                SignalKind::DataDrift,
            );
            self.default(
                both(&drift, "defaultDriftThreshold", "default_drift_threshold"),
                "drift",
                SignalKind::DataDrift,
            );
        }
    }

    fn version_2(&mut self, objective: &Cursor<'_>) {
        let parts = [
            ("featureDriftSpec", "feature_drift_spec", "feature_drift", SignalKind::DataDrift),
            (
                "predictionOutputDriftSpec",
                "prediction_output_drift_spec",
                "prediction_drift",
                SignalKind::PredictionDrift,
            ),
            ("featureAttributionSpec", "feature_attribution_spec", "attribution", SignalKind::DataDrift),
        ];
        for (camel, snake, what, kind) in parts {
            let Some(spec) = both(objective, camel, snake) else { continue };
            let before = self.found.len();
            self.features(both(&spec, "featureAlertConditions", "feature_alert_conditions"), what, kind);
            self.features(both(&spec, "featureAlertThresholds", "feature_alert_thresholds"), what, kind);
            for (camel, snake, data) in [
                ("defaultCategoricalAlertCondition", "default_categorical_alert_condition", "categorical"),
                ("defaultNumericAlertCondition", "default_numeric_alert_condition", "numeric"),
                ("defaultCategoricalAlertThreshold", "default_categorical_alert_threshold", "categorical"),
                ("defaultNumericAlertThreshold", "default_numeric_alert_threshold", "numeric"),
                ("defaultAlertCondition", "default_alert_condition", "default"),
            ] {
                let condition = both(&spec, camel, snake);
                let threshold = condition.map(|condition| condition.get("threshold").unwrap_or(condition));
                self.default(threshold, &format!("{what}.{data}"), kind);
            }
            if self.found.len() == before {
                self.push(what.to_owned(), kind, &spec, None);
            }
        }
    }
}
