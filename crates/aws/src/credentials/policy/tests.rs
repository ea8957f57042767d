use super::*;

fn at(seconds: u64) -> SystemTime {
    SystemTime::UNIX_EPOCH + Duration::from_secs(seconds)
}

#[test]
fn kinds_have_the_names_of_the_configuration() {
    for kind in CredentialKind::ALL {
        assert_eq!(kind.to_string().parse::<CredentialKind>().unwrap(), kind);
    }
    let error = "password".parse::<CredentialKind>().unwrap_err();
    assert!(error.hints[0].contains("sso, role, session, keys"), "{:?}", error.hints);
}

#[test]
fn nothing_is_asked_unless_it_is_said() {
    let none = Demands::default();
    for kind in CredentialKind::ALL {
        none.check_kind(kind).unwrap();
    }
    for mfa in [MfaState::No, MfaState::Unknown, MfaState::Yes { at: None }] {
        none.check_mfa(mfa, at(0)).unwrap();
    }
    none.check_account("111122223333").unwrap();
}

#[test]
fn only_the_allowed_kinds_pass() {
    let demands = Demands {
        allow: Some([CredentialKind::Sso, CredentialKind::Role].into()),
        ..Demands::default()
    };
    for kind in CredentialKind::ALL {
        let allowed = matches!(kind, CredentialKind::Sso | CredentialKind::Role);
        assert_eq!(demands.check_kind(kind).is_ok(), allowed, "{kind}");
    }
    let error = demands.check_kind(CredentialKind::Keys).unwrap_err();
    assert_eq!(error.kind, AwsErrorKind::PolicyRefused);
}

#[test]
fn an_unknown_age_is_refused_like_an_old_one() {
    let hour = Demands { require_mfa: Some(Some(Duration::from_hours(1))), ..Demands::default() };
    let any = Demands { require_mfa: Some(None), ..Demands::default() };
    let now = at(10_000);
    let cases = [
        (MfaState::Yes { at: Some(at(10_000 - 3600)) }, true, true),
        (MfaState::Yes { at: Some(at(10_000 - 3601)) }, false, true),
        // A clock that was set back makes no code older.
        (MfaState::Yes { at: Some(at(20_000)) }, true, true),
        (MfaState::Yes { at: None }, false, true),
        (MfaState::Unknown, false, false),
        (MfaState::No, false, false),
    ];
    for (mfa, within_hour, at_all) in cases {
        assert_eq!(hour.check_mfa(mfa, now).is_ok(), within_hour, "{mfa:?}");
        assert_eq!(any.check_mfa(mfa, now).is_ok(), at_all, "{mfa:?}");
    }
}

#[test]
fn refusals_say_what_and_what_next() {
    let demands = Demands {
        require_mfa: Some(Some(Duration::from_mins(90))),
        allow: Some([CredentialKind::Role, CredentialKind::Sso].into()),
        account: Some("111122223333".to_owned()),
    };
    let now = at(100_000);
    let said: Vec<String> = [
        demands.check_kind(CredentialKind::Keys),
        demands.check_kind(CredentialKind::Instance),
        demands.check_mfa(MfaState::Yes { at: Some(at(100_000 - 7261)) }, now),
        demands.check_mfa(MfaState::Yes { at: None }, now),
        demands.check_mfa(MfaState::No, now),
        Demands { require_mfa: Some(None), ..Demands::default() }.check_mfa(MfaState::Unknown, now),
        demands.check_account("444455556666"),
    ]
    .into_iter()
    .map(|result| {
        let error = result.unwrap_err();
        format!("{}\n  {}", error.message, error.hints.join("\n  "))
    })
    .collect();
    insta::assert_snapshot!(said.join("\n"));
}

#[test]
fn spans_are_told_in_two_units() {
    let words = [0, 59, 60, 61, 3600, 3660, 86_400].map(|s| in_words(Duration::from_secs(s)));
    assert_eq!(words, ["0 s", "59 s", "1 min", "1 min 1 s", "1 h", "1 h 1 min", "24 h"]);
}
