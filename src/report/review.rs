//! Documents for review boards: the Model Risk Assessment, and a memo of one page.

use serde::Serialize;

use super::view::View;
use super::view::assessment::AssessmentView;
use super::{RenderError, ReportInput, template};

/// A document.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ReviewDocument {
    /// The Model Risk Assessment: everything that a board asks.
    Assessment,
    /// One page for those who have one minute.
    Memo,
}

/// How a document is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, clap::ValueEnum)]
pub enum ReviewFormat {
    /// Markdown, for a document system
    #[default]
    Markdown,
    /// A page in one file, for a browser or for printing
    Html,
}

/// Writes the document, with a newline at its end.
///
/// # Errors
/// [`RenderError`] if the template asks for what is not there.
pub fn render(document: ReviewDocument, format: ReviewFormat, input: &ReportInput<'_>) -> Result<String, RenderError> {
    #[derive(Serialize)]
    struct Document {
        assessment: AssessmentView,
        view: View,
    }
    let template = match (document, format) {
        (ReviewDocument::Assessment, ReviewFormat::Markdown) => "assessment.md",
        (ReviewDocument::Assessment, ReviewFormat::Html) => "assessment.html",
        (ReviewDocument::Memo, ReviewFormat::Markdown) => "memo.md",
        (ReviewDocument::Memo, ReviewFormat::Html) => "memo.html",
    };
    let view = View::of(input);
    Ok(template::render(template, &Document { assessment: AssessmentView::of(input, &view), view })?)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::report::documents::{Structure, nothing_hidden};
    use crate::report::page;
    use crate::report::sample::{self, Sample};

    const ALL: [(ReviewDocument, ReviewFormat); 4] = [
        (ReviewDocument::Assessment, ReviewFormat::Markdown),
        (ReviewDocument::Assessment, ReviewFormat::Html),
        (ReviewDocument::Memo, ReviewFormat::Markdown),
        (ReviewDocument::Memo, ReviewFormat::Html),
    ];

    fn structure(document: ReviewDocument, format: ReviewFormat, sample: &Sample) -> Structure {
        let text = render(document, format, &sample.input()).unwrap();
        nothing_hidden(&text);
        match format {
            ReviewFormat::Markdown => Structure::of_markdown(&text),
            ReviewFormat::Html => Structure::of_html(&text),
        }
    }

    #[test]
    fn a_memo_is_short_and_says_what_to_do() {
        let memo = render(ReviewDocument::Memo, ReviewFormat::Markdown, &sample::conditional().input()).unwrap();
        insta::assert_snapshot!(memo.replace('\u{200b}', "<ZWSP>"));
    }

    #[test]
    fn what_is_not_there_is_not_invented() {
        let sample = sample::denied();
        let text = render(ReviewDocument::Assessment, ReviewFormat::Markdown, &sample.input()).unwrap();
        for part in [
            "| Independent validator | not provided |",
            "No model card was provided.",
            "### Limitations\n\nNot provided.",
            "A threat model was not provided. A privacy assessment was not provided.",
            "The overall residual risk is not computed",
            "| Threat model | not provided | | | | |",
            "**Recommendation: Do not approve.**",
            "| ART-001 | Export the model to safetensors",
            "| before the release | required before approval |",
            "accepted by risk-committee\\@\u{200b}bank.example until 2027-01-31",
        ] {
            assert!(text.contains(part), "{part} is not in\n{text}");
        }
        let again = render(ReviewDocument::Assessment, ReviewFormat::Markdown, &sample.input()).unwrap();
        assert_eq!(again, text);
    }

    #[test]
    fn hostile_strings_change_nothing_of_the_structure() {
        for (document, format) in ALL {
            let expected = structure(document, format, &sample::hostile("harmless"));
            for text in sample::HOSTILE {
                assert_eq!(structure(document, format, &sample::hostile(text)), expected, "{document:?} {text:?}");
            }
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(48))]

        #[test]
        fn any_text_is_read_back_as_text(
            text in "([\\PC&&[^`]]|[-+*_#@!:<>|&\\[\\]()~$^={}.\\\\/ 0-9a-w\"']|\\{\\{|\\{%|<script>|</style>|\u{202e}|\n){1,40}"
        ) {
            prop_assume!(!text.trim().is_empty());
            let sample = sample::hostile(&text);
            for (document, format) in ALL {
                let expected = structure(document, format, &sample::hostile("harmless"));
                prop_assert_eq!(structure(document, format, &sample), expected);
            }
            let found = Structure::of_html(&page::decision(&sample.input()).unwrap());
            let expected = Structure::of_html(&page::decision(&sample::hostile("harmless").input()).unwrap());
            prop_assert!(found.text.contains(crate::report::escape::visible(&text).as_ref()));
            prop_assert_eq!(found, expected);
        }
    }
}
