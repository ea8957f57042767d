//! Transfers over websockets that are cut again and again.

use std::sync::atomic::{AtomicU64, Ordering};

use serde_json::{Value, json};

use crate::common::bytes::Noise;
use crate::common::connect::{Connect, dial};
use crate::common::lab::Lab;
use crate::common::servers::{Order, Server};
use crate::common::wait::until;

/// Where the moments of cuts come from.
const SEED: u64 = 20;

#[test]
fn fifty_megabytes_each_way_survive_twenty_cuts_with_duplicates_and_reordering() {
    let server = Server::mill();
    let lab = Lab::builder().serve(&server).unpaced().start();
    lab.fault(json!({"duplicate": 0.02, "reorder": 0.02}));
    let order = Order { up: 50 << 20, down: 50 << 20, seed: SEED };
    transfer_with_cuts(&lab, order, 20);
}

#[test]
fn two_megabytes_each_way_survive_five_cuts_that_lose_what_is_in_flight() {
    let server = Server::mill();
    // At the official pace: without it this little would be through between two looks at it.
    let lab = Lab::builder().serve(&server).arg("--lossy-resume").start();
    lab.fault(json!({"duplicate": 0.02, "reorder": 0.02, "drop": 0.002}));
    let order = Order { up: 2 << 20, down: 2 << 20, seed: SEED };
    transfer_with_cuts(&lab, order, 5);
}

/// Carries out an order while websockets are cut: a client's, the agent's, or both, each when a
/// seeded number of bytes has passed. Every cut meets a side that is connected.
fn transfer_with_cuts(lab: &Lab, order: Order, cuts: usize) {
    let (connect, address) = Connect::to(lab).ready();
    let passed = AtomicU64::new(0);
    let total = order.up + order.down;
    let made = std::thread::scope(|scope| {
        let cutter = scope.spawn(|| {
            let plan = plan(cuts, total);
            for cut in &plan {
                cut.make(lab, &passed, total);
            }
            plan
        });
        order.run(dial(address), |bytes| {
            passed.fetch_add(bytes, Ordering::SeqCst);
        });
        cutter.join().expect("every cut is made")
    });

    let expected = |side: &str| 1 + made.iter().filter(|cut| cut.hits(side)).count() as u64;
    let session = until("both sides to be back", || connected(lab, "both"));
    assert_eq!(session["counts"]["client_connections"], expected("client"));
    assert_eq!(session["counts"]["agent_connections"], expected("agent"));
    assert_eq!(connect.count("resuming") as u64, expected("client") - 1);
    until("the last resumption to be told", || {
        (connect.count("resumed") as u64 == expected("client") - 1).then_some(())
    });
    assert_eq!(session["destination_connections_total"], 1);
}

#[derive(Debug)]
struct Cut {
    /// Bytes that have passed before it, both directions together.
    after: u64,
    side: &'static str,
}

/// Cuts at seeded moments; the last quarter of the transfer is left in peace, so that each of them
/// comes while it is under way.
fn plan(cuts: usize, total: u64) -> Vec<Cut> {
    let mut noise = Noise::new(SEED);
    let mut moments: Vec<u64> = (0..cuts).map(|_| noise.below(total - total / 4)).collect();
    moments.sort_unstable();
    let sides = ["client", "agent", "both"];
    moments.into_iter().map(|after| Cut { after, side: sides[noise.below(3) as usize] }).collect()
}

impl Cut {
    fn hits(&self, side: &str) -> bool {
        self.side == side || self.side == "both"
    }

    fn make(&self, lab: &Lab, passed: &AtomicU64, total: u64) {
        let so_far = || passed.load(Ordering::SeqCst);
        until("the moment of a cut", || (so_far() >= self.after).then_some(()));
        let before = until("the side to be there", || connected(lab, self.side));
        lab.fault(json!({"cut": self.side}));
        assert!(so_far() < total, "{self:?} came when all had passed already");
        // Two cuts must not meet the same websocket.
        let is_back = |side: &str, now: &Value| {
            let number =
                |session: &Value| session["counts"][format!("{side}_connections")].as_u64();
            !self.hits(side) || number(now) > number(&before)
        };
        until("the side to be back", || {
            let now = lab.session();
            (is_back("client", &now) && is_back("agent", &now)).then_some(())
        });
    }
}

/// The session, when `side` of it is connected.
fn connected(lab: &Lab, side: &str) -> Option<Value> {
    let session = lab.session();
    let is = |one: &str| session[format!("{one}_connected")] == true;
    let there = match side {
        "both" => is("client") && is("agent"),
        one => is(one),
    };
    there.then_some(session)
}
