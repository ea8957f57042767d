//! When user data moved last: what tells an idle tunnel from a used one.

use std::time::Instant;

use adit_engine::Session;
use adit_wire::PayloadType;
use adit_wire::smux::Frame;

use crate::harness::{Behaviour, Script, Universe, Weather, ms, pattern};

fn last(session: &Session) -> Option<Instant> {
    session.stats().last_payload
}

#[test]
fn what_the_protocol_says_to_itself_is_no_use() {
    for script in [Script::default(), Script::single([Behaviour::Echo])] {
        let mut universe = Universe::ready(script, Weather::calm(5), 1);
        let id = universe.open();
        universe.run_for(ms(100));
        assert_eq!(last(&universe.session), None, "handshake, first message, and opening");
        universe.send(id, b"question");
        universe.run_until("echoed", |universe| universe.received(id) == b"question");
        let used = universe.now;
        assert_eq!(last(&universe.session), Some(used));
        universe.run_for(ms(20_000));
        universe.cut();
        universe.connect();
        universe.finish(id);
        universe.run_for(ms(60_000));
        universe.reset(id);
        universe.run_for(ms(60_000));
        assert_eq!(last(&universe.session), Some(used), "acks, ends, and another websocket");
    }
    let mut universe = Universe::ready(Script::default(), Weather::calm(5), 1);
    let id = universe.open();
    universe.say(PayloadType::Output, &Frame::Nop.encode());
    universe.say(PayloadType::Output, &Frame::Psh { stream: id.0, len: 0 }.encode());
    universe.run_for(ms(100));
    assert_eq!(last(&universe.session), None, "frames without a byte");
}

#[test]
fn each_direction_counts() {
    let greeting = b"220 ready\r\n";
    for script in [Script::serving as fn([Behaviour; 1]) -> Script, Script::single] {
        let script = script([Behaviour::Greet(greeting.to_vec())]);
        let mut universe = Universe::ready(script, Weather::calm(5), 1);
        universe.run_for(ms(1000));
        let id = universe.open();
        universe.run_until("greeted", |universe| universe.received(id) == greeting);
        assert_eq!(last(&universe.session), Some(universe.now), "bytes that came");
        universe.run_for(ms(1000));
        universe.send(id, b"bye");
        assert_eq!(last(&universe.session), Some(universe.now), "bytes that went");
    }
}

#[test]
fn a_message_that_is_sent_again_is_no_use() {
    let script = Script::serving([Behaviour::Sink]);
    let mut universe = Universe::ready(script, Weather::calm(5), 1);
    let id = universe.open();
    universe.send(id, b"lost");
    let used = universe.now;
    universe.cut();
    universe.run_for(ms(5000));
    universe.connect();
    universe.run_until("there", |universe| universe.agent.got.contains_key(&id.0));
    assert!(universe.session.stats().resends > 0);
    assert_eq!(last(&universe.session), Some(used));
}

#[test]
fn a_frame_in_pieces_and_a_slow_reader_are_use_to_their_last_byte() {
    // The frame takes a third of a second on this path.
    let script = Script { largest_payload: 1024, ..Script::serving([Behaviour::Sink]) };
    let mut universe = Universe::ready(script, Weather::calm(5), 1);
    universe.up.weather.rate = Some(100_000);
    let id = universe.open();
    universe.send(id, &pattern(1, 300_000));
    let is_begun =
        |universe: &Universe| universe.is_sent(id) && universe.session.stats().waiting == 0;
    universe.run_until("in the last frame", is_begun);
    let begun = universe.now;
    universe.run_until("drained", |universe| universe.session.is_drained());
    assert!(last(&universe.session) > Some(begun));

    let script = Script::serving([Behaviour::Greet(b"hello".to_vec())]);
    let mut universe = Universe::ready(script, Weather::calm(5), 1);
    let id = universe.open();
    universe.local(id).reading = false;
    universe.run_for(ms(60_000));
    universe.local(id).reading = true;
    universe.drain();
    assert_eq!(universe.received(id), b"hello");
    assert_eq!(last(&universe.session), Some(universe.now));
}
