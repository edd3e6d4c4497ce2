//! Pickles, read as the programs that they are and never run.
//!
//! The scanner walks the opcodes of every stream with a stack and a memo of its own, as far as it needs
//! them to know the operands of imports. What it cannot resolve is not left out: the scan is then
//! incomplete, and that is a risk. A stream that breaks late has already run what came before, so what
//! was found until then counts.
//!
//! The opcodes are those of CPython's `Lib/pickletools.py`, protocols 0 to 5.

use std::collections::BTreeMap;

use super::pickle_imports::verdict;
use super::{Content, Findings, PickleFacts, PickleImport, RiskSeverity};

/// Values on the stack. Real pickles keep it below a thousand.
const STACK_VALUES_MAX: usize = 1_000_000;

/// Memoised values. A pickled forest has some hundred thousand.
const MEMO_VALUES_MAX: usize = 4_000_000;

/// Different imports. A pickled pipeline has some dozens.
const IMPORTS_MAX: usize = 10_000;

/// A value, as far as imports depend on it.
#[derive(Debug, Clone, Copy)]
enum Value<'a> {
    Mark,
    Text(&'a [u8]),
    Other,
}

/// Why a walk ended before its STOP.
type Broken = &'static str;

struct Machine<'a> {
    bytes: &'a [u8],
    position: usize,
    stack: Vec<Value<'a>>,
    memo: BTreeMap<u64, Value<'a>>,
    imports: BTreeMap<(String, String), u64>,
    protocol: u8,
    /// Whether something was called or built, which plain text does not do by chance.
    acted: bool,
    /// Where an import could not be resolved, and why.
    unresolved: Option<(u64, Broken)>,
}

/// Recognised by the PROTO opcode, or for protocols 0 and 1 by a walk that makes sense.
pub(super) fn inspect(content: Content<'_>) -> Option<Findings> {
    let marked = matches!(content.bytes, [0x80, protocol, ..] if *protocol <= 5);
    if !marked && !plausible(content) {
        return None;
    }
    Some(scan(content))
}

/// Recognised by the mark of NumPy and a type of objects: such an array is stored as a pickle.
pub(super) fn inspect_numpy(content: Content<'_>) -> Option<Findings> {
    let rest = content.bytes.strip_prefix(b"\x93NUMPY")?;
    // NumPy's format.py: version, header length (two bytes in version 1, four later), header.
    let (length, rest) = match rest {
        [1, _, low, high, rest @ ..] => (usize::from(u16::from_le_bytes([*low, *high])), rest),
        [_, _, a, b, c, d, rest @ ..] => (usize::try_from(u32::from_le_bytes([*a, *b, *c, *d])).ok()?, rest),
        _ => return None,
    };
    let header = rest.get(..length)?;
    let is_object = header.windows(2).any(|pair| pair == b"|O" || pair == b"'O");
    let bytes = rest.get(length..)?;
    is_object.then(|| {
        let missing = content.size_bytes.saturating_sub(content.bytes.len() as u64);
        scan(Content { bytes, size_bytes: bytes.len() as u64 + missing })
    })
}

/// Whether bytes without a mark are a pickle: the walk reaches a STOP at the end, or calls something.
fn plausible(content: Content<'_>) -> bool {
    let mut machine = Machine::new(content.bytes, 0);
    match machine.run() {
        Ok(()) => {
            let rest = content.bytes.get(machine.position..).unwrap_or_default();
            machine.acted || rest.iter().all(u8::is_ascii_whitespace)
        }
        Err(_) => machine.acted,
    }
}

