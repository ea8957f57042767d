//! Endpoints of Session Manager, where nothing else leads to it.

use super::egress::HTTPS;
use super::{Action, GroupRef, PlanError, Planner, RulePeer, RuleSpec};
use crate::naming;
use crate::network::{Classified, Group, Peer, Protocol, SERVICES};
use crate::tags::Purpose;

impl Planner<'_> {
    /// Sees to the endpoints that `place` needs to reach Session Manager, and to the rules of those
    /// that were made before.
    pub(super) fn endpoints(&mut self, place: Option<&Classified>) -> Result<(), PlanError> {
        let network = &self.inventory.network;
        let has = |service: &str| network.endpoints.iter().any(|one| one.serves(service));
        let missing: Vec<_> = match place {
            Some(_) => SERVICES.into_iter().filter(|service| !has(service)).collect(),
            None => Vec::new(),
        };
        let ours = self.own_groups(Purpose::EndpointGroup);
        let standing = ours.into_iter().min_by_key(|group| &group.id);
        let group = match standing {
            Some(group) => GroupRef::Id(group.id.clone()),
            None if missing.is_empty() => return Ok(()),
            None => self.new_group(
                naming::ENDPOINT_GROUP,
                Purpose::EndpointGroup,
                naming::ENDPOINT_GROUP_DESCRIPTION,
                "the endpoints need a group that lets the VPC in",
            )?,
        };
        self.let_vpc_in(&group, standing);
        let Some(place) = place else { return Ok(()) };
        for service in &missing {
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
        if !missing.is_empty() {
            let region = &self.inventory.region;
            let names: Vec<_> =
                missing.iter().map(|service| format!("{service}.{region}.amazonaws.com")).collect();
            self.plan.warnings.push(format!(
                "{} will resolve to the new endpoints for all that is in {}; `adit cleanup` ends that",
                names.join(" and "),
                self.vpc.id
            ));
        }
        Ok(())
    }

    /// The names of the services lead all of the VPC to the endpoints, other managed nodes too; so all
    /// of it is let in.
    fn let_vpc_in(&mut self, group: &GroupRef, standing: Option<&Group>) {
        for cidr in self.vpc.cidrs.iter().chain(&self.vpc.ipv6_cidrs) {
            let peer = Peer::Cidr(cidr.clone());
            let lets_in =
                |group: &Group| group.ingress.iter().any(|rule| rule.covers(HTTPS, &peer));
            if standing.is_some_and(lets_in) {
                continue;
            }
            let rule = RuleSpec {
                protocol: Protocol::Tcp,
                port: HTTPS,
                peer: RulePeer::Cidr(cidr.clone()),
                description: "adit: the VPC to Session Manager".to_owned(),
                tags: self.tags(Purpose::EndpointGroup),
            };
            self.step(
                Action::AllowIngress { group: group.clone(), rule },
                group.as_str(),
                format!("let {cidr} in to port {HTTPS} of the endpoints"),
                "they answer for the whole VPC".to_owned(),
            );
        }
    }
}
