//! Archives as they are written, and as they are made wrong.

use proptest::prelude::*;

use super::build::{self, Entry};
use super::directory::END_BYTES;
use super::*;
use crate::facts::artifact::ArtifactFormat;
use crate::facts::artifact::content::LookAhead;

const UNSAFE: &[u8] = b"\x80\x02cos\nsystem\n)R.";

fn content(bytes: &[u8]) -> Content<'_> {
    Content::of(bytes, bytes.len() as u64)
}

fn findings(bytes: &[u8]) -> Findings {
    inspect(content(bytes)).unwrap()
}

fn codes(bytes: &[u8]) -> Vec<String> {
    findings(bytes).risks.into_iter().map(|risk| risk.code).collect()
}

fn imports(findings: &Findings) -> Vec<String> {
    let imports = findings.pickle.iter().flat_map(|pickle| &pickle.imports);
    imports.map(|import| format!("{}.{}", import.module, import.name)).collect()
}

/// An archive with one member, whose content is as it stands there.
fn archive(name: &str, packed: &[u8], method: u16, flags: u16) -> Vec<u8> {
    build::archive(&[Entry { method, flags, ..Entry::stored(name, packed) }])
}

const NONE: [&str; 0] = [];

#[test]
fn pickles_in_members_are_found_however_they_are_written() {
    let stored = Entry::stored("archive/data.pkl", UNSAFE);
    let deflated = Entry::deflated("data.png", UNSAFE);
    let behind = |entry: &Entry| Entry { flags: 8, ..entry.clone() };
    let wide = |entry: &Entry| Entry { is_wide: true, ..entry.clone() };
    for entry in [&stored, &deflated] {
        for entry in [entry.clone(), behind(entry), wide(entry), wide(&behind(entry))] {
            let before = Entry::stored("version", b"3\n");
            for bytes in [build::archive(&[before.clone(), entry.clone()]), build::archive_64(&[before, entry.clone()])]
            {
                let found = findings(&bytes);
                assert_eq!(found.risks, [], "{entry:?}");
                assert_eq!(imports(&found), ["os.system"], "{entry:?}");
                let offset = found.pickle.unwrap().imports[0].offset;
                assert_eq!(bytes[offset as usize..][..4], *b"PK\x03\x04");
                let archive = found.archive.unwrap();
                assert_eq!((archive.members, archive.formats), (2, vec![ArtifactFormat::Pickle, ArtifactFormat::Text]));
            }
        }
    }
}

#[test]
fn members_can_be_read() {
    let text = "numbers ".repeat(1_000);
    let bytes = build::archive(&[Entry::stored("a", b"1"), Entry::deflated("b", text.as_bytes())]);
    let archive = open(content(&bytes)).unwrap_or_else(|why| panic!("{why}"));
    let names: Vec<_> = archive.members().iter().map(|member| member.name().into_owned()).collect();
    assert_eq!(names, ["a", "b"]);
    let member = archive.member("b").unwrap();
    assert_eq!((member.unpacked, member.offset()), (8_000, 32));
    assert_eq!(archive.read(member, 8_000).as_deref(), Ok(text.as_bytes()));
    assert_eq!(archive.read(member, 7_999), Err("it is too large"));
    assert!(archive.member("c").is_none());
    for (change, expected) in [
        (Entry { crc: 7, ..Entry::deflated("b", b"12") }, "its checksum is wrong"),
        (
            Entry { unpacked_bytes: 3, ..Entry::deflated("b", b"12") },
            "it unpacks to another size than the directory says",
        ),
        (Entry { flags: 1, ..Entry::deflated("b", b"12") }, "it is encrypted"),
        (Entry { method: 99, ..Entry::deflated("b", b"12") }, "its compression is not known"),
        (Entry { packed: vec![0xff; 9], ..Entry::deflated("b", b"12") }, "it cannot be unpacked"),
    ] {
        let bytes = build::archive(&[change]);
        let archive = open(content(&bytes)).unwrap_or_else(|why| panic!("{why}"));
        assert_eq!(archive.read(&archive.members()[0], 100), Err(expected));
    }
}

