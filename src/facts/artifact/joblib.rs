//! Arrays in files of `joblib.dump`: a pickle whose opcodes are interrupted by the arrays' data.
//!
//! When joblib has built a `NumpyArrayWrapper`, it reads the array from the file and goes on behind it
//! (`joblib/numpy_pickle.py`, `NumpyArrayWrapper.read_array`). To follow the opcodes beyond an array, its
//! shape and element type must be known; when they are not known for sure, nothing behind it is.

use super::pickle_machine::Value;

/// Element types and calls that are kept.
const DTYPES_MAX: usize = 100_000;

/// Flags of NumPy's `ndarraytypes.h`: elements are references to objects, or pickled as a list.
const OBJECT_FLAGS: i64 = 0x01 | 0x02;

/// Where the data of an array is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Place {
    /// That many bytes, behind padding that its first byte counts when it is aligned.
    Bytes { length: u64, is_aligned: bool },
    /// A pickle of its own: the elements are objects.
    Pickle,
}

#[derive(Debug, Clone, Copy)]
struct Dtype {
    /// Bytes of an element; null for objects.
    size_bytes: Option<u64>,
    /// Whether everything that was done to it is understood.
    is_sound: bool,
}

/// A key of the wrapper's state.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Key {
    Shape,
    Dtype,
    Alignment,
    /// One on which the place of the data does not depend.
    Harmless,
    Unknown,
}

impl Key {
    pub(super) const fn of(text: &[u8]) -> Self {
        match text {
            b"shape" => Self::Shape,
            b"dtype" => Self::Dtype,
            b"numpy_array_alignment_bytes" => Self::Alignment,
            b"subclass" | b"order" | b"allow_mmap" => Self::Harmless,
            _ => Self::Unknown,
        }
    }
}

/// What is known of the arrays in a stream.
#[derive(Debug, Default)]
pub(super) struct Arrays {
    dtypes: Vec<Dtype>,
    /// The state of the wrapper that is being built: shape, element type and alignment.
    shape: Option<Value>,
    dtype: Option<Value>,
    alignment: Option<Value>,
    is_building: bool,
    /// How often the wrapper's class was pushed, less how often an instance was made of it.
    classes_open: u64,
}

impl Arrays {
    pub(super) fn class_pushed(&mut self) {
        self.classes_open += 1;
    }

    pub(super) fn class_used(&mut self) {
        self.classes_open = self.classes_open.saturating_sub(1);
    }

    /// Whether every mention of the wrapper's class made an instance that could be followed.
    pub(super) const fn all_made(&self) -> bool {
        self.classes_open == 0 && !self.is_building
    }

    /// Begins a wrapper's state, unless another is under way.
    pub(super) fn begin_state(&mut self) -> bool {
        (self.shape, self.dtype, self.alignment) = (None, None, None);
        !std::mem::replace(&mut self.is_building, true)
    }

    /// Puts a key and its value into the state.
    pub(super) const fn set(&mut self, key: Key, value: Option<Value>) {
        match key {
            Key::Shape => self.shape = value,
            Key::Dtype => self.dtype = value,
            Key::Alignment => self.alignment = value,
            Key::Harmless => {}
            // It could be any of the above under a spelling that is not followed.
            Key::Unknown => (self.shape, self.dtype) = (Some(Value::Other), Some(Value::Other)),
        }
    }

    pub(super) const fn shape(&self) -> Option<Value> {
        self.shape
    }

    /// Where the data of the array is whose state is complete, if that is known for sure.
    pub(super) fn place(&mut self, shape: &[Value]) -> Option<Place> {
        self.is_building = false;
        let Some(Value::Dtype(index)) = self.dtype else { return None };
        let dtype = self.dtypes.get(usize::try_from(index).ok()?).filter(|dtype| dtype.is_sound)?;
        let Some(size_bytes) = dtype.size_bytes else { return Some(Place::Pickle) };
        let elements = shape.iter().try_fold(1_u64, |product, extent| match extent {
            Value::Number(extent) => product.checked_mul(u64::try_from(*extent).ok()?),
            _ => None,
        })?;
        let is_aligned = match self.alignment {
            None | Some(Value::None) => false,
            Some(Value::Number(_)) => true,
            Some(_) => return None,
        };
        Some(Place::Bytes { length: elements.checked_mul(size_bytes)?, is_aligned })
    }

