//! What a VPC tells its instances: the name servers to ask.

use std::net::Ipv4Addr;

use super::State;
use super::resource::{Resource, describe, find, one};
use super::tags;
use crate::cloud::state::Born;
use crate::cloud::{self, Call, CloudError, Element, Outcome, answer, list, node};
use crate::service::ACCOUNT;

/// The set that VPCs have from the start.
pub(super) const DEFAULT: &str = "dopt-0ad17000000000001";

/// The VPC's own name server, in a set of options.
const OWN: &str = "AmazonProvidedDNS";
const SERVERS: &str = "domain-name-servers";

/// The keys that there are.
/// <https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_CreateDhcpOptions.html>
const KEYS: [&str; 6] = [
    SERVERS,
    "domain-name",
    "ntp-servers",
    "netbios-name-servers",
    "netbios-node-type",
    "ipv6-address-preferred-lease-time",
];

#[derive(Clone, Debug)]
pub(crate) struct DhcpOptions {
    id: String,
    /// Keys with their values.
    configurations: Vec<(String, Vec<String>)>,
    born: Born,
}

impl DhcpOptions {
    pub(super) fn default_set(born: Born) -> Self {
        let configurations = vec![(SERVERS.to_owned(), vec![OWN.to_owned()])];
        Self { id: DEFAULT.to_owned(), configurations, born }
    }

    fn children(&self, out: Element, cloud: &cloud::State) -> Element {
        let configurations = self.configurations.iter().map(|(key, values)| {
            let values = values.iter().map(|value| node("item").text("value", value));
            node("item").text("key", key).with(list("valueSet", values))
        });
        out.text("dhcpOptionsId", &self.id)
            .text("ownerId", ACCOUNT)
            .with(list("dhcpConfigurationSet", configurations))
            .with(tags::set(&cloud.ec2, &self.id))
    }
}

impl Resource for DhcpOptions {
    const IDS: &'static str = "DhcpOptionsId";
    const SET: &'static str = "dhcpOptionsSet";
    const FILTERS: &'static [&'static str] = &["dhcp-options-id", "key", "owner-id", "value"];
    const MISSING: (&'static str, &'static str) = ("InvalidDhcpOptionID.NotFound", "dhcpOption ID");
    const PREFIX: &'static str = "dopt-";

    fn id(&self) -> &str {
        &self.id
    }

    fn born(&self) -> Born {
        self.born
    }

    fn values(&self, _cloud: &cloud::State, filter: &str) -> Vec<String> {
        match filter {
            "key" => self.configurations.iter().map(|(key, _)| key.clone()).collect(),
            "owner-id" => one(ACCOUNT),
            "value" => self.configurations.iter().flat_map(|(_, values)| values.clone()).collect(),
            _ => one(&self.id),
        }
    }

    fn element(&self, cloud: &cloud::State) -> Element {
        self.children(node("item"), cloud)
    }
}

pub(super) fn create(call: &Call<'_>, cloud: &mut cloud::State) -> Outcome {
    let mut configurations = Vec::new();
    for configuration in call.params.list("DhcpConfiguration") {
        let key = configuration.get("Key").unwrap_or_default();
        let values = configuration.texts("Value");
        if !KEYS.contains(&key) || values.is_empty() {
            let message = format!("Value ({key}) for parameter dhcpConfiguration is invalid.");
            return Err(CloudError::refuse("InvalidParameterValue", message));
        }
        configurations.push((key.to_owned(), values));
    }
    let tags = tags::specified(call, &["dhcp-options"], "dhcp-options")?;
    let id = call.new_id("dopt");
    let options = DhcpOptions { id: id.clone(), configurations, born: Born::now(call.service) };
    cloud.ec2.tag(&id, tags);
    let shown = options.children(node("dhcpOptions"), cloud);
    cloud.ec2.dhcp_options.insert(id, options);
    Ok(answer().with(shown))
}

pub(super) fn describe_options(call: &Call<'_>, cloud: &mut cloud::State) -> Outcome {
    describe(call, cloud, cloud.ec2.dhcp_options.values())
}

/// `default` in place of an id leaves a VPC without any.
pub(super) fn associate(call: &Call<'_>, cloud: &mut cloud::State) -> Outcome {
    let vpc = find(&cloud.ec2.vpcs, call.params.required("VpcId")?, call.now())?.id.clone();
    let wanted = call.params.required("DhcpOptionsId")?;
    let options = match wanted {
        "default" => wanted.to_owned(),
        id => find(&cloud.ec2.dhcp_options, id, call.now())?.id.clone(),
    };
    if let Some(vpc) = cloud.ec2.vpcs.get_mut(&vpc) {
        vpc.dhcp_options = options;
    }
    Ok(answer().text("return", true))
}

impl State {
    /// Whether names resolve for what has these groups: one of the name servers that it is told of
    /// has to answer. The VPC's own is beyond all groups.
    pub(crate) fn resolves(&self, vpc: &str, groups: &[String]) -> bool {
        let Some(vpc) = self.vpcs.get(vpc) else { return false };
        let servers = self.dhcp_options.get(&vpc.dhcp_options).and_then(|options| {
            options.configurations.iter().find(|(key, _)| key == SERVERS).map(|(_, values)| values)
        });
        servers.into_iter().flatten().any(|server| match server.parse::<Ipv4Addr>() {
            Ok(address) => self.lets_datagrams_out(groups, 53, address),
            Err(_) => server == OWN && vpc.dns_support,
        })
    }
}
