//! Pickles, read as the programs that they are and never run.
//!
//! The scanner walks the opcodes of every stream with a stack and a memo of its own, as far as it needs
//! them to know the operands of imports. What it cannot resolve is not left out: the scan is then
//! incomplete, and that is a risk. A stream that breaks late has already run what came before, so what
//! was found until then counts.

use super::pickle_machine::{Broken, Loader, Machine};
use super::pickle_reader::Reader;
use super::{Content, Findings, ImportVerdict, PickleFacts, PickleImport, RiskSeverity};

/// Recognised by the PROTO opcode, or for protocols 0 and 1 by a walk that makes sense; members of archives by that
/// alone.
pub(super) fn inspect(content: Content<'_>) -> Option<Findings> {
    ((is_marked(content.bytes) && !content.is_member) || is_plausible(content, 0)).then(|| scan(content, 0))
}

/// Recognised as [`inspect`] does, but for bytes that nobody says are a pickle, such as the tensors in an
/// archive: two of them can be the mark by chance. What breaks off before it does anything is none.
pub(super) fn inspect_unnamed(content: Content<'_>) -> Option<Findings> {
    is_plausible(content, 0).then(|| scan(content, 0))
}

/// Recognised by the mark of NumPy and data that is a pickle: that is how objects are stored.
pub(super) fn inspect_numpy(content: Content<'_>) -> Option<Findings> {
    let rest = content.bytes.strip_prefix(b"\x93NUMPY")?;
    // NumPy's format.py: version, header length (two bytes in version 1, four later), header.
    let (length, rest) = match rest {
        [1, _, low, high, rest @ ..] => (usize::from(u16::from_le_bytes([*low, *high])), rest),
        [_, _, a, b, c, d, rest @ ..] => (usize::try_from(u32::from_le_bytes([*a, *b, *c, *d])).ok()?, rest),
        _ => return None,
    };
    let header = rest.get(..length)?;
    if has_plain_elements(header) {
        return None;
    }
    let bytes = rest.get(length..)?;
    let start = (content.bytes.len() - bytes.len()) as u64;
    (is_marked(bytes) || is_plausible(content, start)).then(|| scan(content, start))
}

/// Whether a header of NumPy is as NumPy writes it for numbers or texts. There are many ways to say that
/// the elements are objects (`O`, `object`, `i4,O`, a record's field, any of them as an expression that
/// Python puts together), so this is what is looked for.
fn has_plain_elements(header: &[u8]) -> bool {
    let parse = |header: &str| -> Option<()> {
        let rest = header.strip_prefix("{'descr': '")?.strip_prefix(['<', '>', '|', '='])?;
        let rest = rest.strip_prefix(['b', 'i', 'u', 'f', 'c', 'm', 'M', 'S', 'U', 'V'])?;
        let rest = rest.trim_start_matches(|digit: char| digit.is_ascii_digit());
        // The unit of a date.
        let rest = match rest.strip_prefix('[') {
            Some(unit) => {
                unit.trim_start_matches(|character: char| character.is_ascii_alphanumeric()).strip_prefix(']')?
            }
            None => rest,
        };
        let rest = rest.strip_prefix("', 'fortran_order': ")?;
        let rest = rest.strip_prefix("False").or_else(|| rest.strip_prefix("True"))?;
        let rest = rest.strip_prefix(", 'shape': (")?;
        let rest = rest.trim_start_matches(|character: char| character.is_ascii_digit() || ", ".contains(character));
        rest.strip_prefix("), }")?.trim().is_empty().then_some(())
    };
    std::str::from_utf8(header).ok().and_then(parse).is_some()
}

/// Bytes of the PROTO opcode.
const MARK_BYTES: usize = 2;

fn is_marked(bytes: &[u8]) -> bool {
    matches!(bytes, [0x80, protocol, ..] if *protocol <= 5)
}

