use adit_engine::{Cause, CloseReason, Event, OpenError, ProtocolError, Read, WriteError};
use adit_wire::smux::FrameError;
use adit_wire::{Header, Message, MessageId, MessageType, PayloadType, encode};
use bytes::Bytes;

use crate::harness::{Behaviour, Script, Universe, Weather, ms, pattern};

fn header(message_type: MessageType) -> Header {
    Header {
        message_type,
        created_ms: 1_700_000_000_123,
        sequence: 0,
        flags: 0,
        id: MessageId::default(),
        payload_type: PayloadType::Undefined,
    }
}

fn channel_closed(output: &str) -> Bytes {
    let body = format!(
        r#"{{"MessageId":"m","CreatedDate":"1700000000123","DestinationId":"d","SessionId":"s","MessageType":"channel_closed","SchemaVersion":1,"Output":"{output}"}}"#
    );
    encode(&header(MessageType::ChannelClosed), body.as_bytes())
}

/// The same with the service's header of 112 bytes, padded with NUL.
fn short_channel_closed(output: &str) -> Bytes {
    let long = channel_closed(output);
    let mut short = long[..112].to_vec();
    short[..4].copy_from_slice(&112_u32.to_be_bytes());
    short[4..36].iter_mut().filter(|byte| **byte == b' ').for_each(|byte| *byte = 0);
    short.extend(&long[116..]);
    short.into()
}

fn reasons(universe: &Universe) -> Vec<&CloseReason> {
    universe
        .events
        .iter()
        .filter_map(|(_, event)| match event {
            Event::Closed(reason) => Some(reason),
            _ => None,
        })
        .collect()
}

#[test]
fn channel_closed_with_either_header_ends_the_session_once() {
    for message in [channel_closed("bye"), short_channel_closed("bye")] {
        let mut universe = Universe::ready(Script::default(), Weather::calm(1), 1);
        universe.inject(message.clone());
        universe.inject(message);
        universe.inject(channel_closed("again"));
        let reason = CloseReason::ChannelClosed { output: "bye".to_owned() };
        assert_eq!(reasons(&universe), [&reason]);
        assert!(matches!(universe.events.last(), Some((_, Event::Closed(_)))), "the last event");
        assert_eq!(universe.session.poll_timeout(), None);
        assert_eq!(universe.session.poll_transmit(universe.now), None);
        assert!(!universe.session.wants_input());
        assert_eq!(universe.session.open(universe.now), Err(OpenError::Closed));
    }
}

#[test]
fn channel_closed_without_a_text_is_one_too() {
    for body in [&b"{}"[..], b"no json", br#"{"Output":null}"#, br#"{"Output":""}"#] {
        let mut universe = Universe::ready(Script::default(), Weather::calm(1), 1);
        universe.inject(encode(&header(MessageType::ChannelClosed), body));
        let reason = CloseReason::ChannelClosed { output: String::new() };
        assert_eq!(reasons(&universe), [&reason]);
    }
}

#[test]
fn channel_closed_may_come_before_the_handshake() {
    let mut universe = Universe::new(Script::default(), Weather::calm(1), 1);
    universe.inject(channel_closed("handshake timed out"));
    let reason = CloseReason::ChannelClosed { output: "handshake timed out".to_owned() };
    assert_eq!(reasons(&universe), [&reason]);
}

#[test]
fn streams_read_out_what_they_have_and_are_reset() {
    let script = Script::serving([Behaviour::Greet(b"greeting".to_vec()), Behaviour::Echo]);
    let mut universe = Universe::ready(script, Weather::calm(1), 1);
    let id = universe.open();
    let blocked = universe.open();
    universe.local(id).reading = false;
    universe.run_for(ms(100));
    let chunk = universe.session.chunk(id).expect("room");
    universe.events.clear();
    universe.inject(channel_closed(""));
    assert!(universe.has_event(&Event::Readable(blocked)), "its reader is told");
    assert_eq!(universe.session.write(universe.now, id, chunk), Err(WriteError::StreamClosed));
    universe.local(id).reading = true;
    universe.drain();
    assert_eq!(universe.received(id), b"greeting");
    assert_eq!(universe.ended(id), Some(Read::Reset(Cause::SessionClosed)));
    assert_eq!(universe.ended(blocked), Some(Read::Reset(Cause::SessionClosed)));
    assert_eq!(universe.session.stats().streams, 0);
    assert!(matches!(universe.events.last(), Some((_, Event::Closed(_)))), "the last event");
}

