//! One evaluation as a page: a file of its own, without scripts and without anything from elsewhere.

use std::fmt::Write as _;

use crate::facts::evaluation::plots::{Plots, ReliabilityBin};
use crate::facts::evaluation::{EvaluationFacts, Metric, Slice};

use super::{compared, escape, groups, number};

/// Groups that are listed. The JSON has all.
const MAX_GROUPS: usize = 200;

/// Side of a plot in pixels, and the margin around it.
const SIDE: f64 = 320.0;
const MARGIN: f64 = 44.0;

const STYLE: &str = "\
body{font:15px/1.45 system-ui,sans-serif;margin:2rem auto;max-width:70rem;padding:0 1rem;color:#1a1a1a;background:#fff}\
table{border-collapse:collapse;margin:1rem 0}th,td{padding:.25rem .7rem;text-align:right;border-bottom:1px solid #ddd}\
th:first-child,td:first-child{text-align:left}thead th{border-bottom:2px solid #888}td.reason{color:#666}.reason{text-align:left}\
.plots{display:flex;flex-wrap:wrap;gap:1.5rem}figure{margin:0}figcaption{color:#555}svg{max-width:100%;height:auto}\
@media(prefers-color-scheme:dark){body{color:#ddd;background:#161616}th,td{border-color:#333}.reason,figcaption{color:#999}}";

/// The page.
#[must_use]
pub fn page(evaluation: &EvaluationFacts, plots: Option<&Plots>) -> String {
    let mut page = String::new();
    let name = text(&evaluation.name);
    // Writing to a string cannot fail.
    let _ = write!(
        page,
        "<!doctype html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n\
         <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n<title>Evaluation {name}</title>\n\
         <style>{STYLE}</style>\n</head>\n<body>\n<h1>Evaluation {name}</h1>\n"
    );
    let rows = &evaluation.rows;
    let _ = writeln!(
        page,
        "<p>{} of {} rows are valid; task {}; SHA-256 of <code>{}</code> <code>{}</code></p>",
        number::count(rows.valid),
        number::count(rows.total),
        evaluation.task.key(),
        text(&evaluation.data.path),
        evaluation.data.sha256,
    );
    if let Some(plots) = plots {
        page.push_str("<div class=\"plots\">\n");
        roc(&mut page, plots);
        reliability(&mut page, plots);
        scores(&mut page, plots);
        page.push_str("</div>\n");
    }
    metrics(&mut page, evaluation);
    slices(&mut page, evaluation);
    comparisons(&mut page, evaluation);
    for table in compared::tables(evaluation, MAX_GROUPS) {
        let _ = writeln!(page, "<h2>{}</h2>", text(&table.title));
        head(&mut page, &table.header);
        for cells in &table.rows {
            row(&mut page, "td", &cells.iter().map(|cell| text(cell)).collect::<Vec<_>>());
        }
        page.push_str("</tbody>\n</table>\n");
        for note in &table.notes {
            let _ = writeln!(page, "<p>{}</p>", text(note));
        }
    }
    page.push_str("</body>\n</html>\n");
    page
}

/// Text from a stranger, harmless in elements and attributes, with what is hidden in it shown.
fn text(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for character in escape::visible(text).chars() {
        match character {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            '\'' => out.push_str("&#39;"),
            other => out.push(other),
        }
    }
    out
}

/// From the unit square to the plot's pixels, whose second axis points down.
fn at([x, y]: [f64; 2]) -> (f64, f64) {
    (MARGIN + x * SIDE, MARGIN + (1.0 - y) * SIDE)
}

fn frame(page: &mut String, title: &str, axes: [&str; 2], caption: &str, inside: &str) {
    let whole = SIDE + 2.0 * MARGIN;
    let (left, bottom, middle) = (MARGIN, MARGIN + SIDE, MARGIN + SIDE / 2.0);
    let _ = write!(
        page,
        "<figure>\n<svg width=\"{whole}\" height=\"{whole}\" viewBox=\"0 0 {whole} {whole}\" role=\"img\" aria-label=\"{title}\" \
         font-family=\"system-ui,sans-serif\" font-size=\"12\" fill=\"currentColor\">\n\
         <rect x=\"{left}\" y=\"{MARGIN}\" width=\"{SIDE}\" height=\"{SIDE}\" fill=\"none\" stroke=\"#888\"/>\n\
         <text x=\"{middle}\" y=\"24\" text-anchor=\"middle\" font-weight=\"bold\">{title}</text>\n\
         <text x=\"{middle}\" y=\"{}\" text-anchor=\"middle\">{}</text>\n\
         <text x=\"12\" y=\"{middle}\" text-anchor=\"middle\" transform=\"rotate(-90 12 {middle})\">{}</text>\n",
        bottom + 34.0,
        axes[0],
        axes[1],
    );
    for tick in [0.0, 0.5, 1.0] {
        let (x, _) = at([tick, 0.0]);
        let _ = writeln!(page, "<text x=\"{x}\" y=\"{}\" text-anchor=\"middle\">{tick}</text>", bottom + 16.0);
    }
    page.push_str(inside);
    let _ = write!(page, "</svg>\n<figcaption>{caption}</figcaption>\n</figure>\n");
}

