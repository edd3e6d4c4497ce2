//! The mergeable state behind every binary-classification metric: the valid scores of each class,
//! and a count of every reason for which a row could not be used.
//!
//! Scores are kept rather than sums, for two reasons. Ranking metrics are exact, ties included.
//! And everything is computed from the *sorted* scores, so that a metric is a function of the set of
//! rows: the same bits for any order of rows, any chunking and any number of threads. Eight bytes a
//! row is what that costs.

use super::RowCounts;

/// Scores of valid rows by class, and counts of the others.
#[derive(Debug, Clone, Default, PartialEq)]
pub(crate) struct BinaryScores {
    pub(crate) positives: Vec<f64>,
    pub(crate) negatives: Vec<f64>,
    pub(crate) invalid: InvalidRows,
}

/// Rows that cannot be evaluated, by the first reason that applies.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct InvalidRows {
    pub(crate) label_missing: u64,
    pub(crate) label_unknown: u64,
    pub(crate) score_missing: u64,
    pub(crate) score_not_finite: u64,
    pub(crate) score_out_of_range: u64,
}

/// A state that crossed a process boundary does not have the form that [`BinaryScores::encode`] gives.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the partial state of an evaluation is malformed")]
pub(crate) struct MalformedState;

impl InvalidRows {
    const fn as_array(self) -> [u64; 5] {
        [self.label_missing, self.label_unknown, self.score_missing, self.score_not_finite, self.score_out_of_range]
    }

    const fn from_array(counts: [u64; 5]) -> Self {
        let [label_missing, label_unknown, score_missing, score_not_finite, score_out_of_range] = counts;
        Self { label_missing, label_unknown, score_missing, score_not_finite, score_out_of_range }
    }

    /// Rows that cannot be evaluated.
    pub(crate) fn total(self) -> u64 {
        self.as_array().iter().sum()
    }
}

impl BinaryScores {
    /// Takes one row. `label` is `None` when it is null, `Some(None)` when it is neither class.
    pub(crate) fn add(&mut self, label: Option<Option<bool>>, score: Option<f64>) {
        let invalid = &mut self.invalid;
        match (label, score) {
            (None, _) => invalid.label_missing += 1,
            (Some(None), _) => invalid.label_unknown += 1,
            (Some(Some(_)), None) => invalid.score_missing += 1,
            (Some(Some(_)), Some(score)) if !score.is_finite() => invalid.score_not_finite += 1,
            (Some(Some(_)), Some(score)) if !(0.0..=1.0).contains(&score) => invalid.score_out_of_range += 1,
            // Adding zero turns −0 into +0: two spellings of one score must be one tie.
            (Some(Some(true)), Some(score)) => self.positives.push(score + 0.0),
            (Some(Some(false)), Some(score)) => self.negatives.push(score + 0.0),
        }
    }

    /// Takes the rows of another state. Which of the two comes first makes no difference once sorted.
    pub(crate) fn merge(&mut self, other: &Self) {
        self.positives.extend_from_slice(&other.positives);
        self.negatives.extend_from_slice(&other.negatives);
        let mut counts = self.invalid.as_array();
        for (count, more) in counts.iter_mut().zip(other.invalid.as_array()) {
            *count += more;
        }
        self.invalid = InvalidRows::from_array(counts);
    }

    /// Puts both classes in ascending order, on which every computation relies.
    pub(crate) fn sort(&mut self) {
        self.positives.sort_unstable_by(f64::total_cmp);
        self.negatives.sort_unstable_by(f64::total_cmp);
    }

    /// Rows that can be evaluated.
    pub(crate) fn valid(&self) -> u64 {
        self.positives.len() as u64 + self.negatives.len() as u64
    }

    /// The counts of rows. What concerns ids is counted elsewhere.
    pub(crate) fn row_counts(&self) -> RowCounts {
        RowCounts {
            total: self.valid() + self.invalid.total(),
            valid: self.valid(),
            label_missing: self.invalid.label_missing,
            label_unknown: self.invalid.label_unknown,
            score_missing: self.invalid.score_missing,
            score_not_finite: self.invalid.score_not_finite,
            score_out_of_range: self.invalid.score_out_of_range,
            id_missing: None,
            id_duplicates: None,
        }
    }

