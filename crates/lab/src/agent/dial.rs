use std::collections::BTreeMap;
use std::fmt;
use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use tokio::net::TcpStream;

use super::config::{AgentConfig, Runtime};
use crate::HostPort;
use crate::gateway::Located;
use crate::gateway::seam::AgentGateway;

/// Addresses that the agent forwards to for nobody: instance metadata, VPC resolver, time
/// service and the like (`appconfig/constants.go` `DefaultDeniedPortForwardingRemoteIPs`).
const DENIED: [&str; 9] = [
    "169.254.169.254",
    "fd00:ec2::254",
    "169.254.169.253",
    "fd00:ec2::253",
    "169.254.169.123",
    "fd00:ec2::123",
    "169.254.169.250",
    "169.254.169.251",
    "fd00:ec2::240",
];

/// Where a session's connections go: resolved once, when the session starts (`port.go`
/// `validateParameters`).
pub(super) struct Destination {
    addresses: Vec<SocketAddr>,
    delay: Duration,
    /// How long a dial waits for an answer that does not come.
    patience: Duration,
    /// Whether the host is there and nothing of it ever answers.
    nobody: bool,
    /// Whether the network lets packets through to it at this moment.
    passes: Box<dyn Fn() -> bool + Send + Sync>,
    counter: Counter,
}

/// Why a session has no destination, in the words that its `agent_task_complete` carries.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
pub(super) enum ResolveError {
    #[error("Port number is empty in session properties. map[{}]", Properties(.0))]
    NoPort(BTreeMap<String, String>),
    #[error("Forwarding to IP address {0} is forbidden.")]
    Forbidden(String),
    #[error("lookup {0}: no such host")]
    Unknown(String),
}

/// Members as Go prints a map.
struct Properties<'a>(&'a BTreeMap<String, String>);

impl fmt::Display for Properties<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (at, (name, value)) in self.0.iter().enumerate() {
            write!(f, "{}{name}:{value}", if at == 0 { "" } else { " " })?;
        }
        Ok(())
    }
}

impl Destination {
    /// Finds the addresses of a session's properties, all of them on loopback.
    pub(super) fn resolve<G: AgentGateway>(
        properties: &BTreeMap<String, String>,
        config: &AgentConfig,
        gateway: &G,
        counter: Counter,
    ) -> Result<Self, ResolveError> {
        let host = properties.get("host").map_or("", String::as_str);
        let port = match properties.get("portNumber").map(String::as_str) {
            None | Some("") => return Err(ResolveError::NoPort(properties.clone())),
            // As with a number that is none every dial fails, and only then.
            Some(port) => port.parse().ok(),
        };
        if DENIED.iter().any(|denied| is_same_address(host, denied)) {
            return Err(ResolveError::Forbidden(host.to_owned()));
        }
        let moved = config.runtime().moved;
        let here = port.and_then(|port| moved.get(&HostPort { host: host.to_owned(), port }));
        let addresses = match here {
            Some(to) => to.map(|to| vec![to]),
            None => Self::found(host, port, config, gateway),
        };
        let addresses = addresses
            .filter(|found| found.iter().all(|address| address.ip().is_loopback()))
            .ok_or_else(|| ResolveError::Unknown(host.to_owned()))?;
        let nobody = addresses.is_empty() && port.is_some();
        let (gateway, host) = (gateway.clone(), host.to_owned());
        // What is on the instance itself is behind no group.
        let itself = host.is_empty() || host.eq_ignore_ascii_case("localhost");
        let passes = move || itself || port.is_none_or(|port| gateway.lets_through(&host, port));
        Ok(Self {
            addresses,
            delay: Duration::ZERO,
            patience: Duration::ZERO,
            nobody,
            passes: Box::new(passes),
            counter,
        })
    }

