//! Telling others that tunnels can be used: a file, a descriptor, the service manager, HTTP.

mod file;
mod health;
mod manager;
mod metrics;

use std::fs::File;
use std::io::Write as _;

use serde::Serialize;
use tokio::net::TcpListener;

pub(crate) use self::file::{ReadyFile, clear};
use self::manager::Manager;
use crate::commands::tunnels::{Board, Standing, State};
use crate::failure::{Failure, Kind};
use crate::journal::Writer;
use crate::settings::Readiness;

/// Those who are to be told. What is wrong with them shows before anything is started.
#[derive(Debug)]
pub(crate) struct Heralds {
    wanted: Readiness,
    fd: Option<File>,
    health: Option<TcpListener>,
    manager: Manager,
    /// Whether they have been told.
    told: bool,
    /// Lives as long as the tunnels.
    written: Option<ReadyFile>,
    journal: Writer,
}

/// What the ready file says.
#[derive(Debug, Serialize)]
struct Ready {
    pid: u32,
    tunnels: Vec<Open>,
}

#[derive(Debug, Serialize)]
struct Open {
    connection: String,
    address: Option<String>,
    target: String,
}

impl Heralds {
    pub(crate) async fn prepare(wanted: Readiness, journal: Writer) -> Result<Self, Failure> {
        if let Some(path) = &wanted.file {
            clear(path)?;
        }
        let fd = wanted.fd.map(open_fd).transpose()?;
        let health = match wanted.health {
            Some(address) => Some(health::bind(address).await?),
            None => None,
        };
        Ok(Self {
            wanted,
            fd,
            health,
            manager: Manager::of_environment(),
            told: false,
            written: None,
            journal,
        })
    }

    /// Tells them, whenever there is something to tell; ends only by failing.
    pub(crate) async fn run(&mut self, board: &Board) -> Failure {
        let health = self.health.take();
        let serving = async {
            match health {
                Some(listener) => health::serve(listener, board).await,
                None => std::future::pending().await,
            }
        };
        tokio::select! {
            failure = serving => failure,
            failure = self.watch(board) => failure,
        }
    }

    async fn watch(&mut self, board: &Board) -> Failure {
        let mut changes = board.subscribe();
        loop {
            let standings = changes.borrow_and_update().clone();
            if is_ready(&standings) && !self.told {
                self.told = true;
                if let Err(failure) = self.tell(&standings) {
                    return failure;
                }
            }
            self.manager.status(&standings);
            tokio::select! {
                changed = changes.changed() => if changed.is_err() {
                    return std::future::pending().await;
                },
                () = self.manager.beat() => {}
            }
        }
    }

    /// Says once that all tunnels can be used.
    fn tell(&mut self, standings: &[Standing]) -> Result<(), Failure> {
        let open = standings.iter().filter(|standing| standing.state.is_open());
        let tunnels = open.map(|standing| Open {
            connection: standing.connection.clone(),
            address: standing.address.clone(),
            target: standing.target.clone(),
        });
        let ready = Ready { pid: std::process::id(), tunnels: tunnels.collect() };
        if let Some(path) = self.wanted.file.take() {
            let written = ReadyFile::write(path, &ready)?;
            self.journal.made(written.path());
            self.written = Some(written);
        }
        if let Some(mut fd) = self.fd.take() {
            fd.write_all(b"\n").map_err(|error| {
                Failure::new(Kind::Config, format!("cannot write to --ready-fd: {error}"))
            })?;
        }
        self.manager.ready();
        Ok(())
    }
}

impl Drop for Heralds {
    fn drop(&mut self) {
        self.manager.stopping();
    }
}

/// Whether all that can be used can be: each tunnel is open, or has come to its end.
pub(crate) fn is_ready(standings: &[Standing]) -> bool {
    let is_settled = |standing: &Standing| standing.state.is_open() || standing.state.is_over();
    let is_up = |standing: &Standing| matches!(standing.state, State::Ready | State::Waiting);
    standings.iter().all(is_settled) && standings.iter().any(is_up)
}

/// Opens a descriptor of this process once more, by its name: whose it is stays as it was.
pub(crate) fn open_fd(number: u32) -> Result<File, Failure> {
    File::options().append(true).open(format!("/dev/fd/{number}")).map_err(|error| {
        Failure::new(Kind::Usage, format!("descriptor {number} cannot be written to: {error}"))
            .hint("pass the number of an open pipe or file, such as 3 with `3>FILE`")
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_that_can_be_used_has_to_be_usable() {
        let board = Board::default();
        assert!(!is_ready(&board.all()));
        let (a, b) = (board.seat("a", "a"), board.seat("b", "b"));
        a.is(State::Ready, None);
        assert!(!is_ready(&board.all()), "one is still being opened");
        b.is(State::Failed, None);
        assert!(is_ready(&board.all()));
        a.is(State::Ended, None);
        assert!(!is_ready(&board.all()), "none is left");
    }

    #[tokio::test]
    async fn the_file_and_the_descriptor_are_told_once_all_are_ready() {
        use std::io::Read as _;
        use std::os::fd::AsRawFd as _;

        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("ready");
        let (mut reader, writer) = std::io::pipe().unwrap();
        let fd = u32::try_from(writer.as_raw_fd()).unwrap();
        let wanted = Readiness { file: Some(path.clone()), fd: Some(fd), health: None };
        let mut heralds = Heralds::prepare(wanted, Writer::default()).await.unwrap();
        drop(writer);
        let board = Board::default();
        let seat = board.seat("db", "rds:db");
        let told = async {
            seat.change(|standing| standing.address = Some("127.0.0.1:5432".to_owned()));
            seat.is(State::Ready, None);
            let mut changes = board.subscribe();
            changes.mark_changed();
            tokio::task::spawn_blocking(move || {
                let mut all = Vec::new();
                reader.read_to_end(&mut all).unwrap();
                all
            })
            .await
            .unwrap()
        };
        let told = tokio::select! {
            failure = heralds.run(&board) => panic!("{failure:?}"),
            told = told => told,
        };
        assert_eq!(told, b"\n");
        let text = std::fs::read_to_string(&path).unwrap();
        let ready: serde_json::Value = serde_json::from_str(&text).unwrap();
        assert_eq!(ready["tunnels"][0]["address"], "127.0.0.1:5432");
        drop(heralds);
        assert!(!path.exists());
    }

    #[test]
    fn a_descriptor_that_is_not_open_is_named() {
        let failure = open_fd(9_999).unwrap_err();
        assert!(failure.message.contains("9999"), "{}", failure.message);
    }
}
