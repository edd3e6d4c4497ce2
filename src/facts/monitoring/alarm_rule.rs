//! The rule of a composite alarm of CloudWatch: which alarms raise it.
//!
//! <https://docs.aws.amazon.com/AmazonCloudWatch/latest/APIReference/API_PutCompositeAlarm.html>

use std::collections::BTreeSet;

/// Characters of a rule (`AlarmRule` of the API).
const CHARACTERS_MAX: usize = 10_240;

/// Parentheses and `NOT` within each other. The parser descends once for each.
const DEPTH_MAX: usize = 64;

/// What a rule comes to.
#[derive(Debug, PartialEq)]
pub(super) enum Rule {
    /// Whatever the alarms say.
    Constant(bool),
    /// It depends on alarms.
    Alarms {
        /// Those that make it true, alone or together, when they are raised.
        raised: BTreeSet<String>,
        /// Those that make it false.
        lowered: BTreeSet<String>,
    },
}

impl Rule {
    /// # Errors
    /// Why a text is no rule.
    pub(super) fn parse(text: &str) -> Result<Self, String> {
        if text.chars().count() > CHARACTERS_MAX {
            return Err(format!("it is longer than {CHARACTERS_MAX} characters"));
        }
        let mut parser = Parser { rest: text.trim(), depth: 0 };
        let rule = parser.any()?;
        if parser.rest.is_empty() { Ok(rule) } else { Err(format!("nobody expects `{}`", parser.rest)) }
    }

    fn of(alarm: String, raises: bool) -> Self {
        let (alarm, none) = (BTreeSet::from([alarm]), BTreeSet::new());
        if raises {
            Self::Alarms { raised: alarm, lowered: none }
        } else {
            Self::Alarms { raised: none, lowered: alarm }
        }
    }

    fn not(self) -> Self {
        match self {
            Self::Constant(truth) => Self::Constant(!truth),
            Self::Alarms { raised, lowered } => Self::Alarms { raised: lowered, lowered: raised },
        }
    }

    /// Both, where a constant `deciding` decides and the other one says nothing.
    fn with(self, other: Self, deciding: bool) -> Self {
        match (self, other) {
            (Self::Constant(truth), rule) | (rule, Self::Constant(truth)) => {
                if truth == deciding {
                    Self::Constant(truth)
                } else {
                    rule
                }
            }
            (
                Self::Alarms { mut raised, mut lowered },
                Self::Alarms { raised: others_raised, lowered: others_lowered },
            ) => {
                raised.extend(others_raised);
                lowered.extend(others_lowered);
                Self::Alarms { raised, lowered }
            }
        }
    }
}

struct Parser<'a> {
    rest: &'a str,
    depth: usize,
}

