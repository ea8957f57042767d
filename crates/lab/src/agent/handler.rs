use adit_wire::{Flag, Message, PayloadType};

use super::basic;
use super::handshake::Response;
use super::mux;

/// The port handler's receiving end, owned by the reader: what blocks it blocks the reader.
pub(super) enum Handler {
    Mux(mux::Input),
    Basic(basic::Input),
}

/// What a processed message asks for.
pub(super) enum Handled {
    Done,
    /// The handshake goes on.
    Response(Response),
    /// The session ends.
    Terminate,
}

impl Handler {
    /// Processes a message; `None` when that failed (`port_mux.go` and `port_basic.go`
    /// `HandleStreamMessage`). Payload types that mean nothing here are fine.
    pub(super) async fn handle(&mut self, message: &Message) -> Option<Handled> {
        match message.header.payload_type {
            PayloadType::Output => match self {
                Self::Mux(input) => input.write(&message.payload).await?,
                Self::Basic(input) => input.write(&message.payload).await?,
            },
            PayloadType::Flag => match (Flag::decode(&message.payload), self) {
                (Ok(Flag::TerminateSession), handler) if handler.knows_terminate() => {
                    return Some(Handled::Terminate);
                }
                (Ok(Flag::DisconnectToPort), Self::Basic(input)) => input.disconnect().await,
                _ => {}
            },
            _ => {}
        }
        Some(Handled::Done)
    }

    fn knows_terminate(&self) -> bool {
        match self {
            // Multiplexing came long after the flag.
            Self::Mux(_) => true,
            Self::Basic(input) => input.knows_terminate(),
        }
    }
}
