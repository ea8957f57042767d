//! What is told while things are done.

use std::time::Duration;

use serde::Serialize;

/// Something to tell while things are done.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(tag = "progress", rename_all = "kebab-case")]
pub enum Progress {
    /// A step begins.
    Step {
        /// Its number, from 1.
        number: usize,
        /// How many there are.
        total: usize,
        /// What it does.
        summary: String,
    },
    /// A step is done.
    Done {
        /// Its number.
        number: usize,
        /// What it made or changed, with its id.
        resource: String,
    },
    /// Something is awaited. It is told again while it lasts.
    Waiting {
        /// What is awaited, as `the bastion i-… to run`.
        what: String,
        /// How long it usually takes, in seconds.
        usually_s: u64,
        /// How long it has taken, in seconds.
        waited_s: u64,
    },
    /// Something that is good to know.
    Note {
        /// One line.
        text: String,
    },
}

/// Where progress is told.
pub(super) type Tell<'a> = &'a mut (dyn FnMut(Progress) + Send);

/// Something that is awaited.
pub(super) struct Wait {
    what: String,
    usually: Duration,
    since: tokio::time::Instant,
}

impl Wait {
    pub(super) fn new(what: impl Into<String>, usually: Duration) -> Self {
        Self { what: what.into(), usually, since: tokio::time::Instant::now() }
    }

    /// How far the waiting is.
    pub(super) fn progress(&self) -> Progress {
        Progress::Waiting {
            what: self.what.clone(),
            usually_s: self.usually.as_secs(),
            waited_s: self.since.elapsed().as_secs(),
        }
    }
}
