use std::cell::RefCell;
use std::time::Duration;

use adit_lab::{InProcess, LabConfig};
use bytes::Bytes;
use http::header::CONTENT_TYPE;
use http::{Method, Request, Response};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::runtime::{Builder, Runtime};

use crate::xml;

/// The most requests of one input.
const REQUESTS: usize = 8;

/// How long an answer may take. What is meant to take longer is left out.
const PATIENCE: Duration = Duration::from_secs(5);

/// The longest answer: far more than an input of some kilobytes can make the lab hold.
const LONGEST: usize = 4 << 20;

/// Where faults are set, those that hold calls back among them.
const FAULTS: &str = "/_lab/faults";

/// The agent's long poll.
const LONG_POLL: &str = "GetMessages";

thread_local! {
    static RUNTIME: RefCell<Option<Runtime>> = const { RefCell::new(None) };
}

/// Requests to the lab's HTTP server: every one is answered or its connection is closed, and what is
/// said to be JSON or XML is that.
///
/// The first byte says whether signatures are checked (`1`, `3`) and what follows: the bytes of a
/// connection (`2`, `3`), or requests that need not be framed, with a zero byte between them: a line
/// with method and path, lines with headers, an empty line, the body.
pub fn lab_http(input: &[u8]) {
    let Some((mode, rest)) = input.split_first() else { return };
    let config = LabConfig { sigv4: mode % 2 == 1, ..LabConfig::default() };
    RUNTIME.with_borrow_mut(|runtime| {
        let runtime = runtime.get_or_insert_with(|| {
            Builder::new_current_thread().enable_time().build().expect("a runtime")
        });
        runtime.block_on(async {
            let lab = InProcess::new(config);
            if mode % 4 < 2 {
                requests(&lab, rest).await;
            } else {
                connection(&lab, rest).await;
            }
            lab.shutdown().await;
        });
    });
}

async fn requests(lab: &InProcess, input: &[u8]) {
    for text in input.split(|byte| *byte == 0).take(REQUESTS) {
        let Some(request) = request(text) else { continue };
        let answer = tokio::time::timeout(PATIENCE, lab.answer(request)).await;
        let answer = answer.unwrap_or_else(|_| panic!("no answer to {}", text.escape_ascii()));
        judge(&answer);
    }
}

/// A request from its text; none when no client could send it, or it would be waited for.
fn request(text: &[u8]) -> Option<Request<Bytes>> {
    let end = text.windows(2).position(|pair| pair == b"\n\n").unwrap_or(text.len());
    let (head, body) = (&text[..end], text.get(end + 2..).unwrap_or_default());
    // JSON can spell a word in many ways, so a body with an escape counts as each of them.
    let holds = ["hold", "answer", "\\u"].iter().any(|word| contains(body, word));
    if contains(head, LONG_POLL) || (contains(head, FAULTS) && holds) {
        return None;
    }
    let mut lines = head.split(|byte| *byte == b'\n');
    let mut first = lines.next()?.splitn(2, |byte| *byte == b' ');
    let method = Method::from_bytes(first.next()?).ok()?;
    let mut request = Request::builder().method(method).uri(first.next()?);
    for line in lines {
        let (name, value) = line.split_at_checked(line.iter().position(|byte| *byte == b':')?)?;
        request = request.header(name, value[1..].trim_ascii());
    }
    request.body(Bytes::copy_from_slice(body)).ok()
}

fn contains(text: &[u8], word: &str) -> bool {
    text.windows(word.len()).any(|window| window == word.as_bytes())
}

fn judge(answer: &Response<Bytes>) {
    let body = answer.body();
    assert!(body.len() <= LONGEST, "an answer of {} bytes", body.len());
    let kind = answer.headers().get(CONTENT_TYPE).and_then(|kind| kind.to_str().ok());
    let kind = kind.unwrap_or_default();
    let text = || str::from_utf8(body).expect("text");
    if kind.contains("json") && !body.is_empty() {
        serde_json::from_slice::<serde::de::IgnoredAny>(body).expect("JSON");
    } else if kind.contains("xml") {
        assert_eq!(xml::fault(text()), None, "{}", text());
    }
}

/// The bytes of a connection, to their end: whatever the server says, it ends too.
async fn connection(lab: &InProcess, input: &[u8]) {
    if contains(input, LONG_POLL) || contains(input, FAULTS) {
        return;
    }
    let (mut client, server) = tokio::io::duplex(64 << 10);
    let talk = async {
        // A server that has closed takes no more.
        if client.write_all(input).await.is_ok() {
            let _closed = client.shutdown().await;
        }
        let mut answers = Vec::new();
        let _closed = client.take(LONGEST as u64 + 1).read_to_end(&mut answers).await;
        answers
    };
    let both = async { tokio::join!(lab.serve(server), talk).1 };
    let answers = tokio::time::timeout(PATIENCE, both).await.expect("the connection ends");
    assert!(answers.len() <= LONGEST, "answers of {} bytes", answers.len());
    assert!(answers.is_empty() || answers.starts_with(b"HTTP/1."), "no HTTP");
}
