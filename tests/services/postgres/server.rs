//! A PostgreSQL cluster for one test.

use std::net::{Ipv4Addr, SocketAddr};
use std::path::PathBuf;

use rustix::process::Signal;
use tempfile::TempDir;
use tokio_postgres::tls::NoTlsStream;
use tokio_postgres::{Client, Config, Connection, NoTls, Socket};

use crate::common::process::Program;
use crate::common::stories::{Missing, find};
use crate::common::wait::until;
use crate::installed::{User, command, folder, free_port};

/// A running server; its data go with it.
pub(crate) struct Postgres {
    port: u16,
    _server: Program,
    _folder: TempDir,
}

/// The folder of the server's programs.
pub(crate) fn installed() -> Result<PathBuf, Missing> {
    let mut folders: Vec<PathBuf> = std::fs::read_dir("/usr/lib/postgresql")
        .into_iter()
        .flatten()
        .filter_map(|version| Some(version.ok()?.path().join("bin")))
        .collect();
    folders.sort();
    folders.reverse();
    let postgres = find("postgres", &folders)?;
    find("initdb", &folders)?;
    Ok(postgres.parent().expect("found in a folder").to_owned())
}

impl Postgres {
    /// Makes a cluster and starts it on a loopback port.
    pub(crate) fn start() -> Self {
        let programs = installed().expect("listed only when it is installed");
        let user = User::unprivileged();
        let folder = folder(user);
        let made = command(&programs.join("initdb"), folder.path(), user)
            .args(["-D", "data", "-U", "adit", "-A", "trust", "-E", "UTF8", "--no-sync"])
            .args(["--locale", "C"])
            .output()
            .expect("initdb runs");
        assert!(made.status.success(), "{}", String::from_utf8_lossy(&made.stderr));
        let port = free_port();
        let mut server = command(&programs.join("postgres"), folder.path(), user);
        server.args(["-D", "data"]);
        for setting in [
            &format!("port={port}"),
            "listen_addresses=127.0.0.1",
            "unix_socket_directories=",
            "max_connections=250",
            "fsync=off",
            "autovacuum=off",
        ] {
            server.args(["-c", setting]);
        }
        // SIGINT ends it without waiting for its clients.
        let mut server = Program::start(&mut server).stopped_by(Signal::INT);
        until("PostgreSQL", || {
            assert!(server.is_running(), "PostgreSQL ended: {}", server.stderr());
            server.stderr().contains("database system is ready to accept connections").then_some(())
        });
        Self { port, _server: server, _folder: folder }
    }

    pub(crate) fn address(&self) -> SocketAddr {
        (Ipv4Addr::LOCALHOST, self.port).into()
    }
}

/// Logs in at a port of this machine; the caller drives the connection.
pub(crate) async fn login(port: u16) -> (Client, Connection<Socket, NoTlsStream>) {
    login_to(port, "postgres").await
}

async fn login_to(port: u16, database: &str) -> (Client, Connection<Socket, NoTlsStream>) {
    let mut config = Config::new();
    config.host("127.0.0.1").port(port).user("adit").dbname(database);
    config.connect(NoTls).await.expect("a login")
}

/// The same as [`connect`], to another database than the usual one.
pub(crate) async fn connect_to(port: u16, database: &str) -> Client {
    let (client, connection) = login_to(port, database).await;
    tokio::spawn(connection);
    client
}

/// Logs in and leaves the connection to a task.
pub(crate) async fn connect(port: u16) -> Client {
    let (client, connection) = login(port).await;
    tokio::spawn(connection);
    client
}
