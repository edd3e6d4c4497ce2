//! A walk over one module's syntax tree that knows which variables are local at every point.
//!
//! The tree is the engine's own, typed: [`regorus::unstable`] is outside its promise of stability,
//! which is what the exact pin in `Cargo.toml` is for. The documented way, the tree as JSON, is 150
//! times the size of the source, and a kind of node that a new engine adds would pass unseen
//! there; here the `match` below stops compiling.

use std::collections::BTreeMap;

use regorus::Value;
use regorus::unstable::{
    AssignOp, BoolOp, Expr, Literal, LiteralStmt, Module, Query, Ref, Rule, RuleAssign, RuleBody, RuleHead, Span,
    WithModifier,
};

use crate::problem::Location;

/// Expressions nested deeper than this are refused. The engine's own limit of 32 does not count the
/// terms of a chain such as `a + b + …`, and each of those is one level of the walk's stack.
const MAXIMUM_DEPTH_LEVELS: usize = 256;

/// Where `span` begins.
pub(super) fn location(span: &Span) -> Location {
    let start = usize::try_from(span.start).unwrap_or(usize::MAX);
    let contents = span.source.contents();
    let before = contents.get(..start).unwrap_or(contents);
    // The engine puts the span of a string after its opening quote.
    let before = before.strip_suffix(['"', '`']).unwrap_or(before);
    let line_start = before.rfind('\n').map_or(0, |newline| newline.saturating_add(1));
    let in_line = before.get(line_start..).unwrap_or_default().chars().count();
    Location { file: span.source.file().clone(), line: count(before.matches('\n').count()), column: count(in_line) }
}

fn count(before: usize) -> u64 {
    u64::try_from(before).unwrap_or(u64::MAX).saturating_add(1)
}

/// A variable and what is read from it: `input.evaluations[_]["name"]`.
#[derive(Debug)]
pub(super) struct Reference<'a> {
    pub(super) root: &'a Span,
    pub(super) parts: Vec<Part<'a>>,
}

/// One step of a reference.
#[derive(Debug, Clone, Copy)]
pub(super) enum Part<'a> {
    /// `.name` or `["name"]`.
    Key { name: &'a str, span: &'a Span },
    /// `[i]`, `[_]`, `[0]`: known only when it is evaluated.
    Index(&'a Expr),
}

impl<'a> Reference<'a> {
    /// The reference that `expression` is, unless it begins with something else than a variable.
    pub(super) fn of(expression: &'a Expr) -> Option<Self> {
        let mut parts = Vec::new();
        let mut at = expression;
        loop {
            at = match at {
                Expr::Var { span, .. } => {
                    parts.reverse();
                    return Some(Self { root: span, parts });
                }
                Expr::RefDot { refr, field, .. } => {
                    parts.push(Part::Key { name: field.0.text(), span: &field.0 });
                    refr
                }
                Expr::RefBrack { refr, index, .. } => {
                    parts.push(match string(index) {
                        Some((name, span)) => Part::Key { name, span },
                        None => Part::Index(index),
                    });
                    refr
                }
                _ => return None,
            }
        }
    }

    /// The names up to the first step that is known only when it is evaluated, the root's included.
    pub(super) fn static_names(&self) -> Vec<&'a str> {
        std::iter::once(self.root.text()).chain(keys(&self.parts)).collect()
    }

    /// Whether every step is a name.
    pub(super) fn is_static(&self) -> bool {
        self.parts.iter().all(|part| matches!(part, Part::Key { .. }))
    }
}

/// The leading names of `parts`.
pub(super) fn keys<'a>(parts: &[Part<'a>]) -> impl Iterator<Item = &'a str> {
    parts.iter().map_while(|part| match *part {
        Part::Key { name, .. } => Some(name),
        Part::Index(_) => None,
    })
}

/// The text of a string literal.
pub(super) fn string(expression: &Expr) -> Option<(&str, &Span)> {
    match expression {
        Expr::String { value: Value::String(text), span, .. }
        | Expr::RawString { value: Value::String(text), span, .. } => Some((text.as_ref(), span)),
        _ => None,
    }
}

/// What is known of a local variable.
#[derive(Debug, Clone, Copy)]
pub(super) enum Variable<'a> {
    /// `some x`: a definition may follow.
    Declared,
    /// Local, with a value that is not followed: an argument, a part of a pattern, or more than one
    /// definition.
    Untracked,
    /// Equal to `expression`, or to an element of it, as seen from the outermost `level` frames.
    Tracked { expression: &'a Expr, is_element: bool, level: usize },
}

