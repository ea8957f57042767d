use adit_engine::{Cause, CloseReason, Event, Mode, OpenError, Read};

use crate::harness::{Behaviour, Script, Universe, Weather, ms, pattern};

fn is_closed(universe: &Universe, reason: CloseReason) -> bool {
    universe.has_event(&Event::Closed(reason))
}

#[test]
fn raw_bytes_both_ways() {
    for seed in 0..5 {
        let weather = Weather::stormy(5, 0.03);
        let mut universe = Universe::ready(Script::single([Behaviour::Echo]), weather, seed);
        assert_eq!(universe.session.mode(), Some(Mode::Single));
        let id = universe.open();
        let data = pattern(seed, 50_000);
        universe.send(id, &data);
        universe.run_until("echoed", |universe| universe.received(id).len() == data.len());
        assert!(universe.received(id) == data);
        assert!(universe.agent.got[&0] == data);
    }
}

#[test]
fn one_connection_at_a_time() {
    let mut universe = Universe::ready(Script::single([Behaviour::Echo]), Weather::calm(5), 1);
    let id = universe.open();
    assert_eq!(universe.session.open(universe.now), Err(OpenError::Busy));
    universe.send(id, b"first");
    universe.run_until("echoed", |universe| universe.received(id) == b"first");
    universe.reset(id);
    assert_eq!(universe.session.open(universe.now), Err(OpenError::Busy), "not acknowledged");
    universe.run_for(ms(11));
    assert_eq!(universe.agent.disconnects, 1);
    assert_eq!(universe.session.open(universe.now), Err(OpenError::Busy), "not yet quiet");
    universe.run_for(ms(150));
    let next = universe.open();
    assert_ne!(next, id);
    universe.send(next, b"second");
    universe.run_until("echoed", |universe| universe.received(next) == b"second");
    assert_eq!(universe.agent.got[&1], b"second", "a connection of its own");
}

#[test]
fn what_the_old_connection_said_late_is_not_taken_for_the_new_ones() {
    let mut universe = Universe::ready(Script::single([Behaviour::Echo]), Weather::calm(20), 1);
    let id = universe.open();
    universe.send(id, b"first");
    universe.run_until("echoed", |universe| universe.received(id) == b"first");
    universe.reset(id);
    universe.run_for(ms(41));
    // The agent's pump had read this before the disconnect.
    universe.say(adit_wire::PayloadType::Output, b"late");
    universe.run_for(ms(90));
    assert_eq!(universe.session.open(universe.now), Err(OpenError::Busy), "it was not quiet");
    universe.run_for(ms(200));
    let next = universe.open();
    universe.send(next, b"second");
    universe.run_until("echoed", |universe| universe.received(next).len() >= 6);
    assert_eq!(universe.received(next), b"second");
}

#[test]
fn after_a_lost_websocket_it_waits_for_the_agents_resends() {
    let mut universe = Universe::ready(Script::single([Behaviour::Echo]), Weather::calm(5), 1);
    let id = universe.open();
    universe.send(id, b"first");
    universe.run_until("echoed", |universe| universe.received(id) == b"first");
    // This dies with the websocket, and the agent resends it later.
    universe.say(adit_wire::PayloadType::Output, b"late");
    universe.drain();
    universe.reset(id);
    universe.cut();
    universe.connect();
    universe.run_until("free", |universe| universe.session.stats().streams == 0);
    let mut waited = 0;
    let next = loop {
        match universe.session.open(universe.now) {
            Ok(next) => break next,
            Err(error) => assert_eq!(error, OpenError::Busy),
        }
        universe.run_for(ms(10));
        waited += 10;
        assert!(waited < 5000);
    };
    let mut out = Vec::new();
    universe.run_for(ms(2000));
    assert_eq!(universe.session.read(universe.now, next, 100, &mut out), Read::Blocked);
}

#[test]
fn a_server_that_speaks_first_is_heard() {
    let script = Script::single([Behaviour::Greet(b"220 ready\r\n".to_vec())]);
    let mut universe = Universe::ready(script, Weather::calm(5), 1);
    universe.run_for(ms(1000));
    let id = universe.open();
    assert_eq!(universe.received(id), b"220 ready\r\n");
    assert_eq!(universe.agent.unacknowledged(), 0);
}

#[test]
fn a_half_close_lingers_and_then_disconnects() {
    let mut universe = Universe::ready(Script::single([Behaviour::Sink]), Weather::calm(5), 1);
    let id = universe.open();
    universe.send(id, b"request");
    universe.finish(id);
    universe.run_for(ms(25_000));
    universe.say(adit_wire::PayloadType::Output, b"reply");
    universe.run_for(ms(29_000));
    assert_eq!(universe.agent.disconnects, 0);
    assert_eq!(universe.received(id), b"reply");
    universe.run_for(ms(1100));
    assert_eq!(universe.agent.disconnects, 1);
    assert_eq!(universe.ended(id), Some(Read::Reset(Cause::Lingered)));
    assert!(universe.has_event(&Event::StreamClosed { id, cause: Cause::Lingered }));
    universe.run_for(ms(1000));
    universe.open();
}

