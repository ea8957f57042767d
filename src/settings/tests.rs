use std::collections::BTreeMap;

use clap::Parser;

use super::*;
use crate::cli::Cli;

const CONNECT: [&str; 6] = ["adit", "connect", "--bastion", "i-1", "--port", "5432"];

fn resolve(
    arguments: &[&str],
    environment: &[(&'static str, &'static str)],
) -> Result<Settings, Failure> {
    let environment: BTreeMap<_, _> = environment.iter().copied().collect();
    let cli = Cli::try_parse_from(arguments).unwrap();
    Settings::resolve(cli.command, &|name| environment.get(name).map(|&v| v.to_owned()))
}

fn connect_with(more: &[&str], environment: &[(&'static str, &'static str)]) -> ConnectSettings {
    let arguments: Vec<&str> = CONNECT.iter().chain(more).copied().collect();
    match resolve(&arguments, environment) {
        Ok(Settings::Connect(settings)) => *settings,
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
    assert_eq!(port(&[]), LocalPort::Fixed(5432));
    assert_eq!(port(&["--local-port", "auto"]), LocalPort::Auto);
    assert_eq!(port(&["--local-port", "6000-6009"]), LocalPort::Range(6000..=6009));
}

#[test]
fn an_address_for_other_machines_needs_a_second_flag() {
    let arguments: Vec<&str> = CONNECT.iter().chain(&["--bind", "0.0.0.0"]).copied().collect();
    let failure = resolve(&arguments, &[]).unwrap_err();
    assert_eq!(failure.kind, Kind::Usage);
    assert!(failure.hints[0].contains("--allow-remote"));

    let settings = connect_with(&["--bind", "0.0.0.0", "--allow-remote"], &[]);
    assert!(matches!(settings.local, Local::Tcp { address, .. } if address.is_unspecified()));
    let settings = connect_with(&["--bind", "::1"], &[]);
    assert!(matches!(settings.local, Local::Tcp { address, .. } if address.is_loopback()));
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
    let mut destination = connect_with(&[], &[]).destination;
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
