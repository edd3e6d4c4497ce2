//! The memo of a pickle: values under numbers, which almost always count up.

use std::collections::BTreeMap;

use super::pickle_machine::Value;

/// Memoised values. A pickled forest has some hundred thousand.
const MEMO_VALUES_MAX: usize = 4_000_000;

#[derive(Debug, Default)]
pub(super) struct Memo {
    /// Values under 0, 1, 2 and so on.
    counted: Vec<Value>,
    /// Those under any other number.
    others: BTreeMap<u64, Value>,
}

impl Memo {
    pub(super) fn len(&self) -> u64 {
        (self.counted.len() + self.others.len()) as u64
    }

    pub(super) fn is_full(&self) -> bool {
        self.counted.len() + self.others.len() > MEMO_VALUES_MAX
    }

    pub(super) fn put(&mut self, index: u64, value: Value) {
        let place = usize::try_from(index).ok();
        if let Some(known) = place.and_then(|place| self.counted.get_mut(place)) {
            *known = value;
        } else if place == Some(self.counted.len()) && self.others.is_empty() {
            self.counted.push(value);
        } else {
            self.others.insert(index, value);
        }
    }

    pub(super) fn get(&self, index: u64) -> Option<Value> {
        let counted = usize::try_from(index).ok().and_then(|place| self.counted.get(place));
        counted.or_else(|| self.others.get(&index)).copied()
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn it_is_a_map(puts in prop::collection::vec((0_u64..12, any::<i64>()), 0..60)) {
            let (mut memo, mut map) = (Memo::default(), BTreeMap::new());
            for (index, number) in puts {
                memo.put(index, Value::Number(number));
                map.insert(index, Value::Number(number));
                prop_assert_eq!(memo.len(), map.len() as u64);
                for index in 0..12 {
                    prop_assert_eq!(memo.get(index), map.get(&index).copied());
                }
            }
        }
    }
}
