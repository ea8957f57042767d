//! Counts what the engine allocates per message once it is warm: nothing.

use std::alloc::System;

use adit_wire::PayloadType;
use stats_alloc::{INSTRUMENTED_SYSTEM, Region, StatsAlloc};

mod steady;

use steady::{Driver, MESSAGES, output};

#[global_allocator]
static ALLOCATOR: &StatsAlloc<System> = &INSTRUMENTED_SYSTEM;

/// Messages up and down, and what they allocated.
fn measure(driver: &mut Driver) -> (usize, usize) {
    let before = driver.session.stats();
    let region = Region::new(ALLOCATOR);
    driver.exchange(MESSAGES);
    let change = region.change();
    let after = driver.session.stats();
    assert_eq!(after.messages_in - before.messages_in, MESSAGES as u64);
    assert!(after.messages_out - before.messages_out >= MESSAGES as u64);
    assert_eq!(after.acks_out - before.acks_out, MESSAGES as u64);
    assert!(after.acks_in - before.acks_in >= MESSAGES as u64);
    (change.allocations, change.reallocations)
}

/// One test, since the counters count every thread.
#[test]
fn a_warm_session_allocates_nothing_per_message() {
    // Messages of 1 KiB.
    let mut single = Driver::new("3.0.100.0");
    single.inputs.outputs = (2..MESSAGES as i64 * 4)
        .map(|n| output(n, PayloadType::Output, &[7; 1024]))
        .collect::<Vec<_>>()
        .into_iter();
    single.exchange(MESSAGES);
    assert_eq!(measure(&mut single), (0, 0), "single connection");

    // Messages of 32 KiB, after the payload probe.
    let mut mux = Driver::new("3.3.987.0");
    assert_ne!(measure(&mut mux), (0, 0), "a cold session has to");
    assert_eq!(mux.session.stats().payload_size, 32 << 10);
    assert_eq!(measure(&mut mux), (0, 0), "multiplexed");
}
