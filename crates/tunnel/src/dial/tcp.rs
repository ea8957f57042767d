//! A TCP connection that is read a little later while a download goes through it.
//!
//! The agent sends a kilobyte each millisecond. Reading each as it comes costs a wake-up of the
//! process, two of its tasks and four system calls; all that has come within five milliseconds
//! costs the same together. So while it rests, the socket is not even registered with the reactor,
//! which would wake for it. Whoever talks waits for no one: it rests only while nothing but a
//! download goes through it, and as long as that is about as slow as official agents are.

use std::io::{self, IoSlice, Read as _, Write as _};
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;
use tokio::time::{Instant, Sleep, sleep};

/// How long what has come may lie. An agent that sees round trips of up to 6 ms takes none for lost
/// before it has taken 13 ms: their mean, and at least 10 ms.
const REST: Duration = Duration::from_millis(5);
/// Bytes a second of a slow download: twice what an official agent sends. A faster one is not held up.
const SLOW: u128 = 2_000_000;
/// How long a download is looked at before it counts as slow.
const LOOK: Duration = Duration::from_millis(50);

/// A TCP connection.
#[derive(Debug)]
pub(super) struct Tcp {
    socket: Socket,
    rest: Duration,
    /// Whether it may be read later.
    is_calm: bool,
    /// Whether it is not read until `timer` says so.
    is_resting: bool,
    timer: Option<Pin<Box<Sleep>>>,
    /// Whether something was read since the last rest.
    is_due: bool,
    pace: Pace,
}

/// How fast bytes come.
#[derive(Debug)]
struct Pace {
    since: Instant,
    /// Bytes since then.
    bytes: u128,
    /// Whether it was slow before that.
    was_slow: bool,
}

impl Pace {
    fn new(now: Instant) -> Self {
        Self { since: now, bytes: 0, was_slow: false }
    }

    /// Notes that bytes have come.
    fn note(&mut self, now: Instant, bytes: usize) {
        self.bytes += bytes as u128;
        let passed = now.saturating_duration_since(self.since);
        let is_slow = self.bytes * 1_000_000 <= SLOW * passed.max(LOOK).as_micros();
        let is_told = passed >= LOOK || !is_slow;
        if is_told {
            *self = Self { since: now, bytes: 0, was_slow: is_slow };
        }
    }
}

#[derive(Debug)]
enum Socket {
    /// The reactor tells when it can be read or written.
    Awake(TcpStream),
    /// Nobody does; it does not block.
    Asleep(std::net::TcpStream),
    /// It could be neither.
    Gone,
}

impl Socket {
    /// A failure is told by whoever uses it next.
    fn fall_asleep(&mut self) {
        *self = match std::mem::replace(self, Self::Gone) {
            Self::Awake(stream) => stream.into_std().map_or(Self::Gone, Self::Asleep),
            other => other,
        };
    }

    fn wake(&mut self) -> io::Result<&mut TcpStream> {
        *self = match std::mem::replace(self, Self::Gone) {
            Self::Asleep(stream) => Self::Awake(TcpStream::from_std(stream)?),
            other => other,
        };
        match self {
            Self::Awake(stream) => Ok(stream),
            Self::Asleep(_) | Self::Gone => Err(io::ErrorKind::NotConnected.into()),
        }
    }

    /// Does without waiting what can be done without; `None` where it must be waited for.
    fn at_once<T>(
        &mut self,
        mut act: impl FnMut(&mut std::net::TcpStream) -> io::Result<T>,
    ) -> Option<io::Result<T>> {
        let Self::Asleep(stream) = self else { return None };
        loop {
            match act(stream) {
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => return None,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                done => return Some(done),
            }
        }
    }
}

impl Tcp {
    pub(super) fn new(stream: TcpStream) -> Self {
        Self::with_rest(stream, REST)
    }

    fn with_rest(stream: TcpStream, rest: Duration) -> Self {
        let (socket, pace) = (Socket::Awake(stream), Pace::new(Instant::now()));
        let (is_calm, is_resting, is_due) = (false, false, false);
        Self { socket, rest, is_calm, is_resting, timer: None, is_due, pace }
    }

    /// As in [`Io::set_calm`](super::Io::set_calm).
    pub(super) fn set_calm(&mut self, is_calm: bool) -> bool {
        self.is_calm = is_calm;
        !is_calm && std::mem::take(&mut self.is_resting)
    }

