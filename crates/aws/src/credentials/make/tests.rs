//! The answers have the form of the API reference, the refusals the texts that STS gives:
//! <https://docs.aws.amazon.com/STS/latest/APIReference/API_GetSessionToken.html>,
//! <https://docs.aws.amazon.com/STS/latest/APIReference/API_AssumeRole.html>.

use std::path::Path;
use std::sync::atomic::AtomicBool;

use aws_config::provider_config::ProviderConfig;

use super::*;
use crate::clock::Clock;
use crate::credentials::chain::{Wishes, resolve};
use crate::credentials::cli_cache::CliCache;
use crate::credentials::mfa::tests::Prepared;
use crate::credentials::profiles::Profiles;
use crate::credentials::role::RoleWish;
use crate::fake::{Fake, Route, fixed, ok, refuse};
use crate::notices::Notices;
use crate::observe::Observer;

const CONFIG: &str = "
[profile keys]
aws_access_key_id = AKIDKEYS
aws_secret_access_key = hidden-secret
[profile mfa]
aws_access_key_id = AKIDKEYS
aws_secret_access_key = hidden-secret
mfa_serial = arn:aws:iam::111122223333:mfa/alice
duration_seconds = 3600
[profile dev]
role_arn = arn:aws:iam::111122223333:role/dev
source_profile = keys
mfa_serial = arn:aws:iam::111122223333:mfa/alice
[profile deep]
role_arn = arn:aws:iam::444455556666:role/deep
source_profile = dev
external_id = ext
[profile plain]
role_arn = arn:aws:iam::111122223333:role/dev
source_profile = keys
[profile temporary]
aws_access_key_id = ASIATEMP
aws_secret_access_key = hidden-secret
aws_session_token = hidden-token
mfa_serial = arn:aws:iam::111122223333:mfa/alice
[profile over-temporary]
role_arn = arn:aws:iam::111122223333:role/dev
source_profile = temporary
mfa_serial = arn:aws:iam::111122223333:mfa/alice
";

const SESSION: Route = ok(
    &["Action=GetSessionToken", "TokenCode=123456"],
    "<GetSessionTokenResponse><GetSessionTokenResult><Credentials><AccessKeyId>ASIASESSION</AccessKeyId><SecretAccessKey>hidden</SecretAccessKey><SessionToken>hidden</SessionToken><Expiration>2099-01-01T00:00:00Z</Expiration></Credentials></GetSessionTokenResult></GetSessionTokenResponse>",
);
const ROLE: Route = ok(
    &["Action=AssumeRole&"],
    "<AssumeRoleResponse><AssumeRoleResult><AssumedRoleUser><AssumedRoleId>AROA:adit-alice</AssumedRoleId><Arn>arn:aws:sts::111122223333:assumed-role/dev/adit-alice</Arn></AssumedRoleUser><Credentials><AccessKeyId>ASIAROLE</AccessKeyId><SecretAccessKey>hidden</SecretAccessKey><SessionToken>hidden</SessionToken><Expiration>2098-01-01T00:00:00Z</Expiration></Credentials></AssumeRoleResult></AssumeRoleResponse>",
);
const CALLER: Route = ok(
    &["Action=GetCallerIdentity"],
    "<GetCallerIdentityResponse><GetCallerIdentityResult><Arn>arn:aws:iam::111122223333:user/alice</Arn><UserId>AIDA</UserId><Account>111122223333</Account></GetCallerIdentityResult></GetCallerIdentityResponse>",
);
const WRONG: Route = refuse(
    &["TokenCode="],
    403,
    "<ErrorResponse><Error><Type>Sender</Type><Code>AccessDenied</Code><Message>MultiFactorAuthentication failed with invalid MFA one time pass code. </Message></Error></ErrorResponse>",
);
const NO_SESSION: Route = refuse(
    &["Action=GetSessionToken"],
    403,
    "<ErrorResponse><Error><Type>Sender</Type><Code>AccessDenied</Code><Message>User: arn:aws:iam::111122223333:user/alice is not authorized to perform: sts:GetSessionToken with an explicit deny</Message></Error></ErrorResponse>",
);
const DEVICES: Route = ok(
    &["Action=ListMFADevices"],
    "<ListMFADevicesResponse><ListMFADevicesResult><IsTruncated>false</IsTruncated><MFADevices><member><UserName>alice</UserName><SerialNumber>arn:aws:iam::111122223333:mfa/alice</SerialNumber><EnableDate>2026-01-01T00:00:00Z</EnableDate></member><member><UserName>alice</UserName><SerialNumber>arn:aws:iam::111122223333:u2f/user/alice/key</SerialNumber><EnableDate>2026-01-01T00:00:00Z</EnableDate></member></MFADevices></ListMFADevicesResult></ListMFADevicesResponse>",
);

