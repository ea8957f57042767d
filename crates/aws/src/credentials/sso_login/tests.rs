//! The answers have the form of
//! <https://docs.aws.amazon.com/singlesignon/latest/OIDCAPIReference/API_StartDeviceAuthorization.html>
//! and <https://docs.aws.amazon.com/singlesignon/latest/OIDCAPIReference/API_CreateToken.html>.

use tokio::sync::watch;

use super::*;
use crate::clock::Clock;
use crate::credentials::sso::{read, tests::base};
use crate::fake::{Fake, fixed};

const REGISTERED: &str =
    r#"{"clientId":"client","clientSecret":"hidden","clientSecretExpiresAt":4102444800}"#;
const BEGUN: &str = r#"{"deviceCode":"device","userCode":"ABCD-EFGH","verificationUri":"https://device.sso.example/","verificationUriComplete":"https://device.sso.example/?user_code=ABCD-EFGH","expiresIn":600,"interval":1}"#;
const PENDING: &str =
    r#"{"__type":"AuthorizationPendingException","error":"authorization_pending"}"#;
const SLOW: &str = r#"{"__type":"SlowDownException","error":"slow_down"}"#;
const TOKEN: &str = r#"{"accessToken":"the-token","tokenType":"Bearer","expiresIn":28800,"refreshToken":"the-refresh"}"#;

/// Signs in; the clock goes a step on for each wait.
async fn signed_in(
    home: &std::path::Path,
    answers: Vec<(u16, &'static str)>,
) -> (Result<SignedIn, AwsError>, Option<Verification>, usize, Duration) {
    let fake = Fake::new(answers).await;
    let aws = fixed(&fake.url).await;
    let (sender, receiver) = watch::channel(Duration::ZERO);
    let clock = Clock::moved(receiver);
    let around = Around { sdk: &aws.sdk, clock: &clock, home: Some(home), profile: Some("dev") };
    let mut shown = None;
    let base = base(Some("company"));
    let result = {
        let signing = run(around, &base, |verification| shown = Some(verification.clone()));
        tokio::pin!(signing);
        loop {
            tokio::select! {
                biased;
                result = &mut signing => break result,
                () = tokio::task::yield_now() => {
                    sender.send_modify(|added| *added += Duration::from_millis(20));
                }
            }
        }
    };
    let added = *sender.borrow();
    (result, shown, fake.asked().len(), added)
}

#[tokio::test]
async fn a_sign_in_is_shown_waited_for_and_kept() {
    let home = tempfile::tempdir().unwrap();
    let answers =
        vec![(200, REGISTERED), (200, BEGUN), (400, PENDING), (400, PENDING), (200, TOKEN)];
    let (result, shown, calls, _) = signed_in(home.path(), answers).await;
    assert_eq!(result.unwrap().session.as_deref(), Some("company"));
    let shown = shown.unwrap();
    assert_eq!(
        (shown.code.as_str(), shown.url.as_str()),
        ("ABCD-EFGH", "https://device.sso.example/")
    );
    assert!(shown.url_with_code.unwrap().ends_with("ABCD-EFGH"));
    assert_eq!(calls, 5);
    let kept = read(home.path(), &base(Some("company"))).unwrap();
    assert_eq!(kept.access_token.as_str(), "the-token");
    assert_eq!(kept.refresh_token.unwrap().as_str(), "the-refresh");
    assert_eq!(kept.registration_expires_at.as_deref(), Some("2100-01-01T00:00:00Z"));
}

#[tokio::test]
async fn a_service_that_is_asked_too_often_is_asked_less() {
    let home = tempfile::tempdir().unwrap();
    let answers = vec![(200, REGISTERED), (200, BEGUN), (400, SLOW), (200, TOKEN)];
    let (result, _, calls, added) = signed_in(home.path(), answers).await;
    assert!(result.is_ok());
    assert_eq!(calls, 4);
    // A second before the first question, and six before the next.
    assert!(added >= Duration::from_millis(5500), "{added:?}");
}

#[tokio::test]
async fn the_end_of_a_sign_in_is_told() {
    let home = tempfile::tempdir().unwrap();
    let denied = r#"{"__type":"AccessDeniedException","error":"access_denied"}"#;
    let expired = r#"{"__type":"ExpiredTokenException","error":"expired_token"}"#;
    let mut lines = Vec::new();
    for last in [(400, denied), (400, expired), (400, PENDING)] {
        let answers = vec![(200, REGISTERED), (200, BEGUN), last];
        let (result, ..) = signed_in(home.path(), answers).await;
        let error = result.unwrap_err();
        assert_eq!(error.kind, AwsErrorKind::SignInNeeded { profile: None });
        lines.push(format!("{}\n  {}", error.message, error.hints.join("\n  ")));
    }
    insta::assert_snapshot!(lines.join("\n"));
    assert!(read(home.path(), &base(Some("company"))).is_none());
}
