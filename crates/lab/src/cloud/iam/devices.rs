//! Virtual MFA devices.

use std::collections::BTreeSet;
use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use data_encoding::BASE32;

use super::checks::{self, constraint, name, path, required};
use super::store::State;
use super::{exists, no_such_entity, users};
use crate::cloud::state::iso;
use crate::cloud::{Call, CloudError, Outcome, answer, el, node};
use crate::identity::{Caller, Principal};
use crate::service::{ACCOUNT, Service};
use crate::totp;

/// Bytes of a device's seed: 64 letters in base 32.
const SEED: usize = 40;

/// Devices that a user can have.
///
/// <https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_iam-quotas.html>
const MOST: usize = 8;

/// A device.
#[derive(Clone)]
pub(super) struct Device {
    seed: Vec<u8>,
    enabled: Option<Enabled>,
    /// Steps whose codes were taken: each is good once.
    used: BTreeSet<u64>,
}

/// Whose device it is, and since when.
#[derive(Clone, Debug)]
struct Enabled {
    user: String,
    /// Since the Unix epoch.
    since: Duration,
}

// A seed makes every code there will be.
impl std::fmt::Debug for Device {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Device").field("enabled", &self.enabled).finish_non_exhaustive()
    }
}

impl Device {
    fn new(service: &Service) -> Self {
        Self { seed: service.entropy.bytes(SEED), enabled: None, used: BTreeSet::new() }
    }

    /// Whether it is a user's.
    pub(super) fn is_of(&self, user: &str) -> bool {
        self.enabled.as_ref().is_some_and(|enabled| enabled.user == user)
    }

    /// Takes a code: that of the step that is now, or of one of its neighbours, once.
    fn take(&mut self, code: &str, unix: Duration) -> bool {
        let now = totp::step(unix);
        let steps = now.saturating_sub(1)..=now + 1;
        let fresh = |step: &u64| !self.used.contains(step) && totp::code(&self.seed, *step) == code;
        let Some(step) = steps.into_iter().find(fresh) else { return false };
        self.used.insert(step);
        self.used.retain(|used| used + 2 >= now);
        true
    }

    /// Takes two codes that follow each other, as whoever sets it up has to give.
    fn take_two(&mut self, codes: (&str, &str), unix: Duration) -> bool {
        let now = totp::step(unix);
        let code = |step| totp::code(&self.seed, step);
        let mut starts = now.saturating_sub(2)..=now;
        let start =
            starts.find(|step| (code(*step), code(step + 1)) == (codes.0.into(), codes.1.into()));
        let Some(start) = start else { return false };
        self.used.extend([start, start + 1]);
        true
    }
}

/// Checks the code that a caller gives for a device, and uses it up.
///
/// Refusals as in <https://github.com/aws/aws-cli/issues/6325> and
/// <https://github.com/lonelyplanet/aws-mfa/issues/20>, the blank at the end included.
pub(crate) fn check_code(
    state: &mut State,
    caller: &Caller,
    serial: Option<&str>,
    code: Option<&str>,
    unix: Duration,
) -> Result<bool, CloudError> {
    let denied = |message: &str| CloudError::new(403, "AccessDenied", message);
    let (serial, code) = match (serial, code) {
        (None, None) => return Ok(false),
        (Some(serial), Some(code)) => (serial, code),
        _ => {
            return Err(denied(
                "MultiFactorAuthentication failed, must provide both MFA serial number and one \
                 time pass code.",
            ));
        }
    };
    if code.len() != 6 {
        let (word, shown) = (if code.len() < 6 { "greater" } else { "less" }, format!("'{code}'"));
        let wanted = format!("Member must have length {word} than or equal to 6");
        return Err(constraint("TokenCode", &shown, &wanted));
    }
    if !code.bytes().all(|byte| byte.is_ascii_digit()) {
        let wanted = r"Member must satisfy regular expression pattern: [\d]*";
        return Err(constraint("TokenCode", &format!("'{code}'"), wanted));
    }
    let his = |device: &&mut Device| match &caller.principal {
        // Of a session as of a key: the device is the user's.
        Principal::User(name) => device.is_of(name),
        _ => false,
    };
    let device = state.devices.get_mut(serial).filter(his).ok_or_else(|| {
        denied(
            "MultiFactorAuthentication failed, unable to validate MFA code.  Please verify your \
             MFA serial number is valid and associated with this user.",
        )
    })?;
    if device.take(code, unix) {
        return Ok(true);
    }
    Err(denied("MultiFactorAuthentication failed with invalid MFA one time pass code. "))
}

/// Gives a user a device that works; gives its serial number and its seed in base 32.
pub(crate) fn give(
    state: &mut State,
    service: &Service,
    user: &str,
    name: &str,
) -> Option<(String, String)> {
    let serial = format!("arn:aws:iam::{ACCOUNT}:mfa/{name}");
    if !state.users.contains_key(user) || state.devices.contains_key(&serial) {
        return None;
    }
    let mut device = Device::new(service);
    device.enabled = Some(Enabled { user: user.to_owned(), since: service.clock.unix() });
    let seed = BASE32.encode(&device.seed);
    state.devices.insert(serial.clone(), device);
    Some((serial, seed))
}

