//! What a file holds, as it is written: for the schema, and for writing.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::Serialize;
use serde_json::{Value, json};

use crate::kind::TargetKind;
use crate::patterns;
use crate::values::CredentialKind;

/// A pattern of values that may refer to the user and the environment: what has a reference is judged
/// once that is put in.
fn open(pattern: &str) -> String {
    format!(r"{pattern}|\$\{{")
}

/// `adit.toml`: what a team opens tunnels to, and under which limits.
#[derive(Debug, Clone, Default, Serialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
#[schemars(deny_unknown_fields, title = "adit.toml")]
pub struct File {
    /// The version of the format.
    #[schemars(extend("const" = 1))]
    pub version: u8,
    /// What holds for every connection that says nothing else.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub defaults: Option<Defaults>,
    /// The bastion that `adit init` makes, or one that is there.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub bastion: Option<Bastion>,
    /// What is to be reached, by name.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    #[schemars(extend("propertyNames" = json!({"pattern": patterns::NAME})))]
    pub targets: BTreeMap<String, Target>,
    /// Tunnels, by name.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    #[schemars(extend("propertyNames" = json!({"pattern": patterns::NAME})))]
    pub connections: BTreeMap<String, Connection>,
    /// Connections that are opened together, by name.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    #[schemars(extend("propertyNames" = json!({"pattern": patterns::NAME})))]
    #[schemars(extend("additionalProperties" = json!({
        "type": "array", "minItems": 1,
        "items": {"type": "string", "pattern": patterns::NAME},
    })))]
    pub groups: BTreeMap<String, Vec<String>>,
}

/// What holds for every connection that says nothing else.
#[derive(Debug, Clone, Default, Serialize, JsonSchema)]
#[schemars(deny_unknown_fields)]
pub struct Defaults {
    /// The settings.
    #[serde(flatten)]
    pub settings: Settings,
}

/// A tunnel to a target.
#[derive(Debug, Clone, Serialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
#[schemars(deny_unknown_fields)]
pub struct Connection {
    /// The name of a target, KIND:ID such as `rds:orders`, or a table with the same keys as a target.
    pub target: ConnectionTarget,
    /// The local port: a number, `"auto"`, or a range such as `"5432-5440"`, of which the first free
    /// one is taken. The target's own port unless given.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub local_port: Option<LocalPort>,
    /// The settings.
    #[serde(flatten)]
    pub settings: Settings,
}

