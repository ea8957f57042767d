use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

use super::patiently;

/// A destination that the test serves itself.
pub(crate) struct Destination(TcpListener);

impl Destination {
    pub(crate) async fn listen() -> (Self, u16) {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        (Self(listener), port)
    }

    pub(crate) async fn accept(&self) -> TcpStream {
        patiently("a connection", self.0.accept()).await.unwrap().0
    }

    /// Answers every byte with itself.
    pub(crate) async fn echo() -> u16 {
        let (this, port) = Self::listen().await;
        tokio::spawn(async move {
            while let Ok((mut stream, _)) = this.0.accept().await {
                tokio::spawn(async move {
                    let (mut read, mut write) = stream.split();
                    tokio::io::copy(&mut read, &mut write).await
                });
            }
        });
        port
    }
}

/// A port of this machine that refuses connections.
pub(crate) async fn closed_port() -> u16 {
    Destination::listen().await.1
}

pub(crate) async fn read_exactly(stream: &mut TcpStream, len: usize) -> Vec<u8> {
    let mut bytes = vec![0; len];
    patiently("bytes", stream.read_exact(&mut bytes)).await.unwrap();
    bytes
}

pub(crate) async fn read_to_end(stream: &mut TcpStream) -> Vec<u8> {
    let mut bytes = Vec::new();
    patiently("the end", stream.read_to_end(&mut bytes)).await.unwrap();
    bytes
}

pub(crate) async fn write(stream: &mut TcpStream, bytes: &[u8]) {
    patiently("room", stream.write_all(bytes)).await.unwrap();
}
