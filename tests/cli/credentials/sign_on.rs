//! Single sign-on: signing in, and what is said where nobody has.

use serde_json::{Value, json};

use crate::common::identity::Home;
use crate::common::lab::Lab;
use crate::common::process::Program;

const CONFIG: &str = "\
[profile dev]
sso_session = acme
sso_account_id = 111122223333
sso_role_name = Developer
[sso-session acme]
sso_start_url = https://acme.awsapps.com/start
sso_region = us-east-1
sso_registration_scopes = sso:account:access
[profile old]
sso_start_url = https://old.awsapps.com/start
sso_region = us-east-1
sso_account_id = 111122223333
sso_role_name = Developer
";

#[test]
fn a_sign_in_serves_sessions_and_the_older_keys() {
    let lab = Lab::builder().start();
    lab.control("sso-assign", json!({ "user": "ann", "role": "Developer" }));
    let home = Home::new(&lab, CONFIG);
    for profile in ["dev", "old"] {
        let stderr = home.refused(4, &["whoami", "--profile", profile]);
        assert!(stderr.contains(&format!("adit login --profile {profile}")), "{stderr}");
        home.sign_in(&lab, profile);
        let identity = home.whoami(&["--profile", profile]);
        let arn = identity["arn"].as_str().unwrap();
        assert!(arn.contains("AWSReservedSSO_Developer_"), "{identity}");
        assert_eq!(identity["kind"], "sso");
    }
    lab.control("revoke", json!({ "sso_user": "ann" }));
    let stderr = home.refused(4, &["whoami", "--profile", "old"]);
    assert!(stderr.contains("adit login --profile old"), "{stderr}");
}

#[test]
fn who_is_denied_is_told() {
    let lab = Lab::builder().start();
    lab.control("sso-assign", json!({ "user": "ann", "role": "Developer" }));
    let home = Home::new(&lab, CONFIG);
    let mut command = home.adit();
    command.args(["login", "--json", "--no-browser", "--profile", "dev"]);
    let mut login = Program::start(&mut command);
    let code = login.expect_line("an address and a code", |line| {
        let event: Value = serde_json::from_str(line).expect("JSON");
        (event["event"] == "sign_in").then(|| event["code"].as_str().expect("a code").to_owned())
    });
    lab.control("sso-device", json!({ "user_code": code }));
    assert_eq!(login.wait().code(), Some(4), "{}", login.stderr());
}
