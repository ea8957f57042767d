//! Several sessions behind one listener.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use adit_tunnel::{
    End, Fatal, FatalKind, Listener, Resumption, Secret, SessionSource, SourceError, StreamEnd,
    Ticket, Tunnel, TunnelEvent, TunnelOptions, Warning,
};
use http::{HeaderName, HeaderValue};
use tokio::io::AsyncReadExt as _;
use tokio::net::TcpStream;

use crate::forward::{closed, echo};
use crate::support::agent::Destination;
use crate::support::gateway::{Cut, Gateway};
use crate::support::{Events, options, pattern, soon};

/// A source whose sessions have a gateway each.
#[derive(Clone)]
struct Source(Arc<Mutex<Sessions>>);

struct Sessions {
    urls: Vec<String>,
    /// How many there may be at once.
    quota: usize,
    asked: usize,
    started: Vec<usize>,
    terminated: Vec<usize>,
    over: Vec<usize>,
}

impl Source {
    fn sessions(&self) -> std::sync::MutexGuard<'_, Sessions> {
        self.0.lock().expect("no panic")
    }

    fn ticket(url: &str, number: usize) -> Ticket {
        Ticket {
            session_id: format!("s-{number}"),
            stream_url: url.to_owned(),
            token: Secret::new("token".to_owned()),
        }
    }
}

fn number(session_id: &str) -> usize {
    session_id.trim_start_matches("s-").parse().expect("a number")
}

impl SessionSource for Source {
    async fn start(&self) -> Result<Ticket, SourceError> {
        let mut sessions = self.sessions();
        sessions.asked += 1;
        let live = sessions.started.len() - sessions.terminated.len() - sessions.over.len();
        if live >= sessions.quota {
            return Err(SourceError::Fatal(Fatal {
                kind: FatalKind::Service,
                message: "too many sessions".to_owned(),
                hints: Vec::new(),
            }));
        }
        let number = sessions.started.len();
        sessions.started.push(number);
        Ok(Self::ticket(&sessions.urls[number], number))
    }

    async fn resume(&self, session_id: &str) -> Result<Resumption, SourceError> {
        let (sessions, number) = (self.sessions(), number(session_id));
        Ok(if sessions.over.contains(&number) {
            Resumption::Over
        } else {
            Resumption::Resumed(Self::ticket(&sessions.urls[number], number))
        })
    }

    async fn terminate(&self, session_id: &str) -> Result<(), SourceError> {
        self.sessions().terminated.push(number(session_id));
        Ok(())
    }

    async fn sign_upgrade(
        &self,
        _url: &str,
    ) -> Result<Option<Vec<(HeaderName, HeaderValue)>>, SourceError> {
        Ok(None)
    }
}

struct World {
    gateways: Vec<Gateway>,
    source: Source,
    tunnel: Tunnel,
    events: Events,
    listener: Arc<Listener>,
    served: tokio::task::JoinHandle<End>,
}

impl World {
    async fn with(options: TunnelOptions, destination: &Destination, quota: usize) -> Self {
        let mut gateways = Vec::new();
        for _ in 0..12 {
            gateways.push(Gateway::with(destination.clone()).await);
        }
        let source = Source(Arc::new(Mutex::new(Sessions {
            urls: gateways.iter().map(Gateway::url).collect(),
            quota,
            asked: 0,
            started: Vec::new(),
            terminated: Vec::new(),
            over: Vec::new(),
        })));
        let (sender, receiver) = tokio::sync::mpsc::unbounded_channel();
        let tunnel = soon(Tunnel::open(source.clone(), options, sender)).await.expect("opens");
        let listener = Arc::new(Listener::loopback(0).await.expect("a free port"));
        let (handle, kept) = (tunnel.clone(), Arc::clone(&listener));
        let served = tokio::spawn(async move { handle.serve(kept).await });
        Self { gateways, source, tunnel, events: Events::new(receiver), listener, served }
    }

    async fn new(lanes: usize) -> Self {
        Self::with(with_lanes(lanes), &Destination::Echo, usize::MAX).await
    }

    /// A connection that has its place: it has said something and heard it back.
    async fn connect(&self) -> TcpStream {
        let stream = TcpStream::connect(self.listener.addresses()[0]).await.expect("connects");
        soon(echo(stream, pattern(10))).await.0
    }

