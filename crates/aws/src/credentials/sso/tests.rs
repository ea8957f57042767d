use super::*;
use crate::fake::{Fake, fixed};

pub(crate) fn base(session: Option<&str>) -> SsoBase {
    SsoBase {
        session: session.map(str::to_owned),
        start_url: "https://company.awsapps.com/start".to_owned(),
        region: "eu-west-1".to_owned(),
        scopes: vec!["sso:account:access".to_owned()],
        account_id: "111122223333".to_owned(),
        role_name: "Developer".to_owned(),
    }
}

fn token(clock: &Clock, lasts: Duration) -> Token {
    Token {
        start_url: None,
        region: None,
        access_token: Zeroizing::new("old-token".to_owned()),
        expires_at: time::format(clock.now() + lasts),
        client_id: Some("client".to_owned()),
        client_secret: Some(Zeroizing::new("client-secret".to_owned())),
        registration_expires_at: Some(time::format(clock.now() + Duration::from_hours(100))),
        refresh_token: Some(Zeroizing::new("refresh-token".to_owned())),
    }
}

/// <https://docs.aws.amazon.com/singlesignon/latest/PortalAPIReference/API_GetRoleCredentials.html>
const ROLE: &str = r#"{"roleCredentials":{"accessKeyId":"ASIASSO","secretAccessKey":"hidden","sessionToken":"hidden","expiration":4102444800000}}"#;
/// <https://docs.aws.amazon.com/singlesignon/latest/OIDCAPIReference/API_CreateToken.html>
const TOKEN: &str = r#"{"accessToken":"new-token","tokenType":"Bearer","expiresIn":3600,"refreshToken":"next-refresh"}"#;

async fn fetched(
    fake: &Fake,
    home: &Path,
    base: &SsoBase,
    clock: &Clock,
) -> Result<Keys, AwsError> {
    let aws = fixed(&fake.url).await;
    let around = Around { sdk: &aws.sdk, clock, home: Some(home), profile: Some("dev") };
    fetch(around, base).await
}

#[tokio::test]
async fn a_token_that_lasts_gives_the_roles_credentials() {
    let (home, clock) = (tempfile::tempdir().unwrap(), Clock::system());
    let base = base(Some("company"));
    write(home.path(), &base, &token(&clock, Duration::from_hours(1))).unwrap();
    let fake = Fake::new(vec![(200, ROLE)]).await;
    let keys = fetched(&fake, home.path(), &base, &clock).await.unwrap();
    assert_eq!(
        (keys.access_key_id.as_str(), keys.account.as_deref()),
        ("ASIASSO", Some("111122223333"))
    );
    let asked = fake.asked();
    assert!(asked[0].head.contains("x-amz-sso_bearer_token: old-token"), "{}", asked[0].head);
    assert!(asked[0].head.contains("role_name=developer"), "{}", asked[0].head);
}

#[tokio::test]
async fn an_old_token_of_a_session_is_renewed_and_kept() {
    let (home, clock) = (tempfile::tempdir().unwrap(), Clock::system());
    let base = base(Some("company"));
    write(home.path(), &base, &token(&clock, Duration::ZERO)).unwrap();
    let fake = Fake::new(vec![(200, TOKEN), (200, ROLE)]).await;
    fetched(&fake, home.path(), &base, &clock).await.unwrap();
    let asked = fake.asked();
    assert!(asked[0].body.contains("refresh_token"), "{}", asked[0].body);
    assert!(asked[1].head.contains("x-amz-sso_bearer_token: new-token"), "{}", asked[1].head);
    let kept = read(home.path(), &base).unwrap();
    assert_eq!(kept.access_token.as_str(), "new-token");
    assert_eq!(kept.refresh_token.as_ref().unwrap().as_str(), "next-refresh");
    assert_eq!(kept.client_id.as_deref(), Some("client"));
    assert!(!format!("{kept:?}").contains("new-token"));
}

#[tokio::test]
async fn no_session_an_ended_one_and_a_refused_one_want_a_sign_in() {
    let (home, clock) = (tempfile::tempdir().unwrap(), Clock::system());
    let mut lines = Vec::new();
    let mut tell = |error: AwsError| {
        assert_eq!(error.kind, AwsErrorKind::SignInNeeded { profile: Some("dev".to_owned()) });
        lines.push(format!("{}\n  {}", error.message, error.hints.join("\n  ")));
    };
    let none = Fake::new(vec![(500, "not to be called")]).await;
    tell(fetched(&none, home.path(), &base(Some("a")), &clock).await.unwrap_err());

    let ended = base(None);
    write(home.path(), &ended, &token(&clock, Duration::ZERO)).unwrap();
    tell(fetched(&none, home.path(), &ended, &clock).await.unwrap_err());
    assert!(none.asked().is_empty());

    let refused = base(Some("b"));
    write(home.path(), &refused, &token(&clock, Duration::ZERO)).unwrap();
    let grant = r#"{"__type":"InvalidGrantException","error":"invalid_grant"}"#;
    let fake = Fake::new(vec![(400, grant)]).await;
    tell(fetched(&fake, home.path(), &refused, &clock).await.unwrap_err());

    let revoked = base(Some("c"));
    write(home.path(), &revoked, &token(&clock, Duration::from_hours(1))).unwrap();
    let unauthorized =
        r#"{"__type":"UnauthorizedException","message":"Session token not found or invalid"}"#;
    let fake = Fake::new(vec![(401, unauthorized)]).await;
    tell(fetched(&fake, home.path(), &revoked, &clock).await.unwrap_err());
    insta::assert_snapshot!(lines.join("\n"));
}

#[tokio::test]
async fn a_fault_of_the_renewal_leaves_what_still_lasts() {
    let (home, clock) = (tempfile::tempdir().unwrap(), Clock::system());
    let base = base(Some("company"));
    write(home.path(), &base, &token(&clock, Duration::from_mins(2))).unwrap();
    let fake = Fake::new(vec![(400, r#"{"__type":"InvalidRequestException"}"#), (200, ROLE)]).await;
    assert!(fetched(&fake, home.path(), &base, &clock).await.is_ok());
}

/// The names are SHA-1 of the session's name, or of the start URL: botocore's `SSOTokenLoader`.
#[test]
fn tokens_are_where_the_aws_cli_looks() {
    let name = |base: &SsoBase| path(Path::new("/h"), base).display().to_string();
    assert_eq!(
        name(&base(Some("company"))),
        "/h/.aws/sso/cache/71b21161ffa1e6516bcc072aaf5ef38cbe85b511.json"
    );
    assert_eq!(
        name(&base(None)),
        "/h/.aws/sso/cache/b7037568a7e4f6fba9450af24427009b78703b33.json"
    );
}
