//! The schema, and that it is the parser's.

use adit_config::{schema, user_schema};
use serde_json::{Value, json};

use crate::read;

#[test]
fn the_schema_of_the_shared_file() {
    insta::assert_json_snapshot!(schema());
    jsonschema::meta::validate(&schema()).expect("it is one of draft 2020-12");
}

#[test]
fn the_schema_of_a_persons_file() {
    let schema = user_schema();
    jsonschema::meta::validate(&schema).expect("it is one of draft 2020-12");
    let validator = jsonschema::validator_for(&schema).unwrap();
    for good in [
        json!({}),
        json!({"version": 1, "connections": {"a": {"local-port": 1}}}),
        json!({"version": 1, "defaults": {"ca-bundle": "/x", "mfa-serial": "auto"}}),
    ] {
        assert!(validator.is_valid(&good), "{good}");
        let text = toml_edit::ser::to_string(&good).unwrap();
        assert!(read(None, Some(&text)).is_ok(), "{text}");
    }
    for bad in [json!({"defaults": {}}), json!({"version": 1, "defaults": {"endpoint-url": "x"}})] {
        assert!(!validator.is_valid(&bad), "{bad}");
        assert!(read(None, Some(&toml_edit::ser::to_string(&bad).unwrap())).is_err());
    }
}

/// A key that one of them has and the other has not would be found by nobody else.
#[test]
fn the_schema_and_the_parser_have_the_same_keys() {
    let schema = schema();
    let keys = |definition: &Value| -> Vec<String> {
        definition["properties"].as_object().expect("properties").keys().cloned().collect()
    };
    let known = |section: &str, key: &str| {
        let text = format!("version = 1\n{section}\n{key} = 1979-05-27\n");
        let said = read(Some(&text), None).expect_err("a date is nothing").to_string();
        !said.contains("unknown key") && !said.contains("cannot be set")
    };
    for (definition, section) in [
        ("Defaults", "[defaults]"),
        ("Connection", "[connections.a]"),
        ("Target", "[targets.a]"),
        ("Bastion", "[bastion]"),
    ] {
        let found = keys(&schema["$defs"][definition]);
        assert!(found.len() > 5, "{definition}: {found:?}");
        for key in &found {
            assert!(known(section, key), "{section} {key}");
        }
        // All that any section has is tried in every section.
        for other in ["Defaults", "Connection", "Target", "Bastion"] {
            for key in keys(&schema["$defs"][other]) {
                assert_eq!(known(section, &key), found.contains(&key), "{section} {key}");
            }
        }
    }
}

#[test]
fn every_part_says_what_it_is() {
    let schema = schema();
    for (name, definition) in schema["$defs"].as_object().unwrap() {
        for (key, property) in definition["properties"].as_object().into_iter().flatten() {
            let is_said = property["description"].is_string();
            assert!(is_said, "{name}.{key}");
        }
    }
}