/// Whether a walk makes sense: it ends in a STOP where the file ends, or does what only a program does.
fn is_plausible(content: Content<'_>, start: u64) -> bool {
    let marked = is_marked(Reader::new(content, start).peek(MARK_BYTES));
    let mut machine = Machine::new(content, start, Loader::Joblib);
    match machine.run() {
        Ok(()) => machine.acted || machine.named || marked || is_blank_to_the_end(&mut machine.reader),
        // What is not there may go on to do something.
        Err(_) => {
            let is_cut = machine.reader.is_cut && machine.reader.position > start;
            machine.acted || (marked && machine.unresolved.is_some()) || machine.is_dangerous() || is_cut
        }
    }
}

/// Whether nothing follows but a little white space.
fn is_blank_to_the_end(reader: &mut Reader<'_>) -> bool {
    const BLANK_BYTES_MAX: usize = 64;
    let rest = reader.peek(BLANK_BYTES_MAX + 1);
    rest.len() <= BLANK_BYTES_MAX && rest.iter().all(u8::is_ascii_whitespace)
}

/// Walks every stream of a pickle.
fn scan(content: Content<'_>, start: u64) -> Findings {
    let mut findings = Findings::default();
    let is_readable = content.is_whole() || content.ahead.is_some();
    let mut facts = PickleFacts { protocol: 0, streams: 0, imports: Vec::new(), complete: is_readable };
    if !is_readable {
        let message = "the pickle is too large to be looked through to its end";
        findings.risk(content.bytes.len() as u64, RiskSeverity::High, "too-large-to-inspect", message);
    }
    let mut reader = Reader::new(content, start);
    while !reader.is_at_end() {
        let position = reader.position;
        let mut machine = Machine::new(content, position, Loader::Joblib);
        let result = machine.run();
        if facts.streams > 0 && !is_marked(reader.peek(MARK_BYTES)) && !machine.acted && !machine.named {
            let message = "bytes that are no pickle follow the last stream";
            findings.risk(position, RiskSeverity::High, "pickle-trailing-data", message);
            break;
        }
        facts.streams += 1;
        facts.protocol = facts.protocol.max(machine.protocol);
        facts.imports.extend(machine.verdicts());
        if machine.has_arrays {
            facts.imports.extend(as_pickle_sees_it(content, position));
        }
        if !note_breaks(&machine, result, &mut facts, &mut findings) {
            break;
        }
        reader = machine.reader;
    }
    facts.imports = unique(facts.imports);
    findings.pickle = Some(facts);
    findings
}

/// Streams at the beginning of something that is no pickle behind them.
pub(super) struct Streams {
    pub(super) findings: Findings,
    /// Where they end; none where they do not all.
    pub(super) end: Option<u64>,
    /// Bytes that the storages of PyTorch take which they refer to; none where that is not known.
    pub(super) storage_bytes: Option<u64>,
}

/// Walks so many streams.
pub(super) fn inspect_streams(content: Content<'_>, streams: u64) -> Streams {
    let mut findings = Findings::default();
    let mut facts = PickleFacts { protocol: 0, streams: 0, imports: Vec::new(), complete: true };
    let mut position = 0;
    let mut storage_bytes = Some(0_u64);
    let mut have_ended = true;
    while have_ended && facts.streams < streams {
        let mut machine = Machine::new(content, position, Loader::Pickle);
        let result = machine.run();
        facts.streams += 1;
        facts.protocol = facts.protocol.max(machine.protocol);
        facts.imports.extend(machine.verdicts());
        storage_bytes = storage_bytes.and_then(|sum| sum.checked_add(machine.storages.file_bytes()?));
        have_ended = note_breaks(&machine, result, &mut facts, &mut findings);
        position = machine.reader.position;
    }
    facts.imports = unique(facts.imports);
    findings.pickle = Some(facts);
    Streams { findings, end: have_ended.then_some(position), storage_bytes }
}

/// Notes where a walk could not see everything, and says whether more may follow it.
fn note_breaks(
    machine: &Machine<'_>,
    result: Result<(), Broken>,
    facts: &mut PickleFacts,
    findings: &mut Findings,
) -> bool {
    if let Some((offset, why)) = machine.unresolved {
        facts.complete = false;
        let message = format!("what loading it does cannot be known: {why}");
        findings.risk(offset, RiskSeverity::High, "pickle-incomplete", message);
    }
    let Err(why) = result else { return true };
    facts.complete = false;
    let message = format!("the pickle breaks off: {why}; what came before would still run");
    findings.risk(machine.reader.position, RiskSeverity::High, "pickle-incomplete", message);
    false
}

