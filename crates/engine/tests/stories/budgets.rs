use std::time::Duration;

use adit_engine::{Event, Read, SessionConfig};
use adit_wire::PayloadType;
use adit_wire::smux::Frame;
use bytes::BufMut;

use crate::harness::{Behaviour, Script, Universe, Weather, ms, pattern};

fn quick(behaviours: impl Into<Vec<Behaviour>>) -> Script {
    Script { pace: Duration::ZERO, ..Script::serving(behaviours) }
}

#[test]
fn a_slow_reader_holds_up_nobody_until_the_budget_is_used() {
    let long = pattern(1, 3 << 20);
    let mut behaviours = vec![Behaviour::Greet(long.clone())];
    behaviours.resize(11, Behaviour::Echo);
    let mut universe = Universe::ready(quick(behaviours), Weather::calm(1), 1);
    let slow = universe.open();
    universe.local(slow).reading = false;
    universe.run_for(ms(500));
    assert!(universe.session.stats().unread > long.len());
    assert!(universe.session.wants_input());
    let others: Vec<_> = (0..10).map(|_| universe.open()).collect();
    for (n, id) in others.iter().enumerate() {
        universe.send(*id, &pattern(n as u64, 10_000));
    }
    universe.run_until("echoed", |universe| {
        others.iter().all(|id| universe.received(*id).len() == 10_000)
    });
    universe.local(slow).reading = true;
    universe.drain();
    universe.run_until("read", |universe| universe.received(slow).len() == long.len());
    assert!(universe.received(slow) == long);
    assert_eq!(universe.session.stats().unread, 0);
}

#[test]
fn at_the_budget_no_input_is_wanted_and_no_byte_is_lost() {
    let config = SessionConfig { inbound_budget: 100_000, ..SessionConfig::default() };
    let long = pattern(1, 1 << 20);
    let script = quick([Behaviour::Greet(long.clone())]);
    let mut universe = Universe::with_config(config, script, Weather::calm(1), 1);
    universe.run_until_ready();
    let id = universe.open();
    universe.local(id).reading = false;
    universe.run_for(ms(3000));
    assert!(!universe.session.wants_input());
    assert!(universe.session.stats().unread < 110_000);
    universe.local(id).reading = true;
    universe.drain();
    assert!(universe.session.wants_input());
    universe.run_until("read", |universe| universe.received(id).len() == long.len());
    assert!(universe.received(id) == long);
}

#[test]
fn a_driver_that_reads_on_regardless_is_not_acknowledged_and_loses_nothing() {
    let config = SessionConfig { inbound_budget: 50_000, ..SessionConfig::default() };
    let long = pattern(1, 300_000);
    let script = quick([Behaviour::Greet(long.clone())]);
    let mut universe = Universe::with_config(config, script, Weather::calm(1), 1);
    universe.run_until_ready();
    let id = universe.open();
    universe.local(id).reading = false;
    universe.run_for(ms(10));
    while let Some(message) = universe.down.arrive(universe.now + ms(100)) {
        universe.session.receive(universe.now, message);
    }
    universe.drain();
    let stats = universe.session.stats();
    assert!(stats.unread < 110_000, "{}", stats.unread);
    assert!(stats.dropped_for_room > 0);
    universe.local(id).reading = true;
    universe.drain();
    universe.run_until("read", |universe| universe.received(id).len() == long.len());
    assert!(universe.received(id) == long);
}

#[test]
fn a_stream_may_have_so_much_waiting_and_is_told_when_there_is_room() {
    let config = SessionConfig { stream_buffer: 200_000, ..SessionConfig::default() };
    let script = quick([Behaviour::Sink]);
    let mut universe = Universe::with_config(config, script, Weather::calm(5), 1);
    universe.run_until_ready();
    let id = universe.open();
    universe.agent.stalled = true;
    universe.run_for(ms(10));
    let mut accepted = 0;
    while let Some(mut chunk) = universe.session.chunk(id) {
        let room = chunk.spare_mut().remaining_mut();
        chunk.spare_mut().put_bytes(7, room);
        universe.session.write(universe.now, id, chunk).expect("taken");
        accepted += room;
    }
    assert!((200_000..240_000).contains(&accepted), "{accepted}");
    assert!(!universe.has_event(&Event::Writable(id)));
    universe.agent.stalled = false;
    universe.drain();
    universe.run_for(ms(100));
    assert!(universe.has_event(&Event::Writable(id)));
    assert_eq!(universe.session.stats().waiting, 0);
}

#[test]
fn a_chunk_never_takes_more_than_its_room() {
    let mut universe = Universe::ready(quick([Behaviour::Sink]), Weather::calm(5), 1);
    let id = universe.open();
    let mut chunk = universe.session.chunk(id).expect("room");
    assert_eq!(chunk.spare_mut().remaining_mut(), (32 << 10) - 8);
    assert!(chunk.is_empty());
    chunk.spare_mut().put_bytes(1, (32 << 10) - 8);
    assert_eq!((chunk.len(), chunk.spare()), ((32 << 10) - 8, 0));
    assert_eq!(chunk.spare_mut().remaining_mut(), 0);
    universe.session.give_back(chunk);
}

