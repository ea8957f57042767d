//! Not there yet: every operation is unknown.

use super::state::Endpoint;
use super::{Call, Outcome};

#[derive(Debug, Default)]
pub(crate) struct State {}

pub(crate) fn call(call: &Call<'_>) -> Outcome {
    Err(call.unknown())
}

/// Where clients of this service connect to.
pub(crate) fn endpoints(_state: &State) -> Vec<Endpoint> {
    Vec::new()
}
