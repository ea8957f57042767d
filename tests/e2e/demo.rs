//! The demo, from its first line to its last.

use std::io::Write;
use std::process::Output;

use serde_json::Value;

use crate::common::process::adit;
use crate::common::servers::Server;

fn demo(arguments: &[&str]) -> Output {
    let home = tempfile::tempdir().expect("a temporary folder");
    adit(home.path()).arg("demo").args(arguments).output().expect("the program runs")
}

fn text(output: &Output) -> String {
    [&output.stdout[..], b"\n--\n", &output.stderr].concat().iter().map(|b| *b as char).collect()
}

/// The events of one kind.
fn events(output: &Output, kind: &str) -> Vec<Value> {
    let lines = String::from_utf8(output.stdout.clone()).expect("UTF-8");
    let events = lines.lines().map(|line| serde_json::from_str::<Value>(line).expect("JSON"));
    events.filter(|event| event["event"] == kind).collect()
}

#[test]
fn once_it_tells_its_story_and_ends_by_itself() {
    let output = demo(&["--once"]);
    assert_eq!(output.status.code(), Some(0), "{}", text(&output));
    let story = String::from_utf8(output.stdout.clone()).expect("UTF-8");
    let steps: Vec<&str> =
        story.lines().filter(|line| line.starts_with(|c: char| c.is_ascii_digit())).collect();
    let expected = [
        "1. A local AWS is up",
        "2. A VPC has a private database in it, and nothing is prepared",
        "3. `adit init --target rds:orders` makes what is missing",
        "4. `adit connect --target rds:orders` starts a session and opens a tunnel",
        "5. A page is fetched through it",
        "6. It is measured",
        "7. Its connection is cut in the middle of a download, and resumed",
        "8. It is closed",
        "9. `adit cleanup` removes what was made",
    ];
    assert_eq!(steps, expected, "{story}");
    assert!(story.contains("make the role of the bastion"), "{story}");
    assert!(story.contains("came whole"), "{story}");
}

#[test]
fn it_makes_and_removes_what_init_and_cleanup_do() {
    let output = demo(&["--once", "--json"]);
    assert_eq!(output.status.code(), Some(0), "{}", text(&output));
    let plan = &events(&output, "plan")[0];
    let steps = plan["steps"].as_array().expect("a list").len();
    assert!(steps > 5, "{plan:#}");
    let removal = &events(&output, "removal_plan")[0];
    let removals = removal["steps"].as_array().expect("a list").len();
    assert!(removals > 3, "{removal:#}");
    assert_eq!(events(&output, "step_done").len(), steps + removals, "{}", text(&output));
    let made = &events(&output, "initialised")[0]["bastion"];
    assert_eq!(&removal["steps"][0]["resource"], made, "{removal:#}");
    assert_eq!(events(&output, "ready").len(), 1);
    assert_eq!(events(&output, "step").len(), 9);
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
