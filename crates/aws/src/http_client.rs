//! The SDK's HTTPS client: the platform's trust roots plus extra ones, and the environment's proxy.

use std::path::{Path, PathBuf};

use aws_smithy_http_client::proxy::ProxyConfig;
use aws_smithy_http_client::tls::{Provider, TlsContext, TrustStore, rustls_provider::CryptoMode};
use aws_smithy_http_client::{Builder, Connector};
use aws_smithy_runtime_api::client::http::SharedHttpClient;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use rustls::RootCertStore;
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject;

use crate::error::{AwsError, AwsErrorKind};
use crate::load::ProxyUse;

/// Builds the client; the bundles are read and checked here, since the SDK panics on a bad one.
pub(crate) fn build(bundles: &[PathBuf], proxy: ProxyUse) -> Result<SharedHttpClient, AwsError> {
    let mut trust = TrustStore::default();
    for path in bundles {
        trust.add_pem_certificate(checked_pem(path)?);
    }
    let context = TlsContext::builder()
        .with_trust_store(trust)
        .build()
        .map_err(|error| AwsError::new(AwsErrorKind::Tls, format!("cannot set TLS up: {error}")))?;
    // The public builder of an HTTPS client has no way to name a proxy; this one does, and keeps
    // one connection pool per set of timeouts.
    Ok(Builder::new().build_with_connector_fn(move |settings, components| {
        let mut connector = Connector::builder();
        connector.set_connector_settings(settings.cloned());
        if let Some(components) = components {
            connector.set_sleep_impl(components.sleep_impl());
        }
        connector.set_proxy_config(Some(match proxy {
            ProxyUse::Environment => ProxyConfig::from_env(),
            ProxyUse::Direct => ProxyConfig::disabled(),
        }));
        connector
            .tls_provider(Provider::Rustls(CryptoMode::AwsLc))
            .tls_context(context.clone())
            .build()
    }))
}

/// The certificates of a bundle that can serve as roots, as PEM.
///
/// Company bundles hold odd certificates now and then; those are left out, and only a bundle
/// without a usable one is refused.
fn checked_pem(path: &Path) -> Result<Vec<u8>, AwsError> {
    let fault = |what: String| {
        AwsError::new(AwsErrorKind::Config, what)
            .hint("--ca-bundle and AWS_CA_BUNDLE name a file of PEM certificates")
    };
    let bytes =
        fs_err::read(path).map_err(|error| fault(format!("cannot read the CA bundle: {error}")))?;
    let mut pem = String::new();
    let mut refused = 0_usize;
    for certificate in CertificateDer::pem_slice_iter(&bytes) {
        let Ok(certificate) = certificate else {
            refused += 1;
            continue;
        };
        if RootCertStore::empty().add(certificate.clone()).is_err() {
            refused += 1;
            continue;
        }
        pem.push_str("-----BEGIN CERTIFICATE-----\n");
        pem.push_str(&STANDARD.encode(&certificate));
        pem.push_str("\n-----END CERTIFICATE-----\n");
    }
    if pem.is_empty() {
        let name = path.display();
        return Err(fault(format!("the CA bundle {name} holds no usable certificate")));
    }
    if refused > 0 {
        tracing::warn!(bundle = %path.display(), refused, "left unusable certificates out");
    }
    Ok(pem.into_bytes())
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use super::*;

    fn bundle(text: &str) -> tempfile::NamedTempFile {
        let mut file = tempfile::NamedTempFile::new().unwrap();
        file.write_all(text.as_bytes()).unwrap();
        file
    }

    fn certificate() -> String {
        rcgen::generate_simple_self_signed(vec!["localhost".to_owned()]).unwrap().cert.pem()
    }

    #[test]
    fn a_bundle_with_one_bad_certificate_keeps_the_good_one() {
        let bad = "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n";
        let file = bundle(&format!("{bad}{}", certificate()));
        let pem = String::from_utf8(checked_pem(file.path()).unwrap()).unwrap();
        assert_eq!(pem.matches("BEGIN CERTIFICATE").count(), 1);
        assert!(build(&[file.path().to_owned()], ProxyUse::Direct).is_ok());
    }

    #[test]
    fn a_bundle_without_a_certificate_is_refused_by_name() {
        let file = bundle("not a certificate");
        let error = checked_pem(file.path()).unwrap_err();
        assert_eq!(error.kind, AwsErrorKind::Config);
        assert!(error.message.contains(&file.path().display().to_string()), "{}", error.message);
    }

    #[test]
    fn a_missing_bundle_is_refused() {
        let error = checked_pem(Path::new("/nonexistent/ca.pem")).unwrap_err();
        assert!(error.message.contains("/nonexistent/ca.pem"), "{}", error.message);
    }
}
