//! What the caller decides.

use std::fmt;
use std::time::Duration;

use adit_engine::{LanesConfig, SupervisorConfig, Without};

use crate::SuspendClock;

/// The values of the proxy variables, read by the caller.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct ProxySettings {
    /// `HTTPS_PROXY`, for `wss://`.
    pub https: Option<String>,
    /// `HTTP_PROXY`, for `ws://`.
    pub http: Option<String>,
    /// `ALL_PROXY`, where the other is absent.
    pub all: Option<String>,
    /// `NO_PROXY`: hosts, domains and networks that are dialled directly.
    pub no: Option<String>,
}

impl fmt::Debug for ProxySettings {
    /// Leaves the values out: they may hold a password.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ProxySettings")
            .field("https", &self.https.is_some())
            .field("http", &self.http.is_some())
            .field("all", &self.all.is_some())
            .field("no", &self.no)
            .finish()
    }
}

/// How the gateway is dialled.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct DialOptions {
    /// Certificates in PEM that are trusted beside the platform's, one bundle each.
    pub extra_roots_pem: Vec<Vec<u8>>,
    /// Proxies.
    pub proxy: ProxySettings,
    /// The limit for name resolution and TCP connection; 10 s.
    pub connect_timeout: Duration,
    /// The limit for each of proxy, TLS and websocket handshakes; 15 s.
    pub handshake_timeout: Duration,
}

impl Default for DialOptions {
    fn default() -> Self {
        Self {
            extra_roots_pem: Vec::new(),
            proxy: ProxySettings::default(),
            connect_timeout: Duration::from_secs(10),
            handshake_timeout: Duration::from_secs(15),
        }
    }
}

/// The settings of one tunnel.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct TunnelOptions {
    /// The name that logs carry.
    pub name: String,
    /// How the gateway is dialled.
    pub dial: DialOptions,
    /// How long starting a session is tried again when the source asks for patience; 2 min.
    pub start_budget: Duration,
    /// How long a lost session is tried to be resumed; 10 min.
    pub resume_budget: Duration,
    /// How long a local connection waits while there is no session that could carry it; 30 s.
    pub hold: Duration,
    /// The most lanes: sessions at once, over which connections are spread; 1.
    pub lanes: usize,
    /// How long a lane that nobody uses is kept, beside the last; 1 min.
    pub lane_idle: Duration,
    /// The caller's idle limit: where the service ends a session that was idle for nearly as long,
    /// the tunnel ends with [`IdleAtService`](crate::TunnelError::IdleAtService).
    pub idle: Option<Duration>,
    /// The age from which a websocket is exchanged at a quiet moment, before the service closes it;
    /// 50 min. `None` waits for the service.
    pub rollover: Option<Duration>,
    /// How long the agent may be away from a session on which nobody has had an answer, or that somebody
    /// waits for, before another session takes its place; 15 s. Others are kept for 1 min.
    pub away_limit: Duration,
    /// The seed of all randomness: message ids, client id, jitter.
    pub seed: u64,
    /// The version shown to gateway and agent; four numbers above 1.2.331.0, or agents end silent
    /// sessions after a minute.
    pub client_version: String,
    /// How often a ping is sent, lest middleboxes forget the connection; 30 s.
    pub ping_interval: Duration,
    /// Silence after which the websocket counts as lost; 60 s.
    pub silence_limit: Duration,
    /// The most local connections at once; others wait in the listener's backlog. 1,024.
    pub max_connections: usize,
    /// How long a second local connection waits for the first where the agent takes one at a
    /// time; 10 s.
    pub single_wait: Duration,
    /// How long a local client may take to read or close after the far side has ended; 30 s.
    pub linger: Duration,
    /// How long the in-band terminate is waited for; 2 s.
    pub terminate_wait: Duration,
    /// How often a session with local connections shows a sign of life, lest the service ends it as
    /// idle; by default never.
    pub keep_alive: Option<Duration>,
    /// The clock that notices suspend.
    pub clock: SuspendClock,
    /// What tests leave out.
    #[doc(hidden)]
    pub without: Without,
}

impl TunnelOptions {
    /// The defaults with a name and a seed.
    pub fn new(name: impl Into<String>, seed: u64) -> Self {
        Self {
            name: name.into(),
            dial: DialOptions::default(),
            start_budget: Duration::from_mins(2),
            resume_budget: Duration::from_mins(10),
            hold: Duration::from_secs(30),
            lanes: LanesConfig::default().most,
            lane_idle: LanesConfig::default().idle,
            idle: None,
            rollover: SupervisorConfig::default().rollover,
            away_limit: SupervisorConfig::default().away,
            seed,
            client_version: "1.2.764.0".to_owned(),
            ping_interval: Duration::from_secs(30),
            silence_limit: Duration::from_mins(1),
            max_connections: 1024,
            single_wait: Duration::from_secs(10),
            linger: Duration::from_secs(30),
            terminate_wait: Duration::from_secs(2),
            keep_alive: None,
            clock: SuspendClock::system(),
            without: Without::default(),
        }
    }
}