/// Walks every stream of a pickle.
fn scan(content: Content<'_>) -> Findings {
    let mut findings = Findings::default();
    let mut facts = PickleFacts { protocol: 0, streams: 0, imports: Vec::new(), complete: content.is_whole() };
    let mut imports: BTreeMap<(String, String), u64> = BTreeMap::new();
    if !facts.complete {
        let message = "the file is too large to be looked through";
        findings.risk(content.bytes.len() as u64, RiskSeverity::High, "pickle-incomplete", message);
    }
    let mut position = 0;
    while position < content.bytes.len() {
        let mut machine = Machine::new(content.bytes, position);
        let result = machine.run();
        let starts_as_pickle = facts.streams == 0 || content.bytes.get(position) == Some(&0x80) || machine.acted;
        if !starts_as_pickle {
            let message = "bytes that are no pickle follow the last stream";
            findings.risk(position as u64, RiskSeverity::Medium, "pickle-trailing-data", message);
            break;
        }
        facts.streams += 1;
        facts.protocol = facts.protocol.max(machine.protocol);
        for (import, offset) in machine.imports {
            imports.entry(import).or_insert(offset);
        }
        if let Some((offset, why)) = machine.unresolved {
            facts.complete = false;
            findings.risk(
                offset,
                RiskSeverity::High,
                "pickle-incomplete",
                format!("an import cannot be resolved: {why}"),
            );
        }
        if let Err(why) = result {
            facts.complete = false;
            let message = format!("the pickle breaks off: {why}; what came before would still run");
            findings.risk(machine.position as u64, RiskSeverity::High, "pickle-incomplete", message);
            break;
        }
        position = machine.position;
    }
    let import = |((module, name), offset): ((String, String), u64)| {
        let verdict = verdict(&module, &name);
        PickleImport { module, name, verdict, offset }
    };
    facts.imports = imports.into_iter().map(import).collect();
    findings.pickle = Some(facts);
    findings
}

impl<'a> Machine<'a> {
    const fn new(bytes: &'a [u8], position: usize) -> Self {
        Self {
            bytes,
            position,
            stack: Vec::new(),
            memo: BTreeMap::new(),
            imports: BTreeMap::new(),
            protocol: 0,
            acted: false,
            unresolved: None,
        }
    }

    /// Walks one stream to its STOP.
    fn run(&mut self) -> Result<(), Broken> {
        loop {
            let start = self.position as u64;
            let [opcode] = self.take_array::<1>()?;
            if opcode == b'.' {
                return self.pop().map(drop);
            }
            self.step(opcode, start)?;
            if self.stack.len() > STACK_VALUES_MAX
                || self.memo.len() > MEMO_VALUES_MAX
                || self.imports.len() > IMPORTS_MAX
            {
                return Err("it holds more than a model does");
            }
        }
    }

    fn step(&mut self, opcode: u8, start: u64) -> Result<(), Broken> {
        match opcode {
            b'(' => self.stack.push(Value::Mark),
            b'0' => drop(self.stack.pop().ok_or("the stack is empty")?),
            b'1' => self.pop_to_mark()?,
            b'2' => {
                let top = self.pop()?;
                self.stack.extend([top, top]);
            }
            // Values without a meaning for imports, by the length of their argument.
            b'N' | b')' | b'}' | b']' | 0x88 | 0x89 | 0x8f | 0x97 => self.stack.push(Value::Other),
            b'K' => self.skip_value(1)?,
            b'M' => self.skip_value(2)?,
            b'J' => self.skip_value(4)?,
            b'G' => self.skip_value(8)?,
            b'F' | b'I' | b'L' => self.line().map(|_| self.stack.push(Value::Other))?,
            0x8a => self.counted::<1>().map(|_| self.stack.push(Value::Other))?,
            0x8b | b'B' => self.counted::<4>().map(|_| self.stack.push(Value::Other))?,
            b'C' => self.counted::<1>().map(|_| self.stack.push(Value::Other))?,
            0x8e | 0x96 => self.counted::<8>().map(|_| self.stack.push(Value::Other))?,
            // Texts.
            b'S' => self.quoted_text()?,
            b'V' => self.escaped_text()?,
            b'U' | 0x8c => self.counted::<1>().map(|text| self.stack.push(Value::Text(text)))?,
            b'T' | b'X' => self.counted::<4>().map(|text| self.stack.push(Value::Text(text)))?,
            0x8d => self.counted::<8>().map(|text| self.stack.push(Value::Text(text)))?,
            // Collections.
            b'a' | b'b' => {
                self.pop()?;
                // What is appended to or built must be there.
                self.stack.last().ok_or("the stack is empty")?;
                self.acted |= opcode == b'b';
            }
            b's' => self.pop_many(2)?,
            b'e' | b'u' | 0x90 => self.pop_to_mark()?,
            b't' | b'l' | b'd' | 0x91 => self.replace_to_mark()?,
            0x85 => self.replace(1)?,
            0x86 => self.replace(2)?,
            0x87 => self.replace(3)?,
            0x98 => self.replace(1)?,
            _ => return self.step_special(opcode, start),
        }
        Ok(())
    }

