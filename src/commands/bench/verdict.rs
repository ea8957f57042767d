//! What limits a run, told from what its sessions counted.

use std::fmt;
use std::time::Duration;

use super::watch::Carried;
use crate::ui::{size, span};

/// The agent reads at most 1,024 bytes from destinations and then sleeps a millisecond, for each
/// session (P-PORT-3): no session brings more than this in a second.
const PACE_MOST: f64 = 1_024_000.0;
/// What it brings where the millisecond takes 1.5, as it does on a busy bastion (`docs/protocol.md`,
/// what official ends do).
const PACE_LEAST: f64 = 1_024.0 / 0.0015;
/// One message of a hundred that is sent again. The agent sends again only its oldest, each 100 ms
/// (P-REL-7), in which it would have sent a hundred others: a download takes twice as long. Of an upload
/// each loss halves the window.
const LOST: f64 = 0.01;
/// Bytes that have come and that the local program has not taken: what a session brings in a quarter of
/// a second. A reader that keeps up leaves nothing.
pub(super) const UNREAD_MUCH: usize = 256 << 10;
/// The share of the window from which it counts as full: what is acknowledged at the moment is not on
/// the way.
pub(super) const WINDOW_FULL: f64 = 0.8;
/// How long bytes may queue on the way up before it is the way that limits them: half of the 30 ms that
/// the window is steered to (P-REL-6).
const QUEUE: Duration = Duration::from_millis(15);
/// How often of all looks something has to be seen to count.
const MOSTLY: f64 = 0.5;
/// Below these, buffers on the way take it all and nothing limits anything.
const BYTES_LEAST: u64 = 256 << 10;
const TIME_LEAST: Duration = Duration::from_millis(250);
/// A session that carried less than this share of the average says nothing about the others.
const PART_LEAST: f64 = 0.25;

/// What limits a run.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Limit {
    /// Too little has moved to tell.
    TooLittle { bytes: u64, time: Duration },
    /// The local program does not take what has come.
    LocalReader { unread: usize },
    /// There are fewer sessions than connections, and the service gives no more.
    SessionsRefused { sessions: usize, cause: String },
    /// Messages get lost or come late.
    Loss { again: u64, of: u64 },
    /// The agent reads at its pace.
    AgentPace { sessions: usize, connections: usize },
    /// Alone it was faster.
    Shared { sessions: usize, share: f64 },
    /// The destination gives no more, or the program asks for no more.
    Destination { of_pace: f64 },
    /// This is faster than the official agent is.
    Unpaced,
    /// What may be on the way at once.
    Window { window: usize, round_trip: Duration },
    /// Bytes queue on the way to the destination.
    Path { queue: Duration },
    /// Bytes wait here although more could be on the way.
    Uplink,
    /// The local program sends no more.
    Program,
}

/// What limits a run of so many commands. `alone` is what a session brought in a second when one of
/// them ran alone, `refused` why no other session was to be had.
pub(super) fn limit(
    sessions: &[Carried],
    commands: usize,
    refused: Option<String>,
    alone: Option<f64>,
) -> Limit {
    let bytes: u64 = sessions.iter().map(Carried::moved).sum();
    let longest = sessions.iter().map(Carried::time).max().unwrap_or_default();
    if bytes < BYTES_LEAST || longest < TIME_LEAST {
        return Limit::TooLittle { bytes, time: longest };
    }
    let average = bytes as f64 / sessions.len() as f64;
    let busy: Vec<&Carried> =
        sessions.iter().filter(|one| one.moved() as f64 >= average * PART_LEAST).collect();
    let sum = |of: fn(&Carried) -> u64| busy.iter().map(|one| of(one)).sum::<u64>();
    let samples = sum(|one| one.samples.into()) as f64;
    let is_mostly = |count: u64| count as f64 >= samples * MOSTLY && count > 0;
    if is_mostly(sum(|one| one.unread_much.into())) {
        let unread = busy.iter().map(|one| one.unread).max().unwrap_or_default();
        return Limit::LocalReader { unread };
    }
    if let Some(cause) = refused.filter(|_| busy.len() < commands) {
        return Limit::SessionsRefused { sessions: busy.len(), cause };
    }
    let is_down = sum(|one| one.bytes_in) >= sum(|one| one.bytes_out);
    let (again, of) = if is_down {
        (sum(|one| one.duplicates), sum(|one| one.messages_in))
    } else {
        (sum(|one| one.resends), sum(|one| one.messages_out))
    };
    if of > 0 && again as f64 / of as f64 >= LOST {
        return Limit::Loss { again, of };
    }
    if is_down { down(&busy, alone) } else { up(&busy, is_mostly) }
}

