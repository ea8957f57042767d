//! A host with the scripts on it, whose clock is the test's.

use std::io::{BufRead, BufReader, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::num::NonZeroU16;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};

use tempfile::TempDir;

use crate::stories::{Missing, find};
use crate::user_data::{UserDataOptions, user_data};

/// What the scripts need that is not on every machine; `ss` tells of Linux, too.
pub(crate) fn missing() -> Option<Missing> {
    ["bash", "ss", "mkfifo"].into_iter().find_map(|program| find(program, &[]).err())
}

pub(crate) fn options(idle_minutes: u16, patch: bool) -> UserDataOptions {
    let idle_minutes = NonZeroU16::new(idle_minutes).expect("some minutes");
    UserDataOptions { idle_minutes, patch }
}

/// Path, mode and content of each file that the text tells of.
pub(crate) fn files(text: &str) -> Vec<(String, String, String)> {
    let (files, _) = text.split_once("\nruncmd:").expect("files, then commands");
    let entries = files.split("\n- path: ").skip(1);
    entries
        .map(|entry| {
            let mut lines = entry.lines();
            let mut next = || lines.next().expect("a line");
            let path = next().to_owned();
            let mode = next().trim_start_matches("  permissions: ").trim_matches('\'').to_owned();
            assert_eq!(next(), "  content: |");
            let content =
                lines.flat_map(|line| [line.get(4..).unwrap_or_default(), "\n"]).collect();
            (path, mode, content)
        })
        .collect()
}

/// What a run of the timer did.
#[derive(Debug)]
pub(crate) struct Look {
    /// What the journal got.
    pub(crate) said: String,
    /// The programs that it ran, other than `ss`.
    pub(crate) calls: Vec<String>,
}

impl Look {
    pub(crate) fn stops(&self) -> bool {
        self.calls.last().is_some_and(|call| call == "systemctl poweroff")
    }

    /// Whether it did nothing at all.
    pub(crate) fn is_quiet(&self) -> bool {
        self.calls.is_empty() && self.said.is_empty()
    }
}

pub(crate) struct Host {
    folder: TempDir,
    /// The variables that the unit sets, and how stand-ins behave.
    variables: Vec<(String, String)>,
}

