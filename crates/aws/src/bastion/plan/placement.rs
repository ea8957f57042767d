//! Where a new bastion goes, and what it runs on.

use std::cmp::Reverse;

use super::{PlanError, Planner};
use crate::bastion::{Architecture, Bastion, IDLE_MINUTES};
use crate::network::{Class, Classified};

/// What is tried when no type is asked for: ARM is cheaper; x86 is offered everywhere.
pub(crate) const DEFAULT_TYPES: [&str; 2] = ["t4g.micro", "t3.micro"];

/// Where a bastion goes.
pub(super) struct Place {
    pub(super) subnet: Classified,
    pub(super) machine: Machine,
    pub(super) public_ip: bool,
    /// Whether its way to Session Manager has to be made first.
    pub(super) makes_endpoints: bool,
}

/// What a bastion runs on.
pub(super) struct Machine {
    pub(super) instance_type: String,
    pub(super) architecture: Architecture,
    pub(super) image: String,
}

/// Why a subnet is no place for a bastion.
struct Unfit {
    reason: String,
    endpoints_help: bool,
    public_ip_helps: bool,
    /// Whether it is only the way to Session Manager that is not seen: it may be there all the same.
    may_work: bool,
}

impl Unfit {
    fn because(reason: impl Into<String>) -> Self {
        Self {
            reason: reason.into(),
            endpoints_help: false,
            public_ip_helps: false,
            may_work: false,
        }
    }
}

/// The reasons, each once with all the subnets it holds for.
fn by_reason(unfit: &[(&String, Unfit)]) -> Vec<String> {
    let mut reasons: Vec<(&str, Vec<&str>)> = Vec::new();
    for (id, why) in unfit {
        match reasons.iter_mut().find(|(reason, _)| *reason == why.reason) {
            Some((_, ids)) => ids.push(id),
            None => reasons.push((&why.reason, vec![id])),
        }
    }
    reasons.into_iter().map(|(reason, ids)| format!("{}: {reason}", ids.join(", "))).collect()
}

