//! Sessions whose agent says that it is ready before it is.

use std::time::{Duration, Instant};

use adit_lab::FaultRequest;
use adit_tunnel::{Tunnel, TunnelOptions};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::sync::mpsc;

use crate::common::servers::Server;
use crate::common::wait::PATIENCE;
use crate::in_process::{LabSource, lab, listener};

const SESSIONS: u64 = 300;

/// The least time between two sendings of the opening NOP.
const INTERVAL: Duration = Duration::from_millis(30);

/// The agent is not ready for data until 0 to 300 ms after it completes the handshake,
/// drawn anew for each session.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn three_hundred_sessions_answer_a_first_byte_that_is_sent_at_once() {
    let server = Server::echo();
    let lab = lab(server.address()).await;
    let late_handlers =
        FaultRequest { handler_delay_ms: Some([0, 300]), ..FaultRequest::default() };
    lab.faults().apply(late_handlers).expect("a fault");
    let mut late = 0;
    for seed in 0..SESSIONS {
        let began = Instant::now();
        let answer = tokio::time::timeout(PATIENCE, first_byte(LabSource::of(&lab), seed)).await;
        assert_eq!(answer, Ok(b'?'), "session {seed}");
        let lasted = began.elapsed();

        let state = lab.state();
        assert_eq!(state.sessions.len() as u64, seed + 1);
        let counts = &state.sessions.last().expect("the session").counts;
        let most = lasted.as_millis() / INTERVAL.as_millis();
        assert!(
            u128::from(counts.resends_of_first) <= most,
            "session {seed}: {} resends in {lasted:?}",
            counts.resends_of_first
        );
        assert!(counts.resends_of_user_data <= 1, "session {seed}: {counts:?}");
        late += u64::from(counts.resends_of_first > 0);
    }
    assert!(late > SESSIONS / 2, "only {late} agents were late: this shows nothing");
}

/// Opens a session for a client that has connected and said a byte before there was one; gives
/// what comes back.
async fn first_byte(source: LabSource, seed: u64) -> u8 {
    let (listener, address) = listener().await;
    let mut local = TcpStream::connect(address).await.expect("the backlog takes it");
    local.write_all(b"?").await.expect("the socket takes it");

    let (events, _told) = mpsc::unbounded_channel();
    let options = TunnelOptions::new("first byte", seed);
    let tunnel = Tunnel::open(source, options, events).await.expect("a tunnel");
    let serving = tokio::spawn({
        let tunnel = tunnel.clone();
        async move { tunnel.serve(listener).await }
    });
    let answer = local.read_u8().await.expect("an answer");
    tunnel.close().await;
    serving.await.expect("no panic");
    answer
}
