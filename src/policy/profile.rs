//! What each tier asks for: which controls run, what a fail costs, and with which parameters.
//!
//! A control says so itself, in `tiers.yaml` beside it, so that one control is one folder. `tiers/<tier>.yaml`
//! says what is true of the tier, and where it departs from that: for a group of controls, for one, or by
//! leaving one out. `models/*.yaml` departs for one model. Whatever departs says why.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::{Map, Value};

use super::PolicyBundle;
use super::metadata::{Control, ParameterType};
use crate::document::{Document, pointer_to};
use crate::policy::Enforcement;
use crate::problem::{Location, Problem, nearest};
use crate::tier::Tier;

/// What one tier asks for.
#[derive(Debug, Clone, PartialEq)]
pub struct TierProfile {
    /// Days until a condition is due.
    pub condition_days: u32,
    /// The controls that run, by id.
    pub controls: BTreeMap<String, ControlProfile>,
    /// The controls that do not run although they could, and why.
    pub excludes: BTreeMap<String, String>,
}

/// What a tier makes of one control.
#[derive(Debug, Clone, PartialEq)]
pub struct ControlProfile {
    /// What a fail does.
    pub enforcement: Enforcement,
    /// What a fail does where the people are whom the model affects: `EU`, `US`, `US-NY`.
    pub by_jurisdiction: BTreeMap<String, Enforcement>,
    /// What a fail does at most if all its findings are inconclusive: the rows are too few to tell.
    pub inconclusive: Option<Enforcement>,
    /// Values of the control's parameters: all of them, and no other.
    pub parameters: Map<String, Value>,
    /// Where it departs from the control's own `tiers.yaml`, and why; the last departure comes last.
    pub departures: Vec<String>,
}

impl ControlProfile {
    fn new(enforcement: Enforcement, choice: &Choice) -> Self {
        Self {
            enforcement,
            by_jurisdiction: choice.by_jurisdiction.clone().unwrap_or_default(),
            inconclusive: choice.inconclusive,
            parameters: choice.parameters.clone(),
            departures: Vec::new(),
        }
    }

    /// What a fail does for a release that affects people in `jurisdictions`. A country stands for its parts
    /// unless they have an entry of their own; places without any keep the enforcement of the tier. Of several
    /// places the strictest counts.
    #[must_use]
    pub fn enforcement_in<'a>(&self, jurisdictions: impl IntoIterator<Item = &'a str>) -> Enforcement {
        let of = |place: &str| {
            let country = place.split('-').next().unwrap_or(place);
            let own = self.by_jurisdiction.get(place).or_else(|| self.by_jurisdiction.get(country));
            own.copied().unwrap_or(self.enforcement)
        };
        jurisdictions.into_iter().map(of).max().unwrap_or(self.enforcement)
    }

    fn apply(&mut self, choice: &Choice, departure: Option<String>) {
        self.enforcement = choice.enforcement.unwrap_or(self.enforcement);
        if let Some(places) = &choice.by_jurisdiction {
            self.by_jurisdiction.clone_from(places);
        }
        self.inconclusive = choice.inconclusive.or(self.inconclusive);
        self.parameters.extend(choice.parameters.clone());
        self.departures.extend(departure);
    }
}

/// What the profiles of a bundle come to.
#[derive(Debug, Clone, Default, PartialEq)]
pub(super) struct Profiles {
    /// Every tier.
    pub(super) tiers: BTreeMap<Tier, TierProfile>,
    /// Where a model departs from its tier: by its name, the tier, and the control.
    pub(super) models: BTreeMap<String, BTreeMap<(Tier, String), ControlProfile>>,
}

impl Profiles {
    /// What a control is run with in `tier`, for `model` if that departs from the tier.
    pub(super) fn chosen(&self, tier: Tier, model: Option<&str>, id: &str) -> Option<&ControlProfile> {
        let own = model.and_then(|model| self.models.get(model)?.get(&(tier, id.to_owned())));
        let of_tier = || self.tiers.get(&tier)?.controls.get(id);
        own.or_else(of_tier)
    }
}

/// What is chosen for one control; what is not said stays as it is.
#[derive(Debug, Clone, Default, PartialEq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct Choice {
    enforcement: Option<Enforcement>,
    by_jurisdiction: Option<BTreeMap<String, Enforcement>>,
    inconclusive: Option<Enforcement>,
    #[serde(default)]
    parameters: Map<String, Value>,
}

