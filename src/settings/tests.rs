use std::collections::BTreeMap;

use clap::Parser;

use adit_aws::bastion::ExistingSpec;
use adit_aws::targets::TargetSpec;

use super::*;
use crate::cli::{Cli, LocalPort};
use crate::failure::Kind;

const CONNECT: [&str; 6] = ["adit", "connect", "--bastion", "i-1", "--port", "5432"];

fn resolve(
    arguments: &[&str],
    environment: &[(&'static str, &'static str)],
) -> Result<Settings, Failure> {
    let environment: BTreeMap<_, _> = environment.iter().copied().collect();
    let cli = Cli::try_parse_from(arguments).unwrap();
    Settings::resolve(cli.command, &|name| environment.get(name).map(|&v| v.to_owned()))
}

fn connect_with(more: &[&str], environment: &[(&'static str, &'static str)]) -> Connection {
    let arguments: Vec<&str> = CONNECT.iter().chain(more).copied().collect();
    match resolve(&arguments, environment) {
        Ok(Settings::Connect(settings)) => match settings.wanted {
            Wanted::These(mut connections) => connections.remove(0),
            other => panic!("{other:?}"),
        },
        other => panic!("{other:?}"),
    }
}

#[test]
fn the_local_port_is_the_one_to_reach_unless_told_otherwise() {
    let port = |more: &[&str]| match connect_with(more, &[]).local {
        Local::Tcp { port, .. } => port,
        #[cfg(unix)]
        Local::Unix(path) => panic!("{path:?}"),
    };
    assert_eq!(port(&[]), None);
    assert_eq!(port(&["--local-port", "auto"]), Some(LocalPort::Auto));
    assert_eq!(port(&["--local-port", "6000-6009"]), Some(LocalPort::Range(6000..=6009)));
}

#[test]
fn an_address_for_other_machines_needs_a_second_flag() {
    let arguments: Vec<&str> = CONNECT.iter().chain(&["--bind", "0.0.0.0"]).copied().collect();
    let failure = resolve(&arguments, &[]).unwrap_err();
    assert_eq!(failure.kind, Kind::Usage);
    assert!(failure.hints[0].contains("--allow-remote"));

    let settings = connect_with(&["--bind", "0.0.0.0", "--allow-remote"], &[]);
    assert!(
        matches!(settings.local, Local::Tcp { address: Bind::One(address), .. } if address.is_unspecified())
    );
    let settings = connect_with(&["--bind", "::1"], &[]);
    assert!(
        matches!(settings.local, Local::Tcp { address: Bind::One(address), .. } if address.is_loopback())
    );
}

#[test]
fn proxies_and_the_ca_bundle_come_from_the_shared_variables() {
    let access = connect_with(
        &[],
        &[
            ("HTTPS_PROXY", "http://upper:1"),
            ("https_proxy", "http://lower:1"),
            ("no_proxy", "internal"),
            ("HTTP_PROXY", ""),
            ("AWS_CA_BUNDLE", "/etc/ca.pem"),
        ],
    )
    .access;
    assert_eq!(access.proxy.https.as_deref(), Some("http://upper:1"));
    assert_eq!(access.proxy.no.as_deref(), Some("internal"));
    assert_eq!(access.proxy.http, None);
    assert_eq!(access.ca_bundle, Some("/etc/ca.pem".into()));

    let access = connect_with(&["--ca-bundle", "mine.pem"], &[("AWS_CA_BUNDLE", "other")]).access;
    assert_eq!(access.ca_bundle, Some("mine.pem".into()));
}

#[test]
fn a_destination_without_a_host_is_the_bastion() {
    let Way::Direct(direct) = connect_with(&[], &[]).way else { panic!("not direct") };
    let mut destination = direct.destination().unwrap();
    assert_eq!(destination.to_string(), "i-1:5432");
    destination.host = Some("db.internal".to_owned());
    assert_eq!(destination.to_string(), "db.internal:5432");
    destination.host = Some("fd00::1".to_owned());
    assert_eq!(destination.to_string(), "[fd00::1]:5432");
}

#[test]
fn a_lab_has_one_instance_others_or_none() {
    let instances = |arguments: &[&str]| match resolve(arguments, &[]) {
        Ok(Settings::Lab(settings)) => settings.config.instances,
        other => panic!("{other:?}"),
    };
    assert_eq!(instances(&["adit", "lab"]), [DEFAULT_INSTANCE]);
    assert_eq!(instances(&["adit", "lab", "--empty"]), [""; 0]);
    let two = ["adit", "lab", "--instance", "i-1", "--instance", "i-2"];
    assert_eq!(instances(&two), ["i-1", "i-2"]);
}

