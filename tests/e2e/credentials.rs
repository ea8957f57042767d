//! Tunnels that outlive their credentials, and tunnels that may not.

use std::io::{Read as _, Write as _};
use std::net::{SocketAddr, TcpStream};
use std::time::{Duration, SystemTime};

use jiff::Timestamp;
use rustix::process::Signal;
use serde_json::{Value, json};

use crate::common::clock::MovedClock;
use crate::common::connect::dial;
use crate::common::identity::{ACCOUNT, Home, User, told, trust_with_mfa};
use crate::common::lab::Lab;
use crate::common::process::Program;
use crate::common::servers::Server;
use crate::common::wait::until;
use crate::common::{BASTION, HOST};

/// How far the time moves at once: less than what signatures may be off, since the lab is moved
/// before the programs are.
const STEP_S: u64 = 240;

/// After how many steps the websockets are cut.
const CUTS: [u64; 3] = [50, 100, 150];

/// A user with a device, and a profile whose role asks for its code.
fn world(server: &Server) -> (Lab, User, Home) {
    let lab = Lab::builder().unpaced().serve(server).start();
    let ann = lab.user("ann", &["phone"]);
    let role = lab.role("careful", json!({ "trust": trust_with_mfa() }));
    let config = format!(
        "[profile keys]\naws_access_key_id = {}\naws_secret_access_key = {}\n\
         [profile role]\nrole_arn = {role}\nsource_profile = keys\nmfa_serial = {}\n",
        ann.key, ann.secret, ann.devices[0],
    );
    let home = Home::new(&lab, &config);
    (lab, ann, home)
}

/// A tunnel of a program whose clock the test moves, with two clients in it.
struct Tunnel {
    program: Program,
    clock: MovedClock,
    streams: [TcpStream; 2],
    /// How often its credentials were seen to be renewed, and when the last time was.
    renewals: usize,
    renewed_s: u64,
}

impl Tunnel {
    fn open(home: &Home, more: &[&str]) -> Self {
        Self::open_as("role", home, more)
    }

    fn open_as(profile: &str, home: &Home, more: &[&str]) -> Self {
        let clock = MovedClock::new();
        let mut command = home.moved(&clock);
        command
            .args(["connect", "--json", "--profile", profile, "--bastion", BASTION])
            .args(["--host", HOST, "--port", "5432", "--local-port", "auto"])
            .args(["--max-duration", "24h", "--lanes", "1"])
            .args(more);
        let program = Program::start(&mut command);
        let ready = event(&program, "ready", |event| event["event"] == "ready");
        let address: SocketAddr =
            ready["address"].as_str().expect("an address").parse().expect("an address");
        let streams = [dial(address), dial(address)];
        Self { program, clock, streams, renewals: 0, renewed_s: 0 }
    }

    /// Sees to it that the time does not run away: a renewal that is due is waited for. It comes
    /// after 48 of 60 minutes at most.
    fn settle(&mut self, moved_s: u64) {
        let renewals = || self.program.stderr().matches("renewed the credentials").count();
        let mut seen = renewals();
        if seen == self.renewals && moved_s - self.renewed_s >= 3000 {
            seen = until("a renewal", || Some(renewals()).filter(|now| *now > self.renewals));
        }
        if seen > self.renewals {
            (self.renewals, self.renewed_s) = (seen, moved_s);
            // The next renewal puts others in the place of these.
            self.program.watch_stores();
        }
    }

    /// How many events of a kind there have been.
    fn count(&self, kind: &str) -> usize {
        self.program.stdout().matches(&format!("\"event\":\"{kind}\"")).count()
    }

    fn echo(&mut self, text: &str) {
        for stream in &mut self.streams {
            let mut back = vec![0; text.len()];
            let said =
                stream.write_all(text.as_bytes()).and_then(|()| stream.read_exact(&mut back));
            let (program, text) = (&self.program, text.as_bytes());
            assert!(
                said.is_ok() && back == text,
                "{said:?}\n{}\n{}",
                program.stdout(),
                program.stderr()
            );
        }
    }
}

fn event(program: &Program, what: &str, is: impl Fn(&Value) -> bool) -> Value {
    program.expect_line(what, |line| {
        let event = serde_json::from_str(line).expect("JSON");
        is(&event).then_some(event)
    })
}