    fn poll_rest(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        if self.is_resting
            && let Some(timer) = &mut self.timer
        {
            ready!(timer.as_mut().poll(cx));
            self.is_resting = false;
        }
        Poll::Ready(())
    }

    /// Whether it rests once it has nothing to be read.
    fn may_rest(&self) -> bool {
        self.is_calm && self.pace.was_slow
    }

    fn rest(&mut self) {
        match &mut self.timer {
            Some(timer) => timer.as_mut().reset(Instant::now() + self.rest),
            None => self.timer = Some(Box::pin(sleep(self.rest))),
        }
        self.is_resting = true;
        self.is_due = false;
        self.socket.fall_asleep();
    }
}

impl AsyncRead for Tcp {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let before = buffer.filled().len();
        loop {
            ready!(self.poll_rest(cx));
            // Without a rest ahead the reactor, which knows whose turn it is, is asked.
            let may_rest = self.may_rest();
            let read = || self.socket.at_once(|stream| stream.read(buffer.initialize_unfilled()));
            if let Some(read) = may_rest.then(read).flatten() {
                buffer.advance(read?);
                break;
            }
            if may_rest && self.is_due {
                self.rest();
                continue;
            }
            ready!(Pin::new(self.socket.wake()?).poll_read(cx, buffer))?;
            break;
        }
        let read = buffer.filled().len() - before;
        self.pace.note(Instant::now(), read);
        self.is_due = read > 0;
        // Whoever reads in small pieces, as TLS does, goes on until all is read.
        if self.is_due && self.may_rest() && buffer.remaining() > 0 {
            self.rest();
        }
        Poll::Ready(Ok(()))
    }
}

impl AsyncWrite for Tcp {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &[u8],
    ) -> Poll<io::Result<usize>> {
        match self.socket.at_once(|stream| stream.write(buffer)) {
            Some(written) => Poll::Ready(written),
            None => Pin::new(self.socket.wake()?).poll_write(cx, buffer),
        }
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffers: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        match self.socket.at_once(|stream| stream.write_vectored(buffers)) {
            Some(written) => Poll::Ready(written),
            None => Pin::new(self.socket.wake()?).poll_write_vectored(cx, buffers),
        }
    }

    fn is_write_vectored(&self) -> bool {
        true
    }

    /// TCP keeps nothing back.
    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(self.socket.wake()?).poll_shutdown(cx)
    }
}

#[cfg(test)]
mod tests {
    use std::task::Waker;

    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
    use tokio::net::TcpListener;

    use super::*;

    const LONG: Duration = Duration::from_hours(1);

    /// A connection from which `first` bytes were just read, and its far end.
    async fn read_once(calm: bool, first: usize, rest: Duration) -> (Tcp, TcpStream) {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let near = TcpStream::connect(listener.local_addr().unwrap()).await.unwrap();
        let (mut far, _) = listener.accept().await.unwrap();
        let mut stream = Tcp::with_rest(near, rest);
        stream.pace.was_slow = true;
        assert!(!stream.set_calm(calm));
        far.write_all(&vec![7; first]).await.unwrap();
        // All of it is there, so that it is read at a time.
        let Socket::Awake(near) = &stream.socket else { panic!("{stream:?}") };
        while near.peek(&mut vec![0; first]).await.unwrap() < first {}
        assert_eq!(stream.read(&mut vec![0; first + 1]).await.unwrap(), first);
        (stream, far)
    }

    fn read_now(stream: &mut Tcp) -> Poll<usize> {
        let mut memory = [0; 4000];
        let mut buffer = ReadBuf::new(&mut memory);
        let mut cx = Context::from_waker(Waker::noop());
        let read = Pin::new(stream).poll_read(&mut cx, &mut buffer);
        read.map(|read| read.map(|()| buffer.filled().len()).unwrap())
    }

    #[tokio::test]
    async fn what_comes_during_a_rest_is_read_together() {
        let rest = Duration::from_millis(20);
        let begun = Instant::now();
        let (mut stream, mut far) = read_once(true, 1000, rest).await;
        far.write_all(&[1; 1000]).await.unwrap();
        far.write_all(&[2; 1000]).await.unwrap();
        let mut buffer = [0; 4000];
        assert_eq!(stream.read(&mut buffer).await.unwrap(), 2000);
        assert_eq!((buffer[0], buffer[999], buffer[1000], buffer[1999]), (1, 1, 2, 2));
        assert!(begun.elapsed() >= rest);
    }

