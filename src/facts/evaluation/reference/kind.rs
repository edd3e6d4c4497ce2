//! What the values of a column are, so that columns of two files can be compared although they are written differently.

use std::sync::Arc;

use arrow::array::{Array, ArrayRef, AsArray, DictionaryArray, Float64Array, Int32Array, Int64Array};
use arrow::compute::{CastOptions, cast_with_options};
use arrow::datatypes::{DataType, Float64Type, Int32Type, Int64Type, TimeUnit};
use arrow::error::ArrowError;

use super::super::columns::{self, ColumnError};
use super::super::ids;

/// What the values of a column are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    /// Whole numbers of at most 63 bits.
    Integer,
    /// Numbers with a fraction; `single` if they come, on one side at least, with the precision of 32 bits.
    Number {
        /// Whether they are rounded to 32 bits before they are compared.
        single: bool,
    },
    /// Truth values.
    Boolean,
    /// Text.
    Text,
    /// Days and moments, which are compared as microseconds since 1970.
    Time,
}

impl Kind {
    /// What a column of this type holds; none if it is nothing that is compared, such as a list.
    pub(crate) fn of(data_type: &DataType) -> Option<Self> {
        match data_type {
            DataType::Boolean => Some(Self::Boolean),
            DataType::Float16 | DataType::Float32 => Some(Self::Number { single: true }),
            DataType::Date32 | DataType::Date64 | DataType::Timestamp(..) => Some(Self::Time),
            DataType::Dictionary(_, values) => Self::of(values),
            _ if data_type.is_integer() => Some(Self::Integer),
            _ if data_type.is_numeric() => Some(Self::Number { single: false }),
            _ if columns::is_text(data_type) => Some(Self::Text),
            _ => None,
        }
    }

    /// What both sides can be compared as.
    pub(crate) fn common(self, other: Self) -> Option<Self> {
        match (self, other) {
            (Self::Number { single: left }, Self::Number { single: right }) => {
                Some(Self::Number { single: left || right })
            }
            (Self::Number { single }, Self::Integer) | (Self::Integer, Self::Number { single }) => {
                Some(Self::Number { single })
            }
            (left, right) => (left == right).then_some(left),
        }
    }

    /// What it is called in a sentence.
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Integer => "whole numbers",
            Self::Number { .. } => "numbers",
            Self::Boolean => "truth values",
            Self::Text => "text",
            Self::Time => "points in time",
        }
    }
}

/// A column in the one form of its kind: 64 bits of a whole number or of microseconds, a double, a truth value, or a
/// dictionary of text. Text is read as the kind, and refused where it is none. `empty_is_missing` where the other side cannot
/// tell an empty text from none.
pub(crate) fn canonical(column: &ArrayRef, kind: Kind, empty_is_missing: bool) -> Result<ArrayRef, ColumnError> {
    Ok(match kind {
        Kind::Integer => cast(column, &DataType::Int64)?,
        Kind::Number { single } => {
            let one_form = |number: f64| {
                let number = if single { f64::from(number as f32) } else { number };
                // −0 is 0, and there is one NaN.
                if number.is_nan() { f64::NAN } else { number + 0.0 }
            };
            let numbers: Float64Array = columns::numbers(column)?;
            Arc::new(numbers.unary::<_, Float64Type>(one_form))
        }
        Kind::Boolean => cast(column, &DataType::Boolean)?,
        Kind::Text => Arc::new(text(column, empty_is_missing)?),
        Kind::Time => {
            let moment = |zone: Option<&str>| DataType::Timestamp(TimeUnit::Microsecond, zone.map(Into::into));
            // A day is its beginning in UTC, and so is a moment without a zone.
            let column = match column.data_type() {
                DataType::Date32 | DataType::Date64 => cast(column, &moment(None))?,
                _ => Arc::clone(column),
            };
            cast(&cast(&column, &moment(Some("+00:00")))?, &DataType::Int64)?
        }
    })
}

fn cast(column: &ArrayRef, to: &DataType) -> Result<ArrayRef, ArrowError> {
    cast_with_options(column, to, &CastOptions { safe: false, ..CastOptions::default() })
}

fn text(column: &ArrayRef, empty_is_missing: bool) -> Result<DictionaryArray<Int32Type>, ArrowError> {
    let dictionary = columns::dictionary(column)?;
    if !empty_is_missing {
        return Ok(dictionary);
    }
    let texts = columns::texts(&dictionary)?;
    let is_empty =
        |key: i32| usize::try_from(key).is_ok_and(|entry| texts.is_valid(entry) && texts.value(entry).is_empty());
    let keys: Int32Array = dictionary.keys().iter().map(|key| key.filter(|key| !is_empty(*key))).collect();
    DictionaryArray::try_new(keys, Arc::clone(dictionary.values()))
}

