//! Files of `numpy.savez`: arrays in members, each of them what `numpy.save` writes.

use super::super::Findings;
use super::Archive;

/// Recognised by members that are all arrays. Those of objects are pickles, and were found as such.
pub(in super::super) fn inspect(archive: &Archive<'_>, _: &mut Findings) -> bool {
    let is_array = |member| archive.head::<6>(member).is_ok_and(|head| head == *b"\x93NUMPY");
    let is_named = archive.members().iter().all(|member| member.name.ends_with(b".npy"));
    is_named && !archive.members().is_empty() && archive.members().iter().all(is_array)
}
