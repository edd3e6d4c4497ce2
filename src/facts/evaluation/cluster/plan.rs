//! The plan that Ballista distributes: a table whose partitions are the files of an evaluation, and an aggregate that
//! reduces the rows of a run to what the walk over them comes to.

use std::any::Any;
use std::fmt;
use std::hash::{Hash, Hasher};
use std::mem::size_of;
use std::sync::Arc;

use arrow::array::{ArrayRef, AsArray as _, RecordBatch, UInt32Array};
use arrow::datatypes::{DataType, Field, FieldRef, Schema, SchemaRef, UInt32Type, UInt64Type};
use ballista_core::serde::{BallistaLogicalExtensionCodec, BallistaPhysicalExtensionCodec};
use datafusion::catalog::{Session, TableProvider};
use datafusion::common::tree_node::TreeNodeRecursion;
use datafusion::common::{DataFusionError, Result, ScalarValue, TableReference};
use datafusion::datasource::TableType;
use datafusion::datasource::memory::MemorySourceConfig;
use datafusion::execution::{SendableRecordBatchStream, TaskContext};
use datafusion::logical_expr::function::{AccumulatorArgs, StateFieldsArgs};
use datafusion::logical_expr::{
    Accumulator, AggregateUDF, AggregateUDFImpl, Expr, Extension, LogicalPlan, Signature, Volatility,
};
use datafusion::physical_expr::{EquivalenceProperties, PhysicalExpr};
use datafusion::physical_plan::execution_plan::{Boundedness, EmissionType};
use datafusion::physical_plan::stream::RecordBatchStreamAdapter;
use datafusion::physical_plan::{
    ChildrenPropertiesMode, DisplayAs, DisplayFormatType, ExecutionPlan, Partitioning, PlanProperties,
    ReplaceChildrenOptions,
};
use datafusion_proto::logical_plan::LogicalExtensionCodec;
use datafusion_proto::physical_plan::{PhysicalExtensionCodec, PhysicalProtoConverterExtension};
use futures::{StreamExt as _, stream};
use tokio::sync::mpsc::Sender;

use super::step::{self, IS_COUNT, Limits};
use super::wire::{Order, WalkOrder, Walked, decode, encode};
use crate::facts::evaluation::ids;
use crate::facts::evaluation::ranked;
use crate::facts::evaluation::table::Block;

/// Batches that wait for whoever takes them.
const BATCHES_WAITING: usize = 4;

/// What stands before the bytes of one of ours, so that they are told from Ballista's own.
const MARK: &[u8] = b"modelgate-step\0";

fn failed(message: impl fmt::Display) -> DataFusionError {
    DataFusionError::Execution(message.to_string())
}

/// A step over files, as a table.
#[derive(Debug, Clone)]
pub(super) struct StepTable(Arc<Order>);

impl StepTable {
    pub(super) fn new(order: Order) -> Self {
        Self(Arc::new(order))
    }
}

#[async_trait::async_trait]
impl TableProvider for StepTable {
    fn schema(&self) -> SchemaRef {
        step::schema(&self.0.step)
    }

    fn table_type(&self) -> TableType {
        TableType::Base
    }

    async fn scan(
        &self,
        _: &dyn Session,
        projection: Option<&Vec<usize>>,
        _: &[Expr],
        _: Option<usize>,
    ) -> Result<Arc<dyn ExecutionPlan>> {
        let all: Vec<usize> = (0..self.schema().fields().len()).collect();
        if projection.is_some_and(|columns| *columns != all) {
            return Err(failed("a step gives all of its columns"));
        }
        let schema = Arc::new(Schema::new(vec![Field::new("file", DataType::UInt32, false)]));
        let number = |file: usize| -> Result<Vec<RecordBatch>> {
            let number: ArrayRef = Arc::new(UInt32Array::from(vec![file as u32]));
            Ok(vec![RecordBatch::try_new(Arc::clone(&schema), vec![number])?])
        };
        let numbers: Vec<_> = (0..self.0.files.len()).map(number).collect::<Result<_>>()?;
        let numbers = MemorySourceConfig::try_new_exec(&numbers, Arc::clone(&schema), None)?;
        Ok(Arc::new(StepExec::new(Arc::clone(&self.0), None, numbers)))
    }
}