    #[tokio::test]
    async fn when_nothing_comes_for_longer_it_is_waited_for() {
        let (mut stream, mut far) = read_once(true, 1000, Duration::from_millis(1)).await;
        for round in 0..3 {
            let (mut buffer, later) = ([0; 10], sleep(Duration::from_millis(20)));
            let (read, ()) = tokio::join!(stream.read(&mut buffer), async {
                later.await;
                far.write_all(&[round; 4]).await.unwrap();
            });
            assert_eq!((read.unwrap(), buffer[3]), (4, round));
        }
    }

    #[tokio::test]
    async fn a_stream_that_is_not_calm_is_waited_for_at_once() {
        let (mut stream, mut far) = read_once(false, 1000, LONG).await;
        far.write_all(&[1]).await.unwrap();
        assert_eq!(stream.read_u8().await.unwrap(), 1);
    }

    #[test]
    fn a_download_is_slow_once_it_was_so_for_a_while_and_fast_at_once() {
        let start = Instant::now();
        let at = |millis| start + Duration::from_millis(millis);
        let mut pace = Pace::new(start);
        let mut note = |millis, bytes| {
            pace.note(at(millis), bytes);
            pace.was_slow
        };
        assert!((1..50).all(|now| !note(now, 1144)));
        assert!((50..1000).all(|now| note(now, 1144)), "an official agent's");
        assert!((200..2000).all(|now| note(5 * now, 6 * 1144)), "the same in rests");
        assert!(note(10_100, 50_000));
        assert!(!note(10_101, 100_001), "more than that takes 50 ms");
        assert!((10_102..11_000).all(|now| !note(now, 3000)), "one that is faster");
        assert!(!note(11_010, 1144));
        assert!(note(11_200, 1144));
    }

    #[tokio::test]
    async fn a_fast_download_is_read_on_at_once() {
        let (mut stream, mut far) = read_once(true, 120_000, LONG).await;
        assert!(matches!(stream.socket, Socket::Awake(_)));
        far.write_all(&[1]).await.unwrap();
        assert_eq!(stream.read_u8().await.unwrap(), 1);
    }

    #[tokio::test]
    async fn whoever_talks_ends_the_rest() {
        let (mut stream, mut far) = read_once(true, 1000, LONG).await;
        far.write_all(&[1]).await.unwrap();
        assert!(!stream.set_calm(true), "it goes on");
        assert!(read_now(&mut stream).is_pending());
        assert!(stream.set_calm(false));
        assert!(!stream.set_calm(false), "it is no news twice");
        assert_eq!(stream.read_u8().await.unwrap(), 1);
    }

    /// As TLS reads, of which the agent's pace would be too much for one read in each rest.
    #[tokio::test]
    async fn what_is_read_in_small_pieces_is_read_to_its_end_between_two_rests() {
        let (mut stream, mut far) = read_once(true, 1000, Duration::from_millis(1)).await;
        for rest in 0..3_u8 {
            far.write_all(&[rest; 10_000]).await.unwrap();
            let mut pieces = Vec::new();
            while pieces.iter().sum::<usize>() < 10_000 {
                let mut buffer = [9; 4096];
                let read = stream.read(&mut buffer).await.unwrap();
                assert!(buffer[..read].iter().all(|byte| *byte == rest));
                pieces.push(read);
                assert_eq!(stream.is_resting, read < 4096, "{pieces:?}");
            }
        }
        // A piece that is full may have been the last.
        far.write_all(&[1; 4096]).await.unwrap();
        assert_eq!(stream.read(&mut [0; 4096]).await.unwrap(), 4096);
        assert!(!stream.is_resting);
        assert!(read_now(&mut stream).is_pending());
        assert!(stream.is_resting);
    }

    #[tokio::test]
    async fn it_is_written_while_it_rests_also_when_the_far_end_is_slow() {
        let (mut stream, mut far) = read_once(true, 1000, LONG).await;
        let sent: Vec<u8> = (0..8_u32 << 20).map(|at| (at / 251) as u8).collect();
        let mut got = vec![0; sent.len()];
        let (written, read) = tokio::join!(stream.write_all(&sent), far.read_exact(&mut got));
        written.unwrap();
        assert_eq!(read.unwrap(), sent.len());
        assert!(got == sent);
    }

    #[tokio::test]
    async fn the_end_is_told_behind_a_rest() {
        let (mut stream, far) = read_once(true, 1000, Duration::from_millis(1)).await;
        drop(far);
        assert_eq!(stream.read(&mut [0; 10]).await.unwrap(), 0);
        assert_eq!(stream.read(&mut [0; 10]).await.unwrap(), 0);
    }
}
