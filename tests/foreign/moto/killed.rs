//! Runs that are killed at each of their calls, and repeated.

use rustix::process::Signal;

use super::account::Account;
use super::{ALL, INIT, NOTHING, writes};
use crate::common::process::Program;
use crate::common::servers::Server;
use crate::common::wait::until;

/// After each death of `init` the same command makes what is missing, and no more.
pub(super) fn init(when: &str) {
    let made = |account: &Account| {
        account.database(&account.network(), "orders");
    };
    let calls = killed_at_each_call(&INIT, when, (NOTHING, made), ALL);
    assert!(calls > 20, "{calls} calls");
}

/// After each death of `cleanup` the same command removes what is left.
pub(super) fn cleanup(when: &str) {
    let made = |account: &Account| {
        account.database(&account.network(), "orders");
        account.run(&INIT).expect(0);
    };
    let calls = killed_at_each_call(&["cleanup", "--yes"], when, (ALL, made), NOTHING);
    assert!(calls > 15, "{calls} calls");
}

/// Kills a command at its first call, its second, and so on, in an account that has been `made` with
/// so many things of ours in it. Whatever it had done by then, repeated it leads to as many things as
/// it would have led to. Says how many calls there were.
fn killed_at_each_call(
    command: &[&str],
    when: &str,
    (before, made): ([usize; 5], impl Fn(&Account)),
    after: [usize; 5],
) -> usize {
    let server = Server::echo();
    let account = Account::start(&server);
    made(&account);
    for call in 1.. {
        let holds = account.holds();
        account.hold(call, when);
        let mut program = Program::start(&mut account.adit(command));
        let is_held = until("a call to be held, or the end", || {
            if account.holds() > holds {
                Some(true)
            } else {
                (!program.is_running()).then_some(false)
            }
        });
        if is_held {
            program.signal(Signal::KILL);
        }
        let code = program.wait().code();
        let has_written = account.calls().iter().any(|(action, _)| writes(action));
        account.release();
        if !is_held {
            assert_eq!(code, Some(0), "{}", program.stderr());
            assert_eq!(account.ours(), after);
            return call - 1;
        }
        if has_written {
            account.run(command).expect(0);
            assert_eq!(account.ours(), after, "after call {call}");
            account.reset();
            made(&account);
        }
        // Where it had only looked, the next one finds the account as it was.
        assert_eq!(account.ours(), before);
    }
    unreachable!("a command has a last call")
}
