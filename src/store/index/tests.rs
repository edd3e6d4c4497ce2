//! Tests of the index and of the questions that it answers.

use std::fs;
use std::path::{Path as FilePath, PathBuf};
use std::sync::Arc;

use object_store::memory::InMemory;
use object_store::path::Path;
use proptest::prelude::*;

use super::*;
use crate::canonical::CanonicalJson;
use crate::decision::Verdict;
use crate::policy::EffectiveTime;
use crate::report::stored::{RunDocument, RunsDocument};
use crate::report::{TextStyle, escape};
use crate::store::objects::Objects;
use crate::store::tests::{block_on, key, run_of};
use crate::store::{BlobKind, BlobState, Filter, Found, LoggedRun, Reference, Run};
use crate::store::{Meta, UNSIGNED_FORMAT, write_meta};
use crate::tier::Tier;

proptest! {
    #[test]
    fn any_order_of_runs_covers_the_log_with_few_segments(steps in prop::collection::vec(1_u64..90_000, 1..60)) {
        let (mut cover, mut end, mut written): (Vec<SegmentName>, u64, u64) = (Vec::new(), 0, 0);
        for step in steps {
            let entries = end + step;
            let first = first_to_write(&cover, end, entries);
            cover.retain(|segment| segment.first < first);
            prop_assert_eq!(cover.last().map_or(0, |segment| segment.end()), first);
            for piece in pieces(first, entries) {
                prop_assert!(piece.start / SEGMENT_ENTRIES == (piece.end - 1) / SEGMENT_ENTRIES);
                written += piece.end - piece.start;
                cover.push(SegmentName { first: piece.start, last: piece.end - 1, check: 0 });
            }
            end = entries;
            prop_assert_eq!(cover.last().unwrap().end(), end);
            let full = usize::try_from(end / SEGMENT_ENTRIES).unwrap();
            prop_assert!(cover.len() <= full + 18, "{} segments of {} entries", cover.len(), end);
        }
        prop_assert!(written <= end * 19, "{written} rows written for {end} entries");
    }

    #[test]
    fn row_groups_are_left_out_only_where_no_name_fits(
        names in prop::collection::btree_set("[a-c/é]{1,5}", 1..20),
        pattern in "[a-c/é*?]{0,4}",
    ) {
        let (least, most) = (names.first().unwrap(), names.last().unwrap());
        for filter in [Filter::default().models(&pattern).unwrap(), Filter::default().model(&pattern)] {
            let fits = names.iter().any(|name| filter.takes_model(name));
            prop_assert!(!fits || filter.takes_models_between(least.as_bytes(), most.as_bytes()));
        }
    }
}

/// What the entries of a test differ in.
struct Sample {
    model: &'static str,
    version: &'static str,
    tier: Tier,
    decision: Verdict,
    time: &'static str,
}

const SAMPLES: [Sample; 6] = [
    Sample {
        model: "credit/scoring",
        version: "1",
        tier: Tier::High,
        decision: Verdict::Approve,
        time: "2026-11-30T23:59:59Z",
    },
    Sample {
        model: "credit/limits",
        version: "1",
        tier: Tier::High,
        decision: Verdict::Deny,
        time: "2026-12-01T00:00:00Z",
    },
    Sample {
        model: "churn",
        version: "2",
        tier: Tier::Minimal,
        decision: Verdict::Conditional,
        time: "2026-11-01T00:00:00Z",
    },
    // Before the others, though it comes after them.
    Sample {
        model: "credit",
        version: "2",
        tier: Tier::Critical,
        decision: Verdict::Approve,
        time: "2025-01-31T12:00:00Z",
    },
    Sample {
        model: "\u{1b}[31m\n../../*[x]|\u{202e}",
        version: "\u{7}",
        tier: Tier::Limited,
        decision: Verdict::Deny,
        time: "2999-12-31T00:00:00Z",
    },
    Sample { model: "", version: "", tier: Tier::Limited, decision: Verdict::Approve, time: "1970-01-01T00:00:00Z" },
];

