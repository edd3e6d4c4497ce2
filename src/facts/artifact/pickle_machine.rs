//! The machine that walks one pickle stream: opcodes, stack and memo, without ever importing or calling.
//!
//! It follows CPython's `Lib/pickle.py` and `Modules/_pickle.c`, protocols 0 to 5, as far as the operands
//! of imports depend on it. Where CPython would stop, it stops; what it cannot follow, or what CPython's two
//! readers do differently, it says.

use std::collections::BTreeMap;

use super::content::Content;
use super::joblib::{self, Arrays, Key};
use super::pickle_guards::{Guarded, Guards};
use super::pickle_imports::{is_name, verdict};
use super::pickle_memo::Memo;
use super::pickle_reader::{Reader, Text};
use super::torch::storages::{self, Storages};
use super::{ImportVerdict, PickleImport};

/// Values on the stack. Real pickles keep it below a thousand.
const STACK_VALUES_MAX: usize = 1_000_000;

/// Different imports. A pickled pipeline has some dozens.
const IMPORTS_MAX: usize = 10_000;

/// Items of a tuple that is followed: shapes have at most 64 (NumPy's `NPY_MAXDIMS`), states fewer.
const TUPLE_ITEMS_MAX: usize = 64;

/// Items of all tuples that are followed. A forest of a thousand trees has some twenty thousand.
const TUPLE_ITEMS_TOTAL_MAX: usize = 1_000_000;

/// A value, as far as imports and the places of arrays depend on it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Value {
    Mark,
    None,
    Text(Text),
    /// The text `__setstate__`: an attribute of this name is called by the next BUILD.
    SetState,
    Number(i64),
    Tuple {
        start: usize,
        length: u8,
    },
    /// What an import gives; calling it is what makes a pickle a program.
    Callable {
        is_allowed: bool,
        /// Of the opcode that imported it first.
        offset: u64,
    },
    /// What may be called in one way only.
    Guarded(Guarded),
    /// An instance of `functools.partial`.
    PartialInstance,
    /// `joblib.numpy_pickle.NumpyArrayWrapper`.
    ArrayWrapperClass,
    /// An instance of it, whose BUILD makes joblib read an array from the file.
    ArrayWrapper,
    /// The mapping that becomes the state of the instance just made.
    ArrayState,
    /// `numpy.dtype`.
    DtypeClass,
    /// An element type, by its place among those that were made.
    Dtype(u32),
    /// A class of PyTorch's storages, with the bytes of an element.
    StorageClass {
        element_bytes: u8,
    },
    Other,
}

impl Value {
    /// Whether it was imported, or is as good as an import.
    const fn is_import(self) -> bool {
        matches!(
            self,
            Self::Callable { .. }
                | Self::Guarded(_)
                | Self::ArrayWrapperClass
                | Self::DtypeClass
                | Self::StorageClass { .. }
        )
    }

    /// Whether it is an import that the lists allow whatever it is called with.
    const fn is_allowed_import(self) -> bool {
        self.is_import() && !matches!(self, Self::Callable { is_allowed: false, .. } | Self::Guarded(_))
    }
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
    pub(super) reader: Reader<'a>,
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
    /// The storages of PyTorch that the stream refers to.
    pub(super) storages: Storages,
    loader: Loader,
    stack: Vec<Value>,
    memo: Memo,
    tuple_items: Vec<Value>,
    guards: Guards,
    arrays: Arrays,
    /// Where the current frame ends; 0 without one.
    frame_end: u64,
}

impl<'a> Machine<'a> {
    pub(super) fn new(content: Content<'a>, position: u64, loader: Loader) -> Self {
        Self {
            reader: Reader::new(content, position),
            imports: BTreeMap::new(),
            protocol: 0,
            named: false,
            acted: false,
            has_arrays: false,
            unresolved: None,
            storages: Storages::default(),
            loader,
            stack: Vec::new(),
            memo: Memo::default(),
            tuple_items: Vec::new(),
            guards: Guards::default(),
            arrays: Arrays::default(),
            frame_end: 0,
        }
    }

    /// Everything that was imported, with what the lists say of it.
    pub(super) fn verdicts(&self) -> impl Iterator<Item = PickleImport> {
        self.imports.iter().map(|((module, name), offset)| {
            let is_guarded = self.guards.hold(module, name);
            PickleImport {
                module: module.clone(),
                name: name.clone(),
                verdict: if is_guarded { ImportVerdict::Allowed } else { verdict(module, name) },
                offset: *offset,
            }
        })
    }

