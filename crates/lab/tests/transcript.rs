//! The official agent and plugin, replayed: each recorded request gets the answer that the next
//! one follows from. `fixtures/official-agent-and-plugin.jsonl` is what they said to a stand-in for
//! the service; ids and tokens are replaced by those that the lab gives.

use std::collections::VecDeque;

use adit_lab::Lab;
use adit_wire::control::AgentTaskAcknowledge;
use adit_wire::handshake::{HandshakeComplete, HandshakeRequest, HandshakeResponse};
use adit_wire::smux::Frame;
use adit_wire::{Flag, Header, MessageId, MessageType, PayloadType, encode};
use bytes::Bytes;
use futures_util::{SinkExt, StreamExt};
use http::{HeaderName, Method, Response};
use serde::Deserialize;
use serde_json::{Value, json};
use tokio_tungstenite::tungstenite::Message as Websocket;

use crate::support::agent::{base, token};
use crate::support::binary::{decode, kind};
use crate::support::client::{Ticket, start};
use crate::support::http::{control, json_of, request, send};
use crate::support::socket::{Socket, dial};
use crate::support::{lab_with, until};

const RECORDED_INSTANCE: &str = "mi-0123456789abcdef0";
const RECORDED_SESSION: &str = "lab-000660c7477f9ae9";

/// One line of the transcript, with the members that are replayed.
#[derive(Deserialize)]
struct Line {
    ev: String,
    #[serde(default)]
    url: String,
    #[serde(default)]
    body: String,
    #[serde(default)]
    hdr: std::collections::BTreeMap<String, Vec<String>>,
    #[serde(default)]
    text: String,
    #[serde(default)]
    dir: Option<u8>,
    #[serde(default)]
    agent: bool,
    #[serde(default, rename = "type")]
    message_type: String,
    #[serde(default)]
    payload: String,
    #[serde(default)]
    plen: usize,
    #[serde(default)]
    pt: u32,
    #[serde(default)]
    seq: i64,
    #[serde(default)]
    flags: u64,
    #[serde(default)]
    mid: Option<String>,
}

/// What the replay has learnt from the lab's answers so far.
struct Replay {
    lab: Lab,
    instance: String,
    ticket: Option<Ticket>,
    /// Tokens of channels that are about to be opened.
    tokens: VecDeque<String>,
    /// The socket that was opened last, until its first frame says whose it is.
    fresh: Option<Socket>,
    control: Option<Socket>,
    near: Option<Socket>,
    far: Option<Socket>,
}

#[tokio::test]
async fn each_request_of_the_official_programs_gets_the_answer_that_leads_to_the_next() {
    let lab = lab_with(|config| config.sigv4 = false).await;
    let mut replay = Replay {
        lab,
        instance: String::new(),
        ticket: None,
        tokens: VecDeque::new(),
        fresh: None,
        control: None,
        near: None,
        far: None,
    };
    let mut seen = 0;
    for line in include_str!("fixtures/official-agent-and-plugin.jsonl").lines() {
        replay.step(serde_json::from_str(line).expect("a line")).await;
        seen += 1;
    }
    assert_eq!(seen, 32);
    let state = replay.lab.state();
    let session = &state.sessions[0];
    assert_eq!(session.state, "Terminated");
    assert_eq!((session.counts.handshake_responses, session.counts.flags_from_client), (1, 1));
    let calls = |name: &str| state.api_calls[name];
    assert_eq!((calls("UpdateInstanceInformation"), calls("GetMessages")), (3, 4));
}

impl Replay {
    async fn step(&mut self, line: Line) {
        match line.ev.as_str() {
            "http" => self.http(&line).await,
            "ws-upgrade" => self.upgrade(&line).await,
            "control-text" => {
                let mut socket = self.fresh.take().expect("a new socket");
                socket.text(&self.opening(&line.text)).await;
                self.control = Some(socket);
                let id = self.instance.clone();
                until(&self.lab, |state| state.instances.iter().any(|i| i.id == id && i.online))
                    .await;
            }
            "data-open" => {
                let mut socket = self.fresh.take().expect("a new socket");
                let opening = self.opening(&line.text);
                socket.text(&opening).await;
                let agent = opening.get("ClientInstanceId").is_some();
                *(if agent { &mut self.far } else { &mut self.near }) = Some(socket);
            }
            "agent_session_state" => {
                let message =
                    message(MessageType::AgentSessionState, &line, line.payload.as_bytes());
                self.far.as_mut().expect("the agent's socket").binary(message).await;
            }
            "data" => self.data(&line).await,
            "control-bin" => self.complete(&line).await,
            "data-closed" => drop(if line.agent { self.far.take() } else { self.near.take() }),
            "ping" => {
                let socket = &mut self.control.as_mut().expect("the control channel").0;
                let ping = Websocket::Ping(Bytes::from_static(b"keepalive"));
                socket.send(ping).await.expect("sent");
                let pong = socket.next().await.expect("more").expect("a frame");
                assert_eq!(pong, Websocket::Pong(Bytes::from_static(b"keepalive")));
            }
            other => panic!("unknown event {other}"),
        }
    }