fn sample_run(number: usize, key: &crate::evidence::key::SigningKey) -> Run {
    let sample = &SAMPLES[number % SAMPLES.len()];
    let mut run = run_of(&number.to_string(), key);
    run.leaf.model = sample.model.to_owned();
    run.leaf.model_version = sample.version.to_owned();
    run.leaf.tier = sample.tier;
    run.leaf.decision = sample.decision;
    run.leaf.effective_time = sample.time.to_owned();
    run
}

async fn append(store: &Store, numbers: Range<usize>) {
    let key = key();
    for number in numbers {
        store.append(&sample_run(number, &key)).await.unwrap();
    }
}

async fn in_memory() -> Store {
    let objects = Objects::remote(Arc::new(InMemory::new()));
    write_meta(&objects, &Meta { format: UNSIGNED_FORMAT, origin: "example.com/log".to_owned(), log_key: None })
        .await
        .unwrap();
    Store::of(objects).await.unwrap().unwrap()
}

fn time(text: &str) -> Option<EffectiveTime> {
    Some(EffectiveTime::parse(text).unwrap())
}

fn filters() -> Vec<Filter> {
    let all = Filter::default;
    vec![
        all(),
        all().models("credit*").unwrap(),
        all().models("*").unwrap(),
        all().models("credit").unwrap(),
        all().models("c{hurn,redit/l*}").unwrap(),
        all().models("[a-c]*").unwrap(),
        all().models("zebra").unwrap(),
        all().model(SAMPLES[4].model),
        all().model(""),
        Filter { tier: Some(Tier::High), ..all() },
        Filter { decision: Some(Verdict::Deny), ..all().models("*credit*").unwrap() },
        Filter { since: time("2026-11-30T23:59:59Z"), ..all() },
        Filter { since: time("2026-12-01"), ..all() },
        Filter { until: time("2026-11-30T23:59:58Z"), ..all() },
        Filter { since: time("2026-11-01"), until: time("2026-11-30T23:59:59Z"), ..all() },
        Filter { since: time("2027-01-01"), until: time("2026-01-01"), ..all() },
    ]
}

fn sequences(runs: &[LoggedRun]) -> Vec<u64> {
    runs.iter().map(|run| run.sequence).collect()
}

async fn find(store: &Store, filter: &Filter) -> Found {
    store.find(filter, usize::MAX, true).await.unwrap()
}

/// That the index answers every question as the log does.
async fn assert_answers(store: &Store, warned: bool) {
    for (number, filter) in filters().iter().enumerate() {
        let (with, without) = (find(store, filter).await, store.find(filter, usize::MAX, false).await.unwrap());
        assert_eq!(with.runs, without.runs, "filter {number}");
        assert_eq!((with.matched, without.indexed), (without.matched, 0), "filter {number}");
        assert_eq!(without.runs.len() as u64, without.matched);
        assert!(warned || with.warnings.is_empty(), "filter {number}: {:?}", with.warnings);
    }
}

#[test]
fn an_empty_store_has_an_answer_to_everything() {
    block_on(async {
        let store = in_memory().await;
        assert_eq!(store.index().await.unwrap(), Indexed { entries: 0, added: 0, segments: 0, files: 0, bytes: 0 });
        assert_answers(&store, false).await;
        assert_eq!(store.newest(10).await.unwrap().runs, []);
        let error = store.show(&reference("0")).await.unwrap_err();
        assert!(matches!(error, StoreError::NoSuchRun(_)), "{error}");
    });
}

#[test]
fn the_index_answers_as_the_log_does_however_it_came_about() {
    block_on(async {
        let store = in_memory().await;
        let mut end = 0;
        for step in [1, 1, 3, 2, 20, 5, 1] {
            append(&store, end..end + step).await;
            end += step;
            // Entries behind the index are read from the log.
            assert_answers(&store, false).await;
            let indexed = store.index().await.unwrap();
            assert_eq!((indexed.entries, indexed.added), (end as u64, step as u64));
            assert_answers(&store, false).await;
        }
        assert_eq!(store.index().await.unwrap().segments, 0);
        let found = find(&store, &Filter::default()).await;
        assert_eq!((found.entries, found.indexed, found.matched), (33, 33, 33));
        let newest = store.find(&Filter::default().models("churn").unwrap(), 2, true).await.unwrap();
        assert_eq!((newest.matched, sequences(&newest.runs)), (6, vec![32, 26]));
    });
}

