//! Tests of the store as a whole: retries, races, cuts and tampering.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use futures::StreamExt as _;
use futures::stream::{self, BoxStream};
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

/// The key of the logs of these tests.
fn log_key() -> LogKey {
    LogKey::from_seed(&[7; 32])
}

/// Opens the store in a directory, with the key of its log.
async fn opened(directory: &FilePath) -> Store {
    let address = StoreAddress::Directory(directory.to_owned());
    Store::open_to_append(&address, &settings(), &LogKeys::new(Some(log_key()), None), true).await.unwrap()
}

/// The same over objects, which are made a store if they are none.
async fn over(objects: Objects) -> Store {
    if Store::of(objects.clone()).await.unwrap().is_none() {
        let log_key = Some(log_key().verifier("example.com/log").to_string());
        let meta = Meta { format: FORMAT, origin: "example.com/log".to_owned(), log_key };
        write_meta(&objects, &meta).await.unwrap();
    }
    let store = Store::of(objects).await.unwrap().unwrap();
    store.with_key(&LogKeys::new(Some(log_key()), None), true).unwrap()
}

fn settings() -> RemoteSettings {
    RemoteSettings { variables: BTreeMap::new(), offline: false, bytes_max: 0, loopback: false, tracking: None }
}

/// The audit of a store in which everything holds.
async fn sound(store: &Store) -> Audit {
    let audit = store.audit(&[]).await.unwrap();
    assert_eq!(audit.findings, []);
    audit
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
        let audit = sound(&store).await;
        // Both runs have facts, record, report and evaluation bundle in common, and a verdict of their own.
        assert_eq!((audit.checkpoint.size, audit.blobs, audit.without_receipt), (2, 6, Vec::new()));
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
        assert_eq!(sound(&store).await.checkpoint.size, 1);
    });
}

