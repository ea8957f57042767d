use adit_engine::Loss;
use adit_wire::{Header, MessageId, MessageType, PayloadType, encode};
use bytes::Bytes;

use crate::harness::{Behaviour, Script, Universe, Weather, ms, pattern};

fn service_message(message_type: MessageType) -> Bytes {
    let header = Header {
        message_type,
        created_ms: 1,
        sequence: 0,
        flags: 0,
        id: MessageId::default(),
        payload_type: PayloadType::Undefined,
    };
    encode(&header, b"{}")
}

fn pause() -> Bytes {
    service_message(MessageType::PausePublication)
}

fn start() -> Bytes {
    service_message(MessageType::StartPublication)
}

fn sink() -> Script {
    Script::serving([Behaviour::Sink])
}

/// A paused session with something in flight that got lost, and something that waits.
fn paused() -> (Universe, adit_engine::StreamId) {
    let mut universe = Universe::ready(sink(), Weather::calm(5), 1);
    let id = universe.open();
    universe.run_for(ms(100));
    universe.up.weather.drop = 1.0;
    universe.send(id, b"lost, ");
    universe.inject(pause());
    universe.send(id, b"kept");
    universe.transmitted.clear();
    (universe, id)
}

#[test]
fn a_pause_stops_new_data_and_probes_with_the_head_once_a_second() {
    let (mut universe, _) = paused();
    universe.run_for(ms(10_500));
    let mut times: Vec<_> = universe.transmitted.iter().map(|(at, _)| *at).collect();
    assert_eq!(times.len(), 10);
    let heads: Vec<_> = universe.transmitted.iter().map(|(_, message)| message).collect();
    assert!(heads.iter().all(|head| *head == heads[0]), "the head only");
    times.dedup();
    assert!(times.windows(2).all(|pair| pair[1] - pair[0] >= ms(1000)));
    assert!(universe.session.stats().paused);
}

#[test]
fn how_long_the_agent_is_away_is_told_until_something_comes_from_it() {
    let (mut universe, _) = paused();
    let since = universe.session.activity().away_since.expect("it is away");
    assert_eq!(universe.session.activity().established, 0, "nothing has come on the stream");
    universe.run_for(ms(3000));
    universe.inject(pause());
    assert_eq!(universe.session.activity().away_since, Some(since), "it was so before");
    universe.up.weather.drop = 0.0;
    universe.run_for(ms(1020));
    assert_eq!(universe.session.activity().away_since, None);
}

#[test]
fn whether_the_agent_is_there_is_unknown_until_something_comes_on_a_resumed_websocket() {
    let (mut universe, _) = paused();
    let away = universe.session.away_since();
    assert!(away.is_some());
    assert_eq!(universe.session.unheard_since(), None);
    universe.run_for(ms(100));
    universe.session.transport_down(universe.now, Loss::Failed);
    universe.session.transport_up(universe.now);
    assert_eq!(universe.session.unheard_since(), Some(universe.now));
    universe.inject(pause());
    assert_eq!(universe.session.unheard_since(), None);
    assert_eq!(universe.session.away_since(), away, "it is the same absence");
    universe.inject(start());
    assert_eq!(universe.session.away_since(), None);
}

#[test]
fn start_resumes_at_once_and_in_order() {
    let (mut universe, id) = paused();
    universe.up.weather.drop = 0.0;
    universe.run_for(ms(500));
    universe.inject(start());
    assert!(!universe.session.stats().paused);
    universe.run_for(ms(5));
    assert_eq!(universe.agent.got[&id.0], b"lost, kept");
}

#[test]
fn an_acknowledgement_resumes() {
    let (mut universe, id) = paused();
    universe.up.weather.drop = 0.0;
    universe.run_for(ms(1020));
    assert!(!universe.session.stats().paused, "the probe was acknowledged");
    assert_eq!(universe.agent.got[&id.0], b"lost, kept");
}

#[test]
fn any_output_resumes() {
    let (mut universe, id) = paused();
    universe.up.weather.drop = 0.0;
    universe.agent.push(universe.now, id.0, b"hello");
    universe.run_for(ms(20));
    assert!(!universe.session.stats().paused);
    assert_eq!(universe.agent.got[&id.0], b"lost, kept");
}

#[test]
fn a_new_websocket_resumes() {
    let (mut universe, id) = paused();
    universe.up.weather.drop = 0.0;
    universe.cut();
    universe.connect();
    assert!(!universe.session.stats().paused);
    universe.run_for(ms(10));
    assert_eq!(universe.agent.got[&id.0], b"lost, kept");
}

#[test]
fn a_pause_whose_end_is_lost_is_found_out_when_nothing_is_in_flight() {
    let mut universe = Universe::ready(sink(), Weather::calm(5), 1);
    universe.run_for(ms(500));
    let nops = universe.agent.nops;
    universe.inject(pause());
    let id = universe.open();
    universe.send(id, b"hello");
    universe.run_for(ms(900));
    assert_eq!(universe.agent.opened, [0; 0]);
    universe.run_for(ms(200));
    assert_eq!(universe.agent.nops, nops + 1);
    assert!(!universe.session.stats().paused);
    assert_eq!(universe.agent.got[&id.0], b"hello");
    universe.run_for(ms(3000));
    assert_eq!(universe.agent.nops, nops + 1);
    assert!(universe.session.is_drained());
}

