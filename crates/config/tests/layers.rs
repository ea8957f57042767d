//! Two files made one, and flags over them.

use std::time::Duration;

use adit_config::{
    Config, CredentialKind, Flags, Lanes, LocalPort, LookupError, Origin, Reason, RequireMfa,
    TargetKind, tighten,
};

use crate::{good, read};

const HOUR: Duration = Duration::from_hours(1);

const SHARED: &str = r#"version = 1

[defaults]
profile = "dev"
region = "eu-west-1"
idle-timeout = "30m"
max-duration = "8h"
allow-credentials = ["sso", "role"]
account = "111122223333"

[bastion]
instance-type = "t4g.micro"
permissions-boundary = "arn:aws:iam::111122223333:policy/team"
tags = { team = "data" }

[targets.orders]
kind = "rds"
id = "orders-prod"
region = "eu-central-1"

[connections.prod-db]
target = "orders"
local-port = 5432
max-duration = "10h"
disconnect-on-expiry = true

[connections.cache]
target = "elasticache:sessions"

[groups]
dev = ["prod-db", "cache"]
"#;

fn layered(own: &str) -> Config {
    read(Some(SHARED), Some(&format!("version = 1\n{own}")))
        .unwrap_or_else(|problems| panic!("{problems}"))
}

fn refused(config: &Config, name: &str) -> String {
    config.connection(name).expect_err("a problem").to_string()
}

#[test]
fn one_file_by_itself() {
    let config = good(SHARED);
    assert_eq!(config.names(), ["cache", "prod-db"]);
    assert_eq!(config.targets(), ["orders"]);
    assert_eq!(
        config.groups(),
        [("dev".to_owned(), vec!["prod-db".to_owned(), "cache".to_owned()])]
    );
    let connection = config.connection("prod-db").unwrap();
    assert_eq!(connection.target.spec, "rds:orders-prod");
    assert_eq!(connection.target.kind, TargetKind::Rds);
    assert_eq!(connection.target.name.as_deref(), Some("orders"));
    let settings = connection.settings;
    assert_eq!(settings.profile.unwrap().value, "dev");
    // The target goes before the defaults, the connection's own limit too: their author is one.
    assert_eq!(settings.region.as_ref().unwrap().value, "eu-central-1");
    assert_eq!(settings.max_duration.value, 10 * HOUR);
    assert_eq!(settings.max_duration_ceiling.value, 10 * HOUR);
    assert_eq!(settings.max_duration_ceiling.origin, Origin::Default);
    assert_eq!(settings.idle_timeout.value, HOUR / 2);
    assert_eq!(settings.local_port.unwrap().value, LocalPort::Fixed(5432));
    assert_eq!(settings.lanes.value, Lanes::Auto);
    assert!(!settings.keep_alive.value);
    let place = settings.max_duration.origin.place().unwrap();
    assert_eq!((place.line, place.column), (24, 16));
}

#[test]
fn no_file_at_all() {
    let config = read(None, None).unwrap();
    assert!(config.names().is_empty() && config.check().is_ok());
    let settings = config.defaults().unwrap();
    assert_eq!(settings.idle_timeout.value, HOUR / 3);
    assert_eq!(settings.max_duration.value, 12 * HOUR);
    assert!(settings.disconnect_on_expiry.value);
    assert_eq!(settings.max_duration.origin, Origin::Default);
}

#[test]
fn an_empty_file_of_a_person_is_none() {
    for own in ["", "# nothing yet\n", "\u{feff}"] {
        assert!(read(Some(SHARED), Some(own)).is_ok(), "{own:?}");
    }
    assert!(read(None, Some("[defaults]\nprofile = 'x'")).is_err());
}

#[test]
fn what_is_personal_goes_before_the_shared_file_at_each_level() {
    let config = layered(
        "[defaults]\nprofile = 'mine'\nregion = 'us-east-1'\nca-bundle = '/etc/ca.pem'\nmfa-serial = 'auto'\n\
         [connections.prod-db]\nlocal-port = 'auto'\nlanes = 4\nkeep-alive = true\nbastion = 'mi-0a'",
    );
    let settings = config.connection("prod-db").unwrap().settings;
    assert_eq!(settings.profile.as_ref().unwrap().value, "mine");
    assert_eq!(settings.profile.unwrap().lost[0].value, "dev");
    // A person's defaults do not move a target that says where it is.
    assert_eq!(settings.region.unwrap().value, "eu-central-1");
    assert_eq!(settings.local_port.unwrap().value, LocalPort::Auto);
    assert_eq!(settings.lanes.value, Lanes::Fixed(4));
    assert!(settings.keep_alive.value);
    assert_eq!(settings.bastion.unwrap().value, "mi-0a");
    assert_eq!(settings.mfa_serial.unwrap().value, "auto");
    assert_eq!(settings.ca_bundle.unwrap().value.to_str(), Some("/etc/ca.pem"));
    assert_eq!(config.connection("cache").unwrap().settings.region.unwrap().value, "us-east-1");
}

