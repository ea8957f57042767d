use std::time::Duration;

use super::*;
use crate::fake::fixed;

/// 2023-11-14T22:13:20Z.
fn at() -> SystemTime {
    SystemTime::UNIX_EPOCH + Duration::from_secs(1_700_000_000)
}

async fn signed(url: &str) -> Option<Vec<(HeaderName, HeaderValue)>> {
    let aws = fixed("http://127.0.0.1:9").await;
    sign_websocket_upgrade(&aws, url, at()).await.unwrap()
}

fn value<'a>(headers: &'a [(HeaderName, HeaderValue)], name: &str) -> &'a str {
    headers.iter().find(|(n, _)| n.as_str() == name).unwrap().1.to_str().unwrap()
}

/// The signature was computed apart from the signer, after the steps of the `SigV4` reference.
#[tokio::test]
async fn the_upgrade_is_signed_over_host_and_date_for_ssmmessages() {
    let url = "ws://127.0.0.1:8080/v1/data-channel/adit-lab-0123456789abcdef0?role=publish_subscribe&cell-number=AAAA%2BBBB%3D";
    let headers = signed(url).await.unwrap();
    assert_eq!(headers.len(), 2);
    assert_eq!(value(&headers, "x-amz-date"), "20231114T221320Z");
    assert_eq!(
        value(&headers, "authorization"),
        "AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/20231114/eu-west-1/ssmmessages/aws4_request, \
         SignedHeaders=host;x-amz-date, \
         Signature=341b82c7ac59ef2569d277239f9cde9ef09514357c3a59ff6765dc7d2a265715"
    );
}

#[tokio::test]
async fn signed_headers_are_marked_sensitive() {
    let headers = signed("wss://ssmmessages.eu-west-1.amazonaws.com/v1/data-channel/s").await;
    let headers = headers.unwrap();
    let authorization = headers.iter().find(|(name, _)| name == "authorization").unwrap();
    assert!(authorization.1.is_sensitive());
}

#[tokio::test]
async fn a_url_that_carries_a_signature_is_left_alone() {
    for parameter in PRESIGNED {
        let url = format!("wss://gateway/v1/data-channel/s?role=x&{parameter}=1");
        assert!(signed(&url).await.is_none(), "{parameter}");
    }
    assert!(signed("wss://gateway/v1/data-channel/s?role=x-amz-date").await.is_some());
}

#[tokio::test]
async fn what_is_no_url_is_refused_without_being_repeated() {
    let aws = fixed("http://127.0.0.1:9").await;
    let error = sign_websocket_upgrade(&aws, "no url", at()).await.unwrap_err();
    assert_eq!(error.kind, AwsErrorKind::Internal);
}
