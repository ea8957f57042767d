use std::path::Path;

use adit_config::edit::Edit;
use adit_config::{Config, Explanation, FILE_NAME, LookupError, Problems};

/// Between the text of the shared file and that of the user's own.
const BETWEEN: u8 = 0;

/// The most keys that are asked for one by one.
const QUESTIONS: usize = 4;

/// Two files of any bytes, the shared one and, behind a zero byte, the user's own: a configuration
/// that explains itself and survives being written, or problems with their places, in plain words.
pub fn config(input: &[u8]) {
    let mut parts = input.splitn(2, |byte| *byte == BETWEEN);
    let shared = parts.next().unwrap_or_default();
    let own = parts.next();
    let env = |name: &str| (name != "ADIT_UNSET").then(|| format!("{name}\u{1b}"));
    let shared_file = (Path::new(FILE_NAME), shared);
    let own_file = own.map(|own| (Path::new("config.toml"), own));
    let read = || Config::of_texts(Some(shared_file), own_file, Some("ana"), &env);
    match read() {
        Ok(config) => {
            ask(&config);
            let again = read().expect("what was read once can be read again");
            assert_eq!(again.explain_all(), config.explain_all());
        }
        Err(problems) => judge(&problems, &[Some(shared), own]),
    }
    if let Ok(text) = str::from_utf8(shared) {
        written(text);
    }
}

/// Asks for everything that can be asked.
fn ask(config: &Config) {
    for name in config.names().iter().chain(&config.targets()) {
        if let Err(LookupError::Problems(problems)) = config.connection(name) {
            assert_plain(&problems.to_string());
        }
        let _found = config.target(name);
    }
    for (name, members) in config.groups() {
        if let Ok(expanded) = config.expand(&[name]) {
            assert!(expanded.iter().all(|member| members.contains(member)));
        }
    }
    let all = config.explain_all();
    for found in &all {
        assert_plain(&found.to_string());
    }
    // Each question is answered by explaining all, so some have to do.
    for found in all.iter().step_by(all.len() / QUESTIONS + 1) {
        let again = config.explain(&found.key).expect("what is explained can be asked for");
        assert_eq!(again.key, found.key);
    }
    if let Err(problems) = config.check() {
        assert_plain(&problems.to_string());
    }
}

/// Every problem says where it is.
fn judge(problems: &Problems, texts: &[Option<&[u8]>]) {
    assert!(!problems.is_empty());
    assert_plain(&problems.to_string());
    let lines = |text: &[u8]| text.iter().filter(|byte| matches!(byte, b'\n' | b'\r')).count() + 1;
    let most = texts.iter().flatten().map(|text| lines(text)).max().unwrap_or_default();
    for problem in problems.list() {
        match (problem.line, problem.column) {
            (Some(line), Some(column)) => {
                assert!((1..=most + 1).contains(&line) && column >= 1, "{problem}");
            }
            (None, None) => assert!(is_of_whole_file(&problem.message), "no place: {problem}"),
            _ => panic!("half a place: {problem}"),
        }
    }
}

/// What is wrong with a file and with no line of it.
fn is_of_whole_file(message: &str) -> bool {
    ["larger than", "UTF-8", "version"].into_iter().any(|word| message.contains(word))
}

/// What reads without a problem stays what it is when it is written.
fn written(text: &str) {
    let path = Path::new(FILE_NAME);
    let read =
        |text: &str| Config::of_texts(Some((path, text.as_bytes())), None, None, &|_| None).ok();
    let Some(config) = read(text) else { return };
    let Ok(edit) = Edit::shared(path, Some(text)) else {
        panic!("it can be read, and not changed");
    };
    let written = edit.text().unwrap_or_else(|problems| panic!("{problems}"));
    let again = read(&written).expect("what was written can be read");
    let values = |config: &Config| -> Vec<(String, Option<String>)> {
        let value = |found: Explanation| (found.key, found.value);
        config.explain_all().into_iter().map(value).collect()
    };
    assert_eq!(values(&again), values(&config), "written it means something else");
}

/// What is said must be plain text: nothing that a terminal would obey.
pub(crate) fn assert_plain(text: &str) {
    let is_raw = |c: char| c.is_control() && c != '\n' || ('\u{202a}'..='\u{202e}').contains(&c);
    assert!(!text.contains(is_raw), "{text:?}");
}