/// A step over the files whose numbers `files` gives, one in each partition. Ballista tells each task which partitions
/// of its leaves it has, so that these have to be of a kind that it knows.
#[derive(Debug, Clone)]
struct StepExec {
    order: Arc<Order>,
    limits: Option<Arc<Limits>>,
    files: Arc<dyn ExecutionPlan>,
    schema: SchemaRef,
    properties: Arc<PlanProperties>,
}

impl StepExec {
    fn new(order: Arc<Order>, limits: Option<Arc<Limits>>, files: Arc<dyn ExecutionPlan>) -> Self {
        let schema = step::schema(&order.step);
        let properties = PlanProperties::new(
            EquivalenceProperties::new(Arc::clone(&schema)),
            Partitioning::UnknownPartitioning(files.properties().output_partitioning().partition_count()),
            EmissionType::Incremental,
            Boundedness::Bounded,
        );
        Self { order, limits, files, schema, properties: Arc::new(properties) }
    }
}

impl DisplayAs for StepExec {
    fn fmt_as(&self, _: DisplayFormatType, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "StepExec: {} files", self.order.files.len())
    }
}

impl ExecutionPlan for StepExec {
    fn name(&self) -> &'static str {
        "StepExec"
    }

    fn properties(&self) -> &Arc<PlanProperties> {
        &self.properties
    }

    fn children(&self) -> Vec<&Arc<dyn ExecutionPlan>> {
        vec![&self.files]
    }

    fn benefits_from_input_partitioning(&self) -> Vec<bool> {
        vec![false]
    }

    fn apply_expressions(
        &self,
        _: &mut dyn FnMut(&Arc<dyn PhysicalExpr>) -> Result<TreeNodeRecursion>,
    ) -> Result<TreeNodeRecursion> {
        Ok(TreeNodeRecursion::Continue)
    }

    fn replace_children(
        self: Arc<Self>,
        children: Vec<Arc<dyn ExecutionPlan>>,
        _: ReplaceChildrenOptions,
    ) -> Result<Arc<dyn ExecutionPlan>> {
        let files = children.into_iter().next().ok_or_else(|| failed("a step needs files"))?;
        Ok(Arc::new(Self::new(Arc::clone(&self.order), self.limits.clone(), files)))
    }

    fn with_new_children(self: Arc<Self>, children: Vec<Arc<dyn ExecutionPlan>>) -> Result<Arc<dyn ExecutionPlan>> {
        self.replace_children(children, ReplaceChildrenOptions::new(ChildrenPropertiesMode::Recompute))
    }

    fn execute(&self, partition: usize, context: Arc<TaskContext>) -> Result<SendableRecordBatchStream> {
        let limits = self.limits.clone().ok_or_else(|| failed("only an executor of modelgate does a step"))?;
        let (order, schema) = (Arc::clone(&self.order), Arc::clone(&self.schema));
        let mut files = self.files.execute(partition, context)?;
        let (sender, receiver) = tokio::sync::mpsc::channel(BATCHES_WAITING);
        tokio::spawn(async move {
            while let Some(numbers) = files.next().await {
                let (order, limits, schema) = (Arc::clone(&order), Arc::clone(&limits), Arc::clone(&schema));
                let of_step = sender.clone();
                let done = tokio::task::spawn_blocking(move || done(&order, &limits, &schema, numbers, &of_step));
                let done = done.await.unwrap_or_else(|error| Err(failed(error)));
                if let Err(error) = done {
                    // Where nobody listens any more, nobody has to be told.
                    let _ = sender.send(Err(error)).await;
                    return;
                }
            }
        });
        let batches = stream::unfold(receiver, |mut receiver| async {
            let batch = receiver.recv().await?;
            Some((batch, receiver))
        });
        Ok(Box::pin(RecordBatchStreamAdapter::new(Arc::clone(&self.schema), batches)))
    }
}

