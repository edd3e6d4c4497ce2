//! The `modelCard` of a component in a bill of materials of CycloneDX (JSON, 1.5 and later).

use super::headings::kind_of;
use super::sections::Sections;
use super::toolkit::{list, texts};
use super::{CardText, Content, SectionKind, StatedMetric, performance, stated};
use crate::document::{Json, Node};
use crate::facts::supply_chain::bill_of_materials::cyclonedx;
use crate::problem::Problem;

/// Reads the card, if it is of this format.
pub(super) fn read(_: &str, text: &CardText) -> Result<Option<Content>, Problem> {
    let CardText::Json(json) = text else { return Ok(None) };
    let Some((component, card)) = model(json)? else { return Ok(None) };
    let mut sections = Sections::default();
    texts(&mut sections, SectionKind::ModelDetails, Some(&component), &["description"])?;
    parameters(&mut sections, card.object("modelParameters")?.as_ref())?;
    performance(&mut sections, card.object("quantitativeAnalysis")?.as_ref(), "performanceMetrics")?;
    considerations(&mut sections, card.object("considerations")?.as_ref())?;
    // What the format has no key for, such as human oversight.
    for property in card.objects("properties")? {
        let heading = property.text("name")?.unwrap_or_default();
        sections.begin(kind_of(heading), heading, 2, property.line());
        sections.add(property.text("value")?.unwrap_or_default());
    }
    contact(&mut sections, &component)?;
    let license = cyclonedx::licence(&component)?;
    Ok(Some(Content { license, sections: sections.finish(), ..Content::default() }))
}

/// The metrics that the card states; none if it is no such card.
pub(super) fn metrics(json: &Json) -> Result<Option<Vec<StatedMetric>>, Problem> {
    let Some((_, card)) = model(json)? else { return Ok(None) };
    let analysis = card.object("quantitativeAnalysis")?;
    let items = analysis.map(|analysis| analysis.objects("performanceMetrics")).transpose()?;
    stated(&items.unwrap_or_default()).map(Some)
}

/// The component whose card is meant, and its card: what the bill is of, or the only one that has a card.
fn model(json: &Json) -> Result<Option<(Node<'_>, Node<'_>)>, Problem> {
    let Some(bill) = cyclonedx::bill(json)? else { return Ok(None) };
    // That of the subject counts, whatever base models have cards of their own.
    if let Some(found) = cyclonedx::subject(&bill)?.map(with_card).transpose()?.flatten() {
        return Ok(Some(found));
    }
    let components = bill.objects("components")?.into_iter();
    let mut found: Vec<_> =
        components.filter_map(|component| with_card(component).transpose()).collect::<Result<_, Problem>>()?;
    match (found.pop(), found.len()) {
        (Some(one), 0) => Ok(Some(one)),
        (Some(_), others) => Err(bill.problem(
            "unknown-card",
            format!("{} components have a model card", others + 1),
            "make the released model `metadata.component`",
        )),
        (None, _) => {
            Err(bill.problem("unknown-card", "no component has a model card", "add a `modelCard` to the model"))
        }
    }
}

/// A component and its card, if it has one.
fn with_card(component: Node<'_>) -> Result<Option<(Node<'_>, Node<'_>)>, Problem> {
    Ok(component.object("modelCard")?.map(|card| (component, card)))
}

fn parameters(sections: &mut Sections, parameters: Option<&Node<'_>>) -> Result<(), Problem> {
    let Some(parameters) = parameters else { return Ok(()) };
    sections.begin(Some(SectionKind::ModelDetails), "modelParameters", 2, parameters.line());
    if let Some(approach) = parameters.object("approach")? {
        sections.add(approach.text("type")?.unwrap_or_default());
    }
    for key in ["task", "architectureFamily", "modelArchitecture"] {
        sections.add(parameters.text(key)?.unwrap_or_default());
    }
    for data in parameters.objects("datasets")? {
        // One that is a component of its own is there by its reference.
        let name = data.text("name")?.or(data.text("ref")?).unwrap_or("dataset");
        let kind = kind_of(name).filter(|kind| *kind == SectionKind::EvaluationData);
        sections.begin(kind.or(Some(SectionKind::TrainingData)), name, 2, data.line());
        for key in ["name", "ref", "description", "classification"] {
            sections.add(data.text(key)?.unwrap_or_default());
        }
        if let Some(contents) = data.object("contents")? {
            sections.add(contents.text("url")?.unwrap_or_default());
        }
    }
    Ok(())
}

