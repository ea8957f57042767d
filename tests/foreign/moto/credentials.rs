//! Credentials by another's idea of STS, which takes every code.

use serde_json::json;

use super::account::{Account, IAM};
use crate::common::cloud::text;
use crate::common::servers::Server;

pub(super) fn by_a_code_and_two_roles() {
    let server = Server::echo();
    let mut account = Account::start(&server);
    account.become_user();
    let trust = json!({"Version": "2012-10-17", "Statement": []}).to_string();
    let [first, second] = ["first", "second"].map(|name| {
        let role = [("RoleName", name), ("AssumeRolePolicyDocument", &trust)];
        text(&account.call(IAM, "CreateRole", &role), "Arn").to_owned()
    });
    let (key, secret) = account.keys();
    account.configure(&format!(
        "[profile keys]\naws_access_key_id = {key}\naws_secret_access_key = {secret}\n\
         [profile first]\nrole_arn = {first}\nsource_profile = keys\n\
         mfa_serial = arn:aws:iam::123456789012:mfa/phone\n\
         [profile second]\nrole_arn = {second}\nsource_profile = first\n\
         role_session_name = at-work\n",
    ));

    let whoami = ["whoami", "--json", "--profile"];
    let counted = |profile: &[&str]| {
        account.release();
        let ran = account.run(&[&whoami, profile].concat()).expect(0);
        let calls = account.calls();
        let times = |action: &str| {
            let found = calls.iter().find(|(name, _)| name == action);
            found.map_or(0, |(_, count)| *count)
        };
        let times = (times("sts:GetSessionToken"), times("sts:AssumeRole"));
        (ran.event("identity"), times)
    };
    let (identity, calls) = counted(&["keys"]);
    assert!(identity["arn"].as_str().expect("a text").ends_with(":user/someone"), "{identity}");
    assert_eq!((&identity["kind"], calls), (&json!("keys"), (0, 0)));
    let (identity, calls) = counted(&["second", "--mfa-code", "123456"]);
    let arn = identity["arn"].as_str().expect("a text");
    assert!(arn.ends_with(":assumed-role/second/at-work"), "{identity}");
    assert_eq!((&identity["kind"], &identity["mfa"]), (&json!("role"), &json!(true)));
    assert!(!identity["expires"].is_null(), "{identity}");
    assert_eq!(calls, (1, 2));
    // All of it is kept; and the first role by itself is too.
    let (again, calls) = counted(&["second"]);
    assert_eq!((&again["arn"], calls), (&identity["arn"], (0, 0)));
    let (identity, calls) = counted(&["first"]);
    let arn = identity["arn"].as_str().expect("a text");
    assert!(arn.contains(":assumed-role/first/adit-"), "{identity}");
    assert_eq!(calls, (0, 0));

    // A role by a flag goes on from there.
    let (identity, calls) = counted(&["first", "--role-arn", &second]);
    let arn = identity["arn"].as_str().expect("a text");
    assert!(arn.contains(":assumed-role/second/adit-"), "{identity}");
    assert_eq!(calls, (0, 1));
}
