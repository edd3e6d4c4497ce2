//! Runs by the beginning of their keys, which is what people copy.

use object_store::path::Path;

use super::{RunKey, Store, StoreError};
use crate::digest::Sha256Digest;

impl Store {
    /// The runs whose keys begin with `beginning`, in lower-case hexadecimal digits, in the order of keys.
    ///
    /// # Errors
    /// [`StoreError::Access`] if the store cannot be listed.
    pub async fn find_runs(&self, beginning: &str) -> Result<Vec<RunKey>, StoreError> {
        let names = self.objects.names(&Path::from("v1/runs"), None).await?;
        // What is no key is none of ours: a file that a copy of the directory left behind, for one.
        let keys = names.iter().filter(|name| name.starts_with(beginning));
        Ok(keys.filter_map(|name| Sha256Digest::from_hex(name).ok()).map(RunKey::from_digest).collect())
    }
}
