//! Pages: a decision, and one evaluation. Each is a file of its own, without scripts and without anything from elsewhere.

use serde::Serialize;

use super::view::View;
use super::view::evaluation::EvaluationView;
use super::{RenderError, ReportInput, template};
use crate::decision::record::Tool;
use crate::facts::evaluation::EvaluationFacts;

/// A decision as a page.
pub(super) fn decision(input: &ReportInput<'_>) -> Result<String, RenderError> {
    #[derive(Serialize)]
    struct Page {
        view: View,
    }
    Ok(template::render("check.html", &Page { view: View::of(input) })?)
}

/// One evaluation as a page.
///
/// # Errors
/// [`RenderError`] if the template asks for what is not there.
pub fn evaluation(facts: &EvaluationFacts) -> Result<String, RenderError> {
    #[derive(Serialize)]
    struct Page {
        evaluation: EvaluationView,
        tool: String,
    }
    let tool = Tool::this();
    let page =
        Page { evaluation: EvaluationView::numbered((0, facts)), tool: format!("{} {}", tool.name, tool.version) };
    Ok(template::render("evaluation.html", &page)?)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::documents::{self, Structure};
    use crate::report::{escape, sample};

    #[test]
    fn a_page_says_what_was_decided_and_runs_nothing() {
        let page = decision(&sample::denied().input()).unwrap();
        for part in [
            "<title>Denied: credit-default 1.4.0</title>",
            "2 controls block the release",
            "<code>os.system</code>",
            "aria-labelledby=\"evaluation-1-roc-title",
            "modelgate verify --key modelgate.pub",
            "Recalibrate with isotonic regression",
            "<tr><th scope=\"row\" class=\"id\">FAI-002</th>",
            "nothing watches it",
        ] {
            assert!(page.contains(part), "{part} is not in\n{page}");
        }
        assert!(!page.contains("<script") && !page.contains("style=\"") && !page.contains("javascript:"));
        assert!(page.contains("default-src &#39;none&#39;; style-src &#39;sha256-"));
        let without = decision(&ReportInput { evidence: None, ..sample::denied().input() }).unwrap();
        assert!(without.contains("No evidence was recorded") && !without.contains("modelgate verify"));
        let conditional = decision(&sample::conditional().input()).unwrap();
        assert!(conditional.contains("<td class=\"day\">2026-12-23</td>"), "{conditional}");
    }

    #[test]
    fn the_evaluation_page_draws_its_curves() {
        let page = evaluation(&sample::denied().facts.evaluations[0]).unwrap();
        Structure::of_html(&page);
        assert!(page.contains("<polyline class=\"curve\" points=\"52,282 106,147 214,66 322,12\"/>"), "{page}");
        assert!(page.contains("<h1>Evaluation holdout</h1>"));
    }

    #[test]
    fn hostile_strings_are_text_and_nothing_else() {
        let expected = Structure::of_html(&decision(&sample::hostile("harmless").input()).unwrap());
        assert!(expected.count("article") > 5 && expected.count("svg") > 5, "{expected:?}");
        for text in sample::HOSTILE {
            let page = decision(&sample::hostile(text).input()).unwrap();
            let found = Structure::of_html(&page);
            assert_eq!(found, expected, "{text:?}");
            // Prose marks code; a name is as it is.
            assert!(found.text.contains(escape::visible(text).as_ref()), "{text:?}");
            documents::nothing_hidden(&page);
        }
    }

    #[test]
    fn long_lists_are_cut_and_the_cut_is_told() {
        let mut sample = sample::denied();
        let evaluation = &mut sample.facts.evaluations[0];
        evaluation.slices = (0..500).flat_map(|_| evaluation.slices.clone()).collect();
        for outcome in &mut sample.record.outcomes {
            outcome.findings = (0..300).flat_map(|_| outcome.findings.clone()).collect();
        }
        let page = decision(&sample.input()).unwrap();
        assert!(page.contains("and 1440 more groups: the facts list all"));
        assert!(page.contains("and 280 more findings: the JSON report lists all"));
        assert!(page.len() < 400_000, "{}", page.len());
    }
}
