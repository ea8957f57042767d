//! Secrets are in the files that are made for them, and nowhere else.

use std::os::unix::fs::PermissionsExt as _;
use std::process::Command;

use rustix::process::Signal;
use serde_json::{Value, json};

use crate::common::BASTION;
use crate::common::identity::{Home, trust_with_mfa};
use crate::common::lab::Lab;
use crate::common::process::Program;
use crate::common::secrets::{STORES, Secrets};
use crate::common::wait::until;

/// A command to its end, with everything that it can log.
fn outputs(mut command: Command, lab: &Lab) -> Vec<u8> {
    command.arg("-vvvv");
    let mut program = Program::start(&mut command);
    let is_login = command.get_args().any(|argument| argument == "login");
    let is_connect = command.get_args().any(|argument| argument == "connect");
    if is_login {
        let code = program.expect_line("a code", |line| {
            let event: Value = serde_json::from_str(line).ok()?;
            event["code"].as_str().map(str::to_owned)
        });
        lab.control("sso-device", json!({ "user_code": code, "user": "ann" }));
    }
    if is_connect {
        program.expect_line("a tunnel", |line| line.contains("\"ready\"").then_some(()));
        program.signal(Signal::TERM);
    }
    let code = program.wait().code();
    let text = format!("{}\n{}", program.stdout(), program.stderr());
    let expected = if is_connect { 143 } else { 0 };
    assert_eq!(code, Some(expected), "{command:?}: {text}");
    text.into_bytes()
}

#[test]
fn secrets_are_in_their_stores_alone() {
    let lab = Lab::builder().start();
    let ann = lab.user("ann", &["phone"]);
    let role = lab.role("careful", json!({ "trust": trust_with_mfa() }));
    lab.control("sso-assign", json!({ "user": "ann", "role": "Developer" }));
    let home = Home::new(
        &lab,
        &format!(
            "[profile keys]\naws_access_key_id = {}\naws_secret_access_key = {}\n\
             [profile role]\nrole_arn = {role}\nsource_profile = keys\nmfa_serial = {}\n\
             [profile dev]\nsso_session = acme\nsso_account_id = 111122223333\n\
             sso_role_name = Developer\n\
             [sso-session acme]\nsso_start_url = https://acme.awsapps.com/start\n\
             sso_region = us-east-1\nsso_registration_scopes = sso:account:access\n",
            ann.key, ann.secret, ann.devices[0],
        ),
    );
    let code = lab.code(&ann.devices[0]);
    let folder = home.path().display();
    // What a child of the program can see of it.
    let script = home.script(
        "code",
        &format!(
            "cat /proc/self/environ /proc/self/cmdline /proc/$PPID/cmdline > {folder}/seen\n\
             echo {code}"
        ),
    );
    let script = script.display().to_string();
    let before = home.files(".");
    let commands: [&[&str]; 6] = [
        &["whoami", "--profile", "role", "--mfa-command", &script],
        &["whoami", "--profile", "role", "--json"],
        &["list", "--profile", "keys"],
        &[
            "connect",
            "--json",
            "--profile",
            "role",
            "--bastion",
            BASTION,
            "--port",
            "22",
            "--local-port",
            "auto",
        ],
        &["login", "--json", "--no-browser", "--profile", "dev"],
        &["whoami", "--profile", "dev"],
    ];
    let said: Vec<Vec<u8>> = commands
        .iter()
        .map(|arguments| {
            let mut command = home.adit();
            command.args(*arguments);
            outputs(command, &lab)
        })
        .collect();

    let mut secrets = Secrets::default();
    secrets.add(&ann.secret);
    secrets.add(&code);
    let stores: Vec<_> = STORES.iter().flat_map(|folder| home.files(folder)).collect();
    for path in &stores {
        let mode = path.metadata().expect("a file").permissions().mode() & 0o777;
        assert_eq!(mode, 0o600, "{}", path.display());
        secrets.add_held(path);
    }
    let logs = said.concat();
    let logs = String::from_utf8_lossy(&logs);
    assert!(logs.contains(" TRACE adit"), "adit logs too little: {logs}");
    // Of the crates that hold the secrets, too; a line may name its spans before the crate.
    for others in [" aws_", " hyper_util::"] {
        let is_there = |line: &str| line.contains(" DEBUG ") && line.contains(others);
        assert!(logs.lines().any(is_there), "nothing of{others}: {logs}");
    }
    assert!(secrets.len() >= 6, "the stores hold next to nothing: {stores:?}");
    for (arguments, said) in commands.iter().zip(&said) {
        secrets.expect_none(&arguments.join(" "), said);
    }
    let others: Vec<_> = home
        .files(".")
        .into_iter()
        .filter(|path| !before.contains(path) && !is_store(path, &home))
        .collect();
    assert!(others.iter().any(|path| path.ends_with("seen")), "{others:?}");
    secrets.expect_none_in(&others);
}

