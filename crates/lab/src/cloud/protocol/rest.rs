//! REST with JSON bodies: method and path are the operation, errors name themselves in a header.

use serde_json::{Value, json};

use super::{CloudError, Reply};

const CONTENT_TYPE: &str = "application/json";

pub(super) fn render(outcome: Result<Value, CloudError>) -> Reply {
    match outcome {
        Ok(value) => Reply::new(200, CONTENT_TYPE, value.to_string()),
        Err(error) => {
            let body = json!({ "message": error.message });
            let mut reply = Reply::new(error.status, CONTENT_TYPE, body.to_string());
            reply.error_type = Some(error.code);
            reply
        }
    }
}
