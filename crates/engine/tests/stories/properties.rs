use adit_engine::{Epoch, Loss, Session, SessionConfig, StreamId};
use adit_wire::{Header, MessageId, MessageType, PayloadType, encode};
use bytes::{BufMut, Bytes};
use proptest::collection::vec;
use proptest::prelude::*;

use crate::harness::{Behaviour, Script, Universe, Weather, ms, origin, pattern};

/// Anything that a driver or a peer may do.
#[derive(Clone, Debug)]
enum Step {
    Up,
    Down,
    Wait(u64),
    Receive(Message),
    Transmit(u8),
    Open,
    Write(u8, u16),
    Read(u8, u16),
    Finish(u8),
    Reset(u8),
    Terminate,
}

#[derive(Clone, Debug)]
enum Message {
    Noise(Vec<u8>),
    Data { sequence: i64, kind: u32, payload: Vec<u8> },
    Frames(Vec<u8>),
    Ack(i64),
    Service(u8),
    Handshake { old: bool, complete: bool },
}

fn message() -> impl Strategy<Value = Message> {
    prop_oneof![
        vec(any::<u8>(), 0..200).prop_map(Message::Noise),
        (-2_i64..20, 0_u32..14, vec(any::<u8>(), 0..40))
            .prop_map(|(sequence, kind, payload)| Message::Data { sequence, kind, payload }),
        vec(0_u8..8, 0..30).prop_map(Message::Frames),
        (-1_i64..30).prop_map(Message::Ack),
        (0_u8..12).prop_map(Message::Service),
        (any::<bool>(), any::<bool>())
            .prop_map(|(old, complete)| Message::Handshake { old, complete }),
    ]
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        1 => Just(Step::Up),
        1 => Just(Step::Down),
        6 => (0_u64..40_000).prop_map(Step::Wait),
        6 => (0_u64..100).prop_map(Step::Wait),
        12 => message().prop_map(Step::Receive),
        8 => (0_u8..20).prop_map(Step::Transmit),
        3 => Just(Step::Open),
        6 => (any::<u8>(), any::<u16>()).prop_map(|(stream, len)| Step::Write(stream, len)),
        4 => (any::<u8>(), any::<u16>()).prop_map(|(stream, len)| Step::Read(stream, len)),
        2 => any::<u8>().prop_map(Step::Finish),
        2 => any::<u8>().prop_map(Step::Reset),
        1 => Just(Step::Terminate),
    ]
}

fn data(sequence: i64, payload_type: PayloadType, payload: &[u8]) -> Bytes {
    let header = Header {
        message_type: MessageType::OutputStreamData,
        created_ms: 1,
        sequence,
        flags: 0,
        id: MessageId::default(),
        payload_type,
    };
    encode(&header, payload)
}

/// A message, and how far it takes the agent's counter when it is the next one.
fn make(message: &Message, next: &mut i64) -> Bytes {
    let mut in_order = |kind, payload: &[u8]| {
        *next += 1;
        data(*next - 1, kind, payload)
    };
    match message {
        Message::Noise(bytes) => bytes.clone().into(),
        Message::Data { sequence, kind, payload } => {
            data(*next + sequence, PayloadType::from(*kind), payload)
        }
        Message::Frames(bytes) => {
            let frames: Vec<u8> = bytes
                .chunks(2)
                .flat_map(|pair| [1, pair[0] % 4, 0, 0, 3 + 2 * (pair[0] / 4), 0, 0, 0])
                .collect();
            in_order(PayloadType::Output, &frames)
        }
        Message::Ack(sequence) => {
            let mut header = Header {
                message_type: MessageType::Acknowledge,
                created_ms: 1,
                sequence: 0,
                flags: 3,
                id: MessageId::default(),
                payload_type: PayloadType::Undefined,
            };
            header.flags = 3;
            let body = format!(
                r#"{{"AcknowledgedMessageType":"input_stream_data","AcknowledgedMessageId":"00112233-4455-4677-8899-aabbccddeeff","AcknowledgedMessageSequenceNumber":{sequence},"IsSequentialMessage":true}}"#
            );
            encode(&header, body.as_bytes())
        }
        Message::Service(which) => {
            let name = match which {
                0 => "channel_closed",
                1..6 => "pause_publication",
                6..11 => "start_publication",
                _ => "something_else",
            };
            let mut message = vec![0; 120];
            message[3] = 116;
            message[4..4 + name.len()].copy_from_slice(name.as_bytes());
            message.into()
        }
        Message::Handshake { complete: true, .. } => {
            in_order(PayloadType::HandshakeComplete, b"{}")
        }
        Message::Handshake { old, complete: false } => {
            let version = if *old { "3.0.0.0" } else { "3.3.987.0" };
            let body = format!(
                r#"{{"AgentVersion":"{version}","RequestedClientActions":[{{"ActionType":"SessionType","ActionParameters":{{"SessionType":"Port","Properties":{{"type":"LocalPortForwarding"}}}}}}]}}"#
            );
            in_order(PayloadType::HandshakeRequest, body.as_bytes())
        }
    }
}

