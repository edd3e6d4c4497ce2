//! JSON of Google's Model Card Toolkit (`model_card.schema.json`, version 0.0.2; 0.0.1 differs in what is not read).

use super::headings::kind_of;
use super::sections::Sections;
use super::{CardText, Content, SectionKind, StatedMetric, performance, stated};
use crate::document::{Json, Node};
use crate::problem::Problem;

/// Reads the card, if it is of this format.
pub(super) fn read(_: &str, text: &CardText) -> Result<Option<Content>, Problem> {
    let CardText::Json(json) = text else { return Ok(None) };
    let Some(root) = card(json)? else { return Ok(None) };
    let mut sections = Sections::default();
    let details = root.object("model_details")?;
    texts(&mut sections, SectionKind::ModelDetails, details.as_ref(), &["overview", "documentation"])?;
    parameters(&mut sections, root.object("model_parameters")?.as_ref())?;
    performance(&mut sections, root.object("quantitative_analysis")?.as_ref(), "performance_metrics")?;
    let considerations = root.object("considerations")?;
    for (key, kind, parts) in [
        ("users", SectionKind::IntendedUse, &["description"][..]),
        ("use_cases", SectionKind::IntendedUse, &["description"]),
        ("limitations", SectionKind::Limitations, &["description"]),
        ("tradeoffs", SectionKind::Limitations, &["description"]),
        ("ethical_considerations", SectionKind::EthicalConsiderations, &["name", "mitigation_strategy"]),
    ] {
        list(&mut sections, kind, considerations.as_ref(), key, parts)?;
    }
    list(&mut sections, SectionKind::Contact, details.as_ref(), "owners", &["name", "contact"])?;
    let license = details.as_ref().map(license).transpose()?.flatten();
    Ok(Some(Content { license, sections: sections.finish(), ..Content::default() }))
}

/// The metrics that the card states; none if it is no such card.
pub(super) fn metrics(json: &Json) -> Result<Option<Vec<StatedMetric>>, Problem> {
    let Some(root) = card(json)? else { return Ok(None) };
    let analysis = root.object("quantitative_analysis")?;
    let items = analysis.map(|analysis| analysis.objects("performance_metrics")).transpose()?;
    stated(&items.unwrap_or_default()).map(Some)
}

/// The card, by a key that every one has: the schema asks for none.
fn card(json: &Json) -> Result<Option<Node<'_>>, Problem> {
    let root = json.root();
    let keys = ["model_details", "model_parameters", "quantitative_analysis", "considerations"];
    if keys.iter().all(|key| root.get(key).is_none()) {
        return Ok(None);
    }
    match root.text("schema_version")? {
        None | Some("0.0.1" | "0.0.2") => Ok(Some(root)),
        Some(other) => {
            let message = format!("the card is of version `{other}` of its schema");
            Err(root.problem("unknown-card", message, "write it as version 0.0.2"))
        }
    }
}

/// Licences by their identifiers. A text of their own stands for itself where it is a name, and for `other` where it is
/// longer.
fn license(details: &Node<'_>) -> Result<Option<String>, Problem> {
    let one = |item: &Node<'_>| match (item.text("identifier")?, item.text("custom_text")?) {
        (Some(identifier), _) => Ok(Some(identifier.to_owned())),
        (None, Some(text)) if !text.contains(char::is_whitespace) => Ok(Some(text.to_owned())),
        (None, Some(_)) => Ok(Some("other".to_owned())),
        (None, None) => Ok(None),
    };
    let found: Vec<Option<String>> = details.objects("licenses")?.iter().map(one).collect::<Result<_, Problem>>()?;
    let found: Vec<String> = found.into_iter().flatten().collect();
    Ok((!found.is_empty()).then(|| found.join(", ")))
}

