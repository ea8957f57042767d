use adit_wire::MessageType;
use bytes::Bytes;
use serde::{Deserialize, Serialize};
use tokio::sync::oneshot;

use super::buffer::Buffer;
use super::counts::Seen;
use super::leg::Leg;

/// One of the two sides of a session.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Side {
    /// Whoever called StartSession.
    Client,
    /// The instance.
    Agent,
}

impl Side {
    /// Both.
    pub(crate) const BOTH: [Self; 2] = [Self::Client, Self::Agent];

    pub(crate) fn other(self) -> Self {
        match self {
            Self::Client => Self::Agent,
            Self::Agent => Self::Client,
        }
    }

    /// The type of the stream data that this side sends.
    pub(super) fn data(self) -> MessageType {
        match self {
            Self::Client => MessageType::InputStreamData,
            Self::Agent => MessageType::OutputStreamData,
        }
    }
}

/// How a websocket is ended.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Hangup {
    /// A TCP reset, without a close frame.
    Reset,
    /// A close frame with this code, then the end of the stream.
    Close(u16),
}

/// The gateway's end of an attached leg.
#[derive(Debug)]
pub(super) struct Link {
    /// Tells this attachment from earlier ones of the same side.
    pub(super) number: u64,
    pub(super) leg: Leg,
    /// Ends the websocket behind the leg; an agent in this process has none.
    pub(super) hangup: Option<oneshot::Sender<Hangup>>,
}

/// Whether a side is there.
#[derive(Debug, Default)]
pub(super) enum Slot {
    #[default]
    Away,
    Here(Link),
    /// Its websocket was told to end and has yet to hand back what it did not write; a successor
    /// waits for that, so that the order is kept.
    Leaving {
        number: u64,
        next: Option<Link>,
    },
}

/// All that the gateway holds for one side.
#[derive(Debug, Default)]
pub(super) struct End {
    pub(super) slot: Slot,
    /// What is on its way to this side.
    pub(super) buffer: Buffer,
    /// What this side has sent.
    pub(super) seen: Seen,
    /// Whether it has ever been there.
    pub(super) known: bool,
}

/// What happened at a side.
#[derive(Debug)]
pub(super) enum Event {
    Message(Bytes),
    /// The leg takes messages.
    Writable,
    /// The leg is gone.
    Gone,
}

impl End {
    pub(super) fn is_here(&self) -> bool {
        matches!(self.slot, Slot::Here(_))
    }

    /// Waits for the next event of the asked kinds; for ever when the side is away.
    pub(super) async fn event(&mut self, read: bool, write: bool) -> Event {
        let Slot::Here(Link { leg: Leg { rx, tx }, .. }) = &mut self.slot else {
            return std::future::pending().await;
        };
        tokio::select! {
            message = rx.recv(), if read => message.map_or(Event::Gone, Event::Message),
            permit = tx.reserve(), if write => permit.map_or(Event::Gone, |_| Event::Writable),
            () = tx.closed() => Event::Gone,
        }
    }
}
