//! What a section is about, by the meaning of its heading.

use super::SectionKind;

/// Phrases in headings and what a section with them is about. The first match counts, so that what is
/// narrower stands first: "out-of-scope use" before "uses", "training data" before "data".
///
/// A phrase matches whole words, the last of them in the plural as well. The Hub's "Bias, Risks, and
/// Limitations" is about limitations: it stands in every card there, and says nothing of subgroups. How a model
/// was trained is no word about what it was trained on.
const HEADINGS: &[(&[&str], SectionKind)] = &[
    (&["out of scope", "misuse", "prohibited use", "unintended use", "not intended"], SectionKind::OutOfScopeUse),
    (
        &[
            "intended use",
            "intended usage",
            "intended user",
            "intended purpose",
            "direct use",
            "downstream use",
            "primary use",
            "evaluated use",
            "model use",
            "use case",
            "uses",
        ],
        SectionKind::IntendedUse,
    ),
    (
        &[
            "hyperparameter",
            "training procedure",
            "training process",
            "training regime",
            "training recipe",
            "training setup",
            "training configuration",
            "training infrastructure",
            "training hardware",
            "training code",
            "training script",
            "training time",
            "training cost",
            "training result",
            "training log",
            "training loss",
        ],
        SectionKind::ModelDetails,
    ),
    (&["training", "pretraining", "data used", "data source"], SectionKind::TrainingData),
    (&["evaluation result", "eval result", "benchmark", "test result", "testing result"], SectionKind::Performance),
    (
        &[
            "evaluation data",
            "evaluation dataset",
            "testing data",
            "testing dataset",
            "test data",
            "test dataset",
            "test set",
            "evaluation set",
            "validation data",
            "validation dataset",
            "validation set",
            "holdout",
        ],
        SectionKind::EvaluationData,
    ),
    (&["limitation", "caveat", "known issue", "failure mode", "weakness"], SectionKind::Limitations),
    (&["fairness", "bias", "subgroup", "disaggregated", "intersectional"], SectionKind::Fairness),
    (
        &["performance", "metric", "evaluation", "validation", "result", "quantitative", "accuracy"],
        SectionKind::Performance,
    ),
    (
        &["ethical", "ethics", "societal", "social impact", "broader impact", "broader implication", "risk"],
        SectionKind::EthicalConsiderations,
    ),
    (
        &["oversight", "human review", "human in the loop", "contest", "contesting", "contestability", "appeal"],
        SectionKind::HumanOversight,
    ),
    (&["monitoring", "in use", "in production"], SectionKind::Monitoring),
    (&["contact", "author", "maintainer", "feedback", "send question"], SectionKind::Contact),
    (
        &[
            "model detail",
            "model description",
            "model information",
            "model summary",
            "model type",
            "architecture",
            "overview",
            "technical specification",
            "input and output",
            "inputs and output",
        ],
        SectionKind::ModelDetails,
    ),
];

/// Headings that say something only if nothing else is in them: "Data" stands for what a model was trained on, "Data
/// retention" does not.
const WHOLE_HEADINGS: &[(&str, SectionKind)] = &[
    ("data", SectionKind::TrainingData),
    ("dataset", SectionKind::TrainingData),
    ("datasets", SectionKind::TrainingData),
    ("purpose", SectionKind::IntendedUse),
    ("description", SectionKind::ModelDetails),
];

