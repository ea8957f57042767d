//! Little beside much: how long a byte waits beside uploads.

use std::time::Duration;

use adit_engine::StreamId;
use adit_wire::PayloadType;
use adit_wire::smux::Frame;

use crate::harness::{Behaviour, Script, Universe, Weather, ms, pattern};

/// A session with so many uploads that have lasted for so many seconds, and one idle stream.
fn beside(uploads: usize, rate: u64, payload: usize, seconds: u64) -> (Universe, StreamId) {
    let script = Script { largest_payload: payload, ..Script::serving([Behaviour::Sink]) };
    let mut universe = Universe::ready(script, Weather::calm(20), 1);
    universe.up.weather.rate = Some(rate);
    let data = pattern(1, (rate as usize * (seconds as usize + 5)).max(40_000_000) / uploads);
    for _ in 0..uploads {
        let id = universe.open();
        universe.local(id).to_send.extend(&data);
    }
    let small = universe.open();
    universe.drain();
    universe.run_for(Duration::from_secs(seconds));
    (universe, small)
}

fn got(universe: &Universe) -> usize {
    universe.agent.got.values().map(Vec::len).sum()
}

/// How long single bytes take beyond the latency, the shortest first.
fn waits(universe: &mut Universe, small: StreamId) -> Vec<Duration> {
    let mut waits = Vec::new();
    for _ in 0..20 {
        let before = universe.now;
        universe.send(small, b"x");
        universe.run_until("there", |universe| {
            let there = universe.agent.got.get(&small.0).map_or(0, Vec::len);
            there == universe.locals[&small].to_send.len()
        });
        waits.push((universe.now - before).saturating_sub(ms(20)));
        universe.run_for(ms(37));
    }
    waits.sort();
    waits
}

/// The lengths of a stream's frames so far.
fn frames(universe: &Universe, id: StreamId) -> Vec<usize> {
    let payloads = universe.agent.seen.iter().filter(|seen| seen.kind == PayloadType::Output);
    let bytes: Vec<u8> = payloads.flat_map(|seen| seen.payload.to_vec()).collect();
    let mut rest = &bytes[..];
    let mut frames = Vec::new();
    while let Some((head, body)) = rest.split_first_chunk() {
        rest = body;
        if let Frame::Psh { stream, len } = Frame::decode(*head).expect("a frame") {
            frames.extend((stream == id.0).then_some(usize::from(len)));
            rest = rest.get(usize::from(len)..).unwrap_or_default();
        }
    }
    frames
}

#[test]
fn a_byte_waits_for_the_queue_on_the_way_and_no_upload() {
    for (uploads, rate, payload) in [
        (1, 100_000_000, usize::MAX),
        (8, 100_000_000, usize::MAX),
        (1, 2_000_000, usize::MAX),
        (8, 2_000_000, usize::MAX),
        (1, 2_000_000, 1024),
        (8, 2_000_000, 1024),
    ] {
        let (mut universe, small) = beside(uploads, rate, payload, 1);
        let case = format!("{uploads} at {rate} in {payload}");
        let (before, from) = (got(&universe), universe.now);
        let waits = waits(&mut universe, small);
        // The target, and the frame that was on its way.
        assert!(waits[10] <= ms(32), "{case}: {:?}", waits[10]);
        assert!(waits[19] <= ms(32 + 20), "{case}: {:?}", waits[19]);
        let speed = (got(&universe) - before) as f64 / (universe.now - from).as_secs_f64();
        // Of messages of 1 KiB, a tenth is header.
        assert!(speed > rate as f64 * 0.87, "{case}: {speed}");
    }
}

#[test]
fn a_byte_waits_little_when_a_fast_path_has_become_slow() {
    let (mut universe, small) = beside(1, 100_000_000, usize::MAX, 1);
    assert!(universe.session.stats().window > 2 << 20);
    universe.up.weather.rate = Some(2_000_000);
    universe.run_for(Duration::from_secs(15));
    let slow = waits(&mut universe, small);
    assert!(slow[19] <= ms(60), "{slow:?}");
    universe.up.weather.rate = Some(100_000_000);
    universe.run_for(Duration::from_secs(2));
    let before = got(&universe);
    universe.run_for(ms(500));
    assert!(got(&universe) - before > 45_000_000, "and it is filled again");
}