#[test]
fn of_limits_the_stricter_holds_and_the_looser_is_no_error() {
    let config = layered(
        "[connections.prod-db]\nidle-timeout = '5m'\nmax-duration = '100h'\ndisconnect-on-expiry = false\n\
         require-mfa = { max-age = '1h' }\nallow-credentials = ['role', 'keys']\nreason = 'required'",
    );
    let settings = config.connection("prod-db").unwrap().settings;
    assert_eq!(settings.idle_timeout.value, HOUR / 12);
    assert_eq!(settings.idle_timeout.lost[0].why, "your own file is stricter");
    assert_eq!(settings.max_duration.value, 10 * HOUR);
    assert_eq!(settings.max_duration.lost[0].value, "100h");
    assert!(settings.disconnect_on_expiry.value);
    assert_eq!(settings.require_mfa.unwrap().value, RequireMfa::MaxAge(HOUR));
    assert_eq!(settings.allow_credentials.unwrap().value, [CredentialKind::Role].into());
    assert_eq!(settings.reason.unwrap().value, Reason::Required);
}

#[test]
fn no_kind_of_credentials_left_is_said() {
    let config = layered("[connections.prod-db]\nallow-credentials = ['keys']");
    let said = refused(&config, "prod-db");
    assert!(said.contains("no kind of credentials is left"), "{said}");
    assert!(config.connection("cache").is_ok(), "others are not touched");
    assert!(config.check().is_err());
}

#[test]
fn there_is_one_account_only() {
    let config = layered("[connections.prod-db]\naccount = '444455556666'");
    assert!(refused(&config, "prod-db").contains("your own file says account 444455556666"));
    let text = "version = 1\n[targets.a]\nkind='rds'\nid='x'\naccount='111122223333'\n\
                [connections.a]\ntarget='a'\naccount='444455556666'\n";
    assert!(refused(&good(text), "a").contains("and its target of 111122223333"));
}

#[test]
fn the_target_of_a_shared_connection_cannot_be_changed() {
    let config = layered("[connections.prod-db]\ntarget = 'rds:mine'");
    assert!(refused(&config, "prod-db").contains("whose target cannot be changed here"));
    let config =
        layered("[targets.orders]\nkind = 'rds'\nid = 'mine'\n[connections.x]\ntarget = 'orders'");
    assert_eq!(config.connection("prod-db").unwrap().target.spec, "rds:orders-prod");
    assert!(refused(&config, "x").contains("is a target of adit.toml"));
    assert!(config.check().unwrap_err().to_string().contains("is a target of adit.toml"));
}

#[test]
fn a_persons_own_connections_have_the_teams_limits_only_for_the_teams_targets() {
    let config = layered(
        "[targets.mine]\nkind = 'redshift'\nid = 'w'\n\
         [connections.own]\ntarget = 'mine'\n[connections.theirs]\ntarget = 'orders'",
    );
    let own = config.connection("own").unwrap().settings;
    assert_eq!((own.profile, own.max_duration.value), (None, 12 * HOUR));
    let theirs = config.connection("theirs").unwrap().settings;
    assert_eq!(theirs.profile.unwrap().value, "dev");
    assert_eq!(theirs.max_duration.value, 8 * HOUR);
    assert_eq!(theirs.account.unwrap().value, "111122223333");
}

/// A person has one file for all projects.
#[test]
fn what_a_person_says_of_another_project_is_no_matter_here() {
    let config = layered(
        "[connections.elsewhere]\nlocal-port = 1\n[connections.lost]\ntarget = 'ordesr'\n\
         [groups]\nboth = ['prod-db', 'elsewhere']\ndev = ['cache']",
    );
    assert_eq!(config.names(), ["cache", "lost", "prod-db"]);
    assert!(config.connection("prod-db").is_ok());
    assert!(refused(&config, "lost").contains("did you mean `orders`?"));
    let LookupError::Problems(problems) = config.expand(&["both".to_owned()]).unwrap_err() else {
        panic!()
    };
    assert!(problems.to_string().contains("there is no connection `elsewhere`"), "{problems}");
    assert_eq!(config.expand(&["dev".to_owned()]).unwrap(), ["cache"]);
}

