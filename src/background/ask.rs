//! Finding the programs that hold tunnels, and asking them.

use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;

use futures_util::future::join_all;
use serde::de::DeserializeOwned;
use tokio::io::{
    AsyncBufReadExt as _, AsyncReadExt as _, AsyncWriteExt as _, BufReader, Lines, Take,
};
use tokio::net::UnixStream;
use tokio::time::timeout;

use super::folders::Folders;
use super::message::{Answer, ProgramStatus, Request};
use crate::commands::tunnels::State;
use crate::failure::{Failure, Kind};

/// How long a program has to answer.
const PATIENCE: Duration = Duration::from_secs(5);
/// How long a socket takes at most from its name to its owner's ear.
const A_MOMENT: Duration = Duration::from_millis(50);
/// The longest answer that is read.
const LONGEST: u64 = 4 * 1024 * 1024;

/// A program that holds tunnels.
#[derive(Debug)]
pub(crate) struct Program {
    socket: PathBuf,
    pub(crate) status: ProgramStatus,
}

/// What was found.
#[derive(Debug, Default)]
pub(crate) struct Found {
    pub(crate) programs: Vec<Program>,
    /// The numbers of those that have gone without removing their sockets, which are gone now.
    pub(crate) stale: Vec<String>,
    /// The sockets of those that do not answer, though they are there.
    pub(crate) silent: Vec<PathBuf>,
}

/// Finds all programs of this user, the oldest first.
pub(crate) async fn find(folders: &Folders) -> Result<Found, Failure> {
    let mut found = Found::default();
    let Some(folder) = folders.sockets_if_any() else { return Ok(found) };
    // Whoever could put sockets there could pose as a tunnel.
    let folder = folders.sockets().map(|_| folder)?;
    let mut sockets: Vec<PathBuf> = fs_err::read_dir(folder)
        .map_err(|error| Failure::new(Kind::Config, error.to_string()))?
        .filter_map(|entry| Some(entry.ok()?.path()))
        .filter(|path| path.extension().is_some_and(|end| end == "sock"))
        .collect();
    sockets.sort_by_key(|path| (number(path), path.clone()));
    let answers = join_all(sockets.iter().map(|socket| status(socket))).await;
    for (socket, answer) in sockets.into_iter().zip(answers) {
        match answer {
            Ok(status) => found.programs.push(Program { socket, status }),
            Err(error) if error.kind() == io::ErrorKind::ConnectionRefused => {
                if std::fs::remove_file(&socket).is_ok() {
                    found.stale.extend(number(&socket).map(|pid| pid.to_string()));
                }
            }
            // It has gone since.
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            Err(error) => {
                tracing::debug!(%error, "a program does not answer");
                found.silent.push(socket);
            }
        }
    }
    Ok(found)
}

/// The process in the name of a socket.
fn number(socket: &Path) -> Option<u32> {
    socket.file_stem()?.to_str()?.split('-').next()?.parse().ok()
}

async fn status(socket: &Path) -> io::Result<ProgramStatus> {
    let asking = async || {
        let mut answers = ask(socket, &Request::Status).await?;
        answers.next().await?.ok_or_else(|| io::Error::from(io::ErrorKind::UnexpectedEof))
    };
    timeout(PATIENCE, async {
        let mut was_refused = false;
        loop {
            match asking().await {
                // It may have been made a moment ago, and not listen yet.
                Err(error) if error.kind() == io::ErrorKind::ConnectionRefused && !was_refused => {
                    was_refused = true;
                }
                // It is about to go, and its socket with it.
                Err(error) if is_farewell(&error) => {}
                answered => return answered,
            }
            tokio::time::sleep(A_MOMENT).await;
        }
    })
    .await?
}

/// Whether somebody was there who hung up without a word.
fn is_farewell(error: &io::Error) -> bool {
    use io::ErrorKind::{BrokenPipe, ConnectionReset, UnexpectedEof};

    matches!(error.kind(), UnexpectedEof | ConnectionReset | BrokenPipe)
}

async fn ask(socket: &Path, request: &Request) -> io::Result<Answers> {
    let mut stream = UnixStream::connect(socket).await?;
    let mut line = serde_json::to_vec(request)?;
    line.push(b'\n');
    stream.write_all(&line).await?;
    Ok(Answers(BufReader::new(stream.take(LONGEST)).lines()))
}

/// What a program answers, line by line.
pub(crate) struct Answers(Lines<BufReader<Take<UnixStream>>>);

impl Answers {
    /// The next one; none when the program has gone.
    pub(crate) async fn next(&mut self) -> io::Result<Option<ProgramStatus>> {
        self.read().await
    }

    async fn read<T: DeserializeOwned>(&mut self) -> io::Result<Option<T>> {
        self.0.get_mut().get_mut().set_limit(LONGEST);
        match self.0.next_line().await? {
            Some(line) => Ok(Some(serde_json::from_str(&line)?)),
            None => Ok(None),
        }
    }
}

impl Program {
    /// Whether it has one of these connections, and has not closed it; any where none is named.
    pub(crate) fn has_open(&self, names: &[String]) -> bool {
        let mut tunnels = self.status.tunnels.iter();
        tunnels.any(|one| {
            !one.state.is_over() && (names.is_empty() || names.contains(&one.connection))
        })
    }

    /// Whether it is there for other connections, and this one has failed.
    pub(crate) fn has_failed(&self, name: &str) -> bool {
        let mut tunnels = self.status.tunnels.iter();
        tunnels.any(|one| one.state == State::Failed && one.connection == name)
    }

    /// Has it close these connections, all where none is named.
    pub(crate) async fn down(&self, names: &[String]) -> io::Result<()> {
        let request = Request::Down { connections: names.to_vec() };
        timeout(PATIENCE, async { ask(&self.socket, &request).await?.next().await }).await??;
        Ok(())
    }

    /// Has it give these connections more time, all that are open where none is named; tells what
    /// has come of it for each.
    pub(crate) async fn extend(
        &self,
        names: &[String],
        by: Option<Duration>,
    ) -> io::Result<Vec<(String, Answer)>> {
        let by_s = by.map(|by| by.as_secs());
        let request = Request::Extend { connections: names.to_vec(), by_s };
        let answer = timeout(PATIENCE, async { ask(&self.socket, &request).await?.read().await });
        answer.await??.ok_or_else(|| io::Error::from(io::ErrorKind::UnexpectedEof))
    }

    /// Hears how its tunnels stand from here on.
    pub(crate) async fn watch(&self) -> io::Result<Answers> {
        ask(&self.socket, &Request::Watch).await
    }
}
