//! Tests of the store as a whole: retries, races, cuts and tampering.

use std::collections::BTreeSet;
use std::fs;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use futures::stream::BoxStream;
use object_store::memory::InMemory;
use object_store::{
    CopyOptions, GetOptions, GetResult, ListResult, MultipartUpload, ObjectMeta, ObjectStore, PutMultipartOptions,
    PutOptions, PutPayload, PutResult,
};

use super::*;
use crate::decision::{Enforcement, OutcomeResult};
use crate::evidence::key::SigningKey;
use crate::evidence::{sample, sign_run};

/// A run of the sample release; each `ci_run` is another one.
pub(super) fn run_of(ci_run: &str, key: &SigningKey) -> Run {
    let facts = sample::facts();
    let record = sample::record(&facts);
    let run_key = RunKey::of(&record, Some(ci_run)).unwrap();
    let signed = sign_run(&record, &facts, run_key, key).unwrap();
    Run::new(&record, &signed, vec![b"a report".to_vec()])
}

pub(super) fn key() -> SigningKey {
    SigningKey::generate().unwrap()
}

pub(super) fn block_on<F: Future>(future: F) -> F::Output {
    tokio::runtime::Builder::new_multi_thread().enable_time().build().unwrap().block_on(future)
}

/// Paths below the directory, relative to it.
fn files(directory: &FilePath) -> BTreeSet<String> {
    let (mut files, mut pending) = (BTreeSet::new(), vec![directory.to_owned()]);
    while let Some(next) = pending.pop() {
        for entry in fs::read_dir(next).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                pending.push(path);
            } else {
                files.insert(path.strip_prefix(directory).unwrap().to_str().unwrap().to_owned());
            }
        }
    }
    files
}

#[test]
fn a_run_is_laid_out_as_documented() {
    let directory = tempfile::tempdir().unwrap();
    let run = run_of("1", &key());
    let receipt = block_on(async {
        let store = Store::open_local(directory.path().join("a/store")).await.unwrap();
        store.append(&run).await.unwrap().receipt
    });
    let mut expected: BTreeSet<_> = [
        ".gitignore".to_owned(),
        "v1/meta.json".to_owned(),
        "v1/log/entry/000000000000".to_owned(),
        format!("v1/runs/{}", run.leaf.run_key),
    ]
    .into();
    // Two bundles, the facts, the record and the report.
    assert_eq!((receipt.bundles.len(), receipt.blobs.len()), (2, 3));
    for digest in receipt.bundles.iter().chain(&receipt.blobs) {
        expected.insert(format!("v1/blobs/sha256/{}/{digest}", &digest.to_hex()[..2]));
    }
    for file in [
        "model/model.onnx",
        "model/scaler.json",
        "data/holdout.parquet",
        "monitoring/alerts.yaml",
        "CARD.md",
        "modelgate.yaml",
    ] {
        let digest = Sha256Digest::of(file.as_bytes());
        expected.insert(format!("v1/subjects/sha256/{digest}/{}", receipt.leaf_hash));
    }
    let root = directory.path().join("a/store");
    assert_eq!(files(&root), expected);
    assert_eq!(fs::read_to_string(root.join(".gitignore")).unwrap(), "*\n");
    let entry: serde_json::Value =
        serde_json::from_slice(&fs::read(root.join("v1/log/entry/000000000000")).unwrap()).unwrap();
    let leaf = CanonicalJson::of(&run.leaf).unwrap();
    assert_eq!(entry["leaf"], serde_json::from_slice::<serde_json::Value>(leaf.bytes()).unwrap());
    assert_eq!((&entry["seq"], &entry["previous"]), (&serde_json::json!(0), &serde_json::Value::Null));
    assert_eq!(receipt.leaf_hash, Sha256Digest::of(&[b"\0", leaf.bytes()].concat()));
}

