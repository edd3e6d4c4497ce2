//! The JSON Schemas of every document that crosses a boundary, generated from its types.

use schemars::schema_for;

use crate::decision::record::DecisionRecord;
use crate::evidence::trust::TrustRoots;
use crate::facts::Facts;
use crate::facts::monitoring::own::MonitoringFile;
use crate::manifest::raw::RawManifest;
use crate::replay::comparison::Replay;
use crate::report::stored::{RunDocument, RunsDocument};
use crate::report::verification::Verification;
use crate::store::Audit;

/// A document with a published schema.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub enum Schema {
    /// `modelgate.yaml`, version 1.
    Manifest,
    /// Facts, version 1: what policies see as `input`.
    Facts,
    /// The decision record, version 1.
    Decision,
    /// The JSON report, version 1.
    Report,
    /// A monitoring file of our own format, version 1.
    Monitoring,
    /// Trust roots, version 1: which keys may sign verdicts.
    Trust,
    /// What `modelgate verify` came to, version 1.
    Verification,
    /// What `modelgate replay` came to, version 1.
    Replay,
    /// What an audit of a store came to, version 1.
    Audit,
    /// What `store log` and `store find` print, version 1.
    StoreRuns,
    /// What `store show` prints, version 1.
    StoreRun,
}

impl Schema {
    /// Every schema.
    pub const ALL: [Self; 11] = [
        Self::Manifest,
        Self::Facts,
        Self::Decision,
        Self::Report,
        Self::Monitoring,
        Self::Trust,
        Self::Verification,
        Self::Replay,
        Self::Audit,
        Self::StoreRuns,
        Self::StoreRun,
    ];

    /// Its file under `docs/schema/`.
    #[must_use]
    pub const fn file_name(self) -> &'static str {
        match self {
            Self::Manifest => "manifest-v1.schema.json",
            Self::Facts => "facts-v1.schema.json",
            Self::Decision => "decision-v1.schema.json",
            Self::Report => "report-v1.schema.json",
            Self::Monitoring => "monitoring-v1.schema.json",
            Self::Trust => "trust-v1.schema.json",
            Self::Verification => "verification-v1.schema.json",
            Self::Replay => "replay-v1.schema.json",
            Self::Audit => "audit-v1.schema.json",
            Self::StoreRuns => "store-runs-v1.schema.json",
            Self::StoreRun => "store-run-v1.schema.json",
        }
    }

    /// The schema itself.
    #[must_use]
    pub fn to_value(self) -> serde_json::Value {
        match self {
            Self::Manifest => schema_for!(RawManifest).to_value(),
            Self::Facts => schema_for!(Facts).to_value(),
            Self::Decision => schema_for!(DecisionRecord).to_value(),
            Self::Report => crate::report::json::schema(),
            Self::Monitoring => schema_for!(MonitoringFile).to_value(),
            Self::Trust => schema_for!(TrustRoots).to_value(),
            Self::Verification => schema_for!(Verification).to_value(),
            Self::Replay => schema_for!(Replay).to_value(),
            Self::Audit => schema_for!(Audit).to_value(),
            Self::StoreRuns => schema_for!(RunsDocument).to_value(),
            Self::StoreRun => schema_for!(RunDocument).to_value(),
        }
    }

    /// The schema as indented JSON that ends with a line feed.
    #[must_use]
    pub fn to_json(self) -> String {
        format!("{:#}\n", self.to_value())
    }
}
