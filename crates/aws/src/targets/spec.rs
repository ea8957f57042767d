//! How a target is written: `rds:orders`, `aurora:orders/reader`, `ec2:i-0123456789abcdef0:22`.

use std::fmt;
use std::str::FromStr;

use super::Kind;
use super::arn::Arn;

/// Which one of its kind a target is.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Selector {
    /// Its id or name.
    Id(String),
    /// Its ARN.
    Arn(String),
    /// A tag that it alone has.
    Tag {
        /// The tag's key.
        key: String,
        /// The tag's value.
        value: String,
    },
}

impl fmt::Display for Selector {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Id(id) | Self::Arn(id) => f.write_str(id),
            Self::Tag { key, value } => write!(f, "tag:{key}={value}"),
        }
    }
}

/// A target as the user names it. [`Display`](fmt::Display) writes the form that
/// [`FromStr`] reads, the same for all ways of writing one target.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct TargetSpec {
    /// What kind of resource it is.
    pub kind: Kind,
    /// Which one; the host itself for [`Kind::Host`].
    pub select: Selector,
    /// One endpoint of several: `reader`, or the name of an endpoint or a node.
    pub endpoint: Option<String>,
    /// The port, where the kind has none of its own: [`Kind::Ec2`] and [`Kind::Host`].
    pub port: Option<u16>,
    /// The VPC, for [`Kind::Host`].
    pub vpc: Option<String>,
}

impl TargetSpec {
    /// The port to reach, where it is known without looking the target up.
    pub fn known_port(&self) -> Option<u16> {
        match self.kind {
            Kind::OpenSearch => Some(super::opensearch::PORT),
            _ => self.port,
        }
    }
}

/// Why a text names no target.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum SpecError {
    /// It does not begin with a kind.
    #[error(
        "`{text}` does not say what kind of target it is; write KIND:ID, such as rds:{text}; the kinds are {}",
        kinds()
    )]
    NoKind {
        /// What was given.
        text: String,
    },
    /// It begins with something else.
    #[error("`{kind}` is not a kind of target{}; the kinds are {}", perhaps(*similar), kinds())]
    UnknownKind {
        /// What stands where a kind should.
        kind: String,
        /// The kind that looks most like it.
        similar: Option<Kind>,
    },
    /// The kind is known, the rest does not fit it.
    #[error("`{text}` is not a target: {why}; write {}", kind.form())]
    Form {
        /// What was given.
        text: String,
        /// The kind it begins with.
        kind: Kind,
        /// What is wrong with the rest.
        why: &'static str,
    },
}

fn kinds() -> String {
    Kind::ALL.map(Kind::as_str).join(", ")
}

fn perhaps(kind: Option<Kind>) -> String {
    kind.map(|kind| format!(" (did you mean `{kind}`?)")).unwrap_or_default()
}

impl FromStr for TargetSpec {
    type Err = SpecError;

    fn from_str(text: &str) -> Result<Self, SpecError> {
        let Some((kind, rest)) = text.split_once(':') else {
            return Err(SpecError::NoKind { text: text.to_owned() });
        };
        let kind: Kind = kind.parse()?;
        parse(kind, rest).map_err(|why| SpecError::Form { text: text.to_owned(), kind, why })
    }
}

