//! What one walk over the rows of a slice, in ascending order of their scores, says of it.

use serde::{Deserialize, Serialize};

use super::super::fixed::{FixedSum, Scale, WINDOW_TERMS, Window};

/// What one walk in ascending order says of a slice. m is the number of its positives and n that of its
/// negatives.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Ranks {
    /// Over the positives: twice the negatives below each, plus those equal to it. Over 2mn this is the area
    /// under the ROC curve.
    pub(crate) wins: u128,
    /// The sum of their squares.
    pub(crate) win_squares: u128,
    /// Over the negatives: the sum of squares of twice the positives below each, plus those equal to it.
    pub(crate) loss_squares: u128,
    /// Over the positives: the precision of a threshold at each.
    pub(crate) precisions: FixedSum,
    /// The largest of |positives up to a score · n − negatives up to it · m|.
    pub(crate) largest_gap: u128,
    /// Distinct scores.
    pub(crate) distinct: u64,
    /// Where the tenth with the highest scores begins.
    pub(crate) decile: Decile,
}

/// The score at which the tenth with the highest scores begins, by what lies at it and above it.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Decile {
    pub(crate) rows_above: u64,
    pub(crate) positives_above: u64,
    pub(crate) rows_at: u64,
    pub(crate) positives_at: u64,
}

impl Ranks {
    /// Adds those of the scores that come after these.
    pub(crate) fn merge(&mut self, other: &Self) {
        self.wins += other.wins;
        self.win_squares += other.win_squares;
        self.loss_squares += other.loss_squares;
        self.precisions.merge(other.precisions);
        self.largest_gap = self.largest_gap.max(other.largest_gap);
        self.distinct += other.distinct;
        if other.decile.rows_at > 0 {
            self.decile = other.decile;
        }
    }

    /// Adds the positives and negatives of a score, below which there are some of the slice.
    fn add(&mut self, (p, q): (u64, u64), (positives_below, negatives_below): (u64, u64)) {
        let (win, loss) = (2 * negatives_below + q, 2 * positives_below + p);
        let wins = u128::from(p) * u128::from(win);
        self.wins = self.wins.wrapping_add(wins);
        self.win_squares = self.win_squares.wrapping_add(wins.wrapping_mul(u128::from(win)));
        let losses = u128::from(q) * u128::from(loss);
        self.loss_squares = self.loss_squares.wrapping_add(losses.wrapping_mul(u128::from(loss)));
    }
}

/// Rows that a walk takes before its stretch is folded: up to there everything that is added up over it, from where it
/// began, is in the range of 64 bits.
pub(super) const STRETCH_ROWS: u64 = WINDOW_TERMS;

/// Precisions are at most 1.
const SCALE: Scale<1> = Scale::new([42]);

/// The part of a walk since the last fold: all that a row changes, in the order in which it does. Counts and sums are
/// from its beginning.
#[derive(Debug, Clone, Copy, Default)]
#[repr(C, align(64))]
struct Stretch {
    positives: u64,
    negatives: u64,
    /// m and n.
    all_positives: i64,
    all_negatives: i64,
    /// Rows after which the tenth with the highest scores has begun.
    until_decile: u64,
    /// Over the negatives: the squares of twice the positives below each in the stretch, plus those equal to it.
    loss_squares: u64,
    /// The most and the least that positives · n − negatives · m was.
    lowest: i64,
    highest: i64,
    /// Over the positives: twice the negatives below each in the stretch, plus those equal to it, and the squares.
    wins: u64,
    win_squares: u64,
    /// Positives and rows from the beginning on.
    found: u64,
    selected: u64,
    precisions: Window<1>,
    /// Rows with a score that a row before has, too.
    repeated: u64,
    /// Rows at the present score, where several have it.
    positives_at: u64,
    negatives_at: u64,
}

impl Stretch {
    /// The precision of a threshold at the present score. Counts of rows are exact as doubles.
    fn precision(&self) -> f64 {
        let found = self.found.wrapping_sub(self.positives);
        let selected = self.selected.wrapping_sub(self.positives).wrapping_sub(self.negatives);
        found.cast_signed() as f64 / selected.cast_signed() as f64
    }

