//! Single sign-on by `OpenID` Connect, for devices: a code on one screen, approved on another.
//!
//! <https://docs.aws.amazon.com/singlesignon/latest/OIDCAPIReference/Welcome.html> and RFC 8628.

use std::time::Duration;

use serde_json::{Value, json};

use super::store::{Client, Decision, Device, State, Token};
use super::{Call, Given, Outcome, Refused};
use crate::service::Service;

/// How long a client stays registered.
const REGISTRATION: Duration = Duration::from_hours(24 * 90);

/// How long a device waits to be approved.
const WAIT: Duration = Duration::from_mins(10);

/// How long it has to wait between two questions.
const INTERVAL: Duration = Duration::from_secs(1);

/// How long a token lasts that can be renewed.
const TOKEN: Duration = Duration::from_hours(1);

/// How long a login lasts, and a token that cannot be renewed.
const SESSION: Duration = Duration::from_hours(8);

/// The scope whose tokens can be renewed.
///
/// <https://docs.aws.amazon.com/cli/latest/userguide/cli-configure-sso.html>
const SCOPE: &str = "sso:account:access";

const DEVICE_GRANT: &str = "urn:ietf:params:oauth:grant-type:device_code";

/// The page on which devices are approved.
pub(super) const PAGE: &str = "/_lab/sso-device";

/// A refusal; `error` is the name that OAuth has for it.
fn refuse(status: u16, code: &'static str, error: &str, description: &str) -> Refused {
    let body = json!({ "error": error, "error_description": description });
    Refused { status, code: Some(code), body }
}

fn invalid_request(description: &str) -> Refused {
    refuse(400, "InvalidRequestException", "invalid_request", description)
}

fn invalid_client() -> Refused {
    refuse(401, "InvalidClientException", "invalid_client", "Invalid client")
}

fn required<'a>(body: &'a Value, member: &str) -> Result<&'a str, Refused> {
    let text = body[member].as_str().filter(|text| !text.is_empty());
    text.ok_or_else(|| invalid_request(&format!("{member} is missing")))
}

/// <https://docs.aws.amazon.com/singlesignon/latest/OIDCAPIReference/API_RegisterClient.html>
pub(super) fn register(call: &Call<'_>) -> Outcome {
    let body = call.json();
    required(&body, "clientName")?;
    if required(&body, "clientType")? != "public" {
        let description = "Only public clients are known";
        return Err(refuse(
            400,
            "InvalidClientMetadataException",
            "invalid_client_metadata",
            description,
        ));
    }
    let texts = |member: &str| -> Vec<String> {
        let list = body[member].as_array().cloned().unwrap_or_default();
        list.iter().filter_map(Value::as_str).map(str::to_owned).collect()
    };
    // There is no page to sign in on, so that codes of authorization cannot be had.
    let grants = texts("grantTypes");
    if grants.iter().any(|grant| grant != DEVICE_GRANT && grant != "refresh_token") {
        return Err(refuse(
            400,
            "UnsupportedGrantTypeException",
            "unsupported_grant_type",
            "Only devices and refresh tokens are known",
        ));
    }
    let scopes = texts("scopes");
    if scopes.iter().any(|scope| scope != SCOPE) {
        return Err(refuse(400, "InvalidScopeException", "invalid_scope", "Invalid scope"));
    }
    let service = call.service;
    let (id, secret) = (service.entropy.secret(22), service.entropy.secret(64));
    let now = service.clock.unix();
    let client = Client {
        secret: secret.clone(),
        expires: now + REGISTRATION,
        refreshes: !scopes.is_empty(),
    };
    let mut state = service.open();
    state.sweep(now);
    state.clients.insert(id.clone(), client);
    Ok(Given::Json(json!({
        "clientId": id,
        "clientSecret": secret,
        "clientIdIssuedAt": now.as_secs(),
        "clientSecretExpiresAt": (now + REGISTRATION).as_secs(),
    })))
}

/// The client of a call, if it is who it says and still registered.
fn client(state: &State, body: &Value, now: Duration) -> Result<(String, Client), Refused> {
    let id = required(body, "clientId")?;
    let secret = required(body, "clientSecret")?;
    let client = state.clients.get(id).filter(|client| client.secret == secret);
    let client = client.filter(|client| client.expires > now).ok_or_else(invalid_client)?;
    Ok((id.to_owned(), client.clone()))
}

