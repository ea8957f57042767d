use std::time::Instant;

use adit_wire::PayloadType;
use adit_wire::encryption::{EncChallenge, OVERHEAD};
use adit_wire::handshake::{
    HandshakeComplete, HandshakeRequest, HandshakeResponse, KmsResult, ProcessedAction,
    RequestedAction, status,
};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::BytesMut;

use super::transmit::Letter;
use super::{Agent, Phase, Session};
use crate::pool::overhead;
use crate::{CloseReason, DataKey, Event, HandshakeError, Mode, version};

/// The requested actions, while the key for one of them is being fetched.
#[derive(Debug)]
pub(crate) struct Pending(Vec<RequestedAction>);

/// The document's properties that decide the mode.
const TYPE: &str = "type";
const LOCAL_PORT_FORWARDING: &str = "LocalPortForwarding";

impl Session {
    /// The agent's first message. It is answered once: a second answer would block the agent's
    /// reader for good.
    pub(super) fn handshake_request(&mut self, payload: &[u8]) {
        if !matches!(self.phase, Phase::Greeting) {
            tracing::debug!("handshake request ignored: there was one");
            return;
        }
        if let Err(error) = self.greet(payload) {
            self.close(CloseReason::Handshake(error));
        }
    }

    fn greet(&mut self, payload: &[u8]) -> Result<(), HandshakeError> {
        let request: HandshakeRequest =
            serde_json::from_slice(payload).map_err(|_| HandshakeError::Malformed)?;
        let actions = request.requested_client_actions;
        let parameters = actions
            .iter()
            .find_map(|action| match action {
                RequestedAction::SessionType(parameters) => Some(parameters),
                RequestedAction::KmsEncryption(_) | RequestedAction::Other { .. } => None,
            })
            .ok_or(HandshakeError::NoSessionType)?;
        if parameters.session_type != "Port" {
            return Err(HandshakeError::SessionType(parameters.session_type.clone()));
        }
        let properties = parameters.properties.clone();
        let multiplexed = properties.get(TYPE).is_some_and(|kind| kind == LOCAL_PORT_FORWARDING)
            && version::exceeds(&request.agent_version, version::MUX);
        let mode = if multiplexed { Mode::Mux } else { Mode::Single };
        self.agent = Some(Agent { version: request.agent_version, mode, properties });
        let key_wanted = actions.iter().find_map(|action| match action {
            RequestedAction::KmsEncryption(parameters) => Some(parameters.clone()),
            RequestedAction::SessionType(_) | RequestedAction::Other { .. } => None,
        });
        if let Some(parameters) = key_wanted {
            self.events.push_back(Event::KeyRequest(parameters));
            self.phase = Phase::Key(Pending(actions));
        } else {
            self.answer(&actions, None);
        }
        Ok(())
    }

    /// Answers [`Event::KeyRequest`].
    pub fn provide_key(&mut self, _now: Instant, key: DataKey) {
        if let Phase::Key(Pending(actions)) = &mut self.phase {
            let actions = std::mem::take(actions);
            let result = KmsResult {
                cipher_text_key: key.cipher_text,
                cipher_text_hash: None,
                challenge_acknowledgement: key.challenge_acknowledged.then_some(true),
            };
            self.cipher = Some(key.cipher);
            self.answer(&actions, Some(&result));
        }
    }

    /// Answers [`Event::KeyRequest`] when there is no key, which ends the session.
    pub fn refuse_key(&mut self, _now: Instant, error: String) {
        if matches!(self.phase, Phase::Key(_)) {
            self.close(CloseReason::Handshake(HandshakeError::Key(error)));
        }
    }

    fn answer(&mut self, actions: &[RequestedAction], key: Option<&KmsResult>) {
        let processed = actions.iter().map(|action| {
            let (action_status, action_result, error) = match action {
                RequestedAction::SessionType(_) => (status::SUCCESS, None, String::new()),
                RequestedAction::KmsEncryption(_) => (status::SUCCESS, key.cloned(), String::new()),
                RequestedAction::Other { .. } => {
                    (status::UNSUPPORTED, None, "Unsupported action".to_owned())
                }
            };
            ProcessedAction {
                action_type: action.name().to_owned(),
                action_status,
                action_result,
                error,
            }
        });
        let response = HandshakeResponse {
            client_version: self.config.client_version.clone(),
            processed_client_actions: processed.collect(),
            errors: None,
        };
        self.post(PayloadType::HandshakeResponse, serde_json::to_vec(&response));
        self.phase = Phase::Answered;
    }

    /// The agent wants proof that the key is the right one: its challenge comes back, decrypted
    /// with one half of the key and encrypted with the other.
    pub(super) fn challenge(&mut self, payload: &[u8]) {
        match self.meet_challenge(payload) {
            Some(challenge) => {
                let response = serde_json::to_vec(&EncChallenge { challenge });
                self.post(PayloadType::EncChallengeResponse, response);
            }
            None => self.close(CloseReason::Handshake(HandshakeError::Challenge)),
        }
    }

    fn meet_challenge(&mut self, payload: &[u8]) -> Option<String> {
        let cipher = self.cipher.as_mut()?;
        let request: EncChallenge = serde_json::from_slice(payload).ok()?;
        let mut sealed = STANDARD.decode(request.challenge).ok()?;
        if sealed.len() < OVERHEAD {
            return None;
        }
        cipher.open(&mut sealed).ok()?;
        cipher.seal(&mut sealed).ok()?;
        Some(STANDARD.encode(sealed))
    }

    /// The agent's last handshake message.
    pub(super) fn handshake_complete(&mut self, now: Instant, payload: &[u8]) {
        if !matches!(self.phase, Phase::Answered) {
            tracing::debug!("handshake completion ignored: none was expected");
            return;
        }
        match serde_json::from_slice::<HandshakeComplete>(payload) {
            Ok(complete) if !complete.customer_message.is_empty() => {
                self.events.push_back(Event::CustomerMessage(complete.customer_message));
            }
            Ok(_) => {}
            // Its type says all that is needed.
            Err(_) => self.counters.malformed += 1,
        }
        self.settle(now);
    }

    fn post(&mut self, kind: PayloadType, body: serde_json::Result<Vec<u8>>) {
        match body {
            Ok(body) => self.letters.push_back(Letter::new(kind, body)),
            Err(error) => tracing::error!(%error, "handshake message cannot be serialised"),
        }
    }

    /// Decrypts a payload; `None` when that fails.
    pub(super) fn decrypt(&mut self, bytes: bytes::Bytes) -> Option<bytes::Bytes> {
        let Some(cipher) = &mut self.cipher else { return Some(bytes) };
        let (before, behind) = overhead(true);
        let end = bytes.len().checked_sub(behind).filter(|end| *end >= before)?;
        let mut buffer = bytes.try_into_mut().unwrap_or_else(|shared| BytesMut::from(&shared[..]));
        cipher.open(&mut buffer).ok()?;
        Some(buffer.freeze().slice(before..end))
    }
}
