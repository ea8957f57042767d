//! The ends of sessions.

use std::sync::Arc;
use std::time::Duration;

use tokio::time::{sleep, timeout};

use super::{Driver, LaneEnd};
use crate::lane::Lane;
use crate::link::Link;
use crate::{End, SessionSource, Shared, TunnelEvent, Warning};

/// The limit for the API's terminate.
const TERMINATE_CALL: Duration = Duration::from_secs(5);
/// How long the ends of earlier sessions are waited for when the tunnel is closed, and the answer to a
/// start that is under way: the session that it may have started is to be terminated.
const GOODBYES: Duration = Duration::from_secs(6);
/// How long local clients may take to read what has come on a session that is gone.
const READ_OUT: Duration = Duration::from_secs(5);

impl<S: SessionSource> Driver<S> {
    /// Ends a session that the tunnel goes on without, beside what it does next.
    pub(super) fn goodbye(&self, lane: Arc<Lane>, links: [Option<Link>; 2], may_live: bool) {
        let (source, shared) = (Arc::clone(&self.source), Arc::clone(&self.shared));
        self.goodbyes.spawn(async move {
            let closing = async {
                for link in links.into_iter().flatten() {
                    link.close().await;
                }
            };
            let terminating = async {
                if may_live {
                    terminate(&*source, &lane.session_id, &shared).await;
                }
            };
            tokio::join!(closing, terminating);
        });
    }

    /// Ends what there is when the lane ends.
    pub(super) async fn part(&mut self, end: &LaneEnd) {
        let is_closing = matches!(end, LaneEnd::Retired | LaneEnd::Tunnel(End::Closed));
        let may_live = match end {
            LaneEnd::Retired | LaneEnd::Tunnel(End::Closed) => true,
            LaneEnd::Tunnel(End::Failed(error)) => error.session_may_live(),
            LaneEnd::Gone { may_live } => *may_live,
        };
        if matches!(end, LaneEnd::Gone { .. })
            && let Some(lane) = &self.lane
        {
            lane.give_up();
            break_off_later(lane);
        }
        if is_closing && let (Some(lane), Some(link)) = (&self.lane, &mut self.link) {
            // The request is in order with the data before it, which may be stuck.
            lane.terminate();
            if timeout(self.options.terminate_wait, link.carry(lane, true)).await.is_err() {
                tracing::debug!(tunnel = %self.options.name, "terminate was not acknowledged");
            }
        }
        let Self { source, shared, lane, link, old, call, goodbyes, .. } = self;
        let closing = async {
            for link in [link.take(), old.take()].into_iter().flatten() {
                link.close().await;
            }
        };
        let terminating = async {
            if let Some(lane) = lane.as_ref().filter(|_| may_live) {
                terminate(&**source, &lane.session_id, shared).await;
            }
        };
        // What is being started is not wanted any more: its task gives it back.
        drop(call.take());
        goodbyes.close();
        tokio::join!(closing, terminating, async {
            if timeout(GOODBYES, goodbyes.wait()).await.is_err() {
                tracing::debug!("a session that nobody waits for may live on");
            }
        });
    }
}

/// Breaks off what is left of a session's connections after a while.
pub(super) fn break_off_later(lane: &Arc<Lane>) {
    let lane = Arc::clone(lane);
    tokio::spawn(async move {
        sleep(READ_OUT).await;
        lane.abort.cancel();
    });
}

/// Ends a session through the API.
pub(super) async fn terminate<S: SessionSource>(source: &S, session_id: &str, shared: &Shared) {
    let cause = match timeout(TERMINATE_CALL, source.terminate(session_id)).await {
        Ok(Ok(())) => return,
        Ok(Err(error)) => error.to_string(),
        Err(_) => "the service did not answer".to_owned(),
    };
    shared.emit(TunnelEvent::Warning(Warning::NotTerminated { cause }));
}
