use std::time::SystemTime;

use adit_lab::Lab;
use aws_credential_types::Credentials;
use aws_sigv4::http_request::{SignableBody, SignableRequest, SigningSettings, sign};
use aws_sigv4::sign::v4;
use bytes::Bytes;
use http::{HeaderMap, Method, Request, Response};
use http_body_util::{BodyExt, Full};
use hyper_util::rt::TokioIo;
use serde_json::{Value, json};
use tokio::net::TcpStream;

/// Who signs, for which service, and when.
#[derive(Clone)]
pub(crate) struct Signer {
    pub(crate) access_key_id: String,
    pub(crate) secret: String,
    pub(crate) token: Option<String>,
    pub(crate) region: &'static str,
    pub(crate) service: &'static str,
    pub(crate) time: SystemTime,
}

impl Signer {
    /// The lab's own credentials.
    pub(crate) fn of(lab: &Lab, service: &'static str) -> Self {
        let credentials = lab.credentials();
        Self {
            access_key_id: credentials.access_key_id.clone(),
            secret: credentials.secret_access_key.clone(),
            token: None,
            region: "us-east-1",
            service,
            time: SystemTime::now(),
        }
    }

    /// Adds the headers of a signature to a request, by the SDK's own signer.
    pub(crate) fn sign(&self, request: &mut Request<Bytes>) {
        let credentials = Credentials::new(
            self.access_key_id.clone(),
            self.secret.clone(),
            self.token.clone(),
            None,
            "test",
        );
        let identity = credentials.into();
        let params = v4::SigningParams::builder()
            .identity(&identity)
            .region(self.region)
            .name(self.service)
            .time(self.time)
            .settings(SigningSettings::default())
            .build()
            .expect("signing parameters");
        let headers = request
            .headers()
            .iter()
            .map(|(name, value)| (name.as_str(), value.to_str().expect("a text header")));
        let uri = format!("http://{}{}", host(request.headers()), request.uri());
        let body = SignableBody::Bytes(request.body());
        let signable = SignableRequest::new(request.method().as_str(), uri, headers, body);
        let output =
            sign(signable.expect("a signable request"), &params.into()).expect("a signature");
        output.into_parts().0.apply_to_request_http1x(request);
    }
}

fn host(headers: &HeaderMap) -> &str {
    headers["host"].to_str().expect("a host")
}

/// A request to a lab, not signed yet.
pub(crate) fn request(
    lab: &Lab,
    method: Method,
    path: &str,
    body: impl Into<Bytes>,
) -> Request<Bytes> {
    let host = lab.endpoint().replace("http://", "");
    let mut request = Request::new(body.into());
    *request.method_mut() = method;
    *request.uri_mut() = path.parse().expect("a path");
    request.headers_mut().insert("host", host.parse().expect("a header"));
    request
}

/// A call of the SSM API, not signed yet.
pub(crate) fn operation(lab: &Lab, target: &str, body: &Value) -> Request<Bytes> {
    let mut request = request(lab, Method::POST, "/", body.to_string());
    let headers = request.headers_mut();
    headers.insert("x-amz-target", target.parse().expect("a header"));
    headers.insert("content-type", "application/x-amz-json-1.1".parse().expect("a header"));
    request
}

/// Sends a request on a connection of its own.
pub(crate) async fn send(request: Request<Bytes>) -> Response<Bytes> {
    let tcp = TcpStream::connect(host(request.headers())).await.expect("a connection");
    send_on(tcp, request).await
}

/// Sends a request on this connection.
pub(crate) async fn send_on<S>(stream: S, request: Request<Bytes>) -> Response<Bytes>
where
    S: tokio::io::AsyncRead + tokio::io::AsyncWrite + Unpin + Send + 'static,
{
    let (mut sender, connection) =
        hyper::client::conn::http1::handshake(TokioIo::new(stream)).await.expect("HTTP");
    tokio::spawn(connection);
    let response = sender.send_request(request.map(Full::new)).await.expect("an answer");
    let (parts, body) = response.into_parts();
    Response::from_parts(parts, body.collect().await.expect("a body").to_bytes())
}

/// An answer's status and JSON.
pub(crate) fn json_of(response: &Response<Bytes>) -> (u16, Value) {
    let body = serde_json::from_slice(response.body()).expect("JSON");
    (response.status().as_u16(), body)
}

/// Calls an operation, signed with the lab's credentials.
pub(crate) async fn call(lab: &Lab, operation_name: &str, body: Value) -> (u16, Value) {
    let mut request = operation(lab, &format!("AmazonSSM.{operation_name}"), &body);
    Signer::of(lab, "ssm").sign(&mut request);
    json_of(&send(request).await)
}

/// The same, which has to be answered.
pub(crate) async fn answered(lab: &Lab, operation_name: &str, body: Value) -> Value {
    let (status, answer) = call(lab, operation_name, body).await;
    assert_eq!(status, 200, "{answer}");
    answer
}

/// The same, which has to be refused; gives the exception's name and the whole body.
pub(crate) async fn refused(lab: &Lab, operation_name: &str, body: Value) -> (String, String) {
    let (status, answer) = call(lab, operation_name, body).await;
    assert_eq!(status, 400, "{answer}");
    let text = |member: &str| answer[member].as_str().map(str::to_owned);
    let message = text("Message").or_else(|| text("message")).unwrap_or_default();
    (text("__type").expect("a type"), message)
}

/// Posts to one of the lab's own controls.
pub(crate) async fn control(lab: &Lab, name: &str, body: &Value) -> (u16, String) {
    let path = format!("/_lab/{name}");
    let response = send(request(lab, Method::POST, &path, body.to_string())).await;
    let text = String::from_utf8(response.body().to_vec()).expect("UTF-8");
    (response.status().as_u16(), text)
}

/// Makes a fault, which has to work.
pub(crate) async fn fault(lab: &Lab, body: Value) {
    assert_eq!(control(lab, "faults", &body).await, (200, json!({}).to_string()));
}

/// Calls an operation of a service with JSON bodies; gives the status and the body.
pub(crate) async fn call_json(
    lab: &Lab,
    service: &'static str,
    target: &str,
    body: Value,
) -> (u16, Value) {
    call_json_as(lab, &Signer::of(lab, service), target, body).await
}

/// The same, signed by somebody.
pub(crate) async fn call_json_as(
    lab: &Lab,
    signer: &Signer,
    target: &str,
    body: Value,
) -> (u16, Value) {
    let mut request = operation(lab, target, &body);
    signer.sign(&mut request);
    json_of(&send(request).await)
}

/// Calls a service whose operations are methods and paths; gives the status, the exception's name
/// and the body.
pub(crate) async fn call_rest(
    lab: &Lab,
    service: &'static str,
    method: Method,
    path: &str,
    body: Value,
) -> (u16, String, Value) {
    let mut request = request(lab, method, path, body.to_string());
    Signer::of(lab, service).sign(&mut request);
    let response = send(request).await;
    let name = response.headers().get("x-amzn-errortype");
    let name = name.map_or("", |name| name.to_str().expect("a text header")).to_owned();
    let (status, body) = json_of(&response);
    (status, name, body)
}
