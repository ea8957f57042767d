//! The socket of a program that holds tunnels.

use std::os::unix::fs::PermissionsExt as _;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;

use serde::Serialize;
use tokio::io::{
    AsyncBufReadExt as _, AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _, BufReader,
};
use tokio::net::{UnixListener, UnixStream};
use tokio::task::JoinSet;
use tokio::time::timeout;

use super::folders::Folders;
use super::message::{Answer, ProgramStatus, Request};
use crate::commands::tunnels::{Board, Member, Standing};
use crate::failure::{Failure, Kind};
use crate::journal::Writer;
use crate::signals::Stop;

/// The longest request: a few hundred names.
const LONGEST: u64 = 64 * 1024;
/// How long a request may take to come.
const PATIENCE: Duration = Duration::from_secs(5);
/// The most programs that ask at once; others wait.
const MOST: usize = 32;

/// Answers those who ask, until it is dropped; the socket goes with it.
#[derive(Debug)]
pub(crate) struct Desk {
    listener: UnixListener,
    path: PathBuf,
    detached: Arc<AtomicBool>,
    watchers: Watchers,
}

/// How many programs hear of every change.
#[derive(Debug, Clone, Default)]
pub(crate) struct Watchers(Arc<AtomicUsize>);

impl Watchers {
    /// Whether there is somebody who has not gone away yet.
    pub(crate) fn is_any(&self) -> bool {
        self.0.load(Ordering::Relaxed) > 0
    }
}

impl Drop for Desk {
    fn drop(&mut self) {
        if let Err(error) = std::fs::remove_file(&self.path) {
            tracing::debug!(%error, "cannot remove the control socket");
        }
    }
}

impl Desk {
    /// Opens the socket of this process.
    pub(crate) fn open(folders: &Folders, journal: &Writer) -> Result<Self, Failure> {
        // The number alone may be another's too, in a container that shares the folder.
        let name = format!("{}-{:08x}.sock", std::process::id(), rand::random::<u32>());
        let path = folders.sockets()?.join(name);
        let listener = UnixListener::bind(&path).map_err(|error| {
            let name = path.display();
            Failure::new(Kind::Config, format!("cannot open the control socket {name}: {error}"))
        })?;
        let mode = std::fs::Permissions::from_mode(0o600);
        if let Err(error) = std::fs::set_permissions(&path, mode) {
            // The folder keeps others out.
            tracing::debug!(%error, "the control socket has the usual mode");
        }
        journal.made(&path);
        Ok(Self { listener, path, detached: Arc::default(), watchers: Watchers::default() })
    }

    /// Those who hear of every change.
    pub(crate) fn watchers(&self) -> Watchers {
        self.watchers.clone()
    }

    /// Says that there is no terminal any more.
    pub(crate) fn detached(&self) {
        self.detached.store(true, Ordering::Relaxed);
    }

    /// Answers; never ends.
    pub(crate) async fn run(&self, board: &Board, members: &[Member]) {
        let mut visits = JoinSet::new();
        loop {
            while visits.try_join_next().is_some() {}
            // Those who watch are as many as there are, and stay as long as they like.
            if visits.len() >= MOST + self.watchers.0.load(Ordering::Relaxed) {
                visits.join_next().await;
            }
            match self.listener.accept().await {
                Ok((stream, _)) if is_own(&stream) => {
                    let visit = Visit {
                        board: board.clone(),
                        members: members.to_vec(),
                        detached: Arc::clone(&self.detached),
                        watchers: self.watchers.clone(),
                    };
                    visits.spawn(async move {
                        if let Err(error) = visit.run(stream).await {
                            tracing::debug!(%error, "whoever asked has gone");
                        }
                    });
                }
                Ok(_) => tracing::debug!("another user asked, who gets no answer"),
                Err(error) => {
                    tracing::debug!(%error, "nobody can ask at the moment");
                    tokio::time::sleep(Duration::from_millis(200)).await;
                }
            }
        }
    }
}

/// Whether it is the user who asks; or root, who could anyway.
fn is_own(stream: &UnixStream) -> bool {
    let own = rustix::process::geteuid().as_raw();
    stream.peer_cred().is_ok_and(|peer| peer.uid() == own || peer.uid() == 0)
}

/// One program that asks.
struct Visit {
    board: Board,
    members: Vec<Member>,
    detached: Arc<AtomicBool>,
    watchers: Watchers,
}

impl Visit {
    async fn run(&self, mut stream: UnixStream) -> std::io::Result<()> {
        let mut line = String::new();
        let (reader, mut writer) = stream.split();
        let mut reader = BufReader::new(reader.take(LONGEST));
        timeout(PATIENCE, reader.read_line(&mut line)).await??;
        match serde_json::from_str(&line)? {
            Request::Status => writer.write_all(&self.status()?).await,
            Request::Down { connections } => {
                for member in &self.members {
                    if connections.is_empty() || connections.iter().any(|name| name == member.name)
                    {
                        member.stopper.stop(Stop::Down);
                    }
                }
                writer.write_all(&self.status()?).await
            }
            Request::Extend { connections, by_s } => {
                writer.write_all(&as_line(&self.extend(&connections, by_s))?).await
            }
            Request::Watch => {
                self.watchers.0.fetch_add(1, Ordering::Relaxed);
                let watched = self.watch(&mut reader, &mut writer).await;
                self.watchers.0.fetch_sub(1, Ordering::Relaxed);
                watched
            }
        }
    }

    /// Tells of every change, until the other side has gone.
    async fn watch(
        &self,
        reader: &mut (impl AsyncRead + Unpin),
        writer: &mut (impl AsyncWrite + Unpin),
    ) -> std::io::Result<()> {
        let mut changes = self.board.subscribe();
        loop {
            changes.mark_unchanged();
            writer.write_all(&self.status()?).await?;
            let mut more = [0; 1];
            tokio::select! {
                changed = changes.changed() => if changed.is_err() {
                    return Ok(());
                },
                // Nothing more is to come but the end.
                _ = reader.read(&mut more) => return Ok(()),
            }
        }
    }

    fn extend(&self, connections: &[String], by_s: Option<u64>) -> Vec<(String, Answer)> {
        let is_meant = |standing: &Standing| {
            !standing.state.is_over()
                && (connections.is_empty() || connections.contains(&standing.connection))
        };
        let by = by_s.map(Duration::from_secs);
        let meant = self.board.all().into_iter().filter(is_meant);
        meant.map(|standing| (standing.connection.clone(), Answer::of(&standing, by))).collect()
    }

    fn status(&self) -> std::io::Result<Vec<u8>> {
        let status = ProgramStatus {
            pid: std::process::id(),
            version: env!("CARGO_PKG_VERSION").to_owned(),
            detached: self.detached.load(Ordering::Relaxed),
            tunnels: self.board.all().iter().map(Into::into).collect(),
        };
        as_line(&status)
    }
}

/// An answer as a line.
fn as_line(answer: &impl Serialize) -> std::io::Result<Vec<u8>> {
    let mut line = serde_json::to_vec(answer)?;
    line.push(b'\n');
    Ok(line)
}
