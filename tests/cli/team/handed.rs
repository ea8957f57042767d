//! Sockets that whoever starts the program has opened for it.

use rustix::process::Signal;

use super::{Team, address_of, end, expect_echo};
use crate::common::process::Program;
use crate::common::wait::until;

/// Starts the program as systemd does, with these sockets.
fn activate(team: &Team, arguments: &[&str], names: &str, addresses: &[&str]) -> Program {
    let script = r#"
import os, socket, sys
addresses = sys.argv[1].split(",")
sockets = []
for address in addresses:
    if "/" in address:
        one = socket.socket(socket.AF_UNIX)
        one.bind(address)
    else:
        one = socket.socket()
        host, port = address.rsplit(":", 1)
        one.bind((host, int(port)))
    one.listen()
    sockets.append(one)
for number, one in enumerate(sockets):
    os.dup2(one.fileno(), 3 + number)
    os.set_inheritable(3 + number, True)
os.environ["LISTEN_FDS"] = str(len(sockets))
os.environ["LISTEN_PID"] = str(os.getpid())
os.environ["LISTEN_FDNAMES"] = sys.argv[2]
os.execv(sys.argv[3], sys.argv[3:])
"#;
    let adit = team.adit(&[]);
    let mut command = std::process::Command::new("python3");
    command.args(["-c", script, &addresses.join(","), names, env!("CARGO_BIN_EXE_adit")]);
    command.args(arguments).current_dir(team.repository());
    for (name, value) in adit.get_envs() {
        command.env(name, value.expect("a value"));
    }
    Program::start(&mut command)
}

#[test]
fn sockets_go_to_the_connections_of_their_names() {
    let team = Team::start();
    let socket = team.path("two.sock");
    let socket = socket.to_str().expect("text");
    let program = activate(&team, &["connect", "all"], "two:one", &[socket, "127.0.0.1:0"]);
    let (one, two) = until("both", || {
        let stdout = program.stdout();
        Some((address_of(&stdout, "one")?, address_of(&stdout, "two")?))
    });
    assert_eq!(two, socket);
    expect_echo(&one);
    std::os::unix::net::UnixStream::connect(socket).expect("it listens");
    assert_eq!(end(program, Signal::INT), Some(130));
    assert!(super::is_there(socket.as_ref()), "whoever made it removes it");
}

#[test]
fn more_sockets_than_connections_are_refused() {
    let team = Team::start();
    let addresses = ["127.0.0.1:0", "127.0.0.1:0", "127.0.0.1:0"];
    let mut program = activate(&team, &["connect", "all"], "", &addresses);
    assert_eq!(program.wait().code(), Some(9));
    assert!(program.stderr().contains("more than there are connections"), "{}", program.stderr());
}

#[test]
fn a_socket_for_the_whole_network_needs_to_be_permitted() {
    let team = Team::start();
    let mut program = activate(&team, &["connect", "one"], "", &["0.0.0.0:0"]);
    assert_eq!(program.wait().code(), Some(2));
    assert!(program.stderr().contains("--allow-remote"), "{}", program.stderr());
    assert_eq!(team.lab.calls("StartSession"), 0);
}