/// What is dangerous to a loader that knows nothing of joblib: it takes the data of arrays for opcodes, and
/// data can be made to be some. What is only unknown does not count here: arrays of objects are pickles with
/// a memo of their own, in whose place that loader takes names from the memo outside.
fn as_pickle_sees_it(content: Content<'_>, position: u64) -> impl Iterator<Item = PickleImport> {
    let mut machine = Machine::new(content, position, Loader::Pickle);
    // That it breaks at an array's data is what it should do.
    let _ = machine.run();
    let imports: Vec<PickleImport> = machine.verdicts().collect();
    imports.into_iter().filter(|import| import.verdict == ImportVerdict::Dangerous)
}

/// Imports sorted, each once with its worst verdict and its first offset.
pub(super) fn unique(mut imports: Vec<PickleImport>) -> Vec<PickleImport> {
    imports.sort_by(|left, right| {
        let names = (&left.module, &left.name).cmp(&(&right.module, &right.name));
        names.then(right.verdict.cmp(&left.verdict)).then(left.offset.cmp(&right.offset))
    });
    imports.dedup_by(|left, right| (&left.module, &left.name) == (&right.module, &right.name));
    imports
}

#[cfg(test)]
mod tests {
    use std::io::Write as _;

    use proptest::prelude::*;

    use super::*;
    use crate::facts::artifact::content::{LookAhead, PAGE_BYTES};
    use crate::facts::artifact::pickle_imports::verdict;

    fn scanned(bytes: &[u8]) -> Option<(Vec<String>, bool, Vec<String>)> {
        let findings = inspect(Content::of(bytes, bytes.len() as u64))?;
        let facts = findings.pickle.unwrap();
        let imports = facts.imports.iter().map(|import| format!("{}.{}", import.module, import.name)).collect();
        Some((imports, facts.complete, findings.risks.into_iter().map(|risk| risk.code).collect()))
    }

    #[track_caller]
    fn finds_system(bytes: &[u8]) {
        let (imports, complete, _) = scanned(bytes).expect("recognised as a pickle");
        assert_eq!((imports, complete), (vec!["os.system".to_owned()], true), "{bytes:02x?}");
        assert_eq!(verdict("os", "system"), ImportVerdict::Dangerous);
    }

    #[test]
    fn every_way_to_import_is_found() {
        finds_system(b"cos\nsystem\n(S'echo'\ntR.");
        finds_system(b"(S'echo'\nios\nsystem\n.");
        finds_system(b"(cos\nsystem\nS'echo'\no.");
        finds_system(b"\x80\x02cos\nsystem\nX\x04\x00\x00\x00echo\x85R.");
        finds_system(
            b"\x80\x04\x95\x1c\0\0\0\0\0\0\0\x8c\x02os\x94\x8c\x06system\x94\x93\x94\x8c\x04echo\x94\x85\x94R\x94.",
        );
        // Operands through the memo, duplicated, popped and put back.
        finds_system(b"\x80\x04\x8c\x02os\x94\x8c\x06system\x94N00h\x00h\x01\x93)R.");
        finds_system(b"\x80\x04V os\n0Vos\n\x8c\x06system\x93)R.");
        finds_system(b"\x80\x02]q\x00(cos\nsystem\n)Re.");
    }

    #[test]
    fn what_cannot_be_resolved_is_not_left_out() {
        for bytes in [
            // A computed operand, an escaped one, the extension registry.
            &b"\x80\x04\x8c\x02os)\x93)R."[..],
            b"\x80\x04V\\u006fs\n\x8c\x06system\x93)R.",
            b"\x80\x04S'\\x6fs'\n\x8c\x06system\x93)R.",
            b"\x80\x02\x82\x01)R.",
            // A frame that lies, a name of no length that names have, a change to what was imported.
            b"\x80\x04\x95\xff\0\0\0\0\0\0\0N.",
            &[b"\x80\x02c", &[b'a'; 2_000][..], b"\nb\n)R."].concat(),
            b"\x80\x02cnumpy\nndarray\n}b.",
        ] {
            let (_, complete, risks) = scanned(bytes).unwrap();
            assert!(!complete && risks.contains(&"pickle-incomplete".to_owned()), "{bytes:02x?}");
        }
    }

