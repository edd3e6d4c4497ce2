//! The gate that decides whether a machine-learning model may be released, and can prove how it decided.
//!
//! The way of the data is the layout; arrows go forward only:
//!
//! ```text
//! modelgate.yaml ──► manifest ──► facts ──► policy ──► decision ──► evidence ──► store
//!                                   ▲                      │            │
//!         artifacts, evaluations,   │                      ▼            ▼
//!         monitoring, card, change ─┘                    report       forge
//! ```
//!
//! | station | is given | gives |
//! |---|---|---|
//! | [`manifest`] | `modelgate.yaml` | a validated manifest, or every problem with its place |
//! | [`facts`] | the manifest | everything measured: the only thing that a policy sees as `input` |
//! | [`tier`] | intake answers and tiering rules | the tier, and the reasons for it |
//! | [`policy`] | facts, tier, policy bundle, effective time | one outcome for each control |
//! | [`bundle_source`] | a path, an address or an OCI reference | a policy bundle |
//! | [`decision`] | outcomes | approve, conditional or deny |
//! | [`evidence`] | the decision record | signed statements, and their verification |
//! | [`store`] | evidence | an append-only, content-addressed record |
//! | [`report`] | the decision | text, JSON, Markdown, HTML, SARIF, JUnit, code quality, documents for review boards |
//! | [`forge`] | the decision, and what is on the pull or merge request | what has to be written there, and its writing |
//!
//! [`gate`] drives them, [`replay`] drives them again over what was recorded, and [`cli`] is the only place that prints. [`tier`], [`policy`], [`decision`]
//! and [`report`] are pure: no clock, no network, no environment.

pub mod bundle_source;
pub mod canonical;
pub mod cli;
pub mod decision;
pub mod digest;
pub mod document;
pub mod environment;
pub mod evidence;
pub mod exit_status;
pub mod facts;
pub mod forge;
pub mod gate;
pub mod init;
pub mod manifest;
pub mod metric_id;
pub mod policy;
pub mod problem;
pub mod release_root;
pub mod remote;
pub mod replay;
pub mod report;
pub mod schema;
pub mod store;
pub mod tier;
