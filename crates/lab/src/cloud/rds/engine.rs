//! What the engines differ in.

/// An engine, as far as its databases differ in the API.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Engine {
    pub(super) name: &'static str,
    pub(super) port: u16,
    pub(super) version: &'static str,
    pub(super) lives: Lives,
}

/// Where databases of an engine can be.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Lives {
    /// Instances by themselves only.
    Alone,
    /// Also as a Multi-AZ cluster, which brings its instances along.
    Both,
    /// Instances in clusters only.
    Cluster,
}

const fn engine(name: &'static str, port: u16, version: &'static str, lives: Lives) -> Engine {
    Engine { name, port, version, lives }
}

/// <https://docs.aws.amazon.com/AmazonRDS/latest/APIReference/API_CreateDBInstance.html> and
/// `API_CreateDBCluster.html` list the names and the ports.
const ENGINES: [Engine; 12] = [
    engine("postgres", 5432, "17.5", Lives::Both),
    engine("mysql", 3306, "8.4.5", Lives::Both),
    engine("mariadb", 3306, "11.4.5", Lives::Alone),
    engine("oracle-se2", 1521, "19.0.0.0.ru-2025-04.rur-2025-04.r1", Lives::Alone),
    engine("oracle-ee", 1521, "19.0.0.0.ru-2025-04.rur-2025-04.r1", Lives::Alone),
    engine("sqlserver-ex", 1433, "16.00.4195.2.v1", Lives::Alone),
    engine("sqlserver-se", 1433, "16.00.4195.2.v1", Lives::Alone),
    engine("sqlserver-ee", 1433, "16.00.4195.2.v1", Lives::Alone),
    engine("aurora-postgresql", 5432, "16.6", Lives::Cluster),
    engine("aurora-mysql", 3306, "8.0.mysql_aurora.3.08.2", Lives::Cluster),
    engine("docdb", 27017, "5.0.0", Lives::Cluster),
    engine("neptune", 8182, "1.4.5.1", Lives::Cluster),
];

pub(super) fn find(name: &str) -> Option<Engine> {
    ENGINES.into_iter().find(|engine| engine.name == name)
}
