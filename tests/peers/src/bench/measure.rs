//! Measurements at both ends of a tunnel that listens on this machine.

use std::io::{self, Read, Write};
use std::net::{Shutdown, SocketAddr, TcpStream};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, anyhow, ensure};

use crate::cases::Way;
use crate::destination::{Kind, Order, Receipt, now_ns, receive, send};

/// More pings than this say nothing new.
pub(crate) const MAX_PINGS: usize = 2000;

/// A single byte that takes longer than this is not slow but lost.
pub(crate) const BYTE_LIMIT: Duration = Duration::from_secs(5);

/// A bulk transfer that nobody waits for: longer than any stage.
const ENDLESS: u64 = 1 << 40;

/// From connecting to the first byte that comes back.
pub(crate) fn first_byte(tunnel: SocketAddr) -> Result<Duration> {
    let started = Instant::now();
    let mut stream = open(tunnel, Kind::Echo, 0, 0, BYTE_LIMIT)?;
    ping(&mut stream).context("the first byte")?;
    Ok(started.elapsed())
}

/// Round trips of single bytes, one after the other, for as long as is said.
pub(crate) fn pings(tunnel: SocketAddr, span: Duration) -> Result<Vec<Duration>> {
    let mut stream = open(tunnel, Kind::Echo, 0, 0, BYTE_LIMIT)?;
    // The first one waits for the destination's connection.
    ping(&mut stream).context("the first ping")?;
    let end = Instant::now() + span;
    let mut times = Vec::new();
    while times.is_empty() || (Instant::now() < end && times.len() < MAX_PINGS) {
        let sent = Instant::now();
        ping(&mut stream).with_context(|| format!("ping {}", times.len() + 1))?;
        times.push(sent.elapsed());
    }
    Ok(times)
}

/// The same beside one endless download, and one endless upload if that is wanted.
pub(crate) fn pings_beside(
    tunnel: SocketAddr,
    and_upload: bool,
    span: Duration,
    limit: Duration,
) -> Result<Vec<Duration>> {
    let mut down = open(tunnel, Kind::Source, 0, ENDLESS, limit)?;
    let mut closers = vec![down.try_clone()?];
    let up = and_upload.then(|| open(tunnel, Kind::Sink, 0, ENDLESS, limit)).transpose()?;
    if let Some(up) = &up {
        closers.push(up.try_clone()?);
    }
    thread::scope(|scope| {
        // Both end with an error when they are closed.
        scope.spawn(move || receive(&mut down, 0, ENDLESS, None).ok());
        if let Some(mut up) = up {
            scope.spawn(move || send(&mut up, 0, ENDLESS, None).ok());
        }
        // The queues need a moment to become as long as they get.
        thread::sleep(Duration::from_millis(500));
        let times = pings(tunnel, span);
        for stream in closers {
            stream.shutdown(Shutdown::Both).ok();
        }
        times
    })
}

/// Moves bytes over several connections at once, each its own part; gives bytes a second at the
/// receiving ends, from the first byte of any of them to the last.
pub(crate) fn transfer(
    tunnel: SocketAddr,
    way: Way,
    connections: u64,
    total: u64,
    limit: Duration,
) -> Result<f64> {
    let len = total / connections;
    let run = |index: u64| match way {
        Way::Down => download(tunnel, index * len, len, limit),
        Way::Up => upload(tunnel, index * len, len, limit),
    };
    let receipts: Vec<Receipt> = thread::scope(|scope| {
        let threads: Vec<_> = (0..connections).map(|i| scope.spawn(move || run(i))).collect();
        let joined = threads.into_iter().enumerate().map(|(i, thread)| {
            let receipt = thread.join().map_err(|_| anyhow!("a thread panicked"))?;
            receipt.with_context(|| format!("connection {} of {connections}", i + 1))
        });
        joined.collect::<Result<_>>()
    })?;
    ensure!(receipts.iter().all(|receipt| receipt.is_right), "wrong bytes arrived");
    let first = receipts.iter().map(|receipt| receipt.first_ns).min();
    let last = receipts.iter().map(|receipt| receipt.last_ns).max();
    let (first, last) = first.zip(last).context("no connection")?;
    Ok((len * connections) as f64 / ((last - first).max(1) as f64 / 1e9))
}

/// From connecting until the destination has received so many bytes.
pub(crate) fn time_up(tunnel: SocketAddr, len: u64, limit: Duration) -> Result<Duration> {
    let started = now_ns();
    let receipt = upload(tunnel, 0, len, limit)?;
    ensure!(receipt.is_right, "wrong bytes arrived");
    Ok(Duration::from_nanos(receipt.last_ns.saturating_sub(started)))
}

fn download(tunnel: SocketAddr, position: u64, len: u64, limit: Duration) -> Result<Receipt> {
    let deadline = Instant::now() + limit;
    let mut stream = open(tunnel, Kind::Source, position, len, limit)?;
    receive(&mut stream, position, len, Some(deadline)).map_err(|error| explain(error, limit))
}

fn upload(tunnel: SocketAddr, position: u64, len: u64, limit: Duration) -> Result<Receipt> {
    let deadline = Instant::now() + limit;
    let mut stream = open(tunnel, Kind::Sink, position, len, limit)?;
    let mut answer = [0; Receipt::LEN];
    send(&mut stream, position, len, Some(deadline))
        .and_then(|()| stream.read_exact(&mut answer))
        .map_err(|error| explain(error, limit))?;
    Ok(Receipt::decode(answer))
}

fn open(
    tunnel: SocketAddr,
    kind: Kind,
    position: u64,
    len: u64,
    limit: Duration,
) -> Result<TcpStream> {
    let mut stream = TcpStream::connect_timeout(&tunnel, limit).context("connecting")?;
    stream.set_nodelay(true)?;
    stream.set_read_timeout(Some(limit))?;
    stream.set_write_timeout(Some(limit))?;
    stream.write_all(&Order { kind, position, len }.encode())?;
    Ok(stream)
}

fn ping(stream: &mut TcpStream) -> Result<()> {
    let mut byte = [0x2a];
    stream
        .write_all(&byte)
        .and_then(|()| stream.read_exact(&mut byte))
        .map_err(|error| explain(error, BYTE_LIMIT))?;
    ensure!(byte == [0x2a], "another byte came back");
    Ok(())
}

/// A time limit of a socket says only that something was temporarily unavailable.
fn explain(error: io::Error, limit: Duration) -> anyhow::Error {
    match error.kind() {
        io::ErrorKind::WouldBlock => anyhow!("nothing for {limit:?}"),
        _ => error.into(),
    }
}
