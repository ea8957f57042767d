use std::net::SocketAddr;

use crate::HostPort;

/// How fast an emulated agent reads its destination.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum Pace {
    /// A pause of about 1.1 ms after each read, as the official agent makes.
    #[default]
    Official,
    /// No pause.
    Off,
}

/// Which habits of the official agent an emulated one has.
#[derive(Clone, Debug, Default)]
pub struct Quirks {}

/// What all emulated agents of a lab share.
#[derive(Debug)]
pub(crate) struct AgentConfig {
    /// How fast destinations are read.
    pub(crate) pace: Pace,
    /// Destinations that lead elsewhere.
    pub(crate) maps: Vec<(HostPort, SocketAddr)>,
    /// Habits of the official agent.
    pub(crate) quirks: Quirks,
}

impl AgentConfig {
    /// The configuration of a new lab.
    pub(crate) fn new(pace: Pace, maps: Vec<(HostPort, SocketAddr)>, quirks: Quirks) -> Self {
        Self { pace, maps, quirks }
    }
}
