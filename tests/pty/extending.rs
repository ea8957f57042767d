//! The key that extends a tunnel whose end was announced.

use crate::common::BASTION;
use crate::common::lab::Lab;
use crate::common::servers::Server;
use crate::plain::start;
use crate::terminal::Terminal;

/// A tunnel whose longest time is over a minute after it was announced, which is after a moment.
fn connect(lab: &Lab, more: &[&str]) -> Terminal {
    let to = ["connect", "--bastion", BASTION, "--host", "db.internal", "--port", "5432"];
    let limits = ["--local-port", "auto", "--max-duration", "61s"];
    start(lab, &[&to[..], &limits, more].concat())
}

#[test]
fn e_extends_it_and_the_terminal_is_as_it_was() {
    let lab = Lab::builder().serve(&Server::echo()).start();
    let mut terminal = connect(&lab, &["--max-duration-ceiling", "3h"]);
    let screen = terminal.wait_for("press e to extend it by 1 min");
    assert!(
        screen.contains("warning: the longest time of the tunnel is over in 1 min"),
        "{screen}"
    );
    terminal.wait_until_hidden();
    // Other keys mean nothing.
    terminal.press("xq\r");
    terminal.press("e");
    terminal.wait_for("extended by 1 min; open until ");
    terminal.wait_until_shown();
    terminal.press("\x03");
    assert_eq!(terminal.wait(), 130);
    terminal.wait_for("closed; ");
    terminal.wait_until_shown();
    terminal.expect_usable();
    lab.expect_nothing_left();
}

#[test]
fn ctrl_c_ends_it_as_ever_while_a_key_may_be_pressed() {
    let lab = Lab::builder().serve(&Server::echo()).start();
    let mut terminal = connect(&lab, &["--max-duration-ceiling", "3h"]);
    terminal.wait_for("press e");
    terminal.wait_until_hidden();
    terminal.press("\x03");
    assert_eq!(terminal.wait(), 130);
    terminal.wait_until_shown();
    terminal.expect_usable();
    lab.expect_nothing_left();
}

#[test]
fn no_key_is_offered_where_it_could_do_nothing_or_nobody_is_asked() {
    let lab = Lab::builder().serve(&Server::echo()).start();
    for (more, way_out) in [
        (&[][..], None),
        (&["--max-duration-ceiling", "3h", "--no-input"], Some("`adit extend db.internal:5432`")),
    ] {
        let mut terminal = connect(&lab, more);
        let screen = terminal.wait_for("is over in 1 min");
        assert!(!screen.contains("press e"), "{screen}");
        assert_eq!(screen.contains("adit extend"), way_out.is_some(), "{screen}");
        assert!(way_out.is_none_or(|text| screen.contains(text)), "{screen}");
        terminal.wait_until_shown();
        terminal.press("\x03");
        assert_eq!(terminal.wait(), 130);
        terminal.expect_usable();
    }
}
