use std::time::Duration;

use bytes::Bytes;
use futures_util::{SinkExt, StreamExt};
use http::{Request, Response};
use serde_json::Value;
use tokio::net::TcpStream;
use tokio::time::timeout;
use tokio_tungstenite::tungstenite::client::IntoClientRequest;
use tokio_tungstenite::tungstenite::{Error, Message};
use tokio_tungstenite::{WebSocketStream, client_async};

/// How long a test waits for what has to come.
pub(crate) const PATIENCE: Duration = Duration::from_secs(10);

/// A client's websocket.
pub(crate) struct Socket(pub(crate) WebSocketStream<TcpStream>);

/// How a websocket ended.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum End {
    /// With a close frame.
    Closed(u16),
    /// Without one.
    Lost,
}

/// Opens a websocket, with these headers beside the usual ones.
pub(crate) async fn dial(
    url: &str,
    headers: &[(&str, &str)],
) -> Result<Socket, Box<Response<Option<Vec<u8>>>>> {
    let mut request: Request<()> = url.into_client_request().expect("a URL");
    for (name, value) in headers {
        let name = http::HeaderName::try_from(*name).expect("a name");
        request.headers_mut().insert(name, value.parse().expect("a value"));
    }
    let authority = request.uri().authority().expect("a host").to_string();
    let tcp = TcpStream::connect(authority).await.expect("a connection");
    tcp.set_nodelay(true).expect("TCP_NODELAY");
    match client_async(request, tcp).await {
        Ok((socket, answer)) => {
            assert!(answer.headers().get("sec-websocket-extensions").is_none());
            Ok(Socket(socket))
        }
        Err(Error::Http(answer)) => Err(answer),
        Err(error) => panic!("no websocket: {error}"),
    }
}

impl Socket {
    pub(crate) async fn text(&mut self, body: &Value) {
        self.0.send(Message::text(body.to_string())).await.expect("a text frame sent");
    }

    pub(crate) async fn binary(&mut self, message: Bytes) {
        self.0.send(Message::Binary(message)).await.expect("a binary frame sent");
    }

    /// The next binary message.
    pub(crate) async fn next(&mut self) -> Bytes {
        let next = async {
            loop {
                match self.0.next().await.expect("more to come").expect("a frame") {
                    Message::Binary(bytes) => return bytes,
                    Message::Ping(_) | Message::Pong(_) => {}
                    other => panic!("unexpected {other:?}"),
                }
            }
        };
        timeout(PATIENCE, next).await.expect("a message in time")
    }

    /// Reads until the websocket has ended; what comes before is not looked at.
    pub(crate) async fn end(&mut self) -> End {
        let end = async {
            let mut code = None;
            while let Some(Ok(frame)) = self.0.next().await {
                if let Message::Close(Some(frame)) = frame {
                    code = Some(u16::from(frame.code));
                }
            }
            code.map_or(End::Lost, End::Closed)
        };
        timeout(PATIENCE, end).await.expect("the end in time")
    }
}
