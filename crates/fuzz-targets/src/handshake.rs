use std::time::{Duration, Instant};

use adit_engine::{
    Cipher, CipherError, CloseReason, DataKey, Event, HandshakeError, Session, SessionConfig,
};
use adit_wire::{MessageType, PayloadType};
use arbitrary::{Result, Unstructured};
use bytes::Bytes;

use crate::engine::{
    ack, data, data_of_client, drain, events, handle_timeout, new_session, origin,
};
use crate::engine::{request, word};

/// The most messages of one run.
const STEPS: usize = 64;

/// Longer than every timer of a handshake.
const LONG: Duration = Duration::from_secs(31);

/// Versions on both sides of every gate, and some that are none.
const VERSIONS: [&str; 8] = [
    "3.3.987.0",
    "3.1.0.0",
    "3.0.196.0",
    "3.0.100.0",
    "2.3.100.0",
    "",
    "9.9.9",
    "999999999999.0.0.0",
];

/// A handshake with an agent that says anything in any order: the session closes or goes on, answers
/// once, and is over after the handshake's time.
pub fn handshake(input: &[u8]) {
    let mut run = Run::new();
    // An input that is too short ends early, and all before it counts.
    let _ended = run.steps(&mut Unstructured::new(input));
    run.end();
}

struct Run {
    session: Session,
    now: Instant,
    /// The number of the agent's next message.
    next: i64,
    answers: Vec<i64>,
    ready: usize,
    closed: Option<CloseReason>,
    /// Whether the key is provided when it is asked for.
    has_key: bool,
}

impl Run {
    fn new() -> Self {
        let mut session = new_session(SessionConfig::default());
        let now = origin();
        session.transport_up(now);
        Self { session, now, next: 0, answers: Vec::new(), ready: 0, closed: None, has_key: true }
    }

    fn steps(&mut self, u: &mut Unstructured<'_>) -> Result<()> {
        self.has_key = u.arbitrary::<u8>()? % 4 != 3;
        for _ in 0..STEPS {
            if u.is_empty() {
                break;
            }
            match u.arbitrary::<u8>()? % 10 {
                0 => {
                    self.now += Duration::from_millis(u64::from(u.arbitrary::<u16>()?));
                    handle_timeout(&mut self.session, self.now);
                }
                1 => self.session.receive(self.now, ack(i64::from(u.arbitrary::<u8>()?))),
                2 => {
                    let kind = [
                        MessageType::ChannelClosed,
                        MessageType::PausePublication,
                        MessageType::StartPublication,
                        MessageType::AgentSessionState,
                    ][usize::from(u.arbitrary::<u8>()? % 4)];
                    let body = body(u)?;
                    self.session.receive(self.now, word(kind, &body));
                }
                3 => {
                    let body = body(u)?;
                    self.session.receive(self.now, Bytes::from(body));
                }
                _ => self.data(u)?,
            }
            self.settle();
        }
        Ok(())
    }

    /// A data message: of any kind, mostly the next in order, now and then damaged.
    fn data(&mut self, u: &mut Unstructured<'_>) -> Result<()> {
        let kind = match u.arbitrary::<u8>()? % 8 {
            0 | 1 => PayloadType::HandshakeRequest,
            2 | 3 => PayloadType::HandshakeComplete,
            4 => PayloadType::EncChallengeRequest,
            5 => PayloadType::Output,
            6 => PayloadType::Flag,
            _ => PayloadType::from(u32::from(u.arbitrary::<u8>()? % 16)),
        };
        let ahead = match u.arbitrary::<u8>()? {
            240.. => i64::from(u.arbitrary::<i8>()?),
            _ => 0,
        };
        let body = body(u)?;
        let mut message = data(self.next.saturating_add(ahead), kind, &body).to_vec();
        let is_damaged = ahead == 0 && u.arbitrary::<u8>().is_ok_and(|byte| byte > 250);
        if is_damaged && let Some(last) = message.last_mut() {
            *last ^= 1;
        }
        let taken = self.session.stats().messages_in;
        self.session.receive(self.now, message.into());
        let taken = self.session.stats().messages_in - taken;
        assert!(taken == 0 || !is_damaged || body.is_empty(), "a damaged message was taken");
        self.next += taken as i64;
        Ok(())
    }

