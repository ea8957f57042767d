//! How the services are spoken to: one place for each of AWS's formats.

mod json;
mod page;
mod query;
mod rest;
mod xml;

use std::fmt::Write as _;

use serde_json::Value;

pub(crate) use page::Page;
pub(crate) use query::Params;
pub(crate) use xml::{Element, answer, el, list, node};

use crate::http::ApiError;

/// A refusal, as the service words it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct CloudError {
    pub(crate) status: u16,
    pub(crate) code: &'static str,
    pub(crate) message: String,
}

impl CloudError {
    pub(crate) fn new(status: u16, code: &'static str, message: impl Into<String>) -> Self {
        Self { status, code, message: message.into() }
    }

    /// A refusal with status 400, which most have.
    pub(crate) fn refuse(code: &'static str, message: impl Into<String>) -> Self {
        Self::new(400, code, message)
    }
}

/// An answer before it is put on the wire.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct Reply {
    pub(crate) status: u16,
    pub(crate) content_type: &'static str,
    /// The value of `x-amzn-errortype`.
    pub(crate) error_type: Option<&'static str>,
    pub(crate) body: String,
}

impl Reply {
    fn new(status: u16, content_type: &'static str, body: String) -> Self {
        Self { status, content_type, error_type: None, body }
    }
}

/// What an operation gives back.
#[derive(Clone, PartialEq, Debug)]
pub(crate) enum Body {
    Xml(Element),
    Json(Value),
}

impl From<Element> for Body {
    fn from(element: Element) -> Self {
        Self::Xml(element)
    }
}

impl From<Value> for Body {
    fn from(value: Value) -> Self {
        Self::Json(value)
    }
}

/// A format, with what it needs to name its answers.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Format {
    /// EC2's own: parameters in a form, XML back.
    Ec2,
    /// The query protocol of IAM, STS, RDS, `ElastiCache` and Redshift, with its namespace.
    Query { namespace: &'static str },
    /// JSON 1.1.
    Json,
    /// REST with JSON bodies.
    Rest,
}

impl Format {
    /// Writes an answer.
    pub(crate) fn render(
        self,
        operation: &str,
        request_id: &str,
        outcome: Result<Body, CloudError>,
    ) -> Reply {
        match (self, outcome) {
            (Self::Ec2, Ok(Body::Xml(answer))) => ec2(operation, request_id, &answer),
            (Self::Query { namespace }, Ok(Body::Xml(answer))) => {
                query(operation, request_id, namespace, &answer)
            }
            (Self::Ec2, Err(error)) => ec2_error(request_id, &error),
            (Self::Query { namespace }, Err(error)) => query_error(request_id, namespace, &error),
            (Self::Json, outcome) => json::render(outcome.map(Body::into_json)),
            (Self::Rest, outcome) => rest::render(outcome.map(Body::into_json)),
            (Self::Ec2 | Self::Query { .. }, Ok(Body::Json(_))) => {
                let error = CloudError::new(500, "InternalFailure", "an answer in another format");
                ec2_error(request_id, &error)
            }
        }
    }

    /// A refusal that every service has, in this format's words: signatures, throttling, outages.
    pub(crate) fn common(self, error: ApiError) -> CloudError {
        let ApiError { status, code, message, .. } = error;
        let json = matches!(self, Self::Json | Self::Rest);
        let (status, code, message): (u16, &'static str, String) = match (self, code) {
            (Self::Rest, "ThrottlingException") => (429, "TooManyRequestsException", message),
            _ if json && (code.contains("Signature") || code.contains("Token")) => {
                (if self == Self::Rest { 403 } else { 400 }, code, message)
            }
            _ if json => (status.as_u16(), code, message),
            // https://docs.aws.amazon.com/AWSEC2/latest/APIReference/errors-overview.html
            (Self::Ec2, "ThrottlingException") => {
                (503, "RequestLimitExceeded", "Request limit exceeded.".to_owned())
            }
            (_, "ThrottlingException") => (400, "Throttling", message),
            (Self::Ec2, "ServiceUnavailableException") => (503, "Unavailable", message),
            (_, "ServiceUnavailableException") => (503, "ServiceUnavailable", message),
            (Self::Ec2, "ExpiredTokenException") => {
                (400, "RequestExpired", "Request has expired.".to_owned())
            }
            (_, "ExpiredTokenException") => (403, "ExpiredToken", message),
            (Self::Ec2, "MissingAuthenticationTokenException") => {
                let message = "The request must contain either a valid (registered) AWS access \
                               key ID or X.509 certificate.";
                (403, "MissingAuthenticationToken", message.to_owned())
            }
            (Self::Ec2, _) => {
                let message = "AWS was not able to validate the provided access credentials";
                (401, "AuthFailure", message.to_owned())
            }
            (_, "MissingAuthenticationTokenException") => {
                (403, "MissingAuthenticationToken", message)
            }
            (_, "UnrecognizedClientException") => (403, "InvalidClientTokenId", message),
            (_, "IncompleteSignatureException") => (400, "IncompleteSignature", message),
            _ => (403, "SignatureDoesNotMatch", message),
        };
        CloudError { status, code, message }
    }
}

impl Body {
    fn into_json(self) -> Value {
        match self {
            Self::Json(value) => value,
            Self::Xml(_) => Value::Null,
        }
    }
}

const XML: &str = "text/xml;charset=UTF-8";
const HEAD: &str = "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n";
const EC2: &str = "http://ec2.amazonaws.com/doc/2016-11-15/";

fn ec2(operation: &str, request_id: &str, answer: &Element) -> Reply {
    let mut body =
        format!("{HEAD}<{operation}Response xmlns=\"{EC2}\"><requestId>{request_id}</requestId>");
    answer.write_content(&mut body);
    let _infallible = write!(body, "</{operation}Response>");
    Reply::new(200, XML, body)
}

fn ec2_error(request_id: &str, error: &CloudError) -> Reply {
    let mut body = format!("{HEAD}<Response><Errors><Error><Code>{}</Code><Message>", error.code);
    xml::escape(&mut body, &error.message);
    let _infallible =
        write!(body, "</Message></Error></Errors><RequestID>{request_id}</RequestID></Response>");
    Reply::new(error.status, XML, body)
}

fn query(operation: &str, request_id: &str, namespace: &str, answer: &Element) -> Reply {
    let mut body = format!("{HEAD}<{operation}Response xmlns=\"{namespace}\"><{operation}Result>");
    answer.write_content(&mut body);
    let _infallible = write!(
        body,
        "</{operation}Result><ResponseMetadata><RequestId>{request_id}</RequestId>\
         </ResponseMetadata></{operation}Response>"
    );
    Reply::new(200, XML, body)
}

fn query_error(request_id: &str, namespace: &str, error: &CloudError) -> Reply {
    let kind = if error.status < 500 { "Sender" } else { "Receiver" };
    let mut body = format!(
        "{HEAD}<ErrorResponse xmlns=\"{namespace}\"><Error><Type>{kind}</Type><Code>{}</Code>\
         <Message>",
        error.code
    );
    xml::escape(&mut body, &error.message);
    let _infallible =
        write!(body, "</Message></Error><RequestId>{request_id}</RequestId></ErrorResponse>");
    Reply::new(error.status, XML, body)
}
