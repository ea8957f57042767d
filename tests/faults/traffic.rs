//! Bytes that are checked one by one, in both directions, and the destination that they go to.

use std::io::{ErrorKind, Read, Write};
use std::net::{Ipv4Addr, Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use crate::row::Outcome;

/// What is sent at once. The pause after it makes a round last long enough for a fault to meet it.
const PIECE: usize = 8 << 10;
const PAUSE: Duration = Duration::from_millis(8);
/// How long a read or write goes on before it is looked at whether there is time left.
const GLANCE: Duration = Duration::from_millis(50);
/// What the destination says when a round is over.
const VERIFIED: &[u8; 8] = b"verified";

/// The bytes of a seed from `at` on: each depends on its place, so that none can be missing, doubled
/// or exchanged unseen.
fn pattern(seed: u64, at: u64, buffer: &mut [u8]) {
    for (byte, at) in buffer.iter_mut().zip(at..) {
        let mut z = seed.wrapping_add((at / 8).wrapping_mul(0x9E37_79B9_7F4A_7C15));
        z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        *byte = ((z ^ (z >> 31)) >> (8 * (at % 8))) as u8;
    }
}

/// How many bytes go each way.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Round {
    pub(crate) up: u64,
    pub(crate) down: u64,
}

/// Long enough to be met by a fault.
pub(crate) const LONG: Round = Round { up: 384 << 10, down: 512 << 10 };
/// Enough to see that a stream works.
pub(crate) const SHORT: Round = Round { up: 20_000, down: 30_000 };

/// A server that carries out rounds, and notes every wrong byte.
pub(crate) struct Destination {
    address: SocketAddr,
    stop: Arc<AtomicBool>,
    pub(crate) shared: Arc<Served>,
    acceptor: Option<JoinHandle<()>>,
}

/// What a destination has seen.
#[derive(Default)]
pub(crate) struct Served {
    pub(crate) wrong: Mutex<Vec<String>>,
    pub(crate) accepted: AtomicU64,
    /// It does not read.
    pub(crate) deaf: AtomicBool,
    open: Mutex<Vec<TcpStream>>,
}

impl Destination {
    pub(crate) fn start() -> Self {
        Self::at((Ipv4Addr::LOCALHOST, 0).into())
    }

    fn at(address: SocketAddr) -> Self {
        let listener = TcpListener::bind(address).expect("a loopback port");
        let address = listener.local_addr().expect("bound");
        let (stop, shared) = (Arc::new(AtomicBool::new(false)), Arc::new(Served::default()));
        let (stopped, served) = (Arc::clone(&stop), Arc::clone(&shared));
        let acceptor = std::thread::spawn(move || {
            for stream in listener.incoming() {
                if stopped.load(Ordering::SeqCst) {
                    return;
                }
                let Ok(stream) = stream else { continue };
                served.accepted.fetch_add(1, Ordering::SeqCst);
                let copy = stream.try_clone().expect("a descriptor");
                served.open.lock().expect("no panic").push(copy);
                let served = Arc::clone(&served);
                std::thread::spawn(move || {
                    served.serve(&stream);
                    stream.shutdown(Shutdown::Both).ok();
                });
            }
        });
        Self { address, stop, shared, acceptor: Some(acceptor) }
    }

    pub(crate) fn address(&self) -> SocketAddr {
        self.address
    }

    /// Nobody listens there any more.
    pub(crate) fn refuse(&mut self) {
        self.stop.store(true, Ordering::SeqCst);
        drop(TcpStream::connect(self.address));
        if let Some(acceptor) = self.acceptor.take() {
            drop(acceptor.join());
        }
    }

    /// Somebody listens again.
    pub(crate) fn accept(&mut self) {
        *self = Self::at(self.address);
    }

    /// Breaks its connections off.
    pub(crate) fn reset(&self) {
        for stream in self.shared.open.lock().expect("no panic").drain(..) {
            rustix::net::sockopt::set_socket_linger(&stream, Some(Duration::ZERO)).ok();
            stream.shutdown(Shutdown::Both).ok();
        }
    }

