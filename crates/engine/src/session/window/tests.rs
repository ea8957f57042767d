use std::collections::VecDeque;

use super::*;
use crate::test_clock::origin;

const MESSAGE: usize = 32 << 10;

/// A path with a delay and a rate, saturated for `length`: returns the bytes delivered, the
/// largest and the last window, and the longest queueing time in the second half.
fn saturate(
    window: &mut Window,
    delay: Duration,
    bytes_per_second: usize,
    length: Duration,
) -> (usize, usize, Duration) {
    let mut now = origin();
    let end = now + length;
    let half = now + length / 2;
    let mut flight: VecDeque<(i64, Instant, Instant)> = VecDeque::new();
    let mut free = now;
    let (mut next, mut largest, mut worst) = (0, 0, Duration::ZERO);
    while now < end {
        while (flight.len() + 1) * MESSAGE <= window.size() {
            free =
                free.max(now) + Duration::from_secs_f64(MESSAGE as f64 / bytes_per_second as f64);
            flight.push_back((next, now, free + delay));
            next += 1;
        }
        window.hold_back();
        let Some((sequence, sent, acked)) = flight.pop_front() else {
            panic!("the window of {} lets nothing through", window.size())
        };
        now = acked;
        let rtt = acked - sent;
        if now > half {
            worst = worst.max(rtt.saturating_sub(delay));
        }
        let in_flight = flight.len() * MESSAGE;
        let progress = Progress { sequence, bytes: MESSAGE, rtt: Some(rtt), next, in_flight };
        window.acknowledged(now, progress);
        largest = largest.max(window.size());
    }
    ((next as usize - flight.len()) * MESSAGE, largest, worst)
}

#[test]
fn a_fast_path_is_filled_within_the_limit() {
    let most = 12 << 20;
    for delay in [0, 1, 5, 20, 40] {
        let mut window = Window::new(most);
        let delay = Duration::from_millis(delay);
        let (bytes, largest, _) =
            saturate(&mut window, delay, 250_000_000, Duration::from_secs(10));
        assert!(bytes / 10 > 200_000_000, "{delay:?}: {} bytes per second", bytes / 10);
        assert!(largest <= most, "{delay:?}: window of {largest}");
    }
}

#[test]
fn the_queue_on_a_slow_path_stays_near_the_target() {
    for (delay, rate) in [(0, 2_000_000), (20, 2_000_000), (50, 10_000_000), (100, 20_000_000)] {
        let mut window = Window::new(4 << 20);
        let delay = Duration::from_millis(delay);
        let (bytes, _, worst) = saturate(&mut window, delay, rate, Duration::from_mins(1));
        assert!(bytes / 60 > rate * 8 / 10, "{delay:?}: {} of {rate}", bytes / 60);
        assert!(worst <= QUEUE_TARGET * 3, "{delay:?} at {rate}: queue of {worst:?}");
    }
}

/// As a busy reader does, all acknowledgements of a round trip come in one burst.
#[test]
fn it_grows_threefold_each_round_trip_also_when_acknowledgements_come_in_bursts() {
    let mut window = Window::new(12 << 20);
    let rtt = Duration::from_millis(40);
    let (mut now, mut sent) = (origin(), 0);
    for round in 0..4 {
        let messages = (window.size() / MESSAGE) as i64;
        assert_eq!(window.size(), FIRST * 3usize.pow(round));
        window.hold_back();
        let next = sent + messages;
        now += rtt;
        for sequence in sent..next {
            let progress =
                Progress { sequence, bytes: MESSAGE, rtt: Some(rtt), next, in_flight: 0 };
            window.acknowledged(now, progress);
        }
        sent = next;
    }
}

#[test]
fn an_idle_window_does_not_grow() {
    let mut window = Window::new(4 << 20);
    let now = origin();
    for sequence in 0..10_000 {
        let rtt = Some(Duration::from_millis(20));
        let progress = Progress { sequence, bytes: 1, rtt, next: sequence + 1, in_flight: 0 };
        window.acknowledged(now, progress);
    }
    assert_eq!(window.size(), FIRST);
}

#[test]
fn one_loss_per_round_halves_it_and_a_stall_restarts_it() {
    let mut window = Window::new(4 << 20);
    window.resize(4 << 20);
    window.grown = true;
    window.lost(10, 20);
    assert_eq!(window.size(), 2 << 20);
    window.lost(19, 30);
    assert_eq!(window.size(), 2 << 20, "the same round");
    window.lost(20, 40);
    assert_eq!(window.size(), 1 << 20);
    (0..10).for_each(|round| window.lost(round * 100 + 100, round * 100 + 200));
    assert_eq!(window.size(), LEAST_GROWN, "never below, once grown");
    (0..10).for_each(|_| window.stalled());
    assert_eq!(window.size(), FIRST);
}

/// One round trip after the other of a window that data waits for.
fn rounds(window: &mut Window, rtts: &[u64]) {
    for (sequence, rtt) in (0..).zip(rtts) {
        let rtt = Some(Duration::from_millis(*rtt));
        window.hold_back();
        let next = window.round.until + 1;
        let sequence = window.round.until.max(sequence);
        let progress = Progress { sequence, bytes: MESSAGE, rtt, next, in_flight: 0 };
        window.acknowledged(origin(), progress);
    }
}

#[test]
fn a_window_that_has_grown_shrinks_again_where_it_queues_for_long_and_not_for_jitter() {
    let mut window = Window::new(4 << 20);
    window.slow_start = false;
    window.resize(LEAST_GROWN);
    window.grown = true;
    rounds(&mut window, &[40, 140, 140, 40, 140, 140]);
    assert!(window.size() >= LEAST_GROWN, "{}", window.size());
    window.resize(LEAST_GROWN);
    rounds(&mut window, &[40, 140, 140, 140, 140]);
    assert!(window.size() < LEAST_GROWN, "{}", window.size());
}