fn considerations(sections: &mut Sections, considerations: Option<&Node<'_>>) -> Result<(), Problem> {
    let Some(considerations) = considerations else { return Ok(()) };
    for (key, kind) in [
        ("users", SectionKind::IntendedUse),
        ("useCases", SectionKind::IntendedUse),
        ("technicalLimitations", SectionKind::Limitations),
        ("performanceTradeoffs", SectionKind::Limitations),
    ] {
        let items = considerations.items(key)?;
        if let Some(first) = items.first() {
            sections.begin(Some(kind), key, 2, first.line());
        }
        for item in items {
            sections.add(item.value().as_str().unwrap_or_default());
        }
    }
    let considerations = Some(considerations);
    let ethical = &["name", "mitigationStrategy"];
    list(sections, SectionKind::EthicalConsiderations, considerations, "ethicalConsiderations", ethical)?;
    let fairness = &["groupAtRisk", "benefits", "harms", "mitigationStrategy"];
    list(sections, SectionKind::Fairness, considerations, "fairnessAssessments", fairness)
}

/// Whom the component names as its makers.
fn contact(sections: &mut Sections, component: &Node<'_>) -> Result<(), Problem> {
    let mut people = component.objects("authors")?;
    for key in ["supplier", "manufacturer"] {
        if let Some(organisation) = component.object(key)? {
            people.extend(organisation.objects("contact")?);
            people.push(organisation);
        }
    }
    if let Some(first) = people.first() {
        sections.begin(Some(SectionKind::Contact), "contact", 2, first.line());
    }
    for person in people {
        for key in ["name", "email", "phone"] {
            sections.add(person.text(key)?.unwrap_or_default());
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// After `valid-machine-learning-1.6.json` of the specification, with what its descriptions ask for.
    const BILL: &str = r#"{
  "bomFormat": "CycloneDX", "specVersion": "1.6", "version": 1,
  "components": [
    {"type": "library", "name": "torch", "version": "2.9.1"},
    {"type": "machine-learning-model", "publisher": "Acme Inc", "group": "CompVis",
     "name": "stable-diffusion", "version": "1.4", "description": "Makes images of a text.",
     "authors": [{"name": "The makers", "email": "makers@example.com"}],
     "licenses": [{"license": {"id": "MIT"}}, {"license": {"name": "CreativeML"}}],
     "modelCard": {
      "modelParameters": {
       "approach": {"type": "supervised"}, "task": "images", "modelArchitecture": "latent diffusion",
       "datasets": [{"type": "dataset", "name": "Images", "contents": {"url": "https://example.com"}, "classification": "public"},
                    {"ref": "data:test-set"}],
       "inputs": [{"format": "string"}]},
      "quantitativeAnalysis": {"performanceMetrics": [
       {"type": "FID", "value": "7.3", "confidenceInterval": {"lowerBound": "7.1", "upperBound": "7.5"}},
       {"type": "FID", "value": "9", "slice": "faces"}], "graphics": {"collection": []}},
      "considerations": {
       "users": ["Who are the intended users of the model?", "Researchers"],
       "useCases": ["Illustrations of articles"],
       "technicalLimitations": ["No faces"], "performanceTradeoffs": ["Large images take long"],
       "ethicalConsiderations": [{"name": "Fakes", "mitigationStrategy": "A watermark"}],
       "fairnessAssessments": [{"groupAtRisk": "Women", "harms": "They are shown as men"}]},
      "properties": [{"name": "Human oversight", "value": "An editor looks at each image."},
                     {"name": "vendor:key", "value": "x"}]
     }}
  ]
}"#;

    fn json(text: &str) -> CardText {
        CardText::Json(Json::parse("bom.json", text.to_owned()).unwrap())
    }

    fn content(text: &str) -> Result<Option<Content>, Problem> {
        read("bom.json", &json(text))
    }

    #[test]
    fn a_card_is_read_by_the_meaning_of_its_keys() {
        let content = content(BILL).unwrap().unwrap();
        assert_eq!(content.license.as_deref(), Some("MIT AND CreativeML"));
        let sections: Vec<_> = content
            .sections
            .iter()
            .map(|section| (section.kind, section.heading.as_str(), section.line, section.words, section.placeholder))
            .collect();
        use SectionKind::{
            Contact, EthicalConsiderations, EvaluationData, Fairness, HumanOversight, IntendedUse, Limitations,
            ModelDetails, Performance, TrainingData,
        };
        assert_eq!(
            sections,
            [
                (Some(ModelDetails), "description", 6, 5, false),
                (Some(ModelDetails), "modelParameters", 10, 4, false),
                (Some(TrainingData), "Images", 12, 3, false),
                (Some(EvaluationData), "data:test-set", 13, 1, false),
                (Some(Performance), "performanceMetrics", 16, 2, false),
                (Some(Fairness), "performanceMetrics by slice", 17, 3, false),
                (Some(IntendedUse), "users", 19, 1, true),
                (Some(IntendedUse), "useCases", 20, 3, false),
                (Some(Limitations), "technicalLimitations", 21, 2, false),
                (Some(Limitations), "performanceTradeoffs", 21, 4, false),
                (Some(EthicalConsiderations), "ethicalConsiderations", 22, 3, false),
                (Some(Fairness), "fairnessAssessments", 23, 6, false),
                (Some(HumanOversight), "Human oversight", 24, 6, false),
                (None, "vendor:key", 25, 1, false),
                (Some(Contact), "contact", 7, 3, false),
            ]
        );
    }

    #[test]
    fn the_card_of_the_subject_is_meant() {
        let two = BILL.replace("\"version\": \"2.9.1\"", "\"modelCard\": {}");
        let problem = content(&two).unwrap_err();
        assert_eq!((problem.code, problem.message.as_str()), ("unknown-card", "2 components have a model card"));
        let subject = "\"metadata\": {\"component\": {\"type\": \"machine-learning-model\", \"name\": \"m\", \"modelCard\": \
                       {\"considerations\": {\"useCases\": [\"a b\"]}}}}, \"components\"";
        let content = content(&BILL.replace("\"components\"", subject)).unwrap().unwrap();
        let sections: Vec<_> = content.sections.iter().map(|section| section.heading.as_str()).collect();
        assert_eq!((sections, content.license), (vec!["useCases"], None));
    }

    #[test]
    fn metrics_are_numbers_with_their_slices() {
        let of = |text: &str| metrics(&Json::parse("bom.json", text.to_owned()).unwrap());
        let found: Vec<_> =
            of(BILL).unwrap().unwrap().into_iter().map(|metric| (metric.name, metric.slice, metric.value)).collect();
        assert_eq!(found, [("FID".to_owned(), None, 7.3), ("FID".to_owned(), Some("faces".to_owned()), 9.0)]);
        assert_eq!(of("{\"model_details\": {}}").unwrap(), None);
        assert_eq!(of(&BILL.replace("\"7.3\"", "\"low\"")).unwrap_err().location.unwrap().line, 16);
    }

    #[test]
    fn what_is_broken_is_refused_at_its_place() {
        let problem = |from: &str, to: &str| {
            assert!(BILL.contains(from));
            let problem = content(&BILL.replace(from, to)).unwrap_err();
            (problem.code, problem.location.unwrap().line)
        };
        assert_eq!(problem("[\"No faces\"]", "7"), ("wrong-type", 21));
        assert_eq!(problem("\"modelCard\": {\n", "\"modelCards\": {\n"), ("unknown-card", 1));
        assert_eq!(problem("\"1.6\"", "\"9.9\""), ("unknown-bill-of-materials", 2));
    }

    proptest! {
        #[test]
        fn arbitrary_values_never_panic(value in "(\\[|\\]|\\{|\\}|\"[a-z]{0,4}\"|:|,|1|null){0,20}") {
            for key in ["modelParameters", "quantitativeAnalysis", "considerations", "properties"] {
                let text = format!(
                    "{{\"bomFormat\": \"CycloneDX\", \"specVersion\": \"1.6\", \"components\": [{{\"name\": \"m\", \
                     \"modelCard\": {{\"{key}\": {value}}}}}]}}"
                );
                if let Ok(parsed) = Json::parse("bom.json", text) {
                    let _ = metrics(&parsed);
                    let _ = read("bom.json", &CardText::Json(parsed));
                }
            }
        }
    }
}
