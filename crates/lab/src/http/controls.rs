use std::sync::Arc;
use std::time::Duration;

use http::{Method, StatusCode};
use serde::Deserialize;
use serde_json::json;

use super::answer::{Answer, plain_json, text};
use crate::faults::{FaultRequest, Faults};
use crate::service::Service;

/// The body of `POST /_lab/clock`.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct ClockRequest {
    /// How far the lab's clock moves forward, in milliseconds.
    advance_ms: u64,
}

/// Answers what is below `/_lab/`.
pub(super) fn answer(service: &Arc<Service>, method: &Method, name: &str, body: &[u8]) -> Answer {
    match (name, method) {
        ("state", &Method::GET) => plain_json(&service.snapshot()),
        ("faults", &Method::POST) => match serde_json::from_slice::<FaultRequest>(body) {
            Ok(request) => match Faults(Arc::clone(service)).apply(request) {
                Ok(()) => plain_json(&json!({})),
                Err(error) => text(StatusCode::BAD_REQUEST, format!("{error}\n")),
            },
            Err(error) => text(StatusCode::BAD_REQUEST, format!("{error}\n")),
        },
        ("clock", &Method::POST) => match serde_json::from_slice::<ClockRequest>(body) {
            Ok(request) => {
                service.clock.advance(Duration::from_millis(request.advance_ms));
                plain_json(&json!({}))
            }
            Err(error) => text(StatusCode::BAD_REQUEST, format!("{error}\n")),
        },
        ("state" | "faults" | "clock", _) => {
            text(StatusCode::METHOD_NOT_ALLOWED, "not that method\n")
        }
        _ => text(StatusCode::NOT_FOUND, "known are state, faults and clock\n"),
    }
}
