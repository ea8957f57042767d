//! The AWS CLI's cache of assumed roles, `~/.aws/cli/cache`: read, and written in its form.
//!
//! What is here follows botocore's `AssumeRoleCredentialFetcher` and `JSONFileCache`.

use std::fmt::Write;
use std::io;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use serde::Deserialize;
use serde_json::json;
use sha1::{Digest, Sha1};
use zeroize::Zeroizing;

use super::hex;
use super::keys::Keys;
use super::role::{Assumed, RoleStep};
use super::secret;
use super::store::{create_private, write_private};
use super::time;

/// The AWS CLI takes an entry for expired this long before it is.
const WINDOW: Duration = Duration::from_mins(15);

/// The folder of the cache.
#[derive(Debug, Clone)]
pub(crate) struct CliCache {
    folder: PathBuf,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Entry {
    credentials: EntryKeys,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct EntryKeys {
    access_key_id: String,
    #[serde(with = "secret")]
    secret_access_key: Zeroizing<String>,
    #[serde(with = "secret")]
    session_token: Zeroizing<String>,
    expiration: String,
    account_id: Option<String>,
}

impl CliCache {
    pub(crate) fn new(home: &Path) -> Self {
        Self { folder: home.join(".aws").join("cli").join("cache") }
    }

    fn path(&self, role: &RoleStep) -> PathBuf {
        self.folder.join(format!("{}.json", key(role)))
    }

    /// The entry for exactly this role, if it lasts long enough.
    pub(crate) fn read(&self, role: &RoleStep, now: SystemTime) -> Option<Keys> {
        let bytes = Zeroizing::new(fs_err::read(self.path(role)).ok()?);
        let entry = serde_json::from_slice::<Entry>(&bytes).ok()?.credentials;
        let expires = time::parse(&entry.expiration)?;
        (expires >= now + WINDOW).then_some(Keys {
            access_key_id: entry.access_key_id,
            secret_access_key: entry.secret_access_key,
            session_token: Some(entry.session_token),
            account: entry.account_id,
            expires: Some(expires),
        })
    }

    /// Writes what the role gave. The entry is readable by the user alone.
    pub(crate) fn write(&self, role: &RoleStep, assumed: &Assumed) -> io::Result<()> {
        let keys = &assumed.keys;
        let (Some(token), Some(expires)) = (&keys.session_token, keys.expires) else {
            return Ok(());
        };
        let expiration = time::format(expires).replace('Z', "UTC");
        let mut entry = json!({
            "Credentials": {
                "AccessKeyId": keys.access_key_id,
                "SecretAccessKey": keys.secret_access_key.as_str(),
                "SessionToken": token.as_str(),
                "Expiration": expiration,
            }
        });
        if let Some(account) = &keys.account {
            entry["Credentials"]["AccountId"] = json!(account);
        }
        if let Some((arn, id)) = &assumed.user {
            entry["AssumedRoleUser"] = json!({ "AssumedRoleId": id, "Arn": arn });
        }
        let text = Zeroizing::new(serde_json::to_vec(&entry)?);
        create_private(&self.folder)?;
        write_private(&self.path(role), &text)
    }
}

/// The name of a role's entry: SHA-1 of the call's arguments as Python's `json.dumps` writes them
/// with sorted keys. A session name that nobody chose is left out.
pub(crate) fn key(role: &RoleStep) -> String {
    let mut text = String::from("{");
    let mut field = |name: &str, value: String| {
        let separator = if text.len() == 1 { "" } else { ", " };
        let _ = write!(text, "{separator}\"{name}\": {value}");
    };
    if let Some(seconds) = role.duration {
        field("DurationSeconds", seconds.to_string());
    }
    if let Some(id) = &role.external_id {
        field("ExternalId", quoted(id));
    }
    field("RoleArn", quoted(&role.arn));
    if let Some(name) = &role.session_name {
        field("RoleSessionName", quoted(name));
    }
    if let Some(serial) = &role.mfa_serial {
        field("SerialNumber", quoted(serial));
    }
    text.push('}');
    hex(&Sha1::digest(text.as_bytes()))
}

/// A string as `json.dumps` writes it: all but printable ASCII is escaped, by UTF-16 unit.
fn quoted(text: &str) -> String {
    let mut out = String::from("\"");
    for c in text.chars() {
        match c {
            '"' => out.push_str("\\\""),
            '\\' => out.push_str("\\\\"),
            '\n' => out.push_str("\\n"),
            '\r' => out.push_str("\\r"),
            '\t' => out.push_str("\\t"),
            '\u{8}' => out.push_str("\\b"),
            '\u{c}' => out.push_str("\\f"),
            ' '..='~' => out.push(c),
            _ => {
                for unit in c.encode_utf16(&mut [0; 2]) {
                    let _ = write!(out, "\\u{unit:04x}");
                }
            }
        }
    }
    out.push('"');
    out
}

#[cfg(test)]
mod tests;