    #[test]
    fn a_stream_that_breaks_late_keeps_what_it_ran() {
        let (imports, complete, risks) = scanned(b"\x80\x02cos\nsystem\n)R\xff").unwrap();
        assert_eq!((imports, complete), (vec!["os.system".to_owned()], false));
        assert_eq!(risks, ["pickle-incomplete"]);
        assert_eq!(scanned(b"cos\nsystem\n)R!!").unwrap().0, ["os.system"]);
    }

    #[test]
    fn every_stream_is_read_and_what_follows_is_said() {
        let (imports, complete, _) = scanned(b"\x80\x02N.\x80\x02cos\nsystem\n)R.").unwrap();
        assert_eq!((imports, complete), (vec!["os.system".to_owned()], true));
        assert_eq!(scanned(b"\x80\x02N.cos\nsystem\n)R.").unwrap().0, ["os.system"]);
        assert_eq!(scanned(b"\x80\x02N.cos\nsystem\n.").unwrap().0, ["os.system"]);
        assert_eq!(scanned(b"\x80\x02N.some text").unwrap().2, ["pickle-trailing-data"]);
    }

    #[test]
    fn truncation_never_makes_a_file_cleaner() {
        let whole = b"\x80\x04\x8c\x02os\x94\x8c\x06system\x94\x93\x94\x8c\x04echo\x94\x85\x94R\x94.";
        for length in 2..whole.len() {
            let (_, complete, risks) = scanned(&whole[..length]).unwrap();
            assert!(!complete && !risks.is_empty(), "{length}");
        }
    }

    #[test]
    fn a_pickle_without_a_mark_is_cut_only_to_what_still_says_so() {
        let whole = b"(lp0\ncos\nsystem\np1\n(S'echo'\ntRa.";
        assert_eq!(scanned(whole).unwrap(), (vec!["os.system".to_owned()], true, Vec::new()));
        for length in 16..whole.len() {
            let (imports, complete, _) = scanned(&whole[..length]).unwrap();
            assert_eq!((imports, complete), (vec!["os.system".to_owned()], false), "{length}");
        }
    }

    #[test]
    fn text_is_no_pickle() {
        let requirements = "catboost\njoblib==1.6.0\nonnx\n";
        let notes = "Project: credit\nVersion 1\nRelease of May\n";
        for text in [
            requirements,
            notes,
            "hello world",
            "cat\ndog\nbird\n",
            "I am here.\n",
            "{\"a\": 1}",
            "N",
            "",
            "# Title\n\nText.\n",
        ] {
            assert!(scanned(text.as_bytes()).is_none(), "{text}");
        }
    }

    #[test]
    fn object_arrays_of_numpy_are_pickles() {
        let header = b"{'descr': '|O', 'fortran_order': False, 'shape': (1,), }\n";
        let array = |header: &[u8]| {
            let length = (header.len() as u16).to_le_bytes();
            [b"\x93NUMPY\x01\x00", &length[..], header, b"\x80\x02cos\nsystem\n)R."].concat()
        };
        let inspect = |bytes: &[u8]| inspect_numpy(Content::of(bytes, bytes.len() as u64));
        assert_eq!(inspect(&array(header)).unwrap().pickle.unwrap().imports[0].name, "system");
        for header in [
            "{'descr': 'object', 'fortran_order': False, 'shape': (1,), }\n",
            "{'descr': '<f8' ',O', 'fortran_order': False, 'shape': (1,), }\n",
            "{'descr': [('a', '<O')], 'fortran_order': False, 'shape': (1,), }\n",
            "{'descr': '<f8', 'fortran_order': False, 'shape': (1,), 'de' 'scr': 'O', }\n",
        ] {
            let findings = inspect(&array(header.as_bytes())).unwrap();
            let import = &findings.pickle.unwrap().imports[0];
            assert_eq!((import.name.as_str(), import.offset), ("system", 10 + header.len() as u64 + 2), "{header}");
        }
        for header in [
            "{'descr': '<f8', 'fortran_order': False, 'shape': (1,), }       \n",
            "{'descr': '<M8[ns]', 'fortran_order': True, 'shape': (12, 3), }\n",
            "{'descr': '|b1', 'fortran_order': True, 'shape': (), }\n",
        ] {
            assert!(inspect(&array(header.as_bytes())).is_none(), "{header}");
        }
    }

