//! A team's adit.toml at work: several tunnels, commands beside them, tunnels in the background.

mod background;
mod bench;
mod ends;
mod extending;
mod files;
mod handed;
mod hostile;
mod killed;
mod lazy;
mod places;
mod readiness;
mod running;
mod several;

use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

use rustix::process::Signal;
use serde_json::Value;
use tempfile::TempDir;

use crate::common::lab::Lab;
use crate::common::process::{Program, adit};
use crate::common::servers::Server;
use crate::common::{BASTION, HOST};

/// A lab with an echo behind its bastion, and a repository with an adit.toml.
pub(crate) struct Team {
    pub(crate) lab: Lab,
    _server: Server,
    folder: TempDir,
}

/// How a command ended.
#[derive(Debug)]
pub(crate) struct Ran {
    pub(crate) code: Option<i32>,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

impl Ran {
    pub(crate) fn of(output: &Output) -> Self {
        Self {
            code: output.status.code(),
            stdout: String::from_utf8_lossy(&output.stdout).into_owned(),
            stderr: String::from_utf8_lossy(&output.stderr).into_owned(),
        }
    }

    #[track_caller]
    pub(crate) fn expect(self, code: i32) -> Self {
        assert_eq!(self.code, Some(code), "{self:#?}");
        self
    }
}

impl Team {
    /// With connections `one` and `two`, which lead to the same echo, and a group of both.
    pub(crate) fn start() -> Self {
        let server = Server::echo();
        // Nobody listens there any more.
        let closed = std::net::TcpListener::bind("127.0.0.1:0").and_then(|one| one.local_addr());
        let lab = Lab::builder().serve(&server).map(5433, closed.expect("a port")).start();
        let folder = tempfile::tempdir().expect("a temporary folder");
        let team = Self { lab, _server: server, folder };
        for name in ["home", "run", "repository"] {
            std::fs::create_dir(team.folder.path().join(name)).expect("a folder");
        }
        team.write(&connections(&["one", "two"]));
        team
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    pub(crate) fn repository(&self) -> PathBuf {
        self.path("repository")
    }

    /// Writes the shared file.
    pub(crate) fn write(&self, text: &str) {
        std::fs::write(self.repository().join("adit.toml"), text).expect("a file");
    }

    /// A command in the repository, with the lab's keys.
    pub(crate) fn adit(&self, arguments: &[&str]) -> Command {
        let mut command = adit(&self.path("home"));
        command
            .env("XDG_RUNTIME_DIR", self.path("run"))
            .env("AWS_ENDPOINT_URL", self.lab.endpoint())
            .env("PATH", std::env::var_os("PATH").expect("a search path"))
            .current_dir(self.repository())
            .args(arguments);
        self.lab.credentials(&mut command);
        command
    }

    /// Runs a command to its end.
    pub(crate) fn run(&self, arguments: &[&str]) -> Ran {
        finish(&mut self.adit(arguments))
    }

    pub(crate) fn start_program(&self, arguments: &[&str]) -> Program {
        Program::start(&mut self.adit(arguments))
    }

    /// The tunnels that are open, as `adit status` tells.
    pub(crate) fn status(&self) -> Vec<Value> {
        events(&self.run(&["status", "--json"]).expect(0).stdout)
    }
}

/// Runs a command to its end; what it leaves in the background has its pipes no longer.
pub(crate) fn finish(command: &mut Command) -> Ran {
    Ran::of(&command.stdin(Stdio::null()).output().expect("the program runs"))
}

/// A file with these connections on free ports.
pub(crate) fn connections(names: &[&str]) -> String {
    let each: Vec<String> = names
        .iter()
        .map(|name| format!("[connections.{name}]\ntarget = \"echo\"\nlocal-port = \"auto\"\n"))
        .collect();
    let each = each.concat();
    format!(
        "version = 1\n[defaults]\nbastion = \"{BASTION}\"\n\
         [targets.echo]\nkind = \"host\"\nhost = \"{HOST}\"\nport = 5432\nvpc = \"vpc-0a\"\n\
         {each}[groups]\nall = {names:?}\n"
    )
}

pub(crate) fn events(text: &str) -> Vec<Value> {
    text.lines().map(|line| serde_json::from_str(line).expect(line)).collect()
}

/// The address in `listening on ADDRESS (NAME)`.
pub(crate) fn address_of(stdout: &str, name: &str) -> Option<String> {
    let line = stdout.lines().find(|line| line.ends_with(&format!("({name})")))?;
    Some(line.strip_prefix("listening on ")?.split(' ').next()?.to_owned())
}

/// Has a few bytes come back through a tunnel.
pub(crate) fn expect_echo(address: &str) {
    use std::io::{Read as _, Write as _};

    let mut stream = std::net::TcpStream::connect(address).expect(address);
    stream.set_read_timeout(Some(crate::common::wait::PATIENCE)).expect("a TCP option");
    stream.write_all(b"through and back").expect("written");
    let mut back = [0; 16];
    stream.read_exact(&mut back).expect("an echo");
    assert_eq!(&back, b"through and back");
}

/// Ends a program by a signal, and gives its code.
pub(crate) fn end(mut program: Program, signal: Signal) -> Option<i32> {
    program.signal(signal);
    program.wait().code()
}

pub(crate) fn is_there(path: &Path) -> bool {
    std::fs::symlink_metadata(path).is_ok()
}
