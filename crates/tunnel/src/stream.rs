//! One local connection: two directions between its socket and its stream.

use std::future::poll_fn;
use std::io;
use std::sync::Arc;
use std::time::Duration;

use adit_engine::{Cause, Read, StreamId};
use bytes::Bytes;
use tokio::time::timeout;

use crate::StreamEnd;
use crate::lane::Lane;
use crate::local::Local;

/// The most bytes taken from the engine at once: they are held until the local client has taken
/// them, beside what the engine holds.
const READ_BYTES: usize = 64 * 1024;

/// What a connection carried, and how it ended.
pub(crate) struct Carried {
    /// Bytes given to the local client.
    pub(crate) bytes_in: u64,
    /// Bytes taken from the local client.
    pub(crate) bytes_out: u64,
    pub(crate) end: StreamEnd,
}

/// How the direction from the local client ended.
enum Up {
    /// It will send no more.
    Finished,
    /// The stream takes no more; the other direction knows why.
    Refused,
    /// The local socket failed.
    Failed(io::Error),
}

/// How the direction to the local client ended.
enum Down {
    /// Everything was delivered.
    End,
    /// The stream broke off.
    Reset(Cause),
    /// The local socket failed.
    Failed(io::Error),
}

/// Forgets a stream when its connection is gone, however that comes about.
struct Forget<'a> {
    lane: &'a Lane,
    id: StreamId,
    /// Both sides have ended, so there is nothing to break off.
    settled: bool,
}

impl Drop for Forget<'_> {
    fn drop(&mut self) {
        if !self.settled {
            self.lane.reset(self.id);
        }
        self.lane.forget(self.id);
    }
}

/// Carries one local connection until both sides have ended or one breaks off; `parting` is told when
/// its client has ended.
pub(crate) async fn carry(
    lane: Arc<Lane>,
    id: StreamId,
    mut local: Local,
    linger: Duration,
    mut parting: impl FnMut(),
) -> Carried {
    let mut forget = Forget { lane: &lane, id, settled: false };
    let (mut bytes_in, mut bytes_out) = (0, 0);
    let end = {
        let mut up = std::pin::pin!(up(&lane, id, &local, &mut bytes_out));
        let mut down = std::pin::pin!(down(&lane, id, &local, &mut bytes_in));
        let mut up_done = false;
        loop {
            tokio::select! {
                biased;
                () = lane.abort.cancelled() => break Down::Reset(Cause::SessionClosed),
                ended = &mut down => break ended,
                ended = &mut up, if !up_done => match ended {
                    Up::Finished | Up::Refused => {
                        up_done = true;
                        parting();
                    }
                    Up::Failed(error) => break Down::Failed(error),
                },
            }
        }
    };
    let end = match end {
        Down::End => {
            lane.finish(id);
            forget.settled = true;
            match part(&lane, &mut local, linger).await {
                Ok(()) => StreamEnd::Finished,
                Err(_) => StreamEnd::LocalReset,
            }
        }
        Down::Reset(cause) => {
            local.abort();
            StreamEnd::from_cause(cause)
        }
        Down::Failed(error) => {
            tracing::debug!(stream = id.0, %error, "local connection failed");
            local.abort();
            StreamEnd::LocalReset
        }
    };
    Carried { bytes_in, bytes_out, end }
}

/// Reads the local socket straight into the engine's chunks.
async fn up(lane: &Lane, id: StreamId, local: &Local, bytes: &mut u64) -> Up {
    loop {
        // Readiness first: an idle connection holds no chunk.
        if let Err(error) = local.readable().await {
            return Up::Failed(error);
        }
        let Some(mut chunk) = poll_fn(|cx| lane.poll_chunk(id, cx)).await else {
            return Up::Refused;
        };
        match local.try_read_buf(&mut chunk.spare_mut()) {
            Ok(0) => {
                lane.give_back(chunk);
                lane.finish(id);
                return Up::Finished;
            }
            Ok(read) => {
                if !lane.write(id, chunk) {
                    return Up::Refused;
                }
                *bytes += read as u64;
            }
            Err(error) => {
                lane.give_back(chunk);
                if error.kind() != io::ErrorKind::WouldBlock {
                    return Up::Failed(error);
                }
            }
        }
        tokio::task::coop::consume_budget().await;
    }
}

/// Writes what comes for the stream to the local socket.
async fn down(lane: &Lane, id: StreamId, local: &Local, bytes: &mut u64) -> Down {
    let mut slices: Vec<Bytes> = Vec::new();
    loop {
        match poll_fn(|cx| lane.poll_read(id, READ_BYTES, &mut slices, cx)).await {
            Read::Data(read) => {
                if let Err(error) = local.write_all(&mut slices).await {
                    return Down::Failed(error);
                }
                *bytes += read as u64;
            }
            Read::End => return Down::End,
            Read::Reset(cause) => return Down::Reset(cause),
            Read::Blocked => {}
        }
        tokio::task::coop::consume_budget().await;
    }
}

/// Tells the client that nothing more comes and takes what it still sends, up to its own end:
/// closing a socket with unread input makes the kernel reset it, and what was delivered but not
/// read would be lost to the client.
async fn part(lane: &Lane, local: &mut Local, linger: Duration) -> io::Result<()> {
    local.shutdown().await?;
    let discard = async {
        let mut scratch = [0_u8; 4096];
        loop {
            local.readable().await?;
            match local.try_read_buf(&mut scratch.as_mut_slice()) {
                Ok(0) => return Ok(()),
                Ok(_) => tokio::task::coop::consume_budget().await,
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
                Err(error) => return Err(error),
            }
        }
    };
    tokio::select! {
        () = lane.abort.cancelled() => Ok(()),
        // A client that never closes has had its time to read.
        parted = timeout(linger, discard) => parted.unwrap_or(Ok(())),
    }
}