/// When the credentials end that the tunnel holds, to the last digit, as it logged it.
fn expiry(program: &Program) -> SystemTime {
    let stderr = program.stderr();
    let line = stderr.lines().rfind(|line| line.contains("renewed the credentials"));
    let line = line.expect("a renewal");
    let part = |name: &str| {
        let (_, rest) = line.split_once(name).expect("a time in the log");
        let digits: String = rest.chars().take_while(char::is_ascii_digit).collect();
        digits.parse::<u64>().expect("a number")
    };
    let whole = Duration::from_secs(part("tv_sec: "));
    SystemTime::UNIX_EPOCH + whole + Duration::from_nanos(part("tv_nsec: "))
}

#[test]
fn one_code_carries_two_tunnels_through_half_a_day() {
    let server = Server::echo();
    let (lab, ann, home) = world(&server);
    let code = lab.code(&ann.devices[0]);
    let mut tunnels = [Tunnel::open(&home, &["--mfa-code", &code]), Tunnel::open(&home, &[])];
    assert_eq!(lab.calls("GetSessionToken"), 1);
    // Up to the last minutes of the code's session.
    for step in 1..=(12 * 3600 / STEP_S - 2) {
        lab.advance(STEP_S * 1000);
        for tunnel in &tunnels {
            tunnel.clock.advance(STEP_S);
        }
        for tunnel in &mut tunnels {
            tunnel.echo(&format!("after {step} steps"));
            tunnel.settle(step * STEP_S);
        }
        // The credentials that the tunnels began with ended long ago: only renewed ones resume them.
        if CUTS.contains(&step) {
            cut(&lab, &mut tunnels);
        }
    }
    assert_eq!(lab.calls("GetSessionToken"), 1);
    for tunnel in &mut tunnels {
        assert!(tunnel.program.is_running(), "{}", tunnel.program.stderr());
        assert!(tunnel.renewals >= 11, "{}", tunnel.program.stderr());
        assert_eq!(tunnel.count("resumed"), CUTS.len(), "{}", tunnel.program.stdout());
        let stdout = tunnel.program.stdout();
        assert!(!stdout.contains("\"warning\""), "{stdout}");
    }
}

/// The narrowed role may do all that a tunnel takes: start, dial, resume, dial again, end.
#[test]
fn a_narrowed_session_serves_and_is_resumed() {
    let server = Server::echo();
    let (lab, ann, home) = world(&server);
    let code = lab.code(&ann.devices[0]);
    let mut tunnel = Tunnel::open(&home, &["--mfa-code", &code, "--scope-session"]);
    tunnel.echo("through a narrow door");
    cut(&lab, std::slice::from_mut(&mut tunnel));
    // The role as a whole, for the AWS CLI too, and the narrow one, which is kept nowhere.
    assert_eq!((lab.calls("GetSessionToken"), lab.calls("AssumeRole")), (1, 2));
    assert_eq!(home.files(".aws/cli/cache").len(), 1);
    tunnel.program.signal(Signal::INT);
    assert_eq!(tunnel.program.wait().code(), Some(130), "{}", tunnel.program.stderr());
    lab.expect_nothing_left();
}

/// Cuts the websockets of all tunnels, with words under way in each stream.
fn cut(lab: &Lab, tunnels: &mut [Tunnel]) {
    let resumed: Vec<_> = tunnels.iter().map(|tunnel| tunnel.count("resumed")).collect();
    let words = "said before the cut, heard after it";
    let asked = lab.calls("ResumeSession");
    for stream in tunnels.iter_mut().flat_map(|tunnel| &mut tunnel.streams) {
        stream.write_all(words.as_bytes()).expect("the stream takes it");
    }
    lab.fault(json!({ "cut": "client" }));
    for (tunnel, before) in tunnels.iter_mut().zip(resumed) {
        until("the resumption", || (tunnel.count("resumed") > before).then_some(()));
        for stream in &mut tunnel.streams {
            let mut back = vec![0; words.len()];
            stream.read_exact(&mut back).expect("the echo comes back");
            assert_eq!(back, words.as_bytes());
        }
    }
    assert!(lab.calls("ResumeSession") >= asked + tunnels.len() as u64, "{:#}", lab.state());
}

