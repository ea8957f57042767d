//! Files of Basti made files of adit.

use std::fmt::Write as _;
use std::path::Path;
use std::time::{Duration, Instant};

use adit_config::{BASTI_FILES, ImportError, Imported, import_basti};

use crate::good;

fn import(text: &str) -> Result<Imported, ImportError> {
    import_basti(Path::new(".basti.yaml"), text.as_bytes())
}

const FILE: &str = "
connections:
  orders:
    target: ordersDb
    localPort: 5432
  inline:
    target:
      customTargetVpc: vpc-0a1b2c
      customTargetHost: db.internal
      customTargetPort: 5432
      awsProfile: prod
      awsRegion: eu-west-1
    localPort: 6000
  old cluster: &old
    target: { elasticacheCluster: sessions }
    localPort: 6379
  again: *old
  node:
    target: { elasticacheRedisNode: sessions-0001-002 }
  old-node:
    target: { elasticacheNode: sessions-003 }
  odd-node:
    target: { elasticacheRedisNode: odd }
  memcached:
    target: { elasticacheMemcachedCluster: mc }
  memcached-node:
    target: { elasticacheMemcachedNode: mc-0002 }
  lost:
    target: nowhere
    localPort: 1
  bad-port:
    target: ordersDb
    localPort: 99999
  -dashes-:
    target: { rdsCluster: aurora, rdsInstance: first }
    colour: blue
targets:
  ordersDb:
    rdsInstance: orders-prod
    awsProfile: dev
  two words:
    rdsCluster: aurora
  bad:
    customTargetVpc: main
    customTargetHost: user:pw@h
    customTargetPort: 0
extra: 1
";

#[test]
fn every_kind_of_target() {
    let imported = import(FILE).unwrap();
    insta::assert_snapshot!(format!(
        "{}\n{} connections\n- {}",
        imported.text,
        imported.connections,
        imported.notes.join("\n- ")
    ));
    let config = good(&imported.text);
    config.check().unwrap();
    assert_eq!(
        config.connection("inline").unwrap().target.spec,
        "host:db.internal:5432@vpc-0a1b2c"
    );
    assert_eq!(
        config.connection("node").unwrap().target.spec,
        "elasticache:sessions/sessions-0001-002"
    );
    assert_eq!(config.connection("memcached-node").unwrap().target.spec, "elasticache:mc/0002");
}

#[test]
fn json_is_read_too() {
    let json = br#"{"connections": {"a": {"target": {"rdsInstance": "x"}, "localPort": 1}}}"#;
    for name in BASTI_FILES.iter().filter(|name| name.ends_with("json")) {
        let imported = import_basti(Path::new(name), json).unwrap();
        assert_eq!(imported.connections, 1);
        assert_eq!(good(&imported.text).connection("a").unwrap().target.spec, "rds:x");
    }
    assert_eq!(import(std::str::from_utf8(json).unwrap()).unwrap().connections, 1, "JSON is YAML");
}

#[test]
fn names_never_clash_after_they_were_changed() {
    let imported = import("connections:\n  a b: {target: {rdsInstance: x}}\n  a-b: {target: {rdsInstance: y}}\n  'a/b': {target: {rdsInstance: z}}\n").unwrap();
    let names = good(&imported.text).names();
    assert_eq!(names.len(), 3, "{names:?}");
    assert_eq!(imported.connections, 3);
}

fn bomb() -> String {
    let mut text = "a0: &a0 [x, x, x, x, x, x, x, x, x]\n".to_owned();
    for level in 1..12 {
        let before = level - 1;
        let again = vec![format!("*a{before}"); 9].join(", ");
        let _ = writeln!(text, "a{level}: &a{level} [{again}]");
    }
    text + "connections: *a11\n"
}

#[test]
fn what_is_no_file_of_basti_is_refused_soon() {
    let deep = "[".repeat(100_000);
    let maps = "{a: ".repeat(20_000);
    let indented = (0..2000).fold(String::new(), |text, depth| {
        text + &" ".repeat(depth % 200)
            + "a:
"
    });
    let json_deep = format!("{{\"connections\": {}", "{\"a\":".repeat(50_000));
    let table = [
        "",
        "null",
        "[]",
        "1",
        "text",
        "connections: 1",
        "connections: []",
        "targets: x",
        "connections: {a: ",
        "a: b: c",
        "\u{0}",
        "- - - - -",
        "connections: !!binary x",
        "&a *a",
        "a: &a {b: *a}",
        "connections: &a {x: *a}",
        "? ? ? ?",
        "a: 1\na: 2",
        "--- \n---\n",
        "%YAML 9.9\n--- a",
        "connections: {1: 2}",
        "<<: *x",
        "connections: {<<: {a: 1}}",
    ];
    let begun = Instant::now();
    for text in
        table.into_iter().chain([bomb().as_str(), deep.as_str(), maps.as_str(), indented.as_str()])
    {
        match import(text) {
            Ok(imported) => drop(good(&imported.text)),
            Err(error) => {
                assert!(!error.to_string().contains(|c: char| c.is_control() && c != '\n'));
            }
        }
    }
    assert!(import(&bomb()).is_err() && import(&deep).is_err() && import(&maps).is_err());
    let json = import_basti(Path::new("basti.json"), json_deep.as_bytes());
    assert!(matches!(json, Err(ImportError::Syntax(_))), "{json:?}");
    assert_eq!(import(&" ".repeat(300 * 1024)), Err(ImportError::TooLarge));
    assert_eq!(import_basti(Path::new("x.yml"), b"\xff"), Err(ImportError::NoText));
    assert!(begun.elapsed() < Duration::from_secs(20));
}

#[test]
fn nothing_hostile_gets_through_names_and_values() {
    let hostile = [
        "\\e[31mred",
        "../../etc/passwd",
        "a\\nb = 1\\n[x]",
        "${env:HOME}",
        "AKIAIOSFODNN7EXAMPLE",
        "\\0",
        "é",
        "\\u202Eabc",
        "a\\\"]\\n[evil]",
        " ",
        "",
    ];
    for text in hostile {
        for file in [
            format!("connections:\n  \"{text}\": {{target: {{rdsInstance: x}}}}\n"),
            format!("connections:\n  a: {{target: {{rdsInstance: \"{text}\"}}}}\n"),
            format!(
                "connections:\n  a: {{target: {{rdsInstance: x, awsProfile: \"{text}\", awsRegion: \"{text}\"}}}}\n"
            ),
            format!(
                "connections:\n  a: {{target: {{customTargetVpc: vpc-1, customTargetHost: \"{text}\", customTargetPort: 1}}}}\n"
            ),
            format!(
                "connections:\n  a: {{target: \"{text}\", \"{text}\": 1}}\ntargets:\n  \"{text}\": {{rdsCluster: x}}\n"
            ),
        ] {
            let Ok(imported) = import(&file) else { continue };
            let said = imported.notes.join("\n") + &imported.text;
            assert!(!said.contains(|c: char| c.is_control() && c != '\n'), "{said:?}");
            assert!(
                !said.contains("AKIA") && !said.contains("\n[x]") && !said.contains("\n[evil]"),
                "{said}"
            );
            good(&imported.text);
        }
    }
}
