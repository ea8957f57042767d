use bytes::Bytes;
use http::header::{
    CONNECTION, SEC_WEBSOCKET_ACCEPT, SEC_WEBSOCKET_KEY, SEC_WEBSOCKET_VERSION, UPGRADE,
};
use http::{HeaderMap, HeaderName, HeaderValue, Response, StatusCode};
use http_body_util::Full;
use hyper::upgrade::OnUpgrade;
use hyper_util::rt::TokioIo;
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::handshake::derive_accept_key;
use tokio_tungstenite::tungstenite::protocol::Role;
use tracing::debug;

use super::answer::Answer;
use super::socket::Socket;

/// Whether a request asks for a websocket.
pub(super) fn is_wanted(headers: &HeaderMap) -> bool {
    let has = |name: HeaderName, token: &str| {
        headers
            .get(name)
            .and_then(|value| value.to_str().ok())
            .is_some_and(|value| value.split(',').any(|v| v.trim().eq_ignore_ascii_case(token)))
    };
    has(UPGRADE, "websocket")
        && has(CONNECTION, "upgrade")
        && has(SEC_WEBSOCKET_VERSION, "13")
        && headers.contains_key(SEC_WEBSOCKET_KEY)
}

/// The answer that makes a connection a websocket. No extension is ever agreed to.
pub(super) fn switching(headers: &HeaderMap) -> Answer {
    let key = headers.get(SEC_WEBSOCKET_KEY).map_or(&b""[..], HeaderValue::as_bytes);
    let mut answer = Response::new(Full::new(Bytes::new()));
    *answer.status_mut() = StatusCode::SWITCHING_PROTOCOLS;
    let out = answer.headers_mut();
    out.insert(UPGRADE, HeaderValue::from_static("websocket"));
    out.insert(CONNECTION, HeaderValue::from_static("Upgrade"));
    if let Ok(accept) = HeaderValue::try_from(derive_accept_key(key)) {
        out.insert(SEC_WEBSOCKET_ACCEPT, accept);
    }
    answer
}

/// The websocket, once the answer is out.
pub(super) async fn websocket(upgrade: OnUpgrade) -> Option<WebSocketStream<Socket>> {
    let upgraded = match upgrade.await {
        Ok(upgraded) => upgraded,
        Err(error) => {
            debug!(%error, "upgrade failed");
            return None;
        }
    };
    let parts = upgraded.downcast::<TokioIo<Socket>>().ok()?;
    let socket = parts.io.into_inner();
    let read = parts.read_buf.to_vec();
    Some(WebSocketStream::from_partially_read(socket, read, Role::Server, None).await)
}