    /// Positives · n − negatives · m.
    fn gap(&self) -> i64 {
        let of = |rows: u64, all: i64| rows.cast_signed().wrapping_mul(all);
        of(self.positives, self.all_negatives).wrapping_sub(of(self.negatives, self.all_positives))
    }

    /// Whether the tenth with the highest scores has begun.
    fn is_decile_behind(&self) -> bool {
        self.positives.wrapping_add(self.negatives) >= self.until_decile
    }
}

/// A slice while its scores go by in ascending order.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Walk {
    stretch: Stretch,
    positives: u64,
    negatives: u64,
    /// Before the stretch.
    positives_below: u64,
    negatives_below: u64,
    pub(super) ranks: Ranks,
}

impl Walk {
    /// Adds rows to the slice, some of which the walk has behind it when it begins. Each is negatives, positives.
    pub(super) fn expect(&mut self, [negatives, positives]: &[u64; 2], [negatives_below, positives_below]: &[u64; 2]) {
        self.positives += positives;
        self.negatives += negatives;
        self.positives_below += positives_below;
        self.negatives_below += negatives_below;
    }

    /// Begins a stretch behind the rows that are below.
    pub(super) fn begin(&mut self) {
        let (found, above) = (self.positives - self.positives_below, self.negatives - self.negatives_below);
        let below = self.positives_below + self.negatives_below;
        // The rows above are less than a tenth of all when more than nine tenths of these are below.
        let decile = 9 * (self.positives + self.negatives) / 10 + 1;
        self.stretch = Stretch {
            all_positives: self.positives.cast_signed(),
            all_negatives: self.negatives.cast_signed(),
            found,
            selected: found + above,
            until_decile: decile.checked_sub(below).filter(|rows| *rows > 0).unwrap_or(u64::MAX),
            ..Stretch::default()
        };
    }

    /// Steps over a score that one positive has.
    #[inline(always)]
    pub(super) fn positive(&mut self) {
        let stretch = &mut self.stretch;
        let win = stretch.negatives.wrapping_mul(2);
        stretch.wins = stretch.wins.wrapping_add(win);
        stretch.win_squares = stretch.win_squares.wrapping_add(win.wrapping_mul(win));
        let precision = stretch.precision();
        if !stretch.precisions.add(&[precision], &SCALE) {
            self.ranks.precisions.add(precision);
        }
        stretch.positives = stretch.positives.wrapping_add(1);
        stretch.highest = stretch.highest.max(stretch.gap());
        if stretch.is_decile_behind() {
            self.begin_decile(1, 0);
        }
    }

    /// Steps over a score that one negative has.
    #[inline(always)]
    pub(super) fn negative(&mut self) {
        let stretch = &mut self.stretch;
        let loss = stretch.positives.wrapping_mul(2);
        stretch.loss_squares = stretch.loss_squares.wrapping_add(loss.wrapping_mul(loss));
        stretch.negatives = stretch.negatives.wrapping_add(1);
        stretch.lowest = stretch.lowest.min(stretch.gap());
        if stretch.is_decile_behind() {
            self.begin_decile(0, 1);
        }
    }

    /// Takes a row of a score that several have; true if it is the first of the slice.
    pub(super) fn meet(&mut self, positive: bool) -> bool {
        let stretch = &mut self.stretch;
        let is_first = stretch.positives_at + stretch.negatives_at == 0;
        *(if positive { &mut stretch.positives_at } else { &mut stretch.negatives_at }) += 1;
        is_first
    }

