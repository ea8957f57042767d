//! Which file is found, and which files are refused. On Unix: links, pipes and owners are there.

#![cfg(unix)]

use std::os::unix::fs::{PermissionsExt as _, chown, symlink};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use adit_config::{Config, FILE_NAME, Problems, Request, locate};
use tempfile::TempDir;

const TEXT: &str = "version = 1\n";

fn folder() -> TempDir {
    tempfile::tempdir().expect("a folder")
}

fn below(folder: &TempDir, path: &str) -> PathBuf {
    let below = fs_err::canonicalize(folder.path()).unwrap().join(path);
    fs_err::create_dir_all(&below).unwrap();
    below
}

fn put(folder: &Path) -> PathBuf {
    let file = folder.join(FILE_NAME);
    fs_err::write(&file, TEXT).unwrap();
    file
}

fn load(
    start: &Path,
    home: Option<&Path>,
    explicit: Option<&Path>,
    own: Option<&Path>,
) -> Result<Config, Problems> {
    Config::load(&Request {
        start,
        home,
        explicit,
        user_file: own,
        user_name: None,
        env: &|_| None,
    })
}

fn found(start: &Path, home: Option<&Path>) -> Option<PathBuf> {
    load(start, home, None, None).unwrap_or_else(|problems| panic!("{problems}")).shared_file()
}

fn refusal(start: &Path) -> String {
    load(start, None, None, None).expect_err("a refusal").to_string()
}

#[test]
fn the_nearest_file_upward_is_found() {
    let root = folder();
    let deep = below(&root, "a/b/c");
    let far = put(&below(&root, ""));
    assert_eq!(found(&deep, None), Some(far));
    let near = put(&below(&root, "a/b"));
    assert_eq!(found(&deep, None), Some(near.clone()));
    assert_eq!(locate(&deep, None, None).unwrap(), Some(near));
}

#[test]
fn the_search_ends_after_a_repository_and_at_home() {
    let root = folder();
    put(&below(&root, ""));
    let deep = below(&root, "repo/src");
    below(&root, "repo/.git");
    assert_eq!(found(&deep, None), None);
    let file = put(&below(&root, "repo"));
    assert_eq!(found(&deep, None), Some(file));
    // A worktree has a file of that name.
    let deep = below(&root, "tree/src");
    fs_err::write(below(&root, "tree").join(".git"), "gitdir: x").unwrap();
    assert_eq!(found(&deep, None), None);
    let home = below(&root, "home");
    let deep = below(&root, "home/project");
    assert_eq!(found(&deep, Some(&home)), None);
    let file = put(&home);
    assert_eq!(found(&deep, Some(&home)), Some(file));
}

#[test]
fn the_search_ends_before_another_file_system() {
    // Only where a second one is at hand; what is there is not ours to change.
    let shm = Path::new("/dev/shm");
    if shm.is_dir() {
        let folder = TempDir::new_in(shm).unwrap();
        assert_eq!(found(folder.path(), None), None);
    }
}

#[test]
fn a_found_link_is_refused_and_a_named_one_is_not() {
    let root = folder();
    let real = below(&root, "real");
    let file = put(&real);
    let start = below(&root, "start");
    symlink(&file, start.join(FILE_NAME)).unwrap();
    assert!(refusal(&start).contains("symbolic link"));
    let link = start.join(FILE_NAME);
    assert!(load(&start, None, Some(&link), None).unwrap().shared_file().is_some());
    assert!(load(&real, None, None, Some(&link)).unwrap().user_file().is_some());
    // One that leads nowhere is not passed over.
    let start = below(&root, "dangling");
    symlink("/nowhere/at/all", start.join(FILE_NAME)).unwrap();
    assert!(refusal(&start).contains("symbolic link"));
    let start = below(&root, "loop");
    symlink(FILE_NAME, start.join(FILE_NAME)).unwrap();
    assert!(refusal(&start).contains("symbolic link"));
    assert!(load(&start, None, Some(&start.join(FILE_NAME)), None).is_err());
}