    /// Fails when a wrong byte has come.
    pub(crate) fn check(&self) -> Outcome {
        let wrong = self.shared.wrong.lock().expect("no panic");
        if wrong.is_empty() { Ok(()) } else { Err(wrong.join("; ")) }
    }
}

impl Drop for Destination {
    fn drop(&mut self) {
        if self.acceptor.is_some() {
            self.refuse();
        }
        self.reset();
    }
}

impl Served {
    fn serve(&self, stream: &TcpStream) {
        stream.set_nodelay(true).ok();
        let (mut up_at, mut down_at) = (0, 0);
        let mut head = [0; 24];
        while (&*stream).read_exact(&mut head).is_ok() {
            let number = |at: usize| u64::from_be_bytes(head[at..at + 8].try_into().expect("8"));
            let (up, down, seed) = (number(0), number(8), number(16));
            if (up, down) == (0, 0) {
                // Whoever says so wants no more.
                return;
            }
            // What is no head any more is a wrong byte as well.
            if up.max(down) > 1 << 30 {
                self.note(format!("a round of {up} and {down} bytes"));
                return;
            }
            let sent = std::thread::scope(|scope| {
                let sender = scope.spawn(|| send(stream, seed + 1, down_at, down, &|| false));
                let right = self.receive(stream, seed, up_at, up);
                sender.join().expect("no panic").is_ok() && right
            });
            if !sent || (&*stream).write_all(VERIFIED).is_err() {
                return;
            }
            (up_at, down_at) = (up_at + up, down_at + down);
        }
    }

    fn receive(&self, mut stream: &TcpStream, seed: u64, at: u64, len: u64) -> bool {
        let (mut buffer, mut right) = (vec![0; 16 << 10], vec![0; 16 << 10]);
        let mut done = 0;
        while done < len {
            while self.deaf.load(Ordering::SeqCst) {
                std::thread::sleep(GLANCE);
            }
            let room = (len - done).min(buffer.len() as u64) as usize;
            let Ok(n @ 1..) = stream.read(&mut buffer[..room]) else { return false };
            pattern(seed, at + done, &mut right[..n]);
            if buffer[..n] != right[..n] {
                self.note(format!("what went up is wrong after {} bytes", at + done));
                return false;
            }
            done += n as u64;
        }
        true
    }

    fn note(&self, wrong: String) {
        self.wrong.lock().expect("no panic").push(wrong);
    }
}

/// Sends bytes at a measured pace, until it is time to stop.
fn send(
    mut stream: &TcpStream,
    seed: u64,
    at: u64,
    len: u64,
    is_late: &dyn Fn() -> bool,
) -> std::io::Result<()> {
    let mut piece = vec![0; PIECE];
    let mut done = 0;
    while done < len && !is_late() {
        let size = (len - done).min(PIECE as u64) as usize;
        pattern(seed, at + done, &mut piece[..size]);
        let mut left = &piece[..size];
        while !left.is_empty() {
            match stream.write(left) {
                Ok(n) => left = &left[n..],
                Err(error) if is_pause(&error) && !is_late() => {}
                Err(error) => return Err(error),
            }
        }
        done += size as u64;
        std::thread::sleep(PAUSE);
    }
    Ok(())
}

fn is_pause(error: &std::io::Error) -> bool {
    matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut | ErrorKind::Interrupted)
}

/// A local connection through the tunnel.
pub(crate) struct Flow {
    stream: TcpStream,
    seed: u64,
    up_at: u64,
    down_at: u64,
    moved: Arc<AtomicU64>,
}

/// How a round has ended.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Ended {
    /// All of it has arrived, and right.
    Whole,
    /// The stream was broken off after so many right bytes from the destination.
    Broken { after: u64 },
    /// A byte was wrong.
    Wrong { after: u64 },
    /// The time was over.
    Late { after: u64 },
}

impl Flow {
    pub(crate) fn open(address: SocketAddr, seed: u64) -> std::io::Result<Self> {
        let stream = TcpStream::connect_timeout(&address, Duration::from_secs(5))?;
        // Whoever was turned away meanwhile hears of it when it reads.
        stream.set_nodelay(true).ok();
        stream.set_read_timeout(Some(GLANCE))?;
        stream.set_write_timeout(Some(GLANCE))?;
        Ok(Self { stream, seed, up_at: 0, down_at: 0, moved: Arc::default() })
    }

