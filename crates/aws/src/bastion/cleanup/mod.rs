//! Removing what adit made, and nothing else: what has no tag of ours is never touched, and what has only
//! that is told of and stays.

mod find;
mod in_use;
mod order;
mod remove;
mod undo;

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::error::{AwsError, AwsErrorKind};
use crate::naming;

pub use find::find_leftovers;
pub use in_use::FORCE;
pub use remove::remove;

/// How much is removed.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Scope {
    /// Only what serves this VPC.
    pub vpc: Option<String>,
    /// Only the rules for this target, as `rds:orders`; the bastion stays.
    pub target: Option<String>,
}

/// What adit made and is still there.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Leftovers {
    /// The ARN of the caller; empty where nobody says.
    #[serde(default)]
    pub caller: String,
    /// What will be removed, in the order in which it can be.
    pub removals: Vec<Removal>,
    /// What adit made but does not remove, as somebody uses it.
    pub kept: Vec<Kept>,
    /// How many sessions are live on each bastion that has some.
    pub sessions: BTreeMap<String, usize>,
    /// The running bastions of which nobody says whether sessions are live.
    pub unasked: Option<Unasked>,
    /// The VPC of each bastion.
    #[serde(default)]
    pub vpcs: BTreeMap<String, String>,
    /// What could not be looked for.
    #[serde(default)]
    pub unseen: Vec<Unseen>,
}

/// A kind of resource that could not be looked for: there may be some left.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Unseen {
    /// The kind, as `bastion` or `security group`.
    pub what: String,
    /// Why, in one line.
    pub why: String,
    /// What to do about it, each one line.
    pub hints: Vec<String>,
}

/// Bastions whose sessions the caller may not see.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Unasked {
    /// Their ids.
    pub bastions: Vec<String>,
    /// Why, in one line.
    pub why: String,
    /// What to do about it, each one line.
    pub hints: Vec<String>,
}

/// One thing to remove.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Removal {
    /// Its name or id.
    pub resource: String,
    /// The VPC it serves.
    pub vpc: String,
    /// What is done, in one line.
    pub summary: String,
    /// The same for the machine.
    #[serde(flatten)]
    pub action: RemovalAction,
}

/// How something is removed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "action", rename_all = "kebab-case")]
pub enum RemovalAction {
    /// Terminates a bastion; its volume and interface go with it.
    TerminateInstance {
        /// The instance.
        instance: String,
    },
    /// Takes back a rule.
    RevokeRule {
        /// The group it is in.
        group: String,
        /// The rule.
        rule: String,
        /// Whether it lets out, not in.
        is_egress: bool,
    },
    /// Takes the note off a rule that it is for a target; others need the rule.
    UntagRule {
        /// The rule.
        rule: String,
        /// The keys of the note.
        keys: Vec<String>,
    },
    /// Deletes an endpoint.
    DeleteEndpoint {
        /// The endpoint.
        endpoint: String,
    },
    /// Deletes the group of the endpoints.
    DeleteEndpointGroup {
        /// The group.
        group: String,
    },
    /// Deletes the group of the bastion.
    DeleteGroup {
        /// The group.
        group: String,
    },
    /// Deletes an instance profile.
    DeleteProfile {
        /// Its name.
        profile: String,
        /// The role in it.
        role: Option<String>,
    },
    /// Deletes a role, with the policies that others gave it.
    DeleteRole {
        /// Its name.
        role: String,
    },
}

impl Removal {
    /// The commands that remove it by hand.
    pub fn command(&self) -> String {
        match &self.action {
            RemovalAction::TerminateInstance { instance } => {
                format!("aws ec2 terminate-instances --instance-ids {instance}")
            }
            RemovalAction::RevokeRule { group, rule, is_egress } => {
                let direction = if *is_egress { "egress" } else { "ingress" };
                format!(
                    "aws ec2 revoke-security-group-{direction} --group-id {group} --security-group-rule-ids {rule}"
                )
            }
            RemovalAction::UntagRule { rule, keys } => {
                let keys: Vec<_> = keys.iter().map(|key| format!("Key={key}")).collect();
                format!("aws ec2 delete-tags --resources {rule} --tags {}", keys.join(" "))
            }
            RemovalAction::DeleteEndpoint { endpoint } => {
                format!("aws ec2 delete-vpc-endpoints --vpc-endpoint-ids {endpoint}")
            }
            RemovalAction::DeleteEndpointGroup { group } | RemovalAction::DeleteGroup { group } => {
                format!("aws ec2 delete-security-group --group-id {group}")
            }
            RemovalAction::DeleteProfile { profile, role } => {
                let delete =
                    format!("aws iam delete-instance-profile --instance-profile-name {profile}");
                match role {
                    Some(role) => format!(
                        "aws iam remove-role-from-instance-profile --instance-profile-name {profile} --role-name {role}; {delete}"
                    ),
                    None => delete,
                }
            }
            RemovalAction::DeleteRole { role } => format!(
                "aws iam delete-role-policy --role-name {role} --policy-name {}; aws iam delete-role --role-name {role}",
                naming::POLICY
            ),
        }
    }
}

/// Something of adit's that stays.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Kept {
    /// Its id.
    pub resource: String,
    /// Why it stays, in one line.
    pub why: String,
    /// The command that removes what it stays for.
    pub command: String,
}

/// What a removal led to.
#[derive(Debug, Clone, Default)]
pub struct Removed {
    /// What is gone.
    pub done: Vec<Removal>,
    /// What is not.
    pub failed: Vec<Unremoved>,
}

/// Something that could not be removed.
#[derive(Debug, Clone)]
pub struct Unremoved {
    /// What it is.
    pub removal: Removal,
    /// Why.
    pub error: AwsError,
    /// The command that removes it by hand, once what is in the way is not.
    pub command: String,
}

impl Unremoved {
    /// Whether a call was made for it; what was not tried waits for something else.
    pub fn was_tried(&self) -> bool {
        !matches!(&self.error.kind, AwsErrorKind::Service { code } if code == NOT_TRIED)
    }
}

/// The code of what was not tried.
const NOT_TRIED: &str = "Skipped";

#[cfg(test)]
mod tests;