    /// Replaces what was recorded by what this lab has given.
    fn translated(&self, text: &str) -> String {
        let id = self.ticket.as_ref().map_or(RECORDED_SESSION, |ticket| &ticket.id);
        text.replace(RECORDED_INSTANCE, &self.instance).replace(RECORDED_SESSION, id)
    }

    /// A first frame, with the token that was given for it.
    fn opening(&mut self, text: &str) -> Value {
        let mut opening: Value = serde_json::from_str(&self.translated(text)).expect("JSON");
        let recorded = opening["TokenValue"].as_str().expect("a token");
        let token = if recorded.starts_with("ctok-") {
            self.ticket.as_ref().expect("a session").token.clone()
        } else {
            self.tokens.pop_front().expect("a token of the lab")
        };
        opening["TokenValue"] = token.into();
        opening
    }

    async fn http(&mut self, line: &Line) {
        let mut request = request(
            &self.lab,
            Method::POST,
            &self.translated(&line.url),
            self.translated(&line.body),
        );
        for (name, values) in &line.hdr {
            // The length may differ with the ids; the client writes its own.
            if !name.eq_ignore_ascii_case("content-length") {
                let name = HeaderName::try_from(name).expect("a name");
                let value = self.translated(&values[0]).parse().expect("a value");
                request.headers_mut().insert(name, value);
            }
        }
        let target = line.hdr.get("X-Amz-Target").map_or("", |values| values[0].as_str());
        let polled = self.lab.state().api_calls.get("GetMessages").copied();
        let mut answer = tokio::spawn(send(request));
        if target.ends_with(".GetMessages") {
            until(&self.lab, |state| state.api_calls.get("GetMessages").copied() > polled).await;
            control(&self.lab, "clock", &json!({ "advance_ms": 20_000 })).await;
        }
        let answer = (&mut answer).await.expect("an answer");
        self.answered(target, &line.body, &answer);
    }

    /// Checks an answer for what the agent takes from it, and remembers it.
    fn answered(&mut self, target: &str, body: &str, answer: &Response<Bytes>) {
        let (_, operation) = target.split_once('.').unwrap_or_default();
        if operation.is_empty() {
            self.tokens.push_back(token(answer));
            return;
        }
        let (status, answer) = json_of(answer);
        assert_eq!(status, 200, "{target}: {answer}");
        match operation {
            "RegisterManagedInstance" => {
                answer["InstanceId"].as_str().expect("an id").clone_into(&mut self.instance);
                assert_eq!(self.instance.len(), RECORDED_INSTANCE.len());
            }
            "RequestManagedInstanceRoleToken" => {
                for member in ["AccessKeyId", "SecretAccessKey", "SessionToken"] {
                    assert!(answer[member].as_str().is_some_and(|text| !text.is_empty()));
                }
                assert!(answer["TokenExpirationDate"].is_f64() && answer["UpdateKeyPair"] == false);
            }
            "UpdateInstanceInformation" => assert_eq!(answer, json!({})),
            "ListInstanceAssociations" => assert_eq!(answer, json!({ "Associations": [] })),
            "GetMessages" => {
                let asked: Value = serde_json::from_str(body).expect("JSON");
                assert_eq!(answer["MessagesRequestId"], asked["MessagesRequestId"]);
                assert_eq!(
                    (&answer["Messages"], &answer["Destination"]),
                    (&json!([]), &json!(self.instance))
                );
            }
            other => panic!("unknown operation {other}"),
        }
    }

    async fn upgrade(&mut self, line: &Line) {
        // The transcript begins a session with the client's upgrade: what comes before that is
        // its StartSession.
        if line.url.contains("cell-number") {
            let ticket = start(&self.lab, &self.instance).await;
            let control = self.control.as_mut().expect("the control channel");
            assert_eq!(kind(&control.next().await), MessageType::InteractiveShell);
            self.fresh = Some(dial(&ticket.url, &[]).await.expect("a websocket"));
            self.ticket = Some(ticket);
            return;
        }
        let url = format!("{}{}", base(&self.lab), self.translated(&line.url));
        self.fresh = Some(dial(&url, &[]).await.expect("a websocket"));
    }

