use std::time::{Duration, Instant};

use tokio::io::AsyncWriteExt;

use super::harness::{Client, Destination, MODERN, Setup, patiently, syn};
use crate::agent::config::Pace;

/// A client whose stream 3 is sent so many bytes.
async fn download(pace: Pace, len: usize) -> Client {
    let (destination, port) = Destination::listen().await;
    let mut setup = Setup::port(port);
    setup.pace = pace;
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
    let mut client = download(Pace::Official, 100_000).await;
    let start = Instant::now();
    client.stream_bytes(3, 100_000).await;
    // No upper bound: a busy machine only makes it slower. A sleep is never short, and at least
    // 0.6 ms are always asked for.
    let messages = client.received.len() as u32 - 2;
    assert!(messages >= 98);
    assert!(start.elapsed() >= Duration::from_micros(600) * (messages - 1));
}

/// Prints what the agent sends without a pause, and what its pace comes to with one.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "measures, so wants a quiet machine"]
async fn throughput() {
    let paced = rate(Pace::Official, 2_000_000).await;
    assert!((0.7..1.02).contains(&paced), "{paced} MB/s at the official pace");
    let free = rate(Pace::Off, 256 << 20).await;
    assert!(free >= 60.0, "{free} MB/s without a pause");
    eprintln!("{paced:.3} MB/s at the official pace, {free:.1} MB/s without one");
}

/// Megabytes per second of a download whose client does nothing but acknowledge.
async fn rate(pace: Pace, len: usize) -> f64 {
    let mut client = download(pace, len).await;
    let start = Instant::now();
    let mut received = 0;
    while received < len {
        let bytes = patiently("a message", client.leg.rx.recv()).await.unwrap();
        let message = adit_wire::Message::decode(bytes).unwrap();
        if message.header.message_type == adit_wire::MessageType::OutputStreamData {
            received += message.payload.len();
            client.acknowledge(message.header.sequence).await;
        }
    }
    len as f64 / 1e6 / start.elapsed().as_secs_f64()
}
