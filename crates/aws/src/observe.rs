//! What answers tell besides their content: that the service is busy, and what time it is there.
//!
//! The SDK repeats throttled calls by itself and says nothing of it, so its HTTP client is wrapped.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::SystemTime;

use aws_runtime::retries::classifiers::THROTTLING_ERRORS;
use aws_smithy_runtime_api::client::http::{
    HttpClient, HttpConnector, HttpConnectorFuture, HttpConnectorSettings, SharedHttpClient,
    SharedHttpConnector,
};
use aws_smithy_runtime_api::client::orchestrator::{HttpRequest, HttpResponse};
use aws_smithy_runtime_api::client::runtime_components::RuntimeComponents;
use aws_smithy_types::DateTime;
use aws_smithy_types::body::SdkBody;
use aws_smithy_types::date_time::Format;
use http_body_util::{BodyExt, Limited};

use crate::clock::Clock;
use crate::notices::{Notice, Notices};

/// How much of a refusal is read: the services' are a few hundred bytes.
const REFUSAL_LIMIT: usize = 64 * 1024;

/// What was seen, and who is told.
#[derive(Debug, Clone)]
pub(crate) struct Observer {
    clock: Clock,
    notices: Notices,
    skew: Arc<Mutex<Option<i64>>>,
}

impl Observer {
    pub(crate) fn new(clock: Clock, notices: Notices) -> Self {
        Self { clock, notices, skew: Arc::default() }
    }

    /// How many seconds this machine's clock is ahead of the service's.
    pub(crate) fn skew(&self) -> Option<i64> {
        *self.skew.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn wrap(&self, inner: SharedHttpClient) -> SharedHttpClient {
        SharedHttpClient::new(Client { inner, observer: self.clone() })
    }

    fn note_date(&self, answer: &HttpResponse) {
        let there = answer
            .headers()
            .get("date")
            .and_then(|date| DateTime::from_str(date, Format::HttpDate).ok())
            .and_then(|date| SystemTime::try_from(date).ok());
        let Some(there) = there else { return };
        let here = self.clock.now();
        let ahead = match here.duration_since(there) {
            Ok(ahead) => ahead.as_secs() as i64,
            Err(behind) => -(behind.duration().as_secs() as i64),
        };
        *self.skew.lock().unwrap_or_else(PoisonError::into_inner) = Some(ahead);
    }
}

#[derive(Debug)]
struct Client {
    inner: SharedHttpClient,
    observer: Observer,
}

impl HttpClient for Client {
    fn http_connector(
        &self,
        settings: &HttpConnectorSettings,
        components: &RuntimeComponents,
    ) -> SharedHttpConnector {
        SharedHttpConnector::new(Observed {
            inner: self.inner.http_connector(settings, components),
            observer: self.observer.clone(),
        })
    }
}

#[derive(Debug)]
struct Observed {
    inner: SharedHttpConnector,
    observer: Observer,
}

impl HttpConnector for Observed {
    fn call(&self, request: HttpRequest) -> HttpConnectorFuture {
        // Only what is signed went to a service of AWS, not to the metadata of the machine.
        let service = request.headers().get("authorization").and_then(service);
        let answer = self.inner.call(request);
        let observer = self.observer.clone();
        HttpConnectorFuture::new(async move {
            let answer = answer.await?;
            let Some(service) = service else { return Ok(answer) };
            observer.note_date(&answer);
            let status = answer.status().as_u16();
            if status < 400 {
                return Ok(answer);
            }
            let (answer, throttled) = is_throttled(answer).await;
            if throttled || status == 429 {
                observer.notices.tell(Notice::Throttled { service });
            }
            Ok(answer)
        })
    }
}

/// The service in the scope of a signature: `…Credential=AKID/20261121/eu-west-1/ssm/aws4_request`.
fn service(authorization: &str) -> Option<String> {
    let (_, scope) = authorization.split_once("Credential=")?;
    scope.split('/').nth(3).map(str::to_owned)
}

/// Whether the refusal has a code that the SDK repeats calls for; the answer is given back whole.
async fn is_throttled(mut answer: HttpResponse) -> (HttpResponse, bool) {
    let in_header = answer
        .headers()
        .get("x-amzn-errortype")
        .is_some_and(|kind| THROTTLING_ERRORS.iter().any(|code| kind.starts_with(code)));
    let body = std::mem::replace(answer.body_mut(), SdkBody::taken());
    let Ok(bytes) =
        Limited::new(body, REFUSAL_LIMIT).collect().await.map(http_body_util::Collected::to_bytes)
    else {
        // What cannot be read here would not have been read by the SDK either.
        return (answer, in_header);
    };
    let text = String::from_utf8_lossy(&bytes);
    let in_body = THROTTLING_ERRORS.iter().any(|code| {
        text.contains(&format!("<Code>{code}</Code>")) || text.contains(&format!("{code}\""))
    });
    drop(text);
    *answer.body_mut() = SdkBody::from(bytes);
    (answer, in_header || in_body)
}

#[cfg(test)]
mod tests;
