//! Files that mean harm, and files that came to it: nothing panics, hangs, or writes to the terminal
//! what it likes.

use std::fmt::Write as _;
use std::path::Path;
use std::time::{Duration, Instant};

use adit_config::{Config, LookupError, Problems};
use proptest::prelude::*;
use rand::SeedableRng as _;
use rand::rngs::StdRng;

use crate::read;

/// What is said must be plain text.
fn assert_plain(text: &str) {
    let is_raw = |c: char| c.is_control() && c != '\n' || ('\u{202a}'..='\u{202e}').contains(&c);
    assert!(!text.contains(is_raw), "{text:?}");
}

/// Reads it as each of the two files, and asks for all that can be asked.
fn judge(bytes: &[u8]) -> bool {
    let path = Path::new("adit.toml");
    let env = |name: &str| (name != "ADIT_UNSET").then(|| format!("{name}\u{1b}"));
    let shared = Config::of_texts(Some((path, bytes)), None, Some("ana"), &env);
    let own = Config::of_texts(None, Some((path, bytes)), None, &|_| None);
    let is_good = shared.is_ok();
    for config in [shared, own] {
        let problems = match config {
            Ok(config) => ask(&config),
            Err(problems) => problems,
        };
        let said = problems.to_string();
        assert_plain(&said);
        assert!(said.lines().all(|line| line.chars().count() < 2000), "a line is too long");
        assert_plain(&serde_json::to_string(&problems).expect("data").replace("\\n", " "));
    }
    is_good
}

fn ask(config: &Config) -> Problems {
    for name in config.names().iter().chain(&config.targets()).take(20) {
        if let Err(LookupError::Problems(problems)) = config.connection(name) {
            assert_plain(&problems.to_string());
        }
    }
    for found in config.explain_all() {
        assert_plain(&found.to_string());
    }
    config.check().err().unwrap_or_default()
}

/// Values of every wrong type and shape for a key.
const VALUES: [&str; 24] = [
    "nan",
    "-inf",
    "1e400",
    "99999999999999999999999999999999999999999",
    "-1",
    "0x7fffffffffffffff",
    "0o7",
    "1979-05-27",
    "07:32:00",
    "true",
    "[]",
    "[[[[]]]]",
    "{}",
    "{ a = { b = { c = 1 } } }",
    "\"\"",
    "\"\\u001b[2J\"",
    "\"${env:HOME}\"",
    "\"${user\"",
    "\"${${user}}\"",
    "\"../../etc/passwd\"",
    "\"a\\u0000b\"",
    "\"\\u202Etxt.exe\"",
    "'''\n\n'''",
    "\"AKIAIOSFODNN7EXAMPLE\"",
];

const KEYS: [(&str, &str); 24] = [
    ("", "version"),
    ("", "defaults"),
    ("", "targets"),
    ("", "connections"),
    ("", "groups"),
    ("", "bastion"),
    ("[defaults]", "profile"),
    ("[defaults]", "region"),
    ("[defaults]", "account"),
    ("[defaults]", "reason"),
    ("[defaults]", "idle-timeout"),
    ("[defaults]", "require-mfa"),
    ("[defaults]", "allow-credentials"),
    ("[defaults]", "lanes"),
    ("[bastion]", "tags"),
    ("[bastion]", "existing"),
    ("[bastion]", "idle-stop"),
    ("[targets.a]", "kind"),
    ("[targets.a]", "id"),
    ("[targets.a]\nkind = 'host'", "host"),
    ("[targets]", "a"),
    ("[connections.a]", "target"),
    ("[connections.a]", "local-port"),
    ("[groups]", "g"),
];

#[test]
fn every_value_for_every_key() {
    let mut count = 0;
    for (section, key) in KEYS {
        for value in VALUES {
            let begin = if key == "version" { "" } else { "version = 1\n" };
            let text = format!("{begin}{section}\n{key} = {value}\n");
            let is_good = judge(text.as_bytes());
            let is_harmless = value == "{}"
                || value == "true"
                || value == "''"
                || key == "tags"
                || key == "reason" && value.contains("etc")
                || key == "lanes" && value == "0o7";
            assert!(!is_good || is_harmless || key == "profile", "{text}");
            count += 1;
        }
    }
    assert!(count >= 500, "{count}");
}

