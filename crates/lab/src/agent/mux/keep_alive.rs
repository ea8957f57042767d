use adit_wire::smux::Frame;
use bytes::Bytes;
use tokio::time::{Instant, interval_at, timeout};
use tokio_util::sync::CancellationToken;

use super::Shared;
use crate::agent::config::Runtime;

/// Sends NOPs and looks whether the client says anything at all (`session.go` `keepalive`).
///
/// A client that opens with some bytes and is silent from then on is found out at the second
/// look, 60 s after the start.
pub(super) async fn run(shared: &Shared, runtime: &Runtime, silent: &CancellationToken) {
    let start = Instant::now();
    let mut ping = interval_at(start + runtime.keep_alive_interval, runtime.keep_alive_interval);
    let mut look = interval_at(start + runtime.keep_alive_timeout, runtime.keep_alive_timeout);
    loop {
        tokio::select! {
            _ = ping.tick() => {
                let nop = Bytes::copy_from_slice(&Frame::Nop.encode());
                // Gives up at the next tick; the frame stays queued.
                timeout(runtime.keep_alive_interval, shared.sender.send(0, nop)).await.ok();
            }
            _ = look.tick() => {
                // With a full buffer nothing is read, so nothing can be heard.
                let heard = shared.streams.take_heard();
                let killed = shared.config.quirks.kills_silent_old_clients;
                if !heard && shared.streams.has_room() && killed {
                    silent.cancel();
                    return;
                }
            }
        }
    }
}
