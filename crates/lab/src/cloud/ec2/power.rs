//! Starting, stopping and ending instances, and changing them.

use super::instances::{Instance, InstanceState};
use super::launch::{shutdown, user_data};
use super::resource::{malformed, missing};
use super::{State, groups, images};
use crate::cloud::state::iso;
use crate::cloud::{self, Call, CloudError, Outcome, answer, list, node};

/// Ids of instances; each has to be there.
pub(super) fn ids_or_none(
    call: &Call<'_>,
    state: &State,
    ids: &[String],
) -> Result<Vec<String>, CloudError> {
    let now = call.now();
    let mut unknown = Vec::new();
    for id in ids {
        if let Some(error) = malformed::<Instance>(id) {
            return Err(error);
        }
        if !state.instances.get(id).is_some_and(|instance| instance.born.is_visible(now)) {
            unknown.push(id.as_str());
        }
    }
    match unknown.as_slice() {
        [] => Ok(ids.to_vec()),
        [id] => Err(missing::<Instance>(id)),
        several => {
            let message = format!("The instance IDs '{}' do not exist", several.join(", "));
            Err(CloudError::refuse("InvalidInstanceID.NotFound", message))
        }
    }
}

fn ids(call: &Call<'_>, state: &State) -> Result<Vec<String>, CloudError> {
    let ids = call.params.texts("InstanceId");
    if ids.is_empty() {
        call.params.required("InstanceId")?;
    }
    ids_or_none(call, state, &ids)
}

/// What a call brings about in an instance: the next state, or nothing when it is there already.
type Step = fn(&Instance) -> Result<Option<InstanceState>, CloudError>;

fn wrong_state(instance: &Instance, verb: &str) -> CloudError {
    let message =
        format!("The instance '{}' is not in a state from which it can be {verb}.", instance.id);
    CloudError::refuse("IncorrectInstanceState", message)
}

/// Takes instances a step further: all of them or none.
fn change(call: &Call<'_>, state: &mut State, step: Step) -> Outcome {
    let ids = ids(call, state)?;
    let mut steps = Vec::new();
    for id in &ids {
        steps.push((id, step(&state.instances[id])?));
    }
    let at = call.now() + call.service.faults.cloud.boot();
    let reason = format!("User initiated ({})", iso(call.service.clock.unix()).replace('T', " "));
    let mut items = Vec::new();
    for (id, step) in steps {
        let public = state.next_public_ip();
        let Some(instance) = state.instances.get_mut(id) else { continue };
        let before = instance.state;
        if let Some(after) = step {
            instance.state = after;
            instance.next = Some(at);
            instance.reason = match after {
                InstanceState::Stopping | InstanceState::ShuttingDown => {
                    Some((reason.clone(), "Client.UserInitiatedShutdown"))
                }
                _ => None,
            };
            let eni = state.interfaces.values_mut().find(|eni| eni.instance() == Some(id));
            if let Some(eni) = eni {
                let wants = after == InstanceState::Pending && instance.wants_public;
                eni.public_ip = wants.then_some(public);
            }
            if after == InstanceState::Pending {
                instance.launched = call.service.clock.unix();
            }
        }
        items.push(
            node("item")
                .text("instanceId", id)
                .with(instance.state.element("currentState"))
                .with(before.element("previousState")),
        );
    }
    Ok(answer().with(list("instancesSet", items)))
}

pub(super) fn start(call: &Call<'_>, cloud: &mut cloud::State) -> Outcome {
    change(call, &mut cloud.ec2, |instance| match instance.state {
        InstanceState::Stopped => Ok(Some(InstanceState::Pending)),
        InstanceState::Pending | InstanceState::Running => Ok(None),
        _ => Err(wrong_state(instance, "started")),
    })
}

pub(super) fn stop(call: &Call<'_>, cloud: &mut cloud::State) -> Outcome {
    change(call, &mut cloud.ec2, |instance| match instance.state {
        InstanceState::Running => Ok(Some(InstanceState::Stopping)),
        InstanceState::Stopping | InstanceState::Stopped => Ok(None),
        _ => Err(wrong_state(instance, "stopped")),
    })
}

