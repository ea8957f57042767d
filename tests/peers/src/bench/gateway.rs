//! The way of the null sink to the lab: one API call and the sockets.

use std::sync::Arc;

use anyhow::{Context, Result, ensure};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, ServerName};
use rustls::{ClientConfig, RootCertStore};
use serde::Deserialize;
use serde_json::json;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;

use crate::lab::{BASTION, HOST, Lab, PORT};

pub(crate) trait Stream: AsyncRead + AsyncWrite + Unpin {}

impl<T: AsyncRead + AsyncWrite + Unpin> Stream for T {}

pub(crate) type BoxedStream = Box<dyn Stream>;

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(crate) struct Session {
    pub(crate) stream_url: String,
    pub(crate) token_value: String,
}

/// Calls `StartSession`, unsigned: the lab is told not to look at signatures.
pub(crate) async fn start_session(lab: &Lab) -> Result<Session> {
    let body = json!({
        "Target": BASTION,
        "DocumentName": "AWS-StartPortForwardingSessionToRemoteHost",
        "Parameters": {
            "host": [HOST],
            "portNumber": [PORT.to_string()],
            "localPortNumber": ["0"],
        },
    })
    .to_string();
    let url = lab.endpoint()?;
    let mut stream = connect(lab, url).await?;
    let request = format!(
        "POST / HTTP/1.1\r\nHost: {}\r\nConnection: close\r\n\
         Content-Type: application/x-amz-json-1.1\r\nX-Amz-Target: AmazonSSM.StartSession\r\n\
         Content-Length: {}\r\n\r\n{body}",
        authority(url)?,
        body.len()
    );
    stream.write_all(request.as_bytes()).await?;
    stream.flush().await?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await?;
    let (head, body) = answer.split_once("\r\n\r\n").context("no HTTP answer")?;
    ensure!(head.starts_with("HTTP/1.1 200 "), "StartSession: {answer}");
    Ok(serde_json::from_str(body)?)
}

/// Connects to what a URL of the lab names, over TLS if it says so.
pub(crate) async fn connect(lab: &Lab, url: &str) -> Result<BoxedStream> {
    let authority = authority(url)?;
    let tcp = TcpStream::connect(authority).await?;
    tcp.set_nodelay(true)?;
    if !url.starts_with("https:") && !url.starts_with("wss:") {
        return Ok(Box::new(tcp));
    }
    let mut roots = RootCertStore::empty();
    roots.add(CertificateDer::from_pem_file(lab.ca().context("no TLS in this lab")?)?)?;
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let config = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()?
        .with_root_certificates(roots)
        .with_no_client_auth();
    let host = authority.rsplit_once(':').context("no port")?.0.to_owned();
    let name = ServerName::try_from(host)?;
    Ok(Box::new(TlsConnector::from(Arc::new(config)).connect(name, tcp).await?))
}

fn authority(url: &str) -> Result<&str> {
    let (_, rest) = url.split_once("://").context("no URL")?;
    Ok(rest.split(['/', '?']).next().unwrap_or(rest))
}