#[test]
fn a_half_closed_connection_makes_way_for_one_that_waits() {
    let mut universe = Universe::ready(Script::single([Behaviour::Sink]), Weather::calm(5), 1);
    let id = universe.open();
    universe.send(id, b"request");
    universe.finish(id);
    universe.run_for(ms(5000));
    universe.say(adit_wire::PayloadType::Output, b"reply");
    universe.run_for(ms(500));
    assert_eq!(universe.session.open(universe.now), Err(OpenError::Busy));
    universe.run_for(ms(400));
    assert_eq!(universe.agent.disconnects, 0, "it may be about to say more");
    assert_eq!(universe.received(id), b"reply");
    universe.run_for(ms(200));
    assert_eq!(universe.agent.disconnects, 1);
    assert_eq!(universe.ended(id), Some(Read::Reset(Cause::Lingered)));
    assert!(!universe.has_event(&Event::Free));
    universe.run_until("free", |universe| universe.has_event(&Event::Free));
    universe.open();
}

#[test]
fn whoever_found_the_line_busy_is_told_once_when_it_is_free() {
    let mut universe = Universe::ready(Script::single([Behaviour::Echo]), Weather::calm(5), 1);
    let free = |universe: &Universe| {
        universe.events.iter().filter(|(_, event)| *event == Event::Free).count()
    };
    for waits in [false, true] {
        let id = universe.open();
        if waits {
            assert_eq!(universe.session.open(universe.now), Err(OpenError::Busy));
        }
        universe.reset(id);
        universe.run_for(ms(1000));
        assert_eq!(free(&universe), usize::from(waits));
    }
    universe.open();
}

#[test]
fn a_first_message_that_nobody_answers_means_unreachable() {
    let mut universe = Universe::ready(Script::single([Behaviour::Sink]), Weather::calm(5), 1);
    let id = universe.open();
    // The agent's worker has died.
    universe.agent.stalled = true;
    universe.send(id, b"request");
    universe.run_for(ms(4900));
    assert!(!is_closed(&universe, CloseReason::DestinationRefused));
    universe.run_for(ms(200));
    assert!(is_closed(&universe, CloseReason::DestinationRefused));
    assert_eq!(universe.ended(id), Some(Read::Reset(Cause::SessionClosed)));
}

#[test]
fn so_does_a_pause_before_it_could_be_sent() {
    let mut universe = Universe::ready(Script::single([Behaviour::Sink]), Weather::calm(5), 1);
    let id = universe.open();
    let mut pause = vec![0; 120];
    pause[4..21].copy_from_slice(b"pause_publication");
    universe.inject(pause);
    universe.send(id, b"request");
    universe.run_for(ms(5100));
    assert!(is_closed(&universe, CloseReason::DestinationRefused));
}

#[test]
fn silence_without_a_websocket_means_nothing() {
    let mut universe = Universe::ready(Script::single([Behaviour::Sink]), Weather::calm(5), 1);
    let id = universe.open();
    universe.send(id, b"request");
    universe.cut();
    universe.run_for(ms(60_000));
    universe.connect();
    universe.run_for(ms(10_000));
    assert_eq!(universe.agent.got[&0], b"request");
    assert!(!is_closed(&universe, CloseReason::DestinationRefused));
}

#[test]
fn later_silence_is_no_refusal() {
    let mut universe = Universe::ready(Script::single([Behaviour::Sink]), Weather::calm(5), 1);
    let id = universe.open();
    universe.send(id, b"request");
    universe.run_for(ms(100));
    universe.agent.stalled = true;
    universe.send(id, b"more");
    universe.run_for(ms(30_000));
    assert!(!is_closed(&universe, CloseReason::DestinationRefused));
}

#[test]
fn a_refusal_resets_the_connection_and_not_the_session() {
    let mut universe = Universe::ready(Script::single([Behaviour::Echo]), Weather::calm(5), 1);
    let id = universe.open();
    universe.say(adit_wire::PayloadType::Flag, &[0, 0, 0, 3]);
    universe.run_for(ms(100));
    assert_eq!(universe.ended(id), Some(Read::Reset(Cause::Refused)));
    assert!(universe.has_event(&Event::ConnectRefused { stream: Some(id) }));
    universe.run_for(ms(1000));
    universe.open();
}
