use adit_engine::{Cause, Event, Read, StreamId, WriteError};

use crate::harness::{Behaviour, Script, Universe, Weather, ms, pattern};

fn closed(universe: &Universe, id: StreamId, cause: Cause) -> bool {
    universe.has_event(&Event::StreamClosed { id, cause })
}

#[test]
fn the_peers_end_comes_after_all_its_data_and_ours_follows() {
    let said = pattern(1, 50_000);
    let script = Script::serving([Behaviour::Say(said.clone())]);
    let mut universe = Universe::ready(script, Weather::calm(5), 1);
    let id = universe.open();
    universe.local(id).reading = false;
    universe.run_for(ms(1000));
    assert_eq!(universe.agent.finned, [0; 0], "not before it is read");
    universe.local(id).reading = true;
    universe.drain();
    assert!(universe.received(id) == said);
    assert_eq!(universe.ended(id), Some(Read::End));
    assert!(closed(&universe, id, Cause::Finished));
    universe.run_for(ms(10));
    assert_eq!(universe.agent.finned, [id.0]);
    let again = universe.session.read(universe.now, id, 1, &mut Vec::new());
    assert_eq!(again, Read::Reset(Cause::Unknown));
}

#[test]
fn a_local_half_close_waits_for_the_peers_end() {
    let mut universe = Universe::ready(Script::serving([Behaviour::Sink]), Weather::calm(5), 1);
    let id = universe.open();
    universe.send(id, b"request");
    universe.finish(id);
    // The reply takes 20 s, and then another 20 s.
    for reply in [&b"first "[..], b"second"] {
        universe.run_for(ms(20_000));
        assert_eq!(universe.agent.finned, [0; 0]);
        universe.agent.push(universe.now, id.0, reply);
    }
    universe.run_for(ms(20_000));
    universe.agent.fin(universe.now, id.0);
    universe.run_for(ms(100));
    assert_eq!(universe.received(id), b"first second");
    assert_eq!(universe.ended(id), Some(Read::End));
    assert_eq!(universe.agent.finned, [id.0]);
    assert!(closed(&universe, id, Cause::Finished));
}

#[test]
fn after_30_silent_seconds_the_half_close_is_passed_on() {
    let mut universe = Universe::ready(Script::serving([Behaviour::Sink]), Weather::calm(5), 1);
    let id = universe.open();
    universe.send(id, b"request");
    universe.finish(id);
    universe.run_for(ms(29_990));
    assert_eq!(universe.agent.finned, [0; 0]);
    universe.run_for(ms(30));
    assert_eq!(universe.agent.finned, [id.0]);
    // The agent closes the whole connection and says so, which is no word of the destination's.
    universe.run_for(ms(30));
    assert_eq!(universe.ended(id), Some(Read::Reset(Cause::Lingered)));
    assert!(closed(&universe, id, Cause::Lingered));
}

#[test]
fn silence_does_not_count_while_our_data_is_not_delivered() {
    let mut universe = Universe::ready(Script::serving([Behaviour::Sink]), Weather::calm(5), 1);
    let id = universe.open();
    universe.run_for(ms(100));
    universe.cut();
    universe.send(id, b"request");
    universe.finish(id);
    universe.run_for(ms(100_000));
    universe.connect();
    universe.run_for(ms(29_900));
    assert_eq!(universe.agent.got[&id.0], b"request");
    assert_eq!(universe.agent.finned, [0; 0]);
    universe.run_for(ms(200));
    assert_eq!(universe.agent.finned, [id.0]);
}

#[test]
fn a_peer_that_never_ends_is_given_up_after_another_30_seconds() {
    let mut universe = Universe::ready(Script::serving([Behaviour::Sink]), Weather::calm(5), 1);
    let id = universe.open();
    universe.finish(id);
    universe.run_for(ms(29_990));
    universe.down.weather.drop = 1.0;
    universe.run_for(ms(29_990));
    assert_eq!(universe.ended(id), None);
    universe.run_for(ms(1000));
    assert_eq!(universe.ended(id), Some(Read::Reset(Cause::Lingered)));
    assert_eq!(universe.session.stats().streams, 0);
}

