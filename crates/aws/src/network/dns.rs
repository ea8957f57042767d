//! The name servers of a VPC.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use ipnet::Ipv4Net;

use super::{Group, Peer, Protocol, Vpc};

/// Where name servers listen.
pub(crate) const PORT: u16 = 53;

/// The addresses at which every VPC's own name server answers, beside the third of its blocks.
/// <https://docs.aws.amazon.com/vpc/latest/userguide/AmazonDNS-concepts.html>
const OWN: [IpAddr; 2] = [
    IpAddr::V4(Ipv4Addr::new(169, 254, 169, 253)),
    IpAddr::V6(Ipv6Addr::new(0xfd00, 0xec2, 0, 0, 0, 0, 0, 0x253)),
];

/// Notes what a set of DHCP options says: `AmazonProvidedDNS`, or addresses.
pub(super) fn set_servers(vpc: &mut Vpc, servers: &[String]) {
    let is_own = |text: &String| match text.parse() {
        Ok(address) => is_own(vpc, address),
        Err(_) => text.eq_ignore_ascii_case("AmazonProvidedDNS"),
    };
    let (own, others): (Vec<_>, Vec<_>) = servers.iter().partition(|text| is_own(text));
    vpc.uses_own_dns = Some(!own.is_empty());
    vpc.dns_servers = others.into_iter().filter_map(|text| text.parse().ok()).collect();
}

/// Whether the VPC itself answers there, which no security group stands in the way of.
fn is_own(vpc: &Vpc, address: IpAddr) -> bool {
    let is_third = |cidr: &String| {
        let third = cidr.parse::<Ipv4Net>().ok().and_then(|net| net.hosts().nth(1));
        third.map(IpAddr::V4) == Some(address)
    };
    OWN.contains(&address) || vpc.cidrs.iter().any(is_third)
}

/// Why names do not resolve for what has these groups, as far as is known.
pub(crate) fn resolver_fault(vpc: &Vpc, groups: &[&Group]) -> Option<String> {
    if vpc.dns_servers.is_empty() {
        let is_off = vpc.uses_own_dns == Some(true) && vpc.dns_support == Some(false);
        return is_off
            .then(|| format!("names do not resolve in {}: its enableDnsSupport is off", vpc.id));
    }
    let uses_own = vpc.uses_own_dns == Some(true) && vpc.dns_support != Some(false);
    let lets_out = |server: &IpAddr| {
        let peer = Peer::Cidr(host_block(*server));
        let lets = |group: &&Group| {
            group.egress.iter().any(|rule| rule.covers_of(Protocol::Udp, PORT, &peer))
        };
        groups.iter().any(lets)
    };
    if uses_own || groups.is_empty() || vpc.dns_servers.iter().any(lets_out) {
        return None;
    }
    let servers: Vec<_> = vpc.dns_servers.iter().map(ToString::to_string).collect();
    Some(format!(
        "the name servers of {} are {}, and its security groups do not let port 53 out to them",
        vpc.id,
        servers.join(", ")
    ))
}

/// The block that holds just this address.
pub(crate) fn host_block(address: IpAddr) -> String {
    match address {
        IpAddr::V4(address) => format!("{address}/32"),
        IpAddr::V6(address) => format!("{address}/128"),
    }
}
