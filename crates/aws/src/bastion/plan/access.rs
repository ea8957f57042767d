//! The one rule that a target's security group gets.

use super::{Action, GroupRef, Planner, RulePeer, RuleSpec};
use crate::network::{Group, Peer, Protocol, Rule};
use crate::tags::{self, Purpose, Tags};
use crate::targets::{Kind, Target};

/// A way in, and the targets behind it.
struct Door {
    group: String,
    port: u16,
    targets: Vec<String>,
}

impl<'a> Planner<'a> {
    /// Sees to it that the targets let the bastion in.
    pub(super) fn access(&mut self, bastion_group: &GroupRef) {
        let mut doors: Vec<Door> = Vec::new();
        for target in &self.desired.targets {
            let Some(group) = self.door(target, bastion_group) else { continue };
            let resource = tags::target_value(&target.resource());
            let same =
                doors.iter_mut().find(|door| door.port == target.port && door.group == group.id);
            match same {
                Some(door) if door.targets.contains(&resource) => {}
                Some(door) => door.targets.push(resource),
                None => doors.push(Door {
                    group: group.id.clone(),
                    port: target.port,
                    targets: vec![resource],
                }),
            }
        }
        for door in doors {
            self.open(&door, bastion_group);
        }
    }

    /// The group of the target that needs a rule; `None` when somebody's rule does already.
    fn door(&mut self, target: &Target, bastion_group: &GroupRef) -> Option<&'a Group> {
        let resource = target.resource();
        let network = &self.inventory.network;
        let groups: Vec<_> =
            target.security_groups.iter().filter_map(|id| network.group(id)).collect();
        let Some(door) = preferred(&groups) else {
            if target.kind != Kind::Host {
                let fault = match target.security_groups.as_slice() {
                    [] => format!("has no security group in {}", self.vpc.id),
                    groups => format!("has {}, which cannot be seen from here", groups.join(", ")),
                };
                self.plan.warnings.push(format!(
                    "{resource} {fault}: see that it lets port {} in from {}",
                    target.port,
                    bastion_group.as_str(),
                ));
            }
            return None;
        };
        if let GroupRef::Id(id) = bastion_group {
            let peer = Peer::Group(id.clone());
            let lets_in = |rule: &Rule| rule.covers(target.port, &peer) && !is_target_access(rule);
            if groups.iter().any(|group| group.ingress.iter().any(lets_in)) {
                self.plan.reasons.push(format!(
                    "{resource}: a rule that adit did not make lets the bastion in already"
                ));
                return None;
            }
            // Of several groups the one that has our rule, also when another would be chosen today.
            let has_rule = |group: &&&Group| {
                group.ingress.iter().any(|rule| rule.is_exactly(target.port, &peer))
            };
            return Some(groups.iter().find(has_rule).copied().unwrap_or(door));
        }
        Some(door)
    }

    fn open(&mut self, door: &Door, bastion_group: &GroupRef) {
        let peer = RulePeer::Group(bastion_group.clone());
        let group = GroupRef::Id(door.group.clone());
        let standing = peer.standing().and_then(|peer| {
            let network = &self.inventory.network;
            let rules = &network.group(&door.group)?.ingress;
            rules.iter().find(|rule| rule.is_exactly(door.port, &peer) && is_target_access(rule))
        });
        if let Some(rule) = standing {
            self.note_targets(&group, rule, &door.targets);
            return;
        }
        let network = &self.inventory.network;
        if network.group(&door.group).is_some_and(|group| group.name == DEFAULT_GROUP) {
            self.plan.warnings.push(format!(
                "{} is the default security group of {}: the new rule lets the bastion in to port {} of all that has it",
                door.group, self.vpc.id, door.port
            ));
        }
        let rule = RuleSpec {
            protocol: Protocol::Tcp,
            port: door.port,
            peer,
            description: describe(&door.targets),
            tags: self.target_tags(&group, Purpose::TargetAccess, &door.targets),
        };
        let names = door.targets.join(", ");
        self.step(
            Action::AllowIngress { group, rule },
            &door.group,
            format!("let the bastion in to port {} of {names}", door.port),
            format!("no rule of {names} does"),
        );
    }

    /// Notes on a rule of ours that these targets need it too, so that it stays as long as they do.
    pub(super) fn note_targets(&mut self, group: &GroupRef, rule: &Rule, targets: &[String]) {
        let Some(id) = &rule.id else { return };
        let (mut all, mut new) = (rule.tags.clone(), Tags::new());
        for target in targets {
            if !tags::targets(&all).any(|(_, named)| named == target) {
                if all.len() >= tags::TAGS_MAX {
                    self.warn_of_room(group, target);
                    continue;
                }
                let key = tags::next_target_key(&all);
                all.insert(key.clone(), target.clone());
                new.insert(key, target.clone());
            }
        }
        if new.is_empty() {
            return;
        }
        let names: Vec<_> = new.values().cloned().collect();
        self.step(
            Action::TagRule { rule: id.clone(), tags: new },
            id,
            format!(
                "note on the rule of {} that it is for {} too",
                group.as_str(),
                names.join(", ")
            ),
            "the rule goes when the last of its targets does".to_owned(),
        );
    }

    /// The tags of a rule for these targets.
    pub(super) fn target_tags(
        &mut self,
        group: &GroupRef,
        purpose: Purpose,
        targets: &[String],
    ) -> Tags {
        let mut all = self.tags(purpose);
        for target in targets {
            if all.len() >= tags::TAGS_MAX {
                self.warn_of_room(group, target);
                continue;
            }
            let key = tags::next_target_key(&all);
            all.insert(key, target.clone());
        }
        all
    }

    fn warn_of_room(&mut self, group: &GroupRef, target: &str) {
        self.plan.warnings.push(format!(
            "the rule of {} that is for {target} has no room for another tag: it goes when those that it names do",
            group.as_str()
        ));
    }
}

/// The first by id; the VPC's own default group, which others share, only when there is no other.
fn preferred<'a>(groups: &[&'a Group]) -> Option<&'a Group> {
    groups.iter().min_by_key(|group| (group.name == DEFAULT_GROUP, &group.id)).copied()
}

/// The name of the group that each VPC has from the start.
const DEFAULT_GROUP: &str = "default";

/// Whether the rule is the one by which adit lets a bastion in to targets.
fn is_target_access(rule: &Rule) -> bool {
    tags::is(&rule.tags, Purpose::TargetAccess)
}

/// What a rule's description takes: 255 characters, of these.
/// <https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_IpRange.html>
const DESCRIPTION_MAX: usize = 255;

/// The description of a rule for these targets.
pub(super) fn describe(targets: &[String]) -> String {
    let fit = |c: &char| c.is_ascii_alphanumeric() || " ._-:/()#,@[]+=&;{}!$*".contains(*c);
    let text = format!("adit: bastion to {}", targets.join(", "));
    text.chars().filter(fit).take(DESCRIPTION_MAX).collect()
}
