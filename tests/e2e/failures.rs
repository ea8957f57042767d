//! What goes wrong before the tunnel is ready: exit code, cause in one line, next step, and
//! nothing left open.

use std::net::{SocketAddr, TcpListener, TcpStream};

use serde_json::json;

use crate::common::connect::{Connect, ConnectBuilder, Ended};
use crate::common::lab::Lab;
use crate::common::proxy::Proxy;

/// Checks that it failed with a code and said why in one line, and what to do.
pub(crate) fn expect_failure(ended: &Ended, code: i32) -> String {
    assert_eq!(ended.code, Some(code), "{ended:#?}");
    let error = ended.event("error");
    assert_eq!(error["code"], code, "{error}");
    assert!(error["kind"].is_string(), "{error}");
    let message = error["message"].as_str().expect("a message");
    assert!(!message.is_empty() && !message.contains(char::is_control), "{message:?}");
    let hints = error["hints"].as_array().expect("a list of hints");
    assert!(!hints.is_empty(), "no next step: {error}");
    message.to_owned()
}

fn free_port() -> u16 {
    let listener = TcpListener::bind(("127.0.0.1", 0)).expect("a loopback port");
    listener.local_addr().expect("bound").port()
}

fn expect_nobody_listens(port: u16) {
    TcpStream::connect(SocketAddr::from(([127, 0, 0, 1], port))).expect_err("nobody listens there");
}

#[test]
fn an_unknown_bastion() {
    let lab = Lab::builder().start();
    let port = free_port();
    let ended = Connect::to(&lab).bastion("i-0bad0000000000bad").local_port(port).run();
    let message = expect_failure(&ended, 7);
    assert!(message.contains("i-0bad0000000000bad"), "{message}");
    expect_nobody_listens(port);
    lab.expect_nothing_left();
}

#[test]
fn a_bastion_that_is_offline() {
    let lab = Lab::builder().start();
    lab.fault(json!({"offline": crate::common::BASTION}));
    let port = free_port();
    let ended = Connect::to(&lab).local_port(port).run();
    let message = expect_failure(&ended, 7);
    assert!(message.contains(crate::common::BASTION), "{message}");
    expect_nobody_listens(port);
    lab.expect_nothing_left();
}

#[test]
fn a_local_port_that_is_taken() {
    let lab = Lab::builder().start();
    let occupant = TcpListener::bind(("127.0.0.1", 0)).expect("a loopback port");
    let port = occupant.local_addr().expect("bound").port();
    let ended = Connect::to(&lab).local_port(port).run();
    let message = expect_failure(&ended, 9);
    assert!(message.contains(&port.to_string()), "{message}");
    assert!(ended.event("error")["hints"].to_string().contains("auto"), "{ended:#?}");
    lab.expect_nothing_left();
}

#[test]
fn wrong_credentials() {
    let lab = Lab::builder().start();
    let ended = Connect::to(&lab).env("AWS_SECRET_ACCESS_KEY", "wrong").run();
    expect_failure(&ended, 4);
    lab.expect_nothing_left();
}

#[test]
fn no_credentials() {
    let lab = Lab::builder().start();
    let ended =
        Connect::to(&lab).env("AWS_ACCESS_KEY_ID", "").env("AWS_SECRET_ACCESS_KEY", "").run();
    expect_failure(&ended, 4);
    assert_eq!(lab.calls("StartSession"), 0);
    lab.expect_nothing_left();
}

#[test]
fn a_refused_token() {
    let lab = Lab::builder().start();
    lab.fault(json!({"refuse_upgrade": 403}));
    let port = free_port();
    let ended = Connect::to(&lab).local_port(port).run();
    expect_failure(&ended, 10);
    expect_nobody_listens(port);
    lab.expect_nothing_left();
}

#[test]
fn a_certificate_for_another_name() {
    let lab = Lab::builder().tls().start();
    let proxy = Proxy::allowing(usize::MAX, lab.tls_address());
    let ended = Connect::to(&lab)
        .endpoint("https://ssm.example.com")
        .env("ADIT_CA_BUNDLE", lab.ca())
        .env("HTTPS_PROXY", proxy.url())
        .run();
    let message = expect_failure(&ended, 10);
    assert!(message.to_lowercase().contains("certificate"), "{message}");
    assert!(proxy.asked().iter().all(|name| name == "ssm.example.com:443"), "{:?}", proxy.asked());
    assert_eq!(lab.calls("StartSession"), 0);
    lab.expect_nothing_left();
}

#[test]
fn an_authority_that_is_not_trusted() {
    let lab = Lab::builder().tls().start();
    let ended = Connect::to(&lab).endpoint(lab.tls_endpoint()).run();
    let message = expect_failure(&ended, 10);
    assert!(message.to_lowercase().contains("certificate"), "{message}");
    assert_eq!(lab.calls("StartSession"), 0);
}

/// To the lab's TLS listener by its name, which only the proxy can resolve.
fn through(lab: &Lab, proxy: &Proxy) -> ConnectBuilder {
    Connect::to(lab)
        .endpoint(lab.tls_endpoint())
        .env("ADIT_CA_BUNDLE", lab.ca())
        .env("HTTPS_PROXY", proxy.url())
}

#[test]
fn a_trusted_authority_and_a_proxy_that_allows_all() {
    let server = crate::common::servers::Server::echo();
    let lab = Lab::builder().serve(&server).tls_named("lab.example.com").start();
    let proxy = Proxy::allowing(usize::MAX, lab.tls_address());
    let (connect, address) = through(&lab, &proxy).ready();
    crate::common::connect::echo(&mut crate::common::connect::dial(address), b"through the proxy");
    let ended = connect.stop(rustix::process::Signal::INT);
    assert_eq!(ended.code, Some(130), "{ended:#?}");
    assert!(proxy.asked().len() >= 2, "API and websocket: {:?}", proxy.asked());
    lab.expect_nothing_left();
}

#[test]
fn a_proxy_that_refuses_the_api() {
    let lab = Lab::builder().tls_named("lab.example.com").start();
    let proxy = Proxy::allowing(0, lab.tls_address());
    let ended = through(&lab, &proxy).run();
    let message = expect_failure(&ended, 10);
    assert!(message.to_lowercase().contains("proxy"), "{message}");
    assert_eq!(lab.calls("StartSession"), 0);
    lab.expect_nothing_left();
}

#[test]
fn a_proxy_that_refuses_the_websocket() {
    let lab = Lab::builder().tls_named("lab.example.com").start();
    let proxy = Proxy::allowing(1, lab.tls_address());
    let ended = through(&lab, &proxy).run();
    let message = expect_failure(&ended, 10);
    assert!(message.to_lowercase().contains("proxy"), "{message}");
    assert_eq!(lab.calls("StartSession"), 1);
    lab.expect_nothing_left();
}

#[test]
fn an_endpoint_that_is_gone() {
    let mut lab = Lab::builder().start();
    let connect = Connect::to(&lab);
    lab.kill();
    expect_failure(&connect.run(), 10);
}
