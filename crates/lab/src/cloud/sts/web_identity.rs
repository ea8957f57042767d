//! Web identities: tokens of a provider, which the lab is itself, and roles assumed with them.

use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use hmac::{Hmac, KeyInit, Mac};
use serde::Deserialize;
use serde_json::json;
use sha2::Sha256;

use super::{check_length, denied, duration, issue, packed, role, session_name, session_policies};
use crate::cloud::{Call, CloudError, Outcome, answer, iam, node, with_tags};
use crate::identity::{Caller, Session};
use crate::policy::{Trust, Who};
use crate::service::Service;

#[derive(Deserialize)]
struct Claims {
    iss: String,
    aud: Audience,
    sub: String,
    exp: u64,
    #[serde(default)]
    nbf: u64,
}

#[derive(Deserialize)]
#[serde(untagged)]
enum Audience {
    One(String),
    Many(Vec<String>),
}

impl Audience {
    fn all(&self) -> &[String] {
        match self {
            Self::One(one) => std::slice::from_ref(one),
            Self::Many(many) => many,
        }
    }
}

/// A token that says who somebody is, for as long as given on the lab's clock.
pub(crate) fn token(
    service: &Service,
    issuer: &str,
    audience: &str,
    subject: &str,
    life: Duration,
) -> String {
    let now = service.clock.unix();
    let head = json!({ "alg": "HS256", "typ": "JWT" });
    let claims = json!({
        "iss": issuer,
        "aud": audience,
        "sub": subject,
        "iat": now.as_secs(),
        "exp": (now + life).as_secs(),
    });
    let encode = |part: &serde_json::Value| URL_SAFE_NO_PAD.encode(part.to_string());
    let text = format!("{}.{}", encode(&head), encode(&claims));
    let signature = mac(service, &text).finalize().into_bytes();
    format!("{text}.{}", URL_SAFE_NO_PAD.encode(signature))
}

/// Tokens are signed with a secret of the lab's own: what others sign is none of its issuers'.
fn mac(service: &Service, text: &str) -> Hmac<Sha256> {
    let mut mac = Hmac::<Sha256>::new_from_slice(&service.web_identity_key)
        .unwrap_or_else(|_| unreachable!("HMAC takes keys of every length"));
    mac.update(text.as_bytes());
    mac
}

fn invalid(message: impl Into<String>) -> CloudError {
    CloudError::refuse("InvalidIdentityToken", message)
}

/// What a token claims, if its signature is good.
fn claims(service: &Service, token: &str) -> Result<Claims, CloudError> {
    let malformed = || {
        invalid(
            "The ID Token provided is not a valid JWT. (You may see this error if you sent an Access Token)",
        )
    };
    let (text, signature) = token.rsplit_once('.').ok_or_else(malformed)?;
    let (_, body) = text.split_once('.').ok_or_else(malformed)?;
    let decode = |part: &str| URL_SAFE_NO_PAD.decode(part).map_err(|_| malformed());
    let claims = serde_json::from_slice(&decode(body)?).map_err(|_| malformed())?;
    mac(service, text)
        .verify_slice(&decode(signature)?)
        .map_err(|_| invalid("Couldn't retrieve verification key from your identity provider,  please reference AssumeRoleWithWebIdentity documentation for requirements"))?;
    Ok(claims)
}

/// <https://docs.aws.amazon.com/STS/latest/APIReference/API_AssumeRoleWithWebIdentity.html>
pub(super) fn assume_role(call: &Call<'_>) -> Outcome {
    let (service, params) = (call.service, call.params);
    iam::unknown(params, &["ProviderId"])?;
    let called = session_name(params)?;
    let token = iam::required(params, "WebIdentityToken")?;
    let life = duration(params, 3600, 43_200)?;
    let policies = session_policies(params)?;
    let claims = claims(service, token)?;
    let now = service.clock.unix();
    let (provider, takes) = {
        let cloud = service.cloud();
        let found = iam::providers::of_issuer(&cloud.iam, &claims.iss);
        let (arn, provider) = found.ok_or_else(|| {
            invalid(format!("No OpenIDConnect provider found in your account for {}", claims.iss))
        })?;
        (arn, claims.aud.all().iter().find(|audience| provider.takes(audience)).cloned())
    };
    let audience = takes.ok_or_else(|| invalid("Incorrect token audience"))?;
    if claims.exp <= now.as_secs() {
        let message = format!(
            "Token expired: current date/time {} must be before the expiration date/time {}",
            now.as_secs(),
            claims.exp
        );
        return Err(CloudError::refuse("ExpiredTokenException", message));
    }
    if claims.nbf > now.as_secs() {
        return Err(invalid("Token is not yet valid"));
    }
    let host = claims.iss.trim_start_matches("https://");
    let refuse = || denied("Not authorized to perform sts:AssumeRoleWithWebIdentity");
    let role = role(service, params)?.ok_or_else(refuse)?;
    let mut context = with_tags(&service.cloud(), call.rights.context(), &role.arn);
    context
        .set(&format!("{host}:aud"), &audience)
        .set(&format!("{host}:sub"), &claims.sub)
        .set("sts:RoleSessionName", called)
        .maybe("sts:DurationSeconds", params.get("DurationSeconds"));
    let who = Who::Federated(&provider);
    if role.trust.trusts(&who, "sts:AssumeRoleWithWebIdentity", &context) != Trust::Named {
        return Err(refuse());
    }
    check_length(&role, life)?;
    let session = Session { issued: now, policies, ..Session::default() };
    let assumed = Caller::role(&role.name, &role.arn, &role.id, called, session);
    let user =
        node("AssumedRoleUser").text("AssumedRoleId", &assumed.user_id).text("Arn", &assumed.arn);
    Ok(answer()
        .with(issue(service, assumed, life).element())
        .text("SubjectFromWebIdentityToken", claims.sub)
        .with(user)
        .maybe("PackedPolicySize", packed(params))
        .text("Provider", provider)
        .text("Audience", audience))
}
