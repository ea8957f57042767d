//! The figures, as `--json` prints them.

use std::time::{Duration, Instant};

use serde::Serialize;

use super::latency::Asked;
use super::load::Ran;
use super::verdict::Limit;
use super::watch::Carried;
use crate::commands::tunnels::Milestones;

/// All that was measured of a tunnel.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct Measured {
    pub(super) target: String,
    pub(super) ready: Ready,
    pub(super) latency: Latency,
    pub(super) runs: Vec<Run>,
}

/// How long it took until the tunnel could be used, in milliseconds.
#[derive(Debug, Clone, Serialize)]
#[expect(clippy::struct_field_names, reason = "the members of an event say their unit")]
pub(super) struct Ready {
    /// From the start of the command on.
    pub(super) total_ms: f64,
    /// Until the service was asked for a session.
    pub(super) lookup_ms: Option<f64>,
    /// Until it had started one.
    pub(super) start_session_ms: Option<f64>,
    /// Until the agent could carry connections.
    pub(super) handshake_ms: Option<f64>,
    /// Until it was known that the target is still where it was the last time.
    pub(super) check_ms: Option<f64>,
}

impl Ready {
    pub(super) fn of(begun: Instant, milestones: Milestones, ready: Instant) -> Self {
        let Milestones { starting, session, carries } = milestones;
        let between = |from: Option<Instant>, to: Option<Instant>| {
            Some(millis(to?.saturating_duration_since(from?)))
        };
        Self {
            total_ms: millis(ready.saturating_duration_since(begun)),
            lookup_ms: between(Some(begun), starting),
            start_session_ms: between(starting, session),
            handshake_ms: between(session, carries),
            check_ms: between(carries, Some(ready)),
        }
    }
}

/// How long answers take, in milliseconds.
#[derive(Debug, Clone, Default, Serialize)]
pub(super) struct Latency {
    /// From a message to the agent's acknowledgement: the shortest, and the smoothed one.
    pub(super) agent_least_ms: Option<f64>,
    pub(super) agent_ms: Option<f64>,
    /// From a new local connection to the target's first byte.
    pub(super) first_byte: Option<FirstByte>,
    /// Why that is not known.
    pub(super) unavailable: Option<String>,
}

impl Latency {
    pub(super) fn of(
        least: Option<Duration>,
        smoothed: Option<Duration>,
        first_byte: Option<FirstByte>,
        unavailable: Option<String>,
    ) -> Self {
        let (agent_least_ms, agent_ms) = (least.map(millis), smoothed.map(millis));
        Self { agent_least_ms, agent_ms, first_byte, unavailable }
    }

    /// What the target speaks, as far as it has answered.
    pub(super) fn protocol(&self) -> Option<&'static str> {
        self.first_byte.as_ref().map(|first| first.protocol)
    }
}

/// Of several connections, one after the other.
#[derive(Debug, Clone, Serialize)]
pub(super) struct FirstByte {
    pub(super) protocol: &'static str,
    /// Whether the port alone says that it speaks this.
    pub(super) by_port: bool,
    pub(super) tries: usize,
    pub(super) least_ms: f64,
    pub(super) p50_ms: f64,
    pub(super) p99_ms: f64,
}

impl FirstByte {
    pub(super) fn of(asked: Asked, mut times: Vec<Duration>) -> Option<Self> {
        times.sort_unstable();
        Some(Self {
            protocol: asked.family.as_str(),
            by_port: asked.is_guessed,
            tries: times.len(),
            least_ms: millis(*times.first()?),
            p50_ms: millis(percentile(&times, 50)?),
            p99_ms: millis(percentile(&times, 99)?),
        })
    }
}

/// The nearest of the sorted times that so many of a hundred do not exceed.
fn percentile(sorted: &[Duration], percent: usize) -> Option<Duration> {
    sorted.get((sorted.len() * percent).div_ceil(100).saturating_sub(1)).copied()
}

/// What went through while a command ran, alone or several at once.
#[derive(Debug, Clone, Serialize)]
pub(super) struct Run {
    pub(super) commands: usize,
    /// How they ended.
    pub(super) codes: Vec<u8>,
    /// Whether they were ended when their time was over.
    pub(super) cut: bool,
    /// From the first byte that moved to the last.
    pub(super) seconds: f64,
    pub(super) bytes_in: u64,
    pub(super) bytes_out: u64,
    /// In millions of bytes each second; down is towards the local side.
    pub(super) down_mb_s: f64,
    pub(super) up_mb_s: f64,
    /// Processor time of adit alone, where enough has moved to tell.
    pub(super) cpu_s_per_gb: Option<f64>,
    pub(super) sessions: Vec<SessionRun>,
    pub(super) limit: &'static str,
    pub(super) why: String,
}

/// What one session carried of it.
#[derive(Debug, Clone, Serialize)]
pub(super) struct SessionRun {
    pub(super) lane: u32,
    pub(super) seconds: f64,
    pub(super) bytes_in: u64,
    pub(super) bytes_out: u64,
    pub(super) down_mb_s: f64,
    pub(super) up_mb_s: f64,
    /// Messages that adit has sent again, and those that the agent has.
    pub(super) resends: u64,
    pub(super) duplicates: u64,
    /// The most of these in bytes: what may be on the way, what was, what one message carried, and
    /// what had come and was not read.
    pub(super) window: usize,
    pub(super) in_flight: usize,
    pub(super) payload: usize,
    pub(super) unread: usize,
    pub(super) rtt_least_ms: Option<f64>,
    pub(super) rtt_ms: Option<f64>,
}

