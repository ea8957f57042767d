//! What a row plays on: a lab, destinations, the way between, and the program.

use std::net::{IpAddr, Ipv4Addr, SocketAddr, TcpListener};
use std::process::Command;
use std::sync::atomic::{AtomicU16, Ordering};
use std::time::{Duration, Instant};

use rustix::process::Signal;
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::common::clock::MovedClock;
use crate::common::cloud::{ec2, text};
use crate::common::lab::Lab;
use crate::common::process::{Program, adit};
use crate::common::{BASTION, HOST};
use crate::network::Namespace;
use crate::row::Outcome;
use crate::traffic::{Destination, Flow};
use crate::way::Way;

/// How long what comes before a fault may take: a guard only.
const PATIENCE: Duration = Duration::from_mins(1);
/// Between two looks.
const GLANCE: Duration = Duration::from_millis(10);

/// What a row needs.
#[derive(Default)]
pub(crate) struct Setup {
    pub(crate) lab: Vec<&'static str>,
    pub(crate) arguments: Vec<&'static str>,
    pub(crate) env: Vec<(&'static str, &'static str)>,
    /// Times of tunnels, which only the program of the tests can change.
    pub(crate) times: Option<&'static str>,
    /// Whether a moved clock is a machine that has slept.
    pub(crate) sleeps: bool,
    /// Whether the clock is moved at all.
    pub(crate) clock: bool,
    /// Whether there is a proxy on the way.
    pub(crate) proxied: bool,
    /// Whether the program runs in a network of its own.
    pub(crate) apart: bool,
    /// Whether it goes to a target, through a bastion that was made for it.
    pub(crate) made: bool,
    /// Whether somebody connects before the tunnel is open.
    pub(crate) early: bool,
    /// Whether it goes by a user of its own.
    pub(crate) user: bool,
    /// Whether the gateway takes no more than 1,024 bytes in a message, from the beginning: what has been
    /// sent in larger ones could never arrive.
    pub(crate) small: bool,
}

