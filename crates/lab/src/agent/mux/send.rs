use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use bytes::Bytes;
use tokio::io::{AsyncWriteExt, DuplexStream};
use tokio::sync::{Notify, oneshot};

/// Whole frames on their way into the outbound pipe, one at a time (`session.go` `shaperLoop`,
/// `sendLoop`): the stream that has written fewest frames comes first, so a quiet one overtakes
/// what bulk has not yet written, but not what lies in the pipe.
#[derive(Default)]
pub(super) struct Sender {
    queue: Mutex<Queue>,
    queued: Notify,
}

#[derive(Default)]
struct Queue {
    requests: BinaryHeap<Reverse<Request>>,
    count: u64,
}

/// Ordered by priority, then by age.
struct Request {
    rank: (u64, u64),
    frame: Bytes,
    written: oneshot::Sender<()>,
}

impl PartialEq for Request {
    fn eq(&self, other: &Self) -> bool {
        self.rank == other.rank
    }
}

impl Eq for Request {}

impl PartialOrd for Request {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Request {
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        self.rank.cmp(&other.rank)
    }
}

impl Sender {
    /// Queues a frame and waits until it lies in the pipe; lower numbers go first.
    pub(super) async fn send(&self, priority: u64, frame: Bytes) {
        let (written, done) = oneshot::channel();
        {
            let mut queue = self.queue();
            queue.count += 1;
            let rank = (priority, queue.count);
            queue.requests.push(Reverse(Request { rank, frame, written }));
        }
        self.queued.notify_one();
        // Fails only when the session is over.
        done.await.ok();
    }

    /// Writes frames until the pipe is closed.
    pub(super) async fn run(&self, mut pipe: DuplexStream) {
        loop {
            let queued = self.queued.notified();
            let next = self.queue().requests.pop();
            let Some(Reverse(request)) = next else {
                queued.await;
                continue;
            };
            if pipe.write_all(&request.frame).await.is_err() {
                return;
            }
            // Nobody waits when the stream is gone.
            request.written.send(()).ok();
        }
    }

    fn queue(&self) -> MutexGuard<'_, Queue> {
        self.queue.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
