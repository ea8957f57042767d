//! The journal of a process that is gone.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{self, Read as _, Write as _};
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use super::ENDING;
use super::entry::{Began, Entry, Made, VERSION};
use crate::trusted;

/// After so long a journal goes, whatever it names: no session lives that long without its client.
const KEPT: Duration = Duration::from_hours(7 * 24);
/// What has no name yet belongs to a process that begins; or to one that was killed then.
const BEGINNING: Duration = Duration::from_hours(1);
/// The longest journal that is read.
const LIMIT: u64 = 1024 * 1024;

/// A journal that nobody held, held by this process now.
#[derive(Debug)]
pub(super) struct Orphan {
    path: PathBuf,
    file: File,
    pub(super) content: Content,
}

/// What a journal says.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Content {
    /// The process that has written it.
    pub(super) pid: u32,
    pub(super) sessions: BTreeMap<String, Began>,
    pub(super) made: Vec<Made>,
}

impl Content {
    /// Reads the lines; those that make no sense are passed over, as the last one of a process that
    /// was killed while it wrote. `None` is a journal of another form.
    fn parse(text: &str) -> Option<Self> {
        let mut content = Self::default();
        let mut lines = text.lines().map(serde_json::from_str);
        match lines.next() {
            Some(Ok(Entry::Journal { version: VERSION, pid, .. })) => content.pid = pid,
            Some(_) => return None,
            // Killed before the first line was written again.
            None => return Some(content),
        }
        for entry in lines.map_while(Result::ok) {
            match entry {
                Entry::Journal { .. } => {}
                Entry::Began(began) => {
                    content.sessions.insert(began.session.clone(), began);
                }
                Entry::Account { session, account } => {
                    if let Some(began) = content.sessions.get_mut(&session) {
                        began.account = Some(account);
                    }
                }
                Entry::Ended { session } => {
                    content.sessions.remove(&session);
                }
                Entry::Made(made) => content.made.push(made),
            }
        }
        Some(content)
    }
}

impl Orphan {
    /// Takes a journal, if its process is gone and nobody else has taken it.
    fn take(path: PathBuf) -> io::Result<Option<Self>> {
        let mut file = trusted::edit(&path)?;
        if file.try_lock().is_err() || !is_linked(&file) {
            return Ok(None);
        }
        if age(&file) > KEPT {
            std::fs::remove_file(&path)?;
            return Ok(None);
        }
        let mut text = Vec::new();
        (&mut file).take(LIMIT).read_to_end(&mut text)?;
        let content = Content::parse(&String::from_utf8_lossy(&text));
        Ok(content.map(|content| Self { path, file, content }))
    }

    /// Strikes out a session that is over.
    pub(super) fn strike(&mut self, session: &str) {
        self.content.sessions.remove(session);
        let entry = Entry::Ended { session: session.to_owned() };
        // Whoever reads it again ends it again, which does no harm.
        if let Err(error) = entry.line().and_then(|line| self.file.write_all(&line)) {
            tracing::debug!(%error, "a journal cannot be written");
        }
    }

    /// Removes it when it names no session any more.
    pub(super) fn settle(self) {
        if self.content.sessions.is_empty()
            && let Err(error) = std::fs::remove_file(&self.path)
        {
            tracing::debug!(%error, "a journal cannot be removed");
        }
    }
}

/// Takes all journals of processes that are gone.
pub(super) fn all(folder: &Path) -> Vec<Orphan> {
    let mut found = Vec::new();
    for path in std::fs::read_dir(folder).into_iter().flatten().flatten().map(|one| one.path()) {
        if path.extension().is_none_or(|ending| ending != ENDING) {
            forget(&path);
            continue;
        }
        match Orphan::take(path) {
            Ok(orphan) => found.extend(orphan),
            Err(error) => tracing::debug!(%error, "a journal is not read"),
        }
    }
    found
}

/// Removes a journal that has never had its name.
fn forget(path: &Path) {
    let is_old = |data: std::fs::Metadata| {
        data.modified().is_ok_and(|at| at.elapsed().is_ok_and(|age| age > BEGINNING))
    };
    if std::fs::symlink_metadata(path).is_ok_and(is_old) {
        drop(std::fs::remove_file(path));
    }
}

fn age(file: &File) -> Duration {
    let modified = file.metadata().and_then(|data| data.modified());
    modified.map_or(Duration::ZERO, |at| SystemTime::now().duration_since(at).unwrap_or_default())
}

/// Whether the file has not been removed since it was opened, by whoever held it before.
#[cfg(unix)]
fn is_linked(file: &File) -> bool {
    use std::os::unix::fs::MetadataExt as _;

    file.metadata().is_ok_and(|data| data.nlink() > 0)
}

#[cfg(not(unix))]
fn is_linked(_: &File) -> bool {
    true
}

#[cfg(test)]
mod tests {
    use super::*;

    fn began(session: &str) -> Began {
        Began {
            session: session.to_owned(),
            region: "us-east-1".to_owned(),
            endpoint: None,
            account: None,
            identity: "dev".to_owned(),
            at: String::new(),
        }
    }

    fn text(entries: &[Entry]) -> String {
        let lines = entries.iter().flat_map(|entry| entry.line().unwrap());
        String::from_utf8(lines.collect()).unwrap()
    }

    #[test]
    fn what_is_over_is_not_in_it_and_what_is_half_written_does_no_harm() {
        let whole = text(&[
            Entry::first(),
            Entry::Began(began("a")),
            Entry::Began(began("b")),
            Entry::Account { session: "b".to_owned(), account: "1".to_owned() },
            Entry::Ended { session: "a".to_owned() },
        ]);
        let content = Content::parse(&whole).unwrap();
        assert_eq!(content.sessions.keys().collect::<Vec<_>>(), ["b"]);
        assert_eq!(content.sessions["b"].account.as_deref(), Some("1"));
        assert_eq!(content.pid, std::process::id());
        // Wherever it is cut, it says what had been written whole.
        for end in 0..whole.len() {
            let cut = Content::parse(&whole[..end]);
            let lines = whole[..end].matches('\n').count();
            assert!(cut.is_none_or(|content| content.sessions.len() <= lines), "{end}");
        }
        assert_eq!(Content::parse(""), Some(Content::default()));
    }

    #[test]
    fn a_journal_of_a_later_form_is_left_alone() {
        let later = Entry::Journal {
            version: VERSION + 1,
            pid: 1,
            program: String::new(),
            at: String::new(),
        };
        assert_eq!(Content::parse(&text(&[later, Entry::Began(began("a"))])), None);
        assert_eq!(Content::parse("{\"elephant\":1}\n"), None);
    }
}
