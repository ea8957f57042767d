//! smux version 1 frames: the framing of streams inside a multiplexed port session.
//!
//! All payloads of type Output, in sequence order, are one smux byte stream per direction;
//! message boundaries mean nothing to it. Integers are little-endian, unlike everywhere else
//! (rules P-MUX-1 to P-MUX-4).

/// Bytes of a frame header.
pub const HEADER_LEN: usize = 8;

/// The longest body that the length field can name; the official receiver takes all of it.
pub const MAX_BODY: usize = u16::MAX as usize;

/// The only version that the official agent speaks; another one silences the session for good.
const VERSION: u8 = 1;

/// A frame, whose kind says whether it has a body: only PSH may have one, since the official
/// receiver does not skip the body of any other.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Frame {
    /// Opens a stream.
    Syn {
        /// Odd from clients, the first is 3.
        stream: u32,
    },
    /// Ends a stream, in both directions at once.
    Fin {
        /// The stream.
        stream: u32,
    },
    /// Carries bytes of a stream.
    Psh {
        /// The stream.
        stream: u32,
        /// Bytes that follow the header.
        len: u16,
    },
    /// Carries nothing.
    Nop,
}

/// A header after which the rest of the byte stream cannot be read.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
pub enum FrameError {
    /// Not version 1.
    #[error("smux version {0}, expected 1")]
    Version(u8),
    /// Not one of the four commands.
    #[error("unknown smux command {0}")]
    Command(u8),
    /// A body where none may be.
    #[error("smux command {command} with a body of {len} bytes")]
    Body {
        /// The command.
        command: u8,
        /// Its length field.
        len: u16,
    },
}

impl Frame {
    /// Reads a header.
    pub fn decode(header: [u8; HEADER_LEN]) -> Result<Self, FrameError> {
        let [version, command, l0, l1, s0, s1, s2, s3] = header;
        if version != VERSION {
            return Err(FrameError::Version(version));
        }
        let len = u16::from_le_bytes([l0, l1]);
        let stream = u32::from_le_bytes([s0, s1, s2, s3]);
        let frame = match command {
            0 => Self::Syn { stream },
            1 => Self::Fin { stream },
            2 => return Ok(Self::Psh { stream, len }),
            3 => Self::Nop,
            other => return Err(FrameError::Command(other)),
        };
        if len == 0 { Ok(frame) } else { Err(FrameError::Body { command, len }) }
    }

    /// The header.
    pub const fn encode(self) -> [u8; HEADER_LEN] {
        let (command, len, stream) = match self {
            Self::Syn { stream } => (0, 0, stream),
            Self::Fin { stream } => (1, 0, stream),
            Self::Psh { stream, len } => (2, len, stream),
            Self::Nop => (3, 0, 0),
        };
        let [l0, l1] = u16::to_le_bytes(len);
        let [s0, s1, s2, s3] = stream.to_le_bytes();
        [VERSION, command, l0, l1, s0, s1, s2, s3]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_examples_of_the_protocol() {
        let table: [(Frame, [u8; 8]); 4] = [
            (Frame::Syn { stream: 3 }, [1, 0, 0, 0, 3, 0, 0, 0]),
            (Frame::Psh { stream: 3, len: 3 }, [1, 2, 3, 0, 3, 0, 0, 0]),
            (Frame::Fin { stream: 3 }, [1, 1, 0, 0, 3, 0, 0, 0]),
            (Frame::Nop, [1, 3, 0, 0, 0, 0, 0, 0]),
        ];
        for (frame, bytes) in table {
            assert_eq!(frame.encode(), bytes);
            assert_eq!(Frame::decode(bytes), Ok(frame));
        }
    }

    #[test]
    fn what_would_desynchronise_is_refused() {
        assert_eq!(Frame::decode([2, 2, 0, 0, 3, 0, 0, 0]), Err(FrameError::Version(2)));
        assert_eq!(Frame::decode([1, 4, 8, 0, 3, 0, 0, 0]), Err(FrameError::Command(4)));
        assert_eq!(
            Frame::decode([1, 0, 1, 0, 3, 0, 0, 0]),
            Err(FrameError::Body { command: 0, len: 1 })
        );
    }
}
