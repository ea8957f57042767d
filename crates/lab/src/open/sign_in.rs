//! Sign-in: the sessions of `aws login`, whose credentials last a quarter of an hour and are
//! renewed with a refresh token and a proof.
//!
//! <https://docs.aws.amazon.com/signin/latest/APIReference/API_CreateOAuth2Token.html>

use std::time::Duration;

use aws_lc_rs::encoding::{AsDer, EcPrivateKeyRfc5915Der};
use aws_lc_rs::signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, KeyPair};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use data_encoding::HEXLOWER;
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use super::store::Login;
use super::{Call, Given, Outcome, Refused, dpop};
use crate::clock::machine_unix;
use crate::cloud::state::iso;
use crate::cloud::sts::{Issued, issue};
use crate::identity::{Caller, Session};
use crate::service::Service;

const CLIENT: &str = "arn:aws:signin:::devtools/same-device";

/// How long credentials last.
const LIFE: Duration = Duration::from_mins(15);

/// How long a login lasts.
const SESSION: Duration = Duration::from_hours(12);

/// How far a proof's date may be from the machine's, or the lab's.
const SKEW: u64 = 300;

fn refuse(code: &'static str, error: &str, message: &str) -> Refused {
    let body = json!({ "error": error, "message": message });
    Refused { status: 400, code: Some(code), body }
}

fn invalid(message: &str) -> Refused {
    refuse("ValidationException", "INVALID_REQUEST", message)
}

pub(super) fn token(call: &Call<'_>) -> Outcome {
    let (service, body) = (call.service, call.json());
    if body["clientId"].as_str() != Some(CLIENT) {
        return Err(invalid("Unknown client"));
    }
    if body["grantType"].as_str() != Some("refresh_token") {
        return Err(invalid("Only refresh tokens are known"));
    }
    let refresh = body["refreshToken"].as_str().ok_or_else(|| invalid("No refresh token"))?;
    let proof = call
        .header("dpop")
        .and_then(|proof| dpop::check(proof, &format!("{}{}", call.base, call.path)));
    let proof = proof.ok_or_else(|| invalid("Invalid DPoP proof"))?;
    let now = service.clock.unix();
    let fresh = [now, machine_unix()].into_iter().any(|now| {
        i64::try_from(now.as_secs()).is_ok_and(|now| now.abs_diff(proof.issued) <= SKEW)
    });
    let expired = || {
        let text = "The session has expired";
        refuse("AccessDeniedException", "TOKEN_EXPIRED", text)
    };
    let login = {
        let mut state = service.open();
        state.proofs.retain(|_, seen| *seen + Duration::from_secs(4 * SKEW) > now);
        if !fresh || state.proofs.insert(proof.id, now).is_some() {
            return Err(invalid("Invalid DPoP proof"));
        }
        let login = state.logins.get(refresh).filter(|login| login.session > now).cloned();
        let login = login.ok_or_else(expired)?;
        if login.key != proof.key {
            return Err(invalid("Invalid DPoP proof"));
        }
        // Each is good once.
        state.logins.remove(refresh);
        login
    };
    if !crate::cloud::is_there(service, &login.caller) {
        let text = "The user's credentials have changed";
        return Err(refuse("AccessDeniedException", "USER_CREDENTIALS_CHANGED", text));
    }
    let (issued, refresh) = renew(service, login);
    Ok(Given::Json(json!({
        "accessToken": {
            "accessKeyId": issued.key_id,
            "secretAccessKey": issued.secret,
            "sessionToken": issued.token,
        },
        "tokenType": "aws_sigv4",
        "expiresIn": issued.expires.saturating_sub(now).as_secs(),
        "refreshToken": refresh,
    })))
}

/// Credentials of a login, and the refresh token for the next ones.
fn renew(service: &Service, login: Login) -> (Issued, String) {
    let now = service.clock.unix();
    let mut caller = login.caller.clone();
    if let Some(session) = &mut caller.session {
        session.issued = now;
    }
    let life = LIFE.min(login.session.saturating_sub(now));
    let refresh = service.entropy.secret(200);
    let mut state = service.open();
    state.sweep(now);
    state.logins.insert(refresh.clone(), login);
    drop(state);
    (issue(service, caller, life), refresh)
}

/// Does what `aws login` does for a user: gives what it writes into its cache, and where.
pub(crate) fn log_in(service: &Service, user: Caller, mfa: bool) -> Result<Value, String> {
    let now = service.clock.unix();
    let pair = EcdsaKeyPair::generate(&ECDSA_P256_SHA256_FIXED_SIGNING)
        .map_err(|_| "no key".to_owned())?;
    let der: EcPrivateKeyRfc5915Der<'static> =
        pair.private_key().as_der().map_err(|_| "no key".to_owned())?;
    let key = pair.public_key().as_ref().to_vec();
    let mfa = mfa.then_some(now);
    let session = Session { issued: now, mfa, from_login: true, ..Session::default() };
    let caller = Caller { session: Some(session), ..user };
    let (arn, account) = (caller.arn.clone(), caller.account.clone());
    let (issued, refresh) = renew(service, Login { caller, session: now + SESSION, key });
    let digest = Sha256::digest(arn.as_bytes());
    let name = HEXLOWER.encode(&digest);
    Ok(json!({
        "login_session": arn,
        "file": format!("{name}.json"),
        "content": {
            "accessToken": {
                "accessKeyId": issued.key_id,
                "secretAccessKey": issued.secret,
                "sessionToken": issued.token,
                "accountId": account,
                "expiresAt": iso(issued.expires),
            },
            "tokenType": "aws_sigv4",
            "refreshToken": refresh,
            "clientId": CLIENT,
            "dpopKey": pem(der.as_ref()),
        },
    }))
}

/// A key as the AWS CLI keeps it.
fn pem(der: &[u8]) -> String {
    let text = STANDARD.encode(der);
    let lines: Vec<&str> =
        text.as_bytes().chunks(64).filter_map(|line| str::from_utf8(line).ok()).collect();
    let lines = lines.join("\n");
    format!("-----BEGIN EC PRIVATE KEY-----\n{lines}\n-----END EC PRIVATE KEY-----\n")
}
