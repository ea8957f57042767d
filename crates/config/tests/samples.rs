//! Sample files, read by us and by the schema: the two have to agree.

use std::path::{Path, PathBuf};

use adit_config::schema;
use serde_json::Value;

use crate::read;

fn samples(folder: &str) -> Vec<(String, Vec<u8>)> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/samples").join(folder);
    let mut files: Vec<PathBuf> = fs_err::read_dir(folder)
        .expect("a folder of samples")
        .map(|entry| entry.expect("an entry").path())
        .collect();
    files.sort();
    assert!(files.len() > 5);
    let name = |file: &PathBuf| file.file_stem().expect("a name").to_string_lossy().into_owned();
    files.iter().map(|file| (name(file), fs_err::read(file).expect("a sample"))).collect()
}

/// The sample as JSON, as editors see it; `None` where it is no TOML.
fn json(text: &str) -> Option<Value> {
    let text = text.trim_start_matches('\u{feff}');
    let table: Value = toml_edit::de::from_str(text).ok()?;
    // JSON has no dates and no nan: both are texts to an editor's validator.
    Some(table)
}

#[test]
fn samples_that_are_valid() {
    let schema = jsonschema::validator_for(&schema()).expect("a schema");
    for (name, bytes) in samples("valid") {
        let text = String::from_utf8(bytes).expect("text");
        let config =
            read(Some(&text), None).unwrap_or_else(|problems| panic!("{name}: {problems}"));
        config.check().unwrap_or_else(|problems| panic!("{name}: {problems}"));
        let json = json(&text).expect("TOML");
        let errors: Vec<String> =
            schema.iter_errors(&json).map(|error| error.to_string()).collect();
        assert!(errors.is_empty(), "{name}: {errors:?}");
    }
}

#[test]
fn samples_that_are_invalid() {
    let schema = jsonschema::validator_for(&schema()).expect("a schema");
    for (name, bytes) in samples("invalid") {
        let text = String::from_utf8(bytes).expect("text");
        let problems = read(Some(&text), None).err().unwrap_or_else(|| panic!("{name} is read"));
        assert!(problems.count() <= 2, "{name}: {problems}");
        let json = json(&text).expect("TOML");
        assert!(!schema.is_valid(&json), "{name}: the schema takes it, we say {problems}");
    }
}

/// What a schema cannot say: what names refer to, how long spans are, what is a secret.
#[test]
fn samples_that_only_the_parser_refuses() {
    let schema = jsonschema::validator_for(&schema()).expect("a schema");
    for (name, bytes) in samples("beyond-schema") {
        let text = String::from_utf8(bytes).expect("text");
        let problems = read(Some(&text), None).err().unwrap_or_else(|| panic!("{name} is read"));
        assert_eq!(problems.count(), 1, "{name}: {problems}");
        if let Some(json) = json(&text) {
            assert!(
                schema.is_valid(&json),
                "{name}: the schema refuses it too: it belongs to invalid/"
            );
        }
    }
}

/// What is said of each, in one text that is read as a whole.
#[test]
fn what_is_said_of_invalid_samples() {
    let mut said = Vec::new();
    for (name, bytes) in [samples("invalid"), samples("beyond-schema")].concat() {
        let text = String::from_utf8(bytes).expect("text");
        let problems = read(Some(&text), None).err().unwrap_or_else(|| panic!("{name} is read"));
        said.push(format!("# {name}\n{problems}\n"));
    }
    insta::assert_snapshot!(said.join("\n"));
}
