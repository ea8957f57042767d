use std::sync::Arc;

use bytes::Bytes;
use http::{Request, Response};
use http_body_util::{BodyExt, Full};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio_util::sync::DropGuard;

use super::{route, server};
use crate::config::LabConfig;
use crate::service::Service;

/// A lab without a listener, for the fuzzer: requests are values, and connections are streams in
/// memory. Websockets are agreed to and then dropped, so no agent is ever asked to dial.
///
/// Needs a tokio runtime with time. Dropping it ends everything that it does.
#[doc(hidden)]
pub struct InProcess {
    service: Arc<Service>,
    _stop: DropGuard,
}

impl InProcess {
    /// A lab with this configuration, whose listeners and maps are left aside.
    pub fn new(config: LabConfig) -> Self {
        let service = Arc::new(Service::new(config, "ws://127.0.0.1:1".to_owned(), None));
        service.make_default_vpc();
        let stop = service.stop.clone().drop_guard();
        Self { service, _stop: stop }
    }

    /// Answers one request.
    pub async fn answer(&self, request: Request<Bytes>) -> Response<Bytes> {
        let request = request.map(Full::new);
        let (parts, body) =
            route::answer(Arc::clone(&self.service), false, request).await.into_parts();
        let Ok(body) = body.collect().await;
        Response::from_parts(parts, body.to_bytes())
    }

    /// Answers the requests of one connection until it ends.
    pub async fn serve(&self, io: impl AsyncRead + AsyncWrite + Unpin + Send + 'static) {
        server::serve(Arc::clone(&self.service), false, io).await;
    }

    /// Ends everything, and waits until it has ended.
    pub async fn shutdown(self) {
        self.service.stop.cancel();
        self.service.tasks.close();
        self.service.tasks.wait().await;
    }
}

impl std::fmt::Debug for InProcess {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("InProcess(..)")
    }
}