/// Does a step on the files of these numbers.
fn done(
    order: &Order,
    limits: &Limits,
    schema: &SchemaRef,
    numbers: Result<RecordBatch>,
    sender: &Sender<Result<RecordBatch>>,
) -> Result<()> {
    let numbers = numbers?;
    let numbers = numbers.columns().first().and_then(|numbers| numbers.as_primitive_opt::<UInt32Type>());
    for number in numbers.ok_or_else(|| failed("files have no numbers"))?.values() {
        let mut take = |columns: Vec<ArrayRef>| {
            let batch = RecordBatch::try_new(Arc::clone(schema), columns).map_err(DataFusionError::from);
            sender.blocking_send(batch).is_ok()
        };
        step::run(order, *number as usize, limits, &mut take).map_err(failed)?;
    }
    Ok(())
}

/// The bytes of an order, if they are of one.
fn order_of(bytes: &[u8]) -> Option<Result<Arc<Order>>> {
    Some(decode(bytes.strip_prefix(MARK)?).map_err(failed).map(Arc::new))
}

fn bytes_of(order: &Order, buffer: &mut Vec<u8>) -> Result<()> {
    buffer.extend_from_slice(MARK);
    buffer.extend(encode(order).map_err(failed)?);
    Ok(())
}

/// What the rows of a run are reduced to.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(super) enum Reduction {
    /// What the walk over them comes to, by an encoded [`WalkOrder`].
    Walk(Arc<[u8]>),
    /// How many ids are there for another time.
    Duplicates,
}

/// The aggregate function: `reduce(key, tag)` or `reduce(high, low)`.
#[derive(Debug, Clone)]
pub(super) struct Reduce {
    reduction: Reduction,
    signature: Signature,
}

impl PartialEq for Reduce {
    fn eq(&self, other: &Self) -> bool {
        self.reduction == other.reduction
    }
}

impl Eq for Reduce {}

impl Hash for Reduce {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.reduction.hash(state);
    }
}

impl Reduce {
    const WALK: &'static str = "modelgate_walk";
    const DUPLICATES: &'static str = "modelgate_duplicates";

    pub(super) fn new(reduction: Reduction) -> Self {
        Self { reduction, signature: Signature::any(2, Volatility::Immutable) }
    }

    fn encoded(function: &AggregateUDF, buffer: &mut Vec<u8>) {
        let inner: &dyn Any = function.inner().as_ref();
        match inner.downcast_ref() {
            Some(Self { reduction: Reduction::Walk(order), .. }) => buffer.extend_from_slice(order),
            // What has no bytes at all is looked for among the functions that everybody has.
            Some(Self { reduction: Reduction::Duplicates, .. }) => buffer.push(0),
            None => {}
        }
    }

    fn decoded(name: &str, buffer: &[u8]) -> Option<Arc<AggregateUDF>> {
        let reduction = match name {
            Self::WALK => Reduction::Walk(buffer.into()),
            Self::DUPLICATES => Reduction::Duplicates,
            _ => return None,
        };
        Some(Arc::new(AggregateUDF::new_from_impl(Self::new(reduction))))
    }
}

