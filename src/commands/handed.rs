//! Sockets that whoever started the program has opened for it: socket activation.
//! <https://www.freedesktop.org/software/systemd/man/latest/sd_listen_fds.html>

use std::collections::HashMap;

use adit_tunnel::Listener;
use listenfd::ListenFd;

use crate::failure::{Failure, Kind};
use crate::settings::Connection;

/// The sockets for these connections: by the names that systemd gives them, all of them for an only
/// connection, else one for each in the order of both.
pub(super) fn sockets(connections: &[Connection]) -> Result<HashMap<String, Listener>, Failure> {
    // They are for the process of this number, and for no child of it.
    let is_ours =
        std::env::var("LISTEN_PID").is_ok_and(|pid| pid == std::process::id().to_string());
    if !is_ours {
        return Ok(HashMap::new());
    }
    let mut handed = ListenFd::from_env();
    if handed.len() == 0 {
        return Ok(HashMap::new());
    }
    let names = std::env::var("LISTEN_FDNAMES").unwrap_or_default();
    let names: Vec<&str> = names.split(':').collect();
    let mut parts: HashMap<String, Parts> = HashMap::new();
    for index in 0..handed.len() {
        let named = names
            .get(index)
            .and_then(|name| connections.iter().find(|connection| connection.name == *name));
        let connection = match (named, connections) {
            (Some(connection), _) | (None, [connection]) => connection,
            (None, several) => several.get(index).ok_or_else(|| surplus(handed.len()))?,
        };
        let parts = parts.entry(connection.name.clone()).or_default();
        parts.take(&mut handed, index)?;
    }
    let mut listeners = HashMap::new();
    for (name, parts) in parts {
        let listener = parts.listener()?;
        let is_permitted =
            connections.iter().any(|connection| connection.name == name && connection.allow_remote);
        if let Some(address) = listener.addresses().iter().find(|one| !one.ip().is_loopback())
            && !is_permitted
        {
            let message = format!("the socket at {address} lets other machines use the tunnel");
            return Err(Failure::new(Kind::Usage, message)
                .hint("add --allow-remote if that is meant, else let it listen on 127.0.0.1"));
        }
        listeners.insert(name, listener);
    }
    Ok(listeners)
}

#[derive(Default)]
struct Parts {
    tcp: Vec<std::net::TcpListener>,
    #[cfg(unix)]
    unix: Vec<std::os::unix::net::UnixListener>,
}

impl Parts {
    fn take(&mut self, handed: &mut ListenFd, index: usize) -> Result<(), Failure> {
        if let Ok(Some(listener)) = handed.take_tcp_listener(index) {
            self.tcp.push(listener);
            return Ok(());
        }
        #[cfg(unix)]
        if let Ok(Some(listener)) = handed.take_unix_listener(index) {
            self.unix.push(listener);
            return Ok(());
        }
        Err(Failure::new(
            Kind::Listener,
            format!("the socket {} that was handed in is no listening stream socket", index + 1),
        )
        .hint("ListenStream= of a systemd socket unit is one"))
    }

    fn listener(self) -> Result<Listener, Failure> {
        #[cfg(unix)]
        return Ok(Listener::from_std(self.tcp, self.unix)?);
        #[cfg(not(unix))]
        return Ok(Listener::from_std(self.tcp)?);
    }
}

fn surplus(count: usize) -> Failure {
    let message = format!("{count} sockets were handed in, more than there are connections");
    Failure::new(Kind::Listener, message)
        .hint("name each after its connection: FileDescriptorName= of a systemd socket unit")
}
