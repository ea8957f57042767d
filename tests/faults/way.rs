//! The way to the service: a proxy that rows cut, freeze and close.

use std::io::{ErrorKind, Read, Write};
use std::net::{IpAddr, Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, AtomicU8, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

/// How long nothing is looked at.
const GLANCE: Duration = Duration::from_millis(20);

/// A CONNECT proxy that leads to one address whatever it is asked for.
pub(crate) struct Way {
    address: SocketAddr,
    shared: Arc<Shared>,
    stop: Arc<AtomicBool>,
}

/// What it does with those who come.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Manner {
    Leads = 0,
    /// It lets nobody through, as a hotel's network before somebody has logged in.
    Refuses = 1,
    /// It answers nothing.
    IsSilent = 2,
}

struct Shared {
    to: SocketAddr,
    manner: AtomicU8,
    lines: Mutex<Vec<Arc<Line>>>,
}

/// One connection through it.
#[derive(Default)]
struct Line {
    /// What is not passed on in that direction: up, and down.
    frozen: [AtomicBool; 2],
    ends: Mutex<Vec<TcpStream>>,
}

/// A direction.
#[derive(Clone, Copy)]
pub(crate) enum Direction {
    Up = 0,
    Down = 1,
}

impl Way {
    pub(crate) fn start(ip: IpAddr, to: SocketAddr) -> Self {
        let shared = Shared { to, manner: AtomicU8::new(0), lines: Mutex::default() };
        let mut way = Self {
            address: (ip, 0).into(),
            shared: Arc::new(shared),
            stop: Arc::new(AtomicBool::new(true)),
        };
        way.open();
        way
    }

    pub(crate) fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// Accepts connections, from the beginning or again.
    pub(crate) fn open(&mut self) {
        let listener = TcpListener::bind(self.address).expect("a port");
        self.address = listener.local_addr().expect("bound");
        self.stop = Arc::new(AtomicBool::new(false));
        let (stop, shared) = (Arc::clone(&self.stop), Arc::clone(&self.shared));
        std::thread::spawn(move || {
            for stream in listener.incoming() {
                if stop.load(Ordering::SeqCst) {
                    return;
                }
                let Ok(stream) = stream else { continue };
                let shared = Arc::clone(&shared);
                std::thread::spawn(move || shared.serve(&stream));
            }
        });
    }

    /// Nobody listens there any more, and its connections are broken off.
    pub(crate) fn close(&mut self) {
        if !self.stop.swap(true, Ordering::SeqCst) {
            drop(TcpStream::connect(self.address));
        }
        self.cut();
    }

    pub(crate) fn set(&self, manner: Manner) {
        self.shared.manner.store(manner as u8, Ordering::SeqCst);
    }

    /// Breaks its connections off.
    pub(crate) fn cut(&self) {
        for line in self.shared.lines.lock().expect("no panic").drain(..) {
            for end in line.ends.lock().expect("no panic").drain(..) {
                rustix::net::sockopt::set_socket_linger(&end, Some(Duration::ZERO)).ok();
                end.shutdown(Shutdown::Both).ok();
            }
        }
    }

    /// Passes nothing on in these directions on the connections that there are; those that come
    /// later are led as before.
    pub(crate) fn freeze(&self, directions: &[Direction]) {
        for line in self.shared.lines.lock().expect("no panic").iter() {
            for direction in directions {
                line.frozen[*direction as usize].store(true, Ordering::SeqCst);
            }
        }
    }
}

impl Drop for Way {
    fn drop(&mut self) {
        self.close();
    }
}

impl Shared {
    fn serve(&self, stream: &TcpStream) {
        stream.set_nodelay(true).ok();
        let line = Arc::new(Line::default());
        line.ends.lock().expect("no panic").extend(stream.try_clone());
        self.lines.lock().expect("no panic").push(Arc::clone(&line));
        if !read_head(stream) {
            return;
        }
        match self.manner.load(Ordering::SeqCst) {
            1 => {
                let refusal = "HTTP/1.1 403 Forbidden\r\nContent-Length: 0\r\n\r\n";
                drop((&*stream).write_all(refusal.as_bytes()));
                stream.shutdown(Shutdown::Both).ok();
                return;
            }
            2 => return,
            _ => {}
        }
        let Ok(onward) = TcpStream::connect(self.to) else { return };
        onward.set_nodelay(true).ok();
        line.ends.lock().expect("no panic").extend(onward.try_clone());
        drop((&*stream).write_all(b"HTTP/1.1 200 Connection established\r\n\r\n"));
        std::thread::scope(|scope| {
            scope.spawn(|| line.pour(stream, &onward, Direction::Up));
            line.pour(&onward, stream, Direction::Down);
        });
    }
}

impl Line {
    fn pour(&self, mut from: &TcpStream, mut to: &TcpStream, direction: Direction) {
        from.set_read_timeout(Some(GLANCE)).ok();
        let mut buffer = vec![0; 16 << 10];
        loop {
            if self.frozen[direction as usize].load(Ordering::SeqCst) {
                if self.ends.lock().expect("no panic").is_empty() {
                    return;
                }
                std::thread::sleep(GLANCE);
                continue;
            }
            match from.read(&mut buffer) {
                Ok(n @ 1..) => {
                    // What comes at the moment of the freeze is not passed on any more.
                    if self.frozen[direction as usize].load(Ordering::SeqCst) {
                        continue;
                    }
                    if to.write_all(&buffer[..n]).is_err() {
                        break;
                    }
                }
                Err(error)
                    if matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut) => {}
                Ok(_) | Err(_) => break,
            }
        }
        to.shutdown(Shutdown::Write).ok();
    }
}

fn read_head(mut stream: &TcpStream) -> bool {
    let mut head = Vec::new();
    let mut byte = [0];
    while !head.ends_with(b"\r\n\r\n") {
        if stream.read_exact(&mut byte).is_err() {
            return false;
        }
        head.push(byte[0]);
    }
    true
}
