//! Targets that were listed, for whoever completes what is typed.

use std::io::Write as _;
use std::path::PathBuf;

use crate::trusted;

/// The most targets that are kept.
const MOST: usize = 1_000;

fn file(env: &dyn Fn(&str) -> Option<String>) -> Option<PathBuf> {
    let folder = |name: &str| env(name).map(PathBuf::from).filter(|path| path.is_absolute());
    let base = folder("XDG_CACHE_HOME").or_else(|| Some(folder("HOME")?.join(".cache")))?;
    Some(base.join("adit").join("listed").join("targets.json"))
}

/// Those that were listed last.
pub(crate) fn recall(env: &dyn Fn(&str) -> Option<String>) -> Vec<String> {
    let content = file(env).and_then(|file| trusted::read(&file).ok());
    content.and_then(|content| serde_json::from_slice(&content).ok()).unwrap_or_default()
}

/// Keeps them for the next time; where that cannot be, nobody misses much.
pub(crate) fn keep(env: &dyn Fn(&str) -> Option<String>, targets: &[String]) {
    let Some(file) = file(env) else { return };
    let Some(folder) = file.parent() else { return };
    let write = || {
        trusted::own_folder(folder)?;
        let mut written = tempfile::NamedTempFile::new_in(folder)?;
        serde_json::to_writer(&mut written, &targets.iter().take(MOST).collect::<Vec<_>>())?;
        written.flush()?;
        written.persist(&file)?;
        Ok::<_, std::io::Error>(())
    };
    if let Err(error) = write() {
        tracing::debug!(%error, "what was listed cannot be kept");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_listed_is_recalled() {
        let folder = tempfile::tempdir().unwrap();
        let home = folder.path().display().to_string();
        let env = |name: &str| (name == "HOME").then(|| home.clone());
        assert!(recall(&env).is_empty());
        keep(&env, &["rds:orders".to_owned()]);
        assert_eq!(recall(&env), ["rds:orders"]);
        assert!(recall(&|_| None).is_empty());
    }
}
