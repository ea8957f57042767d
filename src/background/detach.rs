//! Going on without a terminal.
//!
//! The program starts itself once more and waits until that one's tunnels can be used. Until then
//! the other has the terminal: it asks, tells and fails as it would in front. Then it leaves the
//! terminal's session, and what it says goes to a log. Nothing is forked, so no thread is lost.

use std::ffi::OsString;
use std::fs::File;
use std::io::{Read as _, Write as _};
use std::os::fd::AsRawFd as _;
use std::process::Command;

use rustix::io::{FdFlags, fcntl_setfd};
use rustix::pipe::PipeFlags;
use rustix::process::Signal;

use super::folders::Folders;
use super::log::Log;
use crate::failure::{Failure, Kind};
use crate::signals::{Signals, Stop, is_in_front};

/// The hidden flag that names the descriptor to tell when the tunnels can be used.
pub(crate) const FLAG: &str = "--detached-fd";

/// Starts the program once more, with the same arguments, and waits until it needs the terminal no
/// longer; gives its exit code, or 0 when it stays.
pub(crate) async fn detach(mut signals: Signals) -> Result<u8, Failure> {
    let fault = |error: &dyn std::fmt::Display| {
        Failure::new(Kind::Internal, format!("cannot go to the background: {error}"))
    };
    // The other one has to inherit the end that it writes to.
    let (reader, writer) =
        rustix::pipe::pipe_with(PipeFlags::CLOEXEC).map_err(|error| fault(&error))?;
    fcntl_setfd(&writer, FdFlags::empty()).map_err(|error| fault(&error))?;
    let number = writer.as_raw_fd().to_string();
    let program = std::env::current_exe().map_err(|error| fault(&error))?;
    let mut arguments: Vec<OsString> = std::env::args_os().skip(1).collect();
    // Behind two dashes it would be a name.
    let end = arguments.iter().position(|word| word == "--").unwrap_or(arguments.len());
    arguments.splice(end..end, [OsString::from(FLAG), OsString::from(&number)]);
    let mut child = tokio::process::Command::from({
        let mut command = Command::new(program);
        command.args(arguments);
        command
    })
    .spawn()
    .map_err(|error| fault(&error))?;
    drop(writer);
    let told = tokio::task::spawn_blocking(move || {
        let mut answer = [0; 1];
        File::from(reader).read_exact(&mut answer).ok().map(|()| answer[0])
    });
    tokio::pin!(told);
    let mut is_told = false;
    loop {
        tokio::select! {
            biased;
            ended = child.wait() => {
                let status = ended.map_err(|error| fault(&error))?;
                return Ok(crate::exit::code_of(status));
            }
            answer = &mut told, if !is_told => match answer {
                Ok(Some(code)) => return Ok(code),
                // It is about to end.
                _ => is_told = true,
            },
            stop = signals.next() => {
                let signal = match stop {
                    // The terminal tells both of Ctrl-C.
                    Stop::Interrupt if is_in_front() => continue,
                    Stop::Interrupt => Signal::INT,
                    _ => Signal::TERM,
                };
                if let Some(pid) = child.id().and_then(|id| i32::try_from(id).ok())
                    && let Some(pid) = rustix::process::Pid::from_raw(pid)
                {
                    // One that is gone is waited for above.
                    let told = rustix::process::kill_process(pid, signal);
                    tracing::debug!(?told, "the one in the background is told to end");
                }
            }
        }
    }
}

/// The one in the background, before it is there.
#[derive(Debug)]
pub(crate) struct Detached {
    told: File,
}

impl Detached {
    /// Takes the descriptor that is to be told.
    pub(crate) fn take(fd: u32) -> Result<Self, Failure> {
        let told = crate::readiness::open_fd(fd)?;
        Ok(Self { told })
    }

    /// Leaves the terminal: from here on all that is said goes to the log. `code` is what the one
    /// that waits exits with.
    pub(crate) fn leave(
        mut self,
        folders: &Folders,
        names: &[&str],
        code: u8,
    ) -> Result<(), Failure> {
        let fault = |error: &dyn std::fmt::Display| {
            Failure::new(Kind::Internal, format!("cannot go to the background: {error}"))
        };
        let log = Log::begin(folders, names)?;
        let nothing = File::open("/dev/null").map_err(|error| fault(&error))?;
        // It is no leader of a group: it was started like any other child.
        rustix::process::setsid().map_err(|error| fault(&error))?;
        rustix::stdio::dup2_stdin(&nothing).map_err(|error| fault(&error))?;
        rustix::stdio::dup2_stdout(&log.file).map_err(|error| fault(&error))?;
        rustix::stdio::dup2_stderr(&log.file).map_err(|error| fault(&error))?;
        crate::ui::with_times();
        self.told.write_all(&[code]).map_err(|error| fault(&error))
    }
}