/// What limits bytes that come from the destination.
fn down(busy: &[&Carried], alone: Option<f64>) -> Limit {
    let rates = busy.iter().map(|one| one.bytes_in as f64 / one.time().as_secs_f64().max(1e-3));
    let each = rates.sum::<f64>() / busy.len() as f64;
    if each > PACE_MOST {
        return Limit::Unpaced;
    }
    let sessions = busy.len();
    if each >= PACE_LEAST {
        let connections = busy.iter().map(|one| one.connections).sum();
        return Limit::AgentPace { sessions, connections };
    }
    match alone {
        Some(alone) if alone >= PACE_LEAST && sessions > 1 => {
            Limit::Shared { sessions, share: each / alone }
        }
        _ => Limit::Destination { of_pace: each / PACE_MOST },
    }
}

/// What limits bytes that go to the destination.
fn up(busy: &[&Carried], is_mostly: impl Fn(u64) -> bool) -> Limit {
    if is_mostly(busy.iter().map(|one| u64::from(one.window_full)).sum()) {
        let round_trip = busy.iter().filter_map(|one| one.rtt).max().unwrap_or_default();
        let least = busy.iter().filter_map(|one| one.rtt_least).min().unwrap_or_default();
        let queue = round_trip.saturating_sub(least);
        if queue >= QUEUE {
            return Limit::Path { queue };
        }
        let window = busy.iter().map(|one| one.window).max().unwrap_or_default();
        return Limit::Window { window, round_trip };
    }
    if is_mostly(busy.iter().map(|one| u64::from(one.waits)).sum()) {
        return Limit::Uplink;
    }
    Limit::Program
}

impl Limit {
    /// What `--json` calls it.
    pub(super) fn name(&self) -> &'static str {
        match self {
            Self::TooLittle { .. } => "too_little",
            Self::LocalReader { .. } => "local_reader",
            Self::SessionsRefused { .. } => "sessions_refused",
            Self::Loss { .. } => "loss",
            Self::AgentPace { .. } => "agent_pace",
            Self::Shared { .. } => "shared",
            Self::Destination { .. } => "destination",
            Self::Unpaced => "unpaced",
            Self::Window { .. } => "window",
            Self::Path { .. } => "path",
            Self::Uplink => "uplink",
            Self::Program => "program",
        }
    }
}

impl fmt::Display for Limit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::TooLittle { bytes, time } => write!(
                f,
                "too little has moved to tell ({} in {}); give it a few seconds of data",
                size(*bytes),
                span(*time)
            ),
            Self::LocalReader { unread } => write!(
                f,
                "the local program: it reads more slowly than data comes ({} had come and waited for it)",
                size(*unread as u64)
            ),
            Self::SessionsRefused { sessions, cause } => write!(
                f,
                "what {} can bring: the service gave no other one ({cause}), and connections share what there is",
                of(*sessions)
            ),
            Self::Loss { again, of } => write!(
                f,
                "the network: {again} of {of} messages had to be sent again, lost or late"
            ),
            Self::AgentPace { sessions, connections } => {
                write!(
                    f,
                    "the agent's pace: it sends at most 1,024 bytes each millisecond per session, on any network; "
                )?;
                if sessions < connections {
                    write!(
                        f,
                        "{connections} connections shared {}, and --lanes says how many there may be",
                        of(*sessions)
                    )
                } else {
                    write!(
                        f,
                        "more connections at once are spread over more sessions, up to --lanes"
                    )
                }
            }
            Self::Shared { sessions, share } => write!(
                f,
                "something that the {sessions} sessions share: each brought {:.0} % of what one alone did. The bastion's processor or network, this machine's, or the destination",
                share * 100.0
            ),
            Self::Destination { of_pace } => write!(
                f,
                "the destination or the program: {:.0} % of what a session can bring was there to be brought",
                of_pace * 100.0
            ),
            Self::Unpaced => write!(
                f,
                "nothing of the protocol's: this agent sends faster than the official one, and what is left is the network, the destination and the processors"
            ),
            Self::Window { window, round_trip } => write!(
                f,
                "the round trip of {} and the window: {} are on the way before the first answer. It grows as long as data flows",
                span(*round_trip),
                size(*window as u64)
            ),
            Self::Path { queue } => write!(
                f,
                "the way to the destination, or the destination itself: bytes queue for {} on it",
                span(*queue)
            ),
            Self::Uplink => {
                write!(
                    f,
                    "the connection to AWS, which takes no more, or this machine's processor: bytes wait here although more of them could be on the way"
                )
            }
            Self::Program => write!(
                f,
                "the local program: it sends no faster, and all that it has sent was on its way at once"
            ),
        }
    }
}

/// So many sessions.
fn of(sessions: usize) -> String {
    if sessions == 1 { "one session".to_owned() } else { format!("{sessions} sessions") }
}

#[cfg(test)]
mod tests;
