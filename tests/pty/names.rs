//! Connections of an adit.toml, chosen and explained in a terminal.

use crate::common::lab::Lab;
use crate::common::servers::Server;
use crate::common::{BASTION, HOST};
use crate::terminal::{SIZE, Terminal, size};

/// A lab, and a file with two connections of which one wants a reason.
struct Named {
    lab: Lab,
    _server: Server,
    file: tempfile::NamedTempFile,
}

impl Named {
    fn start() -> Self {
        let server = Server::echo();
        let lab = Lab::builder().serve(&server).start();
        let file = tempfile::Builder::new().suffix(".toml").tempfile().expect("a file");
        let text = format!(
            "version = 1\n[defaults]\nbastion = \"{BASTION}\"\n\
             [connections.sessions]\ntarget = \"host:{HOST}:5432@vpc-0a\"\nlocal-port = \"auto\"\n\
             [connections.orders]\ntarget = \"host:{HOST}:5432@vpc-0a\"\nlocal-port = \"auto\"\n\
             reason = \"required\"\n"
        );
        std::fs::write(file.path(), text).expect("a file");
        Self { lab, _server: server, file }
    }

    fn adit(&self, size: crate::terminal::Size, arguments: &[&str]) -> Terminal {
        self.adit_with(size, arguments, &[])
    }

    fn adit_with(
        &self,
        size: crate::terminal::Size,
        arguments: &[&str],
        more: &[(&str, &str)],
    ) -> Terminal {
        let (key, secret) = self.lab.keys();
        let (endpoint, file) = (self.lab.endpoint(), self.file.path().display().to_string());
        let environment = [
            ("AWS_ACCESS_KEY_ID", key),
            ("AWS_SECRET_ACCESS_KEY", secret),
            ("AWS_REGION", "us-east-1"),
            ("AWS_ENDPOINT_URL", &endpoint),
            ("AWS_EC2_METADATA_DISABLED", "true"),
            ("ADIT_CONFIG", &file),
        ];
        Terminal::start_in(size, arguments, &[&environment, more].concat())
    }
}

#[test]
fn a_connection_is_chosen_by_a_part_of_its_name() {
    let named = Named::start();
    let mut terminal = named.adit(size(80, 24), &["connect"]);
    terminal.wait_for("Connect to");
    terminal.wait_for("orders  host:");
    terminal.wait_for("sessions  host:");
    terminal.press("sess\r");
    terminal.wait_for("listening on 127.0.0.1:");
    terminal.press("\x03");
    assert_eq!(terminal.wait(), 130);
    terminal.expect_usable();
}

#[test]
fn a_reason_is_asked_for_and_recorded() {
    let named = Named::start();
    let mut terminal = named.adit(SIZE, &["connect", "orders"]);
    terminal.wait_for("Why do you connect to orders?");
    terminal.press(" \r");
    terminal.wait_for("type a few words");
    terminal.press("ticket 7\r");
    terminal.wait_for("listening on");
    assert_eq!(named.lab.session()["reason"], "ticket 7");
    terminal.press("\x03");
    assert_eq!(terminal.wait(), 130);
    terminal.expect_usable();
}

#[test]
fn ctrl_c_at_a_choice_and_at_a_reason_leaves_the_terminal_as_it_was() {
    let named = Named::start();
    for (arguments, question) in
        [(&["connect"][..], "Connect to"), (&["connect", "orders"], "Why do you connect")]
    {
        let mut terminal = named.adit(SIZE, arguments);
        terminal.wait_for(question);
        terminal.press("\x03");
        assert_eq!(terminal.wait(), 130, "{question}");
        terminal.expect_usable();
    }
    let state = named.lab.state();
    assert_eq!(state["api_calls"]["StartSession"], serde_json::Value::Null, "{state:#}");
}

#[test]
fn a_tunnel_leaves_the_terminal_for_the_background_when_it_is_ready() {
    let named = Named::start();
    let runtime = tempfile::tempdir().expect("a folder");
    let folder = runtime.path().display().to_string();
    let folders = [("XDG_RUNTIME_DIR", folder.as_str()), ("XDG_STATE_HOME", folder.as_str())];
    let start = |arguments: &[&str]| named.adit_with(SIZE, arguments, &folders);
    let mut terminal = start(&["connect", "orders", "--detach"]);
    terminal.wait_for("Why do you connect to orders?");
    terminal.press("ticket 8\r");
    terminal.wait_for("listening on");
    assert_eq!(terminal.wait(), 0);
    terminal.expect_usable();
    let mut status = start(&["status"]);
    let screen = status.wait_for("orders");
    assert!(screen.contains("ready"), "{screen}");
    assert_eq!(status.wait(), 0);
    let mut down = start(&["down", "--all"]);
    down.wait_for("closed 1 tunnel");
    assert_eq!(down.wait(), 0);
    named.lab.expect_nothing_left();
}