/// A home and a service, for one story.
struct World {
    home: tempfile::TempDir,
    fake: Fake,
}

impl World {
    async fn new(routes: &[Route]) -> Self {
        Self { home: tempfile::tempdir().unwrap(), fake: Fake::routed(&[1; 40], routes).await }
    }

    async fn maker(&self, profile: &str, codes: &Arc<Prepared>) -> Maker {
        self.wishing(profile, codes, &Wishes { named: true, ..Wishes::default() }).await
    }

    async fn wishing(&self, profile: &str, codes: &Arc<Prepared>, wishes: &Wishes<'_>) -> Maker {
        let home: &Path = self.home.path();
        let env = Env::from_slice(&[("HOME", home.to_str().unwrap()), ("USER", "bob")]);
        let profiles = Profiles::of(CONFIG, "", profile).await.unwrap();
        let aws = fixed(&self.fake.url).await;
        let clock = Clock::system();
        Maker {
            chain: resolve(&profiles, &env, wishes).unwrap(),
            sources: Sources {
                place: "at the fake".to_owned(),
                sdk: aws.sdk.clone(),
                provider: ProviderConfig::without_region(),
                clock: clock.clone(),
                home: Some(home.to_owned()),
                profile: Some(profile.to_owned()),
            },
            files: Files {
                sessions: Arc::default(),
                store: Some(open_store(&env).unwrap()),
                cli: Some(CliCache::new(home)),
                notices: Notices::default(),
                observer: Observer::new(clock, Notices::default()),
                said: AtomicBool::new(false),
            },
            env,
            codes: Some(Arc::clone(codes) as Arc<dyn CodeSource>),
            demands: Demands::default(),
        }
    }

    /// The actions that were called, but for who calls.
    fn calls(&self) -> Vec<String> {
        self.fake
            .asked()
            .iter()
            .filter_map(|asked| asked.body.split('&').find_map(|part| part.strip_prefix("Action=")))
            .filter(|action| *action != "GetCallerIdentity")
            .map(str::to_owned)
            .collect()
    }
}

const PERSON: Asking = Asking { person: true, beyond: None };