/// Below this, the processor's clock says more of the measuring than of the measured.
const CPU_LEAST: u64 = 1_000_000;

impl Run {
    pub(super) fn of(commands: usize, ran: Ran, limit: &Limit) -> Self {
        let first = ran.sessions.iter().filter_map(|one| one.first).min();
        let last = ran.sessions.iter().filter_map(|one| one.last).max();
        let time = first.zip(last).map(|(first, last)| last.saturating_duration_since(first));
        let seconds = time.unwrap_or_default().as_secs_f64();
        let bytes_in = ran.sessions.iter().map(|one| one.bytes_in).sum();
        let bytes_out = ran.sessions.iter().map(|one| one.bytes_out).sum();
        let moved: u64 = bytes_in + bytes_out;
        let cpu = ran.cpu.filter(|_| moved >= CPU_LEAST);
        Self {
            commands,
            codes: ran.codes,
            cut: ran.was_cut,
            seconds: rounded(seconds),
            bytes_in,
            bytes_out,
            down_mb_s: rate(bytes_in, seconds),
            up_mb_s: rate(bytes_out, seconds),
            cpu_s_per_gb: cpu.map(|cpu| rounded(cpu.as_secs_f64() / (moved as f64 / 1e9))),
            sessions: ran.sessions.iter().map(SessionRun::of).collect(),
            limit: limit.name(),
            why: limit.to_string(),
        }
    }

    /// What each of its sessions took down, in bytes a second.
    pub(super) fn down_of_each(&self) -> f64 {
        let count = self.sessions.len().max(1) as f64;
        self.sessions.iter().map(|one| one.down_mb_s * 1e6).sum::<f64>() / count
    }
}

impl SessionRun {
    fn of(carried: &Carried) -> Self {
        let seconds = carried.time().as_secs_f64();
        Self {
            lane: carried.lane,
            seconds: rounded(seconds),
            bytes_in: carried.bytes_in,
            bytes_out: carried.bytes_out,
            down_mb_s: rate(carried.bytes_in, seconds),
            up_mb_s: rate(carried.bytes_out, seconds),
            resends: carried.resends,
            duplicates: carried.duplicates,
            window: carried.window,
            in_flight: carried.in_flight,
            payload: carried.payload,
            unread: carried.unread,
            rtt_least_ms: carried.rtt_least.map(millis),
            rtt_ms: carried.rtt.map(millis),
        }
    }
}

fn millis(time: Duration) -> f64 {
    rounded(time.as_secs_f64() * 1e3)
}

fn rate(bytes: u64, seconds: f64) -> f64 {
    if seconds > 0.0 { rounded(bytes as f64 / seconds / 1e6) } else { 0.0 }
}

/// With three places: nobody measures more.
fn rounded(value: f64) -> f64 {
    (value * 1e3).round() / 1e3
}

#[cfg(test)]
impl Measured {
    /// One with all members.
    pub(crate) fn example() -> Self {
        let ms = Duration::from_millis;
        let begun = Instant::now();
        let after = |time| begun + ms(time);
        let carried = Carried {
            lane: 0,
            bytes_in: 9_000_000,
            bytes_out: 4_000,
            first: Some(after(2_000)),
            last: Some(after(12_000)),
            rtt_least: Some(ms(21)),
            rtt: Some(ms(22)),
            window: 65_536,
            payload: 1_024,
            samples: 200,
            ..Carried::default()
        };
        let sessions = vec![carried];
        let limit = super::verdict::limit(&sessions, 1, None, None);
        let ran = Ran { codes: vec![0], was_cut: false, failed: None, sessions, cpu: Some(ms(90)) };
        let asked = Asked {
            family: crate::commands::exec::environment::Family::Postgres,
            is_guessed: false,
        };
        let milestones = Milestones {
            starting: Some(after(310)),
            session: Some(after(500)),
            carries: Some(after(740)),
        };
        Self {
            target: "rds:orders".to_owned(),
            ready: Ready::of(begun, milestones, after(741)),
            latency: Latency::of(
                Some(ms(21)),
                Some(ms(22)),
                FirstByte::of(asked, (40..60).map(ms).collect()),
                None,
            ),
            runs: vec![Run::of(1, ran, &limit)],
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn percentiles_are_times_that_were_measured() {
        let times: Vec<_> = (1..=20).map(Duration::from_millis).collect();
        assert_eq!(percentile(&times, 50), Some(Duration::from_millis(10)));
        assert_eq!(percentile(&times, 99), Some(Duration::from_millis(20)));
        assert_eq!(percentile(&times[..1], 99), Some(Duration::from_millis(1)));
        assert_eq!(percentile(&[], 99), None);
    }

    #[test]
    fn the_phases_add_up_to_the_whole() {
        let ready = Measured::example().ready;
        let phases = [ready.lookup_ms, ready.start_session_ms, ready.handshake_ms, ready.check_ms];
        let sum: f64 = phases.into_iter().flatten().sum();
        assert!((sum - ready.total_ms).abs() < 1e-6, "{ready:?}");
        // A phase that nobody has told of is not known, and makes no other one longer.
        let begun = Instant::now();
        let dark = Ready::of(begun, Milestones::default(), begun + Duration::from_secs(1));
        assert_eq!((dark.lookup_ms, dark.check_ms), (None, None));
    }
}
