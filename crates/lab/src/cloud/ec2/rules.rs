//! Rules of security groups: what they are, and how they are written.

use std::net::Ipv4Addr;

use ipnet::{Ipv4Net, Ipv6Net};

use super::resource::{Resource, malformed, one};
use super::{State, tags};
use crate::cloud::state::Born;
use crate::cloud::{self, Call, CloudError, Element, Outcome, el, list, node};
use crate::service::{ACCOUNT, REGION};

/// What one rule lets through, and where to or from.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct Rule {
    pub(super) id: String,
    pub(super) egress: bool,
    pub(super) traffic: Traffic,
    pub(super) peer: Peer,
    pub(super) description: Option<String>,
    pub(super) born: Born,
}

/// Protocol and ports.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Traffic {
    All,
    Tcp {
        from: u16,
        to: u16,
    },
    Udp {
        from: u16,
        to: u16,
    },
    Icmp {
        v6: bool,
        kind: i32,
        code: i32,
    },
    /// By its number.
    Other(u8),
}

/// The other side.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) enum Peer {
    V4(Ipv4Net),
    V6(Ipv6Net),
    Group(String),
}

impl Traffic {
    pub(super) fn protocol(self) -> String {
        match self {
            Self::All => "-1".to_owned(),
            Self::Tcp { .. } => "tcp".to_owned(),
            Self::Udp { .. } => "udp".to_owned(),
            Self::Icmp { v6: false, .. } => "icmp".to_owned(),
            Self::Icmp { v6: true, .. } => "icmpv6".to_owned(),
            Self::Other(number) => number.to_string(),
        }
    }

    /// Ports, or type and code.
    pub(super) fn range(self) -> Option<(i32, i32)> {
        match self {
            Self::All | Self::Other(_) => None,
            Self::Tcp { from, to } | Self::Udp { from, to } => Some((from.into(), to.into())),
            Self::Icmp { kind, code, .. } => Some((kind, code)),
        }
    }

    /// Whether TCP to a port passes.
    pub(super) fn allows_tcp(self, port: u16) -> bool {
        match self {
            Self::All => true,
            Self::Tcp { from, to } => (from..=to).contains(&port),
            Self::Udp { .. } | Self::Icmp { .. } | Self::Other(_) => false,
        }
    }

    /// Whether UDP to a port passes.
    fn allows_udp(self, port: u16) -> bool {
        match self {
            Self::All => true,
            Self::Udp { from, to } => (from..=to).contains(&port),
            Self::Tcp { .. } | Self::Icmp { .. } | Self::Other(_) => false,
        }
    }

    /// As the refusal of a duplicate names it.
    fn in_words(self) -> String {
        match (self, self.range()) {
            (Self::All, _) => "ALL".to_owned(),
            (_, Some((from, to))) => {
                format!("{}, from port: {from}, to port: {to}", self.protocol().to_uppercase())
            }
            (_, None) => self.protocol(),
        }
    }
}

impl Rule {
    /// Whether both let the same through; descriptions and tags do not count.
    pub(super) fn is_same(&self, other: &Self) -> bool {
        self.egress == other.egress && self.traffic == other.traffic && self.peer == other.peer
    }

    /// The refusal of a rule that is there already.
    pub(super) fn duplicate(&self) -> CloudError {
        let peer = match &self.peer {
            Peer::V4(net) => net.to_string(),
            Peer::V6(net) => net.to_string(),
            Peer::Group(id) => id.clone(),
        };
        let message = format!(
            "the specified rule \"peer: {peer}, {}, ALLOW\" already exists",
            self.traffic.in_words()
        );
        CloudError::refuse("InvalidPermission.Duplicate", message)
    }

    /// What a filter on permissions compares with.
    pub(super) fn value(&self, what: &str) -> Option<String> {
        match (what, &self.peer) {
            ("cidr", Peer::V4(net)) => Some(net.to_string()),
            ("ipv6-cidr", Peer::V6(net)) => Some(net.to_string()),
            ("group-id", Peer::Group(id)) => Some(id.clone()),
            ("user-id", Peer::Group(_)) => Some(ACCOUNT.to_owned()),
            ("from-port", _) => self.traffic.range().map(|(from, _)| from.to_string()),
            ("to-port", _) => self.traffic.range().map(|(_, to)| to.to_string()),
            ("protocol", _) => Some(self.traffic.protocol()),
            _ => None,
        }
    }

    /// The rule as an item of `securityGroupRuleSet`.
    pub(super) fn item(&self, group: &str, state: &State) -> Element {
        let (from, to) = self.traffic.range().unwrap_or((-1, -1));
        let out = node("item")
            .text("securityGroupRuleId", &self.id)
            .text("groupId", group)
            .text("groupOwnerId", ACCOUNT)
            .text("isEgress", self.egress)
            .text("ipProtocol", self.traffic.protocol())
            .text("fromPort", from)
            .text("toPort", to);
        let out = match &self.peer {
            Peer::V4(net) => out.text("cidrIpv4", net),
            Peer::V6(net) => out.text("cidrIpv6", net),
            Peer::Group(id) => {
                out.with(node("referencedGroupInfo").text("groupId", id).text("userId", ACCOUNT))
            }
        };
        out.maybe("description", self.description.as_ref()).with(tags::set(state, &self.id)).text(
            "securityGroupRuleArn",
            format!("arn:aws:ec2:{REGION}:{ACCOUNT}:security-group-rule/{}", self.id),
        )
    }

