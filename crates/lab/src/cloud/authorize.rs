//! Who may do what: the policies of callers, and what the fault `deny` refuses, in each service's
//! words.

use super::protocol::Format;
use super::rights::{Kind, Refusal};
use super::{Call, CloudError, State, Target, iam, subject};
use crate::identity::Principal;
use crate::policy::Context;

/// What no policy decides about: who calls, and what STS decides itself.
///
/// <https://docs.aws.amazon.com/STS/latest/APIReference/API_GetCallerIdentity.html> and
/// <https://docs.aws.amazon.com/STS/latest/APIReference/API_GetSessionToken.html>
const FREE: [&str; 4] = [
    "sts:GetCallerIdentity",
    "sts:GetSessionToken",
    "sts:AssumeRole",
    "sts:AssumeRoleWithWebIdentity",
];

/// Refuses a call that its caller may not make.
pub(super) fn check(call: &Call<'_>, target: Target) -> Result<(), CloudError> {
    let action = format!("{}:{}", target.name, call.operation);
    // Everybody may ask who they are.
    if action == "sts:GetCallerIdentity" {
        return Ok(());
    }
    // The rule is of `GetSessionToken`: nothing of the kind is said of `aws login`.
    // https://docs.aws.amazon.com/IAM/latest/UserGuide/id_credentials_temp_control-access_getsessiontoken.html
    let session = call.caller.session.as_ref().filter(|session| !session.from_login);
    let without_mfa = session.is_some_and(|session| session.mfa.is_none());
    if target.name == "iam" && without_mfa && matches!(call.caller.principal, Principal::User(_)) {
        let message = "The security token included in the request is invalid";
        return Err(CloudError::new(403, "InvalidClientTokenId", message));
    }
    let about = subject::of(call, target);
    let refused = if about.is_empty() {
        refusal(call, &action, "*").map(|refusal| (None, refusal))
    } else {
        let refused = |named: &String| Some((Some(named.clone()), refusal(call, &action, named)?));
        about.iter().find_map(refused)
    };
    let Some((named, refusal)) = refused else { return Ok(()) };
    let message = || {
        let named = worded(call, target).or_else(|| named.clone());
        sentence(&call.caller.arn, &action, named.as_deref(), refusal)
    };
    Err(match target.format {
        Format::Ec2 => ec2(call, &action, named.as_deref(), refusal),
        Format::Query { .. } => CloudError::new(403, "AccessDenied", message()),
        Format::Json => CloudError::refuse("AccessDeniedException", message()),
        Format::Rest => CloudError::new(403, "AccessDeniedException", message()),
    })
}

/// Why a call may not do this to one of the things that it is about.
fn refusal(call: &Call<'_>, action: &str, resource: &str) -> Option<Refusal> {
    if call.service.faults.cloud.denies(action) {
        return Some(Refusal::Missing(Kind::Identity));
    }
    if FREE.contains(&action) {
        return None;
    }
    let context = with_tags(&call.service.cloud(), call.rights.context(), resource);
    call.rights.refusal_in(action, resource, &context)
}

/// Refuses what an EC2 call does besides, such as `iam:PassRole`.
pub(super) fn beside(call: &Call<'_>, action: &str, resource: &str) -> Result<(), CloudError> {
    besides(call, action, resource)
        .map_or(Ok(()), |refusal| Err(ec2(call, action, Some(resource), refusal)))
}

/// The same of a call of IAM.
pub(super) fn beside_iam(call: &Call<'_>, action: &str, resource: &str) -> Result<(), CloudError> {
    besides(call, action, resource).map_or(Ok(()), |refusal| {
        let message = sentence(&call.caller.arn, action, Some(resource), refusal);
        Err(CloudError::new(403, "AccessDenied", message))
    })
}

fn besides(call: &Call<'_>, action: &str, resource: &str) -> Option<Refusal> {
    if call.service.faults.cloud.denies(action) {
        Some(Refusal::Missing(Kind::Identity))
    } else {
        call.rights.refusal(action, resource)
    }
}

/// What is known of a request, with the tags of what it is about.
pub(crate) fn with_tags(cloud: &State, context: &Context, resource: &str) -> Context {
    let mut context = context.clone();
    let id = resource.rsplit('/').next().unwrap_or_default();
    for (key, value) in cloud.ec2.tags_of(id).iter().chain(iam::tags_of(&cloud.iam, resource)) {
        for prefix in ["aws:ResourceTag", "ec2:ResourceTag", "iam:ResourceTag", "ssm:resourceTag"] {
            context.set(&format!("{prefix}/{key}"), value);
        }
    }
    context
}

fn ec2(call: &Call<'_>, action: &str, resource: Option<&str>, refusal: Refusal) -> CloudError {
    let mut message = format!(
        "You are not authorized to perform this operation. {}",
        sentence(&call.caller.arn, action, resource, refusal)
    );
    // Calls without a resource, the describing ones, have nothing to encode.
    if resource.is_some() {
        message.push_str(". Encoded authorization failure message: ");
        message.push_str(&call.service.entropy.secret(120));
    }
    CloudError::new(403, "UnauthorizedOperation", message)
}

/// What all services say of an action that a policy denies, or that none allows.
pub(crate) fn sentence(
    caller: &str,
    action: &str,
    resource: Option<&str>,
    refusal: Refusal,
) -> String {
    let on = resource.map(|resource| format!(" on resource: {resource}")).unwrap_or_default();
    let because = refusal.because(action);
    format!("User: {caller} is not authorized to perform: {action}{on} {because}")
}

/// What a refusal calls the resource, where that is not its ARN: IAM names what stands without its
/// path, `role NAME`, `instance profile NAME`.
/// <https://github.com/aws/aws-cdk/issues/27067> has such messages.
fn worded(call: &Call<'_>, target: Target) -> Option<String> {
    if target.name != "iam" || call.operation.starts_with("List") {
        return None;
    }
    let (profile, role) = (call.params.get("InstanceProfileName"), call.params.get("RoleName"));
    match (call.operation, profile, role) {
        ("CreateInstanceProfile" | "CreateRole", ..) => None,
        (_, Some(name), _) => Some(format!("instance profile {name}")),
        (_, None, Some(name)) => Some(format!("role {name}")),
        _ => None,
    }
}
