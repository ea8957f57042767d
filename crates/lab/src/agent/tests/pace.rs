use std::time::{Duration, Instant};

use adit_wire::PayloadType;
use tokio::io::{AsyncReadExt, AsyncWriteExt};

use super::harness::{Client, Destination, MODERN, Setup, input, patiently, psh, syn};
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
    let (small, large) = (upload(1024).await, upload(32 * 1024).await);
    assert!(small >= 30.0 && large >= 100.0, "{small} and {large} MB/s up");
    #[expect(clippy::print_stderr, reason = "the figures are what this is for")]
    {
        eprintln!("{paced:.3} MB/s at the official pace, {free:.1} MB/s without one");
        eprintln!("up: {small:.1} MB/s in messages of 1 KiB, {large:.1} MB/s in 32 KiB");
    }
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

/// Megabytes per second of an upload in messages of that size.
async fn upload(size: usize) -> f64 {
    let (destination, port) = Destination::listen().await;
    let mut client = Setup::port(port).client(MODERN).await;
    client.write(&syn(3)).await;
    let mut connection = destination.accept().await;
    let body = vec![7; size - 8];
    let count = 128 * 1024 * 1024 / size;
    let start = Instant::now();
    let reading = tokio::spawn(async move {
        let mut sink = vec![0; 1 << 20];
        let mut left = count * (size - 8);
        while left > 0 {
            left -= connection.read(&mut sink).await.unwrap();
        }
    });
    let (mut acks, sending) = (client.leg.rx, client.leg.tx);
    let first = client.next;
    let sender = tokio::spawn(async move {
        for sequence in first..first + count as i64 {
            let message = input(sequence, PayloadType::Output, &psh(3, &body));
            sending.send(message).await.unwrap();
        }
        sending
    });
    for _ in 0..count {
        patiently("an acknowledgement", acks.recv()).await.unwrap();
    }
    patiently("the bytes", reading).await.unwrap();
    drop(sender.await);
    (count * (size - 8)) as f64 / 1e6 / start.elapsed().as_secs_f64()
}
