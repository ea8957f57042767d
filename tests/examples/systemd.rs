//! The units, before systemd's eyes, and what the service runs.

use std::os::unix::net::UnixDatagram;
use std::process::Command;

use rustix::process::Signal;

use crate::common::cloud::Ran;
use crate::common::process::Program;
use crate::common::stories::Story;
use crate::common::wait::PATIENCE;
use crate::place::{Place, free_port, text};

pub(crate) const STORIES: &[Story] = &[("systemd_takes_them", systemd_takes_them)];

/// What needs no systemd.
pub(crate) const SERVICE: &[Story] = &[("it_says_when_it_listens", it_says_when_it_listens)];

const SERVICE_UNIT: &str = "adit-orders.service";
const SOCKET_UNIT: &str = "adit-orders.socket";

/// Where the unit looks for adit.
const INSTALLED: &str = "%h/.cargo/bin/adit";

fn systemd_takes_them() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    for unit in [SERVICE_UNIT, SOCKET_UNIT] {
        // Nobody has it at that place here.
        let text = text(&format!("systemd/{unit}")).replace(INSTALLED, env!("CARGO_BIN_EXE_adit"));
        std::fs::write(folder.path().join(unit), text).expect("a file");
    }
    let output = Command::new("systemd-analyze")
        .args(["--user", "verify", "--man=no", SERVICE_UNIT, SOCKET_UNIT])
        .env("XDG_RUNTIME_DIR", folder.path())
        .current_dir(folder.path())
        .output()
        .expect("the program");
    let said = String::from_utf8_lossy(&output.stderr);
    // What it does not know it only mentions.
    assert!(output.status.success() && said.is_empty(), "{said}");
}

fn it_says_when_it_listens() {
    let place = Place::with_database("orders-dev");
    place.repository();
    let unit = text(&format!("systemd/{SERVICE_UNIT}"));
    let line = unit.lines().find_map(|line| line.strip_prefix("ExecStart=")).expect("a command");
    let home = place.home.path().to_str().expect("UTF-8");
    let line = line.replace(INSTALLED, env!("CARGO_BIN_EXE_adit")).replace("%h", home);
    let words: Vec<&str> = line.split(' ').collect();
    // The manager's, and so not in the home.
    let folder = tempfile::tempdir().expect("a temporary folder");
    let path = folder.path().join("notify");
    let manager = UnixDatagram::bind(&path).expect("a socket");
    manager.set_read_timeout(Some(PATIENCE)).expect("an option");
    let mut command = place.command(words[0], &words[1..]);
    command.env("NOTIFY_SOCKET", &path).env("ADIT_LOCAL_PORT", free_port().to_string());
    let program = Program::start(&mut command);
    let hear = || {
        let mut said = [0; 4096];
        let len = manager.recv(&mut said).expect("it says something");
        String::from_utf8_lossy(&said[..len]).into_owned()
    };
    while !hear().contains("READY=1") {}
    program.signal(Signal::TERM);
    while !hear().contains("STOPPING=1") {}
    let status = unit.lines().find_map(|line| line.strip_prefix("SuccessExitStatus="));
    let code = status.and_then(|code| code.parse().ok()).expect("a code");
    Ran::to_the_end(program).expect(code);
}