/// `tiers.yaml` beside a control.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct OwnTiers {
    #[schemars(range(min = 1, max = 1))]
    #[expect(dead_code, reason = "checked by the schema")]
    version: u32,
    tiers: BTreeMap<Tier, Choice>,
}

/// `tiers/<tier>.yaml`.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct RawProfile {
    #[schemars(range(min = 1, max = 1))]
    #[expect(dead_code, reason = "checked by the schema")]
    version: u32,
    tier: Tier,
    #[schemars(range(min = 1, max = 365))]
    condition_days: u32,
    /// How many controls the tier runs at least, those that it leaves out included: a folder that is lost on the
    /// way takes what it says of its tiers with it.
    #[serde(default)]
    least_controls: usize,
    #[serde(default)]
    groups: BTreeMap<String, GroupChoice>,
    #[serde(default)]
    controls: BTreeMap<String, Choice>,
    /// Controls that do not run in this tier, each with the reason.
    #[serde(default)]
    excludes: BTreeMap<String, String>,
}

#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct GroupChoice {
    enforcement: Enforcement,
}

/// `groups/<name>.yaml`.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct Group {
    #[schemars(range(min = 1, max = 1))]
    #[expect(dead_code, reason = "checked by the schema")]
    version: u32,
    #[expect(dead_code, reason = "for whoever reads the file")]
    title: String,
    #[schemars(length(min = 1))]
    controls: Vec<String>,
}

/// `models/<name>.yaml`.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct ModelChoices {
    #[schemars(range(min = 1, max = 1))]
    #[expect(dead_code, reason = "checked by the schema")]
    version: u32,
    /// Name of the model, as manifests declare it.
    #[schemars(length(min = 1))]
    model: String,
    /// Why the model is judged otherwise than its tier.
    #[schemars(length(min = 1, max = 1000))]
    reason: String,
    #[schemars(extend("minProperties" = 1))]
    controls: BTreeMap<String, Choice>,
}

/// Reads every profile of `bundle` and checks it against the bundle's controls. `is_complete` says whether
/// every control could be read: if not, one that is named and unknown may be one of those.
pub(super) fn read(
    bundle: &PolicyBundle,
    controls: &BTreeMap<String, Control>,
    is_complete: bool,
    problems: &mut Vec<Problem>,
) -> Profiles {
    let mut reader = Reader { bundle, controls, is_complete, problems, defaults: BTreeMap::new() };
    reader.defaults();
    let groups = reader.groups();
    let mut profiles = Profiles::default();
    for tier in Tier::ALL {
        if let Some(profile) = reader.tier(tier, &groups) {
            profiles.tiers.insert(tier, profile);
        }
    }
    reader.foreign_profiles();
    reader.unused_controls(&profiles);
    profiles.models = reader.models(&profiles.tiers);
    profiles
}

struct Reader<'a> {
    bundle: &'a PolicyBundle,
    controls: &'a BTreeMap<String, Control>,
    is_complete: bool,
    problems: &'a mut Vec<Problem>,
    /// What controls say of themselves.
    defaults: BTreeMap<(Tier, String), ControlProfile>,
}