#[test]
fn a_retry_gets_the_same_receipt_and_stores_nothing() {
    let directory = tempfile::tempdir().unwrap();
    let key = key();
    block_on(async {
        let store = Store::open_local(directory.path()).await.unwrap();
        let run = run_of("1", &key);
        assert_eq!(store.find_receipt(&run.leaf.run_key).await.unwrap(), None);
        let first = store.append(&run).await.unwrap();
        assert!(!first.already_recorded);
        assert_eq!(store.find_receipt(&run.leaf.run_key).await.unwrap().as_ref(), Some(&first.receipt));
        let stored = files(directory.path());

        let reopened = Store::open_local(directory.path()).await.unwrap();
        assert_eq!(reopened.origin(), store.origin());
        let again = Appended { already_recorded: true, ..first.clone() };
        assert_eq!(reopened.append(&run).await.unwrap(), again);
        // By another key the bundles differ; the run is the same, and recorded.
        assert_eq!(reopened.append(&run_of("1", &SigningKey::generate().unwrap())).await.unwrap(), again);
        assert_eq!(files(directory.path()), stored);

        let other = reopened.append(&run_of("2", &key)).await.unwrap();
        assert_eq!((other.already_recorded, other.receipt.sequence), (false, 1));
        let audit = store.verify_chain().await.unwrap();
        // Both runs have facts, record, report and evaluation bundle in common, and a verdict of their own.
        assert_eq!((audit.entries, audit.blobs, audit.without_receipt), (2, 6, Vec::new()));
    });
}

#[test]
fn another_decision_from_the_same_inputs_is_said() {
    let directory = tempfile::tempdir().unwrap();
    let key = key();
    let facts = sample::facts();
    let outcomes = vec![sample::outcome("VAL-001", OutcomeResult::Fail, Enforcement::Block)];
    let denial = sample::record_of(&facts, outcomes);
    let run_key = RunKey::of(&denial, Some("1")).unwrap();
    let denied = Run::new(&denial, &sign_run(&denial, &facts, run_key, &key).unwrap(), Vec::new());
    block_on(async {
        let store = Store::open_local(directory.path()).await.unwrap();
        store.append(&run_of("1", &key)).await.unwrap();
        let error = store.append(&denied).await.unwrap_err();
        assert!(matches!(error, StoreError::DecisionDiffers { .. }), "{error}");
        assert_eq!(store.verify_chain().await.unwrap().entries, 1);
    });
}

#[test]
fn racing_writers_are_put_in_order() {
    const WRITERS: usize = 8;
    const RUNS: usize = 10;
    let directory = tempfile::tempdir().unwrap();
    let receipts: Vec<Receipt> = std::thread::scope(|scope| {
        let writers: Vec<_> = (0..WRITERS)
            .map(|writer| {
                let path = directory.path();
                scope.spawn(move || {
                    let key = key();
                    block_on(async {
                        let store = Store::open_local(path).await.unwrap();
                        let mut receipts = Vec::new();
                        for run in 0..RUNS {
                            let run = run_of(&format!("{writer}/{run}"), &key);
                            receipts.push(store.append(&run).await.unwrap().receipt);
                        }
                        receipts
                    })
                })
            })
            .collect();
        writers.into_iter().flat_map(|writer| writer.join().unwrap()).collect()
    });
    let sequences: BTreeSet<_> = receipts.iter().map(|receipt| receipt.sequence).collect();
    assert_eq!(sequences, (0..80).collect());
    let audit = block_on(async { Store::open_local(directory.path()).await.unwrap().verify_chain().await }).unwrap();
    assert_eq!((audit.entries, audit.without_receipt), (80, Vec::new()));
}

#[test]
fn the_same_run_at_the_same_time_gets_one_receipt() {
    let directory = tempfile::tempdir().unwrap();
    let run = run_of("1", &key());
    let receipts: BTreeSet<_> = std::thread::scope(|scope| {
        let writers: Vec<_> = (0..6)
            .map(|_| {
                scope.spawn(|| {
                    block_on(async {
                        let store = Store::open_local(directory.path()).await.unwrap();
                        let receipt = store.append(&run).await.unwrap().receipt;
                        (receipt.sequence, receipt.leaf_hash)
                    })
                })
            })
            .collect();
        writers.into_iter().map(|writer| writer.join().unwrap()).collect()
    });
    assert_eq!(receipts.len(), 1);
    let audit = block_on(async { Store::open_local(directory.path()).await.unwrap().verify_chain().await }).unwrap();
    assert_eq!(audit.entries, 1);
}

/// What happens to the write that fails.
#[derive(Debug, Clone, Copy)]
enum Fault {
    /// It never lands, and says so.
    Lost,
    /// It lands, and the answer says that it did not.
    AnswerLost,
    /// It never lands, and the answer says that something is there: S3 under concurrent attempts.
    FalselyThere,
}

/// Objects in memory whose n-th write fails.
#[derive(Debug)]
struct Faulty {
    objects: Arc<InMemory>,
    fault: Fault,
    writes_until_fault: AtomicU32,
}

impl fmt::Display for Faulty {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("faulty")
    }
}

