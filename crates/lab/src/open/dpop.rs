//! Proofs of possession: that a request comes from whoever holds a key. RFC 9449.

use aws_lc_rs::signature::{ECDSA_P256_SHA256_FIXED, UnparsedPublicKey};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::Deserialize;
use serde::de::DeserializeOwned;

#[derive(Deserialize)]
struct Head {
    typ: String,
    alg: String,
    jwk: Jwk,
}

#[derive(Deserialize)]
struct Jwk {
    kty: String,
    crv: String,
    x: String,
    y: String,
}

#[derive(Deserialize)]
struct Body {
    jti: String,
    htm: String,
    htu: String,
    iat: i64,
}

/// A proof whose signature is good.
pub(super) struct Proof {
    pub(super) id: String,
    /// Since the Unix epoch, in seconds.
    pub(super) issued: i64,
    /// The key it was made with: a point of P-256.
    pub(super) key: Vec<u8>,
}

/// Checks a proof of a POST to a URL; `None` when it is none.
pub(super) fn check(proof: &str, url: &str) -> Option<Proof> {
    let (text, signature) = proof.rsplit_once('.')?;
    let (head, body) = text.split_once('.')?;
    let (head, body): (Head, Body) = (decode(head)?, decode(body)?);
    let Head { typ, alg, jwk } = head;
    let known = typ == "dpop+jwt" && alg == "ES256" && jwk.kty == "EC" && jwk.crv == "P-256";
    if !known || body.htm != "POST" || body.htu != url {
        return None;
    }
    let (x, y) = (bytes(&jwk.x)?, bytes(&jwk.y)?);
    let key = [&[4][..], &x, &y].concat();
    let public = UnparsedPublicKey::new(&ECDSA_P256_SHA256_FIXED, &key);
    public.verify(text.as_bytes(), &bytes(signature)?).ok()?;
    Some(Proof { id: body.jti, issued: body.iat, key })
}

fn bytes(text: &str) -> Option<Vec<u8>> {
    URL_SAFE_NO_PAD.decode(text).ok()
}

fn decode<T: DeserializeOwned>(text: &str) -> Option<T> {
    serde_json::from_slice(&bytes(text)?).ok()
}
