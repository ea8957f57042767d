//! The crate as its users see it.

#![expect(clippy::unwrap_used, reason = "a test fails by it")]

mod ceilings;
mod edits;
mod hostile;
mod imports;
mod layers;
mod location;
mod messages;
mod samples;
mod schemas;

use std::path::Path;

use adit_config::{Config, Problems};

/// Reads a shared file, a person's own, or both.
fn read(shared: Option<&str>, own: Option<&str>) -> Result<Config, Problems> {
    Config::of_texts(
        shared.map(|text| (Path::new("adit.toml"), text.as_bytes())),
        own.map(|text| (Path::new("config.toml"), text.as_bytes())),
        Some("ana"),
        &|name| match name {
            "ADIT_STAGE" => Some("staging".to_owned()),
            "ADIT_REGION" => Some("eu-west-1".to_owned()),
            "ADIT_REF" => Some("${user}".to_owned()),
            "ADIT_ESCAPE" => Some("a\u{1b}[2J".to_owned()),
            "ADIT_SPACE" => Some("a b".to_owned()),
            "ADIT_KEY" => Some("AKIAIOSFODNN7EXAMPLE".to_owned()),
            "ADIT_TARGET_TEXT" => Some("rds:orders".to_owned()),
            _ => None,
        },
    )
}

/// Reads a shared file that is good.
fn good(text: &str) -> Config {
    read(Some(text), None).unwrap_or_else(|problems| panic!("{problems}"))
}

/// What is said of a shared file that is not.
fn bad(text: &str) -> String {
    match read(Some(text), None) {
        Ok(_) => panic!("nothing is wrong with\n{text}"),
        Err(problems) => problems.to_string(),
    }
}
