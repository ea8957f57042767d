//! Figures, in virtual time: the same on every machine.

use adit_sim::Time;
use adit_sim::apps::Plan;
use adit_sim::scenario::{Fault, Scenario, Side, Way};
use adit_sim::world::World;

const ROUND_TRIPS: [u64; 4] = [10, 50, 100, 200];
/// Payload bytes of a message that carries 1 KiB, frame header apart.
const PIECE: u64 = 1016;
/// The largest message of a gateway that takes those of the official ends alone.
const OFFICIAL: usize = 1200;

fn ms(ms: u64) -> Time {
    Time::from_millis(ms)
}

/// Runs until the condition holds, and returns when that was.
fn until(world: &mut World, mut condition: impl FnMut(&World) -> bool) -> Time {
    while !condition(world) {
        assert!(world.step(), "it never came: {:?}", world.report().violation);
    }
    world.now()
}

/// Bytes that the local end and the destination of the only conversation have read.
fn read(world: &World) -> (u64, u64) {
    world.conversation(0).map_or((0, 0), |(local, remote, _)| (local, remote))
}

/// A burst of messages of which the first eighty vanish on the way to the agent: how long it
/// takes until the destination has all of them, and the resend timeout at that time.
fn eighty_lost_up(rtt: Time, messages: u64) -> (Time, Time) {
    let mut scenario = Scenario::calm(7).with_round_trip(rtt);
    scenario.client_leg[Way::In as usize].largest = OFFICIAL;
    // Bursts with pauses, so that the window has its room and the round trip is known.
    let burst = messages * PIECE;
    let plan = Plan { think: Time::from_secs(2), ..Plan::rounds(burst, 10, 40) };
    let mut world = World::new(scenario.opening(ms(0), plan));
    until(&mut world, |world| read(world).0 >= 300);
    until(&mut world, |world| world.stats().is_some_and(|stats| stats.in_flight == 0));
    let timeout = world.stats().expect("a session").rto;
    let before = world.stats().expect("a session").messages_out;
    let had = read(&world).1;
    world.inject(Fault::Lose(Side::Client, Way::In, 80));
    let sent =
        until(&mut world, |world| world.stats().is_some_and(|stats| stats.messages_out > before));
    let whole = until(&mut world, |world| read(world).1 >= had + burst);
    let stats = world.stats().expect("a session");
    assert!(stats.resends >= 80, "{stats:?}");
    (whole.saturating_sub(sent), timeout)
}

#[test]
fn eighty_messages_lost_on_the_way_to_the_agent_are_there_within_a_timeout_and_three_round_trips() {
    for rtt in ROUND_TRIPS.map(ms) {
        for messages in [80, 81, 120, 200] {
            let (took, timeout) = eighty_lost_up(rtt, messages);
            assert!(took < timeout + rtt * 3, "{rtt:?}, {messages}: {took:?}, timeout {timeout:?}");
        }
    }
}

/// The same in the other direction: how long it takes from the first of the lost messages until the
/// local end has all, and the agent's resend timeout at the beginning.
fn eighty_lost_down(rtt: Time, messages: u64) -> (Time, Time) {
    // What a message takes to be written is part of its round trip.
    let scenario = Scenario::calm(7).with_round_trip(rtt.saturating_sub(Time::from_micros(200)));
    let burst = messages * PIECE;
    let plan = Plan { think: Time::from_secs(2), ..Plan::rounds(10, burst, 40) };
    let mut world = World::new(scenario.opening(ms(0), plan));
    until(&mut world, |world| read(world).0 >= 5 * burst);
    let (had, asked) = read(&world);
    // The agent has acknowledged the next request, and has not begun to answer.
    until(&mut world, |world| read(world).1 > asked);
    world.inject(Fault::Lose(Side::Agent, Way::In, 80));
    let begun = world.now();
    let timeout = world.agent_timeout().expect("an agent");
    let whole = until(&mut world, |world| read(world).0 >= had + burst);
    assert_eq!(world.totals().lost, 80);
    assert!(world.totals().peer_resends >= 80);
    (whole.saturating_sub(begun), timeout)
}

/// The agent sends its oldest message again, and that each 100 ms: no client can make that quicker,
/// but one that does not acknowledge at once makes it slower.
#[test]
fn eighty_messages_lost_on_the_way_from_the_agent_are_there_as_soon_as_its_ways_permit() {
    for rtt in ROUND_TRIPS.map(ms) {
        for messages in [80, 120] {
            let (took, timeout) = eighty_lost_down(rtt, messages);
            let scans = rtt.as_millis().div_ceil(100) as u32;
            let bound = timeout + ms(100) * 80 * scans + rtt;
            assert!(took <= bound, "{rtt:?}, {messages}: {took:?}, at most {bound:?}");
        }
    }
}