#[test]
fn names_and_groups_expand_in_order_each_once() {
    let config = good(SHARED);
    let expand = |names: &[&str]| {
        config.expand(&names.iter().map(|&name| name.to_owned()).collect::<Vec<_>>())
    };
    assert_eq!(expand(&["cache", "dev"]).unwrap(), ["cache", "prod-db"]);
    assert_eq!(expand(&[]).unwrap(), Vec::<String>::new());
    let error = expand(&["prod-bd"]).unwrap_err().to_string();
    assert_eq!(error, "there is no connection or group `prod-bd`; did you mean `prod-db`?");
    assert_eq!(
        config.connection("orders").unwrap_err().to_string(),
        "there is no connection `orders`"
    );
    assert!(config.target("order").unwrap_err().to_string().ends_with("did you mean `orders`?"));
}

#[test]
fn variables_matter_only_where_they_are_used() {
    let text = "version = 1\n[defaults]\nprofile = '${env:ADIT_UNSET}'\n\
                [connections.a]\ntarget = 'rds:${env:ADIT_STAGE}'\nprofile = '${user}'\n\
                [connections.b]\ntarget = '${env:ADIT_TARGET_TEXT}'\nprofile = '${env:ADIT_REF}'\n\
                [connections.c]\ntarget = 'rds:${env:ADIT_SPACE}'\nprofile = 'x'\n\
                [connections.d]\ntarget = 'rds:x'\n\
                [connections.e]\ntarget = { kind = 'rds', id = '${env:ADIT_ESCAPE}' }\nprofile = 'x'\n\
                [connections.f]\ntarget = 'rds:x'\nprofile = '${env:ADIT_KEY}'\n";
    let config = good(text);
    let a = config.connection("a").unwrap();
    assert_eq!(
        (a.target.spec.as_str(), a.settings.profile.unwrap().value.as_str()),
        ("rds:staging", "ana")
    );
    // What a variable holds refers to nothing.
    let b = config.connection("b").unwrap();
    assert_eq!(
        (b.target.spec.as_str(), b.settings.profile.unwrap().value.as_str()),
        ("rds:orders", "${user}")
    );
    assert!(refused(&config, "c").contains("this is not a target"));
    assert!(refused(&config, "d").contains("the variable ADIT_UNSET is not set"));
    assert!(refused(&config, "e").contains("has a control character"));
    let said = refused(&config, "f");
    assert!(said.contains("looks like an AWS access key id") && !said.contains("AKIA"), "{said}");
    let said = config.check().unwrap_err();
    assert_eq!(said.count(), 4, "{said}");
}

#[test]
fn targets_are_spelled_as_on_the_command_line() {
    let spec = |target: &str| {
        good(&format!("version = 1\n[connections.a]\ntarget = {target}"))
            .connection("a")
            .unwrap()
            .target
            .spec
    };
    for (given, expected) in [
        ("'aurora:orders/reader'", "aurora:orders/reader"),
        ("'aurora:orders/writer'", "aurora:orders"),
        ("{ kind = 'aurora', id = 'x', endpoint = 'reader' }", "aurora:x/reader"),
        ("{ kind = 'ec2', id = 'i-1', port = 5432 }", "ec2:i-1:5432"),
        ("{ kind = 'ec2', id = 'tag:a=b:c', port = 22 }", "ec2:tag:a=b:c:22"),
        ("'host:db.internal:5432@vpc-1'", "host:db.internal:5432@vpc-1"),
        (
            "{ kind = 'host', host = 'FD00:0::1', port = 1, vpc = 'vpc-1' }",
            "host:[fd00::1]:1@vpc-1",
        ),
        ("'host:[fd00::1]:1@vpc-1'", "host:[fd00::1]:1@vpc-1"),
        (
            "'msk:arn:aws:kafka:eu-west-1:111122223333:cluster/a/b/tls'",
            "msk:arn:aws:kafka:eu-west-1:111122223333:cluster/a/b/tls",
        ),
        ("'docdb:tag:team=a/b/reader'", "docdb:tag:team=a/b/reader"),
    ] {
        assert_eq!(spec(given), expected, "{given}");
    }
}

