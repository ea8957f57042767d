//! What a process would leave behind if it were killed: sessions at the service, sockets, files.
//!
//! Each process that opens tunnels keeps a journal, a file that it holds locked while it lives and
//! removes at its end. A journal that nobody holds is that of a killed process, or of one that could
//! not end its sessions: the next process removes the files that it names and ends its sessions.
//! A lock goes with its process whatever the end, so no number of a process, which another one may
//! have by then, has to be trusted.

mod entry;
mod notes;
mod orphan;
mod source;
mod sweep;

use std::collections::{BTreeMap, HashSet};
use std::fs::File;
use std::io::{self, Seek as _, Write as _};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use jiff::Timestamp;

use self::entry::{Began, Entry, Made};
pub(crate) use self::notes::Notes;
pub(crate) use self::sweep::{sweep, tidy};
use crate::background::Folders;

/// How a journal's name ends.
const ENDING: &str = "journal";

/// The journal of this process. At its end, which dropping it says, the file goes, unless it names
/// sessions that could not be ended.
#[derive(Debug)]
pub(crate) struct Journal(Writer);

/// Writes into the journal; clones write into the same one. One without a journal does nothing:
/// tunnels need none.
#[derive(Debug, Clone, Default)]
pub(crate) struct Writer(Option<Arc<Inner>>);

#[derive(Debug)]
struct Inner {
    folders: Folders,
    path: PathBuf,
    book: Mutex<Book>,
    /// For whom what others have left was looked through.
    swept: Mutex<HashSet<String>>,
}

/// What the journal says so far.
#[derive(Debug)]
struct Book {
    file: File,
    sessions: BTreeMap<String, Began>,
    made: Vec<Made>,
    /// Whether the process is ending, and what happens now is no news.
    is_closed: bool,
}

impl Journal {
    /// Begins the journal of this process.
    pub(crate) fn open(folders: &Folders) -> Self {
        Self(match begin(folders) {
            Ok(inner) => Writer(Some(Arc::new(inner))),
            Err(why) => {
                tracing::debug!(why, "there is no journal; what a kill leaves stays");
                Writer::default()
            }
        })
    }

    pub(crate) fn writer(&self) -> Writer {
        self.0.clone()
    }
}

impl Drop for Journal {
    fn drop(&mut self) {
        let Some(inner) = &self.0.0 else { return };
        let mut book = inner.book();
        book.is_closed = true;
        if !book.sessions.is_empty() {
            tracing::debug!("the journal stays: a session could not be ended");
            return;
        }
        if let Err(error) = std::fs::remove_file(&inner.path) {
            tracing::debug!(%error, "cannot remove the journal");
        }
    }
}

/// Makes the file and locks it, before it has the name by which others find it.
fn begin(folders: &Folders) -> Result<Inner, String> {
    let folder = folders.journals().map_err(|failure| failure.message)?;
    let fault = |error: io::Error| error.to_string();
    let mut file = tempfile::NamedTempFile::new_in(&folder).map_err(fault)?;
    file.as_file().try_lock().map_err(|error| error.to_string())?;
    file.write_all(&Entry::first().line().map_err(fault)?).map_err(fault)?;
    // The number alone may be another's too, in a container that shares the folder.
    let name = format!("{}-{:08x}.{ENDING}", std::process::id(), rand::random::<u32>());
    let path = folder.join(name);
    let file = file.persist_noclobber(&path).map_err(|error| error.to_string())?;
    Ok(Inner {
        folders: folders.clone(),
        path,
        book: Mutex::new(Book {
            file,
            sessions: BTreeMap::new(),
            made: Vec::new(),
            is_closed: false,
        }),
        swept: Mutex::default(),
    })
}

impl Inner {
    fn book(&self) -> MutexGuard<'_, Book> {
        self.book.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Writer {
    /// A file was made that goes with the process.
    pub(crate) fn made(&self, path: &Path) {
        self.change(|book| {
            // Other folders may be worked in by whoever reads it.
            let made = Made::of(&std::path::absolute(path)?)?;
            book.made.push(made.clone());
            book.write(&Entry::Made(made))
        });
    }

    /// A session was started.
    fn began(&self, began: Began) {
        self.change(|book| {
            book.sessions.insert(began.session.clone(), began.clone());
            book.write(&Entry::Began(began))
        });
    }

    /// A session's account became known.
    fn account(&self, session: &str, account: String) {
        self.change(|book| {
            let Some(began) = book.sessions.get_mut(session) else { return Ok(()) };
            began.account = Some(account.clone());
            book.write(&Entry::Account { session: session.to_owned(), account })
        });
    }

    /// A session is over.
    fn ended(&self, session: &str) {
        self.change(|book| {
            if book.sessions.remove(session).is_none() {
                return Ok(());
            }
            if book.sessions.is_empty() {
                return book.begin_anew();
            }
            book.write(&Entry::Ended { session: session.to_owned() })
        });
    }

    /// Whether this is the first time that it is asked, and there is a journal at all.
    fn is_first(&self, what: &str) -> Option<Folders> {
        let inner = self.0.as_ref()?;
        let mut swept = inner.swept.lock().unwrap_or_else(PoisonError::into_inner);
        swept.insert(what.to_owned()).then(|| inner.folders.clone())
    }

    fn change(&self, change: impl FnOnce(&mut Book) -> io::Result<()>) {
        let Some(inner) = &self.0 else { return };
        let mut book = inner.book();
        if book.is_closed {
            return;
        }
        if let Err(error) = change(&mut book) {
            tracing::debug!(%error, "the journal cannot be written");
        }
    }
}

impl Book {
    fn write(&mut self, entry: &Entry) -> io::Result<()> {
        self.file.write_all(&entry.line()?)
    }

    /// Leaves out what is over, lest a process that runs for months has a book of them.
    fn begin_anew(&mut self) -> io::Result<()> {
        let mut text = Entry::first().line()?;
        for made in &self.made {
            text.extend(Entry::Made(made.clone()).line()?);
        }
        self.file.set_len(0)?;
        self.file.rewind()?;
        self.file.write_all(&text)
    }
}

/// Now, as journals say it.
fn now() -> String {
    Timestamp::now().strftime("%Y-%m-%dT%H:%M:%SZ").to_string()
}