impl Reader<'_> {
    fn decode<T: serde::de::DeserializeOwned + JsonSchema + 'static>(
        &mut self,
        path: &str,
        text: &str,
    ) -> Option<(Document, T)> {
        let read = Document::parse(&self.bundle.shown(path), text)
            .and_then(|document| document.decode::<T>().map(|value| (document, value)));
        read.map_err(|problems| self.problems.extend(problems)).ok()
    }

    fn refuse(&mut self, code: &'static str, message: String, hint: &str, path: &str) {
        let location = Location { file: self.bundle.shown(path), line: 1, column: 1 };
        self.problems.push(Problem::new(code, message).at(location).hint(hint));
    }

    /// `tiers.yaml` beside each control.
    fn defaults(&mut self) {
        for control in self.controls.values() {
            let Some((folder, _)) = control.path.rsplit_once('/') else { continue };
            let path = format!("{folder}/tiers.yaml");
            let Some(text) = self.bundle.file(&path) else { continue };
            let Some((document, own)) = self.decode::<OwnTiers>(&path, text) else { continue };
            for (tier, choice) in own.tiers {
                let pointer = pointer_to("/tiers", tier.name());
                let Some(enforcement) = choice.enforcement else {
                    let problem = Problem::new("missing-key", format!("the tier `{tier}` has no `enforcement`"));
                    self.problems.push(
                        problem
                            .at(document.key_location(&pointer))
                            .hint("add `enforcement:` with `block`, `condition`, `warn` or `shadow`"),
                    );
                    continue;
                };
                let chosen = ControlProfile::new(enforcement, &choice);
                self.problems.extend(parameter_problems(&document, &pointer, control, &choice, &chosen));
                self.defaults.insert((tier, control.id.clone()), chosen);
            }
        }
    }

    fn groups(&mut self) -> BTreeMap<String, Vec<String>> {
        let mut groups = BTreeMap::new();
        for (path, text) in self.bundle.files().filter(|(path, _)| path.starts_with("groups/")) {
            let Some((document, group)) = self.decode::<Group>(path, text) else { continue };
            for (index, id) in group.controls.iter().enumerate() {
                if !self.controls.contains_key(id) {
                    self.unknown(id, document.location(&format!("/controls/{index}")));
                }
            }
            let stem = path.trim_start_matches("groups/");
            let stem = stem.rsplit_once('.').map_or(stem, |(stem, _)| stem);
            groups.insert(stem.to_owned(), group.controls);
        }
        groups
    }

    fn tier(&mut self, tier: Tier, groups: &BTreeMap<String, Vec<String>>) -> Option<TierProfile> {
        let path = format!("tiers/{tier}.yaml");
        let Some(text) = self.bundle.file(&path) else {
            let message = format!("the bundle has no profile `{path}`");
            self.refuse("missing-profile", message, "every tier needs one: a release may be in any of them", &path);
            return None;
        };
        let (document, raw) = self.decode::<RawProfile>(&path, text)?;
        let known = self.problems.len();
        if raw.tier != tier {
            let message = format!("the profile in this file is of the tier `{}`", raw.tier);
            self.problems.push(Problem::new("wrong-tier", message).at(document.location("/tier")));
        }
        let own = self.defaults.iter().filter(|((of, _), _)| *of == tier);
        let mut controls: BTreeMap<String, ControlProfile> =
            own.map(|((_, id), chosen)| (id.clone(), chosen.clone())).collect();
        self.group_choices(&document, &raw, groups, &mut controls);
        for (id, choice) in &raw.controls {
            self.choice(&document, &pointer_to("/controls", id), id, choice, &mut controls);
        }
        if controls.len() < raw.least_controls && self.is_complete {
            let message =
                format!("the tier `{tier}` runs {} controls, and at least {}", controls.len(), raw.least_controls);
            let problem = Problem::new("too-few-controls", format!("{message} are asked for"));
            let problem = problem.at(document.location("/least_controls"));
            self.problems.push(problem.hint("bring back the controls that are missing, or lower the number"));
        }
        for id in raw.excludes.keys() {
            if controls.remove(id).is_none() {
                let location = document.key_location(&pointer_to("/excludes", id));
                self.excludes_nothing(id, tier, location);
            }
        }
        // Nothing may be left because of what is wrong already.
        if controls.is_empty() && self.is_complete && self.problems.len() == known {
            let problem = Problem::new("empty-profile", format!("the tier `{tier}` runs no control"));
            let problem = problem.at(document.location("/controls"));
            self.problems.push(problem.hint("a gate that checks nothing must not open: name at least one"));
        }
        Some(TierProfile { condition_days: raw.condition_days, controls, excludes: raw.excludes })
    }

    fn excludes_nothing(&mut self, id: &str, tier: Tier, location: Location) {
        if !self.controls.contains_key(id) {
            return self.unknown(id, location);
        }
        let problem = Problem::new("unused-exclusion", format!("`{id}` does not run in the tier `{tier}` anyway"));
        self.problems.push(problem.at(location).hint("remove it"));
    }

    /// What a tier says of groups. A control that two of them would enforce differently is refused.
    fn group_choices(
        &mut self,
        document: &Document,
        raw: &RawProfile,
        groups: &BTreeMap<String, Vec<String>>,
        controls: &mut BTreeMap<String, ControlProfile>,
    ) {
        let mut chosen: BTreeMap<&str, (&str, Enforcement)> = BTreeMap::new();
        for (name, choice) in &raw.groups {
            let location = document.key_location(&pointer_to("/groups", name));
            let Some(members) = groups.get(name) else {
                let problem = Problem::new("unknown-group", format!("there is no group `{name}` in the bundle"));
                let near = nearest(name, groups.keys().map(String::as_str));
                self.problems.push(problem.at(location).hint(match near {
                    Some(near) => format!("did you mean `{near}`?"),
                    None => format!("add `groups/{name}.yaml`"),
                }));
                continue;
            };
            for id in members {
                if let Some((other, _)) = chosen.get(id.as_str()).filter(|(_, other)| *other != choice.enforcement) {
                    let message = format!("`{id}` is in the groups `{other}` and `{name}`, which differ");
                    let problem = Problem::new("group-conflict", message).at(location.clone());
                    self.problems.push(problem.hint(format!("say under `controls` what is true of `{id}`")));
                }
                chosen.insert(id, (name, choice.enforcement));
                if let Some(control) = controls.get_mut(id) {
                    control.enforcement = choice.enforcement;
                    control.departures.push(format!("the tier says it of the group `{name}`"));
                }
            }
        }
    }

    /// What a tier says of one control.
    fn choice(
        &mut self,
        document: &Document,
        pointer: &str,
        id: &str,
        choice: &Choice,
        controls: &mut BTreeMap<String, ControlProfile>,
    ) {
        let Some(control) = self.controls.get(id) else { return self.unknown(id, document.key_location(pointer)) };
        let chosen = match (controls.get_mut(id), choice.enforcement) {
            (Some(chosen), _) => {
                chosen.apply(choice, Some("the tier says it of this control".to_owned()));
                chosen.clone()
            }
            (None, Some(enforcement)) => {
                let chosen = ControlProfile::new(enforcement, choice);
                controls.insert(id.to_owned(), chosen.clone());
                chosen
            }
            (None, None) => {
                let problem = Problem::new("missing-key", format!("`{id}` has no `enforcement` in this tier"));
                let problem = problem.at(document.key_location(pointer));
                self.problems.push(problem.hint("add `enforcement:`, here or in the `tiers.yaml` of the control"));
                return;
            }
        };
        self.problems.extend(parameter_problems(document, pointer, control, choice, &chosen));
    }

    fn unknown(&mut self, id: &str, location: Location) {
        // A control that could not be read is no control that is not there.
        if !self.is_complete {
            return;
        }
        let problem = Problem::new("unknown-control", format!("there is no control `{id}` in the bundle")).at(location);
        self.problems.push(match nearest(id, self.controls.keys().map(String::as_str)) {
            Some(near) => problem.hint(format!("did you mean `{near}`?")),
            None => problem.hint("add the control, or remove it here"),
        });
    }

    fn foreign_profiles(&mut self) {
        let known = Tier::ALL.map(|tier| format!("tiers/{tier}.yaml"));
        let is_profile = |path: &str| path.starts_with("tiers/") && !path.ends_with(".rego");
        for (path, _) in self.bundle.files().filter(|(path, _)| is_profile(path)) {
            if !known.iter().any(|name| name == path) {
                let message = format!("`{path}` is the profile of no tier");
                self.refuse("unknown-profile", message, &format!("the profiles are `{}`", known.join("`, `")), path);
            }
        }
    }

    /// A control that no tier runs looks like one that guards something.
    fn unused_controls(&mut self, profiles: &Profiles) {
        if profiles.tiers.len() < Tier::ALL.len() {
            return;
        }
        for control in self.controls.values() {
            let named = |profile: &TierProfile| {
                profile.controls.contains_key(&control.id) || profile.excludes.contains_key(&control.id)
            };
            if !profiles.tiers.values().any(named) {
                let message = format!("no tier runs `{}`", control.id);
                let hint = "add `tiers.yaml` beside it, or exclude it in a tier with the reason";
                self.refuse("unused-control", message, hint, &control.path);
            }
        }
    }

    fn models(
        &mut self,
        tiers: &BTreeMap<Tier, TierProfile>,
    ) -> BTreeMap<String, BTreeMap<(Tier, String), ControlProfile>> {
        let mut models: BTreeMap<String, BTreeMap<(Tier, String), ControlProfile>> = BTreeMap::new();
        for (path, text) in self.bundle.files().filter(|(path, _)| path.starts_with("models/")) {
            let Some((document, choices)) = self.decode::<ModelChoices>(path, text) else { continue };
            let mut departures = BTreeMap::new();
            for (id, choice) in &choices.controls {
                let pointer = pointer_to("/controls", id);
                let Some(control) = self.controls.get(id) else {
                    self.unknown(id, document.key_location(&pointer));
                    continue;
                };
                for (tier, profile) in tiers {
                    let Some(mut chosen) = profile.controls.get(id).cloned() else { continue };
                    chosen.apply(choice, Some(format!("{path}: {}", choices.reason)));
                    self.problems.extend(parameter_problems(&document, &pointer, control, choice, &chosen));
                    departures.insert((*tier, id.clone()), chosen);
                }
            }
            if models.insert(choices.model.clone(), departures).is_some() {
                let problem = Problem::new("duplicate-model", format!("`{}` has another file", choices.model));
                self.problems.push(problem.at(document.location("/model")).hint("put both into one file"));
            }
        }
        self.problems.dedup();
        models
    }
}

