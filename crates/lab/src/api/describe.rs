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
    let page = Page::new(request.max_results, request.next_token.as_deref(), (1, 200))?;
    let mut sessions = Vec::new();
    for session in context.service.sessions().iter().rev() {
        let mut wanted = session.is_over() == over;
        for filter in &request.filters {
            wanted &= matches(filter, session)?;
        }
        if wanted {
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

fn matches(filter: &Filter, session: &Session) -> Result<bool, ApiError> {
    let started = i128::try_from(session.started_unix.as_millis()).unwrap_or(i128::MAX);
    let instants = || {
        filter.values().map(|value| {
            value.parse::<Timestamp>().map(|at| i128::from(at.as_millisecond())).map_err(|_| {
                ApiError::of_model("InvalidFilterKey", format!("'{value}' is not a date."))
            })
        })
    };
    Ok(match filter.key.as_str() {
        "Target" => filter.matches(&session.target),
        "Owner" => filter.matches(&session.owner),
        "Status" => filter.matches(session.state()),
        "SessionId" => filter.matches(&session.id),
        "AccessType" => filter.matches("Standard"),
        "InvokedAfter" => {
            instants().collect::<Result<Vec<_>, _>>()?.iter().all(|at| started >= *at)
        }
        "InvokedBefore" => {
            instants().collect::<Result<Vec<_>, _>>()?.iter().all(|at| started <= *at)
        }
        other => {
            let constraint = "Member must satisfy enum value set: [InvokedAfter, InvokedBefore, \
                              Target, Owner, Status, SessionId, AccessType]";
            return Err(ApiError::constraint("filters.key", &format!("'{other}'"), constraint));
        }
    })
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
