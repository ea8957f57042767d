//! The local side of a tunnel.

use std::net::SocketAddr;
use std::sync::Arc;

use adit_tunnel::{ListenError, Listener};

use crate::cli::{Bind, LocalPort};
use crate::failure::{Failure, Kind};
use crate::settings::Local;

/// A bound listener, and how its address is shown.
#[derive(Debug)]
pub(crate) struct Bound {
    pub(crate) listener: Arc<Listener>,
    pub(crate) address: String,
}

impl Bound {
    /// Sockets that listen already.
    pub(crate) fn of(listener: Listener) -> Self {
        let address = listener.addresses().first().map(ToString::to_string);
        #[cfg(unix)]
        let address = address.or_else(|| Some(listener.paths().first()?.display().to_string()));
        Self { listener: Arc::new(listener), address: address.unwrap_or_default() }
    }
}

/// Binds the local side, at the port to reach where none is asked for. Clients that connect from
/// here on wait until the tunnel takes them.
pub(crate) async fn bind(local: &Local, to_reach: u16) -> Result<Bound, Failure> {
    match local {
        Local::Tcp { address, port } => {
            let ports = match port.clone().unwrap_or(LocalPort::Fixed(to_reach)) {
                LocalPort::Auto => return Ok(Bound::of(at(*address, 0).await?)),
                LocalPort::Fixed(port) => return Ok(Bound::of(at(*address, port).await?)),
                LocalPort::Range(ports) => ports,
            };
            let mut last = Failure::new(Kind::Usage, "the range of ports is empty");
            for port in ports.clone() {
                match at(*address, port).await {
                    Ok(listener) => return Ok(Bound::of(listener)),
                    Err(error) => last = error.into(),
                }
            }
            let (first, end) = (ports.start(), ports.end());
            Err(last.context(&format!("no local port from {first} to {end} is free")))
        }
        #[cfg(unix)]
        Local::Unix(path) => Ok(Bound::of(Listener::unix(path)?)),
    }
}

async fn at(address: Bind, port: u16) -> Result<Listener, ListenError> {
    match address {
        Bind::Localhost => Listener::loopbacks(port).await,
        Bind::One(address) => Listener::bind(&[SocketAddr::new(address, port)]).await,
    }
}

#[cfg(test)]
mod tests {
    use std::net::{IpAddr, Ipv4Addr};

    const LOOPBACK: Bind = Bind::One(IpAddr::V4(Ipv4Addr::LOCALHOST));

    use super::*;

    fn tcp(port: LocalPort) -> Local {
        Local::Tcp { address: LOOPBACK, port: Some(port) }
    }

    fn port_of(bound: &Bound) -> u16 {
        bound.listener.addresses()[0].port()
    }

    #[tokio::test]
    async fn a_taken_port_fails_with_the_way_out() {
        let first = bind(&tcp(LocalPort::Auto), 1).await.unwrap();
        let failure = bind(&tcp(LocalPort::Fixed(port_of(&first))), 1).await.unwrap_err();
        assert_eq!(failure.kind, Kind::Listener);
        assert!(failure.hints.iter().any(|hint| hint.contains("--local-port auto")));
    }

    #[tokio::test]
    async fn the_port_to_reach_is_the_one_unless_another_is_asked_for() {
        let first = bind(&tcp(LocalPort::Auto), 1).await.unwrap();
        let none = Local::Tcp { address: LOOPBACK, port: None };
        let failure = bind(&none, port_of(&first)).await.unwrap_err();
        assert!(failure.message.contains(&port_of(&first).to_string()), "{}", failure.message);
    }

    #[tokio::test]
    async fn a_range_gives_the_first_port_that_is_free() {
        let first = bind(&tcp(LocalPort::Auto), 1).await.unwrap();
        let taken = port_of(&first);
        let failure = bind(&tcp(LocalPort::Range(taken..=taken)), 1).await.unwrap_err();
        assert_eq!(failure.kind, Kind::Listener);
        assert!(failure.message.contains(&taken.to_string()), "{}", failure.message);

        if let Some(last) = taken.checked_add(20) {
            let second = bind(&tcp(LocalPort::Range(taken..=last)), 1).await.unwrap();
            assert!(port_of(&second) > taken);
        }
    }
}
