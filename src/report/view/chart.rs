//! Positions on charts. Templates draw them as SVG; nothing here is a colour.

use serde::Serialize;

use crate::facts::evaluation::Metric;
use crate::facts::evaluation::plots::{Plots, ReliabilityBin};
use crate::report::number;

/// Side of a plot in pixels, and where it begins.
const SIDE: f64 = 270.0;
const LEFT: f64 = 52.0;
const TOP: f64 = 12.0;

/// Width of a strip in pixels, and its margin, in which half a dot has room.
const STRIP_WIDTH: f64 = 120.0;
const STRIP_MARGIN: f64 = 5.0;

/// Width of a bar's scale in pixels.
const BAR_WIDTH: f64 = 160.0;

/// A plot over the unit square.
#[derive(Debug, Serialize)]
pub(super) struct Plot {
    /// Unique in the page.
    id: String,
    title: &'static str,
    x_axis: &'static str,
    y_axis: &'static str,
    caption: String,
    /// What it shows, for those who do not see it.
    description: String,
    /// Whether the diagonal is drawn, and from where to where.
    diagonal: bool,
    x_ticks: Vec<Tick>,
    y_ticks: Vec<Tick>,
    lines: Vec<String>,
    whiskers: Vec<Whisker>,
    dots: Vec<Dot>,
    bars: Vec<Bar>,
}

#[derive(Debug, Serialize)]
struct Tick {
    at: f64,
    label: String,
}

#[derive(Debug, Serialize)]
struct Whisker {
    x: f64,
    low: f64,
    high: f64,
}

#[derive(Debug, Serialize)]
struct Dot {
    x: f64,
    y: f64,
}

#[derive(Debug, Serialize)]
struct Bar {
    x: f64,
    y: f64,
    width: f64,
    height: f64,
    /// Class of the style: `first` or `second`.
    series: &'static str,
}

/// A tenth of a pixel is finer than any screen.
fn pixels(value: f64) -> f64 {
    (value * 10.0).round() / 10.0
}

fn across(x: f64) -> f64 {
    pixels(LEFT + x * SIDE)
}

/// The second axis of a picture points down.
fn down(y: f64) -> f64 {
    pixels(TOP + (1.0 - y) * SIDE)
}

fn line(points: impl Iterator<Item = [f64; 2]>) -> String {
    points.map(|[x, y]| format!("{},{}", across(x), down(y))).collect::<Vec<_>>().join(" ")
}

fn unit_ticks(at: fn(f64) -> f64) -> Vec<Tick> {
    [("0", 0.0), ("0.5", 0.5), ("1", 1.0)]
        .map(|(label, value)| Tick { at: at(value), label: label.to_owned() })
        .into_iter()
        .collect()
}

impl Plot {
    fn new(id: String, title: &'static str, (x_axis, y_axis): (&'static str, &'static str)) -> Self {
        Self {
            id,
            title,
            x_axis,
            y_axis,
            caption: String::new(),
            description: String::new(),
            diagonal: false,
            x_ticks: unit_ticks(across),
            y_ticks: unit_ticks(down),
            lines: Vec::new(),
            whiskers: Vec::new(),
            dots: Vec::new(),
            bars: Vec::new(),
        }
    }

    /// Whatever of an evaluation can be drawn. `prefix` keeps ids apart from those of other evaluations.
    pub(super) fn all(plots: &Plots, area: Option<&Metric>, prefix: &str) -> Vec<Self> {
        let mut all = Vec::new();
        if !plots.roc.is_empty() {
            all.push(Self::roc(plots, area, format!("{prefix}-roc")));
        }
        if !plots.reliability.is_empty() {
            all.push(Self::reliability(plots, format!("{prefix}-reliability")));
            all.push(Self::scores(plots, format!("{prefix}-scores")));
        }
        all
    }

    fn roc(plots: &Plots, area: Option<&Metric>, id: String) -> Self {
        let area = area.and_then(|metric| metric.value).map(number::metric);
        let area = area.map(|area| format!(" The area under it is {area}.")).unwrap_or_default();
        Self {
            caption: "Dashed: no better than chance.".to_owned(),
            description: format!("Recall against the false positive rate over all thresholds.{area}"),
            diagonal: true,
            lines: vec![line(plots.roc.iter().copied())],
            ..Self::new(id, "ROC curve", ("false positive rate", "recall"))
        }
    }

