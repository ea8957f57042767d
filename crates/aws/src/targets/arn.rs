//! The parts of an ARN: `arn:PARTITION:SERVICE:REGION:ACCOUNT:RESOURCE`.

use super::Kind;

/// An ARN in its parts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Arn<'a> {
    pub(crate) service: &'a str,
    pub(crate) region: &'a str,
    pub(crate) account: &'a str,
    pub(crate) resource: &'a str,
}

impl<'a> Arn<'a> {
    pub(crate) fn parse(text: &'a str) -> Option<Self> {
        let mut parts = text.splitn(6, ':');
        let (scheme, partition) = (parts.next()?, parts.next()?);
        let (service, region, account) = (parts.next()?, parts.next()?, parts.next()?);
        let resource = parts.next()?;
        let whole =
            scheme == "arn" && [partition, service, resource].iter().all(|part| !part.is_empty());
        whole.then_some(Self { service, region, account, resource })
    }

    /// Whether resources of this kind have such ARNs.
    pub(crate) fn is_of(&self, kind: Kind) -> bool {
        let (service, prefixes): (_, &[&str]) = match kind {
            Kind::Rds => ("rds", &["db:"]),
            Kind::Aurora | Kind::DocDb | Kind::Neptune => ("rds", &["cluster:"]),
            Kind::RdsProxy => ("rds", &["db-proxy:"]),
            Kind::ElastiCache => {
                ("elasticache", &["replicationgroup:", "cluster:", "serverlesscache:"])
            }
            Kind::MemoryDb => ("memorydb", &["cluster/"]),
            Kind::Redshift => ("redshift", &["cluster:"]),
            Kind::RedshiftServerless => ("redshift-serverless", &["workgroup/"]),
            Kind::OpenSearch => ("es", &["domain/"]),
            Kind::Msk => ("kafka", &["cluster/"]),
            Kind::Ec2 => ("ec2", &["instance/"]),
            Kind::Host => return false,
        };
        self.service == service && prefixes.iter().any(|prefix| self.resource.starts_with(prefix))
    }

    /// The resource without what says its type: `orders` of `cluster:orders` and `cluster/orders`.
    pub(crate) fn name(&self) -> &'a str {
        match self.resource.split_once([':', '/']) {
            Some((_, name)) => name,
            None => self.resource,
        }
    }
}
