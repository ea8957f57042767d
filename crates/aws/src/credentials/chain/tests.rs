use proptest::prelude::*;

use super::*;

const CONFIG: &str = "
[default]
region = eu-west-1
[profile keys]
aws_access_key_id = AKIDKEYS
aws_secret_access_key = hidden-secret
mfa_serial = arn:aws:iam::111122223333:mfa/alice
duration_seconds = 3600
[profile dev]
role_arn = arn:aws:iam::111122223333:role/dev
source_profile = keys
mfa_serial = arn:aws:iam::111122223333:mfa/alice
external_id = ext
role_session_name = me
duration_seconds = 7200
[profile deep]
role_arn = arn:aws:iam::444455556666:role/deep
source_profile = dev
[profile self]
role_arn = arn:aws:iam::111122223333:role/self
source_profile = self
aws_access_key_id = AKIDSELF
aws_secret_access_key = hidden-secret
[profile instance]
role_arn = arn:aws:iam::111122223333:role/dev
credential_source = Ec2InstanceMetadata
[profile task]
role_arn = arn:aws:iam::111122223333:role/dev
credential_source = EcsContainer
[profile of-env]
role_arn = arn:aws:iam::111122223333:role/dev
credential_source = Environment
[profile process]
credential_process = /bin/make-keys --password hidden-secret
[profile web]
web_identity_token_file = /tmp/token
role_arn = arn:aws:iam::111122223333:role/web
role_session_name = ci
[profile console]
login_session = arn:aws:iam::111122223333:user/alice
[profile sso]
sso_session = company
sso_account_id = 111122223333
sso_role_name = Developer
[profile over-sso]
role_arn = arn:aws:iam::111122223333:role/dev
source_profile = sso
[sso-session company]
sso_start_url = https://company.awsapps.com/start
sso_region = eu-west-1
sso_registration_scopes = sso:account:access, other
[profile old-sso]
sso_start_url = https://company.awsapps.com/start
sso_region = eu-west-1
sso_account_id = 111122223333
sso_role_name = Developer
[profile both-files]
credential_process = /bin/make-keys
[profile mixed]
credential_process = /bin/make-keys
aws_access_key_id = AKIDMIXED
aws_secret_access_key = hidden-secret
[profile loop-a]
role_arn = arn:aws:iam::111122223333:role/a
source_profile = loop-b
[profile loop-b]
role_arn = arn:aws:iam::111122223333:role/b
source_profile = loop-a
[profile loop-self]
role_arn = arn:aws:iam::111122223333:role/a
source_profile = loop-self
[profile lost]
role_arn = arn:aws:iam::111122223333:role/a
source_profile = nowhere
[profile two-sources]
role_arn = arn:aws:iam::111122223333:role/a
source_profile = keys
credential_source = Environment
[profile no-source]
role_arn = arn:aws:iam::111122223333:role/a
[profile odd-source]
role_arn = arn:aws:iam::111122223333:role/a
credential_source = Moon
[profile empty-source]
role_arn = arn:aws:iam::111122223333:role/a
source_profile = default
[profile half]
aws_access_key_id = AKIDHALF
[profile other-half]
aws_secret_access_key = hidden-secret
[profile web-half]
web_identity_token_file = /tmp/token
[profile sso-half]
sso_session = company
sso_account_id = 111122223333
[profile sso-lost]
sso_session = nowhere
sso_account_id = 111122223333
sso_role_name = Developer
[profile sso-differs]
sso_session = company
sso_region = us-east-1
sso_account_id = 111122223333
sso_role_name = Developer
";

const CREDENTIALS: &str = "
[both-files]
aws_access_key_id = AKIDBOTH
aws_secret_access_key = hidden-secret
aws_session_token = hidden-token
";

const KEYS: [(&str, &str); 2] =
    [("AWS_ACCESS_KEY_ID", "AKIDENV"), ("AWS_SECRET_ACCESS_KEY", "hidden-secret")];

