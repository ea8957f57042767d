//! Codes of MFA devices, given by flag, variable and command.

use serde_json::json;

use crate::common::identity::{Home, User, trust_with_mfa};
use crate::common::lab::Lab;

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
    assert_eq!(home.whoami(&["--profile", "role", "--mfa-code", &code])["mfa"], true);
    // Two hours later, as the session that was kept has it.
    lab.advance(2 * 3600 * 1000);
    let [kept] = &home
        .files(".cache/adit/credentials")
        .into_iter()
        .filter(|path| path.extension().is_some_and(|extension| extension == "json"))
        .collect::<Vec<_>>()[..]
    else {
        panic!("one session is kept: {:?}", home.files(".cache"));
    };
    let mut entry: serde_json::Value =
        serde_json::from_str(&std::fs::read_to_string(kept).unwrap()).unwrap();
    let at: jiff::Timestamp = entry["mfa_at"].as_str().unwrap().parse().unwrap();
    entry["mfa_at"] = json!((at - jiff::SignedDuration::from_hours(2)).to_string());
    std::fs::write(kept, entry.to_string()).unwrap();
    // The role that was assumed then would do for its hour.
    for path in home.files(".aws/cli/cache") {
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
    assert!(stderr.contains("code"), "{stderr}");
    assert!(!stderr.contains(wrong), "{stderr}");

    home.whoami(&["--profile", "base", "--mfa-code", &code]);
    let other = Home::new(&lab, &std::fs::read_to_string(home.path().join(".aws/config")).unwrap());
    let stderr = other.refused(4, &["whoami", "--profile", "base", "--mfa-code", &code]);
    assert!(stderr.contains("once") || stderr.contains("next one"), "{stderr}");

    let late = lab.code(device);
    lab.advance(10 * 60_000);
    let stderr = other.refused(4, &["whoami", "--profile", "base", "--mfa-code", &late]);
    assert!(stderr.contains("code"), "{stderr}");
}

#[test]
fn two_processes_ask_once() {
    let (lab, ann, home) = world();
    let code = lab.code(&ann.devices[0]);
    // Slow enough for both to want a code before one has it.
    let script = home.script(
        "code",
        &format!("echo asked >> {}/asked\nsleep 1\necho {code}", home.path().display()),
    );
    let command = script.display().to_string();
    let started: Vec<_> = (0..2)
        .map(|_| {
            let mut adit = home.adit();
            adit.args(["whoami", "--profile", "role", "--mfa-command", &command]);
            adit.stdout(std::process::Stdio::piped()).stderr(std::process::Stdio::piped());
            adit.spawn().expect("the program runs")
        })
        .collect();
    for child in started {
        let output = child.wait_with_output().expect("the program ends");
        let stderr = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(0), "{stderr}");
    }
    let asked = std::fs::read_to_string(home.path().join("asked")).expect("it was asked");
    assert_eq!(asked.lines().count(), 1, "{asked}");
    assert_eq!(lab.calls("GetSessionToken"), 1);
}
