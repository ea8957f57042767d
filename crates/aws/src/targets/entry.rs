//! A resource as its service describes it, and the target that it makes.

use std::collections::BTreeMap;

use super::{Found, Kind, Target, TargetSpec};
use crate::error::{AwsError, AwsErrorKind};
use crate::similar::similar;

/// What was found of some kinds, and which of them could not be listed.
pub(super) type Part = (Vec<Entry>, Vec<(Kind, AwsError)>);

/// A resource with all its endpoints.
#[derive(Debug, Clone)]
pub(super) struct Entry {
    /// The resource and its usual endpoint.
    pub(super) found: Found,
    /// The endpoints that have to be asked for by name.
    pub(super) others: Vec<Endpoint>,
    /// What to know about the usual endpoint.
    pub(super) warnings: Vec<String>,
    /// Why it cannot be this target, whatever its state.
    pub(super) refusal: Option<AwsError>,
}

/// An endpoint beside the usual one.
#[derive(Debug, Clone, Default)]
pub(super) struct Endpoint {
    pub(super) name: String,
    pub(super) host: String,
    pub(super) port: u16,
    /// Where it differs from the resource itself.
    pub(super) vpc: Option<String>,
    /// Where they differ from those of the resource itself.
    pub(super) security_groups: Option<Vec<String>>,
    /// The zone of a single node.
    pub(super) zone: Option<String>,
    pub(super) warnings: Vec<String>,
}

impl Endpoint {
    pub(super) fn new(name: &str, host: &str, port: u16) -> Self {
        Self { name: name.to_owned(), host: host.to_owned(), port, ..Self::default() }
    }
}

impl Entry {
    pub(super) fn new(kind: Kind, id: &str) -> Self {
        let found = Found {
            kind,
            id: id.to_owned(),
            arn: None,
            name: None,
            host: None,
            port: None,
            vpc: None,
            security_groups: Vec::new(),
            zones: Vec::new(),
            engine: None,
            status: None,
            tags: BTreeMap::new(),
        };
        Self { found, others: Vec::new(), warnings: Vec::new(), refusal: None }
    }

    /// Sets the usual endpoint, if both parts of it are known.
    pub(super) fn at(&mut self, host: Option<&str>, port: Option<i32>) {
        if let (Some(host), Some(port)) = (host.filter(|host| !host.is_empty()), port.and_then(tcp))
        {
            self.found.host = Some(host.to_owned());
            self.found.port = Some(port);
        }
    }

    /// Adds an endpoint with a name, if all parts of it are known.
    pub(super) fn other(
        &mut self,
        name: Option<&str>,
        host: Option<&str>,
        port: Option<i32>,
    ) -> Option<&mut Endpoint> {
        let host = host.filter(|host| !host.is_empty())?;
        self.others.push(Endpoint::new(name?, host, port.and_then(tcp)?));
        self.others.last_mut()
    }

