//! Launching instances.

use std::net::Ipv4Addr;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;

use super::groups::{self, no_default_vpc};
use super::images::{self, Image, InstanceType};
use super::instances::{Association, Instance, InstanceState, MetadataOptions, reservation};
use super::interfaces::{Interface, Owner};
use super::networks::Subnet;
use super::places::ZONES;
use super::resource::find;
use super::volumes::Volume;
use super::{State, Tags, tags, tokens};
use crate::cloud::{self, Call, CloudError, Outcome, Params, answer, authorize, iam};

/// The most instances of one call, as the quota of an account that is new.
const MOST: usize = 20;

/// Bytes of the longest user data, before it is encoded.
pub(super) const USER_DATA: usize = 16_384;

const MADE: &[&str] = &["instance", "volume", "network-interface"];

/// Everything about a launch that was found to be right.
struct Launch {
    image: &'static Image,
    kind: &'static InstanceType,
    subnet: Subnet,
    groups: Vec<String>,
    public: bool,
    ip: Option<Ipv4Addr>,
    profile: Option<iam::Profile>,
    user_data: Option<String>,
    metadata: MetadataOptions,
    shutdown: String,
    root: Root,
    tags: [Tags; 3],
}

/// The root volume.
struct Root {
    size: u32,
    kind: String,
    encrypted: bool,
    dies_with_instance: bool,
}

pub(super) fn run(call: &Call<'_>, cloud: &mut cloud::State) -> Outcome {
    if let Some(ids) = tokens::earlier(call, &cloud.ec2)? {
        let made: Vec<&Instance> =
            ids.iter().filter_map(|id| cloud.ec2.instances.get(id)).collect();
        return Ok(reservation(cloud, answer(), &made));
    }
    let launch = check(call, cloud)?;
    let least: usize = number(call.params, "MinCount")?;
    let most: usize = number(call.params, "MaxCount")?;
    if least == 0 || most < least {
        return Err(invalid(format!(
            "Value ({most}) for parameter maxCount is invalid. It must be at least minCount."
        )));
    }
    if least > MOST {
        let message = format!(
            "You have requested more instances ({least}) than your current instance limit of \
             {MOST} allows for the specified instance type."
        );
        return Err(CloudError::refuse("InstanceLimitExceeded", message));
    }
    let reservation_id = call.new_id("r");
    let mut ids = Vec::new();
    for index in 0..most.min(MOST) {
        match make(call, &mut cloud.ec2, &launch, &reservation_id, index) {
            Ok(id) => ids.push(id),
            // As many as there is room for, unless that is too few.
            Err(_) if ids.len() >= least => break,
            Err(error) => {
                for id in &ids {
                    cloud.ec2.forget(id);
                }
                return Err(error);
            }
        }
    }
    tokens::remember(call, &mut cloud.ec2, ids.clone());
    let made: Vec<&Instance> = ids.iter().filter_map(|id| cloud.ec2.instances.get(id)).collect();
    Ok(reservation(cloud, answer(), &made))
}

fn invalid(message: impl Into<String>) -> CloudError {
    CloudError::refuse("InvalidParameterValue", message)
}

fn number(params: &Params, name: &str) -> Result<usize, CloudError> {
    params.required(name)?;
    Ok(params.number(name)?.unwrap_or_default())
}

