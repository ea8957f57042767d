use std::collections::BTreeMap;

use adit_wire::{Message, PayloadType};
use bytes::Bytes;

use crate::harness::{Behaviour, Script, Universe, Weather, ms, pattern};

/// Every sending of a sequence number is the same bytes.
fn assert_resends_are_identical(universe: &Universe) {
    let mut first: BTreeMap<i64, &Bytes> = BTreeMap::new();
    for seen in &universe.agent.seen {
        let whole = first.entry(seen.sequence).or_insert(&seen.whole);
        assert_eq!(*whole, &seen.whole, "sequence {} changed", seen.sequence);
    }
}

#[test]
fn bytes_survive_loss_repetition_and_disorder() {
    for seed in 0..20 {
        let weather = Weather::stormy(seed % 4 * 7, 0.05);
        let mut universe = Universe::ready(Script::default(), weather, seed);
        let ids: Vec<_> = (0..3).map(|_| universe.open()).collect();
        let data: Vec<_> =
            (0..3).map(|n| pattern(seed * 3 + n, 20_000 + 1000 * n as usize)).collect();
        for (id, data) in ids.iter().zip(&data) {
            universe.local(*id).piece = 333;
            universe.send(*id, data);
        }
        universe.run_until("echoed", |universe| {
            ids.iter().zip(&data).all(|(id, data)| universe.received(*id).len() == data.len())
        });
        for (id, data) in ids.iter().zip(&data) {
            assert!(universe.received(*id) == data, "seed {seed}, stream {id}");
            assert!(universe.agent.got[&id.0] == *data, "seed {seed}, stream {id}");
        }
        assert_resends_are_identical(&universe);
        universe.up.weather = Weather::calm(1);
        universe.down.weather = Weather::calm(1);
        universe.run_for(ms(20_000));
        assert!(universe.session.is_drained(), "seed {seed}");
        assert_eq!(universe.agent.unacknowledged(), 0, "seed {seed}");
    }
}

#[test]
fn without_faults_nothing_is_sent_twice() {
    for latency in [0, 1, 20, 150] {
        let mut universe = Universe::ready(Script::default(), Weather::calm(latency), 1);
        let before = universe.session.stats().resends;
        let id = universe.open();
        let data = pattern(1, 200_000);
        universe.send(id, &data);
        universe.run_until("sent", |universe| universe.agent.got.values().next() == Some(&data));
        universe.run_for(ms(2000));
        assert_eq!(universe.session.stats().resends, before, "at {latency} ms");
    }
}

#[test]
fn every_data_message_is_acknowledged_the_duplicate_and_the_early_one_too() {
    let mut universe = Universe::ready(Script::default(), Weather::calm(1), 1);
    universe.run_for(ms(500));
    universe.agent.acks.clear();
    // As the official agent was seen to be asked: 3, 1, 1, 3, 2 after the handshake's 0 and 1.
    for payload in [b"a", b"b", b"c"] {
        universe.agent.say(universe.now, PayloadType::StdErr, payload);
    }
    let messages: Vec<_> = std::iter::from_fn(|| universe.agent.transmit()).collect();
    for n in [2, 0, 0, 2, 1] {
        universe.inject(messages[n].clone());
    }
    universe.run_for(ms(10));
    assert_eq!(universe.agent.acks, [4, 2, 2, 4, 3]);
    let stats = universe.session.stats();
    assert_eq!((stats.duplicates, stats.reordered), (2, 1));
}

#[test]
fn three_later_acknowledgements_bring_a_resend_before_the_timeout() {
    let mut universe = Universe::ready(Script::serving([Behaviour::Sink]), Weather::calm(100), 1);
    let id = universe.open();
    universe.up.weather.drop = 1.0;
    universe.send(id, b"lost");
    universe.up.weather.drop = 0.0;
    for piece in [b"one", b"two", b"six"] {
        universe.run_for(ms(1));
        universe.send(id, piece);
    }
    let sent = universe.now;
    universe.run_until("repaired", |universe| {
        universe.agent.got.get(&id.0).is_some_and(|got| got.len() == 13)
    });
    assert_eq!(universe.agent.got[&id.0], b"lostonetwosix");
    let took = universe.now - sent;
    assert!(took <= ms(302), "{took:?}: one way, the acknowledgements back, and the resend");
    assert_eq!(universe.session.stats().timeouts, 0);
}