impl AggregateUDFImpl for Reduce {
    fn name(&self) -> &str {
        match self.reduction {
            Reduction::Walk(_) => Self::WALK,
            Reduction::Duplicates => Self::DUPLICATES,
        }
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn return_type(&self, _: &[DataType]) -> Result<DataType> {
        Ok(DataType::LargeBinary)
    }

    fn accumulator(&self, _: AccumulatorArgs<'_>) -> Result<Box<dyn Accumulator>> {
        Ok(Box::new(Reducing { reduction: self.reduction.clone(), rows: Collected::default() }))
    }

    fn state_fields(&self, args: StateFieldsArgs<'_>) -> Result<Vec<FieldRef>> {
        let name = format!("{}[rows]", args.name);
        Ok(vec![Arc::new(Field::new(name, DataType::LargeBinary, false))])
    }
}

/// The rows of a run as they come in.
#[derive(Debug, Default)]
pub(super) struct Collected {
    /// Keys of rows, or first halves of ids.
    first: Vec<u64>,
    /// Tags of rows, or second halves of ids.
    second: Vec<u64>,
}

impl Collected {
    #[cfg(test)]
    pub(super) fn push(&mut self, first: u64, second: u64) {
        self.first.push(first);
        self.second.push(second);
    }

    /// What the walk over them comes to, as an encoded [`Walked`].
    pub(super) fn walked(&self, order: &WalkOrder) -> std::result::Result<Vec<u8>, String> {
        let mut block = Block::default();
        let mut below = vec![[0; 2]; order.totals.len()];
        for (key, tag) in self.first.iter().zip(&self.second) {
            if key & IS_COUNT == 0 {
                block.keys.push(*key);
                block.tags.push(*tag as u32);
            } else if let Some(count) =
                below.get_mut((tag >> 1) as usize).and_then(|counts| counts.get_mut((tag & 1) as usize))
            {
                *count += key & !IS_COUNT;
            }
        }
        let ranked = ranked::walk_run(block, &order.edges(), &order.question, &order.totals, below);
        encode(&Walked::from(ranked))
    }

    fn duplicates(&self) -> u64 {
        let key = |(high, low): (&u64, &u64)| (u128::from(*high) << 64) | u128::from(*low);
        ids::duplicates(self.first.iter().zip(&self.second).map(key).collect())
    }
}

/// Rows and what they are reduced to.
#[derive(Debug)]
struct Reducing {
    reduction: Reduction,
    rows: Collected,
}

impl Accumulator for Reducing {
    fn update_batch(&mut self, values: &[ArrayRef]) -> Result<()> {
        let [first, second] = values else { return Err(failed("two columns are reduced")) };
        let first =
            first.as_primitive_opt::<UInt64Type>().ok_or_else(|| failed("the first column has other values"))?;
        let rows = &mut self.rows;
        rows.first.extend_from_slice(first.values());
        match (second.as_primitive_opt::<UInt64Type>(), second.as_primitive_opt::<UInt32Type>()) {
            (Some(second), _) => rows.second.extend_from_slice(second.values()),
            (_, Some(second)) => rows.second.extend(second.values().iter().map(|tag| u64::from(*tag))),
            _ => return Err(failed("the second column has other values")),
        }
        Ok(())
    }

    fn evaluate(&mut self) -> Result<ScalarValue> {
        let bytes = match &self.reduction {
            Reduction::Walk(order) => decode(order).and_then(|order| self.rows.walked(&order)),
            Reduction::Duplicates => encode(&self.rows.duplicates()),
        };
        Ok(ScalarValue::LargeBinary(Some(bytes.map_err(failed)?)))
    }

    fn size(&self) -> usize {
        size_of::<Self>() + (self.rows.first.capacity() + self.rows.second.capacity()) * size_of::<u64>()
    }

    fn state(&mut self) -> Result<Vec<ScalarValue>> {
        let Collected { first, second } = std::mem::take(&mut self.rows);
        Ok(vec![ScalarValue::LargeBinary(Some(encode(&(first, second)).map_err(failed)?))])
    }