    /// Each import with its verdict, and the reasons why the scan is incomplete.
    fn judged(bytes: &[u8]) -> (Vec<(String, ImportVerdict)>, Vec<String>) {
        let findings = inspect(Content::of(bytes, bytes.len() as u64)).unwrap();
        let imports = findings.pickle.unwrap().imports.into_iter();
        let risks = findings.risks.into_iter().filter(|risk| risk.code == "pickle-incomplete");
        (
            imports.map(|import| (format!("{}.{}", import.module, import.name), import.verdict)).collect(),
            risks.map(|risk| risk.message).collect(),
        )
    }

    #[track_caller]
    fn is_incomplete(bytes: &[u8], why: &str) {
        let (_, reasons) = judged(bytes);
        assert!(reasons.iter().any(|reason| reason.contains(why)), "{reasons:?}: {bytes:02x?}");
    }

    #[test]
    fn what_stands_across_the_end_of_a_frame_is_said() {
        let framed = |length: u64, body: &[u8]| [b"\x80\x05\x95", &length.to_le_bytes()[..], body, b"."].concat();
        let across = "across the end of a frame";
        for (length, body) in [
            (5, &b"B\x05\0\0\0AAAAA"[..]),
            (3, b"\x8c\x05AAAAA"),
            (4, b"cmacos\nsystem\n"),
            (7, b"cos\nsystem\n"),
            (5, b"Vhello world\n"),
            (2, b"J\x07\0\0\0"),
        ] {
            is_incomplete(&framed(length, body), across);
            assert_eq!(judged(&framed(body.len() as u64 + 1, body)).1, Vec::<String>::new(), "{body:02x?}");
            assert_eq!(judged(&framed(body.len() as u64, body)).1, Vec::<String>::new(), "{body:02x?}");
        }
        let inner = [b"N\x95", &2_u64.to_le_bytes()[..], b"N0"].concat();
        is_incomplete(&framed(12, &inner), "begins within another");
        let next = [b"N0\x95", &2_u64.to_le_bytes()[..], b"N"].concat();
        assert_eq!(judged(&framed(2, &next)).1, Vec::<String>::new());
    }

    #[test]
    fn what_is_called_or_changed_without_a_name_is_said() {
        let called = "calls something that it did not import";
        // What a persistent id stands for, what another call gave, a constant; by each opcode that calls.
        is_incomplete(b"\x80\x02Pid\n)R.", called);
        is_incomplete(b"\x80\x02ccollections\nOrderedDict\n)R)R.", called);
        is_incomplete(b"\x80\x02N)\x81.", called);
        is_incomplete(b"\x80\x04N)}\x92.", called);
        is_incomplete(b"\x80\x02(NK\x01o.", called);
        let changed = "changes something that it imported";
        for change in [&b"K\x01a"[..], b"(K\x01e", b"K\x01K\x02s", b"(K\x01K\x02u", b"(K\x01\x90", b"}b"] {
            is_incomplete(&[b"\x80\x04cmycompany\nvalues\n", change, b"."].concat(), changed);
            let made = [b"\x80\x04ccollections\nOrderedDict\n)R", change, b"."].concat();
            assert_eq!(judged(&made).1, Vec::<String>::new(), "{change:02x?}");
        }
        // The class of a module of PyTorch's old format stands in its persistent id.
        let module = b"\x80\x02(X\x06\0\0\0modulectorch.nn.modules.linear\nLinear\nNNtQ)\x81}b.";
        assert_eq!(judged(module).1, Vec::<String>::new());
    }

