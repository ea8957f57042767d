/// The payload of a message of type [`PayloadType::Flag`](crate::PayloadType::Flag): 4 bytes (rule
/// P-FLAG-1).
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Flag {
    /// Client to agent in single-connection sessions: close the destination's connection.
    DisconnectToPort,
    /// Client to agent: end the session. Understood by agents above 2.3.722.0.
    TerminateSession,
    /// Agent to client: the destination refused. Names no stream.
    ConnectToPortError,
    /// A number that this crate does not know; decoding never puts a known one here.
    Other(u32),
}

/// A flag payload that is not 4 bytes long.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
#[error("flag payload of {0} bytes, expected 4")]
pub struct FlagError(pub usize);

impl Flag {
    /// Reads the payload.
    pub fn decode(payload: &[u8]) -> Result<Self, FlagError> {
        let number = <[u8; 4]>::try_from(payload).map_err(|_| FlagError(payload.len()))?;
        Ok(match u32::from_be_bytes(number) {
            1 => Self::DisconnectToPort,
            2 => Self::TerminateSession,
            3 => Self::ConnectToPortError,
            other => Self::Other(other),
        })
    }

    /// The payload.
    pub const fn encode(self) -> [u8; 4] {
        match self {
            Self::DisconnectToPort => 1_u32,
            Self::TerminateSession => 2,
            Self::ConnectToPortError => 3,
            Self::Other(other) => other,
        }
        .to_be_bytes()
    }
}
