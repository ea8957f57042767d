//! What each session of a tunnel carries while it is looked at.

use std::collections::{BTreeMap, HashMap};
use std::time::{Duration, Instant};

use adit_tunnel::{LaneStats, Stats, Tunnel};
use tokio::time::{sleep, timeout};

use super::verdict::{UNREAD_MUCH, WINDOW_FULL};

/// How often it is looked.
pub(super) const GLANCE: Duration = Duration::from_millis(50);

/// How long it is waited at most for connections to be gone.
const GONE: Duration = Duration::from_secs(1);
/// How often it is looked whether they are.
const GLANCE_AT_END: Duration = Duration::from_millis(5);

/// Waits until nobody is connected, so that what comes next finds a tunnel that carries nothing, and
/// does not have another session started. A connection that only one side has ended may stay.
pub(super) async fn idle(tunnel: &Tunnel) {
    let gone = async {
        while tunnel.stats().connections > 0 {
            sleep(GLANCE_AT_END).await;
        }
    };
    drop(timeout(GONE, gone).await);
}

/// What one session carried.
#[derive(Debug, Clone, Default)]
pub(super) struct Carried {
    pub(super) lane: u32,
    pub(super) bytes_in: u64,
    pub(super) bytes_out: u64,
    pub(super) messages_in: u64,
    pub(super) messages_out: u64,
    pub(super) resends: u64,
    pub(super) duplicates: u64,
    /// When the first byte moved, as nearly as it was looked, and the last one.
    pub(super) first: Option<Instant>,
    pub(super) last: Option<Instant>,
    /// The most of each.
    pub(super) window: usize,
    pub(super) in_flight: usize,
    pub(super) payload: usize,
    pub(super) unread: usize,
    pub(super) connections: usize,
    pub(super) rtt_least: Option<Duration>,
    /// The last one while bytes moved.
    pub(super) rtt: Option<Duration>,
    /// How often it was looked while it was busy, and what was seen how often: much that nobody
    /// reads, a full window, something that waits to be sent.
    pub(super) samples: u32,
    pub(super) unread_much: u32,
    pub(super) window_full: u32,
    pub(super) waits: u32,
}

impl Carried {
    /// From the first byte to the last.
    pub(super) fn time(&self) -> Duration {
        let times = self.first.zip(self.last);
        times.map(|(first, last)| last.saturating_duration_since(first)).unwrap_or_default()
    }

    pub(super) fn moved(&self) -> u64 {
        self.bytes_in + self.bytes_out
    }

    /// Takes a look, with what was counted before the first one and when the one before was.
    fn look(&mut self, before: &Before, lane: &LaneStats, earlier: Instant, now: Instant) {
        let stats = &lane.session;
        let connections = lane.connections.saturating_sub(before.connections);
        self.connections = self.connections.max(connections);
        let before = &before.stats;
        let moved = self.moved();
        self.lane = lane.lane;
        self.bytes_in = stats.bytes_in - before.bytes_in;
        self.bytes_out = stats.bytes_out - before.bytes_out;
        self.messages_in = stats.messages_in - before.messages_in;
        self.messages_out = stats.messages_out - before.messages_out;
        self.resends = stats.resends - before.resends;
        self.duplicates = stats.duplicates - before.duplicates;
        let has_moved = self.moved() > moved;
        if has_moved {
            self.first.get_or_insert(earlier);
            self.last = Some(stats.last_payload.unwrap_or(now));
        }
        let waits = stats.in_flight > 0 || stats.waiting > 0 || stats.unread > 0;
        if !has_moved && (lane.connections == 0 || !waits) {
            return;
        }
        self.samples += 1;
        self.unread_much += u32::from(stats.unread >= UNREAD_MUCH);
        self.window_full += u32::from(stats.in_flight as f64 >= stats.window as f64 * WINDOW_FULL);
        self.waits += u32::from(stats.waiting > 0);
        self.window = self.window.max(stats.window);
        self.in_flight = self.in_flight.max(stats.in_flight);
        self.payload = self.payload.max(stats.payload_size);
        self.unread = self.unread.max(stats.unread);
        self.rtt_least = stats.rtt_min.or(self.rtt_least);
        self.rtt = stats.rtt.or(self.rtt);
    }
}

/// What a session had at the start.
#[derive(Debug, Default)]
struct Before {
    stats: Stats,
    connections: usize,
}

/// Looks at the sessions of a tunnel, those that come meanwhile included.
pub(super) struct Watch {
    before: HashMap<String, Before>,
    /// A lane may have one session after the other.
    carried: BTreeMap<(u32, String), Carried>,
    looked: Instant,
}

impl Watch {
    pub(super) fn begin(now: Instant, lanes: Vec<LaneStats>) -> Self {
        let before = |lane: LaneStats| {
            (lane.session_id, Before { stats: lane.session, connections: lane.connections })
        };
        let before = lanes.into_iter().map(before).collect();
        Self { before, carried: BTreeMap::new(), looked: now }
    }

    pub(super) fn look(&mut self, now: Instant, lanes: &[LaneStats]) {
        let none = Before::default();
        for lane in lanes {
            let before = self.before.get(&lane.session_id).unwrap_or(&none);
            let carried = self.carried.entry((lane.lane, lane.session_id.clone())).or_default();
            carried.look(before, lane, self.looked, now);
        }
        self.looked = now;
    }

    /// The sessions that have carried anything.
    pub(super) fn end(self) -> Vec<Carried> {
        self.carried.into_values().filter(|carried| carried.moved() > 0).collect()
    }
}