    #[test]
    fn an_instance_that_brings_its_own_setstate_is_said() {
        let why = "says itself how its state is set";
        let value = b"ccollections\nOrderedDict\n";
        let key = b"\x8c\x0c__setstate__";
        let instance = b"\x80\x04ccollections\nOrderedDict\n)R";
        is_incomplete(&[&instance[..], b"}", key, value, b"sbK\x01b."].concat(), why);
        is_incomplete(&[&instance[..], b"}(", key, value, b"ubK\x01b."].concat(), why);
        is_incomplete(&[&instance[..], b"(", key, value, b"dbK\x01b."].concat(), why);
        // A vocabulary may have the word.
        for value in [&b"K\x01"[..], b"\x8c\x01a", b"N"] {
            assert_eq!(judged(&[b"\x80\x04}", &key[..], value, b"s."].concat()).1, Vec::<String>::new());
        }
    }

    #[test]
    fn attributes_are_reached_only_where_they_are_allowed() {
        let found = |bytes: &[u8]| {
            let (imports, reasons) = judged(bytes);
            let verdict = imports.iter().find(|(name, _)| name == "builtins.getattr").map(|(_, verdict)| *verdict);
            (verdict, reasons.is_empty())
        };
        let zone: &[u8] = b"czoneinfo\nZoneInfo\n\x8c\x09_unpickle\x86R\x8c\x03UTCK\x01\x86R";
        let program =
            |parts: &[&[u8]]| [b"\x80\x04(cbuiltins\ngetattr\nq\x00".as_slice(), &parts.concat(), b"l."].concat();
        assert_eq!(found(&program(&[zone])), (Some(ImportVerdict::Allowed), true));
        assert_eq!(found(&program(&[zone, b"h\x00", zone])), (Some(ImportVerdict::Allowed), true));
        for other in [
            // Of another class, another attribute, one that is computed, by another opcode, or kept for later.
            &b"ccollections\nOrderedDict\n\x8c\x09_unpickle\x86R"[..],
            b"czoneinfo\nZoneInfo\n\x8c\x09from_file\x86R",
            b"czoneinfo\nZoneInfo\nN\x86R",
            b"czoneinfo\nZoneInfo\n\x8c\x09_unpickle\x86\x81",
            b"",
            b"2",
            b"\x85",
        ] {
            let (verdict, _) = found(&program(&[other]));
            assert_eq!(verdict, Some(ImportVerdict::Dangerous), "{other:02x?}");
            let (verdict, _) = found(&program(&[zone, b"h\x00", other]));
            assert_eq!(verdict, Some(ImportVerdict::Dangerous), "{other:02x?}");
        }
    }

    #[test]
    fn a_partial_function_may_call_what_is_allowed() {
        let found = |bytes: &[u8]| {
            let (imports, reasons) = judged(bytes);
            let verdict = imports.iter().find(|(name, _)| name == "functools.partial").map(|(_, verdict)| *verdict);
            (verdict, reasons.is_empty())
        };
        let program =
            |of: &[u8], state: &[u8]| [b"\x80\x02cfunctools\npartial\n", of, b"\x85R(", state, b")}Ntb."].concat();
        let (exp, unknown): (&[u8], &[u8]) = (b"cnumpy\nexp\n", b"cmycompany\nf\n");
        assert_eq!(found(&program(exp, exp)), (Some(ImportVerdict::Allowed), true));
        assert_eq!(found(&program(unknown, exp)).0, Some(ImportVerdict::Dangerous));
        assert_eq!(found(&program(exp, unknown)), (Some(ImportVerdict::Allowed), false));
        assert_eq!(found(&program(exp, b"N")), (Some(ImportVerdict::Allowed), false));
        assert_eq!(found(b"\x80\x02cfunctools\npartial\n."), (Some(ImportVerdict::Dangerous), true));
        let called = [b"\x80\x02cfunctools\npartial\n", exp, b"\x85R)R."].concat();
        assert_eq!(found(&called), (Some(ImportVerdict::Allowed), false));
    }

