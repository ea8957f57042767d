//! Codes of MFA devices, given by flag, variable and command.

use serde_json::json;

use crate::common::clock::MovedClock;
use crate::common::identity::{Home, User, told, trust_with_mfa};
use crate::common::lab::Lab;
use crate::common::process::Program;
use crate::common::wait::until;

/// What AWS lets be known of a code that it does not take.
const REFUSED: &str = "error: the MFA code was not accepted: it is wrong, or it was used before\n";

/// A user with a device, in a home where `base` has the device, `role` a role that asks for a code
/// and the device, and `deep` that role by way of another profile.
fn world() -> (Lab, User, Home) {
    let lab = Lab::builder().start();
    let ann = lab.user("ann", &["phone"]);
    let role = lab.role("careful", json!({ "trust": trust_with_mfa() }));
    let config = format!(
        "[profile base]\naws_access_key_id = {key}\naws_secret_access_key = {secret}\n\
         mfa_serial = {device}\n\
         [profile keys]\naws_access_key_id = {key}\naws_secret_access_key = {secret}\n\
         [profile role]\nrole_arn = {role}\nsource_profile = keys\nmfa_serial = {device}\n",
        key = ann.key,
        secret = ann.secret,
        device = ann.devices[0],
    );
    let home = Home::new(&lab, &config);
    (lab, ann, home)
}

#[test]
fn one_code_does_for_half_a_day_and_for_every_role() {
    let (lab, ann, home) = world();
    let code = lab.code(&ann.devices[0]);
    let identity = home.whoami(&["--profile", "base", "--mfa-code", &code]);
    assert_eq!(identity["arn"], json!(ann.arn));
    assert_eq!((&identity["kind"], &identity["mfa"]), (&json!("session"), &json!(true)));
    assert_eq!(identity["renewable"], false);
    assert_eq!(lab.calls("GetSessionToken"), 1);
    // Neither the same profile nor a role asks for another one.
    let identity = home.whoami(&["--profile", "base"]);
    assert_eq!(identity["mfa"], true);
    let held = identity["steps"].to_string();
    assert!(held.contains("adit's cache"), "{held}");
    let identity = home.whoami(&["--profile", "role"]);
    assert!(identity["arn"].as_str().unwrap().contains("assumed-role/careful/adit-ann"));
    assert_eq!((&identity["kind"], &identity["mfa"]), (&json!("role"), &json!(true)));
    assert_eq!(lab.calls("GetSessionToken"), 1);
    for path in home.files(".cache/adit/credentials") {
        use std::os::unix::fs::PermissionsExt as _;
        let mode = path.metadata().expect("a file").permissions().mode() & 0o777;
        assert_eq!(mode, 0o600, "{}", path.display());
    }
}

#[test]
fn a_code_comes_from_a_variable_or_a_command() {
    let (lab, ann, home) = world();
    let code = lab.code(&ann.devices[0]);
    let identity = home.whoami_with(&[("ADIT_MFA_CODE", &code)], &["--profile", "role"]);
    assert_eq!(identity["mfa"], true);

    let (lab, ann, home) = world();
    let script = home.script("code", &format!("echo {}", lab.code(&ann.devices[0])));
    let command = script.display().to_string();
    let identity = home.whoami(&["--profile", "role", "--mfa-command", &command]);
    assert_eq!(identity["mfa"], true);
    assert_eq!(lab.calls("GetSessionToken"), 1);

    let (_, _, home) = world();
    for (text, word) in [("echo not-a-code", "not a code"), ("exit 3", "failed (exit status: 3)")] {
        let command = home.script("code", text).display().to_string();
        let stderr = home.refused(4, &["whoami", "--profile", "role", "--mfa-command", &command]);
        assert!(stderr.contains(word) && !stderr.contains("not-a-code"), "{stderr}");
    }
}

/// A role may want a code that is younger than the session that the last one gave.
#[test]
fn a_role_that_wants_a_younger_code_gets_one() {
    let (lab, ann, home) = world();
    let mut trust = trust_with_mfa();
    trust["Statement"][0]["Condition"] =
        json!({ "NumericLessThan": { "aws:MultiFactorAuthAge": "3600" } });
    lab.role("careful", json!({ "trust": trust }));
    let code = lab.code(&ann.devices[0]);
    assert_eq!(home.whoami(&["--profile", "base", "--mfa-code", &code])["mfa"], true);
    let [session] = &home.entries()[..] else { panic!("one is kept: {:?}", home.files(".cache")) };
    let identity = home.whoami(&["--profile", "role"]);
    assert!(identity["arn"].as_str().unwrap().contains("assumed-role/careful/"), "{identity}");
    assert_eq!(lab.calls("GetSessionToken"), 1);
    // Two hours later, as the session that was kept has it. The role that was assumed is over.
    lab.advance(2 * 3600 * 1000);
    let mut entry: serde_json::Value =
        serde_json::from_str(&std::fs::read_to_string(session).unwrap()).unwrap();
    let at: jiff::Timestamp = entry["mfa_at"].as_str().unwrap().parse().unwrap();
    entry["mfa_at"] = json!((at - jiff::SignedDuration::from_hours(2)).to_string());
    std::fs::write(session, entry.to_string()).unwrap();
    let roles: Vec<_> = home.entries().into_iter().filter(|path| path != session).collect();
    assert_eq!(roles.len(), 1, "{roles:?}");
    for path in roles.into_iter().chain(home.files(".aws/cli/cache")) {
        std::fs::remove_file(path).unwrap();
    }

    let stderr = home.refused(5, &["whoami", "--profile", "role"]);
    assert!(stderr.contains("sts:AssumeRole"), "{stderr}");
    let code = lab.code(&ann.devices[0]);
    let identity = home.whoami(&["--profile", "role", "--mfa-code", &code]);
    assert!(identity["arn"].as_str().unwrap().contains("assumed-role/careful/"), "{identity}");
    assert_eq!(lab.calls("GetSessionToken"), 2);
}

