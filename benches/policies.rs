//! How long the embedded library takes over the facts of the example: to load and check, and to evaluate.
//!
//! `cargo bench --profile release --bench policies -- FACTS`, where `modelgate facts` wrote FACTS, prints medians in
//! milliseconds, and how 1,000 documents in one process scale with threads.

#![expect(
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::print_stdout,
    reason = "a benchmark that cannot go on has nothing to say, and what it says is its output"
)]

use std::num::NonZeroUsize;
use std::thread;
use std::time::{Duration, Instant};

use modelgate::policy::{EffectiveTime, Limits, PolicyBundle};
use modelgate::schema::Schema;
use modelgate::tier::Tier;

const ROUNDS: usize = 41;

/// Documents of facts that are judged in one process.
const DOCUMENTS: usize = 1_000;

fn median_milliseconds(mut work: impl FnMut()) -> f64 {
    let mut times: Vec<Duration> = (0..ROUNDS)
        .map(|_| {
            let start = Instant::now();
            work();
            start.elapsed()
        })
        .collect();
    times.sort();
    times[ROUNDS / 2].as_secs_f64() * 1_000.0
}

fn main() {
    let facts = std::env::args().skip(1).find(|argument| !argument.starts_with('-')).expect("a file of facts");
    let facts = serde_json::from_slice(&std::fs::read(facts).expect("the facts")).expect("JSON");
    let schema = Schema::Facts.to_value();
    let when = EffectiveTime::parse("2026-11-23").expect("a day");
    let load = || {
        PolicyBundle::embedded().expect("the library").check_isolated(&schema, None).unwrap_or_else(|_| panic!("sound"))
    };
    let policies = load();
    let tier =
        Tier::ALL.into_iter().max_by_key(|tier| policies.profile(*tier).map_or(0, |profile| profile.controls.len()));
    let tier = tier.expect("a tier");
    let controls = policies.profile(tier).map_or(0, |profile| profile.controls.len());
    let loaded = median_milliseconds(|| drop(load()));
    println!("load and check: {loaded:.2} ms");
    let evaluated = median_milliseconds(|| drop(policies.evaluate(&facts, tier, when, &Limits::default())));
    println!("evaluate {controls} controls of `{tier}`: {evaluated:.2} ms");
    println!("both, for each 60 controls: {:.2} ms", (loaded + evaluated) * 60.0 / controls as f64);
    let cores = thread::available_parallelism().map_or(1, NonZeroUsize::get);
    let many = |threads: usize| {
        let start = Instant::now();
        thread::scope(|scope| {
            for share in 0..threads {
                let (policies, facts) = (&policies, &facts);
                scope.spawn(move || {
                    for _ in (share..DOCUMENTS).step_by(threads) {
                        drop(policies.evaluate(facts, tier, when, &Limits::default()));
                    }
                });
            }
        });
        start.elapsed().as_secs_f64()
    };
    let (one, all) = (many(1), many(cores));
    println!("{DOCUMENTS} documents: {one:.2} s in one thread, {all:.2} s in {cores}, {:.2} times as fast", one / all);
}
