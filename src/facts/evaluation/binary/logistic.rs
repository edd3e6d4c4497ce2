//! Logistic regression of the outcome on the score's logit, over groups of rows with (nearly) one logit.

use serde::{Deserialize, Serialize};

use super::super::fixed::{self, FixedSum, Scale, WINDOW_TERMS, Window};
use super::super::interval;

/// Scores are kept this far from 0 and 1, as in the log loss (the machine epsilon).
pub(crate) const CLIP: f64 = f64::EPSILON;

/// Steps of Newton's method, each halved at most [`HALVINGS_MAX`] times. Ten are usual.
const STEPS_MAX: u32 = 100;
const HALVINGS_MAX: u32 = 64;
/// A step is no longer than this in either parameter: from where the curvature has all but vanished it would be 2⁵²
/// times too long, and end where it vanishes on the other side.
const STEP_MAX: f64 = 8.0;
/// Newton's method has converged when a step changes no parameter by more, relative to it or to one.
const TOLERANCE: f64 = 1e-14;
/// Steps below this are not checked for a rise of the likelihood.
const SMALL_STEP: f64 = 1e-4;

/// ln(p / (1 − p)) of the score, clipped.
pub(crate) fn logit(score: f64) -> f64 {
    let clipped = score.clamp(CLIP, 1.0 - CLIP);
    libm::log(clipped / (1.0 - clipped))
}

/// 1 / (1 + e^−x).
pub(crate) fn expit(x: f64) -> f64 {
    1.0 / (1.0 + libm::exp(-x))
}

/// Rows with one logit. Counts, or sums of weights.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct LogitGroup {
    pub(crate) logit: f64,
    pub(crate) rows: f64,
    pub(crate) positives: f64,
}

/// Why there is no fit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum NoFit {
    /// The likelihood has no maximum, for this reason.
    Undefined(&'static str),
    /// Newton's method did not get there.
    NotConverged,
}

/// The lowest and the highest logit of each class.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub(crate) struct Range {
    positives: (f64, f64),
    negatives: (f64, f64),
}

impl Default for Range {
    fn default() -> Self {
        let none = (f64::INFINITY, f64::NEG_INFINITY);
        Self { positives: none, negatives: none }
    }
}

impl Range {
    fn add(&mut self, group: &LogitGroup) {
        let widen = |range: &mut (f64, f64)| *range = (range.0.min(group.logit), range.1.max(group.logit));
        if group.positives > 0.0 {
            widen(&mut self.positives);
        }
        if group.rows > group.positives {
            widen(&mut self.negatives);
        }
    }

    fn merge(&mut self, other: &Self) {
        let widen = |range: &mut (f64, f64), other: (f64, f64)| *range = (range.0.min(other.0), range.1.max(other.1));
        widen(&mut self.positives, other.positives);
        widen(&mut self.negatives, other.negatives);
    }

    fn check_intercept(&self) -> Result<(), NoFit> {
        match (self.positives.0 <= self.positives.1, self.negatives.0 <= self.negatives.1) {
            (true, true) => Ok(()),
            (false, false) => Err(NoFit::Undefined("there are no rows")),
            _ => Err(NoFit::Undefined("only one of the two classes occurs")),
        }
    }

    /// With one regressor the maximum exists if and only if the ranges of the classes overlap in more than a
    /// point (Silvapulle 1981; Albert and Anderson 1984).
    fn check_slope(&self) -> Result<(), NoFit> {
        self.check_intercept()?;
        let lowest = self.positives.0.min(self.negatives.0);
        let highest = self.positives.1.max(self.negatives.1);
        if lowest == highest {
            return Err(NoFit::Undefined("the scores are constant"));
        }
        if self.negatives.1 <= self.positives.0 || self.positives.1 <= self.negatives.0 {
            return Err(NoFit::Undefined("the scores separate the classes: the slope has no finite estimate"));
        }
        Ok(())
    }
}

/// Groups in ascending order of logit, and what decides whether a fit exists.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct LogitGroups {
    groups: Vec<LogitGroup>,
    range: Range,
}

