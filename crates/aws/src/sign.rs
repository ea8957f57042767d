//! `SigV4` of the data channel's upgrade request.

use std::time::SystemTime;

use aws_sigv4::http_request::{SignableBody, SignableRequest, SigningSettings, sign};
use aws_sigv4::sign::v4;
use http::{HeaderName, HeaderValue};
use url::Url;

use crate::error::{AwsError, AwsErrorKind};
use crate::load::Aws;

/// The service name that the gateway's upgrade is signed for (`protocol.md` §2.1).
const SERVICE: &str = "ssmmessages";

/// Query parameters that say that a URL carries its own signature.
const PRESIGNED: [&str; 7] = [
    "X-Amz-Algorithm",
    "X-Amz-Credential",
    "X-Amz-Date",
    "X-Amz-Expires",
    "X-Amz-SignedHeaders",
    "X-Amz-Signature",
    "X-Amz-Security-Token",
];

/// Signs the websocket upgrade of `url` at `now`; `None` when the URL carries a signature already.
///
/// The headers are `x-amz-date`, `authorization` and, with temporary credentials,
/// `x-amz-security-token`; besides them only `host` is signed, so the dial is free to choose the
/// headers of the websocket itself. A signature is good for one dial within five minutes.
pub async fn sign_websocket_upgrade(
    aws: &Aws,
    url: &str,
    now: SystemTime,
) -> Result<Option<Vec<(HeaderName, HeaderValue)>>, AwsError> {
    let fault = |what: String| AwsError::new(AwsErrorKind::Internal, what);
    let parsed = Url::parse(url)
        .map_err(|error| fault(format!("the stream URL cannot be read: {error}")))?;
    if parsed.query_pairs().any(|(name, _)| PRESIGNED.iter().any(|p| name.eq_ignore_ascii_case(p)))
    {
        return Ok(None);
    }
    let identity = aws.credentials().await?.into();
    let params = v4::SigningParams::builder()
        .identity(&identity)
        .region(aws.region())
        .name(SERVICE)
        .time(now)
        .settings(SigningSettings::default())
        .build()
        .map_err(|error| fault(format!("the upgrade request cannot be signed: {error}")))?
        .into();
    // The signer leaves the port out of `host` only where it is the default of http or https.
    let uri = match url.split_once("://") {
        Some(("wss", rest)) => format!("https://{rest}"),
        Some(("ws", rest)) => format!("http://{rest}"),
        _ => url.to_owned(),
    };
    let sign_fault = |error| fault(format!("the upgrade request cannot be signed: {error}"));
    let request = SignableRequest::new("GET", uri, std::iter::empty(), SignableBody::empty())
        .map_err(sign_fault)?;
    let (instructions, _) = sign(request, &params).map_err(sign_fault)?.into_parts();
    let (headers, _) = instructions.into_parts();
    headers
        .iter()
        .map(|header| {
            let mut value = HeaderValue::from_str(header.value())
                .map_err(|_| fault(format!("the header {} cannot be sent", header.name())))?;
            value.set_sensitive(header.sensitive() || header.name() == "authorization");
            Ok((HeaderName::from_static(header.name()), value))
        })
        .collect::<Result<Vec<_>, _>>()
        .map(Some)
}

#[cfg(test)]
mod tests;