impl Planner<'_> {
    /// The place for a new bastion, and why it is the one.
    pub(super) fn place(&mut self, subnets: &[Classified]) -> Result<Place, PlanError> {
        if let Some(wanted) = &self.desired.options.instance_type
            && !self.inventory.types.contains_key(wanted)
        {
            return Err(PlanError::NoSuchType {
                instance_type: wanted.clone(),
                region: self.inventory.region.clone(),
            });
        }
        let place = match &self.desired.options.subnet {
            Some(id) => self.asked_for(id, subnets)?,
            None => self.best(subnets)?,
        };
        self.tell(&place);
        Ok(place)
    }

    /// The subnet that the user asks for. How it reaches Session Manager is their word: a proxy, a
    /// peering or another account's endpoints are not seen from here.
    fn asked_for(&mut self, id: &str, subnets: &[Classified]) -> Result<Place, PlanError> {
        let found = subnets.iter().find(|one| one.subnet.id == id);
        let classified = found.ok_or_else(|| PlanError::NoSuchSubnet {
            subnet: id.to_owned(),
            vpc: self.vpc.id.clone(),
            known: subnets.iter().map(|one| one.subnet.id.clone()).collect(),
        })?;
        let refuse = |unfit: Unfit| PlanError::UnfitSubnet {
            subnet: id.to_owned(),
            reason: unfit.reason,
            endpoints_help: unfit.endpoints_help,
        };
        match self.fit(classified) {
            Ok(place) => Ok(place),
            Err(unfit) if unfit.may_work => {
                let machine = self.machine(&classified.subnet.zone).map_err(refuse)?;
                let help =
                    if unfit.endpoints_help { "; --create-endpoints makes endpoints" } else { "" };
                self.plan.warnings.push(format!(
                    "the bastion may not come online in {id}, which is taken as asked for: {}{help}",
                    unfit.reason
                ));
                let public_ip = self.desired.options.public_ip == Some(true);
                Ok(Place { subnet: classified.clone(), machine, public_ip, makes_endpoints: false })
            }
            Err(unfit) => Err(refuse(unfit)),
        }
    }

    fn best(&self, subnets: &[Classified]) -> Result<Place, PlanError> {
        let (mut places, mut unfit) = (Vec::new(), Vec::new());
        for classified in subnets {
            match self.fit(classified) {
                Ok(place) => places.push(place),
                Err(why) => unfit.push((&classified.subnet.id, why)),
            }
        }
        let zones = self.target_zones();
        // Who asks for a public address wants a subnet in which it is of use.
        let wants_public = self.desired.options.public_ip == Some(true);
        places.sort_by_key(|place| {
            let subnet = &place.subnet.subnet;
            (
                wants_public && place.subnet.class != Class::Public,
                place.subnet.class,
                !zones.contains(subnet.zone.as_str()),
                Reverse(subnet.free_addresses),
                subnet.id.clone(),
            )
        });
        let best = places.into_iter().next();
        best.ok_or_else(|| PlanError::NoSubnet {
            vpc: self.vpc.id.clone(),
            endpoints_help: unfit.iter().any(|(_, why)| why.endpoints_help),
            public_ip_helps: unfit.iter().any(|(_, why)| why.public_ip_helps),
            subnet_helps: unfit.iter().any(|(_, why)| why.may_work),
            reasons: by_reason(&unfit),
        })
    }

    /// Whether a bastion works in this subnet.
    fn fit(&self, classified: &Classified) -> Result<Place, Unfit> {
        let subnet = &classified.subnet;
        if subnet.cidr.is_none() {
            return Err(Unfit::because("it has no IPv4 addresses"));
        }
        if subnet.free_addresses == 0 {
            return Err(Unfit::because("it has no free address"));
        }
        let wish = self.desired.options.public_ip;
        if classified.class == Class::Public && wish == Some(false) {
            return Err(Unfit {
                public_ip_helps: self.machine(&subnet.zone).is_ok(),
                may_work: self.machine(&subnet.zone).is_ok(),
                ..Unfit::because(format!("{}, which needs a public address", classified.why))
            });
        }
        if classified.class == Class::Isolated {
            let can_have_endpoints = self.can_have_endpoints(classified);
            if !(can_have_endpoints && self.desired.options.create_endpoints) {
                return Err(Unfit {
                    endpoints_help: can_have_endpoints && self.machine(&subnet.zone).is_ok(),
                    may_work: self.machine(&subnet.zone).is_ok(),
                    ..Unfit::because(self.why(classified))
                });
            }
        }
        let machine = self.machine(&subnet.zone)?;
        let public_ip = wish.unwrap_or(classified.class == Class::Public);
        let makes_endpoints = classified.class == Class::Isolated;
        Ok(Place { subnet: classified.clone(), machine, public_ip, makes_endpoints })
    }

    /// Endpoints are for the VPC's owner to make, and of no use beside others that do not let it in.
    fn can_have_endpoints(&self, classified: &Classified) -> bool {
        classified.refusals.is_empty() && self.sharer().is_none()
    }

    /// The account that shares the VPC with the caller's, when it is another one.
    fn sharer(&self) -> Option<&str> {
        let account = self.inventory.account()?;
        self.vpc.owner.as_deref().filter(|owner| *owner != account)
    }

    /// Why the subnet is of its class; what the owner of a shared VPC made is not seen.
    fn why(&self, classified: &Classified) -> String {
        match self.sharer() {
            Some(owner) => format!(
                "{}; what the account {owner}, which shares it, has made cannot be seen",
                classified.why
            ),
            None => classified.why.clone(),
        }
    }

    /// The first type that is asked for, is offered in the zone, and has an image.
    fn machine(&self, zone: &str) -> Result<Machine, Unfit> {
        let wanted = match &self.desired.options.instance_type {
            Some(one) => vec![one.as_str()],
            None => DEFAULT_TYPES.to_vec(),
        };
        let offered = |name: &str| self.offers(name, zone);
        let machine = wanted.iter().filter(|name| offered(name)).find_map(|&name| {
            let architecture = *self.inventory.types.get(name)?;
            let image = self.inventory.images.get(&architecture)?.clone();
            Some(Machine { instance_type: name.to_owned(), architecture, image })
        });
        machine.ok_or_else(|| {
            let without_image: Vec<_> = wanted
                .iter()
                .filter(|name| offered(name))
                .filter_map(|&name| self.inventory.types.get(name))
                .map(|architecture| architecture.as_str())
                .collect();
            Unfit::because(if without_image.is_empty() {
                match wanted[..] {
                    [one] => format!("{one} is not offered in {zone}"),
                    _ => format!("neither {} is offered in {zone}", wanted.join(" nor ")),
                }
            } else {
                format!(
                    "there is no image of Amazon Linux 2023 for {} in {}",
                    without_image.join(" or "),
                    self.inventory.region
                )
            })
        })
    }

    fn offers(&self, name: &str, zone: &str) -> bool {
        self.inventory.offers.get(name).is_some_and(|zones| zones.contains(zone))
    }

    /// Says what was chosen, and why.
    fn tell(&mut self, place: &Place) {
        let Classified { subnet, class, why, refusals } = &place.subnet;
        let zones = self.target_zones();
        let beside = if zones.contains(subnet.zone.as_str()) { ", the target's zone" } else { "" };
        let address = match (place.public_ip, class) {
            (true, Class::Public) => "; the bastion gets a public address, which that needs",
            (true, _) => "; the bastion gets a public address, as asked for",
            (false, Class::Isolated) if place.makes_endpoints => ", so endpoints are made",
            (false, _) => "",
        };
        self.plan
            .reasons
            .push(format!("subnet {} in {}{beside}: {why}{address}", subnet.id, subnet.zone));
        let Machine { instance_type, architecture, image } = &place.machine;
        let reason = match &self.desired.options.instance_type {
            Some(_) => "as asked for".to_owned(),
            None if instance_type == DEFAULT_TYPES[0] => {
                "memory enough for updates, ARM because it costs less".to_owned()
            }
            None if self.offers(DEFAULT_TYPES[0], &subnet.zone) => format!(
                "there is no image of Amazon Linux 2023 for {} in {}",
                Architecture::Arm64.as_str(),
                self.inventory.region
            ),
            None => format!("{} is not offered in {}", DEFAULT_TYPES[0], subnet.zone),
        };
        self.plan.reasons.push(format!("type {instance_type}: {reason}"));
        self.plan.reasons.push(format!(
            "image {image}: the newest Amazon Linux 2023 for {}",
            architecture.as_str()
        ));
        let idle = self.desired.options.idle_minutes.unwrap_or(IDLE_MINUTES);
        self.plan.reasons.push(format!(
            "stop after {idle} min without traffic: it costs little more than its disk then, and `adit connect` starts it; --idle-stop changes it"
        ));
        self.warn_of_refusals(*class, refusals);
    }

    fn warn_of_refusals(&mut self, class: Class, refusals: &[String]) {
        if class != Class::Isolated {
            let warning = |refusal| format!("the bastion may not come online: {refusal}");
            self.plan.warnings.extend(refusals.iter().map(warning));
        }
    }

    /// The subnet of a bastion that stands, when it needs endpoints that can be made.
    pub(super) fn isolated_place_of(
        &mut self,
        bastion: &Bastion,
        subnets: &[Classified],
    ) -> Option<Classified> {
        self.note_ignored(bastion);
        let place = subnets.iter().find(|one| one.subnet.id == bastion.subnet)?;
        self.warn_of_refusals(place.class, &place.refusals);
        if place.class != Class::Isolated {
            return None;
        }
        let can_have_endpoints = self.can_have_endpoints(place);
        if !(can_have_endpoints && self.desired.options.create_endpoints) {
            let help = if can_have_endpoints { "; --create-endpoints makes endpoints" } else { "" };
            self.plan.warnings.push(format!(
                "the bastion {} does not reach Session Manager from {}: {}{help}",
                bastion.id,
                bastion.subnet,
                self.why(place)
            ));
            return None;
        }
        Some(place.clone())
    }

    /// Wishes about a new bastion do not change one that stands.
    fn note_ignored(&mut self, bastion: &Bastion) {
        let options = &self.desired.options;
        let mut ignored = Vec::new();
        if let Some(subnet) = &options.subnet
            && *subnet != bastion.subnet
        {
            ignored.push(format!("subnet {subnet}"));
        }
        if let Some(wanted) = &options.instance_type
            && *wanted != bastion.instance_type
        {
            ignored.push(format!("type {wanted}"));
        }
        if !ignored.is_empty() {
            self.plan.warnings.push(format!(
                "the bastion {} ({} in {}) stays as it is: {} would need a new one, after `adit cleanup --vpc {}`",
                bastion.id,
                bastion.instance_type,
                bastion.subnet,
                ignored.join(" and "),
                self.vpc.id,
            ));
        }
    }
}
