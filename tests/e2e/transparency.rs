//! What is written arrives as it was written, whatever its size and its last byte.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::sync::{Arc, Mutex};

use serde_json::json;

use crate::common::bytes::Noise;
use crate::common::connect::{Connect, dial};
use crate::common::lab::Lab;
use crate::common::servers::Server;

/// The official client changes a message of one LF to CR, so it is the last bytes that matter: the
/// agent's own messages hold at most 1,024 bytes, and those sizes leave every remainder.
const LAST: [u8; 4] = [b'\n', b'\r', 0x00, 0xFF];

/// The largest write.
const LARGEST: u16 = 4096;

#[test]
fn every_size_and_last_byte_arrives_unchanged_over_several_streams() {
    let exchange = Exchange::new();
    let server = exchange.server();
    let lab = Lab::builder().serve(&server).unpaced().start();
    let (_connect, address) = Connect::to(&lab).ready();

    std::thread::scope(|scope| {
        for lane in 0..8 {
            let exchange = &exchange;
            scope.spawn(move || exchange.run(address, lane + 1, 8));
        }
    });
    assert_eq!(server.accepted(), 8);
    assert_eq!(lab.session()["counts"]["refused"], 0);
}

#[test]
fn every_size_and_last_byte_arrives_unchanged_in_single_connection_mode() {
    let exchange = Exchange::new();
    let server = exchange.server();
    let lab = Lab::builder().serve(&server).unpaced().start();
    lab.fault(json!({"agent_version": "3.0.196.0"}));
    let (_connect, address) = Connect::to(&lab).ready();

    exchange.run(address, 1, 1);
    assert_eq!(server.accepted(), 1);
    assert_eq!(lab.session()["counts"]["nops_from_client"], 0, "this is not the mode it claims");
}

/// Writes of known sizes and contents, one at a time, answered by others of the same sizes.
#[derive(Clone, Default)]
struct Exchange {
    differences: Arc<Mutex<Vec<String>>>,
}

impl Exchange {
    fn new() -> Self {
        Self::default()
    }

    /// Reads which sizes are coming, then expects each and answers it with one write.
    fn server(&self) -> Server {
        let exchange = self.clone();
        Server::start(move |mut stream| {
            let mut head = [0; 4];
            stream.read_exact(&mut head).expect("which sizes are coming");
            let first = u16::from_be_bytes([head[0], head[1]]);
            let step = u16::from_be_bytes([head[2], head[3]]);
            for (size, last) in sizes(first, step) {
                if exchange.expect(&mut stream, "up", size, last).is_err() {
                    return;
                }
                stream.write_all(&content("down", size, last)).expect("the stream goes on");
            }
        })
    }

    fn run(&self, address: SocketAddr, first: u16, step: u16) {
        let mut stream = dial(address);
        let head = [first.to_be_bytes(), step.to_be_bytes()].concat();
        stream.write_all(&head).expect("the stream goes on");
        for (size, last) in sizes(first, step) {
            stream.write_all(&content("up", size, last)).expect("the stream goes on");
            let heard = self.expect(&mut stream, "down", size, last);
            assert!(heard.is_ok(), "{:?}", self.differences.lock());
        }
    }

    fn expect(&self, stream: &mut TcpStream, way: &str, size: u16, last: u8) -> Result<(), ()> {
        let mut got = vec![0; size.into()];
        let problem = match stream.read_exact(&mut got) {
            Ok(()) if got == content(way, size, last) => return Ok(()),
            Ok(()) => "differs".to_owned(),
            Err(error) => error.to_string(),
        };
        let difference = format!("{size} bytes {way} that end in {last:#04x}: {problem}");
        self.differences.lock().expect("no panic under the lock").push(difference);
        Err(())
    }
}

fn sizes(first: u16, step: u16) -> impl Iterator<Item = (u16, u8)> {
    (first..=LARGEST).step_by(step.into()).flat_map(|size| LAST.map(|last| (size, last)))
}

fn content(way: &str, size: u16, last: u8) -> Vec<u8> {
    let seed = u64::from(size) << 16 | u64::from(last) << 8 | way.len() as u64;
    let mut content = Noise::new(seed).take(size.into());
    content[usize::from(size) - 1] = last;
    content
}