#[test]
fn months_have_files_of_their_own() {
    let directory = tempfile::tempdir().unwrap();
    block_on(async {
        let store = Store::open_local(directory.path()).await.unwrap();
        append(&store, 0..6).await;
        store.index().await.unwrap();
        let months = ["1970-01", "2025-01", "2026-11", "2026-12", "2999-12"];
        for month in months {
            let files: Vec<_> = fs::read_dir(directory.path().join("v1/index").join(month)).unwrap().collect();
            assert_eq!(files.len(), 1, "{month}");
        }
        // And nothing but them: a name of a model is no part of a path.
        assert_eq!(fs::read_dir(directory.path().join("v1/index")).unwrap().count(), months.len() + 1);
    });
}

#[test]
fn many_rows_are_in_several_row_groups_and_all_found() {
    block_on(async {
        let store = in_memory().await;
        append(&store, 0..1).await;
        let entry = store.entry(0).await.unwrap();
        let rows: Vec<_> = (0..5_000_u64)
            .map(|sequence| {
                let mut entry = entry.clone();
                entry.sequence = sequence;
                entry.leaf.model = format!("model-{:03}", (sequence * 7) % 50);
                Row::of(&entry, 0)
            })
            .collect();
        let file = store.write_file(0, 4_999, "1970-01".to_owned(), rows).await.unwrap();
        assert_eq!(file.row_groups.len(), 3);
        let segment = Segment {
            version: segment::FORMAT,
            origin: store.origin.clone(),
            first: 0,
            last: 4_999,
            last_entry: entry.digest(),
            root: entry.digest(),
            files: vec![file],
        };
        let name = segment.create(&store.objects).await.unwrap();
        for model in 0..50 {
            let filter = Filter::default().models(&format!("model-{model:03}")).unwrap();
            let search = crate::store::query::Search::of(&filter, None);
            let hits = super::search(&store.objects, name, &store.origin, &search).await.unwrap();
            assert_eq!(hits.len(), 100, "{model}");
            assert!(hits.iter().all(|(sequence, _)| (sequence * 7) % 50 == model));
        }
    });
}

fn files_below(directory: &FilePath) -> Vec<PathBuf> {
    let mut files = Vec::new();
    for entry in fs::read_dir(directory).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() { files.extend(files_below(&path)) } else { files.push(path) }
    }
    files.sort();
    files
}

#[test]
fn no_damage_of_the_index_changes_an_answer() {
    let directory = tempfile::tempdir().unwrap();
    let index = directory.path().join("v1/index");
    block_on(async {
        let store = Store::open_local(directory.path()).await.unwrap();
        append(&store, 0..2).await;
        store.index().await.unwrap();
        let filter = Filter::default().models("credit*").unwrap();
        let expected = store.find(&filter, 10, false).await.unwrap().runs;
        let mut warned = 0;
        for file in files_below(&index) {
            let bytes = fs::read(&file).unwrap();
            let cut = (0..bytes.len()).step_by(211).map(|length| bytes[..length].to_vec());
            let flipped = (0..bytes.len()).step_by(3).map(|place| {
                let mut bytes = bytes.clone();
                bytes[place] ^= 1 << (place % 8);
                bytes
            });
            for damaged in flipped.chain(cut) {
                fs::write(&file, damaged).unwrap();
                let found = find(&store, &filter).await;
                assert_eq!(found.runs, expected, "{}", file.display());
                warned += found.warnings.len();
            }
            fs::remove_file(&file).unwrap();
            assert_eq!(find(&store, &filter).await.runs, expected);
            fs::write(&file, bytes).unwrap();
            assert_eq!(find(&store, &filter).await.warnings, Vec::<String>::new());
        }
        assert!(warned > 500, "{warned}");
    });
}

