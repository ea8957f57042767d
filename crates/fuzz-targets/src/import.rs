use std::path::Path;

use adit_config::{Config, FILE_NAME, ImportError, import_basti};

use crate::config::assert_plain;

/// Any bytes as a file of Basti, in YAML and in JSON: an `adit.toml` that reads without a problem and
/// has as many connections as are said, or an error in plain words.
pub fn import(input: &[u8]) {
    for name in [".basti.yaml", ".basti.json"] {
        match import_basti(Path::new(name), input) {
            Ok(imported) => {
                let file = Some((Path::new(FILE_NAME), imported.text.as_bytes()));
                let config = Config::of_texts(file, None, None, &|_| None)
                    .unwrap_or_else(|problems| panic!("{problems}\n{}", imported.text));
                assert_eq!(config.names().len(), imported.connections);
                imported.notes.iter().for_each(|note| assert_plain(note));
                let again = import_basti(Path::new(name), input);
                assert_eq!(again.as_ref(), Ok(&imported), "another outcome the second time");
            }
            Err(error) => {
                assert_plain(&error.to_string());
                let has_place =
                    matches!(&error, ImportError::Syntax(said) if said.contains("line "));
                let is_syntax = matches!(error, ImportError::Syntax(_));
                assert!(has_place || !is_syntax, "without a place: {error}");
            }
        }
    }
}
