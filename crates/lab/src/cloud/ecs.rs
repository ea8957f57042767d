//! Not there yet: every operation is unknown.

use super::{Call, JsonOutcome};

#[derive(Debug, Default)]
pub(crate) struct State {}

pub(crate) fn call(call: &Call<'_>) -> JsonOutcome {
    Err(call.unknown())
}
