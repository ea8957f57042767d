//! What credentials must be, checked before they are used.

use serde_json::json;

use crate::common::identity::Home;
use crate::common::lab::Lab;

#[test]
fn refused_credentials_make_no_call_but_who_they_are() {
    let lab = Lab::builder().start();
    let ann = lab.user("ann", &[]);
    let home = Home::new(
        &lab,
        &format!(
            "[default]\naws_access_key_id = {}\naws_secret_access_key = {}\n",
            ann.key, ann.secret
        ),
    );
    for (demand, word) in [
        ("--require-mfa", "MFA"),
        ("--require-mfa=1h", "MFA"),
        ("--allow-credentials=sso,role", "keys"),
        ("--account=4444-5555-6666", "444455556666"),
    ] {
        for command in [&["whoami"][..], &["list"], &["connect", "--target", "rds:orders"]] {
            let stderr = home.refused(5, &[command, &[demand]].concat());
            assert!(stderr.contains(word), "{demand}: {stderr}");
        }
    }
    let calls = lab.state()["api_calls"].clone();
    let others = calls.as_object().expect("an object").keys();
    let others: Vec<_> = others.filter(|name| *name != "GetCallerIdentity").collect();
    assert!(others.is_empty(), "{calls}");
    let identity = home.whoami(&["--allow-credentials=keys", "--account", "111122223333"]);
    assert_eq!(identity["arn"], json!(ann.arn));
}
