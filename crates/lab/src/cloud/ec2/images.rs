//! Images and instance types: what instances are made of.

use super::places::{ZONES, zone_id};
use super::resource::{Filters, one, page};
use super::{State, Tags};
use crate::cloud::{self, Call, CloudError, Element, Outcome, answer, list, node};
use crate::service::REGION;

/// The device that every image boots from.
pub(super) const ROOT: &str = "/dev/xvda";

/// The account of Amazon's images.
const AMAZON: &str = "137112412989";

/// A public image.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct Image {
    pub(crate) id: &'static str,
    pub(crate) architecture: &'static str,
    /// The last part of its name in the public parameters.
    pub(crate) parameter: &'static str,
    name: &'static str,
    pub(super) snapshot: &'static str,
    /// Gibibytes of its root volume.
    pub(super) size: u32,
}

const fn image(
    id: &'static str,
    architecture: &'static str,
    parameter: &'static str,
    name: &'static str,
    snapshot: &'static str,
    size: u32,
) -> Image {
    Image { id, architecture, parameter, name, snapshot, size }
}

pub(crate) static IMAGES: [Image; 4] = [
    image(
        "ami-0ad17a20230a64000",
        "arm64",
        "al2023-ami-kernel-default-arm64",
        "al2023-ami-2023.9.20261109.0-kernel-6.1-arm64",
        "snap-0ad17a20230a64000",
        8,
    ),
    image(
        "ami-0ad17a20230860000",
        "x86_64",
        "al2023-ami-kernel-default-x86_64",
        "al2023-ami-2023.9.20261109.0-kernel-6.1-x86_64",
        "snap-0ad17a20230860000",
        8,
    ),
    image(
        "ami-0ad17a20231a64000",
        "arm64",
        "al2023-ami-minimal-kernel-default-arm64",
        "al2023-ami-minimal-2023.9.20261109.0-kernel-6.1-arm64",
        "snap-0ad17a20231a64000",
        2,
    ),
    image(
        "ami-0ad17a20231860000",
        "x86_64",
        "al2023-ami-minimal-kernel-default-x86_64",
        "al2023-ami-minimal-2023.9.20261109.0-kernel-6.1-x86_64",
        "snap-0ad17a20231860000",
        2,
    ),
];

/// When the images were made.
const CREATED: &str = "2026-11-09T20:10:00.000Z";
const DEPRECATED: &str = "2027-02-07T20:10:00.000Z";

/// An instance type.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) struct InstanceType {
    pub(super) name: &'static str,
    pub(super) architecture: &'static str,
    cpus: u32,
    mebibytes: u32,
}

const fn kind(
    name: &'static str,
    architecture: &'static str,
    cpus: u32,
    mebibytes: u32,
) -> InstanceType {
    InstanceType { name, architecture, cpus, mebibytes }
}

pub(super) static TYPES: [InstanceType; 14] = [
    kind("t2.micro", "x86_64", 1, 1024),
    kind("t3.nano", "x86_64", 2, 512),
    kind("t3.micro", "x86_64", 2, 1024),
    kind("t3.small", "x86_64", 2, 2048),
    kind("t3.medium", "x86_64", 2, 4096),
    kind("t3a.micro", "x86_64", 2, 1024),
    kind("t4g.nano", "arm64", 2, 512),
    kind("t4g.micro", "arm64", 2, 1024),
    kind("t4g.small", "arm64", 2, 2048),
    kind("t4g.medium", "arm64", 2, 4096),
    kind("m5.large", "x86_64", 2, 8192),
    kind("m6i.large", "x86_64", 2, 8192),
    kind("m7g.medium", "arm64", 1, 4096),
    kind("m7g.large", "arm64", 2, 8192),
];

impl Image {
    fn element(&self) -> Element {
        let ebs = node("ebs")
            .text("snapshotId", self.snapshot)
            .text("volumeSize", self.size)
            .text("deleteOnTermination", true)
            .text("volumeType", "gp3")
            .text("encrypted", false);
        let device = node("item").text("deviceName", ROOT).with(ebs);
        node("item")
            .text("imageId", self.id)
            .text("imageLocation", format!("amazon/{}", self.name))
            .text("imageState", "available")
            .text("imageOwnerId", AMAZON)
            .text("isPublic", true)
            .text("architecture", self.architecture)
            .text("imageType", "machine")
            .text("imageOwnerAlias", "amazon")
            .text("name", self.name)
            .text("rootDeviceType", "ebs")
            .text("rootDeviceName", ROOT)
            .with(list("blockDeviceMapping", [device]))
            .text("virtualizationType", "hvm")
            .text("hypervisor", "xen")
            .text("enaSupport", true)
            .text("creationDate", CREATED)
            .text("deprecationTime", DEPRECATED)
            .text("platformDetails", "Linux/UNIX")
            .text("usageOperation", "RunInstances")
            .text("imdsSupport", "v2.0")
            .with(list("tagSet", []))
    }
}

/// The image of an id.
pub(super) fn find(id: &str) -> Result<&'static Image, CloudError> {
    let found = IMAGES.iter().find(|image| image.id == id);
    let hex = id.strip_prefix("ami-").unwrap_or_default();
    found.ok_or_else(|| {
        if hex.len() < 8 || !hex.bytes().all(|b| b.is_ascii_hexdigit()) {
            let message = format!("Invalid id: \"{id}\" (expecting \"ami-...\")");
            return CloudError::refuse("InvalidAMIID.Malformed", message);
        }
        let message = format!("The image id '[{id}]' does not exist");
        CloudError::refuse("InvalidAMIID.NotFound", message)
    })
}