impl Host {
    pub(crate) fn new(options: &UserDataOptions) -> Self {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let mut variables = vec![("HOST_LIMIT".to_owned(), "60".to_owned())];
        for (path, _, content) in files(&user_data(options)) {
            let name = Path::new(&path).file_name().expect("a name");
            if name == "options.conf" {
                let line = content.lines().find_map(|line| line.strip_prefix("Environment="));
                let pairs = line.expect("variables").split(' ');
                variables.extend(pairs.map(|pair| {
                    let (name, value) = pair.split_once('=').expect("a variable");
                    (name.to_owned(), value.to_owned())
                }));
            }
            std::fs::write(folder.path().join(name), content).expect("a file");
        }
        let host = Self { folder, variables };
        std::fs::write(host.path("workers"), "").expect("a file");
        host.begin_boot();
        host.runs("ssm-agent-worker");
        host
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// What `/run` held is gone.
    pub(crate) fn begin_boot(&self) {
        for name in ["run", "state"] {
            std::fs::create_dir_all(self.path(name)).expect("a folder");
        }
        for entry in std::fs::read_dir(self.path("run")).expect("a folder") {
            std::fs::remove_file(entry.expect("an entry").path()).expect("gone");
        }
    }

    /// The only process that `/proc` knows: the kernel keeps 15 characters of its name.
    pub(crate) fn runs(&self, name: &str) {
        std::fs::create_dir_all(self.path("7")).expect("a folder");
        std::fs::write(self.path("7/comm"), format!("{name:.15}\n")).expect("a file");
    }

    /// How the stand-in `program` behaves from now on.
    pub(crate) fn behave(&mut self, program: &str, how: &str) {
        let name = format!("HOST_{}", program.to_uppercase());
        self.variables.retain(|(known, _)| *known != name);
        self.variables.push((name, how.to_owned()));
    }

    /// A run of the timer, so many seconds after the boot.
    pub(crate) fn look(&self, uptime: u32) -> Look {
        self.finish(self.begin_look(uptime))
    }

    pub(crate) fn begin_look(&self, uptime: u32) -> Child {
        std::fs::write(self.path("uptime"), format!("{uptime}.25 1.00\n")).expect("a file");
        std::fs::write(self.path("calls"), "").expect("a file");
        let stand_ins = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/user_data/stand-ins");
        Command::new("bash")
            .arg(self.path("adit-idle"))
            .env_clear()
            .env("PATH", format!("{}:/usr/sbin:/usr/bin:/sbin:/bin", stand_ins.display()))
            .env("HOST", self.folder.path())
            .env("ADIT_PROC", self.folder.path())
            .env("RUNTIME_DIRECTORY", self.path("run"))
            .env("STATE_DIRECTORY", self.path("state"))
            .envs(self.variables.iter().cloned())
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .spawn()
            .expect("bash")
    }

    pub(crate) fn finish(&self, look: Child) -> Look {
        let output = look.wait_with_output().expect("the script's end");
        assert!(output.status.success(), "the unit would have failed: {output:?}");
        let calls = std::fs::read_to_string(self.path("calls")).expect("calls");
        Look {
            said: String::from_utf8(output.stdout).expect("text"),
            calls: calls.lines().map(str::to_owned).collect(),
        }
    }

    /// A worker that has just begun, with its websocket.
    pub(crate) fn worker(&self) -> Worker {
        self.process("ssm-session-worker", "127.0.0.1:0")
    }

    /// A process of that name with a connection to a listener of the test's.
    pub(crate) fn process(&self, name: &str, listener: &str) -> Worker {
        let program = self.path(name);
        if !program.exists() {
            symlink(find("bash", &[]).expect("bash"), &program).expect("a link");
        }
        let stand_in =
            Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/user_data/stand-ins/worker");
        let mut child = Command::new(program)
            .arg(stand_in)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .expect("a process");
        let workers = std::fs::read_to_string(self.path("workers")).expect("a list");
        std::fs::write(self.path("workers"), format!("{workers}{}\n", child.id())).expect("a list");
        let listener = TcpListener::bind(listener).expect("a loopback port");
        let told = child.stdin.take().expect("piped");
        let answers = BufReader::new(child.stdout.take().expect("piped"));
        let mut worker = Worker { child, told, answers, listener, connections: Vec::new() };
        worker.dial();
        worker
    }
}

/// A process under the name of the agent's, and the other ends of its connections.
pub(crate) struct Worker {
    child: Child,
    told: ChildStdin,
    answers: BufReader<ChildStdout>,
    listener: TcpListener,
    connections: Vec<TcpStream>,
}

impl Worker {
    /// Opens a connection, beside those that it has.
    pub(crate) fn dial(&mut self) {
        let address: SocketAddr = self.listener.local_addr().expect("bound");
        self.tell(&format!("dial {}/{}", address.ip(), address.port()));
        self.connections.push(self.listener.accept().expect("a connection").0);
    }

    /// Receives so many bytes over the connection that it opened last.
    pub(crate) fn receive(&mut self, count: usize) {
        let connection = self.connections.last_mut().expect("a connection");
        connection.write_all(&vec![b'x'; count]).expect("the worker's socket");
        self.tell(&format!("take - {count}"));
    }

    fn tell(&mut self, what: &str) {
        writeln!(self.told, "{what}").expect("the worker");
        let mut answer = String::new();
        self.answers.read_line(&mut answer).expect("the worker");
        assert_eq!(answer, "done\n", "{what}");
    }
}

impl Drop for Worker {
    fn drop(&mut self) {
        self.child.kill().expect("a child");
        self.child.wait().expect("a child");
    }
}
