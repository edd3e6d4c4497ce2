//! Lines of a terminal: wrapped, indented, painted, and harmless.
//!
//! Everything that is written passes through [`Layout`], which escapes it: no caller can forget to.

use anstyle::{AnsiColor, Style};
use unicode_width::{UnicodeWidthChar as _, UnicodeWidthStr as _};

use super::TextStyle;
use super::escape;

/// Columns that a wrapped text has at least, however deep its indentation.
const LEAST_TEXT_COLUMNS: usize = 20;

/// What a piece of text is, which decides its colour.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Paint {
    Plain,
    Strong,
    Dim,
    Good,
    Caution,
    Bad,
}

impl Paint {
    const fn style(self) -> Style {
        match self {
            Self::Plain => Style::new(),
            Self::Strong => Style::new().bold(),
            Self::Dim => Style::new().dimmed(),
            Self::Good => AnsiColor::Green.on_default().bold(),
            Self::Caution => AnsiColor::Yellow.on_default().bold(),
            Self::Bad => AnsiColor::Red.on_default().bold(),
        }
    }
}

/// A piece of text and its paint.
pub(super) type Span<'a> = (Paint, &'a str);

/// A symbol, and how it is spelt with ASCII.
#[derive(Debug, Clone, Copy)]
pub(super) struct Symbol(pub(super) &'static str, pub(super) &'static str);

/// Which side of a column its cells stand on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Align {
    Left,
    Right,
}

/// A text that grows line by line.
pub(super) struct Layout {
    style: TextStyle,
    columns: usize,
    out: String,
}

impl Layout {
    pub(super) fn new(style: TextStyle) -> Self {
        let columns = style.columns.clamp(TextStyle::LEAST_COLUMNS, TextStyle::MOST_COLUMNS);
        Self { style, columns, out: String::new() }
    }

    /// Columns of a line.
    pub(super) const fn columns(&self) -> usize {
        self.columns
    }

    /// The text, with its last line ended.
    pub(super) fn finish(self) -> String {
        escape::runner_commands(&self.out).into_owned()
    }