/// The keys of a column in its one form, which tell its values apart; none where a row has no value.
pub(crate) fn keys(column: &ArrayRef) -> Result<Vec<Option<u128>>, ColumnError> {
    if let Some(numbers) = column.as_primitive_opt::<Float64Type>() {
        return Ok(numbers.iter().map(|number| number.map(|number| u128::from(number.to_bits()))).collect());
    }
    if let Some(flags) = column.as_boolean_opt() {
        return Ok(flags.iter().map(|flag| flag.map(u128::from)).collect());
    }
    if column.as_dictionary_opt::<Int32Type>().is_some() {
        return columns::by_text(column, None, |text| Ok(Some(ids::hash(text.as_bytes()))));
    }
    Ok(integers(column)?.iter().map(|value| value.map(|value| u128::from(value.cast_unsigned()))).collect())
}

/// The whole numbers of a column in that form.
pub(crate) fn integers(column: &ArrayRef) -> Result<&Int64Array, ColumnError> {
    let integers = column.as_primitive_opt::<Int64Type>();
    integers.ok_or_else(|| ArrowError::CastError("a column without whole numbers".to_owned()).into())
}

#[cfg(test)]
mod tests {
    use arrow::array::{
        BooleanArray, Date32Array, Float32Array, StringArray, TimestampMillisecondArray, TimestampNanosecondArray,
        UInt64Array,
    };

    use super::*;

    fn form(column: impl Array + 'static, kind: Kind) -> Vec<Option<u128>> {
        keys(&canonical(&(Arc::new(column) as ArrayRef), kind, true).unwrap()).unwrap()
    }

    #[test]
    fn the_same_values_have_the_same_keys_however_they_are_written() {
        let text = |values: &[Option<&str>]| StringArray::from(values.to_vec());
        assert_eq!(
            form(Int32Array::from(vec![Some(-1), None, Some(7)]), Kind::Integer),
            form(text(&[Some("-1"), None, Some("7")]), Kind::Integer)
        );
        let single = Kind::Number { single: true };
        assert_eq!(
            form(Float32Array::from(vec![0.1, -0.0, f32::NAN]), single),
            form(Float64Array::from(vec![0.1, 0.0, -f64::NAN]), single)
        );
        assert_eq!(
            form(BooleanArray::from(vec![true, false]), Kind::Boolean),
            form(text(&[Some("true"), Some("False")]), Kind::Boolean)
        );
        let day = form(Date32Array::from(vec![1]), Kind::Time);
        assert_eq!(day, [Some(86_400_000_000)]);
        assert_eq!(day, form(text(&[Some("1970-01-02")]), Kind::Time));
        assert_eq!(day, form(TimestampMillisecondArray::from(vec![86_400_000]), Kind::Time));
        let paris = TimestampNanosecondArray::from(vec![86_400_000_000_000]).with_timezone("+01:00");
        assert_eq!(day, form(paris, Kind::Time), "a zone does not move a moment");
        assert_eq!(form(text(&[Some(""), Some("a")]), Kind::Text), form(text(&[None, Some("a")]), Kind::Text));
    }

    #[test]
    fn what_is_no_value_of_the_kind_is_an_error() {
        let refused = |column: ArrayRef, kind| canonical(&column, kind, false).is_err();
        assert!(refused(Arc::new(StringArray::from(vec!["7.5"])), Kind::Integer));
        assert!(refused(Arc::new(UInt64Array::from(vec![u64::MAX])), Kind::Integer));
        assert!(refused(Arc::new(StringArray::from(vec!["seven"])), Kind::Number { single: false }));
        assert!(refused(Arc::new(StringArray::from(vec!["yesterday"])), Kind::Time));
        assert!(refused(Arc::new(StringArray::from(vec!["maybe"])), Kind::Boolean));
    }

    #[test]
    fn only_what_is_alike_can_be_compared() {
        let (single, double) = (Kind::Number { single: true }, Kind::Number { single: false });
        assert_eq!(Kind::Integer.common(single), Some(single));
        assert_eq!(double.common(single), Some(single));
        assert_eq!(double.common(Kind::Integer), Some(double));
        assert_eq!(Kind::Integer.common(Kind::Text), None);
        assert_eq!(Kind::Time.common(Kind::Integer), None);
        assert_eq!(Kind::of(&DataType::Binary), None);
        assert_eq!(Kind::of(&DataType::Decimal128(10, 2)), Some(double));
    }
}