impl Parser<'_> {
    fn take(&mut self, mark: &str) -> bool {
        match self.rest.strip_prefix(mark) {
            Some(rest) => {
                self.rest = rest.trim_start();
                true
            }
            None => false,
        }
    }

    fn expect(&mut self, mark: &str) -> Result<(), String> {
        if self.take(mark) { Ok(()) } else { Err(format!("there is no `{mark}` before `{}`", self.rest)) }
    }

    /// Takes a word, where it stands by itself.
    fn word(&mut self, wanted: &str) -> bool {
        let end = self.rest.find(|character: char| !character.is_ascii_alphabetic() && character != '_');
        let (word, rest) = self.rest.split_at_checked(end.unwrap_or(self.rest.len())).unwrap_or((self.rest, ""));
        let is_there = word.eq_ignore_ascii_case(wanted);
        if is_there {
            self.rest = rest.trim_start();
        }
        is_there
    }

    fn any(&mut self) -> Result<Rule, String> {
        let mut rule = self.all()?;
        while self.word("OR") {
            rule = rule.with(self.all()?, true);
        }
        Ok(rule)
    }

    fn all(&mut self) -> Result<Rule, String> {
        let mut rule = self.one()?;
        while self.word("AND") {
            rule = rule.with(self.one()?, false);
        }
        Ok(rule)
    }

    fn one(&mut self) -> Result<Rule, String> {
        if self.depth >= DEPTH_MAX {
            return Err(format!("it nests deeper than {DEPTH_MAX}"));
        }
        self.depth += 1;
        let rule = self.term();
        self.depth -= 1;
        rule
    }

    fn term(&mut self) -> Result<Rule, String> {
        if self.word("NOT") {
            return Ok(self.one()?.not());
        }
        if self.take("(") {
            let rule = self.any()?;
            self.expect(")")?;
            return Ok(rule);
        }
        for (word, truth) in [("TRUE", true), ("FALSE", false)] {
            if self.word(word) {
                return Ok(Rule::Constant(truth));
            }
        }
        if self.word("AT_LEAST") {
            return self.at_least();
        }
        let raises = self.state()?;
        self.expect("(")?;
        let alarm = self.alarm()?;
        self.expect(")")?;
        Ok(Rule::of(alarm, raises))
    }

    /// A state, and whether it is that of an alarm that is raised.
    fn state(&mut self) -> Result<bool, String> {
        for (word, raises) in [("ALARM", true), ("OK", false), ("INSUFFICIENT_DATA", false)] {
            if self.word(word) {
                return Ok(raises);
            }
        }
        Err(format!("`{}` is no condition", self.rest))
    }

    /// `AT_LEAST(2, ALARM, (a, b, c))`, or a share of them (`50%`).
    fn at_least(&mut self) -> Result<Rule, String> {
        self.expect("(")?;
        let digits = self.rest.trim_start_matches(|digit: char| digit.is_ascii_digit() || digit == '%');
        self.rest = digits.trim_start();
        self.expect(",")?;
        let is_negated = self.word("NOT");
        let raises = self.state()? != is_negated;
        self.expect(",")?;
        self.expect("(")?;
        let mut rule = Rule::of(self.alarm()?, raises);
        while self.take(",") {
            rule = rule.with(Rule::of(self.alarm()?, raises), true);
        }
        self.expect(")")?;
        self.expect(")")?;
        Ok(rule)
    }

    /// The name or ARN of an alarm, quoted or not.
    fn alarm(&mut self) -> Result<String, String> {
        let (name, rest) = match self.rest.strip_prefix('"') {
            Some(quoted) => quoted.split_once('"').ok_or("a quote has no end")?,
            None => {
                let end = self.rest.find([')', ',']).unwrap_or(self.rest.len());
                self.rest.split_at_checked(end).unwrap_or((self.rest, ""))
            }
        };
        let name = name.trim();
        if name.is_empty() {
            return Err("an alarm has no name".to_owned());
        }
        self.rest = rest.trim_start();
        Ok(name.to_owned())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn raised(text: &str) -> Vec<String> {
        match Rule::parse(text).unwrap() {
            Rule::Alarms { raised, .. } => raised.into_iter().collect(),
            Rule::Constant(truth) => vec![truth.to_string()],
        }
    }

    #[test]
    fn rules_name_the_alarms_that_raise_them() {
        for (text, names) in [
            ("ALARM(a)", vec!["a"]),
            ("ALARM(\"an alarm (1)\") OR ALARM( b )", vec!["an alarm (1)", "b"]),
            ("ALARM(a) AND NOT ALARM(b) AND NOT (OK(c) OR INSUFFICIENT_DATA(d))", vec!["a", "c", "d"]),
            (
                "(ALARM(arn:aws:cloudwatch:eu-west-1:1:alarm:a) AND OK(b))",
                vec!["arn:aws:cloudwatch:eu-west-1:1:alarm:a"],
            ),
            ("FALSE OR ALARM(a)", vec!["a"]),
            ("FALSE AND ALARM(a)", vec!["false"]),
            ("TRUE OR ALARM(a)", vec!["true"]),
            ("NOT FALSE AND ALARM(a)", vec!["a"]),
            ("AT_LEAST(2, ALARM, (a, \"b\", c)) AND ALARM(d)", vec!["a", "b", "c", "d"]),
            ("AT_LEAST(50%, NOT OK, (a, b))", vec!["a", "b"]),
            ("alarm(ORDER) or alarm(NOTE)", vec!["NOTE", "ORDER"]),
        ] {
            assert_eq!(raised(text), names, "{text}");
        }
    }

    #[test]
    fn what_is_no_rule_is_refused() {
        for text in
            ["", "ALARM", "ALARM()", "ALARM(a", "ALARM(\"a)", "ALARM(a) b", "a", "ALARM(a) AND", "(ALARM(a)", "NOT"]
        {
            assert!(Rule::parse(text).is_err(), "{text}");
        }
        assert!(Rule::parse(&"(".repeat(1_000)).unwrap_err().contains("deeper"));
        assert!(Rule::parse(&"NOT ".repeat(1_000)).unwrap_err().contains("deeper"));
        assert!(Rule::parse(&"é".repeat(CHARACTERS_MAX + 1)).unwrap_err().contains("longer"));
    }

    proptest::proptest! {
        #[test]
        fn no_rule_panics(
            parts in proptest::collection::vec(
                proptest::sample::select(vec![
                    "ALARM", "OK", "(", ")", "\"", "a", " ", "AND", "OR", "NOT ", "TRUE", "FALSE", "AT_LEAST", "2", "%", ",", "é",
                ]),
                0..14,
            ),
        ) {
            let _ = Rule::parse(&parts.concat());
        }
    }
}
