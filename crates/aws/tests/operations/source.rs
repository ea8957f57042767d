//! The list against the source of the crate.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use super::{OPERATIONS, Service};

/// What stands before the name of a call where its error is turned into ours.
const NAMED_BY: [&str; 4] = ["told(", "from_sdk(", "failed(aws,", "failed(self.aws,"];

fn sources(folder: &Path) -> Vec<PathBuf> {
    let mut files = Vec::new();
    for entry in std::fs::read_dir(folder).expect("a folder of the source") {
        let path = entry.expect("an entry").path();
        if path.is_dir() {
            files.extend(sources(&path));
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            files.push(path);
        }
    }
    files
}

/// The names of calls in a file, where errors are turned into ours.
fn called(text: &str) -> BTreeSet<&str> {
    let behind = |mark: &'static str| {
        text.split(mark).skip(1).filter_map(|rest| {
            let name = rest.trim_start().strip_prefix('"')?.split('"').next()?;
            name.starts_with(|first: char| first.is_ascii_uppercase()).then_some(name)
        })
    };
    NAMED_BY.into_iter().flat_map(behind).collect()
}

/// The method of the SDK that calls the operation: `.describe_vpcs(` of `DescribeVpcs`.
fn method(operation: &str) -> String {
    let mut words = String::from(".");
    let letters: Vec<char> = operation.chars().collect();
    for (at, letter) in letters.iter().enumerate() {
        let is_lower = |at: usize| letters.get(at).is_some_and(char::is_ascii_lowercase);
        // `DBInstances` is two words, `db_instances`; `V2` is a part of the word before.
        let begins =
            letter.is_ascii_uppercase() && at > 0 && (is_lower(at - 1) || is_lower(at + 1));
        let is_version = *letter == 'V' && letters.get(at + 1) == Some(&'2');
        if begins || is_version {
            words.push('_');
        }
        words.push(letter.to_ascii_lowercase());
    }
    words.push('(');
    words
}

/// The services whose crates a file uses.
fn used(text: &str) -> Vec<&'static Service> {
    static ALL: [Service; 12] = OPERATIONS;
    let uses = |service: &&Service| {
        ["::", ";", " "].iter().any(|end| text.contains(&format!("aws_sdk_{}{end}", service.sdk)))
    };
    ALL.iter().filter(uses).collect()
}

/// What the source calls, service by service, is what the list says: no more, no less. That each call
/// has an error of ours is what `from_sdk` is for.
#[test]
fn the_list_is_what_the_source_calls() {
    let mut found = BTreeSet::new();
    for file in sources(&Path::new(env!("CARGO_MANIFEST_DIR")).join("src")) {
        // How credentials are got is the business of those who made the profile: no policy of the
        // reference is about it.
        let others = ["tests", "tests.rs", "fake", "fake.rs", "credentials"];
        if file.iter().any(|part| others.iter().any(|name| part == *name)) {
            continue;
        }
        let text = std::fs::read_to_string(&file).expect("a source file");
        let code = text.split("#[cfg(test)]\nmod tests {").next().unwrap_or_default();
        for name in called(code) {
            let services: Vec<_> = used(code)
                .into_iter()
                .filter(|service| service.operations.contains(&name))
                .map(|service| service.prefix)
                .collect();
            let [prefix] = services[..] else {
                panic!("{name} of {} is in the lists of {services:?}", file.display());
            };
            assert!(
                code.contains(&method(name)),
                "{} names {name} and has no {}",
                file.display(),
                method(name)
            );
            found.insert(format!("{prefix}:{name}"));
        }
    }
    let listed: BTreeSet<_> = super::actions().collect();
    let unused: Vec<_> = listed.difference(&found).collect();
    assert!(unused.is_empty(), "listed and not called: {unused:?}");
}

#[test]
fn methods_are_named_as_the_sdk_does() {
    for (operation, name) in [
        ("DescribeVpcs", ".describe_vpcs("),
        ("DescribeDBProxyEndpoints", ".describe_db_proxy_endpoints("),
        ("ListClustersV2", ".list_clusters_v2("),
    ] {
        assert_eq!(method(operation), name);
    }
}
