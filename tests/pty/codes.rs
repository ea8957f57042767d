//! Codes and sign-ins that a person is asked for.

use serde_json::json;

use crate::common::identity::{Home, User, trust_with_mfa};
use crate::common::lab::Lab;
use crate::common::wait::until;
use crate::terminal::Terminal;

const QUESTION: &str = "MFA code of phone";

fn world() -> (Lab, User, Home) {
    let lab = Lab::builder().start();
    let ann = lab.user("ann", &["phone"]);
    let role = lab.role("careful", json!({ "trust": trust_with_mfa() }));
    let config = format!(
        "[profile keys]\naws_access_key_id = {}\naws_secret_access_key = {}\n\
         [profile role]\nrole_arn = {role}\nsource_profile = keys\nmfa_serial = {}\n",
        ann.key, ann.secret, ann.devices[0],
    );
    let home = Home::new(&lab, &config);
    (lab, ann, home)
}

fn start(home: &Home, arguments: &[&str]) -> Terminal {
    let variables = home.variables();
    let mut environment = vec![("HOME", home.path().to_str().expect("UTF-8")), ("NO_COLOR", "1")];
    environment.extend(variables.iter().map(|(name, value)| (*name, value.as_str())));
    Terminal::start_with(arguments, &environment)
}

/// Codes that the device does not show.
fn wrong(code: &str) -> impl Iterator<Item = String> {
    let code = code.to_owned();
    (0..).map(|number| format!("{number:06}")).filter(move |text| *text != code)
}

#[test]
fn a_wrong_code_is_asked_for_again_and_none_is_shown() {
    let (lab, ann, home) = world();
    let code = lab.code(&ann.devices[0]);
    let bad = wrong(&code).next().expect("a code");
    let mut terminal = start(&home, &["whoami", "--profile", "role"]);
    terminal.wait_for(QUESTION);
    terminal.wait_until_hidden();
    terminal.press(&format!("{bad}\r"));
    terminal.wait_for("try 2 of 3");
    terminal.wait_until_hidden();
    terminal.press(&format!("{code}\r"));
    assert_eq!(terminal.wait(), 0, "{}", terminal.raw());
    terminal.wait_for("assumed-role/careful/adit-ann");
    terminal.expect_usable();
    let raw = terminal.raw();
    assert!(!raw.contains(&bad) && !raw.contains(&code), "{raw}");
}

#[test]
fn three_wrong_codes_are_enough() {
    let (lab, ann, home) = world();
    let code = lab.code(&ann.devices[0]);
    let mut terminal = start(&home, &["whoami", "--profile", "role"]);
    terminal.wait_for(QUESTION);
    for (bad, said) in wrong(&code).zip(["try 2 of 3", "try 3 of 3", "3 codes were refused"]) {
        terminal.wait_until_hidden();
        terminal.press(&format!("{bad}\r"));
        terminal.wait_for(said);
    }
    assert_eq!(terminal.wait(), 4, "{}", terminal.raw());
    terminal.expect_usable();
}

#[test]
fn ctrl_c_at_the_question_gives_the_terminal_back() {
    let (lab, _, home) = world();
    let mut terminal = start(&home, &["whoami", "--profile", "role"]);
    terminal.wait_for(QUESTION);
    terminal.press("\x03");
    assert_eq!(terminal.wait(), 130, "{}", terminal.raw());
    terminal.expect_usable();
    assert_eq!(lab.calls("GetSessionToken"), 0);
}

#[test]
fn one_of_several_devices_is_picked() {
    let lab = Lab::builder().start();
    let ann = lab.user("ann", &["phone", "watch"]);
    let config = format!(
        "[default]\naws_access_key_id = {}\naws_secret_access_key = {}\n",
        ann.key, ann.secret
    );
    let home = Home::new(&lab, &config);
    let code = lab.code(&ann.devices[1]);
    let mut terminal = start(&home, &["whoami", "--mfa-serial", "auto"]);
    terminal.wait_for("watch");
    terminal.press("\x1b[B\r");
    terminal.wait_for("MFA code of watch");
    terminal.wait_until_hidden();
    terminal.press(&format!("{code}\r"));
    assert_eq!(terminal.wait(), 0, "{}", terminal.raw());
    terminal.expect_usable();
}

#[test]
fn a_missing_sign_in_is_offered() {
    let lab = Lab::builder().start();
    lab.control("sso-assign", json!({ "user": "ann", "role": "Developer" }));
    let home = Home::new(
        &lab,
        "[profile dev]\nsso_session = acme\nsso_account_id = 111122223333\n\
         sso_role_name = Developer\n\
         [sso-session acme]\nsso_start_url = https://acme.awsapps.com/start\n\
         sso_region = us-east-1\nsso_registration_scopes = sso:account:access\n",
    );
    let mut terminal = start(&home, &["whoami", "--profile", "dev"]);
    terminal.wait_for("sign in now?");
    terminal.press("\r");
    let code = until("a code", || {
        let raw = terminal.raw();
        let (_, rest) = raw.split_once("shows the code ")?;
        let (code, _) = rest.split_once('\r')?;
        Some(code.to_owned())
    });
    lab.control("sso-device", json!({ "user_code": code, "user": "ann" }));
    assert_eq!(terminal.wait(), 0, "{}", terminal.raw());
    terminal.wait_for("AWSReservedSSO_Developer_");
    terminal.expect_usable();

    // Who does not want to is told what to run.
    let home = Home::new(&lab, &std::fs::read_to_string(home.path().join(".aws/config")).unwrap());
    let mut terminal = start(&home, &["whoami", "--profile", "dev"]);
    terminal.wait_for("sign in now?");
    terminal.press("n\r");
    assert_eq!(terminal.wait(), 4, "{}", terminal.raw());
    terminal.wait_for("adit login --profile dev");
    terminal.expect_usable();
}
