use std::collections::HashMap;
use std::net::SocketAddr;
use std::ops::RangeInclusive;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use rand::RngExt;
use rand::rngs::StdRng;

use crate::HostPort;

/// How fast an emulated agent reads its destination.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum Pace {
    /// A pause of about 1.1 ms after each message, as the official agent makes (`port_mux.go`
    /// `transferDataToMgs`, `port_basic.go` `WritePump`: a sleep of 1 ms that takes a little longer).
    #[default]
    Official,
    /// No pause.
    Off,
}

/// Which defects of the official agent an emulated one has.
///
/// The default is what the official agent does; a switch that is turned the other way gives what
/// a careful implementation would do. File and function names are those of
/// aws/amazon-ssm-agent.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Quirks {
    /// Stream data that comes before the handshake is complete is acknowledged and thrown away
    /// (`datachannel.go` `processStreamDataMessage`). Off: it is not acknowledged.
    pub discards_before_handshake: bool,
    /// `HandshakeComplete` is sent a moment before the handshake counts as complete
    /// (`datachannel.go` `PerformHandshake`). Off: the moment is gone.
    pub completes_late: bool,
    /// A second `HandshakeResponse` with a sequence number of its own, or one that comes after the
    /// handshake has failed, blocks the reader for good: nobody receives from the unbuffered
    /// channel (`datachannel.go` `handleHandshakeResponse`). Off: it is acknowledged.
    pub blocks_on_second_response: bool,
    /// A message whose HeaderLength points behind its end kills the reader, with no reconnection
    /// (`agentmessage.go` `Deserialize` panics, recovered in `websocketchannel.go` `Open`).
    /// Off: it is dropped.
    pub dies_of_bad_header: bool,
    /// Digests are not looked at (`agentmessage.go` `Validate`). Off: what does not match is
    /// dropped without an acknowledgement.
    pub ignores_digests: bool,
    /// Every stream data message and every acknowledgement ends a pause (`datachannel.go`
    /// `handleStreamDataMessage`, `handleAcknowledgeMessage`). Off: only `start_publication` does.
    pub resumes_on_any_message: bool,
    /// Of several overdue messages only the oldest is sent again at a tick (`datachannel.go`
    /// `ResendStreamDataMessageScheduler`). Off, and at [`Pace::Off`], where a lost websocket
    /// would otherwise cost minutes: all are.
    pub resends_only_the_oldest: bool,
    /// Nothing is sent again because of a reconnection (`datachannel.go` `Reconnect`).
    /// Off: all that is unacknowledged is, at once.
    pub reconnects_without_resending: bool,
    /// Destinations are read on while there is no websocket, and their messages lost until each
    /// has been the oldest unacknowledged one (`datachannel.go` `SendStreamDataMessage` stores
    /// what it could not write). At [`Pace::Off`] the agent always waits instead, since a second
    /// would lose more messages than a head-only resend repairs in an hour.
    pub reads_on_while_disconnected: bool,
    /// A message is stored for resending after it was written, so an acknowledgement that comes
    /// in between finds nothing (`datachannel.go` `SendStreamDataMessage`). Off by default: it
    /// only shows on loopback, where it makes 1 to 2 % of duplicates.
    pub stores_after_writing: bool,
    /// A message whose acknowledgement could not be written counts as not received, although it
    /// was processed: sent again, it reaches the destination twice (`datachannel.go`
    /// `handleStreamDataMessage`). Off by default: it takes a websocket that still gives what it
    /// no longer takes, and no client has a remedy.
    pub repeats_after_failed_acknowledgement: bool,
    /// Clients up to version 1.2.331.0 that are silent between two ticks of 30 s lose their
    /// session (`port_mux.go` `initialize` leaves smux' keep-alive on). Off: they live on.
    pub kills_silent_old_clients: bool,
    /// Destinations are dialled one after another, so a slow one delays the other opens
    /// (`port_mux.go` `handleServerConnections`). Off: side by side.
    pub dials_one_at_a_time: bool,
    /// FIN from the client closes the destination's connection in both directions
    /// (`port_mux.go` `handleDataTransfer`). Off: only the direction to the destination.
    pub fin_closes_both_directions: bool,
    /// A refused dial of a single-connection session crashes the session worker, and the end is
    /// told only after 60 s (`port_basic.go` `Stop` on a nil connection). Off: it is told at once.
    pub crashes_on_refused_dial: bool,
}

impl Default for Quirks {
    fn default() -> Self {
        Self {
            discards_before_handshake: true,
            completes_late: true,
            blocks_on_second_response: true,
            dies_of_bad_header: true,
            ignores_digests: true,
            resumes_on_any_message: true,
            resends_only_the_oldest: true,
            reconnects_without_resending: true,
            reads_on_while_disconnected: true,
            stores_after_writing: false,
            repeats_after_failed_acknowledgement: false,
            kills_silent_old_clients: true,
            dials_one_at_a_time: true,
            fin_closes_both_directions: true,
            crashes_on_refused_dial: true,
        }
    }
}