/// The local variables at a point of the walk, the innermost frame last.
#[derive(Debug, Default)]
pub(super) struct Scopes<'a> {
    frames: Vec<BTreeMap<&'a str, Variable<'a>>>,
    /// Whether the statement is evaluated `with input as …`: `input` is not the facts then.
    pub(super) input_is_replaced: bool,
    /// Whether the expression is below a `not`, and in no query of its own there.
    pub(super) is_negated: bool,
}

impl<'a> Scopes<'a> {
    /// Frames that are visible here.
    pub(super) fn level(&self) -> usize {
        self.frames.len()
    }

    /// The variable `name` as the outermost `level` frames know it.
    pub(super) fn lookup(&self, name: &str, level: usize) -> Option<Variable<'a>> {
        self.frames.iter().take(level).rev().find_map(|frame| frame.get(name).copied())
    }

    fn declare(&mut self, name: &'a str, variable: Variable<'a>) {
        if matches!(name, "_" | "input" | "data") {
            return;
        }
        let Some(frame) = self.frames.last_mut() else { return };
        frame
            .entry(name)
            .and_modify(|known| {
                *known = if matches!(known, Variable::Declared) { variable } else { Variable::Untracked };
            })
            .or_insert(variable);
    }

    fn declare_pattern(&mut self, pattern: &'a Expr) {
        match pattern {
            Expr::Var { span, .. } => self.declare(span.text(), Variable::Untracked),
            Expr::Array { items, .. } | Expr::Set { items, .. } => {
                items.iter().for_each(|item| self.declare_pattern(item));
            }
            Expr::Object { fields, .. } => fields.iter().for_each(|(_, _, value)| self.declare_pattern(value)),
            _ => {}
        }
    }

    /// `target` is defined as `expression`, or as an element of it.
    fn define(&mut self, target: &'a Expr, expression: &'a Expr, is_element: bool, is_tracked: bool) {
        let level = self.level();
        match target {
            Expr::Var { span, .. } if is_tracked => {
                self.declare(span.text(), Variable::Tracked { expression, is_element, level });
            }
            _ => self.declare_pattern(target),
        }
    }

    fn declare_statement(&mut self, statement: &'a LiteralStmt) {
        let is_tracked = !statement.with_mods.iter().any(replaces_input);
        match &statement.literal {
            Literal::SomeVars { vars, .. } => {
                vars.iter().for_each(|variable| self.declare(variable.text(), Variable::Declared));
            }
            Literal::SomeIn { key, value, collection, .. } => {
                if let Some(key) = key {
                    self.declare_pattern(key);
                }
                self.define(value, collection, true, is_tracked);
            }
            Literal::Expr { expr, .. } => {
                let Expr::AssignExpr { op, lhs, rhs, .. } = expr.as_ref() else { return };
                let lhs_is_variable = matches!(lhs.as_ref(), Expr::Var { .. });
                match op {
                    AssignOp::ColEq => self.define(lhs, rhs, false, is_tracked),
                    // Either side of a unification may be the variable.
                    AssignOp::Eq if lhs_is_variable => self.define(lhs, rhs, false, is_tracked),
                    AssignOp::Eq => {
                        self.declare_pattern(lhs);
                        self.define(rhs, lhs, false, is_tracked);
                    }
                }
            }
            Literal::NotExpr { .. } | Literal::Every { .. } => {}
        }
    }
}

fn replaces_input(modifier: &WithModifier) -> bool {
    Reference::of(&modifier.refr).is_some_and(|target| target.root.text() == "input")
}

