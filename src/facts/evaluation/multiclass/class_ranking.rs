//! How a column of scores ranks the rows of one class above those of all others, and of each other.
//!
//! Rows are walked once in descending order of the score, ties together. Pairs are counted as whole numbers, a tie as
//! half of one; with weights a pair counts the product of its two.

use super::super::exact_sum::{ExactSum, exact_sum};
use super::super::sample::{NO_VARIANCE, Sample, at, power_of_two};
use super::agreement::add_product;

/// A row as it is walked.
#[derive(Debug, Clone, Copy)]
struct Entry {
    score: f64,
    label: usize,
    weight: f64,
    row: usize,
}

/// The rows of one class at one score.
#[derive(Debug, Clone, Copy)]
struct Run {
    label: usize,
    mass: f64,
    rows: usize,
}

/// The labels of rows, and the weight of each class.
pub(crate) struct Labels<'a, F> {
    pub(crate) sample: &'a Sample<'a>,
    /// The class of a row.
    pub(crate) of: F,
    pub(crate) masses: Vec<f64>,
}

/// What a column of scores is worth for its class. Influences are derivatives by the weight of each row; the weighted
/// sum over rows of each is zero.
pub(crate) struct ClassRanking {
    /// Area under the ROC curve of the class against all others: pairs won over all pairs.
    pub(crate) area: f64,
    pub(crate) area_influence: Vec<f64>,
    /// Sum over the other classes of the area of the class against each.
    pub(crate) pairwise: f64,
    pub(crate) pairwise_influence: Vec<f64>,
    /// Σ over distinct scores of precision · step in recall.
    pub(crate) precision: f64,
    pub(crate) precision_influence: Vec<f64>,
}

/// Sums down to a group of tied rows, that excluded.
#[derive(Debug, Clone, Copy, Default)]
struct Above {
    class: f64,
    others: f64,
    /// Σ over other classes of their rows above, as a share of all their rows.
    shares: f64,
}

impl<F: Fn(usize) -> usize> Labels<'_, F> {
    /// Ranks the rows by `score` for `class`. A class that is not among the labels, or is all of them, has values that
    /// are no numbers.
    pub(crate) fn rank(&self, score: &[f64], class: usize) -> ClassRanking {
        let walk = Walk::new(self, score, class);
        let count = walk.count();
        walk.influences(&count)
    }

    fn mass(&self, class: usize) -> f64 {
        at(&self.masses, class)
    }
}

/// What pairs and precisions add up to.
struct Count {
    /// The area of the class against each other, and 0 against itself.
    areas: Vec<f64>,
    /// The area against all others.
    area: f64,
    precision: f64,
}

struct Walk<'a, F> {
    labels: &'a Labels<'a, F>,
    class: usize,
    entries: Vec<Entry>,
    /// Runs of equal score and class, in the order of the entries, and how many runs have the same score.
    runs: Vec<Run>,
    groups: Vec<usize>,
    /// Weight of the class, and of all others.
    own: f64,
    others: f64,
}

impl<'a, F: Fn(usize) -> usize> Walk<'a, F> {
    fn new(labels: &'a Labels<'a, F>, score: &[f64], class: usize) -> Self {
        let sample = labels.sample;
        let mut entries: Vec<Entry> = sample
            .rows()
            // Adding zero turns −0 into 0, which is the same score.
            .map(|row| Entry { score: at(score, row) + 0.0, label: (labels.of)(row), weight: sample.weight(row), row })
            .collect();
        entries.sort_unstable_by(|left, right| {
            let order = right.score.total_cmp(&left.score).then(left.label.cmp(&right.label));
            order.then(left.weight.total_cmp(&right.weight))
        });
        let (mut runs, mut groups) = (Vec::new(), Vec::new());
        for group in entries.chunk_by(|left, right| left.score == right.score) {
            let before = runs.len();
            runs.extend(group.chunk_by(|left, right| left.label == right.label).map(|run| Run {
                label: run.first().map_or(usize::MAX, |entry| entry.label),
                mass: run.iter().map(|entry| entry.weight).sum(),
                rows: run.len(),
            }));
            groups.push(runs.len() - before);
        }
        let rest = labels.masses.iter().enumerate().filter(|(other, _)| *other != class);
        let others = exact_sum(rest.map(|(_, mass)| *mass));
        Self { labels, class, entries, runs, groups, own: labels.mass(class), others }
    }

