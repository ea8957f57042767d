//! Replays the fuzzer's corpus: one test for each target, all of its files.

use std::collections::BTreeSet;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use adit_fuzz_targets::{TARGETS, Target};
use libtest_mimic::{Arguments, Failed, Trial};

fn fuzz() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../fuzz")
}

fn main() -> ExitCode {
    let arguments = Arguments::from_args();
    let mut trials: Vec<Trial> = TARGETS
        .iter()
        .map(|&(name, target)| Trial::test(name, move || replay(name, target)))
        .collect();
    trials.push(Trial::test("every_target_has_a_corpus_and_a_binary", complete));
    libtest_mimic::run(&arguments, trials).exit_code()
}

/// A target has nothing to say about any of its files. A corpus that is empty would say nothing
/// about the target.
fn replay(name: &str, target: Target) -> Result<(), Failed> {
    let files = files(&fuzz().join("corpus").join(name))?;
    if files.is_empty() {
        return Err("the corpus is empty".into());
    }
    let broken: Vec<String> = files
        .iter()
        .filter_map(|file| {
            let input = std::fs::read(file).expect("a readable file");
            // What it says is on standard error.
            catch_unwind(AssertUnwindSafe(|| target(&input))).err()?;
            Some(file.display().to_string())
        })
        .collect();
    if broken.is_empty() { Ok(()) } else { Err(broken.join("\n").into()) }
}

fn complete() -> Result<(), Failed> {
    let names: BTreeSet<String> = TARGETS.iter().map(|(name, _)| (*name).to_owned()).collect();
    let folders = files(&fuzz().join("corpus"))?;
    let binaries = files(&fuzz().join("fuzz_targets"))?;
    for (what, found) in [("corpora", folders), ("binaries", binaries)] {
        let found: BTreeSet<String> =
            found.iter().filter_map(|path| path.file_stem()?.to_str().map(str::to_owned)).collect();
        if found != names {
            return Err(format!("{what}: {found:?}, targets: {names:?}").into());
        }
    }
    Ok(())
}

fn files(folder: &Path) -> Result<Vec<PathBuf>, Failed> {
    let entries =
        std::fs::read_dir(folder).map_err(|error| format!("{}: {error}", folder.display()))?;
    let mut paths: Vec<PathBuf> =
        entries.map(|entry| entry.map(|entry| entry.path())).collect::<Result<_, _>>()?;
    paths.sort();
    Ok(paths)
}