    /// Whether it would import something that is known to be dangerous.
    pub(super) fn is_dangerous(&self) -> bool {
        self.verdicts().any(|import| import.verdict == ImportVerdict::Dangerous)
    }

    /// Walks one stream to its STOP.
    pub(super) fn run(&mut self) -> Result<(), Broken> {
        loop {
            let start = self.reader.position;
            let [opcode] = self.reader.take::<1>()?;
            if opcode == b'.' {
                self.pop()?;
                if !self.arrays.all_made() {
                    self.unresolved(start, "it handles joblib's wrapper of arrays as joblib never does");
                }
                return Ok(());
            }
            self.step(opcode, start)?;
            // CPython's readers disagree about what stands across the end of a frame (its issue 154848).
            if start < self.frame_end && self.reader.position > self.frame_end {
                self.unresolved(start, "an opcode stands across the end of a frame");
            }
            if self.stack.len() > STACK_VALUES_MAX || self.memo.is_full() || self.imports.len() > IMPORTS_MAX {
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
                self.dropped(top);
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
            b'K' => self.reader.take().map(|[byte]| self.stack.push(Value::Number(i64::from(byte))))?,
            b'M' => {
                let number = i64::from(u16::from_le_bytes(self.reader.take()?));
                self.stack.push(Value::Number(number));
            }
            b'J' => {
                let number = i64::from(i32::from_le_bytes(self.reader.take()?));
                self.stack.push(Value::Number(number));
            }
            0x8a => self.long()?,
            b'G' => self.reader.skip(8).map(|_| self.stack.push(Value::Other))?,
            b'F' | b'I' | b'L' => self.reader.line().map(|_| self.stack.push(Value::Other))?,
            0x8b | b'B' => self.reader.counted::<4>().map(|_| self.stack.push(Value::Other))?,
            b'C' => self.reader.counted::<1>().map(|_| self.stack.push(Value::Other))?,
            0x8e | 0x96 => self.reader.counted::<8>().map(|_| self.stack.push(Value::Other))?,
            b'S' => self.quoted_text()?,
            b'V' => self.escaped_text()?,
            b'U' | 0x8c => self.counted_text::<1>()?,
            b'T' | b'X' => self.counted_text::<4>()?,
            0x8d => self.counted_text::<8>()?,
            b't' => {
                let items = self.items_to_mark()?;
                self.push_tuple(&items);
            }
            0x85 => self.tuple_of(1)?,
            0x86 => self.tuple_of(2)?,
            0x87 => self.tuple_of(3)?,
            b'l' | 0x91 => {
                self.items_to_mark()?;
                self.stack.push(Value::Other);
            }
            b'd' => {
                let items = self.items_to_mark()?;
                self.check_keys(&items, start);
                self.stack.push(Value::Other);
            }
            0x98 => drop(self.below_top()?),
            _ => return self.step_change(opcode, start),
        }
        Ok(())
    }

    /// What changes a value on the stack.
    fn step_change(&mut self, opcode: u8, start: u64) -> Result<(), Broken> {
        match opcode {
            b'a' => {
                self.pop()?;
                self.changed(start)?;
            }
            b's' => {
                let (value, key) = (self.pop()?, self.pop()?);
                self.set(&[key, value], start)?;
            }
            b'u' => {
                let items = self.items_to_mark()?;
                self.set(&items, start)?;
            }
            b'e' | 0x90 => {
                self.items_to_mark()?;
                self.changed(start)?;
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
                let (module, name) = (self.reader.short_line()?, self.reader.short_line()?);
                let value = self.import(module, name, start)?;
                self.stack.push(value);
            }
            b'i' => {
                let (module, name) = (self.reader.short_line()?, self.reader.short_line()?);
                // One of CPython's readers imports before it misses the mark.
                let value = self.import(module, name, start)?;
                self.items_to_mark()?;
                self.call(value, start);
                self.stack.push(Value::Other);
            }
            0x93 => {
                let (name, module) = (self.pop()?, self.pop()?);
                let value = if let (Value::Text(module), Value::Text(name)) = (module, name) {
                    self.import(Some(module), Some(name), start)?
                } else {
                    self.unresolved(start, "the name of an import is computed");
                    Value::Callable { is_allowed: false, offset: start }
                };
                self.stack.push(value);
            }
            0x82 => self.extension::<1>(start)?,
            0x83 => self.extension::<2>(start)?,
            0x84 => self.extension::<4>(start)?,
            b'R' | 0x81 => {
                let (arguments, callable) = (self.pop()?, self.pop()?);
                self.call(callable, start);
                let value = self.instance(opcode, callable, arguments)?;
                self.stack.push(value);
            }
            0x92 => {
                self.pop()?;
                self.pop()?;
                let callable = self.pop()?;
                self.call(callable, start);
                self.stack.push(Value::Other);
            }
            b'o' => {
                let items = self.items_to_mark()?;
                self.call(*items.first().ok_or("there is nothing to call")?, start);
                self.stack.push(Value::Other);
            }
            b'P' => self.reader.line().map(|_| self.stack.push(Value::Other))?,
            b'Q' => {
                let id = self.pop()?;
                let value = self.persistent(id)?;
                self.push_again(value, start);
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
                let [index] = self.reader.take()?;
                self.remember(u64::from(index))
            }
            b'r' => {
                let index = u32::from_le_bytes(self.reader.take()?);
                self.remember(u64::from(index))
            }
            0x94 => self.remember(self.memo.len()),
            b'g' => {
                let index = self.decimal()?;
                self.recall(index, start)
            }
            b'h' => {
                let [index] = self.reader.take()?;
                self.recall(u64::from(index), start)
            }
            b'j' => {
                let index = u32::from_le_bytes(self.reader.take()?);
                self.recall(u64::from(index), start)
            }
            0x80 => {
                let [protocol] = self.reader.take()?;
                if protocol > 5 {
                    return Err("its protocol is unknown");
                }
                self.protocol = self.protocol.max(protocol);
                Ok(())
            }
            0x95 => self.frame(start),
            _ => Err("there is an unknown opcode"),
        }
    }

    /// A frame only groups reads; its end is kept because joblib reads behind it, and because one of CPython's
    /// readers goes on across it. One that is longer than the file stops one of them, too.
    fn frame(&mut self, start: u64) -> Result<(), Broken> {
        let length = u64::from_le_bytes(self.reader.take()?);
        if self.reader.position < self.frame_end {
            self.unresolved(start, "a frame begins within another");
        }
        self.frame_end = self.reader.position.saturating_add(length);
        if self.frame_end > self.reader.content.size_bytes {
            self.unresolved(start, "a frame is longer than the file");
        }
        Ok(())
    }

    /// Notes an import and gives what it pushes. A name that is none was longer than names are.
    fn import(&mut self, module: Option<Text>, name: Option<Text>, start: u64) -> Result<Value, Broken> {
        let (Some(module), Some(name)) = (module, name) else {
            self.unresolved(start, "the name of an import is longer than names are");
            return Ok(Value::Callable { is_allowed: false, offset: start });
        };
        let module = std::str::from_utf8(self.reader.text(module)?).map(str::to_owned);
        let name = std::str::from_utf8(self.reader.text(name)?).map(str::to_owned);
        // CPython stops at what is not UTF-8.
        let (Ok(module), Ok(name)) = (module, name) else { return Err("the name of an import is no text") };
        let names = (module, name);
        let offset = *self.imports.entry(names.clone()).or_insert(start);
        Ok(self.imported(&names.0, &names.1, offset))
    }

    fn imported(&mut self, module: &str, name: &str, offset: u64) -> Value {
        let is_named = is_name(module) && is_name(name);
        self.named |= is_named;
        if let Some(guarded) = Guarded::of(module, name) {
            self.guards.pushed(guarded);
            return Value::Guarded(guarded);
        }
        if let Some(element_bytes) = storages::element_bytes(module, name) {
            return Value::StorageClass { element_bytes };
        }
        match (module, name) {
            ("joblib.numpy_pickle", "NumpyArrayWrapper") => {
                self.has_arrays = true;
                self.arrays.class_pushed();
                Value::ArrayWrapperClass
            }
            ("numpy", "dtype") => Value::DtypeClass,
            _ if is_named => Value::Callable { is_allowed: verdict(module, name) == ImportVerdict::Allowed, offset },
            _ => Value::Other,
        }
    }

    pub(super) fn unresolved(&mut self, start: u64, why: Broken) {
        self.unresolved.get_or_insert((start, why));
    }

    /// The extension registry of the process that loads it decides what this imports.
    fn extension<const LENGTH: usize>(&mut self, start: u64) -> Result<(), Broken> {
        self.reader.take::<LENGTH>()?;
        self.unresolved(start, "an import goes through the extension registry");
        self.stack.push(Value::Callable { is_allowed: false, offset: start });
        Ok(())
    }

    /// Notes a call. What is no import was computed: what it does cannot be known from its name.
    fn call(&mut self, callable: Value, start: u64) {
        self.acted |= callable.is_import();
        if !callable.is_import() {
            self.unresolved(start, "it calls something that it did not import");
        }
    }

    /// What a call gives, where that is known.
    fn instance(&mut self, opcode: u8, callable: Value, arguments: Value) -> Result<Value, Broken> {
        let items: Vec<Value> = self.tuple(arguments).to_vec();
        Ok(match (callable, items.as_slice()) {
            (Value::ArrayWrapperClass, _) if opcode == 0x81 => {
                self.arrays.class_used();
                Value::ArrayWrapper
            }
            (Value::DtypeClass, [Value::Text(name), ..]) => {
                let name = self.reader.text(*name)?.to_vec();
                self.arrays.dtype(&name).map_or(Value::Other, Value::Dtype)
            }
            (Value::Guarded(Guarded::GetAttribute), [Value::Callable { offset, .. }, Value::Text(name)])
                if opcode == b'R' && self.is_allowed_attribute(*offset, *name)? =>
            {
                self.guards.used(Guarded::GetAttribute);
                Value::Callable { is_allowed: true, offset: *offset }
            }
            (Value::Guarded(Guarded::Partial), [function, ..]) if function.is_allowed_import() => {
                self.guards.used(Guarded::Partial);
                Value::PartialInstance
            }
            _ => Value::Other,
        })
    }

    /// Whether the list of what is allowed has this attribute of an import, by its dotted name.
    fn is_allowed_attribute(&mut self, offset: u64, name: Text) -> Result<bool, Broken> {
        let Ok(name) = std::str::from_utf8(self.reader.text(name)?) else { return Ok(false) };
        let class = self.imports.iter().find(|(_, first)| **first == offset).map(|(class, _)| class);
        let is_allowed =
            |(module, class): &(String, String)| verdict(module, &format!("{class}.{name}")) == ImportVerdict::Allowed;
        Ok(class.is_some_and(is_allowed))
    }

    fn build(&mut self, start: u64) -> Result<(), Broken> {
        let state = self.pop()?;
        let instance = self.below_top()?;
        self.acted |= instance.is_import();
        match instance {
            Value::Dtype(index) => {
                let items = self.tuple(state).to_vec();
                self.arrays.build_dtype(index, &items);
            }
            Value::ArrayWrapper if self.loader == Loader::Joblib => {
                self.stack.pop();
                self.stack.push(Value::Other);
                self.array(state, start)?;
            }
            // Its state names once more what it calls.
            Value::PartialInstance if !matches!(self.tuple(state), [function, _, _, _] if function.is_allowed_import()) =>
            {
                self.unresolved(start, "it changes what a partial function calls");
            }
            _ if instance.is_import() => self.unresolved(start, "it changes something that it imported"),
            _ => {}
        }
        Ok(())
    }

    /// joblib reads the array that stands behind the BUILD of its wrapper.
    fn array(&mut self, state: Value, start: u64) -> Result<(), Broken> {
        // joblib reads from the file, where the whole of the current frame has been read already.
        let is_known = state == Value::ArrayState && self.reader.position >= self.frame_end;
        let shape = self.arrays.shape().filter(|_| is_known).map(|shape| self.tuple(shape).to_vec());
        let Some(place) = shape.and_then(|shape| self.arrays.place(&shape)) else {
            self.unresolved(start, "where the data of an array ends cannot be known");
            return Ok(());
        };
        self.frame_end = 0;
        match place {
            joblib::Place::Bytes { length, is_aligned } => {
                if is_aligned {
                    self.reader.counted::<1>()?;
                }
                self.reader.skip(length).map(drop).map_err(|_| "an array is longer than the file")
            }
            joblib::Place::Pickle => {
                let mut inner = Machine::new(self.reader.content, self.reader.position, Loader::Pickle);
                let result = inner.run();
                self.reader.position = inner.reader.position;
                self.protocol = self.protocol.max(inner.protocol);
                self.imports_of(inner);
                result
            }
        }
    }

    /// Takes over what a pickle within this one would do.
    fn imports_of(&mut self, inner: Machine<'_>) {
        for import in inner.verdicts() {
            // What is guarded is judged there: here it would be taken for unused.
            if let Some(guarded) = Guarded::of(&import.module, &import.name) {
                self.guards.judged(guarded, import.verdict == ImportVerdict::Allowed);
            }
            self.imports.entry((import.module, import.name)).or_insert(import.offset);
        }
        if let Some((offset, why)) = inner.unresolved {
            self.unresolved(offset, why);
        }
    }

    /// What a persistent id stands for, as `torch.load` has it: a storage, whose data stands behind the streams
    /// in its old format, or a class, which is in the id. Other loaders have ids of their own.
    fn persistent(&mut self, id: Value) -> Result<Value, Broken> {
        let items = self.tuple(id).to_vec();
        let [Value::Text(kind), class, ref rest @ ..] = *items.as_slice() else { return Ok(Value::Other) };
        let kind = self.reader.text(kind)?;
        if kind == b"module" {
            return Ok(class);
        }
        if kind == b"storage"
            && let Value::StorageClass { element_bytes } = class
            && let [Value::Text(key), Value::Text(_), Value::Number(elements), ..] = *rest
        {
            let key = self.reader.text(key)?.to_vec();
            self.storages.note(key, elements, element_bytes);
        }
        Ok(Value::Other)
    }

    /// Whether what was imported is changed: it would be so for the whole process.
    fn changed(&mut self, start: u64) -> Result<Value, Broken> {
        let target = self.below_top()?;
        if target.is_import() {
            self.unresolved(start, "it changes something that it imported");
        }
        Ok(target)
    }

    /// Sets keys and values, in turn, of the mapping on the top.
    fn set(&mut self, items: &[Value], start: u64) -> Result<(), Broken> {
        let target = self.changed(start)?;
        self.check_keys(items, start);
        if target == Value::ArrayState {
            for pair in items.chunks(2) {
                let key = match pair.first() {
                    Some(Value::Text(key)) => Key::of(self.reader.text(*key)?),
                    _ => Key::Unknown,
                };
                self.arrays.set(key, pair.get(1).copied());
            }
        }
        Ok(())
    }

    /// An instance whose attributes have `__setstate__` among them calls it at its next BUILD.
    fn check_keys(&mut self, items: &[Value], start: u64) {
        let is_data = |value: Option<&Value>| matches!(value, Some(Value::Number(_) | Value::Text(_) | Value::None));
        if items.chunks(2).any(|pair| pair.first() == Some(&Value::SetState) && !is_data(pair.get(1))) {
            self.unresolved(start, "it says itself how its state is set");
        }
    }

    fn tuple(&self, value: Value) -> &[Value] {
        match value {
            Value::Tuple { start, length } => {
                self.tuple_items.get(start..start + usize::from(length)).unwrap_or_default()
            }
            _ => &[],
        }
    }

    fn push_tuple(&mut self, items: &[Value]) {
        let start = self.tuple_items.len();
        let length = u8::try_from(items.len()).ok().filter(|length| usize::from(*length) <= TUPLE_ITEMS_MAX);
        let length = length.filter(|length| start + usize::from(*length) <= TUPLE_ITEMS_TOTAL_MAX);
        self.stack.push(length.map_or(Value::Other, |length| {
            self.tuple_items.extend_from_slice(items);
            Value::Tuple { start, length }
        }));
    }

    fn tuple_of(&mut self, count: usize) -> Result<(), Broken> {
        let mut items = [Value::Other; 3];
        for item in items.iter_mut().take(count).rev() {
            *item = self.pop()?;
        }
        self.push_tuple(items.get(..count).unwrap_or_default());
        Ok(())
    }

    /// A number in as many bytes as it needs, least first, in two's complement.
    fn long(&mut self) -> Result<(), Broken> {
        let [length] = self.reader.take()?;
        let bytes = self.reader.peek(usize::from(length)).to_vec();
        self.reader.skip(u64::from(length))?;
        let negative = bytes.last().is_some_and(|last| last & 0x80 != 0);
        let number =
            bytes.iter().rev().fold(if negative { -1_i64 } else { 0 }, |number, byte| (number << 8) | i64::from(*byte));
        self.stack.push(if bytes.len() <= 8 { Value::Number(number) } else { Value::Other });
        Ok(())
    }

    /// Python's `int` takes more spellings than this; they are refused rather than misread.
    fn decimal(&mut self) -> Result<u64, Broken> {
        let line = self.reader.short_line()?.ok_or("an index is no number")?;
        let text = std::str::from_utf8(self.reader.text(line)?).ok();
        text.and_then(|text| text.parse().ok()).ok_or("an index is no number")
    }

    fn counted_text<const WIDTH: usize>(&mut self) -> Result<(), Broken> {
        let (offset, length) = self.reader.counted::<WIDTH>()?;
        self.push_text(Text::short(offset, length))
    }

    /// A quoted text. One with escapes is no operand that can be known without Python's rules.
    fn quoted_text(&mut self) -> Result<(), Broken> {
        let (offset, length) = self.reader.line()?;
        let line = Text::short(offset, length).map(|line| self.reader.text(line)).transpose()?;
        let inner = match line {
            Some([b'\'', text @ .., b'\''] | [b'"', text @ .., b'"']) if !text.contains(&b'\\') => {
                Text::short(offset + 1, text.len() as u64)
            }
            _ => None,
        };
        self.push_text(inner)
    }

    fn escaped_text(&mut self) -> Result<(), Broken> {
        let line = self.reader.short_line()?;
        let has_escapes =
            line.map(|line| self.reader.text(line)).transpose()?.is_some_and(|text| text.contains(&b'\\'));
        self.push_text(line.filter(|_| !has_escapes))
    }

    /// Pushes a text; one that is not kept is no name.
    fn push_text(&mut self, text: Option<Text>) -> Result<(), Broken> {
        let value = match text {
            None => Value::Other,
            Some(text) if self.reader.text(text)? == b"__setstate__" => Value::SetState,
            Some(text) => Value::Text(text),
        };
        self.stack.push(value);
        Ok(())
    }

    fn pop(&mut self) -> Result<Value, Broken> {
        match self.stack.pop() {
            None => Err("the stack is empty"),
            Some(Value::Mark) => Err("a mark stands where a value should"),
            Some(value) => Ok(value),
        }
    }

    /// The value on the top, which must be there and stays.
    fn below_top(&self) -> Result<Value, Broken> {
        match self.stack.last() {
            None => Err("the stack is empty"),
            Some(Value::Mark) => Err("a mark stands where a value should"),
            Some(value) => Ok(*value),
        }
    }

    fn items_to_mark(&mut self) -> Result<Vec<Value>, Broken> {
        let mark = self.stack.iter().rposition(|value| *value == Value::Mark).ok_or("there is no mark on the stack")?;
        let items = self.stack.split_off(mark + 1);
        self.stack.pop();
        Ok(items)
    }

    fn remember(&mut self, index: u64) -> Result<(), Broken> {
        let top = self.below_top()?;
        self.memo.put(index, top);
        Ok(())
    }

    fn recall(&mut self, index: u64, start: u64) -> Result<(), Broken> {
        let value = self.memo.get(index).ok_or("the memo has no such value")?;
        self.push_again(value, start);
        Ok(())
    }

    /// Pushes a value that exists already.
    fn push_again(&mut self, value: Value, start: u64) {
        match value {
            Value::ArrayWrapperClass => self.arrays.class_pushed(),
            Value::Guarded(guarded) => self.guards.pushed(guarded),
            // joblib replaces the wrapper by its array at once: nothing of its making uses it again.
            Value::ArrayWrapper | Value::ArrayState => {
                self.unresolved(start, "it handles joblib's wrapper of arrays as joblib never does");
            }
            _ => {}
        }
        self.stack.push(value);
    }

    fn dropped(&mut self, value: Value) {
        match value {
            Value::ArrayWrapperClass => self.arrays.class_used(),
            Value::Guarded(guarded) => self.guards.used(guarded),
            _ => {}
        }
    }
}