    /// So many at once.
    async fn connect_many(&self, count: usize) -> Vec<TcpStream> {
        let mut streams = Vec::new();
        for _ in 0..count {
            let address = self.listener.addresses()[0];
            streams.push(TcpStream::connect(address).await.expect("connects"));
        }
        let mut placed = Vec::new();
        for stream in streams {
            placed.push(soon(echo(stream, pattern(10))).await.0);
        }
        placed
    }

    /// The connections that each lane has, in order of lanes.
    fn connections(&self) -> Vec<usize> {
        self.tunnel.lanes().iter().map(|lane| lane.connections).collect()
    }

    /// Ends the tunnel, and every session with it.
    async fn close(self) {
        soon(self.tunnel.close()).await;
        soon(self.served).await.expect("serve ends");
        let sessions = self.source.sessions();
        let mut ended: Vec<usize> = sessions.terminated.clone();
        ended.extend(&sessions.over);
        ended.sort_unstable();
        ended.dedup();
        assert_eq!(ended, sessions.started, "each session is ended");
    }
}

/// The client breaks off, so that nobody waits for what it might still want to hear.
fn break_off(stream: TcpStream) {
    stream.set_zero_linger().expect("a socket");
    drop(stream);
}

fn with_lanes(lanes: usize) -> TunnelOptions {
    let mut options = options();
    options.lanes = lanes;
    options
}

fn opened(event: &TunnelEvent) -> Option<u32> {
    match event {
        TunnelEvent::LaneOpened { lane } => Some(*lane),
        _ => None,
    }
}

fn gone(event: &TunnelEvent) -> Option<(u32, Option<String>)> {
    match event {
        TunnelEvent::LaneGone { lane, cause } => Some((*lane, cause.clone())),
        _ => None,
    }
}

