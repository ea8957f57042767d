//! VPCs and subnets.

use ipnet::{Ipv4Net, Ipv6Net};

use crate::cloud::state::Born;

#[derive(Clone, Debug)]
pub(crate) struct Vpc {
    pub(crate) id: String,
    /// The first is the one that it was made with.
    pub(crate) blocks: Vec<Ipv4Net>,
    pub(crate) ipv6: Option<Ipv6Net>,
    pub(crate) is_default: bool,
    pub(crate) dns_support: bool,
    pub(crate) dns_hostnames: bool,
    pub(crate) born: Born,
}

#[derive(Clone, Debug)]
pub(crate) struct Subnet {
    pub(crate) id: String,
    pub(crate) vpc: String,
    pub(crate) block: Ipv4Net,
    /// As in `us-east-1a`.
    pub(crate) zone: String,
    pub(crate) is_default: bool,
    /// Whether instances get a public address unless they are told otherwise.
    pub(crate) public_ip: bool,
    pub(crate) born: Born,
}
