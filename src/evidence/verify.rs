//! Checking a bundle: that the given key signed it, what it says, and that it is about these files.

use serde_json::Value;

use super::bundle::{Bundle, BundleError};
use super::key::PublicKey;
use super::statement::{EVALUATION_TYPE, STATEMENT_TYPE, SUBJECTS_MAX, Statement, VERDICT_TYPE, VERIFIER, level_of};
use crate::digest::Sha256Digest;
use crate::tier::Tier;

/// What a bundle must say.
#[derive(Debug, Clone, Default)]
pub struct Expectations {
    /// Files that must be subjects: what to call them, and their digests.
    pub artifacts: Vec<(String, Sha256Digest)>,
    /// The least tier that a verdict must be of.
    pub tier: Option<Tier>,
}

/// A statement that holds.
#[derive(Debug, Clone)]
pub struct Verified {
    /// The statement.
    pub statement: Statement,
    /// The tier of a verdict.
    pub tier: Option<Tier>,
}

/// Why a bundle does not prove what it should.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum VerifyError {
    /// The bundle itself.
    #[error(transparent)]
    Bundle(#[from] BundleError),
    /// What is signed is not a statement of ours.
    #[error("what is signed is no statement that this version knows: {0}")]
    Statement(String),
    /// The verdict is not PASSED.
    #[error("the verdict is {0}, not PASSED")]
    NotPassed(String),
    /// The verdict is of a lower tier.
    #[error("the verdict is for the tier `{found}`, and `{required}` is required")]
    LowerTier {
        /// The tier of the verdict.
        found: String,
        /// The tier that is required.
        required: Tier,
    },
    /// The statement is not about a file.
    #[error("the statement is not about `{name}` (sha256 {sha256})")]
    NotASubject {
        /// The file.
        name: String,
        /// Its digest.
        sha256: Sha256Digest,
    },
}

/// Checks a bundle against a key and expectations. Nothing in the bundle is believed before its
/// signature holds, and what it says of its key is not believed at all.
///
/// # Errors
/// [`VerifyError`]: anything but a statement that holds.
pub fn verify(bundle: &[u8], key: &PublicKey, expectations: &Expectations) -> Result<Verified, VerifyError> {
    let payload = Bundle::from_json(bundle)?.envelope().verify(key)?;
    let statement = parse(&payload)?;
    let tier = match statement.predicate_type.as_str() {
        VERDICT_TYPE => Some(check_verdict(&statement.predicate, expectations.tier)?),
        EVALUATION_TYPE if expectations.tier.is_none() => None,
        EVALUATION_TYPE => return Err(VerifyError::Statement("an evaluation is no verdict for a tier".to_owned())),
        other => return Err(VerifyError::Statement(format!("its predicate is `{other}`"))),
    };
    for (name, sha256) in &expectations.artifacts {
        if !statement.subject.iter().any(|subject| subject.has_sha256(*sha256)) {
            return Err(VerifyError::NotASubject { name: name.clone(), sha256: *sha256 });
        }
    }
    Ok(Verified { statement, tier })
}

fn parse(payload: &[u8]) -> Result<Statement, VerifyError> {
    let statement: Statement =
        serde_json::from_slice(payload).map_err(|error| VerifyError::Statement(error.to_string()))?;
    if statement.statement_type != STATEMENT_TYPE {
        return Err(VerifyError::Statement(format!("its type is `{}`", statement.statement_type)));
    }
    if statement.subject.is_empty() || statement.subject.len() > SUBJECTS_MAX {
        return Err(VerifyError::Statement(format!("it has {} subjects", statement.subject.len())));
    }
    Ok(statement)
}

fn check_verdict(predicate: &Value, required: Option<Tier>) -> Result<Tier, VerifyError> {
    let text = |pointer: &str| predicate.pointer(pointer).and_then(Value::as_str).unwrap_or_default();
    if text("/verifier/id") != VERIFIER {
        return Err(VerifyError::Statement(format!("its verifier is `{}`", text("/verifier/id"))));
    }
    let result = text("/verificationResult");
    if result != "PASSED" {
        return Err(VerifyError::NotPassed(if result.is_empty() { "absent".to_owned() } else { result.to_owned() }));
    }
    let levels = predicate.get("verifiedLevels").and_then(Value::as_array);
    let has_level = |tier: Tier| levels.is_some_and(|levels| levels.iter().any(|level| *level == level_of(tier)));
    let Some(found) = Tier::ALL.into_iter().rev().find(|tier| has_level(*tier)) else {
        return Err(VerifyError::Statement("it verifies no tier".to_owned()));
    };
    match required {
        Some(required) if found < required => Err(VerifyError::LowerTier { found: found.to_string(), required }),
        _ => Ok(found),
    }
}
