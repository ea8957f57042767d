//! Labs that do not start, and what they say.

use std::error::Error;
use std::time::Duration;

use adit_lab::{Lab, LabConfig, LabError, TlsConfig};

use crate::support::lab;

async fn refusal(config: LabConfig) -> LabError {
    Lab::start(config).await.expect_err("no lab")
}

/// Whoever prints the error in one line shows its cause too.
fn expect_cause(error: &LabError, start: &str) {
    let text = error.to_string();
    let cause = error.source().expect("a cause").to_string();
    assert_eq!(text, format!("{start}: {cause}"));
    assert_eq!(text.lines().count(), 1, "{text}");
}

#[tokio::test]
async fn an_address_in_use_is_named_with_the_cause() {
    let first = lab().await;
    let taken = first.endpoint().replace("http://", "");
    let listen = taken.parse().expect("an address");
    let error = refusal(LabConfig { listen, ..LabConfig::default() }).await;
    expect_cause(&error, &format!("cannot listen on {taken}"));
    assert!(error.to_string().to_lowercase().contains("in use"), "{error}");
}

#[tokio::test]
async fn a_file_that_cannot_be_written_is_named_with_the_cause() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let path = folder.path().join("missing").join("ca.pem");
    let tls =
        TlsConfig { listen: ([127, 0, 0, 1], 0).into(), ca_out: Some(path.clone()), name: None };
    let error = refusal(LabConfig { tls: Some(tls), ..LabConfig::default() }).await;
    expect_cause(&error, &format!("cannot write {}", path.display()));
}

#[tokio::test]
async fn a_latency_beyond_measure_is_refused() {
    let error = refusal(LabConfig { latency: Duration::MAX, ..LabConfig::default() }).await;
    assert!(matches!(error, LabError::Latency), "{error:?}");
}
