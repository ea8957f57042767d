//! Looking for secrets where none may be.

use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, PoisonError};

use serde_json::Value;

/// The secrets of all fixtures of this test program: no child of it may say one of them.
static FIXTURES: Mutex<Secrets> = Mutex::new(Secrets(Vec::new()));

/// The folders of a home that are made to hold secrets, for its owner alone.
pub(crate) const STORES: [&str; 4] =
    [".cache/adit/credentials", ".aws/cli/cache", ".aws/sso/cache", ".aws/login/cache"];

/// The members of JSON that hold a secret, in any way of writing them.
const MEMBERS: [&str; 6] =
    ["secretaccesskey", "sessiontoken", "accesstoken", "refreshtoken", "clientsecret", "dpopkey"];

fn fixtures() -> MutexGuard<'static, Secrets> {
    FIXTURES.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Has what every child says from now on searched for a secret.
pub(crate) fn watch(secret: &str) {
    fixtures().add(secret);
}

/// The same for the secrets in JSON.
pub(crate) fn watch_within(value: &Value) {
    fixtures().add_within(value);
}

/// The same for what the stores of a home hold at this moment.
pub(crate) fn watch_stores(home: &Path) {
    for path in STORES.iter().flat_map(|folder| files(&home.join(folder))) {
        // Another process may have put a newer one in its place, or removed it.
        let Ok(text) = std::fs::read_to_string(path) else { continue };
        watch_within(&serde_json::from_str(&text).unwrap_or(Value::Null));
    }
}

/// Fails when a secret of a fixture is in what a child has said.
#[track_caller]
pub(crate) fn expect_none_of_fixtures(what: &str, said: &[u8]) {
    fixtures().expect_none(what, said);
}

/// The secrets of fixtures that are in some bytes, but for those that are in `given` too.
pub(crate) fn fixtures_within(bytes: &[u8], given: &[u8]) -> Vec<String> {
    let fixtures = fixtures();
    let passed = fixtures.within(given);
    let found = fixtures.within(bytes).into_iter().filter(|secret| !passed.contains(secret));
    found.map(str::to_owned).collect()
}

/// Every file below a folder.
pub(crate) fn files(folder: &Path) -> Vec<PathBuf> {
    let Ok(entries) = std::fs::read_dir(folder) else { return Vec::new() };
    let paths = entries.filter_map(|entry| Some(entry.ok()?.path()));
    paths.flat_map(|path| if path.is_dir() { files(&path) } else { vec![path] }).collect()
}

/// What must be seen nowhere.
#[derive(Default)]
pub(crate) struct Secrets(Vec<String>);

impl Secrets {
    /// Adds one. What is too short to be told from other text is no secret that can be looked for.
    pub(crate) fn add(&mut self, secret: &str) {
        assert!(secret.len() >= 6, "too short to be looked for: {secret:?}");
        if !self.0.iter().any(|known| known == secret) {
            self.0.push(secret.to_owned());
        }
    }

    /// Adds what a file of credentials holds.
    pub(crate) fn add_held(&mut self, path: &Path) {
        let text = std::fs::read_to_string(path).expect("a file");
        self.add_within(&serde_json::from_str(&text).unwrap_or(Value::Null));
    }

    fn add_within(&mut self, value: &Value) {
        match value {
            Value::Array(values) => values.iter().for_each(|value| self.add_within(value)),
            Value::Object(members) => {
                for (name, value) in members {
                    let name = name.to_lowercase().replace('_', "");
                    match value.as_str() {
                        Some(text) if MEMBERS.contains(&&*name) && !text.is_empty() => {
                            self.add(text);
                        }
                        _ => self.add_within(value),
                    }
                }
            }
            _ => {}
        }
    }

    pub(crate) fn len(&self) -> usize {
        self.0.len()
    }

    /// Which secrets are in some bytes: as they are, percent-encoded, or in their first part, as a
    /// log would cut them. Digits alone count as a word alone: times and lengths have such parts.
    pub(crate) fn within(&self, bytes: &[u8]) -> Vec<&str> {
        let text = String::from_utf8_lossy(bytes);
        let has = |needle: &str| text.contains(needle);
        let seen = |secret: &&str| {
            if secret.bytes().all(|byte| byte.is_ascii_digit()) {
                return has_word(&text, secret);
            }
            let head: String = secret.chars().take(24).collect();
            has(&head) || has(&encoded(&head))
        };
        self.0.iter().map(String::as_str).filter(seen).collect()
    }

    /// Fails when one is in some bytes.
    #[track_caller]
    pub(crate) fn expect_none(&self, what: &str, bytes: &[u8]) {
        let found = self.within(bytes);
        assert!(found.is_empty(), "{what} has {found:?}:\n{}", String::from_utf8_lossy(bytes));
    }

    /// The same for files.
    pub(crate) fn expect_none_in(&self, files: &[PathBuf]) {
        for path in files {
            self.expect_none(&path.display().to_string(), &std::fs::read(path).expect("a file"));
        }
    }
}

/// Whether digits stand in a text with neither a letter nor a digit beside them, and are not the
/// fraction of a number.
fn has_word(text: &str, digits: &str) -> bool {
    text.match_indices(digits).any(|(at, _)| {
        let before = text[..at].chars().next_back();
        let after = text[at + digits.len()..].chars().next();
        before.is_none_or(|c| !c.is_alphanumeric() && c != '.')
            && after.is_none_or(|c| !c.is_alphanumeric())
    })
}

/// As a form or a URL has it.
fn encoded(text: &str) -> String {
    text.bytes()
        .map(|byte| match byte {
            b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'-' | b'_' | b'.' | b'~' => {
                char::from(byte).to_string()
            }
            other => format!("%{other:02X}"),
        })
        .collect()
}
