//! The shape of the workspace: who depends on whom, and what the core must not do.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use cargo_metadata::{DependencyKind, MetadataCommand, Package};

/// The edges between the crates. Nothing else is allowed.
const EDGES: [(&str, &[&str]); 9] = [
    ("adit", &["adit-aws", "adit-config", "adit-lab", "adit-tunnel"]),
    ("adit-aws", &[]),
    ("adit-config", &[]),
    ("adit-engine", &["adit-wire"]),
    ("adit-fuzz-targets", &["adit-config", "adit-engine", "adit-lab", "adit-wire"]),
    ("adit-lab", &["adit-wire"]),
    ("adit-sim", &["adit-engine", "adit-wire"]),
    ("adit-tunnel", &["adit-engine", "adit-wire"]),
    ("adit-wire", &[]),
];

/// The edges that only tests have.
const TEST_EDGES: [(&str, &str); 1] = [("adit-aws", "adit-lab")];

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

fn packages() -> BTreeMap<String, Package> {
    MetadataCommand::new()
        .manifest_path(root().join("Cargo.toml"))
        .no_deps()
        .other_options(vec!["--offline".to_owned(), "--locked".to_owned()])
        .exec()
        .expect("cargo metadata")
        .packages
        .into_iter()
        .map(|package| (package.name.to_string(), package))
        .collect()
}

#[test]
fn crates_depend_on_each_other_as_drawn() {
    let packages = packages();
    let names: BTreeSet<&str> = packages.keys().map(String::as_str).collect();
    assert_eq!(names, EDGES.map(|(name, _)| name).into(), "a crate has no line here");
    for (name, allowed) in EDGES {
        let found: BTreeSet<&str> = packages[name]
            .dependencies
            .iter()
            .map(|dependency| (dependency.name.as_str(), dependency.kind))
            .filter(|&(dependency, kind)| {
                let of_tests = TEST_EDGES.contains(&(name, dependency));
                names.contains(dependency) && !(of_tests && kind == DependencyKind::Development)
            })
            .map(|(dependency, _)| dependency)
            .collect();
        assert_eq!(found, allowed.iter().copied().collect(), "{name}");
    }
}

/// Only the AWS crate may know the SDK: a change elsewhere then never recompiles it, and nothing
/// else can call AWS.
#[test]
fn only_the_aws_crate_knows_the_sdk() {
    for (name, package) in packages() {
        let sdk = package.dependencies.iter().find(|dependency| {
            // The cryptography has the prefix as well, and nothing else of the SDK.
            dependency.kind == DependencyKind::Normal
                && dependency.name.starts_with("aws-")
                && dependency.name != "aws-lc-rs"
        });
        assert!(name == "adit-aws" || sdk.is_none(), "{name}: {sdk:?}");
    }
}

#[test]
fn the_core_has_no_runtime_and_no_source_of_chance() {
    let packages = packages();
    for name in ["adit-wire", "adit-engine"] {
        for dependency in &packages[name].dependencies {
            let dependency = (dependency.name.as_str(), dependency.kind);
            let banned = ["tokio", "getrandom", "mio", "socket2", "async-std", "smol", "rustix"];
            assert!(
                dependency.1 != DependencyKind::Normal || !banned.contains(&dependency.0),
                "{name} depends on {}",
                dependency.0
            );
        }
    }
}

#[test]
fn the_core_reads_no_clock_no_entropy_and_no_environment() {
    let banned = [
        "Instant::now",
        "SystemTime",
        "UNIX_EPOCH",
        "Uuid::new_v4",
        ".elapsed()",
        "thread_rng",
        "rand::rng(",
        "SysRng",
        "OsRng",
        "from_os_rng",
        "RandomState",
        "getrandom",
        "std::env::",
        "std::net::Tcp",
        "std::fs::",
        "std::thread::",
    ];
    let mut files = 0;
    for name in ["wire", "engine"] {
        let sources = sources(&root().join("crates").join(name).join("src"));
        let texts: Vec<(PathBuf, String)> = sources
            .into_iter()
            .map(|file| (file.clone(), std::fs::read_to_string(file).expect("a source file")))
            .collect();
        let tests: BTreeSet<&str> = texts.iter().flat_map(|(_, text)| test_modules(text)).collect();
        for (file, text) in &texts {
            let stem = file.file_stem().and_then(|stem| stem.to_str()).expect("a file name");
            let within = file.iter().any(|part| part.to_str().is_some_and(|p| tests.contains(p)));
            if tests.contains(stem) || within {
                continue;
            }
            files += 1;
            for (number, line) in without_tests(text).lines().enumerate() {
                let code = line.split("//").next().unwrap_or_default();
                let found = banned.iter().find(|word| code.contains(**word));
                assert_eq!(found, None, "{}:{}", file.display(), number + 1);
            }
        }
    }
    assert!(files > 10, "{files} files only: the sources are elsewhere");
}

/// The modules of other files that a file declares for tests alone.
fn test_modules(text: &str) -> impl Iterator<Item = &str> {
    text.split("#[cfg(test)]\n").skip(1).filter_map(|rest| {
        let line = rest.lines().next()?;
        line.trim_start_matches("pub(crate) ").strip_prefix("mod ")?.strip_suffix(';')
    })
}

/// A file up to the tests that it ends with.
fn without_tests(text: &str) -> &str {
    let tests = text.find("#[cfg(test)]\nmod tests {");
    &text[..tests.unwrap_or(text.len())]
}

/// One TLS implementation: nothing in the lock file brings OpenSSL, for whatever platform.
#[test]
fn openssl_is_nowhere() {
    let lock = std::fs::read_to_string(root().join("Cargo.lock")).expect("the lock file");
    let names: BTreeSet<&str> =
        lock.lines().filter_map(|line| line.strip_prefix("name = \"")?.strip_suffix('"')).collect();
    assert!(names.contains("rustls"), "this is not the lock file it should be");
    for name in ["openssl", "openssl-sys", "native-tls", "tokio-native-tls", "hyper-tls"] {
        assert!(!names.contains(name), "{name}");
    }
}

#[test]
fn the_program_is_not_linked_to_openssl() {
    let binary = std::fs::read(env!("CARGO_BIN_EXE_adit")).expect("the program");
    for library in [&b"libssl.so"[..], b"libcrypto.so"] {
        assert!(!binary.windows(library.len()).any(|window| window == library));
    }
}

fn sources(folder: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(folder).expect("a folder of sources") {
        let path = entry.expect("an entry").path();
        if path.is_dir() {
            found.extend(sources(&path));
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            found.push(path);
        }
    }
    found
}
