//! Finished streams: which silence counts as the peer's, and what an end is worth that we brought
//! about.

use adit_engine::{Cause, Event, OpenError, Read, SessionConfig, StreamId};
use adit_wire::PayloadType;

use crate::harness::{Behaviour, Script, Universe, Weather, ms, pattern};

fn finished(behaviours: impl Into<Vec<Behaviour>>) -> (Universe, StreamId) {
    let mut universe = Universe::ready(Script::serving(behaviours), Weather::calm(5), 1);
    let id = universe.open();
    universe.send(id, b"request");
    universe.finish(id);
    universe.run_for(ms(20));
    (universe, id)
}

fn pause() -> Vec<u8> {
    let mut pause = vec![0; 120];
    pause[4..21].copy_from_slice(b"pause_publication");
    pause
}

#[test]
fn silence_without_a_websocket_is_not_the_peers() {
    let (mut universe, id) = finished([Behaviour::Sink]);
    universe.run_for(ms(20_000));
    universe.cut();
    universe.run_for(ms(60_000));
    universe.connect();
    universe.run_for(ms(29_900));
    assert_eq!(universe.agent.finned, [0; 0], "its patience starts anew");
    universe.run_for(ms(200));
    assert_eq!(universe.agent.finned, [id.0]);
}

#[test]
fn a_websocket_that_takes_over_starts_the_patience_anew() {
    let (mut universe, id) = finished([Behaviour::Sink]);
    universe.run_for(ms(29_000));
    universe.connect();
    universe.run_for(ms(29_900));
    assert_eq!(universe.agent.finned, [0; 0]);
    universe.run_for(ms(200));
    assert_eq!(universe.agent.finned, [id.0]);
}

#[test]
fn silence_in_a_pause_is_not_the_peers() {
    let (mut universe, id) = finished([Behaviour::Sink]);
    universe.run_for(ms(20_000));
    universe.up.weather.drop = 1.0;
    universe.inject(pause());
    universe.run_for(ms(60_000));
    assert!(universe.session.stats().paused);
    universe.up.weather.drop = 0.0;
    universe.run_for(ms(29_000));
    assert!(!universe.session.stats().paused);
    assert_eq!(universe.agent.finned, [0; 0]);
    universe.run_for(ms(2100));
    assert_eq!(universe.agent.finned, [id.0]);
}

#[test]
fn silence_while_the_socket_is_not_read_is_not_the_peers() {
    let config = SessionConfig { inbound_budget: 100_000, ..SessionConfig::default() };
    let long = pattern(1, 300_000);
    let script = Script::serving([Behaviour::Sink, Behaviour::Greet(long.clone())]);
    let mut universe = Universe::with_config(config, script, Weather::calm(5), 1);
    universe.run_until_ready();
    let id = universe.open();
    universe.send(id, b"request");
    universe.finish(id);
    let slow = universe.open();
    universe.local(slow).reading = false;
    universe.run_for(ms(2000));
    assert!(!universe.session.wants_input());
    // The answer waits behind what nobody reads.
    universe.agent.push(universe.now, id.0, b"answer");
    universe.agent.fin(universe.now, id.0);
    universe.run_for(ms(60_000));
    universe.local(slow).reading = true;
    universe.drain();
    universe.run_until("answered", |universe| universe.ended(id).is_some());
    assert_eq!(universe.received(id), b"answer");
    assert_eq!(universe.ended(id), Some(Read::End));
}

#[test]
fn silence_before_the_peer_has_it_all_is_not_the_peers() {
    let mut universe = Universe::ready(Script::serving([Behaviour::Sink]), Weather::calm(5), 1);
    universe.up.weather.rate = Some(50_000);
    let id = universe.open();
    let data = pattern(1, 300_000);
    universe.send(id, &data);
    universe.run_until("written", |universe| universe.is_sent(id));
    universe.finish(id);
    let delivered = |universe: &Universe| {
        universe.agent.got.get(&id.0).is_some_and(|got| got.len() == data.len())
    };
    universe.run_until("delivered", delivered);
    universe.run_for(ms(29_900));
    assert_eq!(universe.agent.finned, [0; 0]);
    universe.run_for(ms(300));
    assert_eq!(universe.agent.finned, [id.0]);
}

#[test]
fn what_waits_for_a_message_that_is_missing_breaks_the_silence() {
    let (mut universe, id) = finished([Behaviour::Sink]);
    universe.run_for(ms(25_000));
    // The first half of the answer is lost, and the agent's link is bad for some time.
    universe.down.weather.drop = 1.0;
    universe.agent.push(universe.now, id.0, &pattern(1, 1000));
    universe.run_for(ms(2));
    universe.down.weather.drop = 0.0;
    universe.agent.push(universe.now, id.0, &pattern(2, 1000));
    universe.run_for(ms(6));
    universe.down.weather.drop = 1.0;
    universe.run_for(ms(20_000));
    assert_eq!(universe.agent.finned, [0; 0]);
    universe.down.weather.drop = 0.0;
    universe.run_for(ms(1000));
    assert_eq!(universe.received(id).len(), 2000);
}

#[test]
fn a_connection_that_waits_does_not_shorten_it_to_our_own_silence() {
    let mut universe = Universe::ready(Script::single([Behaviour::Sink]), Weather::calm(5), 1);
    let id = universe.open();
    universe.send(id, b"request");
    universe.finish(id);
    universe.run_for(ms(500));
    assert_eq!(universe.session.open(universe.now), Err(OpenError::Busy));
    universe.cut();
    universe.run_for(ms(3000));
    universe.connect();
    universe.run_for(ms(950));
    assert_eq!(universe.agent.disconnects, 0);
    universe.run_for(ms(100));
    assert_eq!(universe.agent.disconnects, 1);
}

#[test]
fn an_end_after_the_linger_is_no_whole_answer() {
    for answer in [&b""[..], b"half an ans"] {
        let (mut universe, id) = finished([Behaviour::Greet(answer.to_vec())]);
        universe.local(id).reading = false;
        universe.run_for(ms(31_000));
        assert_eq!(universe.agent.finned, [id.0]);
        universe.local(id).reading = true;
        universe.drain();
        assert_eq!(universe.received(id), answer, "delivered before");
        assert_eq!(universe.ended(id), Some(Read::Reset(Cause::Lingered)));
        assert!(universe.has_event(&Event::StreamClosed { id, cause: Cause::Lingered }));
    }
}

#[test]
fn what_the_agent_had_left_is_delivered_after_the_linger() {
    let (mut universe, id) = finished([Behaviour::Sink]);
    // The agent has it when the end comes, and sends it before its own.
    universe.run_for(ms(29_988));
    universe.agent.push(universe.now, id.0, b"left");
    universe.run_for(ms(100));
    assert_eq!(universe.agent.finned, [id.0]);
    assert_eq!(universe.received(id), b"left");
    assert_eq!(universe.ended(id), Some(Read::Reset(Cause::Lingered)));
}

#[test]
fn a_single_connection_that_lingered_ends_with_a_reset_behind_its_data() {
    let mut universe = Universe::ready(Script::single([Behaviour::Sink]), Weather::calm(5), 1);
    let id = universe.open();
    universe.send(id, b"request");
    universe.finish(id);
    universe.local(id).reading = false;
    universe.run_for(ms(1000));
    universe.say(PayloadType::Output, b"reply");
    universe.run_for(ms(31_000));
    assert_eq!(universe.agent.disconnects, 1);
    universe.local(id).reading = true;
    universe.drain();
    assert_eq!(universe.received(id), b"reply");
    assert_eq!(universe.ended(id), Some(Read::Reset(Cause::Lingered)));
}