/// Brings a session to where streams can be opened, if it is wanted so.
fn prelude(session: &mut Session, now: &mut std::time::Instant, next: &mut i64, old: bool) {
    session.transport_up(*now);
    for complete in [false, true] {
        session.receive(*now, make(&Message::Handshake { old, complete }, next));
        while session.poll_transmit(*now).is_some() {}
    }
    *now += ms(200);
    session.handle_timeout(*now);
    while session.poll_transmit(*now).is_some() {}
    session.receive(*now, make(&Message::Ack(1), next));
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 400, ..ProptestConfig::default() })]

    #[test]
    fn no_order_of_operations_breaks_it(
        steps in vec(step(), 1..150),
        ready in any::<bool>(),
        old in any::<bool>(),
    ) {
        let mut now = origin();
        let epoch = Epoch { instant: now, unix_ms: 1 };
        let mut session = Session::client(SessionConfig::default(), 1, epoch);
        let mut streams: Vec<StreamId> = vec![StreamId(3), StreamId(99)];
        let mut next = 0;
        if ready {
            prelude(&mut session, &mut now, &mut next, old);
        }
        let (mut closed, mut up) = (false, ready);
        for step in steps {
            let pick = |streams: &[StreamId], n: u8| streams[usize::from(n) % streams.len()];
            match step {
                Step::Up => {
                    session.transport_up(now);
                    up = true;
                }
                Step::Down => {
                    session.transport_down(now, Loss::Failed);
                    up = false;
                }
                Step::Wait(time) => {
                    now += ms(time);
                    session.handle_timeout(now);
                    let timeout = session.poll_timeout();
                    prop_assert!(timeout.is_none_or(|at| at > now), "{timeout:?} at {now:?}");
                }
                Step::Receive(message) => session.receive(now, make(&message, &mut next)),
                Step::Transmit(most) => {
                    for _ in 0..most {
                        let Some(message) = session.poll_transmit(now) else { break };
                        prop_assert!(up && !closed);
                        let message = adit_wire::Message::decode(message).expect("a message");
                        prop_assert!(message.digest_matches() && !message.payload.is_empty());
                    }
                }
                Step::Open => streams.extend(session.open(now)),
                Step::Write(stream, len) => {
                    let id = pick(&streams, stream);
                    if let Some(mut chunk) = session.chunk(id) {
                        let len = chunk.spare().min(usize::from(len));
                        chunk.spare_mut().put_bytes(1, len);
                        // Refused when the stream is over.
                        let _outcome = session.write(now, id, chunk);
                    }
                }
                Step::Read(stream, most) => {
                    let mut out = Vec::new();
                    let id = pick(&streams, stream);
                    let _outcome = session.read(now, id, usize::from(most), &mut out);
                }
                Step::Finish(stream) => session.finish(now, pick(&streams, stream)),
                Step::Reset(stream) => session.reset(now, pick(&streams, stream)),
                Step::Terminate => session.terminate(now),
            }
            while let Some(event) = session.poll_event() {
                prop_assert!(!closed, "{event:?} after the end");
                closed |= matches!(event, adit_engine::Event::Closed(_));
            }
            if closed {
                prop_assert_eq!(session.poll_timeout(), None);
            }
            let stats = session.stats();
            prop_assert!(stats.in_flight <= stats.window.max(12 << 20) + (16 << 10));
        }
    }

    #[test]
    fn echoes_are_exact_in_any_weather(
        seed in any::<u64>(),
        latency in 0_u64..50,
        chance in 0.0..0.15,
        lengths in vec(1_usize..20_000, 1..4),
        cuts in vec((0_u64..300, 0_u64..2000), 0..3),
        single in any::<bool>(),
    ) {
        let script = if single {
            Script::single([Behaviour::Echo])
        } else {
            Script::default()
        };
        let mut universe = Universe::ready(script, Weather::stormy(latency, chance), seed);
        let lengths = if single { lengths[..1].to_vec() } else { lengths };
        let ids: Vec<_> = lengths.iter().map(|_| universe.open()).collect();
        let data: Vec<_> =
            lengths.iter().zip(0..).map(|(len, n)| pattern(seed ^ n, *len)).collect();
        for (id, data) in ids.iter().zip(&data) {
            universe.send(*id, data);
        }
        for (up, down) in cuts {
            universe.run_for(ms(up));
            universe.cut();
            universe.run_for(ms(down));
            universe.connect();
        }
        universe.run_until("echoed", |universe| {
            ids.iter().zip(&data).all(|(id, data)| universe.received(*id).len() >= data.len())
        });
        for (id, data) in ids.iter().zip(&data) {
            prop_assert!(universe.received(*id) == data);
        }
    }

    /// Sparse streams and uploads side by side, in messages of either size.
    #[test]
    fn overtaking_loses_doubles_and_reorders_nothing(
        seed in any::<u64>(),
        latency in 0_u64..30,
        chance in prop_oneof![Just(0.0), 0.0..0.05],
        rate in 500_000_u64..20_000_000,
        small in any::<bool>(),
        uploads in vec(70_000_usize..400_000, 0..3),
        talks in vec((1_usize..30, 1_usize..6000, 0_u64..40), 1..4),
        cut in proptest::option::of((0_u64..300, 0_u64..1000)),
    ) {
        let largest_payload = if small { 1024 } else { usize::MAX };
        let script = Script { largest_payload, ..Script::serving([Behaviour::Sink]) };
        let mut universe = Universe::ready(script, Weather::stormy(latency, chance), seed);
        universe.up.weather.rate = Some(rate);
        let mut all = Vec::new();
        for (len, n) in uploads.iter().zip(0..) {
            let (id, data) = (universe.open(), pattern(seed ^ n, *len));
            universe.send(id, &data);
            all.push((id, data));
        }
        let said: Vec<_> = talks.iter().map(|_| universe.open()).collect();
        all.extend(said.iter().map(|id| (*id, Vec::new())));
        let mut cut = cut.map(|(at, gap)| (universe.now + ms(at), gap));
        for round in 0..talks.iter().map(|(times, ..)| *times).max().unwrap_or(0) {
            for (n, (times, len, pause)) in talks.iter().enumerate() {
                if round >= *times {
                    continue;
                }
                let word = pattern(seed ^ round as u64, *len);
                universe.send(said[n], &word);
                all[uploads.len() + n].1.extend(word);
                universe.run_for(ms(*pause));
            }
            if let Some((_, gap)) = cut.take_if(|(at, _)| *at <= universe.now) {
                universe.cut();
                universe.run_for(ms(gap));
                universe.connect();
            }
            let stats = universe.session.stats();
            prop_assert!(stats.in_flight <= (12 << 20) + (16 << 10));
        }
        universe.run_until("all there", |universe| all.iter().all(|(id, data)| {
            universe.agent.got.get(&id.0).map_or(0, Vec::len) >= data.len()
        }));
        for (id, data) in &all {
            prop_assert!(universe.agent.got.get(&id.0).map_or(&[][..], Vec::as_slice) == data);
        }
    }
}
