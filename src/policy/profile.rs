//! Tier profiles: which controls a tier runs, what a fail costs, and with which parameters.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::{Map, Value};

use super::metadata::Control;
use crate::document::{Document, pointer_to};
use crate::policy::Enforcement;
use crate::problem::{Problem, nearest};
use crate::tier::Tier;

/// What one tier asks for.
#[derive(Debug, Clone, PartialEq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct TierProfile {
    /// Version of this format. Always 1.
    #[schemars(range(min = 1, max = 1))]
    pub version: u32,
    /// The tier: the same as in the file's name.
    pub tier: Tier,
    /// Days until a condition is due.
    #[schemars(range(min = 1, max = 365))]
    pub condition_days: u32,
    /// The controls that run, by id.
    pub controls: BTreeMap<String, ControlProfile>,
}

/// What a tier makes of one control.
#[derive(Debug, Clone, PartialEq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ControlProfile {
    /// What a fail does.
    pub enforcement: Enforcement,
    /// What a fail does where the people are whom the model affects: `EU`, `US`, `US-NY`. A country stands
    /// for its parts unless they have an entry of their own; places without any keep `enforcement`. Of
    /// several places the strictest counts.
    #[serde(default)]
    pub by_jurisdiction: BTreeMap<String, Enforcement>,
    /// Values of the control's parameters: all of them, and no other.
    #[serde(default)]
    pub parameters: Map<String, Value>,
}

impl ControlProfile {
    /// What a fail does for a release that affects people in `jurisdictions`.
    #[must_use]
    pub fn enforcement_in<'a>(&self, jurisdictions: impl IntoIterator<Item = &'a str>) -> Enforcement {
        let of = |place: &str| {
            let country = place.split('-').next().unwrap_or(place);
            let own = self.by_jurisdiction.get(place).or_else(|| self.by_jurisdiction.get(country));
            own.copied().unwrap_or(self.enforcement)
        };
        jurisdictions.into_iter().map(of).max().unwrap_or(self.enforcement)
    }
}

/// Reads the profile of `tier`, and checks it against the bundle's controls.
///
/// # Errors
/// Every problem: an unknown control, a parameter that is missing, unknown or of the wrong type, a
/// profile without controls.
pub(super) fn read(
    tier: Tier,
    shown: &str,
    text: &str,
    controls: &BTreeMap<String, Control>,
) -> Result<TierProfile, Vec<Problem>> {
    let document = Document::parse(shown, text)?;
    let profile: TierProfile = document.decode()?;
    let mut problems = Vec::new();
    if profile.tier != tier {
        let message = format!("the profile in this file is of the tier `{}`", profile.tier);
        problems.push(Problem::new("wrong-tier", message).at(document.location("/tier")));
    }
    if profile.controls.is_empty() {
        problems.push(
            Problem::new("empty-profile", format!("the tier `{tier}` runs no control"))
                .at(document.location("/controls"))
                .hint("a gate that checks nothing must not open: name at least one"),
        );
    }
    for (id, chosen) in &profile.controls {
        let pointer = pointer_to("/controls", id);
        match controls.get(id) {
            Some(control) => check_parameters(&document, &pointer, control, chosen, &mut problems),
            None => {
                let problem = Problem::new("unknown-control", format!("there is no control `{id}` in the bundle"))
                    .at(document.key_location(&pointer));
                problems.push(match nearest(id, controls.keys().map(String::as_str)) {
                    Some(near) => problem.hint(format!("did you mean `{near}`?")),
                    None => problem.hint("add the control, or remove it from the profile"),
                });
            }
        }
    }
    if problems.is_empty() { Ok(profile) } else { Err(problems) }
}

fn check_parameters(
    document: &Document,
    pointer: &str,
    control: &Control,
    chosen: &ControlProfile,
    problems: &mut Vec<Problem>,
) {
    let within = pointer_to(pointer, "parameters");
    for (name, parameter) in &control.parameters {
        match chosen.parameters.get(name) {
            None => problems.push(
                Problem::new("missing-parameter", format!("`{}` is not given its parameter `{name}`", control.id))
                    .at(document.key_location(pointer))
                    .hint(format!("add `{name}` ({})", parameter.description)),
            ),
            Some(value) if !parameter.kind.admits(value) => problems.push(
                Problem::new("wrong-parameter-type", format!("the parameter `{name}` of `{}` is {value}", control.id))
                    .at(document.location(&pointer_to(&within, name)))
                    .hint(format!("it is of the type {:?}", parameter.kind).to_lowercase()),
            ),
            Some(_) => {}
        }
    }
    for name in chosen.parameters.keys().filter(|name| !control.parameters.contains_key(*name)) {
        let problem = Problem::new("unknown-parameter", format!("`{}` has no parameter `{name}`", control.id))
            .at(document.key_location(&pointer_to(&within, name)));
        problems.push(match nearest(name, control.parameters.keys().map(String::as_str)) {
            Some(near) => problem.hint(format!("did you mean `{near}`?")),
            None => problem.hint("remove it, or declare it in the control's METADATA"),
        });
    }
}
