//! A file as it was read: each value with its place.

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;
use std::time::Duration;

use crate::kind::TargetKind;
use crate::place::{Located, Place};
use crate::problem::Problem;
use crate::source::Layer;
use crate::values::{CredentialKind, Lanes, LocalPort, PublicIp, Reason, RequireMfa};

/// One file.
#[derive(Debug)]
pub(crate) struct Document {
    pub(crate) layer: Layer,
    pub(crate) defaults: SettingsPart,
    pub(crate) bastion: BastionPart,
    pub(crate) targets: BTreeMap<String, TargetPart>,
    pub(crate) connections: BTreeMap<String, ConnectionPart>,
    pub(crate) groups: BTreeMap<String, GroupPart>,
    /// What is wrong with values only where they are used: a variable that is not set is no matter
    /// to those who connect elsewhere.
    pub(crate) deferred: BTreeMap<Place, Problem>,
}

impl Document {
    pub(crate) fn empty(layer: Layer) -> Self {
        Self {
            layer,
            defaults: SettingsPart::default(),
            bastion: BastionPart::default(),
            targets: BTreeMap::new(),
            connections: BTreeMap::new(),
            groups: BTreeMap::new(),
            deferred: BTreeMap::new(),
        }
    }
}

/// What defaults and connections have in common.
#[derive(Debug, Clone, Default)]
pub(crate) struct SettingsPart {
    pub(crate) profile: Option<Located<String>>,
    pub(crate) region: Option<Located<String>>,
    pub(crate) account: Option<Located<String>>,
    pub(crate) bastion: Option<Located<String>>,
    pub(crate) local_port: Option<Located<LocalPort>>,
    pub(crate) idle_timeout: Option<Located<Duration>>,
    pub(crate) max_duration: Option<Located<Duration>>,
    pub(crate) max_duration_ceiling: Option<Located<Duration>>,
    pub(crate) disconnect_on_expiry: Option<Located<bool>>,
    pub(crate) require_mfa: Option<Located<RequireMfa>>,
    pub(crate) allow_credentials: Option<Located<BTreeSet<CredentialKind>>>,
    pub(crate) reason: Option<Located<Reason>>,
    pub(crate) lanes: Option<Located<Lanes>>,
    pub(crate) keep_alive: Option<Located<bool>>,
    pub(crate) ca_bundle: Option<Located<PathBuf>>,
    pub(crate) mfa_serial: Option<Located<String>>,
}

#[derive(Debug, Clone, Default)]
pub(crate) struct BastionPart {
    pub(crate) instance_type: Option<Located<String>>,
    pub(crate) idle_stop: Option<Located<Duration>>,
    pub(crate) subnet: Option<Located<String>>,
    pub(crate) public_ip: Option<Located<PublicIp>>,
    pub(crate) tags: BTreeMap<String, Located<String>>,
    pub(crate) existing: Option<Located<String>>,
    pub(crate) permissions_boundary: Option<Located<String>>,
    pub(crate) create_endpoints: Option<Located<bool>>,
}

/// A target, by itself or within a connection.
#[derive(Debug, Clone)]
pub(crate) struct TargetPart {
    pub(crate) place: Place,
    pub(crate) kind: Located<TargetKind>,
    /// What identifies it, by key, where the values stand.
    pub(crate) parts: Vec<(&'static str, Located<String>)>,
    /// It in one text.
    pub(crate) spec: String,
    pub(crate) profile: Option<Located<String>>,
    pub(crate) region: Option<Located<String>>,
    pub(crate) account: Option<Located<String>>,
    pub(crate) bastion: Option<Located<String>>,
}

#[derive(Debug, Clone)]
pub(crate) struct ConnectionPart {
    pub(crate) place: Place,
    pub(crate) target: Option<TargetRef>,
    pub(crate) settings: SettingsPart,
}

/// What a connection leads to.
#[derive(Debug, Clone)]
pub(crate) enum TargetRef {
    /// One of the file's targets; the problem if there is none anywhere.
    Named(Located<String>, Box<Problem>),
    /// This one.
    Inline(Box<TargetPart>),
}

impl TargetRef {
    pub(crate) fn place(&self) -> &Place {
        match self {
            Self::Named(name, _) => &name.place,
            Self::Inline(target) => &target.place,
        }
    }
}

#[derive(Debug, Clone)]
pub(crate) struct GroupPart {
    pub(crate) place: Place,
    /// The connections, each with the problem if there is none of that name.
    pub(crate) members: Vec<(Located<String>, Problem)>,
}
