use std::fmt;
use std::net::{Ipv4Addr, SocketAddr};
use std::path::PathBuf;
use std::str::FromStr;
use std::time::Duration;

use crate::{Pace, Quirks};

/// The instance that is online unless another list is given.
pub const DEFAULT_INSTANCE: &str = "i-0ad17000000000001";

/// How a lab is set up.
#[derive(Clone, Debug)]
pub struct LabConfig {
    /// Where the plain listener binds; loopback only. Port 0 picks one.
    pub listen: SocketAddr,
    /// A second listener with TLS.
    pub tls: Option<TlsConfig>,
    /// Emulated instances that are online from the start.
    pub instances: Vec<String>,
    /// Destinations that lead elsewhere: what a bastion would reach in its VPC.
    pub maps: Vec<(HostPort, SocketAddr)>,
    /// How fast the emulated agents read their destinations.
    pub pace: Pace,
    /// One-way delay of every relayed message; an hour at most.
    pub latency: Duration,
    /// Whether signatures are checked.
    pub sigv4: bool,
    /// Whether messages in flight to a side that goes away are lost instead of kept.
    pub lossy_resume: bool,
    /// Where all randomness comes from.
    pub seed: u64,
    /// Which habits of the official agent the emulated ones have.
    pub agent: Quirks,
    /// Whether ResumeSession gives a new token.
    pub resume_enabled: bool,
    /// How long a session may carry no stream message before the service ends it.
    pub idle_timeout: Duration,
    /// How long a session may last; `None` for no limit, the service's own default.
    pub max_duration: Option<Duration>,
}

impl Default for LabConfig {
    fn default() -> Self {
        Self {
            listen: (Ipv4Addr::LOCALHOST, 0).into(),
            tls: None,
            instances: vec![DEFAULT_INSTANCE.to_owned()],
            maps: Vec::new(),
            pace: Pace::default(),
            latency: Duration::ZERO,
            sigv4: true,
            lossy_resume: false,
            seed: 0,
            agent: Quirks::default(),
            resume_enabled: true,
            idle_timeout: Duration::from_mins(20),
            max_duration: None,
        }
    }
}

/// A listener with TLS, whose certificate comes from an authority made for this run.
#[derive(Clone, Debug)]
pub struct TlsConfig {
    /// Where it binds; loopback only. Port 0 picks one.
    pub listen: SocketAddr,
    /// Where the authority's certificate is written, as PEM.
    pub ca_out: Option<PathBuf>,
    /// What the server is called in its certificate and in the URLs that it gives, in place of its
    /// address: for clients that come through a proxy.
    pub name: Option<String>,
}

/// A destination by name, as in `db.internal:5432`.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub struct HostPort {
    /// The host as the client names it.
    pub host: String,
    /// The port.
    pub port: u16,
}

impl fmt::Display for HostPort {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.host, self.port)
    }
}

/// A text that is not `HOST:PORT`.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
#[error("expected HOST:PORT")]
pub struct ParseHostPortError;

impl FromStr for HostPort {
    type Err = ParseHostPortError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let (host, port) = text.rsplit_once(':').ok_or(ParseHostPortError)?;
        let host = host.strip_prefix('[').and_then(|h| h.strip_suffix(']')).unwrap_or(host);
        if host.is_empty() {
            return Err(ParseHostPortError);
        }
        let port = port.parse().map_err(|_| ParseHostPortError)?;
        Ok(Self { host: host.to_owned(), port })
    }
}
