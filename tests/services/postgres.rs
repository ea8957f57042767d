//! PostgreSQL: bulk both ways, notifications, cancels, pipelines, many connections.

mod dump;
mod server;

use std::future::poll_fn;
use std::pin::pin;

use bytes::Bytes;
use futures_util::{SinkExt, StreamExt, future, stream};
use sha2::{Digest, Sha256};
use tokio_postgres::error::SqlState;
use tokio_postgres::{AsyncMessage, NoTls};

use crate::common::bytes::Noise;
use crate::common::connect::Connect;
use crate::common::lab::Lab;
use crate::common::stories::Story;
pub(crate) use server::installed;
use server::{Postgres, connect, login};

pub(crate) const STORIES: &[Story] = &[
    ("a_hundred_megabytes_go_each_way_unchanged", a_hundred_megabytes_go_each_way_unchanged),
    (
        "five_megabytes_go_each_way_at_the_official_pace",
        five_megabytes_go_each_way_at_the_official_pace,
    ),
    ("notifications_arrive_in_order", notifications_arrive_in_order),
    ("a_query_can_be_cancelled", a_query_can_be_cancelled),
    (
        "a_thousand_queries_in_one_pipeline_are_answered_in_order",
        a_thousand_queries_in_one_pipeline_are_answered_in_order,
    ),
    ("two_hundred_connections_work_at_once", two_hundred_connections_work_at_once),
    (
        "a_dump_and_its_restore_over_eight_connections_lose_nothing",
        dump::a_dump_and_its_restore_over_eight_connections_lose_nothing,
    ),
];

fn a_hundred_megabytes_go_each_way_unchanged() {
    with_tunnel(Pace::Off, async |direct, tunnelled| copy_both_ways(direct, tunnelled, 100).await);
}

fn five_megabytes_go_each_way_at_the_official_pace() {
    with_tunnel(Pace::Official, async |direct, tunnelled| {
        copy_both_ways(direct, tunnelled, 5).await;
    });
}

/// COPY IN through the tunnel, then COPY OUT through it and beside it: all three are the same.
async fn copy_both_ways(direct: u16, tunnelled: u16, megabytes: usize) {
    let client = connect(tunnelled).await;
    client.batch_execute("CREATE TABLE bulk (line text)").await.expect("a table");
    let mut sent = Sha256::new();
    let blocks: Vec<Bytes> = (0..megabytes).map(megabyte_of_lines).collect();
    {
        let sink = client.copy_in("COPY bulk FROM STDIN").await.expect("COPY starts");
        let mut sink = pin!(sink);
        for block in blocks {
            sent.update(&block);
            sink.send(block).await.expect("COPY goes on");
        }
        assert_eq!(sink.finish().await.expect("COPY ends"), megabytes as u64 * 1024);
    }
    let sent = sent.finalize();
    assert_eq!(copy_out(direct).await, sent, "what arrived differs");
    assert_eq!(copy_out(tunnelled).await, sent, "what came back differs");
}

async fn copy_out(port: u16) -> impl PartialEq<sha2::digest::Output<Sha256>> + std::fmt::Debug {
    let client = connect(port).await;
    let rows = client.copy_out("COPY bulk TO STDOUT").await.expect("COPY starts");
    let mut rows = pin!(rows);
    let mut hash = Sha256::new();
    while let Some(row) = rows.next().await {
        hash.update(row.expect("COPY goes on"));
    }
    hash.finalize()
}

/// 1,024 lines of 1,024 bytes each, of characters that COPY writes as they are.
fn megabyte_of_lines(number: usize) -> Bytes {
    const ALPHABET: &[u8; 64] = b"abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_";
    let mut block = Noise::new(number as u64).take(1024 * 1024);
    for (at, byte) in block.iter_mut().enumerate() {
        *byte = if at % 1024 == 1023 { b'\n' } else { ALPHABET[usize::from(*byte) % 64] };
    }
    block.into()
}

