//! Where the tunnels are, in variables that programs look at.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::net::SocketAddr;

use adit_aws::targets::Kind as TargetKind;

use crate::commands::tunnels::Standing;
use crate::failure::{Failure, Kind};

/// What kind of server a target is, as far as its clients have variables of their own.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(in crate::commands) enum Family {
    Postgres,
    MySql,
    Redis,
}

impl Family {
    /// What its protocol is called.
    pub(in crate::commands) fn as_str(self) -> &'static str {
        match self {
            Self::Postgres => "PostgreSQL",
            Self::MySql => "MySQL",
            Self::Redis => "Redis",
        }
    }

    /// What AWS says decides; a target whose engine is unknown has no family.
    pub(in crate::commands) fn of(kind: Option<TargetKind>, engine: Option<&str>) -> Option<Self> {
        match (kind, engine) {
            (Some(TargetKind::Redshift | TargetKind::RedshiftServerless), _) => {
                Some(Self::Postgres)
            }
            (
                Some(
                    TargetKind::DocDb
                    | TargetKind::Neptune
                    | TargetKind::OpenSearch
                    | TargetKind::Msk,
                ),
                _,
            ) => None,
            (_, Some(engine)) => {
                let engine = engine.to_ascii_lowercase();
                let has = |part: &str| engine.contains(part);
                if has("postgres") {
                    Some(Self::Postgres)
                } else if has("mysql") || has("mariadb") || engine == "aurora" {
                    Some(Self::MySql)
                } else if has("redis") || has("valkey") {
                    Some(Self::Redis)
                } else {
                    None
                }
            }
            (Some(TargetKind::MemoryDb), None) => Some(Self::Redis),
            _ => None,
        }
    }
}

/// Where local clients connect.
enum Place {
    Tcp { host: String, port: u16 },
    Unix(String),
}

fn place(standing: &Standing) -> Option<Place> {
    let address = standing.address.as_deref()?;
    Some(match address.parse::<SocketAddr>() {
        // What listens everywhere is reached here.
        Ok(address) => {
            let host = match (address.ip().is_unspecified(), address.is_ipv4()) {
                (false, _) => address.ip().to_string(),
                (true, true) => "127.0.0.1".to_owned(),
                (true, false) => "::1".to_owned(),
            };
            Place::Tcp { host, port: address.port() }
        }
        Err(_) => Place::Unix(address.to_owned()),
    })
}

/// The variables for these tunnels. With `real_host`, PostgreSQL's programs are told the name that
/// is in the server's certificate, and the address beside it.
pub(in crate::commands) fn of(
    standings: &[Standing],
    kinds: &[Option<TargetKind>],
    real_host: bool,
) -> Vec<(String, OsString)> {
    let mut variables = Vec::new();
    let mut families: BTreeMap<Family, Vec<&Standing>> = BTreeMap::new();
    for (standing, kind) in standings.iter().zip(kinds) {
        let prefix = variable(&standing.connection);
        match place(standing) {
            Some(Place::Tcp { host, port }) => {
                variables.push((format!("{prefix}_HOST"), host));
                variables.push((format!("{prefix}_PORT"), port.to_string()));
            }
            Some(Place::Unix(path)) => variables.push((format!("{prefix}_SOCKET"), path)),
            None => {}
        }
        if let Some(family) = Family::of(*kind, standing.engine.as_deref()) {
            families.entry(family).or_default().push(standing);
        }
    }
    for (family, members) in families {
        // Of two there is none that the usual variables could mean.
        if let [only] = members.as_slice()
            && let Some(place) = place(only)
        {
            variables.extend(usual(family, &place, only.host.as_deref().filter(|_| real_host)));
        }
    }
    variables.into_iter().map(|(name, value)| (name, value.into())).collect()
}

/// The variables of the family's own clients.
fn usual(family: Family, place: &Place, real_host: Option<&str>) -> Vec<(String, String)> {
    let named = |pairs: &[(&str, String)]| {
        pairs.iter().map(|(name, value)| ((*name).to_owned(), value.clone())).collect()
    };
    match (family, place) {
        (Family::Postgres, Place::Tcp { host, port }) => match real_host {
            Some(real) => named(&[
                ("PGHOST", real.to_owned()),
                ("PGHOSTADDR", host.clone()),
                ("PGPORT", port.to_string()),
            ]),
            None => named(&[("PGHOST", host.clone()), ("PGPORT", port.to_string())]),
        },
        (Family::Postgres, Place::Unix(path)) => match path.rsplit_once("/.s.PGSQL.") {
            Some((folder, port)) => {
                named(&[("PGHOST", folder.to_owned()), ("PGPORT", port.to_owned())])
            }
            None => Vec::new(),
        },
        (Family::MySql, Place::Tcp { host, port }) => {
            named(&[("MYSQL_HOST", host.clone()), ("MYSQL_TCP_PORT", port.to_string())])
        }
        (Family::MySql, Place::Unix(path)) => named(&[("MYSQL_UNIX_PORT", path.clone())]),
        (Family::Redis, Place::Tcp { host, port }) => {
            let host = if host.contains(':') { format!("[{host}]") } else { host.clone() };
            named(&[("REDIS_URL", format!("redis://{host}:{port}"))])
        }
        (Family::Redis, Place::Unix(path)) => named(&[("REDIS_URL", format!("unix://{path}"))]),
    }
}

/// Flags of adit that end as the variables of a connection do.
const OWN: [&str; 2] = ["ADIT_LOCAL_PORT", "ADIT_REAL_HOST"];

