//! What the fuzz targets run: the modules of `../src` that read bytes from outside, compiled without the rest.
//!
//! The modules are the very files of the program, by their paths. None of them reaches `facts/evaluation`, and so DataFusion
//! is not built.

// The program says in its own crate what is used and what is documented.
#![allow(dead_code, unused_imports, reason = "entry points of the program are missing here")]

#[path = "../../src/canonical.rs"]
mod canonical;
#[path = "../../src/digest.rs"]
mod digest;
#[path = "../../src/document/mod.rs"]
mod document;
#[path = "../../src/metric_id.rs"]
mod metric_id;
#[path = "../../src/policy/mod.rs"]
mod policy;
#[path = "../../src/problem.rs"]
mod problem;
#[path = "../../src/release_root.rs"]
mod release_root;
#[path = "../../src/tier.rs"]
mod tier;

#[path = "../../src/bundle_source"]
mod bundle_source {
    mod archive;
    mod signatures;

    /// An OPA bundle; `key` is that of whoever signed it.
    pub(crate) fn unpack(bytes: &[u8], key: Option<&std::path::Path>) {
        drop(archive::bundle("fuzz", bytes, key));
    }
}

#[path = "../../src/environment"]
mod environment {
    mod secret;

    pub(crate) use self::secret::{COSIGN_PASSWORD, KEY_PASSWORD, Secret};
}

#[path = "../../src/evidence"]
mod evidence {
    pub(crate) mod bundle;
    pub(crate) mod dsse;
    pub(crate) mod key;
}

#[path = "../../src/facts"]
mod facts {
    pub(crate) mod artifact;
    pub(crate) mod card;
    mod file;
    pub(crate) mod monitoring;

    pub(crate) use self::file::FileFacts;

    pub(crate) mod mlflow {
        pub(crate) mod mlmodel;
    }

    pub(crate) mod supply_chain {
        pub(crate) mod bill_of_materials;
        pub(crate) mod dvc;
        mod secret;
        mod signature;
        pub(crate) mod signatures;

        pub(crate) use self::secret::SecretFacts;
        pub(crate) use self::signature::{SignatureFacts, SignatureStatus};
    }
}

#[path = "../../src/manifest"]
mod manifest {
    pub(crate) mod raw;
}

mod memory;
mod targets;

pub use self::targets::{begin, run};