#[test]
fn a_reset_is_passed_on_at_once_and_what_still_comes_is_dropped() {
    let script = Script::serving([Behaviour::Greet(pattern(1, 50_000)), Behaviour::Echo]);
    let mut universe = Universe::ready(script, Weather::calm(5), 1);
    let id = universe.open();
    let other = universe.open();
    universe.run_for(ms(20));
    universe.reset(id);
    assert!(closed(&universe, id, Cause::Reset));
    universe.run_for(ms(6));
    assert_eq!(universe.agent.finned, [id.0]);
    let write = universe.session.chunk(id);
    assert!(write.is_none());
    universe.send(other, b"ping");
    universe.run_until("echoed", |universe| universe.received(other) == b"ping");
    universe.run_for(ms(1000));
    assert_eq!(universe.session.stats().unread, 0);
    assert_eq!(universe.agent.unacknowledged(), 0, "dropped, but acknowledged");
}

#[test]
fn a_reset_drops_what_waits_and_never_sends_data_behind_its_end() {
    let mut universe = Universe::ready(Script::serving([Behaviour::Sink]), Weather::calm(20), 1);
    let id = universe.open();
    universe.send(id, &pattern(1, 500_000));
    universe.reset(id);
    // The agent of the universe panics at data behind a FIN.
    universe.run_for(ms(2000));
    assert_eq!(universe.agent.finned, [id.0]);
    assert!(universe.agent.got.get(&id.0).is_none_or(|got| got.len() < 100_000));
    assert_eq!(universe.session.stats().waiting, 0);
    assert!(universe.session.is_drained());
}

#[test]
fn writes_after_the_peers_end_are_refused_and_reading_goes_on() {
    let script = Script::serving([Behaviour::Say(b"bye".to_vec())]);
    let mut universe = Universe::ready(script, Weather::calm(5), 1);
    let id = universe.open();
    universe.local(id).reading = false;
    let chunk = universe.session.chunk(id).expect("room");
    universe.run_for(ms(100));
    assert_eq!(universe.session.write(universe.now, id, chunk), Err(WriteError::StreamClosed));
    assert!(universe.session.chunk(id).is_none());
    universe.local(id).reading = true;
    universe.drain();
    assert_eq!(universe.received(id), b"bye");
}

#[test]
fn ids_are_odd_from_three_and_many_streams_live_at_once() {
    let mut universe = Universe::ready(Script::default(), Weather::calm(1), 1);
    let ids: Vec<_> = (0..300).map(|_| universe.open()).collect();
    assert!(ids.iter().enumerate().all(|(n, id)| id.0 == 3 + 2 * n as u32));
    for id in &ids {
        universe.send(*id, &id.0.to_be_bytes());
    }
    universe.run_until("echoed", |universe| {
        ids.iter().all(|id| universe.received(*id) == id.0.to_be_bytes())
    });
    assert_eq!(universe.session.stats().streams, 300);
    assert_eq!(universe.session.stats().streams_opened, 300);
    for id in ids {
        universe.reset(id);
    }
    universe.run_for(ms(100));
    assert_eq!(universe.agent.finned.len(), 300);
    assert_eq!(universe.session.stats().streams, 0);
}

#[test]
fn frames_of_streams_that_do_not_exist_are_ignored() {
    let mut universe = Universe::ready(Script::default(), Weather::calm(1), 1);
    let id = universe.open();
    let now = universe.now;
    universe.agent.push(now, 77, b"nobody");
    universe.agent.fin(now, 79);
    universe.send(id, b"hello");
    universe.run_until("echoed", |universe| universe.received(id) == b"hello");
    assert!(!universe.events.iter().any(|(_, event)| matches!(event, Event::Closed(_))));
}