/// From the moment at which the client's network goes away for a second to the first byte of payload
/// that comes after it, while a feed comes down, over 400 worlds.
#[test]
fn an_outage_of_a_second_is_over_within_two_seconds() {
    let mut times = Vec::new();
    for seed in 0..400 {
        let rtt = ms(10 + seed * 37 % 190);
        let mut scenario = Scenario::calm(seed).with_round_trip(rtt);
        scenario.gateway.buffers = seed % 2 == 0;
        scenario.gateway.call = ms(50 + seed * 13 % 100);
        scenario.notice = ms(100);
        let plan = Plan::steady(200_000, 20);
        let mut world = World::new(scenario.opening(ms(0), plan));
        let at = ms(2_000 + seed * 611 % 3_000);
        until(&mut world, |world| world.now() >= at);
        let length = Time::from_secs(1);
        world.inject(Fault::Outage { side: Side::Client, length, hangs: false });
        let cut = world.now();
        let had = read(&world).0;
        assert!(had > 50_000);
        let first = until(&mut world, |world| read(world).0 > had);
        times.push(first.saturating_sub(cut));
    }
    times.sort_unstable();
    let p99 = times[times.len() * 99 / 100];
    assert!(p99 < Time::from_secs(2), "{p99:?}");
}

/// A feed of 200 KB/s, a question each second, and one after each pause of 50 ms.
fn mix(at: Time) -> [(Time, Plan); 3] {
    let pause = Plan { think: ms(50), ..Plan::rounds(100, 500, 100) };
    let question = Plan { think: Time::from_secs(1), ..Plan::rounds(100, 500, 8) };
    [(at, Plan::steady(200_000, 8)), (at, question), (at, pause)]
}

/// What the mix suffers when the service closes the websocket and drops what is under way, and how
/// the figure of the next test would look without an exchange.
#[test]
fn a_close_by_the_service_has_much_sent_again() {
    let spoilt = (0..20).filter(|seed| {
        let mut scenario = Scenario::calm(*seed).with_round_trip(ms(4 + seed * 17 % 200));
        scenario.gateway.buffers = false;
        scenario.conversations.extend(mix(ms(0)));
        let at = ms(3_000 + seed * 37);
        let mut world = World::new(scenario.suffering(at, Fault::Bye(Side::Client)));
        until(&mut world, |world| world.now() >= ms(8_000));
        let totals = world.totals();
        totals.client_resends + totals.peer_resends > 0
    });
    assert!(spoilt.count() >= 10);
}

/// Hours of a tunnel whose websocket is exchanged once in each, while a feed of 200 KB/s, a question
/// each second and one after each pause of 50 ms go on: those in which anything was sent again.
#[test]
fn a_planned_exchange_has_nothing_sent_again_in_nineteen_of_twenty_hours() {
    let (mut hours, mut exchanged, mut spoilt) = (0, 0, Vec::new());
    for seed in 0..40 {
        let rtt = ms(4 + seed * 17 % 200);
        let mut scenario = Scenario::calm(seed).with_round_trip(rtt);
        scenario.gateway.buffers = seed % 2 == 0;
        scenario.gateway.bye_jitter = Time::from_mins(2);
        let age = scenario.supervisor.rollover.expect("an age") + Time::from_secs(seed % 120);
        // The rest of the hour is quiet: a question each five minutes.
        let think = Time::from_mins(5);
        scenario = scenario.opening(ms(0), Plan { think, ..Plan::rounds(100, 500, 40) });
        for hour in 1..=3 {
            let at = (age * hour).saturating_sub(Time::from_secs(2));
            scenario.conversations.extend(mix(at));
        }
        let mut world = World::new(scenario);
        for hour in 1..=3 {
            let before = world.totals();
            until(&mut world, |world| world.now() >= age * hour + Time::from_secs(30));
            let after = world.totals();
            let resent = after.client_resends - before.client_resends + after.peer_resends
                - before.peer_resends;
            hours += 1;
            exchanged += after.rollovers - before.rollovers;
            if resent > 0 {
                spoilt.push((seed, hour, resent));
            }
        }
    }
    assert!(exchanged >= hours * 9 / 10, "{exchanged} of {hours}");
    assert!(spoilt.len() * 20 <= hours as usize, "{spoilt:?}");
}
