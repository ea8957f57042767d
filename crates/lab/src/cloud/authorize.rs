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
        "iam" => {
            let named = [("RoleName", "role"), ("InstanceProfileName", "instance-profile")]
                .into_iter()
                .find_map(|(name, kind)| Some(format!("{kind}/{}", call.params.get(name)?)));
            format!("arn:aws:iam::{ACCOUNT}:{}", named.as_deref().unwrap_or("*"))
        }
        "sts" => call.params.get("RoleArn").unwrap_or("*").to_owned(),
        name => format!("arn:aws:{name}:{REGION}:{ACCOUNT}:*"),
    };
    sentence(&call.caller.arn, action, Some(&resource))
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
        ("ResourceId.1", "*"),
    ];
    let made = match call.operation {
        "RunInstances" => Some("instance/*".to_owned()),
        "CreateSecurityGroup" => Some("security-group/*".to_owned()),
        "CreateVpcEndpoint" => Some("vpc-endpoint/*".to_owned()),
        _ => None,
    };
    let named = named
        .into_iter()
        .find_map(|(name, kind)| Some(format!("{kind}/{}", call.params.get(name)?)));
    let tail = made.or(named).unwrap_or_else(|| "*".to_owned());
    Some(format!("arn:aws:ec2:{REGION}:{ACCOUNT}:{tail}"))
}
