//! Signs of life for a service that ends idle sessions.

use std::time::Duration;

use adit_engine::SessionConfig;
use adit_wire::smux::Frame;

use crate::harness::agent::Seen;
use crate::harness::{Behaviour, Script, Universe, Weather, ms};

const EVERY: Duration = Duration::from_mins(5);

fn is_nop(seen: &Seen) -> bool {
    *seen.payload == Frame::Nop.encode()
}

fn universe(keep_alive: Option<Duration>, script: Script) -> Universe {
    let config = SessionConfig { keep_alive, ..SessionConfig::default() };
    let mut universe = Universe::with_config(config, script, Weather::calm(5), 1);
    universe.run_until_ready();
    universe
}

fn echo() -> Script {
    Script::serving([Behaviour::Echo])
}

/// How many there were, besides the first message of the session.
fn signs(universe: &Universe) -> usize {
    universe.agent.seen.iter().filter(|seen| is_nop(seen)).count() - 1
}

#[test]
fn an_open_stream_is_shown_every_so_often() {
    let mut universe = universe(Some(EVERY), echo());
    let id = universe.open();
    universe.send(id, b"one");
    universe.run_for(EVERY * 3 + ms(1000));
    assert_eq!(signs(&universe), 3);
    // It is no payload, so whoever counts that sees an idle session.
    let moved = universe.session.stats().last_payload.expect("one byte at least");
    assert!(universe.now - moved + ms(1000) > EVERY * 3);
}

#[test]
fn nobody_is_there_and_nothing_is_sent() {
    let mut universe = universe(Some(EVERY), echo());
    universe.run_for(EVERY * 3);
    assert_eq!(signs(&universe), 0);
    // Whoever comes later is shown from then on.
    universe.open();
    universe.run_for(EVERY + ms(1000));
    assert_eq!(signs(&universe), 1);
}

#[test]
fn nothing_is_sent_unless_it_is_asked_for() {
    let mut universe = universe(None, echo());
    let id = universe.open();
    universe.send(id, b"one");
    universe.run_for(EVERY * 3);
    assert_eq!(signs(&universe), 0);
}