#[test]
fn racing_writers_are_put_in_order() {
    const WRITERS: usize = 8;
    const RUNS: usize = 10;
    let directory = tempfile::tempdir().unwrap();
    block_on(opened(directory.path()));
    let receipts: Vec<Receipt> = std::thread::scope(|scope| {
        let writers: Vec<_> = (0..WRITERS)
            .map(|writer| {
                let path = directory.path();
                scope.spawn(move || {
                    let key = key();
                    block_on(async {
                        let store = opened(path).await;
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
    let audit = block_on(async { sound(&opened(directory.path()).await).await });
    assert_eq!((audit.checkpoint.size, audit.receipts, audit.without_receipt), (80, 80, Vec::new()));
    assert_eq!((audit.checkpoints, audit.subjects), (80, 480));
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
    let audit = block_on(async { sound(&Store::open_local(directory.path()).await.unwrap()).await });
    // Writers of the same run that did not see each other may each have an entry; there is one receipt.
    assert_eq!((audit.receipts, audit.without_receipt), (1, Vec::new()));
}

/// What happens to the request that fails.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Fault {
    /// It never arrives, and says so.
    Lost,
    /// It arrives, and the answer says that it did not.
    AnswerLost,
    /// It never lands, and the answer says that something is there: S3 under concurrent attempts.
    FalselyThere,
    /// It arrives, and neither the answer nor any later request does: the process was killed.
    Killed,
    /// Nothing answers any more.
    Silent,
    /// None fails, and every write overwrites what is there.
    Careless,
}

/// Objects in memory whose n-th request fails.
#[derive(Debug)]
struct Faulty {
    objects: Arc<InMemory>,
    fault: Fault,
    until_fault: AtomicU32,
}

impl fmt::Display for Faulty {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("faulty")
    }
}

fn dead() -> object_store::Error {
    object_store::Error::Generic { store: "faulty", source: "the line went dead".into() }
}

impl Faulty {
    fn new(objects: Arc<InMemory>, fault: Fault, nth: u32) -> Arc<Self> {
        Arc::new(Self { objects, fault, until_fault: AtomicU32::new(nth) })
    }

    fn is_met(&self) -> bool {
        self.until_fault.load(Ordering::SeqCst) == 0
    }

    /// Whether this request is the one that fails, and whether it comes after that one.
    fn next(&self) -> (bool, bool) {
        let left = self.until_fault.fetch_update(Ordering::SeqCst, Ordering::SeqCst, |left| left.checked_sub(1));
        (left == Ok(1), left.is_err())
    }

    /// What becomes of a request that only reads.
    async fn before_read(&self) -> object_store::Result<()> {
        let (is_it, is_after) = self.next();
        match self.fault {
            Fault::Lost | Fault::AnswerLost if is_it => Err(dead()),
            Fault::Killed if is_it || is_after => Err(dead()),
            Fault::Silent if is_it || is_after => futures::future::pending().await,
            _ => Ok(()),
        }
    }
    async fn put(&self, path: &Path, payload: PutPayload, options: PutOptions) -> object_store::Result<PutResult> {
        let (is_it, is_after) = self.next();
        match self.fault {
            Fault::Careless => {
                let options = PutOptions { mode: object_store::PutMode::Overwrite, ..options };
                self.objects.put_opts(path, payload, options).await
            }
            Fault::Lost if is_it => Err(dead()),
            Fault::AnswerLost | Fault::Killed if is_it => {
                self.objects.put_opts(path, payload, options).await?;
                Err(dead())
            }
            Fault::Killed if is_after => Err(dead()),
            Fault::Silent if is_it || is_after => futures::future::pending().await,
            Fault::FalselyThere if is_it => {
                Err(object_store::Error::AlreadyExists { path: path.to_string(), source: "conflict".into() })
            }
            _ => self.objects.put_opts(path, payload, options).await,
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
        Box::pin(async move {
            self.before_read().await?;
            self.objects.get_opts(path, options).await
        })
    }

    fn delete_stream(
        &self,
        paths: BoxStream<'static, object_store::Result<Path>>,
    ) -> BoxStream<'static, object_store::Result<Path>> {
        self.objects.delete_stream(paths)
    }

    fn list(&self, prefix: Option<&Path>) -> BoxStream<'static, object_store::Result<ObjectMeta>> {
        let (is_it, is_after) = self.next();
        match self.fault {
            Fault::Lost | Fault::AnswerLost if is_it => stream::once(async { Err(dead()) }).boxed(),
            Fault::Killed if is_it || is_after => stream::once(async { Err(dead()) }).boxed(),
            Fault::Silent if is_it || is_after => stream::pending().boxed(),
            _ => self.objects.list(prefix),
        }
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

/// Most requests of an append in these tests; more, and a fault would never be met.
const REQUESTS_MAX: u32 = 400;

#[test]
fn a_run_whose_nth_request_fails_is_recorded_once_by_a_retry() {
    let key = key();
    let (earlier, run) = (run_of("0", &key), run_of("1", &key));
    block_on(async {
        for fault in [Fault::Lost, Fault::AnswerLost, Fault::FalselyThere, Fault::Killed] {
            for nth in 1_u32.. {
                assert!(nth < REQUESTS_MAX, "the fault is never met");
                let objects = Arc::new(InMemory::new());
                let whole = over(Objects::remote(objects.clone())).await;
                whole.append(&earlier).await.unwrap();
                let faulty = Faulty::new(objects, fault, nth);
                let store = Store { objects: Objects::remote(faulty.clone()), ..whole.clone() };
                let first = store.append(&run).await;
                let is_met = faulty.is_met();
                let retried = whole.append(&run).await.unwrap();
                match &first {
                    Ok(first) => assert_eq!(first.receipt, retried.receipt, "{fault:?} at request {nth}"),
                    Err(error) => assert!(is_met && !error.to_string().is_empty()),
                }
                assert!(retried.signed_checkpoint.is_some(), "{fault:?} at request {nth}");
                let audit = sound(&whole).await;
                assert_eq!(audit.checkpoint.size, 2, "{fault:?} at request {nth}");
                assert_eq!((audit.receipts, audit.checkpoints), (2, 2), "{fault:?} at request {nth}");
                assert_eq!(whole.find_receipt(&run.leaf.run_key).await.unwrap(), Some(retried.receipt));
                if !is_met {
                    // Blobs, inputs, entry, checkpoint and receipt alone are fourteen writes.
                    assert!(first.is_ok() && nth > 20, "{fault:?} at request {nth}");
                    break;
                }
            }
        }
    });
}

#[test]
fn a_killed_run_with_others_behind_it_comes_to_one_receipt() {
    let key = key();
    let (run, others) = (run_of("1", &key), ["2", "3", "4"].map(|other| run_of(other, &key)));
    let mut doubled = 0;
    block_on(async {
        for nth in 1..REQUESTS_MAX {
            let objects = Arc::new(InMemory::new());
            let whole = over(Objects::remote(objects.clone())).await;
            let faulty = Faulty::new(objects, Fault::Killed, nth);
            let _ = Store { objects: Objects::remote(faulty.clone()), ..whole.clone() }.append(&run).await;
            for other in &others {
                whole.append(other).await.unwrap();
            }
            let receipt = whole.append(&run).await.unwrap().receipt;
            assert_eq!(whole.append(&run).await.unwrap().receipt, receipt, "at request {nth}");
            let audit = sound(&whole).await;
            assert_eq!((audit.receipts, audit.subjects), (4, 24), "at request {nth}");
            assert!(audit.without_receipt.is_empty(), "at request {nth}");
            doubled += audit.checkpoint.size - 4;
            if !faulty.is_met() {
                // Cut off between entry and receipt, with more behind it than is looked at, a run is there twice.
                assert!(doubled > 0);
                return;
            }
        }
        panic!("the fault is never met");
    });
}

#[test]
fn a_store_that_does_not_answer_ends_the_append_in_time() {
    let run = run_of("1", &key());
    block_on(async {
        for nth in [1, 5, 10] {
            let objects = Arc::new(InMemory::new());
            let whole = over(Objects::remote(objects.clone())).await;
            let mut silent = Objects::remote(Faulty::new(objects, Fault::Silent, nth));
            silent.append_time = std::time::Duration::from_millis(200);
            let error = Store { objects: silent, ..whole.clone() }.append(&run).await.unwrap_err();
            assert!(matches!(error, StoreError::TimedOut { .. }), "{error}");
            whole.append(&run).await.unwrap();
            sound(&whole).await;
        }
        let lost = Objects::remote(Faulty::new(Arc::new(InMemory::new()), Fault::Killed, 1));
        let error = lost.create(&Path::from("v1/a"), b"a").await.unwrap_err();
        assert!(matches!(error, StoreError::Unanswered { attempts: 4, .. }), "{error}");
    });
}

#[test]
fn a_place_that_overwrites_is_no_store() {
    block_on(async {
        Objects::remote(Arc::new(InMemory::new())).probe().await.unwrap();
        let careless = Objects::remote(Faulty::new(Arc::new(InMemory::new()), Fault::Careless, 0));
        let error = careless.probe().await.unwrap_err();
        assert!(matches!(error, StoreError::NotConditional { .. }), "{error}");
        let directory = tempfile::tempdir().unwrap();
        let address = StoreAddress::Directory(directory.path().join("store"));
        let made = Store::init(&address, &settings(), &log_key(), Some("example.com/a")).await.unwrap();
        assert_eq!((made.origin(), made.verifier()), ("example.com/a", Some(&log_key().verifier("example.com/a"))));
        let again = Store::init(&address, &settings(), &log_key(), None).await.unwrap_err();
        assert!(matches!(again, StoreError::StoreExists { .. }), "{again}");
        let other = StoreAddress::Directory(directory.path().join("other"));
        let error = Store::init(&other, &settings(), &log_key(), Some("a log")).await.unwrap_err();
        assert!(matches!(error, StoreError::InvalidOrigin(_)), "{error}");
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
        assert_eq!(sound(&store).await.without_receipt, [0]);
        store.append(&next).await.unwrap();
        let receipt = store.append(&cut_off).await.unwrap().receipt;
        assert_eq!(receipt.sequence, 0);
        let audit = sound(&store).await;
        assert_eq!((audit.checkpoint.size, audit.without_receipt), (2, Vec::new()));
    });
}

/// A store of three runs, and what the audit finds after `damage` was done to it.
fn audit_after(damage: impl FnOnce(&FilePath, &[Receipt])) -> (Audit, Audit) {
    let directory = tempfile::tempdir().unwrap();
    let key = key();
    let (receipts, kept) = block_on(async {
        let store = opened(directory.path()).await;
        let (mut receipts, mut kept) = (Vec::new(), Vec::new());
        for ci_run in ["1", "2", "3"] {
            let appended = store.append(&run_of(ci_run, &key)).await.unwrap();
            receipts.push(appended.receipt);
            kept.push(appended.signed_checkpoint.unwrap().into_bytes());
        }
        (receipts, kept)
    });
    damage(directory.path(), &receipts);
    block_on(async {
        let store = Store::open(&StoreAddress::Directory(directory.path().to_owned()), &settings()).await.unwrap();
        (store.audit(&[]).await.unwrap(), store.audit(&kept).await.unwrap())
    })
}

fn checkpoint_file(size: u64) -> String {
    log::checkpoint_path(size).to_string()
}

fn entry_file(sequence: u64) -> String {
    log::path(sequence).to_string()
}

fn replace(file: &FilePath, from: &str, to: &str) {
    let text = fs::read_to_string(file).unwrap();
    assert!(text.contains(from), "{text}");
    fs::write(file, text.replace(from, to)).unwrap();
}

type Damage = fn(&FilePath, &[Receipt]);

fn pointer_file(receipt: &Receipt, subject: &str) -> String {
    subject_path(Sha256Digest::of(subject.as_bytes()), receipt.leaf_hash).to_string()
}

fn remove(root: &FilePath, file: &str) {
    fs::remove_file(root.join(file)).unwrap();
}

/// Takes the last run out of the store, and everything that speaks of it.
fn cut_off_last(root: &FilePath, receipts: &[Receipt]) {
    let last = &receipts[2];
    remove(root, &entry_file(2));
    remove(root, &checkpoint_file(3));
    remove(root, receipt_path(last.run_key).as_ref());
    for file in files(root).iter().filter(|file| file.ends_with(&last.leaf_hash.to_hex())) {
        remove(root, file);
    }
}

#[test]
#[expect(clippy::too_many_lines, reason = "one table of everything that can be done to a store")]
fn every_kind_of_tampering_is_found_and_named() {
    let (audit, against) = audit_after(|_, _| {});
    assert_eq!((audit.findings.len(), against.findings.len(), against.continues), (0, 0, 3));
    let cases: [(&str, Damage, FindingKind, &str); 16] = [
        (
            "an edited entry",
            |root, _| replace(&root.join(entry_file(0)), "approve", "deny"),
            FindingKind::BrokenChain,
            "entry/000000000001",
        ),
        (
            "an edited last entry",
            |root, _| replace(&root.join(entry_file(2)), "approve", "deny"),
            FindingKind::Checkpoint,
            "checkpoint/000000000003",
        ),
        (
            "white space",
            |root, _| replace(&root.join(entry_file(2)), "\"seq\":2", "\"seq\": 2"),
            FindingKind::DamagedEntry,
            "entry/000000000002",
        ),
        ("a removed entry", |root, _| remove(root, &entry_file(1)), FindingKind::MissingEntry, "entry/000000000001"),
        ("a cut-off end", |root, _| remove(root, &entry_file(2)), FindingKind::Receipt, "v1/runs/"),
        ("a cut-off end", |root, _| remove(root, &entry_file(2)), FindingKind::Checkpoint, "checkpoint/000000000003"),
        (
            "swapped entries",
            |root, _| {
                let (first, second) = (root.join(entry_file(0)), root.join(entry_file(1)));
                let aside = fs::read(&first).unwrap();
                fs::copy(&second, &first).unwrap();
                fs::write(&second, aside).unwrap();
            },
            FindingKind::DamagedEntry,
            "entry/000000000000",
        ),
        (
            "an edited blob",
            |root, receipts| {
                replace(&root.join(blob_path(receipts[1].bundles[0]).to_string()), "payload", "PAYLOAD");
            },
            FindingKind::DamagedBlob,
            "v1/blobs/",
        ),
        (
            "a removed blob",
            |root, receipts| remove(root, blob_path(receipts[0].blobs[2]).as_ref()),
            FindingKind::MissingBlob,
            "v1/blobs/",
        ),
        (
            "a foreign file",
            |root, _| fs::write(root.join("v1/log/entry/notes.txt"), "").unwrap(),
            FindingKind::Foreign,
            "notes.txt",
        ),
        (
            "an edited receipt",
            |root, receipts| {
                replace(&root.join(receipt_path(receipts[1].run_key).to_string()), "approve", "deny");
            },
            FindingKind::Receipt,
            "v1/runs/",
        ),
        (
            "a removed pointer",
            |root, receipts| remove(root, &pointer_file(&receipts[0], "CARD.md")),
            FindingKind::SubjectIndex,
            "v1/subjects/",
        ),
        (
            "a pointer to a run that has not judged the file",
            |root, receipts| {
                let from = root.join(pointer_file(&receipts[0], "CARD.md"));
                let to = root.join(pointer_file(&receipts[0], "never judged"));
                fs::create_dir_all(to.parent().unwrap()).unwrap();
                fs::copy(from, to).unwrap();
            },
            FindingKind::SubjectIndex,
            "v1/subjects/",
        ),
        (
            "an edited checkpoint",
            |root, _| replace(&root.join(checkpoint_file(2)), "\n2\n", "\n3\n"),
            FindingKind::Checkpoint,
            "checkpoint/000000000002",
        ),
        (
            "a checkpoint under another size",
            |root, _| {
                fs::copy(root.join(checkpoint_file(2)), root.join(checkpoint_file(3)).with_extension("x")).unwrap();
                fs::rename(root.join(checkpoint_file(3)).with_extension("x"), root.join(checkpoint_file(3))).unwrap();
            },
            FindingKind::Checkpoint,
            "checkpoint/000000000003",
        ),
        (
            "a run without its statement",
            |root, receipts| {
                remove(root, blob_path(receipts[0].bundles[1]).as_ref());
            },
            FindingKind::MissingBlob,
            "v1/blobs/",
        ),
    ];
    for (name, damage, kind, object) in cases {
        let (audit, _) = audit_after(damage);
        let is_found = audit.findings.iter().any(|found| found.kind == kind && found.object.contains(object));
        assert!(is_found, "{name}: {:#?}", audit.findings);
    }
}

#[test]
fn everything_that_is_wrong_is_listed() {
    let (audit, _) = audit_after(|root, receipts| {
        replace(&root.join(entry_file(0)), "approve", "deny");
        remove(root, blob_path(receipts[2].bundles[0]).as_ref());
        fs::write(root.join("v1/log/entry/notes.txt"), "").unwrap();
    });
    let kinds: BTreeSet<_> = audit.findings.iter().map(|finding| finding.kind).collect();
    // The changed entry has no receipt, no checkpoint and no inputs any more.
    let expected = [
        FindingKind::BrokenChain,
        FindingKind::MissingBlob,
        FindingKind::Receipt,
        FindingKind::SubjectIndex,
        FindingKind::Checkpoint,
        FindingKind::Foreign,
    ];
    assert_eq!(kinds, expected.into());
    // Later entries are not blamed for the one that was changed.
    let broken = audit.findings.iter().filter(|finding| finding.kind == FindingKind::BrokenChain);
    assert!(broken.clone().all(|finding| finding.object.ends_with("000000000001")), "{broken:?}");
}

#[test]
fn only_a_checkpoint_kept_elsewhere_shows_an_end_that_was_cut_off_with_all_that_speaks_of_it() {
    let (audit, against) = audit_after(cut_off_last);
    assert_eq!(audit.findings, []);
    assert_eq!(against.continues, 2);
    let [finding] = against.findings.as_slice() else { panic!("{:?}", against.findings) };
    assert_eq!(finding.kind, FindingKind::Truncated);
    assert!(finding.reason.contains("has 3 entries, and the log has 2"), "{}", finding.reason);
}

#[test]
fn an_object_that_was_deleted_and_created_anew_is_found() {
    // What a delete marker in a versioned bucket leads to: the old object is hidden, and a create succeeds.
    let replaced = |sequence: u64| {
        move |root: &FilePath, _: &[Receipt]| {
            let objects = Objects::local(root).unwrap();
            block_on(async {
                let before = Entry::read(&objects, sequence - 1).await.unwrap().unwrap();
                let entry = Entry::after(Some(&before), run_of("another", &key()).leaf).unwrap();
                remove(root, &entry_file(sequence));
                objects.create(&log::path(sequence), entry.object().bytes()).await.unwrap();
            });
        }
    };
    let (audit, _) = audit_after(replaced(1));
    let broken = audit.findings.iter().any(|finding| finding.kind == FindingKind::BrokenChain);
    assert!(broken, "{:?}", audit.findings);
    // Nothing stands behind the last one; the checkpoint and the receipt say it.
    let (audit, against) = audit_after(replaced(2));
    let kinds: BTreeSet<_> = audit.findings.iter().map(|finding| finding.kind).collect();
    assert!(kinds.is_superset(&[FindingKind::Checkpoint, FindingKind::Receipt].into()), "{kinds:?}");
    assert_eq!(
        (against.continues, against.findings.iter().filter(|f| f.kind == FindingKind::Rewritten).count()),
        (2, 1)
    );
}

#[test]
fn a_log_written_anew_with_its_own_key_is_found_by_a_checkpoint_kept_elsewhere() {
    let (audit, against) = audit_after(|root, receipts| {
        cut_off_last(root, receipts);
        block_on(async { opened(root).await.append(&run_of("rewritten", &key())).await.unwrap() });
    });
    assert_eq!(audit.findings, []);
    assert_eq!(against.continues, 2);
    assert_eq!(against.findings.iter().map(|finding| finding.kind).collect::<Vec<_>>(), [FindingKind::Rewritten]);
}

#[test]
fn two_branches_of_one_log_tell_each_other_apart() {
    let (left, right) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let key = key();
    block_on(async {
        let first = opened(left.path()).await;
        first.append(&run_of("1", &key)).await.unwrap();
        first.sync_to(&StoreAddress::Directory(right.path().to_owned()), &settings()).await.unwrap();
        let second = opened(right.path()).await;
        let ours = first.append(&run_of("2", &key)).await.unwrap().signed_checkpoint.unwrap();
        let theirs = second.append(&run_of("3", &key)).await.unwrap().signed_checkpoint.unwrap();
        sound(&first).await;
        sound(&second).await;
        assert_ne!(ours, theirs);
        let audit = first.audit(&[ours.clone().into_bytes(), theirs.clone().into_bytes()]).await.unwrap();
        assert_eq!((audit.continues, audit.findings[0].kind), (1, FindingKind::Rewritten));
        assert_eq!(first.check_continues(ours.as_bytes()).await.unwrap().size, 2);
        let error = first.check_continues(theirs.as_bytes()).await.unwrap_err();
        assert!(matches!(error, StoreError::Rewritten { size: 2, .. }), "{error}");
        let error = first.sync_to(&StoreAddress::Directory(right.path().to_owned()), &settings()).await.unwrap_err();
        assert!(matches!(error, StoreError::LogsDiffer { .. }), "{error}");
    });
}

#[test]
fn every_entry_is_proven_under_a_checkpoint_and_the_log_continues_each() {
    let directory = tempfile::tempdir().unwrap();
    let key = key();
    block_on(async {
        let store = opened(directory.path()).await;
        let (mut leaves, mut kept) = (Vec::new(), Vec::new());
        for run in 0..11 {
            let appended = store.append(&run_of(&run.to_string(), &key)).await.unwrap();
            leaves.push(appended.receipt.leaf_hash);
            kept.push(appended.signed_checkpoint.unwrap());
        }
        // The first checkpoints of some are gone: they are proven under a later one.
        for size in [1, 2, 3, 7] {
            remove(directory.path(), &checkpoint_file(size));
        }
        let verifier = store.verifier().unwrap();
        for (sequence, leaf) in (0_u64..).zip(&leaves) {
            let proof = store.prove_inclusion(sequence).await.unwrap();
            let read = LogProof::from_bytes(proof.to_text().as_bytes()).unwrap();
            let checkpoint = read.verify(*leaf, verifier).unwrap();
            let expected = if sequence < 3 {
                4
            } else if sequence == 6 {
                8
            } else {
                sequence + 1
            };
            assert_eq!(checkpoint.size, expected);
            assert!(read.verify(leaves[(sequence as usize + 1) % 11], verifier).is_err());
        }
        for (size, checkpoint) in (1_u64..).zip(&kept) {
            assert_eq!(store.check_continues(checkpoint.as_bytes()).await.unwrap().size, 11, "{size}");
            let unsigned = Checkpoint::unverified(checkpoint.as_bytes()).unwrap().to_text();
            store.check_continues(unsigned.as_bytes()).await.unwrap();
        }
        remove(directory.path(), &checkpoint_file(11));
        let error = store.prove_inclusion(10).await.unwrap_err();
        assert!(matches!(error, StoreError::NoCheckpoint { sequence: 10 }), "{error}");
        replace(&directory.path().join(entry_file(4)), "approve", "deny");
        // Where its hash is needed; other proofs rest on what later entries say of the tree, which the audit holds against it.
        assert!(store.prove_inclusion(4).await.is_err());
        assert!(store.prove_inclusion(5).await.is_err());
        assert!(store.check_continues(kept[4].as_bytes()).await.is_err());
    });
}

#[test]
fn a_copy_that_is_cut_off_is_never_wrong_and_goes_on() {
    let key = key();
    block_on(async {
        let from = over(Objects::remote(Arc::new(InMemory::new()))).await;
        for run in 0..3 {
            from.append(&run_of(&run.to_string(), &key)).await.unwrap();
        }
        for nth in 1..2 * REQUESTS_MAX {
            let objects = Arc::new(InMemory::new());
            let faulty = Faulty::new(objects.clone(), Fault::Killed, nth);
            let cut_off = from.sync_objects(&Objects::remote(faulty.clone())).await;
            let to = Objects::remote(objects);
            // Whatever is there by now holds.
            if let Some(store) = Store::of(to.clone()).await.unwrap() {
                sound(&store).await;
            }
            from.sync_objects(&to).await.unwrap();
            let again = from.sync_objects(&to).await.unwrap();
            assert_eq!(again, Synced { entries: 3, ..Synced::default() });
            let copy = Store::of(to).await.unwrap().unwrap();
            assert_eq!(sound(&copy).await, sound(&from).await);
            if !faulty.is_met() {
                cut_off.unwrap();
                return;
            }
        }
        panic!("the fault is never met");
    });
}

#[test]
fn damage_is_not_copied() {
    let (directory, key) = (tempfile::tempdir().unwrap(), key());
    block_on(async {
        let (from, to) = (directory.path().join("from"), StoreAddress::Directory(directory.path().join("to")));
        let store = opened(&from).await;
        let receipt = store.append(&run_of("1", &key)).await.unwrap().receipt;
        replace(&from.join(blob_path(receipt.bundles[0]).to_string()), "payload", "PAYLOAD");
        let error = store.sync_to(&to, &settings()).await.unwrap_err();
        assert!(matches!(error, StoreError::Damaged { .. }), "{error}");
        let copy = Store::open(&to, &settings()).await.unwrap();
        assert_eq!(sound(&copy).await.checkpoint.size, 0);
        let other = directory.path().join("other");
        opened(&other).await;
        let error = store.sync_to(&StoreAddress::Directory(other), &settings()).await.unwrap_err();
        assert!(matches!(error, StoreError::LogsDiffer { .. }), "{error}");
    });
}

#[test]
fn a_log_that_was_written_anew_is_not_signed_on() {
    let (directory, key) = (tempfile::tempdir().unwrap(), key());
    block_on(async {
        let store = opened(directory.path()).await;
        store.append(&run_of("1", &key)).await.unwrap();
        remove(directory.path(), &entry_file(0));
        let rewritten = Entry::after(None, run_of("2", &key).leaf).unwrap();
        store.objects.create(&log::path(0), rewritten.object().bytes()).await.unwrap();
        let error = store.append(&run_of("3", &key)).await.unwrap_err();
        assert!(matches!(error, StoreError::Rewritten { size: 1, .. }), "{error}");
        assert!(!directory.path().join(checkpoint_file(2)).exists());
    });
}

#[test]
fn logs_are_signed_by_their_own_key_or_not_at_all() {
    let (directory, run) = (tempfile::tempdir().unwrap(), run_of("1", &key()));
    let (place, home) = (directory.path().join("store"), directory.path().join("keys"));
    block_on(async {
        let address = StoreAddress::Directory(place.clone());
        let settings = settings();
        let open = |keys: LogKeys, is_signing| {
            let (address, settings) = (&address, &settings);
            async move { Store::open_to_append(address, settings, &keys, is_signing).await }
        };
        // To read makes nothing.
        assert!(matches!(Store::open(&address, &settings).await, Err(StoreError::NoStore { .. })));
        assert!(!place.exists());
        let person = LogKeys::new(None, Some(home));
        let appended = open(person.clone(), false).await.unwrap().append(&run).await.unwrap();
        let note = appended.signed_checkpoint.unwrap();
        assert_eq!(fs::read_to_string(place.join(checkpoint_file(1))).unwrap(), note);
        assert_eq!(open(person, true).await.unwrap().append(&run).await.unwrap().signed_checkpoint, Some(note));
        // Another machine has not the key.
        assert!(matches!(open(LogKeys::default(), true).await, Err(StoreError::NoLogKey { .. })));
        let unsigned = open(LogKeys::default(), false).await.unwrap();
        let second = unsigned.append(&run_of("2", &key())).await.unwrap();
        assert_eq!((second.signed_checkpoint, second.checkpoint.size), (None, 2));
        sound(&unsigned).await;
        let foreign = LogKeys::new(Some(log_key()), None);
        assert!(matches!(open(foreign, false).await, Err(StoreError::LogKeyDiffers { .. })));
    });
}

#[test]
fn a_store_of_the_first_format_is_written_on() {
    let (directory, key) = (tempfile::tempdir().unwrap(), key());
    block_on(async {
        let first = Store::open_local(directory.path()).await.unwrap();
        let meta = fs::read_to_string(directory.path().join("v1/meta.json")).unwrap();
        assert_eq!(meta, format!("{{\"format\":1,\"origin\":\"{}\"}}", first.origin()));
        first.append(&run_of("1", &key)).await.unwrap();
        let appended = opened(directory.path()).await.append(&run_of("2", &key)).await.unwrap();
        assert_eq!((appended.signed_checkpoint, appended.checkpoint.size), (None, 2));
        let audit = sound(&first).await;
        assert!(!audit.is_signed && audit.checkpoints == 0);
        assert!(matches!(first.prove_inclusion(0).await, Err(StoreError::NoCheckpoint { .. })));
        let unsigned = appended.checkpoint.to_text().into_bytes();
        assert_eq!(first.audit(&[unsigned]).await.unwrap().continues, 1);
    });
}

#[test]
fn every_flipped_bit_of_an_entry_is_noticed() {
    let key = key();
    block_on(async {
        let store = over(Objects::remote(Arc::new(InMemory::new()))).await;
        for run in ["1", "2"] {
            store.append(&run_of(run, &key)).await.unwrap();
        }
        let bytes = store.objects.get(&log::path(0)).await.unwrap().unwrap();
        let next = Entry::read(&store.objects, 1).await.unwrap().unwrap();
        for at in 0..bytes.len() {
            for bit in 0..8 {
                let mut changed = bytes.clone();
                changed[at] ^= 1 << bit;
                if let Ok(entry) = Entry::parse(&store.objects, 0, &changed) {
                    assert!(next.check_follows(Some(&entry), &store.objects).is_err(), "bit {bit} of byte {at}");
                }
            }
        }
    });
}

proptest::proptest! {
    #[test]
    fn no_bytes_upset_the_parser_of_entries(
        bytes in proptest::collection::vec(proptest::prelude::any::<u8>(), 0..200),
        text in r#"\{("seq":[0-9]{1,3},?|"previous":(null|"[0-9a-f]{0,3}"),?|"frontier":\[\],?|"leaf":\{\},?){0,4}\}"#,
    ) {
        let objects = Objects::remote(Arc::new(InMemory::new()));
        proptest::prop_assert!(Entry::parse(&objects, 0, &bytes).is_err());
        proptest::prop_assert!(Entry::parse(&objects, 0, text.as_bytes()).is_err());
    }
}

/// As many writers as the issue asks for, each in a thread of its own. `tests/store/race.py` runs it over a directory,
/// an S3 server and an Azure server, by variables.
#[test]
#[ignore = "takes minutes: tests/store/race.py runs it"]
#[expect(clippy::disallowed_methods, reason = "which store, and how many writers, is the script's to say")]
fn writers_race_for_the_store_of_the_environment() {
    let number = |name: &str, default: usize| std::env::var(name).map_or(default, |text| text.parse().unwrap());
    let (writers, runs) = (number("MODELGATE_TEST_WRITERS", 32), number("MODELGATE_TEST_RUNS", 50));
    let address: StoreAddress = std::env::var("MODELGATE_TEST_STORE").unwrap().parse().unwrap();
    let settings = crate::environment::Environment::read().remote;
    let keys = LogKeys::new(Some(log_key()), None);
    let started = std::time::Instant::now();
    let receipts: Vec<Receipt> = std::thread::scope(|scope| {
        let threads: Vec<_> = (0..writers)
            .map(|writer| {
                let (address, settings, keys) = (&address, &settings, &keys);
                scope.spawn(move || {
                    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
                    runtime.block_on(async {
                        let key = key();
                        let store = Store::open_to_append(address, settings, keys, true).await.unwrap();
                        let mut receipts = Vec::new();
                        for run in 0..runs {
                            let run = run_of(&format!("{writer}/{run}"), &key);
                            receipts.push(store.append(&run).await.unwrap().receipt);
                        }
                        receipts
                    })
                })
            })
            .collect();
        threads.into_iter().flat_map(|thread| thread.join().unwrap()).collect()
    });
    let appended = started.elapsed();
    let sequences: BTreeSet<_> = receipts.iter().map(|receipt| receipt.sequence).collect();
    let total = (writers * runs) as u64;
    assert_eq!(sequences, (0..total).collect());
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().unwrap();
    let audit = runtime.block_on(async { sound(&Store::open(&address, &settings).await.unwrap()).await });
    assert_eq!((audit.checkpoint.size, audit.receipts, audit.checkpoints), (total, total, total));
    let figures = format!(
        "{address}: {writers} writers, {runs} runs each: {} entries, a valid chain, none lost or doubled, in {:.1} s \
         ({:.1} entries/s); audit {:.1} s",
        audit.checkpoint.size,
        appended.as_secs_f64(),
        total as f64 / appended.as_secs_f64(),
        (started.elapsed() - appended).as_secs_f64(),
    );
    std::fs::write(std::env::var("MODELGATE_TEST_FIGURES").unwrap(), figures).unwrap();
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
            let findings = store.audit(&[]).await.unwrap().findings;
            let missing = findings.iter().filter(|finding| finding.kind == FindingKind::MissingEntry);
            assert!(missing.clone().any(|finding| finding.object.ends_with(&entry_file(hole))), "{findings:?}");
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
        let again = store.append(&run).await.unwrap();
        assert_eq!((again.receipt, again.already_recorded), (receipt, true));
        sound(&store).await;
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
        assert_eq!(sound(&store).await.checkpoint.size, 0);
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
        ("newer", r#"{"format":3,"later":true}"#, "format 3"),
        ("keyless", r#"{"format":2,"origin":"x"}"#, "do not go together"),
        ("signed", r#"{"format":1,"log_key":"x","origin":"x"}"#, "do not go together"),
        ("no key", r#"{"format":2,"log_key":"x","origin":"x"}"#, "no verifier key"),
        (
            "another's",
            r#"{"format":2,"log_key":"example.com/foo+530d903a+AekyeRrm56hApGFkyQR4ZCbV54Id2LKaANYcrnKv3U2k","origin":"x"}"#,
            "another log",
        ),
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
            sound(&store).await.checkpoint.size
        });
        task.await.unwrap()
    });
    assert_eq!(entries, 1);
}
