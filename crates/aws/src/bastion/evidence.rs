//! What proves that something is adit's, beside its tags: many may set tags, and whoever could make a
//! machine "the bastion" by one would get everybody's connections.
//!
//! An instance is proven by its instance profile, as attaching one takes `iam:PassRole`, or by the
//! bastion's security group; a group by what cannot be changed of it and by what it lets in.

use std::collections::BTreeSet;

use super::{Bastion, Inventory};
use crate::naming;
use crate::network::{Group, OwnRule, Peer, account_of};
use crate::tags::{self, Purpose};

/// Whether the instance has an instance profile of adit's for its VPC.
pub(super) fn has_own_profile(bastion: &Bastion) -> bool {
    let own = |arn: &String| {
        let path = format!(":instance-profile{}", naming::IAM_PATH);
        let Some((_, name)) = arn.split_once(&path) else { return false };
        naming::candidates(&naming::role(&bastion.vpc)).any(|own| own == name)
    };
    bastion.profile.as_ref().is_some_and(own)
}

/// Whether the group says of itself what adit's do, in tags, name and description, and belongs to
/// `account`, as far as both are known.
pub(super) fn is_marked(group: &Group, purpose: Purpose, vpc: &str, account: Option<&str>) -> bool {
    let (name, description) = match purpose {
        Purpose::EndpointGroup => (naming::ENDPOINT_GROUP, naming::ENDPOINT_GROUP_DESCRIPTION),
        _ => (naming::GROUP, naming::GROUP_DESCRIPTION),
    };
    tags::is_of(&group.tags, purpose, vpc)
        && naming::candidates(name).any(|own| own == group.name)
        && group.description == description
        && account.is_none_or(|account| group.owner == account)
}

/// Whether the group lets in only what one of that purpose does.
pub(super) fn lets_in_what_it_should(group: &Group, purpose: Purpose) -> bool {
    match purpose {
        Purpose::EndpointGroup => group
            .ingress
            .iter()
            .all(|rule| rule.protocol == "tcp" && rule.ports == Some((443, 443))),
        _ => group.ingress.is_empty(),
    }
}

/// Whether the rule is in one of `groups`, which are adit's, or lets one of them in and says that it is
/// adit's.
pub(super) fn is_own_rule(own: &OwnRule, groups: &BTreeSet<&str>) -> bool {
    if groups.contains(own.group.as_str()) {
        return true;
    }
    !own.is_egress
        && own.description.starts_with(naming::RULE_DESCRIPTION)
        && matches!(&own.rule.peer, Peer::Group(id) if groups.contains(id.as_str()))
}

impl Inventory {
    /// The account of who asks.
    pub(super) fn account(&self) -> Option<&str> {
        account_of(&self.caller)
    }

    /// Whether the group is the bastion's, or that of the endpoints.
    ///
    /// One that a proven bastion has is its group, whatever somebody has done to it since.
    pub(super) fn is_own_group(&self, group: &Group, purpose: Purpose) -> bool {
        let Some(vpc) = &self.network.vpc else { return false };
        if !is_marked(group, purpose, &vpc.id, self.account()) {
            return false;
        }
        let has = |bastion: &Bastion| {
            bastion.state.is_usable()
                && has_own_profile(bastion)
                && bastion.groups.contains(&group.id)
        };
        if purpose == Purpose::Group && self.bastions.iter().any(has) {
            return true;
        }
        let is_bastion = |id: &String| self.bastions.iter().any(|one| one.id == *id);
        let users = self.network.users.get(&group.id);
        lets_in_what_it_should(group, purpose)
            && users.is_none_or(|users| users.iter().all(is_bastion))
    }

    /// Whether the instance is a bastion of adit's.
    pub(super) fn is_own(&self, bastion: &Bastion) -> bool {
        has_own_profile(bastion)
            || bastion.groups.iter().any(|id| {
                let group = self.network.group(id);
                group.is_some_and(|group| self.is_own_group(group, Purpose::Group))
            })
    }
}

#[cfg(test)]
mod tests;
