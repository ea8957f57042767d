use std::collections::BTreeMap;
use std::iter;
use std::time::Duration;

use crate::cloud::ec2::Tags;
use crate::cloud::life::{self, Life};
use crate::cloud::place::Place;
use crate::cloud::state::{Born, Endpoint};

/// The part of host names that tells accounts apart.
const ACCOUNT_PART: &str = "c0ffee123456";

/// What RDS holds of the region.
#[derive(Clone, Default, Debug)]
pub(crate) struct State {
    pub(super) instances: BTreeMap<String, Instance>,
    pub(super) clusters: BTreeMap<String, Cluster>,
    pub(super) subnet_groups: BTreeMap<String, SubnetGroup>,
    /// Custom endpoints of clusters.
    pub(super) endpoints: BTreeMap<String, CustomEndpoint>,
    pub(super) proxies: BTreeMap<String, Proxy>,
    /// Endpoints of proxies beside their default ones.
    pub(super) proxy_endpoints: BTreeMap<String, ProxyEndpoint>,
}

#[derive(Clone, Debug)]
pub(super) struct Instance {
    pub(super) id: String,
    pub(super) resource_id: String,
    pub(super) class: String,
    pub(super) engine: String,
    pub(super) version: String,
    pub(super) user: String,
    pub(super) database: Option<String>,
    pub(super) storage: u32,
    pub(super) born: Born,
    pub(super) life: Life,
    pub(super) port: u16,
    pub(super) groups: Vec<String>,
    pub(super) zone: String,
    pub(super) multi_az: bool,
    pub(super) public: bool,
    pub(super) protected: bool,
    pub(super) iam_auth: bool,
    pub(super) subnet_group: String,
    pub(super) cluster: Option<String>,
    pub(super) promotion_tier: u8,
    pub(super) tags: Tags,
}

#[derive(Clone, Debug)]
pub(super) struct Cluster {
    pub(super) id: String,
    pub(super) resource_id: String,
    pub(super) engine: String,
    pub(super) version: String,
    pub(super) mode: String,
    pub(super) user: String,
    pub(super) database: Option<String>,
    pub(super) born: Born,
    pub(super) life: Life,
    pub(super) port: u16,
    pub(super) groups: Vec<String>,
    pub(super) zones: Vec<String>,
    pub(super) protected: bool,
    pub(super) iam_auth: bool,
    pub(super) subnet_group: String,
    /// The instance class of a Multi-AZ cluster, whose instances come with it.
    pub(super) class: Option<String>,
    /// Instances in the order in which they came; the first is the writer.
    pub(super) members: Vec<String>,
    pub(super) tags: Tags,
}

#[derive(Clone, Debug)]
pub(super) struct SubnetGroup {
    pub(super) name: String,
    pub(super) description: String,
    pub(super) vpc: String,
    pub(super) subnets: Vec<Place>,
    pub(super) tags: Tags,
}

#[derive(Clone, Debug)]
pub(super) struct CustomEndpoint {
    pub(super) id: String,
    pub(super) resource_id: String,
    pub(super) cluster: String,
    /// `READER` or `ANY`.
    pub(super) kind: String,
    pub(super) members: Vec<String>,
    pub(super) excluded: Vec<String>,
    pub(super) life: Life,
    pub(super) tags: Tags,
}

#[derive(Clone, Debug)]
pub(super) struct Proxy {
    pub(super) name: String,
    pub(super) id: String,
    pub(super) family: Family,
    pub(super) vpc: String,
    pub(super) groups: Vec<String>,
    pub(super) subnets: Vec<String>,
    pub(super) role: String,
    pub(super) tls: bool,
    pub(super) born: Born,
    pub(super) life: Life,
    pub(super) targets: Vec<ProxyTarget>,
    pub(super) tags: Tags,
}

/// What a proxy speaks, and so where it listens: no answer of the API names its port.
///
/// <https://docs.aws.amazon.com/AmazonRDS/latest/UserGuide/rds-proxy-endpoints.html>
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Family {
    MySql,
    Postgres,
    SqlServer,
}

#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) enum ProxyTarget {
    Instance(String),
    Cluster(String),
}

#[derive(Clone, Debug)]
pub(super) struct ProxyEndpoint {
    pub(super) name: String,
    pub(super) id: String,
    pub(super) proxy: String,
    /// `READ_WRITE` or `READ_ONLY`.
    pub(super) role: String,
    pub(super) vpc: String,
    pub(super) groups: Vec<String>,
    pub(super) subnets: Vec<String>,
    pub(super) born: Born,
    pub(super) life: Life,
    pub(super) tags: Tags,
}

impl Family {
    pub(super) fn parse(text: &str) -> Option<Self> {
        Some(match text {
            "MYSQL" => Self::MySql,
            "POSTGRESQL" => Self::Postgres,
            "SQLSERVER" => Self::SqlServer,
            _ => return None,
        })
    }

    pub(super) fn as_str(self) -> &'static str {
        match self {
            Self::MySql => "MYSQL",
            Self::Postgres => "POSTGRESQL",
            Self::SqlServer => "SQLSERVER",
        }
    }

    pub(super) fn port(self) -> u16 {
        match self {
            Self::MySql => 3306,
            Self::Postgres => 5432,
            Self::SqlServer => 1433,
        }
    }
}

/// The service whose name is in the hosts of an engine's databases.
fn service(engine: &str) -> &'static str {
    match engine {
        "docdb" => "docdb",
        "neptune" => "neptune",
        _ => "rds",
    }
}

impl Instance {
    pub(super) fn host(&self, region: &str) -> String {
        format!("{}.{ACCOUNT_PART}.{region}.{}.amazonaws.com", self.id, service(&self.engine))
    }
}

