//! What is said of problems, as plain text and as data.

use crate::{bad, read};

#[test]
fn all_problems_of_a_file_at_once() {
    let said = bad("version = 1

[defaults]
idle-timeot = \"20m\"
endpoint-url = \"https://example.com\"
password = \"hunter2\"

[targets.orders]
kind = \"rdss\"
id = \"orders\"

[targets.host]
kind = \"host\"
host = \"admin:hunter2@db.internal\"
port = 70000

[connections.prod-db]
target = \"oders\"
local-port = \"5432\"
lanes = 12
max-duration = 8
reason = \"AKIAIOSFODNN7EXAMPLE\"

[groups]
dev = [\"prod-bd\"]
");
    assert!(!said.contains("hunter2") && !said.contains("AKIA"), "{said}");
    insta::assert_snapshot!(said);
}

#[test]
fn twenty_problems_are_shown_and_the_rest_is_counted() {
    let keys: Vec<String> = (0..500).map(|number| format!("key-{number} = 1")).collect();
    let keys = keys.join(
        "
",
    );
    let problems = read(Some(&format!("version = 1\n{keys}")), None).unwrap_err();
    assert_eq!(problems.count(), 500);
    let said = problems.to_string();
    assert_eq!(said.matches("unknown key").count(), 20);
    assert!(said.ends_with("\nand 480 more"), "{said}");
}

#[test]
fn problems_are_data_too() {
    let problems = read(Some("version = 1\nlocl = 2\n"), None).unwrap_err();
    let json = serde_json::to_value(&problems).unwrap();
    assert_eq!(json["list"][0]["file"], "adit.toml");
    assert_eq!(json["list"][0]["line"], 2);
    assert_eq!(json["list"][0]["column"], 1);
    assert_eq!(json["list"][0]["message"], "unknown key `locl`");
    assert!(json["list"][0]["hint"].is_string());
}

#[test]
fn a_newer_file_is_said_to_be_one() {
    let said = bad("version = 2\nwhatever = 1\n[[news]]\n");
    assert!(said.contains("a newer adit may be needed") && !said.contains("whatever"), "{said}");
    assert!(bad("[defaults]\n").contains("begin it with `version = 1`"));
    assert!(bad("").contains("begins with `version = 1`"));
}

#[test]
fn text_that_is_none_is_said_where_it_is() {
    let problems = adit_config::Config::of_texts(
        Some((std::path::Path::new("adit.toml"), b"version = 1\n# \xffx")),
        None,
        None,
        &|_| None,
    );
    let said = problems.unwrap_err().to_string();
    assert!(said.starts_with("adit.toml:2:3: it is not UTF-8 text"), "{said}");
}

#[test]
fn no_line_of_a_secret_over_several_lines_is_shown() {
    for text in [
        "version = 1\npassword = \"\"\"\nhunter2\nhunter2 \u{1} hunter2\n\"\"\"\n",
        "version = 1\nkey = '''\n-----BEGIN RSA PRIVATE KEY-----\nhunter2\n",
        "version = 1\npassword = hunter2\n",
        "version = 1\n[defaults]\nsecret = { a = 1\npassword = \"hunter2",
    ] {
        let said = bad(text);
        assert!(!said.contains("hunter2"), "{said}");
    }
}