fn refused(event: &TunnelEvent) -> bool {
    matches!(event, TunnelEvent::Warning(Warning::LaneRefused { .. }))
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn connections_at_once_have_a_session_each() {
    let mut world = World::new(8).await;
    let streams = world.connect_many(8).await;
    assert_eq!(world.connections(), [1; 8]);
    assert_eq!(world.source.sessions().asked, 8);
    let mut tasks = tokio::task::JoinSet::new();
    for (n, stream) in streams.into_iter().enumerate() {
        let data = pattern(200_000 + n);
        tasks.spawn(async move {
            let (_, back) = soon(echo(stream, data.clone())).await;
            assert!(back == data, "of connection {n}");
        });
    }
    while let Some(task) = tasks.join_next().await {
        task.expect("no panic");
    }
    let stats = world.tunnel.stats();
    assert_eq!(stats.session.bytes_in, (0..8).map(|n| 200_010 + n).sum::<u64>(), "all count");
    assert_eq!((stats.lanes, stats.session.streams_opened), (8, 8));
    assert_eq!(world.events.count(|e| opened(e).is_some()), 7);
    world.close().await;
}

#[tokio::test]
async fn one_after_the_other_has_one_session() {
    let mut world = World::new(8).await;
    for _ in 0..5 {
        break_off(world.connect().await);
        world.events.next(closed).await;
    }
    assert_eq!(world.source.sessions().asked, 1);
    world.close().await;
}

#[tokio::test]
async fn a_quota_leaves_as_many_lanes_as_there_may_be() {
    let mut world = World::with(with_lanes(8), &Destination::Echo, 3).await;
    let streams = world.connect_many(9).await;
    let mut connections = world.connections();
    connections.sort_unstable();
    assert_eq!(connections.len(), 3, "{connections:?}");
    assert_eq!(connections.iter().sum::<usize>(), 9, "{connections:?}");
    assert_eq!(world.events.count(refused), 1, "it is said once");
    for stream in streams {
        let (_, back) = soon(echo(stream, pattern(3_000))).await;
        assert!(back == pattern(3_000));
    }
    world.close().await;
}

#[tokio::test]
async fn a_lane_that_is_gone_takes_its_own_connections_along() {
    let mut world = World::new(3).await;
    let mut streams = Vec::new();
    for _ in 0..3 {
        streams.push(world.connect().await);
    }
    assert_eq!(world.connections(), [1, 1, 1]);
    world.gateways[1].close_channel("enough");
    let mut lost = streams.remove(1);
    soon(lost.read(&mut [0; 1])).await.expect_err("no end in order");
    assert_eq!(world.events.next(closed).await.2, StreamEnd::SessionGone);
    let (lane, cause) = world.events.next(gone).await;
    assert_eq!((lane, cause.as_deref()), (1, Some("the service ended the session: enough")));
    world.source.sessions().over.push(1);
    for stream in streams {
        let (stream, back) = soon(echo(stream, pattern(3_000))).await;
        assert!(back == pattern(3_000));
        // It stays open.
        Box::leak(Box::new(stream));
    }
    // The next one has a lane again.
    let _stream = world.connect().await;
    assert_eq!(world.connections(), [1, 1, 1]);
    assert_eq!(world.source.sessions().started.len(), 4);
    world.close().await;
}

#[tokio::test]
async fn the_first_lane_is_one_like_the_others() {
    let mut world = World::new(2).await;
    let first = world.connect().await;
    let second = world.connect().await;
    world.gateways[0].close_channel("");
    assert_eq!(world.events.next(gone).await.0, 0);
    world.source.sessions().over.push(0);
    drop(first);
    let (second, back) = soon(echo(second, pattern(3_000))).await;
    assert!(back == pattern(3_000));
    assert_eq!(world.source.sessions().started.len(), 2, "nobody needs another one");

    // The last one is replaced, as the only one is.
    world.gateways[1].close_channel("");
    world.source.sessions().over.push(1);
    let replaced = |e: &TunnelEvent| matches!(e, TunnelEvent::Replaced { lane: 1, .. });
    world.events.next(|e| replaced(e).then_some(())).await;
    drop(second);
    let _third = world.connect().await;
    world.close().await;
}

#[tokio::test]
async fn a_lane_is_resumed_while_the_others_go_on() {
    let mut world = World::new(2).await;
    let first = world.connect().await;
    let second = world.connect().await;
    world.gateways[1].cut(Cut::Reset);
    let resumed = |e: &TunnelEvent| matches!(e, TunnelEvent::Resumed { lane: 1, .. });
    let (first, back) = soon(echo(first, pattern(100_000))).await;
    assert!(back == pattern(100_000));
    world.events.next(|e| resumed(e).then_some(())).await;
    let (second, back) = soon(echo(second, pattern(100_000))).await;
    assert!(back == pattern(100_000));
    assert_eq!(world.tunnel.stats().resumes, 1);
    drop((first, second));
    world.close().await;
}

#[tokio::test]
async fn a_lane_that_nobody_uses_is_closed() {
    let mut options = with_lanes(3);
    options.lane_idle = Duration::from_millis(20);
    let mut world = World::with(options, &Destination::Echo, usize::MAX).await;
    let kept = world.connect().await;
    let other = world.connect().await;
    assert_eq!(world.connections(), [1, 1]);
    break_off(other);
    assert_eq!(world.events.next(gone).await, (1, None));
    world.gateways[1].until(|gateway| gateway.open() == 0).await;
    let (_, back) = soon(echo(kept, pattern(3_000))).await;
    assert!(back == pattern(3_000));
    world.close().await;
}

#[tokio::test]
async fn a_busy_connection_has_the_next_lane_opened_ahead() {
    let mut world = World::new(8).await;
    let busy = world.connect().await;
    let (busy, back) = soon(echo(busy, pattern(2_000_000))).await;
    assert!(back == pattern(2_000_000));
    assert_eq!(world.events.next(opened).await, 1);
    assert_eq!(world.source.sessions().asked, 2);
    let _second = world.connect().await;
    assert_eq!(world.connections(), [1, 1]);
    assert_eq!(world.source.sessions().asked, 2, "talk needs no other one ahead");
    drop(busy);
    world.close().await;
}

#[tokio::test]
async fn the_tunnel_ends_with_its_last_lane() {
    let mut world = World::new(2).await;
    let streams = [world.connect().await, world.connect().await];
    // From here on nothing is to be had.
    world.source.sessions().quota = 0;
    world.gateways[0].close_channel("");
    world.events.next(gone).await;
    world.gateways[1].close_channel("");
    world.source.sessions().over.extend([0, 1]);
    let end = soon(world.tunnel.ended()).await;
    assert!(matches!(end, End::Failed(_)), "{end:?}");
    drop(streams);
    world.close().await;
}
