//! A bar on the terminal while rows are read.

use std::io::IsTerminal as _;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use indicatif::{ProgressBar, ProgressStyle};

use crate::facts::evaluation::progress::{Seen, seen};

/// What takes less is done before anybody looks.
const PATIENCE: Duration = Duration::from_millis(500);
const REFRESH: Duration = Duration::from_millis(100);

/// Shows how far the reading is while `work` is done, and nothing of it afterwards.
pub(super) fn watched<T>(work: impl FnOnce() -> T) -> T {
    let _shown = Watched::new();
    work()
}

/// Shows how far the reading is until it is dropped. Where stderr is no terminal nothing is shown.
struct Watched {
    ended: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
}

impl Watched {
    fn new() -> Self {
        let ended = Arc::new(AtomicBool::new(false));
        let thread = std::io::stderr().is_terminal().then(|| {
            let ended = Arc::clone(&ended);
            thread::Builder::new().name("progress".to_owned()).spawn(move || show(&ended)).ok()
        });
        Self { ended, thread: thread.flatten() }
    }
}

impl Drop for Watched {
    fn drop(&mut self) {
        self.ended.store(true, Ordering::Relaxed);
        if let Some(thread) = self.thread.take() {
            thread.thread().unpark();
            // A bar that could not be drawn is no failure.
            let _ = thread.join();
        }
    }
}

fn show(ended: &AtomicBool) {
    thread::park_timeout(PATIENCE);
    if ended.load(Ordering::Relaxed) {
        return;
    }
    let bar = ProgressBar::new(0);
    if let Ok(style) = ProgressStyle::with_template("{bar:30} {binary_bytes}/{binary_total_bytes}  {msg}") {
        bar.set_style(style);
    }
    // When all rows have been read they are walked over, and the rate stays what it was.
    let (mut rows_before, mut elapsed) = (0, PATIENCE);
    while !ended.load(Ordering::Relaxed) {
        let Seen { rows, bytes, expected } = seen();
        if rows > rows_before {
            (rows_before, elapsed) = (rows, bar.elapsed() + PATIENCE);
        }
        bar.set_length(expected);
        bar.set_position(bytes.min(expected));
        bar.set_message(message(rows, elapsed));
        thread::park_timeout(REFRESH);
    }
    bar.finish_and_clear();
}

/// Rows and how many a second.
fn message(rows: u64, elapsed: Duration) -> String {
    let rate = rows as f64 / elapsed.as_secs_f64();
    let (rows, rate) = (rows as f64 / 1e6, rate / 1e6);
    format!("{rows:.1} million rows, {rate:.1} million a second")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_and_their_rate_are_told() {
        assert_eq!(message(25_000_000, Duration::from_secs(2)), "25.0 million rows, 12.5 million a second");
    }
}
