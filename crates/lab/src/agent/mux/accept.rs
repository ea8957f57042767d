use std::io;
use std::sync::Arc;

use adit_wire::{Flag, PayloadType};
use tokio::sync::mpsc;
use tokio::task::JoinSet;

use super::streams::Stream;
use super::{Shared, transfer};

/// Accepts streams and dials the destination for each (`port_mux.go` `handleServerConnections`),
/// one after the other and without a time limit; ends when the session is stopped, with all
/// connections.
pub(super) async fn run(shared: Arc<Shared>, mut accepted: mpsc::Receiver<Arc<Stream>>) {
    let mut transfers = JoinSet::new();
    let stop = shared.stop.clone();
    stop.run_until_cancelled(accept(&shared, &mut accepted, &mut transfers)).await;
    transfers.shutdown().await;
}

async fn accept(
    shared: &Arc<Shared>,
    accepted: &mut mpsc::Receiver<Arc<Stream>>,
    transfers: &mut JoinSet<()>,
) {
    loop {
        let stream = tokio::select! {
            Some(_) = transfers.join_next() => continue,
            Some(stream) = accepted.recv() => stream,
            else => return,
        };
        let shared = Arc::clone(shared);
        if shared.config.quirks.dials_one_at_a_time {
            match shared.destination.dial().await {
                Ok(connection) => {
                    transfers.spawn(transfer::run(shared, stream, connection));
                }
                Err(error) => refuse(&shared, &stream, &error).await,
            }
        } else {
            transfers.spawn(async move {
                match shared.destination.dial().await {
                    Ok(connection) => transfer::run(shared, stream, connection).await,
                    Err(error) => refuse(&shared, &stream, &error).await,
                }
            });
        }
    }
}

/// Tells the client, by a flag that names no stream and a FIN that gives no reason.
async fn refuse(shared: &Shared, stream: &Stream, error: &io::Error) {
    tracing::debug!(stream = stream.id, %error, "destination cannot be dialled");
    shared.channel.send(PayloadType::Flag, &Flag::ConnectToPortError.encode()).await;
    shared.close(stream).await;
}
