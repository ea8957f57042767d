//! The demo, from its first line to its last.

use std::io::Write;
use std::process::Output;

use crate::common::process::adit;
use crate::common::servers::Server;

fn demo(arguments: &[&str]) -> Output {
    let home = tempfile::tempdir().expect("a temporary folder");
    adit(home.path()).arg("demo").args(arguments).output().expect("the program runs")
}

fn text(output: &Output) -> String {
    [&output.stdout[..], b"\n--\n", &output.stderr].concat().iter().map(|b| *b as char).collect()
}

#[test]
fn once_it_tells_its_story_and_ends_by_itself() {
    let output = demo(&["--once"]);
    assert_eq!(output.status.code(), Some(0), "{}", text(&output));
}

#[test]
fn it_fails_when_the_session_cannot_be_resumed() {
    let output = demo(&["--once", "--lab-no-resume"]);
    // The lab ends the session, which is the service's doing.
    assert_eq!(output.status.code(), Some(10), "{}", text(&output));
    assert!(text(&output).contains("the service ended the session"), "{}", text(&output));
}

#[test]
fn it_reaches_a_service_of_the_users_own() {
    let server = Server::start(|mut stream| {
        let answer =
            "HTTP/1.1 200 OK\r\nContent-Length: 13\r\nConnection: close\r\n\r\nmy own server";
        stream.write_all(answer.as_bytes()).ok();
    });
    let target = server.address().to_string();
    let output = demo(&["--once", "--target", &target]);
    assert_eq!(output.status.code(), Some(0), "{}", text(&output));
    assert!(server.accepted() > 0, "{}", text(&output));
}