impl LogitGroups {
    /// One group for each distinct logit, in ascending order.
    pub(crate) fn exact(groups: Vec<LogitGroup>) -> Self {
        let mut range = Range::default();
        groups.iter().for_each(|group| range.add(group));
        Self { groups, range }
    }

    #[cfg(test)]
    pub(crate) fn len(&self) -> usize {
        self.groups.len()
    }
}

/// Groups up to which a fit uses each distinct logit; beyond it they are compressed.
pub(crate) const EXACT_GROUPS_MAX: usize = 1 << 16;

/// Bins of [`Compressor`].
pub(crate) const COMPRESSION_BINS: usize = 4096;

/// Brings any number of groups down to at most two for each of [`COMPRESSION_BINS`] bins of equal width in the logit.
///
/// The two are the nodes of the Gauss quadrature of the bin's rows: they have the number of its rows, and the
/// mean, variance and skewness of its logits. The positives are divided so that their number and the sum of their
/// logits are kept. The score equations Σ y = Σ p and Σ xy = Σ xp then hold without error on the left. On the right
/// the error is at most h⁴/1536 times the largest fourth derivative (the remainder of a two-point Gauss quadrature over
/// a bin of width h): a row adds less than 8.4e-5 (bh)⁴ to the first and 3.3e-4 (bh)⁴/b to the second, for a slope b.
/// Over the widest range of logits, ±36, h is 0.0176: 8e-12 and 3.2e-11 for a slope of one. Measured on a million
/// distinct logits of nine shapes, slope and intercept moved by at most 2e-12 of themselves (slope 5 over the whole
/// range; 1e-13 for slopes up to 1.3) and 4e-10 of a standard error. With no more than two distinct logits in a bin
/// there is no error but rounding.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(from = "SentCompressor", into = "SentCompressor")]
pub(crate) struct Compressor {
    lowest: f64,
    width: f64,
    /// One over the width, or 0 where all logits are the same.
    per_width: f64,
    bins: Vec<Moments>,
    range: Range,
}

/// Sums over the rows of a bin, of powers of the distance to its middle in units of its width. They are the same bits
/// for any order of rows, unless these have weights.
#[derive(Debug, Clone, Copy, Default, Serialize, Deserialize)]
struct Moments {
    rows: f64,
    first: FixedSum,
    second: FixedSum,
    third: FixedSum,
    positives: f64,
    positives_first: FixedSum,
    /// The smallest and the largest distance.
    ends: Option<(f64, f64)>,
}

/// Groups, column by column.
#[derive(Debug, Default)]
pub(crate) struct LogitColumns {
    pub(crate) logits: Vec<f64>,
    pub(crate) rows: Vec<f64>,
    pub(crate) positives: Vec<f64>,
}

/// Some of them.
#[derive(Debug, Clone, Copy)]
struct Columns<'a> {
    logits: &'a [f64],
    rows: &'a [f64],
    positives: &'a [f64],
}

/// Groups that are taken at a time.
const CHUNK_GROUPS: usize = 32;
/// More than by what the logits of ascending scores are out of order: rounding moves them by less than 2⁻⁴⁶.
const DISORDER_MAX: f64 = 1e-9;

impl LogitColumns {
    fn chunks(&self) -> impl Iterator<Item = Columns<'_>> {
        let columns = self.logits.chunks(CHUNK_GROUPS).zip(self.rows.chunks(CHUNK_GROUPS));
        let columns = columns.zip(self.positives.chunks(CHUNK_GROUPS));
        columns.map(|((logits, rows), positives)| Columns { logits, rows, positives })
    }

    /// Takes the logits of either class into `range`.
    fn widen(&self, range: &mut Range) {
        let all = Columns { logits: &self.logits, rows: &self.rows, positives: &self.positives };
        let positives = all.ends(|_, positives| positives > 0.0);
        let negatives = all.ends(|rows, positives| rows > positives);
        range.merge(&Range { positives, negatives });
    }
}

