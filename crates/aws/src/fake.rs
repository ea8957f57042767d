//! An HTTP endpoint on loopback that gives prepared answers and keeps what it was asked.

mod routes;

use std::sync::{Arc, Mutex};
use std::time::Duration;

use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::{TcpListener, TcpStream};
use zeroize::Zeroizing;

pub(crate) use routes::{Route, ok, refuse};

use crate::load::{Aws, AwsOptions, ProxyUse, StaticCredentials, load};

/// What a request said: its headers in lower case, and its body.
#[derive(Debug, Clone, Default)]
pub(crate) struct Asked {
    pub(crate) head: String,
    pub(crate) body: String,
}

pub(crate) struct Fake {
    pub(crate) url: String,
    asked: Arc<Mutex<Vec<Asked>>>,
}

impl Fake {
    /// Answers request after request with `answers`, in order; the last one again and again.
    pub(crate) async fn new(answers: Vec<(u16, &'static str)>) -> Self {
        Self::slow(Duration::ZERO, answers).await
    }

    /// The same, each answer after a while.
    pub(crate) async fn slow(delay: Duration, answers: Vec<(u16, &'static str)>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let asked = Arc::new(Mutex::new(Vec::new()));
        let log = Arc::clone(&asked);
        tokio::spawn(async move {
            let mut answers = answers.into_iter().peekable();
            while let Ok((stream, _)) = listener.accept().await {
                let Some(&answer) = answers.peek() else { break };
                serve(stream, answer, delay, &log).await;
                let current = answers.next();
                if answers.peek().is_none() {
                    answers = current.into_iter().collect::<Vec<_>>().into_iter().peekable();
                }
            }
        });
        Self { url, asked }
    }

    pub(crate) fn asked(&self) -> Vec<Asked> {
        self.asked.lock().unwrap().clone()
    }

    pub(crate) async fn aws(&self) -> Aws {
        fixed(&self.url).await
    }
}

/// A configuration with fixed keys that calls `url`.
pub(crate) async fn fixed(url: &str) -> Aws {
    load(AwsOptions {
        region: Some("eu-west-1".to_owned()),
        endpoint_url: Some(url.to_owned()),
        proxy: ProxyUse::Direct,
        credentials: Some(StaticCredentials {
            access_key_id: "AKIDEXAMPLE".to_owned(),
            secret_access_key: Zeroizing::new("secret-key".to_owned()),
        }),
        ..AwsOptions::default()
    })
    .await
    .unwrap()
}

async fn serve(
    stream: TcpStream,
    (status, body): (u16, &str),
    delay: Duration,
    log: &Mutex<Vec<Asked>>,
) {
    let mut stream = BufReader::new(stream);
    let request = read(&mut stream).await.unwrap();
    log.lock().unwrap().push(request);
    tokio::time::sleep(delay).await;
    stream.write_all(answer(status, body).as_bytes()).await.unwrap();
}

/// Reads a request; none where the connection was closed without one.
async fn read(stream: &mut BufReader<TcpStream>) -> Option<Asked> {
    let mut asked = Asked::default();
    let mut length = 0;
    loop {
        let mut line = String::new();
        if stream.read_line(&mut line).await.unwrap() == 0 {
            return None;
        }
        let line = line.trim_end().to_lowercase();
        if line.is_empty() {
            break;
        }
        if let Some(value) = line.strip_prefix("content-length:") {
            length = value.trim().parse().unwrap();
        }
        asked.head.push_str(&line);
        asked.head.push('\n');
    }
    let mut content = vec![0; length];
    stream.read_exact(&mut content).await.unwrap();
    asked.body = String::from_utf8(content).unwrap();
    Some(asked)
}

/// The SDK looks at no content type, so one does for all of them.
fn answer(status: u16, body: &str) -> String {
    format!(
        "HTTP/1.1 {status} Status\r\ncontent-type: application/x-amz-json-1.1\r\ncontent-length: {}\r\nconnection: close\r\n\r\n{body}",
        body.len()
    )
}
