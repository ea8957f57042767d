//! Volumes: what instances boot from.

use super::State;
use super::instances::Instance;
use super::resource::{Resource, describe as describe_all, one};
use super::tags;
use crate::cloud::state::{Born, iso};
use crate::cloud::{self, Call, Element, Outcome, list, node};

#[derive(Clone, Debug)]
pub(super) struct Volume {
    pub(super) id: String,
    pub(super) instance: String,
    pub(super) device: String,
    pub(super) zone: String,
    pub(super) size: u32,
    pub(super) kind: String,
    pub(super) encrypted: bool,
    pub(super) snapshot: Option<String>,
    pub(super) dies_with_instance: bool,
    pub(super) born: Born,
}

impl Resource for Volume {
    const IDS: &'static str = "VolumeId";
    const SET: &'static str = "volumeSet";
    const FILTERS: &'static [&'static str] = &[
        "attachment.device",
        "attachment.instance-id",
        "availability-zone",
        "encrypted",
        "size",
        "status",
        "volume-id",
        "volume-type",
    ];
    const MISSING: (&'static str, &'static str) = ("InvalidVolume.NotFound", "volume");
    const PREFIX: &'static str = "vol-";

    fn id(&self) -> &str {
        &self.id
    }

    fn born(&self) -> Born {
        self.born
    }

    fn values(&self, _cloud: &cloud::State, filter: &str) -> Vec<String> {
        match filter {
            "attachment.device" => one(&self.device),
            "attachment.instance-id" => one(&self.instance),
            "availability-zone" => one(&self.zone),
            "encrypted" => one(self.encrypted),
            "size" => one(self.size),
            "status" => one("in-use"),
            "volume-type" => one(&self.kind),
            _ => one(&self.id),
        }
    }

    fn element(&self, cloud: &cloud::State) -> Element {
        let attachment = node("item")
            .text("volumeId", &self.id)
            .text("instanceId", &self.instance)
            .text("device", &self.device)
            .text("status", "attached")
            .text("attachTime", iso(self.born.unix))
            .text("deleteOnTermination", self.dies_with_instance);
        let out = node("item")
            .text("volumeId", &self.id)
            .text("size", self.size)
            .text("snapshotId", self.snapshot.as_deref().unwrap_or_default())
            .text("availabilityZone", &self.zone)
            .text("status", "in-use")
            .text("createTime", iso(self.born.unix))
            .with(list("attachmentSet", [attachment]))
            .with(tags::set(&cloud.ec2, &self.id))
            .text("volumeType", &self.kind)
            .text("encrypted", self.encrypted)
            .text("multiAttachEnabled", false);
        if self.kind == "gp3" { out.text("iops", 3000).text("throughput", 125) } else { out }
    }
}

pub(super) fn describe(call: &Call<'_>, cloud: &mut cloud::State) -> Outcome {
    describe_all(call, cloud, cloud.ec2.volumes.values())
}

impl State {
    /// The volumes of an instance as its description has them.
    pub(super) fn block_devices(&self, instance: &Instance) -> Element {
        let items =
            self.volumes.values().filter(|volume| volume.instance == instance.id).map(|v| {
                let ebs = node("ebs")
                    .text("volumeId", &v.id)
                    .text("status", "attached")
                    .text("attachTime", iso(v.born.unix))
                    .text("deleteOnTermination", v.dies_with_instance);
                node("item").text("deviceName", &v.device).with(ebs)
            });
        list("blockDeviceMapping", items)
    }
}