impl<'a> Columns<'a> {
    fn groups(self) -> impl DoubleEndedIterator<Item = LogitGroup> + ExactSizeIterator + use<'a> {
        let columns = self.logits.iter().zip(self.rows).zip(self.positives);
        columns.map(|((logit, rows), positives)| LogitGroup { logit: *logit, rows: *rows, positives: *positives })
    }

    /// The lowest and the highest logit of groups whose rows and positives are `wanted`; the other way round where there
    /// is none. They are near the first and the last.
    fn ends(self, wanted: impl Fn(f64, f64) -> bool) -> (f64, f64) {
        let wanted = |group: &LogitGroup| wanted(group.rows, group.positives);
        let first = self.groups().find(wanted).map(|group| group.logit);
        let last = self.groups().rev().find(wanted).map(|group| group.logit);
        let (Some(first), Some(last)) = (first, last) else { return Range::default().positives };
        let near_first = self.groups().skip_while(|group| !wanted(group));
        let near_first = near_first.take_while(|group| group.logit <= first + DISORDER_MAX).filter(wanted);
        let near_last = self.groups().rev().skip_while(|group| !wanted(group));
        let near_last = near_last.take_while(|group| group.logit >= last - DISORDER_MAX).filter(wanted);
        let lowest = near_first.fold(first, |lowest, group| lowest.min(group.logit));
        (lowest, near_last.fold(last, |highest, group| highest.max(group.logit)))
    }
}

/// Sums of [`Moments`].
const SUMS: usize = 4;
/// Distances are at most one, and so is each term of a group of one row.
const SCALE_BITS: u32 = 42;
const SCALE: Scale<SUMS> = Scale::new([SCALE_BITS; SUMS]);
type Words = fixed::Words<SCALE_BITS>;
/// Rows of a group whose terms that scale allows.
const GROUP_ROWS_MAX: f64 = 512.0;
/// 2⁵², whose last bits count from 0.
const COUNTING: f64 = 4_503_599_627_370_496.0;

/// Neighbouring groups in one bin.
#[derive(Debug, Clone, Copy)]
struct Run {
    sums: Window<SUMS>,
    rows: f64,
    positives: f64,
    ends: (f64, f64),
}

impl Default for Run {
    fn default() -> Self {
        Self { sums: Window::default(), rows: 0.0, positives: 0.0, ends: (f64::INFINITY, f64::NEG_INFINITY) }
    }
}

impl LogitGroup {
    /// What it adds to the sums of [`Moments`] at a distance.
    fn terms(&self, distance: f64) -> [f64; SUMS] {
        let Self { rows, positives, .. } = self;
        let [first, second] = [rows * distance, rows * distance * distance];
        [first, second, second * distance, positives * distance]
    }
}

/// A compressor without the bins that have no rows.
#[derive(Debug, Serialize, Deserialize)]
struct SentCompressor {
    lowest: f64,
    width: f64,
    per_width: f64,
    bins: Vec<(u32, Moments)>,
    range: Range,
}

impl From<Compressor> for SentCompressor {
    fn from(compressor: Compressor) -> Self {
        let Compressor { lowest, width, per_width, bins, range } = compressor;
        let filled = (0..).zip(bins).filter(|(_, bin)| bin.rows > 0.0);
        Self { lowest, width, per_width, bins: filled.collect(), range }
    }
}

impl From<SentCompressor> for Compressor {
    fn from(sent: SentCompressor) -> Self {
        let SentCompressor { lowest, width, per_width, bins: filled, range } = sent;
        let mut bins = vec![Moments::default(); COMPRESSION_BINS];
        for (place, moments) in filled {
            if let Some(bin) = bins.get_mut(place as usize) {
                *bin = moments;
            }
        }
        Self { lowest, width, per_width, bins, range }
    }
}

impl Compressor {
    /// For logits from `lowest` to `highest`.
    pub(crate) fn new(lowest: f64, highest: f64) -> Self {
        let width = (highest - lowest).max(0.0) / COMPRESSION_BINS as f64;
        let per_width = if width > 0.0 { 1.0 / width } else { 0.0 };
        Self { lowest, width, per_width, bins: vec![Moments::default(); COMPRESSION_BINS], range: Range::default() }
    }

