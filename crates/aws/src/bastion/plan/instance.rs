//! The instance: a new one, or what one that stands lacks.

use super::placement::Place;
use super::{Action, GroupRef, Launch, Planner};
use crate::bastion::{Bastion, IDLE_MINUTES, State};
use crate::network::Class;
use crate::tags::Purpose;

/// An image that is older should not be in use any more where there is a newer one.
const IMAGE_DAYS_MAX: u32 = 90;

impl Planner<'_> {
    pub(super) fn launch(&mut self, place: Place, profile: String, group: &GroupRef) {
        let needs_endpoints = place.makes_endpoints || place.subnet.class == Class::Endpoints;
        let subnet = place.subnet.subnet;
        let summary =
            format!("start the bastion, a {} in {}", place.machine.instance_type, subnet.id);
        let gone = self.inventory.bastions.iter().find(|one| !one.state.is_usable());
        let why = match gone {
            Some(gone) => {
                format!("{} is {}, and {} has no other", gone.id, gone.state.as_str(), self.vpc.id)
            }
            None => format!("{} has no bastion", self.vpc.id),
        };
        let launch = Launch {
            vpc: self.vpc.id.clone(),
            subnet: subnet.id,
            instance_type: place.machine.instance_type,
            architecture: place.machine.architecture,
            image: place.machine.image,
            public_ip: place.public_ip,
            needs_endpoints,
            idle_minutes: self.desired.options.idle_minutes.unwrap_or(IDLE_MINUTES),
            profile,
            group: group.clone(),
            tags: self.tags(Purpose::Bastion),
        };
        self.step(Action::RunInstance(launch), "adit-bastion", summary, why);
    }

    /// What a bastion that stands lacks, as somebody changed it or a part of it was made anew.
    pub(super) fn repair(&mut self, bastion: &Bastion, profile: Option<&str>, group: &GroupRef) {
        if let Some(profile) = profile {
            self.repair_profile(bastion, profile);
        }
        self.repair_groups(bastion, group);
        self.note_age(bastion);
        self.note_state(bastion);
    }

    fn repair_profile(&mut self, bastion: &Bastion, profile: &str) {
        let standing = self.inventory.profiles.iter().find(|one| one.name == profile);
        let current = bastion.profile.as_deref().map(|arn| arn.rsplit('/').next().unwrap_or(arn));
        let why = match current {
            None => "it has none, so its agent may call nothing".to_owned(),
            Some(name) if name != profile => {
                self.plan.warnings.push(format!(
                    "{} has the instance profile {name}, which adit did not give it; it is left so, and must allow what Session Manager needs",
                    bastion.id
                ));
                return;
            }
            // EC2 remembers the id: a profile that was made anew under the same name gives it
            // nothing.
            Some(_) => match (standing, &bastion.profile_id) {
                (None, _) => format!("its profile {profile} was removed"),
                (Some(standing), Some(id)) if *id != standing.id => {
                    format!("its profile {profile} was removed and made again")
                }
                (Some(_), _) => return,
            },
        };
        let reboot = bastion.state == State::Running;
        let then = if reboot { ", and reboot it so that its agent takes it" } else { "" };
        self.step(
            Action::SetProfile {
                instance: bastion.id.clone(),
                profile: profile.to_owned(),
                reboot,
            },
            &bastion.id,
            format!("give the bastion its instance profile {profile}{then}"),
            why,
        );
    }

    /// A bastion that reaches no package repository is as old as its image.
    fn note_age(&mut self, bastion: &Bastion) {
        let Some(days) = self.inventory.image_days.get(&bastion.image) else { return };
        let is_newest = self.inventory.images.values().any(|image| *image == bastion.image);
        if is_newest || *days <= IMAGE_DAYS_MAX {
            return;
        }
        self.plan.warnings.push(format!(
            "{} was made of the image {}, which is {days} days old and not the newest; a new one takes its place after `aws ec2 terminate-instances --instance-ids {}`, by the same `adit init`",
            bastion.id, bastion.image, bastion.id
        ));
    }

    fn repair_groups(&mut self, bastion: &Bastion, group: &GroupRef) {
        if matches!(group, GroupRef::Id(id) if bastion.groups.contains(id)) {
            let others: Vec<_> = bastion
                .groups
                .iter()
                .map(String::as_str)
                .filter(|id| *id != group.as_str())
                .collect();
            if !others.is_empty() {
                self.plan.warnings.push(format!(
                    "{} also has the security groups {}, which adit did not give it; they are left",
                    bastion.id,
                    others.join(", "),
                ));
            }
            return;
        }
        let mut groups: Vec<_> = bastion.groups.iter().cloned().map(GroupRef::Id).collect();
        groups.push(group.clone());
        self.step(
            Action::SetGroups { instance: bastion.id.clone(), groups },
            &bastion.id,
            format!("give the bastion its security group {}", group.as_str()),
            "it does not have it, so targets do not let it in".to_owned(),
        );
    }

    fn note_state(&mut self, bastion: &Bastion) {
        match bastion.state {
            State::Stopped | State::Stopping => self.plan.reasons.push(format!(
                "{} is {}: `adit connect` starts it",
                bastion.id,
                bastion.state.as_str()
            )),
            State::Running if bastion.public_ip.is_none() && self.is_public(bastion) => {
                self.plan.warnings.push(format!(
                    "{} has no public address, without which {} does not lead to Session Manager",
                    bastion.id, bastion.subnet
                ));
            }
            _ => {}
        }
    }

    fn is_public(&self, bastion: &Bastion) -> bool {
        let classified = crate::network::classify(&self.inventory.network);
        classified.iter().any(|one| one.subnet.id == bastion.subnet && one.class == Class::Public)
    }
}
