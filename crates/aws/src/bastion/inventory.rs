//! What stands, as plain data: the planner sees nothing else.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

use super::Bastion;
use crate::network::Network;
use crate::tags::Tags;

/// All that a plan for one VPC is made from.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Inventory {
    /// The region.
    pub region: String,
    /// The ARN of who asks.
    pub caller: String,
    /// The VPC and what is in it.
    pub network: Network,
    /// The instances tagged as bastions of the VPC, gone ones too.
    pub bastions: Vec<Bastion>,
    /// The roles that stand under the names that adit would use.
    pub roles: Vec<Role>,
    /// The instance profiles that stand under the names that adit would use.
    pub profiles: Vec<Profile>,
    /// The architecture of each instance type that comes into question.
    pub types: BTreeMap<String, Architecture>,
    /// The zones that offer each of those types.
    pub offers: BTreeMap<String, BTreeSet<String>>,
    /// The newest image for each architecture.
    pub images: BTreeMap<Architecture, String>,
    /// How many days old the images of standing bastions are, where they are not the newest.
    #[serde(default)]
    pub image_days: BTreeMap<String, u32>,
    /// Why roles and profiles are not known, where a bastion stands and they could not be looked at.
    #[serde(default)]
    pub identity_unknown: Option<String>,
}

/// What an instance's processor is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Architecture {
    /// 64-bit ARM.
    Arm64,
    /// 64-bit x86.
    #[serde(rename = "x86_64")]
    X86,
}

impl Architecture {
    /// The service's word for it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Arm64 => "arm64",
            Self::X86 => "x86_64",
        }
    }
}

/// An IAM role.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Role {
    /// Its name.
    pub name: String,
    /// Its tags.
    pub tags: Tags,
    /// The ARN of its permissions boundary.
    pub boundary: Option<String>,
    /// Whether it has the inline policy that the agent needs, unchanged.
    pub has_policy: bool,
}

/// An instance profile.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Profile {
    /// Its name.
    pub name: String,
    /// Its id, which a later profile of the same name does not have.
    pub id: String,
    /// Its tags.
    pub tags: Tags,
    /// The name of the role in it.
    pub role: Option<String>,
}
