//! What one wants to reach: finding a target by its name, and listing what there is.
//!
//! A [`TargetSpec`] is what the user writes. A [`Target`] is what AWS says of it: the host and port
//! to dial, the VPC it is in, and the security groups that guard it.

mod arn;
mod cluster;
mod ec2;
mod elasticache;
mod entry;
mod find;
mod host;
mod list;
mod memorydb;
mod msk;
mod opensearch;
mod rds;
mod rds_proxy;
mod redshift;
mod redshift_serverless;
mod refuse;
mod spec;
mod subnets;

use std::collections::BTreeMap;
use std::fmt;
use std::str::FromStr;

pub use list::list;
pub use spec::{Selector, SpecError, TargetSpec};

use crate::error::{AwsError, AwsErrorKind};
use crate::load::Aws;
use crate::similar::similar;

/// A kind of target.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Kind {
    /// An RDS DB instance, a member of a cluster too.
    Rds,
    /// An Aurora or Multi-AZ DB cluster.
    Aurora,
    /// An RDS Proxy.
    RdsProxy,
    /// An `ElastiCache` replication group, cluster or serverless cache.
    ElastiCache,
    /// A `MemoryDB` cluster.
    MemoryDb,
    /// An Amazon `DocumentDB` cluster.
    DocDb,
    /// A Neptune cluster.
    Neptune,
    /// A provisioned Redshift cluster.
    Redshift,
    /// A Redshift Serverless workgroup.
    RedshiftServerless,
    /// An `OpenSearch` Service domain in a VPC.
    OpenSearch,
    /// A cluster of Managed Streaming for Apache Kafka.
    Msk,
    /// A port of an EC2 instance.
    Ec2,
    /// A port of any host that a VPC reaches.
    Host,
}

impl Kind {
    /// All kinds, in the order in which they are listed.
    pub const ALL: [Self; 13] = [
        Self::Rds,
        Self::Aurora,
        Self::RdsProxy,
        Self::ElastiCache,
        Self::MemoryDb,
        Self::DocDb,
        Self::Neptune,
        Self::Redshift,
        Self::RedshiftServerless,
        Self::OpenSearch,
        Self::Msk,
        Self::Ec2,
        Self::Host,
    ];

    /// What a target of this kind begins with, and its name everywhere else.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Rds => "rds",
            Self::Aurora => "aurora",
            Self::RdsProxy => "rds-proxy",
            Self::ElastiCache => "elasticache",
            Self::MemoryDb => "memorydb",
            Self::DocDb => "docdb",
            Self::Neptune => "neptune",
            Self::Redshift => "redshift",
            Self::RedshiftServerless => "redshift-serverless",
            Self::OpenSearch => "opensearch",
            Self::Msk => "msk",
            Self::Ec2 => "ec2",
            Self::Host => "host",
        }
    }

    /// How a target of this kind is written; in place of `ID` an ARN or `tag:KEY=VALUE` may stand.
    pub fn form(self) -> &'static str {
        match self {
            Self::Rds => "rds:ID",
            Self::Aurora => "aurora:ID[/reader|/ENDPOINT]",
            Self::RdsProxy => "rds-proxy:ID[/ENDPOINT]",
            Self::ElastiCache => "elasticache:ID[/reader|/NODE]",
            Self::MemoryDb => "memorydb:ID[/NODE]",
            Self::DocDb => "docdb:ID[/reader|/INSTANCE]",
            Self::Neptune => "neptune:ID[/reader|/INSTANCE]",
            Self::Redshift => "redshift:ID",
            Self::RedshiftServerless => "redshift-serverless:WORKGROUP",
            Self::OpenSearch => "opensearch:DOMAIN",
            Self::Msk => "msk:ID[/iam|/scram|/tls|/plaintext|/BROKER]",
            Self::Ec2 => "ec2:ID:PORT",
            Self::Host => "host:HOST:PORT@VPC",
        }
    }

    /// What one of this kind is called in a sentence.
    pub fn noun(self) -> &'static str {
        match self {
            Self::Rds => "RDS instance",
            Self::Aurora => "Aurora cluster",
            Self::RdsProxy => "RDS Proxy",
            Self::ElastiCache => "ElastiCache cache",
            Self::MemoryDb => "MemoryDB cluster",
            Self::DocDb => "DocumentDB cluster",
            Self::Neptune => "Neptune cluster",
            Self::Redshift => "Redshift cluster",
            Self::RedshiftServerless => "Redshift Serverless workgroup",
            Self::OpenSearch => "OpenSearch domain",
            Self::Msk => "MSK cluster",
            Self::Ec2 => "EC2 instance",
            Self::Host => "host",
        }
    }

    /// The same with its article: `an RDS instance`.
    fn one(self) -> String {
        let article = match self {
            Self::MemoryDb
            | Self::DocDb
            | Self::Neptune
            | Self::Redshift
            | Self::RedshiftServerless
            | Self::Host => "a",
            _ => "an",
        };
        format!("{article} {}", self.noun())
    }

    /// Whether endpoints of one of this kind may have ports of their own.
    pub fn has_several_ports(self) -> bool {
        matches!(self, Self::ElastiCache | Self::Msk)
    }

    /// Whether one of this kind has several endpoints to choose from.
    fn has_endpoints(self) -> bool {
        self.form().contains('/')
    }
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

