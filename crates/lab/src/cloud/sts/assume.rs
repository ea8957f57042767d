//! Roles: who may assume one, and for how long.

use std::time::Duration;

use super::{
    check_length, denied, duration, issue, name, packed, role, session_name, session_policies,
};
use crate::cloud::rights::Refusal;
use crate::cloud::{Call, CloudError, Outcome, answer, iam, node, with_tags};
use crate::identity::{Caller, Session};
use crate::policy::{Context, Trust, Who};
use crate::service::Service;

/// The longest session of a role that was assumed with temporary credentials, those of
/// `GetSessionToken` included.
///
/// <https://github.com/mmmorris1975/aws-runas/issues/11>
const CHAINED: Duration = Duration::from_hours(1);

/// <https://docs.aws.amazon.com/STS/latest/APIReference/API_AssumeRole.html>
pub(super) fn assume_role(call: &Call<'_>) -> Outcome {
    let (service, params, caller) = (call.service, call.params, call.caller);
    iam::unknown(params, &["Tags", "TransitiveTagKeys", "ProvidedContexts"])?;
    let called = session_name(params)?;
    let life = duration(params, 3600, 43_200)?;
    let source_identity = name(params, "SourceIdentity")?;
    let external_id = external_id(call)?;
    let policies = session_policies(params)?;
    let role = role(service, params)?;
    let now = service.clock.unix();
    let (serial, code) = (params.get("SerialNumber"), params.get("TokenCode"));
    let mfa = iam::devices::check_code(&mut service.cloud().iam, caller, serial, code, now)?;

    let mut context = call.rights.context().clone();
    context
        .set("sts:RoleSessionName", called)
        .maybe("sts:ExternalId", external_id)
        .maybe("sts:SourceIdentity", source_identity)
        .maybe("sts:DurationSeconds", params.get("DurationSeconds"));
    if mfa {
        context.set("aws:MultiFactorAuthPresent", true).set("aws:MultiFactorAuthAge", 0);
    }
    let resource = iam::required(params, "RoleArn")?;
    let refuse = |action: &str, why: Option<Refusal>| {
        let because = why.map(|why| format!(" {}", why.because(action))).unwrap_or_default();
        denied(format!(
            "User: {} is not authorized to perform: {action} on resource: {resource}{because}",
            caller.arn
        ))
    };
    let role = role.ok_or_else(|| refuse("sts:AssumeRole", None))?;
    let context = with_tags(&service.cloud(), &context, &role.arn);
    allowed(call, &role, "sts:AssumeRole", &context)
        .map_err(|why| refuse("sts:AssumeRole", why))?;

    // Once set, a source identity stays what it was, however many roles come behind.
    // https://docs.aws.amazon.com/IAM/latest/UserGuide/id_credentials_temp_control-access_monitor.html
    let held = caller.session.as_ref().and_then(|session| session.source_identity.as_deref());
    if let (Some(held), Some(wanted)) = (held, source_identity)
        && held != wanted
    {
        return Err(refuse("sts:SetSourceIdentity", None));
    }
    let source_identity = source_identity.or(held);
    if source_identity.is_some() {
        let action = "sts:SetSourceIdentity";
        allowed(call, &role, action, &context).map_err(|why| refuse(action, why))?;
    }
    // What was asked for is compared with the role's own limit first.
    check_length(&role, life)?;
    if caller.session.is_some() && life > CHAINED {
        let message = "The requested DurationSeconds exceeds the 1 hour session limit for roles \
                       assumed by role chaining.";
        return Err(CloudError::refuse("ValidationError", message));
    }
    let source_identity = source_identity.map(str::to_owned);
    let session = Session { issued: now, policies, source_identity, ..Session::default() };
    let assumed = Caller::role(&role.name, &role.arn, &role.id, called, session);
    let user =
        node("AssumedRoleUser").text("AssumedRoleId", &assumed.user_id).text("Arn", &assumed.arn);
    let held = assumed.session.as_ref().and_then(|session| session.source_identity.clone());
    let issued = issue(service, assumed, life);
    Ok(answer()
        .with(issued.element())
        .with(user)
        .maybe("PackedPolicySize", packed(params))
        .maybe("SourceIdentity", held))
}

/// Whether trust policy and caller's own policies together let him do something with a role. The
/// trust policy alone is enough when it names him, within his boundary and his session's policies;
/// where it names the account, his own have to allow it too. A denial in any is one.
///
/// <https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_evaluation-logic_policy-eval-basics-single-account.html>
fn allowed(
    call: &Call<'_>,
    role: &iam::Assumable,
    action: &str,
    context: &Context,
) -> Result<(), Option<Refusal>> {
    let arns = call.caller.arns();
    let trust = role.trust.trusts(&call.caller.who(&arns), action, context);
    let own = if trust == Trust::Named {
        call.rights.refusal_of_named(action, &role.arn, context)
    } else {
        call.rights.refusal_in(action, &role.arn, context)
    };
    match (trust, own) {
        (_, Some(explicit @ Refusal::Explicit(_))) => Err(Some(explicit)),
        (Trust::Denied | Trust::Silent, _) => Err(None),
        (Trust::Account | Trust::Named, Some(missing)) => Err(Some(missing)),
        (Trust::Account | Trust::Named, None) => Ok(()),
    }
}

fn external_id<'a>(call: &'a Call<'_>) -> Result<Option<&'a str>, CloudError> {
    let Some(id) = call.params.get("ExternalId") else { return Ok(None) };
    let refuse = |wanted: &str| Err(iam::constraint("ExternalId", &format!("'{id}'"), wanted));
    if id.len() < 2 {
        return refuse("Member must have length greater than or equal to 2");
    }
    if id.len() > 1224 {
        return refuse("Member must have length less than or equal to 1224");
    }
    if !id.chars().all(|c| c.is_ascii_alphanumeric() || "_+=,.@:/-".contains(c)) {
        return refuse(r"Member must satisfy regular expression pattern: [\w+=,.@:\/-]*");
    }
    Ok(Some(id))
}

/// A session that a service such as `ec2.amazonaws.com` makes of a role for its own.
pub(crate) fn by_service(
    service: &Service,
    principal: &str,
    role_arn: &str,
    called: &str,
) -> Option<Caller> {
    let role = iam::role(&service.cloud().iam, role_arn)?;
    let who = Who::Service(principal);
    let trust = role.trust.trusts(&who, "sts:AssumeRole", &Context::default());
    let session = Session { issued: service.clock.unix(), ..Session::default() };
    (trust == Trust::Named).then(|| Caller::role(&role.name, &role.arn, &role.id, called, session))
}
