//! A local reader that stops.

use std::io::Write;
use std::net::{SocketAddr, TcpStream};
use std::time::{Duration, Instant};

use crate::common::connect::{Connect, dial, echo};
use crate::common::lab::Lab;
use crate::common::servers::{Order, Server};
use crate::common::wait::until;

/// How long the reader reads nothing.
const STOP: Duration = Duration::from_secs(10);

/// How long no byte passes before the session is taken to stand still: longer than its resends
/// and pauses are apart.
const REST: Duration = Duration::from_secs(6);

#[test]
fn within_the_budget_other_streams_go_on_and_nothing_is_lost() {
    let pair = Pair::new();
    // Together with what sockets hold this stays below the 8 MiB that a session may have unread.
    let order = Order { up: 0, down: 6 << 20, seed: 1 };
    let stopped = pair.place(order);
    let mut other = pair.echo();

    let stop = Instant::now();
    let mut answers = 0;
    while stop.elapsed() < STOP {
        echo(&mut other, b"still there?");
        answers += 1;
    }
    assert!(answers > 10, "{answers} answers only");
    order.check(&stopped, |_| {});
    echo(&mut other, b"and afterwards?");
}

#[test]
fn beyond_the_budget_the_session_waits_and_nothing_is_lost() {
    let pair = Pair::new();
    let order = Order { up: 0, down: 48 << 20, seed: 2 };
    let stopped = pair.place(order);
    let held = pair.output_at_rest();
    assert!(held > 1 << 20, "only {held} bytes came at all");
    assert!(held < order.down / 2, "{held} bytes were taken though nobody reads");

    // The budget is used up: the answer is behind what is not read, and comes when it is.
    let mut other = pair.echo();
    std::thread::scope(|scope| {
        scope.spawn(|| echo(&mut other, b"still there?"));
        order.check(&stopped, |_| {});
    });
    echo(&mut other, b"and afterwards?");
}

/// A tunnel to a server that can be asked for bytes and for echoes.
struct Pair {
    lab: Lab,
    _server: Server,
    _connect: Connect,
    address: SocketAddr,
}

impl Pair {
    fn new() -> Self {
        let server = Server::mill_or_echo();
        let lab = Lab::builder().serve(&server).unpaced().start();
        let (connect, address) = Connect::to(&lab).ready();
        Self { lab, _server: server, _connect: connect, address }
    }

    /// Orders bytes and reads none of them.
    fn place(&self, order: Order) -> TcpStream {
        let mut stream = dial(self.address);
        stream.write_all(b"m").expect("the stream goes on");
        order.place(&mut stream);
        let mut first = [0];
        stream.peek(&mut first).expect("bytes come");
        stream
    }

    /// Waits until no more payload bytes come from the agent; says how many have.
    fn output_at_rest(&self) -> u64 {
        let (mut last, mut since) = (0, Instant::now());
        until("the session to stand still", || {
            let now = self.lab.session()["counts"]["output_bytes"].as_u64().expect("a count");
            if now != last {
                (last, since) = (now, Instant::now());
            }
            (last > 0 && since.elapsed() >= REST).then_some(last)
        })
    }

    fn echo(&self) -> TcpStream {
        let mut stream = dial(self.address);
        stream.write_all(b"e").expect("the stream goes on");
        stream
    }
}
