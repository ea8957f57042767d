use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use tokio::io::AsyncReadExt;
use tokio::net::TcpListener;

use super::*;
use crate::fake::{Fake, fixed};

const STARTED: &str = r#"{"SessionId":"s-1","StreamUrl":"wss://gateway/v1/data-channel/s-1?role=publish_subscribe","TokenValue":"hush"}"#;

fn request() -> StartSession {
    StartSession {
        target: "i-0123456789abcdef0".to_owned(),
        document: "AWS-StartPortForwardingSessionToRemoteHost".to_owned(),
        parameters: vec![
            ("host".to_owned(), "db.internal".to_owned()),
            ("portNumber".to_owned(), "5432".to_owned()),
        ],
        reason: Some("ticket 7".to_owned()),
    }
}

async fn start(answers: Vec<(u16, &'static str)>) -> (Result<Session, AwsError>, Fake) {
    let fake = Fake::new(answers).await;
    let session = SessionApi::new(&fake.aws().await).start_session(request()).await;
    (session, fake)
}

#[tokio::test]
async fn a_start_names_target_document_parameters_and_reason() {
    let (session, fake) = start(vec![(200, STARTED)]).await;
    let session = session.unwrap();
    assert_eq!(session.session_id, "s-1");
    assert_eq!(session.stream_url, "wss://gateway/v1/data-channel/s-1?role=publish_subscribe");
    assert_eq!(session.token.as_str(), "hush");
    assert!(!format!("{session:?}").contains("hush"));

    let asked = &fake.asked()[0];
    assert!(asked.head.contains("x-amz-target: amazonssm.startsession"), "{}", asked.head);
    assert!(asked.head.contains("/eu-west-1/ssm/aws4_request"), "{}", asked.head);
    for part in [
        r#""Target":"i-0123456789abcdef0""#,
        r#""DocumentName":"AWS-StartPortForwardingSessionToRemoteHost""#,
        r#""host":["db.internal"]"#,
        r#""portNumber":["5432"]"#,
        r#""Reason":"ticket 7""#,
    ] {
        assert!(asked.body.contains(part), "{part} in {}", asked.body);
    }
}

#[tokio::test]
async fn throttling_is_tried_again_and_then_told() {
    let throttled = (400, r#"{"__type":"ThrottlingException","message":"Rate exceeded"}"#);
    let (session, fake) = start(vec![throttled, (200, STARTED)]).await;
    assert!(session.is_ok());
    assert_eq!(fake.asked().len(), 2);

    let (session, fake) = start(vec![throttled]).await;
    let error = session.unwrap_err();
    assert_eq!(error.kind, AwsErrorKind::Throttled);
    assert!(error.is_transient());
    assert_eq!(fake.asked().len(), 3);
}

#[tokio::test]
async fn a_bastion_that_is_not_connected_is_named() {
    let answer = (400, r#"{"__type":"TargetNotConnected","message":"i-… is not connected."}"#);
    let (session, _) = start(vec![answer]).await;
    let error = session.unwrap_err();
    assert_eq!(error.kind, AwsErrorKind::TargetNotConnected);
    assert!(error.message.contains("i-0123456789abcdef0"), "{}", error.message);
}

/// Nobody knows whether it did: the session would be left until its idle limit.
#[tokio::test]
async fn a_start_that_may_have_started_a_session_is_not_repeated() {
    let fault = (500, r#"{"__type":"InternalServerError","message":"no"}"#);
    for answer in [fault, (503, "busy"), (200, "<html>"), (400, r#"{"__type":"Odd"}"#)] {
        let (session, fake) = start(vec![answer]).await;
        assert!(session.is_err());
        assert_eq!(fake.asked().len(), 1, "{answer:?}");
    }
    // Repeating a resume is harmless.
    let fake = Fake::new(vec![fault, (200, STARTED)]).await;
    assert!(SessionApi::new(&fake.aws().await).resume_session("s-1").await.is_ok());
    assert_eq!(fake.asked().len(), 2);
}

#[tokio::test]
async fn a_start_whose_connection_breaks_is_not_repeated() {
    let (address, accepted) = closing().await;
    let api = SessionApi::new(&fixed(&format!("http://{address}")).await);
    assert_eq!(api.start_session(request()).await.unwrap_err().kind, AwsErrorKind::Endpoint);
    assert_eq!(accepted.load(Ordering::Relaxed), 1);
}

/// Here the connection breaks while TLS is set up, before the request is sent.
#[tokio::test]
async fn a_start_that_could_not_connect_is_tried_again() {
    let (address, accepted) = closing().await;
    let api = SessionApi::new(&fixed(&format!("https://{address}")).await);
    assert!(api.start_session(request()).await.unwrap_err().is_transient());
    assert_eq!(accepted.load(Ordering::Relaxed), 3);
}

/// The other calls are given up after ten seconds, and repeated.
#[tokio::test]
async fn a_start_that_takes_long_is_waited_for() {
    let fake = Fake::slow(Duration::from_secs(11), vec![(200, STARTED)]).await;
    let session = SessionApi::new(&fake.aws().await).start_session(request()).await;
    assert_eq!(session.unwrap().session_id, "s-1");
    assert_eq!(fake.asked().len(), 1);
}

/// A server that hears a little and closes, and how many connections it had.
async fn closing() -> (SocketAddr, Arc<AtomicUsize>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let accepted = Arc::new(AtomicUsize::new(0));
    let count = Arc::clone(&accepted);
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            count.fetch_add(1, Ordering::Relaxed);
            drop(stream.read(&mut [0; 4096]).await);
        }
    });
    (address, accepted)
}

#[tokio::test]
async fn a_refusal_says_which_permission_is_needed() {
    let answer = (400, r#"{"__type":"AccessDeniedException","Message":"User is not authorized"}"#);
    let (session, _) = start(vec![answer]).await;
    let error = session.unwrap_err();
    assert_eq!(error.kind, AwsErrorKind::AccessDenied);
    assert!(error.hints.iter().any(|hint| hint.contains("ssm:StartSession")), "{:?}", error.hints);
}

#[tokio::test]
async fn an_answer_without_a_token_is_not_a_session() {
    let (session, _) = start(vec![(200, r#"{"SessionId":"s-1"}"#)]).await;
    assert!(matches!(session.unwrap_err().kind, AwsErrorKind::Service { .. }));
}

#[tokio::test]
async fn an_answer_of_something_else_is_an_endpoint_at_fault() {
    let (session, _) = start(vec![(200, "<html>captive portal</html>")]).await;
    assert_eq!(session.unwrap_err().kind, AwsErrorKind::Endpoint);
}

#[tokio::test]
async fn an_endpoint_that_nobody_listens_on_is_named() {
    let free = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", free.local_addr().unwrap());
    drop(free);
    let error = SessionApi::new(&fixed(&url).await).start_session(request()).await.unwrap_err();
    assert_eq!(error.kind, AwsErrorKind::Endpoint);
    assert!(error.is_transient());
    assert!(error.message.contains(&url), "{}", error.message);
}

#[tokio::test]
async fn a_resume_without_a_token_means_that_the_session_is_over() {
    for answer in [
        (200, r#"{"SessionId":"s-1"}"#),
        (200, r#"{"SessionId":"s-1","TokenValue":""}"#),
        (400, r#"{"__type":"DoesNotExistException","message":"no such session"}"#),
    ] {
        let fake = Fake::new(vec![answer]).await;
        let resumed = SessionApi::new(&fake.aws().await).resume_session("s-1").await.unwrap();
        assert!(resumed.is_none(), "{answer:?}");
    }
}

#[tokio::test]
async fn a_resume_gives_a_fresh_token() {
    let fake = Fake::new(vec![(200, STARTED)]).await;
    let resumed = SessionApi::new(&fake.aws().await).resume_session("s-1").await.unwrap().unwrap();
    assert_eq!(resumed.token.as_str(), "hush");
    assert!(fake.asked()[0].head.contains("amazonssm.resumesession"));
}

#[tokio::test]
async fn terminating_a_session_that_is_gone_succeeds() {
    let answer = (400, r#"{"__type":"DoesNotExistException","message":"no such session"}"#);
    let fake = Fake::new(vec![answer]).await;
    SessionApi::new(&fake.aws().await).terminate_session("s-1").await.unwrap();
    assert!(fake.asked()[0].body.contains("s-1"));
}
