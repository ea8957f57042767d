//! Which subnets a route table is for.

use super::State;
use super::resource::{find, missing};
use super::routes::{Association, RouteTable};
use crate::cloud::{self, Call, CloudError, Outcome, answer, node};

pub(super) fn associate(call: &Call<'_>, cloud: &mut cloud::State) -> Outcome {
    let (table, subnet) =
        (call.params.required("RouteTableId")?, call.params.required("SubnetId")?);
    let table = find(&cloud.ec2.route_tables, table, call.now())?;
    let subnet = find(&cloud.ec2.subnets, subnet, call.now())?;
    if table.vpc != subnet.vpc {
        let message = format!(
            "route table {} and network {} belong to different networks",
            table.id, subnet.id
        );
        return Err(CloudError::refuse("InvalidParameterValue", message));
    }
    let (table, subnet) = (table.id.clone(), subnet.id.clone());
    let other = cloud.ec2.route_tables.values().find(|other| {
        other.associations.iter().any(|association| association.subnet.as_ref() == Some(&subnet))
    });
    if other.is_some_and(|other| other.id != table) {
        let message = format!(
            "the specified association for route table {table} conflicts with an existing \
             association"
        );
        return Err(CloudError::refuse("Resource.AlreadyAssociated", message));
    }
    let id = call.new_id("rtbassoc");
    if let Some(table) = cloud.ec2.route_tables.get_mut(&table) {
        table.associations.retain(|association| association.subnet.as_ref() != Some(&subnet));
        table.associations.push(Association { id: id.clone(), subnet: Some(subnet) });
    }
    Ok(answer()
        .text("associationId", id)
        .with(node("associationState").text("state", "associated")))
}

/// Takes an association out of its table.
fn take(state: &mut State, id: &str) -> Result<Association, CloudError> {
    state
        .route_tables
        .values_mut()
        .find_map(|table| {
            let at = table.associations.iter().position(|association| association.id == id)?;
            Some(table.associations.remove(at))
        })
        .ok_or_else(|| {
            let message = format!("The association ID '{id}' does not exist");
            CloudError::refuse("InvalidAssociationID.NotFound", message)
        })
}

pub(super) fn disassociate(call: &Call<'_>, cloud: &mut cloud::State) -> Outcome {
    let id = call.params.required("AssociationId")?;
    let main = cloud
        .ec2
        .route_tables
        .values()
        .any(|table| table.associations.iter().any(|a| a.id == id && a.subnet.is_none()));
    if main {
        let message = "cannot disassociate the main route table association";
        return Err(CloudError::refuse("InvalidParameterValue", message));
    }
    take(&mut cloud.ec2, id)?;
    Ok(answer().text("return", true))
}

pub(super) fn replace_association(call: &Call<'_>, cloud: &mut cloud::State) -> Outcome {
    let (id, table) =
        (call.params.required("AssociationId")?, call.params.required("RouteTableId")?);
    find(&cloud.ec2.route_tables, table, call.now())?;
    let taken = take(&mut cloud.ec2, id)?;
    let new = call.new_id("rtbassoc");
    let table = cloud.ec2.route_tables.get_mut(table);
    let table = table.ok_or_else(|| missing::<RouteTable>(id))?;
    table.associations.push(Association { id: new.clone(), subnet: taken.subnet });
    Ok(answer()
        .text("newAssociationId", new)
        .with(node("associationState").text("state", "associated")))
}
