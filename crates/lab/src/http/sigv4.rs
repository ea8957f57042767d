//! Signature Version 4, from the checking side.

use std::fmt::Write as _;

use hmac::{Hmac, KeyInit, Mac};
use http::request::Parts;
use sha2::{Digest, Sha256};

/// The Authorization header of a signed request, in its parts.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) struct Authorization<'a> {
    pub(super) key_id: &'a str,
    /// As in `20261121`.
    pub(super) date: &'a str,
    pub(super) region: &'a str,
    pub(super) service: &'a str,
    /// Names in the order of the header, separated by semicolons.
    signed_headers: &'a str,
    pub(super) signature: &'a str,
}

impl<'a> Authorization<'a> {
    /// Reads the header's value; says what is missing.
    pub(super) fn parse(value: &'a str) -> Result<Self, &'static str> {
        let fields = value.strip_prefix("AWS4-HMAC-SHA256").ok_or("AWS4-HMAC-SHA256")?;
        let field = |name| {
            fields
                .split(',')
                .filter_map(|field| field.trim().split_once('='))
                .find_map(|(key, value)| (key == name).then_some(value))
                .ok_or(name)
        };
        let scope = field("Credential")?;
        let mut scope = scope.split('/');
        let (Some(key_id), Some(date), Some(region), Some(service), Some("aws4_request"), None) =
            (scope.next(), scope.next(), scope.next(), scope.next(), scope.next(), scope.next())
        else {
            return Err("Credential");
        };
        let signed_headers = field("SignedHeaders")?;
        Ok(Self { key_id, date, region, service, signed_headers, signature: field("Signature")? })
    }

    /// Whether a header was signed.
    pub(super) fn covers(&self, header: &str) -> bool {
        self.signed_headers.split(';').any(|name| name.eq_ignore_ascii_case(header))
    }

    /// The signature that this request should have. `time` is the value of `X-Amz-Date`.
    pub(super) fn expected(&self, parts: &Parts, body: &[u8], time: &str, secret: &str) -> String {
        let Self { date, region, service, .. } = self;
        let request = self.canonical_request(parts, body);
        let scope = format!("{date}/{region}/{service}/aws4_request");
        let hashed = hex(&Sha256::digest(request.as_bytes()));
        let to_sign = format!("AWS4-HMAC-SHA256\n{time}\n{scope}\n{hashed}");
        let key = [*date, *region, *service, "aws4_request"]
            .into_iter()
            .fold(format!("AWS4{secret}").into_bytes(), |key, part| hmac(&key, part));
        hex(&hmac(&key, &to_sign))
    }

    fn canonical_request(&self, parts: &Parts, body: &[u8]) -> String {
        let mut out = format!("{}\n", parts.method);
        encode(&mut out, parts.uri.path(), true);
        let _infallible = write!(out, "\n{}\n", canonical_query(parts.uri.query().unwrap_or("")));
        for name in self.signed_headers.split(';') {
            let values = parts.headers.get_all(name).iter();
            let values: Vec<_> = values.map(|v| squeezed(v.as_bytes())).collect();
            let _infallible = writeln!(out, "{name}:{}", values.join(","));
        }
        let _infallible = write!(out, "\n{}\n{}", self.signed_headers, hex(&Sha256::digest(body)));
        out
    }
}

fn hmac(key: &[u8], text: &str) -> Vec<u8> {
    // HMAC takes keys of every length.
    let Ok(mut mac) = Hmac::<Sha256>::new_from_slice(key) else { return Vec::new() };
    mac.update(text.as_bytes());
    mac.finalize().into_bytes().to_vec()
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::new(), |mut out, byte| {
        let _infallible = write!(out, "{byte:02x}");
        out
    })
}

/// A header's value without outer blanks and with inner runs of them made one.
fn squeezed(value: &[u8]) -> String {
    String::from_utf8_lossy(value).split_ascii_whitespace().collect::<Vec<_>>().join(" ")
}

/// Name and value pairs, encoded anew and sorted.
fn canonical_query(query: &str) -> String {
    let mut pairs: Vec<(String, String)> = url::form_urlencoded::parse(query.as_bytes())
        .map(|(name, value)| (encoded(&name), encoded(&value)))
        .collect();
    pairs.sort();
    let pairs: Vec<_> = pairs.iter().map(|(name, value)| format!("{name}={value}")).collect();
    pairs.join("&")
}

fn encoded(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    encode(&mut out, text, false);
    out
}

/// Percent-encodes all but the unreserved characters. A path as received is encoded once more,
/// as every service but S3 has it.
fn encode(out: &mut String, text: &str, path: bool) {
    for byte in text.bytes() {
        match byte {
            b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' => {
                out.push(char::from(byte));
            }
            b'/' if path => out.push('/'),
            _ => {
                let _infallible = write!(out, "%{byte:02X}");
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const HEADER: &str = "AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/20150830/us-east-1/service/\
        aws4_request, SignedHeaders=host;x-amz-date, \
        Signature=5fa00fa31553b73ebf1942676e86291e8372ff2a2260956d9b8aae1d763fbf31";

    fn signature(uri: &str) -> String {
        let request = http::Request::get(uri)
            .header("host", "example.amazonaws.com")
            .header("x-amz-date", "20150830T123600Z")
            .body(())
            .expect("a request");
        let parts = request.into_parts().0;
        let authorization = Authorization::parse(HEADER).expect("a header");
        let secret = "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY";
        authorization.expected(&parts, b"", "20150830T123600Z", secret)
    }

    /// The vectors of the signature's public test suite.
    #[test]
    fn signatures_of_the_public_test_suite() {
        let vanilla = "5fa00fa31553b73ebf1942676e86291e8372ff2a2260956d9b8aae1d763fbf31";
        assert_eq!(signature("/"), vanilla, "get-vanilla");
        let sorted = "b97d918cfa904a5beff61c982a1b6f458b799221646efd99d3219ec94cdf2500";
        assert_eq!(
            signature("/?Param2=value2&Param1=value1"),
            sorted,
            "get-vanilla-query-order-key-case"
        );
    }

    #[test]
    fn what_is_missing_is_named() {
        assert_eq!(Authorization::parse("Bearer x"), Err("AWS4-HMAC-SHA256"));
        assert_eq!(Authorization::parse("AWS4-HMAC-SHA256 Credential=a/b"), Err("Credential"));
        let cut = HEADER.split(", Signature").next().expect("the first part");
        assert_eq!(Authorization::parse(cut), Err("Signature"));
        assert!(Authorization::parse(HEADER).expect("a header").covers("X-Amz-Date"));
    }
}
