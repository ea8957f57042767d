//! What the fault `deny` refuses, in each service's words.

use super::protocol::Format;
use super::{Call, CloudError, Target};
use crate::service::{ACCOUNT, REGION};

/// Refuses a call whose action is denied.
pub(super) fn check(call: &Call<'_>, target: Target) -> Result<(), CloudError> {
    let action = format!("{}:{}", target.name, call.operation);
    // Everybody may ask who they are.
    if action == "sts:GetCallerIdentity" || !call.service.faults.cloud.denies(&action) {
        return Ok(());
    }
    Err(match target.format {
        Format::Ec2 => ec2(call, &action, resource(call).as_deref()),
        Format::Query { .. } => CloudError::new(403, "AccessDenied", plain(call, target, &action)),
        Format::Json => CloudError::refuse("AccessDeniedException", plain(call, target, &action)),
        Format::Rest => CloudError::new(403, "AccessDeniedException", plain(call, target, &action)),
    })
}

/// Refuses what an EC2 call does besides, such as `iam:PassRole`.
pub(super) fn beside(call: &Call<'_>, action: &str, resource: &str) -> Result<(), CloudError> {
    if call.service.faults.cloud.denies(action) {
        return Err(ec2(call, action, Some(resource)));
    }
    Ok(())
}

/// The same of a call of IAM.
pub(super) fn beside_iam(call: &Call<'_>, action: &str, resource: &str) -> Result<(), CloudError> {
    if call.service.faults.cloud.denies(action) {
        let message = sentence(&call.caller.arn, action, Some(resource));
        return Err(CloudError::new(403, "AccessDenied", message));
    }
    Ok(())
}

fn ec2(call: &Call<'_>, action: &str, resource: Option<&str>) -> CloudError {
    let mut message = format!(
        "You are not authorized to perform this operation. {}",
        sentence(&call.caller.arn, action, resource)
    );
    // Calls without a resource, the describing ones, have nothing to encode.
    if resource.is_some() {
        message.push_str(". Encoded authorization failure message: ");
        message.push_str(&call.service.entropy.secret(120));
    }
    CloudError::new(403, "UnauthorizedOperation", message)
}

/// What all services say of an action that no policy allows.
pub(crate) fn sentence(caller: &str, action: &str, resource: Option<&str>) -> String {
    let on = resource.map(|resource| format!(" on resource: {resource}")).unwrap_or_default();
    format!(
        "User: {caller} is not authorized to perform: {action}{on} because no identity-based \
         policy allows the {action} action"
    )
}

fn plain(call: &Call<'_>, target: Target, action: &str) -> String {
    let resource = match target.name {
        "iam" => iam(call),
        "sts" => call.params.get("RoleArn").unwrap_or("*").to_owned(),
        name => format!("arn:aws:{name}:{REGION}:{ACCOUNT}:*"),
    };
    sentence(&call.caller.arn, action, Some(&resource))
}

/// The resource of an IAM call. What stands is named without its path, and not by its ARN:
/// `role NAME`, `instance profile NAME`.
/// <https://github.com/aws/aws-cdk/issues/27067> has such messages.
fn iam(call: &Call<'_>) -> String {
    let params = call.params;
    let path = params.get("Path").or_else(|| params.get("PathPrefix")).unwrap_or("/");
    let arn = |kind, name| format!("arn:aws:iam::{ACCOUNT}:{kind}{path}{name}");
    match (call.operation, params.get("InstanceProfileName"), params.get("RoleName")) {
        ("CreateInstanceProfile", Some(name), _) => arn("instance-profile", name),
        ("ListInstanceProfiles", ..) => arn("instance-profile", ""),
        ("CreateRole", _, Some(name)) => arn("role", name),
        ("ListRoles", ..) => arn("role", ""),
        (_, Some(name), _) => format!("instance profile {name}"),
        (_, None, Some(name)) => format!("role {name}"),
        _ => format!("arn:aws:iam::{ACCOUNT}:*"),
    }
}

/// The resource of an EC2 call; describing calls have none.
fn resource(call: &Call<'_>) -> Option<String> {
    if call.operation.starts_with("Describe") {
        return None;
    }
    let named = [
        ("GroupId", "security-group"),
        ("InstanceId", "instance"),
        ("InstanceId.1", "instance"),
        ("VpcEndpointId.1", "vpc-endpoint"),
        ("SubnetId", "subnet"),
        ("VpcId", "vpc"),
    ];
    let made = match call.operation {
        "RunInstances" => Some("instance/*".to_owned()),
        "CreateSecurityGroup" => Some("security-group/*".to_owned()),
        "CreateVpcEndpoint" => Some("vpc-endpoint/*".to_owned()),
        "CreateTags" | "DeleteTags" => call.params.get("ResourceId.1").map(tagged),
        _ => None,
    };
    let named = named
        .into_iter()
        .find_map(|(name, kind)| Some(format!("{kind}/{}", call.params.get(name)?)));
    let tail = made.or(named).unwrap_or_else(|| "*".to_owned());
    Some(format!("arn:aws:ec2:{REGION}:{ACCOUNT}:{tail}"))
}

/// What is tagged, by the kind that its id begins with.
fn tagged(id: &str) -> String {
    let kind = match id.rsplit_once('-').map(|(prefix, _)| prefix) {
        Some("i") => "instance",
        Some("sg") => "security-group",
        Some("sgr") => "security-group-rule",
        Some("subnet") => "subnet",
        Some("vpc") => "vpc",
        Some("vpce") => "vpc-endpoint",
        _ => "*",
    };
    format!("{kind}/{id}")
}