#[test]
fn revoked_credentials_end_the_tunnel_when_they_expire() {
    let server = Server::echo();
    let (lab, ann, home) = world(&server);
    let code = lab.code(&ann.devices[0]);
    let mut tunnel = Tunnel::open(&home, &["--mfa-code", &code]);
    let advance = |tunnel: &Tunnel, by: Duration| {
        lab.advance(by.as_secs() * 1000);
        tunnel.clock.advance(by.as_secs());
    };
    for step in 1..=(3 * 3600 / STEP_S) {
        advance(&tunnel, Duration::from_secs(STEP_S));
        tunnel.echo("on");
        tunnel.settle(step * STEP_S);
    }
    lab.control("revoke", json!({ "user": "ann" }));
    let expires = expiry(&tunnel.program);
    let left = |tunnel: &Tunnel| {
        let now = SystemTime::now() + tunnel.clock.moved();
        expires.duration_since(now).expect("not expired")
    };
    // What is held is used to its last second; the end is announced twice. Sessions in which
    // nothing happens for twenty minutes end.
    let to = |tunnel: &mut Tunnel, remaining: u64| {
        while let Some(by) = left(tunnel).checked_sub(Duration::from_secs(remaining)) {
            advance(tunnel, by.min(Duration::from_secs(STEP_S)) + Duration::from_secs(1));
            tunnel.echo("still");
        }
    };
    for remaining in [300, 60] {
        to(&mut tunnel, remaining);
        let warning = event(&tunnel.program, "a warning", |event| {
            event["limit"] == "credentials"
                && event["remaining_s"].as_u64().is_some_and(|left| left <= remaining)
        });
        assert!(warning["message"].as_str().unwrap().contains("access ends in"), "{warning}");
    }
    // The last seconds pass by themselves.
    to(&mut tunnel, 5);
    let ended = event(&tunnel.program, "the end", |event| event["event"] == "ended");
    assert_eq!(ended["cause"], "credentials_expired");
    let at: Timestamp = ended["time"].as_str().expect("a time").parse().expect("a time");
    let at = SystemTime::from(at) + tunnel.clock.moved();
    let late = at.duration_since(expires).expect("not before they expire");
    assert!(late < Duration::from_secs(1), "{late:?}");
    assert_eq!(tunnel.program.wait().code(), Some(13), "{}", tunnel.program.stderr());
    let told = told(&tunnel.program.stderr());
    assert!(told.contains("expired"), "{told}");
}

/// A token of single sign-on lives for an hour and is refreshed; one of a web identity is read anew
/// from its file, which whoever runs the program there writes.
#[test]
fn a_sign_on_and_a_web_identity_are_renewed() {
    let server = Server::echo();
    let lab = Lab::builder().unpaced().serve(&server).start();
    lab.sign_on("ann", "Developer");
    let role = lab.web_identity_role("runner");
    let home = Home::new(&lab, "");
    let identity = || home.replace("token", &lab.web_identity());
    let token = identity();
    home.write(
        ".aws/config",
        &format!(
            "[profile dev]\nsso_session = acme\nsso_account_id = {ACCOUNT}\n\
             sso_role_name = Developer\n\
             [sso-session acme]\nsso_start_url = https://acme.awsapps.com/start\n\
             sso_region = us-east-1\nsso_registration_scopes = sso:account:access\n\
             [profile runner]\nrole_arn = {role}\nweb_identity_token_file = {}\n",
            token.display()
        ),
    );
    home.sign_in(&lab, "dev");
    let access_token = || {
        let files = home.files(".aws/sso/cache");
        let texts = files.iter().map(|path| std::fs::read_to_string(path).expect("a file"));
        let values = texts.map(|text| serde_json::from_str::<Value>(&text).expect("JSON"));
        let tokens = values.filter_map(|value| Some(value["accessToken"].as_str()?.to_owned()));
        tokens.collect::<Vec<_>>()
    };
    let before = access_token();
    assert_eq!(before.len(), 1, "{before:?}");

    let mut tunnels = ["dev", "runner"].map(|profile| Tunnel::open_as(profile, &home, &[]));
    for step in 1..=(3 * 3600 / STEP_S) {
        identity();
        lab.advance(STEP_S * 1000);
        for tunnel in &tunnels {
            tunnel.clock.advance(STEP_S);
        }
        for tunnel in &mut tunnels {
            tunnel.echo(&format!("after {step} steps"));
            tunnel.settle(step * STEP_S);
        }
    }
    for tunnel in &mut tunnels {
        assert!(tunnel.program.is_running(), "{}", tunnel.program.stderr());
        assert!(tunnel.renewals >= 2, "{}", tunnel.program.stderr());
        assert!(!tunnel.program.stdout().contains("\"warning\""), "{}", tunnel.program.stdout());
    }
    assert_ne!(access_token(), before, "the token of the sign-on was not refreshed");
}
