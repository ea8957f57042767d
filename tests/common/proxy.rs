//! A CONNECT proxy of the tests' own.

use std::io::{Read, Write};
use std::net::{Shutdown, SocketAddr, TcpStream};
use std::sync::{Arc, Mutex};

use super::servers::Server;

/// A proxy that leads every CONNECT to one address, or refuses.
pub(crate) struct Proxy {
    server: Server,
    asked: Arc<Mutex<Vec<String>>>,
}

impl Proxy {
    /// Accepts the first `allowed` requests and leads them to `destination` whatever they name;
    /// answers 403 to those after.
    pub(crate) fn allowing(allowed: usize, destination: SocketAddr) -> Self {
        let asked = Arc::new(Mutex::new(Vec::new()));
        let log = Arc::clone(&asked);
        let server = Server::start(move |stream| {
            let Some(target) = read_connect(&stream) else { return };
            let number = {
                let mut log = log.lock().expect("no panic under the lock");
                log.push(target);
                log.len()
            };
            if number <= allowed {
                lead(&stream, destination);
            } else {
                let refusal = "HTTP/1.1 403 Forbidden\r\nContent-Length: 0\r\n\r\n";
                drop((&stream).write_all(refusal.as_bytes()));
            }
        });
        Self { server, asked }
    }

    pub(crate) fn url(&self) -> String {
        format!("http://{}", self.server.address())
    }

    /// What the requests named, in order.
    pub(crate) fn asked(&self) -> Vec<String> {
        self.asked.lock().expect("no panic under the lock").clone()
    }
}

fn read_connect(mut stream: &TcpStream) -> Option<String> {
    let mut head = Vec::new();
    let mut byte = [0];
    while !head.ends_with(b"\r\n\r\n") {
        stream.read_exact(&mut byte).ok()?;
        head.push(byte[0]);
    }
    let head = String::from_utf8(head).ok()?;
    let target = head.strip_prefix("CONNECT ")?.split(' ').next()?;
    Some(target.to_owned())
}

fn lead(stream: &TcpStream, destination: SocketAddr) {
    let Ok(onward) = TcpStream::connect(destination) else { return };
    drop((&*stream).write_all(b"HTTP/1.1 200 Connection established\r\n\r\n"));
    std::thread::scope(|scope| {
        scope.spawn(|| pour(stream, &onward));
        pour(&onward, stream);
    });
}

fn pour(mut from: &TcpStream, mut to: &TcpStream) {
    drop(std::io::copy(&mut from, &mut to));
    drop(to.shutdown(Shutdown::Write));
}
