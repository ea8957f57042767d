//! The local side of a tunnel.

use std::net::SocketAddr;

use adit_tunnel::Listener;

use crate::cli::LocalPort;
use crate::failure::{Failure, Kind};
use crate::settings::Local;

/// A bound listener, and how its address is shown.
#[derive(Debug)]
pub(crate) struct Bound {
    pub(crate) listener: Listener,
    pub(crate) address: String,
}

/// Binds the local side, at the port to reach where none is asked for. Clients that connect from
/// here on wait until the tunnel takes them.
pub(crate) async fn bind(local: &Local, to_reach: u16) -> Result<Bound, Failure> {
    match local {
        Local::Tcp { address, port } => {
            let bind = async |port| Listener::bind(&[SocketAddr::new(*address, port)]).await;
            let listener = match port.as_ref().unwrap_or(&LocalPort::Fixed(to_reach)) {
                LocalPort::Auto => bind(0).await?,
                LocalPort::Fixed(port) => bind(*port).await?,
                LocalPort::Range(ports) => {
                    let mut last = None;
                    let mut found = None;
                    for port in ports.clone() {
                        match bind(port).await {
                            Ok(listener) => {
                                found = Some(listener);
                                break;
                            }
                            Err(error) => last = Some(error),
                        }
                    }
                    match (found, last) {
                        (Some(listener), _) => listener,
                        (None, Some(error)) => {
                            let (first, last) = (ports.start(), ports.end());
                            return Err(Failure::from(error).context(&format!(
                                "no local port from {first} to {last} is free"
                            )));
                        }
                        (None, None) => {
                            return Err(Failure::new(Kind::Usage, "the range of ports is empty"));
                        }
                    }
                }
            };
            let address = listener.addresses().first().map(ToString::to_string);
            Ok(Bound { listener, address: address.unwrap_or_default() })
        }
        #[cfg(unix)]
        Local::Unix(path) => {
            Ok(Bound { listener: Listener::unix(path)?, address: path.display().to_string() })
        }
    }
}

#[cfg(test)]
mod tests {
    use std::net::{IpAddr, Ipv4Addr};

    use super::*;

    fn tcp(port: LocalPort) -> Local {
        Local::Tcp { address: IpAddr::V4(Ipv4Addr::LOCALHOST), port: Some(port) }
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
        let none = Local::Tcp { address: IpAddr::V4(Ipv4Addr::LOCALHOST), port: None };
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
