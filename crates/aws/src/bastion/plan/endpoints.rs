//! Endpoints of Session Manager, where nothing else leads to it.

use super::{Action, GroupRef, PlanError, Planner, RulePeer, RuleSpec};
use crate::naming;
use crate::network::{Classified, Group, SERVICES};
use crate::tags::{self, Purpose};

/// The port of all AWS APIs.
const HTTPS: u16 = 443;

impl Planner<'_> {
    /// Sees to the endpoints that `place` needs to reach Session Manager, and to the rules of those
    /// that were made before.
    pub(super) fn endpoints(
        &mut self,
        place: Option<&Classified>,
        bastion_group: &GroupRef,
    ) -> Result<(), PlanError> {
        let network = &self.inventory.network;
        let has = |service: &str| network.endpoints.iter().any(|one| one.serves(service));
        let missing: Vec<_> = match place {
            Some(_) => SERVICES.into_iter().filter(|service| !has(service)).collect(),
            None => Vec::new(),
        };
        let is_ours =
            |group: &&Group| tags::is_of(&group.tags, Purpose::EndpointGroup, &self.vpc.id);
        let standing = network.groups.iter().filter(is_ours).min_by_key(|group| &group.id);
        let group = match standing {
            Some(group) => GroupRef::Id(group.id.clone()),
            None if missing.is_empty() => return Ok(()),
            None => self.new_group(
                naming::ENDPOINT_GROUP,
                Purpose::EndpointGroup,
                "adit: endpoints of Session Manager, let the bastion in",
                "the endpoints need a group that lets the bastion in",
            )?,
        };
        self.let_bastion_in(&group, standing, bastion_group);
        let Some(place) = place else { return Ok(()) };
        for service in missing {
            let name = format!("com.amazonaws.{}.{service}", self.inventory.region);
            self.step(
                Action::CreateEndpoint {
                    service: name.clone(),
                    subnet: place.subnet.id.clone(),
                    group: group.clone(),
                    tags: self.tags(Purpose::Endpoint),
                },
                &name,
                format!("make an endpoint for {service} in {}", place.subnet.id),
                format!("{} has no other way to it", place.subnet.id),
            );
        }
        Ok(())
    }

    fn let_bastion_in(
        &mut self,
        group: &GroupRef,
        standing: Option<&Group>,
        bastion_group: &GroupRef,
    ) {
        let peer = RulePeer::Group(bastion_group.clone());
        let lets_in = peer.standing().is_some_and(|peer| {
            standing.is_some_and(|group| group.ingress.iter().any(|rule| rule.covers(HTTPS, &peer)))
        });
        if lets_in {
            return;
        }
        let rule = RuleSpec {
            port: HTTPS,
            peer,
            description: "adit: bastion to Session Manager".to_owned(),
            tags: self.tags(Purpose::EndpointGroup),
        };
        self.step(
            Action::AllowIngress { group: group.clone(), rule },
            group.as_str(),
            format!("let the bastion in to port {HTTPS} of the endpoints"),
            "no rule of theirs does".to_owned(),
        );
    }
}
