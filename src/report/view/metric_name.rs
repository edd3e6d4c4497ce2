//! Metrics in plain words, for readers who are no statisticians.

use crate::metric_id::{Better, MetricId};

/// The name that people say: `ROC AUC` and not `roc_auc`.
pub(super) fn name(id: MetricId) -> String {
    match id {
        MetricId::Brier => return "Brier score".to_owned(),
        MetricId::F1 => return "F1 score".to_owned(),
        MetricId::RSquared => return "R²".to_owned(),
        _ => {}
    }
    let mut name = String::new();
    for word in id.key().split('_') {
        let in_capitals = matches!(word, "roc" | "auc" | "ndcg" | "ovr" | "ovo" | "f1" | "rmse" | "mae");
        match (in_capitals, name.is_empty()) {
            (true, true) => name.push_str(&word.to_uppercase()),
            (true, false) => name.push_str(&format!(" {}", word.to_uppercase())),
            (false, false) => name.push_str(&format!(" {word}")),
            (false, true) => {
                let mut characters = word.chars();
                name.extend(characters.next().into_iter().flat_map(char::to_uppercase));
                name.push_str(characters.as_str());
            }
        }
    }
    name
}

/// Which values are the good ones; none where neither end is.
pub(super) const fn direction(id: MetricId) -> Option<&'static str> {
    match id.better() {
        Better::Higher => Some("higher is better"),
        Better::Lower => Some("lower is better"),
        Better::Neither => None,
    }
}

/// What a metric says, in a sentence without a full stop; none for those that need more than one.
pub(super) const fn meaning(id: MetricId) -> Option<&'static str> {
    Some(match id {
        MetricId::RocAuc => {
            "how often a case of the positive class is scored above one of the negative class: 0.5 is chance, 1 is perfect"
        }
        MetricId::AveragePrecision => {
            "how pure the highest scores are, averaged over all cut-offs: the prevalence is chance"
        }
        MetricId::Brier => "mean squared distance of the predicted probability from what happened: 0 is perfect",
        MetricId::LogLoss => "penalty for confident wrong probabilities: 0 is perfect",
        MetricId::ExpectedCalibrationError => {
            "how far predicted probabilities are from observed shares, on average: 0 is perfect"
        }
        MetricId::CalibrationSlope => {
            "whether scores are too extreme (below 1) or too timid (above 1): 1 is calibrated"
        }
        MetricId::Precision => "share of the cases predicted positive that are positive",
        MetricId::Recall => "share of the positive cases that are found",
        MetricId::Specificity => "share of the negative cases that are recognised as such",
        MetricId::F1 => "one number for precision and recall together",
        MetricId::SelectionRate => "share of all cases that are predicted positive",
        MetricId::FavourableRate => "share of all cases that are given the favourable outcome",
        MetricId::Prevalence => "share of all cases that are positive",
        MetricId::Accuracy => "share of all cases that are predicted rightly",
        MetricId::MeanAbsoluteError => "how far predictions are off, on average, in the unit of the predicted value",
        MetricId::RootMeanSquaredError => {
            "how far predictions are off, large errors counting more, in the unit of the predicted value"
        }
        MetricId::MeanError => {
            "whether predictions are too high or too low on average, in the unit of the predicted value"
        }
        MetricId::RSquared => {
            "share of the variation that the model explains: 1 is perfect, 0 is no better than the mean"
        }
        MetricId::Ndcg => "how well the order puts the relevant items first: 1 is perfect",
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_those_that_people_say() {
        let names = [MetricId::RocAuc, MetricId::ExpectedCalibrationError, MetricId::MacroF1, MetricId::Ndcg].map(name);
        assert_eq!(names, ["ROC AUC", "Expected calibration error", "Macro F1", "NDCG"]);
    }
}
