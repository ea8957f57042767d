use std::error::Error;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http::header::{AUTHORIZATION, HOST};
use http::request::Parts;
use http::{Method, Request, StatusCode};
use http_body_util::{BodyExt, LengthLimitError, Limited};
use hyper::body::Body;
use hyper::upgrade::OnUpgrade;
use tokio::time::timeout;
use tracing::debug;

use super::answer::{
    Answer, ApiError, amz_json, escaped, given_json, metadata_token, refused_json, reply, text, xml,
};
use super::{authenticate, controls, upgrade};
use crate::api::{self, Context, Credential};
use crate::cloud;
use crate::cloud::faults::When;
use crate::gateway::{serve_control_channel, serve_data_channel};
use crate::identity::Caller;
use crate::open;
use crate::service::{ACCOUNT, REGION, Service};

/// Bytes of the longest body that is read.
const BODY_LIMIT: usize = 1 << 20;

/// How long a body may take to come.
const BODY_TIME: Duration = Duration::from_secs(30);

/// The message gateway's signing name.
const MESSAGES: &str = "ssmmessages";

/// Answers one request.
pub(super) async fn answer<B>(
    service: Arc<Service>,
    over_tls: bool,
    mut request: Request<B>,
) -> Answer
where
    B: Body,
    B::Error: Into<Box<dyn Error + Send + Sync>>,
{
    let upgrade = hyper::upgrade::on(&mut request);
    let (parts, body) = request.into_parts();
    let body = match read(body, BODY_TIME).await {
        Ok(body) => body,
        Err(refusal) => return refusal,
    };
    let path = parts.uri.path().to_owned();
    if let Some(request) = cloud::Request::read(&parts, &body) {
        return cloud_call(&service, over_tls, &parts, &body, &request).await;
    }
    if let Some(operation) = open::Operation::of(&parts) {
        return open_call(&service, over_tls, &parts, &body, operation).await;
    }
    let mut segments = path.trim_start_matches('/').splitn(3, '/');
    let segments = (segments.next(), segments.next(), segments.next());
    match (&parts.method, segments) {
        (&Method::POST, (Some(""), None, None)) => call(&service, over_tls, &parts, body).await,
        (method, (Some("_lab"), Some(name), None)) => {
            controls::answer(&service, method, (name, parts.uri.query()), &body)
        }
        (&Method::POST, (Some("v1"), Some(kind), Some(id))) => {
            create_channel(&service, &parts, &body, kind, id)
        }
        (&Method::GET, (Some("v1"), Some(kind), Some(id))) => {
            open_channel(&service, over_tls, &parts, upgrade, kind, id)
        }
        _ => text(StatusCode::NOT_FOUND, "nothing here\n"),
    }
}

/// Reads a body within its bounds. One that announces too much is not read at all.
async fn read<B>(body: B, time: Duration) -> Result<Bytes, Answer>
where
    B: Body,
    B::Error: Into<Box<dyn Error + Send + Sync>>,
{
    let too_large = || text(StatusCode::PAYLOAD_TOO_LARGE, "body too large\n");
    if body.size_hint().lower() > BODY_LIMIT as u64 {
        return Err(too_large());
    }
    match timeout(time, Limited::new(body, BODY_LIMIT).collect()).await {
        Ok(Ok(body)) => Ok(body.to_bytes()),
        Ok(Err(error)) if error.is::<LengthLimitError>() => Err(too_large()),
        Ok(Err(error)) => {
            debug!(error, "no body");
            Err(text(StatusCode::BAD_REQUEST, "body broken off\n"))
        }
        Err(_) => Err(text(StatusCode::REQUEST_TIMEOUT, "body too slow\n")),
    }
}

/// Answers an API call, and holds it when it is the one that is to be held. A client that goes
/// away drops all of it.
async fn counted<T>(
    service: &Service,
    operation: &str,
    continues: bool,
    answer: impl Future<Output = T>,
) -> T {
    let arrived = service.calls.arrived(operation, continues);
    let held = service.faults.cloud.takes_hold(operation);
    if let Some(held) = held.as_ref().filter(|held| held.when == When::Before) {
        service.faults.cloud.wait(held, operation).await;
    }
    let answer = answer.await;
    if let Some(held) = held.as_ref().filter(|held| held.when == When::After) {
        service.faults.cloud.wait(held, operation).await;
    }
    let time = service.faults.cloud.answer();
    if !time.is_zero() {
        tokio::time::sleep(time).await;
    }
    service.calls.answered(arrived);
    answer
}

