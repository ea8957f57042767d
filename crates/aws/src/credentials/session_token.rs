//! `GetSessionToken`: one code for half a day.

use aws_sdk_sts::operation::get_session_token::GetSessionTokenError;
use aws_types::sdk_config::SdkConfig;

use super::keys::Keys;
use super::mfa::Device;
use super::origin::Origin;
use super::role::Proof;
use super::sts::{self, Refusal};
use crate::error::{AwsError, AwsErrorKind, from_sdk};
use crate::once::OnlyUntaken;

/// How long a session lasts when nothing else is said: the service's own default.
/// <https://docs.aws.amazon.com/STS/latest/APIReference/API_GetSessionToken.html>
const DEFAULT_SECONDS: i32 = 12 * 3600;

/// Makes a session with a code.
pub(crate) async fn get(
    sdk: &SdkConfig,
    place: &str,
    keys: &Keys,
    proof: Proof<'_>,
    seconds: Option<i32>,
) -> Result<Keys, Refusal> {
    let answer = sts::client(sdk, keys)
        .get_session_token()
        .serial_number(proof.serial)
        .token_code(proof.code)
        .duration_seconds(seconds.unwrap_or(DEFAULT_SECONDS))
        .customize()
        .config_override(sts::once(OnlyUntaken::<GetSessionTokenError>::new()))
        .send()
        .await
        .map_err(|error| sts::refusal("GetSessionToken", place, &error))?;
    let credentials =
        answer.credentials.ok_or_else(|| sts::incomplete("GetSessionToken", place))?;
    Ok(sts::keys(credentials, keys.account.clone()))
}

/// The devices of the caller, as IAM lists them.
pub(crate) async fn devices(
    sdk: &SdkConfig,
    place: &str,
    keys: &Keys,
) -> Result<Vec<Device>, AwsError> {
    let credentials = aws_credential_types::provider::SharedCredentialsProvider::new(keys.to_sdk());
    let client =
        aws_sdk_iam::Client::new(&sdk.to_builder().credentials_provider(credentials).build());
    let mut pages = client.list_mfa_devices().into_paginator().items().send();
    let mut devices = Vec::new();
    while let Some(device) = pages.next().await {
        let device = device.map_err(|error| {
            from_sdk("ListMFADevices", place, &error)
                .hint("name the device instead: --mfa-serial, or mfa_serial in the profile")
        })?;
        devices.push(Device {
            serial: device.serial_number,
            origin: Origin::named("iam:ListMFADevices"),
        });
    }
    // Passkeys and security keys give no codes; their ARNs say what they are.
    devices.retain(|device| !device.serial.contains(":u2f/"));
    if devices.is_empty() {
        return Err(AwsError::new(
            AwsErrorKind::CodeFailed,
            "the user has no MFA device that gives codes",
        )
        .hint("IAM console, Security credentials, Assign MFA device: an authenticator app gives codes"));
    }
    Ok(devices)
}
