use std::collections::BTreeSet;

use proptest::prelude::*;
use serde_json::Value;

use super::*;
use crate::credentials::origin::Origin;

fn role(arn: &str) -> RoleStep {
    RoleStep {
        arn: arn.to_owned(),
        external_id: None,
        session_name: None,
        duration: None,
        mfa_serial: None,
        source_identity: None,
        policy: None,
        origin: Origin::named("a test"),
        of_profile: true,
    }
}

/// The keys that botocore 1.44.5 makes; `keys.py` made the file.
#[test]
fn keys_are_those_of_botocore() {
    let mut seen = BTreeSet::new();
    for line in include_str!("keys.tsv").lines() {
        let (arguments, expected) = line.split_once('\t').unwrap();
        let arguments: Value = serde_json::from_str(arguments).unwrap();
        let text = |name: &str| arguments[name].as_str().map(str::to_owned);
        let role = RoleStep {
            session_name: text("RoleSessionName"),
            external_id: text("ExternalId"),
            mfa_serial: text("SerialNumber"),
            duration: arguments["DurationSeconds"].as_i64().map(|n| i32::try_from(n).unwrap()),
            ..role(arguments["RoleArn"].as_str().unwrap())
        };
        assert_eq!(key(&role), expected, "{arguments}");
        seen.insert(expected);
    }
    assert_eq!(seen.len(), 64);
}

proptest! {
    /// `json.dumps` writes JSON: what is quoted reads back as itself, and is plain ASCII.
    #[test]
    fn a_quoted_text_is_json_of_printable_ascii(text in any::<String>()) {
        let quoted = quoted(&text);
        prop_assert!(quoted.bytes().all(|byte| (b' '..=b'~').contains(&byte)));
        prop_assert_eq!(serde_json::from_str::<String>(&quoted).unwrap(), text);
    }
}

fn assumed(expires: SystemTime) -> Assumed {
    Assumed {
        keys: Keys {
            access_key_id: "ASIAEXAMPLE".to_owned(),
            secret_access_key: Zeroizing::new("secret".to_owned()),
            session_token: Some(Zeroizing::new("token".to_owned())),
            account: Some("111122223333".to_owned()),
            expires: Some(expires),
        },
        user: Some((
            "arn:aws:sts::111122223333:assumed-role/dev/adit-alice".to_owned(),
            "AROA:adit-alice".to_owned(),
        )),
    }
}

#[test]
fn an_entry_is_written_in_the_form_of_the_cli_and_read_again() {
    let home = tempfile::tempdir().unwrap();
    let cache = CliCache::new(home.path());
    let role = role("arn:aws:iam::111122223333:role/dev");
    let now = SystemTime::UNIX_EPOCH + Duration::from_secs(1_795_000_000);
    let assumed = assumed(now + Duration::from_hours(1));
    cache.write(&role, &assumed).unwrap();
    assert_eq!(cache.read(&role, now), Some(assumed.keys.clone()));
    // Fifteen minutes before its end it is expired for the CLI.
    assert_eq!(cache.read(&role, now + Duration::from_mins(46)), None);
    let other = RoleStep { external_id: Some("x".to_owned()), ..role.clone() };
    assert_eq!(cache.read(&other, now), None);

    let path = cache.path(&role);
    let text: Value = serde_json::from_slice(&fs_err::read(&path).unwrap()).unwrap();
    insta::assert_json_snapshot!(text);
    #[cfg(unix)]
    {
        use std::os::unix::fs::MetadataExt;
        assert_eq!(fs_err::metadata(&path).unwrap().mode() & 0o777, 0o600);
    }
}

#[test]
fn an_entry_that_is_no_entry_is_none() {
    let home = tempfile::tempdir().unwrap();
    let cache = CliCache::new(home.path());
    let role = role("arn:aws:iam::111122223333:role/dev");
    fs_err::create_dir_all(&cache.folder).unwrap();
    for text in ["", "{}", "[1]", r#"{"Credentials": {"AccessKeyId": "A"}}"#] {
        fs_err::write(cache.path(&role), text).unwrap();
        assert_eq!(cache.read(&role, SystemTime::UNIX_EPOCH), None);
    }
}
