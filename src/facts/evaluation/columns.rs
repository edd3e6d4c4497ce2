//! The columns of a file by the part that they play, and their values in the types that are computed with.

use std::sync::Arc;

use arrow::array::{Array, ArrayRef, AsArray, BooleanArray, DictionaryArray, Float64Array, Int64Array, StringArray};
use arrow::compute::cast;
use arrow::datatypes::{DataType, Float64Type, Int32Type, Int64Type, Schema};
use arrow::error::ArrowError;

use super::cells::{TooManyCells, Values};
use super::table::Label;
use crate::manifest::raw::{ClassLabel, Classes};

/// Whether a column can hold text.
pub(crate) fn is_text(data_type: &DataType) -> bool {
    match data_type {
        DataType::Utf8 | DataType::LargeUtf8 | DataType::Utf8View => true,
        DataType::Dictionary(_, values) => is_text(values),
        _ => false,
    }
}

/// Whether the values of a column can be subgroups.
pub(crate) fn is_group(data_type: &DataType) -> bool {
    is_text(data_type) || data_type.is_integer() || *data_type == DataType::Boolean
}

/// Whether a column can be a score: a number with a fraction, or text where all is text.
pub(crate) fn is_score(data_type: &DataType, untyped: bool) -> bool {
    matches!(data_type, DataType::Float16 | DataType::Float32 | DataType::Float64) || (untyped && is_text(data_type))
}

/// Whether a column holds numbers, or text where all is text.
pub(crate) fn is_number(data_type: &DataType, untyped: bool) -> bool {
    data_type.is_numeric() || (untyped && is_text(data_type))
}

/// Whether a column can hold a class like this.
pub(crate) fn can_hold(data_type: &DataType, class: &ClassLabel, untyped: bool) -> bool {
    match class {
        _ if untyped => is_text(data_type),
        ClassLabel::Boolean(_) => *data_type == DataType::Boolean,
        ClassLabel::Integer(_) => data_type.is_integer(),
        ClassLabel::Text(_) => is_text(data_type),
    }
}

/// Where a column is. Two of the same name are none: nobody could say which was meant.
pub(crate) fn position(schema: &Schema, name: &str) -> Option<usize> {
    let mut found = schema.fields().iter().enumerate().filter(|(_, field)| field.name() == name);
    match (found.next(), found.next()) {
        (Some((position, _)), None) => Some(position),
        _ => None,
    }
}

/// Text as a dictionary.
pub(crate) fn dictionary(column: &ArrayRef) -> Result<DictionaryArray<Int32Type>, ArrowError> {
    let wanted = DataType::Dictionary(Box::new(DataType::Int32), Box::new(DataType::Utf8));
    let column = if *column.data_type() == wanted { Arc::clone(column) } else { cast(column, &wanted)? };
    let dictionary = column.as_dictionary_opt::<Int32Type>();
    dictionary.cloned().ok_or_else(|| ArrowError::CastError("text that cannot be numbered".to_owned()))
}

/// The texts of a dictionary.
pub(crate) fn texts(dictionary: &DictionaryArray<Int32Type>) -> Result<&StringArray, ArrowError> {
    let texts = dictionary.values().as_string_opt::<i32>();
    texts.ok_or_else(|| ArrowError::CastError("a dictionary without text".to_owned()))
}

/// For each row what `of` says of its text, asked once for each entry of the dictionary.
pub(crate) fn by_text<T: Copy, E: From<ArrowError>>(
    column: &ArrayRef,
    missing: T,
    mut of: impl FnMut(&str) -> Result<T, E>,
) -> Result<Vec<T>, E> {
    let dictionary = dictionary(column)?;
    let texts = texts(&dictionary)?;
    // Entries that no row has are not asked for: they are no values of the column.
    let mut known: Vec<Option<T>> = vec![None; texts.len()];
    let mut result = Vec::with_capacity(dictionary.len());
    for key in dictionary.keys() {
        let entry = key.and_then(|key| usize::try_from(key).ok()).filter(|entry| texts.is_valid(*entry));
        let value = match entry.and_then(|entry| known.get_mut(entry).zip(Some(entry))) {
            None => missing,
            Some((Some(value), _)) => *value,
            Some((slot, entry)) => *slot.insert(of(texts.value(entry))?),
        };
        result.push(value);
    }
    Ok(result)
}

/// Why a column has no values that can be computed with.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ColumnError {
    /// It does not have the type that it was opened with.
    #[error("{0}")]
    Type(#[from] ArrowError),
    /// It has text that reads as no number.
    #[error("`{0}` is no number")]
    NoNumber(String),
    /// It has too many values.
    #[error(transparent)]
    TooManyCells(#[from] TooManyCells),
}

/// The classes of rows.
pub(crate) fn labels(column: &ArrayRef, classes: &Classes) -> Result<Vec<Label>, ColumnError> {
    if is_text(column.data_type()) {
        return by_text(column, Label::Missing, |text| Ok(label(classes, |class| class_is_written(class, text))));
    }
    if *column.data_type() == DataType::Boolean {
        let of = |value| label(classes, |class| *class == ClassLabel::Boolean(value));
        let (yes, no) = (of(true), of(false));
        let values: &BooleanArray = column.as_boolean();
        return Ok(values
            .iter()
            .map(|value| value.map_or(Label::Missing, |value| if value { yes } else { no }))
            .collect());
    }
    let class = |class: &ClassLabel| match class {
        ClassLabel::Integer(class) => Some(*class),
        ClassLabel::Boolean(_) | ClassLabel::Text(_) => None,
    };
    let (positive, negative) = (class(&classes.positive), class(&classes.negative));
    let values = integers(column)?;
    let label = |value| match value {
        value if value == positive => Label::Positive,
        value if value == negative => Label::Negative,
        _ => Label::Unknown,
    };
    if values.null_count() == 0 {
        return Ok(values.values().iter().map(|value| label(Some(*value))).collect());
    }
    Ok(values.iter().map(|value| if value.is_some() { label(value) } else { Label::Missing }).collect())
}

/// One of several classes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum ClassOf {
    /// The number of a declared one.
    Declared(u64),
    /// Another one.
    Unknown,
    /// Null.
    Missing,
}