    fn merge_batch(&mut self, states: &[ArrayRef]) -> Result<()> {
        let states = states.first().and_then(|states| states.as_binary_opt::<i64>());
        for state in states.ok_or_else(|| failed("there are no rows to merge"))?.iter().flatten() {
            let (first, second): (Vec<u64>, Vec<u64>) = decode(state).map_err(failed)?;
            self.rows.first.extend(first);
            self.rows.second.extend(second);
        }
        Ok(())
    }
}

/// Carries tables and functions of ours over the network, and leaves all others to Ballista.
#[derive(Debug, Default)]
pub(super) struct Codec {
    /// On an executor, what it may do.
    limits: Option<Arc<Limits>>,
    logical: BallistaLogicalExtensionCodec,
    physical: BallistaPhysicalExtensionCodec,
}

impl Codec {
    pub(super) fn of(limits: Limits) -> Self {
        Self { limits: Some(Arc::new(limits)), ..Self::default() }
    }
}

impl LogicalExtensionCodec for Codec {
    fn try_decode(&self, buffer: &[u8], inputs: &[LogicalPlan], context: &TaskContext) -> Result<Extension> {
        self.logical.try_decode(buffer, inputs, context)
    }

    fn try_encode(&self, node: &Extension, buffer: &mut Vec<u8>) -> Result<()> {
        self.logical.try_encode(node, buffer)
    }

    fn try_decode_table_provider(
        &self,
        buffer: &[u8],
        table: &TableReference,
        schema: SchemaRef,
        context: &TaskContext,
    ) -> Result<Arc<dyn TableProvider>> {
        match order_of(buffer) {
            Some(order) => Ok(Arc::new(StepTable(order?))),
            None => self.logical.try_decode_table_provider(buffer, table, schema, context),
        }
    }

    fn try_encode_table_provider(
        &self,
        table: &TableReference,
        node: Arc<dyn TableProvider>,
        buffer: &mut Vec<u8>,
    ) -> Result<()> {
        let any: &dyn Any = node.as_ref();
        match any.downcast_ref::<StepTable>() {
            Some(StepTable(order)) => bytes_of(order, buffer),
            None => self.logical.try_encode_table_provider(table, node, buffer),
        }
    }

    fn try_decode_udaf(&self, name: &str, buffer: &[u8]) -> Result<Arc<AggregateUDF>> {
        Reduce::decoded(name, buffer).ok_or_else(|| failed(format!("there is no function `{name}`")))
    }

    fn try_encode_udaf(&self, node: &AggregateUDF, buffer: &mut Vec<u8>) -> Result<()> {
        Reduce::encoded(node, buffer);
        Ok(())
    }
}

impl PhysicalExtensionCodec for Codec {
    fn try_decode(
        &self,
        buffer: &[u8],
        inputs: &[Arc<dyn ExecutionPlan>],
        context: &TaskContext,
        converter: &dyn PhysicalProtoConverterExtension,
    ) -> Result<Arc<dyn ExecutionPlan>> {
        let Some(order) = order_of(buffer) else {
            return self.physical.try_decode(buffer, inputs, context, converter);
        };
        let files = inputs.first().ok_or_else(|| failed("a step needs files"))?;
        Ok(Arc::new(StepExec::new(order?, self.limits.clone(), Arc::clone(files))))
    }

    fn try_encode(
        &self,
        node: Arc<dyn ExecutionPlan>,
        buffer: &mut Vec<u8>,
        converter: &dyn PhysicalProtoConverterExtension,
    ) -> Result<()> {
        let any: &dyn Any = node.as_ref();
        match any.downcast_ref::<StepExec>() {
            Some(step) => bytes_of(&step.order, buffer),
            None => self.physical.try_encode(node, buffer, converter),
        }
    }

    fn try_decode_udaf(&self, name: &str, buffer: &[u8]) -> Result<Arc<AggregateUDF>> {
        Reduce::decoded(name, buffer).ok_or_else(|| failed(format!("there is no function `{name}`")))
    }

    fn try_encode_udaf(&self, node: &AggregateUDF, buffer: &mut Vec<u8>) -> Result<()> {
        Reduce::encoded(node, buffer);
        Ok(())
    }
}
