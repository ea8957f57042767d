//! The Session Manager session as a sans-IO state machine.
//!
//! [`Session`] holds everything that outlives a websocket: the handshake, the sequence numbers,
//! what is not acknowledged yet, and the streams inside. It opens no socket, reads no clock and
//! draws no entropy: time is an argument and randomness a seed.
//!
//! The contract is quinn-proto's: after each call that changes the session, drain
//! [`poll_transmit`](Session::poll_transmit) and [`poll_event`](Session::poll_event), then sleep
//! until [`poll_timeout`](Session::poll_timeout), which is later than `now` once
//! [`handle_timeout`](Session::handle_timeout) was called with it.

mod activity;
mod chunk;
mod cipher;
mod config;
mod error;
mod event;
mod handling;
mod limits;
mod pool;
mod session;
mod stats;
#[cfg(test)]
mod test_clock;
mod timers;
mod tunnel;
mod version;

pub use activity::Activity;
pub use chunk::Chunk;
pub use cipher::{Cipher, CipherError, DataKey};
pub use config::{Epoch, SessionConfig};
pub use error::{CloseReason, HandshakeError, OpenError, ProtocolError, WriteError};
pub use event::{Cause, Event, Loss, Mode, Read, StreamId};
#[doc(hidden)]
pub use handling::{Handling, UnknownHandling, Without};
pub use limits::{ExtendError, Extension, Limit, LimitEvent, Limits, LimitsConfig, Remaining};
pub use session::Session;
pub use stats::Stats;
pub use tunnel::{
    Action, Closing, Gone, LaneAction, LaneId, Lanes, LanesConfig, Load, Meter, Over, Place,
    Resumption, Setback, Supervised, Supervisor, SupervisorConfig, Trouble,
};

pub use adit_wire::handshake::KmsParameters;
