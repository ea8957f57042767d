//! Looking for secrets where none may be.

use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

use serde_json::Value;

/// The secrets of all fixtures of this test program: no child of it may say one of them.
static FIXTURES: Mutex<Secrets> = Mutex::new(Secrets(Vec::new()));

/// Has what every child says from now on searched for a secret.
pub(crate) fn watch(secret: &str) {
    FIXTURES.lock().unwrap_or_else(PoisonError::into_inner).add(secret);
}

/// Fails when a secret of a fixture is in what a child has said.
#[track_caller]
pub(crate) fn expect_none_of_fixtures(what: &str, said: &[u8]) {
    FIXTURES.lock().unwrap_or_else(PoisonError::into_inner).expect_none(what, said);
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
        let Value::Object(members) = value else { return };
        for (name, value) in members {
            let name = name.to_lowercase().replace('_', "");
            let is_secret = ["secretaccesskey", "sessiontoken", "accesstoken", "refreshtoken"]
                .into_iter()
                .chain(["clientsecret"])
                .any(|kind| name == kind);
            match value.as_str() {
                Some(text) if is_secret && !text.is_empty() => self.add(text),
                _ => self.add_within(value),
            }
        }
    }

    pub(crate) fn len(&self) -> usize {
        self.0.len()
    }

    /// Which secrets are in some bytes: as they are, percent-encoded, or in their first part, as a
    /// log would cut them.
    pub(crate) fn within(&self, bytes: &[u8]) -> Vec<&str> {
        let text = String::from_utf8_lossy(bytes);
        let has = |needle: &str| text.contains(needle);
        let seen = |secret: &&str| {
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