    /// Keeps the element type that `numpy.dtype` makes of a name such as `f8` or `U10`.
    pub(super) fn dtype(&mut self, name: &[u8]) -> Option<u32> {
        let (kind, digits) = name.split_first()?;
        if digits.is_empty() || !digits.iter().all(u8::is_ascii_digit) || self.dtypes.len() >= DTYPES_MAX {
            return None;
        }
        let number: u64 = std::str::from_utf8(digits).ok()?.parse().ok()?;
        let size_bytes = match kind {
            b'b' | b'i' | b'u' | b'f' | b'c' | b'm' | b'M' | b'S' | b'V' => Some(number),
            // Characters are stored as UCS-4.
            b'U' => Some(number.checked_mul(4)?),
            b'O' => None,
            _ => return None,
        };
        let index = u32::try_from(self.dtypes.len()).ok()?;
        self.dtypes.push(Dtype { size_bytes, is_sound: true });
        Some(index)
    }

    /// Checks the state that an element type is given (NumPy's `arraydescr_setstate`): version, byte
    /// order, subarray, names, fields, size, alignment, flags, and from version 4 on metadata.
    pub(super) fn build_dtype(&mut self, index: u32, state: &[Value]) {
        let dtype = usize::try_from(index).ok().and_then(|index| self.dtypes.get_mut(index));
        let Some(dtype) = dtype else { return };
        let is_sound = match state {
            [
                Value::Number(3 | 4),
                _,
                Value::None,
                _,
                _,
                Value::Number(size),
                Value::Number(_),
                Value::Number(flags),
                rest @ ..,
            ] => {
                let same_size = *size == -1 || u64::try_from(*size).ok() == dtype.size_bytes;
                let has_objects = flags & OBJECT_FLAGS != 0;
                rest.len() <= 1 && (dtype.size_bytes.is_none() || (same_size && !has_objects))
            }
            _ => false,
        };
        dtype.is_sound &= is_sound;
    }
}

#[cfg(test)]
mod tests {
    use crate::facts::artifact::{Content, pickle};

    /// `joblib.dump([array, OrderedDict()])` of joblib 1.6.0, up to the array's shape.
    const HEAD: &[u8] =
        b"\x80\x04\x95\xd4\0\0\0\0\0\0\0]\x94(\x8c\x13joblib.numpy_pickle\x94\x8c\x11NumpyArrayWrapper\x94\
        \x93\x94)\x81\x94}\x94(\x8c\x08subclass\x94\x8c\x05numpy\x94\x8c\x07ndarray\x94\x93\x94\x8c\x05shape\x94";

    /// From behind the shape to the array's data: twenty elements of type `u1`.
    const STATE: &[u8] = b"\x8c\x05order\x94\x8c\x01C\x94\x8c\x05dtype\x94h\x07\x8c\x05dtype\x94\x93\x94\x8c\x02u1\x94\
        \x89\x88\x87\x94R\x94(K\x03\x8c\x01|\x94NNNJ\xff\xff\xff\xffJ\xff\xff\xff\xffK\0t\x94b\x8c\x0aallow_mmap\x94\
        \x88\x8c\x1bnumpy_array_alignment_bytes\x94K\x10ub";

    const PADDING: &[u8] = b"\x02\xff\xff";

    const TAIL: &[u8] = b"\x95#\0\0\0\0\0\0\0\x8c\x0bcollections\x94\x8c\x0bOrderedDict\x94\x93\x94)R\x94e.";

    const UNSAFE: &[u8] = b"\x80\x02cos\nsystem\n)R.";

    fn file(shape: &[u8], state: &[u8], data: &[u8]) -> Vec<u8> {
        [HEAD, shape, state, data, TAIL].concat()
    }

    /// Names of the imports, and whether they are all.
    fn found(bytes: &[u8]) -> (Vec<String>, bool) {
        let facts = pickle::inspect(Content::of(bytes, bytes.len() as u64)).unwrap().pickle.unwrap();
        (facts.imports.into_iter().map(|import| import.name).collect(), facts.complete)
    }