#[test]
fn what_is_not_looked_into_is_said() {
    assert_eq!(codes(&archive("a", b"text", 0, 0)), NONE);
    assert_eq!(codes(&archive("a", b"text", 0, 1)), ["archive-member-not-inspected"]);
    assert_eq!(codes(&archive("a", b"text", 99, 0)), ["archive-member-not-inspected"]);
    assert_eq!(codes(&archive("a", b"text", 8, 0)), ["archive-member-not-inspected"]);
    assert_eq!(codes(&archive("a", b"PK\x03\x04...", 0, 0)), ["archive-not-inspected"]);
    assert_eq!(codes(b"PK\x03\x04 and then nothing"), ["archive-not-inspected"]);
    for entries in [vec![Entry::stored("a", UNSAFE)], vec![Entry::deflated("a", UNSAFE), Entry::stored("b", b"b")]] {
        for whole in [build::archive(&entries), build::archive_64(&entries)] {
            for length in 4..whole.len() {
                assert!(!codes(&whole[..length]).is_empty(), "{length}");
            }
        }
    }
}

#[test]
fn archives_that_readers_read_differently_are_refused() {
    let good = archive("a", b"text", 0, 0);
    let end = good.len() - END_BYTES;
    let changed = |at: usize, byte: u8| {
        let mut bytes = good.clone();
        bytes[at] = byte;
        codes(&bytes)
    };
    assert_eq!(codes(&good), NONE);
    // Fewer entries than there are, a directory of another length, entries on another disk.
    assert_eq!(changed(end + 10, 0), ["archive-not-inspected"]);
    assert_eq!(changed(end + 12, 1), ["archive-not-inspected"]);
    assert_eq!(changed(end + 8, 0), ["archive-not-inspected"]);
    assert_eq!(changed(end + 4, 1), ["archive-not-inspected"]);
    // Flags, compression, checksum, sizes and name of the header.
    for at in [6, 8, 14, 18, 22, 30] {
        assert!(changed(at, 9).contains(&"archive-disagreement".to_owned()), "{at}");
    }
    // A second directory, which readers find by the length before the end.
    let hidden = archive("data.pkl", UNSAFE, 0, 0);
    let twice = [&good[..end], &hidden[hidden.len() - END_BYTES - 54..]].concat();
    assert_eq!(codes(&twice), ["archive-not-inspected"]);
    // The locator of the Zip64 form, which leads nowhere.
    let twice = [&good[..end], b"PK\x06\x07", &[0; 16], &good[end..]].concat();
    assert_eq!(codes(&twice), ["archive-not-inspected"]);
}

#[test]
fn both_end_records_have_to_say_the_same() {
    let good = build::archive_64(&[Entry::stored("a", b"text")]);
    let (record, locator, end) = (good.len() - 98, good.len() - 42, good.len() - 22);
    assert_eq!(codes(&good), NONE);
    let changed = |at: usize, bytes: &[u8]| {
        let mut changed = good.clone();
        changed[at..at + bytes.len()].copy_from_slice(bytes);
        codes(&changed)
    };
    // The same values in the usual record are no contradiction; others are, even if no reader looks at them.
    assert_eq!(changed(end + 8, &[1, 0, 1, 0]), NONE);
    assert_eq!(changed(end + 8, &[2, 0, 2, 0]), ["archive-not-inspected"]);
    assert_eq!(changed(end + 12, &[1, 0, 0, 0]), ["archive-not-inspected"]);
    assert_eq!(changed(end + 16, &[1, 0, 0, 0]), ["archive-not-inspected"]);
    for at in [record, record + 4, record + 16, record + 20, record + 24, record + 32, record + 40, record + 48] {
        assert_eq!(changed(at, &[77]), ["archive-not-inspected"], "{at}");
    }
    for at in [locator + 4, locator + 8, locator + 15, locator + 16] {
        assert_eq!(changed(at, &[77]), ["archive-not-inspected"], "{at}");
    }
}