/// How the model is built, and a section for each data set.
fn parameters(sections: &mut Sections, parameters: Option<&Node<'_>>) -> Result<(), Problem> {
    texts(sections, SectionKind::ModelDetails, parameters, &["model_architecture", "input_format", "output_format"])?;
    for data in parameters.map(|parameters| parameters.objects("data")).transpose()?.unwrap_or_default() {
        let name = data.text("name")?.unwrap_or("data");
        let kind = kind_of(name).filter(|kind| *kind == SectionKind::EvaluationData);
        sections.begin(kind.or(Some(SectionKind::TrainingData)), name, 2, data.line());
        for key in ["name", "description", "link"] {
            sections.add(data.text(key)?.unwrap_or_default());
        }
        if let Some(sensitive) = data.object("sensitive")? {
            for item in sensitive.items("sensitive_data")? {
                sections.add(item.value().as_str().unwrap_or_default());
            }
        }
    }
    Ok(())
}

/// A section for each of these keys that has a text.
pub(super) fn texts(
    sections: &mut Sections,
    kind: SectionKind,
    owner: Option<&Node<'_>>,
    keys: &[&str],
) -> Result<(), Problem> {
    for key in keys {
        if let Some(owner) = owner
            && let Some(text) = owner.text(key)?
        {
            sections.begin(Some(kind), *key, 2, owner.get(key).map_or(1, |node| node.line()));
            sections.add(text);
        }
    }
    Ok(())
}

