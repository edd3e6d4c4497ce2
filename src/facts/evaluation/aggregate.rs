//! DataFusion's view of [`BinaryScores`]: an aggregate function whose state is mergeable, so that
//! the same plan runs over partitions, threads and machines.

use std::sync::Arc;

use datafusion::arrow::array::{ArrayRef, AsArray};
use datafusion::arrow::datatypes::{DataType, Field, FieldRef, Float64Type};
use datafusion::common::{Result, ScalarValue, exec_err};
use datafusion::logical_expr::function::{AccumulatorArgs, StateFieldsArgs};
use datafusion::logical_expr::utils::{AggregateOrderSensitivity, format_state_name};
use datafusion::logical_expr::{Accumulator, AggregateUDF, AggregateUDFImpl, Signature, Volatility};

use super::scores::BinaryScores;

/// `binary_scores(is_positive, is_negative, score)`: the encoded [`BinaryScores`] of the rows.
///
/// The label comes as two Booleans, both null when it is null and both false when it is neither
/// class, so that this function need not know how labels are written.
pub(crate) fn binary_scores() -> AggregateUDF {
    AggregateUDF::new_from_impl(BinaryScoresAggregate {
        signature: Signature::exact(
            vec![DataType::Boolean, DataType::Boolean, DataType::Float64],
            Volatility::Immutable,
        ),
    })
}

#[derive(Debug, PartialEq, Eq, Hash)]
struct BinaryScoresAggregate {
    signature: Signature,
}

impl AggregateUDFImpl for BinaryScoresAggregate {
    fn name(&self) -> &'static str {
        "binary_scores"
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn return_type(&self, _: &[DataType]) -> Result<DataType> {
        Ok(DataType::LargeBinary)
    }

    fn accumulator(&self, _: AccumulatorArgs<'_>) -> Result<Box<dyn Accumulator>> {
        Ok(Box::new(BinaryScoresAccumulator::default()))
    }

    fn state_fields(&self, arguments: StateFieldsArgs<'_>) -> Result<Vec<FieldRef>> {
        let name = format_state_name(arguments.name, "scores");
        Ok(vec![Arc::new(Field::new(name, DataType::LargeBinary, false))])
    }

    // The order of rows cannot matter: scores are sorted before anything is computed from them.
    fn order_sensitivity(&self) -> AggregateOrderSensitivity {
        AggregateOrderSensitivity::Insensitive
    }
}

#[derive(Debug, Default)]
struct BinaryScoresAccumulator(BinaryScores);

impl Accumulator for BinaryScoresAccumulator {
    fn update_batch(&mut self, values: &[ArrayRef]) -> Result<()> {
        let [is_positive, is_negative, score] = values else {
            return exec_err!("binary_scores takes three columns");
        };
        let (Some(is_positive), Some(is_negative), Some(score)) =
            (is_positive.as_boolean_opt(), is_negative.as_boolean_opt(), score.as_primitive_opt::<Float64Type>())
        else {
            return exec_err!("binary_scores takes two Boolean columns and a Float64 one");
        };
        for ((positive, negative), score) in is_positive.iter().zip(is_negative).zip(score) {
            let label = match (positive, negative) {
                (None, _) | (_, None) => None,
                (Some(true), Some(false)) => Some(Some(true)),
                (Some(false), Some(true)) => Some(Some(false)),
                (Some(false), Some(false)) | (Some(true), Some(true)) => Some(None),
            };
            self.0.add(label, score);
        }
        Ok(())
    }

    fn merge_batch(&mut self, states: &[ArrayRef]) -> Result<()> {
        let [state] = states else { return exec_err!("binary_scores has one state column") };
        let Some(state) = state.as_binary_opt::<i64>() else {
            return exec_err!("the state of binary_scores is binary");
        };
        for bytes in state.iter().flatten() {
            let partial = BinaryScores::decode(bytes)
                .map_err(|error| datafusion::error::DataFusionError::External(Box::new(error)))?;
            self.0.merge(&partial);
        }
        Ok(())
    }

    fn state(&mut self) -> Result<Vec<ScalarValue>> {
        Ok(vec![self.evaluate()?])
    }

    fn evaluate(&mut self) -> Result<ScalarValue> {
        Ok(ScalarValue::LargeBinary(Some(self.0.encode())))
    }

    fn size(&self) -> usize {
        size_of_val(self) + self.0.heap_bytes()
    }
}