#[test]
fn sizes_that_are_too_large_stand_in_an_extra_field() {
    let wide = Entry { is_wide: true, ..Entry::stored("a", b"text") };
    let good = build::archive(&[wide.clone(), wide]);
    assert_eq!(codes(&good), ["archive-duplicate-name"]);
    let wide = Entry { is_wide: true, ..Entry::stored("a", b"text") };
    let good = build::archive(&[wide]);
    let changed = |at: usize, byte: u8| {
        let mut bytes = good.clone();
        bytes[at] = byte;
        codes(&bytes)
    };
    assert_eq!(codes(&good), NONE);
    // In the header, another size; then no field of that kind, and one that is longer than there are bytes.
    assert_eq!(changed(30 + 1 + 4, 5), ["archive-disagreement"]);
    assert_eq!(changed(30 + 1, 2), ["archive-disagreement"]);
    assert_eq!(changed(30 + 1 + 2, 17), ["archive-member-not-inspected"]);
    // In the directory, a field that is too short, and a size that no file has.
    let directory = good.len() - END_BYTES - 46 - 1 - 20;
    assert_eq!(changed(directory + 47 + 2, 15), ["archive-not-inspected"]);
    assert_eq!(changed(directory + 47 + 4 + 15, 255), ["archive-member-not-inspected"]);
}

#[test]
fn what_members_unpack_to_is_compared_with_what_is_said_of_it() {
    for good in [Entry::stored("a", b"text"), Entry::deflated("a", b"text")] {
        let bytes = build::archive(&[Entry { crc: 7, ..good.clone() }]);
        assert_eq!(codes(&bytes), ["archive-checksum"]);
        let bytes = build::archive(&[Entry { unpacked_bytes: 3, ..good }]);
        assert_eq!(codes(&bytes), ["archive-disagreement"]);
    }
    // PyTorch reads a member whose checksum is wrong, and Python's zipfile does not: it is looked into.
    let bytes = build::archive(&[Entry { crc: 7, ..Entry::stored("a", UNSAFE) }]);
    assert_eq!(imports(&findings(&bytes)), ["os.system"]);
}

#[test]
fn names_that_lead_elsewhere_or_occur_twice_are_risks() {
    for name in ["/etc/passwd", "../a", "a/../../b", "..\\a", "C:\\a", "c:/a", "a\0b", "\\\\server\\a"] {
        assert_eq!(codes(&archive(name, b"text", 0, 0)), ["archive-unsafe-name"], "{name}");
    }
    for name in ["a/b", "a..b", "...", "a/.b", "archive/data/0"] {
        assert_eq!(codes(&archive(name, b"text", 0, 0)), NONE, "{name}");
    }
    let twice = |first: &str, second: &str| {
        let entries = [Entry::stored(first, b"text"), Entry::stored("other", b""), Entry::stored(second, UNSAFE)];
        let bytes = build::archive(&entries);
        let found = findings(&bytes);
        assert_eq!(imports(&found), ["os.system"]);
        found.risks.into_iter().map(|risk| (risk.code, risk.offset)).collect::<Vec<_>>()
    };
    assert_eq!(twice("data.pkl", "data.pkl"), [("archive-duplicate-name".to_owned(), 77)]);
    assert_eq!(twice("data.pkl", "DATA.pkl"), [("archive-duplicate-name".to_owned(), 77)]);
    assert_eq!(twice("data.pkl", "data.pk1"), []);
}

