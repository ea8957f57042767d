//! Rules of security groups: what they are, and how they are written.

use std::time::Duration;

use ipnet::{Ipv4Net, Ipv6Net};

use super::resource::{Resource, malformed, one};
use super::{State, tags};
use crate::cloud::state::Born;
use crate::cloud::{self, Call, CloudError, Element, Outcome, Params, el, list, node};
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

    /// A rule, seen or not, with its group.
    pub(super) fn rule(&self, id: &str) -> Option<(&str, &Rule)> {
        self.groups.values().find_map(|group| {
            let rule = group.rules.iter().find(|rule| rule.id == id)?;
            Some((group.id.as_str(), rule))
        })
    }
}

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
    if description.is_some_and(|text| !super::groups::is_plain(text)) {
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
            if let Some(error) = malformed::<super::groups::Group>(id) {
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