    fn reliability(plots: &Plots, id: String) -> Self {
        let bins = &plots.reliability;
        let gap = |bin: &&ReliabilityBin| (bin.share - bin.mean_score).abs();
        let widest = bins.iter().max_by(|left, right| gap(left).total_cmp(&gap(right)));
        let widest = widest.map(|bin| {
            let (score, share) = (number::metric(bin.mean_score), number::metric(bin.share));
            format!(" They are furthest apart at a mean score of {score}, where the share is {share}.")
        });
        let whisker = |bin: &ReliabilityBin| {
            let interval = bin.interval.as_ref()?;
            Some(Whisker { x: across(bin.mean_score), low: down(interval.low), high: down(interval.high) })
        };
        let widest = widest.unwrap_or_default();
        Self {
            caption: "Tenths of the scale, with 95 % intervals. Dashed: calibrated.".to_owned(),
            description: format!(
                "Observed share of positives against the mean score, for tenths of the scale.{widest}"
            ),
            diagonal: true,
            lines: vec![line(bins.iter().map(|bin| [bin.mean_score, bin.share]))],
            whiskers: bins.iter().filter_map(whisker).collect(),
            dots: bins.iter().map(|bin| Dot { x: across(bin.mean_score), y: down(bin.share) }).collect(),
            ..Self::new(id, "Calibration", ("mean score", "share of positives"))
        }
    }

    fn scores(plots: &Plots, id: String) -> Self {
        let bins = &plots.reliability;
        let most = bins.iter().map(|bin| bin.positives.max(bin.negatives)).max().unwrap_or(0).max(1);
        let bar = |bin: &ReliabilityBin, rows: u64, offset: f64, series| {
            let tenth = (bin.mean_score * 10.0).floor().clamp(0.0, 9.0) / 10.0;
            let height = rows as f64 / most as f64;
            Bar {
                x: across(tenth + offset),
                y: down(height),
                width: pixels(0.042 * SIDE),
                height: pixels(height * SIDE),
                series,
            }
        };
        let first = bins.iter().map(|bin| bar(bin, bin.negatives, 0.006, "first"));
        let second = bins.iter().map(|bin| bar(bin, bin.positives, 0.052, "second"));
        let most = number::count(most);
        Self {
            caption: "Rows by tenth of the scale: negatives hollow, positives filled.".to_owned(),
            description: format!("How many rows of each class have which score; at most {most} in one tenth."),
            y_ticks: vec![Tick { at: down(0.0), label: "0".to_owned() }, Tick { at: down(1.0), label: most }],
            bars: first.chain(second).collect(),
            ..Self::new(id, "Scores", ("score", "rows"))
        }
    }
}

/// From where to where the strips of a column go.
#[derive(Debug, Clone, Copy)]
pub(super) struct Scale {
    low: f64,
    high: f64,
}

/// A value with its interval on a line.
#[derive(Debug, Serialize)]
pub(super) struct Strip {
    dot: f64,
    /// Where the interval begins and ends; none without one.
    interval: Option<[f64; 2]>,
    /// A value that it is compared with.
    reference: Option<f64>,
}

impl Scale {
    /// From 0 to 1.
    pub(super) const UNIT: Self = Self { low: 0.0, high: 1.0 };

