//! Where a store is: a directory, or a place in an object store.

use std::fmt;
use std::path::PathBuf;
use std::str::FromStr;

use super::StoreError;
use super::objects::Objects;
use crate::remote::{Address, RemoteSettings, is_address};

/// Where a store is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum StoreAddress {
    /// A directory.
    Directory(PathBuf),
    /// A place in S3, Google Cloud Storage or Azure.
    Bucket(Address),
}

impl StoreAddress {
    /// Whether it is no directory of this machine.
    #[must_use]
    pub const fn is_remote(&self) -> bool {
        matches!(self, Self::Bucket(_))
    }

    /// The objects there; none if there is no such directory.
    pub(super) fn objects(&self, settings: &RemoteSettings) -> Result<Option<Objects>, StoreError> {
        match self {
            Self::Directory(directory) if !directory.is_dir() => Ok(None),
            Self::Directory(directory) => Objects::local(directory).map(Some),
            Self::Bucket(address) => Objects::bucket(address, settings).map(Some),
        }
    }
}

impl FromStr for StoreAddress {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        if !is_address(text) {
            return Ok(Self::Directory(PathBuf::from(text)));
        }
        Address::parse_prefix(text).map(Self::Bucket).map_err(|problem| problem.to_string())
    }
}

impl fmt::Display for StoreAddress {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Directory(directory) => write!(formatter, "{}", directory.display()),
            Self::Bucket(address) => write!(formatter, "{address}"),
        }
    }
}
