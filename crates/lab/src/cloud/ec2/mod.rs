//! EC2: networks, groups, instances and endpoints.

pub(crate) mod groups;
pub(crate) mod networks;
mod state;

pub(crate) use state::{State, Tags};

use super::{Call, Outcome};

pub(crate) fn call(call: &Call<'_>) -> Outcome {
    Err(call.unknown())
}