    /// One that has room for all of these and their intervals; none where no value is there.
    pub(super) fn around<'a>(metrics: impl Iterator<Item = &'a Metric>) -> Option<Self> {
        let (mut low, mut high) = (f64::INFINITY, f64::NEG_INFINITY);
        for metric in metrics {
            let ends = metric.interval.as_ref().map(|interval| [interval.low, interval.high]);
            for value in metric.value.into_iter().chain(ends.into_iter().flatten()) {
                (low, high) = (low.min(value), high.max(value));
            }
        }
        // One value alone has no width; neither has a column of equal ones.
        let room = if high > low { 0.0 } else { 0.5 };
        (low.is_finite() && high.is_finite()).then_some(Self { low: low - room, high: high + room })
    }

    fn at(self, value: f64) -> f64 {
        let share = ((value - self.low) / (self.high - self.low)).clamp(0.0, 1.0);
        pixels(STRIP_MARGIN + share * (STRIP_WIDTH - 2.0 * STRIP_MARGIN))
    }

    fn holds(self, metric: &Metric) -> bool {
        let inside = |value: f64| (self.low..=self.high).contains(&value);
        metric.value.is_some_and(inside)
            && metric.interval.as_ref().is_none_or(|interval| inside(interval.low) && inside(interval.high))
    }

    /// The metric as a strip; none where it has no value or leaves the scale.
    pub(super) fn strip(self, metric: &Metric, reference: Option<&Metric>) -> Option<Strip> {
        let value = metric.value.filter(|_| self.holds(metric))?;
        Some(Strip {
            dot: self.at(value),
            interval: metric.interval.as_ref().map(|interval| [self.at(interval.low), self.at(interval.high)]),
            reference: reference.and_then(|metric| metric.value).map(|value| self.at(value)),
        })
    }

    /// Both ends, as a person reads them.
    pub(super) fn ends(self) -> [String; 2] {
        [number::metric(self.low), number::metric(self.high)]
    }
}

/// A length on a scale from zero, with marks on it.
#[derive(Debug, Serialize)]
pub(super) struct Length {
    width: f64,
    marks: Vec<f64>,
}

impl Length {
    /// `value` of `most`; none if it is no number.
    pub(super) fn of(value: Option<f64>, most: f64, marks: &[f64]) -> Option<Self> {
        let at = |value: f64| pixels((value / most).clamp(0.0, 1.0) * BAR_WIDTH);
        let value = value.filter(|value| value.is_finite() && most > 0.0)?;
        Some(Self { width: at(value), marks: marks.iter().map(|mark| at(*mark)).collect() })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::facts::evaluation::MetricId;
    use crate::facts::evaluation::metric::Interval;

    fn metric(value: f64, low: f64, high: f64) -> Metric {
        let interval = Interval { low, high, level: 0.95, method: "wilson".to_owned() };
        Metric::of(MetricId::Recall, value, 10, Ok(interval))
    }

    #[test]
    fn strips_stay_on_their_scale() {
        let strip = Scale::UNIT.strip(&metric(0.5, 0.0, 1.0), None).unwrap();
        assert_eq!((strip.dot, strip.interval), (60.0, Some([5.0, 115.0])));
        assert!(Scale::UNIT.strip(&metric(0.5, -0.1, 1.0), None).is_none());
        let equal = [metric(3.0, 3.0, 3.0)];
        let scale = Scale::around(equal.iter()).unwrap();
        assert_eq!(scale.strip(&equal[0], Some(&equal[0])).unwrap().reference, Some(60.0));
        assert!(Scale::around(std::iter::empty()).is_none());
    }

    #[test]
    fn plots_are_drawn_where_there_is_something_to_draw() {
        let bin = ReliabilityBin { mean_score: 0.25, share: 0.5, interval: None, positives: 2, negatives: 4 };
        let plots = Plots { roc: vec![[0.0, 0.0], [0.2, 0.7], [1.0, 1.0]], reliability: vec![bin] };
        let drawn = Plot::all(&plots, None, "e");
        let ids: Vec<&str> = drawn.iter().map(|plot| plot.id.as_str()).collect();
        assert_eq!(ids, ["e-roc", "e-reliability", "e-scores"]);
        assert_eq!(drawn[0].lines, ["52,282 106,93 322,12"]);
        assert_eq!((drawn[2].bars[0].height, drawn[2].bars[1].height), (270.0, 135.0));
        assert!(Plot::all(&Plots::default(), None, "e").is_empty());
    }

    #[test]
    fn lengths_end_with_the_scale() {
        let length = Length::of(Some(2.0), 0.5, &[0.1, 0.25]).unwrap();
        assert_eq!((length.width, length.marks), (160.0, vec![32.0, 80.0]));
        assert!(Length::of(None, 0.5, &[]).is_none() && Length::of(Some(f64::NAN), 0.5, &[]).is_none());
    }
}
