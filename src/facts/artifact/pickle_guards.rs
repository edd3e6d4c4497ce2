//! Imports that are allowed in one way of being called, and dangerous in any other.
//!
//! `getattr` reaches anything, and real files have it: time zones are pickled as
//! `getattr(ZoneInfo, '_unpickle')`, and the list of what is allowed has `ZoneInfo._unpickle`.
//! `functools.partial` calls anything, and real files have it around a function that is allowed itself. So each
//! place where one of them comes from is counted, and each call of the allowed form; when they are as many at
//! the end, it was used for nothing else.

use std::collections::BTreeMap;

/// An import that is allowed in one way of being called.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Guarded {
    /// `getattr`, of an attribute that is allowed under its dotted name.
    GetAttribute,
    /// `functools.partial`, of a function that is allowed.
    Partial,
}

impl Guarded {
    pub(super) fn of(module: &str, name: &str) -> Option<Self> {
        match (module, name) {
            ("builtins" | "__builtin__", "getattr") => Some(Self::GetAttribute),
            ("functools" | "_functools", "partial") => Some(Self::Partial),
            _ => None,
        }
    }
}

/// How often each was pushed, less how often it was called in its allowed form.
#[derive(Debug, Default)]
pub(super) struct Guards {
    open: BTreeMap<Guarded, u64>,
}

impl Guards {
    pub(super) fn pushed(&mut self, guarded: Guarded) {
        *self.open.entry(guarded).or_default() += 1;
    }

    /// It was called as it may be, or taken from the stack.
    pub(super) fn used(&mut self, guarded: Guarded) {
        let open = self.open.entry(guarded).or_default();
        *open = open.saturating_sub(1);
    }

    /// Takes over what another stream did with it: for good, if that was not the allowed form.
    pub(super) fn judged(&mut self, guarded: Guarded, is_allowed: bool) {
        let open = self.open.entry(guarded).or_default();
        *open = if is_allowed { *open } else { u64::MAX / 2 };
    }

    /// Whether an import was used in no other way than the allowed one.
    pub(super) fn hold(&self, module: &str, name: &str) -> bool {
        Guarded::of(module, name).is_some_and(|guarded| self.open.get(&guarded) == Some(&0))
    }
}