impl Cluster {
    /// `kind` is empty for the writer, or `ro-`, `custom-`.
    fn host_of(&self, name: &str, kind: &str, region: &str) -> String {
        let service = service(&self.engine);
        format!("{name}.cluster-{kind}{ACCOUNT_PART}.{region}.{service}.amazonaws.com")
    }

    pub(super) fn writer_host(&self, region: &str) -> String {
        self.host_of(&self.id, "", region)
    }

    pub(super) fn reader_host(&self, region: &str) -> String {
        self.host_of(&self.id, "ro-", region)
    }

    pub(super) fn custom_host(&self, endpoint: &str, region: &str) -> String {
        self.host_of(endpoint, "custom-", region)
    }
}

impl Proxy {
    pub(super) fn host(&self, region: &str) -> String {
        format!("{}.proxy-{ACCOUNT_PART}.{region}.rds.amazonaws.com", self.name)
    }
}

impl ProxyEndpoint {
    pub(super) fn host(&self, region: &str) -> String {
        format!("{}.endpoint.proxy-{ACCOUNT_PART}.{region}.rds.amazonaws.com", self.name)
    }
}

impl State {
    /// Drops what is gone.
    pub(crate) fn sweep(&mut self, now: Duration) {
        let there = |life: Life| life.phase(now).is_some();
        self.instances.retain(|_, instance| there(instance.life));
        self.clusters.retain(|_, cluster| there(cluster.life));
        self.proxies.retain(|_, proxy| there(proxy.life));
        let Self { instances, clusters, endpoints, proxies, proxy_endpoints, .. } = self;
        for cluster in clusters.values_mut() {
            cluster.members.retain(|id| instances.contains_key(id));
        }
        endpoints.retain(|_, one| there(one.life) && clusters.contains_key(&one.cluster));
        proxy_endpoints.retain(|_, one| there(one.life) && proxies.contains_key(&one.proxy));
    }

    /// Adds an instance, to its cluster too.
    pub(super) fn add_instance(&mut self, instance: Instance) {
        let cluster = instance.cluster.as_ref().and_then(|id| self.clusters.get_mut(id));
        if let Some(cluster) = cluster {
            cluster.members.push(instance.id.clone());
        }
        self.instances.insert(instance.id.clone(), instance);
    }

    /// Where everything listens.
    pub(crate) fn endpoints(&self, region: &str) -> Vec<Endpoint> {
        let instances = self.instances.values().map(|one| {
            let cluster = one.cluster.as_ref().and_then(|id| self.clusters.get(id));
            let tags = iter::once(&one.tags).chain(cluster.map(|one| &one.tags));
            self.database(one.host(region), one.port, &one.groups, &one.subnet_group, tags)
        });
        let mut endpoints: Vec<_> = instances.collect();
        for cluster in self.clusters.values() {
            for (host, members, own) in self.hosts(cluster, region) {
                let tags = own.into_iter().chain(members.iter().map(|one| &one.tags));
                let tags = tags.chain([&cluster.tags]);
                let Cluster { port, groups, subnet_group, .. } = cluster;
                endpoints.push(self.database(host, *port, groups, subnet_group, tags));
            }
        }
        for proxy in self.proxies.values() {
            let endpoint = |host, vpc: &str, groups: &[String], address| Endpoint {
                host,
                port: Some(proxy.family.port()),
                vpc: vpc.to_owned(),
                groups: groups.to_vec(),
                ip: None,
                address,
            };
            let address = life::address(&proxy.tags, 0);
            endpoints.push(endpoint(proxy.host(region), &proxy.vpc, &proxy.groups, address));
            for one in self.proxy_endpoints.values().filter(|one| one.proxy == proxy.name) {
                let own = life::address(&one.tags, 0).or(address);
                endpoints.push(endpoint(one.host(region), &one.vpc, &one.groups, own));
            }
        }
        endpoints
    }

    /// An endpoint of a database; the first tags that say where it leads count.
    fn database<'a>(
        &self,
        host: String,
        port: u16,
        groups: &[String],
        subnet_group: &str,
        tags: impl IntoIterator<Item = &'a Tags>,
    ) -> Endpoint {
        Endpoint {
            host,
            port: Some(port),
            vpc: self.vpc(subnet_group),
            groups: groups.to_vec(),
            ip: None,
            address: tags.into_iter().find_map(|tags| life::address(tags, 0)),
        }
    }

    /// A cluster's hosts, the instances that each leads to, and the endpoint's own tags.
    fn hosts<'a>(
        &'a self,
        cluster: &'a Cluster,
        region: &str,
    ) -> Vec<(String, Vec<&'a Instance>, Option<&'a Tags>)> {
        let members: Vec<_> =
            cluster.members.iter().filter_map(|id| self.instances.get(id)).collect();
        let writer = members.iter().take(1).copied().collect();
        // A cluster without readers has the writer answer for them.
        let readers = members.get(usize::from(members.len() > 1)..).unwrap_or_default().to_vec();
        let mut hosts = vec![
            (cluster.writer_host(region), writer, None),
            (cluster.reader_host(region), readers, None),
        ];
        for custom in self.endpoints.values().filter(|one| one.cluster == cluster.id) {
            let mut behind = members.clone();
            if custom.members.is_empty() {
                behind.retain(|one| !custom.excluded.contains(&one.id));
            } else {
                behind.retain(|one| custom.members.contains(&one.id));
            }
            hosts.push((cluster.custom_host(&custom.id, region), behind, Some(&custom.tags)));
        }
        hosts
    }

    pub(super) fn vpc(&self, subnet_group: &str) -> String {
        self.subnet_groups.get(subnet_group).map(|group| group.vpc.clone()).unwrap_or_default()
    }
}
