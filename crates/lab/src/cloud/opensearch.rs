//! Not there yet: every operation is unknown.

use std::time::Duration;

use super::state::Endpoint;
use super::{Call, JsonOutcome};

#[derive(Debug, Default)]
pub(crate) struct State {}

pub(crate) fn call(call: &Call<'_>) -> JsonOutcome {
    Err(call.unknown())
}

/// Where clients of this service connect to.
pub(crate) fn endpoints(_state: &State, _now: Duration) -> Vec<Endpoint> {
    Vec::new()
}

/// The operation that a method and a path are; `None` when they are none of this service's.
pub(crate) fn operation(_method: &http::Method, _path: &str) -> Option<&'static str> {
    None
}
