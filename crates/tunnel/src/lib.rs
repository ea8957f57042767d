//! The tokio shell around the engine: it dials, carries bytes, and holds a session alive.
//!
//! A [`Tunnel`] is one or several sessions, its lanes, behind a local listener, and others when those
//! are gone. What decides is in the engine; this crate carries it out: [one task](Tunnel::open) opens
//! and closes lanes, one task per lane moves messages between websocket and engine and does what the
//! supervisor says, one task per local connection moves bytes between its socket and the engine. They
//! share the engine behind one lock per lane that is never held across an await, and there is no
//! channel on the byte path.
//!
//! Where sessions come from is the caller's [`SessionSource`].

mod clock;
mod dial;
mod driver;
mod error;
mod event;
mod forward;
mod lane;
mod lanes;
mod link;
mod listener;
mod local;
mod options;
mod shared;
mod source;
mod stream;
mod tunnel;

pub use adit_engine::{Cause, Loss, Mode, Stats, StreamId};
pub use adit_engine::{ExtendError, Extension, Limit, LimitEvent, Limits, LimitsConfig, Remaining};
#[doc(hidden)]
pub use adit_engine::{Handling, UnknownHandling, Without};
pub use clock::SuspendClock;
pub use dial::{DialError, Stage, TlsFailure};
pub use error::{End, TunnelError};
pub use event::{Rejection, StreamEnd, TunnelEvent, Warning};
pub use listener::{ListenError, Listener};
pub use options::{DialOptions, ProxySettings, TunnelOptions};
pub use shared::{LaneStats, TunnelStats};
pub use source::{Fatal, FatalKind, Resumption, Secret, SessionSource, SourceError, Ticket};
pub use tunnel::Tunnel;

pub(crate) use shared::Shared;
