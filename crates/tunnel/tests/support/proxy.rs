//! An HTTP proxy that knows one way.

use std::net::SocketAddr;
use std::sync::{Arc, Mutex};

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _, copy_bidirectional};
use tokio::net::{TcpListener, TcpStream};

/// A proxy that connects everything to one address, or refuses with a status.
pub struct Proxy {
    address: SocketAddr,
    requests: Arc<Mutex<Vec<String>>>,
    accepting: tokio::task::JoinHandle<()>,
}

impl Drop for Proxy {
    fn drop(&mut self) {
        self.accepting.abort();
    }
}

impl Proxy {
    pub async fn start(answer: Result<SocketAddr, u16>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let address = listener.local_addr().expect("bound");
        let requests = Arc::new(Mutex::new(Vec::new()));
        let seen = Arc::clone(&requests);
        let accepting = tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                drop(tokio::spawn(serve(stream, answer, Arc::clone(&seen))));
            }
        });
        Self { address, requests, accepting }
    }

    pub fn url(&self, user: &str) -> String {
        format!("http://{user}{}", self.address)
    }

    /// The heads of the requests so far.
    pub fn requests(&self) -> Vec<String> {
        self.requests.lock().expect("no panic").clone()
    }
}

async fn serve(
    mut client: TcpStream,
    answer: Result<SocketAddr, u16>,
    seen: Arc<Mutex<Vec<String>>>,
) {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        match client.read_u8().await {
            Ok(byte) => head.push(byte),
            Err(_) => return,
        }
    }
    seen.lock().expect("no panic").push(String::from_utf8_lossy(&head).into_owned());
    match answer {
        Err(status) => {
            let answer = format!("HTTP/1.1 {status} No\r\nContent-Length: 0\r\n\r\n");
            let _gone = client.write_all(answer.as_bytes()).await;
        }
        Ok(target) => {
            let mut server = TcpStream::connect(target).await.expect("the target listens");
            let _gone = client.write_all(b"HTTP/1.1 200 Connection established\r\n\r\n").await;
            let _over = copy_bidirectional(&mut client, &mut server).await;
        }
    }
}
