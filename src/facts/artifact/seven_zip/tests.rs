//! Archives as 7-Zip writes them, and as they are made wrong.

use proptest::prelude::*;

use super::*;
use crate::facts::artifact::ArtifactFormat;

const UNSAFE: &[u8] = b"\x80\x02cos\nsystem\n)R.";

/// What py7zr 1.0 writes of a text and a pickle, with LZMA2 and a packed header.
const REAL: &[u8] =
    b"\x37\x7a\xbc\xaf\x27\x1c\x00\x04\x9e\xc6\xdc\xd1\x9e\x00\x00\x00\x00\x00\x00\x00\x14\x00\x00\x00\x00\
        \x00\x00\x00\x44\xfa\x38\xdd\x01\x00\x33\x74\x65\x78\x74\x80\x04\x95\x25\x00\x00\x00\x00\x00\x00\x00\
        \x8c\x05\x70\x6f\x73\x69\x78\x94\x8c\x06\x73\x79\x73\x74\x65\x6d\x94\x93\x94\x8c\x0a\x65\x63\x68\x6f\
        \x20\x69\x6e\x65\x72\x74\x94\x85\x94\x52\x94\x2e\x00\xe0\x00\x68\x00\x5e\x5d\x00\x00\x81\x33\x07\xae\
        \x0f\xd1\x79\xe8\x20\xa0\x90\xa0\x77\x5e\xba\x58\x3e\x10\xf3\xc0\x00\xbe\xdd\xfd\xe1\x7c\x08\xa8\x31\
        \xd9\x09\x4f\x5d\x4f\x35\xd8\x00\xa1\xf7\x76\xb8\x92\x29\x00\xf3\x9c\xbe\x1b\xa2\xf1\x49\xfd\xa7\x17\
        \xd0\x35\x73\xee\x61\x03\xca\x3d\x64\xb7\xc6\xb4\x5b\xb3\x4a\x99\x1b\x35\xe7\xa7\x70\xde\x31\x4d\xc5\
        \x2c\xbe\x45\x2c\x56\x7c\xd6\x27\xd8\x9c\x8c\xb0\x00\x00\x00\x17\x06\x38\x01\x09\x66\x00\x07\x0b\x01\
        \x00\x01\x21\x21\x01\x18\x0c\x69\x00\x00";

/// An archive of one folder with these files, whose coder does nothing unless another is named.
#[derive(Clone)]
struct Build {
    files: Vec<(String, Vec<u8>)>,
    coder: Vec<u8>,
    attributes: u32,
}

impl Build {
    fn new(files: &[(&str, &[u8])]) -> Self {
        let files = files.iter().map(|(name, content)| ((*name).to_owned(), content.to_vec())).collect();
        Self { files, coder: vec![1, 0], attributes: 0 }
    }

    fn header(&self) -> Vec<u8> {
        let packed: Vec<u8> = self.files.iter().flat_map(|(_, content)| content.clone()).collect();
        let length = u8::try_from(packed.len()).unwrap();
        assert!(length < 0x80);
        let count = u8::try_from(self.files.len()).unwrap();
        let mut header = vec![1, 4, 6, 0, 1, 9, length, 0, 7, 11, 1, 0, 1];
        header.extend(&self.coder);
        header.extend([12, length, 0, 8, 13, count, 9]);
        header.extend(self.files[1..].iter().zip(&self.files).map(|(_, (_, content))| content.len() as u8));
        header.extend([10, 1]);
        self.files.iter().for_each(|(_, content)| header.extend(hash(content).to_le_bytes()));
        header.extend([0, 0, 5, count]);
        let names: Vec<u8> =
            self.files.iter().flat_map(|(name, _)| name.encode_utf16().chain([0]).flat_map(u16::to_le_bytes)).collect();
        header.extend([17, u8::try_from(names.len() + 1).unwrap(), 0]);
        header.extend(names);
        header.extend([21, 2 + 4 * count, 1, 0]);
        self.files.iter().for_each(|_| header.extend(self.attributes.to_le_bytes()));
        header.extend([0, 0]);
        header
    }

    fn bytes(&self) -> Vec<u8> {
        let packed: Vec<u8> = self.files.iter().flat_map(|(_, content)| content.clone()).collect();
        with_header(&packed, &self.header())
    }
}

fn with_header(packed: &[u8], header: &[u8]) -> Vec<u8> {
    let mut start = [(packed.len() as u64).to_le_bytes(), (header.len() as u64).to_le_bytes()].concat();
    start.extend(hash(header).to_le_bytes());
    [MARK, &[0, 4], &hash(&start).to_le_bytes(), &start, packed, header].concat()
}

fn found(bytes: &[u8]) -> (Vec<String>, Vec<String>) {
    let findings = inspect(Content::of(bytes, bytes.len() as u64)).unwrap();
    let imports = findings.pickle.into_iter().flat_map(|pickle| pickle.imports);
    let imports = imports.map(|import| format!("{}.{}", import.module, import.name)).collect();
    (imports, findings.risks.into_iter().map(|risk| risk.code).collect())
}

fn texts(texts: &[&str]) -> Vec<String> {
    texts.iter().map(|text| (*text).to_owned()).collect()
}

