//! The portal of single sign-on: accounts, roles, and credentials of a role.
//!
//! <https://docs.aws.amazon.com/singlesignon/latest/PortalAPIReference/Welcome.html>

use std::time::Duration;

use serde_json::{Value, json};

use super::store::{Assignment, State, Token};
use super::{Call, Given, Outcome, Refused, whole};
use crate::cloud::iam;
use crate::cloud::iam::direct::{self, Policies};
use crate::cloud::protocol::Page;
use crate::cloud::sts::issue;
use crate::identity::{Caller, Principal, Session};
use crate::service::{ACCOUNT, Service};

/// The path of the roles that the service makes.
const PATH: &str = "/aws-reserved/sso.amazonaws.com/";

fn refuse(status: u16, code: &'static str, message: &str) -> Refused {
    Refused { status, code: Some(code), body: json!({ "message": message }) }
}

/// The token of a call.
fn token(call: &Call<'_>, state: &State) -> Result<Token, Refused> {
    let now = call.service.clock.unix();
    let token = call.header("x-amz-sso_bearer_token").and_then(|text| state.tokens.get(text));
    let token = token.filter(|token| token.expires > now);
    let refuse = || refuse(401, "UnauthorizedException", "Session token not found or invalid");
    token.cloned().ok_or_else(refuse)
}

fn required<'a>(call: &'a Call<'_>, member: &str) -> Result<&'a str, Refused> {
    let text = call.query.get(member).filter(|text| !text.is_empty());
    text.ok_or_else(|| refuse(400, "InvalidRequestException", &format!("{member} is missing")))
}

/// <https://docs.aws.amazon.com/singlesignon/latest/PortalAPIReference/API_GetRoleCredentials.html>
pub(super) fn credentials(call: &Call<'_>) -> Outcome {
    let service = call.service;
    let assignment = {
        let state = service.open();
        let token = token(call, &state)?;
        let (account, role) = (required(call, "account_id")?, required(call, "role_name")?);
        let is = |one: &&Assignment| {
            (one.user.as_str(), one.account.as_str(), one.role.as_str())
                == (&token.user, account, role)
        };
        state.assignments.iter().find(is).cloned()
    };
    let no_access = || refuse(403, "ForbiddenException", "No access");
    let assignment = assignment.ok_or_else(no_access)?;
    let caller = caller(service, &assignment).ok_or_else(no_access)?;
    let issued = issue(service, caller, assignment.life);
    Ok(Given::Json(json!({
        "roleCredentials": {
            "accessKeyId": issued.key_id,
            "secretAccessKey": issued.secret,
            "sessionToken": issued.token,
            "expiration": whole(issued.expires.as_millis()),
        },
    })))
}

fn caller(service: &Service, assignment: &Assignment) -> Option<Caller> {
    let Assignment { user, account, name, .. } = assignment;
    let session = Session { issued: service.clock.unix(), ..Session::default() };
    let arn = format!("arn:aws:iam::{account}:role{PATH}{name}");
    if account == ACCOUNT {
        let role = iam::role(&service.cloud().iam, &arn)?;
        return Some(Caller::role(&role.name, &role.arn, &role.id, user, session));
    }
    Some(Caller {
        arn: format!("arn:aws:sts::{account}:assumed-role/{name}/{user}"),
        user_id: format!("AROA{}:{user}", &name.to_ascii_uppercase()[name.len() - 16..]),
        account: account.clone(),
        principal: Principal::Elsewhere { arn },
        session: Some(session),
    })
}

/// A page of a list, with the token of the next.
fn page(call: &Call<'_>, name: &str, list: Vec<Value>) -> Outcome {
    let invalid = |text: &str| refuse(400, "InvalidRequestException", text);
    let most = call.query.get("max_result").map_or(Ok(100), str::parse);
    let most = most.ok().filter(|most| (1..=100).contains(most));
    let most = most.ok_or_else(|| invalid("max_result is from 1 to 100"))?;
    let page = Page::new(call.service, most, call.query.get("next_token"));
    let (list, next) = page.ok_or_else(|| invalid("Invalid next_token"))?.of(list);
    Ok(Given::Json(json!({ name: list, "nextToken": next })))
}

