//! What is missing, as a list of steps.

mod access;
mod egress;
mod endpoints;
mod error;
mod identity;
mod instance;
mod placement;
mod step;

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};

use super::{Bastion, Desired, Inventory, by_preference};
use crate::network::{Vpc, classify, resolver_fault};
use crate::tags::{self, Purpose, Tags};

pub use error::PlanError;
pub(crate) use placement::DEFAULT_TYPES;
pub use step::{Action, GroupRef, Launch, RulePeer, RuleSpec, Step};

/// What will be done, in order, and why.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Plan {
    /// The VPC it is for.
    pub vpc: String,
    /// The bastion that stands and is used.
    pub bastion: Option<Bastion>,
    /// What will be done; empty when all is as it shall be.
    pub steps: Vec<Step>,
    /// What was chosen, and why.
    pub reasons: Vec<String>,
    /// What is not as it should be and is left so.
    pub warnings: Vec<String>,
}

/// Decides what to do so that what stands becomes what is desired. The same inventory gives the same
/// plan, and what the plan makes, the next plan finds done.
pub fn plan(inventory: &Inventory, desired: &Desired) -> Result<Plan, PlanError> {
    let vpc = inventory.network.vpc.as_ref().ok_or_else(|| PlanError::NoSuchVpc {
        vpc: desired.vpc.clone(),
        region: inventory.region.clone(),
    })?;
    check(desired)?;
    let mut planner =
        Planner { inventory, desired, vpc, plan: Plan { vpc: vpc.id.clone(), ..Plan::default() } };
    planner.run()?;
    Ok(planner.plan)
}

/// Refuses what AWS would refuse half way.
fn check(desired: &Desired) -> Result<(), PlanError> {
    if let Some(target) = desired.targets.iter().find(|target| target.vpc != desired.vpc) {
        return Err(PlanError::TargetElsewhere {
            target: target.resource(),
            theirs: target.vpc.clone(),
            ours: desired.vpc.clone(),
        });
    }
    let users = &desired.options.tags;
    if users.len() > tags::USER_TAGS_MAX {
        return Err(PlanError::TooManyTags { count: users.len(), max: tags::USER_TAGS_MAX });
    }
    for (key, value) in users {
        let reason = if key.is_empty() {
            "its key is empty"
        } else if is_reserved(key) {
            "its prefix is reserved"
        } else if users.keys().any(|other| other < key && same_key(other, key))
            || (key != tags::NAME && same_key(key, tags::NAME))
        {
            "IAM takes no two keys that differ in case only"
        } else if key.chars().count() > tags::KEY_MAX || value.chars().count() > tags::VALUE_MAX {
            "a key has up to 128 characters, a value up to 256"
        } else if !key.chars().chain(value.chars()).all(tags::is_allowed) {
            "letters, digits, spaces and _ . : / = + - @ are allowed"
        } else {
            continue;
        };
        return Err(PlanError::BadTag { key: key.clone(), reason });
    }
    Ok(())
}

/// Whether nobody but AWS, or adit, sets tags with such a key. Case does not count.
/// <https://docs.aws.amazon.com/IAM/latest/UserGuide/id_tags.html>
fn is_reserved(key: &str) -> bool {
    let starts = |prefix: &str| key.get(..prefix.len()).is_some_and(|it| same_key(it, prefix));
    starts("aws:") || starts("adit:")
}

fn same_key(one: &str, other: &str) -> bool {
    one.to_lowercase() == other.to_lowercase()
}

/// One plan in the making.
struct Planner<'a> {
    inventory: &'a Inventory,
    desired: &'a Desired,
    vpc: &'a Vpc,
    plan: Plan,
}

impl Planner<'_> {
    fn run(&mut self) -> Result<(), PlanError> {
        let bastion = self.bastion();
        let subnets = classify(&self.inventory.network);
        let (place, isolated) = if let Some(bastion) = &bastion {
            (None, self.isolated_place_of(bastion, &subnets))
        } else {
            let place = self.place(&subnets)?;
            let subnet = place.makes_endpoints.then(|| place.subnet.clone());
            (Some(place), subnet)
        };
        if isolated.is_some() && self.vpc.private_dns == Some(false) {
            return Err(PlanError::PrivateNamesOff { vpc: self.vpc.id.clone() });
        }
        self.names_resolve(bastion.as_ref())?;
        // The identity first: it takes a while until EC2 knows it, and the groups fill that time.
        let profile = match (&bastion, &self.inventory.identity_unknown) {
            (Some(bastion), Some(why)) => {
                self.plan.warnings.push(format!(
                    "the role and the instance profile of {} could not be looked at, and are left as they are: {why}",
                    bastion.id
                ));
                None
            }
            _ => Some(self.identity()?),
        };
        let group = self.bastion_group(bastion.as_ref())?;
        self.endpoints(isolated.as_ref())?;
        if let (Some(place), Some(profile)) = (place, profile.clone()) {
            self.launch(place, profile, &group);
        } else if let Some(bastion) = bastion {
            self.repair(&bastion, profile.as_deref(), &group);
            self.plan.bastion = Some(bastion);
        }
        self.access(&group);
        Ok(())
    }

    /// Without names the agent finds nobody.
    fn names_resolve(&mut self, bastion: Option<&Bastion>) -> Result<(), PlanError> {
        // What its group lets out to other name servers is seen to with the group.
        let Some(fault) = resolver_fault(self.vpc, &[]) else { return Ok(()) };
        match bastion {
            None => Err(PlanError::NamesOff { vpc: self.vpc.id.clone(), fault }),
            Some(bastion) => {
                self.plan
                    .warnings
                    .push(format!("the bastion {} does not come online: {fault}", bastion.id));
                Ok(())
            }
        }
    }

    /// The bastion to use: one for all targets of the VPC.
    fn bastion(&mut self) -> Option<Bastion> {
        let usable = self.inventory.bastions.iter().filter(|one| one.state.is_usable()).cloned();
        let (mut usable, strangers): (Vec<_>, Vec<_>) =
            usable.partition(|one| self.inventory.is_own(one));
        for stranger in strangers {
            self.plan.warnings.push(format!(
                "{} is tagged as the bastion of {}, but has neither adit's instance profile nor its security group: it is not used",
                stranger.id, self.vpc.id
            ));
        }
        by_preference(&mut usable);
        if let [used, others @ ..] = usable.as_slice()
            && !others.is_empty()
        {
            let others: Vec<_> = others.iter().map(|one| one.id.as_str()).collect();
            self.plan.warnings.push(format!(
                "{} has more than one bastion: {} is used, {} is not needed (aws ec2 terminate-instances --instance-ids {})",
                self.vpc.id,
                used.id,
                others.join(", "),
                others.join(" "),
            ));
        }
        let mut usable = usable.into_iter();
        usable.next()
    }

    /// The zones of the targets: traffic between zones costs, and is slower.
    fn target_zones(&self) -> BTreeSet<&str> {
        self.desired.targets.iter().flat_map(|target| &target.zones).map(String::as_str).collect()
    }

    fn tags(&self, purpose: Purpose) -> Tags {
        tags::new(purpose, &self.vpc.id, &self.inventory.caller, &self.desired.options.tags)
    }

    fn step(&mut self, action: Action, resource: &str, summary: String, why: String) {
        self.plan.steps.push(Step { resource: resource.to_owned(), summary, why, action });
    }
}

#[cfg(test)]
mod tests;
