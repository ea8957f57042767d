//! Questions in a terminal: their answers, and what they leave behind.

use rustix::process::Signal;
use serde_json::json;

use crate::common::cloud::{Cloud, ec2, text};
use crate::common::lab::Lab;
use crate::common::servers::Server;
use crate::plain::start;
use crate::terminal::Terminal;

const QUESTION: &str = "in account 111122223333?";

/// `adit init`, up to its question.
fn asked(cloud: &Cloud) -> Terminal {
    let terminal = start(&cloud.lab, &["init", "--vpc", &cloud.vpc]);
    let screen = terminal.wait_for(QUESTION);
    assert!(screen.contains("STEP"), "{screen}");
    terminal
}

#[test]
fn a_no_changes_nothing_and_nothing_typed_is_a_no() {
    let cloud = Cloud::start(Lab::builder());
    for keys in ["n\r", "\r"] {
        let mut terminal = asked(&cloud);
        terminal.press(keys);
        assert_eq!(terminal.wait(), 0);
        terminal.wait_for("nothing was changed");
        terminal.expect_usable();
    }
    assert_eq!(cloud.bastions(), [""; 0]);
}

#[test]
fn a_yes_is_followed_by_progress_and_the_next_command() {
    let cloud = Cloud::start(Lab::builder());
    let mut terminal = asked(&cloud);
    terminal.press("y\r");
    assert_eq!(terminal.wait(), 0);
    let screen = terminal.wait_for("next: ");
    assert!(screen.contains("is online"), "{screen}");
    terminal.expect_usable();
    assert_eq!(cloud.bastions(), ["running"]);

    let mut terminal = start(&cloud.lab, &["cleanup"]);
    terminal.wait_for("things in");
    terminal.press("y\r");
    assert_eq!(terminal.wait(), 0);
    terminal.wait_for("nothing is left");
    terminal.expect_usable();
    assert_eq!(cloud.bastions(), ["terminated"]);
}

/// A text that happens to have a y in it is no yes.
#[test]
fn what_is_neither_yes_nor_no_is_asked_about_again() {
    let cloud = Cloud::start(Lab::builder());
    let mut terminal = asked(&cloud);
    terminal.press("maybe\r");
    let screen = terminal.wait_for("answer y for yes");
    assert!(!screen.contains("[1/"), "{screen}");
    terminal.press("\x15");
    for _ in 0.."maybe".len() {
        terminal.press("\x7f");
    }
    terminal.press("n\r");
    assert_eq!(terminal.wait(), 0);
    terminal.expect_usable();
    assert_eq!(cloud.bastions(), [""; 0]);
}

#[test]
fn ctrl_c_at_a_question_leaves_the_terminal_as_it_was() {
    let cloud = Cloud::start(Lab::builder());
    let mut terminal = asked(&cloud);
    terminal.press("\x03");
    assert_eq!(terminal.wait(), 130);
    terminal.wait_for("nothing was changed");
    terminal.expect_usable();
    assert_eq!(cloud.bastions(), [""; 0]);
}

#[test]
fn a_no_to_a_cleanup_leaves_everything() {
    let cloud = Cloud::start(Lab::builder());
    cloud.run(&["init", "--vpc", &cloud.vpc, "--yes"]).expect(0);
    let made = cloud.made();
    for (keys, code) in [("n\r", 0), ("\r", 0), ("\x03", 130)] {
        let mut terminal = start(&cloud.lab, &["cleanup"]);
        let screen = terminal.wait_for("things in");
        assert!(screen.contains("terminate the bastion"), "{screen}");
        terminal.press(keys);
        assert_eq!(terminal.wait(), code);
        terminal.wait_for("nothing was changed");
        terminal.expect_usable();
    }
    assert_eq!(cloud.made(), made);
}

#[test]
fn a_signal_at_a_question_leaves_the_terminal_as_it_was() {
    let cloud = Cloud::start(Lab::builder());
    for (signal, code) in [(Signal::TERM, 143), (Signal::INT, 130)] {
        let mut terminal = asked(&cloud);
        terminal.signal(signal);
        assert_eq!(terminal.wait(), code);
        terminal.expect_usable();
    }
    assert_eq!(cloud.bastions(), [""; 0]);
}

#[test]
fn ctrl_c_while_something_is_made_leaves_the_terminal_as_it_was() {
    let cloud = Cloud::start(Lab::builder());
    cloud.lab.fault(json!({"agent_ms": 3_600_000}));
    let mut terminal = asked(&cloud);
    terminal.press("y\r");
    terminal.wait_for("to answer");
    terminal.press("\x03");
    assert_eq!(terminal.wait(), 130);
    terminal.wait_for("it stays: ");
    terminal.expect_usable();
}

#[test]
fn a_question_is_not_asked_when_that_is_not_wanted() {
    let cloud = Cloud::start(Lab::builder());
    for arguments in [&["connect", "--no-input"][..], &["init", "--no-input", "--vpc", &cloud.vpc]]
    {
        let mut terminal = start(&cloud.lab, arguments);
        assert_eq!(terminal.wait(), 14);
        terminal.expect_usable();
    }
}

/// A lab with two databases, of which one can be connected to.
fn with_databases(server: &Server) -> Cloud {
    let cloud = Cloud::start(Lab::builder());
    cloud.database("orders", server.address());
    let (name, vpc) = (("GroupName", "of-users"), ("VpcId", &*cloud.vpc));
    let group = ec2(&cloud.lab, "CreateSecurityGroup", &[name, ("GroupDescription", "tests"), vpc]);
    cloud.database_in(text(&group, "groupId"), "users", server.address());
    cloud.run(&["init", "--target", "rds:orders", "--yes"]).expect(0);
    cloud
}

#[test]
fn a_target_is_chosen_by_typing_a_part_of_it() {
    let server = Server::echo();
    let cloud = with_databases(&server);
    let mut terminal = start(&cloud.lab, &["connect", "--local-port", "auto"]);
    terminal.wait_for("rds:orders");
    terminal.wait_for("rds:users");
    terminal.wait_for("not initialised");
    terminal.press("ord");
    terminal.press("\r");
    let screen = terminal.wait_for("(rds:orders)");
    assert!(screen.contains("listening on") && !screen.contains("warning"), "{screen}");
    terminal.press("\x03");
    assert_eq!(terminal.wait(), 130);
    terminal.expect_usable();

    // The other one does not let the bastion in, and who has chosen it is told.
    let mut terminal = start(&cloud.lab, &["connect", "--local-port", "auto"]);
    terminal.wait_for("rds:users");
    terminal.press("users\r");
    let screen = terminal.wait_for("listening on");
    assert!(screen.contains("`adit init --target rds:users`"), "{screen}");
    terminal.press("\x03");
    assert_eq!(terminal.wait(), 130);
}

#[test]
fn ctrl_c_and_escape_leave_a_choice_open() {
    let server = Server::echo();
    let cloud = with_databases(&server);
    for keys in ["\x03", "\x1b"] {
        let mut terminal = start(&cloud.lab, &["connect", "--local-port", "auto"]);
        terminal.wait_for("rds:users");
        terminal.press(keys);
        assert_eq!(terminal.wait(), 130);
        terminal.expect_usable();
    }
    assert_eq!(cloud.lab.calls("StartSession"), 0);
}
