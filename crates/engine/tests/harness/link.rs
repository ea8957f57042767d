use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use bytes::Bytes;
use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};

/// What a link does to messages.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Weather {
    /// One-way delay.
    pub(crate) latency: Duration,
    /// Bytes per second, if limited.
    pub(crate) rate: Option<u64>,
    /// Chances per message.
    pub(crate) drop: f64,
    pub(crate) duplicate: f64,
    /// A reordered message is late by up to four latencies and a millisecond.
    pub(crate) reorder: f64,
}

impl Weather {
    pub(crate) const fn calm(latency_ms: u64) -> Self {
        Self {
            latency: Duration::from_millis(latency_ms),
            rate: None,
            drop: 0.0,
            duplicate: 0.0,
            reorder: 0.0,
        }
    }

    pub(crate) const fn stormy(latency_ms: u64, chance: f64) -> Self {
        Self { drop: chance, duplicate: chance, reorder: chance, ..Self::calm(latency_ms) }
    }
}

/// One direction of a websocket.
#[derive(Debug)]
pub(crate) struct Link {
    pub(crate) weather: Weather,
    rng: StdRng,
    /// When the last message has left.
    free: Option<Instant>,
    /// Messages under way, by when they arrive.
    under_way: BTreeMap<(Instant, u64), Bytes>,
    count: u64,
}

impl Link {
    pub(crate) fn new(weather: Weather, seed: u64) -> Self {
        let rng = StdRng::seed_from_u64(seed);
        Self { weather, rng, free: None, under_way: BTreeMap::new(), count: 0 }
    }

    pub(crate) fn send(&mut self, now: Instant, message: &Bytes) {
        let Weather { latency, rate, drop, duplicate, reorder } = self.weather;
        let busy = rate.map_or(Duration::ZERO, |rate| {
            Duration::from_nanos(message.len() as u64 * 1_000_000_000 / rate)
        });
        let left = self.free.map_or(now, |free| free.max(now)) + busy;
        self.free = Some(left);
        if self.rng.random_bool(drop) {
            return;
        }
        let copies = if self.rng.random_bool(duplicate) { 2 } else { 1 };
        for _ in 0..copies {
            let late = if self.rng.random_bool(reorder) {
                (latency * 4 + Duration::from_millis(1)).mul_f64(self.rng.random())
            } else {
                Duration::ZERO
            };
            self.count += 1;
            self.under_way.insert((left + latency + late, self.count), message.clone());
        }
    }

    pub(crate) fn next(&self) -> Option<Instant> {
        self.under_way.keys().next().map(|(at, _)| *at)
    }

    pub(crate) fn arrive(&mut self, now: Instant) -> Option<Bytes> {
        let entry = self.under_way.first_entry()?;
        (entry.key().0 <= now).then(|| entry.remove())
    }

    /// Loses all that is under way.
    pub(crate) fn cut(&mut self) {
        self.under_way.clear();
        self.free = None;
    }
}