/// Names of connections that would be paths, options, escapes.
#[test]
fn names() {
    let names = [
        "../x",
        "..",
        ".",
        "/etc",
        "-x",
        "--help",
        "a b",
        "a/b",
        "a\\\\b",
        "\\u001b[31m",
        "\\u0000",
        "é",
        "a\\nb",
        "a:b",
        "${user}",
        "\\u202Ex",
        "",
        " ",
        "~",
        "$(id)",
        "`id`",
        "a;b",
        "a|b",
        "*",
        "AKIAIOSFODNN7EXAMPLE ",
    ];
    for name in names {
        for section in ["connections", "targets", "groups"] {
            let text = format!("version = 1\n[{section}.\"{name}\"]\n");
            assert!(!judge(text.as_bytes()), "{text}");
        }
    }
}

#[test]
fn files_that_are_hard_to_read() {
    let deep = 60_000;
    let many_names: String = (0..5000).fold(String::new(), |mut text, n| {
        let _ = writeln!(text, "[connections.c{n}]\ntarget = \"t{n}\"");
        text
    });
    let many_members = format!("version = 1\n[groups]\ng = [{}]", "\"abcdefgh\",".repeat(20_000));
    let many_keys: String = (0..20_000).fold(String::new(), |mut text, n| {
        let _ = writeln!(text, "k{n} = 1");
        text
    });
    let table: Vec<Vec<u8>> = vec![
        vec![],
        b"\xef\xbb\xbf".to_vec(),
        b"\xef\xbb".to_vec(),
        b"\xff\xfe".to_vec(),
        vec![0; 1000],
        vec![0xff; 1000],
        b"version = 1\n\xc3\x28".to_vec(),
        b"\xef\xbb\xbfversion = 1\n# \xff".to_vec(),
        b"version = 1\r\r\n".to_vec(),
        b"version = 1\r".to_vec(),
        format!("version = {}", "[".repeat(deep)).into_bytes(),
        format!("version = {}", "{a=".repeat(deep)).into_bytes(),
        format!("version = 1\n{}a = 1", "a.".repeat(deep)).into_bytes(),
        format!("version = 1\n[{}a]", "a.".repeat(deep)).into_bytes(),
        format!("version = 1\n{}", "[[a]]\n".repeat(20_000)).into_bytes(),
        format!("version = 1\n# {}", "x".repeat(250_000)).into_bytes(),
        format!("version = 1\n[defaults]\nprofile = \"{}\"", "x".repeat(250_000)).into_bytes(),
        format!("version = 1\n[defaults]\nprofile = \"{}\"", "${user}".repeat(30_000)).into_bytes(),
        format!("version = 1\n[defaults]\nprofile = \"{}\"", "${".repeat(100_000)).into_bytes(),
        format!("version = 1\n[defaults]\nprofile = \"{}\"", "\u{202e}".repeat(80_000))
            .into_bytes(),
        format!("version = 1\n{}", "\u{1b}".repeat(250_000)).into_bytes(),
        format!("version = 1\n{many_names}").into_bytes(),
        many_members.into_bytes(),
        format!("version = 1\n{many_keys}").into_bytes(),
        format!("version = 1\n{}", "a = 1\n".repeat(30_000)).into_bytes(),
        format!("version = 1\nx = {}", "9".repeat(250_000)).into_bytes(),
        format!("version = {}", "0".repeat(1000)).into_bytes(),
        format!("version = 1\n{} = 1", "k".repeat(250_000)).into_bytes(),
        format!("version = 1\n\"{}\" = 1", "\\u001b".repeat(30_000)).into_bytes(),
        format!("version = 1\npassword = \"{}\"", "hunter2".repeat(30_000)).into_bytes(),
        format!("version = 1\n[defaults]\nidle-timeout = \"{}h\"", "9".repeat(200_000))
            .into_bytes(),
        format!("version = 1\n[defaults]\nreason = \"{}\"", "eyJ".repeat(80_000)).into_bytes(),
        format!("version = 1\n[defaults]\nreason = \"{}\"", "a://b:".repeat(40_000)).into_bytes(),
    ];
    for bytes in table {
        let begun = Instant::now();
        judge(&bytes);
        let shown = String::from_utf8_lossy(&bytes[..bytes.len().min(40)]).into_owned();
        assert!(begun.elapsed() < Duration::from_mins(1), "{shown:?} took {:?}", begun.elapsed());
    }
}

