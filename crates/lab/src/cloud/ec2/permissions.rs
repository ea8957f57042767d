//! Permissions as calls write them, read into rules.

use std::time::Duration;

use ipnet::{Ipv4Net, Ipv6Net};

use super::State;
use super::groups::{Group, is_plain};
use super::resource::malformed;
use super::rules::{Peer, Rule, Traffic};
use crate::cloud::state::Born;
use crate::cloud::{Call, CloudError, Params};
use crate::service::ACCOUNT;

fn invalid(message: impl Into<String>) -> CloudError {
    CloudError::refuse("InvalidParameterValue", message)
}

/// The rules that `IpPermissions`, or the flat parameters of old, ask for; they have no ids yet.
pub(super) fn read(
    call: &Call<'_>,
    state: &State,
    group: &str,
    egress: bool,
) -> Result<Vec<Rule>, CloudError> {
    let listed = call.params.list("IpPermissions");
    let mut rules = Vec::new();
    if listed.is_empty() && call.params.has("IpProtocol") {
        let traffic = traffic(call.params)?;
        let peer = match call.params.get("CidrIp") {
            Some(text) => v4(text)?,
            None => return Err(missing_source()),
        };
        rules.push(rule(egress, traffic, peer, call.params, call.born())?);
    }
    for permission in listed {
        let traffic = traffic(permission)?;
        let before = rules.len();
        let mut add = |peer, params| -> Result<(), CloudError> {
            rules.push(rule(egress, traffic, peer, params, call.born())?);
            Ok(())
        };
        for range in permission.list("IpRanges") {
            add(v4(range.get("CidrIp").unwrap_or_default())?, range)?;
        }
        for range in permission.list("Ipv6Ranges") {
            add(v6(range.get("CidrIpv6").unwrap_or_default())?, range)?;
        }
        for pair in permission.list("Groups") {
            add(Peer::Group(referred(pair, state, group, call.now())?), pair)?;
        }
        if let Some(list) = permission.list("PrefixListIds").first() {
            let id = list.get("PrefixListId").unwrap_or_default();
            let message = format!("The prefix list ID '{id}' does not exist");
            return Err(CloudError::refuse("InvalidPrefixListID.NotFound", message));
        }
        if rules.len() == before {
            return Err(missing_source());
        }
    }
    if rules.is_empty() {
        let message = "The request must contain the parameter ipPermissions";
        return Err(CloudError::refuse("MissingParameter", message));
    }
    for (at, rule) in rules.iter().enumerate() {
        if rules[..at].iter().any(|earlier| earlier.is_same(rule)) {
            return Err(invalid("The same permission must not appear multiple times"));
        }
    }
    Ok(rules)
}

fn missing_source() -> CloudError {
    let message = "Must specify at least one of: a source group, a CIDR block";
    CloudError::refuse("InvalidRequest", message)
}

fn rule(
    egress: bool,
    traffic: Traffic,
    peer: Peer,
    params: &Params,
    born: Born,
) -> Result<Rule, CloudError> {
    let description = params.get("Description").filter(|text| !text.is_empty());
    if description.is_some_and(|text| !is_plain(text)) {
        return Err(invalid(
            "Invalid rule description. Valid descriptions are strings less than 256 characters \
             from the following set:  a-zA-Z0-9. _-:/()#,@[]+=&;{}!$*",
        ));
    }
    let description = description.map(str::to_owned);
    Ok(Rule { id: String::new(), egress, traffic, peer, description, born })
}

fn v4(text: &str) -> Result<Peer, CloudError> {
    let net = text.parse::<Ipv4Net>();
    net.map(|net| Peer::V4(net.trunc()))
        .map_err(|_| invalid(format!("CIDR block {text} is malformed")))
}

fn v6(text: &str) -> Result<Peer, CloudError> {
    let net = text.parse::<Ipv6Net>();
    net.map(|net| Peer::V6(net.trunc()))
        .map_err(|_| invalid(format!("CIDR block {text} is malformed")))
}

/// The group that a permission refers to; it has to be of the same VPC.
fn referred(
    pair: &Params,
    state: &State,
    group: &str,
    now: Duration,
) -> Result<String, CloudError> {
    let vpc = &state.groups[group].vpc;
    if pair.get("UserId").is_some_and(|user| user != ACCOUNT) {
        let message = "You have specified a security group of another account.";
        return Err(CloudError::refuse("InvalidGroup.NotFound", message));
    }
    let by_name =
        |name: &str| state.groups.values().find(|group| group.vpc == *vpc && group.name == name);
    let (other, named) = match (pair.get("GroupId"), pair.get("GroupName")) {
        (Some(id), _) => {
            if let Some(error) = malformed::<Group>(id) {
                return Err(error);
            }
            (state.group(id, now), id)
        }
        (None, Some(name)) => (by_name(name), name),
        (None, None) => return Err(missing_source()),
    };
    let other = other.ok_or_else(|| {
        let message = format!("The security group '{named}' does not exist");
        CloudError::refuse("InvalidGroup.NotFound", message)
    })?;
    if other.vpc != *vpc {
        let message = "You have specified two resources that belong to different networks.";
        return Err(CloudError::refuse("InvalidGroup.NotFound", message));
    }
    Ok(other.id.clone())
}

fn traffic(params: &Params) -> Result<Traffic, CloudError> {
    let protocol = params.required("IpProtocol")?.to_lowercase();
    let (from, to): (Option<i32>, Option<i32>) =
        (params.number("FromPort")?, params.number("ToPort")?);
    let ports = || {
        let (Some(from), Some(to)) = (from, to) else {
            return Err(invalid(
                "Invalid value 'Must specify both from and to ports with TCP/UDP.' for portRange.",
            ));
        };
        match (u16::try_from(from), u16::try_from(to)) {
            (Ok(from), Ok(to)) if from <= to => Ok((from, to)),
            _ => Err(invalid(format!("Invalid TCP/UDP port range ({from},{to})"))),
        }
    };
    let icmp = |v6| {
        let (kind, code) = (from.unwrap_or(-1), to.unwrap_or(-1));
        Ok(Traffic::Icmp { v6, kind, code })
    };
    match protocol.as_str() {
        "-1" | "all" => Ok(Traffic::All),
        "tcp" | "6" => ports().map(|(from, to)| Traffic::Tcp { from, to }),
        "udp" | "17" => ports().map(|(from, to)| Traffic::Udp { from, to }),
        "icmp" | "1" => icmp(false),
        "icmpv6" | "58" => icmp(true),
        other => other.parse().map(Traffic::Other).map_err(|_| {
            invalid(format!("Invalid value '{other}' for IP protocol. Unknown protocol."))
        }),
    }
}