impl FromStr for Kind {
    type Err = SpecError;

    fn from_str(text: &str) -> Result<Self, SpecError> {
        let known = Self::ALL.into_iter().find(|kind| kind.as_str() == text);
        known.ok_or_else(|| SpecError::UnknownKind {
            kind: text.to_owned(),
            similar: similar(text, Self::ALL.map(Self::as_str))
                .first()
                .and_then(|near| Self::ALL.into_iter().find(|kind| kind.as_str() == *near)),
        })
    }
}

/// A target as AWS knows it, ready to be dialled from inside its VPC.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Target {
    /// What kind of resource it is.
    pub kind: Kind,
    /// Its id or name; the host itself for [`Kind::Host`].
    pub id: String,
    /// Its ARN, where there is one.
    pub arn: Option<String>,
    /// The endpoint that was asked for, when it is not the usual one.
    pub endpoint: Option<String>,
    /// The host name or address to dial.
    pub host: String,
    /// The port to dial.
    pub port: u16,
    /// The VPC it is in.
    pub vpc: String,
    /// The security groups that guard it, sorted; none for [`Kind::Host`], which is not known to AWS.
    pub security_groups: Vec<String>,
    /// The availability zones it is in, sorted; empty when unknown.
    pub zones: Vec<String>,
    /// What it runs, such as `postgres` or `aurora-mysql`.
    pub engine: Option<String>,
    /// Its state in the service's own word, such as `available`.
    pub status: Option<String>,
    /// What does not work through a tunnel as it would inside the VPC, and what does.
    pub warnings: Vec<String>,
    /// Its tags, where the service tells them unasked.
    pub tags: BTreeMap<String, String>,
}

impl Target {
    /// The canonical way to write the resource, whatever endpoint of it was asked for: what rules
    /// made for it are tagged with.
    pub fn resource(&self) -> String {
        let (port, vpc) = match self.kind {
            Kind::Ec2 => (Some(self.port), None),
            Kind::Host => (Some(self.port), Some(self.vpc.clone())),
            _ => (None, None),
        };
        TargetSpec {
            kind: self.kind,
            select: Selector::Id(self.id.clone()),
            endpoint: None,
            port,
            vpc,
        }
        .to_string()
    }
}

/// A resource that is there, whether or not it can be reached now.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Found {
    /// What kind of resource it is.
    pub kind: Kind,
    /// Its id or name.
    pub id: String,
    /// Its ARN, where there is one.
    pub arn: Option<String>,
    /// The name that people gave it, where that is not its id.
    pub name: Option<String>,
    /// The host name or address to dial; none while it is being made.
    pub host: Option<String>,
    /// The port to dial; none while it is being made, and for [`Kind::Ec2`], which has many.
    pub port: Option<u16>,
    /// The VPC it is in, if any.
    pub vpc: Option<String>,
    /// The security groups that guard it, sorted.
    pub security_groups: Vec<String>,
    /// The availability zones it is in, sorted; empty when unknown.
    pub zones: Vec<String>,
    /// What it runs, such as `postgres` or `aurora-mysql`.
    pub engine: Option<String>,
    /// Its state in the service's own word, such as `available`.
    pub status: Option<String>,
    /// Its tags, where the service tells them unasked.
    pub tags: BTreeMap<String, String>,
}