#[test]
fn two_hundred_streams_get_equal_shares() {
    let mut universe = Universe::ready(quick([Behaviour::Sink]), Weather::calm(5), 1);
    // A slow path, so that all of them wait for most of the time.
    universe.up.weather.rate = Some(10_000_000);
    let ids: Vec<_> = (0..200).map(|_| universe.open()).collect();
    let data = pattern(1, 300_000);
    for id in &ids {
        universe.local(*id).to_send.extend(&data);
    }
    universe.drain();
    universe.run_for(ms(1500));
    let got: Vec<_> =
        ids.iter().map(|id| universe.agent.got.get(&id.0).map_or(0, Vec::len)).collect();
    let (least, most) = (*got.iter().min().unwrap(), *got.iter().max().unwrap());
    assert!(least > 10_000, "{least}");
    assert!(most - least <= 2 * (32 << 10), "from {least} to {most}");
}

#[test]
fn a_small_stream_is_not_behind_a_large_one() {
    let mut universe =
        Universe::ready(quick([Behaviour::Sink, Behaviour::Echo]), Weather::calm(5), 1);
    universe.up.weather.rate = Some(10_000_000);
    let bulk = universe.open();
    let small = universe.open();
    universe.send(bulk, &pattern(1, 40_000_000));
    universe.run_for(ms(1000));
    for n in 0..20 {
        let before = universe.now;
        universe.send(small, b"x");
        universe.run_until("echoed", |universe| universe.received(small).len() == n + 1);
        let took = universe.now - before;
        // The round trip, the queue that the window aims at, and the window's own clock.
        assert!(took <= ms(10 + 90), "{took:?}");
        universe.run_for(ms(17));
    }
    assert!(!universe.is_sent(bulk), "the upload was there all the time");
}

#[test]
fn out_of_order_messages_beyond_the_budget_are_not_acknowledged() {
    let config = SessionConfig { reorder_budget: 10_000, ..SessionConfig::default() };
    let long = pattern(1, 100_000);
    let script = Script::serving([Behaviour::Greet(long.clone())]);
    let mut universe = Universe::with_config(config, script, Weather::calm(1), 1);
    universe.run_until_ready();
    let id = universe.open();
    // The first of them is lost, so that all others are early.
    universe.down.weather.drop = 1.0;
    universe.run_for(ms(1));
    universe.down.weather.drop = 0.0;
    universe.run_until("read", |universe| universe.received(id).len() == long.len());
    assert!(universe.received(id) == long);
    assert!(universe.session.stats().dropped_for_room > 0);
}

#[test]
fn a_small_piece_does_not_keep_its_message() {
    let mut universe = Universe::ready(quick([Behaviour::Sink]), Weather::calm(1), 1);
    let (id, other) = (universe.open(), universe.open());
    universe.run_for(ms(50));
    let mut payload = Vec::new();
    for (stream, len) in [(id.0, 100), (other.0, 30_000)] {
        payload.extend(Frame::Psh { stream, len }.encode());
        payload.extend(pattern(1, len.into()));
    }
    universe.agent.say(universe.now, PayloadType::Output, &payload);
    let message = universe.agent.transmit().expect("the message");
    let whole = message.as_ptr_range();
    universe.session.receive(universe.now, message.clone());
    let mut pieces = Vec::new();
    let read = universe.session.read(universe.now, id, 1 << 20, &mut pieces);
    assert_eq!(read, Read::Data(100));
    assert!(pieces.iter().all(|piece| !whole.contains(&piece.as_ptr())), "a copy");
    pieces.clear();
    let read = universe.session.read(universe.now, other, 1 << 20, &mut pieces);
    assert_eq!(read, Read::Data(30_000));
    assert!(pieces.iter().all(|piece| whole.contains(&piece.as_ptr())), "no copy of much");
}

#[test]
fn unread_bytes_are_told_from_acknowledgements_that_wait() {
    let config = SessionConfig { inbound_budget: 100_000, ..SessionConfig::default() };
    let script = quick([Behaviour::Greet(pattern(1, 1 << 20))]);
    let mut universe = Universe::with_config(config, script, Weather::calm(1), 1);
    universe.run_until_ready();
    let id = universe.open();
    assert!(!universe.session.is_unread_full());
    universe.local(id).reading = false;
    universe.run_for(ms(3000));
    assert!(universe.session.is_unread_full());
    assert!(!universe.session.wants_input());
    universe.local(id).reading = true;
    universe.drain();
    assert!(!universe.session.is_unread_full());
    // Acknowledgements that cannot be sent.
    universe.run_for(ms(3000));
    universe.agent.say(universe.now, PayloadType::Flag, &[0, 0, 0, 9]);
    let message = universe.agent.transmit().expect("the message");
    for _ in 0..8192 {
        universe.session.receive(universe.now, message.clone());
    }
    assert!(!universe.session.wants_input());
    assert!(!universe.session.is_unread_full());
}