impl Faulty {
    async fn put(&self, path: &Path, payload: PutPayload, options: PutOptions) -> object_store::Result<PutResult> {
        let left = self.writes_until_fault.fetch_update(Ordering::SeqCst, Ordering::SeqCst, |left| left.checked_sub(1));
        if left != Ok(1) {
            return self.objects.put_opts(path, payload, options).await;
        }
        let error = || object_store::Error::Generic { store: "faulty", source: "the line went dead".into() };
        match self.fault {
            Fault::Lost => Err(error()),
            Fault::AnswerLost => {
                self.objects.put_opts(path, payload, options).await?;
                Err(error())
            }
            Fault::FalselyThere => {
                Err(object_store::Error::AlreadyExists { path: path.to_string(), source: "conflict".into() })
            }
        }
    }
}

type Answer<'a, T> = Pin<Box<dyn Future<Output = object_store::Result<T>> + Send + 'a>>;

impl ObjectStore for Faulty {
    fn put_opts<'a, 'b, 'c>(&'a self, path: &'b Path, payload: PutPayload, options: PutOptions) -> Answer<'c, PutResult>
    where
        'a: 'c,
        'b: 'c,
    {
        Box::pin(self.put(path, payload, options))
    }

    fn put_multipart_opts<'a, 'b, 'c>(
        &'a self,
        path: &'b Path,
        options: PutMultipartOptions,
    ) -> Answer<'c, Box<dyn MultipartUpload>>
    where
        'a: 'c,
        'b: 'c,
    {
        self.objects.put_multipart_opts(path, options)
    }

    fn get_opts<'a, 'b, 'c>(&'a self, path: &'b Path, options: GetOptions) -> Answer<'c, GetResult>
    where
        'a: 'c,
        'b: 'c,
    {
        self.objects.get_opts(path, options)
    }

    fn delete_stream(
        &self,
        paths: BoxStream<'static, object_store::Result<Path>>,
    ) -> BoxStream<'static, object_store::Result<Path>> {
        self.objects.delete_stream(paths)
    }

    fn list(&self, prefix: Option<&Path>) -> BoxStream<'static, object_store::Result<ObjectMeta>> {
        self.objects.list(prefix)
    }

    fn list_with_delimiter<'a, 'b, 'c>(&'a self, prefix: Option<&'b Path>) -> Answer<'c, ListResult>
    where
        'a: 'c,
        'b: 'c,
    {
        self.objects.list_with_delimiter(prefix)
    }

    fn copy_opts<'a, 'b, 'd, 'c>(&'a self, from: &'b Path, to: &'d Path, options: CopyOptions) -> Answer<'c, ()>
    where
        'a: 'c,
        'b: 'c,
        'd: 'c,
    {
        self.objects.copy_opts(from, to, options)
    }
}

#[test]
fn a_run_that_was_cut_off_at_any_write_is_recorded_once_by_a_retry() {
    let key = key();
    let (earlier, run) = (run_of("0", &key), run_of("1", &key));
    block_on(async {
        for fault in [Fault::Lost, Fault::AnswerLost, Fault::FalselyThere] {
            for nth in 1_u32.. {
                assert!(nth < 100, "the fault is never met");
                let objects = Arc::new(InMemory::new());
                let sound = Store::open(Objects::remote(objects.clone())).await.unwrap();
                sound.append(&earlier).await.unwrap();
                let faulty = Faulty { objects, fault, writes_until_fault: AtomicU32::new(nth) };
                let faulty = Arc::new(faulty);
                let first = Store::open(Objects::remote(faulty.clone())).await.unwrap().append(&run).await;
                let met = faulty.writes_until_fault.load(Ordering::SeqCst) == 0;
                let retried = sound.append(&run).await.unwrap();
                if let Ok(first) = &first {
                    assert_eq!(first.receipt, retried.receipt, "{fault:?} at write {nth}");
                }
                let audit = sound.verify_chain().await.unwrap();
                assert_eq!((audit.entries, audit.without_receipt), (2, Vec::new()), "{fault:?} at write {nth}");
                assert_eq!(sound.find_receipt(&run.leaf.run_key).await.unwrap(), Some(retried.receipt));
                if !met {
                    // Three blobs are new, six inputs are indexed; the entry and the receipt come to eleven.
                    assert!(first.is_ok() && nth > 11, "{fault:?} at write {nth}");
                    break;
                }
            }
        }
    });
}