fn notifications_arrive_in_order() {
    with_tunnel(Pace::Official, async |_, tunnelled| {
        let (listener, mut connection) = login(tunnelled).await;
        let (heard, mut hearing) = tokio::sync::mpsc::unbounded_channel();
        tokio::spawn(async move {
            while let Some(message) = poll_fn(|context| connection.poll_message(context)).await {
                if let AsyncMessage::Notification(note) = message.expect("the connection lasts") {
                    heard.send(note.payload().to_owned()).expect("the test listens");
                }
            }
        });
        listener.batch_execute("LISTEN news").await.expect("LISTEN");
        let speaker = connect(tunnelled).await;
        for number in 0..100 {
            speaker.batch_execute(&format!("NOTIFY news, '{number}'")).await.expect("NOTIFY");
        }
        for number in 0..100 {
            assert_eq!(hearing.recv().await.expect("a notification"), number.to_string());
        }
    });
}

fn a_query_can_be_cancelled() {
    with_tunnel(Pace::Official, async |direct, tunnelled| {
        let client = connect(tunnelled).await;
        let token = client.cancel_token();
        let watch = connect(direct).await;
        let sleeping = client.batch_execute("SELECT pg_sleep(3600)");
        let cancelling = async {
            let running = "SELECT count(*) FROM pg_stat_activity \
                           WHERE query = 'SELECT pg_sleep(3600)' AND state = 'active'";
            while watch.query_one(running, &[]).await.expect("a count").get::<_, i64>(0) == 0 {}
            token.cancel_query(NoTls).await.expect("a second connection carries the cancel");
        };
        let (slept, ()) = future::join(sleeping, cancelling).await;
        assert_eq!(slept.expect_err("cancelled").code(), Some(&SqlState::QUERY_CANCELED));
        client.batch_execute("SELECT 1").await.expect("the connection goes on");
    });
}

fn a_thousand_queries_in_one_pipeline_are_answered_in_order() {
    with_tunnel(Pace::Official, async |_, tunnelled| {
        let client = connect(tunnelled).await;
        let query = client.prepare("SELECT $1::int8 * 2").await.expect("a statement");
        let numbers: Vec<i64> = (0..1000).collect();
        let answers = future::join_all(numbers.iter().map(async |number| {
            let row = client.query_one(&query, &[number]).await.expect("a row");
            row.get::<_, i64>(0)
        }))
        .await;
        assert_eq!(answers, numbers.iter().map(|number| number * 2).collect::<Vec<_>>());
    });
}

fn two_hundred_connections_work_at_once() {
    with_tunnel(Pace::Official, async |direct, tunnelled| {
        let clients: Vec<_> = stream::iter(0..200).then(|_| connect(tunnelled)).collect().await;
        let open = "SELECT count(*) FROM pg_stat_activity WHERE application_name = 'tunnelled'";
        let watch = connect(direct).await;
        for client in &clients {
            client.batch_execute("SET application_name = 'tunnelled'").await.expect("a name");
        }
        let count: i64 = watch.query_one(open, &[]).await.expect("a count").get(0);
        assert_eq!(count, 200);
        let answers =
            future::join_all(clients.iter().zip(0_i64..).map(async |(client, number)| {
                let row = client.query_one("SELECT $1::int8", &[&number]).await.expect("a row");
                row.get::<_, i64>(0)
            }))
            .await;
        assert_eq!(answers, (0..200).collect::<Vec<i64>>());
    });
}

#[derive(Clone, Copy)]
enum Pace {
    Official,
    Off,
}

/// Runs a story with a server, a lab and a tunnel; it gets the server's own port and the tunnel's.
fn with_tunnel(pace: Pace, story: impl AsyncFnOnce(u16, u16)) {
    let postgres = Postgres::start();
    let lab = Lab::builder().map(5432, postgres.address());
    let lab = match pace {
        Pace::Official => lab,
        Pace::Off => lab.unpaced(),
    }
    .start();
    let (_connect, address) = Connect::to(&lab).lanes().ready();
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()
        .expect("a runtime");
    runtime.block_on(story(postgres.address().port(), address.port()));
}