/// Fails where two connections would have the same variables: one of them could not be reached, and
/// nobody would know which.
pub(in crate::commands) fn check<'a>(names: impl Iterator<Item = &'a str>) -> Result<(), Failure> {
    let mut known: BTreeMap<String, &str> = BTreeMap::new();
    for name in names {
        let variable = variable(name);
        let own = OWN.iter().find(|own| {
            own.strip_prefix(variable.as_str()).is_some_and(|end| ["_HOST", "_PORT"].contains(&end))
        });
        if let Some(own) = own {
            let message =
                format!("the variables of a connection {name} would be adit's own: {own}");
            return Err(Failure::new(Kind::Usage, message).hint("rename it in adit.toml"));
        }
        if let Some(other) = known.insert(variable.clone(), name) {
            let message = format!("{other} and {name} would both be {variable}_HOST and _PORT");
            return Err(Failure::new(Kind::Usage, message).hint("rename one of them in adit.toml"));
        }
    }
    Ok(())
}

/// `ADIT_` and the name, in capitals and with `_` for all that a variable cannot have.
fn variable(name: &str) -> String {
    let letter = |c: char| if c.is_ascii_alphanumeric() { c.to_ascii_uppercase() } else { '_' };
    format!("ADIT_{}", name.chars().map(letter).collect::<String>())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::commands::tunnels::Board;

    /// Tunnels with an address and an engine each, as they stand when they are open.
    fn standings(tunnels: &[(&str, &str, Option<&str>)]) -> Vec<Standing> {
        let board = Board::default();
        for (name, address, engine) in tunnels {
            board.seat(name, name).change(|standing| {
                standing.address = Some((*address).to_owned());
                standing.engine = engine.map(str::to_owned);
                standing.host = Some(format!("{name}.example"));
            });
        }
        board.all()
    }

    fn shown(tunnels: &[(&str, &str, Option<&str>)], real_host: bool) -> Vec<String> {
        let standings = standings(tunnels);
        let kinds = vec![Some(TargetKind::Rds); standings.len()];
        of(&standings, &kinds, real_host)
            .into_iter()
            .map(|(name, value)| format!("{name}={}", value.to_string_lossy()))
            .collect()
    }

    #[test]
    fn each_tunnel_is_named_and_the_only_one_of_a_family_has_the_usual_variables() {
        let tunnels =
            [("prod-db", "127.0.0.1:5432", Some("postgres")), ("web", "[::1]:8080", None)];
        assert_eq!(
            shown(&tunnels, false),
            [
                "ADIT_PROD_DB_HOST=127.0.0.1",
                "ADIT_PROD_DB_PORT=5432",
                "ADIT_WEB_HOST=::1",
                "ADIT_WEB_PORT=8080",
                "PGHOST=127.0.0.1",
                "PGPORT=5432",
            ]
        );
        let two = [
            ("a", "127.0.0.1:1", Some("aurora-postgresql")),
            ("b", "127.0.0.1:2", Some("postgres")),
            ("c", "0.0.0.0:3", Some("aurora-mysql")),
            ("d", "127.0.0.1:4", Some("valkey")),
        ];
        let shown = shown(&two, false);
        assert!(!shown.iter().any(|line| line.starts_with("PG")), "{shown:?}");
        assert_eq!(
            shown[8..],
            ["MYSQL_HOST=127.0.0.1", "MYSQL_TCP_PORT=3", "REDIS_URL=redis://127.0.0.1:4"]
        );
    }

    #[test]
    fn the_real_name_stands_beside_the_address() {
        let tunnels = [("db", "127.0.0.1:5432", Some("postgres"))];
        assert_eq!(
            shown(&tunnels, true)[2..],
            ["PGHOST=db.example", "PGHOSTADDR=127.0.0.1", "PGPORT=5432"]
        );
    }

    #[test]
    fn sockets_are_told_as_their_clients_take_them() {
        let postgres = [("db", "/run/me/.s.PGSQL.5432", Some("postgres"))];
        assert_eq!(
            shown(&postgres, false),
            ["ADIT_DB_SOCKET=/run/me/.s.PGSQL.5432", "PGHOST=/run/me", "PGPORT=5432"]
        );
        let mysql = [("db", "/run/me/db.sock", Some("mysql"))];
        assert_eq!(shown(&mysql, false)[1..], ["MYSQL_UNIX_PORT=/run/me/db.sock"]);
    }

    #[test]
    fn names_that_would_be_the_same_are_refused() {
        check(["prod-db", "cache"].into_iter()).unwrap();
        let failure = check(["prod-db", "prod_db"].into_iter()).unwrap_err();
        assert!(failure.message.contains("ADIT_PROD_DB"), "{}", failure.message);
        let failure = check(["local"].into_iter()).unwrap_err();
        assert!(failure.message.contains("ADIT_LOCAL_PORT"), "{}", failure.message);
    }

    #[test]
    fn what_speaks_another_protocol_has_no_family() {
        assert_eq!(Family::of(Some(TargetKind::Redshift), None), Some(Family::Postgres));
        assert_eq!(Family::of(Some(TargetKind::MemoryDb), None), Some(Family::Redis));
        assert_eq!(Family::of(Some(TargetKind::DocDb), Some("docdb")), None);
        assert_eq!(Family::of(Some(TargetKind::ElastiCache), Some("memcached")), None);
        assert_eq!(Family::of(None, None), None);
    }
}
