use adit_wire::smux::{Frame, FrameError, HEADER_LEN};
use bytes::{Buf, Bytes};

/// Takes the agent's multiplexed byte stream apart, without copying.
///
/// Message boundaries mean nothing: a header may be split over messages, and a body over many.
#[derive(Default, Debug)]
pub(crate) struct Decoder {
    header: [u8; HEADER_LEN],
    have: usize,
    /// The stream whose body is being read, and the bytes that are missing.
    body: (u32, usize),
}

/// What the agent says about a stream.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) enum Item {
    /// Bytes, never none.
    Data(u32, Bytes),
    /// The end.
    Fin(u32),
}

impl Decoder {
    /// The next item in `input`, which is consumed; `None` when it is used up.
    pub(crate) fn next(&mut self, input: &mut Bytes) -> Result<Option<Item>, FrameError> {
        while !input.is_empty() {
            let (stream, missing) = &mut self.body;
            if *missing > 0 {
                let data = input.split_to((*missing).min(input.len()));
                *missing -= data.len();
                return Ok(Some(Item::Data(*stream, data)));
            }
            let part = (HEADER_LEN - self.have).min(input.len());
            input.copy_to_slice(&mut self.header[self.have..self.have + part]);
            self.have += part;
            if self.have < HEADER_LEN {
                break;
            }
            self.have = 0;
            match Frame::decode(self.header)? {
                Frame::Psh { stream, len } => self.body = (stream, usize::from(len)),
                Frame::Fin { stream } => return Ok(Some(Item::Fin(stream))),
                // Agents open no streams, and a NOP says nothing.
                Frame::Syn { .. } | Frame::Nop => {}
            }
        }
        Ok(None)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn decode(input: &[u8], cut: usize) -> Result<Vec<Item>, FrameError> {
        let mut decoder = Decoder::default();
        let mut items: Vec<Item> = Vec::new();
        for piece in input.chunks(cut) {
            let mut piece = Bytes::copy_from_slice(piece);
            while let Some(item) = decoder.next(&mut piece)? {
                match (items.last_mut(), item) {
                    (Some(Item::Data(stream, data)), Item::Data(same, more)) if *stream == same => {
                        *data = [&data[..], &more].concat().into();
                    }
                    (_, item) => items.push(item),
                }
            }
        }
        Ok(items)
    }

    #[test]
    fn every_cut_gives_the_same_items() {
        let mut input = Vec::new();
        for (frame, body) in [
            (Frame::Nop, &b""[..]),
            (Frame::Psh { stream: 3, len: 5 }, b"hello"),
            (Frame::Psh { stream: 5, len: 0 }, b""),
            (Frame::Psh { stream: 5, len: 1 }, b"x"),
            (Frame::Syn { stream: 4 }, b""),
            (Frame::Fin { stream: 3 }, b""),
        ] {
            input.extend(frame.encode());
            input.extend(body);
        }
        let expected =
            [Item::Data(3, b"hello"[..].into()), Item::Data(5, b"x"[..].into()), Item::Fin(3)];
        for cut in 1..=input.len() {
            assert_eq!(decode(&input, cut).expect("decodes"), expected, "cut at {cut}");
        }
    }

    #[test]
    fn another_version_is_an_error() {
        assert_eq!(decode(&[2, 0, 0, 0, 3, 0, 0, 0], 8), Err(FrameError::Version(2)));
    }
}
