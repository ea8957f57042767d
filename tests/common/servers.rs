//! Destinations of the tests' own, on loopback.

use std::io::{self, ErrorKind, Read, Write};
use std::net::{Ipv4Addr, Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::thread::JoinHandle;

use sha2::{Digest, Sha256};

use super::bytes::{digest_of_noise, for_each_block};
use super::wait::PATIENCE;

/// A server with a thread for each connection.
pub(crate) struct Server {
    address: SocketAddr,
    accepted: Arc<AtomicUsize>,
    stopping: Arc<AtomicBool>,
    acceptor: Option<JoinHandle<()>>,
}

impl Server {
    /// Serves each connection with `handle`.
    pub(crate) fn start(handle: impl Fn(TcpStream) + Send + Sync + 'static) -> Self {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("a loopback port");
        let address = listener.local_addr().expect("bound");
        let accepted = Arc::new(AtomicUsize::new(0));
        let stopping = Arc::new(AtomicBool::new(false));
        let (count, stop) = (Arc::clone(&accepted), Arc::clone(&stopping));
        let handle = Arc::new(handle);
        let acceptor = std::thread::spawn(move || {
            for stream in listener.incoming() {
                if stop.load(Ordering::SeqCst) {
                    return;
                }
                let stream = stream.expect("a loopback connection");
                count.fetch_add(1, Ordering::SeqCst);
                stream.set_nodelay(true).expect("a TCP option");
                stream.set_read_timeout(Some(PATIENCE)).expect("a TCP option");
                stream.set_write_timeout(Some(PATIENCE)).expect("a TCP option");
                let handle = Arc::clone(&handle);
                std::thread::spawn(move || handle(stream));
            }
        });
        Self { address, accepted, stopping, acceptor: Some(acceptor) }
    }

    pub(crate) fn address(&self) -> SocketAddr {
        self.address
    }

    /// Connections that have come so far.
    pub(crate) fn accepted(&self) -> usize {
        self.accepted.load(Ordering::SeqCst)
    }

    /// Sends back what comes until the other side ends.
    pub(crate) fn echo() -> Self {
        Self::start(echo)
    }

    /// Carries out [`Order`]s.
    pub(crate) fn mill() -> Self {
        Self::start(|stream| drop(mill(stream)))
    }

    /// Carries out an [`Order`] on connections that begin with `m`, sends back what comes on those
    /// that begin with another byte.
    pub(crate) fn mill_or_echo() -> Self {
        Self::start(|mut stream| {
            let mut choice = [0];
            match stream.read_exact(&mut choice) {
                Ok(()) if choice == *b"m" => drop(mill(stream)),
                Ok(()) => echo(stream),
                Err(_) => {}
            }
        })
    }

    /// Reads a line, answers with `answer` without having seen an end, and closes.
    pub(crate) fn answer_to_line(answer: Vec<u8>) -> Self {
        Self::start(move |mut stream| {
            if read_line(&mut stream).is_ok() {
                drop(stream.write_all(&answer));
            }
        })
    }

    /// Sends `greeting` at once and closes.
    pub(crate) fn close_first(greeting: Vec<u8>) -> Self {
        Self::start(move |mut stream| drop(stream.write_all(&greeting)))
    }

    /// Reads to the end before it answers; what it read is reported.
    pub(crate) fn answer_after_end(answer: Vec<u8>) -> (Self, Receiver<Vec<u8>>) {
        let (report, reports) = channel();
        let server = Self::start(move |mut stream| {
            let mut request = Vec::new();
            if stream.read_to_end(&mut request).is_ok() {
                report.send(request).ok();
                drop(stream.write_all(&answer));
            }
        });
        (server, reports)
    }

    /// Says nothing, and reports when and how each connection ends.
    pub(crate) fn silent() -> (Self, Receiver<Ending>) {
        let (report, reports) = channel::<Ending>();
        (Self::start(move |stream| watch(stream, &report)), reports)
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.stopping.store(true, Ordering::SeqCst);
        // Wakes the acceptor.
        drop(TcpStream::connect(self.address));
        if let Some(acceptor) = self.acceptor.take() {
            drop(acceptor.join());
        }
    }
}

/// How a destination saw its connection end.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Ending {
    End,
    Reset,
}

fn watch(mut stream: TcpStream, report: &Sender<Ending>) {
    let mut buffer = [0; 4096];
    loop {
        match stream.read(&mut buffer) {
            Ok(0) => break report.send(Ending::End).unwrap_or(()),
            Ok(_) => {}
            Err(e) if e.kind() == ErrorKind::Interrupted => {}
            Err(_) => break report.send(Ending::Reset).unwrap_or(()),
        }
    }
}