/// A device's code at a time, its step, and whether it was taken already.
pub(crate) fn current(state: &State, serial: &str, unix: Duration) -> Option<(String, bool)> {
    let device = state.devices.get(serial)?;
    let step = totp::step(unix);
    Some((totp::code(&device.seed, step), device.used.contains(&step)))
}

/// <https://docs.aws.amazon.com/IAM/latest/APIReference/API_CreateVirtualMFADevice.html>
pub(super) fn create(state: &mut State, call: &Call<'_>) -> Outcome {
    checks::unknown(call.params, &["Tags"])?;
    let (name, path) = (name(call.params, "VirtualMFADeviceName", 226)?, path(call.params)?);
    let serial = format!("arn:aws:iam::{ACCOUNT}:mfa{path}{name}");
    if state.devices.contains_key(&serial) {
        let message = "MFADevice entity at the same path and name already exists.";
        return Err(exists(message.to_owned()));
    }
    let device = Device::new(call.service);
    let seed = BASE32.encode(&device.seed);
    // There is no picture of it: whoever wants one makes it from the seed.
    let shown = node("VirtualMFADevice")
        .text("SerialNumber", &serial)
        .text("Base32StringSeed", STANDARD.encode(seed));
    state.devices.insert(serial, device);
    Ok(answer().with(shown))
}

fn missing(serial: &str) -> CloudError {
    no_such_entity(format!("MFA Device with serial number {serial} does not exist."))
}

/// <https://docs.aws.amazon.com/IAM/latest/APIReference/API_EnableMFADevice.html>
pub(super) fn enable(state: &mut State, call: &Call<'_>) -> Outcome {
    let user = users::named(state, call)?.name.clone();
    let serial = required(call.params, "SerialNumber")?;
    let first = required(call.params, "AuthenticationCode1")?;
    let second = required(call.params, "AuthenticationCode2")?;
    if state.devices.values().filter(|device| device.is_of(&user)).count() >= MOST {
        return Err(super::limit(format!("Cannot exceed quota for MFADevicesPerUser: {MOST}")));
    }
    let device = state.devices.get_mut(serial).ok_or_else(|| missing(serial))?;
    if device.enabled.is_some() {
        return Err(exists("MFA Device is already in use.".to_owned()));
    }
    let unix = call.service.clock.unix();
    if !device.take_two((first, second), unix) {
        let message = "Authentication code for device is not valid.";
        return Err(CloudError::new(403, "InvalidAuthenticationCode", message));
    }
    device.enabled = Some(Enabled { user, since: unix });
    Ok(answer())
}

pub(super) fn deactivate(state: &mut State, call: &Call<'_>) -> Outcome {
    let user = users::find(state, call)?.name.clone();
    let serial = required(call.params, "SerialNumber")?;
    let device = state.devices.get_mut(serial).filter(|device| device.is_of(&user));
    device.ok_or_else(|| missing(serial))?.enabled = None;
    Ok(answer())
}

pub(super) fn delete(state: &mut State, call: &Call<'_>) -> Outcome {
    let serial = required(call.params, "SerialNumber")?;
    let device = state.devices.get(serial).ok_or_else(|| missing(serial))?;
    if device.enabled.is_some() {
        return Err(super::conflict_in_words("MFA VirtualDevice in use. Must deactivate first."));
    }
    state.devices.remove(serial);
    Ok(answer())
}

pub(super) fn list_of_user(state: &mut State, call: &Call<'_>) -> Outcome {
    let user = users::find(state, call)?.name.clone();
    let devices = state.devices.iter().filter_map(|(serial, device)| {
        let enabled = device.enabled.as_ref().filter(|enabled| enabled.user == user)?;
        Some(
            node("member")
                .text("UserName", &user)
                .text("SerialNumber", serial)
                .text("EnableDate", iso(enabled.since)),
        )
    });
    checks::page(call, "MFADevices", devices.collect())
}

/// <https://docs.aws.amazon.com/IAM/latest/APIReference/API_ListVirtualMFADevices.html>
pub(super) fn list_all(state: &State, call: &Call<'_>) -> Outcome {
    let wanted = match call.params.get("AssignmentStatus") {
        None | Some("Any") => None,
        Some("Assigned") => Some(true),
        Some("Unassigned") => Some(false),
        Some(other) => {
            let values = "Member must satisfy enum value set: [Unassigned, Any, Assigned]";
            return Err(constraint("AssignmentStatus", &format!("'{other}'"), values));
        }
    };
    let devices = state.devices.iter();
    let devices =
        devices.filter(|(_, device)| wanted.is_none_or(|is| is == device.enabled.is_some()));
    let shown = devices.map(|(serial, device)| {
        let enabled = device.enabled.as_ref().map(|enabled| {
            let arn = users::caller(state, &enabled.user).map(|user| user.arn);
            let user =
                node("User").text("UserName", &enabled.user).all(arn.map(|arn| el("Arn", arn)));
            [user, el("EnableDate", iso(enabled.since))]
        });
        node("member").text("SerialNumber", serial).all(enabled.into_iter().flatten())
    });
    checks::page(call, "VirtualMFADevices", shown.collect())
}
