//! Flags over files: they choose, but loosen no limit that a file sets.

use std::collections::BTreeSet;
use std::time::Duration;

use super::{Setting, Settings};
use crate::place::Origin;
use crate::shown::escaped;
use crate::values::{CredentialKind, Lanes, LocalPort, Reason, RequireMfa, kinds, span};

/// What flags, or their variables, say.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Flags {
    /// `--profile`
    pub profile: Option<String>,
    /// `--region`
    pub region: Option<String>,
    /// `--account`
    pub account: Option<String>,
    /// `--bastion`
    pub bastion: Option<String>,
    /// `--local-port`
    pub local_port: Option<LocalPort>,
    /// `--idle-timeout`
    pub idle_timeout: Option<Duration>,
    /// `--max-duration`
    pub max_duration: Option<Duration>,
    /// `--max-duration-ceiling`
    pub max_duration_ceiling: Option<Duration>,
    /// `--disconnect-on-expiry`
    pub disconnect_on_expiry: Option<bool>,
    /// `--require-mfa`
    pub require_mfa: Option<RequireMfa>,
    /// `--allow-credentials`
    pub allow_credentials: Option<BTreeSet<CredentialKind>>,
    /// `--reason`
    pub reason: Option<String>,
    /// `--lanes`
    pub lanes: Option<Lanes>,
    /// `--keep-alive`
    pub keep_alive: Option<bool>,
    /// `--mfa-serial`
    pub mfa_serial: Option<String>,
}

/// A flag that asks for more than a file permits.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{message} ({origin})")]
pub struct Refusal {
    /// The flag.
    pub flag: &'static str,
    /// What is wrong, without the place.
    pub message: String,
    /// Where the limit stands.
    pub origin: Origin,
}

/// The settings with flags over them. A limit that no file sets is only adit's default, and any flag
/// goes before it.
pub fn tighten(settings: &Settings, flags: &Flags) -> Result<Settings, Vec<Refusal>> {
    let mut to = settings.clone();
    let mut refusals = Vec::new();
    choose("--profile", &mut to.profile, flags.profile.as_ref());
    choose("--region", &mut to.region, flags.region.as_ref());
    choose("--bastion", &mut to.bastion, flags.bastion.as_ref());
    choose("--local-port", &mut to.local_port, flags.local_port.as_ref());
    choose("--mfa-serial", &mut to.mfa_serial, flags.mfa_serial.as_ref());
    set("--lanes", &mut to.lanes, flags.lanes.as_ref());
    set("--keep-alive", &mut to.keep_alive, flags.keep_alive.as_ref());
    if let Some(reason) = &flags.reason {
        choose("--reason", &mut to.reason, Some(&Reason::Text(reason.clone())));
    }

    let longer = |flag, wanted: Duration, limit: &Setting<Duration>| {
        let message = format!(
            "{flag} {} is more than the {} that {} permits",
            span(wanted),
            span(limit.value),
            file(limit)
        );
        Refusal { flag, message, origin: limit.origin.clone() }
    };
    if let Some(wanted) = flags.idle_timeout {
        if is_set(&to.idle_timeout) && wanted > to.idle_timeout.value {
            refusals.push(longer("--idle-timeout", wanted, &to.idle_timeout));
        } else {
            set("--idle-timeout", &mut to.idle_timeout, Some(&wanted));
        }
    }
    if let Some(wanted) = flags.max_duration {
        if is_set(&to.max_duration) && wanted > to.max_duration.value {
            refusals.push(longer("--max-duration", wanted, &to.max_duration));
        } else if is_set(&to.max_duration_ceiling) && wanted > to.max_duration_ceiling.value {
            refusals.push(longer("--max-duration", wanted, &to.max_duration_ceiling));
        } else {
            set("--max-duration", &mut to.max_duration, Some(&wanted));
            if !is_set(&to.max_duration_ceiling) {
                to.max_duration_ceiling.value = wanted;
            }
        }
    }
    if let Some(wanted) = flags.max_duration_ceiling {
        // Without one of its own, the maximum of a file is its ceiling.
        let limits = [&settings.max_duration_ceiling, &settings.max_duration];
        let limit = limits.into_iter().find(|limit| is_set(limit));
        if let Some(limit) = limit.filter(|limit| wanted > limit.value) {
            refusals.push(longer("--max-duration-ceiling", wanted, limit));
        } else {
            set("--max-duration-ceiling", &mut to.max_duration_ceiling, Some(&wanted));
            refusals.extend(bound(&mut to.max_duration, wanted));
        }
    }
    if let Some(wanted) = flags.disconnect_on_expiry {
        if is_set(&to.disconnect_on_expiry) && to.disconnect_on_expiry.value && !wanted {
            let message = format!(
                "--disconnect-on-expiry cannot be off: {} wants access to end with the credentials",
                file(&to.disconnect_on_expiry)
            );
            refusals.push(Refusal {
                flag: "--disconnect-on-expiry",
                message,
                origin: to.disconnect_on_expiry.origin.clone(),
            });
        } else {
            set("--disconnect-on-expiry", &mut to.disconnect_on_expiry, Some(&wanted));
        }
    }
    if let Some(wanted) = flags.require_mfa {
        match &to.require_mfa {
            Some(limit) if is_set(limit) && wanted.latitude() > limit.value.latitude() => {
                let message = format!(
                    "--require-mfa {wanted} is less strict than the {} that {} asks for",
                    limit.value,
                    file(limit)
                );
                refusals.push(Refusal {
                    flag: "--require-mfa",
                    message,
                    origin: limit.origin.clone(),
                });
            }
            _ => choose("--require-mfa", &mut to.require_mfa, Some(&wanted)),
        }
    }
    if let Some(wanted) = &flags.allow_credentials {
        match &to.allow_credentials {
            Some(limit) if is_set(limit) && !wanted.is_subset(&limit.value) => {
                let more: BTreeSet<_> = wanted.difference(&limit.value).copied().collect();
                let message = format!(
                    "--allow-credentials {} is more than {} allows: {}",
                    kinds(&more),
                    file(limit),
                    kinds(&limit.value)
                );
                refusals.push(Refusal {
                    flag: "--allow-credentials",
                    message,
                    origin: limit.origin.clone(),
                });
            }
            _ => choose("--allow-credentials", &mut to.allow_credentials, Some(wanted)),
        }
    }
    if let Some(wanted) = &flags.account {
        match &to.account {
            Some(limit) if is_set(limit) && limit.value != *wanted => {
                let message = format!(
                    "--account {} is not the account {} that {} names",
                    escaped(wanted),
                    limit.value,
                    file(limit)
                );
                refusals.push(Refusal { flag: "--account", message, origin: limit.origin.clone() });
            }
            _ => choose("--account", &mut to.account, Some(wanted)),
        }
    }
    if refusals.is_empty() { Ok(to) } else { Err(refusals) }
}