#[test]
fn a_whole_burst_is_repaired_at_once() {
    let mut universe = Universe::ready(Script::serving([Behaviour::Sink]), Weather::calm(20), 1);
    let id = universe.open();
    universe.run_for(ms(500));
    universe.up.weather.drop = 1.0;
    let data = pattern(3, 40_000);
    universe.send(id, &data);
    universe.up.weather.drop = 0.0;
    let sent = universe.now;
    universe.run_until("repaired", |universe| universe.agent.got.get(&id.0) == Some(&data));
    let took = universe.now - sent;
    // The official ends would need 40 times 100 ms.
    assert!(took <= ms(200), "{took:?}");
}

/// Longer than what the first repair sends again, so that there is a second one; and with a message
/// behind it that arrives, which is too few for a fast resend.
#[test]
fn a_lost_end_of_a_burst_is_repaired_within_a_timeout_and_three_round_trips() {
    for behind in [0, 1, 2] {
        let script = Script { largest_payload: 1024, ..Script::serving([Behaviour::Sink]) };
        let mut universe = Universe::ready(script, Weather::calm(25), 1);
        let id = universe.open();
        // A window that has room for all of the burst.
        let mut total = 400_000;
        universe.send(id, &pattern(1, total));
        universe.run_until("all of it", |universe| universe.session.is_drained());
        universe.run_for(ms(1000));
        assert!(universe.session.stats().window > 200_000);
        let (sent, timeout) = (universe.now, universe.session.stats().rto);
        universe.up.weather.drop = 1.0;
        universe.send(id, &pattern(1, 80 * 1016));
        universe.up.weather.drop = 0.0;
        universe.send(id, &pattern(1, behind * 1016));
        total += (80 + behind) * 1016;
        universe.run_until("repaired", |universe| universe.agent.got[&id.0].len() == total);
        let took = universe.now - sent;
        assert!(took < timeout + ms(50) * 3, "{behind}: {took:?}, timeout {timeout:?}");
        let resends = universe.session.stats().resends;
        assert!((80..=81).contains(&resends), "{behind}: {resends}");
    }
}

#[test]
fn the_timeout_doubles_and_only_the_head_is_repeated_to_a_silent_agent() {
    let mut universe = Universe::ready(Script::serving([Behaviour::Sink]), Weather::calm(0), 1);
    let id = universe.open();
    universe.run_for(ms(100));
    universe.transmitted.clear();
    universe.up.weather.drop = 1.0;
    universe.send(id, &pattern(1, 5000));
    let sent = universe.now;
    universe.run_for(ms(20_000));
    let mut resends: Vec<(u128, usize)> = Vec::new();
    for (at, _) in &universe.transmitted {
        let at = (*at - sent).as_millis();
        match resends.last_mut() {
            Some((last, count)) if *last == at => *count += 1,
            _ => resends.push((at, 1)),
        }
    }
    // The floor of 50 ms, doubled, up to 5 s.
    assert_eq!(
        resends,
        [
            (0, 5),
            (50, 5),
            (150, 1),
            (350, 1),
            (750, 1),
            (1550, 1),
            (3150, 1),
            (6350, 1),
            (11_350, 1),
            (16_350, 1)
        ]
    );
    universe.up.weather.drop = 0.0;
    let healed = universe.now;
    universe.run_until("repaired", |universe| {
        universe.agent.got.get(&id.0).is_some_and(|got| got.len() == 5000)
    });
    assert!(universe.now - healed <= ms(5000), "{:?}", universe.now - healed);
}

#[test]
fn a_wrong_digest_is_neither_taken_nor_acknowledged() {
    let mut universe = Universe::ready(Script::default(), Weather::calm(1), 1);
    universe.run_for(ms(500));
    universe.agent.acks.clear();
    universe.agent.say(universe.now, PayloadType::StdErr, b"text");
    let good = universe.agent.transmit().unwrap();
    let mut bad = good.to_vec();
    *bad.last_mut().unwrap() ^= 1;
    universe.inject(bad);
    universe.run_for(ms(10));
    assert_eq!(universe.agent.acks, [0; 0]);
    assert_eq!(universe.session.stats().digest_failures, 1);
    universe.inject(good);
    universe.run_for(ms(10));
    assert_eq!(universe.agent.acks, [2]);
}

#[test]
fn malformed_messages_are_counted_and_dropped() {
    let mut universe = Universe::ready(Script::default(), Weather::calm(1), 1);
    let id = universe.open();
    universe.run_for(ms(500));
    universe.agent.push(universe.now, id.0, b"good");
    universe.agent.handle_timeout(universe.now);
    let good = universe.agent.transmit().unwrap();
    for len in 0..good.len().min(120) {
        universe.inject(good.slice(..len));
    }
    for header_length in [0, 1, 111, 113, 115, 117, 120, u32::MAX] {
        let mut odd = good.to_vec();
        odd[..4].copy_from_slice(&u32::to_be_bytes(header_length));
        universe.inject(odd);
    }
    universe.inject(&b"just text"[..]);
    assert_eq!(universe.session.stats().malformed, 120 + 8 + 1);
    universe.inject(good);
    assert_eq!(universe.received(id), b"good");
}

