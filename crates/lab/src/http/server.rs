use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpListener, TcpStream};
use tokio_rustls::TlsAcceptor;
use tracing::debug;

use super::route;
use super::socket::Socket;
use crate::service::Service;

/// How long a connection has for its TLS handshake.
const TLS_HANDSHAKE: Duration = Duration::from_secs(10);

/// How long nothing is accepted after accepting has failed, which lasts when descriptors run out.
const ACCEPT_PAUSE: Duration = Duration::from_millis(50);

/// A bound listener.
pub(crate) struct Listener {
    tcp: TcpListener,
    tls: Option<TlsAcceptor>,
}

impl Listener {
    pub(crate) async fn bind(
        address: SocketAddr,
        tls: Option<Arc<rustls::ServerConfig>>,
    ) -> io::Result<Self> {
        let tcp = TcpListener::bind(address).await?;
        Ok(Self { tcp, tls: tls.map(TlsAcceptor::from) })
    }

    pub(crate) fn address(&self) -> io::Result<SocketAddr> {
        self.tcp.local_addr()
    }
}

/// Serves every connection until the lab stops.
pub(crate) async fn accept(service: Arc<Service>, listener: Listener) {
    loop {
        let accepted = tokio::select! {
            accepted = listener.tcp.accept() => accepted,
            () = service.stop.cancelled() => return,
        };
        match accepted {
            Ok((tcp, _)) => {
                let connection = connection(Arc::clone(&service), tcp, listener.tls.clone());
                let stop = service.stop.clone();
                service.tasks.spawn(async move { stop.run_until_cancelled(connection).await });
            }
            Err(error) => {
                debug!(%error, "accept failed");
                tokio::time::sleep(ACCEPT_PAUSE).await;
            }
        }
    }
}

async fn connection(service: Arc<Service>, tcp: TcpStream, tls: Option<TlsAcceptor>) {
    if let Err(error) = tcp.set_nodelay(true) {
        debug!(%error, "no TCP_NODELAY");
    }
    let over_tls = tls.is_some();
    let socket = match tls {
        None => Socket::Plain(tcp),
        Some(acceptor) => match tokio::time::timeout(TLS_HANDSHAKE, acceptor.accept(tcp)).await {
            Ok(Ok(stream)) => Socket::Tls(Box::new(stream)),
            Ok(Err(error)) => return debug!(%error, "TLS handshake failed"),
            Err(_) => return debug!("TLS handshake took too long"),
        },
    };
    serve(service, over_tls, socket).await;
}

/// Answers the requests of one connection until it ends.
pub(super) async fn serve(
    service: Arc<Service>,
    over_tls: bool,
    io: impl AsyncRead + AsyncWrite + Unpin + Send + 'static,
) {
    let handler = service_fn(move |request| {
        let service = Arc::clone(&service);
        async move { Ok::<_, std::convert::Infallible>(route::answer(service, over_tls, request).await) }
    });
    let served = http1::Builder::new()
        .timer(TokioTimer::new())
        .serve_connection(TokioIo::new(io), handler)
        .with_upgrades();
    if let Err(error) = served.await {
        debug!(%error, "connection ended");
    }
}
