//! Over how many sessions a connection is spread.

use adit_config::Lanes;

use crate::settings::Destination;

/// The most that is worth it: eight downloads at once are the agent's pace eight times, and few tools
/// open more.
const AUTO: usize = 8;

/// The most sessions for a destination.
///
/// Each session's agent looks the name up for itself. Where a name leads to one of several hosts,
/// connections over several sessions would see different ones, and programs that need one state in all
/// of theirs, such as `pg_dump -j`, fail. A number that somebody has chosen is taken at its word.
pub(super) fn most(lanes: Lanes, destination: &Destination) -> usize {
    match lanes {
        Lanes::Fixed(count) => usize::from(count),
        Lanes::Auto if destination.host.as_deref().is_some_and(has_several_hosts) => 1,
        Lanes::Auto => AUTO,
    }
}

/// Whether a name is known to lead to one of several hosts: the endpoints of AWS that spread readers.
fn has_several_hosts(host: &str) -> bool {
    let host = host.trim_end_matches('.').to_ascii_lowercase();
    if !host.contains(".amazonaws.com") {
        return false;
    }
    let first = host.split('.').next().unwrap_or_default();
    // Aurora, DocumentDB and Neptune: the readers, and custom endpoints.
    // https://docs.aws.amazon.com/AmazonRDS/latest/AuroraUserGuide/Aurora.Overview.Endpoints.html
    host.contains(".cluster-ro-")
        || host.contains(".cluster-custom-")
        // ElastiCache: the readers of a replication group.
        // https://docs.aws.amazon.com/AmazonElastiCache/latest/dg/Endpoints.html
        || (first.ends_with("-ro") && host.contains(".cache."))
        // ElastiCache and MemoryDB: one of a cluster's nodes, that tells the others.
        || first == "clustercfg"
        || host.contains(".cfg.")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn to(host: Option<&str>) -> Destination {
        Destination { bastion: "i-1".to_owned(), host: host.map(str::to_owned), port: 5432 }
    }

    #[test]
    fn names_of_several_hosts_have_one_session_unless_it_is_said_otherwise() {
        let several = [
            "orders.cluster-ro-c0ffee.eu-west-1.rds.amazonaws.com",
            "reports.cluster-custom-c0ffee.eu-west-1.rds.amazonaws.com",
            "cart-ro.ab12.ng.0001.euw1.cache.amazonaws.com",
            "clustercfg.cart.ab12.euw1.cache.amazonaws.com",
            "cart.ab12.cfg.euw1.cache.amazonaws.com",
            "clustercfg.cart.ab12.memorydb.cn-north-1.amazonaws.com.cn",
        ];
        for host in several {
            assert_eq!(most(Lanes::Auto, &to(Some(host))), 1, "{host}");
            assert_eq!(most(Lanes::Fixed(4), &to(Some(host))), 4, "{host}");
        }
        let one = [
            Some("orders.cluster-c0ffee.eu-west-1.rds.amazonaws.com"),
            Some("orders.c0ffee.eu-west-1.rds.amazonaws.com"),
            Some("master.cart.ab12.euw1.cache.amazonaws.com"),
            Some("db.internal"),
            Some("10.0.0.9"),
            None,
        ];
        for host in one {
            assert_eq!(most(Lanes::Auto, &to(host)), 8, "{host:?}");
        }
        assert_eq!(most(Lanes::Fixed(1), &to(None)), 1);
    }
}
