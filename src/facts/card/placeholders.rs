//! Text that stands for something still to be written.

/// Marks of such text, in lower case.
const MARKS: &[&str] = &[
    "todo",
    "tbd",
    "fixme",
    "xxx",
    "more information needed",
    "needs more information",
    "lorem ipsum",
    "[your ",
    "[insert ",
    "to be completed",
    "{{",
];

/// What templates say of themselves or ask their writers, in lower case: the Hub's (huggingface_hub's
/// `modelcard_template.md`, whose instructions are comments until somebody takes the signs away, and the older one of
/// Transformers), and the questions by which the schemas of the Model Card Toolkit and of CycloneDX explain their keys.
const TEMPLATE_SENTENCES: &[&str] = &[
    "this modelcard aims to be a base template",
    "this model card aims to be a base template",
    "this model card has been automatically generated",
    "this model card has been generated automatically",
    "provide a quick summary of what the model is/does",
    "provide a longer summary of what this model is",
    "provide the basic links for the model",
    "address questions around how the model is intended to be used",
    "this section is for the model use without fine-tuning or plugging into a larger ecosystem",
    "this section is for the model use when fine-tuned for a task",
    "this section addresses misuse, malicious use, and uses that the model will not work well for",
    "this section is meant to convey both technical and sociotechnical limitations",
    "this section is meant to convey recommendations with respect to",
    "users (both direct and downstream) should be made aware of the risks, biases and limitations of the model",
    "this should link to a dataset card",
    "this should link to a data card",
    "this relates heavily to the technical specifications",
    "this section provides information about throughput",
    "this section describes the evaluation protocols and provides the results",
    "these are the things the evaluation is disaggregating by",
    "these are the evaluation metrics being used, ideally with",
    "relevant interpretability work for the model goes here",
    "total emissions (in grams of co2eq) and additional considerations",
    "if there is a paper or blog post introducing the model",
    "include terms and calculations in this section that can help readers",
    "provide examples of latent issues and potential remediations",
    "describe the data you used to train the model",
    "the model description provides basic details about the model",
    "who are the intended users of the model?",
    "what are the intended use cases of the model?",
    "what are the known technical limitations of the model?",
    "what are the known tradeoffs in accuracy/performance of the model?",
    "what are the ethical (or environmental) risks involved in the application of this model?",
    "what are the ethical risks involved in the application of this model?",
];

/// HTML elements with attributes that take no value: `<details open>` is no `<your text>`.
const ELEMENTS_WITH_BARE_ATTRIBUTES: [&str; 10] =
    ["audio", "button", "details", "dialog", "img", "input", "ol", "option", "select", "video"];

/// Whether a block of text stands for something still to be written.
pub(super) fn is_placeholder(text: &str) -> bool {
    // White space is what wraps a sentence, and not part of it.
    let lower = text.split_whitespace().collect::<Vec<_>>().join(" ").to_lowercase();
    matches!(lower.as_str(), "..." | "\u{2026}")
        || has_template(&lower)
        || MARKS.iter().any(|mark| contains_mark(&lower, mark))
        || TEMPLATE_SENTENCES.iter().any(|sentence| lower.contains(sentence))
}

/// Whether something in angle brackets is to be replaced by a text, such as `<your text>` or `<model_name>`.
pub(super) fn is_template(bracketed: &str) -> bool {
    let Some(inner) = bracketed.strip_prefix('<').and_then(|rest| rest.strip_suffix('>')) else { return false };
    let first = inner.split_whitespace().next().unwrap_or_default().to_lowercase();
    inner.starts_with(|first: char| first.is_ascii_alphabetic())
        && inner.contains([' ', '_', '-'])
        && !inner.contains(['=', ':', '@', '<', '/', '\n'])
        && !ELEMENTS_WITH_BARE_ATTRIBUTES.contains(&first.as_str())
}

/// Whether a text has something in angle brackets that is to be replaced, as a word of its own.
fn has_template(text: &str) -> bool {
    text.match_indices('<').any(|(start, _)| {
        let before = text.get(..start).and_then(|before| before.chars().next_back());
        let length = text.get(start..).and_then(|rest| rest.find('>'));
        let bracketed = length.and_then(|length| text.get(start..=start + length));
        !before.is_some_and(char::is_alphanumeric) && bracketed.is_some_and(is_template)
    })
}

/// Whether `mark` occurs as a word of its own: a card about `mastodon` holds no `todo`.
fn contains_mark(text: &str, mark: &str) -> bool {
    text.match_indices(mark).any(|(start, _)| {
        let is_letter = |character: Option<char>| character.is_some_and(char::is_alphanumeric);
        let before = text.get(..start).and_then(|before| before.chars().next_back());
        let after = text.get(start + mark.len()..).and_then(|after| after.chars().next());
        let ends_in_letter = mark.ends_with(char::is_alphanumeric);
        let starts_with_letter = mark.starts_with(char::is_alphanumeric);
        !(starts_with_letter && is_letter(before) || ends_in_letter && is_letter(after))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_to_be_written_is_told_from_what_is_written() {
        for text in [
            "TODO",
            "To be completed by the team",
            "[More Information Needed]",
            "More information needed",
            "...",
            "Write <your text> here",
            "TBD.",
            "XXX",
            "\u{2026}",
            "The model <model_name> is for <insert purpose>",
            "Lorem ipsum dolor sit amet",
            "{{ bias_risks }}",
            "This modelcard aims to be a base template for new models. It was generated from a raw template.",
            "Provide a quick summary\nof what the model is/does.",
            "Users (both direct and downstream) should be made aware of the risks, biases and\n limitations of the model.",
            "Who are the intended users of the model?",
            "Accuracy: TODO: fill in your number",
        ] {
            assert!(is_placeholder(text), "{text}");
        }
        for text in [
            "mastodon posts",
            "Users should verify the final numbers themselves.",
            "Use the code below to get started with the model.",
            "For more information see the paper.",
            "a < b and c > d",
            "",
        ] {
            assert!(!is_placeholder(text), "{text}");
        }
    }
}
