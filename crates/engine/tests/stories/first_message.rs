use crate::harness::{Behaviour, Script, Universe, Weather, ms, pattern};

#[test]
fn a_late_handler_is_found_quickly_and_costs_no_user_byte() {
    for latency in [0, 1, 5, 20, 60] {
        for delay in (0..=300).step_by(10) {
            let script = Script { handler_delay: ms(delay), ..Script::default() };
            let mut universe = Universe::ready(script, Weather::calm(latency), delay);
            let nops: Vec<_> = universe.agent.arrivals(1).iter().map(|seen| seen.at).collect();
            let interval = ms(30.max(latency * 3));
            for pair in nops.windows(2) {
                assert!(pair[1] - pair[0] >= interval, "{:?} after another", pair[1] - pair[0]);
            }
            // Settling, the last refused NOP's interval, and the round trips.
            let most = ms(20 + delay) + interval + ms(latency * 5);
            assert!(universe.elapsed() <= most, "{:?} > {most:?}", universe.elapsed());

            let data = pattern(delay, 3000);
            let id = universe.open();
            universe.send(id, &data);
            universe.run_until("echoed", |universe| universe.received(id) == data);
            let resent: Vec<_> =
                universe.agent.seen.iter().map(|seen| seen.sequence).filter(|n| *n > 1).collect();
            let mut unique = resent.clone();
            unique.dedup();
            assert_eq!(resent, unique, "user data twice with a delay of {delay} ms");
        }
    }
}

#[test]
fn nothing_is_behind_the_first_message_until_it_is_acknowledged() {
    let script = Script { handler_delay: ms(250), ..Script::default() };
    let mut universe = Universe::new(script, Weather::calm(5), 1);
    universe.run_for(ms(200));
    assert!(!universe.is_ready());
    assert!(universe.session.open(universe.now).is_err());
    assert!(universe.agent.seen.iter().all(|seen| seen.sequence <= 1));
    assert!(universe.agent.arrivals(1).len() >= 4);
    universe.run_until_ready();
}

#[test]
fn a_single_connection_waits_and_keeps_its_first_data_alone() {
    for latency in [1, 40] {
        let script = Script { handler_delay: ms(200), ..Script::single([Behaviour::Echo]) };
        let mut universe = Universe::ready(script, Weather::calm(latency), 1);
        // Request, answer and completion, then the larger of a round trip and 50 ms.
        assert_eq!(universe.elapsed(), ms(latency * 3 + 50.max(latency * 2)));
        let id = universe.open();
        let data = pattern(7, 10_000);
        universe.send(id, &data);
        universe.run_for(ms(100));
        assert!(universe.agent.seen.iter().all(|seen| seen.sequence <= 1), "alone in flight");
        let tries: Vec<_> = universe.agent.arrivals(1).iter().map(|seen| seen.at).collect();
        for pair in tries.windows(2) {
            assert!(pair[1] - pair[0] >= ms(30.max(latency * 3)));
        }
        universe.run_until("echoed", |universe| universe.received(id) == data);
    }
}
