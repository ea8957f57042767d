use jiff::Timestamp;
use serde::Deserialize;
use serde_json::{Value, json};

use super::filter::Filter;
use super::page::Page;
use super::{Answer, Context, required};
use crate::gateway::session::Session;
use crate::http::ApiError;
use crate::service::Service;

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct DescribeSessions {
    state: Option<String>,
    #[serde(default)]
    filters: Vec<Filter>,
    max_results: Option<i64>,
    next_token: Option<String>,
}

/// What sessions can be filtered by.
const KEYS: [&str; 7] =
    ["InvokedAfter", "InvokedBefore", "Target", "Owner", "Status", "SessionId", "AccessType"];

/// Lists sessions, newest first.
pub(super) fn describe_sessions(context: &Context<'_>, request: &DescribeSessions) -> Answer {
    let over = match required("state", request.state.as_deref())? {
        "Active" => false,
        "History" => true,
        other => {
            let constraint = "Member must satisfy enum value set: [Active, History]";
            return Err(ApiError::constraint("state", &format!("'{other}'"), constraint));
        }
    };
    let page = Page::new(request.max_results, request.next_token.as_deref(), (1, 200))?
        .within(context.service);
    check(&request.filters)?;
    let mut sessions = Vec::new();
    for session in context.service.sessions().iter().rev() {
        let wanted = request.filters.iter().all(|filter| matches(filter, session));
        if wanted && session.is_over() == over {
            sessions.push(describe(session));
        }
    }
    let (sessions, next) = page.of(sessions);
    let mut answer = json!({ "Sessions": sessions });
    if let Some(next) = next {
        answer["NextToken"] = next.into();
    }
    Ok(answer)
}

/// Refuses filters that mean nothing, whether or not there is a session to look at.
fn check(filters: &[Filter]) -> Result<(), ApiError> {
    for filter in filters {
        let key = filter.key.as_str();
        if !KEYS.contains(&key) {
            let constraint = format!("Member must satisfy enum value set: [{}]", KEYS.join(", "));
            return Err(ApiError::constraint("filters.key", &format!("'{key}'"), &constraint));
        }
        if key.starts_with("Invoked")
            && let Some(other) = filter.values().find(|value| instant(value).is_none())
        {
            let message = format!("'{other}' is not a date.");
            return Err(ApiError::of_model("InvalidFilterKey", message));
        }
    }
    Ok(())
}

fn instant(value: &str) -> Option<i128> {
    value.parse::<Timestamp>().ok().map(|at| at.as_millisecond().into())
}

fn matches(filter: &Filter, session: &Session) -> bool {
    let started = i128::try_from(session.started_unix.as_millis()).unwrap_or(i128::MAX);
    let mut instants = filter.values().filter_map(instant);
    match filter.key.as_str() {
        "Target" => filter.matches(&session.target),
        "Owner" => filter.matches(&session.owner),
        "Status" => filter.matches(session.state()),
        "SessionId" => filter.matches(&session.id),
        "AccessType" => filter.matches("Standard"),
        "InvokedAfter" => instants.all(|at| started >= at),
        "InvokedBefore" => instants.all(|at| started <= at),
        _ => false,
    }
}

fn describe(session: &Session) -> Value {
    let mut out = json!({
        "SessionId": session.id,
        "Target": session.target,
        "Status": session.state(),
        "StartDate": Service::timestamp(session.started_unix),
        "DocumentName": session.document,
        "Owner": session.owner,
        "Details": "",
        "OutputUrl": {},
    });
    if let Some(ended) = session.status().ended_unix {
        out["EndDate"] = Service::timestamp(ended).into();
    }
    if let Some(reason) = &session.reason {
        out["Reason"] = reason.as_str().into();
    }
    out
}
