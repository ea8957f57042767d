//! The settings in effect for a connection.

use std::collections::BTreeSet;
use std::path::PathBuf;
use std::time::Duration;

use super::combine::{
    CONNECTION, Candidate, DEFAULTS, OWN_CONNECTION, OWN_DEFAULTS, TARGET, beats, first, stricter,
};
use super::explain::Explanation;
use super::{Files, Setting};
use crate::document::{SettingsPart, TargetPart};
use crate::place::Located;
use crate::problem::Problems;
use crate::values::{CredentialKind, Lanes, LocalPort, Reason, RequireMfa, kinds, span};

/// How long a tunnel may be without traffic unless something else is said: as long as the service
/// itself permits by default.
const IDLE_TIMEOUT: Duration = Duration::from_mins(20);

/// How long a tunnel is open unless something else is said.
const MAX_DURATION: Duration = Duration::from_hours(12);

/// What holds for a connection. What is `None` was said nowhere.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Settings {
    /// The AWS profile.
    pub profile: Option<Setting<String>>,
    /// The region.
    pub region: Option<Setting<String>>,
    /// The only account that credentials may be of.
    pub account: Option<Setting<String>>,
    /// A bastion of one's own.
    pub bastion: Option<Setting<String>>,
    /// The local port.
    pub local_port: Option<Setting<LocalPort>>,
    /// How long a tunnel may be without traffic.
    pub idle_timeout: Setting<Duration>,
    /// How long a tunnel is open.
    pub max_duration: Setting<Duration>,
    /// How long it may be once it is extended.
    pub max_duration_ceiling: Setting<Duration>,
    /// Whether it ends with credentials that cannot be renewed.
    pub disconnect_on_expiry: Setting<bool>,
    /// Whether credentials need MFA behind them.
    pub require_mfa: Option<Setting<RequireMfa>>,
    /// The kinds of credentials that are taken.
    pub allow_credentials: Option<Setting<BTreeSet<CredentialKind>>>,
    /// The reason that is recorded.
    pub reason: Option<Setting<Reason>>,
    /// Over how many sessions streams are spread.
    pub lanes: Setting<Lanes>,
    /// Whether an open connection without traffic keeps the session alive.
    pub keep_alive: Setting<bool>,
    /// Roots to trust beside the system's.
    pub ca_bundle: Option<Setting<PathBuf>>,
    /// The person's MFA device.
    pub mfa_serial: Option<Setting<String>>,
}

/// What may say something about a connection.
#[derive(Clone, Copy, Default)]
pub(super) struct Levels<'a> {
    pub(super) own_connection: Option<&'a SettingsPart>,
    pub(super) connection: Option<&'a SettingsPart>,
    pub(super) target: Option<&'a TargetPart>,
    /// Whether the target is one of the shared file.
    pub(super) target_is_shared: bool,
    pub(super) own_defaults: Option<&'a SettingsPart>,
    pub(super) defaults: Option<&'a SettingsPart>,
}

type Get<T> = fn(&SettingsPart) -> Option<&Located<T>>;
type GetOfTarget<T> = fn(&TargetPart) -> Option<&Located<T>>;

impl<'a> Levels<'a> {
    /// All that say something, the first to hold first: at each level the person before the team.
    fn personal<T>(&self, get: Get<T>, of_target: GetOfTarget<T>) -> [Candidate<'a, T>; 5] {
        [
            (OWN_CONNECTION, self.own_connection.and_then(get)),
            (CONNECTION, self.connection.and_then(get)),
            (TARGET, self.target.and_then(of_target)),
            (OWN_DEFAULTS, self.own_defaults.and_then(get)),
            (DEFAULTS, self.defaults.and_then(get)),
        ]
    }

    /// What the shared file says, and what the person's does.
    fn limit<T: Clone>(
        &self,
        get: Get<T>,
        show: impl Fn(&T) -> String,
    ) -> (Option<Setting<T>>, Option<Setting<T>>) {
        let shared =
            [(CONNECTION, self.connection.and_then(get)), (DEFAULTS, self.defaults.and_then(get))];
        let own = [
            (OWN_CONNECTION, self.own_connection.and_then(get)),
            (OWN_DEFAULTS, self.own_defaults.and_then(get)),
        ];
        (first(&shared, &show), first(&own, &show))
    }

    fn shortest(&self, get: Get<Duration>) -> Option<Setting<Duration>> {
        let show = |value: &Duration| span(*value);
        let (shared, own) = self.limit(get, show);
        stricter(shared, own, |value| *value, show)
    }

    /// How far a maximum may be extended. A team that sets a maximum and no ceiling wants none to be
    /// extended, whatever a person's own ceiling is.
    fn ceiling(&self) -> Option<Setting<Duration>> {
        let show = |value: &Duration| span(*value);
        let (shared, own) = self.limit(|s| s.max_duration_ceiling.as_ref(), show);
        let shared = match (shared, &own) {
            (None, Some(_)) => self.limit(|s| s.max_duration.as_ref(), show).0,
            (shared, _) => shared,
        };
        stricter(shared, own, |value| *value, show)
    }
}

