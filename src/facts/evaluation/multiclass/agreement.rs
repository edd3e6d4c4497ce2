//! Agreement of label and prediction over a table of classes: Matthews' correlation and Cohen's kappa.

use super::super::exact_sum::{ExactSum, exact_sum};
use super::rates::{Mass, Tally};

/// The margins and the diagonal of a table of K classes as shares of all rows.
pub(crate) struct Agreement {
    /// Share of each class among labels.
    labelled: Vec<f64>,
    /// Share of each class among predictions.
    predicted: Vec<f64>,
    /// Shares of all other classes, without the cancellation of 1 − share.
    others_labelled: Vec<f64>,
    others_predicted: Vec<f64>,
    /// Share of rows where both agree.
    agree: f64,
    /// agree − Σ labelled·predicted.
    beyond_chance: f64,
}

/// A value, and its derivative by the share of a row.
pub(crate) struct Estimate<F> {
    pub(crate) value: f64,
    /// For a row's label and prediction. The mean over rows is zero, and the variance of the value that of the mean.
    pub(crate) influence: F,
}

impl Agreement {
    pub(crate) fn new(tally: &Tally) -> Self {
        let total = exact_sum(tally.labelled.iter().map(|mass| mass.mass));
        let shares = |masses: &[Mass]| -> Vec<f64> { masses.iter().map(|mass| mass.mass / total).collect() };
        let correct = exact_sum(tally.both.iter().map(|mass| mass.mass));
        // c·s − Σ tₖpₖ, class by class, without the cancellation where one class outweighs all others.
        let mut beyond = ExactSum::default();
        for (both, neither) in tally.both.iter().zip(&tally.neither) {
            add_product(&mut beyond, both.mass, neither.mass);
        }
        for (missed, wrong) in tally.missed.iter().zip(&tally.wrong) {
            add_product(&mut beyond, -missed.mass, wrong.mass);
        }
        Self {
            labelled: shares(&tally.labelled),
            predicted: shares(&tally.predicted),
            others_labelled: others(&tally.labelled, total),
            others_predicted: others(&tally.predicted, total),
            agree: correct / total,
            beyond_chance: beyond.value() / (total * total),
        }
    }

    /// The derivative of `beyond_chance` by the share of a row, less what all rows have in common.
    fn beyond_chance_of(&self, label: usize, predicted: usize) -> f64 {
        let agrees = f64::from(u8::from(label == predicted));
        // In pairs that cancel exactly where only one class is predicted, or only one occurs.
        (agrees - at(&self.predicted, label)) + (self.agree - at(&self.labelled, predicted))
    }

    /// R_K (Gorodkin, Computational Biology and Chemistry 28, 2004): (c·s − Σ pₖtₖ) / √((s² − Σ pₖ²)(s² − Σ tₖ²)) with
    /// s rows, c of them right, and pₖ and tₖ of class k by prediction and by label. None if either margin has one
    /// class only. With two classes it is φ, and so is its influence.
    pub(crate) fn matthews(&self) -> Option<Estimate<impl Fn(usize, usize) -> f64>> {
        let spread = |shares: &[f64], others: &[f64]| exact_sum(shares.iter().zip(others).map(|(p, rest)| p * rest));
        let of_labels = spread(&self.labelled, &self.others_labelled);
        let of_predictions = spread(&self.predicted, &self.others_predicted);
        let product = of_labels * of_predictions;
        // Two roots where the product would leave the range of numbers; one root is exact where both are equal.
        let scale = if product.is_normal() { product.sqrt() } else { of_labels.sqrt() * of_predictions.sqrt() };
        if scale <= 0.0 {
            return None;
        }
        let value = (self.beyond_chance / scale).clamp(-1.0, 1.0);
        let influence = move |label: usize, predicted: usize| {
            let margins =
                at(&self.others_predicted, predicted) / of_predictions + at(&self.others_labelled, label) / of_labels;
            self.beyond_chance_of(label, predicted) / scale - value * margins
        };
        Some(Estimate { value, influence })
    }

    /// Cohen's kappa, (observed − chance) / (1 − chance) agreement. None if chance alone agrees always. The influence
    /// is that of Fleiss, Cohen and Everitt (Psychological Bulletin 72, 1969).
    pub(crate) fn kappa(&self) -> Option<Estimate<impl Fn(usize, usize) -> f64>> {
        let apart = exact_sum(self.predicted.iter().zip(&self.others_labelled).map(|(p, rest)| p * rest));
        if apart <= 0.0 {
            return None;
        }
        // Sums that are each rounded once can make a quotient of one and a bit.
        let value = (self.beyond_chance / apart).min(1.0);
        let influence = move |label: usize, predicted: usize| {
            let margins = at(&self.others_labelled, predicted) + at(&self.others_predicted, label);
            (self.beyond_chance_of(label, predicted) - value * margins) / apart
        };
        Some(Estimate { value, influence })
    }
}

fn at(shares: &[f64], class: usize) -> f64 {
    shares.get(class).copied().unwrap_or(f64::NAN)
}

/// For each class the share of all others.
fn others(masses: &[Mass], total: f64) -> Vec<f64> {
    let mut sum = ExactSum::default();
    masses.iter().for_each(|mass| sum.add(mass.mass));
    masses
        .iter()
        .map(|mass| {
            let mut rest = sum.clone();
            rest.add(-mass.mass);
            rest.value() / total
        })
        .collect()
}

/// Adds left · right as two doubles that hold it exactly, but for underflow.
pub(crate) fn add_product(sum: &mut ExactSum, left: f64, right: f64) {
    let product = left * right;
    sum.add(product);
    sum.add(libm::fma(left, right, -product));
}
