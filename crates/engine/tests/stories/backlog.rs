//! Streams that come and go while nothing can be sent.

use adit_engine::{Cause, Event, OpenError};

use crate::harness::{Behaviour, Script, Universe, Weather, ms};

/// The streams that may wait to be told to the agent.
const UNTOLD: usize = 1024;

#[test]
fn a_stream_that_the_agent_never_heard_of_leaves_nothing_behind() {
    let mut universe = Universe::ready(Script::default(), Weather::calm(5), 1);
    universe.run_for(ms(100));
    universe.cut();
    for _ in 0..10_000 {
        let id = universe.open();
        universe.send(id, b"request");
        universe.reset(id);
        assert!(universe.has_event(&Event::StreamClosed { id, cause: Cause::Reset }));
        universe.events.clear();
    }
    assert!(universe.session.is_drained());
    universe.connect();
    universe.run_for(ms(100));
    assert_eq!(universe.agent.opened, [0; 0]);
    assert_eq!(universe.agent.finned, [0; 0]);
    let id = universe.open();
    universe.send(id, b"request");
    universe.run_until("echoed", |universe| universe.received(id) == b"request");
}

#[test]
fn a_stream_whose_opening_is_under_way_is_ended() {
    let mut universe = Universe::ready(Script::default(), Weather::calm(5), 1);
    let id = universe.open();
    universe.cut();
    universe.reset(id);
    universe.connect();
    universe.run_for(ms(100));
    assert_eq!((&*universe.agent.opened, &*universe.agent.finned), (&[id.0][..], &[id.0][..]));
}

#[test]
fn so_many_streams_may_wait_to_be_opened_and_who_comes_later_is_told() {
    let mut universe = Universe::ready(Script::default(), Weather::calm(5), 1);
    universe.run_for(ms(100));
    universe.cut();
    let ids: Vec<_> = (0..UNTOLD).map(|_| universe.open()).collect();
    assert_eq!(universe.session.open(universe.now), Err(OpenError::Busy));
    universe.drain();
    assert!(!universe.has_event(&Event::Free));
    universe.reset(ids[7]);
    assert!(universe.has_event(&Event::Free));
    universe.open();
    assert_eq!(universe.session.open(universe.now), Err(OpenError::Busy));
    universe.events.clear();
    universe.connect();
    assert!(universe.has_event(&Event::Free));
    universe.open();
    universe.run_for(ms(1000));
    assert_eq!(universe.agent.opened.len(), UNTOLD + 1);
}

#[test]
fn streams_that_come_and_go_do_not_pile_up_messages() {
    let mut universe = Universe::ready(Script::serving([Behaviour::Sink]), Weather::calm(5), 1);
    universe.run_for(ms(100));
    universe.agent.stalled = true;
    for _ in 0..20_000 {
        if let Ok(id) = universe.session.open(universe.now) {
            universe.drain();
            universe.reset(id);
        }
    }
    let sequences = universe.agent.seen.len() + universe.session.stats().messages_out as usize;
    assert!(sequences <= 8192 + 10, "{sequences}");
    universe.agent.stalled = false;
    universe.run_for(ms(5000));
    assert!(universe.session.is_drained());
    assert_eq!(universe.agent.opened.len(), universe.agent.finned.len());
}