/// Terminates instances that are not protected, and says the same of those that are gone.
pub(super) fn terminate(call: &Call<'_>, cloud: &mut cloud::State) -> Outcome {
    change(call, &mut cloud.ec2, |instance| {
        if instance.protected && !instance.state.is_over() {
            let message = format!(
                "The instance '{}' may not be terminated. Modify its 'disableApiTermination' \
                 instance attribute and try again.",
                instance.id
            );
            return Err(CloudError::refuse("OperationNotPermitted", message));
        }
        Ok((!instance.state.is_over()).then_some(InstanceState::ShuttingDown))
    })
}

pub(super) fn reboot(call: &Call<'_>, cloud: &mut cloud::State) -> Outcome {
    let now = call.now();
    for id in ids(call, &cloud.ec2)? {
        let Some(instance) = cloud.ec2.instances.get_mut(&id) else { continue };
        if !instance.is_running() {
            return Err(wrong_state(instance, "rebooted"));
        }
        // The agent has to come online anew.
        instance.running = now;
    }
    Ok(answer().text("return", true))
}

/// Changes one attribute.
pub(super) fn modify(call: &Call<'_>, cloud: &mut cloud::State) -> Outcome {
    let params = call.params;
    let id = params.required("InstanceId")?;
    let id = ids_or_none(call, &cloud.ec2, &[id.to_owned()])?.remove(0);
    let instance = &cloud.ec2.instances[&id];
    let (vpc, stopped) = (instance.vpc.clone(), instance.state == InstanceState::Stopped);
    if instance.state.is_over() {
        return Err(wrong_state(instance, "modified"));
    }
    let only_stopped = |what: &str| {
        let message = format!(
            "The instance '{id}' is not in the 'stopped' state. Its {what} cannot be changed."
        );
        if stopped { Ok(()) } else { Err(CloudError::refuse("IncorrectInstanceState", message)) }
    };
    let new_groups = params.texts("GroupId");
    let named = params.get("Attribute");
    let value = |name: &str, attribute: &str| {
        let nested = params.get(&format!("{name}.Value")).or_else(|| params.get(name));
        nested.or_else(|| params.get("Value").filter(|_| named == Some(attribute)))
    };
    let (data, kind) = (value("UserData", "userData"), value("InstanceType", "instanceType"));
    let behaviour = value("InstanceInitiatedShutdownBehavior", "instanceInitiatedShutdownBehavior");
    let protected = value("DisableApiTermination", "disableApiTermination");
    if !new_groups.is_empty() {
        let groups = groups::for_interface(call, &cloud.ec2, &new_groups, &vpc)?;
        let eni = cloud.ec2.interfaces.values_mut().find(|eni| eni.instance() == Some(&id));
        if let Some(eni) = eni {
            eni.groups = groups;
        }
    }
    let Some(instance) = cloud.ec2.instances.get_mut(&id) else {
        return Err(missing::<Instance>(&id));
    };
    if let Some(data) = data {
        only_stopped("user data")?;
        instance.user_data = user_data(Some(data))?;
    }
    if let Some(kind) = kind {
        only_stopped("instance type")?;
        instance.kind = images::find_type(kind)?;
    }
    if let Some(behaviour) = behaviour {
        instance.shutdown = shutdown(Some(behaviour))?;
    }
    if let Some(protected) = protected {
        instance.protected = protected == "true";
    }
    Ok(answer().text("return", true))
}

/// Changes how an instance answers for its metadata.
pub(super) fn modify_metadata(call: &Call<'_>, cloud: &mut cloud::State) -> Outcome {
    let params = call.params;
    let id = params.required("InstanceId")?;
    let id = ids_or_none(call, &cloud.ec2, &[id.to_owned()])?.remove(0);
    let Some(instance) = cloud.ec2.instances.get_mut(&id) else {
        return Err(missing::<Instance>(&id));
    };
    let options = &mut instance.metadata;
    options.hops = params.number("HttpPutResponseHopLimit")?.unwrap_or(options.hops);
    for (name, option) in [
        ("HttpTokens", &mut options.tokens),
        ("HttpEndpoint", &mut options.endpoint),
        ("InstanceMetadataTags", &mut options.tags),
    ] {
        if let Some(value) = params.get(name) {
            value.clone_into(option);
        }
    }
    Ok(answer().text("instanceId", &id).with(options.element("instanceMetadataOptions")))
}
