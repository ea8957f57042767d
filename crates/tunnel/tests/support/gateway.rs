//! A gateway for one session at a time, whose agent sits in the same process.

use std::collections::VecDeque;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard};

use adit_wire::channel::OpenDataChannel;
use futures_util::{FutureExt as _, SinkExt as _, StreamExt as _};
use rustls::HandshakeKind;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{Notify, watch};
use tokio_rustls::TlsAcceptor;
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::handshake::server::{ErrorResponse, Request, Response};
use tokio_tungstenite::tungstenite::protocol::CloseFrame;

use super::agent::{Agent, Destination};
use super::source::SESSION;

/// The most messages sent before the client is listened to.
const TURN: usize = 64;

/// How a websocket is cut.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Cut {
    /// With a close frame.
    Close(u16),
    /// By a TCP reset.
    Reset,
    /// The gateway stops reading and writing, and keeps the socket.
    Silence,
}

/// What the gateway saw of an upgrade.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Upgrade {
    pub target: String,
    pub host: String,
    pub signed: bool,
}

#[derive(Default)]
struct Rules {
    /// HTTP statuses for the next upgrades.
    refuse: VecDeque<u16>,
    /// 403 for signed upgrades.
    refuse_signed: bool,
    /// Closes every websocket behind its first frame.
    turn_away: bool,
    /// Cuts, each after so many data messages on its websocket.
    cuts: VecDeque<(usize, Cut)>,
}

struct State {
    agent: Mutex<Agent>,
    /// The session that the agent is of.
    session: Mutex<String>,
    /// How many websockets have presented a token: the last one is the session's.
    taken_over: watch::Sender<usize>,
    rules: Mutex<Rules>,
    upgrades: Mutex<Vec<Upgrade>>,
    hellos: Mutex<Vec<OpenDataChannel>>,
    open: AtomicUsize,
    /// TCP connections so far, and how many of the next ones are closed at once.
    accepted: AtomicUsize,
    unwelcome: AtomicUsize,
    /// TLS handshakes that went on from an earlier one.
    tls_resumed: AtomicUsize,
    cut_now: watch::Sender<Option<Cut>>,
    /// The agent has something to say.
    speak: Notify,
    /// Something changed that a test may wait for.
    changed: Notify,
}

/// A running gateway.
pub struct Gateway {
    address: SocketAddr,
    scheme: &'static str,
    state: Arc<State>,
    accepting: tokio::task::JoinHandle<()>,
}

impl Drop for Gateway {
    fn drop(&mut self) {
        self.accepting.abort();
    }
}

impl Gateway {
    pub async fn start() -> Self {
        Self::with(Destination::Echo).await
    }

    pub async fn with(destination: Destination) -> Self {
        Self::launch(destination, None).await
    }

    pub async fn tls(acceptor: TlsAcceptor) -> Self {
        Self::launch(Destination::Echo, Some(acceptor)).await
    }

