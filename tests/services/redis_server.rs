//! Redis: pipelines, big values, publish and subscribe, bulk at the official pace.

use std::net::{Ipv4Addr, SocketAddr, TcpStream};
use std::path::PathBuf;

use futures_util::StreamExt;
use redis::AsyncCommands;
use redis::aio::MultiplexedConnection;
use tempfile::TempDir;

use crate::common::bytes::Noise;
use crate::common::connect::Connect;
use crate::common::lab::{Lab, LabBuilder};
use crate::common::process::Program;
use crate::common::stories::{Missing, Story, find};
use crate::common::wait::until;
use crate::installed::{User, command, folder, free_port};

pub(crate) const STORIES: &[Story] = &[
    (
        "ten_thousand_commands_in_one_pipeline_are_answered_in_order",
        ten_thousand_commands_in_one_pipeline_are_answered_in_order,
    ),
    ("big_values_go_each_way_unchanged", big_values_go_each_way_unchanged),
    (
        "five_megabytes_go_each_way_at_the_official_pace",
        five_megabytes_go_each_way_at_the_official_pace,
    ),
    ("subscribers_hear_all_that_is_published", subscribers_hear_all_that_is_published),
];

/// The server's program.
pub(crate) fn installed() -> Result<PathBuf, Missing> {
    find("redis-server", &[])
}

fn ten_thousand_commands_in_one_pipeline_are_answered_in_order() {
    with_tunnel(LabBuilder::unpaced, async |client| {
        let mut connection = connect(client).await;
        let mut pipeline = redis::pipe();
        for number in 0..10_000 {
            pipeline.cmd("INCR").arg("count").cmd("ECHO").arg(format!("word {number}"));
        }
        let answers: Vec<redis::Value> =
            pipeline.query_async(&mut connection).await.expect("all answers");
        let answers = pairs(&answers);
        let expected: Vec<_> = (0..10_000).map(|n| (n + 1, format!("word {n}"))).collect();
        assert!(answers == expected, "answers are missing or out of order");
    });
}

fn big_values_go_each_way_unchanged() {
    with_tunnel(LabBuilder::unpaced, async |client| round_trip(client, 32 * 1024 * 1024).await);
}

fn five_megabytes_go_each_way_at_the_official_pace() {
    with_tunnel(|lab| lab, async |client| round_trip(client, 5 * 1024 * 1024).await);
}

async fn round_trip(client: redis::Client, len: usize) {
    let mut connection = connect(client).await;
    let value = Noise::new(len as u64).take(len);
    connection.set::<_, _, ()>("value", &value).await.expect("SET");
    let back: Vec<u8> = connection.get("value").await.expect("GET");
    assert!(back == value, "the value differs");
}

fn subscribers_hear_all_that_is_published() {
    with_tunnel(
        |lab| lab,
        async |client| {
            let mut subscriber = client.get_async_pubsub().await.expect("a subscriber");
            subscriber.subscribe("news").await.expect("SUBSCRIBE");
            let mut connection = connect(client).await;
            for number in 0..1000 {
                let heard_by: i64 = connection.publish("news", number).await.expect("PUBLISH");
                assert_eq!(heard_by, 1);
            }
            let mut heard = subscriber.on_message();
            for number in 0..1000 {
                let message = heard.next().await.expect("a message");
                assert_eq!(message.get_payload::<i64>().expect("a number"), number);
            }
        },
    );
}

fn pairs(flat: &[redis::Value]) -> Vec<(i64, String)> {
    flat.chunks_exact(2)
        .map(|pair| {
            let number = redis::from_redis_value(pair[0].clone()).expect("a number");
            let word = redis::from_redis_value(pair[1].clone()).expect("a word");
            (number, word)
        })
        .collect()
}

async fn connect(client: redis::Client) -> MultiplexedConnection {
    let patient = redis::AsyncConnectionConfig::new().set_response_timeout(None);
    client.get_multiplexed_async_connection_with_config(&patient).await.expect("a connection")
}

/// A running server; its data go with it.
struct Redis {
    port: u16,
    _server: Program,
    _folder: TempDir,
}

impl Redis {
    fn start() -> Self {
        let program = installed().expect("listed only when it is installed");
        let user = User::unprivileged();
        let folder = folder(user);
        let port = free_port();
        let mut server = command(&program, folder.path(), user);
        server.args(["--bind", "127.0.0.1", "--port", &port.to_string()]).args([
            "--save",
            "",
            "--appendonly",
            "no",
        ]);
        let mut server = Program::start(&mut server);
        until("Redis", || {
            assert!(server.is_running(), "Redis ended: {}", server.stdout());
            TcpStream::connect((Ipv4Addr::LOCALHOST, port)).ok()
        });
        Self { port, _server: server, _folder: folder }
    }

    fn address(&self) -> SocketAddr {
        (Ipv4Addr::LOCALHOST, self.port).into()
    }
}

/// Runs a story with a server, a lab and a tunnel; it gets a client of the tunnel's port.
fn with_tunnel(
    set_up: impl FnOnce(LabBuilder) -> LabBuilder,
    story: impl AsyncFnOnce(redis::Client),
) {
    let redis = Redis::start();
    let lab = set_up(Lab::builder().map(6379, redis.address())).start();
    let (_connect, address) = Connect::to(&lab).lanes().port(6379).ready();
    let client = redis::Client::open(format!("redis://{address}/")).expect("a URL");
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()
        .expect("a runtime");
    runtime.block_on(story(client));
}