    #[test]
    fn the_end_of_the_beginning_is_no_end() {
        // Only the beginning of a member is there, and what follows may do something.
        let whole = [b"]", &[b'N'; 100][..], b"cos\nsystem\n)R."].concat();
        let found = inspect_unnamed(Content::of(&whole[..50], whole.len() as u64)).unwrap();
        assert!(found.risks.iter().any(|risk| risk.code == "too-large-to-inspect"), "{:?}", found.risks);
    }

    proptest! {
        /// A file of which only the beginning is in memory is judged as one that all of is.
        #[test]
        fn a_window_shows_what_the_whole_does(
            payload in 0_usize..200_000,
            text in 0_usize..1_200,
            rest in prop::collection::vec(prop::sample::select(b"()0N}KMhq\x94\x93\x8cRbtcos\nsystem.".to_vec()), 0..80),
        ) {
            let length = u32::try_from(payload).unwrap().to_le_bytes();
            let line = vec![b'a'; text];
            let bytes = [
                b"\x80\x04\x8c\x02os\x940\x8c\x06system\x940B",
                &length[..],
                &vec![b'c'; payload],
                b"0V",
                &line,
                b"\n0h\x00h\x01\x93",
                &rest,
            ]
            .concat();
            let whole = Content::of(&bytes, bytes.len() as u64);
            let mut file = tempfile::tempfile().unwrap();
            file.write_all(&bytes).unwrap();
            let ahead = LookAhead::new(&file, bytes.len() as u64);
            let beginning = &bytes[..bytes.len().min(usize::try_from(PAGE_BYTES).unwrap())];
            let part = Content { bytes: beginning, ahead: Some(&ahead), ..whole };
            let (expected, found) = (inspect(whole).unwrap(), inspect(part).unwrap());
            prop_assert_eq!(expected.pickle, found.pickle);
            prop_assert_eq!(expected.risks, found.risks);
        }

        #[test]
        fn opcodes_in_any_order_never_panic(
            protocol in 0_u8..7,
            opcodes in prop::collection::vec(
                prop_oneof![
                    prop::sample::select(OPCODES.to_vec()).prop_map(|opcode| vec![opcode]),
                    prop::sample::select(PIECES.to_vec()).prop_map(<[u8]>::to_vec),
                    any::<u8>().prop_map(|byte| vec![byte]),
                ],
                0..60,
            ),
        ) {
            let bytes = [&[0x80, protocol][..], &opcodes.concat()].concat();
            let found = inspect(Content::of(&bytes, bytes.len() as u64));
            // A stream that does not end is never complete.
            let facts = found.filter(|_| !bytes.contains(&b'.')).and_then(|found| found.pickle);
            prop_assert!(facts.is_none_or(|facts| !facts.complete));
        }
    }

    const OPCODES: &[u8] = b"(012NFIJKLMPQRSTUVX]abcdegijloprstu}h)q.\x80\x81\x82\x83\x84\x85\x86\x87\x88\x89\x8a\x8b\
        \x8c\x8d\x8e\x8f\x90\x91\x92\x93\x94\x95\x96\x97\x98BCG";

    const PIECES: &[&[u8]] = &[
        b"cos\nsystem\n",
        b"cbuiltins\ngetattr\n",
        b"cfunctools\npartial\n",
        b"cjoblib.numpy_pickle\nNumpyArrayWrapper\n",
        b"cnumpy\ndtype\n",
        b"ctorch\nFloatStorage\n",
        b"czoneinfo\nZoneInfo\n",
        b"\x8c\x05shape",
        b"\x8c\x05dtype",
        b"\x8c\x02f8",
        b"\x8c\x07storage",
        b"\x8c\x0c__setstate__",
        b"K\x03",
        b"h\x00",
        b"q\x00",
        b"\x95\x05\0\0\0\0\0\0\0",
        b"\x8a\x08\xff\xff\xff\xff\xff\xff\xff\x7f",
        b"\x8e\xff\xff\xff\xff\xff\xff\xff\xff",
    ];
}