#[test]
fn a_damaged_index_says_how_it_is_made_anew() {
    let directory = tempfile::tempdir().unwrap();
    let index = directory.path().join("v1/index");
    block_on(async {
        let store = Store::open_local(directory.path()).await.unwrap();
        append(&store, 0..3).await;
        store.index().await.unwrap();
        let state = files_below(&index.join("segments")).pop().unwrap();
        fs::write(&state, "{}").unwrap();
        let found = find(&store, &Filter::default()).await;
        assert_eq!((found.matched, found.warnings.len()), (3, 1));
        assert!(found.warnings[0].contains("modelgate store index"), "{:?}", found.warnings);
        append(&store, 3..4).await;
        let error = store.index().await.unwrap_err().to_string();
        assert!(error.contains("remove the store's `v1/index`"), "{error}");
        fs::remove_dir_all(&index).unwrap();
        assert_eq!(store.index().await.unwrap().added, 4);
        assert_answers(&store, false).await;
    });
}

#[test]
fn an_edited_index_cannot_lie_about_a_run() {
    let directory = tempfile::tempdir().unwrap();
    block_on(async {
        let store = Store::open_local(directory.path()).await.unwrap();
        append(&store, 0..2).await;
        // A denial that is made to look like an approval, in an index that is in order in itself.
        let mut months: BTreeMap<String, Vec<Row>> = BTreeMap::new();
        for sequence in 0..2 {
            let mut entry = store.entry(sequence).await.unwrap();
            entry.leaf.decision = Verdict::Approve;
            let month = entry.leaf.effective_time[..7].to_owned();
            months.entry(month).or_default().push(Row::of(&entry, effective_seconds(&entry, &store.objects).unwrap()));
        }
        let mut files = Vec::new();
        for (month, rows) in months {
            files.push(store.write_file(0, 1, month, rows).await.unwrap());
        }
        let last = store.entry(1).await.unwrap();
        let (last_entry, root, origin) = (last.digest(), last.frontier().root(), store.origin.clone());
        let segment = Segment { version: segment::FORMAT, origin, first: 0, last: 1, last_entry, root, files };
        segment.create(&store.objects).await.unwrap();
        let filter = Filter { decision: Some(Verdict::Approve), ..Filter::default() };
        let error = store.find(&filter, 10, true).await.unwrap_err();
        assert!(matches!(error, StoreError::IndexDiffers { sequence: 1 }), "{error}");
        assert_eq!(store.find(&filter, 10, false).await.unwrap().matched, 1);
    });
}

#[test]
fn a_log_that_lost_its_end_is_noticed() {
    let directory = tempfile::tempdir().unwrap();
    block_on(async {
        let store = Store::open_local(directory.path()).await.unwrap();
        append(&store, 0..3).await;
        store.index().await.unwrap();
        let last = directory.path().join(log::path(2).to_string());
        let entry = fs::read(&last).unwrap();
        fs::remove_file(&last).unwrap();
        for error in [store.index().await.unwrap_err(), store.find(&Filter::default(), 1, true).await.unwrap_err()] {
            assert!(matches!(error, StoreError::LogTruncated { indexed: 3, entries: 2 }), "{error}");
        }
        // Somebody writes on from there: as long as before, and not the same.
        append(&store, 7..9).await;
        for error in [store.index().await.unwrap_err(), store.find(&Filter::default(), 1, true).await.unwrap_err()] {
            assert!(matches!(error, StoreError::LogRewritten { sequence: 2 }), "{error}");
        }
        fs::remove_file(directory.path().join(log::path(3).to_string())).unwrap();
        fs::write(&last, entry).unwrap();
        assert_answers(&store, false).await;
    });
}

#[test]
fn a_broken_link_is_not_indexed() {
    let directory = tempfile::tempdir().unwrap();
    block_on(async {
        let store = Store::open_local(directory.path()).await.unwrap();
        append(&store, 0..4).await;
        let file = directory.path().join(log::path(1).to_string());
        let text = fs::read_to_string(&file).unwrap();
        fs::write(&file, text.replace("\"deny\"", "\"approve\"")).unwrap();
        let error = store.index().await.unwrap_err().to_string();
        assert!(error.contains("000000000002") && error.contains("`previous`"), "{error}");
        assert!(!directory.path().join("v1/index").exists());
        assert!(store.newest(4).await.is_err() && store.newest(1).await.is_ok());
    });
}

