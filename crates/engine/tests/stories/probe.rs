use adit_wire::smux::Frame;

use crate::harness::agent::Seen;
use crate::harness::{Behaviour, Script, Universe, Weather, ms, pattern};

fn is_probe(seen: &Seen) -> bool {
    seen.payload.len() > 8 && seen.payload.chunks(8).all(|frame| frame == Frame::Nop.encode())
}

fn upload(script: Script, latency: u64, len: usize) -> Universe {
    let mut universe = Universe::ready(script, Weather::calm(latency), 1);
    let id = universe.open();
    let data = pattern(1, len);
    universe.send(id, &data);
    universe.run_until("there", |universe| {
        universe.agent.got.get(&id.0).is_some_and(|got| got.len() == len)
    });
    assert!(universe.agent.got[&id.0] == data);
    universe
}

fn sink() -> Script {
    Script::serving([Behaviour::Sink])
}

#[test]
fn a_short_upload_is_not_probed() {
    let universe = upload(sink(), 5, 60_000);
    assert!(!universe.agent.seen.iter().any(is_probe));
    assert_eq!(universe.session.stats().payload_size, 1024);
}

#[test]
fn a_long_upload_is_probed_once_with_nops_and_then_uses_large_messages() {
    let mut universe = upload(sink(), 5, 1_000_000);
    let id = universe.open();
    universe.send(id, &pattern(2, 300_000));
    universe.run_for(ms(1000));
    let probes: Vec<_> = universe
        .agent
        .seen
        .iter()
        .filter(|seen| is_probe(seen))
        .map(|seen| seen.payload.len())
        .collect();
    assert_eq!(probes, [16 << 10, 32 << 10]);
    assert_eq!(universe.session.stats().payload_size, 32 << 10);
    let largest = universe.agent.seen.iter().map(|seen| seen.payload.len()).max();
    assert_eq!(largest, Some(32 << 10), "framing included");
}

#[test]
fn nothing_is_sent_behind_a_probe_until_it_is_acknowledged() {
    let latency = ms(15);
    let universe = upload(sink(), 15, 1_000_000);
    for probe in universe.agent.seen.iter().filter(|seen| is_probe(seen)) {
        let behind = universe.agent.arrivals(probe.sequence + 1)[0];
        assert!(behind.at - probe.at >= latency * 2, "{:?}", behind.at - probe.at);
    }
}

#[test]
fn a_probe_that_disappears_becomes_one_nop_under_its_number() {
    for latency in [5, 100] {
        let script = Script { largest_payload: 9000, ..sink() };
        let universe = upload(script, latency, 400_000);
        assert_eq!(universe.session.stats().payload_size, 1024);
        let probe = universe.agent.seen.iter().find(|seen| is_probe(seen)).expect("a probe");
        let sendings = universe.agent.arrivals(probe.sequence);
        assert_eq!(sendings.len(), 2, "once large, once small");
        assert_eq!(sendings[1].payload[..], Frame::Nop.encode());
        let waited = sendings[1].at - sendings[0].at;
        let most = ms(200.max(latency * 2 * 3));
        assert!(waited <= most + ms(latency), "{waited:?}");
        let probes = universe.agent.seen.iter().filter(|seen| is_probe(seen)).count();
        assert_eq!(probes, 1, "never again");
    }
}

#[test]
fn a_smaller_size_that_was_proven_stays() {
    let script = Script { largest_payload: 20_000, ..sink() };
    let universe = upload(script, 5, 400_000);
    assert_eq!(universe.session.stats().payload_size, 16 << 10);
}

#[test]
fn a_probe_that_dies_with_its_websocket_becomes_one_nop() {
    let mut universe = Universe::ready(sink(), Weather::calm(50), 1);
    let id = universe.open();
    let data = pattern(1, 300_000);
    universe.send(id, &data);
    let probe_sent = |universe: &Universe| {
        universe.transmitted.iter().any(|(_, message)| message.len() > 16_000)
    };
    universe.run_until("probed", probe_sent);
    universe.cut();
    universe.run_for(ms(1000));
    universe.connect();
    universe.run_until("there", |universe| universe.agent.got.get(&id.0) == Some(&data));
    assert!(!universe.agent.seen.iter().any(is_probe), "it died, and no second was sent");
    assert_eq!(universe.session.stats().payload_size, 1024);
}

#[test]
fn user_bytes_never_change_their_cut() {
    for seed in 0..10 {
        let mut universe = Universe::ready(sink(), Weather::stormy(10, 0.1), seed);
        let id = universe.open();
        let data = pattern(seed, 300_000);
        universe.send(id, &data);
        universe.run_until("there", |universe| {
            universe.agent.got.get(&id.0).is_some_and(|got| got.len() == data.len())
        });
        assert!(universe.agent.got[&id.0] == data);
        for seen in &universe.agent.seen {
            let first = universe.agent.arrivals(seen.sequence)[0];
            let same = first.whole == seen.whole;
            let shrunk = is_probe(first) && seen.payload[..] == Frame::Nop.encode();
            let grown = is_probe(seen) && first.payload[..] == Frame::Nop.encode();
            assert!(same || shrunk || grown, "sequence {} changed", seen.sequence);
        }
    }
}

#[test]
fn a_session_without_multiplexing_is_not_probed() {
    let mut universe = Universe::ready(Script::single([Behaviour::Sink]), Weather::calm(5), 1);
    let id = universe.open();
    let data = pattern(1, 500_000);
    universe.send(id, &data);
    universe.run_until("there", |universe| universe.agent.got.get(&0) == Some(&data));
    let largest = universe.agent.seen.iter().map(|seen| seen.payload.len()).max();
    assert_eq!(largest, Some(1024));
}