impl Files {
    /// What holds where nothing but the defaults says anything.
    pub(crate) fn default_settings(&self, problems: &mut Problems) -> Settings {
        let levels = Levels {
            own_defaults: Some(&self.own.defaults),
            defaults: Some(&self.shared.defaults),
            ..Levels::default()
        };
        self.settings(levels, problems)
    }

    pub(super) fn settings(&self, levels: Levels<'_>, problems: &mut Problems) -> Settings {
        let mut texts = Texts { files: self, problems };
        let profile = texts.first(&levels.personal(|s| s.profile.as_ref(), |t| t.profile.as_ref()));
        let region = texts.first(&levels.personal(|s| s.region.as_ref(), |t| t.region.as_ref()));
        let bastion = texts.first(&levels.personal(|s| s.bastion.as_ref(), |t| t.bastion.as_ref()));
        let mfa_serial = texts.first(&levels.personal(|s| s.mfa_serial.as_ref(), |_| None));
        let ca_bundle = first(&levels.personal(|s| s.ca_bundle.as_ref(), |_| None), |path| {
            path.display().to_string()
        });
        for place in ca_bundle.iter().filter_map(|setting| setting.origin.place()) {
            problems.extend(self.deferred(place));
        }
        let max_duration = levels.shortest(|s| s.max_duration.as_ref());
        let ceiling = levels.ceiling();
        let (max_duration, max_duration_ceiling) = durations(max_duration, ceiling);
        let expiry = levels.limit(|s| s.disconnect_on_expiry.as_ref(), bool::to_string);
        let mfa = levels.limit(|s| s.require_mfa.as_ref(), RequireMfa::to_string);
        Settings {
            profile,
            region,
            account: self.account(levels, problems),
            bastion,
            local_port: first(
                &levels.personal(|s| s.local_port.as_ref(), |_| None),
                LocalPort::to_string,
            ),
            idle_timeout: levels
                .shortest(|s| s.idle_timeout.as_ref())
                .unwrap_or_else(|| Setting::default(IDLE_TIMEOUT)),
            max_duration,
            max_duration_ceiling,
            disconnect_on_expiry: stricter(
                expiry.0,
                expiry.1,
                |disconnects| !disconnects,
                bool::to_string,
            )
            .unwrap_or_else(|| Setting::default(true)),
            require_mfa: stricter(mfa.0, mfa.1, |mfa| mfa.latitude(), RequireMfa::to_string),
            allow_credentials: self.allowed(levels, problems),
            reason: self.reason(levels, problems),
            lanes: first(&levels.personal(|s| s.lanes.as_ref(), |_| None), Lanes::to_string)
                .unwrap_or_else(|| Setting::default(Lanes::Auto)),
            keep_alive: first(
                &levels.personal(|s| s.keep_alive.as_ref(), |_| None),
                bool::to_string,
            )
            .unwrap_or_else(|| Setting::default(false)),
            ca_bundle,
            mfa_serial,
        }
    }

    /// There can be one account only, whoever says it.
    fn account(&self, levels: Levels<'_>, problems: &mut Problems) -> Option<Setting<String>> {
        let of_target = levels.target.and_then(|target| target.account.as_ref());
        let (shared_target, own_target) =
            if levels.target_is_shared { (of_target, None) } else { (None, of_target) };
        let get: Get<String> = |settings| settings.account.as_ref();
        let shared = [
            (CONNECTION, levels.connection.and_then(get)),
            (TARGET, shared_target),
            (DEFAULTS, levels.defaults.and_then(get)),
        ];
        let own = [
            (OWN_CONNECTION, levels.own_connection.and_then(get)),
            (TARGET, own_target),
            (OWN_DEFAULTS, levels.own_defaults.and_then(get)),
        ];
        // Defaults give way within their file; a connection and its target have to agree.
        for of_file in [&shared, &own] {
            if let (Some(one), Some(other)) = (of_file[0].1, of_file[1].1)
                && one.value != other.value
            {
                let text = format!(
                    "the connection is of account {}, and its target of {}",
                    one.value, other.value
                );
                problems.push(self.problem(&one.place, text));
            }
        }
        let (shared, own) = (first(&shared, String::clone), first(&own, String::clone));
        if let (Some(shared), Some(own)) = (&shared, &own)
            && shared.value != own.value
            && let Some(place) = own.origin.place()
        {
            let text = format!(
                "your own file says account {}, and adit.toml {} ({})",
                own.value, shared.value, shared.origin
            );
            problems.push(self.problem(place, text));
        }
        stricter(shared, own, |_| (), String::clone)
    }