#[test]
fn secrets_are_refused_and_never_repeated() {
    let token = format!("IQoJb3JpZ2luX2VjEJr{}", "aB3dE9fG1h".repeat(12));
    let secrets = [
        "AKIAIOSFODNN7EXAMPLE",
        "ASIAIOSFODNN7EXAMPLE",
        "AIDAIOSFODNN7EXAMPLE",
        "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY",
        "-----BEGIN RSA PRIVATE KEY-----",
        "ghp_0123456789abcdefghijABCDEFGHIJ012345",
        "github_pat_11ABCDEFG0abcdefghijklmnopqrstuv",
        "https://app:s3cr3t@db.internal/",
        &token,
    ];
    for secret in secrets {
        for text in [
            format!("[defaults]\nprofile = \"{secret}\""),
            format!("[defaults]\nreason = \"because {secret}\""),
            format!("[targets.a]\nkind = \"{secret}\"\nid = \"{secret}\""),
            format!("[targets.a]\nkind = \"host\"\nhost = \"{secret}\"\nport = 1\nvpc = \"vpc-1\""),
            format!("[connections.a]\ntarget = \"{secret}\""),
            format!("[connections.a]\ntarget = \"rds:{secret}\""),
            format!("[groups]\na = [\"{secret}\"]"),
            format!("[bastion]\ntags = {{ a = \"{secret}\" }}"),
            format!("[bastion]\ntags = {{ \"{secret}\" = \"a\" }}"),
            format!("\"{secret}\" = 1"),
            format!("[connections.\"{secret} x\"]\ntarget = \"rds:x\""),
            format!("[defaults]\nlanes = \"{secret}\""),
            format!("[defaults]\nkeep-alive = \"{secret}\""),
            format!("[defaults]\nallow-credentials = [\"{secret}\"]"),
            format!("[defaults]\nregion = {secret}"),
            format!("x = \"\"\"\n{secret}"),
        ] {
            let text = format!("version = 1\n{text}\n");
            let said = read(Some(&text), None).err().unwrap_or_else(|| panic!("{text}"));
            let said = format!("{said}{}", serde_json::to_string(&said).expect("data"));
            let tail =
                if secret.contains("s3cr3t") { "s3cr3t" } else { &secret[secret.len() - 8..] };
            assert!(!said.contains(tail), "{said}");
        }
    }
}

#[test]
fn passwords_in_hosts_are_never_repeated() {
    for host in ["app:hunter2@db", "hunter2@db", ":hunter2@db", "a:hunter2@b@c"] {
        for text in [
            format!("[targets.a]\nkind = \"host\"\nhost = \"{host}\"\nport = 1\nvpc = \"vpc-1\""),
            format!("[connections.a]\ntarget = \"host:{host}:5432@vpc-1\""),
        ] {
            let said = read(Some(&format!("version = 1\n{text}")), None).unwrap_err().to_string();
            assert!(!said.contains("hunter2"), "{said}");
        }
    }
}

/// Bytes, lines and words of good files, moved about by a seeded hand.
#[test]
fn good_files_gone_bad() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/samples");
    let mut samples = Vec::new();
    for part in ["valid", "invalid", "beyond-schema"] {
        let mut files: Vec<_> = fs_err::read_dir(folder.join(part))
            .unwrap()
            .map(|entry| entry.unwrap().path())
            .collect();
        files.sort();
        samples.extend(files.into_iter().map(|file| fs_err::read(file).unwrap()));
    }
    let mut random = StdRng::seed_from_u64(0xad17);
    let begun = Instant::now();
    for _ in 0..3000 {
        let mut bytes = samples[random.random_range(0..samples.len())].clone();
        for _ in 0..random.random_range(1..6) {
            mutate(&mut bytes, &samples, &mut random);
        }
        judge(&bytes);
    }
    assert!(begun.elapsed() < Duration::from_mins(2), "{:?}", begun.elapsed());
}

