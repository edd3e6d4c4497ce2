//! Where the rows of an evaluation are read: here, or by the executors of a cluster.

use std::path::{Path, PathBuf};

use crate::remote::is_loopback;

/// The port on which schedulers of Ballista listen, unless they are told otherwise.
const PORT: u16 = 50_050;

/// The scheduler of a cluster.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ClusterAddress {
    /// Its name or address.
    pub host: String,
    /// Its port.
    pub port: u16,
    /// Directory with `ca.pem`, `cert.pem` and `key.pem`: both sides of a connection show a certificate of that authority.
    pub tls: Option<PathBuf>,
}

impl ClusterAddress {
    /// Reads `ballista://host:port`.
    ///
    /// # Errors
    /// It is none, in one sentence.
    pub fn parse(text: &str) -> Result<Self, String> {
        let rest = text.strip_prefix("ballista://").ok_or("write the scheduler as `ballista://host:port`")?;
        let rest = rest.trim_end_matches('/');
        let (host, port) = match rest.rsplit_once(':') {
            Some((host, port)) if !host.ends_with(']') || !port.is_empty() => {
                (host, port.parse().map_err(|_| format!("`{port}` is no port"))?)
            }
            _ => (rest, PORT),
        };
        let is_plain = |character: char| character.is_ascii_alphanumeric() || "-._:[]".contains(character);
        if host.is_empty() || !host.chars().all(is_plain) {
            return Err(format!("`{host}` is no host"));
        }
        Ok(Self { host: host.to_owned(), port, tls: None })
    }

    /// The same with certificates from `directory`.
    ///
    /// # Errors
    /// There are none, and the host is another machine: rows would go over the network for everybody to read.
    pub fn with_tls(self, directory: Option<&Path>) -> Result<Self, String> {
        if directory.is_none() && !is_loopback(&self.host) {
            return Err(format!("a cluster on another machine (`{}`) needs certificates on both sides", self.host));
        }
        Ok(Self { tls: directory.map(Path::to_owned), ..self })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn schedulers_are_named_by_host_and_port() {
        let of = |text| ClusterAddress::parse(text).map(|address| (address.host, address.port));
        assert_eq!(of("ballista://localhost:50999"), Ok(("localhost".to_owned(), 50_999)));
        assert_eq!(of("ballista://scheduler.internal/"), Ok(("scheduler.internal".to_owned(), 50_050)));
        assert_eq!(of("ballista://[::1]:7"), Ok(("[::1]".to_owned(), 7)));
        for text in ["localhost:50050", "http://localhost", "ballista://", "ballista://a:b", "ballista://a b:1"] {
            assert!(of(text).is_err(), "{text}");
        }
    }

    #[test]
    fn another_machine_needs_certificates() {
        let of = |text, directory: Option<&str>| {
            ClusterAddress::parse(text).and_then(|address| address.with_tls(directory.map(Path::new)))
        };
        assert!(of("ballista://127.0.0.1:1", None).is_ok());
        assert!(of("ballista://[::1]:1", None).is_ok());
        assert!(of("ballista://10.0.0.1:1", None).unwrap_err().contains("needs certificates"));
        assert!(of("ballista://localhost.example.org:1", None).is_err());
        assert_eq!(of("ballista://10.0.0.1:1", Some("tls")).unwrap().tls, Some(PathBuf::from("tls")));
    }
}