fn unit_ticks() -> String {
    [0.5, 1.0].iter().fold(String::new(), |mut ticks, tick| {
        let (x, y) = at([0.0, *tick]);
        let _ = writeln!(ticks, "<text x=\"{}\" y=\"{}\" text-anchor=\"end\">{tick}</text>", x - 6.0, y + 4.0);
        ticks
    })
}

fn diagonal() -> String {
    let ((x1, y1), (x2, y2)) = (at([0.0, 0.0]), at([1.0, 1.0]));
    format!("<line x1=\"{x1}\" y1=\"{y1}\" x2=\"{x2}\" y2=\"{y2}\" stroke=\"#aaa\" stroke-dasharray=\"4 4\"/>\n")
}

fn polyline(points: impl Iterator<Item = [f64; 2]>, colour: &str) -> String {
    let points: Vec<String> = points.map(at).map(|(x, y)| format!("{x:.2},{y:.2}")).collect();
    format!("<polyline points=\"{}\" fill=\"none\" stroke=\"{colour}\" stroke-width=\"2\"/>\n", points.join(" "))
}

fn roc(page: &mut String, plots: &Plots) {
    if plots.roc.is_empty() {
        return;
    }
    let inside = unit_ticks() + &diagonal() + &polyline(plots.roc.iter().copied(), "#1f6feb");
    frame(page, "ROC curve", ["false positive rate", "recall"], "Dashed: no better than chance.", &inside);
}

fn reliability(page: &mut String, plots: &Plots) {
    let mut inside = unit_ticks() + &diagonal();
    for bin in &plots.reliability {
        if let Some(interval) = &bin.interval {
            let ((x, low), (_, high)) = (at([bin.mean_score, interval.low]), at([bin.mean_score, interval.high]));
            let _ = writeln!(
                inside,
                "<line x1=\"{x:.2}\" y1=\"{low:.2}\" x2=\"{x:.2}\" y2=\"{high:.2}\" stroke=\"#1f6feb\" opacity=\".5\"/>"
            );
        }
        let (x, y) = at([bin.mean_score, bin.share]);
        let _ = writeln!(inside, "<circle cx=\"{x:.2}\" cy=\"{y:.2}\" r=\"3.5\" fill=\"#1f6feb\"/>");
    }
    inside += &polyline(plots.reliability.iter().map(|bin| [bin.mean_score, bin.share]), "#1f6feb");
    let caption = "Tenths of the scale, with 95 % intervals. Dashed: calibrated.";
    frame(page, "Reliability", ["mean score", "share of positives"], caption, &inside);
}

fn scores(page: &mut String, plots: &Plots) {
    let most = plots.reliability.iter().map(|bin| bin.positives.max(bin.negatives)).max().unwrap_or(0).max(1) as f64;
    let mut inside = String::new();
    let bar = |bin: &ReliabilityBin, count: u64, side: f64, colour: &str| {
        let tenth = (bin.mean_score * 10.0).floor().min(9.0) / 10.0;
        let height = count as f64 / most;
        let (x, y) = at([tenth + side, height]);
        format!(
            "<rect x=\"{x:.2}\" y=\"{y:.2}\" width=\"{:.2}\" height=\"{:.2}\" fill=\"{colour}\"/>\n",
            0.045 * SIDE,
            height * SIDE
        )
    };
    for bin in &plots.reliability {
        inside += &bar(bin, bin.negatives, 0.005, "#8b949e");
        inside += &bar(bin, bin.positives, 0.05, "#d1570b");
    }
    let caption = format!(
        "Rows by tenth of the scale, at most {}: negatives grey, positives orange.",
        number::count(most as u64)
    );
    frame(page, "Scores", ["score", "rows"], &caption, &inside);
}

fn row(page: &mut String, cell: &str, cells: &[String]) {
    page.push_str("<tr>");
    for content in cells {
        let _ = write!(page, "<{cell}>{content}</{cell}>");
    }
    page.push_str("</tr>\n");
}

