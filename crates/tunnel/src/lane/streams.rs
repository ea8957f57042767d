//! What local connections do with a session.

use std::task::{Context, Poll, Waker};

use adit_engine::{Cause, Chunk, OpenError, Read, StreamId};
use bytes::Bytes;

use super::{Lane, Waiters};

impl Lane {
    /// Opens a stream; [`OpenError::Busy`] is waited out.
    pub(crate) fn poll_open(&self, cx: &Context<'_>) -> Poll<Result<StreamId, OpenError>> {
        let opened = self.with(|state, now| {
            if state.is_gone {
                return Poll::Ready(Err(OpenError::Closed));
            }
            match state.session.open(now) {
                Ok(id) => {
                    state.streams.insert(id, Waiters::default());
                    Poll::Ready(Ok(id))
                }
                Err(OpenError::Busy) => {
                    state.openers.push(cx.waker().clone());
                    Poll::Pending
                }
                Err(error) => Poll::Ready(Err(error)),
            }
        });
        self.driver.notify_one();
        opened
    }

    /// A buffer for the stream's next bytes; `None` when it takes no more.
    pub(crate) fn poll_chunk(&self, id: StreamId, cx: &Context<'_>) -> Poll<Option<Chunk>> {
        self.with(|state, _| {
            if let Some(chunk) = state.session.chunk(id) {
                return Poll::Ready(Some(chunk));
            }
            let over = state.is_gone || state.closed.is_some();
            match state.streams.get_mut(&id) {
                Some(waiters) if waiters.closed.is_none() && !over => {
                    register(&mut waiters.writable, cx);
                    Poll::Pending
                }
                _ => Poll::Ready(None),
            }
        })
    }

    /// Takes a filled chunk; false when the stream takes no more.
    pub(crate) fn write(&self, id: StreamId, chunk: Chunk) -> bool {
        let taken = self.with(|state, now| {
            state.spoke = Some(now);
            state.session.write(now, id, chunk).is_ok()
        });
        self.driver.notify_one();
        taken
    }

    /// Returns an unused chunk.
    pub(crate) fn give_back(&self, chunk: Chunk) {
        self.with(|state, _| state.session.give_back(chunk));
    }

    /// Reads what has come for a stream; never ready with [`Read::Blocked`].
    pub(crate) fn poll_read(
        &self,
        id: StreamId,
        max: usize,
        out: &mut Vec<Bytes>,
        cx: &Context<'_>,
    ) -> Poll<Read> {
        let (read, reopened) = self.with(|state, now| {
            let stalled = !state.session.wants_input();
            let read = match state.session.read(now, id, max, out) {
                Read::Blocked if state.is_gone => Read::Reset(Cause::SessionClosed),
                Read::Reset(Cause::Unknown) => {
                    match state.streams.get(&id).and_then(|waiters| waiters.closed) {
                        Some(Cause::Finished) => Read::End,
                        cause => Read::Reset(cause.unwrap_or(Cause::Unknown)),
                    }
                }
                read => read,
            };
            if read == Read::Blocked {
                match state.streams.get_mut(&id) {
                    Some(waiters) => register(&mut waiters.readable, cx),
                    None => return (Poll::Ready(Read::Reset(Cause::Unknown)), true),
                }
                return (Poll::Pending, false);
            }
            (Poll::Ready(read), stalled && state.session.wants_input())
        });
        if reopened || matches!(read, Poll::Ready(Read::End | Read::Reset(_))) {
            self.driver.notify_one();
        }
        read
    }

    /// The local client will send no more.
    pub(crate) fn finish(&self, id: StreamId) {
        self.with(|state, now| state.session.finish(now, id));
        self.driver.notify_one();
    }

    /// The local connection is gone.
    pub(crate) fn reset(&self, id: StreamId) {
        self.with(|state, now| state.session.reset(now, id));
        self.driver.notify_one();
    }

    /// Forgets who waited for a stream.
    pub(crate) fn forget(&self, id: StreamId) {
        self.lock().streams.remove(&id);
    }
}

/// Stores the waker, without cloning it when it is there already.
fn register(slot: &mut Option<Waker>, cx: &Context<'_>) {
    match slot {
        Some(waker) => waker.clone_from(cx.waker()),
        None => *slot = Some(cx.waker().clone()),
    }
}
