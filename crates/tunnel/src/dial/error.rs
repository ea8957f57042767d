//! Why a gateway could not be dialled.

use std::time::Duration;

use crate::error::SharedIo;

/// A step of a dial.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stage {
    /// Name resolution and TCP connection.
    Connect,
    /// The proxy's CONNECT.
    Proxy,
    /// The TLS handshake.
    Tls,
    /// The signature of the upgrade, for which credentials may have to be fetched.
    Signature,
    /// The websocket upgrade.
    Websocket,
}

impl std::fmt::Display for Stage {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Connect => "the connection",
            Self::Proxy => "the proxy's answer",
            Self::Tls => "the TLS handshake",
            Self::Signature => "the credentials",
            Self::Websocket => "the websocket upgrade",
        })
    }
}

/// What is wrong with a server's TLS.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum TlsFailure {
    /// No trusted root vouches for the certificate.
    Untrusted,
    /// The certificate is for another name.
    Name,
    /// The certificate is expired or not valid yet.
    Expired,
    /// Anything else, in one line.
    Other(String),
}

impl std::fmt::Display for TlsFailure {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Untrusted => f.write_str("no trusted authority issued its certificate"),
            Self::Name => f.write_str("its certificate is for another name"),
            Self::Expired => f.write_str("its certificate is expired or not valid yet"),
            Self::Other(text) => f.write_str(text),
        }
    }
}

/// Why a gateway could not be dialled.
#[derive(Clone, Debug, thiserror::Error)]
#[non_exhaustive]
pub enum DialError {
    /// The `StreamUrl` is none.
    #[error("the service gave a malformed stream URL")]
    Url,
    /// The `StreamUrl` is not encrypted and leads to another machine.
    #[error("refusing to send a session token unencrypted to {host}")]
    PlainToRemote {
        /// The host.
        host: String,
    },
    /// The name does not resolve.
    #[error("cannot resolve {host}: {source}")]
    Resolve {
        /// The host.
        host: String,
        /// The resolver's error.
        source: SharedIo,
    },
    /// No address of the host takes a connection.
    #[error("cannot connect to {host}:{port}: {source}")]
    Connect {
        /// The host.
        host: String,
        /// The port.
        port: u16,
        /// The error of the last address.
        source: SharedIo,
    },
    /// A step took too long.
    #[error("{stage} took longer than {} s", after.as_secs())]
    Timeout {
        /// The step.
        stage: Stage,
        /// The limit.
        after: Duration,
    },
    /// A proxy variable does not hold the URL of an HTTP proxy.
    #[error("the proxy setting is not the URL of an HTTP proxy")]
    ProxySetting,
    /// The proxy refused the connection.
    #[error("the proxy refuses the connection (HTTP {status})")]
    ProxyRefused {
        /// Its HTTP status.
        status: u16,
    },
    /// The proxy broke off or does not speak HTTP.
    #[error("the proxy failed: {0}")]
    Proxy(String),
    /// An extra root certificate cannot be read, or no root is at hand.
    #[error("cannot load trusted certificates: {0}")]
    Roots(String),
    /// The server's TLS cannot be trusted or does not work.
    #[error("cannot trust {host}: {failure}")]
    Tls {
        /// The host.
        host: String,
        /// What is wrong.
        failure: TlsFailure,
    },
    /// The gateway answered the upgrade with an HTTP status.
    #[error("the gateway refuses the websocket (HTTP {status}{body})")]
    Upgrade {
        /// The status.
        status: u16,
        /// Empty, or a colon and what it said in one line.
        body: String,
    },
    /// The websocket broke off or is none.
    #[error("the websocket failed: {0}")]
    Websocket(String),
    /// The upgrade could not be signed.
    #[error("cannot sign the websocket upgrade: {0}")]
    Sign(String),
    /// The token cannot be sent.
    #[error("the service gave an unusable token")]
    Token,
}

impl DialError {
    /// Whether the same dial may work a moment later.
    pub fn is_transient(&self) -> bool {
        match self {
            Self::Resolve { .. }
            | Self::Connect { .. }
            | Self::Timeout { .. }
            | Self::Proxy(_)
            | Self::Websocket(_) => true,
            Self::ProxyRefused { status } | Self::Upgrade { status, .. } => {
                *status == 429 || *status >= 500
            }
            _ => false,
        }
    }

    /// The status when the gateway refuses the token or the signature.
    pub(crate) fn token_refused(&self) -> Option<u16> {
        match self {
            Self::Upgrade { status: status @ (401 | 403), .. } => Some(*status),
            _ => None,
        }
    }

    /// Whether no later dial can work either, even after the network changed.
    pub(crate) fn is_hopeless(&self) -> bool {
        matches!(self, Self::Url | Self::PlainToRemote { .. } | Self::ProxySetting | Self::Token)
    }

    /// What the user can do, in one line.
    pub fn next_step(&self) -> &'static str {
        match self {
            Self::Url | Self::Token => "check the endpoint URL",
            Self::PlainToRemote { .. } => "use an https endpoint",
            Self::Resolve { .. } => "check the network, DNS and the region's name",
            Self::Timeout { stage: Stage::Signature, .. } => {
                "check the program or service that the credentials come from"
            }
            Self::Connect { .. } | Self::Timeout { .. } => {
                "check the network, firewalls and HTTPS_PROXY"
            }
            Self::ProxySetting => "set HTTPS_PROXY to http://HOST:PORT",
            Self::ProxyRefused { status: 407 } => "put user and password into HTTPS_PROXY",
            Self::ProxyRefused { .. } | Self::Proxy(_) => {
                "ask for the gateway to be permitted on the proxy, or add it to NO_PROXY"
            }
            Self::Roots(_) => "check the CA bundle",
            Self::Tls { failure: TlsFailure::Untrusted, .. } => {
                "give the CA bundle of your network with --ca-bundle"
            }
            Self::Tls { failure: TlsFailure::Expired, .. } => "check the clock of this machine",
            Self::Tls { .. } => "check for a proxy that intercepts TLS",
            Self::Upgrade { status: 401 | 403, .. } | Self::Sign(_) => {
                "check the clock of this machine and the credentials"
            }
            Self::Upgrade { .. } | Self::Websocket(_) => {
                "try again; if it persists, check for a proxy that blocks websockets"
            }
        }
    }
}