    /// Does what a driver does after each call.
    fn settle(&mut self) {
        for event in events(&mut self.session) {
            assert_eq!(self.closed, None, "{event:?} came after the end");
            match event {
                Event::KeyRequest(_) if self.has_key => {
                    let cipher_text = "a2V5".to_owned();
                    let key = DataKey {
                        cipher_text,
                        challenge_acknowledged: true,
                        cipher: Box::new(Mirror),
                    };
                    self.session.provide_key(self.now, key);
                }
                Event::KeyRequest(_) => self.session.refuse_key(self.now, "no key".to_owned()),
                Event::Ready { .. } => self.ready += 1,
                Event::Closed(reason) => self.closed = Some(reason),
                _ => {}
            }
        }
        let refused = HandshakeError::Key("no key".to_owned());
        if let Some(Event::Closed(reason)) = self.session.poll_event() {
            assert_eq!(reason, CloseReason::Handshake(refused));
            self.closed = Some(reason);
        }
        for message in drain(&mut self.session, self.now) {
            let Some(message) = data_of_client(&message) else { continue };
            let sequence = message.header.sequence;
            if message.header.payload_type == PayloadType::HandshakeResponse
                && !self.answers.contains(&sequence)
            {
                self.answers.push(sequence);
            }
        }
        assert!(self.answers.len() <= 1, "a second answer blocks the agent for good");
        assert!(self.ready <= 1, "ready twice");
        assert!(self.ready == 0 || self.answers.len() == 1, "ready without an answer");
        if self.closed.is_some() {
            assert_eq!(self.session.poll_timeout(), None, "something is due after the end");
            assert!(!self.session.wants_input());
        }
    }

    /// A handshake that has not ended by itself ends with its time.
    fn end(&mut self) {
        if self.ready == 0 && self.closed.is_none() {
            self.now += LONG;
            handle_timeout(&mut self.session, self.now);
            self.settle();
            // A single connection is ready by the clock, if the agent has said that it is.
            assert!(self.ready == 1 || self.closed == Some(CloseReason::HandshakeTimeout));
        }
    }
}

/// A body: one that agents send, or any bytes.
fn body(u: &mut Unstructured<'_>) -> Result<Vec<u8>> {
    Ok(match u.arbitrary::<u8>()? % 8 {
        0 | 1 => {
            let version = VERSIONS[usize::from(u.arbitrary::<u8>()? % 8)];
            let kind = ["LocalPortForwarding", "Other"][usize::from(u.arbitrary::<u8>()? % 2)];
            request(version, kind).into_bytes()
        }
        2 => {
            let version = VERSIONS[usize::from(u.arbitrary::<u8>()? % 8)];
            let plain = request(version, "LocalPortForwarding");
            let encrypted = r#"}},{"ActionType":"KMSEncryption","ActionParameters":{"KMSKeyId":"k","Challenge":"YQ=="}}]}"#;
            plain.replace("}}]}", encrypted).into_bytes()
        }
        3 => br#"{"HandshakeTimeToComplete":1,"CustomerMessage":"hello"}"#.to_vec(),
        4 => br#"{"Challenge":"AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"}"#.to_vec(),
        5 => vec![0, 0, 0, u.arbitrary::<u8>()? % 5],
        _ => {
            let len = usize::from(u.arbitrary::<u16>()?);
            u.bytes(len.min(u.len()))?.to_vec()
        }
    })
}

/// A cipher that changes nothing, and takes all but what begins with `!`.
struct Mirror;

impl Cipher for Mirror {
    fn seal(&mut self, _buffer: &mut [u8]) -> std::result::Result<(), CipherError> {
        Ok(())
    }

    fn open(&mut self, buffer: &mut [u8]) -> std::result::Result<(), CipherError> {
        if buffer.starts_with(b"!") { Err(CipherError) } else { Ok(()) }
    }
}
