use proptest::prelude::*;

use super::*;

fn name(caller: Option<&str>, env: &[(&str, &str)]) -> String {
    session_name(caller, &Env::from_slice(env))
}

#[test]
fn a_session_carries_the_name_of_the_caller() {
    let user = "arn:aws:iam::111122223333:user/staff/alice";
    assert_eq!(name(Some(user), &[]), "adit-alice");
    let sso = "arn:aws:sts::111122223333:assumed-role/AWSReservedSSO_Dev_0123/alice@example.com";
    assert_eq!(name(Some(sso), &[]), "adit-alice@example.com");
    // A second role of a chain is called with the session that the first one gave.
    let chained = "arn:aws:sts::111122223333:assumed-role/dev/adit-alice";
    assert_eq!(name(Some(chained), &[]), "adit-alice");
}

#[test]
fn without_a_caller_it_is_the_name_on_this_machine() {
    let root = "arn:aws:iam::111122223333:root";
    assert_eq!(name(Some(root), &[("USER", "alice")]), "adit-alice");
    assert_eq!(name(None, &[("USER", ""), ("LOGNAME", "Alice Ärmel")]), "adit-Alice--rmel");
    assert_eq!(name(None, &[]), "adit");
}

proptest! {
    #[test]
    fn any_name_is_one_that_sts_takes(user in ".{0,80}", arn in proptest::bool::ANY) {
        let caller = format!("arn:aws:iam::1:user/{user}");
        let name = name(arn.then_some(caller.as_str()), &[("USER", &user)]);
        prop_assert!((2..=64).contains(&name.len()));
        prop_assert!(name.chars().all(|c| c.is_ascii_alphanumeric() || "_+=,.@-".contains(c)));
    }
}

#[test]
fn flags_add_a_role_or_say_more_about_the_last() {
    let mut roles = Vec::new();
    flag_role(&mut roles, &RoleWish::default()).unwrap();
    assert!(roles.is_empty());

    let lone = RoleWish { source_identity: Some("alice".to_owned()), ..RoleWish::default() };
    assert_eq!(flag_role(&mut roles, &lone).unwrap_err().kind, AwsErrorKind::Config);

    let wish = RoleWish {
        arn: Some("arn:aws:iam::111122223333:role/dev".to_owned()),
        duration: Some(Duration::from_mins(20)),
        ..lone.clone()
    };
    flag_role(&mut roles, &wish).unwrap();
    assert_eq!((roles.len(), roles[0].duration), (1, Some(1200)));
    assert!(!roles[0].is_plain(), "a source identity makes more than the role");

    flag_role(&mut roles, &RoleWish { external_id: Some("x".to_owned()), ..RoleWish::default() })
        .unwrap();
    assert_eq!((roles.len(), roles[0].external_id.as_deref()), (1, Some("x")));
}
