//! Risk tiers: which one a release is in, and why.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// A risk tier. Later is stricter.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Tier {
    /// Nobody is harmed if it is wrong.
    Minimal,
    /// Wrong output costs time or money that can be recovered.
    Limited,
    /// Its output has consequences for people or for the organisation.
    High,
    /// Its output has consequences that are grave, wide or hard to undo.
    Critical,
}

impl Tier {
    /// Every tier, the most lenient first.
    pub const ALL: [Self; 4] = [Self::Minimal, Self::Limited, Self::High, Self::Critical];

    /// The name in manifests and tier profiles.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Minimal => "minimal",
            Self::Limited => "limited",
            Self::High => "high",
            Self::Critical => "critical",
        }
    }
}

impl std::fmt::Display for Tier {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str(self.name())
    }
}

/// The tier of a release and how it was arrived at.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct TierFacts {
    /// What the tiering rules came to: the strictest of the reasons.
    pub computed: Tier,
    /// What the team declared, or null.
    pub declared: Option<Tier>,
    /// The tier that applies: the stricter of the two.
    pub effective: Tier,
    /// Every rule that applied, the strictest first.
    pub reasons: Vec<TierReason>,
}

/// One reason for a tier.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct TierReason {
    /// Stable id of the tiering rule, such as `TIER-CREDIT`.
    pub rule: String,
    /// The tier that it asks for at least.
    pub tier: Tier,
    /// Why, as a sentence about this release.
    pub reason: String,
}

impl TierFacts {
    /// Combines what the tiering rules found with what the team declared. No reason at all is
    /// `None`: a release that no rule speaks of has no tier, rather than the lowest.
    #[must_use]
    pub fn new(mut reasons: Vec<TierReason>, declared: Option<Tier>) -> Option<Self> {
        reasons.sort_by(|left, right| right.tier.cmp(&left.tier).then_with(|| left.cmp(right)));
        reasons.dedup();
        let computed = reasons.first()?.tier;
        let effective = declared.map_or(computed, |declared| declared.max(computed));
        Some(Self { computed, declared, effective, reasons })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn reason(rule: &str, tier: Tier) -> TierReason {
        TierReason { rule: rule.to_owned(), tier, reason: String::new() }
    }

    #[test]
    fn the_strictest_reason_wins_and_a_declaration_can_only_raise() {
        let reasons = vec![reason("A", Tier::Limited), reason("B", Tier::High), reason("A", Tier::Limited)];
        for (declared, effective) in
            [(None, Tier::High), (Some(Tier::Minimal), Tier::High), (Some(Tier::Critical), Tier::Critical)]
        {
            let facts = TierFacts::new(reasons.clone(), declared).unwrap();
            assert_eq!((facts.computed, facts.effective), (Tier::High, effective));
            assert_eq!(facts.reasons, [reason("B", Tier::High), reason("A", Tier::Limited)]);
        }
    }

    #[test]
    fn no_reason_is_no_tier() {
        assert_eq!(TierFacts::new(Vec::new(), Some(Tier::Critical)), None);
    }
}