fn head(page: &mut String, cells: &[&str]) {
    page.push_str("<table>\n<thead>\n");
    page.push_str("<tr>");
    for cell in cells {
        // Sentences stand below it.
        let class = if cell.ends_with("why there is none") { " class=\"reason\"" } else { "" };
        let _ = write!(page, "<th{class}>{cell}</th>");
    }
    page.push_str("</tr>\n</thead>\n<tbody>\n");
}

fn metrics(page: &mut String, evaluation: &EvaluationFacts) {
    page.push_str("<h2>All rows</h2>\n");
    head(page, &["metric", "value", "95 % interval", "n", "method, or why there is none"]);
    for (id, metric) in &evaluation.metrics.0 {
        let method = metric.interval.as_ref().map(|interval| interval.method.clone());
        let note = text(&method.or_else(|| metric.reason.clone()).unwrap_or_default());
        let _ = writeln!(
            page,
            "<tr><td>{}</td><td>{}</td><td>{}</td><td>{}</td><td class=\"reason\">{note}</td></tr>",
            id.key(),
            groups::metric(metric),
            groups::interval(metric),
            number::count(metric.n)
        );
    }
    page.push_str("</tbody>\n</table>\n");
}

fn slices(page: &mut String, evaluation: &EvaluationFacts) {
    if evaluation.slices.is_empty() {
        return;
    }
    let ids = groups::group_metrics(evaluation.task);
    page.push_str("<h2>Groups</h2>\n");
    let keys = ids.iter().map(|id| id.key());
    head(page, &["group", "rows"].into_iter().chain(keys).collect::<Vec<_>>());
    for slice in evaluation.slices.iter().take(MAX_GROUPS) {
        row(page, "td", &group_cells(slice, &ids.map(|id| slice.metrics.get(id))));
    }
    page.push_str("</tbody>\n</table>\n");
    if let Some(more) = evaluation.slices.len().checked_sub(MAX_GROUPS).filter(|more| *more > 0) {
        let _ = writeln!(page, "<p>and {}: the JSON lists all</p>", number::plural(more, "more group", "more groups"));
    }
}

fn group_cells(slice: &Slice, metrics: &[Option<&Metric>]) -> Vec<String> {
    let name = format!("{} = {}", slice.column, groups::group(slice));
    let mut cells = vec![text(&name), number::count(slice.rows)];
    cells.extend(metrics.iter().map(|metric| metric.map(groups::metric).unwrap_or_default()));
    cells
}

fn comparisons(page: &mut String, evaluation: &EvaluationFacts) {
    if evaluation.comparisons.is_empty() {
        return;
    }
    page.push_str("<h2>Groups compared</h2>\n");
    head(page, &["comparison", "value", "95 % interval", "lowest", "highest", "adjusted p-value"]);
    for comparison in &evaluation.comparisons {
        let group = |name: &Option<String>| text(name.as_deref().map(groups::value).unwrap_or_default());
        let name = format!("{} by {}", comparison.comparison.key(), comparison.column);
        let cells = [
            text(&name),
            groups::metric(&comparison.metric),
            groups::interval(&comparison.metric),
            group(&comparison.lowest_group),
            group(&comparison.highest_group),
            comparison.adjusted_p_value.map(number::metric).unwrap_or_default(),
        ];
        row(page, "td", &cells);
    }
    page.push_str("</tbody>\n</table>\n");
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::sample;

    #[test]
    fn hostile_names_stay_text_and_the_page_is_well_formed() {
        let mut evaluation = sample::denied().facts.evaluations.remove(0);
        evaluation.name = "<script>alert(1)</script>".to_owned();
        if let Some(slice) = evaluation.slices.first_mut() {
            slice.value = "\"><img src=x onerror=alert(1)>\u{202e}".to_owned();
        }
        let bin = ReliabilityBin { mean_score: 0.25, share: 0.3, interval: None, positives: 3, negatives: 7 };
        let plots = Plots { roc: vec![[0.0, 0.0], [0.2, 0.7], [1.0, 1.0]], reliability: vec![bin] };
        let page = page(&evaluation, Some(&plots));
        assert!(!page.contains("<script") && !page.contains("<img") && !page.contains('\u{202e}'), "{page}");
        assert!(page.contains("&lt;script&gt;") && page.contains("44.00,364.00 108.00,140.00 364.00,44.00"));
        // Beside the doctype and the two elements without an end it is XML.
        let xml = page.replace("<!doctype html>", "").replace("<meta charset=\"utf-8\">", "");
        let xml = xml.replace("<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">", "");
        let mut reader = quick_xml::Reader::from_str(&xml);
        loop {
            match reader.read_event().unwrap() {
                quick_xml::events::Event::Eof => break,
                _ => continue,
            }
        }
    }
}
