//! Frames that are larger than a message.

use std::collections::BTreeMap;
use std::time::Duration;

use adit_wire::smux::Frame;

use crate::harness::{Behaviour, Script, Universe, Weather, ms, pattern};

/// A session that learns that no message may be larger than the official ones, on a path on which
/// a frame of 32 KiB takes a third of a second.
fn narrow() -> Universe {
    let script = Script { largest_payload: 1024, ..Script::serving([Behaviour::Sink]) };
    let mut universe = Universe::ready(script, Weather::calm(5), 1);
    universe.up.weather.rate = Some(100_000);
    universe
}

fn got(universe: &Universe, id: u32) -> &[u8] {
    universe.agent.got.get(&id).map_or(&[], Vec::as_slice)
}

#[test]
fn a_long_upload_in_small_messages_has_few_frames() {
    let script = Script { largest_payload: 1024, ..Script::serving([Behaviour::Sink]) };
    let mut universe = Universe::ready(script, Weather::calm(5), 1);
    let id = universe.open();
    let data = pattern(1, 1_000_000);
    universe.send(id, &data);
    universe.run_until("there", |universe| got(universe, id.0).len() == data.len());
    assert!(got(&universe, id.0) == data);
    let large = universe.agent.seen.iter().filter(|seen| seen.payload.len() > 1024);
    assert_eq!(large.count(), 1, "the probe");
    let small = universe.agent.seen.iter().filter(|seen| seen.payload.len() <= 1024);
    let payloads: BTreeMap<_, _> = small.map(|seen| (seen.sequence, seen.payload.len())).collect();
    let overhead = payloads.values().sum::<usize>() - data.len();
    // 31 frames; handshake, SYN and NOPs are some hundred bytes.
    assert!(overhead < 31 * 8 + 600, "{overhead} bytes beside the data");
}

#[test]
fn a_stream_that_breaks_off_in_a_frame_does_not_break_the_others() {
    let mut universe = narrow();
    let (broken, other) = (universe.open(), universe.open());
    universe.send(broken, &pattern(1, 30_000));
    universe.run_until("begun", |universe| got(universe, broken.0).len() > 3_000);
    universe.reset(broken);
    let data = pattern(2, 5_000);
    universe.send(other, &data);
    universe.run_until("there", |universe| got(universe, other.0).len() == data.len());
    assert!(got(&universe, other.0) == data);
    assert_eq!(universe.agent.finned, [broken.0], "its end came behind its frame");
}

#[test]
fn the_end_of_a_stream_waits_for_its_last_frame() {
    let mut universe = narrow();
    let id = universe.open();
    let data = pattern(1, 30_000);
    universe.send(id, &data);
    universe.run_until("begun", |universe| got(universe, id.0).len() > 3_000);
    universe.finish(id);
    let begun = universe.now;
    // The patience with its other side starts when the agent has all, not before.
    universe.run_until("ended", |universe| universe.agent.finned == [id.0]);
    assert!(got(&universe, id.0) == data);
    assert!(universe.now - begun > Duration::from_secs(30));
}

#[test]
fn a_frame_goes_on_after_a_cut() {
    let mut universe = narrow();
    let id = universe.open();
    let data = pattern(1, 60_000);
    universe.send(id, &data);
    universe.run_until("begun", |universe| got(universe, id.0).len() > 3_000);
    universe.cut();
    universe.run_for(ms(500));
    universe.connect();
    universe.run_until("there", |universe| got(universe, id.0).len() == data.len());
    assert!(got(&universe, id.0) == data);
}

#[test]
fn an_open_does_not_get_into_a_frame() {
    let mut universe = narrow();
    let id = universe.open();
    universe.send(id, &pattern(1, 30_000));
    universe.run_until("begun", |universe| got(universe, id.0).len() > 3_000);
    let late = universe.open();
    universe.run_until("opened", |universe| universe.agent.opened.contains(&late.0));
    assert_eq!(got(&universe, id.0).len(), 30_000);
    let syn = Frame::Syn { stream: late.0 }.encode();
    assert!(universe.agent.seen.iter().any(|seen| seen.payload[..] == syn), "in a message alone");
}
