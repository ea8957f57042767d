//! JSON 1.1: the operation is in `X-Amz-Target`, errors name themselves in `__type`.

use serde_json::{Value, json};

use super::{CloudError, Reply};

const CONTENT_TYPE: &str = "application/x-amz-json-1.1";

pub(super) fn render(outcome: Result<Value, CloudError>) -> Reply {
    match outcome {
        Ok(value) => Reply::new(200, CONTENT_TYPE, value.to_string()),
        Err(error) => {
            let body = json!({ "__type": error.code, "message": error.message });
            let mut reply = Reply::new(error.status, CONTENT_TYPE, body.to_string());
            reply.error_type = Some(error.code);
            reply
        }
    }
}