    /// Bytes that the state occupies beside itself.
    pub(crate) fn heap_bytes(&self) -> usize {
        (self.positives.capacity() + self.negatives.capacity()) * size_of::<f64>()
    }

    /// Little-endian: five counts, the number of positives, their scores, then the negatives' scores.
    pub(crate) fn encode(&self) -> Vec<u8> {
        let mut bytes = Vec::with_capacity(48 + 8 * (self.positives.len() + self.negatives.len()));
        for count in self.invalid.as_array() {
            bytes.extend_from_slice(&count.to_le_bytes());
        }
        bytes.extend_from_slice(&(self.positives.len() as u64).to_le_bytes());
        for score in self.positives.iter().chain(&self.negatives) {
            bytes.extend_from_slice(&score.to_le_bytes());
        }
        bytes
    }

    /// Reads what [`Self::encode`] wrote.
    pub(crate) fn decode(bytes: &[u8]) -> Result<Self, MalformedState> {
        let (words, rest) = bytes.as_chunks::<8>();
        let (header, scores) = words.split_first_chunk::<6>().ok_or(MalformedState)?;
        let [counts @ .., positives] = header.map(u64::from_le_bytes);
        let positives = usize::try_from(positives).map_err(|_| MalformedState)?;
        if !rest.is_empty() || positives > scores.len() {
            return Err(MalformedState);
        }
        let (positives, negatives) = scores.split_at(positives);
        Ok(Self {
            positives: positives.iter().copied().map(f64::from_le_bytes).collect(),
            negatives: negatives.iter().copied().map(f64::from_le_bytes).collect(),
            invalid: InvalidRows::from_array(counts),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    type Row = (Option<Option<bool>>, Option<f64>);

    fn rows() -> impl Strategy<Value = Vec<Row>> {
        let score = prop_oneof![
            4 => (0_u8..=20).prop_map(|step| Some(f64::from(step) / 20.0)),
            1 => prop::sample::select(vec![None, Some(f64::NAN), Some(f64::INFINITY), Some(-0.5), Some(-0.0)]),
        ];
        prop::collection::vec((prop::option::of(prop::option::of(any::<bool>())), score), 0..60)
    }

    fn collect(rows: &[Row]) -> BinaryScores {
        let mut scores = BinaryScores::default();
        for (label, score) in rows {
            scores.add(*label, *score);
        }
        scores
    }

    proptest! {
        #[test]
        fn merging_split_rows_is_the_same_as_one_pass(rows in rows(), split in 0_usize..60) {
            let (left, right) = rows.split_at(split.min(rows.len()));
            // In the reverse order, and through bytes, as partial states travel.
            let mut merged = BinaryScores::decode(&collect(right).encode()).unwrap();
            merged.merge(&collect(left));
            let mut whole = collect(&rows);
            merged.sort();
            whole.sort();
            prop_assert_eq!(merged.encode(), whole.encode());
            prop_assert_eq!(whole.row_counts().total, rows.len() as u64);
        }

        #[test]
        fn arbitrary_bytes_never_panic(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
            if let Ok(state) = BinaryScores::decode(&bytes) {
                prop_assert_eq!(state.encode(), bytes);
            }
        }
    }

    #[test]
    fn every_reason_is_counted_once() {
        let counts = collect(&[
            (None, None),
            (Some(None), Some(2.0)),
            (Some(Some(true)), None),
            (Some(Some(true)), Some(f64::NEG_INFINITY)),
            (Some(Some(false)), Some(1.000_001)),
            (Some(Some(false)), Some(1.0)),
        ])
        .row_counts();
        let expected = RowCounts {
            total: 6,
            valid: 1,
            label_missing: 1,
            label_unknown: 1,
            score_missing: 1,
            score_not_finite: 1,
            score_out_of_range: 1,
            id_missing: None,
            id_duplicates: None,
        };
        assert_eq!(counts, expected);
    }
}