    /// The addresses of a host that has not moved.
    fn found<G: AgentGateway>(
        host: &str,
        port: Option<u16>,
        config: &AgentConfig,
        gateway: &G,
    ) -> Option<Vec<SocketAddr>> {
        mapped(host, port, &config.maps)
            .or_else(|| match gateway.locate(host, port?) {
                Located::Nowhere => None,
                Located::Silent => Some(Vec::new()),
                Located::At(address) => Some(vec![address]),
            })
            .or_else(|| literal(host, port))
    }

    /// The same with the times of its dials.
    pub(super) fn timed(self, runtime: &Runtime) -> Self {
        Self { delay: runtime.dial_delay, patience: runtime.connect_timeout, ..self }
    }

    /// Connects to the first address that accepts; the error is that of the first
    /// (`port.go` `DialCall`). There is no time limit but the system's.
    pub(super) async fn dial(&self) -> io::Result<(TcpStream, Connected)> {
        if !self.delay.is_zero() {
            tokio::time::sleep(self.delay).await;
        }
        if !(self.passes)() || self.nobody {
            // Nobody answers, not even with a refusal.
            tokio::time::sleep(self.patience).await;
            return Err(io::Error::new(io::ErrorKind::TimedOut, "connect: connection timed out"));
        }
        let mut first = None;
        for address in &self.addresses {
            match TcpStream::connect(address).await {
                Ok(stream) => {
                    stream.set_nodelay(true)?;
                    return Ok((stream, Connected::new(&self.counter)));
                }
                Err(error) => first = first.or(Some(error)),
            }
        }
        Err(first.unwrap_or_else(|| io::Error::other("missing address")))
    }

    /// Where the first attempt goes.
    pub(super) fn first(&self) -> String {
        self.addresses.first().map_or_else(String::new, SocketAddr::to_string)
    }
}

/// Where a setting of the lab leads to.
fn mapped(
    host: &str,
    port: Option<u16>,
    maps: &[(HostPort, SocketAddr)],
) -> Option<Vec<SocketAddr>> {
    let name = if host.is_empty() { "localhost" } else { host };
    let is_it = |from: &HostPort| from.host.eq_ignore_ascii_case(name) && Some(from.port) == port;
    maps.iter().find(|(from, _)| is_it(from)).map(|&(_, to)| vec![to])
}

/// The instance itself, and addresses; without a port that is one, every dial fails.
fn literal(host: &str, port: Option<u16>) -> Option<Vec<SocketAddr>> {
    let ips = if host.is_empty() || host.eq_ignore_ascii_case("localhost") {
        vec![IpAddr::V4(Ipv4Addr::LOCALHOST), IpAddr::V6(Ipv6Addr::LOCALHOST)]
    } else {
        vec![host.parse().ok()?]
    };
    Some(port.into_iter().flat_map(|port| ips.iter().map(move |&ip| (ip, port).into())).collect())
}

fn is_same_address(host: &str, denied: &str) -> bool {
    match (host.parse::<IpAddr>(), denied.parse::<IpAddr>()) {
        (Ok(host), Ok(denied)) => host.to_canonical() == denied,
        _ => false,
    }
}

/// Counts a session's connections to its destination.
#[derive(Clone)]
pub(super) struct Counter(Arc<dyn Fn(Change) + Send + Sync>);

#[derive(Clone, Copy)]
enum Change {
    Opened,
    Closed,
}

impl Counter {
    pub(super) fn new<G: AgentGateway>(gateway: G, session_id: String) -> Self {
        Self(Arc::new(move |change| match change {
            Change::Opened => gateway.destination_opened(&session_id),
            Change::Closed => gateway.destination_closed(&session_id),
        }))
    }
}

/// Counts one connection for as long as it lives.
pub(super) struct Connected(Counter);

impl Connected {
    fn new(counter: &Counter) -> Self {
        (counter.0)(Change::Opened);
        Self(counter.clone())
    }
}

impl Drop for Connected {
    fn drop(&mut self) {
        (self.0.0)(Change::Closed);
    }
}