    fn middle(&self, bin: usize) -> f64 {
        self.lowest + (bin as f64 + 0.5) * self.width
    }

    /// The bin of a logit, and its distance to the middle in units of the width.
    fn place(&self, logit: f64) -> (usize, f64) {
        let place = (logit - self.lowest) * self.per_width;
        // The cast saturates, also from NaN.
        let index = (place as usize).min(COMPRESSION_BINS - 1);
        (index, place - (index as f64 + 0.5))
    }

    /// Takes a group.
    pub(crate) fn add(&mut self, group: LogitGroup) {
        self.range.add(&group);
        let (index, distance) = self.place(group.logit);
        if let Some(bin) = self.bins.get_mut(index) {
            let (lowest, highest) = bin.ends.unwrap_or((distance, distance));
            bin.ends = Some((lowest.min(distance), highest.max(distance)));
            bin.rows += group.rows;
            bin.positives += group.positives;
            bin.add_terms(group.terms(distance));
        }
    }

    /// Takes groups whose rows are counts, in ascending order of their scores: some that are in one bin at a time.
    pub(crate) fn add_ascending(&mut self, groups: &LogitColumns) {
        let (mut bin, mut run) = (0, Run::default());
        for chunk in groups.chunks() {
            let (index, _) = self.place(chunk.logits.first().copied().unwrap_or_default());
            if index != bin || run.rows + CHUNK_GROUPS as f64 * GROUP_ROWS_MAX > WINDOW_TERMS as f64 {
                self.end(bin, &mut run);
                bin = index;
            }
            if !self.run(bin, chunk, &mut run) {
                chunk.groups().for_each(|group| self.add(group));
            }
        }
        self.end(bin, &mut run);
        groups.widen(&mut self.range);
    }

    /// Adds groups to a run in `bin`; false, and nothing is added, if one is in another bin or has too many rows, or a term
    /// has bits for which there is no place.
    fn run(&self, bin: usize, chunk: Columns<'_>, run: &mut Run) -> bool {
        let (start, middle) = (bin as f64, bin as f64 + 0.5);
        // The first bin and the last have what rounding moved beyond their ends.
        let low = if bin == 0 { -0.5 } else { start };
        let high = if bin == COMPRESSION_BINS - 1 { start + 1.5 } else { start + 1.0 };
        let [mut first, mut second, mut third, mut of_positives] = [Words::default(); SUMS];
        let (mut rows, mut positives, mut is_inside) = (0_u64, 0_u64, true);
        for ((logit, group_rows), group_positives) in chunk.logits.iter().zip(chunk.rows).zip(chunk.positives) {
            let place = (logit - self.lowest) * self.per_width;
            is_inside &= (place >= low) & (place < high) & (*group_rows <= GROUP_ROWS_MAX);
            let distance = place - middle;
            let term = group_rows * distance;
            first.add(term);
            second.add(term * distance);
            third.add(term * distance * distance);
            of_positives.add(group_positives * distance);
            rows = rows.wrapping_add((group_rows + COUNTING).to_bits());
            positives = positives.wrapping_add((group_positives + COUNTING).to_bits());
        }
        let groups = chunk.logits.len() as u64;
        let fits = is_inside && run.sums.add_words([first, second, third, of_positives], groups);
        if fits {
            let count = |sum: u64| sum.wrapping_sub(groups.wrapping_mul(COUNTING.to_bits())) as f64;
            run.rows += count(rows);
            run.positives += count(positives);
            let distance = |logit: f64| (logit - self.lowest) * self.per_width - middle;
            let (lowest, highest) = chunk.ends(|_, _| true);
            // Neither subtraction nor product changes the order.
            run.ends = (run.ends.0.min(distance(lowest)), run.ends.1.max(distance(highest)));
        }
        fits
    }

