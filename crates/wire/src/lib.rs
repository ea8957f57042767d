//! The Session Manager wire protocol: bytes to values and back.
//!
//! Everything here is total and stateless: no decoder panics or reads past its input, whatever
//! the bytes are, and nothing is remembered between calls. `docs/protocol.md` numbers the rules
//! and says where each fact comes from.
//!
//! - [`Message`] is the binary message of the data and control channels; [`encode`] and
//!   [`write_header`] make one.
//! - [`Ack`], [`handshake`], [`channel`], [`control`] and [`encryption`] are the JSON bodies.
//! - [`Flag`] and [`Size`] are the other payloads; [`smux`] is the framing inside port sessions.

mod ack;
pub mod channel;
pub mod control;
pub mod encryption;
mod flag;
pub mod handshake;
mod id;
mod kind;
mod message;
mod size;
pub mod smux;

pub use ack::{Ack, AckedMessage};
pub use flag::{Flag, FlagError};
pub use id::{MessageId, ParseIdError};
pub use kind::{MessageType, PayloadType, TypeName};
pub use message::{
    DecodeError, HEADER_LEN, HEADER_LENGTH_FIELD, Header, MAX_PAYLOAD, Message, encode, flags,
    write_header,
};
pub use size::Size;
