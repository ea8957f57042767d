//! A cluster, and what the API shows of it.

use serde_json::{Value, json};

use crate::cloud::Call;
use crate::cloud::ec2::Tags;
use crate::cloud::life::{Life, Phase};
use crate::cloud::place::Place;
use crate::cloud::state::{Born, iso};
use crate::service::REGION;

#[derive(Clone, Debug)]
pub(super) struct Cluster {
    pub(super) name: String,
    pub(super) arn: String,
    /// The part of host names that tells clusters apart.
    pub(super) mark: String,
    pub(super) subnets: Vec<Place>,
    pub(super) groups: Vec<String>,
    pub(super) form: Form,
    pub(super) born: Born,
    pub(super) life: Life,
    pub(super) tags: Tags,
}

/// With brokers of its own or without.
#[derive(Clone, Debug)]
pub(super) enum Form {
    Provisioned { brokers: usize, class: String, version: String, listens: Listens },
    Serverless,
}

/// What brokers take.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Listens {
    pub(super) plain: bool,
    pub(super) tls: bool,
    pub(super) scram: bool,
    pub(super) iam: bool,
}

impl Cluster {
    pub(super) fn kind(&self) -> &'static str {
        match self.form {
            Form::Provisioned { .. } => "PROVISIONED",
            Form::Serverless => "SERVERLESS",
        }
    }

    pub(super) fn vpc(&self) -> &str {
        self.subnets.first().map_or("", |place| place.vpc.as_str())
    }

    /// The members of the bootstrap answer and their ports.
    ///
    /// <https://docs.aws.amazon.com/msk/latest/developerguide/port-info.html>
    pub(super) fn listeners(&self) -> Vec<(&'static str, u16)> {
        let iam = ("bootstrapBrokerStringSaslIam", 9098);
        let Form::Provisioned { listens, .. } = &self.form else { return vec![iam] };
        [
            (listens.plain, ("bootstrapBrokerString", 9092)),
            (listens.tls, ("bootstrapBrokerStringTls", 9094)),
            (listens.scram, ("bootstrapBrokerStringSaslScram", 9096)),
            (listens.iam, iam),
        ]
        .into_iter()
        .filter_map(|(on, listener)| on.then_some(listener))
        .collect()
    }

    /// The brokers' hosts; of a serverless cluster the one that stands for all.
    pub(super) fn hosts(&self) -> Vec<String> {
        match self.form {
            Form::Serverless => {
                vec![format!("boot-{}.c2.kafka-serverless.{REGION}.amazonaws.com", self.mark)]
            }
            Form::Provisioned { brokers, .. } => (1..=brokers)
                .map(|broker| {
                    let Self { name, mark, .. } = self;
                    format!("b-{broker}.{name}.{mark}.c2.kafka.{REGION}.amazonaws.com")
                })
                .collect(),
        }
    }

    /// The brokers; `None` when there are none to see.
    pub(super) fn nodes(&self) -> Option<Vec<Value>> {
        let Form::Provisioned { class, version, .. } = &self.form else { return None };
        let node = |(index, host): (usize, String)| {
            let place = self.subnets.iter().cycle().nth(index);
            json!({
                "addedToClusterTime": iso(self.born.unix),
                "brokerNodeInfo": {
                    "brokerId": index + 1,
                    "clientSubnet": place.map(|place| &place.subnet),
                    "currentBrokerSoftwareInfo": { "kafkaVersion": version },
                    "endpoints": [host],
                },
                "instanceType": class,
                "nodeARN": format!("{}/{}", self.arn.replace(":cluster/", ":broker/"), index + 1),
                "nodeType": "BROKER",
            })
        };
        Some(self.hosts().into_iter().enumerate().map(node).collect())
    }

    pub(super) fn state(&self, call: &Call<'_>) -> &'static str {
        match self.life.phase(call.now()) {
            Some(Phase::Creating) => "CREATING",
            Some(Phase::Ready) => "ACTIVE",
            Some(Phase::Deleting) | None => "DELETING",
        }
    }

    /// A cluster as the API shows it: with subnets and groups, without a VPC or hosts.
    pub(super) fn shown(&self, call: &Call<'_>) -> Value {
        let subnets: Vec<_> = self.subnets.iter().map(|place| &place.subnet).collect();
        let mut shown = json!({
            "clusterType": self.kind(),
            "clusterArn": self.arn,
            "clusterName": self.name,
            "creationTime": iso(self.born.unix),
            "currentVersion": "K3P5ROKL5A1OLE",
            "state": self.state(call),
            "tags": self.tags,
        });
        match &self.form {
            Form::Serverless => {
                shown["serverless"] = json!({
                    "vpcConfigs": [{ "subnetIds": subnets, "securityGroupIds": self.groups }],
                    "clientAuthentication": { "sasl": { "iam": { "enabled": true } } },
                });
            }
            Form::Provisioned { brokers, class, version, listens } => {
                let encryption = match listens {
                    Listens { plain: true, tls: true, .. } => "TLS_PLAINTEXT",
                    Listens { plain: true, .. } => "PLAINTEXT",
                    Listens { .. } => "TLS",
                };
                shown["provisioned"] = json!({
                    "brokerNodeGroupInfo": {
                        "brokerAZDistribution": "DEFAULT",
                        "clientSubnets": subnets,
                        "instanceType": class,
                        "securityGroups": self.groups,
                    },
                    "currentBrokerSoftwareInfo": { "kafkaVersion": version },
                    "clientAuthentication": {
                        "sasl": {
                            "scram": { "enabled": listens.scram },
                            "iam": { "enabled": listens.iam },
                        },
                    },
                    "encryptionInfo": {
                        "encryptionInTransit": { "clientBroker": encryption, "inCluster": true },
                    },
                    "numberOfBrokerNodes": brokers,
                });
            }
        }
        shown
    }
}
