//! Small changes to a policy, each of which a good test notices.
//!
//! The places are found in the engine's syntax tree and changed in the text, so that a mutant differs from its
//! source in one thing and in nothing else.

use std::collections::BTreeSet;

use regorus::Engine;
use regorus::unstable::{BoolOp, Expr, Literal, LiteralStmt, Module, Query, Rule, RuleHead, Span};

/// A source with one change.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Mutant {
    /// Line of the change, from 1.
    pub(super) line: usize,
    /// What was changed.
    pub(super) change: String,
    /// The whole source, changed.
    pub(super) source: String,
}

/// Every mutant of `source`, in the order of places:
/// - a comparison that is the next stricter, milder or opposite one;
/// - a statement of a body that always holds;
/// - a `not` that is gone;
/// - a name in a reference that is another one.
pub(super) fn mutants(source: &str) -> Vec<Mutant> {
    let mut engine = Engine::new();
    engine.add_policy("mutated.rego".to_owned(), source.to_owned()).unwrap();
    let module = engine.get_modules().first().unwrap();
    let mut mutator = Mutator { source, imports: imports(module), edits: BTreeSet::new() };
    module.policy.iter().for_each(|rule| mutator.rule(rule));
    mutator.edits.iter().map(|edit| edit.apply(source)).collect()
}

/// Names that stand for something of `data`, whose parts are the names of rules and not of facts.
fn imports(module: &Module) -> BTreeSet<String> {
    let last = |expression: &Expr| expression.span().text().rsplit('.').next().unwrap_or_default().to_owned();
    module
        .imports
        .iter()
        .filter(|import| import.refr.span().text().starts_with("data"))
        .map(|import| import.r#as.as_ref().map_or_else(|| last(&import.refr), |alias| alias.text().to_owned()))
        .collect()
}

/// Replaces the bytes from `start` to `end` by `with`.
#[derive(Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Edit {
    start: usize,
    end: usize,
    with: String,
    change: String,
}

impl Edit {
    fn apply(&self, source: &str) -> Mutant {
        let (before, after) = (&source[..self.start], &source[self.end..]);
        let line = before.matches('\n').count() + 1;
        Mutant { line, change: self.change.clone(), source: format!("{before}{}{after}", self.with) }
    }
}

struct Mutator<'a> {
    source: &'a str,
    imports: BTreeSet<String>,
    edits: BTreeSet<Edit>,
}

impl<'a> Mutator<'a> {
    fn edit(&mut self, start: usize, end: usize, with: &str, change: String) {
        self.edits.insert(Edit { start, end, with: with.to_owned(), change });
    }

    fn rule(&mut self, rule: &Rule) {
        let Rule::Spec { head, bodies, .. } = rule else { return };
        match head {
            RuleHead::Compr { assign, .. } | RuleHead::Func { assign, .. } => {
                assign.iter().for_each(|assign| self.expression(&assign.value));
            }
            RuleHead::Set { key, .. } => key.iter().for_each(|key| self.expression(key)),
        }
        for body in bodies {
            body.assign.iter().for_each(|assign| self.expression(&assign.value));
            self.query(&body.query);
        }
    }

    fn query(&mut self, query: &Query) {
        query.stmts.iter().for_each(|statement| self.statement(statement));
    }

    fn statement(&mut self, statement: &LiteralStmt) {
        let (start, text) = self.whole(&statement.span);
        // A rule without a body has one that is empty, or holds always.
        if !text.is_empty() && text != "true" {
            let shown = text.split_whitespace().collect::<Vec<_>>().join(" ");
            self.edit(start, start + text.len(), "true", format!("without `{shown}`"));
        }
        match &statement.literal {
            Literal::SomeVars { .. } => {}
            Literal::SomeIn { collection, .. } => self.expression(collection),
            Literal::Expr { expr, .. } => self.expression(expr),
            Literal::NotExpr { expr, .. } => {
                let negated = text.strip_prefix("not").unwrap().trim_start();
                self.edit(start, start + text.len() - negated.len(), "", format!("`{negated}` without its `not`"));
                self.expression(expr);
            }
            Literal::Every { domain, query, .. } => {
                self.expression(domain);
                self.query(query);
            }
        }
    }

