//! Providers of web identities.

use super::checks::{self, constraint, required};
use super::store::State;
use super::{exists, no_such_entity};
use crate::cloud::{Call, CloudError, Element, Outcome, answer, el, list, node};
use crate::service::ACCOUNT;

/// A provider, by `OpenID` Connect.
#[derive(Clone, Debug)]
pub(crate) struct Provider {
    /// Host and path, as in `token.example.com`.
    host: String,
    /// Audiences that its tokens may be for.
    clients: Vec<String>,
}

impl Provider {
    /// Whether a token for this audience is for the account.
    pub(crate) fn takes(&self, audience: &str) -> bool {
        self.clients.iter().any(|client| client == audience)
    }
}

fn arn(host: &str) -> String {
    format!("arn:aws:iam::{ACCOUNT}:oidc-provider/{host}")
}

/// The provider of an issuer, with its ARN.
pub(crate) fn of_issuer<'a>(state: &'a State, issuer: &str) -> Option<(String, &'a Provider)> {
    let arn = arn(issuer.strip_prefix("https://")?);
    let provider = state.providers.get(&arn)?;
    Some((arn, provider))
}

/// <https://docs.aws.amazon.com/IAM/latest/APIReference/API_CreateOpenIDConnectProvider.html>
pub(super) fn create(state: &mut State, call: &Call<'_>) -> Outcome {
    checks::unknown(call.params, &["Tags"])?;
    let url = required(call.params, "Url")?;
    let Some(host) = url.strip_prefix("https://").filter(|host| !host.is_empty()) else {
        let message = "Invalid Open ID Connect Provider URL";
        return Err(CloudError::refuse("ValidationError", message));
    };
    let clients = call.params.texts("ClientIDList");
    if let Some(long) = clients.iter().find(|client| client.is_empty() || client.len() > 255) {
        let wanted = "Member must have length between 1 and 255";
        return Err(constraint("ClientIDList.member", &format!("'{long}'"), wanted));
    }
    let arn = arn(host);
    if state.providers.contains_key(&arn) {
        return Err(exists(format!("Provider with url {url} already exists.")));
    }
    state.providers.insert(arn.clone(), Provider { host: host.to_owned(), clients });
    Ok(answer().text("OpenIDConnectProviderArn", arn))
}

fn missing(arn: &str) -> CloudError {
    no_such_entity(format!("OpenIDConnect Provider not found for arn {arn}"))
}

pub(super) fn get(state: &State, call: &Call<'_>) -> Outcome {
    let arn = required(call.params, "OpenIDConnectProviderArn")?;
    let provider = state.providers.get(arn).ok_or_else(|| missing(arn))?;
    let clients = provider.clients.iter().map(|client| el("member", client));
    Ok(answer().text("Url", &provider.host).with(list("ClientIDList", clients)))
}

pub(super) fn list_all(state: &State) -> Element {
    let providers = state.providers.keys().map(|arn| node("member").text("Arn", arn));
    answer().with(list("OpenIDConnectProviderList", providers))
}

pub(super) fn delete(state: &mut State, call: &Call<'_>) -> Outcome {
    let arn = required(call.params, "OpenIDConnectProviderArn")?;
    state.providers.remove(arn).map(|_| answer()).ok_or_else(|| missing(arn))
}
