use std::fs;
use std::path::{Path, PathBuf};

/// What reads a clock or draws entropy.
const BANNED: [&str; 8] = [
    "Instant::now",
    "SystemTime",
    "UNIX_EPOCH",
    "rand::rng(",
    "thread_rng",
    "SysRng",
    "getrandom",
    "Uuid::new_v4",
];

fn sources(folder: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder).expect("a folder") {
        let path = entry.expect("an entry").path();
        if path.is_dir() {
            found.extend(sources(&path));
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            found.push(path);
        }
    }
    found
}

#[test]
fn wire_and_engine_read_no_clock_and_draw_no_entropy() {
    let engine = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut files = 0;
    for folder in [engine.join("src"), engine.join("../wire/src")] {
        for path in sources(&folder) {
            let text = fs::read_to_string(&path).expect("a source");
            let shipped = text.split("#[cfg(test)]\nmod tests").next().unwrap_or_default();
            if path.file_name().is_some_and(|name| name == "test_clock.rs") {
                continue;
            }
            files += 1;
            for banned in BANNED {
                assert!(!shipped.contains(banned), "{banned} in {}", path.display());
            }
        }
    }
    assert!(files > 20, "only {files} files were looked at");
}
