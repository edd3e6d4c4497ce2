//! Intervals for what has no closed form: a Poisson bootstrap of the counts in bins of scores.

use super::super::interval;
use super::super::metric::Interval;
use super::super::random::{self, Poisson};
use super::confusion::NO_VARIANCE;
use super::logistic::expit;
use super::ranking_curve::{RankingPass, ScoreGroup};

/// Bins at most.
pub(crate) const BINS_MAX: usize = 1024;
/// Replicates.
const REPLICATES: usize = 1000;
/// Replicates that may have no value (one of the classes was not drawn) before there is no interval.
const EMPTY_MAX: usize = REPLICATES / 20;

/// Puts score groups into at most [`BINS_MAX`] bins. Each holds about the same sum of its share of the rows and its
/// share of the positives, so that neither rare positives nor a heavy tail end up in a few bins.
///
/// Binning makes ties of the scores in a bin. That moves a metric a little, and every replicate by about as much:
/// the interval is moved back by what it moved the value, on the logit scale. With up to 1024 distinct scores each has
/// a bin of its own and nothing is moved.
#[derive(Debug, Clone)]
pub(crate) struct ScoreBins {
    bins: Vec<ScoreGroup>,
    distinct: u64,
    fits: bool,
    positives: f64,
    total: f64,
    passed: ScoreGroup,
}

impl ScoreBins {
    /// For so many positives and negatives at so many distinct scores.
    pub(crate) fn new(positives: u64, negatives: u64, distinct: u64) -> Self {
        Self {
            bins: Vec::new(),
            distinct: 0,
            fits: distinct <= BINS_MAX as u64,
            positives: (positives as f64).max(1.0),
            total: (positives as f64 + negatives as f64).max(1.0),
            passed: ScoreGroup::default(),
        }
    }

    /// Takes the next group, in ascending order of score.
    pub(crate) fn add(&mut self, group: ScoreGroup) {
        self.distinct += 1;
        let share = (self.passed.positives / self.positives + self.passed.mass() / self.total) / 2.0;
        let wanted = if self.fits { self.distinct as usize } else { 1 + (share * BINS_MAX as f64) as usize };
        self.passed.positives += group.positives;
        self.passed.negatives += group.negatives;
        match self.bins.last_mut() {
            // A bin that a large group has filled beyond its place is closed, and those that it covers are left out.
            Some(bin) if wanted <= bin.score as usize => {
                bin.positives += group.positives;
                bin.negatives += group.negatives;
            }
            _ => self.bins.push(ScoreGroup { score: wanted.min(BINS_MAX) as f64, ..group }),
        }
    }

    /// The intervals of the metrics whose exact values are given.
    pub(crate) fn intervals(&self, exact: Values<f64>) -> Values<Result<Interval, String>> {
        let here = self.values(self.bins.iter().map(|bin| (bin.positives, bin.negatives)));
        let classes = self.bins.iter().map(|bin| (Poisson::new(bin.positives), Poisson::new(bin.negatives)));
        let classes: Vec<_> = classes.collect();
        let mut replicates = Values { average_precision: vec![], kolmogorov_smirnov: vec![], capture: vec![] };
        let mut counter = 0_u64;
        for _ in 0..REPLICATES {
            let drawn: Vec<(f64, f64)> = classes
                .iter()
                .map(|(positives, negatives)| {
                    counter += 2;
                    (positives.draw(random::uniform(counter - 2)), negatives.draw(random::uniform(counter - 1)))
                })
                .collect();
            let values = self.values(drawn.into_iter());
            replicates.average_precision.extend(values.average_precision);
            replicates.kolmogorov_smirnov.extend(values.kolmogorov_smirnov);
            replicates.capture.extend(values.capture);
        }
        Values {
            average_precision: percentile(
                replicates.average_precision,
                here.average_precision,
                exact.average_precision,
            ),
            kolmogorov_smirnov: percentile(
                replicates.kolmogorov_smirnov,
                here.kolmogorov_smirnov,
                exact.kolmogorov_smirnov,
            ),
            capture: percentile(replicates.capture, here.capture, exact.capture),
        }
    }

    fn values(&self, counts: impl Iterator<Item = (f64, f64)> + Clone) -> Values<Option<f64>> {
        let (positives, negatives) = counts.clone().fold((0.0, 0.0), |sums, one| (sums.0 + one.0, sums.1 + one.1));
        let mut pass = RankingPass::new(positives, negatives);
        for (positives, negatives) in counts {
            // A bin that was not drawn at all is no score.
            if positives + negatives > 0.0 {
                pass.add(ScoreGroup { score: 0.0, positives, negatives });
            }
        }
        let curve = pass.finish();
        Values {
            average_precision: curve.average_precision,
            kolmogorov_smirnov: curve.kolmogorov_smirnov,
            capture: curve.top_decile_capture,
        }
    }
}

/// One thing for each bootstrapped metric.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Values<T> {
    pub(crate) average_precision: T,
    pub(crate) kolmogorov_smirnov: T,
    /// Top-decile capture; ten times it is the lift.
    pub(crate) capture: T,
}

