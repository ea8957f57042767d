//! What defaults and connections have in common.

use std::collections::BTreeSet;
use std::ops::RangeInclusive;
use std::path::PathBuf;
use std::time::Duration;

use toml::de::{DeTable, DeValue};

use super::{Reader, Value};
use crate::document::SettingsPart;
use crate::keys;
use crate::patterns::{self, fits};
use crate::place::Located;
use crate::shown::shown;
use crate::similar::nearest;
use crate::source::Layer;
use crate::values::{CredentialKind, Lanes, LocalPort, Reason, RequireMfa};

const MINUTE: Duration = Duration::from_mins(1);
const DAY: Duration = Duration::from_hours(24);

/// How long a tunnel may be without traffic.
pub(crate) const IDLE: RangeInclusive<Duration> = MINUTE..=DAY;
/// How long a tunnel may be open: at most a week.
pub(crate) const OPEN: RangeInclusive<Duration> = MINUTE..=Duration::from_hours(168);

pub(super) const PROFILE: &str = "the name of a profile, 1 to 128 characters";
pub(super) const REGION: &str = "a region, such as \"eu-west-1\"";
pub(super) const ACCOUNT: &str = "the 12 digits of an account in quotes, such as \"111122223333\"";
pub(super) const BASTION: &str =
    "a bastion of your own: i-…, mi-…, tag:KEY=VALUE or ecs:CLUSTER/TASK/CONTAINER";

