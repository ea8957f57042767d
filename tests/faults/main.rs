//! The table of faults: what is done to a tunnel, and what follows, row by row with the real program.
//!
//! Every row fixes beforehand what becomes of open streams and of new connections, how it ends, what
//! is told, and within which time; and every byte is checked that moves meanwhile. `without/ROW` plays
//! the same with what the row is about left out of the program, and passes when the row fails then.
//!
//! `ADIT_TEST_UPDATE=1` writes the table into `docs/reliability.md` anew.

#[allow(dead_code, reason = "each test binary uses a part of the harness")]
#[path = "../common/mod.rs"]
mod common;
mod network;
mod row;
mod rows;
mod run;
mod stage;
mod table;
mod traffic;
mod way;

use std::process::ExitCode;

use libtest_mimic::{Arguments, Failed, Trial};

use crate::row::{Miss, Proves, Row};

/// Rows wait more than they work.
const AT_ONCE: usize = 8;

fn main() -> ExitCode {
    let mut arguments = Arguments::from_args();
    arguments.test_threads.get_or_insert(AT_ONCE);
    let required = std::env::var_os("ADIT_TEST_REQUIRE").is_some_and(|value| value == "1");
    let apart = network::Namespace::missing();
    let mut trials = vec![
        Trial::test("table", || table::check().map_err(Failed::from)),
        Trial::test("installed", || play(&rows::INSTALLED)),
    ];
    for row in rows::all() {
        let missing = apart.clone().filter(|_| row.name.starts_with("network/"));
        let ignored = missing.is_some() && !(required && is_root());
        trials.extend(of_row(row).into_iter().map(|trial| trial.with_ignored_flag(ignored)));
    }
    libtest_mimic::run(&arguments, trials).exit_code()
}

fn is_root() -> bool {
    rustix::process::geteuid().is_root()
}

fn play(row: &Row) -> Result<(), Failed> {
    run::play(row, None).map_err(|miss| match miss {
        Miss::Setup(text) => format!("before the fault: {text}").into(),
        Miss::Row(text) => text.into(),
    })
}

/// The row, and the row without what it is about.
fn of_row(row: &'static Row) -> Vec<Trial> {
    let mut trials = vec![Trial::test(row.name, move || play(row))];
    if let Proves::Handlings(names) = row.proves {
        trials.push(Trial::test(format!("without/{}", row.name), move || {
            match run::play(row, Some(names)) {
                Ok(()) => Err(format!("it is the same without {names}").into()),
                Err(Miss::Setup(text)) => Err(format!("before the fault: {text}").into()),
                Err(Miss::Row(_)) => Ok(()),
            }
        }));
    }
    trials
}
