//! Where containers get the credentials of their role, with a token that only they have.
//!
//! <https://docs.aws.amazon.com/sdkref/latest/guide/feature-container-credentials.html>

use std::time::Duration;

use serde_json::json;

use super::{Call, Given, Outcome, Refused};
use crate::cloud::state::iso;
use crate::cloud::sts::{by_service, issue};

/// Below it are the names of containers.
pub(super) const PATH: &str = "/_lab/container-credentials/";

const LIFE: Duration = Duration::from_hours(6);

fn refuse(status: u16, code: &'static str, message: &str) -> Refused {
    Refused { status, code: None, body: json!({ "code": code, "message": message }) }
}

pub(super) fn credentials(call: &Call<'_>) -> Outcome {
    let name = call.path.trim_start_matches(PATH);
    let container = call.service.open().containers.get(name).cloned();
    let container =
        container.ok_or_else(|| refuse(404, "ResourceNotFound", "There is no such container."))?;
    if call.header("authorization") != Some(container.token.as_str()) {
        return Err(refuse(401, "Unauthorized", "The authorization token is not the container's."));
    }
    let caller = by_service(call.service, "ecs-tasks.amazonaws.com", &container.role, name);
    let caller = caller.ok_or_else(|| {
        refuse(403, "AccessDenied", "ecs-tasks.amazonaws.com cannot assume the role.")
    })?;
    let issued = issue(call.service, caller, LIFE);
    Ok(Given::Json(json!({
        "RoleArn": container.role,
        "AccessKeyId": issued.key_id,
        "SecretAccessKey": issued.secret,
        "Token": issued.token,
        "Expiration": iso(issued.expires),
    })))
}
