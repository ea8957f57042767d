use std::collections::BTreeMap;
use std::time::Instant;

use adit_engine::{
    Cause, CloseReason, Event, ProtocolError, Read, Session, SessionConfig, StreamId,
};
use adit_wire::PayloadType;
use adit_wire::smux::{Frame, FrameError, HEADER_LEN};
use bytes::Bytes;

use crate::engine::{data, drain, events, origin, ready};

/// The most streams that are opened.
const STREAMS: usize = 8;

/// What came of a byte stream.
#[derive(PartialEq, Debug, Default)]
struct Outcome {
    /// What each stream got, and how it ended.
    streams: BTreeMap<u32, (Vec<u8>, Ended)>,
    error: Option<FrameError>,
}

#[derive(Clone, Copy, PartialEq, Debug, Default)]
enum Ended {
    #[default]
    No,
    Fin,
    Session,
}

/// The byte stream of an agent, in one message and cut into many, read at the end and as it comes: the
/// same is delivered, and it is what a simple reading of the frames says.
///
/// The input is the number of streams, whether the rest are compact frames, the lengths of the pieces
/// (first how many there are), and the bytes.
pub fn smux(input: &[u8]) {
    let [streams, compact, cuts, rest @ ..] = input else { return };
    let cuts = usize::from(*cuts) % 17;
    let Some((cuts, rest)) = rest.split_at_checked(cuts) else { return };
    let streams = usize::from(*streams) % (STREAMS + 1);
    let bytes = if compact % 2 == 1 { frames_of(rest) } else { rest.to_vec() };

    let expected = reference(streams, &bytes);
    let (whole, told) = run(streams, &[&bytes], false);
    assert_eq!(whole, expected, "in one message");
    let pieces = pieces(&bytes, cuts);
    let (cut, told_of_cut) = run(streams, &pieces, false);
    assert_eq!(cut, expected, "in pieces");
    assert_eq!(told_of_cut, told, "in pieces other events are told");
    let (at_once, _) = run(streams, &pieces, true);
    assert_eq!(at_once, expected, "read as it comes");
}

/// Frames of three bytes each, so that the fuzzer need not find their headers: what it is, its stream,
/// and the length of its body, of which it need not be all there.
fn frames_of(mut compact: &[u8]) -> Vec<u8> {
    let mut bytes = Vec::new();
    while let [kind, stream, len, rest @ ..] = compact {
        let (body, rest) = rest.split_at(usize::from(*len).min(rest.len()));
        let stream = 3 + 2 * (u32::from(*stream) % (STREAMS as u32 + 1));
        let frame = match kind % 8 {
            0 => Frame::Syn { stream },
            1 => Frame::Fin { stream },
            2 => Frame::Nop,
            _ => Frame::Psh { stream, len: u16::from(*len) },
        };
        bytes.extend(frame.encode());
        match frame {
            Frame::Psh { .. } => {
                bytes.extend(body);
                compact = rest;
            }
            _ => compact = &compact[3..],
        }
    }
    bytes
}

fn pieces<'a>(mut bytes: &'a [u8], cuts: &[u8]) -> Vec<&'a [u8]> {
    let mut pieces = Vec::new();
    for cut in cuts.iter().cycle().take(bytes.len()) {
        let (piece, rest) = bytes.split_at((usize::from(*cut) + 1).min(bytes.len()));
        pieces.push(piece);
        bytes = rest;
        if bytes.is_empty() {
            return pieces;
        }
    }
    pieces.push(bytes);
    pieces
}

/// Reads the frames from memory, as if nothing ever had to be waited for.
fn reference(streams: usize, mut bytes: &[u8]) -> Outcome {
    let mut outcome = Outcome::default();
    for stream in 0..streams {
        outcome.streams.insert(3 + 2 * stream as u32, <_>::default());
    }
    while let Some((header, rest)) = bytes.split_first_chunk::<HEADER_LEN>() {
        bytes = rest;
        match Frame::decode(*header) {
            Ok(Frame::Psh { stream, len }) => {
                let (body, rest) = bytes.split_at(usize::from(len).min(bytes.len()));
                bytes = rest;
                if let Some((got, Ended::No)) = outcome.streams.get_mut(&stream) {
                    got.extend(body);
                }
            }
            Ok(Frame::Fin { stream }) => {
                if let Some((_, ended)) = outcome.streams.get_mut(&stream) {
                    *ended = Ended::Fin;
                }
            }
            Ok(Frame::Syn { .. } | Frame::Nop) => {}
            Err(error) => {
                outcome.error = Some(error);
                break;
            }
        }
    }
    if outcome.error.is_some() {
        for (_, ended) in outcome.streams.values_mut().filter(|(_, ended)| *ended == Ended::No) {
            *ended = Ended::Session;
        }
    }
    outcome
}

fn run(streams: usize, pieces: &[&[u8]], at_once: bool) -> (Outcome, Vec<Event>) {
    let mut now = origin();
    let (mut session, _, mut next) =
        ready(SessionConfig::default(), "3.3.987.0", "LocalPortForwarding", &mut now);
    let mut outcome = Outcome::default();
    for _ in 0..streams {
        let id = session.open(now).expect("a ready session opens streams");
        outcome.streams.insert(id.0, <_>::default());
    }
    drain(&mut session, now);
    for piece in pieces {
        session.receive(now, data(next, PayloadType::Output, piece));
        next += 1;
        drain(&mut session, now);
        if at_once {
            read_all(&mut session, now, &mut outcome);
        }
    }
    let told = events(&mut session);
    read_all(&mut session, now, &mut outcome);
    for event in &told {
        if let Event::Closed(reason) = event {
            let CloseReason::Protocol(ProtocolError::Frame(error)) = reason else {
                panic!("the byte stream is no reason for {reason:?}");
            };
            outcome.error = Some(*error);
        }
    }
    (outcome, told)
}

fn read_all(session: &mut Session, now: Instant, outcome: &mut Outcome) {
    for (id, (got, ended)) in &mut outcome.streams {
        while *ended == Ended::No {
            let mut out: Vec<Bytes> = Vec::new();
            let read = session.read(now, StreamId(*id), 1000, &mut out);
            got.extend(out.concat());
            match read {
                Read::Data(len) => {
                    assert!(len > 0 && len == out.iter().map(Bytes::len).sum::<usize>());
                }
                Read::Blocked => break,
                Read::End => *ended = Ended::Fin,
                Read::Reset(Cause::SessionClosed) => *ended = Ended::Session,
                Read::Reset(cause) => panic!("stream {id} broke: {cause:?}"),
            }
        }
    }
}