/// What is wrong with the parameters of `chosen`. `choice` is what is written at `pointer`: what is wrong with
/// it has a place there.
fn parameter_problems(
    document: &Document,
    pointer: &str,
    control: &Control,
    choice: &Choice,
    chosen: &ControlProfile,
) -> Vec<Problem> {
    let mut problems = Vec::new();
    let places = pointer_to(pointer, "by_jurisdiction");
    for place in choice.by_jurisdiction.iter().flat_map(BTreeMap::keys).filter(|place| !is_jurisdiction(place)) {
        let problem = Problem::new("invalid-jurisdiction", format!("`{place}` is no jurisdiction"));
        let problem = problem.at(document.key_location(&pointer_to(&places, place)));
        problems.push(problem.hint("write `EU`, or a code of ISO 3166 such as `US` or `US-NY`"));
    }
    if let Some(inconclusive) = choice.inconclusive
        && inconclusive > chosen.enforcement
    {
        let problem =
            Problem::new("stricter-inconclusive", format!("`{}` takes what is uncertain for worse", control.id));
        let problem = problem.at(document.location(&pointer_to(pointer, "inconclusive")));
        problems.push(problem.hint("`inconclusive` is at most as strict as `enforcement`"));
    }
    let within = pointer_to(pointer, "parameters");
    for (name, parameter) in control.parameters.iter().filter(|(name, _)| !chosen.parameters.contains_key(*name)) {
        problems.push(
            Problem::new("missing-parameter", format!("`{}` is not given its parameter `{name}`", control.id))
                .at(document.key_location(pointer))
                .hint(format!("add `{name}` ({})", parameter.description)),
        );
    }
    for (name, value) in &choice.parameters {
        let place = pointer_to(&within, name);
        match control.parameters.get(name) {
            Some(parameter) if parameter.kind.admits(value) => {}
            Some(parameter) => {
                problems.push(wrong_type(control, name, value, parameter.kind).at(document.location(&place)));
            }
            None => {
                let problem = Problem::new("unknown-parameter", format!("`{}` has no parameter `{name}`", control.id));
                let near = nearest(name, control.parameters.keys().map(String::as_str));
                problems.push(problem.at(document.key_location(&place)).hint(match near {
                    Some(near) => format!("did you mean `{near}`?"),
                    None => "remove it, or declare it in the control's METADATA".to_owned(),
                }));
            }
        }
    }
    problems
}

/// Two capitals, and perhaps a part of the country: as manifests write them.
fn is_jurisdiction(place: &str) -> bool {
    let (country, part) = place.split_once('-').map_or((place, None), |(country, part)| (country, Some(part)));
    let is_part = |part: &str| {
        (1..=3).contains(&part.len()) && part.bytes().all(|byte| byte.is_ascii_uppercase() || byte.is_ascii_digit())
    };
    country.len() == 2 && country.bytes().all(|byte| byte.is_ascii_uppercase()) && part.is_none_or(is_part)
}

fn wrong_type(control: &Control, name: &str, value: &Value, kind: ParameterType) -> Problem {
    let message = format!("the parameter `{name}` of `{}` is {value}", control.id);
    Problem::new("wrong-parameter-type", message).hint(format!("it is of the type {kind:?}").to_lowercase())
}
