//! A client of the private service, which only knows the local end of the tunnel.

use std::io;

use sha2::{Digest, Sha256};
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::TcpStream;

/// An answer whose body was read to its end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    /// The length that was announced.
    pub(crate) announced: usize,
    /// The length that came.
    pub(crate) len: usize,
    pub(crate) sha256: [u8; 32],
}

impl Answer {
    /// Whether it is a success that came whole.
    pub(crate) fn is_whole(&self) -> bool {
        self.status == 200 && self.len == self.announced
    }
}

/// Gets `path` from `address`; `progress` hears how many bytes of the body have come.
pub(crate) async fn get(
    address: &str,
    path: &str,
    mut progress: impl FnMut(usize),
) -> io::Result<Answer> {
    let mut stream = TcpStream::connect(address).await?;
    stream.set_nodelay(true)?;
    stream.write_all(format!("GET {path} HTTP/1.1\r\nHost: {address}\r\n\r\n").as_bytes()).await?;
    let mut stream = BufReader::new(stream);
    let (status, announced) = head(&mut stream).await?;
    let mut hash = Sha256::new();
    let mut len = 0;
    let mut buffer = vec![0; 16 * 1024];
    loop {
        let read = stream.read(&mut buffer).await?;
        if read == 0 {
            break;
        }
        hash.update(&buffer[..read]);
        len += read;
        progress(len);
    }
    Ok(Answer { status, announced, len, sha256: hash.finalize().into() })
}

/// Reads status and length.
async fn head(stream: &mut BufReader<TcpStream>) -> io::Result<(u16, usize)> {
    let broken = || io::Error::new(io::ErrorKind::UnexpectedEof, "no HTTP answer came");
    let mut line = String::new();
    stream.read_line(&mut line).await?;
    let status = line.split(' ').nth(1).and_then(|text| text.parse().ok()).ok_or_else(broken)?;
    let mut announced = 0;
    loop {
        line.clear();
        if stream.read_line(&mut line).await? == 0 {
            return Err(broken());
        }
        let text = line.trim_end();
        if text.is_empty() {
            return Ok((status, announced));
        }
        if let Some(length) = text.strip_prefix("Content-Length: ") {
            announced = length.parse().map_err(|_| broken())?;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::{noise, service};
    use super::*;

    #[tokio::test]
    async fn the_page_and_downloads_come_whole() {
        let address = service::start().await.map_err(|failure| failure.message).unwrap();
        let address = address.to_string();
        let page = get(&address, "/", |_| ()).await.unwrap();
        assert!(page.is_whole());
        assert_eq!(page.len, service::PAGE.len());

        let mut seen = Vec::new();
        let download = get(&address, "/download/100000", |len| seen.push(len)).await.unwrap();
        assert!(download.is_whole());
        assert_eq!(download.sha256, noise::digest(100_000));
        assert_eq!(seen.last(), Some(&100_000));

        let missing = get(&address, "/elsewhere", |_| ()).await.unwrap();
        assert_eq!(missing.status, 404);
    }
}
