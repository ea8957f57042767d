//! Instance profiles on instances.

use super::instances::{Association, Instance, InstanceState};
use super::launch;
use super::power::ids_or_none;
use super::resource::{Filters, one, page};
use super::{State, Tags};
use crate::cloud::state::iso;
use crate::cloud::{self, Call, CloudError, Element, Outcome, answer, list, node};

fn element(name: &'static str, instance: &str, association: &Association, state: &str) -> Element {
    node(name)
        .text("associationId", &association.id)
        .text("instanceId", instance)
        .with(Instance::profile_element(association))
        .text("state", state)
        .text("timestamp", iso(association.born.unix))
}

pub(super) fn describe(call: &Call<'_>, cloud: &mut cloud::State) -> Outcome {
    let ids = call.params.texts("AssociationId");
    let page = page(call, (!ids.is_empty()).then_some("AssociationId"))?;
    let filters = Filters::read(call, &["instance-id", "state"])?;
    let mut found = Vec::new();
    for instance in cloud.ec2.instances.values() {
        let Some(association) = instance.profile.as_ref() else { continue };
        let over = instance.state == InstanceState::Terminated;
        let wanted = (ids.is_empty() || ids.contains(&association.id))
            && filters.accept(&Tags::new(), |filter| match filter {
                "state" => one("associated"),
                _ => one(&instance.id),
            });
        if wanted && !over && association.born.is_visible(call.now()) {
            found.push((&instance.id, association));
        }
    }
    if let Some(id) = ids.iter().find(|id| !found.iter().any(|(_, found)| found.id == **id)) {
        return Err(unknown(id));
    }
    let (found, next) = page.of(found);
    let items =
        found.into_iter().map(|(instance, found)| element("item", instance, found, "associated"));
    Ok(answer().with(list("iamInstanceProfileAssociationSet", items)).maybe("nextToken", next))
}

fn unknown(id: &str) -> CloudError {
    let message = format!("An invalid association-id of '{id}' was given");
    CloudError::refuse("InvalidAssociationID.NotFound", message)
}

fn wanted(call: &Call<'_>, cloud: &cloud::State) -> Result<Association, CloudError> {
    let profile = launch::profile(call, cloud, &call.params.part("IamInstanceProfile"))?;
    let Some(profile) = profile else {
        let message = "The request must contain the parameter IamInstanceProfile";
        return Err(CloudError::refuse("MissingParameter", message));
    };
    let id = call.new_id("iip-assoc");
    Ok(Association { id, arn: profile.arn, profile: profile.id, born: call.born() })
}

/// Gives a profile to an instance that has none.
pub(super) fn associate(call: &Call<'_>, cloud: &mut cloud::State) -> Outcome {
    let id = call.params.required("InstanceId")?;
    let id = ids_or_none(call, &cloud.ec2, &[id.to_owned()])?.remove(0);
    let association = wanted(call, cloud)?;
    let instance = &cloud.ec2.instances[&id];
    if instance.profile.is_some() {
        let message = format!("There is an existing association for instance {id}");
        return Err(CloudError::refuse("IncorrectState", message));
    }
    if !matches!(instance.state, InstanceState::Running | InstanceState::Stopped) {
        let message = format!("The instance '{id}' is not in the 'running' or 'stopped' states.");
        return Err(CloudError::refuse("IncorrectInstanceState", message));
    }
    Ok(answer().with(set(&mut cloud.ec2, &id, association)))
}

fn set(state: &mut State, id: &str, association: Association) -> Element {
    let out = element("iamInstanceProfileAssociation", id, &association, "associating");
    if let Some(instance) = state.instances.get_mut(id) {
        instance.profile = Some(association);
    }
    out
}

/// The instance of an association.
fn holder(state: &State, id: &str) -> Result<String, CloudError> {
    let has = |instance: &&Instance| instance.profile.as_ref().is_some_and(|p| p.id == id);
    let found = state.instances.values().find(has).map(|instance| instance.id.clone());
    found.ok_or_else(|| unknown(id))
}

pub(super) fn replace(call: &Call<'_>, cloud: &mut cloud::State) -> Outcome {
    let instance = holder(&cloud.ec2, call.params.required("AssociationId")?)?;
    let association = wanted(call, cloud)?;
    Ok(answer().with(set(&mut cloud.ec2, &instance, association)))
}

pub(super) fn disassociate(call: &Call<'_>, cloud: &mut cloud::State) -> Outcome {
    let id = holder(&cloud.ec2, call.params.required("AssociationId")?)?;
    let association = cloud.ec2.instances.get_mut(&id).and_then(|instance| instance.profile.take());
    let element = association.map(|association| {
        element("iamInstanceProfileAssociation", &id, &association, "disassociating")
    });
    Ok(answer().all(element))
}
