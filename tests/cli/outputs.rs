//! What goes to standard output, what to standard error, and readers that go away.

use std::io::{Read, Write};
use std::net::{Shutdown, TcpStream};
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::{Arc, Mutex};

use rustix::process::Signal;
use serde_json::{Value, json};

use crate::common::connect::{Connect, dial, echo};
use crate::common::lab::Lab;
use crate::common::process::{Program, adit};
use crate::common::servers::Server;
use crate::common::{BASTION, HOST};

/// `adit connect` without `--json`.
fn connect(lab: &Lab, bastion: &str, home: &Path) -> Command {
    let mut command = adit(home);
    lab.credentials(&mut command);
    command.args(["connect", "--endpoint-url", &lab.endpoint(), "--bastion", bastion]).args([
        "--host",
        HOST,
        "--port",
        "5432",
        "--local-port",
        "auto",
    ]);
    command
}

#[test]
fn one_line_says_where_the_tunnel_listens() {
    let server = Server::echo();
    let lab = Lab::builder().serve(&server).start();
    let home = tempfile::tempdir().expect("a temporary folder");
    let mut program = Program::start(&mut connect(&lab, BASTION, home.path()));
    let address = program.expect_line("the line", |line| {
        let rest = line.strip_prefix("listening on ")?.strip_suffix(" (db.internal:5432)")?;
        rest.parse().ok()
    });
    echo(&mut dial(address), b"hello");
    program.signal(Signal::INT);
    assert_eq!(program.wait().code(), Some(130));
    assert_eq!(program.stdout().lines().count(), 1, "{}", program.stdout());
}

#[test]
fn a_failure_is_told_on_standard_error_with_a_hint() {
    let lab = Lab::builder().start();
    let home = tempfile::tempdir().expect("a temporary folder");
    let output = connect(&lab, "i-0bad0000000000bad", home.path())
        .arg("--quiet")
        .output()
        .expect("the program runs");
    let stderr = String::from_utf8(output.stderr).expect("UTF-8");
    assert_eq!(output.status.code(), Some(7), "{stderr}");
    assert!(output.stdout.is_empty());
    let lines: Vec<&str> = stderr.lines().collect();
    assert!(
        lines[0].starts_with("error: ") && lines[0].contains("i-0bad0000000000bad"),
        "{stderr}"
    );
    assert!(lines.iter().any(|line| line.starts_with("hint: ")), "{stderr}");
}

#[test]
fn with_json_standard_output_has_events_alone() {
    let server = Server::close_first(b"hello".to_vec());
    let lab = Lab::builder().serve(&server).start();
    let (connect, address) = Connect::to(&lab).arg("-vvv").ready();
    let mut heard = Vec::new();
    dial(address).read_to_end(&mut heard).expect("the server's words");
    assert_eq!(heard, b"hello");
    connect.expect_event("closed");
    let ended = connect.stop(Signal::INT);

    let kinds: Vec<&str> =
        ended.events.iter().map(|event| event["event"].as_str().expect("a kind")).collect();
    assert_eq!(kinds, ["starting", "session", "ready", "opened", "closed", "ended"]);
    for event in &ended.events {
        expect_time(event);
    }
    let ready = ended.event("ready");
    assert_eq!(ready["address"], address.to_string());
    assert_eq!(ready["target"], "db.internal:5432");
}

#[test]
fn secrets_are_in_no_output_however_much_is_logged() {
    let server = Server::echo();
    let lab = Lab::builder().serve(&server).start();
    let secret = "a secret that the lab does not take";
    let ended = Connect::to(&lab).env("AWS_SECRET_ACCESS_KEY", secret).arg("-vvv").run();
    assert_eq!(ended.code, Some(4), "{ended:#?}");
    assert!(!format!("{ended:?}").contains(secret));

    let (recorder, answers) = recorder(&lab);
    let endpoint = format!("http://{}", recorder.address());
    let (connect, address) = Connect::to(&lab).endpoint(endpoint).arg("-vvvv").ready();
    echo(&mut dial(address), b"hello");
    lab.fault(json!({"cut": "client"}));
    connect.expect_event("resumed");
    let ended = connect.stop(Signal::INT);
    let said = format!("{ended:?}");
    let tokens = tokens(&answers.lock().expect("no panic under the lock"));
    assert!(tokens.len() >= 2, "one of the start and one of the resumption: {tokens:?}");
    for secret in tokens.iter().chain([&secret_key(&lab)]) {
        assert!(secret.len() > 10 && !said.contains(secret), "{secret:?} is printed");
    }
    let stderr = ended.stderr;
    for word in ["TokenValue", "Authorization", "Signature=", "x-amz-security-token"] {
        assert!(!stderr.to_lowercase().contains(&word.to_lowercase()), "{word} is logged");
    }
}