#[test]
fn what_is_no_regular_file_is_refused_at_once() {
    let root = folder();
    let begun = Instant::now();
    let start = below(&root, "pipe");
    let pipe = start.join(FILE_NAME);
    rustix::fs::mknodat(rustix::fs::CWD, &pipe, rustix::fs::FileType::Fifo, 0o600.into(), 0)
        .unwrap();
    assert!(refusal(&start).contains("not a regular file"));
    assert!(load(&start, None, Some(&pipe), None).is_err());
    assert!(load(&below(&root, "x"), None, None, Some(&pipe)).is_err());
    let start = below(&root, "folder");
    fs_err::create_dir(start.join(FILE_NAME)).unwrap();
    assert!(refusal(&start).contains("not a regular file"));
    let start = below(&root, "socket");
    let listener = std::os::unix::net::UnixListener::bind(start.join(FILE_NAME)).unwrap();
    assert!(refusal(&start).contains("not a regular file"));
    drop(listener);
    for device in ["/dev/null", "/dev/zero", "/dev/tty"] {
        let said =
            load(&start, None, Some(Path::new(device)), None).expect_err("a refusal").to_string();
        assert!(said.contains("not a regular file") || said.contains("no such"), "{said}");
        let start = below(&root, &device.replace('/', "-"));
        symlink(device, start.join(FILE_NAME)).unwrap();
        assert!(refusal(&start).contains("symbolic link"));
        assert!(load(&start, None, Some(&start.join(FILE_NAME)), None).is_err());
    }
    assert!(begun.elapsed() < Duration::from_secs(10), "nothing was waited for");
}

/// Only root can give files away; elsewhere there is nobody whose file it could be.
#[test]
fn the_file_of_another_user_is_refused() {
    if !rustix::process::geteuid().is_root() {
        return;
    }
    let root = folder();
    let start = below(&root, "stranger");
    let file = put(&start);
    chown(&file, Some(54321), None).unwrap();
    let said = refusal(&start);
    assert!(said.contains("user 54321"), "{said}");
    assert!(load(&start, None, Some(&file), None).is_err());
    assert!(load(&below(&root, "x"), None, None, Some(&file)).is_err());
    let link = below(&root, "link").join(FILE_NAME);
    symlink(&file, &link).unwrap();
    assert!(load(&start, None, Some(&link), None).is_err(), "what a link leads to is judged too");
    // It is an error, not a reason to look further up.
    put(&below(&root, ""));
    assert!(refusal(&start).contains("user 54321"));
}

#[test]
fn a_file_that_everybody_may_write_to_is_refused() {
    let root = folder();
    let start = below(&root, "open");
    let file = put(&start);
    for (mode, is_good) in [(0o666, false), (0o602, false), (0o664, true), (0o400, true)] {
        fs_err::set_permissions(&file, std::fs::Permissions::from_mode(mode)).unwrap();
        let said = load(&start, None, None, None);
        assert_eq!(said.is_ok(), is_good, "{mode:o}");
    }
}

#[test]
fn what_is_too_large_is_refused_and_what_just_fits_is_not() {
    let root = folder();
    let start = below(&root, "large");
    let fit = |size: usize| format!("{TEXT}#{}", "x".repeat(size - TEXT.len() - 1));
    fs_err::write(start.join(FILE_NAME), fit(256 * 1024)).unwrap();
    assert!(load(&start, None, None, None).is_ok());
    fs_err::write(start.join(FILE_NAME), fit(256 * 1024 + 1)).unwrap();
    assert!(refusal(&start).contains("larger than 256 KiB"));
}

#[test]
fn a_named_file_has_to_be_there_and_an_own_one_has_not() {
    let root = folder();
    let start = below(&root, "");
    let missing = start.join("other.toml");
    let said = load(&start, None, Some(&missing), None).expect_err("a refusal").to_string();
    assert!(said.contains("there is no such file"), "{said}");
    assert_eq!(load(&start, None, None, Some(&missing)).unwrap().user_file(), None);
    put(&start);
    fs_err::write(&missing, "version = 1\n[connections.x]\ntarget = 'rds:x'\n").unwrap();
    assert_eq!(load(&start, None, Some(&missing), None).unwrap().names(), ["x"]);
    assert!(load(&start.join("gone"), None, None, None).unwrap().names().is_empty());
}

#[test]
fn names_of_folders_are_shown_without_what_a_terminal_obeys() {
    let root = folder();
    let start = below(&root, "a\u{1b}[31mb\nc");
    fs_err::write(start.join(FILE_NAME), "x").unwrap();
    let said = refusal(&start);
    assert!(!said.contains('\u{1b}') && said.contains("\\u{1b}[31mb\\u{a}c"), "{said}");
}
