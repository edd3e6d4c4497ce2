//! HDF5, as far as it tells what a file holds: groups, links, attributes, and the shapes and places of datasets
//! (HDF5 File Format Specification, version 3.0; superblocks 0 to 3, object headers 1 and 2).
//!
//! Every object is looked at once, from the root on, whatever links to it how often. What leads out of the file
//! (external and soft links, data in other files, virtual datasets, drivers) is a risk; so is what is kept in a way
//! that is not looked through, which the writers of models do not use.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use super::hdf5_object::{self as object, Link, Message, Target};
use super::pages::{Broken, Pages};
use super::{Content, Findings, RiskSeverity};

pub(super) const MARK: &[u8; 8] = b"\x89HDF\r\n\x1a\n";

/// Groups within groups.
const DEPTH_MAX: usize = 64;
/// Where a file with something before it may begin: at powers of two from here on (specification, II.A).
const USER_BLOCK_BYTES_MIN: u64 = 512;

/// An attribute's value.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Attribute {
    Text(String),
    /// Texts or numbers that are of no interest, or text in a form that is not read.
    Other,
}

/// What a file holds.
#[derive(Debug, Default)]
pub(super) struct Hdf5 {
    /// Attributes of the root group.
    pub(super) attributes: BTreeMap<String, Attribute>,
    /// Names in the root group.
    pub(super) names: BTreeSet<String>,
    /// Elements over all datasets, but for those that only training goes on with.
    pub(super) elements: u64,
}

/// Whether a reader of HDF5 would find a file behind the beginning, whatever stands there.
pub(super) fn begins_later(content: Content<'_>) -> bool {
    let places = std::iter::successors(Some(USER_BLOCK_BYTES_MIN), |place| place.checked_mul(2));
    places.map_while(|place| content.at(place, MARK.len())).any(|bytes| *bytes == *MARK)
}

/// Reads all of a file, with the texts of the attributes that are `wanted`, and notes what leads out of it.
pub(super) fn read(content: Content<'_>, wanted: &[&str], findings: &mut Findings) -> Result<Hdf5, Broken> {
    let pages = Pages::of(content);
    let mut walk = Walk {
        file: object::File::open(&pages)?,
        findings,
        wanted,
        found: Hdf5::default(),
        seen: BTreeSet::new(),
        waiting: VecDeque::new(),
    };
    if walk.file.has_driver {
        walk.outside(0, "its data is spread over several files by a driver");
    }
    let root = walk.file.root;
    walk.wait(root, Object { name: "/".to_owned(), depth: 0, is_training: false })?;
    while let Some((address, object)) = walk.waiting.pop_front() {
        walk.object(address, &object)?;
    }
    Ok(walk.found)
}

/// A group or a dataset that is still to be looked at.
struct Object {
    name: String,
    depth: usize,
    /// Whether it is what an optimizer keeps, which is no parameter of the model.
    is_training: bool,
}

struct Walk<'a, 'p> {
    file: object::File<'a, 'p>,
    findings: &'a mut Findings,
    wanted: &'a [&'a str],
    found: Hdf5,
    /// Addresses of the objects that were met.
    seen: BTreeSet<u64>,
    waiting: VecDeque<(u64, Object)>,
}

impl Walk<'_, '_> {
    fn outside(&mut self, at: u64, what: &str) {
        self.findings.risk(at, RiskSeverity::High, "hdf5-leads-outside", format!("the HDF5 file is not alone: {what}"));
    }

    fn not_inspected(&mut self, at: u64, what: &str) {
        let message = format!("the HDF5 file could not be looked through: {what}");
        self.findings.risk(at, RiskSeverity::High, "hdf5-not-inspected", message);
    }

    fn wait(&mut self, address: u64, object: Object) -> Result<(), Broken> {
        if object.depth > DEPTH_MAX {
            return Err(Broken::new(address, "groups nest too deep"));
        }
        if self.seen.insert(address) {
            self.waiting.push_back((address, object));
        }
        Ok(())
    }

