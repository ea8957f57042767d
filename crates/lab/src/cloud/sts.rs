//! STS: who calls, and credentials for a while.

use std::time::Duration;

use sha2::{Digest, Sha256};

use super::state::iso;
use super::{Call, CloudError, Element, Outcome, answer, node};
use crate::keys::Key;
use crate::service::ACCOUNT;

pub(crate) fn call(call: &Call<'_>) -> Outcome {
    match call.operation {
        "GetCallerIdentity" => Ok(identity(&call.caller.arn)),
        "GetSessionToken" => {
            let owner = call.caller.arn.clone();
            let credentials = credentials(call, &owner, "DurationSeconds", 43_200)?;
            Ok(answer().with(credentials))
        }
        "AssumeRole" => assume_role(call),
        _ => Err(call.unknown()),
    }
}

fn identity(arn: &str) -> Element {
    answer().text("UserId", user_id(arn)).text("Account", ACCOUNT).text("Arn", arn)
}

/// The id that belongs to an ARN: always the same one for the same ARN, as for a user or role that
/// is not made anew.
pub(super) fn user_id(arn: &str) -> String {
    let tail = arn.rsplit(':').next().unwrap_or_default();
    let (kind, name) = tail.split_once('/').unwrap_or((tail, ""));
    if kind == "root" {
        return ACCOUNT.to_owned();
    }
    let (prefix, named, session) = match (kind, name.split_once('/')) {
        ("assumed-role", Some((role, session))) => ("AROA", role, Some(session)),
        _ => ("AIDA", name, None),
    };
    let letters = b"ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";
    let digest = Sha256::digest(named.as_bytes());
    let id: String =
        digest.iter().take(17).map(|byte| char::from(letters[usize::from(byte % 32)])).collect();
    match session {
        Some(session) => format!("{prefix}{id}:{session}"),
        None => format!("{prefix}{id}"),
    }
}

/// Takes every role of the account: trust policies are not looked at.
fn assume_role(call: &Call<'_>) -> Outcome {
    let arn = call.params.required("RoleArn")?;
    let session = call.params.required("RoleSessionName")?;
    let role = arn.split_once(":role/").map(|(start, path)| (start, path.rsplit('/').next()));
    let Some((start, Some(role))) = role else {
        return Err(CloudError::refuse("ValidationError", format!("{arn} is invalid")));
    };
    if start != format!("arn:aws:iam::{ACCOUNT}") || role.is_empty() {
        let message = format!(
            "User: {} is not authorized to perform: sts:AssumeRole on resource: {arn}",
            call.caller.arn
        );
        return Err(CloudError::new(403, "AccessDenied", message));
    }
    let assumed = format!("arn:aws:sts::{ACCOUNT}:assumed-role/{role}/{session}");
    let credentials = credentials(call, &assumed, "DurationSeconds", 3600)?;
    let user =
        node("AssumedRoleUser").text("AssumedRoleId", user_id(&assumed)).text("Arn", &assumed);
    Ok(answer().with(credentials).with(user))
}

fn credentials(
    call: &Call<'_>,
    owner: &str,
    duration: &str,
    usual: u64,
) -> Result<Element, CloudError> {
    let seconds: u64 = call.params.number(duration)?.unwrap_or(usual);
    if !(900..=129_600).contains(&seconds) {
        let message = format!(
            "1 validation error detected: Value '{seconds}' at 'durationSeconds' failed to \
             satisfy constraint: Member must have value greater than or equal to 900"
        );
        return Err(CloudError::refuse("ValidationError", message));
    }
    let (service, life) = (call.service, Duration::from_secs(seconds));
    let id = format!("ASIA{}", service.entropy.key_id());
    let (secret, token) = (service.entropy.secret(40), service.entropy.secret(356));
    let key = Key {
        secret: secret.clone(),
        session_token: Some(token.clone()),
        expires: Some(service.clock.elapsed() + life),
        owner: owner.to_owned(),
    };
    service.keys.add(id.clone(), key);
    Ok(node("Credentials")
        .text("AccessKeyId", id)
        .text("SecretAccessKey", secret)
        .text("SessionToken", token)
        .text("Expiration", iso(service.clock.unix() + life)))
}