    async fn launch(destination: Destination, tls: Option<TlsAcceptor>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let address = listener.local_addr().expect("bound");
        let scheme = if tls.is_some() { "wss" } else { "ws" };
        let state = Arc::new(State {
            agent: Mutex::new(Agent::new(destination)),
            session: Mutex::new(SESSION.to_owned()),
            taken_over: watch::Sender::new(0),
            rules: Mutex::default(),
            upgrades: Mutex::default(),
            hellos: Mutex::default(),
            open: AtomicUsize::new(0),
            accepted: AtomicUsize::new(0),
            unwelcome: AtomicUsize::new(0),
            tls_resumed: AtomicUsize::new(0),
            cut_now: watch::Sender::new(None),
            speak: Notify::new(),
            changed: Notify::new(),
        });
        let shared = Arc::clone(&state);
        let accepting = tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                stream.set_nodelay(true).expect("a socket");
                let state = Arc::clone(&shared);
                let fewer = |count: usize| count.checked_sub(1);
                let is_unwelcome =
                    state.unwelcome.fetch_update(Ordering::SeqCst, Ordering::SeqCst, fewer).is_ok();
                state.accepted.fetch_add(1, Ordering::SeqCst);
                state.changed.notify_one();
                if is_unwelcome {
                    continue;
                }
                match tls.clone() {
                    None => drop(tokio::spawn(state.serve(stream))),
                    Some(tls) => drop(tokio::spawn(async move {
                        if let Ok(stream) = tls.accept(stream).await {
                            let kind = stream.get_ref().1.handshake_kind();
                            if kind == Some(HandshakeKind::Resumed) {
                                state.tls_resumed.fetch_add(1, Ordering::SeqCst);
                            }
                            state.serve(stream).await;
                        }
                    })),
                }
            }
        });
        Self { address, scheme, state, accepting }
    }

    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// TCP connections so far.
    pub fn accepted(&self) -> usize {
        self.state.accepted.load(Ordering::SeqCst)
    }

    /// Waits for so many.
    pub async fn until_accepted(&self, count: usize) {
        while self.accepted() < count {
            self.state.changed.notified().await;
        }
    }

    /// Closes the next connections as soon as they are there.
    pub fn close_next(&self, count: usize) {
        self.state.unwelcome.store(count, Ordering::SeqCst);
    }

    pub fn url(&self) -> String {
        self.url_for(&format!("127.0.0.1:{}", self.address.port()))
    }

    pub fn url_for(&self, authority: &str) -> String {
        format!(
            "{}://{authority}/v1/data-channel/s-0123?role=publish_subscribe&cell-number=AAE+/w==",
            self.scheme
        )
    }

    pub fn agent(&self) -> MutexGuard<'_, Agent> {
        self.state.agent.lock().expect("no panic")
    }

    /// Answers the next upgrades with these statuses.
    pub fn refuse(&self, statuses: &[u16]) {
        self.state.rules.lock().expect("no panic").refuse.extend(statuses);
    }

    pub fn refuse_signed(&self) {
        self.state.rules.lock().expect("no panic").refuse_signed = true;
    }

    /// From now on closes each websocket as soon as it has shown its token.
    pub fn turn_away(&self) {
        self.state.rules.lock().expect("no panic").turn_away = true;
    }

    /// Cuts the websocket, and each of those after it, after so many data messages on it.
    pub fn cut_after(&self, cuts: &[(usize, Cut)]) {
        self.state.rules.lock().expect("no panic").cuts.extend(cuts);
    }

    /// Cuts the websocket at once.
    pub fn cut(&self, cut: Cut) {
        self.state.cut_now.send_replace(Some(cut));
    }

    /// Ends the session as the service does.
    pub fn close_channel(&self, output: &str) {
        self.agent().close_channel(output);
        self.state.speak.notify_one();
    }

    /// Websockets that are open.
    pub fn open(&self) -> usize {
        self.state.open.load(Ordering::SeqCst)
    }

    /// TLS handshakes that went on from an earlier one.
    pub fn tls_resumed(&self) -> usize {
        self.state.tls_resumed.load(Ordering::SeqCst)
    }

    pub fn upgrades(&self) -> Vec<Upgrade> {
        self.state.upgrades.lock().expect("no panic").clone()
    }

    pub fn hellos(&self) -> Vec<OpenDataChannel> {
        self.state.hellos.lock().expect("no panic").clone()
    }

    /// Waits until `reached` holds of the gateway.
    pub async fn until(&self, reached: impl Fn(&Self) -> bool) {
        super::soon(async {
            loop {
                let changed = self.state.changed.notified();
                if reached(self) {
                    return;
                }
                changed.await;
            }
        })
        .await;
    }
}