fn parse(kind: Kind, rest: &str) -> Result<TargetSpec, &'static str> {
    let mut spec = TargetSpec {
        kind,
        select: Selector::Id(String::new()),
        endpoint: None,
        port: None,
        vpc: None,
    };
    let mut rest = rest;
    if kind == Kind::Host {
        let (before, vpc) = rest.rsplit_once('@').ok_or("the VPC is missing")?;
        let digits = vpc.strip_prefix("vpc-").ok_or("a VPC's id begins with vpc-")?;
        if digits.is_empty() || !digits.bytes().all(|byte| byte.is_ascii_alphanumeric()) {
            return Err("what follows the @ is not a VPC's id");
        }
        spec.vpc = Some(vpc.to_owned());
        rest = before;
    }
    if matches!(kind, Kind::Host | Kind::Ec2) {
        let (before, port) = rest.rsplit_once(':').ok_or("the port is missing")?;
        let port: u16 = port.parse().map_err(|_| "a port is a number from 1 to 65535")?;
        if port == 0 {
            return Err("a port is a number from 1 to 65535");
        }
        spec.port = Some(port);
        rest = before;
    }
    if kind == Kind::Host {
        spec.select = Selector::Id(host(rest)?);
        return Ok(spec);
    }
    if rest.contains(char::is_control) {
        return Err("it has a control character");
    }
    if let Some(tag) = rest.strip_prefix("tag:") {
        let (tag, endpoint) = split_tag(kind, tag);
        let (key, value) = tag.split_once('=').ok_or("a tag is written tag:KEY=VALUE")?;
        if key.is_empty() {
            return Err("the tag's key is missing");
        }
        spec.select = Selector::Tag { key: key.to_owned(), value: value.to_owned() };
        spec.endpoint = endpoint;
    } else if rest.starts_with("arn:") {
        let (arn, endpoint) = split_arn(kind, rest);
        if !Arn::parse(arn).is_some_and(|arn| arn.is_of(kind)) {
            return Err("the ARN is not one of this kind");
        }
        spec.select = Selector::Arn(arn.to_owned());
        spec.endpoint = endpoint.map(str::to_owned);
    } else {
        let (id, endpoint) = match rest.split_once('/') {
            Some((id, endpoint)) => (id, Some(endpoint)),
            None => (rest, None),
        };
        name(id)?;
        spec.select = Selector::Id(id.to_owned());
        spec.endpoint = endpoint.map(str::to_owned);
    }
    if let Some(endpoint) = &spec.endpoint {
        if !kind.has_endpoints() {
            return Err("this kind has one endpoint only");
        }
        name(endpoint)?;
    }
    // Writing the default out changes nothing.
    spec.endpoint = spec.endpoint.filter(|endpoint| endpoint != "writer");
    Ok(spec)
}

/// A tag's value may hold slashes, so only the endpoints that have fixed names can follow one.
fn split_tag(kind: Kind, tag: &str) -> (&str, Option<String>) {
    match tag.rsplit_once('/') {
        Some((before, end)) if kind.has_endpoints() && FIXED.contains(&end) => {
            (before, Some(end.to_owned()))
        }
        _ => (tag, None),
    }
}

/// The endpoints that are called the same everywhere.
const FIXED: [&str; 6] = ["writer", "reader", "iam", "scram", "tls", "plaintext"];

/// Some ARNs hold slashes themselves, always the same number of them.
fn split_arn(kind: Kind, text: &str) -> (&str, Option<&str>) {
    let own = match kind {
        Kind::Msk => 2,
        Kind::MemoryDb | Kind::OpenSearch | Kind::RedshiftServerless | Kind::Ec2 => 1,
        _ => 0,
    };
    match text.match_indices('/').nth(own) {
        Some((at, _)) => (&text[..at], Some(&text[at + 1..])),
        None => (text, None),
    }
}

/// A host name or an address; an IPv6 address stands in brackets, and is kept without them.
fn host(text: &str) -> Result<String, &'static str> {
    if let Some(inner) = text.strip_prefix('[').and_then(|text| text.strip_suffix(']')) {
        return match inner.parse::<std::net::Ipv6Addr>() {
            Ok(address) => Ok(address.to_string()),
            Err(_) => Err("what stands in the brackets is not an IPv6 address"),
        };
    }
    if text.is_empty() {
        return Err("the host is missing");
    }
    if text.contains(':') {
        return Err("an IPv6 address stands in brackets");
    }
    let known = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '-' | '_');
    if text.contains(|c| !known(c)) {
        return Err("the host is neither a name nor an address");
    }
    Ok(text.to_owned())
}

/// AWS gives ids and names no other characters; what does not fit is a slip of the hand.
fn name(text: &str) -> Result<(), &'static str> {
    if text.is_empty() {
        return Err("the id is missing");
    }
    if text.contains(|c: char| !c.is_ascii_alphanumeric() && !matches!(c, '-' | '_' | '.')) {
        return Err("an id has letters, digits, `-`, `_` and `.` only");
    }
    Ok(())
}

impl fmt::Display for TargetSpec {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.select {
            Selector::Id(host) if self.kind == Kind::Host && host.contains(':') => {
                write!(f, "{}:[{host}]", self.kind)?;
            }
            select => write!(f, "{}:{select}", self.kind)?,
        }
        if let Some(endpoint) = &self.endpoint {
            write!(f, "/{endpoint}")?;
        }
        if let Some(port) = self.port {
            write!(f, ":{port}")?;
        }
        if let Some(vpc) = &self.vpc {
            write!(f, "@{vpc}")?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests;
