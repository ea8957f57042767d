//! The SDK's HTTPS client: the platform's trust roots plus extra ones, and the environment's proxy.

use std::net::{IpAddr, Ipv6Addr};
use std::path::{Path, PathBuf};

use aws_smithy_http_client::proxy::ProxyConfig;
use aws_smithy_http_client::tls::{Provider, TlsContext, TrustStore, rustls_provider::CryptoMode};
use aws_smithy_http_client::{Builder, Connector};
use aws_smithy_runtime_api::client::http::{
    HttpClient, HttpConnector, HttpConnectorFuture, HttpConnectorSettings, SharedHttpClient,
    SharedHttpConnector,
};
use aws_smithy_runtime_api::client::orchestrator::HttpRequest;
use aws_smithy_runtime_api::client::runtime_components::RuntimeComponents;
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
    let straight = client(context.clone(), ProxyConfig::disabled);
    Ok(match proxy {
        ProxyUse::Direct => straight,
        ProxyUse::Environment => {
            let through = client(context, ProxyConfig::from_env);
            SharedHttpClient::new(Routed { through, straight })
        }
    })
}

/// The public builder of an HTTPS client has no way to name a proxy; this one does, and keeps one
/// connection pool per set of timeouts.
fn client(context: TlsContext, proxy: fn() -> ProxyConfig) -> SharedHttpClient {
    Builder::new().build_with_connector_fn(move |settings, components| {
        let mut connector = Connector::builder();
        connector.set_connector_settings(settings.cloned());
        if let Some(components) = components {
            connector.set_sleep_impl(components.sleep_impl());
        }
        connector.set_proxy_config(Some(proxy()));
        connector
            .tls_provider(Provider::Rustls(CryptoMode::AwsLc))
            .tls_context(context.clone())
            .build()
    })
}

/// A client that goes through the proxy, but straight to what only this machine can reach: the
/// sources of credentials on containers and instances, which a proxy would ask about itself.
#[derive(Debug)]
struct Routed<T> {
    through: T,
    straight: T,
}

impl HttpClient for Routed<SharedHttpClient> {
    fn http_connector(
        &self,
        settings: &HttpConnectorSettings,
        components: &RuntimeComponents,
    ) -> SharedHttpConnector {
        SharedHttpConnector::new(Routed {
            through: self.through.http_connector(settings, components),
            straight: self.straight.http_connector(settings, components),
        })
    }
}

impl HttpConnector for Routed<SharedHttpConnector> {
    fn call(&self, request: HttpRequest) -> HttpConnectorFuture {
        let host = request.uri().parse::<http::Uri>();
        if host.is_ok_and(|uri| uri.host().is_some_and(is_own)) {
            self.straight.call(request)
        } else {
            self.through.call(request)
        }
    }
}

/// The container endpoints of EKS and the metadata of instances over IPv6, which are no link-local
/// addresses: <https://docs.aws.amazon.com/eks/latest/userguide/pod-id-how-it-works.html>.
const OWN_IPV6: [Ipv6Addr; 2] = [
    Ipv6Addr::new(0xfd00, 0xec2, 0, 0, 0, 0, 0, 0x23),
    Ipv6Addr::new(0xfd00, 0xec2, 0, 0, 0, 0, 0, 0x254),
];

/// Whether only this machine reaches a host of that name: it is on loopback, or link-local as
/// 169.254.169.254, 169.254.170.2 and 169.254.170.23 are.
fn is_own(host: &str) -> bool {
    let bare = host.trim_start_matches('[').trim_end_matches(']');
    match bare.parse() {
        Ok(IpAddr::V4(address)) => address.is_loopback() || address.is_link_local(),
        Ok(IpAddr::V6(address)) => {
            address.is_loopback() || address.is_unicast_link_local() || OWN_IPV6.contains(&address)
        }
        Err(_) => bare.eq_ignore_ascii_case("localhost"),
    }
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

    /// A proxy would answer for itself, or not at all.
    #[test]
    fn what_only_this_machine_reaches_is_reached_without_a_proxy() {
        for host in [
            "169.254.169.254",
            "169.254.170.2",
            "169.254.170.23",
            "[fd00:ec2::23]",
            "[fd00:ec2::254]",
            "[fe80::1]",
            "[::1]",
            "127.0.0.1",
            "127.9.9.9",
            "LocalHost",
        ] {
            assert!(is_own(host), "{host}");
        }
        for host in ["ssm.eu-west-1.amazonaws.com", "10.0.0.1", "[fd00:ec2::24]", "localhost.co"] {
            assert!(!is_own(host), "{host}");
        }
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
