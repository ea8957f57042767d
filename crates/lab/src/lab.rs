use std::fmt;
use std::net::SocketAddr;
use std::sync::Arc;

use serde_json::Value;
use tokio_util::sync::DropGuard;
use tracing::info;

use crate::config::LabConfig;
use crate::controls;
use crate::error::{ControlError, LabError};
use crate::faults::{Faults, MAX_LATENCY};
use crate::http::{Authority, Listener, accept};
use crate::keys::Credentials;
use crate::service::{REGION, Service};
use crate::state::State;

/// A running lab. Dropping it ends everything that it does.
pub struct Lab {
    service: Arc<Service>,
    address: SocketAddr,
    tls: Option<(String, String)>,
    _stop: DropGuard,
}

impl fmt::Debug for Lab {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Lab").field("address", &self.address).finish_non_exhaustive()
    }
}

impl Lab {
    /// The region that the lab is.
    pub const REGION: &str = REGION;

    /// Binds the listeners and brings the instances online.
    pub async fn start(config: LabConfig) -> Result<Self, LabError> {
        if config.latency > MAX_LATENCY {
            return Err(LabError::Latency);
        }
        let plain = bind(config.listen, None).await?;
        let address = local(&plain, config.listen)?;
        let mut tls = None;
        if let Some(wanted) = &config.tls {
            let authority = Authority::make(wanted.name.as_deref())
                .map_err(|error| LabError::Tls(Box::new(error)))?;
            let listener = bind(wanted.listen, Some(Arc::clone(&authority.server))).await?;
            if let Some(path) = &wanted.ca_out {
                tokio::fs::write(path, &authority.pem)
                    .await
                    .map_err(|source| LabError::Write { path: path.clone(), source })?;
            }
            let address = local(&listener, wanted.listen)?;
            let place = match &wanted.name {
                Some(name) => format!("{name}:{}", address.port()),
                None => address.to_string(),
            };
            tls = Some((place, authority.pem, listener));
        }
        let tls_base = tls.as_ref().map(|(place, ..)| format!("wss://{place}"));
        let service = Arc::new(Service::new(config, format!("ws://{address}"), tls_base));
        service.make_default_vpc();
        service.tasks.spawn(accept(Arc::clone(&service), plain));
        let tls = tls.map(|(place, pem, listener)| {
            service.tasks.spawn(accept(Arc::clone(&service), listener));
            (place, pem)
        });
        info!(%address, "lab started");
        let stop = service.stop.clone().drop_guard();
        Ok(Self { service, address, tls, _stop: stop })
    }

    /// The endpoint of every service, as in `http://127.0.0.1:4000`.
    pub fn endpoint(&self) -> String {
        format!("http://{}", self.address)
    }

    /// The same with TLS, when the lab has a listener with it.
    pub fn tls_endpoint(&self) -> Option<String> {
        self.tls.as_ref().map(|(place, _)| format!("https://{place}"))
    }

    /// The certificate of the authority behind [`tls_endpoint`](Self::tls_endpoint), as PEM.
    pub fn ca_pem(&self) -> Option<&str> {
        self.tls.as_ref().map(|(_, pem)| pem.as_str())
    }

    /// The access key that requests are to be signed with.
    pub fn credentials(&self) -> &Credentials {
        &self.service.credentials
    }

    /// Makes things go wrong.
    pub fn faults(&self) -> Faults {
        Faults(Arc::clone(&self.service))
    }

    /// Does what `POST /_lab/NAME` does: see the reference's section on the lab's controls. The
    /// refusal says why, in one line.
    pub fn control(&self, name: &str, body: &Value) -> Result<Value, ControlError> {
        let answer = controls::call(&self.service, name, body.to_string().as_bytes());
        answer
            .unwrap_or_else(|| Err(format!("known are {}", controls::NAMES.join(", "))))
            .map_err(ControlError)
    }

    /// What the lab holds at this moment.
    pub fn state(&self) -> State {
        self.service.snapshot()
    }

    /// Adds an emulated instance that is online; nothing changes when there is one of that id.
    pub fn add_instance(&self, id: &str) {
        self.service.add_instance(id);
    }

    /// Makes a VPC with the private database `name` in it, and gives the VPC's id. Nothing in it is
    /// ready for Session Manager. What connects to the database reaches `server`.
    pub fn make_private_database(
        &self,
        name: &str,
        server: SocketAddr,
    ) -> Result<String, LabError> {
        self.service
            .make_example(name, server)
            .map_err(|error| LabError::Cloud { code: error.code, message: error.message })
    }

    /// Ends everything and waits until it has ended.
    pub async fn shutdown(self) {
        self.service.stop.cancel();
        self.service.tasks.close();
        self.service.tasks.wait().await;
    }
}

async fn bind(
    address: SocketAddr,
    tls: Option<Arc<rustls::ServerConfig>>,
) -> Result<Listener, LabError> {
    if !address.ip().is_loopback() {
        return Err(LabError::NotLoopback(address));
    }
    Listener::bind(address, tls).await.map_err(|source| LabError::Listen { address, source })
}

fn local(listener: &Listener, wanted: SocketAddr) -> Result<SocketAddr, LabError> {
    listener.address().map_err(|source| LabError::Listen { address: wanted, source })
}
