//! How clusters are made.

use serde::Deserialize;
use serde_json::json;

use super::cluster::{Cluster, Form, Listens};
use super::{INVALID, State};
use crate::cloud::body::{parse, required};
use crate::cloud::ec2::Tags;
use crate::cloud::life::Life;
use crate::cloud::place::{self, Place};
use crate::cloud::{Call, CloudError, JsonOutcome, ec2};
use crate::service::{ACCOUNT, REGION};

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct CreateCluster {
    cluster_name: Option<String>,
    #[serde(default)]
    tags: Tags,
    provisioned: Option<Provisioned>,
    serverless: Option<Serverless>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Provisioned {
    broker_node_group_info: BrokerNodes,
    #[serde(default)]
    client_authentication: Authentication,
    #[serde(default)]
    encryption_info: Encryption,
    kafka_version: Option<String>,
    number_of_broker_nodes: usize,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct BrokerNodes {
    #[serde(default)]
    client_subnets: Vec<String>,
    instance_type: Option<String>,
    #[serde(default)]
    security_groups: Vec<String>,
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Authentication {
    #[serde(default)]
    sasl: Sasl,
    #[serde(default)]
    tls: Switch,
    unauthenticated: Option<Switch>,
}

#[derive(Default, Deserialize)]
struct Sasl {
    #[serde(default)]
    scram: Switch,
    #[serde(default)]
    iam: Switch,
}

#[derive(Clone, Copy, Default, Deserialize)]
struct Switch {
    #[serde(default)]
    enabled: bool,
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Encryption {
    #[serde(default)]
    encryption_in_transit: InTransit,
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase")]
struct InTransit {
    client_broker: Option<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Serverless {
    #[serde(default)]
    vpc_configs: Vec<VpcConfig>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct VpcConfig {
    #[serde(default)]
    subnet_ids: Vec<String>,
    #[serde(default)]
    security_group_ids: Vec<String>,
}

impl Provisioned {
    /// Without a word on authentication nobody has to prove who they are.
    fn listens(&self) -> Result<Listens, CloudError> {
        let Authentication { sasl, tls, unauthenticated } = &self.client_authentication;
        let (scram, iam) = (sasl.scram.enabled, sasl.iam.enabled);
        let open = unauthenticated.map_or(!scram && !iam && !tls.enabled, |one| one.enabled);
        let transit = self.encryption_info.encryption_in_transit.client_broker.as_deref();
        let (plain, secure) = match transit.unwrap_or("TLS") {
            "TLS" => (false, true),
            "TLS_PLAINTEXT" => (true, true),
            "PLAINTEXT" => (true, false),
            other => return Err(invalid(format!("Unknown encryption in transit: {other}"))),
        };
        if !secure && (scram || iam || tls.enabled) {
            return Err(invalid("Authentication needs encryption in transit."));
        }
        Ok(Listens { plain: plain && open, tls: secure && (open || tls.enabled), scram, iam })
    }
}

fn invalid(message: impl Into<String>) -> CloudError {
    CloudError::refuse(INVALID, message)
}

pub(super) fn create(state: &mut State, ec2: &ec2::State, call: &Call<'_>) -> JsonOutcome {
    let request: CreateCluster = parse(call)?;
    let name = required(INVALID, "clusterName", request.cluster_name.as_deref())?;
    let letters = |c: char| c.is_ascii_alphanumeric() || c == '-';
    if name.len() > 64 || !name.chars().all(letters) {
        return Err(invalid(format!("The cluster name {name} is not valid.")));
    }
    if state.clusters.values().any(|one| one.name == name) {
        let message = format!("A resource with the name {name} already exists.");
        return Err(CloudError::new(409, "ConflictException", message));
    }
    let (form, subnets, groups) = match (request.provisioned, request.serverless) {
        (Some(provisioned), None) => {
            let listens = provisioned.listens()?;
            let Provisioned { broker_node_group_info: nodes, .. } = provisioned;
            let (subnets, groups) =
                network(ec2, call, &nodes.client_subnets, nodes.security_groups)?;
            let brokers = provisioned.number_of_broker_nodes;
            if brokers == 0 || brokers % subnets.len() != 0 {
                let message = "The number of broker nodes must be a multiple of Availability \
                               Zones in the Client Subnets parameter.";
                return Err(invalid(message));
            }
            let form = Form::Provisioned {
                brokers,
                class: nodes.instance_type.unwrap_or_else(|| "kafka.m5.large".to_owned()),
                version: provisioned.kafka_version.unwrap_or_else(|| "3.8.x".to_owned()),
                listens,
            };
            (form, subnets, groups)
        }
        (None, Some(serverless)) => {
            let config = serverless.vpc_configs.into_iter().next();
            let config = config.ok_or_else(|| invalid("A VPC configuration is needed."))?;
            let (subnets, groups) =
                network(ec2, call, &config.subnet_ids, config.security_group_ids)?;
            (Form::Serverless, subnets, groups)
        }
        _ => return Err(invalid("Either provisioned or serverless must be given.")),
    };
    let (entropy, number) = (&call.service.entropy, state.clusters.len() + 1);
    let arn =
        format!("arn:aws:kafka:{REGION}:{ACCOUNT}:cluster/{name}/{}-{number}", entropy.uuid());
    let cluster = Cluster {
        name: name.to_owned(),
        arn: arn.clone(),
        mark: entropy.hex(6),
        subnets,
        groups,
        form,
        born: call.born(),
        life: Life::new(call.now(), call.service.faults.cloud.boot()),
        tags: request.tags,
    };
    let answer = json!({
        "clusterArn": arn,
        "clusterName": cluster.name,
        "state": cluster.state(call),
        "clusterType": cluster.kind(),
    });
    state.clusters.insert(arn, cluster);
    Ok(answer)
}

fn network(
    ec2: &ec2::State,
    call: &Call<'_>,
    subnets: &[String],
    groups: Vec<String>,
) -> Result<(Vec<Place>, Vec<String>), CloudError> {
    let places = place::places(ec2, call, subnets).unwrap_or_default();
    let Some(vpc) = places.first().map(|place| place.vpc.clone()) else {
        return Err(invalid("One or more of the subnets are not valid."));
    };
    let groups = if groups.is_empty() { place::default_groups(ec2, &vpc) } else { groups };
    place::check_groups(ec2, call, &groups, &vpc).map_err(|foreign| {
        invalid(format!("The security group {} is not valid.", foreign.group()))
    })?;
    Ok((places, groups))
}
