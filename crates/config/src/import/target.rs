//! Targets of Basti.

use serde_json::{Map, Value};

use super::Import;
use crate::file::Target;
use crate::kind::TargetKind;
use crate::patterns::{self, fits};
use crate::read::is_host;
use crate::secret;
use crate::shown::shown;

/// The keys that say what kind of target it is, in the order in which Basti looks; the second of
/// some is what they were called once.
const KINDS: [(&str, TargetKind); 8] = [
    ("rdsInstance", TargetKind::Rds),
    ("rdsCluster", TargetKind::Aurora),
    ("elasticacheRedisCluster", TargetKind::ElastiCache),
    ("elasticacheCluster", TargetKind::ElastiCache),
    ("elasticacheRedisNode", TargetKind::ElastiCache),
    ("elasticacheNode", TargetKind::ElastiCache),
    ("elasticacheMemcachedCluster", TargetKind::ElastiCache),
    ("elasticacheMemcachedNode", TargetKind::ElastiCache),
];

const CUSTOM: [&str; 3] = ["customTargetVpc", "customTargetHost", "customTargetPort"];

const COMMON: [&str; 2] = ["awsProfile", "awsRegion"];

impl Import {
    pub(super) fn target(&mut self, what: &str, value: &Value) -> Option<Target> {
        let Value::Object(fields) = value else {
            return self.leave(what, "it is not a table");
        };
        let known: Vec<&str> =
            KINDS.iter().map(|(key, _)| *key).chain(CUSTOM).chain(COMMON).collect();
        self.unknown(fields, &known, what);
        let mut named = KINDS.into_iter().filter(|(key, _)| fields.contains_key(*key));
        let mut target = match named.next() {
            Some((key, kind)) => self.of_kind(what, key, kind, fields)?,
            None if CUSTOM.iter().any(|key| fields.contains_key(*key)) => {
                self.custom(what, fields)?
            }
            None => return self.leave(what, "it says no kind of target"),
        };
        let is_custom = CUSTOM.iter().any(|key| fields.contains_key(*key));
        if named.next().is_some() || target.kind != TargetKind::Host && is_custom {
            self.notes.push(format!(
                "{what} says more than one kind of target; Basti takes the first, which is `{}`",
                target.kind
            ));
        }
        target.profile = self.text(what, fields, "awsProfile", patterns::PROFILE);
        target.region = self.text(what, fields, "awsRegion", patterns::REGION);
        Some(target)
    }

    fn of_kind(
        &mut self,
        what: &str,
        key: &str,
        kind: TargetKind,
        fields: &Map<String, Value>,
    ) -> Option<Target> {
        let Some(id) = fields.get(key).and_then(Value::as_str).filter(|id| is_id(id)) else {
            return self.leave(what, &format!("`{key}` is not an id"));
        };
        let mut target = Target::new(kind);
        target.id = Some(id.to_owned());
        match key {
            "elasticacheRedisNode" | "elasticacheNode" => {
                if let Some(group) = group_of(id) {
                    target.id = Some(group.to_owned());
                    target.endpoint = Some(id.to_owned());
                    self.notes.push(format!("{what} is the node `{id}`; its replication group is taken to be `{group}`, by the name"));
                } else {
                    self.notes.push(format!("{what} is the node `{id}`, whose replication group its name does not tell; it is looked for by its own name"));
                }
            }
            "elasticacheMemcachedNode" => {
                // Basti writes CLUSTER-NODE, where a node is four digits.
                match id.rsplit_once('-').filter(|(cluster, node)| !cluster.is_empty() && is_digits(node, 4)) {
                    Some((cluster, node)) => {
                        target.id = Some(cluster.to_owned());
                        target.endpoint = Some(node.to_owned());
                        self.notes.push(format!("{what} leads to the node `{node}` itself now; Basti takes the cluster's configuration endpoint in its place"));
                    }
                    None => return self.leave(what, &format!("`{key}` is not CLUSTER-NODE")),
                }
            }
            "rdsCluster" => self.notes.push(format!(
                "{what} is taken for an Aurora or Multi-AZ cluster; where it is one of DocumentDB or Neptune, its kind is `docdb` or `neptune`"
            )),
            _ => {}
        }
        Some(target)
    }

    fn custom(&mut self, what: &str, fields: &Map<String, Value>) -> Option<Target> {
        let text = |key: &str| fields.get(key).and_then(Value::as_str);
        let (vpc, host) = (text("customTargetVpc"), text("customTargetHost"));
        let port = fields.get("customTargetPort").and_then(Value::as_u64);
        let port = port.and_then(|port| u16::try_from(port).ok()).filter(|port| *port > 0);
        let mut target = Target::new(TargetKind::Host);
        target.vpc = vpc.filter(|vpc| fits(vpc, patterns::VPC)).map(str::to_owned);
        target.host =
            host.filter(|host| is_host(host) && secret::found(host).is_none()).map(str::to_owned);
        target.port = port;
        let missing = [
            (target.vpc.is_none(), CUSTOM[0]),
            (target.host.is_none(), CUSTOM[1]),
            (target.port.is_none(), CUSTOM[2]),
        ];
        if let Some((_, key)) = missing.into_iter().find(|(is_missing, _)| *is_missing) {
            return self.leave(what, &format!("`{key}` is missing, or is not what it should be"));
        }
        Some(target)
    }

    /// A text that may be left out.
    fn text(
        &mut self,
        what: &str,
        fields: &Map<String, Value>,
        key: &str,
        pattern: &'static str,
    ) -> Option<String> {
        let value = fields.get(key).filter(|value| !value.is_null())?;
        let is_good = |text: &&str| {
            fits(text, pattern) && secret::found(text).is_none() && !text.contains("${")
        };
        if let Some(text) = value.as_str().filter(is_good) {
            return Some(text.to_owned());
        }
        let shown = shown(&value.as_str().map_or_else(|| value.to_string(), str::to_owned));
        self.notes.push(format!("`{key}` of {what} was left out: `{shown}` cannot be one"));
        None
    }
}

fn is_id(text: &str) -> bool {
    let is_plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.');
    fits(text, patterns::ID) && text.chars().all(is_plain) && secret::found(text).is_none()
}

/// The replication group of a node, whose name ElastiCache makes of it: GROUP-001, or GROUP-0001-001
/// in cluster mode.
fn group_of(node: &str) -> Option<&str> {
    let (rest, _) = node.rsplit_once('-').filter(|(_, number)| is_digits(number, 3))?;
    match rest.rsplit_once('-') {
        Some((group, shard)) if is_digits(shard, 4) => Some(group),
        _ => Some(rest),
    }
    .filter(|group| !group.is_empty())
}

fn is_digits(text: &str, count: usize) -> bool {
    text.len() == count && text.bytes().all(|byte| byte.is_ascii_digit())
}