    pub(super) const fn symbol(&self, symbol: Symbol) -> &'static str {
        if self.style.unicode { symbol.0 } else { symbol.1 }
    }

    /// `text` as it will stand in the terminal.
    pub(super) fn clean(&self, text: &str) -> String {
        let text = if self.style.unicode { escape::visible(text) } else { escape::visible_ascii(text) };
        let ellipsis = if self.style.unicode { "…" } else { "..." };
        escape::cut(&text, escape::MAX_TEXT_FIELD_CHARACTERS, ellipsis).into_owned()
    }

    pub(super) fn blank(&mut self) {
        self.out.push('\n');
    }

    /// A heading with an empty line before it.
    pub(super) fn heading(&mut self, text: &str) {
        self.blank();
        self.wrapped(0, &[], text, Paint::Strong);
    }

    /// One line that is never wrapped: it is there to be copied.
    pub(super) fn unwrapped(&mut self, indent: usize, lead: &[Span<'_>], text: &str) {
        // Not cut either: half a command is worse than a long line.
        let text = if self.style.unicode { escape::visible(text) } else { escape::visible_ascii(text) };
        self.indent(indent);
        for (paint, span) in lead {
            let span = self.clean(span);
            self.paint(*paint, &span);
        }
        self.out.push_str(&text);
        self.out.push('\n');
    }

    /// `lead`, then `text` wrapped with its further lines under its first.
    pub(super) fn wrapped(&mut self, indent: usize, lead: &[Span<'_>], text: &str, paint: Paint) {
        self.indent(indent);
        let mut hanging = indent;
        for (paint, span) in lead {
            let span = self.clean(span);
            hanging = hanging.saturating_add(span.width());
            self.paint(*paint, &span);
        }
        let width = self.columns.saturating_sub(hanging).max(LEAST_TEXT_COLUMNS);
        let text = self.clean(text);
        for (number, line) in wrap(&text, width).iter().enumerate() {
            if number > 0 {
                self.out.push('\n');
                self.indent(hanging);
            }
            self.paint(paint, line);
        }
        let end = self.out.trim_end_matches(' ').len();
        self.out.truncate(end);
        self.out.push('\n');
    }

    /// A table: its first row is the header. Cells of its first column are cut where it is too wide.
    pub(super) fn table(&mut self, indent: usize, alignments: &[Align], rows: &[Vec<String>]) {
        self.table_with_free_text(indent, alignments, rows, 0);
    }

    /// A table whose column `free_text` is the one that is cut.
    pub(super) fn table_with_free_text(
        &mut self,
        indent: usize,
        alignments: &[Align],
        rows: &[Vec<String>],
        free_text: usize,
    ) {
        let rows: Vec<Vec<String>> = rows.iter().map(|row| row.iter().map(|cell| self.clean(cell)).collect()).collect();
        let mut widths = vec![0; alignments.len()];
        for row in &rows {
            for (width, cell) in widths.iter_mut().zip(row) {
                *width = cell.width().max(*width);
            }
        }
        let available = self.columns.saturating_sub(indent);
        shrink(&mut widths, available, free_text);
        for (number, row) in rows.iter().enumerate() {
            let mut line = String::new();
            for ((cell, width), align) in row.iter().zip(&widths).zip(alignments) {
                if !line.is_empty() {
                    line.push_str("  ");
                }
                push_cell(&mut line, cell, *width, *align, self.symbol(Symbol("…", "~")));
            }
            self.indent(indent);
            self.paint(if number == 0 { Paint::Dim } else { Paint::Plain }, line.trim_end());
            self.out.push('\n');
        }
    }

    fn indent(&mut self, columns: usize) {
        self.out.extend(std::iter::repeat_n(' ', columns));
    }

    fn paint(&mut self, paint: Paint, text: &str) {
        if self.style.colour && paint != Paint::Plain && !text.is_empty() {
            let style = paint.style();
            self.out.push_str(&format!("{style}{text}{style:#}"));
        } else {
            self.out.push_str(text);
        }
    }
}

/// Takes columns from the one with free text until the row fits.
fn shrink(widths: &mut [usize], available: usize, free_text: usize) {
    let gaps = widths.len().saturating_sub(1).saturating_mul(2);
    let total = widths.iter().sum::<usize>().saturating_add(gaps);
    if let Some(width) = widths.get_mut(free_text) {
        *width = width.saturating_sub(total.saturating_sub(available)).max(LEAST_TEXT_COLUMNS.min(*width));
    }
}

fn push_cell(line: &mut String, cell: &str, width: usize, align: Align, ellipsis: &str) {
    let mut text = cell.to_owned();
    if text.width() > width {
        let room = width.saturating_sub(1);
        let (head, _) = split_at_width(&text, room);
        text = format!("{head}{ellipsis}");
    }
    let padding = std::iter::repeat_n(' ', width.saturating_sub(text.width()));
    match align {
        Align::Left => {
            line.push_str(&text);
            line.extend(padding);
        }
        Align::Right => {
            line.extend(padding);
            line.push_str(&text);
        }
    }
}

/// `text` in lines of at most `width` columns, broken between words; a word that is wider than a
/// line is broken inside.
fn wrap(text: &str, width: usize) -> Vec<String> {
    let mut lines = Vec::new();
    let mut line = String::new();
    for word in text.split(' ').filter(|word| !word.is_empty()) {
        let mut word = word;
        if !line.is_empty() && line.width().saturating_add(1).saturating_add(word.width()) > width {
            lines.push(std::mem::take(&mut line));
        }
        while word.width() > width {
            let (head, tail) = split_at_width(word, width);
            lines.push(head.to_owned());
            word = tail;
        }
        if !line.is_empty() {
            line.push(' ');
        }
        line.push_str(word);
    }
    if !line.is_empty() || lines.is_empty() {
        lines.push(line);
    }
    lines
}

/// The longest head of `text` that is at most `width` columns wide (and never empty), and the rest.
fn split_at_width(text: &str, width: usize) -> (&str, &str) {
    let mut used = 0_usize;
    for (position, character) in text.char_indices() {
        used = used.saturating_add(character.width().unwrap_or(0));
        if used > width && position > 0 {
            return text.split_at(position);
        }
    }
    (text, "")
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn wrapping_keeps_every_character_and_the_width(text in "[a-zäö漢 ]{0,200}", width in 2_usize..50) {
            let lines = wrap(&text, width);
            prop_assert!(lines.iter().all(|line| line.width() <= width), "{:?}", lines);
            let without_spaces = |text: &str| text.replace(' ', "");
            prop_assert_eq!(without_spaces(&lines.concat()), without_spaces(&text));
        }
    }

    #[test]
    fn further_lines_stand_under_the_first() {
        let mut layout = Layout::new(TextStyle { columns: 60, colour: false, unicode: true });
        layout.wrapped(2, &[(Paint::Bad, "hint: ")], &"word ".repeat(20), Paint::Plain);
        let text = layout.finish();
        let lines: Vec<&str> = text.lines().collect();
        assert_eq!(lines[0], "  hint: word word word word word word word word word word");
        assert_eq!(lines[1], "        word word word word word word word word word word");
        assert_eq!(lines.len(), 2);
    }

    #[test]
    fn colour_adds_escapes_and_nothing_else() {
        let render = |colour| {
            let mut layout = Layout::new(TextStyle { columns: 60, colour, unicode: true });
            layout.wrapped(0, &[(Paint::Bad, "a ")], "b\u{1b}[0m", Paint::Dim);
            layout.finish()
        };
        assert_eq!(render(false), "a b\\u{1b}[0m\n");
        assert_eq!(render(true), "\u{1b}[1m\u{1b}[31ma \u{1b}[0m\u{1b}[2mb\\u{1b}[0m\u{1b}[0m\n");
    }

    #[test]
    fn a_table_cuts_its_first_column_to_fit() {
        let mut layout = Layout::new(TextStyle { columns: 60, colour: false, unicode: false });
        let rows = [vec!["group".to_owned(), "n".to_owned()], vec!["x".repeat(90), "12".to_owned()]];
        layout.table(2, &[Align::Left, Align::Right], &rows);
        let text = layout.finish();
        assert!(text.lines().all(|line| line.len() <= 60), "{text}");
        assert!(text.ends_with("xx~  12\n"), "{text}");
    }
}