/// A relay to the lab's API that keeps what the lab answers.
fn recorder(lab: &Lab) -> (Server, Arc<Mutex<Vec<u8>>>) {
    let answers = Arc::new(Mutex::new(Vec::new()));
    let (log, lab) = (Arc::clone(&answers), lab.address());
    let server = Server::start(move |stream| {
        let Ok(onward) = TcpStream::connect(lab) else { return };
        std::thread::scope(|scope| {
            scope.spawn(|| {
                drop(std::io::copy(&mut &stream, &mut &onward));
                drop(onward.shutdown(Shutdown::Write));
            });
            let mut buffer = [0; 4096];
            while let Ok(n @ 1..) = (&onward).read(&mut buffer) {
                log.lock().expect("no panic under the lock").extend_from_slice(&buffer[..n]);
                if (&stream).write_all(&buffer[..n]).is_err() {
                    break;
                }
            }
            drop(stream.shutdown(Shutdown::Both));
        });
    });
    (server, answers)
}

/// The tokens in answers of the API.
fn tokens(answers: &[u8]) -> Vec<String> {
    String::from_utf8_lossy(answers)
        .split("\"TokenValue\":\"")
        .skip(1)
        .filter_map(|rest| Some(rest.split_once('"')?.0.to_owned()))
        .collect()
}

fn secret_key(lab: &Lab) -> String {
    let lines = lab.stdout();
    let key = lines.lines().find_map(|line| line.strip_prefix("export AWS_SECRET_ACCESS_KEY="));
    key.expect("the lab's key").to_owned()
}

#[test]
fn a_reader_of_standard_output_that_goes_away_is_no_failure() {
    let home = tempfile::tempdir().expect("a temporary folder");
    for arguments in [&["--help"][..], &["connect", "--help"], &["--version"]] {
        let mut child = adit(home.path())
            .args(arguments)
            .stdout(closed_pipe())
            .stderr(Stdio::piped())
            .spawn()
            .expect("the program runs");
        let mut stderr = String::new();
        child.stderr.take().expect("piped").read_to_string(&mut stderr).expect("UTF-8");
        assert_eq!(child.wait().expect("a child").code(), Some(0), "{arguments:?}: {stderr}");
        assert_eq!(stderr, "", "{arguments:?}");
    }
}

#[test]
fn a_lab_whose_standard_output_is_closed_does_not_panic() {
    let home = tempfile::tempdir().expect("a temporary folder");
    let output = adit(home.path())
        .args(["lab", "--listen", "127.0.0.1:0"])
        .stdout(closed_pipe())
        .stderr(Stdio::piped())
        .spawn()
        .and_then(std::process::Child::wait_with_output)
        .expect("the program runs");
    let stderr = String::from_utf8(output.stderr).expect("UTF-8");
    assert_eq!(output.status.code(), Some(0), "{stderr}");
    assert!(!stderr.contains("panic"), "{stderr}");
}

#[test]
fn the_lab_prints_lines_that_a_shell_can_use() {
    let lab = Lab::builder().start();
    let stdout = lab.stdout();
    for name in ["AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_REGION", "AWS_ENDPOINT_URL"] {
        let start = format!("export {name}=");
        assert!(stdout.lines().any(|line| line.starts_with(&start)), "{name}: {stdout}");
    }
    assert!(stdout.contains(&lab.endpoint()), "{stdout}");
}

fn expect_time(event: &Value) {
    let time = event["time"].as_str().expect("a time");
    assert!(time.len() >= 20 && &time[10..11] == "T" && time.ends_with('Z'), "{time}");
}

/// The writing end of a pipe that nobody reads.
fn closed_pipe() -> std::io::PipeWriter {
    let (reader, writer) = std::io::pipe().expect("a pipe");
    drop(reader);
    writer
}
