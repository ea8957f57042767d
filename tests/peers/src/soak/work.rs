//! What the tunnel carries: a download, an upload and a ping at a time, each again and again.

use std::io::{Read as _, Write as _};
use std::net::{SocketAddr, TcpStream};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering::Relaxed};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use anyhow::{Result, anyhow, bail, ensure};

use crate::destination::{Kind, Order, Receipt, receive, send};

/// Bytes of one connection.
const LEN: u64 = 4 << 20;
/// Longer than any of them may take.
const LIMIT: Duration = Duration::from_secs(120);

#[derive(Default)]
struct Shared {
    stop: AtomicBool,
    down: AtomicU64,
    up: AtomicU64,
    pings: AtomicU64,
    failed: Mutex<Option<String>>,
}

pub(crate) struct Work {
    shared: Arc<Shared>,
    workers: Mutex<Vec<JoinHandle<()>>>,
}

impl Work {
    pub(crate) fn start(address: SocketAddr) -> Self {
        let shared = Arc::new(Shared::default());
        let jobs: [fn(&Shared, SocketAddr, u64) -> Result<()>; 3] = [download, upload, ping];
        let workers = jobs.map(|job| {
            let shared = Arc::clone(&shared);
            thread::spawn(move || {
                let mut round = 0;
                while !shared.stop.load(Relaxed) {
                    if let Err(error) = job(&shared, address, round) {
                        let mut failed =
                            shared.failed.lock().unwrap_or_else(PoisonError::into_inner);
                        *failed = Some(format!("round {round}: {error:#}"));
                        return;
                    }
                    round += 1;
                }
            })
        });
        Self { shared, workers: Mutex::new(workers.into()) }
    }

    /// Fails when something has gone wrong so far.
    pub(crate) fn check(&self) -> Result<()> {
        match &*self.shared.failed.lock().unwrap_or_else(PoisonError::into_inner) {
            Some(error) => Err(anyhow!("{error}")),
            None => Ok(()),
        }
    }

    /// Lets all end; gives bytes down, bytes up, and pings.
    pub(crate) fn stop(&self) -> Result<(u64, u64, u64)> {
        self.shared.stop.store(true, Relaxed);
        for worker in self.workers.lock().unwrap_or_else(PoisonError::into_inner).drain(..) {
            if worker.join().is_err() {
                bail!("a worker has panicked");
            }
        }
        self.check()?;
        let Shared { down, up, pings, .. } = &*self.shared;
        Ok((down.load(Relaxed), up.load(Relaxed), pings.load(Relaxed)))
    }
}

fn order(address: SocketAddr, kind: Kind, position: u64) -> Result<TcpStream> {
    let mut stream = TcpStream::connect(address)?;
    stream.set_nodelay(true)?;
    stream.set_read_timeout(Some(LIMIT))?;
    stream.set_write_timeout(Some(LIMIT))?;
    stream.write_all(&Order { kind, position, len: LEN }.encode())?;
    Ok(stream)
}

fn download(shared: &Shared, address: SocketAddr, round: u64) -> Result<()> {
    let position = round * 7_919;
    let mut stream = order(address, Kind::Source, position)?;
    let receipt = receive(&mut stream, position, LEN, Some(Instant::now() + LIMIT))?;
    ensure!(receipt.is_right, "a wrong byte came");
    shared.down.fetch_add(LEN, Relaxed);
    Ok(())
}

fn upload(shared: &Shared, address: SocketAddr, round: u64) -> Result<()> {
    let position = round * 104_729;
    let mut stream = order(address, Kind::Sink, position)?;
    send(&mut stream, position, LEN, Some(Instant::now() + LIMIT))?;
    let mut receipt = [0; Receipt::LEN];
    stream.read_exact(&mut receipt)?;
    ensure!(Receipt::decode(receipt).is_right, "a wrong byte arrived");
    shared.up.fetch_add(LEN, Relaxed);
    // Uploads are faster than downloads by far, and would leave nothing of the machine.
    thread::sleep(Duration::from_secs(1));
    Ok(())
}

/// A connection of a hundred pings.
fn ping(shared: &Shared, address: SocketAddr, _round: u64) -> Result<()> {
    let mut stream = order(address, Kind::Echo, 0)?;
    for number in 0..100_u8 {
        stream.write_all(&[number])?;
        let mut back = [0];
        stream.read_exact(&mut back)?;
        ensure!(back == [number], "another byte came back");
        shared.pings.fetch_add(1, Relaxed);
        thread::sleep(Duration::from_millis(20));
    }
    Ok(())
}
