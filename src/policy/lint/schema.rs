//! Steps through a JSON Schema as `schemars` writes it, along the path of a reference.

use std::collections::BTreeSet;

use serde_json::{Map, Value};

/// `$ref` after `$ref` that leads nowhere ends here.
const MAXIMUM_REFERENCE_STEPS: usize = 16;

/// What may stand at a path of the facts.
#[derive(Debug, Clone)]
pub(super) enum Place<'s> {
    /// Anything: the schema says no more.
    Open,
    /// Any of these.
    Schemas(Vec<&'s Value>),
}

/// What is read from a place.
#[derive(Debug, Clone, Copy)]
pub(super) enum Step<'k> {
    /// The property of this name.
    Key(&'k str),
    /// Any item or property.
    Any,
}

/// A schema document, for its `$defs`.
#[derive(Debug, Clone, Copy)]
pub(super) struct Schema<'s>(pub(super) &'s Value);

impl<'s> Schema<'s> {
    /// The whole document.
    pub(super) fn root(self) -> Place<'s> {
        Place::Schemas(vec![self.0])
    }

    /// What `step` leads to from `place`; `None` if the schema rules it out.
    pub(super) fn step(self, place: &Place<'s>, step: Step<'_>) -> Option<Place<'s>> {
        let Place::Schemas(schemas) = place else { return Some(Place::Open) };
        let mut found = Found::default();
        schemas.iter().for_each(|schema| self.step_from(schema, step, &mut found, 0));
        if found.is_open {
            Some(Place::Open)
        } else {
            (!found.schemas.is_empty()).then_some(Place::Schemas(found.schemas))
        }
    }

    fn step_from(self, schema: &'s Value, step: Step<'_>, found: &mut Found<'s>, depth: usize) {
        let Some(object) = schema.as_object() else {
            found.is_open |= schema != &Value::Bool(false);
            return;
        };
        if depth > MAXIMUM_REFERENCE_STEPS || says_nothing(object) {
            found.is_open = true;
            return;
        }
        self.alternatives(object).for_each(|schema| match schema {
            Some(schema) => self.step_from(schema, step, found, depth.saturating_add(1)),
            None => found.is_open = true,
        });
        let properties = object.get("properties").and_then(Value::as_object);
        match step {
            Step::Key(key) => match properties.and_then(|properties| properties.get(key)) {
                Some(property) => found.add(property),
                None => other_properties(object).for_each(|schema| found.add(schema)),
            },
            Step::Any => {
                properties.iter().flat_map(|properties| properties.values()).for_each(|schema| found.add(schema));
                other_properties(object).for_each(|schema| found.add(schema));
                object.get("items").into_iter().for_each(|schema| found.add(schema));
                let leading = object.get("prefixItems").and_then(Value::as_array);
                leading.into_iter().flatten().for_each(|schema| found.add(schema));
                // An array whose items are not described.
                found.is_open |=
                    has_type(object, "array") && object.get("items").or(object.get("prefixItems")).is_none();
            }
        }
        found.is_open |= is_open_object(object);
    }

    /// The schemas of `object` that its value must match besides; `None` for one that cannot be found.
    fn alternatives(self, object: &'s Map<String, Value>) -> impl Iterator<Item = Option<&'s Value>> {
        let reference = object
            .get("$ref")
            .map(|reference| reference.as_str()?.strip_prefix('#').and_then(|pointer| self.0.pointer(pointer)));
        let combined = ["anyOf", "oneOf", "allOf"].into_iter().filter_map(|word| object.get(word)?.as_array());
        reference.into_iter().chain(combined.flatten().map(Some))
    }

    /// The names of the properties that `place` may have.
    pub(super) fn property_names(self, place: &Place<'s>) -> BTreeSet<&'s str> {
        let mut names = BTreeSet::new();
        self.each_object(place, &mut |object| {
            let properties = object.get("properties").and_then(Value::as_object);
            names.extend(properties.into_iter().flat_map(|properties| properties.keys().map(String::as_str)));
        });
        names
    }

    /// Whether `place` may be an array.
    pub(super) fn is_array(self, place: &Place<'s>) -> bool {
        let mut is_array = false;
        self.each_object(place, &mut |object| is_array |= has_type(object, "array"));
        is_array
    }

    fn each_object(self, place: &Place<'s>, see: &mut impl FnMut(&'s Map<String, Value>)) {
        let Place::Schemas(schemas) = place else { return };
        let mut pending: Vec<(&'s Value, usize)> = schemas.iter().map(|&schema| (schema, 0)).collect();
        while let Some((schema, depth)) = pending.pop() {
            if let Some(object) = schema.as_object().filter(|_| depth <= MAXIMUM_REFERENCE_STEPS) {
                see(object);
                let deeper = depth.saturating_add(1);
                pending.extend(self.alternatives(object).flatten().map(|schema| (schema, deeper)));
            }
        }
    }

    /// The strings that may stand at `place`, if the schema lists them all.
    pub(super) fn strings(self, place: &Place<'s>) -> Option<BTreeSet<&'s str>> {
        let Place::Schemas(schemas) = place else { return None };
        let mut strings = BTreeSet::new();
        for schema in schemas {
            self.collect_strings(schema, &mut strings, 0)?;
        }
        (!strings.is_empty()).then_some(strings)
    }

    fn collect_strings(self, schema: &'s Value, strings: &mut BTreeSet<&'s str>, depth: usize) -> Option<()> {
        let object = schema.as_object().filter(|_| depth <= MAXIMUM_REFERENCE_STEPS)?;
        if let Some(constant) = object.get("const") {
            strings.extend(constant.as_str());
            return Some(());
        }
        if let Some(values) = object.get("enum").and_then(Value::as_array) {
            strings.extend(values.iter().filter_map(Value::as_str));
            return Some(());
        }
        let mut alternatives = self.alternatives(object).peekable();
        if alternatives.peek().is_some() {
            return alternatives.try_for_each(|schema| self.collect_strings(schema?, strings, depth.saturating_add(1)));
        }
        // Another type than a string allows no string at all.
        (object.contains_key("type") && !has_type(object, "string")).then_some(())
    }
}

#[derive(Debug, Default)]
struct Found<'s> {
    is_open: bool,
    schemas: Vec<&'s Value>,
}

impl<'s> Found<'s> {
    fn add(&mut self, schema: &'s Value) {
        match schema {
            Value::Bool(false) => {}
            Value::Bool(true) => self.is_open = true,
            _ if self.schemas.iter().any(|known| std::ptr::eq(*known, schema)) => {}
            _ => self.schemas.push(schema),
        }
    }
}

/// Schemas of the properties that are not named one by one.
fn other_properties(object: &Map<String, Value>) -> impl Iterator<Item = &Value> {
    let patterns = object.get("patternProperties").and_then(Value::as_object);
    object.get("additionalProperties").into_iter().chain(patterns.into_iter().flat_map(Map::values))
}

/// Words of a schema that restrict what may stand there. Without any, everything may.
const RESTRICTING: [&str; 7] = ["type", "const", "enum", "$ref", "anyOf", "oneOf", "allOf"];

fn says_nothing(object: &Map<String, Value>) -> bool {
    !RESTRICTING.iter().chain(&["properties"]).any(|word| object.contains_key(*word))
}

/// An object of which only the type is known.
fn is_open_object(object: &Map<String, Value>) -> bool {
    const DESCRIBING: [&str; 8] =
        ["properties", "additionalProperties", "patternProperties", "const", "enum", "$ref", "anyOf", "oneOf"];
    has_type(object, "object") && !DESCRIBING.iter().chain(&["allOf"]).any(|word| object.contains_key(*word))
}

fn has_type(object: &Map<String, Value>, name: &str) -> bool {
    match object.get("type") {
        Some(Value::String(only)) => only == name,
        Some(Value::Array(several)) => several.iter().any(|one| one == name),
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    /// What is left after `path`, `*` being any item or property: `open`, `missing` or the schemas.
    fn follow(document: &Value, path: &[&str]) -> String {
        let schema = Schema(document);
        let mut place = schema.root();
        for name in path {
            let step = if *name == "*" { Step::Any } else { Step::Key(name) };
            match schema.step(&place, step) {
                Some(next) => place = next,
                None => return "missing".to_owned(),
            }
        }
        match place {
            Place::Open => "open".to_owned(),
            Place::Schemas(schemas) => format!("{}", Value::Array(schemas.into_iter().cloned().collect())),
        }
    }

    #[test]
    fn every_form_of_schemars_is_followed() {
        let text = json!({"type": "string"});
        let document = json!({
            "type": "object",
            "properties": {
                "list": {"type": "array", "items": {"$ref": "#/$defs/Item"}},
                "maybe": {"anyOf": [{"$ref": "#/$defs/Item"}, {"type": "null"}]},
                "tagged": {"oneOf": [
                    {"type": "object", "properties": {"a": text}},
                    {"type": "object", "properties": {"b": text}},
                ]},
                "map": {"type": "object", "additionalProperties": text},
                "free": {"type": "object", "additionalProperties": true},
                "any": true,
                "bare": {"type": "object"},
                "described": {"description": "anything"},
                "flattened": {"type": "object", "properties": {"own": text}, "allOf": [{"$ref": "#/$defs/Item"}]},
                "pair": {"type": "array", "prefixItems": [text, {"type": "null"}]},
                "closed": {"type": "object", "properties": {"own": text}, "additionalProperties": false},
                "lost": {"$ref": "#/$defs/Lost"},
            },
            "$defs": {"Item": {"type": "object", "properties": {"name": text}}},
        });
        let string = r#"[{"type":"string"}]"#;
        for (path, expected) in [
            (&["list", "*", "name"] as &[&str], string),
            (&["list", "*", "nam"], "missing"),
            (&["list", "name"], "missing"),
            (&["maybe", "name"], string),
            (&["maybe", "nam"], "missing"),
            (&["tagged", "b"], string),
            (&["tagged", "c"], "missing"),
            (&["map", "whatever"], string),
            (&["map", "*"], string),
            (&["map", "whatever", "more"], "missing"),
            (&["free", "whatever", "more"], "open"),
            (&["any", "whatever"], "open"),
            (&["bare", "whatever"], "open"),
            (&["described", "whatever"], "open"),
            (&["flattened", "own"], string),
            (&["flattened", "name"], string),
            (&["flattened", "else"], "missing"),
            (&["pair", "*"], r#"[{"type":"string"},{"type":"null"}]"#),
            (&["closed", "own"], string),
            (&["closed", "else"], "missing"),
            (&["lost", "whatever"], "open"),
            (&["list", "*", "name", "*"], "missing"),
            (&["nothing"], "missing"),
        ] {
            assert_eq!(follow(&document, path), expected, "{path:?}");
        }
    }

    #[test]
    fn strings_are_known_only_if_all_of_them_are_listed() {
        let document = json!({"$defs": {"Kind": {"oneOf": [
            {"type": "string", "const": "a"},
            {"type": "string", "enum": ["b", "c"]},
        ]}}});
        let schema = Schema(&document);
        for (place, expected) in [
            (json!({"$ref": "#/$defs/Kind"}), Some(vec!["a", "b", "c"])),
            (json!({"anyOf": [{"$ref": "#/$defs/Kind"}, {"type": "null"}]}), Some(vec!["a", "b", "c"])),
            (json!({"anyOf": [{"$ref": "#/$defs/Kind"}, {"type": "string"}]}), None),
            (json!({"anyOf": [{"const": "a"}, {"$ref": "#/$defs/Lost"}]}), None),
            (json!({"type": ["string", "null"]}), None),
            (json!({"type": "integer"}), None),
            (json!(true), None),
            (json!({}), None),
        ] {
            // The schemas under test must live as long as the document that they refer to.
            let place: &'static Value = Box::leak(Box::new(place));
            let strings =
                schema.strings(&Place::Schemas(vec![place])).map(|names| names.into_iter().collect::<Vec<_>>());
            assert_eq!(strings, expected, "{place}");
        }
    }

    #[test]
    fn a_schema_that_refers_to_itself_ends() {
        let document = json!({"$ref": "#/$defs/A", "$defs": {"A": {"$ref": "#/$defs/A"}}});
        assert_eq!(follow(&document, &["x"]), "open");
        assert_eq!(Schema(&document).strings(&Schema(&document).root()), None);
        assert!(Schema(&document).property_names(&Schema(&document).root()).is_empty());
    }
}
