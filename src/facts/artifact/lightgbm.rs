//! LightGBM: a text that begins with parameters, and has the length of each tree before the trees.

use super::{Content, Findings, RiskSeverity};

/// How a model begins (`src/boosting/gbdt_model_text.cpp`).
const MARK: &[u8] = b"tree\nversion=v";

/// Length of the parameters before the trees: names and ranges of a hundred thousand features are some megabytes.
const HEADER_BYTES_MAX: usize = 64 * 1024 * 1024;

/// What stands behind the last tree.
const END: &[u8] = b"end of trees";

/// Recognised by its first two lines.
pub(super) fn inspect(content: Content<'_>) -> Option<Findings> {
    if !content.bytes.starts_with(MARK) {
        return None;
    }
    let mut findings = Findings::default();
    findings.metadata.framework = Some("lightgbm".to_owned());
    if let Err((at, why)) = read(content, &mut findings) {
        let message = format!("the LightGBM model is broken: {why}");
        findings.risk(at, RiskSeverity::High, "lightgbm-malformed", message);
    }
    Some(findings)
}

fn read(content: Content<'_>, findings: &mut Findings) -> Result<(), (u64, &'static str)> {
    let beginning = content.bytes.get(..HEADER_BYTES_MAX).unwrap_or(content.bytes);
    // A line that is empty ends the parameters.
    let end = beginning.windows(2).position(|pair| pair == b"\n\n").ok_or((0, "its parameters have no end"))?;
    let header = beginning.get(..end).and_then(|header| std::str::from_utf8(header).ok());
    let header = header.ok_or((0, "its parameters are no text"))?;
    let value = |key: &str| {
        let mut values = header.lines().filter_map(|line| line.strip_prefix(key)?.strip_prefix('='));
        (values.next(), values.next().is_some())
    };
    for key in ["feature_names", "tree_sizes", "num_class", "objective"] {
        if value(key).1 {
            return Err((0, "a parameter occurs twice"));
        }
    }
    let names = value("feature_names").0.ok_or((0, "it names no features"))?;
    findings.metadata.inputs = names.split_whitespace().map(str::to_owned).collect();
    let sizes = value("tree_sizes").0.ok_or((0, "it does not say how long its trees are"))?;
    let trees = sizes.split_whitespace().try_fold(0_u64, |sum, size| sum.checked_add(size.parse().ok()?));
    let place = trees.and_then(|trees| trees.checked_add(end as u64 + 2));
    let place = place.ok_or((0, "it does not say how long its trees are"))?;
    // Every parser goes by these lengths, so what stands there is where the trees end.
    if content.at(place, END.len()).as_deref() != Some(END) {
        return Err((place, "its trees do not end where they should"));
    }
    findings.metadata.architecture = boosting(content, place);
    Ok(())
}

/// The kind of boosting, among the parameters behind the trees: a line such as `[boosting: gbdt]`.
fn boosting(content: Content<'_>, place: u64) -> Option<String> {
    const PARAMETERS_BYTES_MAX: u64 = 65_536;
    let length = usize::try_from((content.size_bytes - place).min(PARAMETERS_BYTES_MAX)).ok()?;
    let rest = content.at(place, length)?;
    let rest = String::from_utf8_lossy(&rest);
    let kind = rest.lines().find_map(|line| line.strip_prefix("[boosting: ")?.strip_suffix(']'))?;
    Some(kind.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::facts::artifact::pages::tests::as_large_file;
    use crate::facts::artifact::{MetadataFacts, sample};

    fn found(bytes: &[u8]) -> Option<Findings> {
        inspect(Content::of(bytes, bytes.len() as u64))
    }

    #[test]
    fn a_model_gives_its_facts() {
        let whole = sample("lightgbm.txt");
        let expected = MetadataFacts {
            framework: Some("lightgbm".to_owned()),
            architecture: Some("dart".to_owned()),
            inputs: ["age", "income", "debt"].map(str::to_owned).to_vec(),
            ..MetadataFacts::default()
        };
        let findings = found(&whole).unwrap();
        assert_eq!((&findings.metadata, findings.risks), (&expected, Vec::new()));
        // Far more trees than are kept.
        let text = String::from_utf8(whole).unwrap();
        let (header, rest) = text.split_once("\n\n").unwrap();
        let (header, _) = header.rsplit_once('\n').unwrap();
        let end = rest.find("end of trees").unwrap();
        let trees = "x".repeat(300_000);
        let large = format!("{header}\ntree_sizes=300000\n\n{trees}{}", &rest[end..]);
        assert_eq!(as_large_file(large.as_bytes(), |content| inspect(content).unwrap()).metadata, expected);
    }

    #[test]
    fn trees_that_do_not_end_where_they_should_are_broken() {
        let whole = sample("lightgbm.txt");
        let end = whole.windows(END.len()).position(|window| window == END).unwrap() + END.len();
        for length in MARK.len()..end {
            assert_eq!(found(&whole[..length]).unwrap().risks[0].code, "lightgbm-malformed", "{length}");
        }
        let changed = |from: &str, to: &str| {
            let text = String::from_utf8(whole.clone()).unwrap();
            assert!(text.contains(from));
            found(text.replacen(from, to, 1).as_bytes()).unwrap().risks[0].code.clone()
        };
        for (from, to) in [
            ("tree_sizes=", "tree_sizes=1 "),
            ("tree_sizes=", "tree_sizes=x "),
            ("tree_sizes=", "tree_sizes=18446744073709551615 "),
            ("feature_names=", "names="),
            ("objective=", "feature_names=a b\nobjective="),
        ] {
            assert_eq!(changed(from, to), "lightgbm-malformed", "{to}");
        }
        assert!(found(b"tree of life").is_none());
    }
}