#[test]
fn what_goes_over_a_full_window_is_bounded() {
    let script = Script::serving([Behaviour::Sink]);
    let mut universe = Universe::ready(script, Weather::calm(5), 1);
    universe.up.weather.rate = Some(100_000_000);
    let bulk = universe.open();
    let many: Vec<_> = (0..100).map(|_| universe.open()).collect();
    universe.send(bulk, &pattern(1, 60 << 20));
    universe.run_for(ms(300));
    universe.agent.stalled = true;
    universe.run_for(ms(100));
    let full = universe.session.stats().in_flight;
    universe.send(many[0], b"x");
    assert_eq!(universe.session.stats().in_flight, full + 9, "it went out");
    for id in &many {
        universe.send(*id, &pattern(2, 1000));
    }
    let stats = universe.session.stats();
    let beside = stats.in_flight - stats.window;
    assert!(beside > 15 << 10 && beside <= 16 << 10, "{beside}");
    universe.agent.stalled = false;
    universe.run_until("all there", |universe| {
        many[1..]
            .iter()
            .all(|id| universe.agent.got.get(&id.0).is_some_and(|got| got.len() == 1000))
    });
}

#[test]
fn what_is_beside_the_window_does_not_let_it_grow() {
    let mut universe = Universe::ready(Script::default(), Weather::calm(5), 1);
    let id = universe.open();
    for _ in 0..2000 {
        universe.send(id, &[7; 20]);
        universe.run_for(ms(1));
    }
    assert_eq!(universe.session.stats().window, 64 << 10);
}

#[test]
fn frames_are_short_while_somebody_types() {
    let (mut universe, small) = beside(1, 2_000_000, 1024, 1);
    let bulk = StreamId(3);
    let typing = frames(&universe, bulk).len();
    assert!(frames(&universe, bulk)[3..].iter().all(|len| *len > 30_000));
    waits(&mut universe, small);
    let silent = frames(&universe, bulk).len();
    // What had begun, and what was cut off.
    assert!(frames(&universe, bulk)[typing + 7..].iter().all(|len| *len <= 8 << 10));
    universe.run_for(ms(3000));
    let last = frames(&universe, bulk).split_off(silent + 300);
    assert!(last.iter().any(|len| *len > 30_000), "long again: {last:?}");
}

#[test]
fn many_small_writes_are_no_way_past_an_upload() {
    let (mut universe, small) = beside(1, 2_000_000, usize::MAX, 1);
    universe.local(small).piece = 100;
    universe.send(small, &pattern(3, 20_000_000));
    universe.run_for(ms(500));
    let before = [3, small.0].map(|id| universe.agent.got[&id].len());
    universe.run_for(ms(4000));
    let after = [3, small.0].map(|id| universe.agent.got[&id].len());
    let [bulk, small] = [after[0] - before[0], after[1] - before[1]];
    assert!(small.abs_diff(bulk) <= bulk / 8 + (64 << 10), "{small} beside {bulk}");
}

#[test]
fn an_upload_goes_on_beside_a_crowd_that_types() {
    let (mut universe, _) = beside(1, 2_000_000, usize::MAX, 1);
    let crowd: Vec<_> = (0..150).map(|_| universe.open()).collect();
    universe.run_for(ms(100));
    let before = universe.agent.got[&3].len();
    for _ in 0..400 {
        for id in &crowd {
            universe.local(*id).to_send.extend([7; 200]);
        }
        universe.drain();
        universe.run_for(ms(10));
    }
    let bulk = universe.agent.got[&3].len() - before;
    // A third of the bytes, the headers of the crowd's small messages aside.
    assert!(bulk > 4 * 2_000_000 / 5, "{bulk}");
}