/// What does harm in many places.
const SPICE: [&[u8]; 20] = [
    b"\x1b[31m",
    b"\0",
    b"${user}",
    b"${",
    b"\"",
    b"'''",
    b"[",
    b"]",
    b"{",
    b"=",
    b"\n",
    b"\r",
    b"\xff",
    b"\xe2\x80\xae",
    b"#",
    b".",
    b"[[x]]\n",
    b"AKIAIOSFODNN7EXAMPLE",
    b"version = 1\n",
    b"99999999999999999999",
];

fn mutate(bytes: &mut Vec<u8>, samples: &[Vec<u8>], random: &mut StdRng) {
    let at = random.random_range(0..=bytes.len());
    let to = random.random_range(at..=bytes.len().min(at + 40));
    match random.random_range(0..6) {
        0 => {
            bytes.drain(at..to);
        }
        1 => drop(bytes.splice(at..at, SPICE[random.random_range(0..SPICE.len())].iter().copied())),
        2 => {
            if let Some(byte) = bytes.get_mut(at) {
                *byte = random.random();
            }
        }
        3 => {
            let again = bytes[at..to].to_vec();
            drop(bytes.splice(at..at, again));
        }
        4 => {
            let other = &samples[random.random_range(0..samples.len())];
            let from = random.random_range(0..=other.len());
            let end = other.len().min(from + 80);
            drop(bytes.splice(at..at, other[from..end].iter().copied()));
        }
        _ => bytes.truncate(at),
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 256, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn any_bytes(bytes in proptest::collection::vec(any::<u8>(), 0..400)) {
        judge(&bytes);
    }

    #[test]
    fn any_text_as_a_value(text in any::<String>(), key in 0..KEYS.len()) {
        let (section, key) = KEYS[key];
        let value = toml_edit::Value::from(text).to_string();
        judge(format!("version = 1\n{section}\n{key} = {value}\n").as_bytes());
    }

    /// What is valid stays what it is, whatever the values.
    #[test]
    fn valid_values_come_through(
        name in "[A-Za-z0-9][A-Za-z0-9._-]{0,63}", id in "[a-z][a-z0-9-]{0,30}", port in 1..=65535_u16, minutes in 1..=1440_u64,
    ) {
        let text = format!("version = 1\n[connections.\"{name}\"]\ntarget = \"rds:{id}\"\nlocal-port = {port}\nidle-timeout = \"{minutes}m\"\n");
        let connection = crate::good(&text).connection(&name).unwrap();
        prop_assert_eq!(connection.target.spec, format!("rds:{id}"));
        prop_assert_eq!(connection.settings.idle_timeout.value, Duration::from_mins(minutes));
    }

    /// Whatever both files say, nothing is looser than the shared file has it.
    #[test]
    fn a_person_never_loosens(shared in 1..=1440_u64, own in 1..=1440_u64, disconnect in any::<bool>(), age in 1..600_u64) {
        let team = format!("version = 1\n[connections.a]\ntarget = \"rds:x\"\nidle-timeout = \"{shared}m\"\ndisconnect-on-expiry = true\nrequire-mfa = {{ max-age = \"60m\" }}\n");
        let person = format!("version = 1\n[connections.a]\nidle-timeout = \"{own}m\"\ndisconnect-on-expiry = {disconnect}\nrequire-mfa = {{ max-age = \"{age}m\" }}\n");
        let settings = read(Some(&team), Some(&person)).unwrap().connection("a").unwrap().settings;
        prop_assert_eq!(settings.idle_timeout.value, Duration::from_mins(shared.min(own)));
        prop_assert!(settings.disconnect_on_expiry.value);
        prop_assert_eq!(settings.require_mfa.unwrap().value, adit_config::RequireMfa::MaxAge(Duration::from_mins(age.min(60))));
    }
}
