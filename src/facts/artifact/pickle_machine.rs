//! The machine that walks one pickle stream: opcodes, stack and memo, without ever importing or calling.
//!
//! It follows CPython's `Lib/pickle.py` and `Modules/_pickle.c`, protocols 0 to 5, as far as the operands
//! of imports depend on it. Where CPython would stop, it stops; what it cannot follow, it says.

use std::collections::BTreeMap;

use super::joblib::{self, Arrays};
use super::pickle_imports::{is_name, verdict};
use super::{ImportVerdict, PickleImport};

/// Values on the stack. Real pickles keep it below a thousand.
const STACK_VALUES_MAX: usize = 1_000_000;

/// Memoised values. A pickled forest has some hundred thousand.
const MEMO_VALUES_MAX: usize = 4_000_000;

/// Different imports. A pickled pipeline has some dozens.
const IMPORTS_MAX: usize = 10_000;

/// Length of a module's or a class's name. Python's own longest has some sixty.
const NAME_BYTES_MAX: usize = 1_000;

/// Items of a tuple that is followed: shapes have at most 64 (NumPy's `NPY_MAXDIMS`), states fewer.
const TUPLE_ITEMS_MAX: usize = 64;

/// Items of all tuples that are followed. A forest of a thousand trees has some twenty thousand.
const TUPLE_ITEMS_TOTAL_MAX: usize = 1_000_000;

/// A value, as far as imports and the places of arrays depend on it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Value<'a> {
    Mark,
    None,
    Text(&'a [u8]),
    Number(i64),
    Tuple {
        start: usize,
        length: usize,
    },
    /// What an import gives; calling it is what makes a pickle a program.
    Callable,
    /// `joblib.numpy_pickle.NumpyArrayWrapper`.
    ArrayWrapperClass,
    /// An instance of it, whose BUILD makes joblib read an array from the file.
    ArrayWrapper,
    /// The mapping that becomes the state of the instance just made.
    ArrayState,
    /// `numpy.dtype`.
    DtypeClass,
    /// An element type, by its place among those that were made.
    Dtype(usize),
    Other,
}

/// Why a walk ended before its STOP, or what it could not resolve.
pub(super) type Broken = &'static str;

/// Who loads the stream: joblib reads arrays from between the opcodes, where pickle sees opcodes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Loader {
    Pickle,
    Joblib,
}

pub(super) struct Machine<'a> {
    pub(super) bytes: &'a [u8],
    pub(super) position: usize,
    pub(super) imports: BTreeMap<(String, String), u64>,
    pub(super) protocol: u8,
    /// Whether something was imported under a name that Python code could have.
    pub(super) named: bool,
    /// Whether something imported was called or built, which plain text does not do by chance.
    pub(super) acted: bool,
    /// Whether joblib's wrapper of arrays was imported.
    pub(super) has_arrays: bool,
    /// Where something could not be resolved, and why.
    pub(super) unresolved: Option<(u64, Broken)>,
    loader: Loader,
    stack: Vec<Value<'a>>,
    memo: BTreeMap<u64, Value<'a>>,
    tuple_items: Vec<Value<'a>>,
    /// Bytes that would have to be there for it to go on; 0 where it did not end for want of them.
    pub(super) needed: usize,
    pub(super) arrays: Arrays<'a>,
    /// Where the current frame ends; 0 without one.
    frame_end: usize,
}

impl<'a> Machine<'a> {
    pub(super) fn new(bytes: &'a [u8], position: usize, loader: Loader) -> Self {
        Self {
            bytes,
            position,
            imports: BTreeMap::new(),
            protocol: 0,
            named: false,
            acted: false,
            has_arrays: false,
            unresolved: None,
            loader,
            stack: Vec::new(),
            memo: BTreeMap::new(),
            tuple_items: Vec::new(),
            needed: 0,
            arrays: Arrays::default(),
            frame_end: 0,
        }
    }

    /// Everything that was imported, with what the lists say of it.
    pub(super) fn verdicts(&self) -> impl Iterator<Item = PickleImport> {
        self.imports.iter().map(|((module, name), offset)| PickleImport {
            module: module.clone(),
            name: name.clone(),
            verdict: verdict(module, name),
            offset: *offset,
        })
    }