fn codes(codes: &[&'static str]) -> Arc<Prepared> {
    Arc::new(Prepared::new(codes))
}

#[tokio::test]
async fn one_code_makes_a_session_that_roles_are_assumed_from() {
    let world = World::new(&[SESSION, ROLE, CALLER]).await;
    let source = codes(&["123456"]);
    let made = world.maker("deep", &source).await.go(PERSON).await.unwrap();
    assert_eq!(world.calls(), ["GetSessionToken", "AssumeRole", "AssumeRole"]);
    assert_eq!((made.kind, made.keys.access_key_id.as_str()), (CredentialKind::Role, "ASIAROLE"));
    assert!(matches!(made.mfa, MfaState::Yes { at: Some(_) }), "{:?}", made.mfa);
    assert_eq!(made.renewal, Renewal::Yes, "the session outlasts the role");
    let asked = world.fake.asked();
    assert!(asked[0].body.contains("DurationSeconds=43200"), "{}", asked[0].body);
    assert!(asked[0].body.contains("SerialNumber=arn%3Aaws%3Aiam%3A%3A111122223333%3Amfa%2Falice"));
    let roles: Vec<_> = asked.iter().filter(|a| a.body.contains("AssumeRole&")).collect();
    assert!(roles.iter().all(|role| role.body.contains("RoleSessionName=adit-alice")));
    assert!(roles.iter().all(|role| !role.body.contains("TokenCode")));
    assert!(roles[1].body.contains("ExternalId=ext"), "{}", roles[1].body);

    // A second command asks nobody and nothing; one for another role needs no code.
    world.maker("deep", &source).await.go(PERSON).await.unwrap();
    assert_eq!(world.calls().len(), 3);
    let again = Asking { beyond: made.keys.expires, ..Asking::default() };
    world.maker("deep", &source).await.go(again).await.unwrap();
    assert_eq!(world.calls()[3..], ["AssumeRole", "AssumeRole"]);
    assert_eq!(source.count(), 1);
}

#[tokio::test]
async fn without_a_role_the_session_is_what_is_used() {
    let world = World::new(&[SESSION]).await;
    let made = world.maker("mfa", &codes(&["123456"])).await.go(PERSON).await.unwrap();
    assert_eq!(
        (made.kind, made.keys.access_key_id.as_str()),
        (CredentialKind::Session, "ASIASESSION")
    );
    assert_eq!(made.renewal, Renewal::No("a new MFA code is needed".to_owned()));
    assert!(world.fake.asked()[0].body.contains("DurationSeconds=3600"));
    let lines: Vec<_> =
        made.steps.iter().map(|step| format!("{} ({})", step.what, step.origin)).collect();
    insta::assert_snapshot!(lines.join("\n"));
}

#[tokio::test]
async fn a_refused_session_makes_way_for_the_role_with_the_code() {
    let world = World::new(&[NO_SESSION, ROLE, CALLER]).await;
    let made = world.maker("dev", &codes(&["123456"])).await.go(PERSON).await.unwrap();
    assert_eq!(world.calls(), ["GetSessionToken", "AssumeRole"]);
    assert_eq!(made.renewal, Renewal::No("a new MFA code is needed".to_owned()));
    let asked = world.fake.asked();
    let role = asked.iter().find(|asked| asked.body.contains("AssumeRole&")).unwrap();
    assert!(role.body.contains("TokenCode=123456"), "{}", role.body);
}

#[tokio::test]
async fn a_refused_session_without_a_role_is_told() {
    let world = World::new(&[NO_SESSION]).await;
    let error = world.maker("mfa", &codes(&["123456"])).await.go(PERSON).await.unwrap_err();
    assert_eq!(error.kind, AwsErrorKind::AccessDenied);
    assert!(error.message.contains("sts:GetSessionToken"), "{}", error.message);
}

#[tokio::test]
async fn temporary_keys_make_no_session() {
    let world = World::new(&[ROLE, CALLER]).await;
    let made = world.maker("over-temporary", &codes(&["123456"])).await.go(PERSON).await.unwrap();
    assert_eq!(world.calls(), ["AssumeRole"]);
    assert!(matches!(made.mfa, MfaState::Yes { .. }));
    // Without a role there is nothing to give a code to.
    let source = codes(&[]);
    let made = world.maker("temporary", &source).await.go(PERSON).await.unwrap();
    assert_eq!((made.mfa, source.count()), (MfaState::Unknown, 0));
}

#[tokio::test]
async fn wrong_codes_are_asked_for_again_and_then_told() {
    let world = World::new(&[SESSION, WRONG]).await;
    let source = codes(&["000000", "123456"]);
    world.maker("mfa", &source).await.go(PERSON).await.unwrap();
    assert_eq!(source.count(), 2);

    let world = World::new(&[WRONG]).await;
    let source = codes(&["000000", "111111", "222222", "333333"]);
    let error = world.maker("mfa", &source).await.go(PERSON).await.unwrap_err();
    assert_eq!((error.kind.clone(), source.count()), (AwsErrorKind::CodeFailed, 3));
    insta::assert_snapshot!(format!("{}\n{}", error.message, error.hints.join("\n")));
}

#[tokio::test]
async fn two_who_need_a_code_ask_for_one() {
    let world = World::new(&[SESSION]).await;
    let source = codes(&["123456"]);
    let (one, two) = (world.maker("mfa", &source).await, world.maker("mfa", &source).await);
    let (one, two) = tokio::join!(one.go(PERSON), two.go(PERSON));
    assert_eq!(one.unwrap().keys, two.unwrap().keys);
    assert_eq!((source.count(), world.calls().len()), (1, 1));
}

#[tokio::test]
async fn a_renewal_asks_no_person() {
    let world = World::new(&[SESSION]).await;
    let source = codes(&["123456"]);
    let error = world.maker("mfa", &source).await.go(Asking::default()).await.unwrap_err();
    assert_eq!((error.kind, source.count()), (AwsErrorKind::CodeNeeded, 0));
    // A program that gives codes is no person.
    let program = Arc::new(Prepared { attended: false, ..Prepared::new(&["123456"]) });
    let made = world.maker("mfa", &program).await.go(Asking::default()).await.unwrap();
    assert_eq!((made.renewal, program.count()), (Renewal::Yes, 1));
}

#[tokio::test]
async fn the_devices_are_asked_of_iam() {
    let world = World::new(&[SESSION, DEVICES]).await;
    let source = codes(&["123456"]);
    let wishes = Wishes { named: true, mfa_serial: Some(&MfaSerial::Auto), role: None };
    world.wishing("keys", &source, &wishes).await.go(PERSON).await.unwrap();
    let asked = source.asked.lock().unwrap();
    let names: Vec<_> = asked[0].devices.iter().map(Device::name).collect();
    assert_eq!(names, ["alice"], "a security key gives no codes");
}

#[tokio::test]
async fn a_plain_role_is_shared_with_the_aws_cli_and_a_narrower_one_is_not() {
    let world = World::new(&[ROLE, CALLER]).await;
    let cache = |world: &World| {
        std::fs::read_dir(world.home.path().join(".aws/cli/cache")).map_or(0, Iterator::count)
    };
    world.maker("plain", &codes(&[])).await.go(PERSON).await.unwrap();
    assert_eq!(cache(&world), 1);
    // What the CLI keeps is taken, adit's own cache being empty.
    std::fs::remove_dir_all(world.home.path().join(".cache")).unwrap();
    let made = world.maker("plain", &codes(&[])).await.go(PERSON).await.unwrap();
    assert_eq!(made.steps.last().unwrap().held.as_deref(), Some("the AWS CLI's cache"));
    assert_eq!(world.calls().len(), 1);

    let world = World::new(&[ROLE, CALLER]).await;
    let wish = RoleWish { source_identity: Some("alice".to_owned()), ..RoleWish::default() };
    let wishes = Wishes { named: true, mfa_serial: None, role: Some(&wish) };
    for _ in 0..2 {
        world.wishing("plain", &codes(&[]), &wishes).await.go(PERSON).await.unwrap();
    }
    assert_eq!((cache(&world), world.calls().len()), (0, 2));
    let kept = std::fs::read_dir(world.home.path().join(".cache/adit/credentials")).unwrap();
    assert_eq!(kept.count(), 0);
}

#[tokio::test]
async fn a_policy_refuses_before_anything_is_called() {
    let world = World::new(&[]).await;
    let mut maker = world.maker("keys", &codes(&[])).await;
    maker.demands.allow = Some([CredentialKind::Role].into());
    let error = maker.go(PERSON).await.unwrap_err();
    assert_eq!(error.kind, AwsErrorKind::PolicyRefused);
    assert!(world.fake.asked().is_empty());
}

#[tokio::test]
async fn a_code_that_is_too_old_is_asked_for_again() {
    let world = World::new(&[SESSION]).await;
    let source = codes(&["123456", "123456"]);
    world.maker("mfa", &source).await.go(PERSON).await.unwrap();
    let mut strict = world.maker("mfa", &source).await;
    strict.demands.require_mfa = Some(Some(Duration::from_hours(1)));
    strict.go(PERSON).await.unwrap();
    assert_eq!(source.count(), 1, "it is minutes old");
    let (moved, receiver) = tokio::sync::watch::channel(Duration::from_hours(2));
    strict.sources.clock = Clock::moved(receiver);
    strict.go(PERSON).await.unwrap();
    assert_eq!(source.count(), 2);
    drop(moved);
}

#[tokio::test]
async fn nothing_of_a_maker_shows_secrets() {
    let world = World::new(&[]).await;
    let shown = format!("{:?}", world.maker("keys", &codes(&[])).await);
    assert!(!shown.contains("hidden"), "{shown}");
}