    /// Where the text at a span begins, and the text. The engine leaves out quotes at either end.
    fn whole(&self, span: &Span) -> (usize, &'a str) {
        let (start, end) = (span.start as usize, span.end as usize);
        let (before, after) = (&self.source[..start], &self.source[end..]);
        let start = start - usize::from(before.ends_with(['"', '`']));
        let end = end + usize::from(after.starts_with(['"', '`']));
        (start, self.source[start..end].trim_end())
    }

    fn expression(&mut self, expression: &Expr) {
        match expression {
            Expr::RefDot { refr, .. } | Expr::RefBrack { refr, .. } => {
                if is_a_fact(expression, &self.imports) {
                    self.name(expression);
                }
                if let Expr::RefBrack { index, .. } = expression {
                    self.expression(index);
                }
                self.expression(refr);
            }
            Expr::Array { items, .. } | Expr::Set { items, .. } => items.iter().for_each(|item| self.expression(item)),
            Expr::Object { fields, .. } => fields.iter().for_each(|(_, key, value)| {
                self.expression(key);
                self.expression(value);
            }),
            Expr::ArrayCompr { term, query, .. } | Expr::SetCompr { term, query, .. } => {
                self.expression(term);
                self.query(query);
            }
            Expr::ObjectCompr { key, value, query, .. } => {
                self.expression(key);
                self.expression(value);
                self.query(query);
            }
            // The name of the function is no reference to a fact.
            Expr::Call { params, .. } => params.iter().for_each(|parameter| self.expression(parameter)),
            Expr::UnaryExpr { expr, .. } => self.expression(expr),
            Expr::BoolExpr { op, lhs, rhs, .. } => {
                self.comparison(op, lhs, rhs);
                self.expression(lhs);
                self.expression(rhs);
            }
            Expr::BinExpr { lhs, rhs, .. } | Expr::ArithExpr { lhs, rhs, .. } | Expr::AssignExpr { lhs, rhs, .. } => {
                self.expression(lhs);
                self.expression(rhs);
            }
            Expr::Membership { key, value, collection, .. } => {
                key.iter().chain([value, collection]).for_each(|part| self.expression(part));
            }
            Expr::String { .. }
            | Expr::RawString { .. }
            | Expr::Number { .. }
            | Expr::Bool { .. }
            | Expr::Null { .. }
            | Expr::Var { .. } => {}
        }
    }

    fn comparison(&mut self, operator: &BoolOp, left: &Expr, right: &Expr) {
        let (from, to) = match operator {
            BoolOp::Lt => ("<", "<="),
            BoolOp::Le => ("<=", "<"),
            BoolOp::Gt => (">", ">="),
            BoolOp::Ge => (">=", ">"),
            BoolOp::Eq => ("==", "!="),
            BoolOp::Ne => ("!=", "=="),
        };
        let between = left.span().end as usize..right.span().start as usize;
        let start = between.start + self.source[between].find(from).unwrap();
        let compared = format!("{} {from} {}", left.span().text(), right.span().text());
        self.edit(start, start + from.len(), to, format!("`{compared}` with `{to}`"));
    }

    /// Renames the last name of a reference.
    fn name(&mut self, reference: &Expr) {
        let span = match reference {
            Expr::RefDot { field, .. } => &field.0,
            Expr::RefBrack { index, .. } => match index.as_ref() {
                Expr::String { span, .. } => span,
                _ => return,
            },
            _ => return,
        };
        let end = span.end as usize;
        let change = format!("`{}` with `{}_`", reference.span().text(), span.text());
        self.edit(end, end, "_", change);
    }
}

/// Whether a reference begins with `input` or a variable.
fn is_a_fact(expression: &Expr, imports: &BTreeSet<String>) -> bool {
    match expression {
        Expr::RefDot { refr, .. } | Expr::RefBrack { refr, .. } => is_a_fact(refr, imports),
        Expr::Var { span, .. } => span.text() != "data" && !imports.contains(span.text()),
        _ => false,
    }
}

/// The rules of each mutant without its head, and what was changed.
#[cfg(test)]
mod tests {
    use super::mutants;

    /// The changed texts of all mutants of `body`.
    #[track_caller]
    fn mutated(body: &str) -> Vec<String> {
        let head = "package p\n\nimport data.lib.metric\n\n";
        let mutants = mutants(&format!("{head}{body}\n"));
        mutants.into_iter().map(|mutant| mutant.source.strip_prefix(head).unwrap().trim_end().to_owned()).collect()
    }