/// What a walk reports.
pub(super) trait Visitor<'a> {
    /// Something is read from a variable. Functions that are called are not reported here.
    fn reference(&mut self, scopes: &Scopes<'a>, reference: &Reference<'a>);
    /// `function` is called. A call that is a statement of its own may have one argument more than
    /// the function takes: the result is unified with it.
    fn call(&mut self, function: &'a Expr, arguments: &'a [Ref<Expr>], is_statement: bool);
    /// `with target as value`.
    fn replacement(&mut self, target: &'a Expr, value: &'a Expr);
    /// `left == right`, `left != right` or `left = right`.
    fn comparison(&mut self, scopes: &Scopes<'a>, left: &'a Expr, right: &'a Expr);
    /// `value in collection`.
    fn membership(&mut self, scopes: &Scopes<'a>, value: &'a Expr, collection: &'a Expr);
    /// The expression at `span` is nested too deeply to be walked.
    fn too_deep(&mut self, span: &'a Span);
    /// `some variable`, or the variable in `some variable in …`, which is then reported as a reference as well.
    fn declaration(&mut self, _variable: &'a Span, _is_reported: bool) {}
}

/// Shows every expression of `module` to `visitor`, once.
pub(super) fn walk<'a>(module: &'a Module, visitor: &mut impl Visitor<'a>) {
    module.policy.iter().for_each(|rule| walk_rule(rule, visitor));
}

/// Shows every expression of `rule` to `visitor`, once.
pub(super) fn walk_rule<'a>(rule: &'a Rule, visitor: &mut impl Visitor<'a>) {
    Walk { visitor, scopes: Scopes::default(), depth: 0 }.rule(rule);
}

struct Walk<'a, 'v, V> {
    visitor: &'v mut V,
    scopes: Scopes<'a>,
    depth: usize,
}

impl<'a, V: Visitor<'a>> Walk<'a, '_, V> {
    fn rule(&mut self, rule: &'a Rule) {
        self.scopes.frames.push(BTreeMap::new());
        match rule {
            Rule::Default { refr, value, .. } => {
                self.indexes(refr);
                self.expression(value);
            }
            Rule::Spec { head, bodies, .. } => {
                if let RuleHead::Func { args, .. } = head {
                    args.iter().for_each(|argument| self.scopes.declare_pattern(argument));
                }
                match bodies.split_first() {
                    None => self.head(head),
                    Some((first, rest)) => {
                        // The head's variables are those of the body.
                        self.query(&first.query, |walk| {
                            walk.head(head);
                            walk.assignment(first.assign.as_ref());
                        });
                        rest.iter().for_each(|body| self.body(body));
                    }
                }
            }
        }
        self.scopes.frames.pop();
    }

    fn body(&mut self, body: &'a RuleBody) {
        self.query(&body.query, |walk| walk.assignment(body.assign.as_ref()));
    }

    fn head(&mut self, head: &'a RuleHead) {
        match head {
            RuleHead::Compr { refr, assign, .. } => {
                self.indexes(refr);
                self.assignment(assign.as_ref());
            }
            RuleHead::Set { refr, key, .. } => {
                self.indexes(refr);
                if let Some(key) = key {
                    self.expression(key);
                }
            }
            RuleHead::Func { refr, args, assign, .. } => {
                self.indexes(refr);
                self.expressions(args);
                self.assignment(assign.as_ref());
            }
        }
    }

    fn assignment(&mut self, assign: Option<&'a RuleAssign>) {
        if let Some(assign) = assign {
            self.expression(&assign.value);
        }
    }

    /// The computed steps of a rule's name, which itself reads nothing.
    fn indexes(&mut self, name: &'a Expr) {
        let Some(reference) = Reference::of(name) else { return };
        for part in reference.parts {
            if let Part::Index(index) = part {
                self.expression(index);
            }
        }
    }

    /// The statements of `query`, and `first` in the same scope.
    fn query(&mut self, query: &'a Query, first: impl FnOnce(&mut Self)) {
        let outside = std::mem::take(&mut self.scopes.is_negated);
        self.scopes.frames.push(BTreeMap::new());
        query.stmts.iter().for_each(|statement| self.scopes.declare_statement(statement));
        first(self);
        query.stmts.iter().for_each(|statement| self.statement(statement));
        self.scopes.frames.pop();
        self.scopes.is_negated = outside;
    }

    fn statement(&mut self, statement: &'a LiteralStmt) {
        let outside = self.scopes.input_is_replaced;
        for modifier in &statement.with_mods {
            self.visitor.replacement(&modifier.refr, &modifier.r#as);
            self.expression(&modifier.r#as);
        }
        self.scopes.input_is_replaced = outside || statement.with_mods.iter().any(replaces_input);
        self.scopes.is_negated = matches!(statement.literal, Literal::NotExpr { .. });
        self.literal(&statement.literal);
        self.scopes.is_negated = false;
        self.scopes.input_is_replaced = outside;
    }

    fn literal(&mut self, literal: &'a Literal) {
        match literal {
            Literal::SomeVars { vars, .. } => {
                vars.iter().for_each(|variable| self.visitor.declaration(variable, false));
            }
            Literal::SomeIn { key, value, collection, .. } => {
                for pattern in key.iter().chain([value]) {
                    if let Expr::Var { span, .. } = pattern.as_ref() {
                        self.visitor.declaration(span, true);
                    }
                    self.expression(pattern);
                }
                self.expression(collection);
            }
            Literal::Expr { expr, .. } | Literal::NotExpr { expr, .. } => match expr.as_ref() {
                Expr::Call { fcn, params, .. } => {
                    self.visitor.call(fcn, params, true);
                    self.expressions(params);
                }
                _ => self.expression(expr),
            },
            Literal::Every { key, value, domain, query, .. } => {
                self.expression(domain);
                let level = self.scopes.level();
                self.scopes.frames.push(BTreeMap::new());
                if let Some(key) = key {
                    self.scopes.declare(key.text(), Variable::Untracked);
                }
                let element = Variable::Tracked { expression: domain, is_element: true, level };
                self.scopes.declare(value.text(), element);
                self.query(query, |_| {});
                self.scopes.frames.pop();
            }
        }
    }

    fn expressions(&mut self, expressions: &'a [Ref<Expr>]) {
        expressions.iter().for_each(|expression| self.expression(expression));
    }

    fn expression(&mut self, expression: &'a Expr) {
        if self.depth >= MAXIMUM_DEPTH_LEVELS {
            self.visitor.too_deep(expression.span());
            return;
        }
        self.depth = self.depth.saturating_add(1);
        self.parts(expression);
        self.depth = self.depth.saturating_sub(1);
    }

    fn parts(&mut self, expression: &'a Expr) {
        match expression {
            Expr::String { .. }
            | Expr::RawString { .. }
            | Expr::Number { .. }
            | Expr::Bool { .. }
            | Expr::Null { .. } => {}
            Expr::Var { .. } | Expr::RefDot { .. } | Expr::RefBrack { .. } => self.reference(expression),
            Expr::Array { items, .. } | Expr::Set { items, .. } => self.expressions(items),
            Expr::Object { fields, .. } => {
                for (_, key, value) in fields {
                    self.expression(key);
                    self.expression(value);
                }
            }
            Expr::ArrayCompr { term, query, .. } | Expr::SetCompr { term, query, .. } => {
                self.query(query, |walk| walk.expression(term));
            }
            Expr::ObjectCompr { key, value, query, .. } => self.query(query, |walk| {
                walk.expression(key);
                walk.expression(value);
            }),
            Expr::Call { fcn, params, .. } => {
                self.visitor.call(fcn, params, false);
                self.expressions(params);
            }
            Expr::UnaryExpr { expr, .. } => self.expression(expr),
            Expr::BinExpr { lhs, rhs, .. } | Expr::ArithExpr { lhs, rhs, .. } => self.both(lhs, rhs),
            Expr::BoolExpr { op, lhs, rhs, .. } => {
                if matches!(op, BoolOp::Eq | BoolOp::Ne) {
                    self.visitor.comparison(&self.scopes, lhs, rhs);
                }
                self.both(lhs, rhs);
            }
            Expr::AssignExpr { op, lhs, rhs, .. } => {
                if matches!(op, AssignOp::Eq) {
                    self.visitor.comparison(&self.scopes, lhs, rhs);
                }
                self.both(lhs, rhs);
            }
            Expr::Membership { key, value, collection, .. } => {
                self.visitor.membership(&self.scopes, value, collection);
                if let Some(key) = key {
                    self.expression(key);
                }
                self.both(value, collection);
            }
        }
    }

    fn both(&mut self, left: &'a Expr, right: &'a Expr) {
        self.expression(left);
        self.expression(right);
    }

    fn reference(&mut self, expression: &'a Expr) {
        if let Some(reference) = Reference::of(expression) {
            self.visitor.reference(&self.scopes, &reference);
            for part in reference.parts {
                if let Part::Index(index) = part {
                    self.expression(index);
                }
            }
            return;
        }
        // It begins with a call, a literal or a comprehension.
        let mut at = expression;
        loop {
            match at {
                Expr::RefDot { refr, .. } => at = refr,
                Expr::RefBrack { refr, index, .. } => {
                    self.expression(index);
                    at = refr;
                }
                _ => return self.expression(at),
            }
        }
    }
}
