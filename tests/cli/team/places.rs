//! Places that lack something: no home, a home that cannot be written to, a full disk, no input.

use std::fs::File;
use std::process::Stdio;

use rustix::process::Signal;

use super::{Ran, Team, address_of, end, expect_echo, finish};
use crate::common::process::Program;
use crate::common::wait::until;

#[test]
fn without_a_home_a_tunnel_opens_and_only_the_background_is_refused() {
    let team = Team::start();
    let without = |arguments: &[&str]| {
        let mut command = team.adit(arguments);
        command.env_remove("HOME").env_remove("XDG_RUNTIME_DIR");
        command
    };
    let program = Program::start(&mut without(&["connect", "one"]));
    let address = until("a tunnel", || address_of(&program.stdout(), "one"));
    expect_echo(&address);
    assert_eq!(end(program, Signal::INT), Some(130));
    let ran = finish(&mut without(&["connect", "one", "--detach"])).expect(3);
    assert!(ran.stderr.contains("XDG_RUNTIME_DIR"), "{ran:#?}");
    finish(&mut without(&["status"])).expect(0);
    finish(&mut without(&["config", "check"])).expect(0);
    finish(&mut without(&["exec", "one", "--", "true"])).expect(0);
    team.lab.expect_nothing_left();
}

/// A file in a folder's place stops everybody, root too.
#[test]
fn a_home_that_cannot_be_written_to_is_no_reason_not_to_connect() {
    let team = Team::start();
    let home = team.path("no-folder");
    std::fs::write(&home, "").expect("a file");
    let with = |arguments: &[&str]| {
        let mut command = team.adit(arguments);
        for name in ["HOME", "XDG_RUNTIME_DIR", "XDG_STATE_HOME", "XDG_CACHE_HOME"] {
            command.env(name, &home);
        }
        command
    };
    finish(&mut with(&["exec", "one", "--", "true"])).expect(0);
    let ran = finish(&mut with(&["connect", "one", "--detach"])).expect(3);
    assert!(ran.stderr.contains("cannot be used"), "{ran:#?}");
}

#[test]
fn a_full_disk_is_told_and_a_reader_that_goes_is_not() {
    let team = Team::start();
    let full = || Stdio::from(File::options().write(true).open("/dev/full").expect("a device"));
    for arguments in [&["config", "schema"][..], &["manual"], &["completions", "zsh"]] {
        let output = team.adit(arguments).stdout(full()).output().expect("the program runs");
        let ran = Ran::of(&output);
        assert!(!matches!(ran.code, Some(0) | None), "{arguments:?}: {ran:#?}");
        assert!(ran.stderr.contains("error: "), "{arguments:?}: {ran:#?}");

        let mut child =
            team.adit(arguments).stdout(Stdio::piped()).spawn().expect("the program runs");
        drop(child.stdout.take());
        assert_eq!(child.wait().expect("its end").code(), Some(0), "{arguments:?}");
    }
    let file = team.path("full");
    std::os::unix::fs::symlink("/dev/full", &file).expect("a link");
    let program = team.start_program(&["connect", "one", "--ready-file", "/dev/full/ready"]);
    let mut program = program;
    assert_eq!(program.wait().code(), Some(3), "{}", program.stderr());
    team.lab.expect_nothing_left();
}
