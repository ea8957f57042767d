use std::sync::{Arc, Mutex};

use adit_engine::{
    Cipher, CipherError, CloseReason, DataKey, Event, HandshakeError, Mode, OpenError,
};
use adit_wire::handshake::HandshakeResponse;
use adit_wire::{Message, PayloadType};

use crate::harness::{Behaviour, Script, Universe, Weather, ms};

fn answers(universe: &Universe) -> Vec<HandshakeResponse> {
    universe
        .agent
        .seen
        .iter()
        .filter(|seen| seen.kind == PayloadType::HandshakeResponse)
        .map(|seen| serde_json::from_slice(&seen.payload).expect("an answer"))
        .collect()
}

fn close_reason(universe: &Universe) -> Option<&CloseReason> {
    let mut reasons = universe.events.iter().filter_map(|(_, event)| match event {
        Event::Closed(reason) => Some(reason),
        _ => None,
    });
    let reason = reasons.next();
    assert!(reasons.next().is_none(), "closed twice");
    reason
}

#[test]
fn a_port_session_becomes_ready() {
    let script = Script { customer_message: "be careful", ..Script::default() };
    let universe = Universe::ready(script, Weather::calm(10), 1);
    let session = &universe.session;
    assert_eq!(session.mode(), Some(Mode::Mux));
    assert_eq!(session.agent_version(), Some("3.3.987.0"));
    assert_eq!(session.property("portNumber"), Some("80"));
    assert_eq!(session.property("host"), None);
    assert!(universe.has_event(&Event::CustomerMessage("be careful".to_owned())));
    assert!(universe.has_event(&Event::Ready { agent_version: "3.3.987.0".to_owned() }));
    // Request 10 ms, answer and completion 20 ms, 20 ms of settling, NOP and its answer 20 ms.
    assert_eq!(universe.elapsed(), ms(70));
}

#[test]
fn the_answer_is_the_official_one() {
    let universe = Universe::ready(Script::default(), Weather::calm(1), 1);
    let answer = universe.agent.arrivals(0)[0];
    assert_eq!(
        std::str::from_utf8(&answer.payload).unwrap(),
        r#"{"ClientVersion":"1.2.764.0","ProcessedClientActions":[{"ActionType":"SessionType","ActionStatus":1,"ActionResult":null,"Error":""}],"Errors":null}"#
    );
    let header = Message::decode(answer.whole.clone()).unwrap().header;
    assert_eq!((header.sequence, header.flags), (0, 0));
    assert_eq!(header.created_ms, 1_700_000_000_001, "the epoch and 1 ms of latency");
}

#[test]
fn an_unanswered_answer_is_resent_under_its_number_and_never_a_second_one() {
    // The official agent resends its request until it is acknowledged; drop everything upwards
    // for a second.
    let mut universe = Universe::new(Script::default(), Weather::calm(1), 1);
    universe.up.weather.drop = 1.0;
    universe.run_for(ms(1000));
    assert!(answers(&universe).is_empty());
    universe.up.weather.drop = 0.0;
    universe.run_until_ready();
    let sequences: Vec<_> = universe
        .agent
        .seen
        .iter()
        .filter(|seen| seen.kind == PayloadType::HandshakeResponse)
        .map(|seen| seen.sequence)
        .collect();
    assert!(sequences.iter().all(|sequence| *sequence == 0), "{sequences:?}");
    assert!(universe.session.stats().resends > 0);
}

#[test]
fn a_second_request_is_acknowledged_and_not_answered() {
    let mut universe = Universe::ready(Script::default(), Weather::calm(1), 1);
    universe.agent.start(universe.now);
    universe.run_for(ms(1000));
    assert_eq!(answers(&universe).len(), 1);
    assert_eq!(universe.agent.unacknowledged(), 0);
    assert_eq!(close_reason(&universe), None);
}

#[test]
fn an_unknown_action_is_answered_as_unsupported() {
    let more_actions = r#",{"ActionType":"Dance","ActionParameters":{"Speed":3}}"#;
    let script = Script { more_actions, ..Script::default() };
    let universe = Universe::ready(script, Weather::calm(1), 1);
    let answer = &answers(&universe)[0];
    let statuses: Vec<_> = answer
        .processed_client_actions
        .iter()
        .map(|action| (&*action.action_type, action.action_status))
        .collect();
    assert_eq!(statuses, [("SessionType", 1), ("Dance", 3)]);
}

