//! A connection to the gateway that is got while the ticket for it is still asked for: the round trips of
//! TCP, proxy and TLS then cost nothing.

use std::sync::Arc;
use std::time::Duration;

use tokio::time::{Instant, timeout};
use tokio_util::task::AbortOnDropHandle;

use super::{BoxIo, Dialer, Place};

/// How long one that is not there yet is waited for: it began a call of the API ago, and may be lost on a
/// network that is no more.
const HEAD_START: Duration = Duration::from_millis(250);

/// How long it may wait for its use: gateways do not keep silent guests for long.
const FRESH: Duration = Duration::from_secs(10);

/// A connection that is being got, or is there. Dropped, it is closed.
pub(crate) struct Ahead {
    begun: Instant,
    reached: AbortOnDropHandle<Option<Reached>>,
}

struct Reached {
    place: Place,
    stream: BoxIo,
}

impl Ahead {
    /// Connects to where `url` leads. What fails is not told: whoever has a ticket tries it again.
    pub(crate) fn begin(dialer: Arc<Dialer>, url: String) -> Self {
        let reached = tokio::spawn(async move {
            let place = Place::parse(&url).ok()?;
            match dialer.reach(&place).await {
                Ok(stream) => Some(Reached { place, stream }),
                Err(error) => {
                    tracing::debug!(%error, "the gateway was not reached ahead");
                    None
                }
            }
        });
        Self { begun: Instant::now(), reached: AbortOnDropHandle::new(reached) }
    }

    /// Whether it may still be used.
    pub(crate) fn is_fresh(&self) -> bool {
        self.begun.elapsed() < FRESH
    }

    /// The connection, if it has come about and leads to `place`.
    pub(super) async fn to(self, place: &Place) -> Option<BoxIo> {
        if !self.is_fresh() {
            return None;
        }
        let reached = timeout(HEAD_START, self.reached).await.ok()?.ok()??;
        reached.place.is_same_end(place).then_some(reached.stream)
    }
}
