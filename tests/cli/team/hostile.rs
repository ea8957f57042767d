//! A file from a stranger: refused in words, with nothing opened.

use std::os::unix::fs::symlink;
use std::time::{Duration, Instant};

use super::{Ran, Team, connections};

/// Refused, quickly, without an escape for the terminal, a listener, or a call.
#[track_caller]
fn expect_refusal(team: &Team, what: &str) -> Ran {
    let began = Instant::now();
    let ran = team.run(&["connect", "one", "--lazy", "--max-duration", "2s"]);
    assert_eq!(ran.code, Some(3), "{what}: {ran:#?}");
    assert_eq!(ran.stdout, "", "{what}");
    let is_control = |c: char| c.is_control() && c != '\n';
    assert!(!ran.stderr.contains(is_control), "{what}: {:?}", ran.stderr);
    assert!(ran.stderr.len() < 4_000, "{what}: {} bytes are said", ran.stderr.len());
    // Far above what it takes, and far below what grows with the square of the size.
    assert!(began.elapsed() < Duration::from_secs(30), "{what}: {:?}", began.elapsed());
    ran
}

#[test]
fn hostile_files_open_nothing() {
    let team = Team::start();
    let good = connections(&["one"]);
    let with = |line: &str| good.replace("[defaults]\n", &format!("[defaults]\n{line}\n"));
    let big = "x".repeat(100_000);
    let deep = format!("{}1{}", "[".repeat(5_000), "]".repeat(5_000));
    let tables = "[a.b.c.d.e.f.g]\n".repeat(2_000);
    let files: Vec<(&str, Vec<u8>)> = vec![
        ("an empty file", Vec::new()),
        ("no TOML", b"\x1b[31mred\x1b[0m = [".to_vec()),
        ("bytes that are no text", b"version = 1\n\xff\xfe\n".to_vec()),
        ("an escape in a key", b"version = 1\n\"\\u001b]0;title\\u0007\" = 1\n".to_vec()),
        ("an escape in a value", with("region = \"\\u001b[2Jus-east-1\"").into_bytes()),
        ("a raw escape", with("region = \"\u{1b}[2J\"").into_bytes()),
        ("another endpoint", with("endpoint-url = \"http://127.0.0.1:1\"").into_bytes()),
        ("roots of trust", with("ca-bundle = \"/tmp/ca.pem\"").into_bytes()),
        ("an address to listen on", with("bind = \"0.0.0.0\"").into_bytes()),
        ("a command", with("mfa-command = \"touch /tmp/adit-was-here\"").into_bytes()),
        ("a process", with("credential-process = \"sh -c id\"").into_bytes()),
        ("a secret", with("secret-access-key = \"x\"").into_bytes()),
        ("a key", with("profile = \"AKIAIOSFODNN7EXAMPLE\"").into_bytes()),
        ("another variable", with("profile = \"${env:HOME}\"").into_bytes()),
        ("a secret of adit's own", with("profile = \"${env:ADIT_MFA_CODE}\"").into_bytes()),
        ("a command in a value", with("profile = \"$(id)${x}\"").into_bytes()),
        ("a huge value", with(&format!("profile = \"{big}\"")).into_bytes()),
        ("a huge file", format!("{good}# {}", "x".repeat(300_000)).into_bytes()),
        ("deep nesting", with(&format!("lanes = {deep}")).into_bytes()),
        ("many tables", format!("{good}{tables}").into_bytes()),
        ("a port that is none", good.replace("\"auto\"", "99999").into_bytes()),
        (
            "a name that is a path",
            good.replace("connections.one", "connections.\"../one\"").into_bytes(),
        ),
        (
            "a host with another's name in it",
            good.replace("db.internal", "db.internal/../x").into_bytes(),
        ),
        ("a user in a host", good.replace("db.internal", "user:password@db").into_bytes()),
        ("a future version", good.replace("version = 1", "version = 2").into_bytes()),
        ("a looser limit than there is", with("max-duration = \"9999h\"").into_bytes()),
    ];
    for (what, text) in files {
        std::fs::write(team.repository().join("adit.toml"), text).expect("a file");
        expect_refusal(&team, what);
    }
    let state = team.lab.state();
    assert_eq!(state["api_calls"].as_object().map(serde_json::Map::len), Some(0), "{state:#}");
}

#[test]
fn a_file_that_is_something_else_is_not_read() {
    let team = Team::start();
    let path = team.repository().join("adit.toml");
    let secret = team.path("secret");
    std::fs::write(&secret, "a line of a private file\n").expect("a file");
    std::fs::remove_file(&path).expect("it was there");
    symlink(&secret, &path).expect("a link");
    let ran = expect_refusal(&team, "a link");
    assert!(!ran.stderr.contains("a line of"), "{ran:#?}");
    std::fs::remove_file(&path).expect("it was there");
    rustix::fs::mknodat(
        rustix::fs::CWD,
        &path,
        rustix::fs::FileType::Fifo,
        rustix::fs::Mode::RUSR | rustix::fs::Mode::WUSR,
        0,
    )
    .expect("a pipe");
    expect_refusal(&team, "a pipe");
    std::fs::remove_file(&path).expect("it was there");
    std::fs::create_dir(&path).expect("a folder");
    expect_refusal(&team, "a folder");
}

#[test]
fn a_file_of_somebody_else_is_not_read() {
    if !rustix::process::geteuid().is_root() {
        // Only root can give a file away.
        return;
    }
    let team = Team::start();
    let path = team.repository().join("adit.toml");
    std::os::unix::fs::chown(&path, Some(65_534), None).expect("root can");
    let ran = expect_refusal(&team, "another's");
    assert!(ran.stderr.contains("belongs to"), "{ran:#?}");
}
