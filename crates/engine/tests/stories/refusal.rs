use adit_engine::{Cause, Event, Read};

use crate::harness::{Behaviour, Script, Universe, Weather, ms};

#[test]
fn a_refused_connection_is_told_from_an_end() {
    let script = Script::serving([Behaviour::Echo, Behaviour::Refuse, Behaviour::Echo]);
    let mut universe = Universe::ready(script, Weather::calm(5), 1);
    let ids: Vec<_> = (0..3).map(|_| universe.open()).collect();
    universe.run_for(ms(100));
    assert_eq!(universe.ended(ids[1]), Some(Read::Reset(Cause::Refused)));
    assert!(universe.has_event(&Event::ConnectRefused { stream: Some(ids[1]) }));
    assert!(universe.has_event(&Event::StreamClosed { id: ids[1], cause: Cause::Refused }));
    assert_eq!(universe.session.stats().refused, 1);
    for id in [ids[0], ids[2]] {
        universe.send(id, b"still here");
        universe.run_until("echoed", |universe| universe.received(id) == b"still here");
    }
}

#[test]
fn every_one_of_many_refusals_finds_its_stream() {
    let mut universe = Universe::ready(Script::serving([Behaviour::Refuse]), Weather::calm(5), 1);
    let ids: Vec<_> = (0..20).map(|_| universe.open()).collect();
    universe.run_for(ms(200));
    for id in ids {
        assert_eq!(universe.ended(id), Some(Read::Reset(Cause::Refused)));
        assert!(universe.has_event(&Event::ConnectRefused { stream: Some(id) }));
    }
    assert_eq!(universe.session.stats().refused, 20);
}

#[test]
fn a_stream_that_was_heard_is_not_taken_for_the_refused_one() {
    let script = Script::serving([Behaviour::Say(b"all".to_vec()), Behaviour::Refuse]);
    let mut universe = Universe::ready(script, Weather::calm(5), 1);
    let said = universe.open();
    let refused = universe.open();
    universe.run_for(ms(100));
    assert_eq!(universe.received(said), b"all");
    assert_eq!(universe.ended(said), Some(Read::End));
    assert_eq!(universe.ended(refused), Some(Read::Reset(Cause::Refused)));
}

#[test]
fn an_end_without_a_refusal_is_an_end() {
    let mut universe =
        Universe::ready(Script::serving([Behaviour::Say(Vec::new())]), Weather::calm(5), 1);
    let id = universe.open();
    universe.run_for(ms(100));
    assert_eq!(universe.ended(id), Some(Read::End));
}

#[test]
fn a_refusal_that_nothing_follows_is_told_without_a_stream() {
    let mut universe = Universe::ready(Script::default(), Weather::calm(5), 1);
    let id = universe.open();
    universe.run_for(ms(100));
    universe.say(adit_wire::PayloadType::Flag, &[0, 0, 0, 3]);
    universe.run_for(ms(1900));
    assert!(!universe.has_event(&Event::ConnectRefused { stream: None }));
    universe.run_for(ms(200));
    assert!(universe.has_event(&Event::ConnectRefused { stream: None }));
    universe.agent.fin(universe.now, id.0);
    universe.run_for(ms(100));
    assert_eq!(universe.ended(id), Some(Read::End), "much later, so not refused");
}

#[test]
fn a_stream_that_was_reset_takes_its_refusal_with_it() {
    let script = Script::serving([Behaviour::Refuse, Behaviour::Say(Vec::new())]);
    let mut universe = Universe::ready(script, Weather::calm(50), 1);
    let gone = universe.open();
    universe.run_for(ms(20));
    universe.reset(gone);
    let other = universe.open();
    universe.run_for(ms(500));
    assert!(universe.has_event(&Event::ConnectRefused { stream: Some(gone) }));
    assert_eq!(universe.ended(other), Some(Read::End));
}
