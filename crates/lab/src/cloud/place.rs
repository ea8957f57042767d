//! Where things are: what the services that put something into a VPC ask of EC2.

use super::ec2::networks::Subnet;
use super::{Call, ec2};

/// A subnet, and where it is.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct Place {
    pub(crate) subnet: String,
    pub(crate) vpc: String,
    pub(crate) zone: String,
}

impl From<&Subnet> for Place {
    fn from(subnet: &Subnet) -> Self {
        let Subnet { id, vpc, zone, .. } = subnet;
        Self { subnet: id.clone(), vpc: vpc.clone(), zone: zone.clone() }
    }
}

/// The places of subnets that are all there and all in one VPC.
pub(crate) fn places(ec2: &ec2::State, call: &Call<'_>, subnets: &[String]) -> Option<Vec<Place>> {
    let places: Option<Vec<Place>> =
        subnets.iter().map(|id| ec2.subnet(id, call.now()).map(Place::from)).collect();
    places.filter(|places| places.windows(2).all(|pair| pair[0].vpc == pair[1].vpc))
}

/// The places of the default VPC's subnets.
pub(crate) fn default_places(ec2: &ec2::State) -> Vec<Place> {
    let vpc = ec2.default_vpc();
    vpc.map(|vpc| ec2.subnets_of(&vpc.id).map(Place::from).collect()).unwrap_or_default()
}

/// A VPC's own group, for those who name none.
pub(crate) fn default_groups(ec2: &ec2::State, vpc: &str) -> Vec<String> {
    ec2.default_group(vpc).map(|group| group.id.clone()).into_iter().collect()
}

/// Why groups cannot be those of something in a VPC.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) enum Foreign {
    /// There is no such group.
    Missing(String),
    /// It is in another VPC.
    Elsewhere { group: String, vpc: String },
}

/// Checks the groups of something in a VPC.
pub(crate) fn check_groups(
    ec2: &ec2::State,
    call: &Call<'_>,
    groups: &[String],
    vpc: &str,
) -> Result<(), Foreign> {
    for id in groups {
        let group = ec2.group(id, call.now()).ok_or_else(|| Foreign::Missing(id.clone()))?;
        if group.vpc != vpc {
            return Err(Foreign::Elsewhere { group: id.clone(), vpc: group.vpc.clone() });
        }
    }
    Ok(())
}

impl Foreign {
    /// The group that it is about.
    pub(crate) fn group(&self) -> &str {
        match self {
            Self::Missing(group) | Self::Elsewhere { group, .. } => group,
        }
    }
}
