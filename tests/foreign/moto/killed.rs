//! Runs that are killed at each of their calls, and repeated.

use rustix::process::Signal;
use serde_json::json;

use super::account::Account;
use super::{ALL, INIT, NOTHING};
use crate::common::process::Program;
use crate::common::servers::Server;
use crate::common::wait::until;

const CLEANUP: [&str; 2] = ["cleanup", "--yes"];

/// After each death of `init` the same command makes what is missing, and no more.
pub(super) fn init(when: &str) {
    let server = Server::echo();
    let account = Account::start(&server);
    let deaths = for_each_call(
        &account,
        &INIT,
        when,
        |account| {
            account.database(&account.network(), "orders");
        },
        |account| {
            account.run(&INIT).expect(0);
            assert_eq!(account.ours(), ALL);
            assert_eq!(account.bastions(), ["running"]);
            let again = account.run(&["init", "--target", "rds:orders", "--json"]).expect(0);
            assert_eq!(again.event("plan")["steps"], json!([]));
        },
    );
    assert!(deaths > 20, "{deaths} calls");
}

/// After each death of `cleanup` the same command removes what is left.
pub(super) fn cleanup(when: &str) {
    let server = Server::echo();
    let account = Account::start(&server);
    let deaths = for_each_call(
        &account,
        &CLEANUP,
        when,
        |account| {
            account.database(&account.network(), "orders");
            account.run(&INIT).expect(0);
        },
        |account| {
            account.run(&CLEANUP).expect(0);
            assert_eq!(account.ours(), NOTHING);
        },
    );
    assert!(deaths > 15, "{deaths} calls");
}

/// Kills a command at its first call, its second, and so on, each time in an account `made` anew,
/// and has what came of it `checked`; says how many calls there were.
fn for_each_call(
    account: &Account,
    command: &[&str],
    when: &str,
    made: impl Fn(&Account),
    checked: impl Fn(&Account),
) -> usize {
    for call in 1.. {
        account.reset();
        made(account);
        account.hold(call, when);
        let mut program = Program::start(&mut account.adit(command));
        let held = until("a call to be held, or the end", || match account.held() {
            Some(name) => Some(Some(name)),
            None => (!program.is_running()).then_some(None),
        });
        if held.is_some() {
            program.signal(Signal::KILL);
        }
        let code = program.wait().code();
        account.release();
        if held.is_none() {
            assert_eq!(code, Some(0), "{}", program.stderr());
            return call - 1;
        }
        checked(account);
    }
    unreachable!("a command has a last call")
}