#[test]
fn a_cut_off_run_with_others_behind_it_still_gets_one_receipt() {
    let directory = tempfile::tempdir().unwrap();
    let key = key();
    block_on(async {
        let store = Store::open_local(directory.path()).await.unwrap();
        let (cut_off, next) = (run_of("1", &key), run_of("2", &key));
        for blob in &cut_off.blobs {
            store.put_blob(blob).await.unwrap();
        }
        log::append(&store.objects, &cut_off.leaf).await.unwrap();
        assert_eq!(store.verify_chain().await.unwrap().without_receipt, [0]);
        store.append(&next).await.unwrap();
        let receipt = store.append(&cut_off).await.unwrap().receipt;
        assert_eq!(receipt.sequence, 0);
        let audit = store.verify_chain().await.unwrap();
        assert_eq!((audit.entries, audit.without_receipt), (2, Vec::new()));
    });
}

/// A store of three runs, and what the audit says after `damage` was done to it.
fn audit_after(damage: impl FnOnce(&FilePath, &[Receipt])) -> Result<Audit, StoreError> {
    let directory = tempfile::tempdir().unwrap();
    let key = key();
    block_on(async {
        let store = Store::open_local(directory.path()).await.unwrap();
        let mut receipts = Vec::new();
        for ci_run in ["1", "2", "3"] {
            receipts.push(store.append(&run_of(ci_run, &key)).await.unwrap().receipt);
        }
        damage(directory.path(), &receipts);
        store.verify_chain().await
    })
}

fn entry_file(sequence: u64) -> String {
    log::path(sequence).to_string()
}

fn replace(file: &FilePath, from: &str, to: &str) {
    let text = fs::read_to_string(file).unwrap();
    assert!(text.contains(from), "{text}");
    fs::write(file, text.replace(from, to)).unwrap();
}

#[test]
fn every_kind_of_tampering_is_found_and_named() {
    type Damage = fn(&FilePath, &[Receipt]);
    assert!(audit_after(|_, _| {}).is_ok());
    let cases: [(&str, Damage, &str); 9] = [
        ("an edited entry", |root, _| replace(&root.join(entry_file(0)), "approve", "deny"), "000000000001"),
        ("an edited last entry", |root, _| replace(&root.join(entry_file(2)), "approve", "deny"), "v1/runs/"),
        ("white space", |root, _| replace(&root.join(entry_file(2)), "\"seq\":2", "\"seq\": 2"), "000000000002"),
        ("a removed entry", |root, _| fs::remove_file(root.join(entry_file(1))).unwrap(), "000000000001"),
        ("a cut-off end", |root, _| fs::remove_file(root.join(entry_file(2))).unwrap(), "v1/runs/"),
        (
            "swapped entries",
            |root, _| {
                let (first, second) = (root.join(entry_file(0)), root.join(entry_file(1)));
                let aside = fs::read(&first).unwrap();
                fs::copy(&second, &first).unwrap();
                fs::write(&second, aside).unwrap();
            },
            "000000000000",
        ),
        (
            "an edited blob",
            |root, receipts| {
                let blob = blob_path(receipts[1].bundles[0]).to_string();
                replace(&root.join(blob), "payload", "PAYLOAD");
            },
            "v1/blobs/",
        ),
        (
            "a removed blob",
            |root, receipts| fs::remove_file(root.join(blob_path(receipts[0].blobs[2]).to_string())).unwrap(),
            "v1/blobs/",
        ),
        ("a foreign file", |root, _| fs::write(root.join("v1/log/entry/notes.txt"), "").unwrap(), "000000000003"),
    ];
    for (name, damage, object) in cases {
        let error = audit_after(damage).expect_err(name).to_string();
        assert!(error.contains(object), "{name}: {error}");
    }
}

#[test]
fn nothing_is_appended_into_a_hole() {
    const ENTRIES: u64 = 7;
    let key = key();
    block_on(async {
        for hole in 0..ENTRIES - 1 {
            let directory = tempfile::tempdir().unwrap();
            let store = Store::open_local(directory.path()).await.unwrap();
            for ci_run in 0..ENTRIES {
                store.append(&run_of(&ci_run.to_string(), &key)).await.unwrap();
            }
            let file = directory.path().join(entry_file(hole));
            fs::remove_file(&file).unwrap();
            // Whether the hole is met depends on where it is; what is behind it stays what it was.
            match store.append(&run_of("new", &key)).await {
                Ok(appended) => assert_eq!(appended.receipt.sequence, ENTRIES),
                Err(error) => assert!(matches!(error, StoreError::Missing { .. }), "{error}"),
            }
            assert!(!file.exists(), "{hole}");
            let error = store.verify_chain().await.unwrap_err();
            assert!(matches!(&error, StoreError::Missing { object } if object.ends_with(&entry_file(hole))), "{error}");
        }
    });
}