#[test]
fn a_time_that_is_none_is_said() {
    block_on(async {
        for time in ["yesterday", "2026-11-30", "2026-11-30T00:00:00+00:00", "2026-11-30T00:00:00.5Z", ""] {
            let store = in_memory().await;
            let mut run = run_of("1", &key());
            run.leaf.effective_time = time.to_owned();
            store.append(&run).await.unwrap();
            let errors = [store.index().await.unwrap_err(), store.find(&Filter::default(), 1, true).await.unwrap_err()];
            assert!(errors.iter().all(|error| error.to_string().contains("`effective_time`")), "{time}: {errors:?}");
        }
    });
}

#[test]
fn indexing_at_the_same_time_comes_to_one_index() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path();
    block_on(async { append(&Store::open_local(path).await.unwrap(), 0..10).await });
    std::thread::scope(|scope| {
        let writer = scope.spawn(|| block_on(async { append(&Store::open_local(path).await.unwrap(), 10..30).await }));
        for _ in 0..4 {
            scope.spawn(|| {
                block_on(async {
                    let store = Store::open_local(path).await.unwrap();
                    for _ in 0..5 {
                        store.index().await.unwrap();
                    }
                });
            });
        }
        writer.join().unwrap();
    });
    block_on(async {
        let store = Store::open_local(path).await.unwrap();
        assert_eq!(store.index().await.unwrap().entries, 30);
        assert_answers(&store, false).await;
        assert_eq!(find(&store, &Filter::default()).await.indexed, 30);
    });
}

#[test]
fn runs_are_found_by_a_file_that_they_judged() {
    let directory = tempfile::tempdir().unwrap();
    block_on(async {
        let store = Store::open_local(directory.path()).await.unwrap();
        append(&store, 0..4).await;
        let judged = Filter { subject: Some(Sha256Digest::of(b"model/model.onnx")), ..Filter::default() };
        let expected = [3, 2, 1, 0];
        assert_eq!(sequences(&find(&store, &judged).await.runs), expected);
        let denied = Filter { decision: Some(Verdict::Deny), ..judged.clone() };
        assert_eq!(sequences(&find(&store, &denied).await.runs), [1]);
        let unknown = Filter { subject: Some(Sha256Digest::of(b"never seen")), ..Filter::default() };
        assert_eq!(find(&store, &unknown).await.matched, 0);
        // Without a receipt, its number is not known; it is found all the same.
        let run = store.newest(1).await.unwrap().runs.remove(0);
        fs::remove_file(directory.path().join(format!("v1/runs/{}", run.leaf.run_key))).unwrap();
        assert_eq!(sequences(&find(&store, &judged).await.runs), expected);
        store.index().await.unwrap();
        assert_eq!(sequences(&find(&store, &judged).await.runs), expected);
        // A pointer that somebody put there is not believed.
        let pointer = Path::from(format!("v1/subjects/sha256/{}/{}", Sha256Digest::of(b"never seen"), run.leaf_hash));
        store.objects.create(&pointer, b"{}").await.unwrap();
        assert!(store.find(&unknown, 10, true).await.is_err());
    });
}

#[test]
fn a_pointer_to_a_run_that_judged_something_else_is_refused() {
    block_on(async {
        let store = in_memory().await;
        append(&store, 0..1).await;
        let run = store.newest(1).await.unwrap().runs.remove(0);
        let forged = Sha256Digest::of(b"forged");
        let pointer = CanonicalJson::of(&serde_json::json!({"run_key": run.leaf.run_key, "version": 1})).unwrap();
        let path = Path::from(format!("v1/subjects/sha256/{forged}/{}", run.leaf_hash));
        store.objects.create(&path, pointer.bytes()).await.unwrap();
        let filter = Filter { subject: Some(forged), ..Filter::default() };
        let error = store.find(&filter, 10, true).await.unwrap_err().to_string();
        assert!(error.contains("no statement of run"), "{error}");
    });
}

fn reference(text: &str) -> Reference {
    text.parse().unwrap()
}

