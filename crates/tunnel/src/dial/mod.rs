//! From a `StreamUrl` to an open websocket.
//!
//! TCP (direct or through a proxy), TLS, the websocket upgrade; and the text frame that presents the
//! token, which is sent when the websocket is put to use.

mod ahead;
mod connect;
mod error;
mod http;
mod proxy;
mod tcp;
mod tls;
mod websocket;

use std::net::IpAddr;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use ::http::{HeaderName, HeaderValue, Uri};
use adit_wire::channel::{MESSAGE_SCHEMA_VERSION, OpenDataChannel};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio_rustls::client::TlsStream;
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::Message;

pub(crate) use ahead::Ahead;
pub use error::{DialError, Stage, TlsFailure};

use self::tcp::Tcp;
use crate::source::{SessionSource, SourceError, Ticket};
use crate::{DialOptions, Handling, Shared, TunnelEvent, Warning, Without};

/// How long the upgrade may take of a connection that was got ahead.
const REUSED: Duration = Duration::from_secs(5);

/// A byte stream of any kind.
pub(crate) trait Io: AsyncRead + AsyncWrite + Send + Unpin {
    /// Says whether what comes may be read some milliseconds later, and together. True when what
    /// was to be read later is to be read now, for which nobody will wake the reader.
    fn set_calm(&mut self, is_calm: bool) -> bool;
}

impl Io for Tcp {
    fn set_calm(&mut self, is_calm: bool) -> bool {
        self.set_calm(is_calm)
    }
}

impl Io for TlsStream<BoxIo> {
    fn set_calm(&mut self, is_calm: bool) -> bool {
        self.get_mut().0.set_calm(is_calm)
    }
}

/// The stream below a websocket: dispatch costs one indirect call per system call.
pub(crate) type BoxIo = Box<dyn Io>;

/// An open websocket.
pub(crate) type Websocket = WebSocketStream<BoxIo>;

/// An open websocket on which nothing was presented yet.
pub(crate) struct Upgraded {
    pub(crate) websocket: Websocket,
    /// What presents the ticket.
    pub(crate) opening: Message,
}

/// Dials gateways; made once per tunnel, since reading the trust roots takes milliseconds.
pub(crate) struct Dialer {
    options: DialOptions,
    proxy: proxy::Proxies,
    tls: tls::Tls,
    client_id: String,
    client_version: String,
    /// Whether it was told that the gateway refuses signed upgrades: once is enough.
    warned: AtomicBool,
    without: Without,
}

/// Where a URL leads.
struct Place {
    uri: Uri,
    host: String,
    port: u16,
    tls: bool,
}

impl Dialer {
    /// Checks proxies and extra roots.
    pub(crate) fn new(
        options: DialOptions,
        client_id: String,
        client_version: String,
    ) -> Result<Self, DialError> {
        let proxy = proxy::Proxies::new(&options.proxy)?;
        let tls = tls::Tls::new(&options.extra_roots_pem)?;
        let (warned, without) = (AtomicBool::new(false), Without::default());
        Ok(Self { options, proxy, tls, client_id, client_version, warned, without })
    }

    /// Leaves out what a test shows the use of.
    pub(crate) fn without(self, without: Without) -> Self {
        Self { without, ..self }
    }

    /// Opens a websocket for the data channel of `ticket`: signed when the source can sign, and once more unsigned
    /// when the signed upgrade is answered with 403. Whether the service takes unsigned or signed
    /// upgrades in every region is not known, so neither refusal is final. `ahead` is used if it leads there.
    pub(crate) async fn upgrade<S: SessionSource>(
        &self,
        source: &S,
        ticket: &Ticket,
        request_id: String,
        ahead: Option<Ahead>,
        shared: &Shared,
    ) -> Result<Upgraded, DialError> {
        let url = &ticket.stream_url;
        // Credentials may come from a program that waits for somebody.
        let signed = connect::within(
            self.options.handshake_timeout,
            Stage::Signature,
            source.sign_upgrade(url),
        );
        let headers = match signed.await? {
            Ok(headers) => headers,
            Err(SourceError::Retry { message, .. }) => return Err(DialError::Sign(message)),
            Err(SourceError::Fatal(fatal)) => return Err(DialError::Sign(fatal.message)),
        };
        let websocket = match (self.dial(url, headers.as_deref(), ahead).await, &headers) {
            (Err(DialError::Upgrade { status: 403, .. }), Some(_))
                if !self.without.has(Handling::Unsigned) =>
            {
                let websocket = self.dial(url, None, None).await?;
                if !self.warned.swap(true, Ordering::Relaxed) {
                    shared.emit(TunnelEvent::Warning(Warning::UnsignedUpgrade));
                }
                websocket
            }
            (dialled, _) => dialled?,
        };
        let frame = OpenDataChannel {
            message_schema_version: MESSAGE_SCHEMA_VERSION.to_owned(),
            request_id,
            token_value: ticket.token.expose().to_owned(),
            client_id: Some(self.client_id.clone()),
            client_version: Some(self.client_version.clone()),
            client_instance_id: None,
        };
        let text = serde_json::to_string(&frame).map_err(|_| DialError::Token)?;
        Ok(Upgraded { websocket, opening: Message::Text(text.into()) })
    }

