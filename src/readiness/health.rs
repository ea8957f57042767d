//! Answers to health checks over HTTP, on loopback.

use std::convert::Infallible;
use std::net::SocketAddr;
use std::time::Duration;

use http::{Method, Request, Response, StatusCode, header};
use http_body_util::Full;
use hyper::body::{Bytes, Incoming};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::net::TcpListener;
use tokio::task::JoinSet;

use super::{is_ready, metrics};
use crate::commands::tunnels::{Board, Standing, State};
use crate::failure::{Failure, Kind};

/// How long a client may take to say what it wants.
const PATIENCE: Duration = Duration::from_secs(10);
/// The most clients at once; others wait.
const MOST: usize = 64;

pub(super) async fn bind(address: SocketAddr) -> Result<TcpListener, Failure> {
    TcpListener::bind(address).await.map_err(|error| {
        Failure::new(Kind::Listener, format!("cannot answer health checks at {address}: {error}"))
            .hint("use another port for --health")
    })
}

/// Answers until the tunnels end; never fails once it listens.
pub(super) async fn serve(listener: TcpListener, board: &Board) -> Failure {
    let mut clients = JoinSet::new();
    let started = Started::of(board);
    let mut started = std::pin::pin!(started);
    let mut has_started = false;
    loop {
        while clients.try_join_next().is_some() {}
        if clients.len() >= MOST {
            clients.join_next().await;
        }
        let accepted = tokio::select! {
            accepted = listener.accept() => accepted,
            () = &mut started, if !has_started => {
                has_started = true;
                continue;
            }
        };
        let Ok((stream, _)) = accepted else {
            // For lack of descriptors, which come back.
            tokio::time::sleep(Duration::from_millis(200)).await;
            continue;
        };
        let board = board.clone();
        clients.spawn(async move {
            let service = service_fn(|request: Request<Incoming>| {
                let answer = if is_meant(request.headers()) {
                    answer(request.method(), request.uri().path(), has_started, &board)
                } else {
                    text(StatusCode::FORBIDDEN, "text/plain", "not by that name\n".into())
                };
                async move { Ok::<_, Infallible>(answer) }
            });
            let connection = http1::Builder::new()
                .timer(TokioTimer::new())
                .header_read_timeout(PATIENCE)
                .keep_alive(false)
                .serve_connection(TokioIo::new(stream), service);
            if let Err(error) = connection.await {
                tracing::debug!(%error, "a health check was broken off");
            }
        });
    }
}

/// The moment from which the program counts as started.
struct Started;

impl Started {
    async fn of(board: &Board) {
        let mut changes = board.subscribe();
        if changes.wait_for(|standings| is_ready(standings)).await.is_err() {
            std::future::pending::<()>().await;
        }
    }
}

/// Whether the name that was asked for is this machine's own: a page in a browser that has its own
/// name lead here does not get to read what is said.
fn is_meant(headers: &http::HeaderMap) -> bool {
    let Some(host) = headers.get(header::HOST) else { return true };
    let Ok(host) = host.to_str() else { return false };
    let name = match host.strip_prefix('[') {
        Some(rest) => rest.split(']').next().unwrap_or_default(),
        None => host.split(':').next().unwrap_or_default(),
    };
    name == "localhost" || name.parse::<std::net::IpAddr>().is_ok_and(|ip| ip.is_loopback())
}

fn answer(method: &Method, path: &str, has_started: bool, board: &Board) -> Response<Full<Bytes>> {
    let standings = board.all();
    let told = |ok: bool| {
        let status = if ok { StatusCode::OK } else { StatusCode::SERVICE_UNAVAILABLE };
        text(status, "application/json", states(&standings))
    };
    if *method != Method::GET && *method != Method::HEAD {
        return text(StatusCode::METHOD_NOT_ALLOWED, "text/plain", "only GET is answered\n".into());
    }
    match path {
        "/startup" => told(has_started || is_ready(&standings)),
        // Whoever is not answered knows.
        "/live" => told(true),
        "/ready" => told(is_up(&standings)),
        "/metrics" => {
            text(StatusCode::OK, "text/plain; version=0.0.4", metrics::exposition(&standings))
        }
        _ => text(
            StatusCode::NOT_FOUND,
            "text/plain",
            "there are /startup, /live, /ready and /metrics\n".into(),
        ),
    }
}

/// Whether every tunnel that is not over can be used now.
fn is_up(standings: &[Standing]) -> bool {
    is_ready(standings)
        && standings
            .iter()
            .all(|standing| !matches!(standing.state, State::Resuming | State::Replacing))
}

/// No more than a probe needs: any user of the machine can ask.
fn states(standings: &[Standing]) -> String {
    let tunnels: Vec<_> = standings
        .iter()
        .map(|one| serde_json::json!({ "connection": one.connection, "state": one.state }))
        .collect();
    let mut text = serde_json::json!({ "tunnels": tunnels }).to_string();
    text.push('\n');
    text
}

fn text(status: StatusCode, kind: &'static str, body: String) -> Response<Full<Bytes>> {
    let mut response = Response::new(Full::new(Bytes::from(body)));
    *response.status_mut() = status;
    response.headers_mut().insert(header::CONTENT_TYPE, http::HeaderValue::from_static(kind));
    response
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn another_name_is_not_answered() {
        let with = |host: &str| {
            let value = http::HeaderValue::from_str(host).unwrap();
            is_meant(&http::HeaderMap::from_iter([(header::HOST, value)]))
        };
        assert!(is_meant(&http::HeaderMap::new()));
        for host in ["localhost", "localhost:1", "127.0.0.1:9900", "[::1]:9900"] {
            assert!(with(host), "{host}");
        }
        for host in ["evil.example", "evil.example:9900", "10.0.0.1", "127.0.0.1.example"] {
            assert!(!with(host), "{host}");
        }
    }

    #[test]
    fn probes_tell_starting_living_and_usable_apart() {
        let board = Board::default();
        let seat = board.seat("db", "rds:db");
        let code = |path: &str, started: bool| {
            answer(&Method::GET, path, started, &board).status().as_u16()
        };
        assert_eq!(
            [code("/startup", false), code("/live", false), code("/ready", false)],
            [503, 200, 503]
        );
        seat.is(State::Ready, None);
        assert_eq!(
            [code("/startup", false), code("/live", true), code("/ready", true)],
            [200, 200, 200]
        );
        seat.is(State::Resuming, None);
        assert_eq!(
            [code("/startup", true), code("/live", true), code("/ready", true)],
            [200, 200, 503]
        );
        assert_eq!(code("/else", true), 404);
        assert_eq!(answer(&Method::POST, "/live", true, &board).status().as_u16(), 405);
    }
}