    /// Bytes that have come so far.
    pub(crate) fn moved(&self) -> Arc<AtomicU64> {
        Arc::clone(&self.moved)
    }

    /// Sends and receives, and checks every byte.
    pub(crate) fn round(&mut self, round: Round, deadline: Instant) -> Ended {
        let stop = AtomicBool::new(false);
        let is_late = || Instant::now() >= deadline || stop.load(Ordering::SeqCst);
        let mut head = [0; 24];
        head[..8].copy_from_slice(&round.up.to_be_bytes());
        head[8..16].copy_from_slice(&round.down.to_be_bytes());
        head[16..].copy_from_slice(&self.seed.to_be_bytes());
        if (&self.stream).write_all(&head).is_err() {
            return Ended::Broken { after: self.down_at };
        }
        let ended = std::thread::scope(|scope| {
            let sender =
                scope.spawn(|| send(&self.stream, self.seed, self.up_at, round.up, &is_late));
            let ended = self.receive(round.down, &is_late);
            if ended != Ended::Whole {
                // Its sender need not wait.
                stop.store(true, Ordering::SeqCst);
            }
            match (sender.join().expect("no panic"), ended) {
                (Err(_), Ended::Whole) => Ended::Broken { after: self.down_at },
                (_, ended) => ended,
            }
        });
        self.up_at += round.up;
        self.down_at += round.down;
        ended
    }

    fn receive(&self, len: u64, is_late: &dyn Fn() -> bool) -> Ended {
        let (mut buffer, mut right) = (vec![0; 16 << 10], vec![0; 16 << 10]);
        let whole = len + VERIFIED.len() as u64;
        let mut done = 0;
        while done < whole {
            let after = self.down_at + done;
            // The last bytes are read apart.
            let until = if done < len { len } else { whole };
            let room = (until - done).min(buffer.len() as u64) as usize;
            let n = match (&self.stream).read(&mut buffer[..room]) {
                Ok(n @ 1..) => n,
                Err(error) if is_pause(&error) && !is_late() => continue,
                Err(error) if is_pause(&error) => return Ended::Late { after },
                Ok(_) | Err(_) => return Ended::Broken { after },
            };
            if done < len {
                pattern(self.seed + 1, after, &mut right[..n]);
            } else {
                let at = (done - len) as usize;
                right[..n].copy_from_slice(&VERIFIED[at..at + n]);
            }
            if buffer[..n] != right[..n] {
                return Ended::Wrong { after };
            }
            done += n as u64;
            self.moved.fetch_add(n as u64, Ordering::SeqCst);
        }
        Ended::Whole
    }

    /// Ends in order: the destination closes, too.
    pub(crate) fn farewell(self, deadline: Instant) -> Outcome {
        (&self.stream).write_all(&[0; 24]).map_err(|error| error.to_string())?;
        self.end(deadline)
    }

    /// Breaks off, as whoever has waited for too long.
    pub(crate) fn give_up(self) {
        rustix::net::sockopt::set_socket_linger(&self.stream, Some(Duration::ZERO)).ok();
    }

    /// A connection that is accepted and closed. The reset of one that is refused may be there before
    /// the word that it was accepted is.
    pub(crate) fn turned_away(address: SocketAddr, seed: u64, deadline: Instant) -> Outcome {
        match Self::open(address, seed) {
            Ok(flow) => flow.end(deadline),
            Err(error) if error.kind() == ErrorKind::ConnectionReset => Ok(()),
            Err(error) => Err(error.to_string()),
        }
    }

    /// Waits for the end of the stream, on which nothing comes.
    pub(crate) fn end(&self, deadline: Instant) -> Outcome {
        let mut byte = [0];
        loop {
            match (&self.stream).read(&mut byte) {
                Ok(0) => return Ok(()),
                Ok(_) => return Err("a byte came that nobody sent".to_owned()),
                Err(error) if is_pause(&error) && Instant::now() < deadline => {}
                Err(error) if is_pause(&error) => {
                    return Err("the connection was not closed".to_owned());
                }
                Err(_) => return Ok(()),
            }
        }
    }
}
