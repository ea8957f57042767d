//! The origin of virtual time in unit tests.

use std::time::Instant;

#[expect(clippy::disallowed_methods, reason = "an Instant cannot be made in any other way")]
pub(crate) fn origin() -> Instant {
    Instant::now()
}
