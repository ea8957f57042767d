//! Targets: tables, and the one text that the command line takes too.

use std::net::Ipv6Addr;

use toml::de::{DeTable, DeValue};

use super::settings::{ACCOUNT, BASTION, PROFILE, REGION};
use super::{Reader, Value};
use crate::document::TargetPart;
use crate::keys;
use crate::kind::TargetKind;
use crate::patterns::{self, fits};
use crate::place::Located;
use crate::shown::shown;
use crate::similar::nearest;

const ID: &str = "an id of letters, digits, `-`, `_` and `.`, an ARN, or tag:KEY=VALUE";
const ENDPOINT: &str = "an endpoint, such as \"reader\", of letters, digits, `-`, `_` and `.`";
const HOST: &str = "a host name or an address, without port or user";
const VPC: &str = "the id of a VPC, vpc-…";

/// The endpoints that can follow a tag, whose value may have slashes itself.
const FIXED: [&str; 6] = ["writer", "reader", "iam", "scram", "tls", "plaintext"];

impl Reader<'_> {
    pub(super) fn target_table(&mut self, value: &Value<'_>) -> Option<TargetPart> {
        let table = self.table(value, "a table, such as { kind = \"rds\", id = \"orders\" }")?;
        self.keys(table, &[keys::TARGET], "of a target");
        let kind = self.kind(table, value);
        let mut part = TargetPart {
            place: self.source.place(value.span().start),
            kind: self.located(TargetKind::Host, &value.span()),
            parts: self.parts(table),
            spec: String::new(),
            profile: table.get("profile").and_then(|v| self.fitting(v, patterns::PROFILE, PROFILE)),
            region: table.get("region").and_then(|v| self.fitting(v, patterns::REGION, REGION)),
            account: table
                .get("account")
                .and_then(|v| self.fitting_literal(v, patterns::ACCOUNT, ACCOUNT)),
            bastion: table.get("bastion").and_then(|v| self.fitting(v, patterns::BASTION, BASTION)),
        };
        part.kind = kind?;
        self.check_keys(table, value, &part);
        part.spec = spec_of(part.kind.value, |key| {
            part.parts
                .iter()
                .find(|(known, _)| *known == key)
                .map(|(_, found)| found.value.as_str())
        });
        Some(part)
    }

    fn kind(&mut self, table: &DeTable<'_>, whole: &Value<'_>) -> Option<Located<TargetKind>> {
        let names = TargetKind::ALL.map(TargetKind::as_str);
        let Some(value) = table.get("kind") else {
            self.report(
                whole.span(),
                format!("the target has no `kind`: one of {}", names.join(", ")),
            );
            return None;
        };
        let text = self.literal(value, "a kind of target, such as \"rds\"")?;
        if let Some(kind) = TargetKind::named(&text.value) {
            return Some(text.map(|_| kind));
        }
        let message = format!(
            "`{}` is not a kind of target; there are {}",
            shown(&text.value),
            names.join(", ")
        );
        let problem = self.source.problem(value.span(), message);
        self.problems.push(problem.near(nearest(&text.value, names)));
        None
    }

    fn parts(&mut self, table: &DeTable<'_>) -> Vec<(&'static str, Located<String>)> {
        let id = table.get("id").and_then(|v| self.fitting(v, patterns::ID, ID));
        let endpoint =
            table.get("endpoint").and_then(|v| self.fitting(v, patterns::ENDPOINT, ENDPOINT));
        let host = table.get("host").and_then(|v| self.host(v));
        let port = table.get("port").and_then(|v| {
            let port: Located<u16> = self.number(v, 1..=65535, "a port from 1 to 65535")?;
            Some(port.map(|port| port.to_string()))
        });
        let vpc = table.get("vpc").and_then(|v| self.fitting(v, patterns::VPC, VPC));
        let all =
            [("id", id), ("endpoint", endpoint), ("host", host), ("port", port), ("vpc", vpc)];
        all.into_iter().filter_map(|(key, found)| Some((key, found?))).collect()
    }

    /// A host. What stands before an `@` in one may be a password, so it is not repeated.
    fn host(&mut self, value: &Value<'_>) -> Option<Located<String>> {
        if let DeValue::String(text) = value.get_ref()
            && text.contains('@')
        {
            let problem = self
                .source
                .masked(value.span(), format!("the host has a user name: wanted is {HOST}"));
            self.problems.push(problem);
            return None;
        }
        let host = self.checked(value, HOST, is_host)?;
        Some(host.map(|host| normal(&host)))
    }

    /// Which keys a kind needs, and which it has no use for.
    fn check_keys(&mut self, table: &DeTable<'_>, whole: &Value<'_>, part: &TargetPart) {
        let kind = part.kind.value;
        for key in kind.needs() {
            if !table.contains_key(*key) {
                self.report(whole.span(), format!("a target of kind `{kind}` needs `{key}`"));
            }
        }
        for (key, _) in table {
            let name: &str = key.get_ref();
            if kind.refuses().contains(&name) {
                let text = format!("a target of kind `{kind}` has no `{name}`");
                let problem = self.source.problem(key.span(), text);
                self.problems.push(problem.hint(format!("it is written {}", kind.form())));
            }
        }
        let find = |key| part.parts.iter().find(|(known, _)| *known == key).map(|(_, found)| found);
        if let (Some(id), Some(endpoint), Some(value)) =
            (find("id"), find("endpoint"), table.get("endpoint"))
            && id.value.starts_with("tag:")
            && !FIXED.contains(&endpoint.value.as_str())
        {
            let text = format!(
                "of a target found by a tag the endpoint can only be one of {}",
                FIXED.join(", ")
            );
            self.report(value.span(), text);
        }
    }

    /// A target in one text, such as `rds:orders`.
    pub(super) fn target_text(&mut self, value: &Value<'_>, want: &str) -> Option<TargetPart> {
        let (text, was_expanded) = self.expanded(value, want)?;
        let place = text.place.clone();
        let part = |kind: TargetKind, spec: String, parts| TargetPart {
            place: place.clone(),
            kind: Located { value: kind, place: place.clone() },
            parts,
            spec,
            profile: None,
            region: None,
            account: None,
            bastion: None,
        };
        if self.deferred.contains_key(&place) {
            return Some(part(TargetKind::Host, String::new(), Vec::new()));
        }
        match parse(&text.value) {
            Ok((kind, parts)) => {
                let spec = spec_of(kind, |key| {
                    parts.iter().find(|(known, _)| *known == key).map(|(_, found)| found.as_str())
                });
                let parts = parts
                    .into_iter()
                    .map(|(key, value)| (key, Located { value, place: place.clone() }));
                Some(part(kind, spec, parts.collect()))
            }
            Err(wrong) => {
                let source = self.source;
                let problem = match wrong {
                    Wrong::Kind(kind) => {
                        let names = TargetKind::ALL.map(TargetKind::as_str);
                        let message = format!(
                            "`{}` is not a kind of target; there are {}",
                            shown(&kind),
                            names.join(", ")
                        );
                        source.problem(value.span(), message).near(nearest(&kind, names))
                    }
                    Wrong::User => {
                        source.masked(value.span(), "the host has a user name; take it out")
                    }
                    Wrong::Form(kind, why) => source.problem(
                        value.span(),
                        format!("this is not a target: {why}; it is written {}", kind.form()),
                    ),
                };
                if was_expanded {
                    self.deferred.insert(place.clone(), problem);
                    return Some(part(TargetKind::Host, String::new(), Vec::new()));
                }
                self.problems.push(problem);
                None
            }
        }
    }
}