/// <https://docs.aws.amazon.com/singlesignon/latest/PortalAPIReference/API_ListAccounts.html>
pub(super) fn accounts(call: &Call<'_>) -> Outcome {
    let list = {
        let state = call.service.open();
        let user = token(call, &state)?.user;
        let his = state.assignments.iter().filter(|one| one.user == user);
        let mut accounts: Vec<_> = his.map(|one| one.account.clone()).collect();
        accounts.sort();
        accounts.dedup();
        accounts
    };
    let list = list.into_iter().map(|account| {
        let name = if account == ACCOUNT { "lab" } else { "elsewhere" };
        let mail = format!("{name}@example.com");
        json!({ "accountId": account, "accountName": name, "emailAddress": mail })
    });
    page(call, "accountList", list.collect())
}

/// <https://docs.aws.amazon.com/singlesignon/latest/PortalAPIReference/API_ListAccountRoles.html>
pub(super) fn roles(call: &Call<'_>) -> Outcome {
    let list = {
        let state = call.service.open();
        let user = token(call, &state)?.user;
        let account = required(call, "account_id")?;
        let his = state.assignments.iter();
        let his = his.filter(|one| one.user == user && one.account == account);
        his.map(|one| json!({ "roleName": one.role, "accountId": account })).collect()
    };
    page(call, "roleList", list)
}

/// Ends a login: its tokens are worthless. Credentials of roles stay until they expire.
///
/// <https://docs.aws.amazon.com/singlesignon/latest/PortalAPIReference/API_Logout.html>
pub(super) fn logout(call: &Call<'_>) -> Outcome {
    let mut state = call.service.open();
    let Token { user, session, .. } = token(call, &state)?;
    let is_other = |token: &Token| (&token.user, token.session) != (&user, session);
    state.tokens.retain(|_, token| is_other(token));
    state.refreshes.retain(|_, token| is_other(token));
    Ok(Given::Text(String::new()))
}

/// Lets a user be a role in an account; gives the role's ARN.
pub(crate) fn assign(
    service: &Service,
    user: &str,
    account: &str,
    role: &str,
    life: Duration,
    policies: Policies,
) -> Result<String, String> {
    if account.len() != 12 || !account.bytes().all(|byte| byte.is_ascii_digit()) {
        return Err(format!("{account:?} is no account"));
    }
    let known = service
        .open()
        .assignments
        .iter()
        .find(|one| one.role == role && one.account == account)
        .map(|one| one.name.clone());
    let name =
        known.unwrap_or_else(|| format!("AWSReservedSSO_{role}_{}", service.entropy.hex(16)));
    let mut arn = format!("arn:aws:iam::{account}:role{PATH}{name}");
    if account == ACCOUNT {
        let provider = format!("arn:aws:iam::{ACCOUNT}:saml-provider/AWSSSO_lab_DO_NOT_DELETE");
        let trust = json!({
            "Version": "2012-10-17",
            "Statement": [{
                "Effect": "Allow",
                "Principal": { "Federated": provider },
                "Action": ["sts:AssumeRoleWithSAML", "sts:TagSession"],
            }],
        });
        arn = direct::put_role(service, (PATH, &name), trust.to_string(), 43_200, policies)?;
    }
    let mut state = service.open();
    state.assignments.retain(|one| {
        (one.user.as_str(), one.account.as_str(), one.role.as_str()) != (user, account, role)
    });
    let (user, account, role) = (user.to_owned(), account.to_owned(), role.to_owned());
    state.assignments.push(Assignment { user, account, role, name, life });
    Ok(arn)
}

/// Ends everything that a user has signed in to; false when there was nothing.
pub(crate) fn revoke(service: &Service, user: &str) -> bool {
    let mut state = service.open();
    let before = state.tokens.len() + state.refreshes.len();
    state.tokens.retain(|_, token| token.user != user);
    state.refreshes.retain(|_, token| token.user != user);
    before > state.tokens.len() + state.refreshes.len()
}