    /// Moves what a run of groups came to to their bin.
    fn end(&mut self, bin: usize, run: &mut Run) {
        let Run { mut sums, rows, positives, ends } = std::mem::take(run);
        if let Some(bin) = self.bins.get_mut(bin).filter(|_| rows > 0.0) {
            let (lowest, highest) = bin.ends.unwrap_or(ends);
            bin.ends = Some((lowest.min(ends.0), highest.max(ends.1)));
            bin.rows += rows;
            bin.positives += positives;
            sums.fold(&SCALE, bin.sums());
        }
    }

    /// Adds what another took, which is for the same logits.
    pub(crate) fn merge(&mut self, other: &Self) {
        self.range.merge(&other.range);
        for (bin, more) in self.bins.iter_mut().zip(&other.bins) {
            let ends = bin.ends.into_iter().chain(more.ends);
            bin.ends = ends.reduce(|left, right| (left.0.min(right.0), left.1.max(right.1)));
            bin.rows += more.rows;
            bin.first.merge(more.first);
            bin.second.merge(more.second);
            bin.third.merge(more.third);
            bin.positives += more.positives;
            bin.positives_first.merge(more.positives_first);
        }
    }

    /// The groups of all that was taken.
    pub(crate) fn finish(self) -> LogitGroups {
        let nodes = self.bins.iter().enumerate().flat_map(|(index, bin)| {
            let middle = self.middle(index);
            bin.nodes().into_iter().flatten().map(move |node| (middle, node))
        });
        let groups =
            nodes.map(|(middle, node)| LogitGroup { logit: middle + node.logit * self.width, ..node }).collect();
        LogitGroups { groups, range: self.range }
    }
}

impl Moments {
    /// The sums, in the order of [`LogitGroup::terms`].
    fn sums(&mut self) -> [&mut FixedSum; SUMS] {
        [&mut self.first, &mut self.second, &mut self.third, &mut self.positives_first]
    }

    fn add_terms(&mut self, terms: [f64; SUMS]) {
        self.sums().into_iter().zip(terms).for_each(|(sum, term)| sum.add(term));
    }

    /// The two nodes, with distances for logits.
    fn nodes(&self) -> [Option<LogitGroup>; 2] {
        let (rows, positives) = (self.rows, self.positives);
        let Some((lowest, highest)) = self.ends.filter(|_| rows > 0.0) else { return [None, None] };
        let mean = self.first.value() / rows;
        let variance = self.second.value() / rows - mean * mean;
        // Distances are below one half. A variance of so little is one of rounding.
        if lowest == highest || variance <= 1e-13 {
            let logit = if lowest == highest { lowest } else { mean };
            return [Some(LogitGroup { logit, rows, positives }), None];
        }
        let third = self.third.value() / rows - 3.0 * mean * variance - mean * mean * mean;
        // The nodes are the roots of t² − (third / variance) t − variance.
        let half = third / variance / 2.0;
        let root = (half * half + variance).sqrt();
        let upper = if half > 0.0 { half + root } else { variance / (root - half) };
        let lower = -variance / upper;
        let upper_rows = rows * (-lower / (upper - lower));
        let positives_mean = self.positives_first.value() - positives * mean;
        let upper_positives = (positives_mean - positives * lower) / (upper - lower);
        let node = |offset: f64, rows: f64, positives: f64| Some(LogitGroup { logit: mean + offset, rows, positives });
        [node(lower, rows - upper_rows, positives - upper_positives), node(upper, upper_rows, upper_positives)]
    }
}

/// A fit of P(y = 1) = expit(intercept + slope · logit), by maximum likelihood.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct LogisticFit {
    pub(crate) intercept: f64,
    pub(crate) slope: f64,
    /// Standard errors from the inverse of the information, if the slope was estimated and if it was held at one.
    pub(crate) intercept_error: f64,
    pub(crate) slope_error: f64,
    centre: f64,
    scale: f64,
    /// Of the intercept at the centre and the slope a scale.
    inverse: Symmetric,
}

/// [[a, b], [b, c]].
#[derive(Debug, Clone, Copy, PartialEq, Default)]
struct Symmetric {
    a: f64,
    b: f64,
    c: f64,
}