    /// The runs of each group of tied rows, by descending score.
    fn groups(&self) -> impl DoubleEndedIterator<Item = &[Run]> {
        let mut start = 0;
        let starts: Vec<(usize, usize)> = self
            .groups
            .iter()
            .map(|runs| {
                start += runs;
                (start - runs, start)
            })
            .collect();
        starts.into_iter().map(|(start, end)| self.runs.get(start..end).unwrap_or_default())
    }

    /// The mass of the class, and of all others, in a group.
    fn masses(&self, group: &[Run]) -> (f64, f64) {
        let sum = |own: bool| group.iter().filter(|run| (run.label == self.class) == own).map(|run| run.mass).sum();
        (sum(true), sum(false))
    }

    /// Walks down the scores. Masses are divided by a power of two each, so that no product of two small ones leaves the
    /// range of numbers.
    fn count(&self) -> Count {
        let masses = &self.labels.masses;
        let units: Vec<f64> = masses.iter().map(|mass| power_of_two(*mass)).collect();
        let (unit, unit_of_others) = (power_of_two(self.own), power_of_two(self.others));
        let mut wins = vec![ExactSum::default(); masses.len()];
        let (mut all, mut precision) = (ExactSum::default(), ExactSum::default());
        let (mut above, mut selected) = (0.0, 0.0);
        for group in self.groups() {
            let (tied, others) = self.masses(group);
            let placed = (above + tied / 2.0) / unit;
            add_product(&mut all, others / unit_of_others, placed);
            for run in group.iter().filter(|run| run.label != self.class) {
                if let Some(wins) = wins.get_mut(run.label) {
                    add_product(wins, run.mass / at(&units, run.label), placed);
                }
            }
            above += tied;
            selected += tied + others;
            precision.add(tied / self.own * (above / selected));
        }
        let share = |wins: &ExactSum, mass: f64, of: f64| wins.value() / (self.own / unit * (mass / of));
        let areas = wins
            .iter()
            .zip(masses)
            .zip(&units)
            .enumerate()
            .map(|(other, ((wins, mass), of))| if other == self.class { 0.0 } else { share(wins, *mass, *of) });
        Count { areas: areas.collect(), area: share(&all, self.others, unit_of_others), precision: precision.value() }
    }

    fn influences(&self, count: &Count) -> ClassRanking {
        let Count { areas, area, precision } = count;
        let (area, precision) = (*area, *precision);
        let pairwise = exact_sum(areas.iter().copied());
        let other_classes = (areas.len() as f64 - 1.0).max(0.0);
        let falls = self.falls();
        // In the order of the rows that are walked, and then in that of all rows.
        let len = self.entries.iter().map(|entry| entry.row + 1).max().unwrap_or(0);
        let empty = || vec![0.0; len];
        let mut ranking = ClassRanking {
            area,
            area_influence: empty(),
            pairwise,
            pairwise_influence: empty(),
            precision,
            precision_influence: empty(),
        };
        let mut above = Above::default();
        let mut entries = self.entries.iter();
        for (group, (at_score, rising, falling)) in self.groups().zip(falls) {
            let (tied, tied_others) = self.masses(group);
            let tied_shares: f64 = group
                .iter()
                .filter(|run| run.label != self.class)
                .map(|run| run.mass / self.labels.mass(run.label))
                .sum();
            let below = self.others - above.others - tied_others / 2.0;
            let placed = (above.class + tied / 2.0) / self.own;
            for run in group {
                let of_run = if run.label == self.class {
                    let pairs = other_classes - above.shares - tied_shares / 2.0;
                    let precise = at_score - precision + rising - falling;
                    [below / self.others - area, pairs - pairwise, precise].map(|part| part / self.own)
                } else {
                    let pair = (placed - at(areas, run.label)) / self.labels.mass(run.label);
                    [(placed - area) / self.others, pair, -falling / self.own]
                };
                for entry in entries.by_ref().take(run.rows) {
                    ranking.set(entry.row, of_run);
                }
            }
            above.class += tied;
            above.others += tied_others;
            above.shares += tied_shares;
        }
        ranking
    }

