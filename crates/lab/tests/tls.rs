//! The TLS listener and the authority behind its certificate.

use std::net::Ipv4Addr;
use std::sync::Arc;

use adit_lab::{DEFAULT_INSTANCE, TlsConfig};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, ServerName};
use rustls::{ClientConfig, RootCertStore};
use serde_json::json;
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;

use crate::support::http::{Signer, json_of, operation, send, send_on};
use crate::support::{lab, lab_with};

#[tokio::test]
async fn the_authority_vouches_for_each_name_and_urls_and_conditions_follow_the_caller() {
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("ca.pem");
    let ca_out = Some(file.clone());
    let listen = (Ipv4Addr::LOCALHOST, 0).into();
    let lab = lab_with(|config| config.tls = Some(TlsConfig { listen, ca_out, name: None })).await;
    assert_eq!(std::fs::read_to_string(&file).expect("the file"), lab.ca_pem().expect("a PEM"));
    let mut roots = RootCertStore::empty();
    roots.add(CertificateDer::from_pem_file(&file).expect("a certificate")).expect("a root");
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let config = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .expect("versions")
        .with_root_certificates(roots)
        .with_no_client_auth();
    let connector = TlsConnector::from(Arc::new(config));
    let address = lab.tls_endpoint().expect("an endpoint").replace("https://", "");
    let policy = json!({
        "Version": "2012-10-17",
        "Statement": [{
            "Effect": "Allow",
            "Action": "ssm:StartSession",
            "Resource": "*",
            "Condition": { "Bool": { "aws:SecureTransport": "true" } },
        }],
    });
    let made = lab.control("users", &json!({ "name": "ada", "policy": policy })).expect("a user");
    let text = |member: &str| made[member].as_str().expect(member).to_owned();
    let signer = Signer {
        access_key_id: text("access_key_id"),
        secret: text("secret_access_key"),
        ..Signer::of(&lab, "ssm")
    };
    let call = || {
        let body = json!({ "Target": DEFAULT_INSTANCE });
        let mut request = operation(&lab, "AmazonSSM.StartSession", &body);
        signer.sign(&mut request);
        request
    };
    for name in ["localhost", "127.0.0.1", "::1"] {
        let tcp = TcpStream::connect(&address).await.expect("a connection");
        let name = ServerName::try_from(name).expect("a name");
        let tls = connector.connect(name, tcp).await.expect("a trusted connection");
        let (status, answer) = json_of(&send_on(tls, call()).await);
        assert_eq!(status, 200, "{answer}");
        let url = answer["StreamUrl"].as_str().expect("a URL");
        assert!(url.starts_with(&format!("wss://{address}/v1/data-channel/")), "{url}");
    }
    let (status, refused) = json_of(&send(call()).await);
    assert_eq!((status, refused["__type"].as_str()), (400, Some("AccessDeniedException")));
}

#[tokio::test]
async fn a_lab_without_tls_has_no_such_endpoint() {
    let lab = lab().await;
    assert_eq!((lab.tls_endpoint(), lab.ca_pem()), (None, None));
}

#[tokio::test]
async fn a_lab_stays_on_this_machine() {
    let everywhere = "0.0.0.0:0".parse().expect("an address");
    let config = adit_lab::LabConfig { listen: everywhere, ..adit_lab::LabConfig::default() };
    let error = adit_lab::Lab::start(config).await.expect_err("a refusal");
    assert_eq!(error.to_string(), "0.0.0.0:0 is not a loopback address");
}