#[test]
fn while_the_agent_is_away_it_is_one_message_that_asks() {
    let mut universe = Universe::ready(sink(), Weather::calm(5), 1);
    universe.run_for(ms(500));
    universe.up.weather.drop = 1.0;
    universe.transmitted.clear();
    universe.inject(pause());
    universe.run_for(ms(5500));
    let asked: Vec<_> = universe.transmitted.iter().map(|(_, message)| message.clone()).collect();
    assert_eq!(asked.len(), 5);
    assert!(asked.iter().all(|message| *message == asked[0]));
    assert!(universe.session.stats().paused);
}

#[test]
fn acknowledgements_go_out_while_paused() {
    let mut universe = Universe::ready(sink(), Weather::calm(5), 1);
    universe.run_for(ms(500));
    let id = universe.open();
    universe.agent.push(universe.now, id.0, b"hello");
    universe.agent.handle_timeout(universe.now);
    let output = universe.agent.transmit().expect("output");
    universe.session.receive(universe.now, output);
    universe.session.receive(universe.now, pause());
    universe.agent.acks.clear();
    universe.drain();
    universe.run_for(ms(6));
    assert_eq!(universe.agent.acks, [2]);
}

#[test]
fn both_are_understood_however_odd_their_headers_are() {
    for header_length in [0_u32, 1, 100, 112, 116, 117, 5000, u32::MAX] {
        for padding in [b' ', 0] {
            for length in [36, 37, 116, 120, 130] {
                let odd = |name: &[u8]| {
                    let mut message = vec![0; length];
                    message[..4].copy_from_slice(&header_length.to_be_bytes());
                    message[4..36].fill(padding);
                    message[4..4 + name.len()].copy_from_slice(name);
                    message
                };
                let mut universe = Universe::ready(sink(), Weather::calm(5), 1);
                universe.inject(odd(b"pause_publication"));
                assert!(universe.session.stats().paused, "{header_length} {padding} {length}");
                universe.inject(odd(b"start_publication"));
                assert!(!universe.session.stats().paused, "{header_length} {padding} {length}");
            }
        }
    }
}

#[test]
fn they_may_come_before_anything_else_and_repeatedly() {
    let mut universe = Universe::new(Script::default(), Weather::calm(5), 1);
    for message in [pause(), start(), start(), pause(), pause()] {
        universe.inject(message);
    }
    universe.run_until_ready();
    let id = universe.open();
    universe.send(id, b"hello");
    universe.run_until("echoed", |universe| universe.received(id) == b"hello");
}

#[test]
fn pauses_at_any_moment_lose_nothing() {
    for seed in 0..10 {
        let mut universe = Universe::ready(Script::default(), Weather::calm(seed), seed);
        let id = universe.open();
        let data = pattern(seed, 200_000);
        universe.send(id, &data);
        for round in 0..20 {
            universe.run_for(ms(1 + (seed * 7 + round * 3) % 23));
            universe.inject(if round % 3 == 2 { start() } else { pause() });
        }
        universe.run_until("echoed", |universe| universe.received(id).len() == data.len());
        assert!(universe.received(id) == data);
    }
}

#[test]
fn a_new_websocket_ends_the_agents_pause_though_nothing_is_under_way() {
    let mut universe = Universe::ready(sink(), Weather::calm(5), 1);
    universe.run_for(ms(500));
    let nops = universe.agent.nops;
    universe.cut();
    universe.up.weather.drop = 1.0;
    universe.connect();
    universe.run_for(ms(50));
    assert_eq!(universe.agent.nops, nops, "lost");
    universe.up.weather.drop = 0.0;
    universe.run_for(ms(1000));
    assert_eq!(universe.agent.nops, nops + 1);
    universe.run_for(ms(5000));
    assert_eq!(universe.agent.nops, nops + 1);
    assert!(universe.session.is_drained());
}

#[test]
fn what_is_under_way_ends_the_agents_pause_as_well() {
    let mut universe = Universe::ready(sink(), Weather::calm(5), 1);
    let id = universe.open();
    universe.run_for(ms(500));
    universe.up.weather.drop = 1.0;
    universe.send(id, b"hello");
    universe.run_for(ms(20));
    universe.cut();
    universe.up.weather.drop = 0.0;
    let nops = universe.agent.nops;
    universe.connect();
    universe.run_for(ms(1000));
    assert_eq!(universe.agent.got[&id.0], b"hello");
    assert_eq!(universe.agent.nops, nops);
}

#[test]
fn a_single_connection_repeats_its_last_acknowledgement_on_a_new_websocket() {
    let script = Script::single([Behaviour::Echo]);
    let mut universe = Universe::ready(script, Weather::calm(5), 1);
    let id = universe.open();
    universe.send(id, b"hello");
    universe.run_until("echoed", |universe| universe.received(id) == b"hello");
    universe.run_for(ms(10_000));
    universe.cut();
    universe.connect();
    universe.run_for(ms(500));
    let last = *universe.agent.acks.last().expect("an acknowledgement");
    universe.agent.acks.clear();
    universe.run_for(ms(10_000));
    assert_eq!(universe.agent.acks, [last; 3]);
}