/// Bias-corrected percentile interval (Efron 1981) of `replicates`, moved from the binned value to the exact one.
fn percentile(mut replicates: Vec<f64>, binned: Option<f64>, exact: f64) -> Result<Interval, String> {
    let (Some(binned), true) = (binned, exact > 0.0 && exact < 1.0) else {
        return Err("at the end of its range the bootstrap says nothing".to_owned());
    };
    let drawn = replicates.len();
    if drawn + EMPTY_MAX < REPLICATES {
        return Err("there are too few rows of a class for the bootstrap".to_owned());
    }
    replicates.sort_unstable_by(f64::total_cmp);
    let below = replicates.partition_point(|value| *value < binned);
    let ties = replicates.partition_point(|value| *value <= binned) - below;
    // Half of the ties are below. Half a replicate keeps the quantile finite.
    let share = (below as f64 + ties as f64 / 2.0).clamp(0.5, drawn as f64 - 0.5) / drawn as f64;
    let bias = random::normal_quantile(share);
    let end = |z: f64| {
        let place = random::normal_distribution(2.0 * bias + z) * (drawn as f64 + 1.0);
        let place = (place.round() as usize).clamp(1, drawn);
        let value = replicates.get(place - 1).copied().unwrap_or(f64::NAN);
        if binned == exact { value } else { expit(log_odds(value) + log_odds(exact) - log_odds(binned)) }
    };
    let (low, high) = (end(-interval::Z), end(interval::Z));
    if low == high {
        return Err(NO_VARIANCE.to_owned());
    }
    interval::interval(low, high, "poisson-bootstrap").ok_or_else(|| NO_VARIANCE.to_owned())
}

fn log_odds(share: f64) -> f64 {
    libm::log(share / (1.0 - share))
}

#[cfg(test)]
mod tests {
    use super::super::ranking_curve::ranking_curve;
    use super::*;

    /// Rows at equally spaced scores, positive with the probability of the score squared.
    fn groups(rows: u64) -> Vec<ScoreGroup> {
        (0..rows)
            .map(|row| {
                let score = (row as f64 + 0.5) / rows as f64;
                let positive = f64::from(u8::from(random::uniform(row) < score * score));
                ScoreGroup { score, positives: positive, negatives: 1.0 - positive }
            })
            .collect()
    }

    fn run(groups: &[ScoreGroup]) -> (Values<f64>, Values<Result<Interval, String>>) {
        let curve = ranking_curve(groups);
        let sum = |class: fn(&ScoreGroup) -> f64| groups.iter().map(class).sum::<f64>() as u64;
        let (positives, negatives) = (sum(|group| group.positives), sum(|group| group.negatives));
        let mut bins = ScoreBins::new(positives, negatives, groups.len() as u64);
        groups.iter().for_each(|group| bins.add(*group));
        assert!(bins.bins.len() <= BINS_MAX);
        let exact = Values {
            average_precision: curve.average_precision.unwrap_or(f64::NAN),
            kolmogorov_smirnov: curve.kolmogorov_smirnov.unwrap_or(f64::NAN),
            capture: curve.top_decile_capture.unwrap_or(f64::NAN),
        };
        (exact.clone(), bins.intervals(exact))
    }

    #[test]
    fn intervals_hold_the_values_and_shrink_with_the_root_of_the_rows() {
        let [few, many] = [1000, 16_000].map(|rows| run(&groups(rows)));
        for (exact, intervals) in [&few, &many] {
            let pairs = [
                (exact.average_precision, &intervals.average_precision),
                (exact.kolmogorov_smirnov, &intervals.kolmogorov_smirnov),
                (exact.capture, &intervals.capture),
            ];
            for (value, interval) in pairs {
                let interval = interval.as_ref().unwrap();
                assert!(interval.low < value && value < interval.high, "{value} {interval:?}");
            }
        }
        let width = |interval: &Result<Interval, String>| interval.as_ref().map(|ends| ends.high - ends.low).unwrap();
        let ratio = width(&few.1.average_precision) / width(&many.1.average_precision);
        assert!((3.0..5.0).contains(&ratio), "{ratio}");
    }

    #[test]
    fn what_has_no_interval_says_why() {
        let reason = |groups: &[ScoreGroup]| run(groups).1.average_precision.unwrap_err();
        let group = |score, positives, negatives| ScoreGroup { score, positives, negatives };
        assert!(reason(&[]).starts_with("at the end"));
        assert!(reason(&[group(0.1, 0.0, 9.0), group(0.2, 9.0, 0.0)]).starts_with("at the end"));
        assert!(reason(&[group(0.1, 1.0, 9.0), group(0.2, 0.0, 9.0)]).starts_with("there are too few rows"));
    }

    #[test]
    fn a_large_tie_is_one_bin() {
        let mut rows = groups(3000);
        rows[1500].negatives = 1e6;
        let (exact, intervals) = run(&rows);
        let interval = intervals.capture.unwrap();
        assert!(interval.low < exact.capture && exact.capture < interval.high);
    }
}
