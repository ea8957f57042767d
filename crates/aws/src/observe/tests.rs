use std::time::Duration;

use aws_smithy_runtime_api::http::{Response, StatusCode};
use zeroize::Zeroizing;

use super::*;
use crate::fake::Fake;
use crate::load::{AwsOptions, ProxyUse, StaticCredentials, load};
use crate::session_api::SessionApi;

const THROTTLED: &str = r#"{"__type":"ThrottlingException","message":"Rate exceeded"}"#;

#[tokio::test]
async fn a_call_that_waits_because_of_throttling_is_told_and_succeeds() {
    let fake = Fake::new(vec![(400, THROTTLED), (200, "{}")]).await;
    let told = Arc::new(Mutex::new(Vec::new()));
    let list = Arc::clone(&told);
    let aws = load(AwsOptions {
        region: Some("eu-west-1".to_owned()),
        endpoint_url: Some(fake.url.clone()),
        proxy: ProxyUse::Direct,
        credentials: Some(StaticCredentials {
            access_key_id: "AKIDEXAMPLE".to_owned(),
            secret_access_key: Zeroizing::new("secret-key".to_owned()),
        }),
        notices: Notices::new(move |notice| list.lock().unwrap().push(notice)),
        ..AwsOptions::default()
    })
    .await
    .unwrap();
    assert!(SessionApi::new(&aws).resume_session("s-1").await.unwrap().is_none());
    let service = "ssm".to_owned();
    assert_eq!(*told.lock().unwrap(), [Notice::Throttled { service }]);
    assert_eq!(fake.asked().len(), 2);
}

#[tokio::test]
async fn a_refusal_is_handed_on_whole() {
    let body = "<ErrorResponse><Error><Code>Throttling</Code></Error></ErrorResponse>";
    let answer = Response::new(StatusCode::try_from(400).unwrap(), SdkBody::from(body));
    let (answer, throttled) = is_throttled(answer).await;
    assert!(throttled);
    assert_eq!(answer.body().bytes().unwrap(), body.as_bytes());
    let answer =
        Response::new(StatusCode::try_from(400).unwrap(), SdkBody::from("<Code>No</Code>"));
    assert!(!is_throttled(answer).await.1);
}

#[test]
fn the_date_of_an_answer_shows_a_clock_that_is_off() {
    let (_mover, receiver) = tokio::sync::watch::channel(Duration::from_mins(20));
    let observer = Observer::new(Clock::moved(receiver), Notices::default());
    assert_eq!(observer.skew(), None);
    let mut answer = Response::new(StatusCode::try_from(403).unwrap(), SdkBody::empty());
    let now = DateTime::from(SystemTime::now()).fmt(Format::HttpDate).unwrap();
    answer.headers_mut().insert("date", now);
    observer.note_date(&answer);
    let skew = observer.skew().unwrap();
    assert!((1199..=1230).contains(&skew), "{skew}");
}

#[test]
fn the_service_is_read_from_the_signature() {
    let header =
        "AWS4-HMAC-SHA256 Credential=AKID/20261121/eu-west-1/ssm/aws4_request, SignedHeaders=host";
    assert_eq!(service(header).as_deref(), Some("ssm"));
    assert_eq!(service("Bearer x"), None);
}
