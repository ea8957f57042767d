//! Security groups, and what their rules let through.

use ipnet::IpNet;
use serde::{Deserialize, Serialize};

use crate::tags::Tags;

/// A security group.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Group {
    /// Its id, `sg-…`.
    pub id: String,
    /// Its name, unique in the VPC.
    pub name: String,
    /// What it says of itself, which cannot be changed.
    pub description: String,
    /// The account that has it.
    pub owner: String,
    /// Its tags.
    pub tags: Tags,
    /// What it lets in.
    pub ingress: Vec<Rule>,
    /// What it lets out.
    pub egress: Vec<Rule>,
}

/// What a rule of adit's lets through.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Protocol {
    /// TCP, as nearly all of them do.
    #[default]
    Tcp,
    /// UDP.
    Udp,
}

impl Protocol {
    /// The service's word for it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Tcp => "tcp",
            Self::Udp => "udp",
        }
    }

    #[expect(clippy::trivially_copy_pass_by_ref, reason = "serde asks so")]
    pub(crate) fn is_tcp(&self) -> bool {
        *self == Self::Tcp
    }
}

/// One rule of a security group.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Rule {
    /// Its id, `sgr-…`; known only of rules that adit made.
    pub id: Option<String>,
    /// `tcp`, `udp`, `icmp`, a number, or `-1` for all.
    pub protocol: String,
    /// First and last port; `None` for all of them.
    pub ports: Option<(u16, u16)>,
    /// From or to where.
    pub peer: Peer,
    /// The tags of a rule that adit made; else empty.
    pub tags: Tags,
}

/// The other side of a rule.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(tag = "kind", content = "value", rename_all = "kebab-case")]
pub enum Peer {
    /// Addresses, as `10.0.0.0/16`.
    Cidr(String),
    /// What has this security group.
    Group(String),
    /// A managed list of addresses.
    PrefixList(String),
}

impl Rule {
    /// Whether it is the rule for exactly this TCP port and peer.
    pub(crate) fn is_exactly(&self, port: u16, peer: &Peer) -> bool {
        self.protocol == "tcp" && self.ports == Some((port, port)) && self.peer == *peer
    }

    /// Whether it lets TCP to `port` through, from or to all of `peer`.
    pub(crate) fn covers(&self, port: u16, peer: &Peer) -> bool {
        self.covers_of(Protocol::Tcp, port, peer)
    }

    /// Whether it lets `protocol` to `port` through, from or to all of `peer`.
    pub(crate) fn covers_of(&self, protocol: Protocol, port: u16, peer: &Peer) -> bool {
        let is_protocol = match (self.protocol.as_str(), protocol) {
            ("-1", _) => true,
            ("tcp" | "6", Protocol::Tcp) | ("udp" | "17", Protocol::Udp) => {
                self.ports.is_none_or(|(from, to)| (from..=to).contains(&port))
            }
            _ => false,
        };
        is_protocol && self.peer.contains(peer)
    }

    /// Where it lets everything go, when it is the rule that AWS puts into every new group.
    pub(crate) fn default_egress(&self) -> Option<String> {
        match &self.peer {
            Peer::Cidr(cidr)
                if self.protocol == "-1" && (cidr == "0.0.0.0/0" || cidr == "::/0") =>
            {
                Some(cidr.clone())
            }
            _ => None,
        }
    }
}

impl Peer {
    fn contains(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Cidr(ours), Self::Cidr(theirs)) => contains(ours, theirs),
            _ => self == other,
        }
    }
}

/// Whether the block `outer` holds all of `inner`; a block that cannot be read holds nothing.
pub(crate) fn contains(outer: &str, inner: &str) -> bool {
    match (outer.parse::<IpNet>(), inner.parse::<IpNet>()) {
        (Ok(outer), Ok(inner)) => outer.contains(&inner),
        _ => false,
    }
}