    #[test]
    fn each_comparison_becomes_its_neighbour_or_opposite() {
        for (from, to) in [("<", "<="), ("<=", "<"), (">", ">="), (">=", ">"), ("==", "!="), ("!=", "==")] {
            assert_eq!(mutated(&format!("x := 1 {from} 2")), [format!("x := 1 {to} 2")]);
        }
        assert_eq!(mutated("x := [(\"a < b\") == \"<\"]"), ["x := [(\"a < b\") != \"<\"]"]);
        assert_eq!(
            mutated("x := {y: z | y := 1 < 2; z := 3}"),
            ["x := {y: z | true; z := 3}", "x := {y: z | y := 1 <= 2; z := 3}", "x := {y: z | y := 1 < 2; true}",]
        );
    }

    #[test]
    fn each_statement_is_left_out() {
        assert_eq!(
            mutated("x if {\n\tf(1)\n\tsome y in [2]\n\ty in {2} with input as {}\n}"),
            [
                "x if {\n\ttrue\n\tsome y in [2]\n\ty in {2} with input as {}\n}",
                "x if {\n\tf(1)\n\ttrue\n\ty in {2} with input as {}\n}",
                "x if {\n\tf(1)\n\tsome y in [2]\n\ttrue\n}",
            ]
        );
        assert_eq!(
            mutated("x contains y if some y in [z | z := 1]"),
            ["x contains y if true", "x contains y if some y in [z | true]",]
        );
        assert_eq!(
            mutated("x if {\n\tevery y in [1] {\n\t\tf(y)\n\t}\n}"),
            ["x if {\n\ttrue\n}", "x if {\n\tevery y in [1] {\n\t\ttrue\n\t}\n}",]
        );
        assert_eq!(
            mutated("x := 1 if f(1)\nelse := 2 if f(2)"),
            ["x := 1 if true\nelse := 2 if f(2)", "x := 1 if f(1)\nelse := 2 if true",]
        );
        assert_eq!(
            mutated("x if {\n\t\"a\" in {\"a\"}\n\tf(1) == `b`\n}"),
            [
                "x if {\n\ttrue\n\tf(1) == `b`\n}",
                "x if {\n\t\"a\" in {\"a\"}\n\ttrue\n}",
                "x if {\n\t\"a\" in {\"a\"}\n\tf(1) != `b`\n}",
            ]
        );
        assert_eq!(mutated("x := 1\n\ny := 2 if true\n\ndefault z := 3"), [""; 0]);
    }

    #[test]
    fn each_not_is_removed() {
        assert_eq!(mutated("x if {\n\tnot  f(1)\n}"), ["x if {\n\tf(1)\n}", "x if {\n\ttrue\n}"]);
        assert_eq!(mutated("x := [1 | not y in [1]]"), ["x := [1 | y in [1]]", "x := [1 | true]"]);
    }

    #[test]
    fn each_name_of_a_fact_is_renamed_and_no_other() {
        assert_eq!(
            mutated("x := input.a[\"b\"].c[y.d]"),
            [
                "x := input.a_[\"b\"].c[y.d]",
                "x := input.a[\"b_\"].c[y.d]",
                "x := input.a[\"b\"].c_[y.d]",
                "x := input.a[\"b\"].c[y.d_]",
            ]
        );
        assert_eq!(mutated("x := metric.names + data.parameters.a + metric.f(y[_], 1)"), [""; 0]);
        assert_eq!(mutated("f(x) := {\"a\": x.b}[metric.c]"), ["f(x) := {\"a\": x.b_}[metric.c]"]);
        assert_eq!(mutated("x contains y.a if g"), ["x contains y.a_ if g", "x contains y.a if true"]);
    }

    #[test]
    fn a_mutant_knows_its_line_and_what_it_is() {
        let mutants = mutants("package p\n\nx if {\n\t1 == 2\n\tnot input.a\n}\n");
        let shown: Vec<_> = mutants.iter().map(|mutant| format!("{}: {}", mutant.line, mutant.change)).collect();
        assert_eq!(
            shown,
            [
                "4: without `1 == 2`",
                "4: `1 == 2` with `!=`",
                "5: `input.a` without its `not`",
                "5: without `not input.a`",
                "5: `input.a` with `a_`",
            ]
        );
    }
}
