//! The machine's network: a cable that is pulled, an address that changes.

use crate::row::Proves::{Handlings, None as Inseparable};
use crate::row::{Connections, End, ROW, Row, Streams};

/// Times that are waited for, and would be a minute.
const QUICK: &str = "silence=1000,ping=300,connect=500";

pub(super) const ROWS: &[Row] = &[
    Row {
        name: "network/cut",
        what: "the cable is pulled, and plugged in again after a while (within a second of silence; else a minute)",
        proves: Handlings("silence"),
        connections: Connections::Held,
        events: &["resuming", "retrying", "resumed"],
        within_s: 40,
        set_up: |setup| setup.apart().times(QUICK),
        fault: |stage| {
            stage.namespace.as_ref().expect("a network").wire(false)?;
            stage.expect("retrying")
        },
        mend: |stage| stage.namespace.as_ref().expect("a network").wire(true),
        ..ROW
    },
    Row {
        name: "network/another-address",
        what: "the machine gets another address, as between two networks",
        proves: Handlings("silence"),
        events: &["resuming", "resumed"],
        within_s: 40,
        set_up: |setup| setup.apart().times(QUICK),
        fault: |stage| {
            let namespace = stage.namespace.as_ref().expect("a network");
            namespace.address(3, true)?;
            namespace.address(2, false)?;
            namespace.address(3, true).ok();
            stage.expect("resumed")
        },
        ..ROW
    },
    Row {
        name: "network/cut-for-good",
        what: "the cable is pulled for longer than the budget for resuming",
        proves: Inseparable(
            "what it shows is that nothing pretends to work when all else is in vain",
        ),
        streams: Streams::Closed("tunnel_ended"),
        connections: Connections::Refused,
        end: End::Exit(11),
        events: &["resuming", "retrying", "warning", "ended", "error"],
        within_s: 60,
        set_up: |setup| setup.apart().times(QUICK).arguments(&["--resume-budget", "1s"]),
        fault: |stage| stage.namespace.as_ref().expect("a network").wire(false),
        mend: |stage| stage.namespace.as_ref().expect("a network").wire(true),
        ..ROW
    },
];
