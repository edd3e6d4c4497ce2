//! Exit codes: a verdict and a failure of the tool never share a number, and nothing but a verdict gives 0.

use std::process::ExitCode;

/// How a run ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum ExitStatus {
    /// Approved, or conditionally approved; or the command did what it was asked to.
    Success,
    /// Denied; for `verify`, not proven; for `replay`, not the same.
    Denied,
    /// Usage, manifest or policy bundle is wrong: nothing was decided.
    Usage,
    /// Could not evaluate: evidence is missing, unreadable or over a limit.
    NotEvaluated,
    /// Decided, but the evidence could not be signed, stored or published as asked.
    NotRecorded,
}

impl ExitStatus {
    /// The number.
    #[must_use]
    pub const fn code(self) -> u8 {
        match self {
            Self::Success => 0,
            Self::Denied => 1,
            Self::Usage => 2,
            Self::NotEvaluated => 3,
            Self::NotRecorded => 4,
        }
    }
}

impl From<ExitStatus> for ExitCode {
    fn from(status: ExitStatus) -> Self {
        Self::from(status.code())
    }
}
