use std::sync::Arc;

use http::{Method, StatusCode};

use super::answer::{Answer, html, plain_json, text};
use crate::controls;
use crate::open;
use crate::service::Service;

/// Answers what is below `/_lab/`.
pub(super) fn answer(
    service: &Arc<Service>,
    method: &Method,
    (name, query): (&str, Option<&str>),
    body: &[u8],
) -> Answer {
    if (name, method) == ("state", &Method::GET) {
        return plain_json(&service.snapshot());
    }
    if (name, method) == ("sso-device", &Method::GET) {
        let query = query.unwrap_or_default();
        let code = query.strip_prefix("user_code=").unwrap_or_default();
        return html(open::page(code));
    }
    let wrong_method = || text(StatusCode::METHOD_NOT_ALLOWED, "not that method\n");
    if name == "state" {
        return wrong_method();
    }
    if method != Method::POST && controls::is_known(name) {
        return wrong_method();
    }
    match controls::call(service, name, body) {
        Some(Ok(answer)) => plain_json(&answer),
        Some(Err(why)) => text(StatusCode::BAD_REQUEST, format!("{why}\n")),
        None => {
            let names = controls::NAMES.join(", ");
            text(StatusCode::NOT_FOUND, format!("known are state, {names}\n"))
        }
    }
}