fn check(call: &Call<'_>, cloud: &cloud::State) -> Result<Launch, CloudError> {
    let (params, state) = (call.params, &cloud.ec2);
    let image = images::find(params.required("ImageId")?)?;
    let kind = images::find_type(params.get("InstanceType").unwrap_or("t2.micro"))?;
    if kind.architecture != image.architecture {
        return Err(invalid(format!(
            "The architecture '{}' of the specified instance type does not match the architecture \
             '{}' of the specified AMI. Specify an instance type and an AMI that have matching \
             architectures, and try again. You can use 'describe-instance-types' or \
             'describe-images' to discover the architecture of the instance type or AMI.",
            kind.architecture, image.architecture
        )));
    }
    if let Some(key) = params.get("KeyName") {
        let message = format!("The key pair '{key}' does not exist");
        return Err(CloudError::refuse("InvalidKeyPair.NotFound", message));
    }
    let listed = params.list("NetworkInterface");
    let first = listed.first().copied();
    let instance_level = ["SubnetId", "SecurityGroupId", "PrivateIpAddress"];
    if first.is_some()
        && let Some(name) = instance_level.into_iter().find(|name| params.has(name))
    {
        let message = format!(
            "Network interfaces and an instance-level {name} may not be specified on the same \
             request"
        );
        return Err(CloudError::refuse("InvalidParameterCombination", message));
    }
    if listed.len() > 1 || first.is_some_and(|nic| nic.has("NetworkInterfaceId")) {
        let message = "Instances of this service have one network interface, made with them.";
        return Err(CloudError::refuse("UnsupportedOperation", message));
    }
    let network = first.unwrap_or(params);
    let subnet = subnet(call, state, network)?;
    if !State::offers(kind, &subnet.zone) {
        let others: Vec<&str> =
            ZONES.into_iter().filter(|zone| State::offers(kind, zone)).collect();
        let message = format!(
            "Your requested instance type ({}) is not supported in your requested Availability \
             Zone ({}). Please retry your request by not specifying an Availability Zone or \
             choosing {}.",
            kind.name,
            subnet.zone,
            others.join(", ")
        );
        return Err(CloudError::refuse("Unsupported", message));
    }
    let mut groups = network.texts("SecurityGroupId");
    for name in params.texts("SecurityGroup") {
        let named = state.groups.values().find(|g| g.vpc == subnet.vpc && g.name == name);
        groups.push(named.map(|group| group.id.clone()).ok_or_else(|| {
            let message = format!("The security group '{name}' does not exist");
            CloudError::refuse("InvalidGroup.NotFound", message)
        })?);
    }
    let groups = groups::for_interface(call, state, &groups, &subnet.vpc)?;
    let usual = || state.default_group(&subnet.vpc).map(|group| group.id.clone());
    let groups = if groups.is_empty() { usual().into_iter().collect() } else { groups };
    let ip = match network.get("PrivateIpAddress") {
        None => None,
        Some(text) => Some(address(state, &subnet, text)?),
    };
    let public = network.switch("AssociatePublicIpAddress")?.unwrap_or(subnet.public_ip);
    Ok(Launch {
        image,
        kind,
        groups,
        public,
        ip,
        profile: profile(call, cloud, &params.part("IamInstanceProfile"))?,
        user_data: user_data(params.get("UserData"))?,
        metadata: metadata(&params.part("MetadataOptions"))?,
        shutdown: shutdown(params.get("InstanceInitiatedShutdownBehavior"))?,
        root: root(params, image)?,
        tags: [
            tags::specified(call, MADE, MADE[0])?,
            tags::specified(call, MADE, MADE[1])?,
            tags::specified(call, MADE, MADE[2])?,
        ],
        subnet,
    })
}

fn subnet(call: &Call<'_>, state: &State, network: &Params) -> Result<Subnet, CloudError> {
    if let Some(id) = network.get("SubnetId") {
        return Ok(find(&state.subnets, id, call.now())?.clone());
    }
    let vpc = state.default_vpc().ok_or_else(no_default_vpc)?;
    let zone = call.params.get("Placement.AvailabilityZone");
    let mut subnets = state
        .subnets_of(&vpc.id)
        .filter(|subnet| subnet.is_default && zone.is_none_or(|zone| zone == subnet.zone));
    let message = "No default subnet for this user in the requested Availability Zone";
    subnets.next().cloned().ok_or_else(|| CloudError::refuse("MissingInput", message))
}

fn address(state: &State, subnet: &Subnet, text: &str) -> Result<Ipv4Addr, CloudError> {
    let ip = text.parse::<Ipv4Addr>().ok().filter(|ip| subnet.block.contains(ip));
    let ip = ip.ok_or_else(|| {
        invalid(format!("Address {text} does not fall within the subnet's address range"))
    })?;
    if state.taken(&subnet.id).any(|taken| taken == ip) {
        let message = format!("Address {ip} is in use.");
        return Err(CloudError::refuse("InvalidIPAddress.InUse", message));
    }
    Ok(ip)
}

/// The profile of a parameter, as far as EC2 sees it yet.
pub(super) fn profile(
    call: &Call<'_>,
    cloud: &cloud::State,
    params: &Params,
) -> Result<Option<iam::Profile>, CloudError> {
    let (by, member, noun) = match (params.get("Arn"), params.get("Name")) {
        (Some(arn), _) => (arn, "arn", "ARN"),
        (None, Some(name)) => (name, "name", "name"),
        (None, None) => return Ok(None),
    };
    let profile = iam::profile(&cloud.iam, by, call.now()).ok_or_else(|| {
        invalid(format!(
            "Value ({by}) for parameter iamInstanceProfile.{member} is invalid. Invalid IAM \
             Instance Profile {noun}"
        ))
    })?;
    let Some(role) = &profile.role else {
        let arn = &profile.arn;
        return Err(invalid(format!("IAM Instance Profile \"{arn}\" has no associated IAM Roles")));
    };
    authorize::beside(call, "iam:PassRole", role)?;
    Ok(Some(profile))
}

/// User data as it comes, still encoded.
pub(super) fn user_data(text: Option<&str>) -> Result<Option<String>, CloudError> {
    let Some(text) = text.filter(|text| !text.is_empty()) else { return Ok(None) };
    let data = STANDARD
        .decode(text.trim())
        .map_err(|_| invalid("Invalid BASE64 encoding of user data."))?;
    if data.len() > USER_DATA {
        return Err(invalid(format!("User data is limited to {USER_DATA} bytes")));
    }
    Ok(Some(text.trim().to_owned()))
}

