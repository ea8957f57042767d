//! Client tokens: the same request made twice has one effect.

use super::State;
use crate::cloud::{Call, CloudError, Params};

/// The longest client token.
const LONGEST: usize = 64;

/// What a request with a token has made.
#[derive(Clone, Debug)]
pub(super) struct Made {
    params: Params,
    ids: Vec<String>,
}

/// What an earlier request with the same token has made, if there was one. Other parameters are
/// refused.
pub(super) fn earlier(call: &Call<'_>, state: &State) -> Result<Option<Vec<String>>, CloudError> {
    let Some(token) = token(call)? else { return Ok(None) };
    let Some(made) = state.tokens.get(&key(call, token)) else { return Ok(None) };
    if made.params == identity(call) {
        return Ok(Some(made.ids.clone()));
    }
    let message = "Arguments on this idempotent request are inconsistent with arguments used in \
                   previous request(s).";
    Err(CloudError::refuse("IdempotentParameterMismatch", message))
}

/// Notes what a request has made.
pub(super) fn remember(call: &Call<'_>, state: &mut State, ids: Vec<String>) {
    if let Ok(Some(token)) = token(call) {
        let made = Made { params: identity(call), ids };
        state.tokens.insert(key(call, token), made);
    }
}

fn token<'a>(call: &Call<'a>) -> Result<Option<&'a str>, CloudError> {
    let token = call.params.get("ClientToken").filter(|token| !token.is_empty());
    if token.is_some_and(|token| token.chars().count() > LONGEST) {
        let message = format!("Client token exceeds the maximum length of {LONGEST} characters");
        return Err(CloudError::refuse("InvalidParameterValue", message));
    }
    Ok(token)
}

fn key(call: &Call<'_>, token: &str) -> String {
    format!("{} {token}", call.operation)
}

fn identity(call: &Call<'_>) -> Params {
    call.params.without(&["DryRun", "Version", "Action"])
}