/// <https://docs.aws.amazon.com/singlesignon/latest/OIDCAPIReference/API_StartDeviceAuthorization.html>
pub(super) fn start(call: &Call<'_>) -> Outcome {
    let (body, service) = (call.json(), call.service);
    let now = service.clock.unix();
    let mut state = service.open();
    let (client, _) = client(&state, &body, now)?;
    let url = required(&body, "startUrl")?;
    if !url.starts_with("https://") && !url.starts_with("http://") {
        return Err(invalid_request("Invalid start url provided"));
    }
    let (code, user_code) = (service.entropy.secret(86), user_code(service));
    let device = Device {
        client,
        user_code: user_code.clone(),
        expires: now + WAIT,
        asked: None,
        decision: Decision::Open,
    };
    state.sweep(now);
    state.devices.insert(code.clone(), device);
    let page = format!("{}{PAGE}", call.base);
    Ok(Given::Json(json!({
        "deviceCode": code,
        "userCode": user_code,
        "verificationUri": page,
        "verificationUriComplete": format!("{page}?user_code={user_code}"),
        "expiresIn": WAIT.as_secs(),
        "interval": INTERVAL.as_secs(),
    })))
}

/// As in `ABCD-EFGH`.
fn user_code(service: &Service) -> String {
    let letters = service.entropy.key_id();
    format!("{}-{}", &letters[..4], &letters[4..8])
}

/// <https://docs.aws.amazon.com/singlesignon/latest/OIDCAPIReference/API_CreateToken.html>
pub(super) fn token(call: &Call<'_>) -> Outcome {
    let (body, service) = (call.json(), call.service);
    let now = service.clock.unix();
    let mut state = service.open();
    let (id, client) = client(&state, &body, now)?;
    let (user, session) = match required(&body, "grantType")? {
        DEVICE_GRANT => {
            (approved(&mut state, &id, required(&body, "deviceCode")?, now)?, now + SESSION)
        }
        "refresh_token" => {
            let refresh = required(&body, "refreshToken")?;
            let token = state.refreshes.get(refresh);
            let token = token.filter(|token| token.client == id && token.session > now).cloned();
            let token = token.ok_or_else(|| {
                let text = "Invalid refresh token provided";
                refuse(400, "InvalidGrantException", "invalid_grant", text)
            })?;
            state.refreshes.remove(refresh);
            (token.user, token.session)
        }
        _ => {
            return Err(refuse(
                400,
                "UnsupportedGrantTypeException",
                "unsupported_grant_type",
                "Only devices and refresh tokens are known",
            ));
        }
    };
    let life = if client.refreshes { TOKEN } else { SESSION };
    let expires = (now + life).min(session);
    let token = Token { user, client: id, expires, session };
    let access = service.entropy.secret(120);
    state.sweep(now);
    state.tokens.insert(access.clone(), token.clone());
    let mut answer = json!({
        "accessToken": access,
        "tokenType": "Bearer",
        "expiresIn": expires.saturating_sub(now).as_secs(),
    });
    if client.refreshes {
        let refresh = service.entropy.secret(120);
        answer["refreshToken"] = Value::from(refresh.as_str());
        state.refreshes.insert(refresh, token);
    }
    Ok(Given::Json(answer))
}

/// Who has approved a device. It is asked about once after that.
fn approved(state: &mut State, client: &str, code: &str, now: Duration) -> Result<String, Refused> {
    let device = state.devices.get_mut(code).filter(|device| device.client == client);
    let device = device.ok_or_else(|| {
        refuse(400, "InvalidGrantException", "invalid_grant", "Invalid device code provided")
    })?;
    if device.expires <= now {
        let text = "Device code has expired";
        return Err(refuse(400, "ExpiredTokenException", "expired_token", text));
    }
    let hasty = device.asked.is_some_and(|asked| now < asked + INTERVAL);
    device.asked = Some(now);
    match device.decision.clone() {
        Decision::Approved { user } => {
            state.devices.remove(code);
            Ok(user)
        }
        Decision::Denied => {
            let text = "The request was denied";
            Err(refuse(400, "AccessDeniedException", "access_denied", text))
        }
        Decision::Open if hasty => {
            Err(refuse(400, "SlowDownException", "slow_down", "Asked too often"))
        }
        Decision::Open => {
            let text = "Authorization is pending";
            Err(refuse(400, "AuthorizationPendingException", "authorization_pending", text))
        }
    }
}

/// Approves a device for a user, or denies it; false when no device waits with that code.
pub(crate) fn decide(service: &Service, user_code: &str, user: Option<String>) -> bool {
    let (now, mut state) = (service.clock.unix(), service.open());
    let device = state.devices.values_mut().find(|device| {
        device.user_code == user_code && device.expires > now && device.decision == Decision::Open
    });
    let Some(device) = device else { return false };
    device.decision = user.map_or(Decision::Denied, |user| Decision::Approved { user });
    true
}

/// The page that a browser shows.
pub(crate) fn page(user_code: &str) -> String {
    let code: String =
        user_code.chars().filter(|c| c.is_ascii_alphanumeric() || *c == '-').collect();
    format!(
        "<!doctype html><title>adit lab</title><h1>Approve the code {code}?</h1>\
         <form method=post action={PAGE}><input type=hidden name=user_code value=\"{code}\">\
         <label>as <input name=user value=lab></label> <button>Approve</button></form>"
    )
}