/// Keeps a maximum within a ceiling that was asked for; two flags that contradict each other are
/// refused, as they are in a file.
fn bound(max: &mut Setting<Duration>, ceiling: Duration) -> Option<Refusal> {
    const FLAG: &str = "--max-duration-ceiling";
    if max.value <= ceiling {
        return None;
    }
    if let Origin::Flag(other) = max.origin {
        let (below, above) = (span(ceiling), span(max.value));
        let message =
            format!("{FLAG} {below} is below {other} {above}, which may be extended up to it");
        return Some(Refusal { flag: FLAG, message, origin: max.origin.clone() });
    }
    max.value = ceiling;
    max.origin = Origin::Flag(FLAG);
    None
}

/// Whether a limit was set by someone.
fn is_set<T>(setting: &Setting<T>) -> bool {
    setting.origin != Origin::Default
}

/// What the file of a limit is called in sentences.
fn file<T>(setting: &Setting<T>) -> String {
    let name = setting.origin.place().and_then(|place| place.file.file_name());
    escaped(&name.map_or_else(|| "the configuration".into(), |name| name.to_string_lossy()))
}

fn set<T: Clone>(flag: &'static str, setting: &mut Setting<T>, wanted: Option<&T>) {
    if let Some(wanted) = wanted {
        setting.value = wanted.clone();
        setting.origin = Origin::Flag(flag);
    }
}

fn choose<T: Clone>(flag: &'static str, setting: &mut Option<Setting<T>>, wanted: Option<&T>) {
    if let Some(wanted) = wanted {
        let lost = setting.take().map(|setting| setting.lost).unwrap_or_default();
        *setting = Some(Setting { value: wanted.clone(), origin: Origin::Flag(flag), lost });
    }
}
