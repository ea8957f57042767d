//! Users of a lab, and homes with the files that the AWS CLI would have.

use std::cell::RefCell;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use serde_json::{Value, json};
use tempfile::TempDir;

use super::clock::MovedClock;
use super::http;
use super::lab::Lab;
use super::process::{Program, adit};
use super::secrets::{STORES, Secrets, expect_none_of_fixtures, files, watch, watch_within};

/// The account of every lab.
pub(crate) const ACCOUNT: &str = "111122223333";

/// What may do everything.
const ADMINISTRATOR: &str = "arn:aws:iam::aws:policy/AdministratorAccess";

/// A user of a lab.
pub(crate) struct User {
    pub(crate) arn: String,
    pub(crate) key: String,
    pub(crate) secret: String,
    /// The serial numbers of the devices, in the order of their names.
    pub(crate) devices: Vec<String>,
}

impl Lab {
    /// Uses a control.
    #[expect(clippy::needless_pass_by_value, reason = "callers build the body in place")]
    pub(crate) fn control(&self, name: &str, body: Value) -> Value {
        let path = format!("/_lab/{name}");
        let answer = http::request(self.address(), "POST", &path, &[], &body.to_string())
            .expect("the lab answers");
        assert_eq!(answer.status, 200, "{name} {body}: {}", answer.body);
        let answer = serde_json::from_str(&answer.body).expect("JSON");
        watch_within(&answer);
        if let Value::String(token) = &answer["token"] {
            watch(token);
        }
        answer
    }

    /// A user who may do everything, with devices of these names.
    pub(crate) fn user(&self, name: &str, devices: &[&str]) -> User {
        self.user_with(json!({ "name": name, "policies": [ADMINISTRATOR], "mfa": devices }))
    }

    /// A user as the control makes one.
    pub(crate) fn user_with(&self, body: Value) -> User {
        let made = self.control("users", body);
        let text = |name: &str| made[name].as_str().expect("a text").to_owned();
        let devices = made["mfa"].as_array().expect("a list").iter();
        User {
            arn: text("arn"),
            key: text("access_key_id"),
            secret: text("secret_access_key"),
            devices: devices
                .map(|device| device["serial"].as_str().expect("a serial").to_owned())
                .collect(),
        }
    }

    /// A role that may do everything and that the account trusts, unless `more` says otherwise.
    #[expect(clippy::needless_pass_by_value, reason = "callers build the body in place")]
    pub(crate) fn role(&self, name: &str, more: Value) -> String {
        let mut body = json!({ "name": name, "policies": [ADMINISTRATOR] });
        let members = body.as_object_mut().expect("an object");
        members.extend(more.as_object().expect("an object").clone());
        self.control("roles", body)["arn"].as_str().expect("an ARN").to_owned()
    }

    /// A code that a device shows and that nobody has used yet; the lab's clock moves for it.
    pub(crate) fn code(&self, serial: &str) -> String {
        let shown = self.control("mfa", json!({ "serial": serial }));
        if shown["used"] == json!(false) {
            return shown["code"].as_str().expect("a code").to_owned();
        }
        self.advance(30_000);
        self.code(serial)
    }

    /// Moves the lab's clock.
    pub(crate) fn advance(&self, milliseconds: u64) {
        self.control("clock", json!({ "advance_ms": milliseconds }));
    }
}

/// Who gives tokens of web identities.
const ISSUER: &str = "tokens.example.com";

impl Lab {
    /// Gives a user of single sign-on a role that may do everything.
    pub(crate) fn sign_on(&self, user: &str, role: &str) {
        let assigned = json!({ "user": user, "role": role, "policies": [ADMINISTRATOR] });
        self.control("sso-assign", assigned);
    }

    /// A role for web identities whose subject is `main`, and who vouches for those.
    pub(crate) fn web_identity_role(&self, name: &str) -> String {
        let provider = [
            ("Url", &*format!("https://{ISSUER}")),
            ("ClientIDList.member.1", "sts.amazonaws.com"),
            ("ThumbprintList.member.1", "0123456789012345678901234567890123456789"),
        ];
        self.iam("CreateOpenIDConnectProvider", &provider);
        let trust = json!({
            "Version": "2012-10-17",
            "Statement": [{
                "Effect": "Allow",
                "Principal": {
                    "Federated": format!("arn:aws:iam::{ACCOUNT}:oidc-provider/{ISSUER}"),
                },
                "Action": "sts:AssumeRoleWithWebIdentity",
                "Condition": { "StringEquals": { format!("{ISSUER}:sub"): "main" } },
            }],
        });
        self.role(name, json!({ "trust": trust }))
    }