    /// Dials `url` and upgrades to a websocket.
    async fn dial(
        &self,
        url: &str,
        headers: Option<&[(HeaderName, HeaderValue)]>,
        ahead: Option<Ahead>,
    ) -> Result<Websocket, DialError> {
        let place = Place::parse(url)?;
        let (headers, limit) = (headers.unwrap_or_default(), self.options.handshake_timeout);
        let ahead = match ahead {
            Some(ahead) => ahead.to(&place).await,
            None => None,
        };
        if let Some(stream) = ahead {
            match websocket::upgrade(stream, &place.uri, headers, limit.min(REUSED)).await {
                // It has waited, and may have been closed or cut off meanwhile.
                Err(error @ (DialError::Websocket(_) | DialError::Timeout { .. })) => {
                    tracing::debug!(%error, "a connection that was got ahead is of no use");
                }
                upgraded => return upgraded,
            }
        }
        let stream = self.reach(&place).await?;
        websocket::upgrade(stream, &place.uri, headers, limit).await
    }

    /// Connects to a gateway: TCP, proxy, TLS.
    async fn reach(&self, place: &Place) -> Result<BoxIo, DialError> {
        let loopback = is_loopback(&place.host);
        // The token would cross the network in the clear.
        if !place.tls && !loopback {
            return Err(DialError::PlainToRemote { host: place.host.clone() });
        }
        let limit = self.options.handshake_timeout;
        let proxy = if loopback { None } else { self.proxy.for_place(place) };
        let stream: BoxIo = match proxy {
            Some(proxy) => {
                let proxy_place = Place::of_proxy(proxy.uri())?;
                let mut stream = connect::tcp(&proxy_place, self.options.connect_timeout).await?;
                if proxy_place.tls {
                    stream = self.tls.client(stream, &proxy_place.host, limit).await?;
                }
                proxy::tunnel(stream, place, proxy.basic_auth(), limit).await?
            }
            None => connect::tcp(place, self.options.connect_timeout).await?,
        };
        if place.tls { self.tls.client(stream, &place.host, limit).await } else { Ok(stream) }
    }
}

impl Place {
    /// Takes a `StreamUrl` apart; the request goes out with the URL as it is.
    fn parse(url: &str) -> Result<Self, DialError> {
        let uri: Uri = url.parse().map_err(|_| DialError::Url)?;
        match uri.scheme_str() {
            Some("wss") => Self::new(uri, true, 443),
            Some("ws") => Self::new(uri, false, 80),
            _ => Err(DialError::Url),
        }
    }

    /// Whether a connection to one is as good as one to the other.
    fn is_same_end(&self, other: &Self) -> bool {
        (&self.host, self.port, self.tls) == (&other.host, other.port, other.tls)
    }

    fn of_proxy(uri: &Uri) -> Result<Self, DialError> {
        match uri.scheme_str() {
            Some("http") | None => Self::new(uri.clone(), false, 80),
            Some("https") => Self::new(uri.clone(), true, 443),
            Some(_) => Err(DialError::ProxySetting),
        }
    }

    fn new(uri: Uri, tls: bool, default_port: u16) -> Result<Self, DialError> {
        let host = uri.host().ok_or(DialError::Url)?;
        let host = host.trim_start_matches('[').trim_end_matches(']').to_owned();
        let port = uri.port_u16().unwrap_or(default_port);
        Ok(Self { uri, host, port, tls })
    }
}

/// Whether `host` can only be this machine.
fn is_loopback(host: &str) -> bool {
    match host.parse::<IpAddr>() {
        Ok(address) => address.is_loopback(),
        Err(_) => host.eq_ignore_ascii_case("localhost"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn loopback_is_told_by_the_host_alone() {
        for host in ["127.0.0.1", "127.9.9.9", "::1", "localhost", "LOCALHOST"] {
            assert!(is_loopback(host), "{host}");
        }
        for host in ["localhost.example.com", "128.0.0.1", "::2", "example.com", "127.0.0.1.nip.io"]
        {
            assert!(!is_loopback(host), "{host}");
        }
    }

    #[test]
    fn stream_urls_keep_their_query_and_odd_session_ids() {
        let url = "wss://gw.example.com/v1/data-channel/user@example.com-0123?role=publish_subscribe&cell-number=AAE+/w==";
        let place = Place::parse(url).unwrap();
        assert_eq!((place.host.as_str(), place.port, place.tls), ("gw.example.com", 443, true));
        assert_eq!(place.uri.to_string(), url);
        assert!(Place::parse("https://gw.example.com/").is_err());
        assert_eq!(Place::parse("ws://[::1]:81/x").unwrap().host, "::1");
    }
}
