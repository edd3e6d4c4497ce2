//! Operators of TensorFlow that reach out of the graph: a list as data.
//!
//! TensorFlow's guide on security (`SECURITY.md`) says that models are programs; these are the operators by which they
//! touch files, processes and the network. Those by which every SavedModel restores its own variables (`RestoreV2`,
//! `SaveV2`, `ShardedFilename`, `MergeV2Checkpoints`) are left out. Checked against the operators of TensorFlow 2.21.

use super::{Findings, RiskSeverity};

/// What runs code, writes files, or reaches the network, and reading of any file.
const HIGH: &[(&str, &str)] = &[
    ("CreateSummaryDbWriter", "writes files"),
    ("CreateSummaryFileWriter", "writes files"),
    ("DataServiceDataset", "reaches the network"),
    ("DataServiceDatasetV2", "reaches the network"),
    ("DataServiceDatasetV3", "reaches the network"),
    ("DataServiceDatasetV4", "reaches the network"),
    ("DatasetToTFRecord", "writes files"),
    ("DebugIdentity", "sends what it computes to files and addresses"),
    ("DebugIdentityV2", "sends what it computes to files and addresses"),
    ("DebugIdentityV3", "sends what it computes to files and addresses"),
    ("DebugNanCount", "sends what it computes to files and addresses"),
    ("DebugNumericSummary", "sends what it computes to files and addresses"),
    ("DebugNumericSummaryV2", "sends what it computes to files and addresses"),
    ("DistributedSave", "writes files"),
    ("EagerPyFunc", "calls Python"),
    ("ExperimentalDatasetToTFRecord", "writes files"),
    ("ExperimentalSqlDataset", "opens a database"),
    ("FileSystemSetConfiguration", "changes how files are reached"),
    ("PyFunc", "calls Python"),
    ("PyFuncStateless", "calls Python"),
    ("ReadFile", "reads any file"),
    ("RegisterDataset", "reaches the network"),
    ("RegisterDatasetV2", "reaches the network"),
    ("RpcCall", "reaches the network"),
    ("RpcClient", "reaches the network"),
    ("RpcServer", "reaches the network"),
    ("SaveDataset", "writes files"),
    ("SaveDatasetV2", "writes files"),
    ("SqlDataset", "opens a database"),
    ("WriteFile", "writes files"),
];

/// What reads files of a form, or prints to a place that it chooses.
const MEDIUM: &[(&str, &str)] = &[
    ("ExperimentalLMDBDataset", "reads files"),
    ("ExperimentalMatchingFilesDataset", "lists files"),
    ("FixedLengthRecordDataset", "reads files"),
    ("FixedLengthRecordDatasetV2", "reads files"),
    ("FixedLengthRecordReader", "reads files"),
    ("FixedLengthRecordReaderV2", "reads files"),
    ("GenerateVocabRemapping", "reads files"),
    ("LMDBDataset", "reads files"),
    ("LMDBReader", "reads files"),
    ("LoadAndRemapMatrix", "reads files"),
    ("LoadDataset", "reads files"),
    ("MatchingFiles", "lists files"),
    ("MatchingFilesDataset", "lists files"),
    ("PrintV2", "prints to any file"),
    ("RecordInput", "reads files"),
    ("SnapshotDataset", "reads and writes files"),
    ("SnapshotDatasetV2", "reads and writes files"),
    ("TFRecordDataset", "reads files"),
    ("TFRecordDatasetV2", "reads files"),
    ("TFRecordReader", "reads files"),
    ("TFRecordReaderV2", "reads files"),
    ("TextLineDataset", "reads files"),
    ("TextLineReader", "reads files"),
    ("TextLineReaderV2", "reads files"),
    ("WholeFileReader", "reads files"),
    ("WholeFileReaderV2", "reads files"),
];

/// Notes an operator that reaches out of the graph.
pub(super) fn note(operator: &str, offset: u64, findings: &mut Findings) {
    let lists = [(RiskSeverity::High, HIGH), (RiskSeverity::Medium, MEDIUM)];
    for (severity, list) in lists {
        if let Some((_, what)) = list.iter().find(|(name, _)| *name == operator) {
            let message = format!("the graph has the operator `{operator}`, which {what} when the model is run");
            findings.risk(offset, severity, "tensorflow-dangerous-operator", message);
        }
    }
}

/// Whether an operator comes from a library besides TensorFlow, which names it with a namespace.
pub(super) fn is_custom(operator: &str) -> bool {
    operator.contains('>')
}