    fn object(&mut self, address: u64, object: &Object) -> Result<(), Broken> {
        let (mut elements, mut is_dataset) = (0, false);
        let name = &object.name;
        for message in self.file.messages(address)? {
            let at = message.start;
            match message.kind {
                // The kind of a dataset's elements, and times and comments, may be kept elsewhere without harm.
                kind if message.is_shared && is_telling(kind) => {
                    self.not_inspected(at, &format!("a part of `{name}` is kept elsewhere"));
                }
                object::DATASPACE => elements = self.file.elements(message)?,
                object::LAYOUT => {
                    is_dataset = true;
                    self.layout(message, name)?;
                }
                object::EXTERNAL_FILES => self.outside(at, &format!("the data of `{name}` is in other files")),
                object::DRIVER => self.outside(at, "its data is spread over several files by a driver"),
                object::FILTERS => self.filters(message)?,
                object::ATTRIBUTE if object.depth == 0 => self.attribute(message)?,
                object::ATTRIBUTE_INFO if self.file.is_dense_attributes(message)? => {
                    self.not_inspected(at, &format!("attributes of `{name}` are kept in a heap"));
                }
                object::SYMBOL_TABLE => {
                    let links = self.file.symbols(message)?;
                    self.links(links, object)?;
                }
                object::LINK => {
                    let link = self.file.link(message)?;
                    self.links(vec![link], object)?;
                }
                object::LINK_INFO if self.file.is_dense_links(message)? => {
                    self.not_inspected(at, &format!("links of `{name}` are kept in a heap"));
                }
                _ => {}
            }
        }
        if is_dataset && !object.is_training {
            self.found.elements = self.found.elements.saturating_add(elements);
        }
        Ok(())
    }

    fn attribute(&mut self, message: Message) -> Result<(), Broken> {
        let (name, value) = self.file.attribute(message, self.wanted)?;
        if self.found.attributes.contains_key(&name) {
            self.not_inspected(message.start, &format!("there are two attributes `{name}`"));
        }
        self.found.attributes.insert(name, value);
        Ok(())
    }

    fn links(&mut self, links: Vec<Link>, group: &Object) -> Result<(), Broken> {
        for Link { name, target, at } in links {
            match target {
                Target::Hard(address) => {
                    let is_training = group.is_training
                        || (group.depth == 0 && matches!(name.as_str(), "optimizer" | "optimizer_weights"));
                    let object = Object { name: name.clone(), depth: group.depth + 1, is_training };
                    self.wait(address, object)?;
                }
                Target::Soft => {
                    let message = format!("`{name}` in the HDF5 file is another name for something");
                    self.findings.risk(at, RiskSeverity::Low, "hdf5-soft-link", message);
                }
                Target::External => self.outside(at, &format!("`{name}` is a link to another file")),
                Target::Custom => self.not_inspected(at, &format!("`{name}` is a link of no known kind")),
            }
            if group.depth == 0 {
                self.found.names.insert(name);
            }
        }
        Ok(())
    }

    fn layout(&mut self, message: Message, name: &str) -> Result<(), Broken> {
        match self.file.layout(message)? {
            object::Layout::Virtual => {
                self.outside(message.start, &format!("the dataset `{name}` is put together from other files"));
            }
            object::Layout::Here => {}
            object::Layout::Unknown => self.not_inspected(message.start, &format!("how `{name}` is laid out")),
        }
        Ok(())
    }

    /// Filters that the HDF5 library brings have small numbers; 32000 is the LZF of h5py.
    fn filters(&mut self, message: Message) -> Result<(), Broken> {
        for filter in self.file.filters(message)? {
            if !matches!(filter, 1..=6 | 32_000) {
                let name = format!("hdf5 filter {filter}");
                if !self.findings.metadata.custom_code.contains(&name) {
                    self.findings.metadata.custom_code.push(name);
                }
            }
        }
        Ok(())
    }
}

