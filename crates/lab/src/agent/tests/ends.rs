use adit_wire::control::ParameterDefinition;
use adit_wire::{Flag, MessageType, PayloadType};

use super::harness::{Destination, MODERN, Setup, patiently, psh, reaches, read_to_end, syn};
use crate::HostPort;

fn failed(output: &str) -> (String, String) {
    ("Failed".to_owned(), output.to_owned())
}

fn success() -> (String, String) {
    ("Success".to_owned(), String::new())
}

#[tokio::test]
async fn the_terminate_flag_is_acknowledged_closes_all_and_ends_the_session() {
    let (destination, port) = Destination::listen().await;
    let mut client = Setup::port(port).client(MODERN).await;
    client.write(&syn(3)).await;
    let mut connection = destination.accept().await;
    client.flag(Flag::TerminateSession).await;
    assert_eq!(client.agent.end().await, success());
    assert_eq!(read_to_end(&mut connection).await, b"");
    reaches(&client.agent.gateway.closed, 1).await;
    assert!(patiently("the leg's end", client.leg.rx.recv()).await.is_none());
}

#[tokio::test]
async fn the_disconnect_flag_means_nothing_to_a_mux_session() {
    let mut client = Setup::port(Destination::echo().await).client(MODERN).await;
    client.flag(Flag::DisconnectToPort).await;
    client.write(&[syn(3), psh(3, b"x")].concat()).await;
    assert_eq!(client.stream_bytes(3, 1).await, b"x");
}

#[tokio::test]
async fn channel_closed_on_the_control_channel_ends_the_session() {
    let (destination, port) = Destination::listen().await;
    let mut client = Setup::port(port).client(MODERN).await;
    client.write(&syn(3)).await;
    let mut connection = destination.accept().await;
    client.agent.cancel.cancel();
    assert_eq!(client.agent.end().await, success());
    assert_eq!(read_to_end(&mut connection).await, b"");
}

#[tokio::test]
async fn channel_closed_on_the_data_channel_ends_the_session() {
    let mut client = Setup::port(Destination::echo().await).client(MODERN).await;
    client.write(&syn(3)).await;
    client.service(MessageType::ChannelClosed).await;
    assert_eq!(client.agent.end().await, success());
}

#[tokio::test]
async fn a_session_cancelled_before_its_handler_runs_is_cancelled() {
    let mut client = Setup::port(1).start().client().await;
    client.stream_data(PayloadType::HandshakeRequest).await;
    client.agent.cancel.cancel();
    assert_eq!(client.agent.end().await, ("Cancelled".to_owned(), String::new()));
}

#[tokio::test]
async fn a_client_that_vanishes_leaves_the_session_alive() {
    let (destination, port) = Destination::listen().await;
    let mut client = Setup::port(port).client(MODERN).await;
    client.write(&syn(3)).await;
    let mut connection = destination.accept().await;
    client.reattach().await;
    client.write(&psh(3, b"x")).await;
    assert_eq!(super::harness::read_exactly(&mut connection, 1).await, b"x");
    assert!(client.agent.is_running());
}

#[tokio::test]
async fn an_ending_session_waits_for_acknowledgements_for_a_while_only() {
    let (destination, port) = Destination::listen().await;
    let mut client = Setup::port(port).client(MODERN).await;
    client.write(&syn(3)).await;
    let mut connection = destination.accept().await;
    super::harness::write(&mut connection, b"never acknowledged").await;
    client.unacknowledged(8 + 18).await;
    client.agent.cancel.cancel();
    assert_eq!(client.agent.end().await, success());
}

#[tokio::test]
async fn a_host_that_nobody_knows_fails_the_session_behind_the_handshake() {
    let mut client = Setup::host("db.internal", 5432).client(MODERN).await;
    assert_eq!(client.agent.end().await, failed("lookup db.internal: no such host"));
}

