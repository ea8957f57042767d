use std::collections::BTreeMap;
use std::time::Duration;

use super::groups::Group;
use super::networks::{Subnet, Vpc};

/// Tags of one resource.
pub(crate) type Tags = BTreeMap<String, String>;

/// All of EC2's resources, by id.
#[derive(Debug, Default)]
pub(crate) struct State {
    pub(crate) vpcs: BTreeMap<String, Vpc>,
    pub(crate) subnets: BTreeMap<String, Subnet>,
    pub(crate) groups: BTreeMap<String, Group>,
    /// Of every resource that has any.
    pub(super) tags: BTreeMap<String, Tags>,
}

static NO_TAGS: Tags = Tags::new();

impl State {
    /// A VPC that can be seen.
    pub(crate) fn vpc(&self, id: &str, now: Duration) -> Option<&Vpc> {
        self.vpcs.get(id).filter(|vpc| vpc.born.is_visible(now))
    }

    /// A subnet that can be seen.
    pub(crate) fn subnet(&self, id: &str, now: Duration) -> Option<&Subnet> {
        self.subnets.get(id).filter(|subnet| subnet.born.is_visible(now))
    }

    /// A security group that can be seen.
    pub(crate) fn group(&self, id: &str, now: Duration) -> Option<&Group> {
        self.groups.get(id).filter(|group| group.born.is_visible(now))
    }

    /// The VPC that is there for those who name none.
    pub(crate) fn default_vpc(&self) -> Option<&Vpc> {
        self.vpcs.values().find(|vpc| vpc.is_default)
    }

    /// The group of a VPC that is there for those who name none.
    pub(crate) fn default_group(&self, vpc: &str) -> Option<&Group> {
        self.groups.values().find(|group| group.vpc == vpc && group.name == "default")
    }

    pub(super) fn tags_of(&self, id: &str) -> &Tags {
        self.tags.get(id).unwrap_or(&NO_TAGS)
    }

    /// The subnets of a VPC.
    pub(crate) fn subnets_of(&self, vpc: &str) -> impl Iterator<Item = &Subnet> {
        self.subnets.values().filter(move |subnet| subnet.vpc == vpc)
    }
}