    /// A token of such an identity, good for an hour.
    pub(crate) fn web_identity(&self) -> String {
        let wanted = json!({
            "issuer": format!("https://{ISSUER}"),
            "audience": "sts.amazonaws.com",
            "subject": "main",
            "life_s": 3600,
        });
        self.control("web-identity", wanted)["token"].as_str().expect("a token").to_owned()
    }
}

/// A trust policy of the account that asks for a code.
pub(crate) fn trust_with_mfa() -> Value {
    json!({
        "Version": "2012-10-17",
        "Statement": [{
            "Effect": "Allow",
            "Principal": { "AWS": format!("arn:aws:iam::{ACCOUNT}:root") },
            "Action": "sts:AssumeRole",
            "Condition": { "Bool": { "aws:MultiFactorAuthPresent": "true" } },
        }],
    })
}

/// A home directory.
pub(crate) struct Home {
    folder: TempDir,
    endpoint: String,
    /// What the test wrote itself.
    written: RefCell<Vec<PathBuf>>,
}

impl Drop for Home {
    /// Whatever the test was about: what is in the stores is nowhere else in the home.
    fn drop(&mut self) {
        if std::thread::panicking() {
            return;
        }
        let mut secrets = Secrets::default();
        let mut held: Vec<_> = STORES.iter().flat_map(|folder| self.files(folder)).collect();
        for path in &held {
            secrets.add_held(path);
        }
        held.extend(self.written.take());
        let others: Vec<_> =
            self.files(".").into_iter().filter(|path| !is_one_of(path, &held)).collect();
        secrets.expect_none_in(&others);
        for path in others {
            let bytes = std::fs::read(&path).expect("a file");
            expect_none_of_fixtures(&path.display().to_string(), &bytes);
        }
    }
}

fn is_one_of(path: &Path, others: &[PathBuf]) -> bool {
    let path = path.canonicalize().expect("it is there");
    others.iter().any(|other| other.canonicalize().is_ok_and(|other| other == path))
}

impl Home {
    /// One whose `~/.aws/config` is this.
    pub(crate) fn new(lab: &Lab, config: &str) -> Self {
        let home = Self {
            folder: tempfile::tempdir().expect("a temporary folder"),
            endpoint: lab.endpoint(),
            written: RefCell::default(),
        };
        home.write(".aws/config", config);
        home
    }

    pub(crate) fn path(&self) -> &Path {
        self.folder.path()
    }

    /// Writes a file, with its folders.
    pub(crate) fn write(&self, path: &str, text: &str) -> PathBuf {
        let path = self.path().join(path);
        std::fs::create_dir_all(path.parent().expect("a folder")).expect("a folder");
        std::fs::write(&path, text).expect("a file");
        self.written.borrow_mut().push(path.clone());
        path
    }

    /// Puts a file in the place of another, so that whoever reads it finds one of them whole.
    pub(crate) fn replace(&self, path: &str, text: &str) -> PathBuf {
        let new = self.write(&format!("{path}.new"), text);
        let path = self.path().join(path);
        std::fs::rename(new, &path).expect("a file");
        self.written.borrow_mut().push(path.clone());
        path
    }

