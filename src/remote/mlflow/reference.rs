//! What a manifest names of an MLflow server, as MLflow itself writes it.

use std::fmt;

use super::super::{ADDRESS_BYTES_MAX, is_plain};
use crate::problem::Problem;

/// Length of a name, an alias or an id.
const NAME_CHARACTERS_MAX: usize = 256;

/// A model or files of a run. It names no server: that is the pipeline's to choose.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Reference {
    /// `models:/name/version`
    Version {
        /// Name of the registered model.
        name: String,
        /// Its version, in digits.
        version: String,
    },
    /// `models:/name@alias`
    Alias {
        /// Name of the registered model.
        name: String,
        /// An alias of one of its versions.
        alias: String,
    },
    /// `models:/m-id`: a model that was logged, registered or not.
    LoggedModel {
        /// Its id, `m-` and 32 hexadecimal digits.
        id: String,
    },
    /// `runs:/run-id/path`
    Run {
        /// Id of the run.
        id: String,
        /// File or directory among its artifacts, or the name of a model that it logged.
        path: String,
    },
}

impl fmt::Display for Reference {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Version { name, version } => write!(formatter, "models:/{name}/{version}"),
            Self::Alias { name, alias } => write!(formatter, "models:/{name}@{alias}"),
            Self::LoggedModel { id } => write!(formatter, "models:/{id}"),
            Self::Run { id, path } => write!(formatter, "runs:/{id}/{path}"),
        }
    }
}

impl Reference {
    /// Whether a text is meant to be one.
    #[must_use]
    pub fn is_meant(text: &str) -> bool {
        text.starts_with("models:/") || text.starts_with("runs:/")
    }

    /// Reads one.
    ///
    /// # Errors
    /// It names no single model or file, or what it names would be another one tomorrow.
    pub fn parse(text: &str) -> Result<Self, Problem> {
        let refuse = |message: &str, hint: &str| {
            let shown: String = text.escape_debug().take(NAME_CHARACTERS_MAX).collect();
            Err(Problem::new("invalid-address", format!("`{shown}` {message}")).hint(hint))
        };
        const MODEL: &str = "write `models:/name/version` or `models:/name@alias`";
        if text.len() > ADDRESS_BYTES_MAX || text.chars().any(|character| character.is_control() || character == '\\') {
            return refuse("is no address", "write it without control characters and backslashes");
        }
        if let Some(run) = text.strip_prefix("runs:/") {
            return match run.split_once('/') {
                Some((id, path)) if is_id(id) && is_plain(path) => {
                    Ok(Self::Run { id: id.to_owned(), path: path.to_owned() })
                }
                _ => refuse("names no file of a run", "write `runs:/RUN_ID/path`"),
            };
        }
        let model = text.strip_prefix("models:/").unwrap_or_default();
        match (model.split_once('/'), model.rsplit_once('@')) {
            (Some((name, version)), _) if is_name(name) && is_version(version) => {
                Ok(Self::Version { name: name.to_owned(), version: version.to_owned() })
            }
            (Some((name, other)), _) if is_name(name) && !other.contains('/') => {
                let message = format!("names no version: `{other}` stands for another one from day to day");
                refuse(&message, "write the version's number, or give it an alias and write `models:/name@alias`")
            }
            (None, Some((name, alias))) if is_name(name) && is_name(alias) => {
                Ok(Self::Alias { name: name.to_owned(), alias: alias.to_owned() })
            }
            (None, None) if is_logged_model(model) => Ok(Self::LoggedModel { id: model.to_owned() }),
            _ => refuse("names no model", MODEL),
        }
    }
}

/// Whether it is a name as MLflow has them: without `/`, `:` and what an address gives another meaning.
fn is_name(text: &str) -> bool {
    let length = text.chars().count();
    (1..=NAME_CHARACTERS_MAX).contains(&length) && text.trim() == text && !text.contains(['/', ':', '@', '?', '#'])
}

fn is_version(text: &str) -> bool {
    (1..=18).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_digit())
}

/// Whether it is an id as MLflow and its relatives make them.
pub(super) fn is_id(text: &str) -> bool {
    let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || b"_-".contains(&byte);
    (1..=NAME_CHARACTERS_MAX).contains(&text.len()) && text.bytes().all(is_plain)
}

/// Whether it is the id of a logged model, which MLflow tells from a name by how it begins.
pub(super) fn is_logged_model(text: &str) -> bool {
    text.starts_with("m-") && is_id(text)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn parsed(text: &str) -> Result<Reference, String> {
        Reference::parse(text).map_err(|problem| problem.to_string())
    }

    #[test]
    fn what_mlflow_writes_is_read() {
        let (name, version) = ("credit default.v2".to_owned(), "12".to_owned());
        assert_eq!(parsed("models:/credit default.v2/12"), Ok(Reference::Version { name, version }));
        let (name, alias) = ("credit".to_owned(), "champion".to_owned());
        assert_eq!(parsed("models:/credit@champion"), Ok(Reference::Alias { name, alias }));
        let id = "m-1f84329b5d264af3ba44c93bf22f4016".to_owned();
        assert_eq!(parsed("models:/m-1f84329b5d264af3ba44c93bf22f4016"), Ok(Reference::LoggedModel { id }));
        let (id, path) = ("371a1a2f163b4b64bd1b8d02b5a67119".to_owned(), "model/data".to_owned());
        assert_eq!(parsed("runs:/371a1a2f163b4b64bd1b8d02b5a67119/model/data"), Ok(Reference::Run { id, path }));
    }

    #[test]
    fn what_moves_or_names_nothing_is_refused() {
        for text in [
            "models:/credit",
            "models:/credit/",
            "models:/credit@",
            "models:/@champion",
            "models:/credit/1/2",
            "models:/credit/1@champion",
            "models:/credit/-1",
            "models://host/credit/1",
            "models:/ credit/1",
            "models:/a:b/1",
            "models:/",
            "runs:/abc",
            "runs:/abc/",
            "runs:/abc/../x",
            "runs:/abc/a//b",
            "runs:/a.b/model",
            "runs://host/model",
            "models:/a\\b/1",
            "models:/a\nb/1",
        ] {
            assert!(parsed(text).is_err(), "{text}");
        }
        for moving in ["latest", "Production"] {
            let said = parsed(&format!("models:/credit/{moving}")).unwrap_err();
            assert!(said.contains("from day to day") && said.contains("models:/name@alias"), "{said}");
        }
    }

    proptest! {
        #[test]
        fn any_text_is_read_or_refused(text in "(models|runs):/{1,2}.{0,40}") {
            if let Ok(reference) = Reference::parse(&text) {
                prop_assert_eq!(reference.to_string(), text);
            }
        }
    }
}