#[test]
fn a_run_is_shown_by_number_key_and_version() {
    block_on(async {
        let store = in_memory().await;
        append(&store, 0..8).await;
        let run = store.newest(7).await.unwrap().runs.remove(6);
        let digits = run.leaf.run_key.to_string();
        for text in ["1", "000000000001", &digits, &digits[..16], &digits[..6], "credit/limits@1"] {
            let shown = store.show(&reference(text)).await.unwrap();
            let expected = if text.contains('@') { 7 } else { 1 };
            assert_eq!(shown.run.sequence, expected, "{text}");
            assert_eq!(shown.is_followed, expected == 1);
            assert_eq!(shown.others, if expected == 7 { vec![1] } else { Vec::new() });
            assert!(shown.receipt.is_some());
        }
        let shown = store.show(&reference("1")).await.unwrap();
        let kinds: Vec<_> = shown.blobs.iter().map(|blob| blob.kind).collect();
        let expected =
            [BlobKind::Verdict, BlobKind::Evaluation, BlobKind::Facts, BlobKind::DecisionRecord, BlobKind::Other];
        assert_eq!(kinds, expected);
        assert!(shown.blobs.iter().all(|blob| matches!(blob.state, BlobState::Intact { .. })));
        assert_eq!((shown.subjects.len(), shown.outcomes.values().sum::<u64>() > 0), (6, true));
        for text in ["99", "credit/limits@9", &"0".repeat(64), "ffffffff"] {
            let error = store.show(&reference(text)).await.unwrap_err();
            assert!(matches!(error, StoreError::NoSuchRun(_)), "{text}: {error}");
        }
        for text in ["", "abc", "@1", "ABCDEF123456", "x".repeat(64).as_str(), "../../etc/passwd"] {
            assert!(text.parse::<Reference>().is_err(), "{text}");
        }
    });
}

#[test]
fn digits_of_two_runs_show_neither() {
    let directory = tempfile::tempdir().unwrap();
    block_on(async {
        for store in [in_memory().await, Store::open_local(directory.path()).await.unwrap()] {
            for end in ["1", "2"] {
                let path = Path::from(format!("v1/runs/abcdef{end}{}", "0".repeat(57)));
                store.objects.create(&path, b"{}").await.unwrap();
            }
            let error = store.show(&reference("abcdef")).await.unwrap_err();
            assert!(matches!(error, StoreError::Ambiguous(_)), "{error}");
            assert!(matches!(store.show(&reference("abcdef1")).await.unwrap_err(), StoreError::Damaged { .. }));
        }
    });
}

#[test]
fn what_is_gone_or_changed_is_shown_as_that() {
    let directory = tempfile::tempdir().unwrap();
    block_on(async {
        let store = Store::open_local(directory.path()).await.unwrap();
        append(&store, 0..2).await;
        let shown = store.show(&reference("0")).await.unwrap();
        fs::remove_file(&shown.blobs[2].object).unwrap();
        fs::write(&shown.blobs[0].object, "{}").unwrap();
        fs::remove_file(shown.receipt.unwrap()).unwrap();
        let shown = store.show(&reference("0")).await.unwrap();
        assert_eq!(shown.blobs[2].state, BlobState::Missing);
        assert!(matches!(shown.blobs[0].state, BlobState::Damaged { .. }));
        assert_eq!(shown.receipt, None);
        let entry = fs::read_to_string(&shown.entry).unwrap();
        fs::write(&shown.entry, entry.replace("approve", "deny")).unwrap();
        assert!(matches!(store.show(&reference("0")).await, Err(StoreError::Damaged { .. })));
    });
}

#[test]
fn names_in_a_store_are_harmless_in_a_terminal() {
    block_on(async {
        let store = in_memory().await;
        append(&store, 0..6).await;
        store.index().await.unwrap();
        let style = TextStyle { columns: 100, colour: false, unicode: true };
        let found = RunsDocument::found(store.origin(), &find(&store, &Filter::default()).await, true);
        let shown = RunDocument::of(store.origin(), &store.show(&reference("4")).await.unwrap());
        let texts = [found.text(&style), found.json().unwrap(), shown.text(&style), shown.json().unwrap()];
        for text in &texts {
            let hidden = text.chars().find(|character| *character != '\n' && escape::is_hidden(*character));
            assert_eq!(hidden, None, "{text}");
        }
        assert!(texts[0].contains(r"\u{1b}[31m\n../../*[x]…"), "{}", texts[0]);
    });
}
