//! What is wished of a bastion.

use std::ops::RangeInclusive;
use std::time::Duration;

use toml::de::{DeTable, DeValue};

use super::settings::BASTION;
use super::{Reader, Value};
use crate::document::BastionPart;
use crate::keys;
use crate::patterns::{self, fits};
use crate::place::Located;
use crate::secret;
use crate::shown::shown;
use crate::values::PublicIp;

/// How long a bastion waits without traffic until it stops itself: the command line takes as many
/// minutes as fit 16 bits, in full hours.
pub(crate) const STOP: RangeInclusive<Duration> =
    Duration::from_mins(1)..=Duration::from_hours(1092);

impl Reader<'_> {
    pub(super) fn bastion(&mut self, table: &DeTable<'_>) -> BastionPart {
        self.keys(table, &[keys::BASTION], "of [bastion]");
        let own = "an instance type, such as \"t4g.micro\"";
        let boundary = "the ARN of a policy, arn:aws:iam::ACCOUNT:policy/NAME";
        let mut part = BastionPart {
            instance_type: table
                .get("instance-type")
                .and_then(|v| self.fitting_literal(v, patterns::INSTANCE_TYPE, own)),
            idle_stop: table.get("idle-stop").and_then(|v| self.idle_stop(v)),
            subnet: table
                .get("subnet")
                .and_then(|v| self.fitting(v, patterns::SUBNET, "the id of a subnet, subnet-…")),
            public_ip: table.get("public-ip").and_then(|v| self.public_ip(v)),
            existing: table
                .get("existing")
                .and_then(|v| self.fitting(v, patterns::BASTION, BASTION)),
            permissions_boundary: table
                .get("permissions-boundary")
                .and_then(|v| self.fitting(v, patterns::BOUNDARY, boundary)),
            create_endpoints: table.get("create-endpoints").and_then(|v| self.bool(v)),
            ..BastionPart::default()
        };
        if let Some(tags) = table.get("tags") {
            self.tags(tags, &mut part);
        }
        part
    }

    fn idle_stop(&mut self, value: &Value<'_>) -> Option<Located<Duration>> {
        let found = self.duration(value, STOP)?;
        if !found.value.as_secs().is_multiple_of(60) {
            self.report(value.span(), "the bastion looks once a minute: wanted are whole minutes");
            return None;
        }
        Some(found)
    }

    fn public_ip(&mut self, value: &Value<'_>) -> Option<Located<PublicIp>> {
        let found = match value.get_ref() {
            DeValue::Boolean(true) => PublicIp::Yes,
            DeValue::Boolean(false) => PublicIp::No,
            DeValue::String(text) if text == "auto" => PublicIp::Auto,
            DeValue::String(_) => {
                let want = "true, false or \"auto\"";
                let text = self.literal(value, want)?;
                self.unfit(value, &text.value, want, false);
                return None;
            }
            _ => return self.mistyped(value, "true, false or \"auto\""),
        };
        Some(self.located(found, &value.span()))
    }

    fn tags(&mut self, value: &Value<'_>, part: &mut BastionPart) {
        let Some(table) = self.table(value, "a table of texts, such as { team = \"data\" }") else {
            return;
        };
        for (key, value) in table {
            let name: &str = key.get_ref();
            if secret::found(name).is_some() || keys::is_secret(name) {
                let text = format!(
                    "the tag `{}` looks like a secret, and tags are read by many",
                    shown(name)
                );
                let problem = self.source.hiding(key.span(), value.span(), text);
                self.problems.push(problem);
                continue;
            }
            let lower = name.to_ascii_lowercase();
            if lower.starts_with("aws:") || lower.starts_with("adit:") {
                let owner = if lower.starts_with("aws:") { "AWS" } else { "adit" };
                self.report(key.span(), format!("tags that begin so belong to {owner}"));
            } else if !fits(name, patterns::TAG_KEY) {
                self.report(
                    key.span(),
                    "the key of a tag has 1 to 128 characters, none of them a control character",
                );
            } else if let Some(found) =
                self.fitting(value, patterns::TAG_VALUE, "a text of at most 256 characters")
            {
                part.tags.insert(name.to_owned(), found);
            }
        }
        // AWS takes 50; adit's own need room.
        if table.len() > 40 {
            self.report(value.span(), "there are more than 40 tags");
        }
    }
}
