//! How long the embedded library takes over the facts of the example: to load and check, and to evaluate.
//!
//! `cargo bench --profile release --bench policies` prints medians in milliseconds.

use std::time::{Duration, Instant};

use modelgate::policy::{EffectiveTime, Limits, PolicyBundle};
use modelgate::schema::Schema;
use modelgate::tier::Tier;

const ROUNDS: usize = 41;

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
    let load = || PolicyBundle::embedded().expect("the library").check(&schema).unwrap_or_else(|_| panic!("sound"));
    let policies = load();
    let tier =
        Tier::ALL.into_iter().max_by_key(|tier| policies.profile(*tier).map_or(0, |profile| profile.controls.len()));
    let tier = tier.expect("a tier");
    let controls = policies.profile(tier).map_or(0, |profile| profile.controls.len());
    println!("load and check: {:.2} ms", median_milliseconds(|| drop(load())));
    let evaluated = median_milliseconds(|| drop(policies.evaluate(&facts, tier, when, &Limits::default())));
    println!("evaluate {controls} controls of `{tier}`: {evaluated:.2} ms");
}