#[test]
fn switches_of_the_labs_agent_become_faults() {
    let arguments = ["adit", "lab", "--agent-version", "3.0.196.0", "--handler-delay-ms", "0-5"];
    let Ok(Settings::Lab(settings)) = resolve(&arguments, &[]) else { panic!("no lab") };
    let faults = settings.faults.unwrap();
    assert_eq!(faults.agent_version.as_deref(), Some("3.0.196.0"));
    assert_eq!(faults.handler_delay_ms, Some([0, 5]));
    let Ok(Settings::Lab(settings)) = resolve(&["adit", "lab"], &[]) else { panic!("no lab") };
    assert!(settings.faults.is_none());
}

/// Where the only connection leads, or over which bastion the one goes that is to be chosen.
fn way(arguments: &[&str]) -> Result<Result<Way, Option<ExistingSpec>>, Failure> {
    match resolve(&[&["adit", "connect"], arguments].concat(), &[])? {
        Settings::Connect(settings) => match settings.wanted {
            Wanted::These(mut connections) => Ok(Ok(connections.remove(0).way)),
            Wanted::Pick(connection) => Ok(Err(connection.way)),
            other @ Wanted::OneOf(_) => panic!("{other:?}"),
        },
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_tunnel_leads_to_a_target_or_to_host_and_port_or_somebody_is_asked() {
    let spec: TargetSpec = "rds:orders".parse().unwrap();
    let own: ExistingSpec = "tag:role=jump".parse().unwrap();
    assert_eq!(
        way(&["--target", "rds:orders"]),
        Ok(Ok(Way::Target { spec: spec.clone(), bastion: None }))
    );
    assert_eq!(
        way(&["--target", "rds:orders", "--bastion", "tag:role=jump"]),
        Ok(Ok(Way::Target { spec, bastion: Some(own.clone()) }))
    );
    assert_eq!(way(&[]), Ok(Err(None)));
    assert_eq!(way(&["--bastion", "tag:role=jump"]), Ok(Err(Some(own.clone()))));

    let Ok(Ok(Way::Direct(direct))) = way(&["--bastion", "tag:role=jump", "--port", "22"]) else {
        panic!("not direct")
    };
    assert_eq!(direct, Direct { bastion: own, host: None, port: 22 });
    assert_eq!(direct.destination(), None, "a tag has to be looked up");
}

#[test]
fn what_is_missing_is_named_with_what_to_pass() {
    for (arguments, word) in [
        (&["--port", "22"][..], "--bastion"),
        (&["--host", "db"], "--bastion"),
        (&["--bastion", "i-1", "--host", "db"], "--port"),
    ] {
        let failure = way(arguments).unwrap_err();
        assert_eq!(failure.kind, Kind::Usage, "{arguments:?}");
        assert!(failure.message.contains(word), "{arguments:?}: {}", failure.message);
        assert!(!failure.hints.is_empty(), "{arguments:?}");
    }
}

#[test]
fn what_was_looked_up_is_kept_for_one_folder_and_one_set_of_credentials() {
    let cache = |more: &[&str], environment: &[(&'static str, &'static str)]| {
        connect_with(more, environment).cache
    };
    let home = [("HOME", "/home/ann")];
    assert_eq!(cache(&[], &home).folder, Some("/home/ann/.cache/adit/targets".into()));
    let own = [("HOME", "/home/ann"), ("XDG_CACHE_HOME", "/var/cache/ann")];
    assert_eq!(cache(&[], &own).folder, Some("/var/cache/ann/adit/targets".into()));
    let relative = [("HOME", "/home/ann"), ("XDG_CACHE_HOME", "cache")];
    assert_eq!(cache(&[], &relative).folder, Some("/home/ann/.cache/adit/targets".into()));
    assert_eq!(cache(&[], &[]).folder, None);

    let both = [("AWS_ACCESS_KEY_ID", "AKIA1"), ("AWS_PROFILE", "dev")];
    assert_eq!(cache(&[], &both).identity, "key AKIA1");
    assert_eq!(cache(&[], &both[1..]).identity, "dev");
    assert_eq!(cache(&["--profile", "prod"], &both).identity, "prod");

    let session = [("HOME", "/home/ann"), ("AWS_ACCESS_KEY_ID", "ASIA1"), ("AWS_ACCOUNT_ID", "1")];
    assert_eq!(cache(&[], &session[..2]).folder, None, "nobody knows whose the keys are");
    assert_eq!(cache(&[], &session).identity, "account 1");
    assert!(cache(&[], &session).folder.is_some());
    let files = [("AWS_PROFILE", "dev"), ("AWS_CONFIG_FILE", "/tmp/config")];
    assert_eq!(cache(&[], &files).identity, "dev AWS_CONFIG_FILE=/tmp/config");
}

#[test]
fn init_takes_what_a_bastion_may_look_like() {
    let arguments = [
        &["adit", "init", "--target", "rds:orders", "--target", "ec2:i-1:22", "--public-ip", "no"]
            [..],
        &["--tag", "team=data", "--tag", "query=a=b", "--subnet", "subnet-1", "--create-endpoints"],
    ]
    .concat();
    let Ok(Settings::Init(settings)) = resolve(&arguments, &[]) else { panic!("no init") };
    assert_eq!(settings.targets.len(), 2);
    assert_eq!(settings.options.public_ip, Some(false));
    assert_eq!(settings.options.subnet.as_deref(), Some("subnet-1"));
    assert!(settings.options.create_endpoints);
    assert_eq!(settings.options.tags["query"], "a=b");
    assert_eq!(settings.consent, Consent::Ask);
}

#[test]
fn who_wants_the_plan_gets_the_plan_alone() {
    for (arguments, expected) in [
        (&[][..], Consent::Ask),
        (&["--yes"], Consent::Given),
        (&["-y"], Consent::Given),
        (&["--plan"], Consent::Plan),
        (&["--plan", "--yes"], Consent::Plan),
    ] {
        for command in ["init", "cleanup"] {
            let arguments = [&["adit", command], arguments].concat();
            let consent = match resolve(&arguments, &[]) {
                Ok(Settings::Init(settings)) => settings.consent,
                Ok(Settings::Cleanup(settings)) => settings.consent,
                other => panic!("{other:?}"),
            };
            assert_eq!(consent, expected, "{arguments:?}");
        }
    }
}

#[test]
fn all_kinds_are_listed_unless_some_are_named() {
    let kinds = |arguments: &[&str]| match resolve(&[&["adit", "list"], arguments].concat(), &[]) {
        Ok(Settings::List(settings)) => settings.kinds,
        other => panic!("{other:?}"),
    };
    assert_eq!(kinds(&[]), TargetKind::ALL);
    assert_eq!(kinds(&["rds", "msk"]), [TargetKind::Rds, TargetKind::Msk]);
    assert_eq!(kinds(&["rds,msk"]), [TargetKind::Rds, TargetKind::Msk]);
    assert_eq!(kinds(&["rds", "msk,rds"]), [TargetKind::Rds, TargetKind::Msk]);
}

/// Files and the AWS side each have their own words, which have to be the same.
#[test]
fn files_know_the_kinds_that_aws_knows() {
    let ours: Vec<&str> = adit_config::TargetKind::ALL.iter().map(|kind| kind.as_str()).collect();
    let theirs: Vec<&str> = TargetKind::ALL.iter().map(|kind| kind.as_str()).collect();
    let sorted = |mut names: Vec<&'static str>| {
        names.sort_unstable();
        names
    };
    assert_eq!(sorted(ours), sorted(theirs));
    for kind in adit_config::CredentialKind::ALL {
        let parsed: adit_aws::CredentialKind = kind.as_str().parse().unwrap();
        assert_eq!(parsed.to_string(), kind.as_str());
    }
}

#[test]
fn what_files_may_not_read_is_what_a_command_does_not_get() {
    let environment = [("ADIT_MFA_CODE", "123456")];
    let read = |name: &str| {
        environment.iter().find(|(known, _)| *known == name).map(|(_, v)| (*v).to_owned())
    };
    let text = b"version = 1\n[defaults]\nprofile = \"${env:ADIT_MFA_CODE}\"\n";
    let file = (std::path::Path::new("adit.toml"), &text[..]);
    let loaded = adit_config::Config::of_texts(Some(file), None, None, &read);
    let problems = match loaded {
        Ok(config) => config.check().unwrap_err(),
        Err(problems) => problems,
    };
    assert!(!problems.to_string().contains("123456"), "{problems}");
}