/// All that was found, and what could not be looked for.
#[derive(Debug, Clone, Default)]
pub struct Listing {
    /// What there is, sorted by kind and id.
    pub found: Vec<Found>,
    /// The kinds that could not be listed, and why.
    pub failures: Vec<(Kind, AwsError)>,
}

/// Finds the target that `spec` names, ready to be dialled.
///
/// Calls that do not need each other's answers go out together; most kinds take one round trip.
pub async fn resolve(aws: &Aws, spec: &TargetSpec) -> Result<Target, AwsError> {
    if spec.kind == Kind::Host {
        return host::target(spec);
    }
    match entry(aws, spec).await? {
        Some(entry) => entry.into_target(spec),
        None => Err(refuse::not_found(aws, spec).await),
    }
}

/// Finds the target that `spec` names, whether or not it can be connected to now: one that is
/// stopped keeps its endpoint, and can be prepared. Its state is a warning.
pub async fn look_up(aws: &Aws, spec: &TargetSpec) -> Result<Target, AwsError> {
    if spec.kind == Kind::Host {
        return host::target(spec);
    }
    match entry(aws, spec).await? {
        Some(entry) => entry.into_prepared(spec),
        None => Err(refuse::not_found(aws, spec).await),
    }
}

/// The canonical way to write the resource that `spec` means, as [`Target::resource`] does,
/// whatever its state. One that is gone or cannot be looked for has it from `spec` itself, where
/// that says it.
pub async fn canonical(aws: &Aws, spec: &TargetSpec) -> Result<String, AwsError> {
    if spec.kind == Kind::Host {
        return Ok(spec.to_string());
    }
    match entry(aws, spec).await {
        Ok(Some(entry)) => Ok(written(spec, entry.found.id)),
        Ok(None) => match find::literal(spec) {
            Some(id) => Ok(written(spec, id)),
            None => Err(refuse::not_found(aws, spec).await),
        },
        Err(error) => match find::literal(spec) {
            Some(id) if error.kind == AwsErrorKind::AccessDenied => {
                tracing::debug!(%error, "the target is taken at its word");
                Ok(written(spec, id))
            }
            _ => Err(error),
        },
    }
}

/// Whether two canonical texts mean one resource. Most services take ids in any case and keep them
/// in one; names of MSK clusters differ by it.
pub(crate) fn is_same(one: &str, other: &str) -> bool {
    one == other || (!one.starts_with("msk:") && one.eq_ignore_ascii_case(other))
}

fn written(spec: &TargetSpec, id: String) -> String {
    TargetSpec { select: Selector::Id(id), endpoint: None, ..spec.clone() }.to_string()
}

/// What `spec` means; `None` when there is no such thing.
async fn entry(aws: &Aws, spec: &TargetSpec) -> Result<Option<entry::Entry>, AwsError> {
    find::check_region(aws, spec)?;
    let mut entries = match spec.kind {
        Kind::Host => return Ok(None),
        Kind::Rds => rds::find(aws, spec).await?,
        Kind::Aurora | Kind::DocDb | Kind::Neptune => cluster::find(aws, spec).await?,
        Kind::RdsProxy => rds_proxy::find(aws, spec).await?,
        Kind::ElastiCache => elasticache::find(aws, spec).await?,
        Kind::MemoryDb => memorydb::find(aws, spec).await?,
        Kind::Redshift => redshift::find(aws, spec).await?,
        Kind::RedshiftServerless => redshift_serverless::find(aws, spec).await?,
        Kind::OpenSearch => opensearch::find(aws, spec).await?,
        Kind::Msk => msk::find(aws, spec).await?,
        Kind::Ec2 => ec2::find(aws, spec).await?,
    };
    find::retain(&mut entries, &spec.select);
    if entries.len() > 1 {
        return Err(refuse::ambiguous(aws, spec, &entries));
    }
    Ok(entries.pop())
}

#[cfg(test)]
mod tests;
