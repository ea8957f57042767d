use bytes::{Buf, BufMut, Bytes, BytesMut};
use sha2::{Digest, Sha256};

use crate::{MessageId, MessageType, PayloadType};

/// The bytes in front of a payload: what [`write_header`] fills.
pub const HEADER_LEN: usize = 120;

/// The value of the HeaderLength field in all that the official ends send: the offset of the
/// payload length, so four less than [`HEADER_LEN`].
pub const HEADER_LENGTH_FIELD: u32 = 116;

/// The same for messages without a payload type, which the service itself makes
/// (`channel_closed`; described by mmmorris1975/ssm-session-client `datachannel/agent_message.go`).
const SHORT_HEADER_LENGTH_FIELD: u32 = 112;

/// The longest payload that the length field can name.
pub const MAX_PAYLOAD: usize = u32::MAX as usize;

const SCHEMA_VERSION: u32 = 1;

/// Values of the Flags field. Nobody reads them; they are sent as the official ends do (rule
/// P-HDR-9).
pub mod flags {
    /// Ordinary stream data.
    pub const NONE: u64 = 0;
    /// The agent's first stream message.
    pub const SYN: u64 = 1;
    /// Acknowledgements and `agent_session_state`.
    pub const SYN_FIN: u64 = 3;
}

/// What a message says about itself, apart from its digest and length.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Header {
    /// What the message is.
    pub message_type: MessageType,
    /// Milliseconds since the Unix epoch; the agent refuses zero.
    pub created_ms: u64,
    /// Position in its direction's stream; zero in everything that is not stream data.
    pub sequence: i64,
    /// See [`flags`].
    pub flags: u64,
    /// The id that acknowledgements repeat.
    pub id: MessageId,
    /// What the payload is.
    pub payload_type: PayloadType,
}

/// A decoded message; the payload shares the memory it came in.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Message {
    /// The header.
    pub header: Header,
    /// SHA-256 of the payload, as the header has it; see [`Message::digest_matches`].
    pub digest: [u8; 32],
    /// Everything behind the header, to the end of the websocket message.
    pub payload: Bytes,
}

/// Bytes that are no message.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
#[non_exhaustive]
pub enum DecodeError {
    /// Fewer bytes than the header needs.
    #[error("message of {len} bytes is shorter than its header of {need}")]
    Truncated {
        /// Bytes that came.
        len: usize,
        /// Bytes that the header needs.
        need: usize,
    },
    /// A HeaderLength that no known sender uses.
    #[error("header length {0}, expected 116 or 112")]
    HeaderLength(u32),
}

impl Message {
    /// Decodes a message by its HeaderLength field, 116 or 112 (rules P-HDR-1 to P-HDR-4).
    ///
    /// As in both official parsers the payload runs to the end of `bytes`, whatever the payload
    /// length field says, and nothing is judged: digest, date and sequence are the caller's to
    /// check. Nothing is copied.
    ///
    /// `start_publication` and `pause_publication` are known by their type alone, whatever else
    /// their header holds or lacks (rule P-HDR-8); such a message has no payload.
    pub fn decode(mut bytes: Bytes) -> Result<Self, DecodeError> {
        let (header, digest, payload_at) =
            parse_header(&bytes).or_else(|error| parse_publication(&bytes).ok_or(error))?;
        bytes.advance(payload_at);
        Ok(Self { header, digest, payload: bytes })
    }

    /// Whether the payload is the one that the sender hashed. An empty payload always matches,
    /// as in the official client, which checks only what has a length (rule P-HDR-6).
    pub fn digest_matches(&self) -> bool {
        self.payload.is_empty() || digest(&self.payload) == self.digest
    }
}

/// Header, digest, and where the payload begins.
type Parsed = (Header, [u8; 32], usize);

