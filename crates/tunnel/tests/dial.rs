//! Dialling: TLS, proxies, upgrades and tokens.

use adit_tunnel::{
    DialError, ProxySettings, SourceError, TlsFailure, TunnelError, TunnelEvent, Warning,
};

use crate::forward::echo;
use crate::support::gateway::{Cut, Gateway};
use crate::support::pki::Authority;
use crate::support::proxy::Proxy;
use crate::support::source::{FakeSource, SESSION, fatal};
use crate::support::{open_error, options, pattern, soon, world, world_with};

async fn dial_error(url: String, options: adit_tunnel::TunnelOptions) -> DialError {
    let source = FakeSource::new(url);
    let (error, _) = open_error(source.clone(), options).await;
    assert_eq!(source.terminated(), [SESSION], "the session is not left behind");
    match error {
        TunnelError::Dial(error) => error,
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn the_url_is_used_verbatim_and_the_token_goes_in_the_first_frame() {
    let world = world().await;
    let upgrades = world.gateway.upgrades();
    assert_eq!(
        upgrades[0].target,
        "/v1/data-channel/s-0123?role=publish_subscribe&cell-number=AAE+/w=="
    );
    assert_eq!(upgrades[0].host, world.gateway.address().to_string());
    let hello = &world.gateway.hellos()[0];
    assert_eq!(hello.token_value, "token-1-0");
    assert_eq!(hello.client_version.as_deref(), Some("1.2.764.0"));
    assert!(hello.client_instance_id.is_none());
    world.close().await;
}

#[tokio::test]
async fn tls_with_an_extra_root_works() {
    let authority = Authority::new();
    let gateway = Gateway::tls(authority.acceptor(&["127.0.0.1"])).await;
    let mut options = options();
    options.dial.extra_roots_pem = vec![authority.pem()];
    let world = world_with(gateway, options).await;
    assert_eq!(world.gateway.open(), 1);
    world.close().await;
}

#[tokio::test]
async fn the_next_websocket_goes_on_with_the_tls_session_of_the_one_before() {
    let authority = Authority::new();
    let gateway = Gateway::tls(authority.acceptor(&["127.0.0.1"])).await;
    let mut options = options();
    options.dial.extra_roots_pem = vec![authority.pem()];
    let mut world = world_with(gateway, options).await;
    assert_eq!(world.gateway.tls_resumed(), 0);
    for times in 1..=3 {
        // The gateway has it.
        soon(echo(world.connect().await, pattern(10))).await;
        world.gateway.cut(Cut::Reset);
        let resumed = |event: &TunnelEvent| matches!(event, TunnelEvent::Resumed { .. });
        world.events.next(|event| resumed(event).then_some(())).await;
        assert_eq!(world.gateway.tls_resumed(), times, "neither side checks certificates again");
    }
    world.close().await;
}

#[tokio::test]
async fn a_certificate_for_another_name_is_refused() {
    let authority = Authority::new();
    let gateway = Gateway::tls(authority.acceptor(&["gateway.test"])).await;
    let mut options = options();
    options.dial.extra_roots_pem = vec![authority.pem()];
    let error = dial_error(gateway.url(), options).await;
    assert!(matches!(error, DialError::Tls { failure: TlsFailure::Name, .. }), "{error:?}");
    assert_eq!(gateway.upgrades(), []);
}

#[tokio::test]
async fn a_certificate_of_an_unknown_authority_is_refused() {
    let gateway = Gateway::tls(Authority::new().acceptor(&["127.0.0.1"])).await;
    let mut options = options();
    options.dial.extra_roots_pem = vec![Authority::new().pem()];
    let error = dial_error(gateway.url(), options).await;
    let untrusted = matches!(error, DialError::Tls { failure: TlsFailure::Untrusted, .. });
    assert!(untrusted, "{error:?}");
    assert!(error.next_step().contains("--ca-bundle"));
}

#[tokio::test]
async fn a_bundle_without_a_certificate_is_told_before_a_session_starts() {
    let source = FakeSource::new("wss://gateway.test/".to_owned());
    let mut options = options();
    options.dial.extra_roots_pem = vec![b"not a certificate".to_vec()];
    let (error, _) = open_error(source.clone(), options).await;
    assert!(matches!(error, TunnelError::Dial(DialError::Roots(_))), "{error:?}");
    assert_eq!(source.started(), 0);
}

#[tokio::test]
async fn plain_websockets_leave_the_machine_never() {
    let error = dial_error("ws://gateway.test/x".to_owned(), options()).await;
    assert!(matches!(error, DialError::PlainToRemote { .. }), "{error:?}");
}

#[tokio::test]
async fn a_proxy_connects_to_what_this_machine_cannot_resolve() {
    let authority = Authority::new();
    let gateway = Gateway::tls(authority.acceptor(&["gateway.test"])).await;
    let proxy = Proxy::start(Ok(gateway.address())).await;
    let mut options = options();
    options.dial.extra_roots_pem = vec![authority.pem()];
    options.dial.proxy =
        ProxySettings { https: Some(proxy.url("me:secret@")), ..ProxySettings::default() };
    let source = FakeSource::new(gateway.url_for("gateway.test"));
    let (sender, _events) = tokio::sync::mpsc::unbounded_channel();
    let tunnel = soon(adit_tunnel::Tunnel::open(source, options, sender)).await.expect("opens");

    let head = proxy.requests().remove(0);
    assert!(head.starts_with("CONNECT gateway.test:443 HTTP/1.1\r\n"), "{head}");
    let auth = "proxy-authorization: basic bwu6c2vjcmv0";
    assert!(head.to_lowercase().contains(auth), "{head}");
    assert_eq!(gateway.upgrades()[0].host, "gateway.test");
    soon(tunnel.close()).await;
}

#[tokio::test]
async fn a_proxy_that_refuses_is_told_with_its_status() {
    for status in [403, 407] {
        let proxy = Proxy::start(Err(status)).await;
        let mut options = options();
        options.dial.proxy =
            ProxySettings { https: Some(proxy.url("")), ..ProxySettings::default() };
        let error = dial_error("wss://gateway.test/x".to_owned(), options).await;
        assert!(matches!(error, DialError::ProxyRefused { status: s } if s == status), "{error:?}");
        assert_eq!(proxy.requests().len(), 1);
    }
}

#[tokio::test]
async fn loopback_is_dialled_past_the_proxy() {
    let proxy = Proxy::start(Err(403)).await;
    let mut options = options();
    options.dial.proxy = ProxySettings { all: Some(proxy.url("")), ..ProxySettings::default() };
    let world = world_with(Gateway::start().await, options).await;
    assert!(proxy.requests().is_empty());
    world.close().await;
}

#[tokio::test]
async fn upgrades_are_signed_and_keep_their_host() {
    let gateway = Gateway::start().await;
    let source = FakeSource::new(gateway.url());
    source.sign();
    let (sender, _events) = tokio::sync::mpsc::unbounded_channel();
    let tunnel = soon(adit_tunnel::Tunnel::open(source, options(), sender)).await.expect("opens");
    let upgrades = gateway.upgrades();
    assert_eq!(upgrades.len(), 1);
    assert!(upgrades[0].signed);
    assert_eq!(upgrades[0].host, gateway.address().to_string());
    soon(tunnel.close()).await;
}

#[tokio::test]
async fn a_refused_signed_upgrade_is_tried_once_unsigned_and_said() {
    let gateway = Gateway::start().await;
    gateway.refuse_signed();
    let source = FakeSource::new(gateway.url());
    source.sign();
    let (sender, receiver) = tokio::sync::mpsc::unbounded_channel();
    let tunnel = soon(adit_tunnel::Tunnel::open(source, options(), sender)).await.expect("opens");
    let signed: Vec<bool> = gateway.upgrades().iter().map(|upgrade| upgrade.signed).collect();
    assert_eq!(signed, [true, false]);
    let mut events = crate::support::Events::new(receiver);
    let warned = events.count(|e| matches!(e, TunnelEvent::Warning(Warning::UnsignedUpgrade)));
    assert_eq!(warned, 1);
    soon(tunnel.close()).await;
}

#[tokio::test]
async fn refused_tokens_are_replaced_twice_then_told() {
    let gateway = Gateway::start().await;
    gateway.refuse(&[403, 401]);
    let source = FakeSource::new(gateway.url());
    let (sender, _events) = tokio::sync::mpsc::unbounded_channel();
    let tunnel =
        soon(adit_tunnel::Tunnel::open(source.clone(), options(), sender)).await.expect("opens");
    assert_eq!(source.resumed(), 2);
    assert_eq!(gateway.hellos()[0].token_value, "token-1-2");
    soon(tunnel.close()).await;

    let gateway = Gateway::start().await;
    gateway.refuse(&[403, 403, 401]);
    let source = FakeSource::new(gateway.url());
    let (error, _) = open_error(source.clone(), options()).await;
    assert!(matches!(error, TunnelError::TokenRefused { status: 401 }), "{error:?}");
    assert_eq!(gateway.upgrades().len(), 3);
    assert_eq!(source.terminated(), [SESSION]);
}

#[tokio::test]
async fn what_the_gateway_says_beside_a_status_is_one_line() {
    let gateway = Gateway::start().await;
    gateway.refuse(&[404]);
    let error = dial_error(gateway.url(), options()).await;
    assert_eq!(error.to_string(), "the gateway refuses the websocket (HTTP 404: no entry)");
}

#[tokio::test]
async fn an_unreachable_gateway_is_tried_a_few_times() {
    let address = {
        let gateway = Gateway::start().await;
        gateway.address()
    };
    let source = FakeSource::new(format!("ws://{address}/x"));
    let (error, mut events) = open_error(source, options()).await;
    assert!(matches!(error, TunnelError::Dial(DialError::Connect { .. })), "{error:?}");
    assert_eq!(events.count(|e| matches!(e, TunnelEvent::Retrying { .. })), 2);
}

#[tokio::test]
async fn a_start_that_asks_for_patience_is_tried_again() {
    let gateway = Gateway::start().await;
    let source = FakeSource::new(gateway.url());
    let retry = SourceError::Retry { after: None, message: "throttled".to_owned() };
    source.start_fails([retry.clone(), retry.clone()]);
    let (sender, _events) = tokio::sync::mpsc::unbounded_channel();
    let tunnel =
        soon(adit_tunnel::Tunnel::open(source.clone(), options(), sender)).await.expect("opens");
    assert_eq!(source.started(), 3);
    soon(tunnel.close()).await;

    source.start_fails([SourceError::Fatal(fatal())]);
    let (error, _) = open_error(source, options()).await;
    assert!(matches!(error, TunnelError::Source(ref found) if *found == fatal()), "{error:?}");
    assert_eq!(error.next_step(), "log in again");
}