    /// What both files allow.
    fn allowed(
        &self,
        levels: Levels<'_>,
        problems: &mut Problems,
    ) -> Option<Setting<BTreeSet<CredentialKind>>> {
        let (shared, own) = match levels.limit(|s| s.allow_credentials.as_ref(), kinds) {
            (Some(shared), Some(own)) => (shared, own),
            (shared, own) => return shared.or(own),
        };
        let both: BTreeSet<_> = shared.value.intersection(&own.value).copied().collect();
        if both.is_empty()
            && let Some(place) = own.origin.place()
        {
            let text = format!(
                "no kind of credentials is left: your own file allows {}, and adit.toml {} ({})",
                kinds(&own.value),
                kinds(&shared.value),
                shared.origin
            );
            problems.push(self.problem(place, text));
        }
        if both == shared.value {
            let why = "adit.toml is as strict or stricter, and cannot be loosened";
            return Some(beats(shared, own, why, kinds));
        }
        let why = if both == own.value {
            "your own file is stricter"
        } else {
            "what both files allow holds"
        };
        Some(Setting { value: both, ..beats(own, shared, why, kinds) })
    }

    /// A reason that has to be given goes before one that stands ready.
    fn reason(&self, levels: Levels<'_>, problems: &mut Problems) -> Option<Setting<Reason>> {
        let (shared, own) = levels.limit(|s| s.reason.as_ref(), Reason::to_string);
        let found = stricter(shared, own, |reason| *reason != Reason::Required, Reason::to_string);
        if let Some(place) = found.as_ref().and_then(|setting| setting.origin.place()) {
            problems.extend(self.deferred(place));
        }
        found
    }
}

/// Chooses texts, and reports those that have no value here.
struct Texts<'a> {
    files: &'a Files,
    problems: &'a mut Problems,
}

impl Texts<'_> {
    fn first(&mut self, candidates: &[Candidate<'_, String>]) -> Option<Setting<String>> {
        let found = first(candidates, String::clone)?;
        if let Some(problem) = found.origin.place().and_then(|place| self.files.deferred(place)) {
            self.problems.push(problem);
        }
        Some(found)
    }
}

/// The ceiling bounds the duration, also where one stands in another section or file than the other.
/// Where none is set, nobody can extend beyond what is allowed anyhow.
fn durations(
    max: Option<Setting<Duration>>,
    ceiling: Option<Setting<Duration>>,
) -> (Setting<Duration>, Setting<Duration>) {
    let max = max.unwrap_or_else(|| Setting::default(MAX_DURATION));
    let Some(ceiling) = ceiling else {
        let ceiling = Setting::default(max.value);
        return (max, ceiling);
    };
    if max.value <= ceiling.value {
        return (max, ceiling);
    }
    let bounded =
        Setting { value: ceiling.value, origin: ceiling.origin.clone(), lost: Vec::new() };
    let why = "max-duration-ceiling is below it";
    (beats(bounded, max, why, |value| span(*value)), ceiling)
}

impl Settings {
    /// Each setting that has a value, by its key, as text.
    pub fn explained(&self) -> Vec<Explanation> {
        let duration = |value: &Duration| span(*value);
        let mut all = Vec::new();
        all.extend(self.profile.as_ref().map(|s| Explanation::of("profile", s, String::clone)));
        all.extend(self.region.as_ref().map(|s| Explanation::of("region", s, String::clone)));
        all.extend(self.account.as_ref().map(|s| Explanation::of("account", s, String::clone)));
        all.extend(self.bastion.as_ref().map(|s| Explanation::of("bastion", s, String::clone)));
        all.extend(
            self.local_port
                .as_ref()
                .map(|s| Explanation::of("local-port", s, LocalPort::to_string)),
        );
        all.push(Explanation::of("idle-timeout", &self.idle_timeout, duration));
        all.push(Explanation::of("max-duration", &self.max_duration, duration));
        all.push(Explanation::of("max-duration-ceiling", &self.max_duration_ceiling, duration));
        all.push(Explanation::of(
            "disconnect-on-expiry",
            &self.disconnect_on_expiry,
            bool::to_string,
        ));
        all.extend(
            self.require_mfa
                .as_ref()
                .map(|s| Explanation::of("require-mfa", s, RequireMfa::to_string)),
        );
        all.extend(
            self.allow_credentials.as_ref().map(|s| Explanation::of("allow-credentials", s, kinds)),
        );
        all.extend(self.reason.as_ref().map(|s| Explanation::of("reason", s, Reason::to_string)));
        all.push(Explanation::of("lanes", &self.lanes, Lanes::to_string));
        all.push(Explanation::of("keep-alive", &self.keep_alive, bool::to_string));
        let path = |path: &PathBuf| path.display().to_string();
        all.extend(self.ca_bundle.as_ref().map(|s| Explanation::of("ca-bundle", s, path)));
        all.extend(
            self.mfa_serial.as_ref().map(|s| Explanation::of("mfa-serial", s, String::clone)),
        );
        all
    }
}