/// The type of a name.
pub(super) fn find_type(name: &str) -> Result<&'static InstanceType, CloudError> {
    TYPES.iter().find(|kind| kind.name == name).ok_or_else(|| {
        let message = format!("Invalid value '{name}' for InstanceType.");
        CloudError::refuse("InvalidParameterValue", message)
    })
}

pub(super) fn describe(call: &Call<'_>, _cloud: &mut cloud::State) -> Outcome {
    let known = [
        "architecture",
        "image-id",
        "is-public",
        "name",
        "owner-alias",
        "owner-id",
        "root-device-type",
        "state",
        "virtualization-type",
    ];
    let ids = call.params.texts("ImageId");
    let page = page(call, (!ids.is_empty()).then_some("ImageId"))?;
    let filters = Filters::read(call, &known)?;
    for id in &ids {
        find(id)?;
    }
    let owners = call.params.texts("Owner");
    let owned =
        owners.is_empty() || owners.iter().any(|owner| owner == "amazon" || owner == AMAZON);
    let wanted = |image: &&Image| {
        owned
            && (ids.is_empty() || ids.iter().any(|id| id == image.id))
            && filters.accept(&Tags::new(), |filter| match filter {
                "architecture" => one(image.architecture),
                "is-public" => one(true),
                "name" => one(image.name),
                "owner-alias" => one("amazon"),
                "owner-id" => one(AMAZON),
                "root-device-type" => one("ebs"),
                "state" => one("available"),
                "virtualization-type" => one("hvm"),
                _ => one(image.id),
            })
    };
    let (found, next) = page.of(IMAGES.iter().filter(wanted).collect());
    let items = found.into_iter().map(Image::element);
    Ok(answer().with(list("imagesSet", items)).maybe("nextToken", next))
}

pub(super) fn describe_types(call: &Call<'_>, _cloud: &mut cloud::State) -> Outcome {
    let known = [
        "bare-metal",
        "burstable-performance-supported",
        "current-generation",
        "free-tier-eligible",
        "instance-type",
        "memory-info.size-in-mib",
        "processor-info.supported-architecture",
        "vcpu-info.default-vcpus",
    ];
    let names = call.params.texts("InstanceType");
    let page = page(call, None)?;
    let filters = Filters::read(call, &known)?;
    if let Some(name) = names.iter().find(|name| find_type(name).is_err()) {
        let message = format!("The following supplied instance types do not exist: [{name}]");
        return Err(CloudError::refuse("InvalidInstanceType", message));
    }
    let burstable = |kind: &InstanceType| kind.name.starts_with('t');
    let wanted = |kind: &&InstanceType| {
        (names.is_empty() || names.iter().any(|name| name == kind.name))
            && filters.accept(&Tags::new(), |filter| match filter {
                "bare-metal" => one(false),
                "burstable-performance-supported" => one(burstable(kind)),
                "current-generation" => one(!kind.name.starts_with("t2")),
                "free-tier-eligible" => one(kind.name.ends_with("micro")),
                "memory-info.size-in-mib" => one(kind.mebibytes),
                "processor-info.supported-architecture" => one(kind.architecture),
                "vcpu-info.default-vcpus" => one(kind.cpus),
                _ => one(kind.name),
            })
    };
    let (found, next) = page.of(TYPES.iter().filter(wanted).collect());
    let items = found.into_iter().map(|kind: &InstanceType| {
        let item = |text: &str| cloud::el("item", text);
        node("item")
            .text("instanceType", kind.name)
            .text("currentGeneration", !kind.name.starts_with("t2"))
            .text("freeTierEligible", kind.name.ends_with("micro"))
            .with(list("supportedUsageClasses", [item("on-demand"), item("spot")]))
            .with(list("supportedRootDeviceTypes", [item("ebs")]))
            .with(list("supportedVirtualizationTypes", [item("hvm")]))
            .text("bareMetal", false)
            .text("hypervisor", "nitro")
            .with(
                node("processorInfo")
                    .with(list("supportedArchitectures", [item(kind.architecture)])),
            )
            .with(node("vCpuInfo").text("defaultVCpus", kind.cpus))
            .with(node("memoryInfo").text("sizeInMiB", kind.mebibytes))
            .text("burstablePerformanceSupported", burstable(kind))
    });
    Ok(answer().with(list("instanceTypeSet", items)).maybe("nextToken", next))
}

/// Which types are offered where; those with Graviton processors not in the last zone.
pub(super) fn describe_offerings(call: &Call<'_>, _cloud: &mut cloud::State) -> Outcome {
    let by = call.params.get("LocationType").unwrap_or("region");
    let locations: Vec<(&str, &str)> = match by {
        "region" => vec![(REGION, ZONES[0])],
        "availability-zone" => ZONES.into_iter().map(|zone| (zone, zone)).collect(),
        "availability-zone-id" => ZONES.into_iter().map(|zone| (zone_id(zone), zone)).collect(),
        other => {
            let message = format!("Value ({other}) for parameter locationType is invalid.");
            return Err(CloudError::refuse("InvalidParameterValue", message));
        }
    };
    let page = page(call, None)?;
    let filters = Filters::read(call, &["instance-type", "location"])?;
    let mut found = Vec::new();
    for kind in &TYPES {
        for (location, zone) in &locations {
            let hit = filters.accept(&Tags::new(), |filter| match filter {
                "location" => one(location),
                _ => one(kind.name),
            });
            if hit && State::offers(kind, zone) {
                found.push((kind.name, *location));
            }
        }
    }
    let (found, next) = page.of(found);
    let items = found.into_iter().map(|(name, location)| {
        node("item").text("instanceType", name).text("locationType", by).text("location", location)
    });
    Ok(answer().with(list("instanceTypeOfferingSet", items)).maybe("nextToken", next))
}