/// What a client asks of the mill: bytes both ways at once, then the digest of what went up.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Order {
    /// Bytes from the client to the server.
    pub(crate) up: u64,
    /// Bytes from the server to the client.
    pub(crate) down: u64,
    /// What the bytes are made of: `seed` on the way up, `seed + 1` on the way down.
    pub(crate) seed: u64,
}

impl Order {
    /// Sends the order's head; the bytes come after it.
    pub(crate) fn place(&self, stream: &mut TcpStream) {
        self.try_place(stream).expect("the stream takes the order");
    }

    /// The same where the stream may have been broken off already.
    pub(crate) fn try_place(&self, stream: &mut TcpStream) -> io::Result<()> {
        let mut head = [0; 24];
        head[..8].copy_from_slice(&self.up.to_be_bytes());
        head[8..16].copy_from_slice(&self.down.to_be_bytes());
        head[16..].copy_from_slice(&self.seed.to_be_bytes());
        stream.write_all(&head)
    }

    /// Sends the bytes that go up, telling `progress` of each block's length.
    pub(crate) fn send(&self, mut stream: &TcpStream, progress: impl Fn(u64)) {
        for_each_block(self.seed, self.up, |block| {
            stream.write_all(block).expect("the stream takes all");
            progress(block.len() as u64);
        });
    }

    /// Reads the bytes that come down, telling `progress` of each read's length, and checks both
    /// digests.
    pub(crate) fn check(&self, mut stream: &TcpStream, progress: impl Fn(u64)) {
        let mut hash = Sha256::new();
        let mut buffer = vec![0; 64 * 1024];
        let mut received = 0;
        while received < self.down {
            let room = (self.down - received).min(buffer.len() as u64) as usize;
            let n = stream.read(&mut buffer[..room]).expect("the stream goes on");
            assert!(n > 0, "the stream ended after {received} of {} bytes", self.down);
            hash.update(&buffer[..n]);
            received += n as u64;
            progress(n as u64);
        }
        assert_eq!(
            <[u8; 32]>::from(hash.finalize()),
            digest_of_noise(self.seed + 1, self.down),
            "what came down differs"
        );
        let mut echoed = [0; 32];
        stream.read_exact(&mut echoed).expect("the digest of what went up");
        assert_eq!(echoed, digest_of_noise(self.seed, self.up), "what went up differs");
        assert_eq!(stream.read(&mut buffer).expect("a clean end"), 0, "bytes after the end");
    }

    /// Carries the whole order out on a stream, both ways at once.
    pub(crate) fn run(&self, mut stream: TcpStream, progress: impl Fn(u64) + Sync) {
        self.place(&mut stream);
        std::thread::scope(|scope| {
            scope.spawn(|| self.send(&stream, &progress));
            self.check(&stream, &progress);
        });
    }
}

fn echo(mut stream: TcpStream) {
    let mut buffer = vec![0; 64 * 1024];
    while let Ok(n @ 1..) = stream.read(&mut buffer) {
        if stream.write_all(&buffer[..n]).is_err() {
            return;
        }
    }
}

fn mill(mut stream: TcpStream) -> io::Result<()> {
    let mut head = [0; 24];
    stream.read_exact(&mut head)?;
    let number = |at: usize| u64::from_be_bytes(head[at..at + 8].try_into().expect("8 bytes"));
    let order = Order { up: number(0), down: number(8), seed: number(16) };
    let digest = std::thread::scope(|scope| {
        let writer = scope.spawn(|| {
            let mut result = Ok(());
            for_each_block(order.seed + 1, order.down, |block| {
                if result.is_ok() {
                    result = (&stream).write_all(block);
                }
            });
            result
        });
        let digest = take(&stream, order.up);
        writer.join().expect("the writer does not panic")?;
        digest
    })?;
    stream.write_all(&digest)?;
    stream.shutdown(Shutdown::Write)
}

fn take(mut stream: &TcpStream, len: u64) -> io::Result<[u8; 32]> {
    let mut hash = Sha256::new();
    let mut buffer = vec![0; 64 * 1024];
    let mut left = len;
    while left > 0 {
        let room = left.min(buffer.len() as u64) as usize;
        let n = stream.read(&mut buffer[..room])?;
        if n == 0 {
            return Err(ErrorKind::UnexpectedEof.into());
        }
        hash.update(&buffer[..n]);
        left -= n as u64;
    }
    Ok(hash.finalize().into())
}

fn read_line(stream: &mut TcpStream) -> io::Result<Vec<u8>> {
    let mut line = Vec::new();
    let mut byte = [0];
    while !line.ends_with(b"\n") {
        stream.read_exact(&mut byte)?;
        line.push(byte[0]);
    }
    Ok(line)
}
