//! HTTP proxies: which one, and the CONNECT.

use std::time::Duration;

use http::header::{HOST, PROXY_AUTHORIZATION};
use http::{HeaderValue, Method, Request, Uri};
use http_body_util::Empty;
use hyper_util::client::proxy::matcher::{Intercept, Matcher};

use super::connect::within;
use super::http::{Answer, switch};
use super::{BoxIo, DialError, Place, Stage};
use crate::ProxySettings;

/// The proxies of the environment.
pub(super) struct Proxies(Matcher);

impl Proxies {
    /// Refuses settings that are no URL: a proxy that is silently ignored is a surprise.
    pub(super) fn new(settings: &ProxySettings) -> Result<Self, DialError> {
        let mut builder = Matcher::builder();
        for (value, is) in [(&settings.https, 's'), (&settings.http, 'h'), (&settings.all, 'a')] {
            let Some(value) = value.as_deref().filter(|value| !value.is_empty()) else { continue };
            check(value)?;
            builder = match is {
                's' => builder.https(value),
                'h' => builder.http(value),
                _ => builder.all(value),
            };
        }
        if let Some(no) = &settings.no {
            builder = builder.no(no.as_str());
        }
        Ok(Self(builder.build()))
    }

    /// The proxy for a place, if any.
    pub(super) fn for_place(&self, place: &Place) -> Option<Intercept> {
        let scheme = if place.tls { "https" } else { "http" };
        let uri = Uri::builder()
            .scheme(scheme)
            .authority(authority(place))
            .path_and_query("/")
            .build()
            .ok()?;
        self.0.intercept(&uri)
    }
}

fn check(value: &str) -> Result<(), DialError> {
    let uri: Uri = value.parse().map_err(|_| DialError::ProxySetting)?;
    match (uri.scheme_str(), uri.host()) {
        (Some("http" | "https") | None, Some(host)) if !host.is_empty() => Ok(()),
        _ => Err(DialError::ProxySetting),
    }
}

/// `host:port`, with brackets around IPv6 addresses.
fn authority(place: &Place) -> String {
    if place.host.contains(':') {
        format!("[{}]:{}", place.host, place.port)
    } else {
        format!("{}:{}", place.host, place.port)
    }
}

/// Asks the proxy at the other end of `stream` for a tunnel to `place`.
pub(super) async fn tunnel(
    stream: BoxIo,
    place: &Place,
    auth: Option<&HeaderValue>,
    limit: Duration,
) -> Result<BoxIo, DialError> {
    within(limit, Stage::Proxy, connect(stream, place, auth)).await?
}

async fn connect(
    stream: BoxIo,
    place: &Place,
    auth: Option<&HeaderValue>,
) -> Result<BoxIo, DialError> {
    let failed = |error: &dyn std::fmt::Display| DialError::Proxy(error.to_string());
    let authority = authority(place);
    let mut request =
        Request::builder().method(Method::CONNECT).uri(&authority).header(HOST, &authority);
    if let Some(auth) = auth {
        request = request.header(PROXY_AUTHORIZATION, auth);
    }
    let request = request.body(Empty::new()).map_err(|error| failed(&error))?;
    match switch(stream, request).await.map_err(|error| failed(&error))? {
        Answer::Switched { stream, early, .. } if early.is_empty() => Ok(stream),
        // Nobody but the client speaks first on TLS.
        Answer::Switched { .. } => Err(failed(&"it sent more than its answer")),
        Answer::Refused { status, .. } => Err(DialError::ProxyRefused { status }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn proxy_for(settings: &ProxySettings, url: &str) -> Option<String> {
        let proxies = Proxies::new(settings).unwrap();
        proxies.for_place(&Place::parse(url).unwrap()).map(|p| p.uri().to_string())
    }

    #[test]
    fn the_scheme_picks_the_variable_and_no_proxy_exempts() {
        let settings = ProxySettings {
            https: Some("http://proxy.test:3128".into()),
            http: Some("http://plain.test:8080".into()),
            all: None,
            no: Some("internal.test, 10.0.0.0/8".into()),
        };
        let https = Some("http://proxy.test:3128/".to_owned());
        assert_eq!(proxy_for(&settings, "wss://gateway.test/x"), https);
        assert_eq!(
            proxy_for(&settings, "ws://gateway.test/x").as_deref(),
            Some("http://plain.test:8080/")
        );
        assert_eq!(proxy_for(&settings, "wss://gw.internal.test/x"), None);
        assert_eq!(proxy_for(&settings, "wss://10.1.2.3/x"), None);
        assert_eq!(proxy_for(&ProxySettings::default(), "wss://gateway.test/x"), None);
    }

    #[test]
    fn what_is_no_http_proxy_is_refused() {
        for bad in ["socks5://127.0.0.1:1080", "http://", "::::"] {
            let settings = ProxySettings { https: Some(bad.into()), ..Default::default() };
            assert!(matches!(Proxies::new(&settings), Err(DialError::ProxySetting)), "{bad}");
        }
        let bare = ProxySettings { https: Some("proxy.test:3128".into()), ..Default::default() };
        assert!(Proxies::new(&bare).is_ok());
    }
}
