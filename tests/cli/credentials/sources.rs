//! Each source with a home directory of its own, as `adit whoami` tells of it.

use serde_json::json;

use crate::common::identity::{ACCOUNT, Home};
use crate::common::lab::Lab;

/// What the steps are and where they come from, one a line.
fn steps(identity: &serde_json::Value) -> String {
    let steps = identity["steps"].as_array().expect("a list").iter();
    let line = |step: &serde_json::Value| {
        format!(
            "{} | {}",
            step["what"].as_str().expect("a text"),
            step["origin"].as_str().expect("a text")
        )
    };
    steps.map(line).collect::<Vec<_>>().join("\n")
}

#[test]
fn keys_of_the_environment_and_of_profiles() {
    let lab = Lab::builder().start();
    let (ann, ben) = (lab.user("ann", &[]), lab.user("ben", &[]));
    let home = Home::new(
        &lab,
        &format!(
            "[profile ben]\naws_access_key_id = {}\naws_secret_access_key = {}\n",
            ben.key, ben.secret
        ),
    );
    let variables =
        [("AWS_ACCESS_KEY_ID", ann.key.as_str()), ("AWS_SECRET_ACCESS_KEY", &ann.secret)];
    let identity = home.whoami_with(&variables, &[]);
    assert_eq!(identity["arn"], json!(ann.arn));
    assert_eq!(identity["account"], ACCOUNT);
    assert_eq!((&identity["kind"], &identity["mfa"]), (&json!("keys"), &json!(false)));
    assert!(identity["expires"].is_null(), "{identity}");
    assert!(steps(&identity).contains(&ann.key), "{identity}");
    // A profile that is asked for by name goes before keys in the environment; AWS_PROFILE does
    // not.
    assert_eq!(home.whoami_with(&variables, &["--profile", "ben"])["arn"], json!(ben.arn));
    let both = [&variables[..], &[("AWS_PROFILE", "ben")]].concat();
    assert_eq!(home.whoami_with(&both, &[])["arn"], json!(ann.arn));
    let identity = home.whoami_with(&[("AWS_PROFILE", "ben")], &[]);
    assert_eq!(identity["arn"], json!(ben.arn));
    assert!(steps(&identity).ends_with("| profile `ben` in ~/.aws/config"), "{identity}");
}

#[test]
fn roles_by_way_of_profiles() {
    let lab = Lab::builder().start();
    let ann = lab.user("ann", &[]);
    let first = lab.role("first", json!({}));
    let trust = json!({
        "Version": "2012-10-17",
        "Statement": [{
            "Effect": "Allow",
            "Principal": { "AWS": first },
            "Action": "sts:AssumeRole",
            "Condition": { "StringEquals": { "sts:ExternalId": "known" } },
        }],
    });
    let second = lab.role("second", json!({ "trust": trust }));
    let home = Home::new(
        &lab,
        &format!(
            "[profile base]\naws_access_key_id = {}\naws_secret_access_key = {}\n\
             [profile first]\nrole_arn = {first}\nsource_profile = base\n\
             [profile second]\nrole_arn = {second}\nsource_profile = first\nexternal_id = known\n\
             [profile stranger]\nrole_arn = {second}\nsource_profile = first\n",
            ann.key, ann.secret
        ),
    );
    let identity = home.whoami(&["--profile", "second"]);
    let expected = format!("arn:aws:sts::{ACCOUNT}:assumed-role/second/adit-");
    assert!(identity["arn"].as_str().unwrap().starts_with(&expected), "{identity}");
    assert_eq!(identity["kind"], "role");
    assert_eq!(steps(&identity).lines().count(), 3, "{identity}");
    assert_eq!(identity["renewable"], true);
    // By name of the caller, so that CloudTrail tells who it was.
    let identity = home.whoami(&["--profile", "first"]);
    let expected = format!("arn:aws:sts::{ACCOUNT}:assumed-role/first/adit-ann");
    assert_eq!(identity["arn"], json!(expected));
    let stderr = home.refused(5, &["whoami", "--profile", "stranger"]);
    assert!(stderr.contains("error: AssumeRole"), "{stderr}");
    let hint = format!(
        "hint: both must allow it: the policies of the caller (sts:AssumeRole on {second})"
    );
    assert!(stderr.contains(&hint), "{stderr}");
    assert!(
        stderr.contains("hint: a role of another organisation often asks for an external id"),
        "{stderr}"
    );
    // The same role by flags.
    let flags = ["--profile", "first", "--role-arn", &second, "--external-id", "known"];
    assert!(home.whoami(&flags)["arn"].as_str().unwrap().contains("assumed-role/second/"));
}

