//! The program in a terminal: a pseudo-terminal and a model of its screen.

mod codes;
#[allow(dead_code, reason = "each test binary uses a part of the harness")]
#[path = "../common/mod.rs"]
mod common;
mod extending;
mod names;
mod plain;
mod questions;
mod shown;
mod terminal;

use terminal::Terminal;

#[test]
fn the_demo_holds_its_tunnel_until_ctrl_c() {
    let mut terminal = Terminal::start(&["demo"]);
    let screen = terminal.wait_for("Ctrl-C");
    assert!(screen.contains("127.0.0.1:"), "{screen}");
    terminal.press("\x03");
    assert_eq!(terminal.wait(), 130);
    // What was made for it is removed before the user's eyes.
    terminal.wait_for("`adit cleanup` removes what was made");
    terminal.expect_usable();
}

#[test]
fn the_demo_can_be_interrupted_before_it_is_done() {
    let mut terminal = Terminal::start(&["demo"]);
    terminal.wait_for("adit init");
    terminal.press("\x03");
    assert_eq!(terminal.wait(), 130);
    terminal.expect_usable();
}

#[test]
fn the_lab_ends_on_ctrl_c() {
    let mut terminal = Terminal::start(&["lab"]).telling_secrets();
    terminal.wait_for("export AWS_ACCESS_KEY_ID=");
    terminal.press("\x03");
    assert_eq!(terminal.wait(), 130);
    terminal.expect_usable();
}

#[test]
fn colours_are_left_out_where_they_are_not_wanted() {
    let terminal = Terminal::start_with(&["demo", "--once"], &[("NO_COLOR", "1")]);
    let (raw, code) = terminal.run();
    assert_eq!(code, 0, "{}", String::from_utf8_lossy(&raw));
    let coloured = raw.windows(2).any(|pair| pair == b"\x1b[");
    assert!(!coloured, "{}", String::from_utf8_lossy(&raw));
}