/// Whether a message tells what an object is made of, or where it is.
const fn is_telling(kind: u16) -> bool {
    matches!(
        kind,
        object::DATASPACE
            | object::LINK_INFO
            | object::LINK
            | object::EXTERNAL_FILES
            | object::LAYOUT
            | object::FILTERS
            | object::ATTRIBUTE
            | object::SYMBOL_TABLE
            | object::ATTRIBUTE_INFO
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::facts::artifact::pages::tests::as_large_file;
    use crate::facts::artifact::sample;
    use proptest::prelude::*;

    fn codes(bytes: &[u8]) -> (Option<u64>, Vec<String>) {
        let mut findings = Findings::default();
        let read = read(Content::of(bytes, bytes.len() as u64), &["model_config"], &mut findings);
        let mut codes: Vec<_> = findings.risks.into_iter().map(|risk| risk.code).collect();
        codes.sort();
        (read.ok().map(|file| file.elements), codes)
    }

    /// The sample with what stands at each place of one text replaced by another of the same length.
    fn replaced(name: &str, from: &[u8], to: &[u8]) -> Vec<u8> {
        let mut bytes = sample(name);
        let places: Vec<_> = (0..bytes.len() - from.len()).filter(|at| bytes[*at..].starts_with(from)).collect();
        assert!(!places.is_empty());
        places.into_iter().for_each(|at| bytes[at..at + to.len()].copy_from_slice(to));
        bytes
    }

    #[test]
    fn both_forms_are_read() {
        for name in ["dense.h5", "keras2.h5", "new.h5"] {
            let mut findings = Findings::default();
            let bytes = sample(name);
            let file = read(Content::of(&bytes, bytes.len() as u64), &["model_config"], &mut findings).unwrap();
            let Some(Attribute::Text(config)) = file.attributes.get("model_config") else { panic!("{name}") };
            assert!(config.starts_with('{') && config.ends_with('}'), "{name}");
            assert!(file.names.contains("model_weights"), "{name}");
            assert_eq!((file.elements, findings.risks), (if name == "new.h5" { 5 } else { 10 }, Vec::new()), "{name}");
        }
    }

    #[test]
    fn what_leads_out_of_the_file_is_a_risk() {
        let outside = ["hdf5-leads-outside", "hdf5-leads-outside", "hdf5-leads-outside", "hdf5-soft-link"];
        assert_eq!(codes(&sample("outside.h5")), (Some(8), outside.map(str::to_owned).to_vec()));
        // The address of a driver's block, which is set in files that are several.
        let mut driver = sample("dense.h5");
        driver[48..56].copy_from_slice(&96_u64.to_le_bytes());
        assert_eq!(codes(&driver).1, ["hdf5-leads-outside"]);
    }

    #[test]
    fn what_is_cut_or_points_nowhere_is_broken() {
        let whole = sample("dense.h5");
        assert_eq!(codes(&whole), (Some(10), Vec::new()));
        for length in (8..whole.len()).step_by(97) {
            assert_eq!(codes(&whole[..length]).0, None, "{length}");
        }
        for (from, to) in [(&b"TREE"[..], &b"TREF"[..]), (b"HEAP", b"HEAQ"), (b"SNOD", b"SNOE"), (b"GCOL", b"GCOM")] {
            assert_eq!(codes(&replaced("dense.h5", from, to)).0, None, "{from:?}");
        }
        for (at, byte) in [(8, 9), (13, 3), (24, 1)] {
            let mut bytes = whole.clone();
            bytes[at] = byte;
            assert_eq!(codes(&bytes).0, None, "{at}");
        }
        assert_eq!(codes(&replaced("new.h5", b"OHDR\x02", b"OHDR\x03")).0, None);
    }

    #[test]
    fn a_file_behind_something_else_is_seen() {
        let begins = |before: usize| {
            let bytes = [&vec![b'x'; before][..], &sample("new.h5")].concat();
            begins_later(Content::of(&bytes, bytes.len() as u64))
        };
        assert!(begins(512) && begins(4_096));
        assert!(!begins(0) && !begins(511) && !begins(1_536));
        let large = [&vec![b'x'; 131_072][..], &sample("new.h5")].concat();
        assert!(as_large_file(&large, begins_later));
    }

    #[test]
    fn a_group_in_itself_ends() {
        // The root group of the sample has one link to a group; here it leads to the root itself.
        let bytes = sample("new.h5");
        let mut findings = Findings::default();
        let pages = Pages::of(Content::of(&bytes, bytes.len() as u64));
        let file = object::File::open(&pages).unwrap();
        let link = file.messages(file.root).unwrap().into_iter().find(|message| message.kind == object::LINK).unwrap();
        let at = usize::try_from(link.start + link.length).unwrap() - 8;
        let mut looped = bytes.clone();
        looped[at..at + 8].copy_from_slice(&file.root.to_le_bytes());
        let found = read(Content::of(&looped, looped.len() as u64), &[], &mut findings).unwrap();
        assert_eq!((found.elements, found.names.len()), (0, 1));
    }

    proptest! {
        #[test]
        fn no_bytes_panic(at in 0..20_000_usize, bytes in prop::collection::vec(any::<u8>(), 1..9), which in 0..4_usize) {
            let mut flipped = sample(["dense.h5", "new.h5", "outside.h5", "keras2.h5"][which]);
            let at = at % flipped.len();
            let end = (at + bytes.len()).min(flipped.len());
            flipped[at..end].copy_from_slice(&bytes[..end - at]);
            codes(&flipped);
        }

        #[test]
        fn no_rest_panics(rest in prop::collection::vec(any::<u8>(), 0..400)) {
            for version in [0, 2] {
                codes(&[&MARK[..], &[version], &rest].concat());
            }
        }
    }
}
