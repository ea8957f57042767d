//! Calls that the tests make themselves, signed as the lab's first key.
//!
//! <https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_sigv-create-signed-request.html>

use std::fmt::Write as _;

use hmac::{Hmac, KeyInit as _, Mac as _};
use sha2::{Digest as _, Sha256};

use super::http;
use super::lab::Lab;

impl Lab {
    /// Calls an action of IAM, which is done.
    pub(crate) fn iam(&self, action: &str, parameters: &[(&str, &str)]) {
        let mut form = format!("Action={action}&Version=2010-05-08");
        for (name, value) in parameters {
            write!(form, "&{name}={value}").expect("a string takes everything");
        }
        let time = jiff::Timestamp::now().strftime("%Y%m%dT%H%M%SZ").to_string();
        let date = &time[..8];
        let signed = "host;x-amz-date";
        let hashed = hex(&Sha256::digest(form.as_bytes()));
        let address = self.address();
        let request = format!("POST\n/\n\nhost:{address}\nx-amz-date:{time}\n\n{signed}\n{hashed}");
        let scope = format!("{date}/us-east-1/iam/aws4_request");
        let hashed = hex(&Sha256::digest(request.as_bytes()));
        let to_sign = format!("AWS4-HMAC-SHA256\n{time}\n{scope}\n{hashed}");
        let (id, secret) = self.keys();
        let key = [date, "us-east-1", "iam", "aws4_request"]
            .into_iter()
            .fold(format!("AWS4{secret}").into_bytes(), |key, part| hmac(&key, part));
        let signature = hex(&hmac(&key, &to_sign));
        let authorization = format!(
            "AWS4-HMAC-SHA256 Credential={id}/{scope}, SignedHeaders={signed}, Signature={signature}"
        );
        let headers = [
            ("Content-Type", "application/x-www-form-urlencoded"),
            ("X-Amz-Date", time.as_str()),
            ("Authorization", &authorization),
        ];
        let answer = http::request(address, "POST", "/", &headers, &form).expect("an answer");
        assert_eq!(answer.status, 200, "{form}: {}", answer.body);
    }
}

fn hmac(key: &[u8], text: &str) -> Vec<u8> {
    let mut mac = Hmac::<Sha256>::new_from_slice(key).expect("any length");
    mac.update(text.as_bytes());
    mac.finalize().into_bytes().to_vec()
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::new(), |mut out, byte| {
        write!(out, "{byte:02x}").expect("a string takes everything");
        out
    })
}