impl Symmetric {
    fn inverse(self) -> Option<Self> {
        let determinant = super::confusion::difference_of_products(self.a, self.c, self.b, self.b);
        // Less than this is what rounding leaves of nothing.
        (determinant > 1e-13 * self.a * self.c).then(|| Self {
            a: self.c / determinant,
            b: -self.b / determinant,
            c: self.a / determinant,
        })
    }

    fn damped(self) -> Self {
        let damping = 1e-3 * (self.a + self.c);
        Self { a: self.a + damping, c: self.c + damping, ..self }
    }

    fn times(self, vector: [f64; 2]) -> [f64; 2] {
        let [first, second] = vector;
        [self.a * first + self.b * second, self.b * first + self.c * second]
    }
}

impl LogisticFit {
    /// Intercept and slope.
    pub(crate) fn slope_and_intercept(groups: &LogitGroups) -> Result<Self, NoFit> {
        groups.range.check_slope()?;
        // Centred and scaled, the two parameters hardly depend on each other, and one is a natural unit for both.
        let groups = &groups.groups;
        let rows: f64 = groups.iter().map(|group| group.rows).sum();
        let centre = groups.iter().map(|group| group.rows * group.logit).sum::<f64>() / rows;
        let square = |group: &LogitGroup| group.rows * (group.logit - centre) * (group.logit - centre);
        let scale = (groups.iter().map(square).sum::<f64>() / rows).sqrt();
        let positives: f64 = groups.iter().map(|group| group.positives).sum();
        let start = [libm::log(positives / (rows - positives)), 0.0];
        let newton = Newton { groups, centre, scale, slope_is_free: true };
        let ([intercept, slope], inverse) = newton.solve(start).ok_or(NoFit::NotConverged)?;
        let ratio = centre / scale;
        let variance = inverse.a - 2.0 * ratio * inverse.b + ratio * ratio * inverse.c;
        Ok(Self {
            intercept: intercept - slope * ratio,
            slope: slope / scale,
            intercept_error: variance.sqrt(),
            slope_error: inverse.c.sqrt() / scale,
            centre,
            scale,
            inverse,
        })
    }

    /// The intercept with the slope held at one: calibration in the large.
    pub(crate) fn in_the_large(groups: &LogitGroups) -> Result<Self, NoFit> {
        groups.range.check_intercept()?;
        let newton = Newton { groups: &groups.groups, centre: 0.0, scale: 1.0, slope_is_free: false };
        let ([intercept, slope], inverse) = newton.solve([0.0, 1.0]).ok_or(NoFit::NotConverged)?;
        let intercept_error = inverse.a.sqrt();
        Ok(Self { intercept, slope, intercept_error, slope_error: 0.0, centre: 0.0, scale: 1.0, inverse })
    }

    /// What a row of weight one contributes to the errors of intercept and slope: the information's inverse times its
    /// score (White 1982).
    pub(crate) fn influence(&self, logit: f64, positive: bool) -> [f64; 2] {
        let linear = self.intercept + self.slope * logit;
        let residual = if positive { expit(-linear) } else { -expit(linear) };
        let standard = (logit - self.centre) / self.scale;
        let [intercept, slope] = self.inverse.times([residual, standard * residual]);
        [intercept - slope * (self.centre / self.scale), slope / self.scale]
    }
}

/// Newton's method on the log likelihood, which is concave.
struct Newton<'a> {
    groups: &'a [LogitGroup],
    centre: f64,
    scale: f64,
    slope_is_free: bool,
}