#[test]
fn people_read_who_they_are() {
    let lab = Lab::builder().start();
    let ann = lab.user("ann", &[]);
    let role = lab.role("reader", json!({}));
    let home = Home::new(
        &lab,
        &format!(
            "[default]\naws_access_key_id = {}\naws_secret_access_key = {}\n\
             [profile reader]\nrole_arn = {role}\nsource_profile = default\n",
            ann.key, ann.secret
        ),
    );
    let output = home.run(&["whoami", "--profile", "reader"]);
    let stdout = String::from_utf8(output.stdout).expect("UTF-8");
    for text in [
        "account   111122223333",
        "as        arn:aws:sts::111122223333:assumed-role/reader/adit-ann",
        "kind      role",
        "(profile `reader` in ~/.aws/config",
        "mfa       no",
        "; renewed before that",
        "region    us-east-1 (AWS_REGION)",
        "profile   reader (--profile)",
        "(AWS_ENDPOINT_URL)",
    ] {
        assert!(stdout.contains(text), "no {text:?} in\n{stdout}");
    }
}

#[test]
fn a_process_a_token_a_container_and_an_instance() {
    let lab = Lab::builder().start();
    let ann = lab.user("ann", &[]);
    let service = |name: &str| {
        json!({ "trust": {
            "Version": "2012-10-17",
            "Statement": [{
                "Effect": "Allow",
                "Principal": { "Service": name },
                "Action": "sts:AssumeRole",
            }],
        }})
    };
    lab.role("task", service("ecs-tasks.amazonaws.com"));
    lab.role("machine", service("ec2.amazonaws.com"));
    let home = Home::new(&lab, "");
    let keys = format!(
        r#"{{"Version": 1, "AccessKeyId": "{}", "SecretAccessKey": "{}"}}"#,
        ann.key, ann.secret
    );
    let script = home.script("keys", &format!("echo '{keys}'"));
    home.write(
        ".aws/config",
        &format!(
            "[profile process]\ncredential_process = {}\n\
             [profile container]\nrole_arn = {}\ncredential_source = EcsContainer\n",
            script.display(),
            lab.role("from-container", json!({})),
        ),
    );
    let identity = home.whoami(&["--profile", "process"]);
    // What the program prints is what counts: these are somebody's permanent keys.
    assert_eq!((&identity["arn"], &identity["kind"]), (&json!(ann.arn), &json!("keys")));

    let container = lab.control("container", json!({ "name": "web", "role": "task" }));
    let uri = format!("{}{}", lab.endpoint(), container["path"].as_str().unwrap());
    let variables = [
        ("AWS_CONTAINER_CREDENTIALS_FULL_URI", uri.as_str()),
        ("AWS_CONTAINER_AUTHORIZATION_TOKEN", container["token"].as_str().unwrap()),
    ];
    let identity = home.whoami_with(&variables, &[]);
    assert!(identity["arn"].as_str().unwrap().contains("assumed-role/task/"), "{identity}");
    assert_eq!(identity["kind"], "container");
    let identity = home.whoami_with(&variables, &["--profile", "container"]);
    assert!(identity["arn"].as_str().unwrap().contains("/from-container/"), "{identity}");

    lab.control("instance-role", json!({ "role": "machine" }));
    let variables = [
        ("AWS_EC2_METADATA_DISABLED", "false"),
        ("AWS_EC2_METADATA_SERVICE_ENDPOINT", &lab.endpoint()),
    ];
    let identity = home.whoami_with(&variables, &[]);
    assert!(identity["arn"].as_str().unwrap().contains("assumed-role/machine/"), "{identity}");
    assert_eq!(identity["kind"], "instance");
}

#[test]
fn a_login_session() {
    let lab = Lab::builder().start();
    lab.user("ann", &[]);
    let login = lab.control("login", json!({ "user": "ann" }));
    let session = login["login_session"].as_str().expect("a session");
    let home = Home::new(&lab, &format!("[profile in]\nlogin_session = {session}\n"));
    let file = format!(".aws/login/cache/{}", login["file"].as_str().expect("a name"));
    home.write(&file, &login["content"].to_string());
    let identity = home.whoami(&["--profile", "in"]);
    assert!(identity["arn"].as_str().unwrap().ends_with("user/ann"), "{identity}");
    assert_eq!(identity["kind"], "login");
    // Without what `aws login` leaves, it is said what brings it.
    let empty = Home::new(&lab, &format!("[profile in]\nlogin_session = {session}\n"));
    let stderr = empty.refused(4, &["whoami", "--profile", "in"]);
    assert!(stderr.contains("aws login"), "{stderr}");
}