impl Setup {
    pub(crate) fn lab(mut self, arguments: &[&'static str]) -> Self {
        self.lab.extend(arguments);
        self
    }

    pub(crate) fn arguments(mut self, arguments: &[&'static str]) -> Self {
        self.arguments.extend(arguments);
        self
    }

    pub(crate) fn env(mut self, name: &'static str, value: &'static str) -> Self {
        self.env.push((name, value));
        self
    }

    pub(crate) fn times(self, times: &'static str) -> Self {
        Self { times: Some(times), ..self }
    }

    pub(crate) fn sleeps(self) -> Self {
        Self { sleeps: true, clock: true, ..self }
    }

    pub(crate) fn clock(self) -> Self {
        Self { clock: true, ..self }
    }

    pub(crate) fn proxied(self) -> Self {
        Self { proxied: true, ..self }
    }

    pub(crate) fn apart(self) -> Self {
        Self { apart: true, proxied: true, ..self }
    }

    pub(crate) fn made(self) -> Self {
        Self { made: true, ..self }
    }

    pub(crate) fn early(self) -> Self {
        Self { early: true, ..self }
    }

    pub(crate) fn small(self) -> Self {
        Self { small: true, ..self }
    }

    pub(crate) fn user(self) -> Self {
        Self { user: true, ..self }
    }
}

/// All of it, as it is at the moment.
pub(crate) struct Stage {
    pub(crate) setup: Setup,
    /// What is left out of the program.
    without: Option<&'static str>,
    pub(crate) program: Option<Program>,
    pub(crate) lab: Lab,
    pub(crate) destination: Destination,
    /// Where a name may lead later.
    pub(crate) other: Destination,
    pub(crate) way: Option<Way>,
    pub(crate) clock: Option<MovedClock>,
    pub(crate) namespace: Option<Namespace>,
    target: Option<String>,
    /// The key of a user of its own.
    pub(crate) key: Option<(String, String)>,
    /// The local port.
    pub(crate) port: u16,
    /// Events up to the fault.
    before: usize,
    pub(crate) deadline: Instant,
    pub(crate) home: TempDir,
    /// Connections that a row keeps open.
    pub(crate) kept: Vec<Flow>,
    /// The port, where somebody else has it.
    pub(crate) taken: Option<TcpListener>,
}

impl Stage {
    pub(crate) fn of(setup: Setup, without: Option<&'static str>) -> Outcome<Self> {
        let destination = Destination::start();
        let mut builder = Lab::builder().unpaced().map(5432, destination.address());
        for argument in &setup.lab {
            builder = builder.arg(*argument);
        }
        if setup.proxied {
            builder = builder.tls_named("lab.example.com");
        }
        if setup.made {
            builder = builder.arg("--no-sigv4");
        }
        let lab = builder.start();
        let namespace = if setup.apart { Some(Namespace::new()?) } else { None };
        let ip = namespace.as_ref().map_or(Ipv4Addr::LOCALHOST, Namespace::near);
        let way = setup.proxied.then(|| Way::start(IpAddr::V4(ip), lab.tls_address()));
        let program_of_tests =
            without.is_some() || setup.times.is_some() || setup.sleeps || setup.clock;
        let mut stage = Self {
            without,
            program: None,
            lab,
            destination,
            other: Destination::start(),
            way,
            clock: program_of_tests.then(MovedClock::new),
            namespace,
            target: None,
            key: None,
            port: free_port(),
            before: 0,
            deadline: Instant::now() + PATIENCE,
            home: tempfile::tempdir().map_err(|error| error.to_string())?,
            kept: Vec::new(),
            taken: None,
            setup,
        };
        stage.prepare()?;
        Ok(stage)
    }

    fn prepare(&mut self) -> Outcome {
        if self.setup.small {
            self.lab.fault(json!({"max_input": 1024}));
        }
        if self.setup.made {
            self.lab.fault(json!({"boot_ms": 0, "agent_ms": 0, "release_ms": 0}));
            let vpc = text(&ec2(&self.lab, "DescribeVpcs", &[]), "vpcId").to_owned();
            self.target = Some(format!("host:{HOST}:5432@{vpc}"));
            self.make_bastion()?;
        }
        if self.setup.user {
            let policies = json!(["arn:aws:iam::aws:policy/AdministratorAccess"]);
            let user = self.control("users", &json!({"name": "someone", "policies": policies}))?;
            let part = |name: &str| user[name].as_str().unwrap_or_default().to_owned();
            let key = (part("access_key_id"), part("secret_access_key"));
            if key.0.is_empty() {
                return Err(format!("no key in {user}"));
            }
            self.key = Some(key);
        }
        Ok(())
    }

    /// Makes a bastion, as a user does.
    pub(crate) fn make_bastion(&self) -> Outcome {
        let target = self.target.as_deref().unwrap_or_default();
        let mut command = adit(self.home.path());
        self.lab.credentials(&mut command);
        command.env("ADIT_ENDPOINT_URL", self.lab.endpoint());
        command.args(["init", "--target", target, "--yes", "--json"]);
        let made = command.output().map_err(|error| error.to_string())?;
        if made.status.success() { Ok(()) } else { Err(format!("init: {made:?}")) }
    }

    /// The bastion that was made.
    pub(crate) fn bastion(&self) -> String {
        let filter = [
            ("Filter.1.Name", "tag:adit:purpose"),
            ("Filter.1.Value.1", "bastion"),
            ("Filter.2.Name", "instance-state-name"),
            ("Filter.2.Value.1", "running"),
        ];
        text(&ec2(&self.lab, "DescribeInstances", &filter), "instanceId").to_owned()
    }

    /// Sets a fault of the lab.
    pub(crate) fn fault(&self, body: &Value) -> Outcome {
        self.control("faults", body).map(drop)
    }

    /// Whether all that either end of the sessions has sent is acknowledged.
    pub(crate) fn lab_is_quiet(&self) -> bool {
        let state = self.lab.state();
        let sessions = state["sessions"].as_array().expect("a list");
        sessions.iter().all(|session| {
            let counts = &session["counts"];
            counts["input_stream_data"] == counts["acknowledge_from_agent"]
                && counts["output_stream_data"] == counts["acknowledge_from_client"]
        })
    }

    /// Waits for the service to have the client's websocket: the program knows of one before.
    pub(crate) fn until_taken_on(&mut self) -> Outcome {
        self.until("the service's side", |stage| {
            let sessions = stage.lab.state()["sessions"].clone();
            let mut all = sessions.as_array()?.iter();
            all.any(|session| session["client_connected"] == true).then_some(())
        })
    }

    pub(crate) fn control(&self, name: &str, body: &Value) -> Outcome<Value> {
        let path = format!("/_lab/{name}");
        let address = self.lab.address();
        let answer = crate::common::http::request(address, "POST", &path, &[], &body.to_string())
            .map_err(|error| error.to_string())?;
        if answer.status != 200 {
            return Err(format!("{path} {body}: {answer:?}"));
        }
        Ok(serde_json::from_str(&answer.body).unwrap_or_default())
    }

    /// Starts the program.
    pub(crate) fn start(&mut self) {
        let mut command = match &self.clock {
            Some(clock) => clock.program(self.home.path()),
            None => adit(self.home.path()),
        };
        if let Some(namespace) = &self.namespace {
            command = namespace.within(&command);
        }
        self.lab.credentials(&mut command);
        if let Some((id, secret)) = &self.key {
            command.env("AWS_ACCESS_KEY_ID", id).env("AWS_SECRET_ACCESS_KEY", secret);
        }
        self.surround(&mut command);
        command.args(["connect", "--json"]);
        match &self.target {
            Some(target) => command.args(["--target", target]),
            None => command.args(["--bastion", BASTION, "--host", HOST, "--port", "5432"]),
        };
        command.args(["--local-port", &self.port.to_string()]).args(&self.setup.arguments);
        if let Some(namespace) = &self.namespace {
            command.args(["--allow-remote", "--bind", &namespace.local().to_string()]);
        }
        self.before = 0;
        self.program = Some(Program::start(&mut command));
    }

    fn surround(&self, command: &mut Command) {
        match &self.way {
            Some(way) => command
                .env("ADIT_ENDPOINT_URL", self.lab.tls_endpoint())
                .env("ADIT_CA_BUNDLE", self.lab.ca())
                .env("HTTPS_PROXY", way.url()),
            None => command.env("ADIT_ENDPOINT_URL", self.lab.endpoint()),
        };
        // What befalls one session is shown with one; those with several say so.
        command.env("ADIT_LANES", "1").envs(self.setup.env.iter().copied());
        if let Some(times) = self.setup.times {
            command.env("ADIT_TEST_TIMES", times);
        }
        if let Some(without) = self.without {
            command.env("ADIT_TEST_WITHOUT", without);
        }
        if self.setup.sleeps {
            command.env("ADIT_TEST_SLEEPS", "1");
        }
    }

    /// Where local clients connect.
    pub(crate) fn address(&self) -> SocketAddr {
        let ip = self.namespace.as_ref().map_or(Ipv4Addr::LOCALHOST, Namespace::local);
        (ip, self.port).into()
    }

    // ---- waiting ----

    /// Asks until there is an answer, or the time is over.
    pub(crate) fn until<T>(
        &mut self,
        what: &str,
        mut attempt: impl FnMut(&mut Self) -> Option<T>,
    ) -> Outcome<T> {
        loop {
            if let Some(found) = attempt(self) {
                return Ok(found);
            }
            if Instant::now() >= self.deadline {
                return Err(format!("waited in vain for {what}"));
            }
            std::thread::sleep(GLANCE);
        }
    }

    /// Waits for an event after the fault.
    pub(crate) fn expect(&mut self, kind: &str) -> Outcome {
        self.expect_times(kind, 1)
    }

    /// Waits for so many events of a kind after the fault.
    pub(crate) fn expect_times(&mut self, kind: &str, times: usize) -> Outcome {
        self.until(&format!("{kind} ({times})"), |stage| (stage.count(kind) >= times).then_some(()))
    }

    /// Events of a kind after the fault.
    pub(crate) fn count(&self, kind: &str) -> usize {
        self.events().iter().filter(|event| event["event"] == kind).count()
    }

    /// Waits until the tunnel is open.
    pub(crate) fn ready(&mut self) -> Outcome {
        self.until("ready", |stage| {
            stage.is_over().is_some_and(|is| is).then_some(Err(())).or_else(|| {
                let is_ready = stage.all_events().iter().any(|event| event["event"] == "ready");
                is_ready.then_some(Ok(()))
            })
        })?
        .map_err(|()| "the program ended before the tunnel was open".to_owned())
    }

    // ---- the program ----

    /// Whether it has ended; nothing without one.
    pub(crate) fn is_over(&mut self) -> Option<bool> {
        self.program.as_mut().map(|program| !program.is_running())
    }

    pub(crate) fn signal(&self, signal: Signal) {
        if let Some(program) = &self.program {
            program.signal(signal);
        }
    }

    pub(crate) fn pid(&self) -> u32 {
        self.program.as_ref().map_or(0, Program::pid)
    }

    fn all_events(&self) -> Vec<Value> {
        let stdout = self.program.as_ref().map(Program::stdout).unwrap_or_default();
        stdout.lines().filter_map(|line| serde_json::from_str(line).ok()).collect()
    }

    /// What was told after the fault.
    pub(crate) fn events(&self) -> Vec<Value> {
        self.all_events().split_off(self.before)
    }

    /// What was told up to now was told before the fault.
    pub(crate) fn mark(&mut self) {
        self.before = self.all_events().len();
    }

    /// What the program has said, for whoever looks for the cause of a failure.
    pub(crate) fn said(&self) -> String {
        let Some(program) = &self.program else { return String::new() };
        format!("stdout:\n{}\nstderr:\n{}", program.stdout(), program.stderr())
    }
}

/// A port that nobody else takes before the program does: none of those that the system gives out by
/// itself, and another one each time.
fn free_port() -> u16 {
    static NEXT: AtomicU16 = AtomicU16::new(0);
    let first = (std::process::id() % 100) as u16 * 100;
    loop {
        let port = 20_000 + (first + NEXT.fetch_add(1, Ordering::SeqCst)) % 10_000;
        if TcpListener::bind((Ipv4Addr::LOCALHOST, port)).is_ok() {
            return port;
        }
    }
}
