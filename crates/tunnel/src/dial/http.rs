//! One HTTP/1.1 request that turns its connection into something else.

use bytes::Bytes;
use http::{Method, Request, StatusCode, response};
use http_body_util::{BodyExt as _, Empty, Limited};
use hyper::upgrade::Upgraded;
use hyper_util::rt::TokioIo;

use super::{BoxIo, Io};
use crate::error::one_line;

/// The most that is read of a refusal's body.
const BODY_LIMIT: usize = 4096;

/// What the server made of the request.
pub(super) enum Answer {
    /// The connection is the caller's.
    Switched { head: response::Parts, stream: BoxIo, early: Bytes },
    /// The server refused, and perhaps said why, here in one line.
    Refused { status: u16, body: String },
}

/// Sends `request` and waits for its answer: a CONNECT is granted by any success, everything else
/// by 101.
pub(super) async fn switch(
    stream: BoxIo,
    request: Request<Empty<Bytes>>,
) -> Result<Answer, hyper::Error> {
    let (mut sender, connection) = hyper::client::conn::http1::Builder::new()
        .title_case_headers(true)
        .handshake(TokioIo::new(stream))
        .await?;
    // Ends once it has handed the stream over, or when the sender is gone. Its errors reach the
    // sender too.
    tokio::spawn(connection.with_upgrades());
    let connect = request.method() == Method::CONNECT;
    let mut response = sender.send_request(request).await?;
    let status = response.status();
    let granted =
        if connect { status.is_success() } else { status == StatusCode::SWITCHING_PROTOCOLS };
    if !granted {
        let body = Limited::new(response.into_body(), BODY_LIMIT).collect().await;
        let body = body.map_or_else(|_| Bytes::new(), http_body_util::Collected::to_bytes);
        let body = one_line(&String::from_utf8_lossy(&body));
        return Ok(Answer::Refused { status: status.as_u16(), body });
    }
    let upgraded = hyper::upgrade::on(&mut response).await?;
    let (head, _) = response.into_parts();
    Ok(match upgraded.downcast::<TokioIo<BoxIo>>() {
        Ok(parts) => {
            Answer::Switched { head, stream: parts.io.into_inner(), early: parts.read_buf }
        }
        Err(upgraded) => {
            Answer::Switched { head, stream: Box::new(TokioIo::new(upgraded)), early: Bytes::new() }
        }
    })
}

/// What hyper does not give back as it was given is read at once.
impl Io for TokioIo<Upgraded> {
    fn set_calm(&mut self, _: bool) -> bool {
        false
    }
}
