use std::net::{Ipv4Addr, SocketAddr};
use std::time::Duration;

use super::redshift_serverless;
use super::{ec2, ecs, elasticache, iam, kafka, memorydb, opensearch, rds, redshift};
use crate::service::Service;

/// Everything in the account, one part for each service.
#[derive(Debug, Default)]
pub(crate) struct State {
    pub(crate) ec2: ec2::State,
    pub(crate) iam: iam::State,
    pub(crate) rds: rds::State,
    pub(crate) elasticache: elasticache::State,
    pub(crate) memorydb: memorydb::State,
    pub(crate) redshift: redshift::State,
    pub(crate) redshift_serverless: redshift_serverless::State,
    pub(crate) opensearch: opensearch::State,
    pub(crate) kafka: kafka::State,
    pub(crate) ecs: ecs::State,
}

impl State {
    /// Drops what was deleted and has taken its time to go.
    pub(super) fn sweep(&mut self, now: Duration) {
        self.rds.sweep(now);
        self.elasticache.sweep(now);
        self.memorydb.sweep(now);
        self.redshift.sweep(now);
        self.redshift_serverless.sweep(now);
        self.opensearch.sweep(now);
        self.kafka.sweep(now);
    }

    /// The endpoints of all services, with where they are in the network.
    pub(crate) fn endpoints(&self) -> Vec<Endpoint> {
        [
            rds::endpoints(&self.rds),
            elasticache::endpoints(&self.elasticache),
            memorydb::endpoints(&self.memorydb),
            redshift::endpoints(&self.redshift),
            redshift_serverless::endpoints(&self.redshift_serverless),
            opensearch::endpoints(&self.opensearch),
            kafka::endpoints(&self.kafka),
        ]
        .concat()
    }
}

/// When something was made, and from when on others see it.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub(crate) struct Born {
    /// Since the Unix epoch.
    pub(crate) unix: Duration,
    /// On the lab's clock.
    pub(crate) at: Duration,
    visible: Duration,
}

impl Born {
    /// At this moment; the fault `consistency_ms` puts off when it is seen.
    pub(crate) fn now(service: &Service) -> Self {
        let at = service.clock.elapsed();
        Self { unix: service.clock.unix(), at, visible: at + service.faults.cloud.consistency() }
    }

    /// Whether describes and references find it.
    pub(crate) fn is_visible(&self, now: Duration) -> bool {
        self.visible <= now
    }
}

/// A host and port in a VPC that a bastion can be asked to reach.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct Endpoint {
    /// As clients name it.
    pub(crate) host: String,
    /// `None` when every port leads there, as on an instance.
    pub(crate) port: Option<u16>,
    pub(crate) vpc: String,
    /// Ids of its security groups. Each of them counts as in use.
    pub(crate) groups: Vec<String>,
    /// Its private address, where it has one.
    pub(crate) ip: Option<Ipv4Addr>,
    /// Where it really is: the value of its tag `lab:address`.
    pub(crate) address: Option<SocketAddr>,
}

/// Tag that says where a resource really is, as in `127.0.0.1:5432`.
pub(crate) const ADDRESS_TAG: &str = "lab:address";

/// A time as XML answers have it.
pub(crate) fn iso(unix: Duration) -> String {
    let millis = i64::try_from(unix.as_millis()).unwrap_or(i64::MAX);
    let time = jiff::Timestamp::from_millisecond(millis).unwrap_or_default();
    time.strftime("%Y-%m-%dT%H:%M:%S.%3fZ").to_string()
}
