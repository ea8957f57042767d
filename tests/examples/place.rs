//! A person's machine, with the team's repository on it and `adit` on the path.

use std::ffi::OsString;
use std::io::{Read as _, Write as _};
use std::net::{Ipv4Addr, TcpListener};
use std::os::unix::fs::{PermissionsExt as _, symlink};
use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::json;
use tempfile::TempDir;

use crate::common::cloud::{Cloud, Ran};
use crate::common::identity::Home;
use crate::common::lab::Lab;
use crate::common::process::Program;
use crate::common::servers::Server;

/// A file of the examples.
pub(crate) fn example(path: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("examples").join(path)
}

/// The text of a file of the examples.
pub(crate) fn text(path: &str) -> String {
    let path = example(path);
    std::fs::read_to_string(&path).unwrap_or_else(|e| panic!("{}: {e}", path.display()))
}

/// A port that is free at the moment.
pub(crate) fn free_port() -> u16 {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("a loopback port");
    listener.local_addr().expect("bound").port()
}

/// The machine, and the AWS that it sees.
pub(crate) struct Place {
    pub(crate) cloud: Cloud,
    pub(crate) home: Home,
    /// Programs on the path. Not in the home, whose files are searched for secrets: adit is large.
    bin: TempDir,
    /// What the database is.
    _server: Server,
}

impl Place {
    /// A database of this name that can be reached, and a home with the profile of the team.
    pub(crate) fn with_database(id: &str) -> Self {
        let server = Server::start(|mut stream| {
            // PostgreSQL's answer to the wish for TLS.
            let mut request = [0; 8];
            if stream.read_exact(&mut request).is_ok() && stream.write_all(b"N").is_ok() {
                drop(std::io::copy(&mut stream, &mut std::io::sink()));
            }
        });
        let cloud = Cloud::start(Lab::builder());
        cloud.database(id, server.address());
        cloud.run(&["init", "--target", &format!("rds:{id}"), "--yes"]).expect(0);
        let role = cloud.lab.role("acme-dev", json!({}));
        let (key, secret) = cloud.lab.keys();
        let profiles = format!(
            "[profile acme-dev]\nrole_arn = {role}\nsource_profile = me\n\
             [profile me]\naws_access_key_id = {key}\naws_secret_access_key = {secret}\n"
        );
        let home = Home::new(&cloud.lab, &profiles);
        let bin = tempfile::tempdir().expect("a temporary folder");
        symlink(env!("CARGO_BIN_EXE_adit"), bin.path().join("adit")).expect("a link");
        Self { cloud, home, bin, _server: server }
    }

    /// Puts a program on the path.
    pub(crate) fn program(&self, name: &str, script: &str) {
        let path = self.bin.path().join(name);
        std::fs::write(&path, format!("#!/bin/sh\n{script}\n")).expect("a file");
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o755)).expect("a mode");
    }

    /// The folder of the team's repository, with its files.
    pub(crate) fn repository(&self) -> PathBuf {
        let folder = self.home.path().join("src/acme");
        for file in ["adit.toml", "Makefile"] {
            self.home.write(&format!("src/acme/{file}"), &text(&format!("team/{file}")));
        }
        let script = "test \"$PGPORT\" = \"$ADIT_ORDERS_PORT\" && echo \"migrated at $PGHOST\"";
        self.home.script("src/acme/migrate", script);
        folder
    }

    /// A folder that is the person's alone.
    pub(crate) fn private(&self, name: &str) -> PathBuf {
        let folder = self.home.path().join(name);
        std::fs::create_dir_all(&folder).expect("a folder");
        std::fs::set_permissions(&folder, std::fs::Permissions::from_mode(0o700)).expect("a mode");
        folder
    }

    /// A command as the person starts it, in the repository.
    pub(crate) fn command(&self, program: &str, arguments: &[&str]) -> Command {
        let mut path = OsString::from(self.bin.path());
        if let Some(more) = std::env::var_os("PATH") {
            path.push(":");
            path.push(more);
        }
        let mut command = Command::new(program);
        command
            .args(arguments)
            .env_clear()
            .envs(self.home.variables())
            .env("HOME", self.home.path())
            .env("PATH", path)
            .current_dir(self.home.path().join("src/acme"))
            .stdin(std::process::Stdio::null());
        command
    }

    /// Runs it to its end.
    pub(crate) fn run(&self, program: &str, arguments: &[&str]) -> Ran {
        Ran::to_the_end(Program::start(&mut self.command(program, arguments)))
    }
}

impl Drop for Place {
    /// What was left in the background would outlive the test.
    fn drop(&mut self) {
        let down = self.command(env!("CARGO_BIN_EXE_adit"), &["down", "--all"]).output();
        if !std::thread::panicking() {
            assert!(down.is_ok_and(|output| output.status.success()), "a tunnel is left");
        }
    }
}
