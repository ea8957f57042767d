//! What a run came to.

use crate::Time;
use crate::oracle::Violation;

/// What a run adds up to.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Totals {
    /// Events handled.
    pub steps: u64,
    /// The time at the end.
    pub time: Time,
    /// Bytes that reached the other end of a stream.
    pub bytes: u64,
    /// Websockets that were lost.
    pub cuts: u64,
    /// Websockets that took over from a lost one.
    pub resumes: u64,
    /// Websockets that took over from one that still worked.
    pub rollovers: u64,
    /// Sessions that took over from one that was over.
    pub replacements: u64,
    /// Tunnels that came to an end, after which somebody opened another.
    pub tunnels: u64,
    /// Messages that the client sent again.
    pub client_resends: u64,
    /// Messages that the agent sent again.
    pub peer_resends: u64,
    /// Messages that the network lost.
    pub lost: u64,
    /// Streams that ended.
    pub ended: u64,
    /// Streams that broke off.
    pub broken: u64,
}

/// How a run ended.
#[derive(Clone, PartialEq, Debug)]
pub struct Report {
    /// What it adds up to.
    pub totals: Totals,
    /// What was wrong.
    pub violation: Option<Violation>,
    /// The digest of all that happened.
    pub hash: u64,
    /// Whether everything that was to happen has.
    pub is_complete: bool,
    /// What happened last, when something was wrong.
    pub trace: String,
}