/// Whether a JSON body asks for a further page of a list.
fn continues(body: &[u8]) -> bool {
    #[derive(serde::Deserialize)]
    struct Page {
        #[serde(rename = "NextToken")]
        next_token: Option<serde::de::IgnoredAny>,
    }
    serde_json::from_slice::<Page>(body).is_ok_and(|page| page.next_token.is_some())
}

/// A call of the control plane.
async fn cloud_call(
    service: &Arc<Service>,
    over_tls: bool,
    parts: &Parts,
    body: &[u8],
    request: &cloud::Request,
) -> Answer {
    let request_id = service.entropy.uuid().to_string();
    let answered = counted(service, &request.operation, request.continues(), async {
        let caller = if request.is_unsigned() {
            Ok(Caller::nobody())
        } else {
            authenticate::caller(service, parts, body, request.target.name)
        };
        cloud::answer_request(service, request, over_tls, caller, &request_id)
    });
    reply(answered.await, &request_id)
}

/// A call that needs no signature.
async fn open_call(
    service: &Arc<Service>,
    over_tls: bool,
    parts: &Parts,
    body: &[u8],
    operation: open::Operation,
) -> Answer {
    let request_id = service.entropy.uuid().to_string();
    // As the caller names it: proofs are about the URL that he has called.
    let host = parts.headers.get(HOST).and_then(|host| host.to_str().ok()).unwrap_or_default();
    let base = format!("{}://{host}", if over_tls { "https" } else { "http" });
    let answered = counted(service, operation.0, false, async {
        if service.faults.is_down() {
            return Err(operation.unable(&ApiError::unavailable()));
        }
        if service.faults.takes_throttle() {
            return Err(operation.unable(&ApiError::throttled()));
        }
        let query = cloud::Params::parse(parts.uri.query().unwrap_or_default().as_bytes());
        let (headers, path) = (&parts.headers, parts.uri.path());
        operation.call(&open::Call { service, base: &base, headers, query, path, body })
    });
    match answered.await {
        Ok(open::Given::Json(value)) => given_json(&value, &request_id),
        Ok(open::Given::Text(content)) => text(StatusCode::OK, content),
        Ok(open::Given::Token(token, life)) => metadata_token(token, life),
        Err(open::Refused { status, code, body }) => {
            debug!(operation = operation.0, status, code, "refused");
            refused_json(status, code, &body, &request_id)
        }
    }
}

/// A call of the SSM API, by the operation in `X-Amz-Target`.
async fn call(service: &Arc<Service>, over_tls: bool, parts: &Parts, body: Bytes) -> Answer {
    let request_id = service.entropy.uuid().to_string();
    let target = parts.headers.get("x-amz-target").and_then(|value| value.to_str().ok());
    let (prefix, operation) = target.and_then(|t| t.split_once('.')).unwrap_or_default();
    let answer = counted(service, operation, continues(&body), async {
        if service.faults.is_down() {
            return Err(ApiError::unavailable());
        }
        if let Some(status) = service.faults.cloud.fails(operation) {
            return Err(ApiError::internal(status));
        }
        if service.faults.takes_throttle() {
            return Err(ApiError::throttled());
        }
        let credential = api::credential(prefix, operation)
            .ok_or_else(|| ApiError::common("UnknownOperationException", ""))?;
        let caller = match credential {
            Credential::None => Caller::instance(String::new()),
            Credential::ManagedInstance => Caller::instance(authenticate::managed_instance(parts)?),
            Credential::Signature(name) => authenticate::caller(service, parts, &body, name)?,
        };
        let context = Context { service, caller, over_tls };
        api::call(&context, operation, &body).await
    });
    match answer.await {
        Ok(answer) => amz_json(&answer, &request_id),
        Err(error) => {
            debug!(operation, code = error.code, message = error.message, "refused");
            error.to_json(&request_id)
        }
    }
}

