//! How often the byte path allocates: driver, websocket, engine and pumps together.
//!
//! Allocations are counted for the whole process, so the gateway runs in a child, which is this
//! program again.

#![allow(missing_docs, unreachable_pub, dead_code, reason = "test code, partly of other tests")]
#![expect(clippy::print_stdout, clippy::print_stderr, reason = "prints its figures")]

mod support;

use std::alloc::System;
use std::io::{BufRead as _, BufReader, Read as _};
use std::process::{Child, Command, Stdio};

use adit_tunnel::{Listener, Tunnel};
use libtest_mimic::{Arguments, Failed, Trial};
use stats_alloc::{INSTRUMENTED_SYSTEM, Region, StatsAlloc};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

use support::gateway::Gateway;
use support::source::FakeSource;
use support::{options, soon};

#[global_allocator]
static ALLOCATOR: &StatsAlloc<System> = &INSTRUMENTED_SYSTEM;

/// The argument that makes this program the gateway.
const GATEWAY: &str = "serve-gateway";
/// Bytes sent and received before counting: buffers and pools reach their size.
const WARM_UP: usize = 4 << 20;
/// Bytes sent and received while counting.
const COUNTED: usize = 16 << 20;

fn main() {
    if std::env::args().nth(1).as_deref() == Some(GATEWAY) {
        return serve();
    }
    let arguments = Arguments::from_args();
    let trial = Trial::test("the_byte_path_hardly_allocates", hardly_allocates);
    libtest_mimic::run(&arguments, vec![trial]).exit();
}

fn runtime() -> tokio::runtime::Runtime {
    tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime")
}

/// Prints the gateway's URL and serves until the standard input ends.
fn serve() {
    runtime().block_on(async {
        let gateway = Gateway::start().await;
        println!("{}", gateway.url());
        let parent = || std::io::stdin().read_to_end(&mut Vec::new());
        let _gone = tokio::task::spawn_blocking(parent).await;
    });
}

struct Served {
    child: Child,
    url: String,
}

impl Served {
    fn start() -> Self {
        let program = std::env::current_exe().expect("this program");
        let mut child = Command::new(program)
            .arg(GATEWAY)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .expect("starts");
        let mut url = String::new();
        let output = child.stdout.take().expect("piped");
        BufReader::new(output).read_line(&mut url).expect("says its URL");
        Self { child, url: url.trim().to_owned() }
    }
}

impl Drop for Served {
    fn drop(&mut self) {
        // The end of its input ends the child.
        drop(self.child.stdin.take());
        let _status = self.child.wait();
    }
}

/// Sends `len` bytes and receives as many, without allocating.
async fn echo(stream: &mut TcpStream, len: usize) {
    let out = [7_u8; 16 * 1024];
    let mut back = [0_u8; 16 * 1024];
    let (mut read, mut write) = stream.split();
    let writing = async {
        let mut left = len;
        while left > 0 {
            let part = left.min(out.len());
            write.write_all(&out[..part]).await.expect("takes all");
            left -= part;
        }
    };
    let reading = async {
        let mut left = len;
        while left > 0 {
            let part = read.read(&mut back).await.expect("gives all");
            assert!(part > 0, "ended early");
            left -= part;
        }
    };
    tokio::join!(writing, reading);
}

fn hardly_allocates() -> Result<(), Failed> {
    let gateway = Served::start();
    runtime().block_on(async {
        let source = FakeSource::new(gateway.url.clone());
        let (sender, _events) = tokio::sync::mpsc::unbounded_channel();
        let tunnel = soon(Tunnel::open(source, options(), sender)).await.expect("opens");
        let listener = Listener::loopback(0).await.expect("a free port");
        let address = listener.addresses()[0];
        let handle = tunnel.clone();
        let served = tokio::spawn(async move { handle.serve(listener).await });
        let mut stream = TcpStream::connect(address).await.expect("accepts");
        soon(Box::pin(echo(&mut stream, WARM_UP))).await;

        let before = tunnel.stats().session;
        let region = Region::new(ALLOCATOR);
        soon(Box::pin(echo(&mut stream, COUNTED))).await;
        let change = region.change();
        let after = tunnel.stats().session;

        let messages = (after.messages_in - before.messages_in)
            + (after.messages_out - before.messages_out)
            + (after.acks_in - before.acks_in)
            + (after.acks_out - before.acks_out);
        let allocations = change.allocations + change.reallocations;
        let each = allocations as f64 / messages as f64;
        eprintln!(
            "{messages} messages ({} data out, {} data in): {allocations} allocations of {} bytes, {each:.4} per message",
            after.messages_out - before.messages_out,
            after.messages_in - before.messages_in,
            change.bytes_allocated,
        );
        soon(tunnel.close()).await;
        soon(served).await.expect("no panic");
        if each < 0.1 { Ok(()) } else { Err(format!("{each:.4} allocations per message").into()) }
    })
}