/// What is wrong with a target in one text.
enum Wrong {
    Kind(String),
    User,
    Form(TargetKind, String),
}

type Parts = Vec<(&'static str, String)>;

/// Takes a target in one text apart, as the command line does.
fn parse(text: &str) -> Result<(TargetKind, Parts), Wrong> {
    let (kind, rest) = text.split_once(':').unwrap_or((text, ""));
    let kind = TargetKind::named(kind).ok_or_else(|| Wrong::Kind(kind.to_owned()))?;
    let form = |why: &str| Wrong::Form(kind, why.to_owned());
    let mut parts = Vec::new();
    let mut rest = rest;
    if kind == TargetKind::Host {
        let (before, vpc) = rest.rsplit_once('@').ok_or_else(|| form("the VPC is missing"))?;
        if before.contains('@') {
            return Err(Wrong::User);
        }
        if !fits(vpc, patterns::VPC) {
            return Err(form("what follows the @ is not the id of a VPC"));
        }
        parts.push(("vpc", vpc.to_owned()));
        rest = before;
    }
    if matches!(kind, TargetKind::Host | TargetKind::Ec2) {
        let (before, port) = rest.rsplit_once(':').ok_or_else(|| form("the port is missing"))?;
        let number =
            port.parse::<u16>().ok().filter(|number| *number > 0 && !port.starts_with('+'));
        let number = number.ok_or_else(|| form("a port is a number from 1 to 65535"))?;
        parts.push(("port", number.to_string()));
        rest = before;
    }
    if kind == TargetKind::Host {
        let inner = rest.strip_prefix('[').and_then(|rest| rest.strip_suffix(']'));
        let host = inner.unwrap_or(rest);
        if !is_host(host) || inner.is_none() && host.contains(':') {
            return Err(form(
                "the host is neither a name nor an address (one of IPv6 stands in brackets)",
            ));
        }
        parts.push(("host", normal(host)));
        return Ok((kind, parts));
    }
    let (id, endpoint) = split(kind, rest);
    if !fits(id, patterns::ID) {
        return Err(form(&format!("wanted is {ID}")));
    }
    parts.push(("id", id.to_owned()));
    if let Some(endpoint) = endpoint {
        if !kind.has_endpoints() {
            return Err(form("this kind has one endpoint only"));
        }
        if !fits(endpoint, patterns::ENDPOINT) {
            return Err(form(&format!("wanted is {ENDPOINT}")));
        }
        parts.push(("endpoint", endpoint.to_owned()));
    }
    Ok((kind, parts))
}

/// Takes the endpoint off an id; ARNs and tags may have slashes of their own.
fn split(kind: TargetKind, text: &str) -> (&str, Option<&str>) {
    if text.starts_with("tag:") {
        return match text.rsplit_once('/') {
            Some((id, end)) if kind.has_endpoints() && FIXED.contains(&end) => (id, Some(end)),
            _ => (text, None),
        };
    }
    let own = match kind {
        _ if !text.starts_with("arn:") => 0,
        TargetKind::Msk => 2,
        TargetKind::MemoryDb
        | TargetKind::OpenSearch
        | TargetKind::RedshiftServerless
        | TargetKind::Ec2 => 1,
        _ => 0,
    };
    match text.match_indices('/').nth(own) {
        Some((at, _)) => (&text[..at], Some(&text[at + 1..])),
        None => (text, None),
    }
}

/// Whether it is a host name or an address.
pub(crate) fn is_host(text: &str) -> bool {
    fits(text, patterns::HOST) && (!text.contains(':') || text.parse::<Ipv6Addr>().is_ok())
}

/// An IPv6 address in its one form.
fn normal(host: &str) -> String {
    host.parse::<Ipv6Addr>().map_or_else(|_| host.to_owned(), |address| address.to_string())
}

/// A target in one text, in the spelling of the command line.
pub(crate) fn spec_of<'p>(kind: TargetKind, part: impl Fn(&str) -> Option<&'p str>) -> String {
    let get = |key| part(key).unwrap_or_default();
    match kind {
        TargetKind::Host if get("host").contains(':') => {
            format!("host:[{}]:{}@{}", get("host"), get("port"), get("vpc"))
        }
        TargetKind::Host => format!("host:{}:{}@{}", get("host"), get("port"), get("vpc")),
        TargetKind::Ec2 => format!("ec2:{}:{}", get("id"), get("port")),
        // Writing the default out changes nothing.
        kind => match part("endpoint").filter(|endpoint| *endpoint != "writer") {
            Some(endpoint) => format!("{kind}:{}/{endpoint}", get("id")),
            None => format!("{kind}:{}", get("id")),
        },
    }
}