fn parse_header(bytes: &[u8]) -> Result<Parsed, DecodeError> {
    let truncated = |need| DecodeError::Truncated { len: bytes.len(), need };
    let mut rest = Fields(bytes);
    let header_length = rest.u32().ok_or(truncated(HEADER_LEN))?;
    let short = match header_length {
        HEADER_LENGTH_FIELD => false,
        SHORT_HEADER_LENGTH_FIELD => true,
        other => return Err(DecodeError::HeaderLength(other)),
    };
    let payload_at = header_length as usize + 4;
    let (header, digest) = rest.header(short).ok_or(truncated(payload_at))?;
    Ok((header, digest, payload_at))
}

/// Reads a message of which only the type can be trusted, when that type needs nothing else.
fn parse_publication(bytes: &[u8]) -> Option<Parsed> {
    let mut rest = Fields(bytes);
    let _header_length = rest.u32()?;
    let message_type = MessageType::from_field(rest.take()?);
    matches!(message_type, MessageType::StartPublication | MessageType::PausePublication).then(
        || {
            let header = Header {
                message_type,
                created_ms: 0,
                sequence: 0,
                flags: flags::NONE,
                id: MessageId::default(),
                payload_type: PayloadType::Undefined,
            };
            (header, [0; 32], bytes.len())
        },
    )
}

/// Big-endian fields, taken from the front.
struct Fields<'a>(&'a [u8]);

impl Fields<'_> {
    fn take<const N: usize>(&mut self) -> Option<[u8; N]> {
        let (field, rest) = self.0.split_first_chunk::<N>()?;
        self.0 = rest;
        Some(*field)
    }

    fn u32(&mut self) -> Option<u32> {
        self.take().map(u32::from_be_bytes)
    }

    fn u64(&mut self) -> Option<u64> {
        self.take().map(u64::from_be_bytes)
    }

    /// Reads all that stands between HeaderLength and the payload.
    fn header(&mut self, short: bool) -> Option<(Header, [u8; 32])> {
        let message_type = MessageType::from_field(self.take()?);
        let _schema_version = self.u32()?;
        let created_ms = self.u64()?;
        let sequence = self.take().map(i64::from_be_bytes)?;
        let flags = self.u64()?;
        let id = MessageId::from_wire(self.take()?);
        let digest = self.take()?;
        let payload_type =
            if short { PayloadType::Undefined } else { PayloadType::from(self.u32()?) };
        let _payload_length = self.u32()?;
        let header = Header { message_type, created_ms, sequence, flags, id, payload_type };
        Some((header, digest))
    }
}

/// SHA-256 of a payload.
fn digest(payload: &[u8]) -> [u8; 32] {
    Sha256::digest(payload).into()
}

/// Writes the 120 bytes that stand before `payload`, its digest among them.
///
/// This seals a message in place: the payload already lies behind its headroom, and is only read.
pub fn write_header(out: &mut [u8; HEADER_LEN], header: &Header, payload: &[u8]) {
    let mut out = &mut out[..];
    out.put_u32(HEADER_LENGTH_FIELD);
    out.put_slice(&header.message_type.to_field());
    out.put_u32(SCHEMA_VERSION);
    out.put_u64(header.created_ms);
    out.put_i64(header.sequence);
    out.put_u64(header.flags);
    out.put_slice(&header.id.to_wire());
    out.put_slice(&digest(payload));
    out.put_u32(header.payload_type.into());
    // A payload over 4 GiB cannot be named; the official parsers ignore the field anyway.
    out.put_u32(u32::try_from(payload.len()).unwrap_or(u32::MAX));
}

/// Encodes a whole message into memory of its own: for everything that is not the byte path.
pub fn encode(header: &Header, payload: &[u8]) -> Bytes {
    let mut head = [0; HEADER_LEN];
    write_header(&mut head, header, payload);
    let mut out = BytesMut::with_capacity(HEADER_LEN + payload.len());
    out.put_slice(&head);
    out.put_slice(payload);
    out.freeze()
}