#[test]
fn nothing_is_appended_behind_a_broken_link() {
    let directory = tempfile::tempdir().unwrap();
    let key = key();
    block_on(async {
        let store = Store::open_local(directory.path()).await.unwrap();
        for ci_run in ["1", "2", "3"] {
            store.append(&run_of(ci_run, &key)).await.unwrap();
        }
        replace(&directory.path().join(entry_file(1)), "approve", "deny");
        let error = store.append(&run_of("new", &key)).await.unwrap_err().to_string();
        assert!(error.contains(&entry_file(2)) && error.contains("`previous`"), "{error}");
        assert!(!directory.path().join(entry_file(3)).exists());
    });
}

#[test]
fn a_blob_is_read_back_as_it_was_or_not_at_all() {
    let directory = tempfile::tempdir().unwrap();
    block_on(async {
        let store = Store::open_local(directory.path()).await.unwrap();
        let digest = store.put_blob(b"content").await.unwrap();
        assert_eq!(store.put_blob(b"content").await.unwrap(), digest);
        assert_eq!(store.get_blob(digest).await.unwrap(), b"content");
        let path = directory.path().join(blob_path(digest).to_string());
        fs::write(&path, "tampered").unwrap();
        let error = store.get_blob(digest).await.unwrap_err();
        assert!(matches!(&error, StoreError::Damaged { object, .. } if object.contains(&digest.to_hex())), "{error}");
        // The damage is said, and not written over.
        assert!(matches!(store.put_blob(b"content").await, Err(StoreError::Conflict { .. })));
        assert_eq!(fs::read(&path).unwrap(), b"tampered");
        let missing = store.get_blob(Sha256Digest::of(b"never stored")).await;
        assert!(matches!(missing, Err(StoreError::Missing { .. })));
    });
}

#[test]
fn a_lost_blob_is_missed_and_a_retry_puts_it_back() {
    let directory = tempfile::tempdir().unwrap();
    let run = run_of("1", &key());
    block_on(async {
        let store = Store::open_local(directory.path()).await.unwrap();
        let receipt = store.append(&run).await.unwrap().receipt;
        fs::remove_file(directory.path().join(blob_path(receipt.decision_record).to_string())).unwrap();
        let error = store.find_receipt(&run.leaf.run_key).await.unwrap_err();
        let digest = receipt.decision_record.to_hex();
        assert!(matches!(&error, StoreError::Missing { object } if object.ends_with(&digest)), "{error}");
        assert_eq!(store.append(&run).await.unwrap(), Appended { receipt, already_recorded: true });
        assert!(store.verify_chain().await.is_ok());
    });
}

#[test]
fn a_leaf_that_no_log_takes_is_refused_before_it_is_written() {
    let directory = tempfile::tempdir().unwrap();
    let mut run = run_of("1", &key());
    run.leaf.blobs = vec![Sha256Digest::of(b""); 1000];
    block_on(async {
        let store = Store::open_local(directory.path()).await.unwrap();
        assert!(matches!(store.append(&run).await, Err(StoreError::LeafTooLarge { .. })));
        assert_eq!(store.verify_chain().await.unwrap().entries, 0);
    });
}

#[test]
fn what_is_no_store_is_not_opened() {
    let directory = tempfile::tempdir().unwrap();
    let open = |name: &str| block_on(Store::open_local(directory.path().join(name))).map(|_| ());
    fs::write(directory.path().join("file"), "").unwrap();
    let error = open("file").unwrap_err().to_string();
    assert!(error.contains("file") && error.contains("directory that can be written"), "{error}");
    for (name, meta, says) in [
        ("newer", r#"{"format":2,"later":true}"#, "format 2"),
        ("text", "not json", "names no `format`"),
        ("more", r#"{"extra":1,"format":1,"origin":"x"}"#, "extra"),
    ] {
        fs::create_dir_all(directory.path().join(name).join("v1")).unwrap();
        fs::write(directory.path().join(name).join("v1/meta.json"), meta).unwrap();
        let error = open(name).unwrap_err().to_string();
        assert!(error.contains(says) && error.contains("v1/meta.json"), "{name}: {error}");
    }
}

#[test]
fn what_a_task_awaits_can_move_between_threads() {
    let directory = tempfile::tempdir().unwrap();
    let (path, run) = (directory.path().to_owned(), run_of("1", &key()));
    let entries = block_on(async {
        let task = tokio::spawn(async move {
            let store = Store::open_local(&path).await.unwrap();
            store.append(&run).await.unwrap();
            store.verify_chain().await.unwrap().entries
        });
        task.await.unwrap()
    });
    assert_eq!(entries, 1);
}