#[test]
fn bytes_that_belong_to_no_member_are_a_risk() {
    let good = build::archive(&[Entry::stored("a", b"text"), Entry::deflated("b", b"text")]);
    let (end, start) = (good.len() - END_BYTES, good.len() - END_BYTES - 2 * 47);
    let moved = |at: usize, bytes: &[u8], by: u32| {
        let mut moved = good.clone();
        for (place, shift) in [(end + 16, by), (start + 42, by), (start + 47 + 42, by)] {
            let told = u32::from_le_bytes(moved[place..place + 4].try_into().unwrap());
            let told = if place == end + 16 || told as usize >= at { told + shift } else { told };
            moved[place..place + 4].copy_from_slice(&told.to_le_bytes());
        }
        moved.splice(at..at, bytes.iter().copied());
        moved
    };
    let hidden = |bytes: &[u8]| {
        let risks = findings(bytes).risks;
        risks.into_iter().map(|risk| (risk.code, risk.offset)).collect::<Vec<_>>()
    };
    let expected = |offset: u64| vec![("archive-hidden-data".to_owned(), offset)];
    assert_eq!(hidden(&moved(35, b"??", 2)), expected(35));
    // A member that the directory does not name is worse.
    let severity = |bytes: &[u8]| findings(bytes).risks[0].severity;
    assert_eq!(severity(&moved(35, b"??", 2)), RiskSeverity::Medium);
    assert_eq!(severity(&moved(35, b"PK\x03\x04", 4)), RiskSeverity::High);
    assert_eq!(hidden(&moved(start, b"??", 2)), expected(start as u64));
    assert_eq!(hidden(&[&good[..], b"??"].concat()), expected(good.len() as u64));
    // What begins with something else is no archive, but ends as one.
    assert!(inspect(content(&moved(0, b"??", 2))).is_none());
    let begun = moved(0, &[b"PK\x05\x06", &[0; 18][..]].concat(), 22);
    assert_eq!(hidden(&begun), expected(0));
    // Both entries lead to the first member.
    let mut overlapping = build::archive(&[Entry::stored("a", b"text"), Entry::stored("a", b"text")]);
    overlapping[start - 2 + 47 + 42] = 0;
    let codes = codes(&overlapping);
    assert!(codes.contains(&"archive-overlap".to_owned()), "{codes:?}");
}

#[test]
fn tensors_are_no_pickles_by_chance() {
    assert_eq!(codes(&archive("data/0", b"\x80\x03\0\0\x80\x3f", 0, 0)), NONE);
    // Marks of compression, and opcodes whose operands are no text.
    for tensor in
        [&b"\x78\x9c\x11\x22\x33\x44\x55"[..], b"\x5d\0\0\x01\x02\x03\x04", b"c\xff\xfe\n\x80\n\0", b"i\xffa\nb\n"]
    {
        assert_eq!(codes(&archive("data/0", tensor, 0, 0)), NONE, "{tensor:02x?}");
    }
    let bytes = archive("data/0", b"\x80\x03cos\nsystem\n)R\0", 0, 0);
    assert_eq!(codes(&bytes), ["pickle-incomplete"]);
}

#[test]
fn a_pickle_that_does_nothing_for_long_is_followed_to_its_end() {
    let mut late = b"\x80\x04".to_vec();
    late.extend(b"N0".repeat(1_500_000));
    late.extend(&UNSAFE[2..]);
    for entry in [Entry::stored("a", &late), Entry::deflated("a", &late)] {
        let bytes = build::archive(&[Entry::stored("b", b"text"), entry]);
        assert_eq!(imports(&findings(&bytes)), ["os.system"]);
        // The same where only the beginning of the file is in memory.
        let mut file = tempfile::tempfile().unwrap();
        std::io::Write::write_all(&mut file, &bytes).unwrap();
        let ahead = LookAhead::new(&file, bytes.len() as u64);
        let content = Content { ahead: Some(&ahead), ..Content::of(&bytes[..100], bytes.len() as u64) };
        let found = inspect(content).unwrap();
        assert_eq!((imports(&found), found.risks), (vec!["os.system".to_owned()], Vec::new()));
    }
}

#[test]
fn archives_within_archives_are_looked_into_to_a_depth() {
    for pack in [Entry::stored, Entry::deflated] {
        let mut bytes = build::archive(&[pack("data.pkl", UNSAFE)]);
        for depth in 0..5 {
            let found = findings(&bytes);
            let is_found = imports(&found) == ["os.system"];
            let codes: Vec<_> = found.risks.iter().map(|risk| risk.code.as_str()).collect();
            let expected: &[&str] = if depth < 4 { &[] } else { &["archive-nested-too-deep"] };
            assert_eq!((is_found, codes.as_slice()), (depth < 4, expected), "{depth}");
            bytes = build::archive(&[pack("inner.zip", &bytes)]);
        }
    }
}

#[test]
fn bombs_end() {
    // A gibibyte of zeros, as one member and as many.
    let zeros = Entry::deflated("zeros", &vec![0; 256 * 1024 * 1024]);
    let entries: Vec<Entry> = (0..5).map(|number| Entry { name: vec![b'a' + number], ..zeros.clone() }).collect();
    assert_eq!(codes(&build::archive(&entries)), ["archive-bomb"]);
}

