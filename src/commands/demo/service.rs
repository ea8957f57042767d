//! The private service: a web server with a page and downloads, on loopback.

use std::io;
use std::net::{Ipv4Addr, SocketAddr};

use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::{TcpListener, TcpStream};

use super::noise::Noise;
use crate::failure::{Failure, Kind};

/// The longest request head that is read.
const HEAD_LIMIT: u64 = 16 * 1024;

/// The longest download that is given.
const DOWNLOAD_LIMIT: usize = 1 << 30;

/// The page at `/`.
pub(crate) const PAGE: &str = "<!doctype html>
<html lang=\"en\"><title>Intranet</title>
<h1>Hello from the private network</h1>
<p>This page came through a Session Manager tunnel: your client, a local port, a websocket to the
gateway, the bastion's agent, and this web server.</p>
<p>More: <a href=\"/download/1048576\">/download/BYTES</a></p>
</html>
";

/// Starts it, for as long as the process runs.
pub(crate) async fn start() -> Result<SocketAddr, Failure> {
    let fault = |error: io::Error| {
        Failure::new(Kind::Listener, format!("cannot start the demo's web server: {error}"))
    };
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.map_err(fault)?;
    let address = listener.local_addr().map_err(fault)?;
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            tokio::spawn(async move {
                if let Err(error) = answer(stream).await {
                    tracing::debug!(%error, "the demo's web server lost a client");
                }
            });
        }
    });
    Ok(address)
}

/// Answers one request.
async fn answer(mut stream: TcpStream) -> io::Result<()> {
    stream.set_nodelay(true)?;
    let path = {
        let mut head = BufReader::new((&mut stream).take(HEAD_LIMIT));
        let mut first = String::new();
        head.read_line(&mut first).await?;
        let mut line = first.clone();
        while !line.trim_end().is_empty() {
            line.clear();
            head.read_line(&mut line).await?;
        }
        first.split(' ').nth(1).unwrap_or_default().to_owned()
    };
    let download = path
        .strip_prefix("/download/")
        .and_then(|bytes| bytes.parse().ok())
        .filter(|&bytes: &usize| bytes <= DOWNLOAD_LIMIT);
    match (path.as_str(), download) {
        ("/", _) => {
            stream.write_all(head("200 OK", "text/html", PAGE.len()).as_bytes()).await?;
            stream.write_all(PAGE.as_bytes()).await?;
        }
        (_, Some(bytes)) => {
            let head = head("200 OK", "application/octet-stream", bytes);
            stream.write_all(head.as_bytes()).await?;
            let mut noise = Noise::default();
            let mut left = bytes;
            while left > 0 {
                let block = noise.block(left);
                stream.write_all(&block).await?;
                left -= block.len();
            }
        }
        _ => stream.write_all(head("404 Not Found", "text/plain", 0).as_bytes()).await?,
    }
    stream.shutdown().await
}

fn head(status: &str, kind: &str, length: usize) -> String {
    format!(
        "HTTP/1.1 {status}\r\nContent-Type: {kind}\r\nContent-Length: {length}\r\nConnection: close\r\n\r\n"
    )
}
