//! TLS with the platform's trust and extra roots.

use std::io;
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use rustls::crypto::{CryptoProvider, aws_lc_rs};
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, ServerName};
use rustls::{CertificateError, ClientConfig};
use rustls_platform_verifier::Verifier;
use tokio_rustls::TlsConnector;

use super::connect::within;
use super::{BoxIo, DialError, Stage, TlsFailure};

/// The TLS side of a dialer.
pub(super) struct Tls {
    provider: Arc<CryptoProvider>,
    extra_roots: Vec<CertificateDer<'static>>,
    /// Made at the first use: plain dials to loopback need no roots.
    config: OnceLock<Arc<ClientConfig>>,
}

impl Tls {
    /// Reads the extra roots, each a PEM bundle.
    pub(super) fn new(bundles: &[Vec<u8>]) -> Result<Self, DialError> {
        let mut extra_roots = Vec::new();
        for bundle in bundles {
            let before = extra_roots.len();
            for certificate in CertificateDer::pem_slice_iter(bundle) {
                extra_roots.push(certificate.map_err(|e| DialError::Roots(e.to_string()))?);
            }
            if extra_roots.len() == before {
                return Err(DialError::Roots("the bundle holds no PEM certificate".to_owned()));
            }
        }
        let provider = Arc::new(aws_lc_rs::default_provider());
        Ok(Self { provider, extra_roots, config: OnceLock::new() })
    }

    fn config(&self) -> Result<Arc<ClientConfig>, DialError> {
        if let Some(config) = self.config.get() {
            return Ok(Arc::clone(config));
        }
        let failed = |error: rustls::Error| DialError::Roots(error.to_string());
        let verifier =
            Verifier::new_with_extra_roots(self.extra_roots.clone(), Arc::clone(&self.provider))
                .map_err(failed)?;
        // "Dangerous" is rustls's word for any verifier but its own; this is the platform's.
        let config = ClientConfig::builder_with_provider(Arc::clone(&self.provider))
            .with_safe_default_protocol_versions()
            .map_err(failed)?
            .dangerous()
            .with_custom_certificate_verifier(Arc::new(verifier))
            .with_no_client_auth();
        Ok(Arc::clone(self.config.get_or_init(|| Arc::new(config))))
    }

    /// Makes `stream` a TLS stream to `host`.
    pub(super) async fn client(
        &self,
        stream: BoxIo,
        host: &str,
        limit: Duration,
    ) -> Result<BoxIo, DialError> {
        let name = ServerName::try_from(host.to_owned()).map_err(|_| DialError::Url)?;
        let connector = TlsConnector::from(self.config()?);
        let stream = within(limit, Stage::Tls, connector.connect(name, stream))
            .await?
            .map_err(|error| failure(host, &error))?;
        Ok(Box::new(stream))
    }
}

/// Tells what is wrong with the server from what is wrong with the network.
fn failure(host: &str, error: &io::Error) -> DialError {
    let Some(inner) = error.get_ref().and_then(|e| e.downcast_ref::<rustls::Error>()) else {
        return DialError::Websocket(error.to_string());
    };
    let failure = match inner {
        rustls::Error::InvalidCertificate(certificate) => match certificate {
            CertificateError::NotValidForName | CertificateError::NotValidForNameContext { .. } => {
                TlsFailure::Name
            }
            CertificateError::Expired
            | CertificateError::ExpiredContext { .. }
            | CertificateError::NotValidYet
            | CertificateError::NotValidYetContext { .. } => TlsFailure::Expired,
            CertificateError::UnknownIssuer | CertificateError::BadSignature => {
                TlsFailure::Untrusted
            }
            other => TlsFailure::Other(format!("its certificate is not acceptable: {other}")),
        },
        other => TlsFailure::Other(other.to_string()),
    };
    DialError::Tls { host: host.to_owned(), failure }
}