/// The classes of rows, by their numbers among the declared ones.
pub(crate) fn class_numbers(column: &ArrayRef, classes: &[&ClassLabel]) -> Result<Vec<ClassOf>, ColumnError> {
    let number = |is: &dyn Fn(&ClassLabel) -> bool| {
        let place = classes.iter().position(|class| is(class));
        place.map_or(ClassOf::Unknown, |place| ClassOf::Declared(place as u64))
    };
    if is_text(column.data_type()) {
        return by_text(column, ClassOf::Missing, |text| Ok(number(&|class| class_is_written(class, text))));
    }
    if *column.data_type() == DataType::Boolean {
        let values = column.as_boolean().iter();
        let of = |value: bool| number(&|class| *class == ClassLabel::Boolean(value));
        return Ok(values.map(|value| value.map_or(ClassOf::Missing, of)).collect());
    }
    let of = |value: i64| number(&|class| *class == ClassLabel::Integer(value));
    Ok(integers(column)?.iter().map(|value| value.map_or(ClassOf::Missing, of)).collect())
}

/// Whether rows have a label: 1 and 0, none where it is missing, and NaN where it is something else.
pub(crate) fn flags(column: &ArrayRef) -> Result<Float64Array, ColumnError> {
    if is_text(column.data_type()) {
        let flag = |text: &str| match text {
            "1" => Some(1.0),
            "0" => Some(0.0),
            _ if text.eq_ignore_ascii_case("true") => Some(1.0),
            _ if text.eq_ignore_ascii_case("false") => Some(0.0),
            _ => Some(f64::NAN),
        };
        return Ok(by_text(column, None, |text| Ok::<_, ColumnError>(flag(text)))?.into_iter().collect());
    }
    let known = |value: f64| if value == 0.0 || value == 1.0 { value } else { f64::NAN };
    Ok(numbers(column)?.unary(known))
}

/// Whether a column can say if rows have a label.
pub(crate) fn is_flag(data_type: &DataType, untyped: bool) -> bool {
    *data_type == DataType::Boolean || data_type.is_integer() || (untyped && is_text(data_type))
}

/// Whole numbers. One beyond 63 bits is an error and not another number.
fn integers(column: &ArrayRef) -> Result<Int64Array, ArrowError> {
    let options = arrow::compute::CastOptions { safe: false, ..Default::default() };
    let column = arrow::compute::cast_with_options(column, &DataType::Int64, &options)?;
    let integers = column.as_primitive_opt::<Int64Type>();
    integers.cloned().ok_or_else(|| ArrowError::CastError("a column without whole numbers".to_owned()))
}

fn label(classes: &Classes, is: impl Fn(&ClassLabel) -> bool) -> Label {
    match (is(&classes.positive), is(&classes.negative)) {
        (true, false) => Label::Positive,
        (false, true) => Label::Negative,
        _ => Label::Unknown,
    }
}

/// Whether `text` is how a class is written where all is text.
fn class_is_written(class: &ClassLabel, text: &str) -> bool {
    match class {
        ClassLabel::Text(class) => class == text,
        ClassLabel::Integer(class) => text.parse() == Ok(*class),
        ClassLabel::Boolean(class) => text.eq_ignore_ascii_case(if *class { "true" } else { "false" }),
    }
}

/// Numbers as doubles. Text is read as a number, and refused where it is none.
pub(crate) fn numbers(column: &ArrayRef) -> Result<Float64Array, ColumnError> {
    if is_text(column.data_type()) {
        let text = cast(column, &DataType::Utf8)?;
        let number =
            |text: &str| text.trim().parse::<f64>().map_err(|_| ColumnError::NoNumber(text.chars().take(40).collect()));
        return text.as_string::<i32>().iter().map(|text| text.map(number).transpose()).collect();
    }
    let column = cast(column, &DataType::Float64)?;
    let numbers = column.as_primitive_opt::<Float64Type>();
    Ok(numbers.cloned().ok_or_else(|| ArrowError::CastError("a column without numbers".to_owned()))?)
}

/// The subgroups of rows, by the numbers of their values.
pub(crate) fn groups(column: &ArrayRef, values: &mut Values) -> Result<Vec<u32>, ColumnError> {
    let column = if is_text(column.data_type()) { Arc::clone(column) } else { cast(column, &DataType::Utf8)? };
    by_text(&column, 0, |text| Ok(values.number(Some(text))?))
}