/// What can change while a lab runs; sessions take what holds when they start.
#[derive(Clone, Debug)]
pub(crate) struct Runtime {
    /// What the agent says it is. Up to 3.0.196.0 it has no multiplexing, whatever the client is.
    pub(crate) agent_version: String,
    /// How long the port handler takes to get ready after `HandshakeComplete`; drawn per session.
    /// Most official agents on a quiet machine take a few milliseconds.
    pub(crate) handler_delay: RangeInclusive<Duration>,
    /// How long after `HandshakeComplete` was sent the handshake counts as complete, on top of
    /// what the scheduler makes of it.
    pub(crate) completion_delay: Duration,
    /// How long each dial of a destination takes longer than it would.
    pub(crate) dial_delay: Duration,
    /// Destinations that have moved, or that nobody knows any more.
    pub(crate) moved: HashMap<HostPort, Option<SocketAddr>>,
    /// How long a dial goes on when nobody answers: on Linux until six repeated SYNs were in vain
    /// (`tcp_syn_retries`).
    pub(crate) connect_timeout: Duration,
    /// How long the client has for its `HandshakeResponse` (`datachannel.go` `handshakeTimeout`).
    pub(crate) handshake_timeout: Duration,
    /// How long nothing is heard of a crashed session worker (`messaging.go`).
    pub(crate) crash_silence: Duration,
    /// How long an ending session waits for outstanding acknowledgements (`datachannel.go`
    /// `PrepareToCloseChannel`).
    pub(crate) closing_wait: Duration,
    /// First pause between two attempts to reconnect, drawn; it doubles each time
    /// (`session/config/config.go`).
    pub(crate) retry_delay: RangeInclusive<Duration>,
    /// Between two smux NOPs to clients that want them (smux' default).
    pub(crate) keep_alive_interval: Duration,
    /// Between two looks at whether such a client has said anything (smux' default).
    pub(crate) keep_alive_timeout: Duration,
}

impl Default for Runtime {
    fn default() -> Self {
        Self {
            agent_version: "3.3.987.0".to_owned(),
            handler_delay: Duration::ZERO..=Duration::from_millis(10),
            completion_delay: Duration::ZERO,
            dial_delay: Duration::ZERO,
            moved: HashMap::new(),
            connect_timeout: Duration::from_secs(127),
            handshake_timeout: Duration::from_secs(15),
            crash_silence: Duration::from_mins(1),
            closing_wait: Duration::from_secs(2),
            retry_delay: Duration::from_millis(100)..=Duration::from_millis(199),
            keep_alive_interval: Duration::from_secs(10),
            keep_alive_timeout: Duration::from_secs(30),
        }
    }
}

/// Sizes of the official agent's buffers.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Limits {
    /// Unacknowledged messages that are kept; one more is sent but not kept
    /// (`datachannel.go` `AddDataToOutgoingMessageBuffer`).
    pub(crate) outgoing: usize,
    /// Messages kept that came before their turn; one more is dropped unacknowledged.
    pub(crate) incoming: usize,
    /// Bytes of all streams that wait for their destinations, in smux; at the limit nothing more
    /// is read for any of them.
    pub(crate) receive_buffer: usize,
    /// Bytes in each direction of the socket between data channel and smux.
    pub(crate) pipe: usize,
    /// Streams that wait to be accepted, in smux.
    pub(crate) accept_backlog: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            outgoing: 100_000,
            incoming: 100_000,
            receive_buffer: 4 << 20,
            // Linux' default for a Unix socket (net.core.wmem_default).
            pipe: 212_992,
            accept_backlog: 1024,
        }
    }
}

/// What all emulated agents of a lab share.
#[derive(Debug)]
pub(crate) struct AgentConfig {
    /// How fast destinations are read.
    pub(crate) pace: Pace,
    /// Destinations that lead elsewhere.
    pub(crate) maps: Vec<(HostPort, SocketAddr)>,
    /// Defects of the official agent.
    pub(crate) quirks: Quirks,
    /// Sizes of buffers.
    pub(crate) limits: Limits,
    runtime: Mutex<Runtime>,
}

impl AgentConfig {
    /// The configuration of a new lab.
    pub(crate) fn new(pace: Pace, maps: Vec<(HostPort, SocketAddr)>, quirks: Quirks) -> Self {
        Self { pace, maps, quirks, limits: Limits::default(), runtime: Mutex::default() }
    }

    /// What holds for sessions that start at this moment.
    pub(crate) fn runtime(&self) -> Runtime {
        self.runtime.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Changes what holds for sessions that start from here on.
    pub(crate) fn update(&self, change: impl FnOnce(&mut Runtime)) {
        change(&mut self.runtime.lock().unwrap_or_else(PoisonError::into_inner));
    }
}

/// A duration from a range; its start when it is empty.
pub(super) fn draw(rng: &mut StdRng, range: &RangeInclusive<Duration>) -> Duration {
    if range.is_empty() { *range.start() } else { rng.random_range(range.clone()) }
}
