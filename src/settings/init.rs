//! What `adit init` is to do.

use std::num::NonZeroU16;

use adit_aws::bastion::Options;
use adit_aws::targets::TargetSpec;
use adit_config::{Config, Setting, Settings};

use super::{Access, Consent, ReadEnv, access, consent, team};
use crate::cli::{InitArgs, PublicIp};
use crate::failure::{Failure, Kind};

/// After how many minutes without traffic a bastion stops itself, unless somebody says otherwise.
const IDLE_MINUTES: u16 = 15;

#[derive(Debug)]
pub(crate) struct InitSettings {
    pub(crate) targets: Vec<TargetSpec>,
    pub(crate) vpc: Option<String>,
    pub(crate) options: Options,
    pub(crate) consent: Consent,
    pub(crate) access: Access,
}

pub(super) fn of(args: InitArgs, env: ReadEnv<'_>) -> Result<InitSettings, Failure> {
    let config = team::load(&args.aws.config, env)?;
    let (mut targets, settings) = named(&args.names, &config)?;
    let settings = team::tightened(&settings, &team::flags(&args.aws))?;
    targets.extend(args.target.iter().cloned());
    let access = team::access(&access::of(&args.aws, env), &settings, env);
    Ok(InitSettings {
        targets,
        vpc: args.vpc.clone(),
        consent: consent(args.plan, args.yes),
        options: options(args, &config)?,
        access,
    })
}

/// The targets of connections, groups and targets by name, and the settings that hold for them.
fn named(names: &[String], config: &Config) -> Result<(Vec<TargetSpec>, Settings), Failure> {
    let mut targets = Vec::new();
    let mut common: Option<(String, Settings)> = None;
    for name in names {
        // A target may have the name of a connection, which leads to it as a rule.
        let members = match config.target(name) {
            Ok(target) if !config.names().contains(name) => {
                targets.push(team::spec(&target)?);
                let defaults = config.defaults().map_err(|found| team::of_problems(&found))?;
                let settings = Settings {
                    profile: target.profile.or(defaults.profile.clone()),
                    region: target.region.or(defaults.region.clone()),
                    account: target.account.or(defaults.account.clone()),
                    ..defaults
                };
                same(&mut common, name, settings)?;
                continue;
            }
            _ => config.expand(std::slice::from_ref(name)),
        };
        for member in members.map_err(|error| team::of_lookup(&error, config))? {
            let connection = config.connection(&member);
            let connection = connection.map_err(|error| team::of_lookup(&error, config))?;
            targets.push(team::spec(&connection.target)?);
            same(&mut common, &member, connection.settings)?;
        }
    }
    let settings = match common {
        Some((_, settings)) => settings,
        None => config.defaults().map_err(|problems| team::of_problems(&problems))?,
    };
    targets.dedup();
    Ok((targets, settings))
}

/// All targets of one run are in one VPC, so they are reached in one way.
fn same(
    common: &mut Option<(String, Settings)>,
    name: &str,
    settings: Settings,
) -> Result<(), Failure> {
    let value =
        |setting: &Option<Setting<String>>| setting.as_ref().map(|setting| setting.value.clone());
    let way = |settings: &Settings| {
        [value(&settings.profile), value(&settings.region), value(&settings.account)]
    };
    match common {
        None => *common = Some((name.to_owned(), settings)),
        Some((first, one)) if way(one) != way(&settings) => {
            let message = format!("{first} and {name} differ in profile, region or account");
            return Err(Failure::new(Kind::Usage, message).hint("prepare them one after the other"));
        }
        Some(_) => {}
    }
    Ok(())
}

/// What is wished of the bastion: flags go before files.
fn options(args: InitArgs, config: &Config) -> Result<Options, Failure> {
    let wishes = config.bastion().map_err(|problems| team::of_problems(&problems))?;
    let public_ip = match args.public_ip {
        Some(PublicIp::Yes) => Some(true),
        Some(PublicIp::No) => Some(false),
        Some(PublicIp::Auto) => None,
        None => wishes.public_ip.and_then(|setting| match setting.value {
            adit_config::PublicIp::Yes => Some(true),
            adit_config::PublicIp::No => Some(false),
            adit_config::PublicIp::Auto => None,
        }),
    };
    let minutes = |setting: Setting<std::time::Duration>| {
        u16::try_from(setting.value.as_secs() / 60).ok().and_then(NonZeroU16::new)
    };
    let idle = args.idle_stop.or_else(|| wishes.idle_stop.and_then(minutes));
    let tags = wishes.tags.into_iter().map(|(key, setting)| (key, setting.value));
    Ok(Options {
        subnet: args.subnet.or(wishes.subnet.map(|setting| setting.value)),
        instance_type: args.instance_type.or(wishes.instance_type.map(|setting| setting.value)),
        public_ip,
        create_endpoints: args.create_endpoints
            || wishes.create_endpoints.is_some_and(|setting| setting.value),
        tags: tags.chain(args.tag).collect(),
        idle_minutes: idle.or(NonZeroU16::new(IDLE_MINUTES)),
        permissions_boundary: args
            .permissions_boundary
            .or(wishes.permissions_boundary.map(|setting| setting.value)),
    })
}
