//! STS: who calls, and credentials for a while.

mod assume;
mod issue;
mod web_identity;

use std::time::Duration;

use super::{Call, CloudError, Element, Outcome, Params, answer, iam};
use crate::identity::{Caller, Session};
use crate::policy::{Policy, managed};
use crate::service::{ACCOUNT, Service};

pub(crate) use assume::by_service;
pub(crate) use issue::{Issued, issue};
pub(crate) use web_identity::token as web_identity_token;

/// Letters of a session policy.
const MOST_POLICY: usize = 2048;

/// Managed policies that can narrow a session.
const MOST_POLICIES: usize = 10;

pub(crate) fn call(call: &Call<'_>) -> Outcome {
    match call.operation {
        "GetCallerIdentity" => Ok(identity(call.caller)),
        "GetSessionToken" => session_token(call),
        "GetAccessKeyInfo" => key_info(call),
        "AssumeRole" => assume::assume_role(call),
        "AssumeRoleWithWebIdentity" => web_identity::assume_role(call),
        _ => Err(call.unknown()),
    }
}

/// Whether an operation is called without a signature.
pub(crate) fn is_unsigned(operation: &str) -> bool {
    operation == "AssumeRoleWithWebIdentity"
}

fn identity(caller: &Caller) -> Element {
    answer()
        .text("UserId", &caller.user_id)
        .text("Account", &caller.account)
        .text("Arn", &caller.arn)
}

fn denied(message: impl Into<String>) -> CloudError {
    CloudError::new(403, "AccessDenied", message)
}

/// <https://docs.aws.amazon.com/STS/latest/APIReference/API_GetSessionToken.html>
fn session_token(call: &Call<'_>) -> Outcome {
    let (service, params) = (call.service, call.params);
    if call.caller.session.is_some() {
        return Err(denied("Cannot call GetSessionToken with session credentials"));
    }
    let life = duration(params, 43_200, 129_600)?;
    let now = service.clock.unix();
    let (serial, code) = (params.get("SerialNumber"), params.get("TokenCode"));
    let mfa = iam::devices::check_code(&mut service.cloud().iam, call.caller, serial, code, now)?;
    let session = Session { issued: now, mfa: mfa.then_some(now), ..Session::default() };
    let caller = Caller { session: Some(session), ..call.caller.clone() };
    Ok(answer().with(issue(service, caller, life).element()))
}

/// Every account may ask whose a key is.
fn key_info(call: &Call<'_>) -> Outcome {
    let id = iam::required(call.params, "AccessKeyId")?;
    if call.service.keys.get(id).is_none() {
        let message = "The specified value for accessKeyId is invalid.";
        return Err(CloudError::refuse("ValidationError", message));
    }
    Ok(answer().text("Account", ACCOUNT))
}

/// How long credentials are to last.
fn duration(params: &Params, usual: u64, most: u64) -> Result<Duration, CloudError> {
    let seconds: u64 = params.number("DurationSeconds")?.unwrap_or(usual);
    let (word, limit) = if seconds < 900 { ("greater", 900) } else { ("less", most) };
    if (900..=most).contains(&seconds) {
        return Ok(Duration::from_secs(seconds));
    }
    let wanted = format!("Member must have value {word} than or equal to {limit}");
    Err(iam::constraint("DurationSeconds", &format!("'{seconds}'"), &wanted))
}

/// What a session is narrowed to: the policy of a call, and the managed ones that it names.
fn session_policies(params: &Params) -> Result<Vec<Policy>, CloudError> {
    let mut policies = Vec::new();
    if let Some(document) = params.get("Policy") {
        let len = document.chars().count();
        if !(1..=MOST_POLICY).contains(&len) {
            let (word, limit) = if len == 0 { ("greater", 1) } else { ("less", MOST_POLICY) };
            let wanted = format!("Member must have length {word} than or equal to {limit}");
            return Err(iam::constraint("Policy", &format!("'{document}'"), &wanted));
        }
        policies.push(Policy::identity(document).map_err(iam::malformed)?);
    }
    let arns: Vec<_> = params.list("PolicyArns");
    if arns.len() > MOST_POLICIES {
        let wanted = format!("Member must have length less than or equal to {MOST_POLICIES}");
        return Err(iam::constraint("PolicyArns", "list", &wanted));
    }
    for entry in arns {
        let arn = iam::required(entry, "arn")?;
        let document = managed(arn).ok_or_else(|| {
            CloudError::refuse("ValidationError", format!("ARN {arn} is not valid."))
        })?;
        policies.push(Policy::identity(document).map_err(iam::malformed)?);
    }
    Ok(policies)
}

/// A name of 2 to 64 letters, digits and `_+=,.@-`: of a session, or a source identity.
fn name<'a>(params: &'a Params, member: &str) -> Result<Option<&'a str>, CloudError> {
    let Some(name) = params.get(member) else { return Ok(None) };
    let refuse = |wanted: &str| Err(iam::constraint(member, &format!("'{name}'"), wanted));
    if name.len() < 2 {
        return refuse("Member must have length greater than or equal to 2");
    }
    if name.len() > 64 {
        return refuse("Member must have length less than or equal to 64");
    }
    if !name.chars().all(|c| c.is_ascii_alphanumeric() || "_+=,.@-".contains(c)) {
        return refuse(r"Member must satisfy regular expression pattern: [\w+=,.@-]*");
    }
    Ok(Some(name))
}

/// The name of a session, which there has to be.
fn session_name(params: &Params) -> Result<&str, CloudError> {
    let name = name(params, "RoleSessionName")?;
    name.ok_or_else(|| iam::constraint("RoleSessionName", "null", "Member must not be null"))
}

/// How much of the space for a session's policies is taken, in per cent.
fn packed(params: &Params) -> Option<usize> {
    params.get("Policy").map(|document| (document.len() * 100).div_ceil(MOST_POLICY))
}

/// The role of a call. One that is not there is not told from one that may not be assumed.
fn role(service: &Service, params: &Params) -> Result<Option<iam::Assumable>, CloudError> {
    let arn = iam::required(params, "RoleArn")?;
    if !arn.starts_with("arn:") {
        return Err(CloudError::refuse("ValidationError", format!("{arn} is invalid")));
    }
    Ok(iam::role(&service.cloud().iam, arn))
}

/// Refuses a session that is longer than the role allows.
fn check_length(role: &iam::Assumable, life: Duration) -> Result<(), CloudError> {
    if life <= Duration::from_secs(role.max_session.into()) {
        return Ok(());
    }
    let message = "The requested DurationSeconds exceeds the MaxSessionDuration set for this role.";
    Err(CloudError::refuse("ValidationError", message))
}