impl Reader<'_> {
    pub(super) fn defaults(&mut self, table: &DeTable<'_>) -> SettingsPart {
        self.keys(table, &[keys::SETTINGS, self.own_keys()], "of [defaults]");
        self.settings(table)
    }

    pub(super) fn settings(&mut self, table: &DeTable<'_>) -> SettingsPart {
        let part = SettingsPart {
            profile: table.get("profile").and_then(|v| self.fitting(v, patterns::PROFILE, PROFILE)),
            region: table.get("region").and_then(|v| self.fitting(v, patterns::REGION, REGION)),
            account: table
                .get("account")
                .and_then(|v| self.fitting_literal(v, patterns::ACCOUNT, ACCOUNT)),
            bastion: table.get("bastion").and_then(|v| self.fitting(v, patterns::BASTION, BASTION)),
            local_port: table.get("local-port").and_then(|v| self.local_port(v)),
            idle_timeout: table.get("idle-timeout").and_then(|v| self.duration(v, IDLE)),
            max_duration: table.get("max-duration").and_then(|v| self.duration(v, OPEN)),
            max_duration_ceiling: table
                .get("max-duration-ceiling")
                .and_then(|v| self.duration(v, OPEN)),
            disconnect_on_expiry: table.get("disconnect-on-expiry").and_then(|v| self.bool(v)),
            require_mfa: table.get("require-mfa").and_then(|v| self.require_mfa(v)),
            allow_credentials: table
                .get("allow-credentials")
                .and_then(|v| self.allow_credentials(v)),
            reason: table.get("reason").and_then(|v| self.reason(v)),
            lanes: table.get("lanes").and_then(|v| self.lanes(v)),
            keep_alive: table.get("keep-alive").and_then(|v| self.bool(v)),
            ca_bundle: self.own(table, "ca-bundle").and_then(|v| self.ca_bundle(v)),
            mfa_serial: self.own(table, "mfa-serial").and_then(|v| {
                self.fitting(
                    v,
                    patterns::MFA_SERIAL,
                    "the ARN or serial number of an MFA device, or \"auto\"",
                )
            }),
        };
        if let (Some(max), Some(ceiling)) = (&part.max_duration, &part.max_duration_ceiling)
            && ceiling.value < max.value
            && let Some(value) = table.get("max-duration-ceiling")
        {
            self.report(
                value.span(),
                "the ceiling is below `max-duration`, which may be extended up to it",
            );
        }
        part
    }

    /// A value that only a person's own file has; elsewhere the key has been refused already.
    fn own<'t, 'd>(&self, table: &'t DeTable<'d>, key: &str) -> Option<&'t Value<'d>> {
        table.get(key).filter(|_| self.source.layer == Layer::Own)
    }

    fn local_port(&mut self, value: &Value<'_>) -> Option<Located<LocalPort>> {
        let want = "a port from 1 to 65535, \"auto\", or a range such as \"5432-5440\"";
        if value.get_ref().is_integer() {
            let port = self.number(value, 1..=65535, want)?;
            return Some(port.map(LocalPort::Fixed));
        }
        let text = self.literal(value, want)?;
        let found = match text.value.as_str() {
            "auto" => Some(LocalPort::Auto),
            range if fits(range, patterns::PORTS) => {
                range.split_once('-').and_then(|(first, last)| {
                    let (first, last) = (first.parse().ok()?, last.parse().ok()?);
                    (first <= last).then_some(LocalPort::Range(first, last))
                })
            }
            _ => None,
        };
        if found.is_none() {
            self.unfit(value, &text.value, want, false);
        }
        found.map(|found| text.map(|_| found))
    }

    fn require_mfa(&mut self, value: &Value<'_>) -> Option<Located<RequireMfa>> {
        let want = "true, false, or { max-age = \"1h\" }";
        let found = match value.get_ref() {
            DeValue::Boolean(true) => RequireMfa::AnyAge,
            DeValue::Boolean(false) => RequireMfa::No,
            DeValue::Table(table) => {
                self.keys(table, &[&["max-age"]], "of require-mfa");
                let Some(age) = table.get("max-age") else {
                    if table.is_empty() {
                        self.report(value.span(), format!("the table is empty; wanted is {want}"));
                    }
                    return None;
                };
                RequireMfa::MaxAge(self.duration(age, OPEN)?.value)
            }
            _ => return self.mistyped(value, want),
        };
        Some(self.located(found, &value.span()))
    }

    fn allow_credentials(
        &mut self,
        value: &Value<'_>,
    ) -> Option<Located<BTreeSet<CredentialKind>>> {
        let names = CredentialKind::ALL.map(CredentialKind::as_str);
        let want = format!("an array of kinds of credentials: {}", names.join(", "));
        let members = self.array(value, &want)?;
        if members.is_empty() {
            self.report(
                value.span(),
                "no kind of credentials would be allowed; leave it out to allow all",
            );
            return None;
        }
        let mut kinds = BTreeSet::new();
        for member in members {
            let Some(text) = self.literal(member, "the name of a kind of credentials") else {
                continue;
            };
            if let Some(kind) =
                CredentialKind::ALL.into_iter().find(|kind| kind.as_str() == text.value)
            {
                kinds.insert(kind);
                continue;
            }
            let message = format!(
                "`{}` is not a kind of credentials; there are {}",
                shown(&text.value),
                names.join(", ")
            );
            let problem = self.source.problem(member.span(), message);
            self.problems.push(problem.near(nearest(&text.value, names)));
        }
        Some(self.located(kinds, &value.span()))
    }

    fn reason(&mut self, value: &Value<'_>) -> Option<Located<Reason>> {
        let want = "\"required\", or a text of 1 to 256 characters";
        let text = self.fitting(value, patterns::REASON, want)?;
        Some(
            text.map(|text| if text == "required" { Reason::Required } else { Reason::Text(text) }),
        )
    }

    fn lanes(&mut self, value: &Value<'_>) -> Option<Located<Lanes>> {
        let want = "\"auto\", or a number from 1 to 8";
        if value.get_ref().is_integer() {
            return Some(self.number(value, 1..=8, want)?.map(Lanes::Fixed));
        }
        let text = self.literal(value, want)?;
        if text.value != "auto" {
            self.unfit(value, &text.value, want, false);
            return None;
        }
        Some(text.map(|_| Lanes::Auto))
    }

    fn ca_bundle(&mut self, value: &Value<'_>) -> Option<Located<PathBuf>> {
        let want = "the path of a file in PEM";
        let text =
            self.checked(value, want, |text| !text.is_empty() && !text.contains(char::is_control))?;
        Some(text.map(PathBuf::from))
    }
}