    pub(super) fn groups<'a>(&mut self, ids: impl IntoIterator<Item = Option<&'a str>>) {
        self.found.security_groups = sorted(ids);
    }

    pub(super) fn zones<'a>(&mut self, names: impl IntoIterator<Item = Option<&'a str>>) {
        self.found.zones = sorted(names);
    }

    /// What it is called in a sentence.
    fn title(&self) -> String {
        format!("the {} `{}`", self.found.kind.noun(), self.found.id)
    }

    /// The target that `spec` means, when it can be connected to.
    pub(super) fn into_target(self, spec: &TargetSpec) -> Result<Target, AwsError> {
        if let Some(refusal) = self.refusal {
            return Err(refusal);
        }
        self.check_state()?;
        self.endpoint_of(spec)
    }

    /// The same when it cannot be now, but has an endpoint that will lead to it: its state is a
    /// warning.
    pub(super) fn into_prepared(self, spec: &TargetSpec) -> Result<Target, AwsError> {
        if let Some(refusal) = self.refusal {
            return Err(refusal);
        }
        let state = self.check_state();
        if self.life() == Life::Going || (self.found.host.is_none() && self.others.is_empty()) {
            // It says more than that there is no endpoint.
            state.clone()?;
        }
        let mut target = self.endpoint_of(spec)?;
        if let Err(state) = state {
            let message = format!("{}: it can be connected to once it runs", state.message);
            target.warnings.insert(0, message);
        }
        Ok(target)
    }

    fn endpoint_of(self, spec: &TargetSpec) -> Result<Target, AwsError> {
        let title = self.title();
        let found = self.found;
        let (endpoint, warnings) = match spec.endpoint.as_deref() {
            None => {
                let (Some(host), Some(port)) = (&found.host, spec.port.or(found.port)) else {
                    let status = found.status.as_deref().unwrap_or("state unknown");
                    let message = format!("{title} has no endpoint ({status})");
                    return Err(unusable(message)
                        .hint(format!("`adit list {}` shows its state", found.kind)));
                };
                (Endpoint::new("", host, port), self.warnings)
            }
            Some(name) => {
                let mut endpoint = pick(&title, found.kind, self.others, name)?;
                let warnings = std::mem::take(&mut endpoint.warnings);
                (endpoint, warnings)
            }
        };
        let Some(vpc) = endpoint.vpc.or(found.vpc) else {
            return Err(unusable(format!("{title} is in no VPC"))
                .hint("adit reaches what is inside a VPC; this is reached without a tunnel"));
        };
        Ok(Target {
            kind: found.kind,
            id: found.id,
            arn: found.arn,
            endpoint: spec.endpoint.clone(),
            host: endpoint.host,
            port: endpoint.port,
            vpc,
            security_groups: endpoint.security_groups.unwrap_or(found.security_groups),
            zones: endpoint.zone.map_or(found.zones, |zone| vec![zone]),
            engine: found.engine,
            status: found.status,
            warnings,
            tags: found.tags,
        })
    }

    fn life(&self) -> Life {
        match (self.found.status.as_deref().map(Life::of), self.found.kind) {
            // Nobody can start a proxy that AWS has suspended; connecting to it tells.
            (Some(Life::Stopping | Life::Stopped | Life::Starting), Kind::RdsProxy) => Life::Usable,
            (life, _) => life.unwrap_or(Life::Usable),
        }
    }

    /// Refuses what nobody can connect to now.
    fn check_state(&self) -> Result<(), AwsError> {
        let Some(status) = &self.found.status else { return Ok(()) };
        let (title, kind) = (self.title(), self.found.kind);
        match self.life() {
            Life::Usable => Ok(()),
            Life::Making => Err(unusable(format!("{title} is still being made ({status})")).hint(
                format!("it can be reached in a few minutes; `adit list {kind}` shows its state"),
            )),
            Life::Starting => Err(unusable(format!("{title} is starting ({status})"))
                .hint(format!("try again in a few minutes; `adit list {kind}` shows its state"))),
            Life::Stopping => {
                let error = unusable(format!("{title} is being stopped ({status})"));
                Err(self.start_hint(error, "once it has stopped, it can be started"))
            }
            Life::Stopped => {
                let error = unusable(format!("{title} is stopped ({status})"));
                Err(self.start_hint(error, "start it"))
            }
            Life::Locked => Err(unusable(format!(
                "{title} cannot use the key that it is encrypted with ({status})"
            ))
            .hint("enable its KMS key, and let it use it; then start it")),
            Life::Going => Err(unusable(format!("{title} is being deleted ({status})"))
                .hint(format!("`adit list {kind}` shows what else there is"))),
        }
    }

    fn start_hint(&self, error: AwsError, lead: &str) -> AwsError {
        let id = &self.found.id;
        match start_command(self.found.kind) {
            Some(command) => error.hint(format!("{lead}: `aws {command} {id}`")),
            None => error,
        }
    }
}

