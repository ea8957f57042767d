//! A fake that answers by what it is asked, also when several calls are under way at once.

use std::sync::{Arc, Mutex};

use tokio::io::{AsyncWriteExt, BufReader};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;

use super::{Asked, Fake, answer, read};

/// An answer to the requests that hold some texts.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Route {
    /// What the request must hold: in its headers, which are in lower case, or in its body.
    pub(crate) parts: &'static [&'static str],
    pub(crate) status: u16,
    pub(crate) body: &'static str,
}

/// The answer 200 to requests that hold all `parts`.
pub(crate) const fn ok(parts: &'static [&'static str], body: &'static str) -> Route {
    Route { parts, status: 200, body }
}

/// Another answer to requests that hold all `parts`.
pub(crate) const fn refuse(
    parts: &'static [&'static str],
    status: u16,
    body: &'static str,
) -> Route {
    Route { parts, status, body }
}

impl Fake {
    /// Answers each request by the first route that fits it.
    ///
    /// `waves` are the round trips: how many requests come together. None of a wave is answered
    /// before all of it have come, so calls that wait for each other's answers get none. A request
    /// after the last wave is refused.
    pub(crate) async fn routed(waves: &[usize], routes: &[Route]) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let asked = Arc::new(Mutex::new(Vec::new()));
        let (arrived, _) = watch::channel(0);
        let table = Arc::new(Table {
            waves: waves.to_vec(),
            routes: routes.to_vec(),
            asked: Arc::clone(&asked),
            arrived,
        });
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                tokio::spawn(Arc::clone(&table).serve(stream));
            }
        });
        Self { url, asked }
    }
}

struct Table {
    waves: Vec<usize>,
    routes: Vec<Route>,
    asked: Arc<Mutex<Vec<Asked>>>,
    arrived: watch::Sender<usize>,
}

impl Table {
    async fn serve(self: Arc<Self>, stream: TcpStream) {
        let mut stream = BufReader::new(stream);
        let Some(request) = read(&mut stream).await else { return };
        let count = {
            let mut asked = self.asked.lock().unwrap();
            asked.push(request.clone());
            asked.len()
        };
        self.arrived.send_replace(count);
        let reply = match self.end_of_wave(count) {
            None => refuse(&[], 400, "one call too many"),
            Some(end) => {
                let mut arrived = self.arrived.subscribe();
                arrived.wait_for(|arrived| *arrived >= end).await.unwrap();
                self.route(&request)
            }
        };
        stream.write_all(answer(reply.status, reply.body).as_bytes()).await.unwrap();
    }

    /// How many requests have come when the wave of the `count`th is complete.
    fn end_of_wave(&self, count: usize) -> Option<usize> {
        let mut end = 0;
        self.waves.iter().find_map(|wave| {
            end += wave;
            (count <= end).then_some(end)
        })
    }

    fn route(&self, request: &Asked) -> Route {
        let fits = |part: &&str| request.head.contains(*part) || request.body.contains(*part);
        let found = self.routes.iter().find(|route| route.parts.iter().all(fits));
        found.copied().unwrap_or(refuse(&[], 400, "no route"))
    }
}
