//! Single sides of instances: their checks, their attributes.

use super::images;
use super::instances::{Instance, InstanceState};
use super::interfaces::group_set;
use super::power::ids_or_none;
use super::resource::{Filters, find, one, page};
use crate::cloud::{self, Call, CloudError, Outcome, answer, list, node};

/// Lists states and checks: of running instances, or of all when asked to.
pub(super) fn describe_status(call: &Call<'_>, cloud: &mut cloud::State) -> Outcome {
    let known = [
        "availability-zone",
        "instance-state-code",
        "instance-state-name",
        "instance-status.status",
        "system-status.status",
    ];
    let ids = call.params.texts("InstanceId");
    let page = page(call, (!ids.is_empty()).then_some("InstanceId"))?;
    let filters = Filters::read(call, &known)?;
    let all = call.params.flag("IncludeAllInstances")?;
    let ids = ids_or_none(call, &cloud.ec2, &ids)?;
    let status = |instance: &Instance| match instance.state {
        InstanceState::Running => "ok",
        InstanceState::Pending => "initializing",
        _ => "not-applicable",
    };
    let now = call.now();
    let wanted = |instance: &&Instance| {
        instance.born.is_visible(now)
            && (ids.is_empty() || ids.contains(&instance.id))
            && (all || instance.is_running())
            && filters.accept(cloud.ec2.tags_of(&instance.id), |filter| match filter {
                "availability-zone" => one(&instance.zone),
                "instance-state-code" => one(instance.state.code()),
                "instance-state-name" => one(instance.state.name()),
                _ => one(status(instance)),
            })
    };
    let (found, next) = page.of(cloud.ec2.instances.values().filter(wanted).collect());
    let items = found.into_iter().map(|instance: &Instance| {
        let checked = |name| {
            let passed = if instance.is_running() { "passed" } else { "initializing" };
            let detail = node("item").text("name", "reachability").text("status", passed);
            node(name).text("status", status(instance)).with(list("details", [detail]))
        };
        node("item")
            .text("instanceId", &instance.id)
            .text("availabilityZone", &instance.zone)
            .with(instance.state.element("instanceState"))
            .with(checked("systemStatus"))
            .with(checked("instanceStatus"))
    });
    Ok(answer().with(list("instanceStatusSet", items)).maybe("nextToken", next))
}

/// One attribute of an instance.
pub(super) fn describe_attribute(call: &Call<'_>, cloud: &mut cloud::State) -> Outcome {
    let id = call.params.required("InstanceId")?;
    let instance = find(&cloud.ec2.instances, id, call.now())?;
    let out = answer().text("instanceId", id);
    let value = |name, value: String| node(name).text("value", value);
    Ok(out.with(match call.params.required("Attribute")? {
        "userData" => match &instance.user_data {
            Some(data) => value("userData", data.clone()),
            None => node("userData"),
        },
        "instanceType" => value("instanceType", instance.kind.name.to_owned()),
        "disableApiTermination" => value("disableApiTermination", instance.protected.to_string()),
        "instanceInitiatedShutdownBehavior" => {
            value("instanceInitiatedShutdownBehavior", instance.shutdown.clone())
        }
        "rootDeviceName" => value("rootDeviceName", images::ROOT.to_owned()),
        "sourceDestCheck" => value("sourceDestCheck", true.to_string()),
        "ebsOptimized" => value("ebsOptimized", false.to_string()),
        "enaSupport" => value("enaSupport", true.to_string()),
        "groupSet" => group_set(&cloud.ec2, &instance.groups(&cloud.ec2)),
        "blockDeviceMapping" => cloud.ec2.block_devices(instance),
        other => {
            let message = format!("Value ({other}) for parameter attribute is invalid.");
            return Err(CloudError::refuse("InvalidParameterValue", message));
        }
    }))
}