    /// Steps over the score of the rows that it met, which are no more than the stretch has room for.
    pub(super) fn step(&mut self) {
        let stretch = &mut self.stretch;
        let (p, q) = (std::mem::take(&mut stretch.positives_at), std::mem::take(&mut stretch.negatives_at));
        let (win, loss) = (2 * stretch.negatives + q, 2 * stretch.positives + p);
        stretch.wins += p * win;
        stretch.win_squares += p * win * win;
        stretch.loss_squares += q * loss * loss;
        if p > 0 {
            let precision = stretch.precision();
            if !stretch.precisions.add_times(&[precision], p, &SCALE) {
                self.ranks.precisions.add_times(precision, p);
            }
        }
        stretch.positives += p;
        stretch.negatives += q;
        stretch.highest = stretch.highest.max(stretch.gap());
        stretch.lowest = stretch.lowest.min(stretch.gap());
        stretch.repeated += p + q - 1;
        if stretch.is_decile_behind() {
            self.begin_decile(p, q);
        }
    }

    /// Steps over the score of the rows that it met, however many.
    pub(super) fn leap(&mut self) {
        let (p, q) = (self.stretch.positives_at, self.stretch.negatives_at);
        self.fold();
        let until_decile = self.stretch.until_decile;
        self.ranks.add((p, q), (self.positives_below, self.negatives_below));
        if p > 0 {
            self.ranks.precisions.add_times(self.stretch.precision(), p);
        }
        self.positives_below += p;
        self.negatives_below += q;
        self.ranks.largest_gap = self.ranks.largest_gap.max(self.gap().unsigned_abs());
        self.ranks.distinct += 1;
        if p + q >= until_decile {
            self.begin_decile(p, q);
        }
        self.begin();
    }

    /// Positives · n − negatives · m of the rows before the stretch.
    fn gap(&self) -> i128 {
        let below = |positives: u64, of: u64| i128::from(positives) * i128::from(of);
        below(self.positives_below, self.negatives) - below(self.negatives_below, self.positives)
    }

    /// The tenth with the highest scores begins at the score that was stepped over, which so many rows have.
    #[cold]
    fn begin_decile(&mut self, p: u64, q: u64) {
        let stretch = &mut self.stretch;
        stretch.until_decile = u64::MAX;
        let above = |all: u64, below: u64, stretch: u64| all - below - stretch;
        let positives_above = above(self.positives, self.positives_below, stretch.positives);
        let negatives_above = above(self.negatives, self.negatives_below, stretch.negatives);
        self.ranks.decile =
            Decile { rows_above: positives_above + negatives_above, positives_above, rows_at: p + q, positives_at: p };
    }

    /// Moves what the stretch came to to the ranks, and begins the next.
    pub(super) fn fold(&mut self) {
        let gap = self.gap();
        let Stretch { positives, negatives, wins, win_squares, loss_squares, .. } = self.stretch;
        // Of each pair one is above the other, or both are half: together they win and lose twice.
        let losses = 2 * positives * negatives - wins;
        let ranks = &mut self.ranks;
        // Σ (b + x)² = N b² + 2b Σ x + Σ x² over the N rows of the stretch, with what is below all of it for b.
        let moved = |rows: u64, below: u64, sum: u64, squares: u64| {
            let (rows, twice) = (u128::from(rows), 2 * u128::from(below));
            (rows * twice + u128::from(sum), rows * twice * twice + 2 * twice * u128::from(sum) + u128::from(squares))
        };
        let (wins, win_squares) = moved(positives, self.negatives_below, wins, win_squares);
        let (_, loss_squares) = moved(negatives, self.positives_below, losses, loss_squares);
        ranks.wins = ranks.wins.wrapping_add(wins);
        ranks.win_squares = ranks.win_squares.wrapping_add(win_squares);
        ranks.loss_squares = ranks.loss_squares.wrapping_add(loss_squares);
        self.stretch.precisions.fold(&SCALE, [&mut ranks.precisions]);
        let ends = [self.stretch.highest, self.stretch.lowest].map(|end| (gap + i128::from(end)).unsigned_abs());
        ranks.largest_gap = ends.into_iter().fold(ranks.largest_gap, u128::max);
        ranks.distinct += positives + negatives - self.stretch.repeated;
        self.positives_below += positives;
        self.negatives_below += negatives;
        self.begin();
    }
}
