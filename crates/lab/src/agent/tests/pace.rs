use std::time::{Duration, Instant};

use tokio::io::AsyncWriteExt;

use super::harness::{Client, Destination, MODERN, Setup, syn};
use crate::agent::config::Pace;

/// A client whose stream 3 is sent so many bytes at the official pace.
async fn download(len: usize) -> Client {
    let (destination, port) = Destination::listen().await;
    let mut setup = Setup::port(port);
    setup.pace = Pace::Official;
    let mut client = setup.client(MODERN).await;
    client.write(&syn(3)).await;
    let mut connection = destination.accept().await;
    tokio::spawn(async move {
        let block = vec![7; 1 << 16];
        let mut left = len;
        while left > 0 {
            let part = left.min(block.len());
            if connection.write_all(&block[..part]).await.is_err() {
                return;
            }
            left -= part;
        }
        connection.shutdown().await.ok();
        // Kept open until the agent closes it.
        tokio::io::copy(&mut connection, &mut tokio::io::sink()).await.ok();
    });
    client
}

#[tokio::test]
async fn at_the_official_pace_there_is_a_pause_behind_each_message() {
    let mut client = download(100_000).await;
    let start = Instant::now();
    client.stream_bytes(3, 100_000).await;
    // No upper bound: a busy machine only makes it slower. A sleep is never short, and at least
    // 0.6 ms are always asked for.
    let messages = client.received.len() as u32 - 2;
    assert!(messages >= 98);
    assert!(start.elapsed() >= Duration::from_micros(600) * (messages - 1));
}