impl Newton<'_> {
    /// The parameters at the maximum, and the inverse of the information there.
    fn solve(&self, start: [f64; 2]) -> Option<([f64; 2], Symmetric)> {
        let mut here = self.at(start);
        for _ in 0..STEPS_MAX {
            let information = here.information;
            // On the way the curvature may be all in one direction: there the step leans to the gradient (Levenberg 1944).
            let inverse = self.inverse(information).or_else(|| self.inverse(information.damped()))?;
            let step = inverse.times(here.gradient);
            let longest = step.into_iter().map(f64::abs).fold(STEP_MAX, f64::max);
            let step = step.map(|part| part * (STEP_MAX / longest));
            let size = here.relative(step);
            here = self.ahead(&here, step, size < SMALL_STEP)?;
            if size <= TOLERANCE {
                return Some((here.parameters, self.inverse(here.information)?));
            }
        }
        None
    }

    /// The point at the end of the step, which is halved until the likelihood is no lower there. A small step is taken
    /// as it is: Newton's method converges, and the likelihood has too few digits to tell.
    fn ahead(&self, here: &Point, mut step: [f64; 2], small: bool) -> Option<Point> {
        for _ in 0..=HALVINGS_MAX {
            let [intercept, slope] = here.parameters;
            let next = self.at([intercept + step[0], slope + step[1]]);
            if small || next.likelihood >= here.likelihood {
                return Some(next);
            }
            step = step.map(|part| part / 2.0);
        }
        None
    }

    fn inverse(&self, information: Symmetric) -> Option<Symmetric> {
        if self.slope_is_free {
            return information.inverse();
        }
        (information.a > 0.0).then(|| Symmetric { a: 1.0 / information.a, b: 0.0, c: 0.0 })
    }

    /// The log likelihood and its derivatives.
    fn at(&self, parameters: [f64; 2]) -> Point {
        let [intercept, slope] = parameters;
        let mut likelihood = 0.0;
        let mut gradient = [Compensated::default(); 2];
        let mut information = Symmetric::default();
        for group in self.groups {
            let x = (group.logit - self.centre) / self.scale;
            let linear = intercept + slope * x;
            let odds = libm::exp(-linear.abs());
            let (near, far) = (1.0 / (1.0 + odds), odds / (1.0 + odds));
            // The residual y − p of the rows, as a whole number of rows and what is small where p is near 0 or 1: the
            // one cancels exactly and the other keeps its digits.
            let (whole, rest) = if linear < 0.0 {
                (group.positives, -group.rows * far)
            } else {
                (group.positives - group.rows, group.rows * far)
            };
            for part in [whole, rest] {
                gradient[0].add(part);
                gradient[1].add(part * x);
            }
            likelihood -= (if linear < 0.0 { whole } else { -whole }) * linear.abs() + group.rows * libm::log1p(odds);
            let weight = group.rows * near * far;
            information.a += weight;
            information.b += weight * x;
            information.c += weight * x * x;
        }
        Point { parameters, likelihood, gradient: gradient.map(Compensated::value), information }
    }
}

/// Where Newton's method is.
#[derive(Debug, Clone, Copy)]
struct Point {
    /// Intercept at the centre, and slope a scale.
    parameters: [f64; 2],
    likelihood: f64,
    gradient: [f64; 2],
    /// Minus the second derivative of the log likelihood.
    information: Symmetric,
}

impl Point {
    /// Size of a step, relative to the parameters or to one.
    fn relative(&self, step: [f64; 2]) -> f64 {
        let sizes = step.into_iter().zip(self.parameters).map(|(step, at)| step.abs() / at.abs().max(1.0));
        sizes.fold(0.0, f64::max)
    }
}

/// A compensated sum (Neumaier 1974).
#[derive(Debug, Clone, Copy, Default)]
struct Compensated {
    sum: f64,
    compensation: f64,
}

impl Compensated {
    fn add(&mut self, term: f64) {
        let sum = self.sum + term;
        self.compensation +=
            if self.sum.abs() >= term.abs() { (self.sum - sum) + term } else { (term - sum) + self.sum };
        self.sum = sum;
    }

    fn value(self) -> f64 {
        self.sum + self.compensation
    }
}

/// Wald's interval, from the inverse of the information.
pub(crate) fn wald(value: f64, standard_error: f64, method: &str) -> Result<super::super::metric::Interval, String> {
    let half = interval::Z * standard_error;
    if half <= 0.0 {
        return Err(super::confusion::NO_VARIANCE.to_owned());
    }
    interval::interval(value - half, value + half, method).ok_or_else(|| super::confusion::NO_VARIANCE.to_owned())
}