#[test]
fn the_end_of_an_archive_is_seen_behind_anything() {
    let good = archive("a", b"text", 0, 0);
    let ends = |bytes: &[u8]| ends_as_archive(content(bytes));
    assert!(ends(&good));
    assert!(ends(&[b"some text before it", &good[..]].concat()));
    assert!(ends(&[&good[..], b"and after it"].concat()));
    assert!(!ends(b"PK\x05\x06 in a text that is long enough to hold a record"));
    assert!(!ends(b""));
    // In a member that is not told by its beginning, stored or packed, long or short.
    for length in [20, 3_000_000] {
        let hidden = [&vec![1; length][..], &good].concat();
        for entry in [Entry::stored("a", &hidden), Entry::deflated("a", &hidden)] {
            let codes = codes(&build::archive(&[entry]));
            assert!(codes.contains(&"polyglot".to_owned()), "{length} {codes:?}");
        }
    }
}

fn good_archives() -> Vec<Vec<u8>> {
    let stored = Entry::stored("archive/data.pkl", UNSAFE);
    let deflated = Entry { flags: 8, ..Entry::deflated("data.png", UNSAFE) };
    let nested = Entry::deflated("inner.zip", &build::archive(std::slice::from_ref(&stored)));
    let wide = Entry { is_wide: true, ..stored.clone() };
    let members = [Entry::stored("version", b"3"), stored, deflated];
    vec![build::archive(&members), build::archive_64(&[wide, nested])]
}

#[test]
fn no_flipped_bit_loses_an_import_silently() {
    for good in good_archives() {
        assert_eq!(imports(&findings(&good)), ["os.system"]);
        for at in 4..good.len() {
            for bit in 0..8 {
                let mut bytes = good.clone();
                bytes[at] ^= 1 << bit;
                let found = findings(&bytes);
                assert!(imports(&found) == ["os.system"] || !found.risks.is_empty(), "{at} {bit}");
            }
        }
    }
}

proptest! {
    #[test]
    fn no_bytes_panic(
        good in prop::sample::select(good_archives()),
        changes in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 0..6),
        cut in any::<prop::sample::Index>(),
        length in prop::sample::select(vec![0_u64, 1, 100, 1 << 32, u64::MAX - 5]),
    ) {
        let mut bytes = good;
        for (at, byte) in changes {
            let at = at.index(bytes.len());
            bytes[at] = byte;
        }
        inspect(content(&bytes));
        let kept = cut.index(bytes.len());
        inspect(content(&bytes[..kept]));
        // A file of which only this much is there.
        inspect(Content::of(&bytes[..kept], (kept as u64).saturating_add(length)));
    }
}

/// The shape of weights: 32-bit numbers near zero, 16-bit ones, whole numbers, and bytes of any value.
fn tensor(seed: u64) -> Vec<u8> {
    let mut state = seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1;
    let mut next = move || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        state
    };
    (0..200)
        .flat_map(|_| {
            let number = next();
            let small = (number % 2_000_000) as f32 / 1e6 - 1.0;
            match seed % 5 {
                0 => small.to_le_bytes().to_vec(),
                1 => (small.to_bits() >> 16).to_le_bytes()[..2].to_vec(),
                2 => (number % 50_000).to_le_bytes().to_vec(),
                3 => f64::from(small).to_le_bytes().to_vec(),
                _ => number.to_le_bytes().to_vec(),
            }
        })
        .collect()
}

#[test]
fn tensors_are_of_no_format_by_chance() {
    // As many as the largest models have, three times over.
    let mut all = Vec::new();
    for part in 0..30_u64 {
        let numbers = part * 1_000..(part + 1) * 1_000;
        let entries: Vec<Entry> =
            numbers.map(|number| Entry::stored(&format!("archive/data/{number}"), &tensor(number))).collect();
        let found = findings(&build::archive(&entries));
        all.extend(found.risks);
        all.extend(found.pickle.map(|pickle| panic!("{pickle:?}")));
    }
    assert_eq!(all, []);
}