fn is_store(path: &std::path::Path, home: &Home) -> bool {
    let canonical = |path: &std::path::Path| path.canonicalize().expect("it is there");
    let path = canonical(path);
    STORES.iter().any(|store| path.starts_with(canonical(home.path()).join(store)))
}

/// Every child of these tests is searched for the secrets of the fixtures.
#[test]
fn a_child_that_says_a_secret_fails_its_test() {
    let lab = Lab::builder().start();
    let ann = lab.user("ann", &[]);
    let home = Home::new(&lab, "");
    for stream in ["1", "2"] {
        let mut command = Command::new("sh");
        command.args(["-c", &format!("echo \"planted $SECRET\" >&{stream}")]);
        command.env("SECRET", &ann.secret).env("HOME", home.path());
        let mut program = Program::start(&mut command);
        expect_failure(&format!("a secret on {stream}"), || {
            program.wait();
        });
        expect_failure("the same again", || drop(program));
    }
    // What it gives to its own children counts too, and what it says when it is told to end.
    let source = home.write("source", &ann.secret);
    let mut command = Command::new("sh");
    command.args(["-c", &format!("sh -c 'sleep 60; :' \"$(cat {})\"; :", source.display())]);
    let program = Program::start(&mut command);
    let found = until("the secret to be seen", || {
        Some(program.secrets_around()).filter(|found| !found.is_empty())
    });
    assert!(found.iter().all(|secret| *secret == ann.secret), "{found:?}");
    expect_failure("a secret in arguments", || drop(program));
    let mut command = Command::new("sh");
    let script = format!(
        "trap 'cat {}; exit 0' TERM; echo ready; while :; do sleep 0.05; done",
        source.display()
    );
    command.args(["-c", &script]);
    let program = Program::start(&mut command);
    program.expect_line("its start", |line| (line == "ready").then_some(()));
    expect_failure("a secret at the end", || drop(program));

    std::fs::write(home.path().join("planted"), &ann.secret).expect("a file");
    expect_failure("a secret in a file", || drop(home));
}

fn expect_failure(what: &str, work: impl FnOnce()) {
    let failed = std::panic::catch_unwind(std::panic::AssertUnwindSafe(work));
    assert!(failed.is_err(), "{what} was not seen");
}

/// The test above would fail if there were something to find.
#[test]
fn a_planted_secret_is_found() {
    let mut secrets = Secrets::default();
    secrets.add("wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY");
    for text in [
        "DEBUG signing with wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY",
        "secret=wJalrXUtnFEMI%2FK7MDENG%2FbPxRfiCYEXAMPLEKEY&",
        "cut: wJalrXUtnFEMI/K7MDENG/bPx…",
    ] {
        assert_eq!(secrets.within(text.as_bytes()).len(), 1, "{text}");
    }
    assert!(secrets.within(b"wJalrXUtn alone, and AKIAIOSFODNN7EXAMPLE").is_empty());
    secrets.add("123456");
    for text in ["2026-11-22T03:45:26.123456Z", "1123456", "a123456b"] {
        assert!(secrets.within(text.as_bytes()).is_empty(), "{text}");
    }
    assert_eq!(secrets.within(b"code=123456&"), ["123456"]);
    let folder = tempfile::tempdir().expect("a temporary folder");
    let file = folder.path().join("entry");
    std::fs::write(&file, r#"[{"Credentials":{"session_token":"planted-token"}}]"#)
        .expect("a file");
    secrets.add_held(&file);
    assert_eq!(secrets.within(b"a planted-token here"), ["planted-token"]);
    let failed = std::panic::catch_unwind(|| secrets.expect_none_in(std::slice::from_ref(&file)));
    assert!(failed.is_err());
}