#[test]
fn members_are_looked_into() {
    let findings = inspect(Content::of(REAL, REAL.len() as u64)).unwrap();
    assert_eq!(findings.risks, []);
    assert_eq!(findings.pickle.unwrap().imports[0].name, "system");
    let archive = findings.archive.unwrap();
    assert_eq!((archive.members, archive.formats), (2, vec![ArtifactFormat::Pickle, ArtifactFormat::Text]));
    let built = Build::new(&[("a.txt", b"text"), ("model.pkl", UNSAFE), ("b", b"b")]).bytes();
    assert_eq!(found(&built), (texts(&["os.system"]), vec![]));
    // An archive of nothing.
    let empty = with_header(b"", b"");
    assert_eq!(found(&empty), (vec![], vec![]));
}

#[test]
fn what_is_not_looked_into_is_said() {
    let with = |change: &dyn Fn(&mut Build)| {
        let mut build = Build::new(&[("model.pkl", UNSAFE)]);
        change(&mut build);
        found(&build.bytes()).1
    };
    assert_eq!(with(&|_| {}), Vec::<String>::new());
    let not_inspected = texts(&["archive-member-not-inspected"]);
    // Encryption, a method that is not known, one that the content is not packed with, and four inputs of one coder.
    assert_eq!(with(&|build| build.coder = vec![4, 6, 0xf1, 7, 1]), not_inspected);
    assert_eq!(with(&|build| build.coder = vec![3, 3, 4, 1]), not_inspected);
    assert_eq!(with(&|build| build.coder = vec![0x21, 0x21, 1, 24]), not_inspected);
    // A window of four gibibytes.
    assert_eq!(with(&|build| build.coder = vec![0x21, 0x21, 1, 40]), not_inspected);
    assert_eq!(with(&|build| build.files[0].0 = "../model.pkl".to_owned()), ["archive-unsafe-name"]);
    assert_eq!(with(&|build| build.attributes = 0xa1ff_8000), ["archive-link"]);
    assert_eq!(with(&|build| build.attributes = 0x400), ["archive-link"]);
    assert_eq!(with(&|build| build.attributes = 0x81ff_8000), Vec::<String>::new());
    let good = Build::new(&[("model.pkl", UNSAFE)]);
    let mut wrong = good.header();
    let at = wrong.windows(4).position(|window| window == hash(UNSAFE).to_le_bytes()).unwrap();
    wrong[at] ^= 1;
    let (imports, codes) = found(&with_header(UNSAFE, &wrong));
    assert_eq!((imports, codes), (texts(&["os.system"]), texts(&["archive-checksum"])));
    // More than the header speaks of.
    let hidden = with_header(&[UNSAFE, b"more"].concat(), &good.header());
    assert_eq!(found(&hidden).1, ["archive-hidden-data"]);
    assert_eq!(found(&[&good.bytes()[..], b"more"].concat()).1, ["archive-hidden-data"]);
    // A file that is in no folder, and a folder with a file that nobody names.
    let mut named = good.header();
    let at = named.len() - 2 - 8 - 24;
    assert_eq!(named[at], 1);
    named[at] = 0;
    assert!(!found(&with_header(UNSAFE, &named)).1.is_empty());
}

#[test]
fn no_truncation_and_no_flipped_bit_loses_an_import_silently() {
    let built = Build::new(&[("a.txt", b"text"), ("model.pkl", UNSAFE)]).bytes();
    for good in [REAL, &built] {
        for length in MARK.len()..good.len() {
            assert!(!found(&good[..length]).1.is_empty(), "{length}");
        }
        for at in MARK.len()..good.len() {
            for bit in 0..8 {
                let mut bytes = good.to_vec();
                bytes[at] ^= 1 << bit;
                let (imports, codes) = found(&bytes);
                assert!(!imports.is_empty() || !codes.is_empty(), "{at} {bit}");
            }
        }
    }
}

#[test]
fn numbers_are_as_long_as_their_first_byte_says() {
    // Read as a header of an unknown kind, a number is an error and never a panic, whatever its length.
    for first in 0..=255 {
        for length in 0..10 {
            let header = [&[first][..], &vec![0xff; length]].concat();
            assert!(!found(&with_header(b"", &header)).1.is_empty());
        }
    }
}

proptest! {
    #[test]
    fn no_bytes_panic(
        changes in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..5),
        coder in prop::sample::select(vec![vec![1, 0], vec![0x21, 0x21, 1, 20], vec![3, 4, 1, 8], vec![3, 4, 2, 2]]),
        cut in any::<prop::sample::Index>(),
    ) {
        let build = Build { coder, ..Build::new(&[("a.txt", b"text"), ("model.pkl", UNSAFE)]) };
        let mut header = build.header();
        let mut real = REAL.to_vec();
        for (at, byte) in changes {
            let place = at.index(header.len());
            header[place] = byte;
            let place = at.index(real.len());
            real[place] = byte;
        }
        found(&with_header(b"textpickle", &header));
        found(&with_header(b"textpickle", &header[..cut.index(header.len())]));
        real[..MARK.len()].copy_from_slice(MARK);
        found(&real);
        inspect(Content::of(&real, u64::MAX));
    }
}
