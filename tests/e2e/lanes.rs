//! Several sessions behind one listener, with the real program.

use std::collections::{BTreeMap, BTreeSet};
use std::io::{ErrorKind, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use rustix::process::Signal;
use serde_json::{Value, json};

use crate::common::bytes::{Noise, digest_of_noise};
use crate::common::connect::{Connect, dial};
use crate::common::lab::Lab;
use crate::common::servers::{Order, Server};
use crate::common::wait::until;

/// Carries out orders on connections that are opened at once.
fn at_once(address: SocketAddr, connections: u64, bytes: u64) {
    let streams: Vec<TcpStream> = (0..connections).map(|_| dial(address)).collect();
    std::thread::scope(|scope| {
        for (stream, seed) in streams.into_iter().zip(0..) {
            let order = Order { up: bytes, down: bytes, seed: 2 * seed };
            scope.spawn(move || order.run(stream, |_| {}));
        }
    });
}

fn sessions(lab: &Lab) -> Vec<Value> {
    lab.state()["sessions"].as_array().expect("a list").clone()
}

#[test]
fn eight_connections_at_once_have_a_session_each() {
    let server = Server::mill();
    let lab = Lab::builder().serve(&server).start();
    let (connect, address) = Connect::to(&lab).lanes().ready();
    at_once(address, 8, 300_000);
    assert_eq!(lab.calls("StartSession"), 8);
    for session in sessions(&lab) {
        assert_eq!(session["destination_connections_total"], 1, "{session:#}");
    }
    assert_eq!(connect.count("lane_opened"), 7);
    assert_eq!(connect.stop(Signal::INT).code, Some(130));
    lab.expect_nothing_left();
}

#[test]
fn a_number_is_the_most_and_one_is_one() {
    let server = Server::mill();
    for (lanes, most) in [("1", 1), ("3", 3)] {
        let lab = Lab::builder().serve(&server).unpaced().start();
        let (_connect, address) = Connect::to(&lab).lanes().arg("--lanes").arg(lanes).ready();
        at_once(address, 5, 100_000);
        assert_eq!(lab.calls("StartSession"), most, "--lanes {lanes}");
    }
}

#[test]
fn a_quota_of_sessions_leaves_as_many_lanes_and_is_told_once() {
    let server = Server::mill();
    let lab = Lab::builder().serve(&server).unpaced().start();
    lab.fault(json!({"sessions": 3}));
    let (connect, address) = Connect::to(&lab).lanes().ready();
    for _ in 0..2 {
        at_once(address, 8, 1_000_000);
    }
    let used = sessions(&lab);
    assert_eq!(used.len(), 3);
    for session in used {
        assert!(session["destination_connections_total"].as_u64() > Some(0), "{session:#}");
    }
    let ended = connect.stop(Signal::INT);
    let is_note = |event: &&Value| {
        let message = event["message"].as_str().unwrap_or_default();
        event["event"] == "warning" && message.contains("connections share those there are")
    };
    assert_eq!(ended.events.iter().filter(is_note).count(), 1, "{:#?}", ended.events);
    lab.expect_nothing_left();
}

/// How long lanes are killed, and how often.
const LASTS: Duration = Duration::from_mins(1);
const EACH: Duration = Duration::from_secs(1);
const WORKERS: u64 = 8;
/// What a worker has carried both ways before it connects anew: about half a second.
const BYTES: u64 = 400_000;

#[test]
fn lanes_that_are_killed_each_second_take_only_their_own_connections_along() {
    let server = Server::mill();
    let lab = Lab::builder().serve(&server).start();
    let (connect, address) = Connect::to(&lab).lanes().ready();
    let (over, seeds) = (AtomicBool::new(false), AtomicU64::new(0));
    let (whole, broken) = (AtomicU64::new(0), AtomicU64::new(0));
    let killed = Mutex::new(BTreeSet::new());
    std::thread::scope(|scope| {
        for _ in 0..WORKERS {
            scope.spawn(|| {
                while !over.load(Ordering::SeqCst) {
                    let seed = 2 * seeds.fetch_add(1, Ordering::SeqCst);
                    let count = if exchange(address, seed) { &whole } else { &broken };
                    count.fetch_add(1, Ordering::SeqCst);
                }
            });
        }
        let (begun, mut noise) = (Instant::now(), Noise::new(8));
        while begun.elapsed() < LASTS {
            // The pace of the story, not a wait for something.
            std::thread::sleep(EACH);
            let live: Vec<String> = sessions(&lab)
                .iter()
                .filter(|session| session["state"] == "Connected")
                .filter_map(|session| Some(session["id"].as_str()?.to_owned()))
                .collect();
            let Some(id) = live.get(noise.below(live.len().max(1) as u64) as usize) else {
                continue;
            };
            killed.lock().expect("no panic").insert(id.clone());
            lab.fault(json!({"close_session": id, "output": "killed"}));
        }
        over.store(true, Ordering::SeqCst);
    });

    let (whole, broken) = (whole.into_inner(), broken.into_inner());
    let killed = killed.into_inner().expect("no panic");
    assert!(killed.len() > 40, "{} were killed", killed.len());
    assert!(whole > 100 && broken > 20, "{whole} whole, {broken} broken");
    until("each connection's end to be told", || {
        (connect.count("closed") as u64 == whole + broken).then_some(())
    });
    let ended = connect.stop(Signal::INT);
    let told = Told::of(&ended.events);
    assert_eq!(told.gone.len() as u64, broken, "what broke off was told to be gone");
    for stream in &told.gone {
        let session = &told.sessions[&told.lanes[stream]];
        assert!(session.iter().any(|id| killed.contains(id)), "stream {stream} was on {session:?}");
    }
    // All that were started were used, but for those that nobody came for before they were killed,
    // and one in reserve at the end.
    let started = sessions(&lab);
    let unused = started.iter().filter(|one| one["destination_connections_total"] == 0);
    let unused: Vec<&str> = unused.filter_map(|one| one["id"].as_str()).collect();
    let spare = unused.iter().filter(|id| !killed.contains(**id)).count();
    assert!(spare <= 1, "{unused:?} were not used, of which {killed:?} were killed");
    assert_eq!(lab.calls("StartSession"), started.len() as u64);
    lab.expect_nothing_left();
}

/// What was told of streams and lanes.
struct Told {
    /// The streams that were broken off since their session was gone.
    gone: BTreeSet<u64>,
    /// The lane of each stream.
    lanes: BTreeMap<u64, u64>,
    /// The sessions of each lane.
    sessions: BTreeMap<u64, Vec<String>>,
}

impl Told {
    fn of(events: &[Value]) -> Self {
        let (mut gone, mut lanes) = (BTreeSet::new(), BTreeMap::new());
        let mut sessions: BTreeMap<u64, Vec<String>> = BTreeMap::new();
        for event in events {
            let number = |name: &str| event[name].as_u64().expect("a number");
            match event["event"].as_str() {
                Some("opened") => {
                    lanes.insert(number("stream"), number("lane"));
                }
                Some("closed") if event["cause"] == "session_gone" => {
                    gone.insert(number("stream"));
                }
                Some("closed") => assert_eq!(event["cause"], "finished", "{event}"),
                Some("session") => {
                    let id = event["id"].as_str().expect("an id").to_owned();
                    sessions.entry(number("lane")).or_default().push(id);
                }
                Some("rejected" | "ended") => assert_eq!(event["cause"], "interrupted", "{event}"),
                _ => {}
            }
        }
        Self { gone, lanes, sessions }
    }
}

/// Carries out an order on a connection of its own; false when it is broken off, and then what has come
/// by then is right.
fn exchange(address: SocketAddr, seed: u64) -> bool {
    let (up, down) =
        (Noise::new(seed).take(BYTES as usize), Noise::new(seed + 1).take(BYTES as usize));
    let mut stream = dial(address);
    if (Order { up: BYTES, down: BYTES, seed }).try_place(&mut stream).is_err() {
        // Its lane was killed as soon as it had it.
        return false;
    }
    let mut writer = stream.try_clone().expect("a descriptor");
    let (sent, received) = std::thread::scope(|scope| {
        let sending = scope.spawn(move || writer.write_all(&up));
        let mut received = Vec::with_capacity(BYTES as usize + 32);
        let ended = stream.read_to_end(&mut received);
        // Whoever still writes is not waited for.
        stream.shutdown(std::net::Shutdown::Both).ok();
        (
            sending.join().expect("no panic"),
            ended.map(|_| received.clone()).map_err(|error| (error, received)),
        )
    });
    match received {
        Ok(received) => {
            let (bytes, digest) = received.split_at(received.len().min(down.len()));
            assert!(bytes == down, "other bytes came down, or not all: {} of {BYTES}", bytes.len());
            assert_eq!(digest, digest_of_noise(seed, BYTES), "other bytes went up");
            sent.expect("all was taken");
            true
        }
        Err((error, received)) => {
            assert!(error.kind() != ErrorKind::WouldBlock, "nothing for long: {error}");
            assert!(down.starts_with(&received) || received.starts_with(&down), "other bytes came");
            false
        }
    }
}