/// A section for a list of objects, whose texts are in `parts`.
pub(super) fn list(
    sections: &mut Sections,
    kind: SectionKind,
    owner: Option<&Node<'_>>,
    key: &str,
    parts: &[&str],
) -> Result<(), Problem> {
    let items = owner.map(|owner| owner.objects(key)).transpose()?.unwrap_or_default();
    if let Some(first) = items.first() {
        sections.begin(Some(kind), key, 2, first.line());
    }
    for item in &items {
        for part in parts {
            sections.add(item.text(part)?.unwrap_or_default());
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::facts::card::CardFormat;
    use proptest::prelude::*;

    /// After `full.json` and `cats_vs_dogs_v0_0_2.json` of the toolkit's own tests.
    const CARD: &str = r#"{
  "schema_version": "0.0.2",
  "model_details": {
    "name": "Cats and dogs",
    "overview": "This model distinguishes images of cats from those of dogs.",
    "owners": [{"name": "Model Cards Team", "contact": "model-cards@example.com"}],
    "version": {"name": "v1.0", "date": "08/28/2020"},
    "licenses": [{"identifier": "Apache-2.0"}, {"custom_text": "MIT"}],
    "path": "my/model/path"
  },
  "model_parameters": {
    "model_architecture": "MobileNetV2",
    "data": [
      {"name": "Training Set", "description": "Two thousand images.", "graphics": {}},
      {"name": "Test Set", "sensitive": {"sensitive_data": ["age"]}}
    ],
    "output_format_map": [{"key": "type", "value": "text"}]
  },
  "quantitative_analysis": {"performance_metrics": [
    {"type": "accuracy", "value": "0.97", "threshold": "0.5"},
    {"type": "recall", "value": 0.5, "slice": "overall"},
    {"type": "accuracy", "value": "0.99", "slice": "cat", "confidence_interval": {"lower_bound": "0.98", "upper_bound": "1.0"}}
  ]},
  "considerations": {
    "users": [{"description": "Fans of dogs and cats."}],
    "use_cases": [{"description": "What are the intended use cases of the model?"}],
    "limitations": [{"description": "Other animals."}, {"description": "Drawings."}],
    "ethical_considerations": [{"name": "Images of people.", "mitigation_strategy": "Avoid them."}]
  }
}"#;

    fn json(text: &str) -> CardText {
        CardText::Json(Json::parse("card.json", text.to_owned()).unwrap())
    }

    #[test]
    fn a_card_is_read_by_the_meaning_of_its_keys() {
        let content = read("card.json", &json(CARD)).unwrap().unwrap();
        assert_eq!(content.license.as_deref(), Some("Apache-2.0, MIT"));
        let sections: Vec<_> = content
            .sections
            .iter()
            .map(|section| {
                (section.kind.unwrap(), section.heading.as_str(), section.line, section.words, section.placeholder)
            })
            .collect();
        use SectionKind::{
            Contact, EthicalConsiderations, EvaluationData, Fairness, IntendedUse, Limitations, ModelDetails,
            Performance, TrainingData,
        };
        assert_eq!(
            sections,
            [
                (ModelDetails, "overview", 5, 10, false),
                (ModelDetails, "model_architecture", 12, 1, false),
                (TrainingData, "Training Set", 14, 5, false),
                (EvaluationData, "Test Set", 15, 3, false),
                (Performance, "performance_metrics", 20, 4, false),
                (Fairness, "performance_metrics by slice", 22, 3, false),
                (IntendedUse, "users", 25, 5, false),
                (IntendedUse, "use_cases", 26, 0, true),
                (Limitations, "limitations", 27, 3, false),
                (EthicalConsiderations, "ethical_considerations", 28, 5, false),
                (Contact, "owners", 6, 4, false),
            ]
        );
    }

    #[test]
    fn metrics_are_numbers_with_their_slices() {
        let of = |text: &str| metrics(&Json::parse("card.json", text.to_owned()).unwrap());
        let metric = |name: &str, slice: Option<&str>, value| StatedMetric {
            name: name.to_owned(),
            slice: slice.map(str::to_owned),
            value,
        };
        assert_eq!(
            of(CARD).unwrap().unwrap(),
            [metric("accuracy", None, 0.97), metric("recall", None, 0.5), metric("accuracy", Some("cat"), 0.99)]
        );
        let problem = of(&CARD.replace("\"0.97\"", "\"97 %\"")).unwrap_err();
        assert_eq!((problem.code, problem.location.unwrap().line), ("malformed-claims", 20));
        assert_eq!(of(&CARD.replace("\"value\": \"0.97\", ", "")).unwrap_err().code, "malformed-claims");
        assert_eq!(of("{\"a\": 1}").unwrap(), None);
        assert_eq!(of("{\"considerations\": {}}").unwrap(), Some(Vec::new()));
    }

    #[test]
    fn what_is_broken_is_refused_at_its_place() {
        let problem = |text: &str| {
            let problem = read("card.json", &json(text)).unwrap_err();
            (problem.code, problem.location.unwrap().line)
        };
        assert_eq!(
            problem(&CARD.replace("[{\"description\": \"Fans", "[7, {\"description\": \"Fans")),
            ("wrong-type", 25)
        );
        assert_eq!(problem(&CARD.replace("\"MobileNetV2\"", "[]")), ("wrong-type", 12));
        assert_eq!(problem(&CARD.replace("\"0.0.2\"", "\"0.0.3\"")), ("unknown-card", 1));
    }

    #[test]
    fn the_format_is_told_by_content() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("CARD.md");
        let of = |text: &str| {
            std::fs::write(&path, text).unwrap();
            crate::facts::card::read("CARD.md", &path).map(|card| card.format).map_err(|problem| problem.code)
        };
        assert_eq!(of(&format!("\u{feff}\n{CARD}")), Ok(CardFormat::ModelCardToolkit));
        assert_eq!(of("{{ card_data }}\n"), Ok(CardFormat::Markdown));
        assert_eq!(of("{\"a\": 1}"), Err("unknown-card"));
        assert_eq!(of("{\"a\": 1"), Err("json-syntax"));
        assert_eq!(of(&"# a\n".repeat(300_000)), Err("file-too-large"));
    }

    proptest! {
        #[test]
        fn arbitrary_values_never_panic(value in "(\\[|\\]|\\{|\\}|\"[a-z]{0,4}\"|:|,|1|null){0,20}") {
            for key in ["model_details", "model_parameters", "quantitative_analysis", "considerations"] {
                let text = format!("{{\"{key}\": {value}}}");
                if let Ok(parsed) = Json::parse("card.json", text) {
                    let _ = metrics(&parsed);
                    let _ = read("card.json", &CardText::Json(parsed));
                }
            }
        }
    }
}