/// What a section with this heading is about.
pub(super) fn kind_of(heading: &str) -> Option<SectionKind> {
    let heading = heading.to_lowercase();
    let words: Vec<&str> =
        heading.split(|character: char| !character.is_alphanumeric()).filter(|word| !word.is_empty()).collect();
    let occurs = |phrase: &&str| {
        let phrase: Vec<&str> = phrase.split(' ').collect();
        words.windows(phrase.len()).any(|window| {
            window.iter().zip(&phrase).enumerate().all(|(index, (word, expected))| {
                let ending = word.strip_prefix(expected);
                ending == Some("") || (index + 1 == phrase.len() && matches!(ending, Some("s" | "es")))
            })
        })
    };
    let whole = WHOLE_HEADINGS.iter().find(|(word, _)| words == [*word]).map(|(_, kind)| *kind);
    whole.or_else(|| HEADINGS.iter().find(|(phrases, _)| phrases.iter().any(occurs)).map(|(_, kind)| *kind))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn headings_are_understood() {
        for (heading, kind) in [
            ("Out-of-Scope Use", SectionKind::OutOfScopeUse),
            ("Intended uses & limitations", SectionKind::IntendedUse),
            ("Training Details", SectionKind::TrainingData),
            ("Evaluation data", SectionKind::EvaluationData),
            ("Evaluation results", SectionKind::Performance),
            ("Bias, Risks, and Limitations", SectionKind::Limitations),
            ("Biases", SectionKind::Fairness),
            ("Uses", SectionKind::IntendedUse),
            ("Model Card Contact", SectionKind::Contact),
        ] {
            assert_eq!(kind_of(heading), Some(kind), "{heading}");
        }
        for heading in ["Appendix", "Root causes", "Main users", "Restraining", "How to use", "Data retention", ""] {
            assert_eq!(kind_of(heading), None, "{heading}");
        }
    }

    /// Headings of twelve cards of the Hub and of model repositories on GitHub, those apart that the tests above have:
    /// bert-base-uncased, gpt2, CLIP, BLOOM, Llama 3.1, Gemma, Whisper, masakhaner, legal_t5, a TinyLlama adapter, a
    /// scikit-learn card of skops, and a forecaster of air quality.
    #[test]
    fn headings_of_real_cards_are_understood() {
        use SectionKind::{
            Contact, EthicalConsiderations, EvaluationData, Fairness, IntendedUse, Limitations, ModelDetails,
            OutOfScopeUse, Performance, TrainingData,
        };
        for (heading, kind) in [
            ("Model description", Some(ModelDetails)),
            ("How to use", None),
            ("Limitations and bias", Some(Limitations)),
            ("Training procedure", Some(ModelDetails)),
            ("BibTeX entry and citation info", None),
            ("Primary intended uses", Some(IntendedUse)),
            ("Out-of-Scope Use Cases", Some(OutOfScopeUse)),
            ("Data", Some(TrainingData)),
            ("Data Mission Statement", None),
            ("Performance and Limitations", Some(Limitations)),
            ("Bias and Fairness", Some(Fairness)),
            ("Where to send questions or comments about the model", Some(Contact)),
            ("Misuse", Some(OutOfScopeUse)),
            ("Intended Users", Some(IntendedUse)),
            ("Risks and Limitations", Some(Limitations)),
            ("Metrics", Some(Performance)),
            ("Recommendations", None),
            ("Model Card Authors", Some(Contact)),
            ("Model Information", Some(ModelDetails)),
            ("Benchmarks - English Text", Some(Performance)),
            ("Critical and other risks", Some(EthicalConsiderations)),
            ("Ethical Considerations and Limitations", Some(Limitations)),
            ("Inputs and outputs", Some(ModelDetails)),
            ("Training Dataset", Some(TrainingData)),
            ("Ethics and Safety", Some(EthicalConsiderations)),
            ("Benchmark Results", Some(Performance)),
            ("Intended Usage", Some(IntendedUse)),
            ("Evaluated Use", Some(IntendedUse)),
            ("Broader Implications", Some(EthicalConsiderations)),
            ("Eval results on Test set (F-score)", Some(Performance)),
            ("Pretraining", Some(TrainingData)),
            ("Testing Data, Factors & Metrics", Some(EvaluationData)),
            ("Downstream Use [optional]", Some(IntendedUse)),
            ("Training Hyperparameters", Some(ModelDetails)),
            ("Hyperparameters", Some(ModelDetails)),
            ("Technical Specifications", Some(ModelDetails)),
            ("Model Architecture and Objective", Some(ModelDetails)),
            ("Primary Use", Some(IntendedUse)),
            ("Data Used", Some(TrainingData)),
            ("Evaluation Metrics", Some(Performance)),
            ("Fairness and Bias", Some(Fairness)),
            ("Limitations and Recommendations", Some(Limitations)),
            ("Contact Information:", Some(Contact)),
            ("License:", None),
            ("Caveats and Recommendations", Some(Limitations)),
            ("Intersectional results", Some(Fairness)),
        ] {
            assert_eq!(kind_of(heading), kind, "{heading}");
        }
    }
}
