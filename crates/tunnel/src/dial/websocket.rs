//! The websocket upgrade.

use std::time::Duration;

use http::header::{
    CONNECTION, HOST, SEC_WEBSOCKET_ACCEPT, SEC_WEBSOCKET_KEY, SEC_WEBSOCKET_VERSION, UPGRADE,
};
use http::{HeaderName, HeaderValue, Request, Uri, response};
use http_body_util::Empty;
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::handshake::client::generate_key;
use tokio_tungstenite::tungstenite::handshake::derive_accept_key;
use tokio_tungstenite::tungstenite::protocol::{Role, WebSocketConfig};

use super::connect::within;
use super::http::{Answer, switch};
use super::{BoxIo, DialError, Stage, Websocket};

/// Read at once: 28 messages of an official agent, which sends at most 1,144 bytes each. Whoever
/// holds one of them keeps the whole buffer, so it is not larger.
const READ_BUFFER: usize = 32 * 1024;
/// Above what one turn of the driver feeds, so that only the flush writes.
const WRITE_BUFFER: usize = 256 * 1024;
/// The largest message taken. Official peers stay below 143 KiB, agents of our own below 64 KiB;
/// the limit keeps a broken gateway from using up the memory.
const MESSAGE_LIMIT: usize = 16 * 1024 * 1024;

/// Upgrades `stream` with the request for `uri` as it is, plus `headers`.
///
/// The request goes out through hyper and not through tungstenite, which keeps what it has read
/// behind the answer in a buffer that then takes one message at a time.
pub(super) async fn upgrade(
    stream: BoxIo,
    uri: &Uri,
    headers: &[(HeaderName, HeaderValue)],
    limit: Duration,
) -> Result<Websocket, DialError> {
    let key = generate_key();
    let request = request(uri, &key, headers).map_err(|_| DialError::Url)?;
    let answer = within(limit, Stage::Websocket, switch(stream, request))
        .await?
        .map_err(|error| DialError::Websocket(error.to_string()))?;
    let (stream, early) = match answer {
        Answer::Switched { head, stream, early } => {
            check(&head, &key)?;
            (stream, early)
        }
        Answer::Refused { status, mut body } => {
            if !body.is_empty() {
                body.insert_str(0, ": ");
            }
            return Err(DialError::Upgrade { status, body });
        }
    };
    let config = WebSocketConfig::default()
        .read_buffer_size(READ_BUFFER)
        .write_buffer_size(WRITE_BUFFER)
        .max_message_size(Some(MESSAGE_LIMIT))
        .max_frame_size(Some(MESSAGE_LIMIT));
    Ok(if early.is_empty() {
        WebSocketStream::from_raw_socket(stream, Role::Client, Some(config)).await
    } else {
        let early = early.into();
        WebSocketStream::from_partially_read(stream, early, Role::Client, Some(config)).await
    })
}

fn request(
    uri: &Uri,
    key: &str,
    headers: &[(HeaderName, HeaderValue)],
) -> Result<Request<Empty<bytes::Bytes>>, http::Error> {
    let target = uri.path_and_query().map_or("/", |target| target.as_str());
    let host = uri.authority().map_or("", |authority| authority.as_str());
    let mut request = Request::get(target)
        .header(HOST, host)
        .header(CONNECTION, "Upgrade")
        .header(UPGRADE, "websocket")
        .header(SEC_WEBSOCKET_VERSION, "13")
        .header(SEC_WEBSOCKET_KEY, key);
    // Host is part of the signature, and the request has it already.
    for (name, value) in headers.iter().filter(|(name, _)| name != HOST) {
        request = request.header(name, value);
    }
    request.body(Empty::new())
}

/// Checks the answer as RFC 6455, section 4.1, asks of clients. Neither subprotocol nor extension
/// was offered, so their names prove nothing.
fn check(head: &response::Parts, key: &str) -> Result<(), DialError> {
    let is = |name: HeaderName, wanted: &str| {
        head.headers
            .get_all(name)
            .iter()
            .filter_map(|value| value.to_str().ok())
            .flat_map(|value| value.split(','))
            .any(|value| value.trim().eq_ignore_ascii_case(wanted))
    };
    let accept = head.headers.get(SEC_WEBSOCKET_ACCEPT).map(HeaderValue::as_bytes);
    if is(UPGRADE, "websocket")
        && is(CONNECTION, "upgrade")
        && accept == Some(derive_accept_key(key.as_bytes()).as_bytes())
    {
        Ok(())
    } else {
        Err(DialError::Websocket("the gateway's answer is no websocket handshake".to_owned()))
    }
}
