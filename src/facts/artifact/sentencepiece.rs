//! SentencePiece: the pieces of a tokenizer and how it was trained (`sentencepiece_model.proto`).

use super::pages::Broken;
use super::protobuf::{Field, Part, Wire};
use super::{Content, Findings};

/// `TrainerSpec.ModelType`.
const KINDS: [&str; 5] = ["", "unigram", "bpe", "word", "char"];

/// Recognised by a first piece: a text and its score.
pub(super) fn inspect(content: Content<'_>) -> Option<Findings> {
    let wire = Wire::of(content);
    let (1, Field::Part(first)) = wire.field(&mut 0, wire.whole().end).ok()? else { return None };
    if !is_piece(&wire, first).ok()? {
        return None;
    }
    let mut findings = Findings::default();
    findings.metadata.framework = Some("sentencepiece".to_owned());
    let (mut is_other, mut has_trainer) = (false, false);
    let result = wire.each(wire.whole(), |number, field| match (number, field) {
        (2, Field::Part(trainer)) => {
            has_trainer = true;
            // What is not said is the first.
            findings.metadata.architecture = KINDS.get(1).map(|kind| (*kind).to_owned());
            wire.each(trainer, |number, field| {
                if let (3, Field::Number(kind)) = (number, field) {
                    let kind = usize::try_from(kind).ok().and_then(|kind| KINDS.get(kind));
                    findings.metadata.architecture = kind.map(|kind| (*kind).to_owned());
                }
                Ok(())
            })
        }
        (1 | 3..=5, Field::Part(_)) => Ok(()),
        _ => {
            is_other = true;
            Err(Broken::new(0, "it has a field that no tokenizer has"))
        }
    });
    if is_other {
        return None;
    }
    let end = Broken::new(content.size_bytes, "it does not say how it was trained");
    if let Err(broken) = result.and(if has_trainer { Ok(()) } else { Err(end) }) {
        broken.note(&mut findings, "sentencepiece-malformed", "the SentencePiece model");
    }
    Some(findings)
}

/// `SentencePiece`: a text, a score of four bytes, and its kind unless it is a usual one.
fn is_piece(wire: &Wire<'_>, part: Part) -> Result<bool, Broken> {
    let (mut has_text, mut has_score, mut has_other) = (false, false, false);
    wire.each(part, |number, field| {
        match (number, field) {
            (1, Field::Part(text)) => has_text = !wire.text(text)?.is_empty(),
            (2, Field::Fixed) => has_score = true,
            (3, Field::Number(_)) => {}
            _ => has_other = true,
        }
        Ok(())
    })?;
    Ok(has_text && has_score && !has_other)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::facts::artifact::protobuf::tests::{number, part};

    fn piece(text: &str) -> Vec<u8> {
        part(1, [part(1, text), vec![2 << 3 | 5, 0, 0, 0x80, 0x3f]].concat())
    }

    fn found(bytes: &[u8]) -> Option<(Option<String>, Vec<String>)> {
        let findings = inspect(Content::of(bytes, bytes.len() as u64))?;
        Some((findings.metadata.architecture, findings.risks.into_iter().map(|risk| risk.code).collect()))
    }

    #[test]
    fn a_tokenizer_says_of_what_kind_it_is() {
        let with = |kind: Vec<u8>| [piece("<unk>"), piece("a"), part(2, kind), part(3, "")].concat();
        assert_eq!(found(&with(number(3, 2))), Some((Some("bpe".to_owned()), Vec::new())));
        assert_eq!(found(&with(Vec::new())), Some((Some("unigram".to_owned()), Vec::new())));
    }

    #[test]
    fn what_is_cut_is_broken_and_what_is_something_else_is_none() {
        let whole = [piece("<unk>"), piece("a"), part(2, number(3, 2))].concat();
        for length in piece("<unk>").len()..whole.len() {
            assert_eq!(found(&whole[..length]).unwrap().1, ["sentencepiece-malformed"], "{length}");
        }
        assert_eq!(found(&part(1, part(1, "node"))), None);
        assert_eq!(found(&[whole, number(9, 1)].concat()), None);
        assert_eq!(found(b""), None);
    }
}
