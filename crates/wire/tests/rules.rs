//! Rule ids tie sources, tests and `docs/protocol.md` together.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

/// Every rule that a source cites stands in the document.
#[test]
fn every_cited_rule_is_defined() {
    let Some(root) = workspace() else { return };
    let defined = defined_rules(&root);
    let mut cited = BTreeMap::new();
    let folders = ["crates", "src", "tests", "fuzz"].map(|folder| root.join(folder));
    for file in folders.iter().flat_map(|folder| sources(folder)) {
        let text = fs::read_to_string(&file).expect("a readable source");
        cited.extend(rule_ids(&text).map(|id| (id.to_owned(), file.clone())));
    }
    assert!(cited.len() > 10, "few citations found: {cited:?}");
    cited.retain(|id, _| !defined.contains(id));
    assert!(cited.is_empty(), "cited, but not in docs/protocol.md: {cited:#?}");
}

/// Every rule that the document itself refers to stands in it.
#[test]
fn the_document_refers_to_its_own_rules() {
    let Some(root) = workspace() else { return };
    let defined = defined_rules(&root);
    let text = document(&root);
    let unknown: BTreeSet<_> = rule_ids(&text).filter(|id| !defined.contains(*id)).collect();
    assert!(unknown.is_empty(), "{unknown:?}");
}

#[test]
fn ids_are_found_in_text() {
    let text = "/// P-HDR-3, (P-ACK-12) `P-A-1`; XP-HDR-3 P--1 P-HDR- P-hdr-3 P-HDR-4.";
    assert_eq!(rule_ids(text).collect::<Vec<_>>(), ["P-HDR-3", "P-ACK-12", "P-A-1", "P-HDR-4"]);
}

/// The workspace's root; `None` where the crate stands by itself.
fn workspace() -> Option<PathBuf> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    root.join("docs/protocol.md").exists().then_some(root)
}

fn document(root: &Path) -> String {
    fs::read_to_string(root.join("docs/protocol.md")).expect("a readable document")
}

/// The rules that the document defines: `**P-HDR-3**` at the start of a line, each once.
fn defined_rules(root: &Path) -> BTreeSet<String> {
    let mut defined = BTreeSet::new();
    for line in document(root).lines() {
        let Some(id) = line.strip_prefix("**").and_then(|rest| rest.split("**").next()) else {
            continue;
        };
        if rule_ids(id).eq([id]) {
            assert!(defined.insert(id.to_owned()), "{id} is defined twice");
        }
    }
    assert!(!defined.is_empty());
    defined
}

/// All Rust files below a folder, build output excepted.
fn sources(folder: &Path) -> Vec<PathBuf> {
    let Ok(entries) = fs::read_dir(folder) else { return Vec::new() };
    let mut files = Vec::new();
    for entry in entries {
        let path = entry.expect("a readable folder").path();
        if path.is_dir() && path.file_name().is_some_and(|name| name != "target") {
            files.extend(sources(&path));
        } else if path.extension().is_some_and(|extension| extension == "rs")
            && !path.ends_with("wire/tests/rules.rs")
        {
            files.push(path);
        }
    }
    files
}

/// Words of the form `P-LETTERS-NUMBER`.
fn rule_ids(text: &str) -> impl Iterator<Item = &str> {
    text.split(|c: char| !c.is_ascii_alphanumeric() && c != '-').filter(|word| {
        let mut parts = word.split('-');
        parts.next() == Some("P")
            && parts.next().is_some_and(|area| {
                !area.is_empty() && area.bytes().all(|byte| byte.is_ascii_uppercase())
            })
            && parts.next().is_some_and(|number| {
                !number.is_empty() && number.bytes().all(|byte| byte.is_ascii_digit())
            })
            && parts.next().is_none()
    })
}
