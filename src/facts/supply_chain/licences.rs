//! Under which licences the files of a release say that the model is.

use std::collections::BTreeSet;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::BillOfMaterialsFacts;
use super::bill_of_materials::{ComponentFacts, ComponentKind};
use crate::facts::artifact::ArtifactFacts;
use crate::facts::card::CardFacts;
use crate::manifest::raw::ArtifactRole;

/// Ways to comply that are told apart. An expression with more is taken as a name that no list has.
const OPTIONS_MAX: usize = 32;

/// The licence of the model, as one file states it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct LicenceFacts {
    /// What states it.
    pub source: LicenceSource,
    /// The file.
    pub path: String,
    /// As it stands there.
    pub stated: String,
    /// The ways to comply with it, each of which is the licences that apply together: small letters, sorted, without
    /// `-only`, `-or-later`, `+` and exceptions, which take nothing away from what the licence itself allows.
    pub options: Vec<Vec<String>>,
}

/// What states a licence.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum LicenceSource {
    /// The model card.
    Card,
    /// The bill of materials, for the model that it is of.
    BillOfMaterials,
    /// A model file, in what it says of itself, such as the header of GGUF.
    Artifact,
}

/// Every statement, in the order of card, bill and artifacts.
#[must_use]
pub fn stated(
    card: Option<&CardFacts>,
    bill: Option<&BillOfMaterialsFacts>,
    artifacts: &[ArtifactFacts],
) -> Vec<LicenceFacts> {
    let of_card = card.and_then(|card| Some((LicenceSource::Card, &card.file.path, card.license.as_deref()?)));
    let of_bill =
        bill.and_then(|bill| Some((LicenceSource::BillOfMaterials, &bill.file.path, model(bill)?.licence.as_deref()?)));
    let models = artifacts.iter().filter(|artifact| artifact.role == ArtifactRole::Model);
    let of_files = models.filter_map(|artifact| {
        Some((LicenceSource::Artifact, &artifact.file.path, artifact.metadata.licence.as_deref()?))
    });
    of_card
        .into_iter()
        .chain(of_bill)
        .chain(of_files)
        .filter(|(.., stated)| !stated.trim().is_empty())
        .map(|(source, path, stated)| LicenceFacts {
            source,
            path: path.clone(),
            stated: stated.trim().to_owned(),
            options: options(stated),
        })
        .collect()
}

/// The component that is the released model: what the bill is of, or its only model.
fn model(bill: &BillOfMaterialsFacts) -> Option<&ComponentFacts> {
    let mut models = bill.components.iter().filter(|component| component.kind == ComponentKind::Model);
    let subject = models.clone().find(|component| component.subject);
    subject.or_else(|| models.next().filter(|_| models.next().is_none()))
}

/// What an SPDX licence expression (annex D of the specification), a list of the Hub or any other text asks for.
fn options(stated: &str) -> Vec<Vec<String>> {
    let lower = stated.trim().to_lowercase();
    // The Hub's list of licences has commas; brackets are words of their own.
    let spaced = lower.replace(',', " and ").replace('(', " ( ").replace(')', " ) ");
    let words: Vec<&str> = spaced.split_whitespace().collect();
    let mut rest = words.as_slice();
    let options = any_of(&mut rest, 0).filter(|_| rest.is_empty());
    let whole = || BTreeSet::from([BTreeSet::from([lower.clone()])]);
    options.unwrap_or_else(whole).into_iter().map(|option| option.into_iter().collect()).collect()
}

/// Ways to comply: all licences of any of these sets.
type Options = BTreeSet<BTreeSet<String>>;

fn any_of(words: &mut &[&str], depth: usize) -> Option<Options> {
    let mut options = all_of(words, depth)?;
    while let ["or", rest @ ..] = *words {
        *words = rest;
        options.extend(all_of(words, depth)?);
    }
    (options.len() <= OPTIONS_MAX).then_some(options)
}

fn all_of(words: &mut &[&str], depth: usize) -> Option<Options> {
    let mut options = one(words, depth)?;
    while let ["and", rest @ ..] = *words {
        *words = rest;
        let others = one(words, depth)?;
        let both = |left: &BTreeSet<String>, right: &BTreeSet<String>| left.union(right).cloned().collect();
        options = options.iter().flat_map(|left| others.iter().map(move |right| both(left, right))).collect();
        if options.len() > OPTIONS_MAX {
            return None;
        }
    }
    Some(options)
}

fn one(words: &mut &[&str], depth: usize) -> Option<Options> {
    // Nobody writes brackets in brackets in brackets.
    const DEPTH_MAX: usize = 16;
    if let ["(", rest @ ..] = *words {
        *words = rest;
        let options = if depth < DEPTH_MAX { any_of(words, depth + 1)? } else { return None };
        let [")", rest @ ..] = *words else { return None };
        *words = rest;
        return Some(options);
    }
    let [id, rest @ ..] = *words else { return None };
    if matches!(*id, ")" | "and" | "or" | "with") {
        return None;
    }
    *words = rest;
    if let ["with", _, rest @ ..] = *words {
        *words = rest;
    }
    let id = id.trim_end_matches('+');
    let id = id.strip_suffix("-only").or_else(|| id.strip_suffix("-or-later")).unwrap_or(id);
    Some(BTreeSet::from([BTreeSet::from([id.to_owned()])]))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn read(stated: &str) -> Vec<String> {
        options(stated).into_iter().map(|option| option.join("&")).collect()
    }

    #[test]
    fn expressions_are_ways_to_comply() {
        assert_eq!(read("Apache-2.0"), ["apache-2.0"]);
        assert_eq!(read(" mit OR Apache-2.0 "), ["apache-2.0", "mit"]);
        assert_eq!(read("MIT AND (BSD-3-Clause OR ISC)"), ["bsd-3-clause&mit", "isc&mit"]);
        assert_eq!(read("A OR B AND C"), ["a", "b&c"]);
        assert_eq!(read("MIT, apache-2.0"), ["apache-2.0&mit"]);
        for gpl in ["GPL-3.0", "GPL-3.0-only", "gpl-3.0-or-later", "GPL-3.0+", "GPL-3.0-only WITH GCC-exception-3.1"] {
            assert_eq!(read(gpl), ["gpl-3.0"], "{gpl}");
        }
    }

    #[test]
    fn what_is_no_expression_is_a_name() {
        for text in ["Apache License 2.0", "MIT OR", "(MIT", "MIT)", "AND", "MIT WITH", "see LICENSE"] {
            assert_eq!(read(text), [text.to_lowercase()], "{text}");
        }
        let many = (0..40).map(|id| format!("L{id}")).collect::<Vec<_>>().join(" OR ");
        assert_eq!(read(&many), [many.to_lowercase()]);
        let deep = format!("{}MIT{}", "(".repeat(100_000), ")".repeat(100_000));
        assert_eq!(read(&deep), [deep.to_lowercase()]);
    }

    proptest! {
        #[test]
        fn arbitrary_text_has_a_way_to_comply(text in "((mit|GPL-2.0|and|OR|with|\\(|\\)|,|\\+)? ?){0,20}") {
            let options = options(&text);
            prop_assert!(!options.is_empty() && options.iter().all(|option| !option.is_empty()));
        }
    }
}
