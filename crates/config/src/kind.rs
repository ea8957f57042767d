//! The kinds of targets, and which keys a target of each has.

use std::fmt;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// A kind of target, spelled as on the command line.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema,
)]
#[serde(rename_all = "kebab-case")]
pub enum TargetKind {
    /// An RDS DB instance.
    Rds,
    /// An Aurora or Multi-AZ DB cluster.
    Aurora,
    /// An RDS Proxy.
    RdsProxy,
    /// An ElastiCache replication group, cluster or serverless cache.
    #[serde(rename = "elasticache")]
    ElastiCache,
    /// A `MemoryDB` cluster.
    #[serde(rename = "memorydb")]
    MemoryDb,
    /// A `DocumentDB` cluster.
    #[serde(rename = "docdb")]
    DocDb,
    /// A Neptune cluster.
    Neptune,
    /// A provisioned Redshift cluster.
    Redshift,
    /// A Redshift Serverless workgroup.
    RedshiftServerless,
    /// An `OpenSearch` domain in a VPC.
    #[serde(rename = "opensearch")]
    OpenSearch,
    /// An MSK cluster.
    Msk,
    /// A port of an EC2 instance.
    Ec2,
    /// A port of any host that a VPC reaches.
    Host,
}

impl TargetKind {
    /// All kinds.
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

    /// Its name in files and on the command line.
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

    /// The kind of this name.
    pub fn named(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.as_str() == text)
    }

    /// The keys without which a target of this kind says too little.
    pub(crate) fn needs(self) -> &'static [&'static str] {
        match self {
            Self::Host => &["host", "port", "vpc"],
            Self::Ec2 => &["id", "port"],
            _ => &["id"],
        }
    }

    /// The keys of other kinds that this one has no use for.
    pub(crate) fn refuses(self) -> &'static [&'static str] {
        match self {
            Self::Host => &["id", "endpoint"],
            Self::Ec2 => &["host", "vpc", "endpoint"],
            kind if kind.has_endpoints() => &["host", "port", "vpc"],
            _ => &["host", "port", "vpc", "endpoint"],
        }
    }

    /// Whether one endpoint of several can be named.
    pub(crate) fn has_endpoints(self) -> bool {
        matches!(
            self,
            Self::RdsProxy
                | Self::Aurora
                | Self::ElastiCache
                | Self::MemoryDb
                | Self::DocDb
                | Self::Neptune
                | Self::Msk
        )
    }

    /// How one is written in a single text.
    pub(crate) fn form(self) -> String {
        match self {
            Self::Host => "host:HOST:PORT@VPC".to_owned(),
            Self::Ec2 => "ec2:ID:PORT".to_owned(),
            kind if kind.has_endpoints() => format!("{kind}:ID or {kind}:ID/ENDPOINT"),
            kind => format!("{kind}:ID"),
        }
    }
}

impl fmt::Display for TargetKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_those_of_files() {
        for kind in TargetKind::ALL {
            assert_eq!(serde_json::to_value(kind).unwrap(), kind.as_str());
            assert_eq!(TargetKind::named(kind.as_str()), Some(kind));
        }
    }
}