#[test]
fn modes_by_version_and_document() {
    let forwarding = r#"{"portNumber":"80","type":"LocalPortForwarding"}"#;
    let ssh = r#"{"portNumber":"22"}"#;
    let table = [
        ("3.3.987.0", forwarding, Mode::Mux),
        ("3.0.196.1", forwarding, Mode::Mux),
        ("3.0.196.0", forwarding, Mode::Single),
        ("2.3.700.0", forwarding, Mode::Single),
        ("3.3.987", forwarding, Mode::Single),
        ("3.3.987.0.1", forwarding, Mode::Single),
        ("", forwarding, Mode::Single),
        ("3.3.987.0", ssh, Mode::Single),
        ("3.3.987.0", r#"{"type":"Other"}"#, Mode::Single),
    ];
    for (version, properties, mode) in table {
        let script = Script { version, properties, ..Script::default() };
        let mut universe = Universe::new(script, Weather::calm(1), 1);
        universe.run_until("answered", |universe| universe.session.mode().is_some());
        assert_eq!(universe.session.mode(), Some(mode), "{version} with {properties}");
    }
}

#[test]
fn what_is_no_port_session_is_refused_by_name() {
    for session_type in ["Standard_Stream", "InteractiveCommands", "NonInteractiveCommands"] {
        let script = Script { session_type, ..Script::default() };
        let mut universe = Universe::new(script, Weather::calm(1), 1);
        universe.run_for(ms(100));
        let reason = CloseReason::Handshake(HandshakeError::SessionType(session_type.to_owned()));
        assert_eq!(close_reason(&universe), Some(&reason));
        assert_eq!(universe.session.open(universe.now), Err(OpenError::Closed));
    }
}

#[test]
fn what_is_no_handshake_is_refused() {
    let cases = [
        (PayloadType::HandshakeRequest, "not json", HandshakeError::Malformed),
        (
            PayloadType::HandshakeRequest,
            r#"{"AgentVersion":"3.3.987.0","RequestedClientActions":[]}"#,
            HandshakeError::NoSessionType,
        ),
        (PayloadType::Output, "$ ", HandshakeError::DataFirst),
    ];
    for (kind, payload, error) in cases {
        let mut universe = Universe::new(Script::default(), Weather::calm(1), 1);
        // In place of the first message.
        let first = universe.down.arrive(universe.now + ms(1)).expect("under way");
        let mut header = Message::decode(first).unwrap().header;
        header.payload_type = kind;
        universe.inject(adit_wire::encode(&header, payload.as_bytes()));
        assert_eq!(close_reason(&universe), Some(&CloseReason::Handshake(error)), "{payload}");
    }
}

#[test]
fn silence_ends_it_after_30_seconds() {
    let mut universe = Universe::new(Script::default(), Weather::calm(1), 1);
    universe.down.weather.drop = 1.0;
    universe.down.cut();
    universe.run_for(ms(29_999));
    assert_eq!(close_reason(&universe), None);
    universe.run_for(ms(1));
    assert_eq!(close_reason(&universe), Some(&CloseReason::HandshakeTimeout));
    assert_eq!(universe.session.poll_timeout(), None);
}

#[test]
fn a_lost_websocket_restarts_the_handshake_timer_and_not_the_handshake() {
    let mut universe = Universe::new(Script::default(), Weather::calm(10), 1);
    universe.run_for(ms(15));
    universe.cut();
    universe.run_for(ms(60_000));
    assert_eq!(close_reason(&universe), None, "no websocket, no timer");
    universe.connect();
    universe.run_until_ready();
    assert!(answers(&universe).len() <= 2);
}

/// Not a cipher: adds the key to each byte, and shows that it was there.
#[derive(Clone, Default)]
struct Adder(Arc<Mutex<u32>>);

impl Cipher for Adder {
    fn seal(&mut self, buffer: &mut [u8]) -> Result<(), CipherError> {
        *self.0.lock().unwrap() += 1;
        for byte in buffer.iter_mut() {
            *byte = byte.wrapping_add(1);
        }
        Ok(())
    }

    fn open(&mut self, buffer: &mut [u8]) -> Result<(), CipherError> {
        *self.0.lock().unwrap() += 1;
        for byte in buffer.iter_mut() {
            *byte = byte.wrapping_sub(1);
        }
        Ok(())
    }
}

const KMS: &str = r#",{"ActionType":"KMSEncryption","ActionParameters":{"KMSKeyId":"alias/k","Challenge":"AA=="}}"#;

#[test]
fn a_key_is_asked_for_and_used() {
    let script = Script {
        more_actions: KMS,
        properties: r#"{"portNumber":"22"}"#,
        ..Script::single([Behaviour::Sink])
    };
    let mut universe = Universe::new(script, Weather::calm(1), 1);
    universe.run_for(ms(50));
    assert!(answers(&universe).is_empty(), "not before there is a key");
    let asked = universe.events.iter().any(|(_, event)| {
        matches!(event, Event::KeyRequest(parameters) if parameters.kms_key_id == "alias/k")
    });
    assert!(asked);
    let cipher = Adder::default();
    let used = cipher.0.clone();
    let key = DataKey {
        cipher_text: "c2VhbGVk".to_owned(),
        challenge_acknowledged: true,
        cipher: Box::new(cipher),
    };
    universe.session.provide_key(universe.now, key);
    universe.drain();
    universe.run_until_ready();
    let answer = &answers(&universe)[0];
    let result = answer.processed_client_actions[1].action_result.as_ref().expect("a result");
    assert_eq!(result.cipher_text_key, "c2VhbGVk");
    assert_eq!(result.challenge_acknowledgement, Some(true));

    let id = universe.open();
    universe.send(id, b"hello");
    universe.run_for(ms(200));
    assert_eq!(*used.lock().unwrap(), 1);
    let sealed = &universe.agent.got[&0];
    assert_eq!(sealed.len(), 5 + 28);
    assert_eq!(sealed[12..17], *b"ifmmp");

    let mut reply = vec![0; 12];
    reply.extend(b"ijtjo");
    reply.extend([0; 16]);
    universe.say(PayloadType::Output, &reply);
    universe.run_for(ms(200));
    assert_eq!(universe.received(id), b"hisin");
}

#[test]
fn a_challenge_is_met_with_the_key() {
    use base64::Engine as _;
    use base64::engine::general_purpose::STANDARD;

    let script = Script { more_actions: KMS, ..Script::single([Behaviour::Sink]) };
    let mut universe = Universe::new(script, Weather::calm(1), 1);
    universe.run_for(ms(50));
    let key = DataKey {
        cipher_text: String::new(),
        challenge_acknowledged: false,
        cipher: Box::new(Adder::default()),
    };
    universe.session.provide_key(universe.now, key);
    let challenge = STANDARD.encode([7; 92]);
    let body = format!(r#"{{"Challenge":"{challenge}"}}"#);
    universe.say(PayloadType::EncChallengeRequest, body.as_bytes());
    universe.run_for(ms(1));
    let message = universe.up.arrive(universe.now + ms(1)).into_iter();
    let sent: Vec<_> = message
        .chain(std::iter::from_fn(|| universe.up.arrive(universe.now + ms(1))))
        .map(|message| Message::decode(message).unwrap())
        .filter(|message| message.header.payload_type == PayloadType::EncChallengeResponse)
        .collect();
    assert_eq!(sent.len(), 1);
    assert_eq!(sent[0].payload, body.as_bytes(), "opened and sealed with one key it is the same");
}

#[test]
fn no_key_no_session() {
    let script = Script { more_actions: KMS, ..Script::default() };
    let mut universe = Universe::new(script, Weather::calm(1), 1);
    universe.run_for(ms(50));
    universe.session.refuse_key(universe.now, "access denied".to_owned());
    universe.drain();
    let reason = CloseReason::Handshake(HandshakeError::Key("access denied".to_owned()));
    assert_eq!(close_reason(&universe), Some(&reason));
}