#[test]
fn wishes_for_a_bastion() {
    let config = layered(
        "[bastion]\ninstance-type = 't3.nano'\npermissions-boundary = 'arn:aws:iam::aws:policy/mine'\n\
         tags = { team = 'me', note = 'x' }\nidle-stop = '1h'",
    );
    let bastion = config.bastion().unwrap();
    assert_eq!(bastion.instance_type.unwrap().value, "t3.nano");
    assert_eq!(bastion.idle_stop.unwrap().value, HOUR);
    assert!(
        bastion.permissions_boundary.unwrap().value.ends_with("policy/team"),
        "the team's goes first"
    );
    assert_eq!(bastion.tags["team"].value, "data");
    assert_eq!(bastion.tags["note"].value, "x");
}

#[test]
fn every_value_can_be_explained() {
    let config = layered("[defaults]\nmax-duration = '2h'\nprofile = 'mine'");
    let explain = |key: &str| config.explain(key).unwrap().to_string();
    assert_eq!(
        explain("connections.prod-db.max-duration"),
        "connections.prod-db.max-duration = 2h (config.toml:3:16)\n  \
         not 10h (adit.toml:24:16): your own file is stricter\n  \
         not 8h (adit.toml:7:16): the connection in adit.toml goes before it"
    );
    assert_eq!(explain("connections.prod-db.lanes"), "connections.prod-db.lanes = auto (default)");
    assert_eq!(
        explain("connections.prod-db.reason"),
        "connections.prod-db.reason = not set (default)"
    );
    assert_eq!(
        explain("connections.prod-db.target"),
        "connections.prod-db.target = rds:orders-prod (adit.toml:16:1)"
    );
    assert_eq!(explain("targets.orders.id"), "targets.orders.id = orders-prod (adit.toml:18:6)");
    assert_eq!(explain("groups.dev"), "groups.dev = prod-db, cache (adit.toml:31:1)");
    assert_eq!(explain("bastion.tags.team"), "bastion.tags.team = data (adit.toml:14:17)");
    assert!(explain("defaults.profile").starts_with("defaults.profile = mine (config.toml:4:11)"));
    let unknown = config.explain("connections.prod-db.max-durration").unwrap_err().to_string();
    assert!(unknown.ends_with("did you mean `connections.prod-db.max-duration`?"), "{unknown}");
    assert!(
        config
            .explain("connections.nope.lanes")
            .unwrap_err()
            .to_string()
            .contains("no connection `nope`")
    );
}

#[test]
fn flags_choose_but_loosen_nothing() {
    let settings = good(SHARED).connection("prod-db").unwrap().settings;
    let flags = Flags {
        profile: Some("other".to_owned()),
        idle_timeout: Some(HOUR / 4),
        max_duration: Some(2 * HOUR),
        require_mfa: Some(RequireMfa::AnyAge),
        allow_credentials: Some([CredentialKind::Sso].into()),
        reason: Some("a fix".to_owned()),
        ..Flags::default()
    };
    let tight = tighten(&settings, &flags).unwrap();
    assert_eq!(tight.profile.unwrap().origin, Origin::Flag("--profile"));
    assert_eq!((tight.idle_timeout.value, tight.max_duration.value), (HOUR / 4, 2 * HOUR));
    assert_eq!(tight.reason.unwrap().value, Reason::Text("a fix".to_owned()));
    let flags = Flags {
        idle_timeout: Some(HOUR),
        max_duration: Some(24 * HOUR),
        disconnect_on_expiry: Some(false),
        allow_credentials: Some([CredentialKind::Keys, CredentialKind::Sso].into()),
        account: Some("444455556666".to_owned()),
        ..Flags::default()
    };
    let refusals = tighten(&settings, &flags).unwrap_err();
    let said: Vec<String> = refusals.iter().map(ToString::to_string).collect();
    assert_eq!(
        said,
        [
            "--idle-timeout 1h is more than the 30m that adit.toml permits (adit.toml:6:16)",
            "--max-duration 24h is more than the 10h that adit.toml permits (adit.toml:24:16)",
            "--disconnect-on-expiry cannot be off: adit.toml wants access to end with the credentials (adit.toml:25:24)",
            "--allow-credentials keys is more than adit.toml allows: sso, role (adit.toml:8:21)",
            "--account 444455556666 is not the account 111122223333 that adit.toml names (adit.toml:9:11)",
        ]
    );
}

#[test]
fn flags_go_before_what_is_only_a_default() {
    let settings = read(None, None).unwrap().defaults().unwrap();
    let flags = Flags {
        max_duration: Some(24 * HOUR),
        disconnect_on_expiry: Some(false),
        ..Flags::default()
    };
    let settings = tighten(&settings, &flags).unwrap();
    assert_eq!(
        (settings.max_duration.value, settings.max_duration_ceiling.value),
        (24 * HOUR, 24 * HOUR)
    );
    assert!(!settings.disconnect_on_expiry.value);
}
