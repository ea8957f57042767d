//! Tests that need a program which may not be on this machine.

use std::fmt;
use std::path::PathBuf;

use libtest_mimic::{Failed, Trial};

/// A named test and what it is to do.
pub(crate) type Story = (&'static str, fn());

/// What a test needs and this machine lacks.
#[derive(Clone, Debug)]
pub(crate) struct Missing(String);

impl Missing {
    pub(crate) fn new(what: impl Into<String>) -> Self {
        Self(what.into())
    }
}

impl fmt::Display for Missing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} is not installed", self.0)
    }
}

/// The path of a program in `PATH` or one of `folders`.
pub(crate) fn find(program: &str, folders: &[PathBuf]) -> Result<PathBuf, Missing> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    folders
        .iter()
        .cloned()
        .chain(std::env::split_paths(&path))
        .map(|folder| folder.join(program))
        .find(|candidate| candidate.is_file())
        .ok_or_else(|| Missing::new(program))
}

/// Trials of stories; where what they need is missing they are ignored, with the reason on
/// standard error, or fail when `ADIT_TEST_REQUIRE` is 1.
pub(crate) fn list(
    kind: &'static str,
    stories: &'static [Story],
    missing: Option<Missing>,
) -> impl Iterator<Item = Trial> {
    let required = std::env::var_os("ADIT_TEST_REQUIRE").is_some_and(|value| value == "1");
    stories.iter().map(move |&(name, story)| {
        let missing = missing.clone();
        let ignored = missing.is_some() && !required;
        if let Some(reason) = &missing
            && ignored
        {
            announce(&format!("{kind}::{name} is ignored: {reason}"));
        }
        Trial::test(format!("{kind}::{name}"), move || {
            missing.map_or(Ok(()), |reason| Err(Failed::from(reason.to_string())))?;
            story();
            Ok(())
        })
        .with_ignored_flag(ignored)
    })
}

#[expect(clippy::print_stderr, reason = "where a test program says what it leaves out")]
fn announce(text: &str) {
    eprintln!("{text}");
}
