//! The command that runs beside the tunnels.

use std::ffi::{OsStr, OsString};
use std::path::{Path, PathBuf};
use std::process::Stdio;

#[cfg(unix)]
use rustix::process::{Pid, Signal, kill_process};

use crate::exit::{Exit, code_of};
use crate::failure::{Failure, Kind};
use crate::signals::{Stop, is_in_front};

/// Finds the program on the search path, before anything is opened for it.
pub(in crate::commands) fn find(name: Option<&OsStr>) -> Result<PathBuf, Failure> {
    let name = name.ok_or_else(|| Failure::new(Kind::Usage, "there is no command to run"))?;
    match which::which(name) {
        Ok(path) => Ok(path),
        // A file that is there, and yet none to run.
        Err(_) if is_path(name) && Path::new(name).exists() => Err(not_executable(name)),
        Err(_) => Err(Failure::new(
            Kind::NotFound,
            format!("there is no command {}", name.to_string_lossy()),
        )
        .hint("what follows `--` is the command and its arguments; no shell reads them")),
    }
}

fn not_executable(name: &OsStr) -> Failure {
    Failure::new(Kind::NotExecutable, format!("{} cannot be run", name.to_string_lossy()))
        .hint("make it executable, or name what runs it: `-- sh FILE`")
}

fn is_path(name: &OsStr) -> bool {
    Path::new(name).components().count() > 1
}

/// What is said to adit alone: codes and what makes them are none of the command's business.
const OWN: [&str; 3] = ["ADIT_MFA_CODE", "ADIT_MFA_COMMAND", "ADIT_EXTERNAL_ID"];

/// What the command reads and writes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::commands) enum Streams {
    /// What adit was given, as if it had been run without adit.
    Own,
    /// Nothing but standard error: it is there for what it does meanwhile. It ends with adit.
    ErrorsOnly,
}

/// The running command.
pub(in crate::commands) struct Child {
    child: tokio::process::Child,
}

impl Child {
    pub(in crate::commands) fn start(
        program: &Path,
        command: &[OsString],
        environment: Vec<(String, OsString)>,
        streams: Streams,
    ) -> Result<Self, Failure> {
        let names: Vec<String> = environment.iter().map(|(name, _)| name.clone()).collect();
        let mut builder = tokio::process::Command::new(program);
        builder.args(command.iter().skip(1)).envs(environment);
        if streams == Streams::ErrorsOnly {
            builder.stdin(Stdio::null()).stdout(Stdio::null()).kill_on_drop(true);
        }
        for name in OWN {
            builder.env_remove(name);
        }
        // It would go before the host that is set here.
        if names.iter().any(|name| name == "PGHOST")
            && !names.iter().any(|name| name == "PGHOSTADDR")
        {
            builder.env_remove("PGHOSTADDR");
        }
        #[cfg(unix)]
        if let Some(name) = command.first() {
            builder.arg0(name);
        }
        match builder.spawn() {
            Ok(child) => Ok(Self { child }),
            Err(error) => {
                let name = program.display();
                let kind = match error.kind() {
                    std::io::ErrorKind::NotFound => Kind::NotFound,
                    _ => Kind::NotExecutable,
                };
                Err(Failure::new(kind, format!("cannot run {name}: {error}")))
            }
        }
    }

    /// Waits for its end; may be dropped and called again.
    pub(in crate::commands) async fn wait(&mut self) -> Result<Exit, Failure> {
        match self.child.wait().await {
            Ok(status) => Ok(Exit::Command(code_of(status))),
            Err(error) => {
                Err(Failure::new(Kind::Internal, format!("the command is out of reach: {error}")))
            }
        }
    }

    /// How it has ended, if it has.
    pub(in crate::commands) fn ended(&mut self) -> Option<Exit> {
        let status = self.child.try_wait().ok()??;
        Some(Exit::Command(code_of(status)))
    }

    /// Passes a request to stop on to it.
    #[cfg(unix)]
    pub(in crate::commands) fn pass_on(&self, stop: Stop) {
        self.signal(match stop {
            // The terminal has told it already.
            Stop::Interrupt if is_in_front() => return,
            Stop::Interrupt => Signal::INT,
            Stop::Hangup => Signal::HUP,
            _ => Signal::TERM,
        });
    }

    #[cfg(unix)]
    pub(in crate::commands) fn signal(&self, signal: Signal) {
        let pid = self.child.id().and_then(|id| Pid::from_raw(i32::try_from(id).ok()?));
        if let Some(pid) = pid
            && let Err(error) = kill_process(pid, signal)
        {
            tracing::debug!(%error, "the command did not get the signal");
        }
    }

    /// Elsewhere it can only be killed, and Ctrl-C reaches it by itself. Untried.
    #[cfg(not(unix))]
    pub(in crate::commands) fn pass_on(&mut self, stop: Stop) {
        if stop != Stop::Interrupt {
            drop(self.child.start_kill());
        }
    }

    pub(in crate::commands) async fn kill(&mut self) {
        if let Err(error) = self.child.kill().await {
            tracing::debug!(%error, "the command could not be killed");
        }
    }
}

/// The signals that mean something to the command alone.
#[cfg(unix)]
pub(in crate::commands) struct Others {
    quit: tokio::signal::unix::Signal,
    first: tokio::signal::unix::Signal,
    second: tokio::signal::unix::Signal,
}

#[cfg(unix)]
impl Others {
    pub(in crate::commands) fn listen() -> Result<Self, Failure> {
        use tokio::signal::unix::{SignalKind, signal};

        let fault = |error: std::io::Error| {
            Failure::new(Kind::Internal, format!("cannot wait for signals: {error}"))
        };
        Ok(Self {
            quit: signal(SignalKind::quit()).map_err(fault)?,
            first: signal(SignalKind::user_defined1()).map_err(fault)?,
            second: signal(SignalKind::user_defined2()).map_err(fault)?,
        })
    }

    /// The next one that the command does not get from the terminal.
    pub(in crate::commands) async fn next(&mut self) -> Signal {
        loop {
            tokio::select! {
                _ = self.quit.recv() => if !is_in_front() {
                    return Signal::QUIT;
                },
                _ = self.first.recv() => return Signal::USR1,
                _ = self.second.recv() => return Signal::USR2,
            }
        }
    }
}