#[test]
fn small_writes_share_a_message_only_while_one_waits() {
    let mut universe = Universe::ready(Script::serving([Behaviour::Sink]), Weather::calm(10), 1);
    let id = universe.open();
    universe.local(id).piece = 10;
    // All at once, before anything is transmitted.
    universe.local(id).burst = usize::MAX;
    universe.send(id, &pattern(1, 5000));
    universe.run_for(ms(100));
    let sizes: Vec<_> =
        universe.agent.seen.iter().skip(3).map(|seen| seen.payload.len() - 8).collect();
    assert_eq!(sizes.iter().sum::<usize>(), 5000);
    assert_eq!(sizes.len(), 5, "{sizes:?}");
    assert!(sizes.iter().all(|size| *size <= 1016));
    // One by one: nothing waits, so each goes out at once.
    let before = universe.agent.seen.len();
    for _ in 0..10 {
        universe.send(id, b"x");
        universe.run_for(ms(1));
    }
    universe.run_for(ms(100));
    assert_eq!(universe.agent.seen.len() - before, 10);
}

#[test]
fn every_length_arrives_unchanged() {
    let mut universe = Universe::ready(Script::default(), Weather::calm(0), 1);
    let id = universe.open();
    let mut data: Vec<u8> = Vec::new();
    for len in 1..=1100 {
        let mut piece = vec![b'a'; len - 1];
        piece.push(b'\n');
        data.extend(&piece);
        universe.send(id, &piece);
    }
    universe.run_until("echoed", |universe| universe.received(id).len() == data.len());
    assert!(universe.received(id) == data);
}

#[test]
fn the_headers_are_right() {
    let mut universe = Universe::ready(Script::serving([Behaviour::Sink]), Weather::calm(5), 1);
    let id = universe.open();
    universe.send(id, &pattern(1, 3000));
    universe.run_for(ms(100));
    let mut ids = Vec::new();
    for (n, seen) in universe.agent.seen.iter().enumerate() {
        let message = Message::decode(seen.whole.clone()).unwrap();
        assert_eq!(message.header.sequence, n as i64);
        assert_eq!(message.header.flags, 0);
        assert_eq!(seen.whole[..4], [0, 0, 0, 116]);
        assert_eq!(seen.whole[116..120], (seen.payload.len() as u32).to_be_bytes());
        ids.push(message.header.id);
    }
    ids.sort_unstable();
    ids.dedup();
    assert_eq!(ids.len(), universe.agent.seen.len(), "ids are unique");
}

/// The agent's websocket takes what is under way in both directions with it. What the client has
/// not got is found behind all that the agent only believes lost.
#[test]
fn many_lost_acknowledgements_hold_up_what_is_really_lost_for_some_round_trips_only() {
    let answer = pattern(4, 400_000);
    let script = Script::serving([Behaviour::Say(answer.clone())]);
    let mut universe = Universe::ready(script, Weather::calm(25), 1);
    let id = universe.open();
    universe.run_for(ms(200));
    universe.up.weather.drop = 1.0;
    universe.run_for(ms(150));
    universe.down.weather.drop = 1.0;
    universe.run_for(ms(20));
    universe.up.weather.drop = 0.0;
    universe.down.weather.drop = 0.0;
    let (lost, before) = (universe.now, universe.session.stats().acks_out);
    universe.run_until("all of it", |universe| universe.received(id).len() == answer.len());
    assert!(universe.received(id) == answer);
    let took = universe.now - lost;
    // The last of some twenty that are really lost comes after so many ticks; in front of them are
    // 140 acknowledgements.
    assert!(took < ms(3500), "{took:?}");
    let stats = universe.session.stats();
    assert!(stats.acks_out - before < 900, "{stats:?}");
}

#[test]
fn of_a_single_lost_acknowledgement_hardly_any_other_is_repeated() {
    let answer = pattern(4, 400_000);
    let script = Script::serving([Behaviour::Say(answer.clone())]);
    let mut universe = Universe::ready(script, Weather::calm(25), 1);
    let id = universe.open();
    universe.run_for(ms(200));
    universe.up.weather.drop = 1.0;
    universe.run_for(ms(1));
    universe.up.weather.drop = 0.0;
    universe.run_until("all of it", |universe| universe.received(id).len() == answer.len());
    universe.run_for(ms(500));
    let stats = universe.session.stats();
    assert_eq!(stats.duplicates, 1);
    assert_eq!(stats.acks_out, stats.messages_in + 1 + 4);
}
