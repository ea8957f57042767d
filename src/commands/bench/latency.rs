//! How long answers take through an open tunnel that carries nothing else.

use std::time::Duration;

use adit_aws::targets::Kind as TargetKind;
use adit_tunnel::Tunnel;
use tokio::time::{Instant, sleep};

use super::measured::{FirstByte, Latency};
use super::watch::idle;
use crate::commands::exec::environment::Family;
use crate::commands::exec::probe;
use crate::commands::tunnels::Standing;
use crate::settings::Connection;

/// How often a target is asked: enough for a median, and nothing that a database notices.
const TRIES: usize = 20;
/// The same for `MySQL`, which counts connections that end before anybody has signed in, and after a
/// hundred in a row takes none from that address any more: the bastion's.
/// <https://dev.mysql.com/doc/refman/8.4/en/server-system-variables.html>, `max_connect_errors`
const TRIES_MYSQL: usize = 5;
/// Between two of them.
const PAUSE: Duration = Duration::from_millis(50);
/// How long it is waited for a first round trip to the agent: the handshake has had some.
const ANSWERED: Duration = Duration::from_secs(1);
/// How long an answer may take of a target of which only the port says what it speaks: of another protocol,
/// it may wait for ever for a word that it knows.
const ANSWER_OF_GUESSED: Duration = Duration::from_secs(3);
/// How often it is looked for.
const GLANCE: Duration = Duration::from_millis(5);

/// What a target can be asked before anybody signs in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Asked {
    pub(super) family: Family,
    /// Whether the port alone says so.
    pub(super) is_guessed: bool,
}

impl Asked {
    /// What AWS says decides; where it says nothing, the port that such servers have.
    pub(super) fn of(connection: &Connection, engine: Option<&str>) -> Option<Self> {
        let kind = connection.kind();
        if let Some(family) = Family::of(kind, engine) {
            return Some(Self { family, is_guessed: false });
        }
        let may_be_any = matches!(kind, None | Some(TargetKind::Host | TargetKind::Ec2));
        let family = match connection.port_to_reach().filter(|_| may_be_any && engine.is_none())? {
            5432 => Family::Postgres,
            3306 => Family::MySql,
            6379 => Family::Redis,
            _ => return None,
        };
        Some(Self { family, is_guessed: true })
    }

    pub(super) fn tries(self) -> usize {
        if self.family == Family::MySql { TRIES_MYSQL } else { TRIES }
    }
}

/// Asks the target again and again, one connection after the other, and the agent meanwhile.
pub(super) async fn measure(standing: &Standing, asked: Option<Asked>) -> Latency {
    let Some(tunnel) = &standing.tunnel else { return Latency::default() };
    let address = standing.address.as_deref().unwrap_or_default();
    let (first_byte, unavailable) = match asked {
        Some(asked) => match first_bytes(tunnel, address, asked).await {
            Ok(times) => (FirstByte::of(asked, times), None),
            Err(why) => (None, Some(why)),
        },
        None => (
            None,
            Some("what the target speaks is not known, and not every protocol answers before anybody signs in".to_owned()),
        ),
    };
    let begun = Instant::now();
    let (least, smoothed) = loop {
        let of_first = tunnel.lanes().first().map(|lane| (lane.session.rtt_min, lane.session.rtt));
        match of_first {
            Some((Some(least), smoothed)) => break (Some(least), smoothed),
            _ if begun.elapsed() > ANSWERED => break (None, None),
            _ => sleep(GLANCE).await,
        }
    };
    Latency::of(least, smoothed, first_byte, unavailable)
}

/// The times of all tries; of none when already the first fails.
async fn first_bytes(
    tunnel: &Tunnel,
    address: &str,
    asked: Asked,
) -> Result<Vec<Duration>, String> {
    let patience = if asked.is_guessed { ANSWER_OF_GUESSED } else { probe::ANSWER };
    let mut times = Vec::new();
    for _ in 0..asked.tries() {
        match probe::first_byte(address, asked.family, patience).await {
            Ok(time) => times.push(time),
            Err(error) if times.is_empty() => {
                let by = if asked.is_guessed { ", which its port speaks for" } else { "" };
                let name = asked.family.as_str();
                return Err(format!("no answer to a question of {name}{by}: {error}"));
            }
            Err(_) => break,
        }
        idle(tunnel).await;
        sleep(PAUSE).await;
    }
    Ok(times)
}

/// A command that moves data out of such a target.
pub(super) fn example(protocol: Option<&str>) -> &'static str {
    match protocol {
        Some("PostgreSQL") => "pg_dump -Fc DATABASE",
        Some("MySQL") => "mysqldump --single-transaction DATABASE",
        Some("Redis") => "sh -c 'redis-cli -u $REDIS_URL --rdb /dev/null'",
        _ => "COMMAND",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn mysql_is_asked_less_than_it_minds() {
        let asked = |family| Asked { family, is_guessed: false }.tries();
        assert_eq!(asked(Family::Postgres), 20);
        // Ten measurements in a row, with nobody signing in between.
        assert!(asked(Family::MySql) * 10 < 100);
    }
}
