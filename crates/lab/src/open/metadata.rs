//! The metadata of an instance, version 2: a token first, then what is asked for with it.
//!
//! <https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/instancedata-data-retrieval.html>

use std::time::Duration;

use serde_json::{Value, json};

use super::store::State;
use super::{Call, Given, Outcome, Refused};
use crate::cloud::state::iso;
use crate::cloud::sts::{by_service, issue};
use crate::config::DEFAULT_INSTANCE;
use crate::service::{ACCOUNT, REGION};

const TTL: &str = "x-aws-ec2-metadata-token-ttl-seconds";

/// The longest life of a token: six hours.
const LONGEST: u64 = 21_600;

const ROLES: &str = "/latest/meta-data/iam/security-credentials";

/// How long credentials last, and how old they are when new ones are there.
const LIFE: Duration = Duration::from_hours(6);
const RENEWED: Duration = Duration::from_hours(1);

fn refuse(status: u16) -> Refused {
    Refused { status, code: None, body: Value::Null }
}

pub(super) fn token(call: &Call<'_>) -> Outcome {
    let life = call.header(TTL).and_then(|text| text.parse().ok());
    let life = life.filter(|life| (1..=LONGEST).contains(life)).ok_or_else(|| refuse(400))?;
    // A request that came through a proxy is none of the instance's own.
    if call.headers.contains_key("x-forwarded-for") {
        return Err(refuse(403));
    }
    let token = call.service.entropy.secret(56);
    let now = call.service.clock.unix();
    let mut state = call.service.open();
    state.sweep(now);
    state.metadata.insert(token.clone(), now + Duration::from_secs(life));
    Ok(Given::Token(token, life))
}

fn is_allowed(state: &State, call: &Call<'_>) -> bool {
    let token = call.header("x-aws-ec2-metadata-token");
    let until = token.and_then(|token| state.metadata.get(token));
    until.is_some_and(|until| *until > call.service.clock.unix())
}

pub(super) fn get(call: &Call<'_>) -> Outcome {
    let role = {
        let state = call.service.open();
        if !is_allowed(&state, call) {
            return Err(refuse(401));
        }
        state.instance_role.clone()
    };
    let name = role.as_deref().and_then(|arn| arn.rsplit('/').next());
    match (call.path, role.as_deref(), name) {
        ("/latest/meta-data/placement/region", ..) => Ok(Given::Text(REGION.to_owned())),
        ("/latest/meta-data/placement/availability-zone", ..) => {
            Ok(Given::Text(format!("{REGION}a")))
        }
        ("/latest/meta-data/instance-id", ..) => Ok(Given::Text(DEFAULT_INSTANCE.to_owned())),
        ("/latest/dynamic/instance-identity/document", ..) => Ok(Given::Json(json!({
            "accountId": ACCOUNT,
            "architecture": "arm64",
            "availabilityZone": format!("{REGION}a"),
            "instanceId": DEFAULT_INSTANCE,
            "region": REGION,
            "version": "2017-09-30",
        }))),
        (path, Some(_), Some(name)) if path.trim_end_matches('/') == ROLES => {
            Ok(Given::Text(name.to_owned()))
        }
        (path, Some(arn), Some(name)) if path == format!("{ROLES}/{name}") => {
            Ok(Given::Json(credentials(call, arn)))
        }
        _ => Err(refuse(404)),
    }
}

fn credentials(call: &Call<'_>, arn: &str) -> Value {
    let service = call.service;
    let now = service.clock.unix();
    let held = service.open().instance_credentials.clone();
    let held = held.filter(|(since, _)| now < *since + RENEWED);
    let renewed = || {
        let caller = by_service(service, "ec2.amazonaws.com", arn, DEFAULT_INSTANCE)?;
        let new = (now, issue(service, caller, LIFE));
        service.open().instance_credentials = Some(new.clone());
        Some(new)
    };
    let Some((since, issued)) = held.or_else(renewed) else {
        // https://docs.aws.amazon.com/IAM/latest/UserGuide/troubleshoot_iam-ec2.html
        let name = arn.rsplit('/').next().unwrap_or_default();
        return json!({
            "Code": "AssumeRoleUnauthorizedAccess",
            "Message": format!(
                "EC2 cannot assume the role {name}. Please see documentation at \
                 https://docs.aws.amazon.com/IAM/latest/UserGuide/troubleshoot_iam-ec2.html#\
                 troubleshoot_iam-ec2_errors-info-doc."
            ),
            "LastUpdated": iso(now),
        });
    };
    json!({
        "Code": "Success",
        "LastUpdated": iso(since),
        "Type": "AWS-HMAC",
        "AccessKeyId": issued.key_id,
        "SecretAccessKey": issued.secret,
        "Token": issued.token,
        "Expiration": iso(issued.expires),
    })
}
