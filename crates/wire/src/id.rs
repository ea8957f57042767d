use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Deserializer, Serialize, Serializer, de};
use uuid::{Builder, Uuid};

/// A message id: a UUID whose two 8-byte halves stand swapped in the binary header (rule
/// P-HDR-5).
///
/// The value holds the canonical order, the one its text form shows; only
/// [`to_wire`](Self::to_wire) and [`from_wire`](Self::from_wire) swap.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct MessageId(Uuid);

impl MessageId {
    /// Makes a version 4 id from 16 random bytes: the caller owns the randomness.
    pub fn from_random(bytes: [u8; 16]) -> Self {
        Self(Builder::from_random_bytes(bytes).into_uuid())
    }

    /// Wraps 16 bytes in canonical order.
    pub const fn from_bytes(bytes: [u8; 16]) -> Self {
        Self(Uuid::from_bytes(bytes))
    }

    /// The 16 bytes in canonical order.
    pub const fn as_bytes(&self) -> &[u8; 16] {
        self.0.as_bytes()
    }

    /// The 16 bytes as the header carries them: the second half first.
    pub const fn to_wire(self) -> [u8; 16] {
        self.0.as_u128().rotate_left(64).to_be_bytes()
    }

    /// Writes the text form in lower case.
    pub(crate) fn write_hyphenated<'a>(&self, text: &'a mut [u8; 36]) -> &'a [u8] {
        self.0.as_hyphenated().encode_lower(text).as_bytes()
    }

    /// Reads the text form with hyphens, and no other.
    pub(crate) fn parse_hyphenated(text: &[u8]) -> Option<Self> {
        let is_hyphenated = text.len() == 36;
        Uuid::try_parse_ascii(text).ok().filter(|_| is_hyphenated).map(Self)
    }

    /// Reads the 16 bytes that a header carries.
    pub const fn from_wire(bytes: [u8; 16]) -> Self {
        Self(Uuid::from_u128(u128::from_be_bytes(bytes).rotate_left(64)))
    }
}

impl fmt::Display for MessageId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.as_hyphenated().fmt(f)
    }
}

impl fmt::Debug for MessageId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// A text that is no UUID.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not a UUID")]
pub struct ParseIdError;

impl FromStr for MessageId {
    type Err = ParseIdError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Uuid::try_parse(text).map(Self).map_err(|_| ParseIdError)
    }
}

impl Serialize for MessageId {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut text = Uuid::encode_buffer();
        serializer.serialize_str(self.0.as_hyphenated().encode_lower(&mut text))
    }
}

impl<'de> Deserialize<'de> for MessageId {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Text;
        impl de::Visitor<'_> for Text {
            type Value = MessageId;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a UUID")
            }
            fn visit_str<E: de::Error>(self, text: &str) -> Result<MessageId, E> {
                text.parse().map_err(E::custom)
            }
        }
        deserializer.deserialize_str(Text)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_halves_are_swapped_on_the_wire() {
        let id: MessageId = "00112233-4455-4677-8899-aabbccddeeff".parse().expect("a UUID");
        let wire = id.to_wire();
        assert_eq!(wire[..8], [0x88, 0x99, 0xaa, 0xbb, 0xcc, 0xdd, 0xee, 0xff]);
        assert_eq!(wire[8..], [0x00, 0x11, 0x22, 0x33, 0x44, 0x55, 0x46, 0x77]);
        assert_eq!(MessageId::from_wire(wire), id);
    }

    #[test]
    fn random_bytes_become_a_version_4_uuid() {
        assert_eq!(
            MessageId::from_random([0xff; 16]).to_string(),
            "ffffffff-ffff-4fff-bfff-ffffffffffff"
        );
    }
}
