//! What is measured: environments, clients, and the stages that each client goes through.

use std::fmt;
use std::time::Duration;

/// How fast the bastion's agent reads its destinations.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Pace {
    Official,
    Off,
}

/// One way to run the lab.
#[derive(Clone, Copy)]
pub(crate) struct Environment {
    pub(crate) pace: Pace,
    pub(crate) latency_ms: u64,
    pub(crate) tls: bool,
}

#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Client {
    Adit,
    /// The same with one session for all its connections.
    AditOne,
    /// The same behind a gateway that takes no larger payload than the official ends send.
    AditSmall,
    /// `aws-ssm-bridge` as it comes: 1 KiB of payload a message.
    Bridge,
    /// The same with the payload that adit uses once its probe was answered.
    BridgeLarge,
    /// Acknowledges what comes and does nothing else: what the lab itself takes.
    NullSink,
}

/// The payload of the official ends, in bytes.
pub(crate) const SMALL_PAYLOAD: usize = 1024;

/// The larger payload of adit, in bytes.
pub(crate) const LARGE_PAYLOAD: usize = 32 * 1024;

#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Way {
    Down,
    Up,
}

#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Stage {
    /// The process starts, listens, and echoes its first byte.
    Start,
    /// A first upload through a tunnel that has carried nothing yet.
    Fresh,
    /// One byte there and back, again and again, with nothing beside it.
    Ping,
    Transfer(Way, u64),
    /// The same pings beside one download and one upload.
    Beside,
    /// The same beside one download, each on a connection of its own.
    BesideDown,
}

/// How much of everything.
pub(crate) struct Plan {
    pub(crate) repetitions: usize,
    pub(crate) environments: Vec<Environment>,
    pub(crate) starts: usize,
    pub(crate) pings: Duration,
    quick: bool,
}

impl Plan {
    pub(crate) fn new(quick: bool, repetitions: Option<usize>) -> Self {
        let mut environments = Vec::new();
        for pace in [Pace::Official, Pace::Off] {
            for tls in [false, true] {
                for latency_ms in [0, 20] {
                    environments.push(Environment { pace, latency_ms, tls });
                }
            }
        }
        if quick {
            environments.retain(|at| !at.tls || (at.pace == Pace::Off && at.latency_ms == 0));
        }
        Self {
            repetitions: repetitions.unwrap_or(if quick { 1 } else { 3 }),
            environments,
            starts: if quick { 1 } else { 3 },
            pings: Duration::from_secs(if quick { 1 } else { 2 }),
            quick,
        }
    }

    /// Bytes of one transfer over all its connections: what takes a few seconds, so that its
    /// beginning does not count for much.
    pub(crate) fn bytes(&self, pace: Pace, way: Way, connections: u64) -> u64 {
        let (full, quick) = match (pace, way) {
            (Pace::Official, Way::Down) => (3_000_000, 1_500_000),
            (Pace::Off, Way::Down) => (128_000_000, 64_000_000),
            // The agent's pace holds for downloads only: uploads at it say nothing new.
            (Pace::Official, Way::Up) => (128_000_000, 64_000_000),
            (Pace::Off, Way::Up) => (256_000_000, 128_000_000),
        };
        // Where each of several connections has the agent's pace to itself, that is over in no time.
        let times =
            if pace == Pace::Official && way == Way::Down && connections > 1 { 5 } else { 1 };
        times * if self.quick { quick } else { full }
    }

    /// How long pings go on beside bulk.
    pub(crate) fn beside(&self, pace: Pace) -> Duration {
        // At the official pace one of them takes half a second.
        let full = if pace == Pace::Official { 4 } else { 2 };
        Duration::from_secs(if self.quick { full / 2 } else { full })
    }
}

impl Client {
    pub(crate) const ALL: [Self; 6] = [
        Self::Adit,
        Self::AditOne,
        Self::AditSmall,
        Self::Bridge,
        Self::BridgeLarge,
        Self::NullSink,
    ];

    pub(crate) fn is_adit(self) -> bool {
        matches!(self, Self::Adit | Self::AditOne | Self::AditSmall)
    }

    pub(crate) fn stages(self) -> Vec<Stage> {
        let up = [1, 8].map(|connections| Stage::Transfer(Way::Up, connections));
        let down = [1, 8].map(|connections| Stage::Transfer(Way::Down, connections));
        match self {
            Self::Adit | Self::Bridge => {
                let mut stages = vec![Stage::Start, Stage::Fresh, Stage::Ping];
                stages.extend(down.into_iter().chain(up));
                stages.extend([Stage::Beside, Stage::BesideDown]);
                stages
            }
            // Downloads are cut by the agent, so the client's payload changes nothing there.
            Self::AditOne => vec![
                Stage::Transfer(Way::Down, 8),
                Stage::Transfer(Way::Up, 8),
                Stage::Beside,
                Stage::BesideDown,
            ],
            Self::AditSmall | Self::BridgeLarge => up.to_vec(),
            Self::NullSink => [Stage::Ping].into_iter().chain(down).collect(),
        }
    }
}

impl fmt::Display for Environment {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let pace = match self.pace {
            Pace::Official => "official",
            Pace::Off => "off",
        };
        let tls = if self.tls { "tls" } else { "plain" };
        write!(f, "{pace}-{}ms-{tls}", self.latency_ms)
    }
}

impl fmt::Display for Client {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Adit => "adit",
            Self::AditOne => "adit-1-lane",
            Self::AditSmall => "adit-1k",
            Self::Bridge => "bridge",
            Self::BridgeLarge => "bridge-32k",
            Self::NullSink => "null-sink",
        })
    }
}

impl fmt::Display for Way {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Down => "down",
            Self::Up => "up",
        })
    }
}

impl fmt::Display for Stage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Start => f.write_str("start"),
            Self::Fresh => f.write_str("fresh"),
            Self::Ping => f.write_str("ping"),
            Self::Transfer(way, connections) => write!(f, "{way}-{connections}"),
            Self::Beside => f.write_str("beside"),
            Self::BesideDown => f.write_str("beside-down"),
        }
    }
}

impl Environment {
    /// As a heading.
    pub(crate) fn title(&self) -> String {
        let pace = match self.pace {
            Pace::Official => "official pace",
            Pace::Off => "pace off",
        };
        let tls = if self.tls { "TLS" } else { "no TLS" };
        format!("{pace}, {} ms one way, {tls} (`{self}`)", self.latency_ms)
    }
}
