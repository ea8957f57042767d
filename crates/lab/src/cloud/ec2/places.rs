//! Regions and availability zones.

use super::Tags;
use super::resource::{Filters, one};
use crate::cloud::{self, Call, CloudError, Outcome, answer, list, node};
use crate::service::REGION;

/// The region's availability zones.
pub(super) const ZONES: [&str; 3] = ["us-east-1a", "us-east-1b", "us-east-1c"];

/// The id of a zone, the same one in all accounts.
pub(super) fn zone_id(zone: &str) -> &'static str {
    match zone {
        "us-east-1a" => "use1-az1",
        "us-east-1b" => "use1-az2",
        _ => "use1-az4",
    }
}

pub(super) fn describe_zones(call: &Call<'_>, _cloud: &mut cloud::State) -> Outcome {
    let known = [
        "group-name",
        "opt-in-status",
        "region-name",
        "state",
        "zone-id",
        "zone-name",
        "zone-type",
        "group-long-name",
    ];
    let filters = Filters::read(call, &known)?;
    let (names, ids) = (call.params.texts("ZoneName"), call.params.texts("ZoneId"));
    if let Some(name) = names.iter().find(|name| !ZONES.contains(&name.as_str())) {
        let message = format!("Invalid availability zone: [{name}]");
        return Err(CloudError::refuse("InvalidParameterValue", message));
    }
    let wanted = |zone: &&str| {
        let named = |list: &[String], name: &str| list.is_empty() || list.iter().any(|n| n == name);
        named(&names, zone)
            && named(&ids, zone_id(zone))
            && filters.accept(&Tags::new(), |filter| match filter {
                "zone-name" => one(zone),
                "zone-id" => one(zone_id(zone)),
                "region-name" => one(REGION),
                "state" => one("available"),
                "zone-type" => one("availability-zone"),
                "opt-in-status" => one("opt-in-not-required"),
                "group-long-name" => one("US East (N. Virginia) 1"),
                _ => one("us-east-1-zg-1"),
            })
    };
    let items = ZONES.into_iter().filter(wanted).map(|zone| {
        node("item")
            .text("zoneName", zone)
            .text("zoneId", zone_id(zone))
            .text("zoneState", "available")
            .text("regionName", REGION)
            .text("zoneType", "availability-zone")
            .text("groupName", "us-east-1-zg-1")
            .text("networkBorderGroup", REGION)
            .text("optInStatus", "opt-in-not-required")
            .with(list("messageSet", []))
    });
    Ok(answer().with(list("availabilityZoneInfo", items)))
}

/// The one region that the lab is.
pub(super) fn describe_regions(call: &Call<'_>, _cloud: &mut cloud::State) -> Outcome {
    let filters = Filters::read(call, &["endpoint", "opt-in-status", "region-name"])?;
    let endpoint = format!("ec2.{REGION}.amazonaws.com");
    let names = call.params.texts("RegionName");
    if let Some(name) = names.iter().find(|name| *name != REGION) {
        let message = format!("Invalid region names: [{name}]");
        return Err(CloudError::refuse("InvalidParameterValue", message));
    }
    let found = filters.accept(&Tags::new(), |filter| match filter {
        "endpoint" => one(&endpoint),
        "opt-in-status" => one("opt-in-not-required"),
        _ => one(REGION),
    });
    let region = node("item")
        .text("regionName", REGION)
        .text("regionEndpoint", &endpoint)
        .text("optInStatus", "opt-in-not-required");
    Ok(answer().with(list("regionInfo", found.then_some(region))))
}