    /// Sends a recorded message from its side; it has to arrive unchanged at the other.
    async fn data(&mut self, line: &Line) {
        let payload = unquoted(&line.payload);
        assert_eq!(payload.len(), line.plen);
        let (near, far) = (self.near.as_mut(), self.far.as_mut());
        let (near, far) = (near.expect("the client's socket"), far.expect("the agent's socket"));
        let (kind, from, to) = match line.dir {
            Some(0) => (MessageType::InputStreamData, near, far),
            _ => (MessageType::OutputStreamData, far, near),
        };
        assert_eq!(kind.to_field().trim_ascii_end(), line.message_type.as_bytes());
        let message = message(kind, line, &payload);
        from.binary(message.clone()).await;
        loop {
            let arrived = to.next().await;
            if decode(&arrived).header.message_type == kind {
                assert_eq!(arrived, message);
                break;
            }
        }
        understand(PayloadType::from(line.pt), &payload);
    }

    async fn complete(&mut self, line: &Line) {
        let control = self.control.as_mut().expect("the control channel");
        let id = self.ticket.as_ref().map(|ticket| ticket.id.clone()).expect("a session");
        let payload = line.payload.replace(RECORDED_INSTANCE, &self.instance);
        let payload = payload.replace(RECORDED_SESSION, &id);
        let message = message(MessageType::AgentTaskComplete, line, payload.as_bytes());
        control.binary(message).await;
        let answer = decode(&control.next().await);
        assert_eq!(answer.header.message_type, MessageType::AgentTaskAcknowledge);
        let answer: AgentTaskAcknowledge = serde_json::from_slice(&answer.payload).expect("a body");
        assert_eq!(Some(&answer.message_id), line.mid.as_ref());
        assert_eq!((answer.task_id, answer.topic.as_str()), (id, "agent_task_complete"));
        let near = self.near.as_mut().expect("the client's socket");
        while kind(&near.next().await) != MessageType::ChannelClosed {}
    }
}

fn message(message_type: MessageType, line: &Line, payload: &[u8]) -> Bytes {
    let id = line.mid.as_ref().map(|id| id.parse::<MessageId>().expect("a UUID"));
    let header = Header {
        message_type,
        created_ms: 1,
        sequence: line.seq,
        flags: line.flags,
        id: id.unwrap_or_default(),
        payload_type: PayloadType::from(line.pt),
    };
    encode(&header, payload)
}

/// Every recorded payload is one that the codecs read.
fn understand(kind: PayloadType, payload: &[u8]) {
    match kind {
        PayloadType::HandshakeRequest => {
            let request: HandshakeRequest = serde_json::from_slice(payload).expect("a request");
            assert_eq!(request.agent_version, "3.3.0.0");
        }
        PayloadType::HandshakeResponse => {
            let response: HandshakeResponse = serde_json::from_slice(payload).expect("a response");
            assert_eq!(response.client_version, "1.2.694.0");
        }
        PayloadType::HandshakeComplete => {
            let _complete: HandshakeComplete = serde_json::from_slice(payload).expect("a body");
        }
        PayloadType::Flag => {
            assert_eq!(Flag::decode(payload).expect("a flag"), Flag::TerminateSession);
        }
        PayloadType::Output => {
            let header = payload.first_chunk().expect("a frame's header");
            Frame::decode(*header).expect("a frame");
        }
        other => panic!("unexpected {other:?}"),
    }
}

/// Takes Go's quotes off a text.
fn unquoted(text: &str) -> Vec<u8> {
    let text = text.strip_prefix('"').and_then(|text| text.strip_suffix('"')).expect("quotes");
    let mut out = Vec::new();
    let mut rest = text.chars();
    while let Some(c) = rest.next() {
        if c != '\\' {
            out.extend(c.to_string().bytes());
            continue;
        }
        out.push(match rest.next().expect("an escape") {
            'x' => {
                let digits: String = rest.by_ref().take(2).collect();
                u8::from_str_radix(&digits, 16).expect("two digits")
            }
            'a' => 7,
            'b' => 8,
            't' => b'\t',
            'n' => b'\n',
            'v' => 11,
            'f' => 12,
            'r' => b'\r',
            c => u8::try_from(c).expect("an ASCII character"),
        });
    }
    out
}
