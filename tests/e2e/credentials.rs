//! Tunnels that outlive their credentials, and tunnels that may not.

use std::io::{Read as _, Write as _};
use std::net::{SocketAddr, TcpStream};
use std::time::SystemTime;

use jiff::Timestamp;
use serde_json::{Value, json};

use crate::common::cloud::{IAM, call};
use crate::common::connect::dial;
use crate::common::identity::{ACCOUNT, Home, MovedClock, User, trust_with_mfa};
use crate::common::lab::Lab;
use crate::common::process::Program;
use crate::common::secrets::watch;
use crate::common::servers::Server;
use crate::common::wait::until;
use crate::common::{BASTION, HOST};

/// How far the time moves at once.
const STEP_S: u64 = 300;

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
            .args(["-vv", "connect", "--json", "--profile", profile, "--bastion", BASTION])
            .args(["--host", HOST, "--port", "5432", "--local-port", "auto"])
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
        }
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

/// When the role's credentials end, as the AWS CLI's cache has it.
fn expiry(home: &Home) -> Timestamp {
    let files = home.files(".aws/cli/cache");
    let texts = files.iter().map(|path| std::fs::read_to_string(path).expect("a file"));
    let moments = texts.map(|text| {
        let entry: Value = serde_json::from_str(&text).expect("JSON");
        let at = entry["Credentials"]["Expiration"].as_str().expect("a time");
        // The AWS CLI writes the zone by its name.
        at.replace("UTC", "Z").parse().expect("a time")
    });
    moments.max().expect("an entry")
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
    }
    assert_eq!(lab.calls("GetSessionToken"), 1);
    for tunnel in &mut tunnels {
        assert!(tunnel.program.is_running(), "{}", tunnel.program.stderr());
        assert!(tunnel.renewals >= 11, "{}", tunnel.program.stderr());
        let stdout = tunnel.program.stdout();
        assert!(!stdout.contains("resuming") && !stdout.contains("\"warning\""), "{stdout}");
    }
}

#[test]
fn revoked_credentials_end_the_tunnel_when_they_expire() {
    let server = Server::echo();
    let (lab, ann, home) = world(&server);
    let code = lab.code(&ann.devices[0]);
    let mut tunnel = Tunnel::open(&home, &["--mfa-code", &code]);
    let mut moved = 0;
    let mut advance = |tunnel: &Tunnel, seconds: u64| {
        lab.advance(seconds * 1000);
        tunnel.clock.advance(seconds);
        moved += seconds;
        moved
    };
    for step in 1..=(3 * 3600 / STEP_S) {
        advance(&tunnel, STEP_S);
        tunnel.echo("on");
        tunnel.settle(step * STEP_S);
    }
    lab.control("revoke", json!({ "user": "ann" }));
    let expires = SystemTime::from(expiry(&home));
    let left = |moved: u64| {
        let now = SystemTime::now() + std::time::Duration::from_secs(moved);
        expires.duration_since(now).expect("not expired").as_secs()
    };
    // What is held is used to its last second; the end is announced twice.
    let mut gone = advance(&tunnel, 0);
    // Sessions in which nothing happens for twenty minutes end.
    while left(gone) > 301 {
        gone = advance(&tunnel, STEP_S.min(left(gone) - 301));
        tunnel.echo("still");
    }
    for remaining in [299, 59] {
        gone = advance(&tunnel, left(gone) - remaining);
        let warning = event(&tunnel.program, "a warning", |event| {
            event["limit"] == "credentials"
                && event["remaining_s"].as_u64().is_some_and(|left| left <= remaining + 1)
        });
        assert!(warning["message"].as_str().unwrap().contains("access ends in"), "{warning}");
        tunnel.echo("still");
    }
    // The last seconds pass by themselves.
    gone = advance(&tunnel, left(gone) - 3);
    tunnel.echo("still");
    let ended = event(&tunnel.program, "the end", |event| event["event"] == "ended");
    assert_eq!(ended["cause"], "credentials_expired");
    let at: Timestamp = ended["time"].as_str().expect("a time").parse().expect("a time");
    let late = (SystemTime::from(at) + std::time::Duration::from_secs(gone))
        .duration_since(expires)
        .expect("not before they expire");
    assert!(late < std::time::Duration::from_secs(1), "{late:?}");
    assert_eq!(tunnel.program.wait().code(), Some(13), "{}", tunnel.program.stderr());
    assert!(tunnel.program.stderr().contains("expired"), "{}", tunnel.program.stderr());
}

/// A token of single sign-on lives for an hour and is refreshed; one of a web identity is read anew
/// from its file, which whoever runs the program there writes.
#[test]
fn a_sign_on_and_a_web_identity_are_renewed() {
    const ISSUER: &str = "https://tokens.example.com";
    let server = Server::echo();
    let lab = Lab::builder().unpaced().serve(&server).start();
    lab.control("sso-assign", json!({ "user": "ann", "role": "Developer" }));
    let provider = [
        ("Url", ISSUER),
        ("ClientIDList.member.1", "sts.amazonaws.com"),
        ("ThumbprintList.member.1", "0123456789012345678901234567890123456789"),
    ];
    call(&lab, IAM, "CreateOpenIDConnectProvider", &provider);
    let role = lab.role(
        "runner",
        json!({ "trust": {
            "Version": "2012-10-17",
            "Statement": [{
                "Effect": "Allow",
                "Principal": { "Federated": format!("arn:aws:iam::{ACCOUNT}:oidc-provider/tokens.example.com") },
                "Action": "sts:AssumeRoleWithWebIdentity",
                "Condition": { "StringEquals": { "tokens.example.com:sub": "main" } },
            }],
        }}),
    );
    let home = Home::new(&lab, "");
    let identity = || {
        let wanted = json!({
            "issuer": ISSUER, "audience": "sts.amazonaws.com", "subject": "main", "life_s": 3600,
        });
        let token = lab.control("web-identity", wanted)["token"].as_str().unwrap().to_owned();
        watch(&token);
        home.write("token", &token)
    };
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
