//! Bringing a host up to date before it stops.

use std::fs::OpenOptions;
use std::io::{Read, Write};
use std::process::Command;

use crate::host::{Host, Look, options};
use crate::stories::Story;

pub(crate) const STORIES: &[Story] = &[
    ("an_idle_host_is_patched_and_stopped", an_idle_host_is_patched_and_stopped),
    ("a_host_in_use_is_not_patched", a_host_in_use_is_not_patched),
    ("once_a_day_is_enough", once_a_day_is_enough),
    ("it_can_be_turned_off", it_can_be_turned_off),
    ("without_a_repository_it_stops_all_the_same", without_a_repository_it_stops_all_the_same),
    ("what_hangs_is_ended", what_hangs_is_ended),
    ("what_fails_is_tried_again_tomorrow", what_fails_is_tried_again_tomorrow),
    ("a_session_that_begins_meanwhile_is_spared", a_session_that_begins_meanwhile_is_spared),
];

const DNF: &str =
    "dnf --quiet --assumeyes --releasever=latest --setopt=timeout=10 --setopt=retries=1";

fn with_patching() -> Host {
    Host::new(&options(30, true))
}

/// A boot at whose end nobody has used the host for the idle time.
fn idle_boot(host: &Host) -> Look {
    host.begin_boot();
    assert!(host.look(60).is_quiet());
    host.look(60 + 30 * 60)
}

fn patches(look: &Look) -> bool {
    look.calls.iter().any(|call| call.ends_with(" upgrade"))
}

fn an_idle_host_is_patched_and_stopped() {
    let host = with_patching();
    assert_eq!(
        idle_boot(&host).calls,
        [
            "systemctl start adit-patch.service",
            "timeout --kill-after=10 120",
            &format!("{DNF} makecache"),
            "timeout --kill-after=60 1200",
            &format!("{DNF} upgrade"),
            "systemctl poweroff",
        ]
    );
}

fn a_host_in_use_is_not_patched() {
    let host = with_patching();
    let mut worker = host.worker();
    for minute in 1..=40 {
        worker.receive(5_000);
        let look = host.look(minute * 60);
        assert!(look.is_quiet(), "{look:?}");
    }
}

fn once_a_day_is_enough() {
    let host = with_patching();
    assert!(patches(&idle_boot(&host)));
    let again = idle_boot(&host);
    assert_eq!(again.calls, ["systemctl start adit-patch.service", "systemctl poweroff"]);
    let stamp = host.path("state/patched");
    let touched = Command::new("touch").args(["-d", "25 hours ago"]).arg(stamp).status();
    assert!(touched.expect("touch").success());
    assert!(patches(&idle_boot(&host)));
}

fn it_can_be_turned_off() {
    let host = Host::new(&options(30, false));
    assert_eq!(idle_boot(&host).calls, ["systemctl poweroff"]);
}

fn without_a_repository_it_stops_all_the_same() {
    let mut host = with_patching();
    host.behave("dnf", "unreachable");
    let look = idle_boot(&host);
    assert!(look.stops() && !patches(&look), "{look:?}");
    assert!(look.said.starts_with("<5>no package repository answers"), "{look:?}");
    // Nothing was tried, so the next time is not tomorrow.
    host.behave("dnf", "works");
    assert!(patches(&idle_boot(&host)));
}

fn what_hangs_is_ended() {
    for how in ["hangs", "hangs-late"] {
        let mut host = with_patching();
        host.behave("dnf", how);
        host.behave("limit", "0.2");
        let look = idle_boot(&host);
        assert!(look.stops(), "{how}: {look:?}");
    }
}

fn what_fails_is_tried_again_tomorrow() {
    let mut host = with_patching();
    host.behave("dnf", "fails");
    let look = idle_boot(&host);
    assert!(look.stops() && patches(&look), "{look:?}");
    let look = idle_boot(&host);
    assert!(look.stops() && !patches(&look), "{look:?}");
}

fn a_session_that_begins_meanwhile_is_spared() {
    let mut host = with_patching();
    host.behave("dnf", "waits");
    let pipes = ["patching", "patched"].map(|name| host.path(name));
    assert!(Command::new("mkfifo").args(&pipes).status().expect("mkfifo").success());
    assert!(host.look(60).is_quiet());

    let look = host.begin_look(60 + 30 * 60);
    let [patching, patched] = pipes;
    let mut begun = String::new();
    let mut patching = OpenOptions::new().read(true).open(patching).expect("a pipe");
    patching.read_to_string(&mut begun).expect("the stand-in");
    assert_eq!(begun, "begun\n");
    let _worker = host.worker();
    let mut patched = OpenOptions::new().write(true).open(patched).expect("a pipe");
    patched.write_all(b"go on\n").expect("the stand-in");
    let look = host.finish(look);

    assert!(patches(&look) && !look.stops(), "{look:?}");
    assert!(look.said.starts_with("<5>a session has begun meanwhile"), "{look:?}");
    assert!(host.look(60 + 59 * 60).is_quiet());
    let look = host.look(60 + 60 * 60);
    assert!(look.stops() && !patches(&look), "{look:?}");
}
