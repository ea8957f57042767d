//! Sources outside of the profiles: variables, files of tokens, containers, the instance.

use serde_json::{Value, json};

use crate::common::identity::{ACCOUNT, Home};
use crate::common::lab::Lab;

/// Whether the identity is a session of this role, from a source of this kind, which came by
/// this way.
#[track_caller]
fn expect_role(identity: &Value, role: &str, kind: &str, origin: &str) {
    let arn = format!("arn:aws:sts::{ACCOUNT}:assumed-role/{role}/");
    assert!(identity["arn"].as_str().expect("an ARN").starts_with(&arn), "{identity:#}");
    assert_eq!(identity["kind"], kind, "{identity:#}");
    let first = identity["steps"][0]["origin"].as_str().expect("an origin");
    assert!(first.starts_with(origin), "{identity:#}");
    assert_eq!(identity["renewable"], true, "{identity:#}");
}

/// A role for a service of AWS.
fn service_role(lab: &Lab, name: &str, service: &str) {
    let trust = json!({
        "Version": "2012-10-17",
        "Statement": [{
            "Effect": "Allow",
            "Principal": { "Service": service },
            "Action": "sts:AssumeRole",
        }],
    });
    lab.role(name, json!({ "trust": trust }));
}

#[test]
fn a_web_identity_of_the_environment_and_of_a_profile() {
    let lab = Lab::builder().start();
    let role = lab.web_identity_role("runner");
    let home = Home::new(&lab, "");
    let token = home.write("token", &lab.web_identity()).display().to_string();
    let variables = [("AWS_WEB_IDENTITY_TOKEN_FILE", &*token), ("AWS_ROLE_ARN", &role)];
    let identity = home.whoami_with(&variables, &[]);
    expect_role(&identity, "runner", "web-identity", "AWS_WEB_IDENTITY_TOKEN_FILE");
    let named = [&variables[..], &[("AWS_ROLE_SESSION_NAME", "build-7")]].concat();
    let arn = home.whoami_with(&named, &[])["arn"].clone();
    assert_eq!(arn, format!("arn:aws:sts::{ACCOUNT}:assumed-role/runner/build-7"));

    let config = format!("[profile ci]\nrole_arn = {role}\nweb_identity_token_file = {token}\n");
    home.write(".aws/config", &config);
    let identity = home.whoami(&["--profile", "ci"]);
    expect_role(&identity, "runner", "web-identity", "profile `ci`");

    // An hour later the token is over, and that is told with where it is.
    lab.advance(2 * 3600 * 1000);
    let stderr = home.refused(4, &["whoami", "--profile", "ci"]);
    assert!(stderr.contains(&format!("web identity token in {token} has expired")), "{stderr}");
}

#[test]
fn a_role_from_keys_of_the_environment() {
    let lab = Lab::builder().start();
    let ann = lab.user("ann", &[]);
    let role = lab.role("reader", json!({}));
    let config = format!("[profile env]\nrole_arn = {role}\ncredential_source = Environment\n");
    let home = Home::new(&lab, &config);
    let variables =
        [("AWS_ACCESS_KEY_ID", ann.key.as_str()), ("AWS_SECRET_ACCESS_KEY", &ann.secret)];
    let identity = home.whoami_with(&variables, &["--profile", "env"]);
    expect_role(&identity, "reader", "role", "AWS_ACCESS_KEY_ID");
}

#[test]
fn a_role_from_the_instance() {
    let lab = Lab::builder().start();
    service_role(&lab, "machine", "ec2.amazonaws.com");
    lab.control("instance-role", json!({ "role": "machine" }));
    let role = lab.role("reader", json!({}));
    let config =
        format!("[profile ec2]\nrole_arn = {role}\ncredential_source = Ec2InstanceMetadata\n");
    let home = Home::new(&lab, &config);
    let variables = [
        ("AWS_EC2_METADATA_DISABLED", "false"),
        ("AWS_EC2_METADATA_SERVICE_ENDPOINT", &lab.endpoint()),
    ];
    let identity = home.whoami_with(&variables, &["--profile", "ec2"]);
    expect_role(&identity, "reader", "role", "profile `ec2`");
}

#[test]
fn a_container_whose_token_is_in_a_file() {
    let lab = Lab::builder().start();
    service_role(&lab, "task", "ecs-tasks.amazonaws.com");
    let container = lab.control("container", json!({ "name": "web", "role": "task" }));
    let home = Home::new(&lab, "");
    let token = home.write("token", container["token"].as_str().unwrap()).display().to_string();
    let uri = format!("{}{}", lab.endpoint(), container["path"].as_str().unwrap());
    let variables = [
        ("AWS_CONTAINER_CREDENTIALS_FULL_URI", &*uri),
        ("AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE", &token),
    ];
    let identity = home.whoami_with(&variables, &[]);
    expect_role(&identity, "task", "container", "AWS_CONTAINER_CREDENTIALS_FULL_URI");
}

#[test]
fn keys_of_a_session_in_the_environment() {
    let lab = Lab::builder().start();
    let ann = lab.user("ann", &[]);
    let role = lab.role("reader", json!({}));
    let config = format!(
        "[profile keys]\naws_access_key_id = {}\naws_secret_access_key = {}\n\
         [profile reader]\nrole_arn = {role}\nsource_profile = keys\n",
        ann.key, ann.secret
    );
    let home = Home::new(&lab, &config);
    let arn = home.whoami(&["--profile", "reader"])["arn"].clone();
    let [entry] = &home.entries()[..] else { panic!("{:?}", home.entries()) };
    let entry: Value = serde_json::from_slice(&std::fs::read(entry).unwrap()).unwrap();
    let of = |name: &str| entry[name].as_str().unwrap();
    let variables = [
        ("AWS_ACCESS_KEY_ID", of("access_key_id")),
        ("AWS_SECRET_ACCESS_KEY", of("secret_access_key")),
        ("AWS_SESSION_TOKEN", of("session_token")),
    ];
    let identity = home.whoami_with(&variables, &[]);
    assert_eq!((&identity["arn"], &identity["kind"]), (&arn, &json!("session")), "{identity:#}");
    assert_eq!(identity["renewable"], false, "{identity:#}");
    assert!(identity["mfa"].is_null(), "whether there was a code is not known: {identity:#}");
    // Without the token they are nobody's.
    let stderr = home.refused_with(&variables[..2], 4, &["whoami"]);
    assert!(stderr.starts_with("error: "), "{stderr}");
}