    fn replaced(bytes: &[u8], from: &[u8], to: &[u8]) -> Vec<u8> {
        let at = bytes.windows(from.len()).position(|window| window == from).unwrap();
        [&bytes[..at], to, &bytes[at + from.len()..]].concat()
    }

    const ALL: [&str; 4] = ["OrderedDict", "NumpyArrayWrapper", "dtype", "ndarray"];

    #[test]
    fn what_follows_an_array_is_found() {
        let data = [PADDING, &[b'X'; 20]].concat();
        assert_eq!(found(&file(b"K\x14\x85\x94", STATE, &data)), (ALL.map(str::to_owned).to_vec(), true));
        let columns = file(b"K\x0aK\x02\x86\x94", STATE, &data);
        assert_eq!(found(&columns), (ALL.map(str::to_owned).to_vec(), true));
        // One element more than there are bytes for ends in the opcodes behind them.
        assert!(!found(&file(b"K\x15\x85\x94", STATE, &data)).1);
        let whole = file(b"K\x14\x85\x94", STATE, &data);
        for length in 2..whole.len() {
            assert!(!found(&whole[..length]).1, "{length}");
        }
    }

    #[test]
    fn data_that_pickle_would_run_is_found() {
        // joblib takes `(` for a padding of forty bytes, and pickle for a mark: it runs what follows.
        let data = [&b"("[..], &[b'N'; 40], UNSAFE, b"XXXX"].concat();
        let (imports, complete) = found(&file(b"K\x14\x85\x94", STATE, &data));
        assert!(imports.contains(&"system".to_owned()), "{imports:?}");
        assert!(complete);
    }

    #[test]
    fn elements_that_are_objects_are_a_pickle() {
        let objects = replaced(STATE, b"u1", b"O8");
        let (imports, complete) = found(&file(b"K\x02\x85\x94", &objects, UNSAFE));
        assert_eq!((imports.contains(&"system".to_owned()), complete), (true, true));
    }

    #[test]
    fn an_array_whose_end_is_not_known_makes_the_scan_incomplete() {
        let data = [PADDING, &[b'X'; 20]].concat();
        for (shape, state) in [
            // A shape that is no tuple of numbers, one below zero, one beyond any file.
            (&b"K\x14\x94"[..], STATE.to_vec()),
            (b"\x8c\x02ab\x85\x94", STATE.to_vec()),
            (b"J\xff\xff\xff\xff\x85\x94", STATE.to_vec()),
            (b"\x8a\x08\xff\xff\xff\xff\xff\xff\xff\x7f\x85\x94", STATE.to_vec()),
            // An element type by a list of them, with the flag of objects, of another size, of a later version.
            (b"K\x14\x85\x94", replaced(STATE, b"\x8c\x02u1", b"\x8c\x05u1,u1")),
            (b"K\x14\x85\x94", replaced(STATE, b"K\0t", b"K\x3ft")),
            (b"K\x14\x85\x94", replaced(STATE, b"NNNJ\xff\xff\xff\xff", b"NNNK\x08")),
            (b"K\x14\x85\x94", replaced(STATE, b"(K\x03", b"(K\x05")),
            // A state with a key of another name, an alignment that is no number.
            (b"K\x14\x85\x94", replaced(STATE, b"allow_mmap", b"other_name")),
            (b"K\x14\x85\x94", replaced(STATE, b"\x94K\x10ub", b"\x94\x88ub")),
        ] {
            assert!(!found(&file(shape, &state, &data)).1, "{shape:02x?} {state:02x?}");
        }
        // Within a frame, joblib reads behind it and the opcodes go on in it.
        let frame = replaced(&file(b"K\x14\x85\x94", STATE, &data), b"\x95\xd4", b"\x95\xd5");
        assert!(!found(&frame).1);
        // The class of the wrapper, handed to something that makes instances of it.
        let bytes =
            b"\x80\x02ccopyreg\n_reconstructor\n(cjoblib.numpy_pickle\nNumpyArrayWrapper\nc__builtin__\nobject\nNtR.";
        assert!(!found(bytes).1);
    }
}