    /// Imports, calls, the memo and what frames a stream.
    fn step_special(&mut self, opcode: u8, start: u64) -> Result<(), Broken> {
        match opcode {
            b'c' => {
                let (module, name) = (self.line()?, self.line()?);
                self.import(module, name, start);
                self.stack.push(Value::Other);
            }
            b'i' => {
                let (module, name) = (self.line()?, self.line()?);
                self.import(module, name, start);
                self.acted = true;
                self.replace_to_mark()?;
            }
            0x93 => {
                let (name, module) = (self.pop()?, self.pop()?);
                match (module, name) {
                    (Value::Text(module), Value::Text(name)) => self.import(module, name, start),
                    _ => self.unresolved(start, "its name is computed"),
                }
                self.stack.push(Value::Other);
            }
            0x82 => self.extension::<1>(start)?,
            0x83 => self.extension::<2>(start)?,
            0x84 => self.extension::<4>(start)?,
            b'R' | 0x81 => self.call(2)?,
            0x92 => self.call(3)?,
            b'o' => {
                self.acted = true;
                self.replace_to_mark()?;
            }
            b'P' => self.line().map(|_| self.stack.push(Value::Other))?,
            b'Q' => self.replace(1)?,
            b'p' => {
                let index = self.decimal()?;
                self.remember(index)?;
            }
            b'q' => {
                let [index] = self.take_array::<1>()?;
                self.remember(u64::from(index))?;
            }
            b'r' => {
                let index = u32::from_le_bytes(self.take_array()?);
                self.remember(u64::from(index))?;
            }
            0x94 => self.remember(self.memo.len() as u64)?,
            b'g' => {
                let index = self.decimal()?;
                self.recall(index)?;
            }
            b'h' => {
                let [index] = self.take_array::<1>()?;
                self.recall(u64::from(index))?;
            }
            b'j' => {
                let index = u32::from_le_bytes(self.take_array()?);
                self.recall(u64::from(index))?;
            }
            0x80 => {
                let [protocol] = self.take_array::<1>()?;
                if protocol > 5 {
                    return Err("its protocol is unknown");
                }
                self.protocol = self.protocol.max(protocol);
            }
            // A frame only groups reads; its length is not needed to follow the opcodes.
            0x95 => drop(self.take_array::<8>()?),
            _ => return Err("there is an unknown opcode"),
        }
        Ok(())
    }

    fn import(&mut self, module: &[u8], name: &[u8], start: u64) {
        match (std::str::from_utf8(module), std::str::from_utf8(name)) {
            (Ok(module), Ok(name)) => {
                self.imports.entry((module.to_owned(), name.to_owned())).or_insert(start);
            }
            _ => self.unresolved(start, "its name is no text"),
        }
    }

    fn unresolved(&mut self, start: u64, why: Broken) {
        self.unresolved.get_or_insert((start, why));
    }

    /// The extension registry of the process that loads it decides what this imports.
    fn extension<const LENGTH: usize>(&mut self, start: u64) -> Result<(), Broken> {
        self.take_array::<LENGTH>()?;
        self.unresolved(start, "it goes through the extension registry");
        self.stack.push(Value::Other);
        Ok(())
    }

    fn call(&mut self, operands: usize) -> Result<(), Broken> {
        self.acted = true;
        self.replace(operands)
    }