/// `CreateControlChannel` or `CreateDataChannel`: a token for the websocket of the same path.
fn create_channel(service: &Service, parts: &Parts, body: &[u8], kind: &str, id: &str) -> Answer {
    let request_id = service.entropy.uuid().to_string();
    if service.faults.is_down() {
        return ApiError::unavailable().to_xml(StatusCode::SERVICE_UNAVAILABLE, &request_id);
    }
    if let Err(error) = authenticate::caller(service, parts, body, MESSAGES) {
        return error.to_xml(StatusCode::FORBIDDEN, &request_id);
    }
    let token = service.entropy.secret(96);
    let now = service.clock.elapsed();
    let name = match kind {
        "control-channel" => {
            service
                .instance_or_new(id, |instance| instance.control_token.0.issue(token.clone(), now));
            "CreateControlChannelResponse"
        }
        "data-channel" => {
            let Some(session) = service.session(id) else {
                let error = ApiError::common("ResourceNotFoundException", "Session does not exist");
                return error.to_xml(StatusCode::NOT_FOUND, &request_id);
            };
            if session.is_over() {
                let message = "Session is already terminated";
                let error = ApiError::common("InvalidRequestException", message);
                return error.to_xml(StatusCode::BAD_REQUEST, &request_id);
            }
            session.status().agent_token.issue(token.clone(), now);
            "CreateDataChannelResponse"
        }
        _ => return text(StatusCode::NOT_FOUND, "nothing here\n"),
    };
    let body = format!(
        "<{name}><MessageSchemaVersion>1.0</MessageSchemaVersion>\
         <TokenValue>{}</TokenValue></{name}>",
        escaped(&token)
    );
    // Agents take 201 and nothing else.
    xml(StatusCode::CREATED, body, &request_id)
}

/// Refuses a signed upgrade that its signer may not make: policies allow data channels by the
/// session, and have nothing to tell control channels apart by.
///
/// <https://docs.aws.amazon.com/systems-manager/latest/userguide/getting-started-restrict-access-quickstart.html>
fn may_open(
    service: &Arc<Service>,
    over_tls: bool,
    parts: &Parts,
    kind: &str,
    id: &str,
) -> Result<(), ApiError> {
    let caller = authenticate::caller(service, parts, b"", MESSAGES)?;
    let context = Context { service, caller, over_tls };
    if kind == "data-channel" {
        let session = format!("arn:aws:ssm:{REGION}:{ACCOUNT}:session/{id}");
        api::allowed(&context, "ssmmessages:OpenDataChannel", &session)
    } else {
        let all = format!("arn:aws:ssmmessages:{REGION}:{ACCOUNT}:*");
        api::allowed(&context, "ssmmessages:OpenControlChannel", &all)
    }
}

/// The websocket of a channel. An unsigned upgrade is let in, as the service does: the token in
/// the first frame decides.
fn open_channel(
    service: &Arc<Service>,
    over_tls: bool,
    parts: &Parts,
    upgrade: OnUpgrade,
    kind: &str,
    id: &str,
) -> Answer {
    if !upgrade::is_wanted(&parts.headers) {
        return text(StatusCode::UPGRADE_REQUIRED, "a websocket is expected here\n");
    }
    if service.faults.is_down() {
        return text(StatusCode::SERVICE_UNAVAILABLE, "the gateway is down\n");
    }
    if parts.headers.contains_key(AUTHORIZATION)
        && let Err(error) = may_open(service, over_tls, parts, kind, id)
    {
        let request_id = service.entropy.uuid().to_string();
        return error.to_xml(StatusCode::FORBIDDEN, &request_id);
    }
    let (service, stop) = (Arc::clone(service), service.stop.clone());
    let tasks = service.tasks.clone();
    match kind {
        "control-channel" => {
            let id = id.to_owned();
            let channel = async move {
                if let Some(websocket) = upgrade::websocket(upgrade).await {
                    serve_control_channel(service, id, websocket).await;
                }
            };
            tasks.spawn(async move { stop.run_until_cancelled(channel).await });
        }
        "data-channel" => {
            if let Some(status) = service.faults.refused_upgrade() {
                let status = StatusCode::from_u16(status).unwrap_or(StatusCode::FORBIDDEN);
                return text(status, "refused\n");
            }
            let Some(session) = service.session(id) else {
                return text(StatusCode::NOT_FOUND, "no such session\n");
            };
            let channel = async move {
                if let Some(websocket) = upgrade::websocket(upgrade).await {
                    let _open = service.data_websocket();
                    serve_data_channel(Arc::clone(&service), session, websocket).await;
                }
            };
            tasks.spawn(async move { stop.run_until_cancelled(channel).await });
        }
        _ => return text(StatusCode::NOT_FOUND, "nothing here\n"),
    }
    upgrade::switching(&parts.headers)
}

#[cfg(test)]
mod tests {
    use std::convert::Infallible;

    use futures_util::{StreamExt, stream};
    use http_body_util::StreamBody;
    use hyper::body::Frame;

    use super::*;

    #[tokio::test]
    async fn a_body_that_does_not_come_is_not_waited_for() {
        let start = stream::iter([Ok::<_, Infallible>(Frame::data(Bytes::from_static(b"{")))]);
        let body = StreamBody::new(start.chain(stream::pending()));
        let refusal = read(body, Duration::from_millis(1)).await.expect_err("a refusal");
        assert_eq!(refusal.status(), StatusCode::REQUEST_TIMEOUT);
    }
}