/// How one of a kind is started, without its id.
fn start_command(kind: Kind) -> Option<&'static str> {
    Some(match kind {
        Kind::Rds => "rds start-db-instance --db-instance-identifier",
        Kind::Aurora => "rds start-db-cluster --db-cluster-identifier",
        Kind::DocDb => "docdb start-db-cluster --db-cluster-identifier",
        Kind::Neptune => "neptune start-db-cluster --db-cluster-identifier",
        Kind::Redshift => "redshift resume-cluster --cluster-identifier",
        Kind::Ec2 => "ec2 start-instances --instance-ids",
        _ => return None,
    })
}

/// The endpoint called `name`.
fn pick(title: &str, kind: Kind, others: Vec<Endpoint>, name: &str) -> Result<Endpoint, AwsError> {
    let mut names: Vec<String> = others.iter().map(|other| other.name.clone()).collect();
    if let Some(found) = others.into_iter().find(|other| other.name.eq_ignore_ascii_case(name)) {
        return Ok(found);
    }
    let error =
        AwsError::new(AwsErrorKind::TargetNotFound, format!("{title} has no endpoint `{name}`"));
    if names.is_empty() {
        return Err(error.hint(format!("it has its usual endpoint only; write {}", kind.form())));
    }
    names.sort();
    let near = similar(name, names.iter().map(String::as_str));
    Err(match near.first() {
        Some(near) => error.hint(format!("did you mean `{near}`? It has: {}", names.join(", "))),
        None => error.hint(format!("it has: {}", names.join(", "))),
    })
}

/// Where in its life a resource is, whatever the service calls it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Life {
    Usable,
    Making,
    Starting,
    Stopping,
    Stopped,
    Locked,
    Going,
}

impl Life {
    /// The words are those of the services' status fields, in whatever case they write them. What
    /// is not listed (`modifying`, `backing-up`, a word of tomorrow) is worth a try: the endpoint
    /// is there, and the connection tells.
    fn of(status: &str) -> Self {
        match status.to_lowercase().as_str() {
            "creating" | "cloning" | "creating-not-ready" => Self::Making,
            // EC2's `pending` is the start of an instance, whether it is new or was stopped.
            "starting" | "pending" | "resuming" | "reactivating" => Self::Starting,
            "stopping" | "pausing" | "suspending" => Self::Stopping,
            "stopped" | "paused" | "suspended" => Self::Stopped,
            "inaccessible-encryption-credentials"
            | "inaccessible-encryption-credentials-recoverable" => Self::Locked,
            "deleting" | "deleted" | "delete-precheck" | "shutting-down" | "terminated"
            | "final-snapshot" => Self::Going,
            _ => Self::Usable,
        }
    }
}

pub(super) fn unusable(message: impl Into<String>) -> AwsError {
    AwsError::new(AwsErrorKind::TargetUnusable, message)
}

/// A port as the SDK has it.
pub(super) fn tcp(port: i32) -> Option<u16> {
    u16::try_from(port).ok().filter(|port| *port != 0)
}

/// Names in order, each once.
pub(super) fn sorted<'a>(names: impl IntoIterator<Item = Option<&'a str>>) -> Vec<String> {
    let mut names: Vec<String> =
        names.into_iter().flatten().filter(|name| !name.is_empty()).map(str::to_owned).collect();
    names.sort();
    names.dedup();
    names
}

/// Tags as the SDK's crates have them, each with a type of its own.
pub(super) fn tags<'a>(
    pairs: impl IntoIterator<Item = (Option<&'a str>, Option<&'a str>)>,
) -> BTreeMap<String, String> {
    pairs
        .into_iter()
        .filter_map(|(key, value)| Some((key?.to_owned(), value.unwrap_or_default().to_owned())))
        .collect()
}

#[cfg(test)]
mod tests;