impl State {
    async fn serve<S: AsyncRead + AsyncWrite + Unpin + Socket>(self: Arc<Self>, stream: S) {
        // The size of the refusal is the callback's signature, which is tungstenite's.
        let mut target = String::new();
        #[expect(clippy::result_large_err, reason = "the signature is tungstenite's")]
        let judge = |request: &Request, response: Response| match self.judge(request) {
            None => {
                request.uri().path().clone_into(&mut target);
                Ok(response)
            }
            Some(status) => {
                let mut refusal = ErrorResponse::new(Some("no\nentry".to_owned()));
                *refusal.status_mut() = status.try_into().expect("a status");
                Err(refusal)
            }
        };
        let Ok(mut websocket) = tokio_tungstenite::accept_hdr_async(stream, judge).await else {
            return;
        };
        let Some(Ok(Message::Text(hello))) = websocket.next().await else { return };
        let hello = serde_json::from_str(&hello).expect("OpenDataChannel");
        self.hellos.lock().expect("no panic").push(hello);
        self.open.fetch_add(1, Ordering::SeqCst);
        self.changed.notify_one();
        self.begin(target.rsplit('/').next().unwrap_or_default());
        let away = self.rules.lock().expect("no panic").turn_away;
        let cut = if away {
            Some(Cut::Close(1008))
        } else {
            self.taken_over.send_modify(|count| *count += 1);
            let taken_over = self.taken_over.subscribe();
            let turn = *taken_over.borrow();
            let cut = self.relay(&mut websocket, taken_over).await;
            if turn == *self.taken_over.borrow() {
                self.agent.lock().expect("no panic").detach();
            }
            cut
        };
        match cut {
            Some(Cut::Close(code)) => {
                let frame = CloseFrame { code: code.into(), reason: "Bye".into() };
                let _gone = websocket.close(Some(frame)).await;
                while let Some(Ok(_)) = websocket.next().await {}
            }
            Some(Cut::Reset) => websocket.get_ref().reset_on_close(),
            // The test ends before this does.
            Some(Cut::Silence) => std::future::pending().await,
            None => {}
        }
        drop(websocket);
        self.open.fetch_sub(1, Ordering::SeqCst);
        self.changed.notify_one();
    }

    /// A websocket is for a session: another one has an agent of its own.
    fn begin(&self, session: &str) {
        let mut current = self.session.lock().expect("no panic");
        if *current != session {
            session.clone_into(&mut current);
            let mut agent = self.agent.lock().expect("no panic");
            *agent = agent.successor();
        }
    }

    fn judge(&self, request: &Request) -> Option<u16> {
        let header =
            |name: &str| request.headers().get(name).map(|v| v.to_str().expect("text").to_owned());
        let signed = header("authorization").is_some();
        self.upgrades.lock().expect("no panic").push(Upgrade {
            target: request.uri().to_string(),
            host: header("host").unwrap_or_default(),
            signed,
        });
        let mut rules = self.rules.lock().expect("no panic");
        if signed && rules.refuse_signed { Some(403) } else { rules.refuse.pop_front() }
    }

    /// Moves messages until the client is gone or the websocket is to be cut.
    async fn relay<S: AsyncRead + AsyncWrite + Unpin>(
        &self,
        websocket: &mut WebSocketStream<S>,
        mut taken_over: watch::Receiver<usize>,
    ) -> Option<Cut> {
        let mut cut_now = self.cut_now.subscribe();
        cut_now.mark_unchanged();
        let mut cut_after = self.rules.lock().expect("no panic").cuts.pop_front();
        self.agent.lock().expect("no panic").attach();
        loop {
            let mut more = true;
            for _ in 0..TURN {
                let next = self.agent.lock().expect("no panic").poll();
                more = next.is_some();
                let Some(message) = next else { break };
                websocket.feed(Message::Binary(message)).await.ok()?;
                self.changed.notify_one();
            }
            websocket.flush().await.ok()?;
            self.changed.notify_one();
            let mut first = if more {
                // What the client sends meanwhile must be read, or both wait for each other.
                websocket.next().now_or_never()
            } else {
                tokio::select! {
                    message = websocket.next() => Some(message),
                    _ = cut_now.changed() => return *cut_now.borrow(),
                    _ = taken_over.changed() => return Some(Cut::Close(1000)),
                    () = self.speak.notified() => None,
                }
            };
            while let Some(message) = first.take() {
                match message {
                    Some(Ok(Message::Binary(message))) => {
                        let data = self.agent.lock().expect("no panic").receive(message);
                        if let Some((left, cut)) = &mut cut_after
                            && data
                        {
                            *left = left.saturating_sub(1);
                            if *left == 0 {
                                return Some(*cut);
                            }
                        }
                    }
                    Some(Ok(Message::Close(_)) | Err(_)) | None => return None,
                    Some(Ok(_)) => {}
                }
                first = websocket.next().now_or_never();
            }
        }
    }
}

/// A stream that can be reset.
pub trait Socket {
    fn reset_on_close(&self);
}

impl Socket for TcpStream {
    fn reset_on_close(&self) {
        self.set_zero_linger().expect("a socket");
    }
}

impl<S> Socket for tokio_rustls::server::TlsStream<S>
where
    S: Socket,
{
    fn reset_on_close(&self) {
        self.get_ref().0.reset_on_close();
    }
}