/// The target of a connection.
#[derive(Debug, Clone, Serialize, JsonSchema)]
#[serde(untagged)]
pub enum ConnectionTarget {
    /// The name of a target, or KIND:ID.
    Text(#[schemars(length(min = 1))] String),
    /// A target that has no name.
    Table(Box<Target>),
}

/// A local port.
#[derive(Debug, Clone, Serialize, JsonSchema)]
#[serde(untagged)]
pub enum LocalPort {
    /// Exactly this one.
    Number(#[schemars(range(min = 1, max = 65535))] u16),
    /// `auto`, or the first and the last of a range.
    Text(#[schemars(extend("pattern" = patterns::PORTS))] String),
}

/// Settings of connections and defaults.
#[derive(Debug, Clone, Default, Serialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub struct Settings {
    /// The AWS profile.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(extend("pattern" = open(patterns::PROFILE)))]
    pub profile: Option<String>,
    /// The region.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(extend("pattern" = open(patterns::REGION)))]
    pub region: Option<String>,
    /// The only account that credentials may be of.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(extend("pattern" = patterns::ACCOUNT))]
    pub account: Option<String>,
    /// A bastion of your own: i-…, mi-…, tag:KEY=VALUE or ecs:CLUSTER/TASK/CONTAINER.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(extend("pattern" = open(patterns::BASTION)))]
    pub bastion: Option<String>,
    /// How long a tunnel may be without traffic: 1m to 24h, 20m unless given.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(extend("pattern" = patterns::DURATION))]
    pub idle_timeout: Option<String>,
    /// How long a tunnel is open: 1m to 168h, 12h unless given.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(extend("pattern" = patterns::DURATION))]
    pub max_duration: Option<String>,
    /// How long it may be once it is extended: 1m to 168h, `max-duration` unless given.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(extend("pattern" = patterns::DURATION))]
    pub max_duration_ceiling: Option<String>,
    /// Whether it ends with credentials that cannot be renewed; true unless given.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub disconnect_on_expiry: Option<bool>,
    /// Whether credentials need MFA behind them, and how old it may be.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub require_mfa: Option<RequireMfa>,
    /// The kinds of credentials that are taken; all unless given.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1))]
    pub allow_credentials: Option<Vec<CredentialKind>>,
    /// `required`, or the reason that is recorded with each session.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(extend("pattern" = open(patterns::REASON)))]
    pub reason: Option<String>,
    /// Over how many sessions streams are spread; `auto` unless given.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub lanes: Option<Lanes>,
    /// Whether an open connection without traffic keeps the session alive; false unless given.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub keep_alive: Option<bool>,
}

/// A demand for MFA.
#[derive(Debug, Clone, Serialize, JsonSchema)]
#[serde(untagged)]
pub enum RequireMfa {
    /// Of whatever age, or none.
    Any(bool),
    /// No older than this.
    Aged(MaxAge),
}

/// How old MFA may be.
#[derive(Debug, Clone, Serialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
#[schemars(deny_unknown_fields)]
pub struct MaxAge {
    /// A span from 1m to 168h.
    #[schemars(extend("pattern" = patterns::DURATION))]
    pub max_age: String,
}

/// A number of sessions.
#[derive(Debug, Clone, Serialize, JsonSchema)]
#[serde(untagged)]
pub enum Lanes {
    /// So many.
    Number(#[schemars(range(min = 1, max = 8))] u8),
    /// `auto`.
    Text(#[schemars(extend("const" = "auto"))] String),
}

/// What is to be reached.
#[derive(Debug, Clone, Serialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
#[schemars(deny_unknown_fields, extend("allOf" = by_kind()))]
pub struct Target {
    /// The kind of target.
    pub kind: TargetKind,
    /// Its id or name, its ARN, or tag:KEY=VALUE where it alone has that tag.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(extend("pattern" = open(patterns::ID)))]
    pub id: Option<String>,
    /// One endpoint of several: `reader`, or the name of an endpoint or a node.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(extend("pattern" = open(patterns::ENDPOINT)))]
    pub endpoint: Option<String>,
    /// The host name or address, of kind `host`.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(extend("pattern" = open(patterns::HOST)))]
    pub host: Option<String>,
    /// The port, of kinds `host` and `ec2`.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 1, max = 65535))]
    pub port: Option<u16>,
    /// The VPC that reaches it, of kind `host`.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(extend("pattern" = open(patterns::VPC)))]
    pub vpc: Option<String>,
    /// The AWS profile to reach it with.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(extend("pattern" = open(patterns::PROFILE)))]
    pub profile: Option<String>,
    /// The region it is in.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(extend("pattern" = open(patterns::REGION)))]
    pub region: Option<String>,
    /// The account it is in.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(extend("pattern" = patterns::ACCOUNT))]
    pub account: Option<String>,
    /// The bastion to reach it over.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(extend("pattern" = open(patterns::BASTION)))]
    pub bastion: Option<String>,
}

impl Target {
    /// A target of a kind that says nothing else yet.
    pub fn new(kind: TargetKind) -> Self {
        Self {
            kind,
            id: None,
            endpoint: None,
            host: None,
            port: None,
            vpc: None,
            profile: None,
            region: None,
            account: None,
            bastion: None,
        }
    }
}

/// Which keys each kind of target needs, and which it has no use for.
fn by_kind() -> Value {
    let rules = TargetKind::ALL.map(|kind| {
        let refused = kind.refuses().iter().map(|key| ((*key).to_owned(), Value::Bool(false)));
        json!({
            "if": {"properties": {"kind": {"const": kind.as_str()}}, "required": ["kind"]},
            "then": {
                "required": kind.needs(),
                "properties": refused.collect::<serde_json::Map<_, _>>(),
            },
        })
    });
    rules.into_iter().collect()
}

/// The bastion that `adit init` makes, or one that is there.
#[derive(Debug, Clone, Default, Serialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
#[schemars(deny_unknown_fields)]
pub struct Bastion {
    /// The type of a new one, such as `t4g.micro`.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(extend("pattern" = patterns::INSTANCE_TYPE))]
    pub instance_type: Option<String>,
    /// After how long without traffic it stops itself, in whole minutes.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(extend("pattern" = patterns::DURATION))]
    pub idle_stop: Option<String>,
    /// The subnet of a new one.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(extend("pattern" = open(patterns::SUBNET)))]
    pub subnet: Option<String>,
    /// Whether a new one gets a public address; `auto`: where there is no other way out.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub public_ip: Option<PublicIp>,
    /// Tags for all that is made, at most 40.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    #[schemars(extend("maxProperties" = 40))]
    #[schemars(extend("propertyNames" = json!({"allOf": [
        {"pattern": patterns::TAG_KEY}, {"not": {"pattern": "^([aA][wW][sS]|[aA][dD][iI][tT]):"}},
    ]})))]
    #[schemars(extend("additionalProperties" = json!({"type": "string", "pattern": open(patterns::TAG_VALUE)})))]
    pub tags: BTreeMap<String, String>,
    /// One that is there: i-…, mi-…, tag:KEY=VALUE or ecs:CLUSTER/TASK/CONTAINER.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(extend("pattern" = open(patterns::BASTION)))]
    pub existing: Option<String>,
    /// The ARN of the policy that bounds its role.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(extend("pattern" = open(patterns::BOUNDARY)))]
    pub permissions_boundary: Option<String>,
    /// Whether missing endpoints of the VPC are made.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub create_endpoints: Option<bool>,
}

/// Whether a bastion gets a public address.
#[derive(Debug, Clone, Serialize, JsonSchema)]
#[serde(untagged)]
pub enum PublicIp {
    /// It does, or does not.
    Yes(bool),
    /// `auto`.
    Text(#[schemars(extend("const" = "auto"))] String),
}
