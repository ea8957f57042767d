use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use super::*;

fn kept() -> Kept {
    let start = SystemTime::UNIX_EPOCH + Duration::from_secs(1_795_000_000);
    Kept {
        keys: Keys {
            access_key_id: "ASIAEXAMPLE".to_owned(),
            secret_access_key: Zeroizing::new("the-secret".to_owned()),
            session_token: Some(Zeroizing::new("the-token".to_owned())),
            account: Some("111122223333".to_owned()),
            expires: Some(start + Duration::from_hours(12)),
        },
        mfa_at: Some(start),
    }
}

fn store() -> (tempfile::TempDir, Store) {
    let folder = tempfile::tempdir().unwrap();
    let store = Store::open(&folder.path().join("adit/credentials")).unwrap();
    (folder, store)
}

#[test]
fn what_is_kept_is_read_again_until_it_is_removed() {
    let (_folder, store) = store();
    let key = Key::of(&["session", "AKID"]);
    assert_eq!(store.read(&key).unwrap(), None);
    store.write(&key, &kept()).unwrap();
    assert_eq!(store.read(&key).unwrap(), Some(kept()));
    assert_eq!(store.read(&Key::of(&["session", "other"])).unwrap(), None);
    store.remove(&key).unwrap();
    store.remove(&key).unwrap();
    assert_eq!(store.read(&key).unwrap(), None);
}

#[test]
fn parts_of_a_key_do_not_run_into_each_other() {
    assert_ne!(Key::of(&["ab", "c"]), Key::of(&["a", "bc"]));
    assert_ne!(Key::of(&["a", ""]), Key::of(&["a"]));
}

#[test]
fn a_file_that_is_no_entry_is_as_if_it_were_not_there() {
    let (_folder, store) = store();
    let key = Key::of(&["session"]);
    for text in ["", "{}", r#"{"version":2}"#] {
        write_private(&store.path(&key), text.as_bytes()).unwrap();
        assert_eq!(store.read(&key).unwrap(), None);
    }
}

#[cfg(unix)]
mod permissions {
    use std::os::unix::fs::{MetadataExt, PermissionsExt};

    use super::*;

    fn chmod(path: &Path, mode: u32) {
        fs_err::set_permissions(path, std::fs::Permissions::from_mode(mode)).unwrap();
    }

    #[test]
    fn folder_and_files_are_the_users_alone() {
        let (_folder, store) = store();
        let key = Key::of(&["session"]);
        store.write(&key, &kept()).unwrap();
        let mode = |path: &Path| fs_err::metadata(path).unwrap().mode() & 0o777;
        assert_eq!(mode(&store.folder), 0o700);
        assert_eq!(mode(&store.path(&key)), 0o600);
    }

    #[test]
    fn a_folder_that_others_can_use_is_refused_and_said() {
        let (_folder, store) = store();
        chmod(&store.folder, 0o750);
        let error = Store::open(&store.folder).unwrap_err().to_string();
        assert!(error.contains("mode 750"), "{error}");
        assert!(error.contains("chmod go-rwx"), "{error}");
    }

    #[test]
    fn a_file_that_others_can_read_is_refused() {
        let (_folder, store) = store();
        let key = Key::of(&["session"]);
        store.write(&key, &kept()).unwrap();
        chmod(&store.path(&key), 0o604);
        assert!(store.read(&key).unwrap_err().to_string().contains("mode 604"));
    }

    #[test]
    fn a_link_is_not_followed() {
        let (folder, store) = store();
        let key = Key::of(&["session"]);
        let elsewhere = folder.path().join("elsewhere");
        write_private(&elsewhere, b"{}").unwrap();
        std::os::unix::fs::symlink(&elsewhere, store.path(&key)).unwrap();
        assert!(store.read(&key).unwrap_err().to_string().contains("is a link"));
    }
}

/// Writers replace the whole file, so a reader sees one or the other, and no temporary file stays.
#[test]
fn a_reader_never_sees_half_an_entry() {
    let (_folder, store) = store();
    let key = Key::of(&["session"]);
    let mut long = kept();
    long.keys.session_token = Some(Zeroizing::new("x".repeat(40_000)));
    store.write(&key, &kept()).unwrap();
    std::thread::scope(|scope| {
        scope.spawn(|| {
            for _ in 0..20 {
                store.write(&key, &long).unwrap();
                store.write(&key, &kept()).unwrap();
            }
        });
        for _ in 0..200 {
            let seen = store.read(&key).unwrap().unwrap();
            assert!(seen == kept() || seen == long);
        }
    });
    assert_eq!(fs_err::read_dir(&store.folder).unwrap().count(), 1);
}

#[tokio::test]
async fn who_waits_for_the_lock_gets_it_when_the_other_is_done() {
    let (_folder, store) = store();
    let key = Key::of(&["session"]);
    let first = store.lock(&key, || panic!("nobody else is there")).await.unwrap();
    let waits = Arc::new(AtomicUsize::new(0));
    let (second, count) = (store.clone(), Arc::clone(&waits));
    let (said, heard) = tokio::sync::oneshot::channel();
    let waiting = tokio::spawn(async move {
        let told = || {
            count.fetch_add(1, Ordering::Relaxed);
            said.send(()).unwrap();
        };
        drop(second.lock(&Key::of(&["session"]), told).await.unwrap());
    });
    heard.await.unwrap();
    assert!(!waiting.is_finished());
    drop(first);
    waiting.await.unwrap();
    assert_eq!(waits.load(Ordering::Relaxed), 1);
}

#[test]
fn nothing_shows_the_secrets() {
    let shown = format!("{:?}", kept());
    assert!(!shown.contains("the-secret") && !shown.contains("the-token"), "{shown}");
}