fn metadata(params: &Params) -> Result<MetadataOptions, CloudError> {
    let of = |name: &str, usual: &str, allowed: &[&str]| {
        let value = params.get(name).unwrap_or(usual);
        if allowed.contains(&value) {
            return Ok(value.to_owned());
        }
        Err(invalid(format!("Value ({value}) for parameter metadataOptions.{name} is invalid.")))
    };
    let hops = params.number("HttpPutResponseHopLimit")?.unwrap_or(1);
    if !(1..=64).contains(&hops) {
        return Err(invalid(format!(
            "Value ({hops}) for parameter HttpPutResponseHopLimit is invalid."
        )));
    }
    Ok(MetadataOptions {
        tokens: of("HttpTokens", "optional", &["optional", "required"])?,
        hops,
        endpoint: of("HttpEndpoint", "enabled", &["enabled", "disabled"])?,
        tags: of("InstanceMetadataTags", "disabled", &["enabled", "disabled"])?,
    })
}

pub(super) fn shutdown(value: Option<&str>) -> Result<String, CloudError> {
    match value.unwrap_or("stop") {
        value @ ("stop" | "terminate") => Ok(value.to_owned()),
        other => Err(invalid(format!(
            "Value ({other}) for parameter instanceInitiatedShutdownBehavior is invalid."
        ))),
    }
}

fn root(params: &Params, image: &Image) -> Result<Root, CloudError> {
    let mappings = params.list("BlockDeviceMapping");
    let refuse = |message: String| CloudError::refuse("InvalidBlockDeviceMapping", message);
    if let Some(other) =
        mappings.iter().filter_map(|m| m.get("DeviceName")).find(|name| *name != images::ROOT)
    {
        return Err(refuse(format!("The device '{other}' is not supported here")));
    }
    let ebs = mappings.first().map(|mapping| mapping.part("Ebs")).unwrap_or_default();
    let size = ebs.number("VolumeSize")?.unwrap_or(image.size);
    if size < image.size {
        return Err(refuse(format!(
            "Volume of size {size}GB is smaller than snapshot '{}', expect size >= {}GB",
            image.snapshot, image.size
        )));
    }
    let kind = ebs.get("VolumeType").unwrap_or("gp3");
    if !["gp2", "gp3", "io1", "io2", "standard"].contains(&kind) {
        return Err(invalid(format!("Value ({kind}) for parameter volumeType is invalid.")));
    }
    Ok(Root {
        size,
        kind: kind.to_owned(),
        encrypted: ebs.flag("Encrypted")?,
        dies_with_instance: ebs.switch("DeleteOnTermination")?.unwrap_or(true),
    })
}

/// Makes one instance with its interface and volume.
fn make(
    call: &Call<'_>,
    state: &mut State,
    launch: &Launch,
    reservation: &str,
    index: usize,
) -> Result<String, CloudError> {
    let (now, born) = (call.now(), call.born());
    let id = call.new_id("i");
    let owner = Owner::Instance { id: id.clone(), index: 0 };
    let (subnet, groups) = (&launch.subnet, launch.groups.clone());
    let mut interface = Interface::new(call, state, subnet, groups, owner)?;
    interface.ip = launch.ip.filter(|_| index == 0).unwrap_or(interface.ip);
    interface.public_ip = launch.public.then(|| state.next_public_ip());
    let volume = Volume {
        id: call.new_id("vol"),
        instance: id.clone(),
        device: images::ROOT.to_owned(),
        zone: subnet.zone.clone(),
        size: launch.root.size,
        kind: launch.root.kind.clone(),
        encrypted: launch.root.encrypted,
        snapshot: Some(launch.image.snapshot.to_owned()),
        dies_with_instance: launch.root.dies_with_instance,
        born,
    };
    let profile = launch.profile.as_ref().map(|profile| Association {
        id: call.new_id("iip-assoc"),
        arn: profile.arn.clone(),
        profile: profile.id.clone(),
        born,
    });
    let instance = Instance {
        id: id.clone(),
        reservation: reservation.to_owned(),
        index,
        image: launch.image,
        kind: launch.kind,
        vpc: subnet.vpc.clone(),
        subnet: subnet.id.clone(),
        zone: subnet.zone.clone(),
        state: InstanceState::Pending,
        next: Some(now + call.service.faults.cloud.boot()),
        running: now,
        launched: born.unix,
        reason: None,
        profile,
        key: None,
        user_data: launch.user_data.clone(),
        metadata: launch.metadata.clone(),
        shutdown: launch.shutdown.clone(),
        protected: call.params.flag("DisableApiTermination")?,
        monitoring: call.params.flag("Monitoring.Enabled")?,
        token: call.params.get("ClientToken").unwrap_or_default().to_owned(),
        wants_public: launch.public,
        born,
    };
    let [of_instance, of_volume, of_interface] = launch.tags.clone();
    state.tag(&id, of_instance);
    state.tag(&volume.id, of_volume);
    state.tag(&interface.id, of_interface);
    state.volumes.insert(volume.id.clone(), volume);
    state.interfaces.insert(interface.id.clone(), interface);
    state.instances.insert(id.clone(), instance);
    Ok(id)
}

impl State {
    /// Takes back an instance of a launch that failed.
    fn forget(&mut self, id: &str) {
        self.instances.remove(id);
        self.interfaces.retain(|_, eni| eni.instance() != Some(id));
        self.volumes.retain(|_, volume| volume.instance != id);
        self.untag(id);
    }
}