async fn found(
    profile: &str,
    env: &[(&str, &str)],
    wishes: &Wishes<'_>,
) -> Result<Chain, AwsError> {
    let profiles = Profiles::of(CONFIG, CREDENTIALS, profile).await?;
    resolve(&profiles, &Env::from_slice(env), wishes)
}

/// Asked for by a flag.
async fn named(profile: &str) -> Result<Chain, AwsError> {
    found(profile, &[], &Wishes { named: true, ..Wishes::default() }).await
}

fn told(chain: &Chain) -> String {
    use std::fmt::Write;
    let mut text = format!("{} of {}", chain.base.kind(), chain.base_origin);
    if let Some(mfa) = &chain.mfa {
        let _ = write!(text, ", code of {:?} ({}) {:?}", mfa.serial, mfa.origin, mfa.duration);
    }
    for role in &chain.roles {
        let _ = write!(
            text,
            ", {} ({}) {:?} {:?} {:?}",
            role.arn, role.origin, role.external_id, role.session_name, role.duration
        );
    }
    text
}

#[tokio::test]
async fn each_source_is_found_where_it_is() {
    let mut lines = Vec::new();
    for profile in [
        "keys",
        "dev",
        "deep",
        "self",
        "instance",
        "task",
        "process",
        "web",
        "console",
        "sso",
        "over-sso",
        "old-sso",
        "both-files",
        "mixed",
    ] {
        lines.push(format!("{profile}: {}", told(&named(profile).await.unwrap())));
    }
    let of_env = found("of-env", &KEYS, &Wishes { named: true, ..Wishes::default() }).await;
    lines.push(format!("of-env: {}", told(&of_env.unwrap())));
    insta::assert_snapshot!(lines.join("\n"));
}

#[tokio::test]
async fn what_cannot_be_meant_is_said() {
    let mut lines = Vec::new();
    for profile in [
        "loop-a",
        "loop-self",
        "lost",
        "two-sources",
        "no-source",
        "odd-source",
        "empty-source",
        "half",
        "other-half",
        "web-half",
        "sso-half",
        "sso-lost",
        "sso-differs",
        "of-env",
        "absent",
    ] {
        let error = named(profile).await.unwrap_err();
        let hints: Vec<&str> =
            error.hints.iter().map(|hint| hint.split(": ").next().unwrap()).collect();
        lines.push(format!(
            "{profile}: {:?}: {}\n  {}",
            error.kind,
            error.message,
            hints.join("\n  ")
        ));
    }
    insta::assert_snapshot!(lines.join("\n"));
}

#[tokio::test]
async fn a_profile_asked_for_by_a_flag_goes_before_keys_of_the_environment() {
    let unnamed = found("keys", &KEYS, &Wishes::default()).await.unwrap();
    assert_eq!(unnamed.base_origin.to_string(), "AWS_ACCESS_KEY_ID");
    assert_eq!(unnamed.mfa, None, "the profile has no part in it");
    let flag = Wishes { named: true, ..Wishes::default() };
    let named = found("keys", &KEYS, &flag).await.unwrap();
    assert_eq!(named.base_origin.to_string(), "profile `keys` in ~/.aws/config");
}

#[tokio::test]
async fn a_web_identity_of_the_environment_goes_before_the_profile_but_not_before_its_role() {
    let env = [("AWS_WEB_IDENTITY_TOKEN_FILE", "/t"), ("AWS_ROLE_ARN", "arn:aws:iam::1:role/pod")];
    let pod = found("keys", &env, &Wishes::default()).await.unwrap();
    assert_eq!(
        told(&pod),
        "web-identity of AWS_WEB_IDENTITY_TOKEN_FILE, code of Arn(\"arn:aws:iam::111122223333:mfa/alice\") (profile `keys` in ~/.aws/config) Some(3600)"
    );
    let role = found("dev", &env, &Wishes::default()).await.unwrap();
    assert_eq!(role.roles.len(), 1);
    let error = found("default", &env[..1], &Wishes::default()).await.unwrap_err();
    assert!(error.hints[0].contains("AWS_ROLE_ARN"), "{error:?}");
}

