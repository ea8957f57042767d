//! What is wished of a bastion, by both files.

use std::collections::BTreeMap;
use std::time::Duration;

use super::combine::{Candidate, first};
use super::explain::Explanation;
use super::{Files, Setting};
use crate::document::BastionPart;
use crate::place::Located;
use crate::problem::Problems;
use crate::values::{PublicIp, span};

const OWN: &str = "[bastion] of your own file";
const SHARED: &str = "[bastion] of adit.toml";

/// What is wished of a bastion. What is `None` was said nowhere.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Bastion {
    /// The type of a new one.
    pub instance_type: Option<Setting<String>>,
    /// After how long without traffic it stops itself.
    pub idle_stop: Option<Setting<Duration>>,
    /// The subnet of a new one.
    pub subnet: Option<Setting<String>>,
    /// Whether a new one gets a public address.
    pub public_ip: Option<Setting<PublicIp>>,
    /// Tags for all that is made; a team's go before a person's.
    pub tags: BTreeMap<String, Setting<String>>,
    /// One that is there already.
    pub existing: Option<Setting<String>>,
    /// What bounds its role; a team's goes before a person's.
    pub permissions_boundary: Option<Setting<String>>,
    /// Whether missing endpoints of the VPC are made.
    pub create_endpoints: Option<Setting<bool>>,
}

type Get<T> = fn(&BastionPart) -> Option<&Located<T>>;

impl Files {
    pub(crate) fn bastion(&self) -> Result<Bastion, Problems> {
        let (own, shared) = (&self.own.bastion, &self.shared.bastion);
        let mut bastion = Bastion {
            instance_type: first(&both(own, shared, |b| b.instance_type.as_ref()), String::clone),
            idle_stop: first(&both(own, shared, |b| b.idle_stop.as_ref()), |value| span(*value)),
            subnet: first(&both(own, shared, |b| b.subnet.as_ref()), String::clone),
            public_ip: first(&both(own, shared, |b| b.public_ip.as_ref()), PublicIp::to_string),
            tags: BTreeMap::new(),
            existing: first(&both(own, shared, |b| b.existing.as_ref()), String::clone),
            permissions_boundary: first(
                &teams(own, shared, |b| b.permissions_boundary.as_ref()),
                String::clone,
            ),
            create_endpoints: first(
                &both(own, shared, |b| b.create_endpoints.as_ref()),
                bool::to_string,
            ),
        };
        for key in own.tags.keys().chain(shared.tags.keys()) {
            let candidates = [(SHARED, shared.tags.get(key)), (OWN, own.tags.get(key))];
            bastion.tags.extend(first(&candidates, String::clone).map(|tag| (key.clone(), tag)));
        }
        let mut problems = Problems::default();
        let texts = [
            &bastion.instance_type,
            &bastion.subnet,
            &bastion.existing,
            &bastion.permissions_boundary,
        ];
        for setting in texts.into_iter().flatten().chain(bastion.tags.values()) {
            let problem = setting.origin.place().and_then(|place| self.deferred(place));
            problems.extend(problem);
        }
        problems.into_result(bastion)
    }
}

fn both<'a, T>(
    own: &'a BastionPart,
    shared: &'a BastionPart,
    get: Get<T>,
) -> [Candidate<'a, T>; 2] {
    [(OWN, get(own)), (SHARED, get(shared))]
}

fn teams<'a, T>(
    own: &'a BastionPart,
    shared: &'a BastionPart,
    get: Get<T>,
) -> [Candidate<'a, T>; 2] {
    [(SHARED, get(shared)), (OWN, get(own))]
}

impl Bastion {
    /// Each wish, by its key, as text.
    pub fn explained(&self) -> Vec<Explanation> {
        let mut all = Vec::new();
        let text = |key: &str, setting: &Option<Setting<String>>| {
            setting.as_ref().map(|setting| Explanation::of(key, setting, String::clone))
        };
        all.extend(text("instance-type", &self.instance_type));
        all.extend(self.idle_stop.as_ref().map(|s| Explanation::of("idle-stop", s, |v| span(*v))));
        all.extend(text("subnet", &self.subnet));
        all.extend(
            self.public_ip.as_ref().map(|s| Explanation::of("public-ip", s, PublicIp::to_string)),
        );
        let tags = self.tags.iter();
        all.extend(
            tags.map(|(key, tag)| Explanation::of(&format!("tags.{key}"), tag, String::clone)),
        );
        all.extend(text("existing", &self.existing));
        all.extend(text("permissions-boundary", &self.permissions_boundary));
        all.extend(
            self.create_endpoints
                .as_ref()
                .map(|s| Explanation::of("create-endpoints", s, bool::to_string)),
        );
        all
    }
}