    /// For each group the precision at its score, and what a row there adds to the average precision through all rows
    /// of the class at or below it, if it is one of the class and if it is not: its derivative is
    /// [y(P(s) − AP) + Σ over the class at or below s of w(y − P)/T] / W with P the precision at a score, T the weight
    /// at and above it and W that of the class.
    fn falls(&self) -> Vec<(f64, f64, f64)> {
        let (mut found, mut selected) = (0.0, 0.0);
        let mut falls: Vec<(f64, f64, f64)> = self
            .groups()
            .map(|group| {
                let (tied, others) = self.masses(group);
                found += tied;
                selected += tied + others;
                (found / selected, tied / selected, tied / selected * (found / selected))
            })
            .collect();
        let (mut rising, mut falling) = (0.0, 0.0);
        for (_, rise, fall) in falls.iter_mut().rev() {
            rising += *rise;
            falling += *fall;
            (*rise, *fall) = (rising, falling);
        }
        falls
    }
}

impl ClassRanking {
    fn set(&mut self, row: usize, parts: [f64; 3]) {
        let columns = [&mut self.area_influence, &mut self.pairwise_influence, &mut self.precision_influence];
        for (column, part) in columns.into_iter().zip(parts) {
            if let Some(place) = column.get_mut(row) {
                *place = part;
            }
        }
    }

    /// Standard error of the area after DeLong, DeLong and Clarke-Pearson (Biometrics 44, 1988) where rows are
    /// independent, and after Obuchowski (Biometrics 53, 1997) where they come in clusters; with weights, placements and
    /// their sums are weighted. With A and B the sums of influences over a cluster's rows inside and outside the class,
    /// the variance is I₁/(I₁ − 1) Σ A² + I₀/(I₀ − 1) Σ B² + 2 I/(I − 1) Σ AB, where I, I₁ and I₀ count the clusters,
    /// those with a row of the class and those with one of another.
    pub(crate) fn area_error(&self, sample: &Sample<'_>, inside: impl Fn(usize) -> bool) -> Result<f64, String> {
        let of = |class: bool| {
            let within = |row: usize| f64::from(u8::from(inside(row) == class));
            let sums = sample.unit_sums(|row| within(row) * at(&self.area_influence, row));
            let units = sample.unit_sums(within).iter().filter(|mass| **mass > 0.0).count();
            (sums, units)
        };
        let ((own, of_own), (other, of_other)) = (of(true), of(false));
        if of_own < 2 || of_other < 2 {
            let reason = match sample.is_clustered() {
                true => "a class is in fewer than two clusters",
                false => "the DeLong variance needs two rows of each class",
            };
            return Err(reason.to_owned());
        }
        let correction = |units: usize| units as f64 / (units as f64 - 1.0);
        let sum = |left: &[f64], right: &[f64]| exact_sum(left.iter().zip(right).map(|(left, right)| left * right));
        let variance = correction(of_own) * sum(&own, &own)
            + correction(of_other) * sum(&other, &other)
            + 2.0 * correction(own.len()) * sum(&own, &other);
        if variance > 0.0 { Ok(variance.sqrt()) } else { Err(NO_VARIANCE.to_owned()) }
    }
}
