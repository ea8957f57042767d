//! How much of a request the lab reads.

use adit_lab::Lab;
use http::Method;
use serde_json::json;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::timeout;

use crate::support::http::{answered, request, send};
use crate::support::lab;
use crate::support::socket::PATIENCE;

/// Bytes of the longest body that is read.
const LIMIT: usize = 1 << 20;

/// Sends raw bytes, as many as are taken, and gives the status of the answer.
async fn status(lab: &Lab, request: &[&[u8]]) -> u16 {
    let address = lab.endpoint().replace("http://", "");
    let mut stream = TcpStream::connect(address).await.expect("a connection");
    let exchange = async {
        for part in request {
            stream.write_all(part).await.expect("taken");
        }
        let mut line = [0; 12];
        stream.read_exact(&mut line).await.expect("an answer");
        line
    };
    let line = timeout(PATIENCE, exchange).await.expect("an answer in time");
    let text = std::str::from_utf8(&line).expect("ASCII");
    text.strip_prefix("HTTP/1.1 ").expect("HTTP").parse().expect("a status")
}

fn head(line: &str, header: &str) -> Vec<u8> {
    format!("{line} HTTP/1.1\r\nHost: lab\r\n{header}\r\n\r\n").into_bytes()
}

#[tokio::test]
async fn a_body_is_read_up_to_a_mebibyte_and_no_further() {
    let lab = lab().await;
    let body = |len: usize| {
        let mut body = json!({ "latency_ms": 0 }).to_string();
        body.extend(std::iter::repeat_n(' ', len - body.len()));
        body
    };
    let most = request(&lab, Method::POST, "/_lab/faults", body(LIMIT));
    assert_eq!(send(most).await.status(), 200);
    // Refused for what it announces: none of it has been sent.
    let length = format!("Content-Length: {}", LIMIT + 1);
    for line in ["POST /_lab/faults", "POST /", "GET /_lab/state", "GET /elsewhere"] {
        assert_eq!(status(&lab, &[&head(line, &length)]).await, 413, "{line}");
    }
    assert_eq!(status(&lab, &[&head("POST /", "Content-Length: 4611686018427387904")]).await, 413);
}

#[tokio::test]
async fn a_body_without_a_length_is_not_read_for_ever() {
    let lab = lab().await;
    let head = head("POST /", "Transfer-Encoding: chunked");
    let chunk = [&b"10000\r\n"[..], &vec![b' '; 0x10000], b"\r\n"].concat();
    let mut request = vec![&head[..]];
    request.resize(1 + LIMIT / 0x10000, &chunk[..]);
    // One more byte, and no end.
    request.push(b"1\r\n \r\n");
    assert_eq!(status(&lab, &request).await, 413);
    answered(&lab, "GetConnectionStatus", json!({ "Target": "i-1" })).await;
}

#[tokio::test]
async fn lengths_that_are_none_are_refused() {
    let lab = lab().await;
    for length in ["-1", "1, 2", "ten", "", "18446744073709551616"] {
        let head = head("POST /", &format!("Content-Length: {length}"));
        assert_eq!(status(&lab, &[&head]).await, 400, "{length:?}");
    }
    let twice = head("POST /", "Content-Length: 1\r\nContent-Length: 2");
    assert_eq!(status(&lab, &[&twice]).await, 400);
}

#[tokio::test]
async fn a_head_without_end_is_refused() {
    let lab = lab().await;
    let long = format!("X-Long: {}", "x".repeat(LIMIT));
    let address = lab.endpoint().replace("http://", "");
    let mut stream = TcpStream::connect(address).await.expect("a connection");
    // The lab may close before it is all sent, and the refusal may be lost to that.
    drop(stream.write_all(&head("POST /", &long)).await);
    let mut answer = Vec::new();
    let end = timeout(PATIENCE, stream.read_to_end(&mut answer)).await.expect("an end in time");
    assert!(end.is_err() || answer.starts_with(b"HTTP/1.1 431 "), "{:?}", answer.escape_ascii());
}