#[test]
fn our_own_flag_ends_it_when_it_is_acknowledged() {
    let mut universe = Universe::ready(Script::default(), Weather::calm(5), 1);
    let id = universe.open();
    universe.run_for(ms(20));
    assert!(universe.session.is_drained());
    universe.session.terminate(universe.now);
    universe.session.terminate(universe.now);
    assert!(!universe.session.is_drained());
    assert_eq!(universe.session.open(universe.now), Err(OpenError::Closed));
    universe.drain();
    universe.run_for(ms(9));
    assert!(universe.agent.terminated);
    assert_eq!(reasons(&universe), [&CloseReason::Terminated; 0]);
    universe.run_for(ms(1));
    assert_eq!(reasons(&universe), [&CloseReason::Terminated]);
    assert_eq!(universe.ended(id), Some(Read::Reset(Cause::SessionClosed)));
    let flags = universe.agent.seen.iter().filter(|seen| seen.kind == PayloadType::Flag).count();
    assert_eq!(flags, 1);
}

#[test]
fn the_services_answer_to_our_flag_is_no_other_reason() {
    let mut universe = Universe::ready(Script::default(), Weather::calm(5), 1);
    universe.session.terminate(universe.now);
    universe.drain();
    universe.inject(channel_closed("terminated"));
    assert_eq!(reasons(&universe), [&CloseReason::Terminated]);
}

#[test]
fn an_old_agent_is_not_sent_the_flag() {
    for (version, flag) in [("2.3.722.0", false), ("2.3.723.0", true), ("x", false)] {
        let script = Script { version, ..Script::single([Behaviour::Sink]) };
        let mut universe = Universe::ready(script, Weather::calm(5), 1);
        universe.session.terminate(universe.now);
        universe.drain();
        universe.run_for(ms(1000));
        assert_eq!(universe.agent.terminated, flag, "{version}");
        assert_eq!(universe.session.open(universe.now), Err(OpenError::Closed));
        assert!(universe.session.is_drained());
    }
}

#[test]
fn terminating_before_it_is_ready_ends_it_here() {
    let mut universe = Universe::new(Script::default(), Weather::calm(5), 1);
    universe.session.terminate(universe.now);
    universe.drain();
    assert_eq!(reasons(&universe), [&CloseReason::Terminated]);
    assert!(universe.session.is_drained());
}

#[test]
fn a_desynchronised_stream_ends_the_session() {
    let mut universe = Universe::ready(Script::default(), Weather::calm(1), 1);
    let id = universe.open();
    universe.run_for(ms(100));
    universe.agent.pump(universe.now, &[2, 0, 0, 0, 3, 0, 0, 0]);
    universe.run_for(ms(100));
    let reason = CloseReason::Protocol(ProtocolError::Frame(FrameError::Version(2)));
    assert_eq!(reasons(&universe), [&reason]);
    assert_eq!(universe.ended(id), Some(Read::Reset(Cause::SessionClosed)));
}

#[test]
fn old_agents_are_sent_a_sign_of_life_each_10_seconds() {
    let nops = |version| {
        let script = Script { version, ..Script::default() };
        let mut universe = Universe::new(script, Weather::calm(1), 1);
        universe.run_until_ready();
        let before = universe.agent.seen.len();
        universe.run_for(ms(35_000));
        universe.agent.seen.len() - before
    };
    assert_eq!(nops("3.1.1511.0"), 3);
    assert_eq!(nops("3.1.1512.0"), 0, "it would defeat the service's idle timer");
}

#[test]
fn a_planned_end_can_wait_until_all_is_delivered() {
    let mut universe = Universe::ready(Script::serving([Behaviour::Sink]), Weather::calm(20), 1);
    let id = universe.open();
    let data = pattern(1, 100_000);
    universe.send(id, &data);
    assert!(!universe.session.is_drained());
    universe.run_until("drained", |universe| universe.session.is_drained());
    assert!(universe.agent.got[&id.0] == data);
    assert!(Message::decode(channel_closed("")).is_ok());
}
