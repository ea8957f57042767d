use std::time::Duration;

use http::HeaderMap;
use http::request::Parts;
use jiff::Timestamp;
use jiff::civil::DateTime;
use jiff::tz::TimeZone;

use super::answer::ApiError;
use super::sigv4::Authorization;
use crate::clock::machine_unix;
use crate::cloud;
use crate::identity::Caller;
use crate::service::{REGION, Service};

/// How far a signature's date may be from the machine's, or the lab's.
const SKEW: i64 = 5 * 60;

const DATE_FORMAT: &str = "%Y%m%dT%H%M%SZ";

/// Finds out who signed a request to `name`, the service's signing name.
pub(super) fn caller(
    service: &Service,
    parts: &Parts,
    body: &[u8],
    name: &str,
) -> Result<Caller, ApiError> {
    if !service.config.sigv4 {
        return service.anyone().ok_or_else(unrecognised);
    }
    let value = header(&parts.headers, "authorization").ok_or_else(|| {
        ApiError::common("MissingAuthenticationTokenException", "Missing Authentication Token")
    })?;
    let authorization = Authorization::parse(value).map_err(|missing| {
        ApiError::common(
            "IncompleteSignatureException",
            format!("Authorization header requires '{missing}' parameter."),
        )
    })?;
    let key = service.keys.get(authorization.key_id).filter(|key| key.active);
    let key = key.ok_or_else(unrecognised)?;
    if key.session_token.as_deref() != header(&parts.headers, "x-amz-security-token") {
        return Err(unrecognised());
    }
    if key.expires.is_some_and(|at| at <= service.clock.elapsed()) {
        let message = "The security token included in the request is expired";
        return Err(ApiError::common("ExpiredTokenException", message));
    }
    // Credentials end with whom they were issued for.
    if !cloud::is_there(service, &key.caller) {
        return Err(unrecognised());
    }
    let time = header(&parts.headers, "x-amz-date").unwrap_or_default();
    check_scope(&authorization, time, name)?;
    // Callers sign by their own clock: the machine's, or one that tests move with the lab's.
    check_date(time, service.clock.unix()).or_else(|_| check_date(time, machine_unix()))?;
    if authorization.expected(parts, body, time, &key.secret) == authorization.signature {
        Ok(key.caller)
    } else {
        Err(invalid(
            "The request signature we calculated does not match the signature you provided. \
             Check your AWS Secret Access Key and signing method. Consult the service \
             documentation for details.",
        ))
    }
}

/// The managed instance that signed a request with its own RSA key. The signature itself is taken
/// on trust.
pub(super) fn managed_instance(parts: &Parts) -> Result<String, ApiError> {
    let value = header(&parts.headers, "authorization");
    let authorization = value.and_then(|value| Authorization::parse(value).ok());
    authorization.map(|authorization| authorization.key_id.to_owned()).ok_or_else(|| {
        ApiError::common("MissingAuthenticationTokenException", "Missing Authentication Token")
    })
}

fn header<'a>(headers: &'a HeaderMap, name: &str) -> Option<&'a str> {
    headers.get(name).and_then(|value| value.to_str().ok())
}

fn unrecognised() -> ApiError {
    let message = "The security token included in the request is invalid.";
    ApiError::common("UnrecognizedClientException", message)
}

fn invalid(message: impl Into<String>) -> ApiError {
    ApiError::common("InvalidSignatureException", message)
}

fn check_scope(authorization: &Authorization<'_>, time: &str, name: &str) -> Result<(), ApiError> {
    if authorization.region != REGION {
        let message = format!(
            "Credential should be scoped to a valid region, not '{}'. ",
            authorization.region
        );
        return Err(invalid(message));
    }
    if authorization.service != name {
        return Err(invalid(format!("Credential should be scoped to correct service: '{name}'. ")));
    }
    if !authorization.covers("host") || !authorization.covers("x-amz-date") {
        return Err(invalid("'Host' and 'X-Amz-Date' must be signed headers."));
    }
    if time.get(..8) != Some(authorization.date) {
        return Err(invalid("Date in Credential scope does not match YYYYMMDD from ISO-8601."));
    }
    Ok(())
}

fn check_date(time: &str, now: Duration) -> Result<(), ApiError> {
    let signed = DateTime::strptime(DATE_FORMAT, time)
        .and_then(|date| date.to_zoned(TimeZone::UTC))
        .map_err(|_| invalid("Date must be in ISO-8601 'basic format'."))?;
    let now = i64::try_from(now.as_secs()).unwrap_or(i64::MAX);
    let behind = now - signed.timestamp().as_second();
    if behind.abs() <= SKEW {
        return Ok(());
    }
    let basic = |second| {
        let time = Timestamp::from_second(second).unwrap_or_default();
        time.strftime(DATE_FORMAT).to_string()
    };
    Err(invalid(if behind > 0 {
        format!(
            "Signature expired: {time} is now earlier than {} ({} - 5 min.)",
            basic(now - SKEW),
            basic(now)
        )
    } else {
        format!(
            "Signature not yet current: {time} is still later than {} ({} + 5 min.)",
            basic(now + SKEW),
            basic(now)
        )
    }))
}
