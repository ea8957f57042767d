//! What the tunnels lead to: one listener that echoes, sends or takes, as each connection orders.

use std::io::{self, Read, Write};
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::sync::OnceLock;
use std::thread;
use std::time::Instant;

use crate::noise;

/// Bytes read or written at once by this program.
pub(crate) const BLOCK: usize = 64 * 1024;

/// What a connection begins with.
#[derive(Clone, Copy)]
pub(crate) struct Order {
    pub(crate) kind: Kind,
    /// Where in the noise its bytes begin.
    pub(crate) position: u64,
    pub(crate) len: u64,
}

#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    Echo = b'E' as isize,
    /// The destination sends.
    Source = b'D' as isize,
    /// The destination takes, then answers with a [`Receipt`].
    Sink = b'U' as isize,
}

/// When bytes came, in nanoseconds of [`now_ns`].
#[derive(Clone, Copy)]
pub(crate) struct Receipt {
    pub(crate) first_ns: u64,
    pub(crate) last_ns: u64,
    pub(crate) is_right: bool,
}

/// Time since this program's first call of it: both ends of each tunnel are in this process.
pub(crate) fn now_ns() -> u64 {
    static EPOCH: OnceLock<Instant> = OnceLock::new();
    EPOCH.get_or_init(Instant::now).elapsed().as_nanos() as u64
}

/// Starts the listener; its threads end with the process.
pub(crate) fn start() -> io::Result<SocketAddr> {
    now_ns();
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?;
    let address = listener.local_addr()?;
    thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            // A connection that fails is the measuring end's to report.
            thread::spawn(move || serve(stream).ok());
        }
    });
    Ok(address)
}

fn serve(mut stream: TcpStream) -> io::Result<()> {
    stream.set_nodelay(true)?;
    let mut head = [0; Order::LEN];
    stream.read_exact(&mut head)?;
    match Order::decode(head)? {
        Order { kind: Kind::Echo, .. } => echo(&mut stream),
        Order { kind: Kind::Source, position, len } => {
            send(&mut stream, position, len, None)?;
            // The agent closes a stream for good when its destination does: the reader first.
            drain(&mut stream)
        }
        Order { kind: Kind::Sink, position, len } => {
            let receipt = receive(&mut stream, position, len, None)?;
            stream.write_all(&receipt.encode())?;
            drain(&mut stream)
        }
    }
}

fn echo(stream: &mut TcpStream) -> io::Result<()> {
    let mut buffer = [0; 256];
    loop {
        let count = stream.read(&mut buffer)?;
        if count == 0 {
            return Ok(());
        }
        stream.write_all(&buffer[..count])?;
    }
}

fn drain(stream: &mut TcpStream) -> io::Result<()> {
    io::copy(stream, &mut io::sink()).map(drop)
}

/// Sends noise.
pub(crate) fn send(
    stream: &mut TcpStream,
    mut position: u64,
    mut len: u64,
    deadline: Option<Instant>,
) -> io::Result<()> {
    while len > 0 {
        in_time(deadline, len)?;
        let block = noise::from(position, len.min(BLOCK as u64) as usize);
        stream.write_all(block)?;
        position += block.len() as u64;
        len -= block.len() as u64;
    }
    Ok(())
}

/// Takes noise, compares it, and notes when it came.
pub(crate) fn receive(
    stream: &mut TcpStream,
    position: u64,
    len: u64,
    deadline: Option<Instant>,
) -> io::Result<Receipt> {
    let mut buffer = vec![0; BLOCK];
    let mut received = 0;
    let mut receipt = Receipt { first_ns: 0, last_ns: 0, is_right: true };
    while received < len {
        in_time(deadline, len - received)?;
        let want = (len - received).min(BLOCK as u64) as usize;
        let count = stream.read(&mut buffer[..want])?;
        if count == 0 {
            let text = format!("the end came after {received} of {len} bytes");
            return Err(io::Error::new(io::ErrorKind::UnexpectedEof, text));
        }
        receipt.last_ns = now_ns();
        if received == 0 {
            receipt.first_ns = receipt.last_ns;
        }
        receipt.is_right &= noise::is_at(position + received, &buffer[..count]);
        received += count as u64;
    }
    Ok(receipt)
}

/// What goes on but is too slow has to end too.
fn in_time(deadline: Option<Instant>, left: u64) -> io::Result<()> {
    if deadline.is_none_or(|deadline| Instant::now() < deadline) {
        return Ok(());
    }
    let text = format!("out of time with {left} bytes to go");
    Err(io::Error::new(io::ErrorKind::TimedOut, text))
}

impl Order {
    pub(crate) const LEN: usize = 17;

    pub(crate) fn encode(self) -> [u8; Self::LEN] {
        let mut out = [0; Self::LEN];
        out[0] = self.kind as u8;
        out[1..9].copy_from_slice(&self.position.to_le_bytes());
        out[9..].copy_from_slice(&self.len.to_le_bytes());
        out
    }

    fn decode(bytes: [u8; Self::LEN]) -> io::Result<Self> {
        let kind = match bytes[0] {
            b'E' => Kind::Echo,
            b'D' => Kind::Source,
            b'U' => Kind::Sink,
            _ => return Err(io::Error::other("no order")),
        };
        Ok(Self { kind, position: number(&bytes, 1), len: number(&bytes, 9) })
    }
}

impl Receipt {
    pub(crate) const LEN: usize = 17;

    fn encode(self) -> [u8; Self::LEN] {
        let mut out = [0; Self::LEN];
        out[0] = u8::from(self.is_right);
        out[1..9].copy_from_slice(&self.first_ns.to_le_bytes());
        out[9..].copy_from_slice(&self.last_ns.to_le_bytes());
        out
    }

    pub(crate) fn decode(bytes: [u8; Self::LEN]) -> Self {
        let (first_ns, last_ns) = (number(&bytes, 1), number(&bytes, 9));
        Self { first_ns, last_ns, is_right: bytes[0] == 1 }
    }
}

fn number(bytes: &[u8; 17], at: usize) -> u64 {
    let mut field = [0; 8];
    field.copy_from_slice(&bytes[at..at + 8]);
    u64::from_le_bytes(field)
}
