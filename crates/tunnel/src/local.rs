//! A local client's socket, TCP or Unix.

use std::io::{self, IoSlice};

use bytes::{Buf as _, BufMut, Bytes};
use tokio::io::AsyncWriteExt as _;
use tokio::net::TcpStream;
#[cfg(unix)]
use tokio::net::UnixStream;

/// The most slices handed to one system call.
const SLICES: usize = 64;

/// One local client.
#[derive(Debug)]
pub(crate) enum Local {
    Tcp(TcpStream),
    #[cfg(unix)]
    Unix(UnixStream),
}

impl Local {
    pub(crate) fn tcp(stream: TcpStream) -> Self {
        // Keystrokes must not wait for the acknowledgement of the ones before.
        if let Err(error) = stream.set_nodelay(true) {
            tracing::debug!(%error, "cannot switch Nagle's algorithm off");
        }
        Self::Tcp(stream)
    }

    #[cfg(unix)]
    pub(crate) fn unix(stream: UnixStream) -> Self {
        Self::Unix(stream)
    }

    /// Waits until there is something to read: data, the end or an error.
    pub(crate) async fn readable(&self) -> io::Result<()> {
        match self {
            Self::Tcp(stream) => stream.readable().await,
            #[cfg(unix)]
            Self::Unix(stream) => stream.readable().await,
        }
    }

    async fn writable(&self) -> io::Result<()> {
        match self {
            Self::Tcp(stream) => stream.writable().await,
            #[cfg(unix)]
            Self::Unix(stream) => stream.writable().await,
        }
    }

    /// Reads what is there into `buffer`; 0 is the end.
    pub(crate) fn try_read_buf(&self, buffer: &mut impl BufMut) -> io::Result<usize> {
        match self {
            Self::Tcp(stream) => stream.try_read_buf(buffer),
            #[cfg(unix)]
            Self::Unix(stream) => stream.try_read_buf(buffer),
        }
    }

    fn try_write_vectored(&self, slices: &[IoSlice<'_>]) -> io::Result<usize> {
        match self {
            Self::Tcp(stream) => stream.try_write_vectored(slices),
            #[cfg(unix)]
            Self::Unix(stream) => stream.try_write_vectored(slices),
        }
    }

    /// Writes all of `slices`, and empties them.
    pub(crate) async fn write_all(&self, slices: &mut Vec<Bytes>) -> io::Result<()> {
        let mut first = 0;
        while first < slices.len() {
            let mut vectors = [IoSlice::new(&[]); SLICES];
            let waiting = slices.iter().skip(first);
            let mut count = 0;
            for (vector, slice) in vectors.iter_mut().zip(waiting) {
                *vector = IoSlice::new(slice);
                count += 1;
            }
            match self.try_write_vectored(vectors.get(..count).unwrap_or_default()) {
                Ok(written) => first = advance(slices, first, written),
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => self.writable().await?,
                Err(error) => return Err(error),
            }
        }
        slices.clear();
        Ok(())
    }

    /// Tells the client that nothing more comes.
    pub(crate) async fn shutdown(&mut self) -> io::Result<()> {
        match self {
            Self::Tcp(stream) => stream.shutdown().await,
            #[cfg(unix)]
            Self::Unix(stream) => stream.shutdown().await,
        }
    }

    /// Closes so that the client sees an error and takes nothing for a whole answer. Unix sockets
    /// know no reset; there the client sees the end.
    pub(crate) fn abort(self) {
        match self {
            Self::Tcp(stream) => {
                if let Err(error) = stream.set_zero_linger() {
                    tracing::debug!(%error, "cannot reset a local connection");
                }
            }
            #[cfg(unix)]
            Self::Unix(_) => {}
        }
    }
}

/// Takes `written` bytes off the front; returns the first slice that has some left.
fn advance(slices: &mut [Bytes], mut first: usize, mut written: usize) -> usize {
    while let Some(slice) = slices.get_mut(first) {
        let taken = written.min(slice.len());
        slice.advance(taken);
        written -= taken;
        if !slice.is_empty() {
            break;
        }
        first += 1;
    }
    first
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn partial_writes_go_on_where_they_stopped() {
        let mut slices = vec![Bytes::from_static(b"abc"), Bytes::new(), Bytes::from_static(b"de")];
        let first = advance(&mut slices, 0, 2);
        assert_eq!((first, &slices[0][..]), (0, &b"c"[..]));
        let first = advance(&mut slices, first, 2);
        assert_eq!((first, &slices[2][..]), (2, &b"e"[..]));
        assert_eq!(advance(&mut slices, first, 1), 3);
    }
}
