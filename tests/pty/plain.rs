//! Text of others in a terminal, which must not obey it.

use serde_json::json;

use crate::common::BASTION;
use crate::common::lab::Lab;
use crate::terminal::{Size, Terminal, size};

/// A title, a cleared screen, a line that overwrites, C1 and a change of direction.
const EVIL: &str = "x\u{1b}]0;owned\u{7}\u{1b}[2J\rsafe\u{9b}2J\u{202e}txt";

/// What the program needs to call a lab, with nothing of its own in colour.
fn environment(lab: &Lab) -> Vec<(String, String)> {
    let exports = lab.stdout();
    let exports = exports.lines().filter_map(|line| line.strip_prefix("export ")?.split_once('='));
    [("NO_COLOR", "1"), ("AWS_EC2_METADATA_DISABLED", "true")]
        .into_iter()
        .chain(exports)
        .map(|(name, value)| (name.to_owned(), value.to_owned()))
        .collect()
}

/// Starts the program in a terminal, with a lab to call.
pub(crate) fn start(lab: &Lab, arguments: &[&str]) -> Terminal {
    start_in(size(100, 40), lab, arguments)
}

/// The same in a terminal of another size.
pub(crate) fn start_in(size: Size, lab: &Lab, arguments: &[&str]) -> Terminal {
    let environment = environment(lab);
    let environment: Vec<(&str, &str)> =
        environment.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
    Terminal::start_in(size, arguments, &environment)
}

/// Nothing but text and the ends of lines, which a terminal gets as CR LF.
fn expect_plain(raw: &[u8], what: &dyn std::fmt::Debug) {
    let text = String::from_utf8(raw.to_vec()).expect("UTF-8");
    let odd = text
        .replace("\r\n", "\n")
        .chars()
        .find(|&c| (c.is_control() && c != '\n') || ('\u{202a}'..='\u{202e}').contains(&c));
    assert_eq!(odd, None, "{what:?}: {text:?}");
}

#[test]
fn a_terminal_does_not_obey_arguments() {
    let lab = Lab::builder().start();
    let connect = ["connect", "--port", "1", "--local-port", "auto", "--bastion"];
    for (arguments, word) in [
        (&[EVIL][..], "unrecognized"),
        (&["connect", "--local-port", EVIL], "--local-port"),
        (&["lab", "--map", EVIL], "--map"),
        (&["demo", "--target", EVIL], "--target"),
        (&[&connect[..], &[EVIL, "--host", "db.internal"]].concat(), "--bastion"),
        (&["connect", "--target", EVIL], "--target"),
        (&["init", "--tag", EVIL], "--tag"),
        (&["list", EVIL], "KIND"),
        (&[&connect[..], &[BASTION, "--host", EVIL]].concat(), "--host"),
        (&[&connect[..], &[BASTION, "--endpoint-url", EVIL]].concat(), "StartSession"),
        (&[&connect[..], &[BASTION, "--profile", EVIL]].concat(), "profile"),
        (&[&connect[..], &[BASTION, "--ca-bundle", EVIL]].concat(), "CA bundle"),
        (
            &["connect", "--port", "1", "--bastion", BASTION, "--socket", "/nonexistent/\u{1b}[2J"],
            "/nonexistent",
        ),
    ] {
        let (raw, code) = start(&lab, arguments).run();
        let text = String::from_utf8_lossy(&raw);
        assert_ne!(code, 0, "{arguments:?}");
        assert!(text.contains(word), "{arguments:?}: {text}");
        expect_plain(&raw, &arguments);
    }
}

#[test]
fn a_terminal_does_not_obey_the_service() {
    let lab = Lab::builder().start();
    let mut terminal =
        start(&lab, &["connect", "--bastion", BASTION, "--port", "1", "--local-port", "auto"]);
    terminal.wait_for("listening on");
    lab.fault(json!({"close_session": "all", "output": EVIL}));
    terminal.wait_for("when somebody connects");
    terminal.press("\x03");
    let (raw, code) = terminal.run();
    assert_eq!(code, 130);
    // What the terminal makes of the key is its own.
    let text = String::from_utf8_lossy(&raw);
    let (told, _) = text.split_once("when somebody connects").expect("what follows is told");
    assert!(told.contains("the service ended the session"), "{told:?}");
    expect_plain(told.as_bytes(), &"the service's text");
}