    /// Writes a script that prints this.
    pub(crate) fn script(&self, name: &str, text: &str) -> PathBuf {
        use std::os::unix::fs::PermissionsExt as _;
        let path = self.write(name, &format!("#!/bin/sh\n{text}\n"));
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o755)).expect("a mode");
        path
    }

    /// Every file below a folder.
    pub(crate) fn files(&self, folder: &str) -> Vec<PathBuf> {
        files(&self.path().join(folder))
    }

    /// What adit's own cache holds.
    pub(crate) fn entries(&self) -> Vec<PathBuf> {
        let mut files = self.files(".cache/adit/credentials");
        files.retain(|path| path.extension().is_some_and(|extension| extension == "json"));
        files
    }

    /// The program, which knows of this home and of the lab's address, and nothing else.
    pub(crate) fn adit(&self) -> Command {
        let mut command = adit(self.path());
        self.environ(&mut command);
        command
    }

    /// The program with a clock that `clock` moves.
    pub(crate) fn moved(&self, clock: &MovedClock) -> Command {
        let mut command = clock.program(self.path());
        self.environ(&mut command);
        command
    }

    /// All that can be logged is logged, so that secrets are looked for in it.
    fn environ(&self, command: &mut Command) {
        command.env("ADIT_VERBOSE", "4");
        for (name, value) in self.variables() {
            command.env(name, value);
        }
    }

    /// What the program has in its environment beside `HOME`.
    pub(crate) fn variables(&self) -> [(&'static str, String); 3] {
        [
            ("AWS_ENDPOINT_URL", self.endpoint.clone()),
            ("AWS_REGION", "us-east-1".to_owned()),
            ("AWS_EC2_METADATA_DISABLED", "true".to_owned()),
        ]
    }

    /// Signs in to single sign-on, with a person who approves.
    pub(crate) fn sign_in(&self, lab: &Lab, profile: &str) {
        let mut command = self.adit();
        command.args(["login", "--json", "--no-browser", "--profile", profile]);
        let mut login = Program::start(&mut command);
        let code = login.expect_line("an address and a code", |line| {
            let event: Value = serde_json::from_str(line).expect("JSON");
            let code = event["code"].as_str().map(str::to_owned);
            (event["event"] == "sign_in").then(|| code.expect("a code"))
        });
        lab.control("sso-device", json!({ "user_code": code, "user": "ann" }));
        assert_eq!(login.wait().code(), Some(0), "{}", login.stderr());
        assert!(login.stdout().contains("signed_in"), "{}", login.stdout());
        assert!(login.stderr().contains(&code), "{}", login.stderr());
    }

    /// Runs a command to its end.
    pub(crate) fn run(&self, arguments: &[&str]) -> Output {
        self.run_with(&[], arguments)
    }

    /// The same with more variables.
    pub(crate) fn run_with(&self, variables: &[(&str, &str)], arguments: &[&str]) -> Output {
        let mut command = self.adit();
        command.envs(variables.iter().copied()).args(arguments);
        let mut program = Program::start(&mut command);
        let status = program.wait();
        let (stdout, stderr) = (program.stdout().into_bytes(), program.stderr().into_bytes());
        Output { status, stdout, stderr }
    }

    /// What `adit whoami --json` tells with these arguments.
    pub(crate) fn whoami(&self, arguments: &[&str]) -> Value {
        self.whoami_with(&[], arguments)
    }

    pub(crate) fn whoami_with(&self, variables: &[(&str, &str)], arguments: &[&str]) -> Value {
        let output = self.run_with(variables, &[&["whoami", "--json"], arguments].concat());
        let stdout = String::from_utf8_lossy(&output.stdout);
        let stderr = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(0), "{arguments:?}: {stdout}{stderr}");
        let mut told =
            stdout.lines().map(|line| serde_json::from_str::<Value>(line).expect("JSON"));
        told.rfind(|event| event["event"] == "identity").expect("an identity")
    }

    /// Runs a command that ends with this code; gives what it tells its user on standard error.
    pub(crate) fn refused(&self, code: i32, arguments: &[&str]) -> String {
        self.refused_with(&[], code, arguments)
    }

    pub(crate) fn refused_with(
        &self,
        variables: &[(&str, &str)],
        code: i32,
        arguments: &[&str],
    ) -> String {
        let output = self.run_with(variables, arguments);
        let stderr = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(code), "{arguments:?}: {stderr}");
        told(&stderr)
    }
}

/// What is there for the user: all that is no line of the log, which begins with the time.
pub(crate) fn told(stderr: &str) -> String {
    let is_log = |line: &&str| {
        let time = line.split(' ').next().unwrap_or_default();
        time.parse::<jiff::Timestamp>().is_ok()
    };
    stderr.lines().filter(|line| !is_log(line)).collect::<Vec<_>>().join("\n")
}