#[test]
fn without_a_terminal_a_needed_code_is_said_and_not_waited_for() {
    let (lab, _, home) = world();
    for profile in ["base", "role"] {
        let stderr = home.refused(14, &["whoami", "--profile", profile]);
        assert!(stderr.contains("phone"), "{stderr}");
        assert!(stderr.contains("hint: ") && stderr.contains("--mfa-command"), "{stderr}");
    }
    assert_eq!(lab.calls("GetSessionToken"), 0);
}

#[test]
fn wrong_used_and_late_codes_are_refused_in_words() {
    let (lab, ann, home) = world();
    let device = &ann.devices[0];
    let code = lab.code(device);
    let wrong = if code == "000000" { "000001" } else { "000000" };
    let stderr = home.refused(4, &["whoami", "--profile", "base", "--mfa-code", wrong]);
    assert!(stderr.contains(REFUSED), "{stderr}");
    assert!(!stderr.contains(wrong), "{stderr}");

    home.whoami(&["--profile", "base", "--mfa-code", &code]);
    let other = Home::new(&lab, &std::fs::read_to_string(home.path().join(".aws/config")).unwrap());
    let stderr = other.refused(4, &["whoami", "--profile", "base", "--mfa-code", &code]);
    assert!(stderr.contains(REFUSED), "{stderr}");
    assert!(stderr.contains("hint: each code works once; wait for the next one"), "{stderr}");

    let late = lab.code(device);
    lab.advance(10 * 60_000);
    let stderr = other.refused(4, &["whoami", "--profile", "base", "--mfa-code", &late]);
    assert!(stderr.contains(REFUSED), "{stderr}");
}

#[test]
fn two_processes_ask_once() {
    let (lab, ann, home) = world();
    let code = lab.code(&ann.devices[0]);
    let folder = home.path().display();
    // Nobody has a code before the other was seen to wait.
    let script = home.script(
        "code",
        &format!(
            "echo asked >> {folder}/asked\n\
             until [ -e {folder}/go ]; do sleep 0.05; done\n\
             echo {code}"
        ),
    );
    let command = script.display().to_string();
    let mut started = [(); 2].map(|()| {
        let mut adit = home.adit();
        adit.args(["whoami", "--profile", "role", "--mfa-command", &command]);
        Program::start(&mut adit)
    });
    until("one to wait for the other", || {
        let said = started.iter().map(Program::stderr);
        let waits = |text: &String| told(text).contains("another adit asks for the MFA code");
        (said.filter(waits).count() == 1).then_some(())
    });
    home.write("go", "");
    for program in &mut started {
        assert_eq!(program.wait().code(), Some(0), "{}", program.stderr());
    }
    let asked = std::fs::read_to_string(home.path().join("asked")).expect("it was asked");
    assert_eq!(asked.lines().count(), 1, "{asked}");
    assert_eq!(lab.calls("GetSessionToken"), 1);
}

/// Signatures are put right by the time that AWS answers with; codes cannot be.
#[test]
fn a_clock_that_is_wrong_is_overcome_or_named_with_how_wrong_it_is() {
    let (lab, ann, home) = world();
    let run = |minutes: u64, profile: &str, code: &str| {
        let clock = MovedClock::ahead(minutes * 60);
        let mut command = home.moved(&clock);
        command.args(["whoami", "--profile", profile, "--mfa-code", code]);
        let mut program = Program::start(&mut command);
        (program.wait().code(), told(&program.stderr()))
    };
    let code = lab.code(&ann.devices[0]);
    let wrong = if code == "000000" { "000001" } else { "000000" };
    for minutes in [2, 20] {
        let (ended, told) = run(minutes, "base", wrong);
        assert_eq!(ended, Some(4), "{told}");
        let hint =
            format!("hint: this machine's clock is {minutes} min ahead of AWS; set it right");
        assert!(told.contains(REFUSED) && told.contains(&hint), "{told}");
    }
    for profile in ["keys", "base", "role"] {
        let (ended, told) = run(20, profile, &code);
        assert_eq!(ended, Some(0), "{profile}: {told}");
    }
}
