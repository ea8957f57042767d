//! A client that does what it is told, a gateway that hands out legs, and destinations.

mod agent;
mod client;
mod destination;
mod output;
mod wire;

use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

pub(crate) use agent::{Agent, Setup};
pub(crate) use client::Client;
pub(crate) use destination::{Destination, closed_port, read_exactly, read_to_end, write};
pub(crate) use wire::{fin, header, input, psh, syn};

pub(crate) const SESSION: &str = "adit-lab-0123456789abcdef0";
pub(crate) const MODERN: &str = "1.2.764.0";

/// Long enough for a busy machine; reached only by a failing test.
const PATIENCE: Duration = Duration::from_secs(20);

/// Waits for something that has to come.
pub(crate) async fn patiently<F: Future>(what: &str, future: F) -> F::Output {
    match tokio::time::timeout(PATIENCE, future).await {
        Ok(output) => output,
        Err(elapsed) => panic!("{what} never came: {elapsed}"),
    }
}

/// Waits for a count to be reached.
pub(crate) async fn reaches(count: &AtomicUsize, value: usize) {
    patiently("a count", async {
        while count.load(Ordering::SeqCst) != value {
            tokio::task::yield_now().await;
        }
    })
    .await;
}
