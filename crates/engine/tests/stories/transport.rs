use adit_engine::Loss;
use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};

use crate::harness::{Behaviour, Script, Universe, Weather, ms, pattern};

#[test]
fn streams_survive_lost_websockets_at_random_moments() {
    for seed in 0..30 {
        let mut rng = StdRng::seed_from_u64(seed);
        let latency = rng.random_range(0..40);
        let mut universe = Universe::ready(Script::default(), Weather::calm(latency), seed);
        let ids: Vec<_> = (0..4).map(|_| universe.open()).collect();
        let data: Vec<_> = (0..4).map(|n| pattern(seed * 4 + n, 60_000)).collect();
        for (id, data) in ids.iter().zip(&data) {
            universe.send(*id, data);
        }
        for _ in 0..5 {
            universe.run_for(ms(rng.random_range(0..80)));
            universe.cut();
            universe.run_for(ms(rng.random_range(0..5000)));
            universe.connect();
        }
        universe.run_until("echoed", |universe| {
            ids.iter().all(|id| universe.received(*id).len() == 60_000)
        });
        for (id, data) in ids.iter().zip(&data) {
            assert!(universe.received(*id) == data, "seed {seed}, stream {id}");
            assert!(universe.agent.got[&id.0] == *data, "seed {seed}, stream {id}");
        }
        universe.run_for(ms(5000));
        assert!(universe.session.is_drained());
        assert_eq!(universe.agent.unacknowledged(), 0);
    }
}

#[test]
fn all_that_is_unacknowledged_is_sent_again_at_once_and_in_order() {
    let mut universe = Universe::ready(Script::serving([Behaviour::Sink]), Weather::calm(20), 1);
    let id = universe.open();
    let data = pattern(1, 30_000);
    universe.send(id, &data);
    universe.run_for(ms(5));
    universe.cut();
    assert_eq!(universe.session.poll_transmit(universe.now), None);
    universe.run_for(ms(30_000));
    let before = universe.transmitted.len();
    universe.connect();
    let reconnected = universe.now;
    let sequences: Vec<_> = universe.transmitted[before..]
        .iter()
        .map(|(at, message)| {
            assert_eq!(*at, reconnected);
            adit_wire::Message::decode(message.clone()).unwrap().header
        })
        .filter(|header| header.message_type == adit_wire::MessageType::InputStreamData)
        .map(|header| header.sequence)
        .collect();
    let expected: Vec<i64> = (2..2 + sequences.len() as i64).collect();
    assert_eq!(sequences, expected);
    assert!(sequences.len() >= 30);
    universe.run_until("there", |universe| universe.agent.got.get(&id.0) == Some(&data));
    assert_eq!(universe.now - reconnected, ms(20));
    assert_eq!(universe.session.stats().last_loss, Some(Loss::Failed));
    assert_eq!(universe.session.stats().transports_lost, 1);
}

#[test]
fn acknowledgements_that_died_are_sent_again() {
    let greeting = pattern(1, 200_000);
    let script = Script::serving([Behaviour::Greet(greeting.clone())]);
    let mut universe = Universe::ready(script, Weather::calm(20), 1);
    let id = universe.open();
    universe.run_for(ms(200));
    // Acknowledgements of the last 20 ms are under way and die.
    universe.cut();
    let pinned = universe.agent.unacknowledged();
    assert!(pinned >= 18, "{pinned}");
    universe.connect();
    let reconnected = universe.now;
    universe.run_until("recovered", |universe| universe.received(id).len() == greeting.len());
    assert!(universe.received(id) == greeting);
    // What died on its way down is repaired by the agent, one per 100 ms; what only lost its
    // acknowledgement must not wait for that too.
    let lost = 20;
    let took = universe.now - reconnected;
    assert!(took <= ms(lost * 100 + 1000), "{took:?}");
}

#[test]
fn a_late_notice_of_a_second_websocket_does_no_harm() {
    let mut universe = Universe::ready(Script::default(), Weather::calm(5), 1);
    let id = universe.open();
    let data = pattern(1, 5000);
    universe.send(id, &data);
    universe.connect();
    universe.connect();
    universe.run_until("echoed", |universe| universe.received(id) == data);
    universe.cut();
    universe.session.transport_down(universe.now, Loss::Silent);
    assert_eq!(universe.session.stats().transports_lost, 1, "one loss is one loss");
}

#[test]
fn while_there_is_no_websocket_no_timer_runs() {
    let mut universe = Universe::ready(Script::serving([Behaviour::Sink]), Weather::calm(5), 1);
    let id = universe.open();
    universe.send(id, b"data");
    universe.cut();
    universe.send(id, b"more");
    assert_eq!(universe.session.poll_timeout(), None);
    universe.run_for(ms(600_000));
    assert_eq!(universe.session.stats().timeouts, 0);
    universe.connect();
    universe.run_for(ms(10));
    assert_eq!(universe.agent.got[&id.0], b"datamore");
}