    /// The rule as an item of `revokedSecurityGroupRuleSet`.
    pub(super) fn revoked(&self, group: &str) -> Element {
        let (from, to) = self.traffic.range().unwrap_or((-1, -1));
        let out = node("item")
            .text("securityGroupRuleId", &self.id)
            .text("groupId", group)
            .text("isEgress", self.egress)
            .text("ipProtocol", self.traffic.protocol())
            .text("fromPort", from)
            .text("toPort", to);
        let out = match &self.peer {
            Peer::V4(net) => out.text("cidrIpv4", net),
            Peer::V6(net) => out.text("cidrIpv6", net),
            Peer::Group(id) => out.text("referencedGroupId", id),
        };
        out.maybe("description", self.description.as_ref())
    }
}

/// Rules as groups have them: one entry for each protocol and range.
pub(super) fn permissions<'a>(
    name: &'static str,
    rules: impl Iterator<Item = &'a Rule>,
) -> Element {
    let mut entries: Vec<(Traffic, Vec<&Rule>)> = Vec::new();
    for rule in rules {
        match entries.iter_mut().find(|(traffic, _)| *traffic == rule.traffic) {
            Some((_, rules)) => rules.push(rule),
            None => entries.push((rule.traffic, vec![rule])),
        }
    }
    let items = entries.into_iter().map(|(traffic, rules)| {
        let (mut groups, mut v4, mut v6) = (Vec::new(), Vec::new(), Vec::new());
        for rule in rules {
            let description = rule.description.as_ref();
            match &rule.peer {
                Peer::Group(id) => groups.push(
                    node("item")
                        .text("userId", ACCOUNT)
                        .text("groupId", id)
                        .maybe("description", description),
                ),
                Peer::V4(net) => {
                    v4.push(node("item").text("cidrIp", net).maybe("description", description));
                }
                Peer::V6(net) => {
                    v6.push(node("item").text("cidrIpv6", net).maybe("description", description));
                }
            }
        }
        node("item")
            .with(el("ipProtocol", traffic.protocol()))
            .maybe("fromPort", traffic.range().map(|(from, _)| from))
            .maybe("toPort", traffic.range().map(|(_, to)| to))
            .with(list("groups", groups))
            .with(list("ipRanges", v4))
            .with(list("ipv6Ranges", v6))
            .with(list("prefixListIds", []))
    });
    list(name, items)
}

/// A rule with the group that it is in, to be described.
struct Described<'a> {
    rule: &'a Rule,
    group: &'a str,
}

impl Resource for Described<'_> {
    const IDS: &'static str = "SecurityGroupRuleId";
    const SET: &'static str = "securityGroupRuleSet";
    const FILTERS: &'static [&'static str] = &["group-id", "security-group-rule-id"];
    const MISSING: (&'static str, &'static str) =
        ("InvalidSecurityGroupRuleId.NotFound", "security group rule ID");
    const PREFIX: &'static str = "sgr-";

    fn id(&self) -> &str {
        &self.rule.id
    }

    fn born(&self) -> Born {
        self.rule.born
    }

    fn values(&self, _cloud: &cloud::State, filter: &str) -> Vec<String> {
        match filter {
            "group-id" => one(self.group),
            _ => one(&self.rule.id),
        }
    }

    fn element(&self, cloud: &cloud::State) -> Element {
        self.rule.item(self.group, &cloud.ec2)
    }
}

/// The refusal of a text that cannot be a rule's id.
pub(super) fn malformed_id(id: &str) -> Option<CloudError> {
    malformed::<Described<'_>>(id)
}

pub(super) fn describe(call: &Call<'_>, cloud: &mut cloud::State) -> Outcome {
    let groups = cloud.ec2.groups.values();
    let all: Vec<Described<'_>> = groups
        .filter(|group| group.born.is_visible(call.now()))
        .flat_map(|group| group.rules.iter().map(|rule| Described { rule, group: &group.id }))
        .collect();
    super::resource::describe(call, cloud, all.iter())
}

impl State {
    /// Whether one of some groups lets TCP to a port out, or in: to one of the other side's
    /// groups, or to blocks that cover it.
    pub(crate) fn lets(
        &self,
        groups: &[String],
        egress: bool,
        port: u16,
        others: &[String],
        covers: impl Fn(&Ipv4Net) -> bool,
    ) -> bool {
        let groups = groups.iter().filter_map(|id| self.groups.get(id));
        groups.flat_map(|group| group.rules(egress)).any(|rule| {
            rule.traffic.allows_tcp(port)
                && match &rule.peer {
                    Peer::V4(net) => covers(net),
                    Peer::V6(_) => false,
                    Peer::Group(id) => others.contains(id),
                }
        })
    }

    /// Whether one of some groups lets UDP to a port of an address out.
    pub(super) fn lets_datagrams_out(&self, groups: &[String], port: u16, to: Ipv4Addr) -> bool {
        let groups = groups.iter().filter_map(|id| self.groups.get(id));
        groups.flat_map(|group| group.rules(true)).any(|rule| {
            rule.traffic.allows_udp(port)
                && matches!(&rule.peer, Peer::V4(net) if net.contains(&to))
        })
    }

    /// A rule, seen or not, with its group.
    pub(super) fn rule(&self, id: &str) -> Option<(&str, &Rule)> {
        self.groups.values().find_map(|group| {
            let rule = group.rules.iter().find(|rule| rule.id == id)?;
            Some((group.id.as_str(), rule))
        })
    }
}
