//! Where there are no Unix sockets: nobody is found, and nothing goes to the background. Untried.

use std::io;
use std::path::PathBuf;
use std::time::Duration;

use super::folders::Folders;
use super::message::{Answer, ProgramStatus};
use crate::commands::tunnels::{Board, Member};
use crate::failure::{Failure, Kind};
use crate::journal::Writer;
use crate::signals::Signals;

fn unsupported() -> Failure {
    Failure::new(Kind::Usage, "tunnels cannot go to the background on this platform")
}

#[derive(Debug, Clone, Default)]
pub(crate) struct Watchers;

impl Watchers {
    pub(crate) fn is_any(&self) -> bool {
        false
    }
}

#[derive(Debug)]
pub(crate) struct Desk;

impl Desk {
    pub(crate) fn open(_: &Folders, _: &Writer) -> Result<Self, Failure> {
        Err(unsupported())
    }

    pub(crate) fn detached(&self) {}

    pub(crate) fn watchers(&self) -> Watchers {
        Watchers
    }

    pub(crate) async fn run(&self, _: &Board, _: &[Member]) {
        std::future::pending().await
    }
}

#[derive(Debug)]
pub(crate) struct Detached;

impl Detached {
    pub(crate) fn take(_: u32) -> Result<Self, Failure> {
        Err(unsupported())
    }

    pub(crate) fn leave(self, _: &Folders, _: &[&str], _: u8) -> Result<(), Failure> {
        Err(unsupported())
    }
}

pub(crate) async fn detach(_: Signals) -> Result<u8, Failure> {
    Err(unsupported())
}

#[derive(Debug)]
pub(crate) struct Program {
    pub(crate) status: ProgramStatus,
}

#[derive(Debug, Default)]
pub(crate) struct Found {
    pub(crate) programs: Vec<Program>,
    pub(crate) stale: Vec<String>,
    pub(crate) silent: Vec<PathBuf>,
}

pub(crate) async fn find(_: &Folders) -> Result<Found, Failure> {
    Ok(Found::default())
}

pub(crate) struct Answers;

impl Answers {
    pub(crate) async fn next(&mut self) -> io::Result<Option<ProgramStatus>> {
        Ok(None)
    }
}

impl Program {
    pub(crate) fn has_open(&self, _: &[String]) -> bool {
        false
    }

    pub(crate) fn has_failed(&self, _: &str) -> bool {
        false
    }

    pub(crate) async fn down(&self, _: &[String]) -> io::Result<()> {
        Err(io::ErrorKind::Unsupported.into())
    }

    pub(crate) async fn extend(
        &self,
        _: &[String],
        _: Option<Duration>,
    ) -> io::Result<Vec<(String, Answer)>> {
        Err(io::ErrorKind::Unsupported.into())
    }

    pub(crate) async fn watch(&self) -> io::Result<Answers> {
        Err(io::ErrorKind::Unsupported.into())
    }
}

pub(crate) fn newest(_: &Folders, _: Option<&str>) -> Option<PathBuf> {
    None
}

pub(crate) fn is_alive(_: &std::path::Path) -> bool {
    false
}
