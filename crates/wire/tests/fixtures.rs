//! Messages that the official programs' own encoders made, kept as commented hexadecimal.

use bytes::Bytes;

/// Every fixture, by what it is.
pub(crate) const ALL: [(&str, &str); 9] = [
    ("output from client", OUTPUT_FROM_CLIENT),
    ("acknowledge", ACKNOWLEDGE),
    ("flag terminate", FLAG_TERMINATE),
    ("handshake response", HANDSHAKE_RESPONSE),
    ("handshake request", HANDSHAKE_REQUEST),
    ("output from agent", OUTPUT_FROM_AGENT),
    ("flag connect error", FLAG_CONNECT_ERROR),
    ("agent session state", AGENT_SESSION_STATE),
    ("channel closed", CHANNEL_CLOSED_SHORT),
];

pub(crate) const OUTPUT_FROM_CLIENT: &str = include_str!("vectors/output_from_client.hex");
pub(crate) const ACKNOWLEDGE: &str = include_str!("vectors/acknowledge.hex");
pub(crate) const FLAG_TERMINATE: &str = include_str!("vectors/flag_terminate.hex");
pub(crate) const HANDSHAKE_RESPONSE: &str = include_str!("vectors/handshake_response.hex");
pub(crate) const HANDSHAKE_REQUEST: &str = include_str!("vectors/handshake_request.hex");
pub(crate) const OUTPUT_FROM_AGENT: &str = include_str!("vectors/output_from_agent.hex");
pub(crate) const FLAG_CONNECT_ERROR: &str = include_str!("vectors/flag_connect_error.hex");
pub(crate) const AGENT_SESSION_STATE: &str = include_str!("vectors/agent_session_state.hex");
pub(crate) const CHANNEL_CLOSED_SHORT: &str = include_str!("vectors/channel_closed_short.hex");

/// The bytes of a fixture: hexadecimal digits, with blanks and `#` comments between them.
pub(crate) fn bytes(text: &str) -> Bytes {
    let digits: Vec<u8> = text
        .lines()
        .filter_map(|line| line.split('#').next())
        .flat_map(str::bytes)
        .filter(|byte| !byte.is_ascii_whitespace())
        .map(|digit| char::from(digit).to_digit(16).expect("a hexadecimal digit") as u8)
        .collect();
    assert!(digits.len().is_multiple_of(2), "half a byte");
    digits.chunks(2).map(|pair| pair[0] << 4 | pair[1]).collect()
}
