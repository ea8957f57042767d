use bytes::Bytes;
use http::header::CONTENT_TYPE;
use http::{HeaderName, HeaderValue, Response, StatusCode};
use http_body_util::Full;
use serde::Serialize;
use serde_json::{Value, json};

use crate::cloud::protocol::Reply;

/// What every request is answered with.
pub(crate) type Answer = Response<Full<Bytes>>;

const REQUEST_ID: HeaderName = HeaderName::from_static("x-amzn-requestid");
const ERROR_TYPE: HeaderName = HeaderName::from_static("x-amzn-errortype");
const AMZ_JSON: HeaderValue = HeaderValue::from_static("application/x-amz-json-1.1");
const JSON: HeaderValue = HeaderValue::from_static("application/json");
const XML: HeaderValue = HeaderValue::from_static("application/xml");
const HTML: HeaderValue = HeaderValue::from_static("text/html; charset=utf-8");
const METADATA_TTL: HeaderName = HeaderName::from_static("x-aws-ec2-metadata-token-ttl-seconds");
const TEXT: HeaderValue = HeaderValue::from_static("text/plain; charset=utf-8");

/// A refusal, as AWS JSON 1.1 words it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct ApiError {
    pub(crate) status: StatusCode,
    /// The exception's name.
    pub(crate) code: &'static str,
    pub(crate) message: String,
    /// Name of the member that holds the message: exceptions of the SSM model write `Message`,
    /// those that all services have write `message`.
    member: &'static str,
}

impl ApiError {
    /// An exception of the service's model.
    pub(crate) fn of_model(code: &'static str, message: impl Into<String>) -> Self {
        let message = message.into();
        Self { status: StatusCode::BAD_REQUEST, code, message, member: "Message" }
    }

    /// An exception that every service has.
    pub(crate) fn common(code: &'static str, message: impl Into<String>) -> Self {
        let message = message.into();
        Self { status: StatusCode::BAD_REQUEST, code, message, member: "message" }
    }

    pub(crate) fn unavailable() -> Self {
        let status = StatusCode::SERVICE_UNAVAILABLE;
        let message = "Service is temporarily unavailable.".to_owned();
        Self { status, code: "ServiceUnavailableException", message, member: "message" }
    }

    /// A failure of the service's own.
    pub(crate) fn internal(status: u16) -> Self {
        let status = StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        let message = "Internal server error.".to_owned();
        Self { status, code: "InternalServerError", message, member: "message" }
    }

    pub(crate) fn throttled() -> Self {
        Self::common("ThrottlingException", "Rate exceeded")
    }

    /// A member that breaks a constraint of the model.
    pub(crate) fn constraint(member: &str, value: &str, constraint: &str) -> Self {
        Self::common(
            "ValidationException",
            format!(
                "1 validation error detected: Value {value} at '{member}' failed to satisfy \
                 constraint: {constraint}"
            ),
        )
    }

    /// The answer in AWS JSON.
    pub(super) fn to_json(&self, request_id: &str) -> Answer {
        let mut body = json!({ "__type": self.code });
        if !self.message.is_empty() {
            body[self.member] = Value::from(self.message.as_str());
        }
        let mut answer = amz_json(&body, request_id);
        *answer.status_mut() = self.status;
        answer.headers_mut().insert(ERROR_TYPE, HeaderValue::from_static(self.code));
        answer
    }

    /// The answer of the message gateway, which speaks XML; agents look for the exception's name
    /// as an element.
    pub(super) fn to_xml(&self, status: StatusCode, request_id: &str) -> Answer {
        let Self { code, message, .. } = self;
        let body = format!("<{code}><message>{}</message></{code}>", escaped(message));
        xml(status, body, request_id)
    }
}

/// A body of the SSM API.
pub(super) fn amz_json(body: &Value, request_id: &str) -> Answer {
    with_id(answer(StatusCode::OK, AMZ_JSON, body.to_string()), request_id)
}

/// An answer of the control plane.
pub(super) fn reply(reply: Reply, request_id: &str) -> Answer {
    let content_type = HeaderValue::from_static(reply.content_type);
    let status = StatusCode::from_u16(reply.status).unwrap_or(StatusCode::BAD_REQUEST);
    let mut answer = with_id(answer(status, content_type, reply.body), request_id);
    if let Some(kind) = reply.error_type {
        answer.headers_mut().insert(ERROR_TYPE, HeaderValue::from_static(kind));
    }
    answer
}

/// A body of the lab's own controls.
pub(super) fn plain_json(body: &impl Serialize) -> Answer {
    // These are maps with text keys, which always serialise.
    answer(StatusCode::OK, JSON, serde_json::to_string(body).unwrap_or_default())
}

/// A body of a service that is called without a signature.
pub(super) fn given_json(body: &Value, request_id: &str) -> Answer {
    with_id(answer(StatusCode::OK, JSON, body.to_string()), request_id)
}

/// A refusal of such a service; the metadata of instances have no body.
pub(super) fn refused_json(
    status: u16,
    code: Option<&'static str>,
    body: &Value,
    request_id: &str,
) -> Answer {
    let status = StatusCode::from_u16(status).unwrap_or(StatusCode::BAD_REQUEST);
    let body = if body.is_null() { String::new() } else { body.to_string() };
    let mut answer = with_id(answer(status, JSON, body), request_id);
    if let Some(code) = code {
        answer.headers_mut().insert(ERROR_TYPE, HeaderValue::from_static(code));
    }
    answer
}

/// A token of the instance's metadata, with how many seconds it lasts.
pub(super) fn metadata_token(token: String, life: u64) -> Answer {
    let mut answer = answer(StatusCode::OK, TEXT, token);
    answer.headers_mut().insert(METADATA_TTL, HeaderValue::from(life));
    answer
}

/// A page for a browser.
pub(super) fn html(body: String) -> Answer {
    answer(StatusCode::OK, HTML, body)
}

pub(super) fn xml(status: StatusCode, body: String, request_id: &str) -> Answer {
    with_id(answer(status, XML, body), request_id)
}

pub(super) fn text(status: StatusCode, body: impl Into<String>) -> Answer {
    answer(status, TEXT, body.into())
}

fn answer(status: StatusCode, content_type: HeaderValue, body: String) -> Answer {
    let mut answer = Response::new(Full::new(Bytes::from(body)));
    *answer.status_mut() = status;
    answer.headers_mut().insert(CONTENT_TYPE, content_type);
    answer
}

fn with_id(mut answer: Answer, request_id: &str) -> Answer {
    if let Ok(value) = HeaderValue::from_str(request_id) {
        answer.headers_mut().insert(REQUEST_ID, value);
    }
    answer
}

/// Text inside an XML element.
pub(super) fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;")
}
