//! The steps of a plan.

use std::num::NonZeroU16;

use serde::{Deserialize, Serialize};

use crate::bastion::Architecture;
use crate::network::{Peer, Protocol};
use crate::tags::Tags;

/// One thing to do.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Step {
    /// The name or id of what is made or changed.
    pub resource: String,
    /// What is done, in one line.
    pub summary: String,
    /// Why, in one line.
    pub why: String,
    /// The same for the machine.
    #[serde(flatten)]
    pub action: Action,
}

/// What a step does.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "action", rename_all = "kebab-case")]
pub enum Action {
    /// Makes the role that the bastion takes.
    CreateRole {
        /// Its name.
        name: String,
        /// The ARN of its permissions boundary.
        boundary: Option<String>,
        /// Its tags.
        tags: Tags,
    },
    /// Bounds a role that stands.
    SetBoundary {
        /// The role's name.
        role: String,
        /// The ARN of the boundary.
        boundary: String,
    },
    /// Gives the role what the agent needs.
    PutPolicy {
        /// The role's name.
        role: String,
    },
    /// Makes the instance profile.
    CreateProfile {
        /// Its name.
        name: String,
        /// Its tags.
        tags: Tags,
    },
    /// Puts the role into the profile.
    AddRole {
        /// The profile's name.
        profile: String,
        /// The role's name.
        role: String,
    },
    /// Makes a security group.
    CreateGroup {
        /// Its name.
        name: String,
        /// Its description, which cannot be changed later.
        description: String,
        /// Its tags.
        tags: Tags,
    },
    /// Takes back the rules that let everything out.
    RevokeDefaultEgress {
        /// The group.
        group: GroupRef,
        /// Where they let everything go, as `0.0.0.0/0`.
        cidrs: Vec<String>,
    },
    /// Lets the bastion out.
    AllowEgress {
        /// The group.
        group: GroupRef,
        /// The rule.
        rule: RuleSpec,
    },
    /// Lets the bastion in.
    AllowIngress {
        /// The group.
        group: GroupRef,
        /// The rule.
        rule: RuleSpec,
    },
    /// Notes on a rule of adit that one more target uses it.
    TagRule {
        /// The rule's id.
        rule: String,
        /// The tags to add.
        tags: Tags,
    },
    /// Makes an interface endpoint with private names.
    CreateEndpoint {
        /// The service, as `com.amazonaws.eu-west-1.ssm`.
        service: String,
        /// The subnet it has an interface in.
        subnet: String,
        /// Its security group.
        group: GroupRef,
        /// Its tags.
        tags: Tags,
    },
    /// Starts a new instance.
    RunInstance(Launch),
    /// Gives an instance its profile.
    SetProfile {
        /// The instance.
        instance: String,
        /// The profile's name.
        profile: String,
        /// Whether the instance runs and is rebooted, so that its agent takes the profile at once.
        #[serde(default)]
        reboot: bool,
    },
    /// Gives an instance its security groups.
    SetGroups {
        /// The instance.
        instance: String,
        /// All its groups.
        groups: Vec<GroupRef>,
    },
}

/// A security group that stands, or one that an earlier step makes.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum GroupRef {
    /// The id of one that stands.
    Id(String),
    /// The name of one that is made.
    New(String),
}

impl GroupRef {
    /// Its id or name, for people.
    pub fn as_str(&self) -> &str {
        match self {
            Self::Id(text) | Self::New(text) => text,
        }
    }
}

/// A rule for one port.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RuleSpec {
    /// The protocol; TCP where nothing is said.
    #[serde(default, skip_serializing_if = "Protocol::is_tcp")]
    pub protocol: Protocol,
    /// The port.
    pub port: u16,
    /// From or to where.
    pub peer: RulePeer,
    /// Its description.
    pub description: String,
    /// Its tags.
    pub tags: Tags,
}

/// The other side of a rule to be made.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum RulePeer {
    /// Addresses, as `10.0.0.0/16`.
    Cidr(String),
    /// What has this security group.
    Group(GroupRef),
}

impl RulePeer {
    /// The same as it stands in an inventory; `None` for a group that does not stand yet.
    pub(crate) fn standing(&self) -> Option<Peer> {
        match self {
            Self::Cidr(cidr) => Some(Peer::Cidr(cidr.clone())),
            Self::Group(GroupRef::Id(id)) => Some(Peer::Group(id.clone())),
            Self::Group(GroupRef::New(_)) => None,
        }
    }
}

/// A new instance.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Launch {
    /// The VPC.
    pub vpc: String,
    /// The subnet.
    pub subnet: String,
    /// The type.
    pub instance_type: String,
    /// The architecture of the type.
    pub architecture: Architecture,
    /// The image.
    pub image: String,
    /// Whether it gets a public address.
    pub public_ip: bool,
    /// Whether its way to Session Manager is through endpoints, which have to be ready first.
    pub needs_endpoints: bool,
    /// After how many minutes without traffic it stops itself.
    pub idle_minutes: NonZeroU16,
    /// The name of its instance profile.
    pub profile: String,
    /// Its security group.
    pub group: GroupRef,
    /// Its tags, also those of its volume and its interface.
    pub tags: Tags,
}
