//! What calls of IAM are about, as policies name it.

use super::store::State;
use crate::cloud::Call;
use crate::cloud::ec2::Tags;
use crate::identity::Principal;
use crate::service::ACCOUNT;

/// The ARN of what a call is about. What is not there has the path of the call, else `/`.
///
/// <https://docs.aws.amazon.com/service-authorization/latest/reference/list_awsidentityandaccessmanagementiam.html>
pub(crate) fn resource(state: &State, call: &Call<'_>) -> String {
    let params = call.params;
    let own = match &call.caller.principal {
        Principal::User(name) => Some(name.as_str()),
        _ => None,
    };
    let about_users = call.operation.contains("User")
        || call.operation.contains("AccessKey")
        || call.operation == "ListMFADevices";
    // What is about to be made has the path that it is to have; lists are about a path.
    let path = params.get("Path").or_else(|| params.get("PathPrefix")).unwrap_or("/");
    let user = params.get("UserName").or_else(|| own.filter(|_| about_users));
    let tail = if call.operation == "ListVirtualMFADevices" {
        "mfa/".to_owned()
    } else if let Some(name) = params.get("VirtualMFADeviceName") {
        format!("mfa{path}{name}")
    } else if call.operation == "DeleteVirtualMFADevice" {
        return params.get("SerialNumber").unwrap_or("*").to_owned();
    } else if call.operation == "ListUsers" {
        format!("user{path}")
    } else if call.operation == "ListRoles" {
        format!("role{path}")
    } else if call.operation == "ListInstanceProfiles" {
        format!("instance-profile{path}")
    } else if let Some(name) = params.get("InstanceProfileName") {
        let path = state.profiles.get(name).map_or(path, |profile| &profile.path);
        format!("instance-profile{path}{name}")
    } else if let Some(name) = params.get("RoleName") {
        let path = state.roles.get(name).map_or(path, |role| &role.path);
        format!("role{path}{name}")
    } else if let Some(name) = user {
        let path = state.users.get(name).map_or(path, |user| &user.path);
        format!("user{path}{name}")
    } else if let Some(arn) = params.get("OpenIDConnectProviderArn") {
        return arn.to_owned();
    } else {
        "*".to_owned()
    };
    format!("arn:aws:iam::{ACCOUNT}:{tail}")
}

/// The tags of a user, a role or an instance profile.
pub(crate) fn tags_of<'a>(
    state: &'a State,
    arn: &str,
) -> impl Iterator<Item = (&'a String, &'a String)> {
    let name = arn.rsplit('/').next().unwrap_or_default();
    let tags: Option<&Tags> = match arn.rsplit(':').next().and_then(|tail| tail.split('/').next()) {
        Some("role") => state.roles.get(name).map(|role| &role.tags),
        Some("user") => state.users.get(name).map(|user| &user.tags),
        Some("instance-profile") => state.profiles.get(name).map(|profile| &profile.tags),
        _ => None,
    };
    tags.into_iter().flatten()
}