    /// Whether it would import something that is known to be dangerous.
    pub(super) fn is_dangerous(&self) -> bool {
        self.imports.keys().any(|(module, name)| verdict(module, name) == ImportVerdict::Dangerous)
    }

    /// Walks one stream to its STOP.
    pub(super) fn run(&mut self) -> Result<(), Broken> {
        loop {
            let start = self.position as u64;
            let [opcode] = self.take_array::<1>()?;
            if opcode == b'.' {
                self.pop()?;
                if !self.arrays.all_made() {
                    self.unresolved(start, "it handles joblib's wrapper of arrays as joblib never does");
                }
                return Ok(());
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

    /// Constants, texts and collections.
    fn step(&mut self, opcode: u8, start: u64) -> Result<(), Broken> {
        match opcode {
            b'(' => self.stack.push(Value::Mark),
            b'0' => {
                let top = self.stack.pop().ok_or("the stack is empty")?;
                self.arrays.dropped(top);
            }
            b'1' => drop(self.items_to_mark()?),
            b'2' => {
                let top = self.pop()?;
                self.stack.push(top);
                self.push_again(top, start);
            }
            b'N' => self.stack.push(Value::None),
            b'}' => {
                let state = self.stack.last() == Some(&Value::ArrayWrapper) && self.arrays.begin_state();
                self.stack.push(if state { Value::ArrayState } else { Value::Other });
            }
            b')' => self.push_tuple(&[]),
            b']' | 0x88 | 0x89 | 0x8f | 0x97 => self.stack.push(Value::Other),
            b'K' => self.take_array().map(|[byte]| self.stack.push(Value::Number(i64::from(byte))))?,
            b'M' => {
                let number = i64::from(u16::from_le_bytes(self.take_array()?));
                self.stack.push(Value::Number(number));
            }
            b'J' => {
                let number = i64::from(i32::from_le_bytes(self.take_array()?));
                self.stack.push(Value::Number(number));
            }
            0x8a => self.long()?,
            b'G' => self.take(8).map(|_| self.stack.push(Value::Other))?,
            b'F' | b'I' | b'L' => self.line().map(|_| self.stack.push(Value::Other))?,
            0x8b | b'B' => self.counted::<4>().map(|_| self.stack.push(Value::Other))?,
            b'C' => self.counted::<1>().map(|_| self.stack.push(Value::Other))?,
            0x8e | 0x96 => self.counted::<8>().map(|_| self.stack.push(Value::Other))?,
            b'S' => self.quoted_text()?,
            b'V' => self.escaped_text()?,
            b'U' | 0x8c => self.counted::<1>().map(|text| self.stack.push(Value::Text(text)))?,
            b'T' | b'X' => self.counted::<4>().map(|text| self.stack.push(Value::Text(text)))?,
            0x8d => self.counted::<8>().map(|text| self.stack.push(Value::Text(text)))?,
            b't' => {
                let items = self.items_to_mark()?;
                self.push_tuple(&items);
            }
            0x85 => self.tuple_of(1)?,
            0x86 => self.tuple_of(2)?,
            0x87 => self.tuple_of(3)?,
            b'l' | b'd' | 0x91 => {
                self.items_to_mark()?;
                self.stack.push(Value::Other);
            }
            0x98 => drop(self.below(0)?),
            _ => return self.step_change(opcode, start),
        }
        Ok(())
    }

    /// What changes a value on the stack.
    fn step_change(&mut self, opcode: u8, start: u64) -> Result<(), Broken> {
        match opcode {
            b'a' => {
                self.pop()?;
                self.below(0)?;
            }
            b's' => {
                let (value, key) = (self.pop()?, self.pop()?);
                let target = self.below(0)?;
                self.arrays.set(target, &[key, value]);
            }
            b'u' => {
                let items = self.items_to_mark()?;
                let target = self.below(0)?;
                self.arrays.set(target, &items);
            }
            b'e' | 0x90 => {
                self.items_to_mark()?;
                self.below(0)?;
            }
            b'b' => self.build(start)?,
            _ => return self.step_program(opcode, start),
        }
        Ok(())
    }

    /// Imports, calls, the memo and what frames a stream.
    fn step_program(&mut self, opcode: u8, start: u64) -> Result<(), Broken> {
        match opcode {
            b'c' => {
                let (module, name) = (self.text_line()?, self.text_line()?);
                let value = self.import(module, name, start);
                self.stack.push(value);
            }
            b'i' => {
                let (module, name) = (self.text_line()?, self.text_line()?);
                // One of CPython's readers imports before it misses the mark.
                let value = self.import(module, name, start);
                self.items_to_mark()?;
                self.call(value);
                self.stack.push(Value::Other);
            }
            0x93 => {
                let (name, module) = (self.pop()?, self.pop()?);
                let value = if let (Value::Text(module), Value::Text(name)) = (module, name) {
                    self.import(module, name, start)
                } else {
                    self.unresolved(start, "the name of an import is computed");
                    Value::Callable
                };
                self.stack.push(value);
            }
            0x82 => self.extension::<1>(start)?,
            0x83 => self.extension::<2>(start)?,
            0x84 => self.extension::<4>(start)?,
            b'R' | 0x81 => {
                let (arguments, callable) = (self.pop()?, self.pop()?);
                self.call(callable);
                let value = self.instance(opcode, callable, arguments);
                self.stack.push(value);
            }
            0x92 => {
                self.pop()?;
                self.pop()?;
                let callable = self.pop()?;
                self.call(callable);
                self.stack.push(Value::Other);
            }
            b'o' => {
                let items = self.items_to_mark()?;
                self.call(*items.first().ok_or("there is nothing to call")?);
                self.stack.push(Value::Other);
            }
            b'P' => self.line().map(|_| self.stack.push(Value::Other))?,
            b'Q' => {
                self.pop()?;
                self.stack.push(Value::Other);
            }
            _ => return self.step_memo(opcode, start),
        }
        Ok(())
    }

    fn step_memo(&mut self, opcode: u8, start: u64) -> Result<(), Broken> {
        match opcode {
            b'p' => {
                let index = self.decimal()?;
                self.remember(index)
            }
            b'q' => {
                let [index] = self.take_array::<1>()?;
                self.remember(u64::from(index))
            }
            b'r' => {
                let index = u32::from_le_bytes(self.take_array()?);
                self.remember(u64::from(index))
            }
            0x94 => self.remember(self.memo.len() as u64),
            b'g' => {
                let index = self.decimal()?;
                self.recall(index, start)
            }
            b'h' => {
                let [index] = self.take_array::<1>()?;
                self.recall(u64::from(index), start)
            }
            b'j' => {
                let index = u32::from_le_bytes(self.take_array()?);
                self.recall(u64::from(index), start)
            }
            0x80 => {
                let [protocol] = self.take_array::<1>()?;
                if protocol > 5 {
                    return Err("its protocol is unknown");
                }
                self.protocol = self.protocol.max(protocol);
                Ok(())
            }
            // A frame only groups reads; joblib, which reads behind it, is why its end is kept. One that is
            // longer than the file stops one of CPython's readers, and the other goes on.
            0x95 => {
                let length = u64::from_le_bytes(self.take_array()?);
                let end = usize::try_from(length).ok().and_then(|length| self.position.checked_add(length));
                self.frame_end = end.unwrap_or(usize::MAX);
                if self.frame_end > self.bytes.len() {
                    self.unresolved(start, "a frame is longer than the file");
                }
                Ok(())
            }
            _ => Err("there is an unknown opcode"),
        }
    }

    /// Notes an import and gives what it pushes.
    fn import(&mut self, module: &[u8], name: &[u8], start: u64) -> Value<'a> {
        if module.len() > NAME_BYTES_MAX || name.len() > NAME_BYTES_MAX {
            self.unresolved(start, "the name of an import is longer than names are");
            return Value::Callable;
        }
        let (Ok(module), Ok(name)) = (std::str::from_utf8(module), std::str::from_utf8(name)) else {
            self.unresolved(start, "the name of an import is no text");
            return Value::Callable;
        };
        self.imports.entry((module.to_owned(), name.to_owned())).or_insert(start);
        let is_named = is_name(module) && is_name(name);
        self.named |= is_named;
        match (module, name) {
            ("joblib.numpy_pickle", "NumpyArrayWrapper") => {
                self.has_arrays = true;
                self.arrays.class_pushed();
                Value::ArrayWrapperClass
            }
            ("numpy", "dtype") => Value::DtypeClass,
            _ if is_named => Value::Callable,
            _ => Value::Other,
        }
    }

    pub(super) fn unresolved(&mut self, start: u64, why: Broken) {
        self.unresolved.get_or_insert((start, why));
    }

    /// The extension registry of the process that loads it decides what this imports.
    fn extension<const LENGTH: usize>(&mut self, start: u64) -> Result<(), Broken> {
        self.take_array::<LENGTH>()?;
        self.unresolved(start, "an import goes through the extension registry");
        self.stack.push(Value::Callable);
        Ok(())
    }

    fn call(&mut self, callable: Value<'a>) {
        self.acted |= matches!(callable, Value::Callable | Value::ArrayWrapperClass | Value::DtypeClass);
    }

    /// What a call gives, where that is known.
    fn instance(&mut self, opcode: u8, callable: Value<'a>, arguments: Value<'a>) -> Value<'a> {
        match callable {
            Value::ArrayWrapperClass if opcode == 0x81 => {
                self.arrays.class_used();
                Value::ArrayWrapper
            }
            Value::DtypeClass => match self.tuple(arguments).first() {
                Some(Value::Text(name)) => self.arrays.dtype(name).map_or(Value::Other, Value::Dtype),
                _ => Value::Other,
            },
            _ => Value::Other,
        }
    }

    fn build(&mut self, start: u64) -> Result<(), Broken> {
        let state = self.pop()?;
        let instance = self.below(0)?;
        self.call(instance);
        match instance {
            Value::Callable | Value::ArrayWrapperClass | Value::DtypeClass => {
                self.unresolved(start, "it changes something that it imported");
            }
            Value::Dtype(index) => {
                let items = match state {
                    Value::Tuple { start, length } => self.tuple_items.get(start..start + length),
                    _ => None,
                };
                self.arrays.build_dtype(index, items.unwrap_or_default());
            }
            Value::ArrayWrapper if self.loader == Loader::Joblib => {
                self.stack.pop();
                self.stack.push(Value::Other);
                self.array(state, start)?;
            }
            _ => {}
        }
        Ok(())
    }

    /// joblib reads the array that stands behind the BUILD of its wrapper.
    fn array(&mut self, state: Value<'a>, start: u64) -> Result<(), Broken> {
        // joblib reads from the file, where the whole of the current frame has been read already.
        let is_known = state == Value::ArrayState && self.position >= self.frame_end;
        let place = match self.arrays.shape() {
            Some(Value::Tuple { start, length }) if is_known => {
                let shape = self.tuple_items.get(start..start + length).unwrap_or_default();
                self.arrays.place(shape)
            }
            _ => None,
        };
        let Some(place) = place else {
            self.unresolved(start, "where the data of an array ends cannot be known");
            return Ok(());
        };
        match place {
            joblib::Place::Bytes { length, is_aligned } => {
                if is_aligned {
                    self.counted::<1>()?;
                }
                let length = usize::try_from(length).map_err(|_| "an array is longer than the file")?;
                self.take(length).map(drop).map_err(|_| "an array is longer than the file")
            }
            joblib::Place::Pickle => {
                let mut inner = Machine::new(self.bytes, self.position, Loader::Pickle);
                let result = inner.run();
                self.position = inner.position;
                self.protocol = self.protocol.max(inner.protocol);
                for (import, offset) in inner.imports {
                    self.imports.entry(import).or_insert(offset);
                }
                if let Some((offset, why)) = inner.unresolved {
                    self.unresolved(offset, why);
                }
                result
            }
        }
    }

    fn tuple(&self, value: Value<'a>) -> &[Value<'a>] {
        match value {
            Value::Tuple { start, length } => self.tuple_items.get(start..start + length).unwrap_or_default(),
            _ => &[],
        }
    }

    fn push_tuple(&mut self, items: &[Value<'a>]) {
        let start = self.tuple_items.len();
        let is_followed = items.len() <= TUPLE_ITEMS_MAX && start + items.len() <= TUPLE_ITEMS_TOTAL_MAX;
        if is_followed {
            self.tuple_items.extend_from_slice(items);
        }
        self.stack.push(if is_followed { Value::Tuple { start, length: items.len() } } else { Value::Other });
    }

    fn tuple_of(&mut self, count: usize) -> Result<(), Broken> {
        let mut items = [Value::Other; 3];
        for item in items.iter_mut().take(count).rev() {
            *item = self.pop()?;
        }
        self.push_tuple(items.get(..count).unwrap_or_default());
        Ok(())
    }

    fn take(&mut self, length: usize) -> Result<&'a [u8], Broken> {
        let end = self.position.checked_add(length).ok_or("a length is beyond the file")?;
        let Some(taken) = self.bytes.get(self.position..end) else {
            self.needed = end;
            return Err("the file ends too early");
        };
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

    /// A number in as many bytes as it needs, least first, in two's complement.
    fn long(&mut self) -> Result<(), Broken> {
        let bytes = self.counted::<1>()?;
        let negative = bytes.last().is_some_and(|last| last & 0x80 != 0);
        let number =
            bytes.iter().rev().fold(if negative { -1_i64 } else { 0 }, |number, byte| (number << 8) | i64::from(*byte));
        self.stack.push(if bytes.len() <= 8 { Value::Number(number) } else { Value::Other });
        Ok(())
    }

    fn line(&mut self) -> Result<&'a [u8], Broken> {
        let rest = self.bytes.get(self.position..).unwrap_or_default();
        let Some(length) = rest.iter().position(|byte| *byte == b'\n') else {
            self.needed = self.bytes.len() + 1;
            return Err("a line does not end");
        };
        let line = self.take(length)?;
        self.position += 1;
        Ok(line)
    }

    /// A line that CPython decodes; what is not UTF-8 stops it.
    fn text_line(&mut self) -> Result<&'a [u8], Broken> {
        let line = self.line()?;
        std::str::from_utf8(line).map_err(|_| "the name of an import is no text").map(str::as_bytes)
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

    /// The value that many below the top, which must be there.
    fn below(&self, depth: usize) -> Result<Value<'a>, Broken> {
        let index = self.stack.len().checked_sub(depth + 1).ok_or("the stack is empty")?;
        match self.stack.get(index) {
            Some(Value::Mark) | None => Err("a mark stands where a value should"),
            Some(value) => Ok(*value),
        }
    }

    fn items_to_mark(&mut self) -> Result<Vec<Value<'a>>, Broken> {
        let mark = self.stack.iter().rposition(|value| *value == Value::Mark).ok_or("there is no mark on the stack")?;
        let items = self.stack.split_off(mark + 1);
        self.stack.pop();
        Ok(items)
    }

    fn remember(&mut self, index: u64) -> Result<(), Broken> {
        let top = self.below(0)?;
        self.memo.insert(index, top);
        Ok(())
    }

    fn recall(&mut self, index: u64, start: u64) -> Result<(), Broken> {
        let value = *self.memo.get(&index).ok_or("the memo has no such value")?;
        self.push_again(value, start);
        Ok(())
    }

    /// Pushes a value that exists already.
    fn push_again(&mut self, value: Value<'a>, start: u64) {
        match value {
            Value::ArrayWrapperClass => self.arrays.class_pushed(),
            // joblib replaces the wrapper by its array at once: nothing of its making uses it again.
            Value::ArrayWrapper | Value::ArrayState => {
                self.unresolved(start, "it handles joblib's wrapper of arrays as joblib never does");
            }
            _ => {}
        }
        self.stack.push(value);
    }
}