#[tokio::test]
async fn nothing_off_loopback_is_ever_dialled() {
    for host in ["10.0.0.1", "192.0.2.1", "::", "0.0.0.0", "example.com"] {
        let mut client = Setup::host(host, 80).client(MODERN).await;
        let text = format!("lookup {host}: no such host");
        assert_eq!(client.agent.end().await, failed(&text));
    }
    let mut setup = Setup::host("db.internal", 80);
    setup.maps = vec![("db.internal:80".parse().unwrap(), "192.0.2.1:80".parse().unwrap())];
    let mut client = setup.client(MODERN).await;
    assert_eq!(client.agent.end().await.0, "Failed");
}

#[tokio::test]
async fn forbidden_addresses_fail_the_session_behind_the_handshake() {
    for host in ["169.254.169.254", "fd00:ec2::254", "FD00:EC2:0::254", "::ffff:169.254.169.253"] {
        let mut client = Setup::host(host, 80).client(MODERN).await;
        let text = format!("Forwarding to IP address {host} is forbidden.");
        assert_eq!(client.agent.end().await, failed(&text));
    }
}

#[tokio::test]
async fn hosts_lead_where_the_map_says_and_local_ones_to_this_machine() {
    let echo = Destination::echo().await;
    for host in ["", "localhost", "LOCALHOST", "127.0.0.1"] {
        hears_echo(Setup::host(host, echo)).await;
    }
    let mut setup = Setup::host("db.internal", 5432);
    let elsewhere = HostPort { host: "db.internal".to_owned(), port: 5433 };
    let here = HostPort { host: "DB.internal".to_owned(), port: 5432 };
    setup.maps =
        vec![(elsewhere, "127.0.0.1:1".parse().unwrap()), (here, ([127, 0, 0, 1], echo).into())];
    hears_echo(setup).await;
}

async fn hears_echo(setup: Setup) {
    let mut client = setup.client(MODERN).await;
    client.write(&[syn(3), psh(3, b"x")].concat()).await;
    assert_eq!(client.stream_bytes(3, 1).await, b"x");
}

#[tokio::test]
async fn an_empty_port_fails_the_session() {
    let mut setup = Setup::port(1);
    setup.properties.insert("portNumber".to_owned(), String::new());
    let mut client = setup.client(MODERN).await;
    assert_eq!(
        client.agent.end().await,
        failed(
            "Port number is empty in session properties. map[localPortNumber:0 portNumber: type:LocalPortForwarding]"
        )
    );
}

#[tokio::test]
async fn other_documents_are_refused_without_a_data_channel() {
    let mut setup = Setup::port(1);
    setup.document.schema_version = "2.2".to_owned();
    let mut agent = setup.start();
    assert_eq!(
        agent.end().await,
        failed(
            "Document with schema version 2.2 is not supported by this version of ssm agent, please update to latest version"
        )
    );

    let mut setup = Setup::port(1);
    setup.document.session_type = "Standard_Stream".to_owned();
    let mut agent = setup.start();
    let text = "this emulated agent has port sessions only, not Standard_Stream";
    assert_eq!(agent.end().await, failed(text));
    assert_eq!(agent.gateway.attempts.load(std::sync::atomic::Ordering::SeqCst), 0);
}

#[tokio::test]
async fn a_parameter_that_does_not_match_its_pattern_fails_the_session() {
    let mut setup = Setup::host("a;b", 1);
    let definition = ParameterDefinition {
        kind: "String".to_owned(),
        allowed_pattern: Some("^[a-z.]+$".to_owned()),
        ..ParameterDefinition::default()
    };
    setup.document.parameters.insert("host".to_owned(), definition);
    let mut agent = setup.start();
    assert_eq!(
        agent.end().await,
        failed(
            "all errors during param validation errors: error thrown in 'AllowedRegexParamValidator' while validating parameter /host/: parameter value /a;b/ does not match the allowed pattern /^[a-z.]+$/"
        )
    );
}