#[tokio::test]
async fn what_is_left_is_the_machine() {
    let kind = async |env: &[(&str, &str)]| {
        found("default", env, &Wishes::default()).await.map(|chain| told(&chain))
    };
    assert_eq!(kind(&[]).await.unwrap(), "instance of the instance's metadata service");
    let container = [("AWS_CONTAINER_CREDENTIALS_FULL_URI", "http://127.0.0.1/")];
    assert_eq!(kind(&container).await.unwrap(), "container of AWS_CONTAINER_CREDENTIALS_FULL_URI");
    let error = kind(&[("AWS_EC2_METADATA_DISABLED", "true")]).await.unwrap_err();
    assert_eq!(error.kind, AwsErrorKind::NoCredentials);
    let half = kind(&KEYS[..1]).await.unwrap_err();
    assert!(half.message.contains("AWS_SECRET_ACCESS_KEY is not"), "{}", half.message);
}

#[tokio::test]
async fn flags_go_before_profiles() {
    let serial = "auto".parse().unwrap();
    let role = RoleWish { arn: Some("arn:aws:iam::1:role/x".to_owned()), ..RoleWish::default() };
    let wishes = Wishes { named: true, mfa_serial: Some(&serial), role: Some(&role) };
    let chain = found("dev", &[], &wishes).await.unwrap();
    assert_eq!(chain.mfa.unwrap().origin.to_string(), "--mfa-serial");
    assert_eq!(chain.roles.last().unwrap().origin.to_string(), "--role-arn");
    assert_eq!(chain.roles.len(), 2);
}

#[test]
fn a_serial_is_one_that_iam_knows() {
    assert_eq!("auto".parse::<MfaSerial>().unwrap(), MfaSerial::Auto);
    assert!("GAHT12345678".parse::<MfaSerial>().is_ok());
    assert!("arn:aws:iam::111122223333:mfa/alice".parse::<MfaSerial>().is_ok());
    for bad in ["", "123456", "alice's phone", "arn:aws:iam::111122223333:mfa/\u{e4}"] {
        assert!(bad.parse::<MfaSerial>().is_err(), "{bad}");
    }
}

#[tokio::test]
async fn no_way_shows_its_secrets() {
    for profile in ["keys", "self", "process", "both-files"] {
        let shown = format!("{:?}", named(profile).await.unwrap());
        assert!(!shown.contains("hidden"), "{shown}");
    }
}

fn setting() -> impl Strategy<Value = String> {
    let name = prop::sample::select(vec!["a", "b", "c", "default"]);
    let key = prop::sample::select(vec![
        "role_arn",
        "source_profile",
        "credential_source",
        "aws_access_key_id",
        "aws_secret_access_key",
        "mfa_serial",
        "sso_session",
        "sso_account_id",
        "sso_role_name",
        "web_identity_token_file",
        "credential_process",
        "login_session",
        "duration_seconds",
    ]);
    (key, prop_oneof![name.prop_map(str::to_owned), "[ -~]{0,8}"])
        .prop_map(|(key, value)| format!("{key} = {value}\n"))
}

proptest! {
    /// Whatever the files say, there is an answer, and it uses no profile's role twice.
    #[test]
    fn every_file_has_an_end(
        a in prop::collection::vec(setting(), 0..6),
        b in prop::collection::vec(setting(), 0..6),
        c in prop::collection::vec(setting(), 0..6),
        rest in "[ -~\n]{0,40}",
    ) {
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        runtime.block_on(async {
            let text = format!(
                "[profile a]\n{}[profile b]\n{}[profile c]\n{}{rest}",
                a.concat(), b.concat(), c.concat()
            );
            for profile in ["a", "b", "c"] {
                let Ok(profiles) = Profiles::of(&text, "", profile).await else { continue };
                let wishes = Wishes { named: true, ..Wishes::default() };
                if let Ok(chain) = resolve(&profiles, &Env::from_slice(&[]), &wishes) {
                    assert!(chain.roles.len() <= 3);
                }
            }
        });
    }
}