    fn take(&mut self, length: usize) -> Result<&'a [u8], Broken> {
        let end = self.position.checked_add(length).ok_or("a length is beyond the file")?;
        let taken = self.bytes.get(self.position..end).ok_or("the file ends too early")?;
        self.position = end;
        Ok(taken)
    }

    fn take_array<const LENGTH: usize>(&mut self) -> Result<[u8; LENGTH], Broken> {
        self.take(LENGTH)?.try_into().map_err(|_| "the file ends too early")
    }

    /// Bytes behind a little-endian length of `WIDTH` bytes.
    fn counted<const WIDTH: usize>(&mut self) -> Result<&'a [u8], Broken> {
        let width: [u8; WIDTH] = self.take_array()?;
        let length = width.iter().rev().fold(0_u64, |length, byte| (length << 8) | u64::from(*byte));
        self.take(usize::try_from(length).map_err(|_| "a length is beyond the file")?)
    }

    fn skip_value(&mut self, length: usize) -> Result<(), Broken> {
        self.take(length)?;
        self.stack.push(Value::Other);
        Ok(())
    }

    fn line(&mut self) -> Result<&'a [u8], Broken> {
        let rest = self.bytes.get(self.position..).unwrap_or_default();
        let length = rest.iter().position(|byte| *byte == b'\n').ok_or("a line does not end")?;
        let line = self.take(length)?;
        self.position += 1;
        Ok(line)
    }

    /// Python's `int` takes more spellings than this; they are refused rather than misread.
    fn decimal(&mut self) -> Result<u64, Broken> {
        let line = self.line()?;
        std::str::from_utf8(line).ok().and_then(|text| text.parse().ok()).ok_or("an index is no number")
    }

    /// A quoted text. One with escapes is no operand that can be known without Python's rules.
    fn quoted_text(&mut self) -> Result<(), Broken> {
        let line = self.line()?;
        let text = match line {
            [b'\'', text @ .., b'\''] | [b'"', text @ .., b'"'] if !text.contains(&b'\\') => Value::Text(text),
            _ => Value::Other,
        };
        self.stack.push(text);
        Ok(())
    }

    fn escaped_text(&mut self) -> Result<(), Broken> {
        let line = self.line()?;
        self.stack.push(if line.contains(&b'\\') { Value::Other } else { Value::Text(line) });
        Ok(())
    }

    fn pop(&mut self) -> Result<Value<'a>, Broken> {
        match self.stack.pop() {
            None => Err("the stack is empty"),
            Some(Value::Mark) => Err("a mark stands where a value should"),
            Some(value) => Ok(value),
        }
    }

    fn pop_many(&mut self, count: usize) -> Result<(), Broken> {
        (0..count).try_for_each(|_| self.pop().map(drop))
    }

    fn replace(&mut self, count: usize) -> Result<(), Broken> {
        self.pop_many(count)?;
        self.stack.push(Value::Other);
        Ok(())
    }

    fn pop_to_mark(&mut self) -> Result<(), Broken> {
        loop {
            match self.stack.pop() {
                None => return Err("there is no mark on the stack"),
                Some(Value::Mark) => return Ok(()),
                Some(_) => {}
            }
        }
    }

    fn replace_to_mark(&mut self) -> Result<(), Broken> {
        self.pop_to_mark()?;
        self.stack.push(Value::Other);
        Ok(())
    }

    fn remember(&mut self, index: u64) -> Result<(), Broken> {
        let top = *self.stack.last().ok_or("the stack is empty")?;
        self.memo.insert(index, top);
        Ok(())
    }

    fn recall(&mut self, index: u64) -> Result<(), Broken> {
        let value = *self.memo.get(&index).ok_or("the memo has no such value")?;
        self.stack.push(value);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::facts::artifact::ImportVerdict;

    fn scanned(bytes: &[u8]) -> Option<(Vec<String>, bool, Vec<String>)> {
        let findings = inspect(Content { bytes, size_bytes: bytes.len() as u64 })?;
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
            b"\x80\x04\x95\x1d\0\0\0\0\0\0\0\x8c\x02os\x94\x8c\x06system\x94\x93\x94\x8c\x04echo\x94\x85\x94R\x94.",
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
    fn text_is_no_pickle() {
        for text in ["hello world", "cat\ndog\nbird\n", "I am here.\n", "{\"a\": 1}", "N", "", "# Title\n\nText.\n"] {
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
        let inspect = |bytes: &[u8]| inspect_numpy(Content { bytes, size_bytes: bytes.len() as u64 });
        assert_eq!(inspect(&array(header)).unwrap().pickle.unwrap().imports[0].name, "system");
        assert!(inspect(&array(b"{'descr': '<f8', 'fortran_order': False, 'shape': (1,), }\n")).is_none());
    }
}
