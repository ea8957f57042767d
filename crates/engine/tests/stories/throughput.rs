use std::time::Duration;

use crate::harness::{Behaviour, Script, Universe, Weather, ms, pattern};

/// Bytes per second of an upload through a link of so many bytes per second.
fn upload(latency: u64, rate: Option<u64>, len: usize) -> (f64, Universe) {
    let script = Script::serving([Behaviour::Sink]);
    let mut universe = Universe::ready(script, Weather::calm(latency), 1);
    universe.up.weather.rate = rate;
    let id = universe.open();
    universe.send(id, &pattern(1, len));
    let before = universe.now;
    universe.run_until("there", |universe| {
        universe.agent.got.get(&id.0).is_some_and(|got| got.len() == len)
    });
    let took = universe.now - before;
    (len as f64 / took.as_secs_f64(), universe)
}

#[test]
fn a_fast_path_with_20_ms_one_way_is_filled() {
    let (speed, universe) = upload(20, Some(250_000_000), 150 << 20);
    assert!(speed > 140e6, "{speed}");
    let stats = universe.session.stats();
    assert!(stats.window <= 12 << 20, "{}", stats.window);
    assert_eq!(stats.resends, 0);
}

#[test]
fn in_flight_never_exceeds_the_window() {
    let script = Script::serving([Behaviour::Sink]);
    let mut universe = Universe::ready(script, Weather::calm(10), 1);
    let id = universe.open();
    assert_eq!(universe.session.stats().window, 64 << 10, "it starts small");
    universe.send(id, &pattern(1, 20 << 20));
    let mut largest = 0;
    while !universe.is_sent(id) {
        let stats = universe.session.stats();
        assert!(stats.in_flight <= stats.window, "{stats:?}");
        largest = largest.max(stats.window);
        universe.run_for(ms(1));
    }
    assert!(largest > 1 << 20, "it grows: {largest}");
}

#[test]
fn a_stalled_agent_stops_it_within_the_window_and_repeats_little() {
    let script = Script::serving([Behaviour::Sink]);
    let mut universe = Universe::ready(script, Weather::calm(5), 1);
    let id = universe.open();
    universe.send(id, &pattern(1, 30 << 20));
    universe.run_for(ms(200));
    universe.agent.stalled = true;
    universe.run_for(ms(1000));
    let before = universe.transmitted.len();
    let in_flight = universe.session.stats().in_flight;
    assert!(in_flight <= 12 << 20, "{in_flight}");
    universe.run_for(Duration::from_mins(1));
    let repeated: usize =
        universe.transmitted[before..].iter().map(|(_, message)| message.len()).sum();
    assert!(repeated < 1 << 20, "{repeated} bytes for nobody");
    universe.agent.stalled = false;
    universe.run_until("there", |universe| {
        universe.agent.got.get(&id.0).is_some_and(|got| got.len() == 30 << 20)
    });
    let resends = universe.session.stats().resends;
    assert!(resends < 30, "{resends}: what was late was not lost");
}

#[test]
fn a_large_loss_is_repaired_in_two_steps() {
    let script = Script::serving([Behaviour::Sink]);
    let mut universe = Universe::ready(script, Weather::calm(20), 1);
    let id = universe.open();
    universe.send(id, &pattern(1, 30 << 20));
    universe.run_until("fast", |universe| universe.session.stats().in_flight > 2 << 20);
    universe.up.cut();
    let lost = universe.session.stats().in_flight;
    let before = universe.agent.got[&id.0].len();
    let cut = universe.now;
    universe.run_until("repaired", |universe| universe.agent.got[&id.0].len() >= before + lost);
    // A timeout, a round trip with the oldest of it, a timeout, and the rest.
    let took = universe.now - cut;
    assert!(took <= ms(400), "{took:?}");
}

#[test]
fn a_slow_path_is_used_and_its_queue_is_bounded() {
    let (speed, universe) = upload(20, Some(5_000_000), 20 << 20);
    assert!(speed > 4e6, "{speed}");
    let stats = universe.session.stats();
    let rtt = stats.rtt.expect("measured");
    assert!(rtt < ms(150), "{rtt:?}");
    assert_eq!(stats.resends, 0);
}
