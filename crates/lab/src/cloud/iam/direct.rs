//! Users and roles that the lab's controls make, in one step each.

use super::store::{Grants, Role, State, User};
use crate::cloud::ec2::Tags;
use crate::identity::Caller;
use crate::policy::{Policy, managed};
use crate::service::Service;

/// The policies of whoever is made: a document, and ARNs of AWS' own.
#[derive(Clone, Debug, Default)]
pub(crate) struct Policies {
    pub(crate) inline: Option<String>,
    pub(crate) attached: Vec<String>,
}

/// The name of the policy that a control gives.
const POLICY: &str = "lab";

impl Policies {
    fn grants(self) -> Result<Grants, String> {
        let mut grants = Grants::default();
        if let Some(document) = self.inline {
            Policy::identity(&document).map_err(|why| why.to_string())?;
            grants.inline.insert(POLICY.to_owned(), document);
        }
        if let Some(unknown) = self.attached.iter().find(|arn| managed(arn).is_none()) {
            return Err(format!("there is no policy {unknown}"));
        }
        grants.attached = self.attached;
        Ok(grants)
    }
}

/// Makes a user; one that is there keeps his id and gets these policies.
pub(crate) fn put_user(
    service: &Service,
    name: &str,
    policies: Policies,
) -> Result<Caller, String> {
    check_name(name)?;
    let grants = policies.grants()?;
    let mut cloud = service.cloud();
    let user = cloud.iam.users.entry(name.to_owned()).or_insert_with(|| User {
        name: name.to_owned(),
        path: "/".to_owned(),
        id: format!("AIDA{}A", service.entropy.key_id()),
        created: service.clock.unix(),
        tags: Tags::new(),
        grants: Grants::default(),
    });
    user.grants = grants;
    Ok(user.caller())
}

/// Makes a role; one that is there keeps its id and gets these policies. Gives its ARN.
pub(crate) fn put_role(
    service: &Service,
    (path, name): (&str, &str),
    trust: String,
    max_session: u32,
    policies: Policies,
) -> Result<String, String> {
    check_name(name)?;
    Policy::trust(&trust).map_err(|why| why.to_string())?;
    let grants = policies.grants()?;
    let mut cloud = service.cloud();
    let role = cloud.iam.roles.entry(name.to_owned()).or_insert_with(|| Role {
        name: name.to_owned(),
        path: path.to_owned(),
        id: format!("AROA{}A", service.entropy.key_id()),
        created: service.clock.unix(),
        trust: String::new(),
        description: None,
        max_session,
        boundary: None,
        tags: Tags::new(),
        grants: Grants::default(),
    });
    (role.trust, role.max_session, role.grants) = (trust, max_session, grants);
    Ok(role.arn())
}

/// The ARN of a role, by its name or its ARN.
pub(crate) fn role_arn(state: &State, name_or_arn: &str) -> Option<String> {
    let is = |role: &&Role| role.name == name_or_arn || role.arn() == name_or_arn;
    state.roles.values().find(is).map(Role::arn)
}

/// Puts the policy that the console's button for revoking sessions does: it denies everything to
/// credentials issued before. False when there is no such user or role.
///
/// <https://docs.aws.amazon.com/IAM/latest/UserGuide/id_roles_use_revoke-sessions.html>
pub(crate) fn revoke_older(
    state: &mut State,
    role: Option<&str>,
    user: Option<&str>,
    at: &str,
) -> bool {
    let grants = match (role, user) {
        (Some(name), _) => state.roles.get_mut(name).map(|role| &mut role.grants),
        (None, Some(name)) => state.users.get_mut(name).map(|user| &mut user.grants),
        (None, None) => None,
    };
    let Some(grants) = grants else { return false };
    let document = serde_json::json!({
        "Version": "2012-10-17",
        "Statement": [{
            "Effect": "Deny",
            "Action": ["*"],
            "Resource": ["*"],
            "Condition": { "DateLessThan": { "aws:TokenIssueTime": at } },
        }],
    });
    grants.inline.insert("AWSRevokeOlderSessions".to_owned(), document.to_string());
    true
}

fn check_name(name: &str) -> Result<(), String> {
    let allowed = |c: char| c.is_ascii_alphanumeric() || "_+=,.@-".contains(c);
    if (1..=64).contains(&name.len()) && name.chars().all(allowed) {
        return Ok(());
    }
    Err(format!("{name:?} is no name"))
}
