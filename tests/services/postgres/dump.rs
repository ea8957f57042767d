//! `pg_dump -j 8` and `pg_restore -j 8`: every table whole, and each session used.

use std::path::Path;

use super::server::{Postgres, connect, connect_to, installed};
use crate::common::connect::Connect;
use crate::common::lab::Lab;
use crate::installed::{User, command, folder};

const TABLES: usize = 24;
const ROWS: usize = 4_000;

/// What a table has to have: how many rows, and a digest of all of them in order.
const CONTENTS: &str = "SELECT count(*), md5(string_agg(id || ':' || noise || ':' || \
                        coalesce(odd, 'NULL'), '|' ORDER BY id)) FROM";

pub(super) fn a_dump_and_its_restore_over_eight_connections_lose_nothing() {
    let postgres = Postgres::start();
    let direct = postgres.address().port();
    let lab = Lab::builder().map(5432, postgres.address()).unpaced().start();
    let (tunnel, address) = Connect::to(&lab).lanes().ready();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    let runtime = runtime.expect("a runtime");
    runtime.block_on(fill(direct));

    let user = User::unprivileged();
    let folder = folder(user);
    let run = |program: &str, arguments: &[&str]| {
        let program = installed().expect("installed").join(program);
        let ran = command(&program, folder.path(), user)
            .args(["-h", "127.0.0.1", "-p", &address.port().to_string(), "-U", "adit", "-j", "8"])
            .args(arguments)
            .output()
            .expect("it runs");
        assert!(ran.status.success(), "{}", String::from_utf8_lossy(&ran.stderr));
    };
    run("pg_dump", &["-Fd", "-f", "dump", "-d", "postgres"]);
    run("pg_restore", &["-d", "copy", "dump"]);
    assert!(Path::new(&folder.path().join("dump/toc.dat")).exists());

    runtime.block_on(async {
        let (from, to) = (connect(direct).await, connect_to(direct, "copy").await);
        for table in 0..TABLES {
            let query = format!("{CONTENTS} t{table}");
            let contents = async |client: &tokio_postgres::Client| {
                let row = client.query_one(&query, &[]).await.expect("a table");
                (row.get::<_, i64>(0), row.get::<_, String>(1))
            };
            let (sent, restored) = (contents(&from).await, contents(&to).await);
            assert_eq!(sent.0, ROWS as i64);
            assert_eq!(sent, restored, "table {table}");
        }
    });
    every_session_was_used(&lab);
    drop(tunnel);
}

/// Several sessions were started, and each has carried connections.
fn every_session_was_used(lab: &Lab) {
    let state = lab.state();
    let sessions = state["sessions"].as_array().expect("a list");
    assert_eq!(lab.calls("StartSession"), sessions.len() as u64);
    assert!((2..=8).contains(&sessions.len()), "{} sessions", sessions.len());
    for session in sessions {
        assert!(session["destination_connections_total"].as_u64() > Some(0), "{session:#}");
    }
}

/// Tables of noise that does not compress, with what COPY has to escape.
async fn fill(port: u16) {
    let client = connect(port).await;
    for table in 0..TABLES {
        let make = format!(
            "CREATE TABLE t{table} AS SELECT id, md5(id::text || '{table}') || md5(id::text) AS noise, \
             CASE id % 3 WHEN 0 THEN NULL WHEN 1 THEN E'tab\\tline\\nend\\\\' ELSE '' END AS odd \
             FROM generate_series(1, {ROWS}) AS id; ALTER TABLE t{table} ADD PRIMARY KEY (id);"
        );
        client.batch_execute(&make).await.expect("a table");
    }
    client.batch_execute("CREATE DATABASE copy").await.expect("a database");
}
