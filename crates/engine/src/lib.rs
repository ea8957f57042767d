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

mod chunk;
mod cipher;
mod config;
mod error;
mod event;
mod limits;
mod pool;
mod session;
mod stats;
#[cfg(test)]
mod test_clock;
mod timers;
mod version;

pub use chunk::Chunk;
pub use cipher::{Cipher, CipherError, DataKey};
pub use config::{Epoch, SessionConfig};
pub use error::{CloseReason, HandshakeError, OpenError, ProtocolError, WriteError};
pub use event::{Cause, Event, Loss, Mode, Read, StreamId};
pub use limits::{ExtendError, Extension, Limit, LimitEvent, Limits, LimitsConfig, Remaining};
pub use session::Session;
pub use stats::Stats;

pub use adit_wire::handshake::KmsParameters;
